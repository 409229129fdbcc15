"""What ``coachhub match eval`` prints: quality with intervals, calibration, and what the lists do to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from coachhub_core.matching.evaluated import (
    ALL,
    COSTS,
    LIST_FIGURES,
    NEW_COACHES,
    NEW_TRAINEES,
    PAIR_FIGURES,
    STEPS,
    Evaluation,
    Figure,
    Figures,
    verdict,
)

_STEPS: Final = {
    "wants": "the trainee asks",
    "accepts": "the coach accepts",
    "goes_well": "it goes well",
    "mutual": "both say yes",
}
_SLICES: Final = {
    ALL: "all {n} trainees",
    NEW_COACHES: "new coaches: {n} trainees",
    NEW_TRAINEES: "new trainees: {n}",
}
_WORDS: Final = {
    "ndcg_at_10": "nDCG@10",
    "recall_at_10": "recall@10",
    "map": "MAP",
    "success_at_3": "success@3",
    "auc": "AUC",
    "log_loss": "log loss",
    "calibration_error": "off by",
    "fit_seconds": "learning, s",
    "list_p50_ms": "a list, p50, ms",
    "list_p99_ms": "a list, p99, ms",
}
_N_NAME: Final = 28
_N_CELL: Final = 38


def step_name(step: str) -> str:
    """Say a step in words."""
    return _STEPS.get(step, step)


def show_evaluation(made: Evaluation) -> None:
    """Print it."""
    click.echo(f"nDCG@10 over {made.n_trainees} trainees: " + ", ".join(f"{n} {v:.3f}" for n, v in made.ndcg.items()))
    for name, gain in made.gains.items():
        mean, low, high = gain
        words = {"better": "better than", "worse": "worse than", "none": "no different from"}
        click.echo(f"{words[verdict('ndcg_at_10', gain)]} {name}: {mean:+.3f} [{low:+.3f} {high:+.3f}]")
    rows = [*LIST_FIGURES, *(f"{figure}_{step}" for figure in PAIR_FIGURES for step in STEPS)]
    for name, one in made.slices.items():
        _show(_SLICES[name].format(n=one.n_trainees), {row: one.figures[row] for row in rows})
    click.echo(
        f"\n{'':12}{'top tenth shown':>16}{'coaches shown':>15}{'seats used':>12}{'worst place':>13}{'nobody':>8}"
    )
    for name, fair in made.fairness.items():
        click.echo(
            f"{name:12}{fair.top_tenth:>16.0%}{fair.coverage:>15.0%}{fair.seats_used:>12.0%}"
            f"{fair.worst_place:>13}{fair.n_without:>8}"
        )
    _show("what it took, here and now", made.costs)


def _show(title: str, figures: Figures) -> None:
    """Print a table with a row for each figure that some engine has, and below it why others are not there."""
    engines = list(next(iter(figures.values())))
    cells = {name: [_cell(name, by_engine[engine]) for engine in engines] for name, by_engine in figures.items()}
    there = {name for name, by_engine in figures.items() if any(one.value is not None for one in by_engine.values())}
    if there:
        header = "".join(f"{engine:{_width(i)}}" for i, engine in enumerate(engines))
        click.echo(f"\n{title:{_N_NAME}}{header}".rstrip())
    else:
        click.echo(f"\n{title}")
    for name in figures:
        if name in there:
            row = "".join(f"{cell:{_width(i)}}" for i, cell in enumerate(cells[name]))
            click.echo(f"{_named(name):{_N_NAME}}{row}".rstrip())
    for (why_not, of), names in _lacking(figures).items():
        click.echo(f"  n/a{of}, {why_not}: {'; '.join(_together(names))}")


def _width(i: int) -> int:
    return 11 if i == 0 else _N_CELL  # the candidate's own is without a difference


def _cell(name: str, figure: Figure) -> str:
    if figure.value is None:
        return "n/a"
    value = f"{figure.value:.2f}" if name in COSTS else f"{figure.value:.3f}"
    if figure.gain is None:
        return value
    mean, low, high = figure.gain
    return f"{value} {verdict(name, figure.gain)} {mean:+.3f} [{low:+.3f} {high:+.3f}]"


def _named(name: str) -> str:
    """Say a figure in words, and of which step it is."""
    for figure in PAIR_FIGURES:
        if name.startswith(f"{figure}_"):
            return f"{_WORDS[figure]}, {step_name(name.removeprefix(f'{figure}_'))}"
    return _WORDS[name]


def _lacking(figures: Figures) -> Mapping[tuple[str, str], list[str]]:
    """Give which figures cannot be had, by reason and by whom it holds for where others have them."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for name, by_engine in figures.items():
        whose: dict[str, list[str]] = {}
        for engine, figure in by_engine.items():
            if figure.value is None:
                whose.setdefault(figure.why_not, []).append(engine)
        for why_not, engines in whose.items():
            of = "" if len(engines) == len(by_engine) else f" of {', '.join(engines)}"
            lacking.setdefault((why_not, of), []).append(name)
    return lacking


def _together(names: list[str]) -> list[str]:
    """Say figures in words; one that is lacking of every step is said once."""
    made = []
    for name in names:
        figure = next((one for one in PAIR_FIGURES if name.startswith(f"{one}_")), "")
        is_whole = bool(figure) and all(f"{figure}_{step}" in names for step in STEPS)
        made.append(_WORDS[figure] if is_whole else _named(name))
    return list(dict.fromkeys(made))
