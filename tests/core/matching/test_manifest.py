"""What a model's file says of where the model comes from, and what happens where it is asked with other columns."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coachhub_core import hookimpl
from coachhub_core.errors import Invalid
from coachhub_core.matching import CoachMatcher, CoachTable, Number, OutcomeLog, TraineeTable, matcher_from_scores
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.columns import Category, Labels
from coachhub_core.matching.manifest import differences, rounded
from coachhub_core.ports.matcher import MatcherOffer, Schema

COACHES = CoachTable.build(ids=["a", "b"], years=Number([1, 9]), place=Category(["Ulm", None]))
TRAINEES = TraineeTable.build(ids=["t"], goal=Labels([["run"]]), place=Category(["Ulm"]))
LOG = OutcomeLog.build(
    [
        {"at": 86_400_000_000, "trainee": "t", "coach": "a", "event": "contacted"},
        {"at": 1, "trainee": "t", "coach": "b", "event": "opened"},
    ]
)


class Taught:
    """A matcher of scores that says of its learning what a manifest asks for."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.prior_id = "taught-prior/3"
        self.metrics: Mapping[str, float] = {"wants.log_loss": 0.12345678, "odd": float("nan")}

    def fit(self, *args: Any, prior: Any = None, **how: Any) -> Taught:
        return Taught(self._real.fit(*args, **how))

    def load(self, source: Any) -> Any:
        return self._real.load(source)

    def save(self, out: Any) -> None:
        self._real.save(out)

    def index(self, coaches: CoachTable, **how: Any) -> Any:
        return self._real.index(coaches, **how)


def plugins(*, is_taught: bool = False) -> list[Any]:
    scores = matcher_from_scores(
        lambda _, c: np.nan_to_num(c.number("years")).astype(float), name="years", needs={"years", "place"}
    )
    offer = MatcherOffer(make=lambda: Taught(scores.make()), version="7", needs=scores.needs) if is_taught else scores
    return [SimpleNamespace(coachhub_matchers=hookimpl(lambda: {"years": offer}))]


def fitted(**how: Any) -> CoachMatcher:
    taught = plugins(is_taught=how.pop("is_taught", False))
    return CoachMatcher.fit(LOG, COACHES, TRAINEES, matcher="years", plugins=taught, **how)


def test_a_model_says_where_it_comes_from(tmp_path: Path) -> None:
    """Columns it saw and no others, the log's first and last moment, seed, figures, prior: and it is kept as it is."""
    model = fitted(is_taught=True, seed=3)
    schema = {"coaches": {"place": "category", "years": "number"}, "trainees": {"place": "category"}}
    assert model.facts == {
        "matcher": "years",
        "version": "7",
        "schema": schema,
        "schema_hash": Schema(**schema).hash,
        "window": ["1970-01-01T00:00:00.000001+00:00", "1970-01-02T00:00:00+00:00"],
        "seed": 3,
        "metrics": {"wants.log_loss": 0.123457},
        "prior": "taught-prior/3",
    }
    assert model.save(tmp_path / "m.zip") == model.model_id
    loaded = CoachMatcher.load(tmp_path / "m.zip", plugins=plugins())
    assert {**loaded.facts, "version": "7"} == model.facts
    source = ZipArtefactReader.open(tmp_path / "m.zip")
    assert json.loads(json.dumps(source.manifest["metrics"])) == {"wants.log_loss": 0.123457}


def test_figures_of_the_gate_and_a_given_prior_take_their_place(tmp_path: Path) -> None:
    """What let a model become live says more than its own training; a prior is named by its model_id."""
    first = fitted(is_taught=True)
    model = fitted(is_taught=True, prior=first, metrics={"ndcg_at_10": 0.5})
    assert (model.facts["prior"], model.facts["metrics"]) == (first.model_id, {"ndcg_at_10": 0.5})
    with pytest.raises(Invalid, match="is a model of 'plain', and 'years' is to learn"):
        fitted(prior=CoachMatcher(matcher="plain", plugins=[]))


def test_without_a_log_there_is_no_window() -> None:
    """And a log whose moments are no dates keeps its numbers."""
    empty = CoachMatcher.fit(OutcomeLog.build(), COACHES, TRAINEES, matcher="years", plugins=plugins())
    assert (empty.facts["window"], empty.facts["prior"], empty.facts["metrics"]) == (None, None, {})
    far = OutcomeLog.build([{"at": 1 << 61, "trainee": "t", "coach": "a", "event": "opened"}])
    assert CoachMatcher.fit(far, COACHES, TRAINEES, matcher="years", plugins=plugins()).facts["window"] == [1 << 61] * 2


def test_only_figures_that_are_numbers_are_kept() -> None:
    """Six digits; what is infinite or none says nothing."""
    assert rounded({"a": 1 / 3, "b": float("inf"), "c": float("nan"), "d": 2}) == {"a": 0.333333, "d": 2.0}


def test_other_columns_are_named_once_and_answered_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Missing, new, and of another kind: in the log and in the host's state; no refusal."""
    fitted().save(tmp_path / "m.zip")
    other = CoachTable.build(ids=["a", "b"], place=Number([1, 2]))
    model = CoachMatcher.load(tmp_path / "m.zip", coaches=other, plugins=plugins())
    with caplog.at_level(logging.WARNING, "coachhub.matching"):
        for _ in range(3):
            model.score(TRAINEES)
    said = [record.getMessage() for record in caplog.records]
    expected = "coaches.place is number and was category, coaches.years is missing"
    assert said == [f"the model {model.model_id[:12]} was fitted on other columns: {expected}"]
    assert model._opened()[1].state().differs == tuple(expected.split(", "))
    assert differences(model.facts, "trainees", TRAINEES) == ("trainees.goal was not there to learn from",)


def test_a_model_of_before_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without any of it in the manifest, nothing is compared and nothing is said."""
    out = ZipArtefactWriter()
    plugins()[0].coachhub_matchers()["years"].make().save(out)
    out.write(tmp_path / "m.zip", matcher="years", version="1")
    model = CoachMatcher.load(tmp_path / "m.zip", coaches=COACHES, plugins=plugins())
    assert model.score(TRAINEES).tolist() == [[1.0, 9.0]]
    assert (model.facts, caplog.records) == ({"matcher": "years", "version": "1"}, [])
