"""
Who was erased, kept beside the backups.

A backup knows the erasures up to its own moment. This list knows all of them up
to the newest backup, so that a person who was erased does not come back with an
older one. It holds ids and instants, no name and no address. Each line covers
the one before, so a line that was changed or taken out of the middle is found.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Erasure
from coachhub_core.errors import BackupError

NAME: Final = "erasures.jsonl"


@attrs.frozen(kw_only=True)
class Entry:
    """One erased account."""

    account_id: UUID
    at: datetime


def read(file: Path) -> tuple[Entry, ...]:
    """
    Return the entries of *file*, oldest first; none if there is no such file.

    Raises:
        BackupError: If a line is damaged or one is missing before it.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as exc:
        raise BackupError(reason=f"the list of erasures {file} cannot be read: {exc}") from exc
    found = []
    before = ""
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            entry = Entry(account_id=UUID(said["account_id"]), at=datetime.fromisoformat(said["at"]))
            if said["sha256"] != _link(before, entry):
                raise ValueError
            before = said["sha256"]
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BackupError(reason=f"the list of erasures {file} is damaged at line {number}") from exc
        found.append(entry)
    return tuple(found)


def extend(file: Path, chain: Iterable[Erasure]) -> int:
    """
    Add to *file* the erasures it does not have; return how many.

    The file is replaced whole, so that a power cut leaves the old or the new one.

    Raises:
        BackupError: If it is damaged, or cannot be written.
    """
    kept = read(file)
    there = {entry.account_id for entry in kept}
    # an account stands in the chain twice after a restore erased it again
    fresh = {e.account_id: Entry(account_id=e.account_id, at=e.at) for e in chain if e.account_id not in there}
    if not fresh:
        return 0
    lines, before = [], ""
    for entry in (*kept, *fresh.values()):
        before = _link(before, entry)
        said = {"account_id": str(entry.account_id), "at": entry.at.isoformat(), "sha256": before}
        lines.append(json.dumps(said, sort_keys=True) + "\n")
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise BackupError(reason=f"the list of erasures {file} cannot be written: {exc.strerror}") from exc
    return len(fresh)


def _link(before: str, entry: Entry) -> str:
    return hashlib.sha256(f"{before}\n{entry.account_id}\n{entry.at.isoformat()}".encode()).hexdigest()
