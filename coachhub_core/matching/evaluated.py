"""What an evaluation found: each figure of each engine and slice, or the reason why it cannot be had."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.calibration import Calibration
from coachhub_core.matching.fairness import Fairness

ALL = "all"
NEW_COACHES = "new_coaches"  #: lists and answers of coaches the candidate had no event of
NEW_TRAINEES = "new_trainees"  #: of trainees it had no event of
LIST_FIGURES = ("ndcg_at_10", "recall_at_10", "map", "success_at_3")  #: of lists, more is better
PAIR_FIGURES = ("auc", "log_loss", "calibration_error")  #: of pairs that answered, by step: ``auc_wants``
STEPS = ("wants", "accepts", "goes_well", "mutual")
COSTS = ("fit_seconds", "list_p50_ms", "list_p99_ms")
_DECIMALS = 6


@attrs.frozen(kw_only=True)
class Figure:
    """One figure of one engine; never 0 or nan in the place of what nobody knows."""

    value: float | None = None  #: None: not available
    gain: tuple[float, float, float] | None = None  #: candidate less this engine: mean and 95 %, where it is asked
    why_not: str = ""  #: why there is no value, as the end of a sentence


Figures = Mapping[str, Mapping[str, Figure]]  #: name -> engine -> figure


@attrs.frozen(kw_only=True, eq=False)
class Slice:
    """The figures of some of the people."""

    n_trainees: int  #: who chose somebody of this slice
    figures: Figures  #: :data:`LIST_FIGURES`, then :data:`PAIR_FIGURES` of each of :data:`STEPS`


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """
    Figures on the newest part of a log, by engine.

    The engines are ``candidate``, ``live``, ``popularity`` (who was asked most)
    and ``content`` (who says the same words).
    """

    slices: Mapping[str, Slice]  #: :data:`ALL`, :data:`NEW_COACHES`, :data:`NEW_TRAINEES`
    fairness: Mapping[str, Fairness]  #: of the same lists
    shown: Mapping[str, NDArray[np.int64]]  #: (n_coaches,): on how many of these lists each coach stands
    calibration: Mapping[str, Mapping[str, Calibration]]  #: step -> engine, where the log can say and the engine does
    costs: Figures  #: :data:`COSTS`: what learning and one list took, on this machine, as busy as it was
    is_partial: bool  #: whether the deadline was over before the candidate had learned all it could

    @property
    def n_trainees(self) -> int:
        """How many trainees chose somebody in the newest part."""
        return self.slices[ALL].n_trainees

    @property
    def ndcg(self) -> Mapping[str, float]:
        """nDCG@10 of everybody, by engine."""
        found = self.slices[ALL].figures["ndcg_at_10"]
        return {name: figure.value for name, figure in found.items() if figure.value is not None}

    @property
    def gains(self) -> Mapping[str, tuple[float, float, float]]:
        """All but the candidate: mean and 95 % of the candidate's nDCG@10 less its own."""
        found = self.slices[ALL].figures["ndcg_at_10"]
        return {name: figure.gain for name, figure in found.items() if figure.gain is not None}

    @property
    def is_worse(self) -> bool:
        """Tell whether the candidate is worse than the live one beyond the interval."""
        return self.gains["live"][2] < 0


def is_less_better(name: str) -> bool:
    """Tell whether a figure of this name is better when it is smaller."""
    return name.startswith(("log_loss", "calibration_error")) or name in COSTS


def verdict(name: str, gain: tuple[float, float, float]) -> str:
    """Say what a difference shows of the candidate: ``better``, ``worse``, or ``none`` where the interval holds 0."""
    _, low, high = gain
    if low <= 0 <= high:
        return "none"
    return "better" if (high < 0) == is_less_better(name) else "worse"


def flat_figures(
    made: Evaluation, *, engines: Collection[str] = ("candidate",), has_costs: bool = False
) -> dict[str, float]:
    """
    Give what is available as flat names and rounded numbers, such as a manifest keeps.

    Args:
        engines: Whose.
        has_costs: Whether what it took goes in too. Those numbers are others in every run, so a file that has to be
            the same byte for byte leaves them out.
    Returns:
        ``<slice>.<engine>.<figure>``, such as ``all.candidate.ndcg_at_10`` and ``new_coaches.candidate.auc_mutual``,
        with ``<slice>.n_trainees``; ``lists.<engine>.top_tenth`` and ``.coverage``; ``costs.<engine>.list_p50_ms``.
        Six decimals; what is not available is not in it; always in the same order.
    """
    flat: dict[str, float] = {}
    groups: dict[str, Figures] = {name: one.figures for name, one in made.slices.items()}
    if has_costs:
        groups["costs"] = made.costs
    for group, figures in groups.items():
        if group in made.slices:
            flat[f"{group}.n_trainees"] = float(made.slices[group].n_trainees)
        for name, by_engine in figures.items():
            for engine, figure in by_engine.items():
                if engine in engines and figure.value is not None:
                    flat[f"{group}.{engine}.{name}"] = round(figure.value, _DECIMALS)
    for engine, fair in made.fairness.items():
        if engine in engines:
            flat[f"lists.{engine}.top_tenth"] = round(fair.top_tenth, _DECIMALS)
            flat[f"lists.{engine}.coverage"] = round(fair.coverage, _DECIMALS)
    return flat


def as_document(made: Evaluation) -> dict[str, Any]:
    """Give everything as what JSON can hold; a figure that is not available is ``{"why_not": …}``."""
    return {
        "is_worse": made.is_worse,
        "is_partial": made.is_partial,
        "slices": {
            name: {"n_trainees": one.n_trainees, "figures": _document(one.figures)} for name, one in made.slices.items()
        },
        "lists": {name: attrs.asdict(fair) for name, fair in made.fairness.items()},
        "costs": _document(made.costs),
    }


def _document(figures: Figures) -> dict[str, dict[str, dict[str, Any]]]:
    made: dict[str, dict[str, dict[str, Any]]] = {}
    for name, by_engine in figures.items():
        made[name] = {}
        for engine, figure in by_engine.items():
            if figure.value is None:
                made[name][engine] = {"why_not": figure.why_not}
                continue
            made[name][engine] = {"value": figure.value}
            if figure.gain is not None:
                mean, low, high = figure.gain
                made[name][engine]["candidate_less"] = {
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "verdict": verdict(name, figure.gain),
                }
    return made
