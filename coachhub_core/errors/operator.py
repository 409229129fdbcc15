"""What no caller meets: matchers, and starts and restores that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from coachhub_core.errors.base import CoachHubError


@attrs.define(kw_only=True)
class MatcherError(CoachHubError):
    """Raised by a matcher that cannot answer: the only error a matcher may raise."""

    code: ClassVar[str] = "matcher.failed"
    reason: str
    is_retryable: bool = False

    def __str__(self) -> str:
        return self.reason


@attrs.define(kw_only=True)
class MatcherTimeout(MatcherError):
    """Raised by a matcher whose deadline is over."""

    code: ClassVar[str] = "matcher.timeout"
    reason: str = "the matcher's deadline is over"
    is_retryable: bool = True


@attrs.define(kw_only=True)
class MatcherFault(MatcherError):
    """Raised by the host when a matcher's answer breaks its contract."""

    code: ClassVar[str] = "matcher.fault"


@attrs.define(kw_only=True)
class ArtefactError(MatcherError):
    """Raised when a model file is damaged, of another format, or not a model at all."""

    code: ClassVar[str] = "matcher.artefact"


@attrs.define(kw_only=True)
class SettingsError(CoachHubError):
    """Raised when settings are wrong; names each one, never a secret's value."""

    code: ClassVar[str] = "settings"
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.problems)

    @classmethod
    def of(cls, problems: Sequence[str]) -> SettingsError:
        """Build from any sequence of sentences."""
        return cls(problems=tuple(problems))


@attrs.define(kw_only=True)
class PluginError(CoachHubError):
    """Raised when plugins contradict each other, or a chosen name is offered by none."""

    code: ClassVar[str] = "plugin"
    reason: str

    def __str__(self) -> str:
        return self.reason


@attrs.define(kw_only=True)
class BackupError(CoachHubError):
    """Raised when a backup is damaged, or cannot be restored where it was asked to be."""

    code: ClassVar[str] = "backup.checksum"
    reason: str

    def __str__(self) -> str:
        return self.reason
