"""What somebody chose last says the most of what comes next, where the log shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

import coachhub_scipy
from coachhub_core.matching import CoachMatcher, CoachTable, OutcomeLog, TraineeTable
from coachhub_scipy.chosen import fading
from coachhub_scipy.duet import DuetMatcher
from coachhub_scipy.observe import Observed
from coachhub_scipy.parts import StepModel

pytestmark = pytest.mark.xdist_group("duet lately")

N, SUBJECTS = 400, 6
COACHES = CoachTable.build(ids=[f"c{j}" for j in range(10 * SUBJECTS)])
TRAINEES = TraineeTable.build(ids=[f"t{i}" for i in range(N)])


def moved_on(*, at_once: bool = False) -> tuple[OutcomeLog, NDArray[np.int64]]:
    """People who go from subject to subject, five coaches in each of three; and each one's last subject."""
    rng = np.random.default_rng(1)
    records: list[dict[str, Any]] = []
    last = []
    for i in range(N):
        subjects = rng.permutation(SUBJECTS)[:3].tolist()
        for at, subject in enumerate(subjects):
            for k, j in enumerate((subject * 10 + rng.permutation(10)[:5]).tolist()):
                when = 0 if at_once else 10 * at + k
                records.append({"at": 1000 * i + when, "trainee": f"t{i}", "coach": f"c{j}", "event": "chose"})
        last.append(subjects[-1])
    return OutcomeLog.build(records, steps={"wants": ("chose",)}), np.array(last)


@pytest.fixture(scope="module")
def model() -> CoachMatcher:
    """A model of people who moved on."""
    return CoachMatcher.fit(moved_on()[0], COACHES, TRAINEES, plugins=[coachhub_scipy])


def of_last(model: CoachMatcher) -> float:
    """Give how many of the first five, of whom nobody had yet, are of the person's last subject."""
    log, last = moved_on()
    scores = model.score(TRAINEES)
    scores[[int(id_[1:]) for id_ in log.trainee], [int(id_[1:]) for id_ in log.coach]] = -np.inf
    top = np.argsort(-scores, axis=1, kind="stable")[:, :5] // 10
    return float((top == last[:, None]).mean())


def test_the_last_subject_comes_first(model: CoachMatcher) -> None:
    """A third of each history is of its last subject, and next to all of what is proposed."""
    assert of_last(model) > 0.9  # 0.33 where all of a history counts alike


def test_without_times_a_history_counts_alike() -> None:
    """What came in one basket is not told apart: nothing is learned of an order that nobody said."""
    model = CoachMatcher.fit(moved_on(at_once=True)[0], COACHES, TRAINEES, plugins=[coachhub_scipy])
    assert isinstance(model.model, DuetMatcher)
    assert model.model.learned is not None
    assert {step.lately_gain for step in model.model.learned.steps} == {(0.0, 0.0)}
    assert set(model.model.learned.chosen.values.tolist()) <= {1.0}


def test_what_is_newest_counts_most() -> None:
    """By the share of the person's own pairs that are newer; of one moment alike, in whatever order they stand."""
    trainee, coach = np.array([1, 0, 0, 0, 0]), np.array([0, 3, 1, 0, 2])
    seen = Observed(
        trainee, coach, np.ones(5), np.ones(5), np.array([9, 5, 1, 5, 7]), np.zeros(5), has_no=False, is_graded=False
    )
    liked = csr_array(np.array([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    made = fading(seen, liked)
    assert made is not None
    weights = made.todense()
    assert np.array_equal(weights > 0, liked.todense() > 0)  # what was not chosen gladly is no history
    share = np.array([[0.5, 0.875, 0.125], [0.5, np.inf, np.inf]])
    fading_away = np.where(share < np.inf, 0.2 + 0.8 * np.exp2(-share / 0.15), 0.0)
    assert np.allclose(weights[:, :3], fading_away)
    assert fading(attrs.evolve(seen, at=np.zeros(5, np.int64)), liked) is None


def test_its_reasons_add_up_and_a_file_keeps_it(model: CoachMatcher, tmp_path: Path) -> None:
    """Base and contributions are the logit within 1e-9, and a saved model has the same bits."""
    rows = np.tile(np.arange(60, dtype=np.int32), (4, 1))
    who = TRAINEES.take(range(4))
    model.save(tmp_path / "m.zip", with_coaches=True)
    loaded = CoachMatcher.load(tmp_path / "m.zip", plugins=[coachhub_scipy])
    assert loaded.score(who).tobytes() == model.score(who).tobytes()
    index = loaded.model.index(COACHES)
    said = index.probabilities(who, rows)["wants"]
    for i, reasons in enumerate(index.explain(who, rows)):
        for place, mine in enumerate(reasons):
            total = sum(r.contribution for r in mine)
            assert abs(total - np.log(said[i, place] / (1 - said[i, place]))) < 1e-9


def test_a_step_of_before_it_was_told_apart_is_read(model: CoachMatcher) -> None:
    """A file that does not speak of it counts every earlier choice alike."""
    assert isinstance(model.model, DuetMatcher)
    assert model.model.learned is not None
    step = model.model.learned.steps[0]
    assert step.lately_gain[0] > 0
    kept = Kept()
    step.save(kept)
    assert StepModel.load(kept, step.name).lately_gain == step.lately_gain
    del kept.documents[f"steps/{step.name}/step"]["lately_gain"]
    former = StepModel.load(kept, step.name)
    assert former.lately_gain == (0.0, 0.0)
    assert former.history_gain == step.history_gain


class Kept:
    """An artefact that is only in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.arrays: dict[str, NDArray[Any]] = {}

    def put_json(self, name: str, value: object) -> None:
        self.documents[name] = json.loads(json.dumps(value))

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        self.arrays[name] = array

    def json(self, name: str) -> Any:
        return self.documents[name]

    def array(self, name: str) -> NDArray[Any]:
        return self.arrays[name]
