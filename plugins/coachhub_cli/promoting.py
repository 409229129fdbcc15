"""Puts a model in the place of the live one, so that a kill at any moment leaves the one or the other."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from coachhub_core.errors import ArtefactError
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.evaluating import Evaluation


def figures_of(made: Evaluation) -> dict[str, float]:
    """Give the figures that let a model become live, as its manifest keeps them: flat names, nothing a clock said."""
    found = {"eval.n_trainees": float(made.n_trainees)}
    found |= {f"eval.ndcg_at_10.{engine}": value for engine, value in made.ndcg.items()}
    for engine, interval in made.gains.items():
        for name, value in zip(("mean", "low", "high"), interval, strict=True):
            found[f"eval.gain_over_{engine}.{name}"] = value
    for step, engines in made.calibration.items():
        found |= {f"eval.off_by.{step}.{engine}": said.error for engine, said in engines.items()}
    for engine, fair in made.fairness.items():
        found[f"eval.top_tenth_shown.{engine}"] = fair.top_tenth
        found[f"eval.coaches_shown.{engine}"] = fair.coverage
    return found


def previous(target: Path) -> Path:
    """Name the file that holds what was live before."""
    return target.with_name(f"{target.name}.previous")


def promote(model: CoachMatcher, target: Path) -> None:
    """
    Put *model* where *target* is, in one step; what was there is kept as :func:`previous`, that too in one step.

    Raises:
        ArtefactError: If it cannot be written; what was live is live still.
    """
    try:
        if target.exists():
            _keep(target, previous(target))
        model.save(target)
    except OSError as exc:
        raise ArtefactError(reason=f"{target}: cannot be written: {exc.strerror}") from exc


def _keep(target: Path, former: Path) -> None:
    made = former.with_name(f".{former.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    try:
        try:
            os.link(target, made)
        except OSError:  # not every file system has links
            shutil.copy2(target, made)
        os.replace(made, former)
    finally:
        with suppress(OSError):  # where both were one file already, replacing leaves the link
            made.unlink(missing_ok=True)
