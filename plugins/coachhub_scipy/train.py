"""From a log to what the matcher keeps of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import scipy  # noqa: F401 - a missing scipy is found here, before anything was learned

from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import Deadline, OutcomeLog, Stages
from coachhub_scipy.answers import learn_answers
from coachhub_scipy.choices import learn_choices
from coachhub_scipy.chosen import chosen_matrix, fading, liked_matrix
from coachhub_scipy.comparisons import check_comparable, comparisons_of
from coachhub_scipy.material import Material
from coachhub_scipy.observe import STEPS, Observed, observe
from coachhub_scipy.parts import SparseRows, StepModel
from coachhub_scipy.staged import Staged

if TYPE_CHECKING:
    from coachhub_scipy.duet import Learned

_log = logging.getLogger("coachhub.matching")
FEW_NOES = 5.0  #: of which to find none is chance, where an earlier model knows that there are any


def learn(
    log: OutcomeLog,
    coaches: CoachTable,
    trainees: TraineeTable,
    pairs: Mapping[str, tuple[str, str]],
    *,
    seed: int,
    deadline: Deadline,
    prior: Learned | None = None,
    stages: Stages | None = None,
) -> Learned | None:
    """
    Learn all steps a log speaks of.

    Args:
        prior: What it learned of columns is what these are drawn towards, where name and kind are the same.
        stages: Keeps what is finished: how columns are read, each part of a step, and each step.
    Returns:
        None where it speaks of nobody in the tables.
    """
    from coachhub_scipy.duet import Learned

    check_comparable(coaches, trainees, pairs)
    observed = observe(log, coaches, trainees)
    if not observed:
        return None

    def go_on() -> bool:
        return not deadline.is_over()

    staged = Staged(stages, go_on)
    material = Material.of(
        coaches,
        trainees,
        comparisons_of(coaches, trainees, pairs),
        seed=seed,
        go_on=go_on,
        staged=staged,
        prior=prior,
    )
    if material.is_given_in_vain:
        _log.warning("the prior that was given shares no column with these tables: it changes nothing")
    steps = tuple(
        staged(name, partial(learn_step, name, observed[name], material, staged.within(name)))
        for name in STEPS
        if name in observed
    )
    first = observed[next(name for name in STEPS if name in observed)]
    chosen = chosen_matrix(first, material.shape)
    counts = np.diff(chosen.indptr)
    liked = liked_matrix(chosen)
    if any(max(step.lately_gain) > 0 for step in steps):
        liked = fading(first, liked)
    if all(step.history is None for step in steps):
        liked = liked[:0]  # nobody looks at who chose whom: it is not kept
    return Learned(
        comparisons=material.comparisons,
        code_coach=material.code_coach,
        code_trainee=material.code_trainee,
        background=material.background,
        n_background=material.n_background,
        steps=steps,
        coach_ids=coaches.ids,
        trainee_ids=trainees.ids,
        counts=counts.astype(np.int64),
        chosen=SparseRows.of(liked),
        is_partial=deadline.is_over(),
    )


def learn_step(name: str, seen: Observed, material: Material, staged: Staged) -> StepModel:
    """Learn one step from what was observed of it."""
    if seen.has_no or (material.earlier is not None and material.earlier.expects_no(name, len(seen)) < FEW_NOES):
        return learn_answers(name, seen, material, staged)
    return learn_choices(name, seen, material, staged)
