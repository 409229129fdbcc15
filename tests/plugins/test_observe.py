"""What the values of a log are taken for: answers, ratings on any scale, or how often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_core.matching import CoachTable, OutcomeLog, TraineeTable
from coachhub_scipy.observe import Observed, observe

N = 400  # pairs, each with one value
COACHES = CoachTable.build(ids=range(N))
TRAINEES = TraineeTable.build(ids=["u"])


def seen(values: NDArray[Any], step: str = "wants") -> dict[str, Observed]:
    """Read a log of one trainee who said one value of each coach."""
    records = [
        {"at": i, "trainee": "u", "coach": i, "event": "said", "value": float(value)} for i, value in enumerate(values)
    ]
    return observe(OutcomeLog.build(records, steps={step: ("said",)}), COACHES, TRAINEES)


def stars() -> NDArray[Any]:
    """Give one to five stars, of which four are the most common."""
    return np.random.default_rng(1).choice(5, N, p=[0.05, 0.1, 0.25, 0.4, 0.2]) + 1.0


def test_a_slip_does_not_stretch_a_scale() -> None:
    """One 999 among stars: five stars are the best that can be said, and so is the slip."""
    said = stars()
    said[7] = 999.0
    rated = seen(said)["goes_well"]
    assert rated.yes[said == 5.0].tolist() == [1.0] * int((said == 5.0).sum())
    assert rated.yes[7] == 1.0
    said = np.round(60 + 15 * np.random.default_rng(2).normal(size=N))
    said[7] = 99_999.0
    assert seen(said)["goes_well"].is_graded  # of a hundred points; these are no counts
    rare = stars()
    rare[:] = np.maximum(rare, 2.0)
    rare[3] = 1.0
    assert np.unique(seen(rare)["goes_well"].yes).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]  # rare, and no slip


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(np.minimum(np.random.default_rng(3).geometric(0.45, N), 9), id="bought"),
        pytest.param(np.random.default_rng(3).geometric(0.01, N) ** 1.5, id="played"),
        pytest.param(np.exp(2 + 1.6 * np.random.default_rng(3).normal(size=N)), id="spent"),
    ],
)
def test_counts_say_how_often(said: NDArray[Any]) -> None:
    """Counts are choices, the more the stronger, and nobody says no by a small one; not once is nothing at all."""
    counted = seen(said)
    assert set(counted) == {"wants"}
    wants = counted["wants"]
    assert not wants.has_no
    assert set(wants.yes.tolist()) == {1.0}
    assert wants.weight[int(np.argmax(said))] > wants.weight[int(np.argmin(said))]
    said = said.astype(float)
    said[:80] = 0.0
    assert seen(said)["wants"].coach.tolist() == list(range(80, N))


def test_what_was_said_of_the_chosen_tells_who_was_chosen() -> None:
    """Stars and thumbs alone stand for two steps, by whatever step they came; a no to who was shown is a no."""
    thumbs = np.where(stars() > 3, 1.0, -1.0)
    assert set(seen(thumbs, "goes_well")) == {"wants", "goes_well"}
    assert set(seen(stars(), "goes_well")) == {"wants", "goes_well"}
    assert set(seen(stars(), "wants")) == {"wants", "goes_well"}
    assert set(seen(thumbs, "wants")) == {"wants"}
    chosen = seen(thumbs, "goes_well")["wants"]
    assert not chosen.has_no
    assert chosen.weight[thumbs > 0].min() > 5 * chosen.weight[thumbs < 0].max()


def test_what_two_sides_say_of_each_other_stands_as_it_is() -> None:
    """Marks that both give after they met: nobody chose whom to meet."""
    marks = stars()
    records = [
        {"at": i, "trainee": "u", "coach": i, "event": event, "value": float(mark)}
        for i, mark in enumerate(marks.tolist())
        for event in ("hers", "his")
    ]
    log = OutcomeLog.build(records, steps={"wants": ("hers",), "accepts": ("his",)})
    both = observe(log, COACHES, TRAINEES)
    assert {step: one.is_graded for step, one in both.items()} == {"wants": True, "accepts": True}
