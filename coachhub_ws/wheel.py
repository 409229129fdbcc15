"""
Deadlines of everybody, on one timer of the event loop.

A task or a timer per connection would be thousands of them; here a deadline is
an entry in a slot of a tenth of a second, and the loop is woken once per slot
that holds any.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

SLOT_SECONDS: Final = 0.1


class Deadline:
    """Something that will happen unless it is cancelled."""

    __slots__ = ("_action", "_slot")

    def __init__(self, action: Callable[[], None], slot: set[Deadline]) -> None:
        self._action: Callable[[], None] | None = action
        self._slot = slot
        slot.add(self)

    def cancel(self) -> None:
        """Let it not happen; cancelling twice, or too late, is harmless."""
        self._slot.discard(self)
        self._action = None  # lets go of whatever it would have acted on

    def _happen(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()


class Wheel:
    """Runs actions after some time, never early and at most a slot late. For one event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, set[Deadline]] = {}
        self._due: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def after(self, seconds: float, action: Callable[[], None]) -> Deadline:
        """Run *action* in *seconds*."""
        number = math.ceil((self._loop.time() + seconds) / SLOT_SECONDS)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = set()
            heapq.heappush(self._due, number)
            if self._due[0] == number and not self._is_closed:
                self._arm()
        return Deadline(action, slot)

    def close(self) -> None:
        """Let nothing happen any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._slots.clear()
        self._due.clear()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due[0] * SLOT_SECONDS, self._turn)

    def _turn(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._due and self._due[0] * SLOT_SECONDS <= now + 0.001:
            slot = self._slots.pop(heapq.heappop(self._due))
            for deadline in list(slot):
                if deadline in slot:  # an earlier one may have cancelled it
                    self._run(deadline)
        if self._due and not self._is_closed:
            self._arm()

    def _run(self, deadline: Deadline) -> None:
        try:
            deadline._happen()
        except Exception:  # one action's fault must not stop everybody's clock
            log.exception("a deadline's action failed")
