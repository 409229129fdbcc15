"""
What a training has finished, kept in a folder beside the artefact until that is saved.

A file for each stage, written in one step, in the form of an artefact: any bit that differs is found, and nothing
in it can be executed. Each says which input it was made of; what was made of another one is never used. A file that
cannot be used costs its stage, and one that cannot be written costs nothing but the way back to it: the training
itself goes on in any case.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import struct
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.artefact import FORMAT, MAJOR, ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import ArtefactWriter

KEEP = timedelta(days=7)  #: what a training that was ended needs to go on; later the hub it learned from is gone
_ENDING = ".stage"


def input_of(
    matcher: str,
    version: str,
    log: OutcomeLog,
    coaches: CoachTable,
    trainees: TraineeTable,
    *,
    seed: int,
    pairs: Mapping[str, tuple[str, str]] | None = None,
    prior: str | None = None,
) -> str:
    """
    Stand for all that a training depends on: sha256 in hex. Which libraries a matcher uses is its own to check.

    Args:
        version: Of the matcher's offer.
        coaches: What the matcher sees of them, and no column more; *trainees* likewise.
        prior: The model_id of the prior that was given.
    """
    programs = [f"{FORMAT}/{MAJOR}", np.__version__, platform.python_version(), platform.machine()]
    of = [matcher, version, log.content_hash, coaches.content_hash, trainees.content_hash, seed, prior]
    said = json.dumps([programs, of, sorted((pairs or {}).items())])
    return hashlib.sha256(said.encode()).hexdigest()


class FileStages:
    """Keeps the stages of one training; see :class:`~coachhub_core.ports.matcher.Stages`."""

    def __init__(self, folder: Path, of: str, tell: Callable[[str], None]) -> None:
        """
        Look what is there.

        Args:
            of: What :func:`input_of` says of the training.
            tell: Is given a line about what was found, and about what cannot be used.
        """
        self._folder, self._of, self._tell = folder, of, tell
        found = sorted(path.name for path in folder.glob(f"*{_ENDING}")) if folder.is_dir() else []
        mine = [name for name in found if name.startswith(self._prefix)]
        if len(found) > len(mine):
            tell("another training was ended here, of another input: this one begins anew")
            for name in sorted({*found} - {*mine}):
                (folder / name).unlink(missing_ok=True)
        if mine:
            tell(f"a training of the same input was ended here: it goes on, {len(mine)} stages are done")

    @property
    def _prefix(self) -> str:
        return f"{self._of[:16]}-"

    def _path(self, name: str) -> Path:
        return self._folder / f"{self._prefix}{name.replace('/', '.')}{_ENDING}"

    def kept(self, name: str) -> ZipArtefactReader | None:
        """Give what was kept of a stage; None, with a line, where it cannot be used."""
        path = self._path(name)
        if not path.exists():
            return None
        try:
            found = ZipArtefactReader.open(path)
        except ArtefactError as exc:
            self._tell(f"{exc.reason}: done again")
            return None
        if (found.manifest.get("of"), found.manifest.get("stage")) != (self._of, name):
            self._tell(f"{path}: is not this stage of this training: done again")
            return None
        return found

    def keep(self, name: str, save: Callable[[ArtefactWriter], None]) -> None:
        """Keep a finished stage in one step."""
        out = ZipArtefactWriter()
        save(out)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it tells of people: nobody else reads it
            out.write(self._path(name), stage=name, of=self._of)
        except (OSError, ArtefactError, struct.error) as exc:  # no room, or too large for a file of this kind
            self._tell(f"{self._path(name)}: cannot be kept: {exc}")


def folder_of(artefact: Path) -> Path:
    """Name the folder in which a training of this artefact keeps what it has finished."""
    return artefact.with_name(f"{artefact.name}.training")


def clear(folder: Path) -> None:
    """Leave nothing of a training behind."""
    shutil.rmtree(folder, ignore_errors=True)
