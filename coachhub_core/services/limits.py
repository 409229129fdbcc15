"""How often: limits of logins, registrations and dear operations, over the counters port."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from coachhub_core.config import Limits
from coachhub_core.errors import RateLimited
from coachhub_core.ports.rate_counters import RateCounters

_MINUTE: Final = 60.0
_FAILED_WINDOW: Final = 300.0
_ROW_WINDOW: Final = 86_400.0
_ROW_OF_FAILURES: Final = 100  # in a row, before an account's wait grows
_LONGEST_WAIT: Final = 900.0
_GROWING_WAITS: Final = ((5, 60.0), (10, 300.0))  # failures beyond the row, and the seconds between two tries


class Throttle:
    """Counts, and refuses with the time to come back. A limit of 0 is switched off."""

    def __init__(self, counters: RateCounters, limits: Limits) -> None:
        self._counters = counters
        self._limits = limits

    def _take(self, key: str, limit: int, window: float = _MINUTE, *, cost: int = 1) -> None:
        if limit == 0:
            return
        hit = self._counters.hit(key, limit=limit, window_seconds=window, cost=cost)
        if not hit.is_allowed:
            raise RateLimited(retry_after_seconds=min(hit.retry_after_seconds, _LONGEST_WAIT))

    def register(self, source: str) -> None:
        """Count a registration from *source*."""
        self._take(f"register:{source}", self._limits.register)

    def login(self, source: str) -> None:
        """Count a login from *source*."""
        self._take(f"login:{source}", self._limits.login)

    def guess(self, source: str, email_key: str) -> None:
        """
        Count a password that is about to be tried; :meth:`login_succeeded` takes it back.

        It is counted before, since sixty that come at once would all be let in by a count of what failed so far.

        Where the owner logged in from *source* lately, only that source's own
        failures count, so nobody locks the owner out.
        """
        failed = self._limits.failed_login
        if not failed:
            return
        is_known = self.is_known_source(source, email_key)
        self._take(f"failed:{email_key}:{source}", failed, _FAILED_WINDOW)
        if not is_known:
            self._row(email_key, max(_ROW_OF_FAILURES, failed))

    def _row(self, email_key: str, row: int) -> None:
        """Let *row* failures pass; then one each minute, and ever fewer, down to one in fifteen minutes."""
        key = f"failed:{email_key}"
        if self._counters.hit(key, limit=row, window_seconds=_ROW_WINDOW).is_allowed:
            return
        window = next(
            (
                wait
                for more, wait in _GROWING_WAITS
                if self._counters.hit(key, limit=row + more, window_seconds=_ROW_WINDOW, cost=0).is_allowed
            ),
            _LONGEST_WAIT,
        )
        self._take(f"wait:{email_key}", 1, window)
        self._counters.hit(key, limit=row + _GROWING_WAITS[-1][0], window_seconds=_ROW_WINDOW)

    def login_succeeded(self, source: str, email_key: str) -> None:
        """Forget the failures of the row, and remember the source as the owner's."""
        if self._limits.failed_login:
            for key in (f"failed:{email_key}", f"failed:{email_key}:{source}", f"wait:{email_key}"):
                self._counters.forget(key)
            self._counters.hit(f"owner:{email_key}:{source}", limit=1, window_seconds=_ROW_WINDOW * 30)

    def is_known_source(self, source: str, email_key: str) -> bool:
        """Say whether the owner logged in from *source* lately."""
        asked = self._counters.hit(f"owner:{email_key}:{source}", limit=1, window_seconds=_ROW_WINDOW * 30, cost=0)
        return not asked.is_allowed

    def password(self, account_id: UUID) -> None:
        """Count an attempt to change a password or to do what needs it again."""
        self._take(f"password:{account_id}", self._limits.password)

    def costly(self, account_id: UUID, what: str) -> None:
        """Count a dear operation of an account: suggestions, search, exports."""
        self._take(f"costly:{what}:{account_id}", self._limits.costly)
