"""Pictures of an evaluation, for people who would rather look: calibration, exposure, quality by climate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from coachhub_cli.evaluation_report import step_name
from coachhub_core.errors import PluginError
from coachhub_core.matching.climates import ClimateQuality
from coachhub_core.matching.evaluated import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@attrs.frozen
class _Look:
    """How an engine is drawn: told apart without colour too."""

    name: str
    colour: str
    marker: str
    line: str | tuple[int, tuple[float, ...]]


# Okabe and Ito's colours, which people with any kind of colour blindness tell apart
_LOOKS: Final[Mapping[str, _Look]] = {
    "candidate": _Look("candidate", "#0072B2", "o", "-"),
    "live": _Look("live", "#D55E00", "s", "--"),
    "unlearned": _Look("before learning", "#E69F00", "v", (0, (4.0, 1.5))),
    "popularity": _Look("popularity", "#009E73", "^", "-."),
    "content": _Look("content alone", "#CC79A7", "D", ":"),
    "truth": _Look("truth (ceiling)", "#000000", "|", (0, (1.0, 1.0))),
}
_CLIMATES: Final[Mapping[str, str]] = {
    "much": "columns tell much",
    "little": "columns tell little",
    "nothing": "columns tell nothing",
    "one_sided": "one side chooses",
    "text_only": "texts alone",
    "sparse": "few lists each",
    "stars": "a few stars",
    "missing": "half is missing",
    "no_log": "no log",
}
_GREY: Final = "#555555"
_DPI: Final = 160


def check_plots() -> None:
    """
    Make sure that pictures can be drawn, before anything takes its time.

    Raises:
        PluginError: If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401 - is it there?
    except ImportError as exc:
        raise PluginError(reason="pictures need matplotlib: pip install 'coachhub[plots]'") from exc


