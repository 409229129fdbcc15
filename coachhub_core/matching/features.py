"""
Plugins' blocks of columns, filled in without waiting for one that hangs.

A missing column is legal for every matcher; a plugin that fails, or does not come
back, must be nobody's reason to wait. So a block is asked on threads of its own,
and where it is late its columns are left out, as where it fails. Both threads of
a block stuck at once, and it is not asked again until the process restarts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from coachhub_core.matching.columns import Column
from coachhub_core.matching.runner import NotDone, Runner, Wait
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import FeatureBlock

_log = logging.getLogger("coachhub.matching")

AnyTable = TypeVar("AnyTable", CoachTable, TraineeTable)


class Features:
    """The chosen blocks, in their order."""

    def __init__(
        self,
        blocks: Sequence[FeatureBlock] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait = threading.Event.wait,
    ) -> None:
        self._blocks = [(block, Runner(wait=wait)) for block in blocks]
        self._clock = clock

    def fill(self, table: AnyTable, timeout_seconds: float | None = None) -> AnyTable:
        """
        Give the table with the columns of the blocks of its side.

        Args:
            timeout_seconds: For all blocks together. None: as long as they take, on the caller's thread.
        """
        side = "coaches" if isinstance(table, CoachTable) else "trainees"
        until = None if timeout_seconds is None else self._clock() + timeout_seconds
        for block, runner in self._blocks:
            if block.side != side:
                continue
            try:
                table = table.with_columns(**self._columns(block, runner, table, until))
            except NotDone:
                _log.warning("the features %s are late and are left out", _names(block))
            except (Exception, SystemExit) as exc:  # whatever a plugin raises
                _log.warning("the features %s failed and are left out: %r", _names(block), exc)
        return table

    def _columns(
        self, block: FeatureBlock, runner: Runner, table: CoachTable | TraineeTable, until: float | None
    ) -> Mapping[str, Column]:
        if until is None:
            return block.fill(table)
        left = until - self._clock()
        if runner.is_lost or left <= 0:
            raise NotDone(was_started=False)
        found: Mapping[str, Column] = runner.run(lambda: block.fill(table), left)
        return found

    def close(self) -> None:
        """Let the threads end."""
        for _, runner in self._blocks:
            runner.close()


def _names(block: FeatureBlock) -> str:
    return ", ".join(sorted(block.kinds))
