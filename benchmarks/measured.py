"""One engine on one market: every figure of quality, one number per trainee where the figure is a mean over them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np
from engines import Answer, Task
from figures import Floats
from numpy.typing import NDArray

from coachhub_core.matching.baselines import best
from coachhub_core.matching.calibration import MUTUAL, calibrate
from coachhub_core.matching.compared import time_lists
from coachhub_core.matching.fairness import fairness
from coachhub_core.matching.rank_together import least_share, rank_within_share
from coachhub_core.matching.ranking_figures import (
    FIRST,
    Each,
    K,
    auc_each,
    average_precision,
    log_losses,
    mean_each,
    ndcg,
    percentile,
    recall,
    success,
)

SLICES = {"old": "people with a history", "new": "new people", "coaches": "among new coaches"}
LIST_FIGURES = ("ndcg_at_10", "recall_at_10", "map", "auc")
STEPS = ("wants", "accepts", MUTUAL)
Right = NDArray[np.bool_]


@attrs.frozen(kw_only=True)
class Measured:
    """What was found; a figure that cannot be had is not in it."""

    eaches: Mapping[str, Each]  #: ``old.ndcg_at_10``, ``auc_wants``, ``success_at_3``: the mean is the figure
    values: Mapping[str, float]  #: ``calibration_error_wants``, ``top_tenth``, ``fit_seconds``, ``list_p99_ms``

    def save(self, path: Path) -> None:
        """Keep it for a later table."""
        with path.with_suffix(".part").open("wb") as out:
            np.savez_compressed(
                out, allow_pickle=False, **self.eaches, **{n: np.array(v) for n, v in self.values.items()}
            )
        path.with_suffix(".part").rename(path)

    @classmethod
    def load(cls, path: Path) -> Measured:
        """Take what was kept."""
        with np.load(path, allow_pickle=False) as kept:
            found = {name: kept[name] for name in kept.files}
        return cls(
            eaches={name: one for name, one in found.items() if one.ndim},
            values={name: float(one) for name, one in found.items() if not one.ndim},
        )

    def has_figures_of(self, other: Measured) -> bool:
        """Tell whether all figures are the same, bit for bit; not what it took."""
        costs = {"fit_seconds", "all_seconds", "list_p50_ms", "list_p99_ms"}
        return (
            self.eaches.keys() == other.eaches.keys()
            and all(np.array_equal(one, other.eaches[name]) for name, one in self.eaches.items())
            and {n: v for n, v in self.values.items() if n not in costs}
            == {n: v for n, v in other.values.items() if n not in costs}
        )


def measure(task: Task, engine: Callable[[Task, int], Answer], seed: int) -> Measured:
    """Fit one engine, let it answer everything, and look at everything."""
    market = task.market
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = engine(task, seed)
        answered_at = time.process_time()
        taken = time_lists({"": answer.alone}, market.trainees, ~task.seen, time.perf_counter)[""]
    right = market.draw(MUTUAL)
    eaches = dict(_of_lists(task, answer.scores, right))
    values = {
        "fit_seconds": answer.learned_at - began,
        "all_seconds": answered_at - began,
        "list_p50_ms": 1e3 * percentile(np.array(taken), 0.5),
    }
    if len(taken) >= 100:  # with fewer, the 99th percentile is only one of them
        values["list_p99_ms"] = 1e3 * percentile(np.array(taken), 0.99)
    shown = best(np.where(task.seen, -np.inf, answer.scores), K)
    fair = fairness(shown[:, :FIRST], market.seats)
    values |= {"top_tenth": fair.top_tenth, "coverage": fairness(shown, market.seats).coverage}
    eaches["success_at_3"] = success(shown, right & ~task.seen)
    _of_steps(task, answer, eaches, values)
    if answer.shown is not None and answer.wants is not None:
        _of_lists_together(task, answer.shown, answer.wants, right & ~task.seen, eaches, values)
    return Measured(eaches=eaches, values=values)


def _of_lists(task: Task, scores: Floats, right: Right) -> Iterator[tuple[str, Each]]:
    """Give the figures of each slice; nobody is proposed again who was asked before."""
    market = task.market
    is_new = market.arrived >= task.cut
    everybody, new_coaches = np.arange(right.shape[1]), np.flatnonzero(market.joined >= task.cut)
    for name, people, coaches in (
        ("old", np.flatnonzero(~is_new), everybody),
        ("new", np.flatnonzero(is_new), everybody),
        ("coaches", np.arange(len(right)), new_coaches),
    ):
        cells = np.ix_(people, coaches)
        mine, yes, seen = scores[cells], right[cells], task.seen[cells]
        if len(coaches) < 3 or not yes.any() or yes.all():
            continue
        trainee = np.repeat(people, len(coaches))
        yield f"{name}.auc", auc_each(mine.ravel(), yes.ravel(), trainee)
        open_ = yes & ~seen
        known = open_.any(axis=1)
        lists = best(np.where(seen, -np.inf, mine)[known], len(coaches))
        yield f"{name}.ndcg_at_10", ndcg(lists, open_[known])
        yield f"{name}.map", average_precision(lists, open_[known])
        if len(coaches) > K:  # a list of ten holds all of ten
            yield f"{name}.recall_at_10", recall(lists, open_[known])


def _of_steps(task: Task, answer: Answer, eaches: dict[str, Each], values: dict[str, float]) -> None:
    """Hold the probabilities of each side, and of both, against every pair."""
    said = {"wants": answer.wants, "accepts": answer.accepts}
    if answer.wants is not None and answer.accepts is not None:
        said[MUTUAL] = answer.wants * answer.accepts
    trainee = np.repeat(np.arange(len(task.market.trainees)), len(task.market.coaches))
    for step, p in said.items():
        if p is None or (step != MUTUAL and step not in task.market.truth):
            continue
        yes = task.market.draw(step).ravel()
        eaches[f"auc_{step}"] = auc_each(p.ravel(), yes, trainee)
        eaches[f"log_loss_{step}"] = mean_each(log_losses(p.ravel(), yes), trainee)
        values[f"calibration_error_{step}"] = calibrate(p.ravel(), yes).error


def _of_lists_together(
    task: Task,
    shown: NDArray[np.int32],
    wants: Floats,
    right: Right,
    eaches: dict[str, Each],
    values: dict[str, float],
) -> None:
    """Hold lists chosen together against those by own wish, and against those of who knows the truth."""
    market = task.market
    wish = best(np.where(task.seen, -np.inf, wants), FIRST)
    truth = np.where(task.seen, 0.0, market.probability(MUTUAL))
    n, m = truth.shape
    share = fairness(shown, market.seats).top_tenth
    known = rank_within_share(
        np.where(task.seen, -np.inf, truth), FIRST, max(share, least_share(m, n, FIRST)), market.coaches.id_order
    ).rows

    def expected(rows: NDArray[np.int32]) -> Each:
        made: Each = np.where(rows >= 0, np.take_along_axis(truth, np.maximum(rows, 0), axis=1), 0.0).mean(axis=1)
        return made

    eaches["wish.success_at_3"] = success(wish, right)
    eaches["together.success_at_3"] = success(shown, right)
    eaches["together.expected_gain"] = expected(shown) - expected(wish)
    eaches["together.expected_at_best"] = expected(known.astype(np.int32)) - expected(wish)
    values["wish.top_tenth"] = fairness(wish, market.seats).top_tenth
    values["together.top_tenth"] = share
