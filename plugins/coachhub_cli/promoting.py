"""Puts a model in the place of the live one, so that a kill at any moment leaves the one or the other."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from coachhub_core.errors import ArtefactError
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.evaluated import ALL, Evaluation, flat_figures
from coachhub_core.services.forgetting import previous


def figures_of(made: Evaluation) -> dict[str, float]:
    """
    Give the figures that let a model become live, as its manifest keeps them: flat names, nothing a clock said.

    Returns:
        :func:`flat_figures` of the candidate and of what was live, and ``all.gain_over_live.<figure>.mean``, ``.low``
        and ``.high``: the candidate less what was live, with its 95 %.
    """
    found = flat_figures(made, engines=("candidate", "live"))
    for figure, engines in made.slices[ALL].figures.items():
        live = engines.get("live")
        if live is not None and live.gain is not None:
            for name, value in zip(("mean", "low", "high"), live.gain, strict=True):
                found[f"{ALL}.gain_over_live.{figure}.{name}"] = value
    return {f"eval.{name}": value for name, value in found.items()}


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
