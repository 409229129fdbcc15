"""
Lets a training that was ended go on when the same command is given again.

What it began with and the stages it finished lie in a folder beside the artefact, until that is written or the
training comes to an end of its own. The log and the tables are kept too, and not read again: a hub lives on, and the
model is to be the one that the training would have made had nobody ended it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import attrs
import click

from coachhub_core.bootstrap import CoachHub
from coachhub_core.config import Settings
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.kept_input import input_file, keep_input, kept_input
from coachhub_core.matching.stages import KEEP, FileStages, clear, folder_of
from coachhub_core.services.training import TrainingData


def _tell(line: str) -> None:
    click.echo(line, err=True)


@attrs.frozen(kw_only=True)
class Resuming:
    """One training of the command, and what was kept of it."""

    folder: Path
    asked: str  # the options and settings it depends on, as one hash
    consent: tuple[str, ...]

    @classmethod
    def of(
        cls,
        settings: Settings,
        target: Path,
        *,
        matcher: str,
        since: datetime | None,
        seed: int,
        prior: str | None = None,
    ) -> Resuming:
        """
        Say which training this is: one of the same settings and options goes on, whatever its deadline.

        Args:
            prior: The model_id of what it leans on.
        """
        chosen = settings.matching
        where = [settings.database.url, settings.database.host, settings.database.name, str(settings.data)]
        how = [sorted(chosen.features), sorted(chosen.sensitive_columns)]
        said = json.dumps([matcher, None if since is None else since.isoformat(), seed, where, how, prior])
        asked = hashlib.sha256(said.encode()).hexdigest()
        return cls(folder=folder_of(target), asked=asked, consent=chosen.sensitive_columns)

    def data(self, hub: CoachHub, read: Callable[[], TrainingData]) -> TrainingData:
        """Give what the training began with, or begin: *read* what there is now and keep that."""
        found = self._kept(hub)
        if found is not None:
            return found
        clear(self.folder)
        at = hub.clock()
        made = read()
        try:
            self.folder.mkdir(mode=0o700, parents=True)
            keep_input(
                self._input,
                made.log,
                made.coaches,
                made.trainees,
                {"asked": self.asked, "at": at.isoformat()},
                consent=self.consent,
            )
        except (OSError, ArtefactError) as exc:
            _tell(f"{self._input}: cannot be kept, so this training cannot go on if it is ended: {exc}")
        return made

    def stages(self, part: str = "") -> Callable[[str], FileStages]:
        """Give what keeps the stages, of learning itself or of a *part* that learns for itself."""
        return lambda of: FileStages(self.folder / part if part else self.folder, of, _tell)

    def done(self) -> None:
        """Leave nothing behind: the model is written, or there will be none."""
        clear(self.folder)

    @property
    def _input(self) -> Path:
        return input_file(self.folder)

    def _kept(self, hub: CoachHub) -> TrainingData | None:
        if not self._input.exists():
            return None
        try:
            found = kept_input(self._input)
            at = datetime.fromisoformat(found.facts["at"])
        except ArtefactError as exc:
            _tell(f"{exc.reason}: the training begins anew")
            return None
        if found.facts["asked"] != self.asked:
            _tell("a training with other settings or options was ended here: this one begins anew")
            return None
        if hub.clock() - at > KEEP:
            _tell(f"a training was ended here that began at {at:%Y-%m-%d %H:%M}: too long ago, it begins anew")
            return None
        with hub.storage.begin(read_only=True) as work:
            erased = work.erasures.last()
        if erased is not None and erased.at >= at:
            _tell("somebody was erased since the training began that was ended here: it begins anew")
            return None
        _tell(f"going on with the training that began at {at:%Y-%m-%d %H:%M} UTC, and with the log of that moment")
        return TrainingData(found.log, found.coaches, found.trainees)
