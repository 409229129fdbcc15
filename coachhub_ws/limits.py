"""How often: counted in this process, because asking a shared counter would cost more than the frame. 0 is no limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal
from uuid import UUID

Monotonic = Callable[[], float]
"""Seconds of a clock that never goes back."""

Verdict = Literal["ok", "over", "flood"]


class Bucket:
    """
    Frames of one connection: *rate* a second, as many at once.

    Who goes over is refused frame by frame; who goes on and takes as many again
    is flooding.
    """

    __slots__ = ("_at", "_level", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._level = rate
        self._at = now

    def take(self, now: float) -> Verdict:
        """Count one frame."""
        if self._rate == 0:
            return "ok"
        self._level = min(self._rate, self._level + (now - self._at) * self._rate) - 1
        self._at = now
        if self._level >= 0:
            return "ok"
        return "over" if self._level >= -self._rate else "flood"

    @property
    def wait_seconds(self) -> float:
        """How long until the next frame is taken."""
        return max(0.0, -self._level) / self._rate if self._rate else 0.0


class SendWindows:
    """
    Messages of each account, over all its connections: *limit* in any *seconds*.

    What is refused is not counted, so a client that waits as it is told gets in.
    """

    def __init__(self, limit: int, seconds: float, monotonic: Monotonic) -> None:
        self._limit = limit
        self._seconds = seconds
        self._monotonic = monotonic
        self._sent: dict[UUID, deque[float]] = {}

    def take(self, account_id: UUID) -> float:
        """Count one message and return 0, or return the seconds to wait."""
        if self._limit == 0:
            return 0.0
        now = self._monotonic()
        sent = self._sent.get(account_id)
        if sent is None:
            sent = self._sent[account_id] = deque()
        self._trim(sent, now)
        if len(sent) >= self._limit:
            return sent[0] + self._seconds - now
        sent.append(now)
        return 0.0

    def forget_old(self) -> None:
        """Free what no longer counts; called now and then."""
        now = self._monotonic()
        for account_id, sent in list(self._sent.items()):
            self._trim(sent, now)
            if not sent:
                del self._sent[account_id]

    def _trim(self, sent: deque[float], now: float) -> None:
        while sent and sent[0] <= now - self._seconds:
            sent.popleft()

    def __len__(self) -> int:
        return len(self._sent)
