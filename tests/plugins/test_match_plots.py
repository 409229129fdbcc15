"""Pictures of an evaluation: what is in them, that they are files, and what is said where nothing can draw them."""

from __future__ import annotations

import struct
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from coachhub_cli import matching, plots
from coachhub_cli.matching import match
from coachhub_core.errors import PluginError
from coachhub_core.matching.calibration import calibrate
from coachhub_core.matching.climates import ClimateQuality, by_climate
from coachhub_core.matching.evaluated import Evaluation, Slice
from coachhub_core.matching.fairness import Fairness
from coachhub_core.matching.market import make_market


def an_evaluation(**more: Any) -> Evaluation:
    """Two engines over four coaches, and answers of one step."""
    rng = np.random.default_rng(3)
    said = rng.uniform(size=400)
    fair = {
        "candidate": Fairness(top_tenth=0.5, coverage=0.75, seats_used=1.0, n_without=0, worst_place=1),
        "live": Fairness(top_tenth=0.25, coverage=1.0, seats_used=1.0, n_without=0, worst_place=1),
    }
    given: dict[str, Any] = {
        "slices": {"all": Slice(n_trainees=40, figures={})},
        "fairness": fair,
        "shown": {"candidate": np.array([1, 0, 2, 1]), "live": np.array([1, 1, 1, 1])},
        "calibration": {"wants": {"candidate": calibrate(said, rng.uniform(size=400) < said)}},
        "costs": {},
        "is_partial": False,
    }
    return Evaluation(**{**given, **more})


CLIMATE = ClimateQuality(
    climate="stars", n_trainees=30, ndcg={"candidate": (0.5, 0.4, 0.6), "truth": (0.7, 0.65, 0.75)}
)


def size(path: Path) -> tuple[int, int]:
    """Return width and height of a PNG."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_a_picture_for_each_question_is_written(tmp_path: Path) -> None:
    """Large enough to print, into a folder that need not be there; the same figures give the same bytes."""
    made = plots.draw(an_evaluation(), [CLIMATE], tmp_path / "new" / "plots")
    assert [path.name for path in made] == ["calibration.png", "exposure.png", "climates.png"]
    for path in made:
        assert min(size(path)) >= 400
        assert np.ptp(np.frombuffer(path.read_bytes(), np.uint8)) > 0
    again = plots.draw(an_evaluation(), [CLIMATE], tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]
    bare = plots.draw(an_evaluation(calibration={}), [CLIMATE], tmp_path / "bare")
    assert [path.name for path in bare] == ["exposure.png", "climates.png"]


def test_exposure_is_drawn_as_it_was_counted() -> None:
    """The most shown first, in percent, with title, axes, legend and the tenth."""
    figure = plots._exposure(an_evaluation())
    (axes,) = figure.axes
    candidate, live = axes.get_lines()[:2]
    assert candidate.get_xydata().tolist() == [[0, 0], [25, 50], [50, 75], [75, 100], [100, 100]]
    assert live.get_xydata().tolist() == [[0, 0], [25, 25], [50, 50], [75, 75], [100, 100]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("coaches, % of all", "places on lists, % of all")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "candidate: top tenth 50 %, never shown 25 %",
        "live: top tenth 25 %, never shown 0 %",
        "all alike: top tenth 10 %, never shown 0 %",
    ]
    assert figure.texts[0].get_text() == "Who is shown?"


def test_calibration_is_drawn_as_it_was_counted() -> None:
    """A panel for each step, over the line on which said and came are the same."""
    made = an_evaluation()
    figure = plots._calibration(made)
    (axes,) = figure.axes
    found = made.calibration["wants"]["candidate"]
    points = axes.containers[0].lines[0].get_xydata()
    assert points == pytest.approx(np.stack([found.said, found.came], axis=1))
    assert axes.get_title() == "that the trainee asks  (400 answers)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("probability that was said", "share that came true")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["said = came", f"candidate, off by {found.error:.3f}"]


def test_climates_are_drawn_as_they_were_measured() -> None:
    """A row for each climate in words, a mark for each engine with its interval."""
    figure = plots._climates([CLIMATE])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a few stars"]
    marks = {one.get_label(): one.lines[0].get_xdata().tolist() for one in axes.containers}
    assert marks == {"candidate": [0.5], "truth (ceiling)": [0.7]}
    ends = axes.containers[0].lines[2][0].get_segments()[0][:, 0]
    assert ends == pytest.approx([0.4, 0.6])
    assert axes.get_xlabel().startswith("nDCG@10")


def test_no_two_engines_look_alike_without_colour() -> None:
    """Marker and line tell them apart on a black printer too."""
    looks = list(plots._LOOKS.values())
    assert len({look.marker for look in looks}) == len({str(look.line) for look in looks}) == len(looks)
    assert len({look.colour for look in looks}) == len(looks)


def test_without_the_library_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything has been learned, and nothing is written."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PluginError, match=r"pictures need matplotlib: pip install 'coachhub\[plots\]'"):
        CliRunner().invoke(match, ["eval", "--plots", str(tmp_path / "p")], catch_exceptions=False)
    assert not (tmp_path / "p").exists()


def test_eval_draws_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures on the terminal, then the pictures by name."""
    market = make_market("much", n_trainees=150, n_coaches=16, seed=4)
    monkeypatch.setattr(matching, "training_data", lambda *_, **__: market)
    monkeypatch.setattr(matching, "by_climate", partial(by_climate, climates=("no_log",), n_trainees=40, n_coaches=12))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path / "d"))
    monkeypatch.setenv("COACHHUB_MATCHING_MATCHER", "plain")
    done = CliRunner().invoke(
        match, ["eval", "--matcher", "plain", "--plots", str(tmp_path / "p")], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert "no different from live" in done.stdout
    drawn = [line.removeprefix("drawn ") for line in done.stdout.splitlines() if line.startswith("drawn ")]
    assert [Path(path).name for path in drawn] == ["exposure.png", "climates.png"]  # rules say no probability
    assert all(min(size(Path(path))) >= 300 for path in drawn)
