"""Where the tree begins."""

from __future__ import annotations

from typing import ClassVar


class CoachHubError(Exception):
    """The root: catch it to catch everything CoachHub raises on purpose."""

    code: ClassVar[str] = "internal"


class Refusal(CoachHubError):
    """What a caller asked cannot be granted; the sentence is meant for them."""
