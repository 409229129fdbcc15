"""The order of a file is no time: what it holds last is not what anybody chose last."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from coachhub_core.matching import CoachTable, OutcomeLog, TraineeTable
from coachhub_scipy.observe import observe

COACHES = CoachTable.build(ids=[str(j) for j in range(8, 40)])
TRAINEES = TraineeTable.build(ids=[f"t{i}" for i in range(30)])


def log_of(records: list[tuple[int, str, str]]) -> OutcomeLog:
    made: list[dict[str, Any]] = [
        {"at": at, "trainee": trainee, "coach": coach, "event": "chose"} for at, trainee, coach in records
    ]
    return OutcomeLog.build(made, steps={"wants": ("chose",)})


def pairs(seed: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    return [(t, COACHES.ids[j]) for t in TRAINEES.ids for j in rng.permutation(32)[:6].tolist()]


@pytest.mark.parametrize("key", [int, str, lambda id_: -int(id_)], ids=["numbers", "text", "backwards"])
def test_a_sorted_file_has_no_times(key: Any, caplog: pytest.LogCaptureFixture) -> None:
    """By whatever order of the ids it is sorted within each person; and it is said."""
    rows = sorted(pairs(1), key=lambda pair: (pair[0], key(pair[1])))
    with caplog.at_level(logging.WARNING, "coachhub.matching"):
        seen = observe(log_of([(at, *pair) for at, pair in enumerate(rows)]), COACHES, TRAINEES)
    assert not seen["wants"].at.any()
    assert len(seen["wants"]) == len(rows)
    assert "not believed" in caplog.text


def test_times_are_believed(caplog: pytest.LogCaptureFixture) -> None:
    """In any order but that of the ids; where a few steps happen to follow it; and those of one basket."""
    with caplog.at_level(logging.WARNING, "coachhub.matching"):
        seen = observe(log_of([(at, *pair) for at, pair in enumerate(pairs(2), 1)]), COACHES, TRAINEES)
        assert len(set(seen["wants"].at.tolist())) == len(seen["wants"])
        few = sorted(pairs(3), key=lambda pair: (pair[0], int(pair[1])))[:50]
        seen = observe(log_of([(at, *pair) for at, pair in enumerate(few, 1)]), COACHES, TRAINEES)
        assert seen["wants"].at.all()
        seen = observe(log_of([(7, *pair) for pair in sorted(pairs(4))]), COACHES, TRAINEES)
        assert set(seen["wants"].at.tolist()) == {7}
    assert "not believed" not in caplog.text
