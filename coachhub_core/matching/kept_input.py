"""
What a training learns from, kept in one file: a hub lives on, and a training that goes on needs what it began with.

The file is an artefact of its own kind; it holds what people wrote, so it lies where the stages of the training do,
for its user alone, and goes with them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter, get_table, put_table
from coachhub_core.matching.columns import frozen_array
from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.tables import CoachTable, TraineeTable

_TEXTS = ("trainee", "coach", "event", "shown_with")
_NUMBERS = {"at": np.int64, "value": np.float32, "position": np.int32, "propensity": np.float32}


@attrs.frozen(eq=False)
class KeptInput:
    """A log and both tables, with what was said of them."""

    log: OutcomeLog
    coaches: CoachTable
    trainees: TraineeTable
    facts: Mapping[str, Any]


def keep_input(
    path: Path,
    log: OutcomeLog,
    coaches: CoachTable,
    trainees: TraineeTable,
    facts: Mapping[str, Any],
    *,
    consent: Collection[str] = (),
) -> None:
    """
    Write them as one file, in one step.

    Args:
        facts: JSON, given back as it is.
        consent: Sensitive columns that are learned from, by name; no others are kept.
    """
    out = ZipArtefactWriter()
    put_table(out, "coaches", coaches, consent=consent)
    put_table(out, "trainees", trainees, consent=consent)
    out.put_json("log", {"steps": {step: list(events) for step, events in log.steps.items()}})
    for name in _TEXTS:
        texts = getattr(log, name)
        place = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        out.put_json(f"log/{name}", list(place))
        out.put_array(f"log/{name}", np.array([place[text] for text in texts], np.int32))
    for name in _NUMBERS:
        out.put_array(f"log/{name}", getattr(log, name))
    out.write(path, facts=dict(facts))


def input_file(folder: Path) -> Path:
    """Name the file in a training's folder."""
    return folder / "input.zip"


def begun_at(folder: Path) -> datetime:
    """
    Say when the training began whose folder this is, as the fact ``at`` has it.

    Raises:
        ArtefactError: If it cannot be told.
    """
    try:
        return datetime.fromisoformat(ZipArtefactReader.open(input_file(folder)).manifest["facts"]["at"])
    except (KeyError, TypeError, ValueError) as exc:
        raise ArtefactError(reason=f"{folder}: does not say when the training began") from exc


def kept_input(path: Path) -> KeptInput:
    """
    Read them again.

    Raises:
        ArtefactError: If the file is damaged, or something else.
    """
    source = ZipArtefactReader.open(path)
    try:
        texts: dict[str, Any] = {}
        for name in _TEXTS:
            known = source.json(f"log/{name}")
            texts[name] = tuple(known[at] for at in source.array(f"log/{name}").tolist())
        numbers: dict[str, Any] = {
            name: frozen_array(source.array(f"log/{name}"), kind) for name, kind in _NUMBERS.items()
        }
        steps = {step: tuple(events) for step, events in source.json("log")["steps"].items()}
        return KeptInput(
            OutcomeLog(**texts, **numbers, steps=steps),
            get_table(source, "coaches", CoachTable),
            get_table(source, "trainees", TraineeTable),
            source.manifest["facts"],
        )
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise ArtefactError(reason=f"{path}: this is not what a training began with") from exc
