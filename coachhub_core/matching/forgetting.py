"""
The file of a model, written again without the people who were erased.

Its manifest says so: ``forgot`` has the ``model_id`` it was trained as, by which it is known still, since nobody
else's list changes, and when the first of them was erased, since what was learned from them is in the rest until it is
trained anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter, get_table, put_table
from coachhub_core.matching.hosted import Hosted
from coachhub_core.matching.manifest import facts_of
from coachhub_core.matching.tables import CoachTable
from coachhub_core.ports.matcher import Forgetful, MatcherOffer

_COACHES = "coaches"  # where CoachMatcher.save puts its snapshot


@attrs.frozen(kw_only=True)
class Forgot:
    """What became of a file."""

    n_people: int  #: who were in it
    since: datetime | None  #: when the first was erased of all whom it has ever forgotten
    can_forget: bool = True


def forget(path: Path, erased: Mapping[str, datetime], offer_of: Callable[[str], MatcherOffer]) -> Forgot:
    """
    Leave nothing of people in a model's file, in one step; who reads the former file at that moment reads it whole.

    Args:
        erased: Ids, and when each was erased.
        offer_of: Gives the offer of the matcher that made it, by name.
    Raises:
        ArtefactError: If it is no model, or cannot be written.
        PluginError: If nobody offers its matcher.
    """
    read = _state(path)
    source = ZipArtefactReader.open(path)
    name = str(source.manifest.get("matcher"))
    hosted = Hosted.of(name, offer_of(name), source)
    before = forgot_of(source.manifest)
    table = get_table(source, _COACHES, CoachTable) if f"{_COACHES}/table" in source.names else None
    named = frozenset() if table is None else frozenset(erased).intersection(table.ids)
    if not isinstance(hosted.matcher, Forgetful):
        return Forgot(n_people=0, since=before, can_forget=False)
    found = frozenset(erased).intersection(hosted.matcher.people) | named
    if not found:
        return Forgot(n_people=0, since=before)
    out = ZipArtefactWriter()
    hosted.matcher.without(found).save(out)
    if table is not None:
        put_table(out, _COACHES, table.take([row for row, id_ in enumerate(table.ids) if id_ not in named]))
    since = min(at for at in (before, *(erased[id_] for id_ in found)) if at is not None)
    facts = {**facts_of(source.manifest), "forgot": {"of": hosted.model_id, "since": since.isoformat()}}
    made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        out.write(made, **facts)
        shutil.copymode(path, made)
        if _state(path) != read:
            raise ArtefactError(reason=f"{path}: another model was written meanwhile")
        os.replace(made, path)
    except OSError as exc:
        raise ArtefactError(reason=f"{path}: cannot be written: {exc.strerror}") from exc
    finally:
        made.unlink(missing_ok=True)
    return Forgot(n_people=len(found), since=since)


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:  # opening it says so
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def forgot_of(manifest: Mapping[str, Any]) -> datetime | None:
    """Read off a manifest since when somebody it was trained on is erased; None where nobody is known to be."""
    forgot = manifest.get("forgot")
    try:
        return None if forgot is None else datetime.fromisoformat(forgot["since"])
    except (KeyError, TypeError, ValueError) as exc:
        raise ArtefactError(reason="the manifest does not say as it should what was forgotten") from exc