def draw(made: Evaluation, climates: Sequence[ClimateQuality], folder: Path) -> list[Path]:
    """Write the pictures as PNG into *folder*, which is made where it is missing; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"exposure": _exposure(made), "climates": _climates(climates)}
    if made.calibration:
        figures = {"calibration": _calibration(made), **figures}
    paths = []
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=_DPI, facecolor="white", metadata={"Software": None})
        paths.append(path)
    return paths


def _figure(width: float, height: float, title: str, subtitle: str) -> Figure:
    from matplotlib.figure import Figure  # with the canvas of Agg: no screen, and no state that all would share
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    room = (0.0, 0.0, 1.0, 1.0 - 0.75 / height)  # below the two lines of title
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=room, w_pad=0.12, h_pad=0.12))
    figure.text(0.12 / width, 1 - 0.12 / height, title, fontsize=15, fontweight="bold", va="top")
    figure.text(0.12 / width, 1 - 0.44 / height, subtitle, fontsize=10.5, color=_GREY, va="top")
    return figure


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=10)
    axes.grid(color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)


# ── calibration ─────────────────────────────────────────────────────────────


def _calibration(made: Evaluation) -> Figure:
    steps = list(made.calibration)
    figure = _figure(
        max(8.0, 4.4 * len(steps)),
        5.4,
        "Do probabilities come true?",
        "Newest fifth of the log, in ten parts of equal size from the smallest probability up; bars: 95 % intervals",
    )
    for place, step in enumerate(steps, start=1):
        axes = figure.add_subplot(1, len(steps), place)
        _plain(axes)
        most = 0.0
        for name, found in made.calibration[step].items():
            look = _LOOKS[name]
            bars: Any = [found.came - found.low, found.high - found.came]
            axes.errorbar(
                found.said,
                found.came,
                yerr=bars,
                color=look.colour,
                marker=look.marker,
                linestyle=look.line,
                markersize=6,
                linewidth=1.5,
                elinewidth=1.1,
                capsize=2.5,
                label=f"{look.name}, off by {found.error:.3f}",
            )
            most = max(most, float(found.said.max()), float(found.high.max()))
        n = int(next(iter(made.calibration[step].values())).n.sum())
        most = min(1.0, most * 1.06)
        axes.plot([0, most], [0, most], color=_GREY, linewidth=1, label="said = came")
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.set_aspect("equal")
        axes.set_title(f"that {step_name(step)}  ({n:,} answers)", fontsize=12)
        axes.set_xlabel("probability that was said", fontsize=11)
        if place == 1:
            axes.set_ylabel("share that came true", fontsize=11)
        axes.legend(fontsize=9.5, loc="best", framealpha=0.9)
    return figure


# ── exposure ────────────────────────────────────────────────────────────────


def _exposure(made: Evaluation) -> Figure:
    n_coaches = len(next(iter(made.shown.values())))
    figure = _figure(
        7.4,
        6.2,
        "Who is shown?",
        f"Lists of ten for {made.n_trainees:,} trainees over {n_coaches:,} coaches, the most shown first",
    )
    axes = figure.add_subplot()
    _plain(axes)
    for name, counts in made.shown.items():
        look, fair = _LOOKS[name], made.fairness[name]
        ordered = sorted(counts.tolist(), reverse=True)
        total, so_far = sum(ordered) or 1, 0
        x, y = [0.0], [0.0]
        for place, count in enumerate(ordered, start=1):
            so_far += count
            x.append(100 * place / n_coaches)
            y.append(100 * so_far / total)
        label = f"{look.name}: top tenth {100 * fair.top_tenth:.0f} %, never shown {100 * (1 - fair.coverage):.0f} %"
        axes.plot(
            x,
            y,
            color=look.colour,
            linestyle=look.line,
            linewidth=2.2,
            marker=look.marker,
            markersize=5,
            markevery=max(1, n_coaches // 10),
            label=label,
        )
    axes.plot([0, 100], [0, 100], color=_GREY, linewidth=1, label="all alike: top tenth 10 %, never shown 0 %")
    axes.axvline(10, color=_GREY, linewidth=0.9, linestyle=(0, (2.0, 2.0)))
    axes.annotate("the most shown tenth", (10, 2), (11, 2), fontsize=9.5, color=_GREY)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 101)
    axes.set_xlabel("coaches, % of all", fontsize=11)
    axes.set_ylabel("places on lists, % of all", fontsize=11)
    axes.legend(fontsize=10, loc="lower right", framealpha=0.95)
    return figure


# ── climates ────────────────────────────────────────────────────────────────


def _climates(found: Sequence[ClimateQuality]) -> Figure:
    figure = _figure(
        8.6,
        1.9 + 0.62 * len(found),
        "How good in which market?",
        "nDCG@10 in the synthetic market's climates, against the truth; bars: 95 % intervals over trainees",
    )
    axes = figure.add_subplot()
    _plain(axes)
    axes.grid(visible=False, axis="y")
    names = [name for name in _LOOKS if any(name in one.ndcg for one in found)]
    step = 0.72 / max(1, len(names) - 1)
    for number, name in enumerate(names):
        look = _LOOKS[name]
        at = [(row, one.ndcg[name]) for row, one in enumerate(found) if name in one.ndcg]
        means = [value[0] for _, value in at]
        axes.errorbar(
            means,
            [row - 0.36 + step * number for row, _ in at],
            xerr=[
                [mean - low for _, (mean, low, _) in at],
                [high - mean for _, (mean, _, high) in at],
            ],
            fmt=look.marker,
            color=look.colour,
            markersize=7 if name != "truth" else 10,
            markeredgewidth=1 if name != "truth" else 2,
            elinewidth=1.2,
            linestyle="none",
            label=look.name,
        )
    for row in range(0, len(found), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f3f3f3", zorder=0)
    axes.set_yticks(range(len(found)), [_CLIMATES.get(one.climate, one.climate) for one in found], fontsize=11)
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(0, min(1.0, 1.08 * max(high for one in found for _, _, high in one.ndcg.values())))
    axes.set_xlabel("nDCG@10 (0: nobody right among the first ten, 1: the right ones first)", fontsize=11)
    figure.legend(loc="outside lower center", ncols=len(names), fontsize=10, frameon=False, handletextpad=0.2)
    return figure
