"""What ``duet`` takes from a model that learned before: ``fit(…, prior=model)``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import coachhub_scipy
from coachhub_core.matching import CoachMatcher, CoachTable, Number, OutcomeLog, TraineeTable
from coachhub_core.matching.market import make_market, take_events
from coachhub_core.ports.matcher import Matcher
from coachhub_scipy import choice_parts
from coachhub_scipy.choice_gains import DEFAULT_GAINS, gains_before
from coachhub_scipy.earlier import Earlier

pytestmark = pytest.mark.xdist_group("duet prior")

PLUGINS = [coachhub_scipy]
N_EVENTS = 30
SEEDS = range(4)
SIDES = (CoachTable, TraineeTable)


@attrs.frozen
class Half:
    """Some of a market's people, and what happened among them."""

    coaches: CoachTable
    trainees: TraineeTable
    log: OutcomeLog
    truth: NDArray[np.float64]  #: of a success, of each pair
    right: NDArray[np.bool_]  #: drawn from it

    def learned(self, *, n: int | None = None, prior: CoachMatcher | None = None) -> CoachMatcher:
        """Learn from all events, or from the first *n*."""
        log = self.log if n is None else take_events(self.log, np.arange(n))
        return CoachMatcher.fit(log, self.coaches, self.trainees, plugins=PLUGINS, prior=prior)

    def worth(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say how well they are ordered for a trainee on average: nDCG@5 by the truth, and AUC by what was drawn."""
        best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        discount = 1 / np.log2(np.arange(5) + 2)
        ideal = -np.sort(-self.truth, axis=1)[:, :5] @ discount
        gained = np.take_along_axis(self.truth, best, axis=1) @ discount / ideal
        won = [
            float((mine[yes][:, None] > mine[~yes]).mean())
            for mine, yes in zip(scores, self.right, strict=True)
            if yes.any() and not yes.all()
        ]
        return np.array([np.mean(gained), np.mean(won)])


def halves(climate: str, seed: int, n: int = 200, *, only: str | None = None) -> tuple[Half, Half]:
    """Draw a market, and part it: two thirds of the coaches and three quarters of the trainees, and the others."""
    market = make_market(climate, n_trainees=n, n_coaches=45, seed=seed)
    rng = np.random.default_rng(seed)
    is_new = rng.permutation(n) < n // 4, rng.permutation(45) < 15
    event = np.array(market.log.event)
    rows_of = (
        {id_: i for i, id_ in enumerate(market.trainees.ids)},
        {id_: i for i, id_ in enumerate(market.coaches.ids)},
    )
    who = np.array([rows_of[0][id_] for id_ in market.log.trainee])
    whom = np.array([rows_of[1][id_] for id_ in market.log.coach])
    made = []
    for new in (False, True):
        mine, theirs = (np.flatnonzero(side == new) for side in is_new)
        is_theirs = (is_new[0][who] == new) & (is_new[1][whom] == new) & ((event == only) | (only is None))
        cells = np.ix_(mine, theirs)
        made.append(
            Half(
                market.coaches.take(theirs),
                market.trainees.take(mine),
                take_events(market.log, np.flatnonzero(is_theirs)),
                market.probability("success")[cells],
                market.draw("success")[cells],
            )
        )
    return made[0], made[1]


def comparisons_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a prior be worth what it was when it gave nothing but what two columns have in common."""
    made = Earlier.of.__func__  # type: ignore[attr-defined]  # a class method

    def of(cls: Any, *how: Any) -> Earlier:
        return attrs.evolve(made(cls, *how), steps={})

    monkeypatch.setattr(Earlier, "of", classmethod(of))


@pytest.mark.parametrize(
    ("climate", "n", "only"),
    [
        ("much", 200, None),
        ("one_sided", 200, None),
        ("missing", 500, "contacted"),  # without what was shown there is no no: a step of choices
    ],
)
def test_few_events_lean_on_a_model_of_the_same_market(
    climate: str, n: int, only: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 events of people nobody met: better than alone, and than by comparisons alone, on average of four markets."""
    found = []
    for seed in SEEDS:
        before, now = halves(climate, seed, n, only=only)
        prior = before.learned()
        alone, beside = now.learned(n=N_EVENTS), now.learned(n=N_EVENTS, prior=prior)
        with monkeypatch.context() as patched:
            comparisons_alone(patched)
            compared = now.learned(n=N_EVENTS, prior=prior)
        found.append([now.worth(one.score(now.trainees)) for one in (alone, compared, beside)])
    worth = np.mean(found, axis=0)
    assert (worth[2] > worth[:2] + np.array([[0.01], [0.003]])).all(), worth


@pytest.mark.parametrize(("climate", "n", "only"), [("much", 200, None), ("missing", 400, "contacted")])
def test_many_events_hardly_need_it(climate: str, n: int, only: str | None) -> None:
    """A prior of another market, beside a long log: almost the same scores, ordered about as well."""
    here, other = (halves(climate, seed, n, only=only)[0] for seed in (2, 52))
    prior = other.learned()
    alone, beside = (here.learned(prior=given).score(here.trainees) for given in (None, prior))
    assert np.corrcoef(alone.ravel(), beside.ravel())[0, 1] > 0.95
    assert np.abs(here.worth(alone) - here.worth(beside)).max() < 0.03
    alone, beside = (here.learned(n=N_EVENTS, prior=given).score(here.trainees) for given in (None, prior))
    assert np.corrcoef(alone.ravel(), beside.ravel())[0, 1] < 0.95  # it is the log that has the say


# ── what it is made of ──────────────────────────────────────────────────────


@pytest.fixture(scope="module", params=[None, "contacted"], ids=["answers", "choices"])
def market(request: pytest.FixtureRequest) -> tuple[Half, Half]:
    """People a model learns from, and others of their kind."""
    return halves("missing" if request.param else "much", 7, 300 if request.param else 120, only=request.param)


@pytest.fixture(scope="module")
def prior(market: tuple[Half, Half]) -> CoachMatcher:
    """A model of the former."""
    return market[0].learned()


def test_columns_of_other_names_say_nothing(market: tuple[Half, Half]) -> None:
    """The same model as without a prior, bit for bit."""
    before, now = market
    others = [
        table.build(ids=side.ids, **{f"their_{name}": column for name, column in side.columns.items()})
        for table, side in zip(SIDES, (before.coaches, before.trainees), strict=True)
    ]
    prior = CoachMatcher.fit(before.log, others[0], others[1], plugins=PLUGINS)
    alone, beside = now.learned(n=90), now.learned(n=90, prior=prior)
    assert alone.score(now.trainees).tobytes() == beside.score(now.trainees).tobytes()
    assert beside.facts["prior"] == prior.model_id


def test_nothing_is_taken_of_people(market: tuple[Half, Half]) -> None:
    """Whether the earlier model knows these people or others who did the same: one and the same model."""
    before, _ = market
    log = before.log
    renamed = attrs.evolve(
        log, trainee=tuple(f"was-{id_}" for id_ in log.trainee), coach=tuple(f"was-{id_}" for id_ in log.coach)
    )
    others = [
        table.build(ids=[f"was-{id_}" for id_ in side.ids], **side.columns)
        for table, side in zip(SIDES, (before.coaches, before.trainees), strict=True)
    ]
    said = []
    for of in ((log, before.coaches, before.trainees), (renamed, *others)):
        prior = CoachMatcher.fit(*of, plugins=PLUGINS)
        said.append(before.learned(n=90, prior=prior).score(before.trainees).tobytes())
    assert said[0] == said[1]


def test_the_same_prior_gives_the_same_model(tmp_path: Path, market: tuple[Half, Half], prior: CoachMatcher) -> None:
    """Twice, and from a file: one artefact."""
    _, now = market
    prior.save(tmp_path / "prior.zip")
    kept = CoachMatcher.load(tmp_path / "prior.zip", plugins=PLUGINS, coaches=now.coaches)
    assert kept.model_id == prior.model_id
    made = [now.learned(n=90, prior=given) for given in (prior, prior, kept)]
    assert len({one.save(tmp_path / f"{i}.zip") for i, one in enumerate(made)}) == 1
    assert made[0].model_id != now.learned(n=90).model_id


def test_contributions_still_add_up(market: tuple[Half, Half], prior: CoachMatcher) -> None:
    """Base and contributions are the logit of each step within 1e-9, for people with a history and without."""
    _, now = market
    model = now.learned(n=90, prior=prior)
    ranking = model.rank(now.trainees, 5)
    index = model.model.index(now.coaches)
    said = index.probabilities(now.trainees, ranking.rows)
    for i, reasons in enumerate(index.explain(now.trainees, ranking.rows)):
        for place, mine in enumerate(reasons):
            for step, p in said.items():
                total = sum(r.contribution for r in mine if r.code.startswith(f"{step}."))
                assert abs(total - np.log(p[i, place] / (1 - p[i, place]))) < 1e-9


def steps_of(model: CoachMatcher) -> dict[str, Any]:
    """Give the steps a model has learned, by name."""
    learned: Matcher | Any = model.model
    return {step.name: step for step in learned.learned.steps}


def by_features(model: CoachMatcher, step: str, part: str, people: Half) -> NDArray[np.float64]:
    """Give what a part of a step says of people by their columns, as far as it is not the same for all of a side."""
    learned: Any = model.model
    found = next(one for one in steps_of(model)[step].linear if one.name == part)
    left, right = (
        side.vectors(code.encode(table).values, np.full(len(table), -1))
        for side, code, table in (
            (found.left, learned.learned.code_trainee, people.trainees),
            (found.right, learned.learned.code_coach, people.coaches),
        )
    )
    made: NDArray[np.float64] = left @ right.T
    return made - made.mean(axis=0) - made.mean(axis=1, keepdims=True) + made.mean()


def test_what_columns_say_together_is_drawn_too() -> None:
    """Of answers: two columns that are compared with nothing, such as who goes well with whom, are known before."""
    before, now = halves("much", 7, 300)
    prior = before.learned()
    was = by_features(prior, "accepts", "fit", now).ravel()
    beside = by_features(now.learned(n=N_EVENTS, prior=prior), "accepts", "fit", now).ravel()
    assert np.corrcoef(beside, was)[0, 1] > 0.9


def test_a_step_without_a_no_is_of_answers_where_that_is_chance() -> None:
    """Two coaches of two said yes: they could have said no. Two hundred of two hundred: nobody is asked."""
    before, now = halves("much", 7, 300)
    prior = before.learned()
    event = np.array(now.log.event)
    asked, yes = (np.flatnonzero(event == name) for name in ("contacted", "accepted"))
    for n, is_of_answers in ((2, True), (len(yes), False)):
        log = take_events(now.log, np.sort(np.concatenate([asked[:n], yes[:n]])))
        for given, expected in ((None, False), (prior, is_of_answers)):
            model = CoachMatcher.fit(log, now.coaches, now.trainees, plugins=PLUGINS, prior=given)
            parts = [part.name for part in steps_of(model)["accepts"].linear]
            assert ("effects" in parts) == expected
            if expected:  # and how many say yes on the whole is known before, too: not all
                said = model.probabilities(now.trainees)["accepts"].mean()
                assert abs(said - prior.probabilities(before.trainees)["accepts"].mean()) < 0.15


def test_how_much_coaches_differ_is_known_before() -> None:
    """Beyond what columns say of them: 30 events cannot tell, so it stays near what the earlier model found."""
    before, now = halves("stars", 7)
    prior = before.learned()
    was, alone, beside = (
        steps_of(model)["accepts"].doubt_new
        for model in (prior, *(now.learned(n=N_EVENTS, prior=given) for given in (None, prior)))
    )
    assert abs(beside - was) < 0.1 * was < abs(alone - was)


def test_what_coaches_columns_say_is_drawn_towards_what_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of choices: whom everybody chooses, as far as columns tell it, is known before anybody has chosen enough."""
    before, now = halves("stars", 3, 400, only="contacted")
    prior = before.learned()
    learned: Any = prior.model
    features = learned.learned.code_coach.encode(now.coaches).values
    nobody = np.full(len(now.coaches), -1)
    was = next(p for p in steps_of(prior)["wants"].linear if p.name == "appeal").right.vectors(features, nobody)[:, 0]

    def appeal(given: CoachMatcher | None) -> tuple[float, float]:
        """How alike it is to what it was, and how far apart coaches are by their own choices."""
        made: Any = now.learned(n=N_EVENTS, prior=given).model
        part = next(p for p in made.learned.steps[0].linear if p.name == "appeal")
        features = made.learned.code_coach.encode(now.coaches).values
        told = part.right.vectors(features, nobody)[:, 0]
        return float(np.corrcoef(told, was)[0, 1]), float(np.ptp(part.right.own))

    alone, beside = appeal(None), appeal(prior)
    assert alone[0] + 0.2 < 0.7 < beside[0]
    monkeypatch.setattr(choice_parts, "_AT_LEAST", 0.0)
    assert beside[1] < appeal(prior)[1]  # what one choice says of a coach counts for less beside it


def test_comparisons_hold_on_to_what_was_learned_of_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of choices: drawn to what they were worth in that step, and more firmly than to what ships."""
    before, now = halves("missing", 1, 400, only="accepted")
    prior = before.learned()

    def far(given: CoachMatcher | None) -> float:
        """How far the worth is, of 60 choices, from what it was before."""
        made = steps_of(now.learned(n=60, prior=given))["accepts"].compare
        return float(np.linalg.norm(made - steps_of(prior)["accepts"].compare))

    near = far(prior)
    assert near < 0.5 * far(None)
    monkeypatch.setattr(choice_parts, "_TOLD_RIDGE", choice_parts._RIDGE)
    assert near < far(prior)


def test_where_nothing_can_tell_the_parts_count_as_before() -> None:
    """What counted there counts here, what did not is nothing; of a model that could not tell, what ships."""
    assert gains_before({}) == DEFAULT_GAINS
    assert gains_before({"appeal": DEFAULT_GAINS["appeal"]}) == DEFAULT_GAINS
    told = gains_before({"appeal": (0.9, 1.1), "kin": (1.0, 1.0)})
    assert (told["appeal"], told["kin"], told["tower"]) == ((0.9, 1.1), (1.0, 1.0), (0.0, 0.0))
    assert set(told) == set(DEFAULT_GAINS)
    before, now = halves("one_sided", 7, 300, only="contacted")
    prior = before.learned()
    was, made = (steps_of(model)["wants"] for model in (prior, now.learned(n=8, prior=prior)))
    assert was.compare_gain == made.compare_gain != DEFAULT_GAINS["compare"]
    gains = dict(zip([part.name for part in was.linear], was.gains, strict=True))
    assert {part.name: gain for part, gain in zip(made.linear, made.gains, strict=True)}.items() <= gains.items()


def test_towers_stay_where_too_few_chose() -> None:
    """Of three people no tower is learned: the one there was is kept, said of today's columns."""
    before, now = halves("much", 0, 500, only="contacted")
    prior = before.learned()
    log = take_events(now.log, np.flatnonzero(np.isin(now.log.trainee, sorted(set(now.log.trainee))[:3])))
    alone, beside = (
        CoachMatcher.fit(log, now.coaches, now.trainees, plugins=PLUGINS, prior=given) for given in (None, prior)
    )
    assert "tower" not in [part.name for part in steps_of(alone)["wants"].linear]
    more = now.learned(n=N_EVENTS, prior=prior)  # enough people to learn from, from where they were
    was, kept, learned = (by_features(model, "wants", "tower", now).ravel() for model in (prior, beside, more))
    assert np.corrcoef(was, kept)[0, 1] > 0.9
    assert 0.6 < np.corrcoef(kept, learned)[0, 1] < 0.9999


def test_a_prior_given_in_vain_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Of a model that shares no column nothing is taken, and a warning tells it; of one that shares any, none does."""
    log = OutcomeLog.build(
        [{"at": i, "trainee": f"t{i}", "coach": f"c{i % 3}", "event": "contacted"} for i in range(9)]
    )

    def learned(name: str, prior: CoachMatcher | None = None) -> CoachMatcher:
        coaches = CoachTable.build(ids=[f"c{j}" for j in range(3)], **{name: Number([1.0, 2.0, 3.0])})
        trainees = TraineeTable.build(ids=[f"t{i}" for i in range(9)], **{name: Number([float(i) for i in range(9)])})
        return CoachMatcher.fit(log, coaches, trainees, plugins=PLUGINS, prior=prior)

    prior = learned("height")
    for name, is_said in (("height", False), ("weight", True)):
        caplog.clear()
        learned(name, prior)
        assert ("the prior that was given shares no column" in caplog.text) == is_said
