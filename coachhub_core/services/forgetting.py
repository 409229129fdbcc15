"""
Leaves nothing of who was erased in the files of models, within minutes of the erasure; a worker does it.

The files are those the settings name, what a training writes by default, and what each was before. A server that runs
takes the file anew when it is asked next (:mod:`coachhub_core.matching.renewing`); a shadow is opened once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from coachhub_core.config import Settings
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.forgetting import Forgot, forget
from coachhub_core.matching.kept_input import begun_at, input_file
from coachhub_core.matching.stages import KEEP, clear, folder_of
from coachhub_core.ports.matcher import MatcherOffer
from coachhub_core.services.units import Context

log = logging.getLogger("coachhub.forgetting")

LOOK: Final = timedelta(minutes=1)  #: between two looks whether anything is to be forgotten
AGAIN: Final = timedelta(hours=1)  #: after which a file that could not be opened or written is tried again
TRAIN_WITHIN: Final = timedelta(days=30)  #: of an erasure: what was learned from somebody goes with the next training
_TELL: Final = timedelta(days=1)

_Seen = tuple[object, ...]


def model_files(settings: Settings) -> tuple[Path, ...]:
    """Name the files in which there may be a model, each with what was there before."""
    chosen = settings.matching
    named = [Path(name) for name in (chosen.artefact, chosen.shadow) if name]
    if settings.data is not None:
        named.append(settings.data / "model.zip")
    return tuple(dict.fromkeys(path.absolute() for path in named))


def previous(path: Path) -> Path:
    """Name the file that holds what was live before."""
    return path.with_name(f"{path.name}.previous")


class ForgettingWork:
    """
    Forgets, when somebody was erased, or when a model was written since.

    Args:
        offer_of: Gives the offer of a matcher by name.
    """

    def __init__(self, context: Context, offer_of: Callable[[str], MatcherOffer]) -> None:
        self._context = context
        self._offer_of = offer_of
        self._files = model_files(context.settings)
        self._next_at: datetime | None = None
        self._tell_at: datetime | None = None
        self._seen: _Seen | None = None
        self._stale: dict[Path, datetime] = {}

    def work_one(self) -> bool:
        """Look, now and then, whether anything is to be forgotten; tell whether something was."""
        now = self._context.clock()
        if not self._files or (self._next_at is not None and now < self._next_at):
            return False
        self._next_at = now + LOOK
        if not any(path.exists() for path in (*self._each(), *map(folder_of, self._files))):
            return False
        with self._context.read() as work:
            last = work.erasures.last()
            inputs = (input_file(folder_of(path)) for path in self._files)
            seen = (None if last is None else last.seq, *map(_state, self._each()), *map(_state, inputs))
            if last is None or seen == self._seen:
                self._remind(now)
                return False
            erased = {str(id): at for id, at in work.personal.erased_profiles().items()}
        found = [self._forget(path, erased) for path in self._each() if path.is_file()]
        found += [self._forget_training(path, last.at, now) for path in self._files]
        self._seen = None if any(found) or None in found else seen  # what was written is looked at once more
        if None in found:
            self._next_at = now + AGAIN
        self._remind(now)
        return any(found)

    def _each(self) -> Iterator[Path]:
        for path in self._files:
            yield from (path, previous(path))

    def _forget(self, path: Path, erased: Mapping[str, datetime]) -> bool | None:
        """Tell whether somebody was forgotten; None where it has to be tried again."""
        self._stale.pop(path, None)
        try:
            made = forget(path, erased, self._offer_of)
        except Exception as exc:  # no model at all, or one of a plugin that is gone or breaks
            log.warning("who was erased may still be in %s: %s", path, exc)
            return None
        if not made.can_forget:
            log.warning("who was erased may still be in %s: its matcher cannot forget; train it anew", path)
        if made.since is not None:
            self._stale[path] = made.since
        return _said(path, made)

    def _forget_training(self, path: Path, erased_at: datetime, now: datetime) -> bool:
        """Remove what a training that was ended has kept, where it would begin anew in any case."""
        folder = folder_of(path)
        if not folder.is_dir():
            return False
        try:
            began = begun_at(folder)
        except ArtefactError:
            began = None
        if began is not None and erased_at < began and now - began <= KEEP:
            return False
        clear(folder)
        log.info("removed %s: somebody was erased since that training began", folder)
        return True

    def _remind(self, now: datetime) -> None:
        if self._tell_at is not None and now < self._tell_at:
            return
        for path, since in self._stale.items():
            if now - since > TRAIN_WITHIN:
                self._tell_at = now + _TELL
                text = "%s was trained on people of whom the first was erased on %s: train it anew"
                log.warning(text, path, since.date())


def _state(path: Path) -> object:
    """Give what changes with a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _said(path: Path, made: Forgot) -> bool:
    if made.n_people:
        log.info("%s was written again without %s who were erased", path, made.n_people)
    return made.n_people > 0
