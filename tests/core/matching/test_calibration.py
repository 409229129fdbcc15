"""Whether what was said came true, counted by hand and against a truth that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from coachhub_core.matching import CoachTable, OutcomeLog, TraineeTable
from coachhub_core.matching.calibration import MIN_ANSWERS, answers, calibrate


def test_parts_are_counted() -> None:
    """Two parts of two: what was said and came in each, and how far they are apart over all."""
    made = calibrate(np.array([0.9, 0.1, 0.3, 0.7]), np.array([True, False, False, True]), n_parts=2)
    assert made.said.tolist() == pytest.approx([0.2, 0.8])
    assert made.came.tolist() == [0.0, 1.0]
    assert made.n.tolist() == [2, 2]
    assert made.error == pytest.approx(0.2)
    # Wilson at 0 of 2: z^2 / (2 + z^2)
    assert made.high[0] == pytest.approx(1.959964**2 / (2 + 1.959964**2))
    assert (made.low[0], made.high[1]) == (0.0, 1.0)


def test_the_truth_is_calibrated_and_twice_the_odds_are_not() -> None:
    """Drawn from the said probabilities themselves, nine of ten intervals and more hold what was said."""
    rng = np.random.default_rng(7)
    said = rng.uniform(0.05, 0.95, 20_000)
    is_yes = rng.random(len(said)) < said
    made = calibrate(said, is_yes)
    assert ((made.low <= made.said) & (made.said <= made.high)).sum() >= 9
    assert made.error < 0.02
    wrong = calibrate(2 * said / (1 + said), is_yes)
    assert wrong.error > 0.1


def _log(records: list[tuple[int, int, str, float | None]]) -> OutcomeLog:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made: list[dict[str, Any]] = [
        {"at": start + timedelta(seconds=n), "trainee": f"t{t}", "coach": f"c{c}", "event": event, "value": value}
        for n, (t, c, event, value) in enumerate(records)
    ]
    return OutcomeLog.build(made)


def test_a_yes_and_a_no_are_read_per_step() -> None:
    """Shown and not asked is a no; a look is nothing where asking is told; begun and rated decide nothing."""
    n = MIN_ANSWERS
    coaches = CoachTable.build(ids=[f"c{i}" for i in range(2)])
    trainees = TraineeTable.build(ids=[f"t{i}" for i in range(n)])
    records: list[tuple[int, int, str, float | None]] = [(t, 0, "shown", None) for t in range(n)]
    records += [(0, 0, "opened", None), (1, 0, "contacted", None), (1, 0, "shown", None)]
    records += [(t, 1, "accepted" if t % 2 else "declined", None) for t in range(n)]
    records += [(t, 1, "started", None) for t in range(n)] + [(t, 1, "rated", float(t % 5)) for t in range(n)]
    records += [(99, 0, "contacted", None)]  # somebody who is in no table
    records += [(3, 1, "contacted", None)]  # found without a list: nobody knows who else looked and did not ask
    found = answers(_log(records), coaches, trainees)
    assert set(found) == {"wants", "accepts"}
    wants = {(int(t), int(c)): bool(y) for t, c, y in zip(*_arrays(found["wants"]), strict=True)}
    assert wants == {(t, 0): t == 1 for t in range(n)}
    accepts = {(int(t), int(c)): bool(y) for t, c, y in zip(*_arrays(found["accepts"]), strict=True)}
    assert accepts == {(t, 1): t % 2 == 1 for t in range(n)}


def _arrays(found: Any) -> tuple[Any, Any, Any]:
    return found.trainee, found.coach, found.is_yes


def test_a_look_is_a_yes_where_nobody_asks_and_one_answer_alone_is_none() -> None:
    """A log of clicks has looks and showings; where all say yes, or few say anything, nothing can be held against."""
    coaches = CoachTable.build(ids=["c0"])
    trainees = TraineeTable.build(ids=[f"t{i}" for i in range(MIN_ANSWERS)])
    shown: list[tuple[int, int, str, float | None]] = [(t, 0, "shown", None) for t in range(MIN_ANSWERS)]
    clicks = answers(_log([*shown, (3, 0, "opened", None)]), coaches, trainees)
    assert clicks["wants"].is_yes.sum() == 1
    assert answers(_log([(t, 0, "contacted", None) for t in range(MIN_ANSWERS)]), coaches, trainees) == {}
    few = answers(_log([*shown[1:], (3, 0, "opened", None)]), coaches, trainees)
    assert few == {}
