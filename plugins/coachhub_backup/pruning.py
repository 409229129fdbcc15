"""Which backups to keep: the newest of each of the last days and of each of the last months."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from coachhub_core.domain.backups import BackupView

_WHOLE: Final = ("done", "verified")


def superfluous(backups: Iterable[BackupView], *, daily: int, monthly: int) -> tuple[BackupView, ...]:
    """
    Return the backups that may go, newest first; each kind is looked at for itself.

    Kept are the newest one of each of the last *daily* days and of each of the
    last *monthly* months that have one (in UTC); always the newest one of all,
    and the newest one that was read back. What is running or failed has no file
    to take away, and is never in the answer.
    """
    whole = sorted((b for b in backups if b.state in _WHOLE), key=lambda b: (b.created_at, b.id), reverse=True)
    going = []
    for kind in {b.kind for b in whole}:
        of_kind = [b for b in whole if b.kind == kind]
        kept = {b.id for b in (*of_kind[:1], *[b for b in of_kind if b.state == "verified"][:1])}
        kept |= {b.id for b in _newest_of_each(of_kind, lambda at: (at.year, at.month, at.day), daily)}
        kept |= {b.id for b in _newest_of_each(of_kind, lambda at: (at.year, at.month), monthly)}
        going += [b for b in of_kind if b.id not in kept]
    return tuple(sorted(going, key=lambda b: (b.created_at, b.id), reverse=True))


def _newest_of_each(
    newest_first: Sequence[BackupView], period: Callable[[datetime], tuple[int, ...]], n: int
) -> list[BackupView]:
    first: dict[tuple[int, ...], BackupView] = {}
    for backup in newest_first:
        first.setdefault(period(backup.created_at), backup)
    return list(first.values())[:n]
