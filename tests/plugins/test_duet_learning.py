"""What ``duet`` learns, from tables that are not CoachHub's, with nothing but its defaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import coachhub_scipy
from coachhub_core.errors import ArtefactError, PluginError
from coachhub_core.matching import (
    AllowedPairs,
    CoachMatcher,
    CoachTable,
    Labels,
    Number,
    OutcomeLog,
    Texts,
    TraineeTable,
    Vector,
)
from coachhub_core.matching.artefact import ZipArtefactReader
from coachhub_core.matching.checks import check_ranking
from coachhub_core.matching.market import Market, make_market, take_events
from coachhub_core.ports.matcher import NEVER, Shortlisting

pytestmark = pytest.mark.xdist_group("duet learning")

N_BITS = 1_000  # drawn from behind the manifest; of a small file test_artefact turns every one
PLUGINS = [coachhub_scipy]


def ndcg(scores: NDArray[np.float64], right: NDArray[Any], k: int = 10) -> float:
    """The mean normalized gain of the first k."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    discount = 1 / np.log2(np.arange(best.shape[1]) + 2)
    gain = np.take_along_axis(right, best, axis=1) @ discount
    ideal = -np.sort(-right, axis=1)[:, :k] @ discount
    return float(np.mean(gain[ideal > 0] / ideal[ideal > 0]))


@pytest.fixture(scope="module")
def market() -> Market:
    """A market whose columns tell much."""
    return make_market("much", n_trainees=140, n_coaches=30, seed=3)


@pytest.fixture(scope="module")
def model(market: Market) -> CoachMatcher:
    """A model of its first weeks."""
    return CoachMatcher.fit(market.log_until(22), market.coaches, market.trainees, plugins=PLUGINS)


def test_it_orders_better_than_popularity(market: Market, model: CoachMatcher) -> None:
    """For people with a history and for newcomers, and no better than the truth itself."""
    log = market.log_until(22)
    asked = np.array([event == "contacted" for event in log.event])
    popular = np.zeros(len(market.coaches))
    for coach in np.array(log.coach, object)[asked]:
        popular[market.coaches.row_of(coach)] += 1
    right = market.draw("mutual").astype(float)
    scores = model.score(market.trainees)
    for people in (market.arrived < 22, market.arrived >= 22):
        theirs = ndcg(np.tile(popular, (int(people.sum()), 1)), right[people])
        assert (
            theirs + 0.02
            < ndcg(scores[people], right[people])
            < ndcg(market.probability("mutual")[people], right[people])
        )


def test_the_score_is_the_product_of_the_steps(market: Market, model: CoachMatcher) -> None:
    """Each step is a probability, and near the truth on the whole."""
    said = model.probabilities(market.trainees)
    assert set(said) == {"wants", "accepts", "goes_well"}
    product = said["wants"] * said["accepts"] * said["goes_well"]
    assert np.allclose(product, model.score(market.trainees), rtol=1e-12)
    for step in ("wants", "accepts"):
        assert abs(said[step].mean() - market.probability(step).mean()) < 0.1
        assert np.corrcoef(said[step].ravel(), market.probability(step).ravel())[0, 1] > 0.3


def test_a_one_sided_log_gives_a_one_sided_recommender() -> None:
    """A step without events drops out of the product."""
    market = make_market("one_sided", n_trainees=80, n_coaches=20, seed=1)
    model = CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=PLUGINS)
    assert set(model.probabilities(market.trainees.take([0]))) == {"wants"}


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_model_answers_alike_in_any_batch(market: Market, model: CoachMatcher, size: int) -> None:
    """A learned model gives the same bits however many ask together."""
    whole = model.rank(market.trainees.take(range(70)), 8)
    for start in range(0, 70, size):
        rows = range(start, min(start + size, 70))
        part = model.rank(market.trainees.take(rows), 8)
        assert part.rows.tobytes() == whole.rows[rows.start : rows.stop].tobytes()
        assert part.scores.tobytes() == whole.scores[rows.start : rows.stop].tobytes()


def test_contributions_add_up_to_each_logit(market: Market, model: CoachMatcher) -> None:
    """For each step of a learned model, base and contributions are its logit within 1e-9."""
    trainees = market.trainees.take(range(12))
    ranking = model.rank(trainees, 10)
    index = model.model.index(market.coaches)
    said = index.probabilities(trainees, ranking.rows)
    for i, reasons in enumerate(index.explain(trainees, ranking.rows)):
        for place, mine in enumerate(reasons):
            for step, p in said.items():
                total = sum(r.contribution for r in mine if r.code.startswith(f"{step}."))
                assert abs(total - np.log(p[i, place] / (1 - p[i, place]))) < 1e-9


def test_lists_chosen_together_keep_to_the_cap(market: Market, model: CoachMatcher) -> None:
    """Nobody stands on more lists than allowed, every list is full while there is room, and little is lost."""
    capped = model.rank_together(market.trainees, 3, max_shown=22)
    shown = np.bincount(capped.rows.ravel(), minlength=len(market.coaches))
    assert shown.max() <= 22
    assert (capped.rows >= 0).all()
    free = model.rank(market.trainees, 3)
    assert np.bincount(free.rows.ravel()).max() > 22
    assert capped.scores.sum() > 0.8 * free.scores.sum()
    few = model.rank_together(market.trainees.take(range(4)), 2, max_shown=1, allowed=AllowedPairs.of([1, 2, 5]))
    assert sorted(few.rows[few.rows >= 0].tolist()) == [1, 2, 5]


# ── data that is not ours ───────────────────────────────────────────────────


def test_ratings_alone_make_a_recommender() -> None:
    """Two groups with tastes of their own: each is recommended what the group liked, and not what it rated low."""
    records = []
    rng = np.random.default_rng(5)
    for i in range(120):
        for j in rng.permutation(40)[:18].tolist():
            stars = rng.choice([4, 5]) if i % 2 == j % 2 else rng.choice([1, 2])
            records.append(
                {"at": i * 100 + j, "trainee": f"u{i}", "coach": f"c{j}", "event": "rated", "value": float(stars)}
            )
    coaches, trainees = (
        CoachTable.build(ids=[f"c{j}" for j in range(40)]),
        TraineeTable.build(ids=[f"u{i}" for i in range(120)]),
    )
    log = OutcomeLog.build(records)
    model = CoachMatcher.fit(log, coaches, trainees, plugins=PLUGINS)
    assert set(model.probabilities(trainees.take([0]))) == {"wants", "goes_well"}
    ranking = model.rank(trainees, 5, allowed=AllowedPairs.except_seen(log))
    own = (ranking.rows % 2) == (np.arange(120) % 2)[:, None]
    assert own.mean() > 0.9


def test_a_vector_tells_by_the_few_directions_that_people_choose_by() -> None:
    """An embedding of which most is noise: newcomers among the coaches are told apart by what is none."""
    rng = np.random.default_rng(0)
    n, m, n_known = 300, 160, 120
    taste, kind = rng.normal(size=(n, 4)), rng.normal(size=(m, 4))
    likes = taste @ kind.T
    said = kind @ rng.normal(size=(4, 96)) + 1.5 * rng.normal(size=(m, 96))
    chosen = np.argsort(-(likes[:, :n_known] + rng.gumbel(size=(n, n_known))), axis=1)[:, :10]
    records = [{"at": i, "trainee": i, "coach": j, "event": "chose"} for i in range(n) for j in chosen[i].tolist()]
    coaches, trainees = CoachTable.build(ids=range(m), said=Vector(said)), TraineeTable.build(ids=range(n))
    log = OutcomeLog.build(records, steps={"wants": ("chose",)})
    scores = np.log(CoachMatcher.fit(log, coaches, trainees, plugins=PLUGINS).score(trainees))[:, n_known:]
    alike = [np.corrcoef(mine, true)[0, 1] for mine, true in zip(scores, likes[:, n_known:], strict=True)]
    assert np.mean(alike) > 0.82  # 0.76 where all directions count alike


def test_words_lead_to_whom_they_led_before() -> None:
    """Requests in free text: a newcomer's words find who answered such words, where the expert's line says nothing."""
    themes = ["mountains and snow", "engines and oil", "flour and yeast", "violins and bows"]
    records, goals = [], []
    for i in range(200):
        goals.append([f"question {i % 7} about {themes[i % 4]} please"])
        records.append({"at": i, "trainee": f"q{i}", "coach": f"e{i % 4}", "event": "chosen"})
    experts = CoachTable.build(ids=[f"e{j}" for j in range(12)], line=Texts([["knows things"]] * 12))
    requests = TraineeTable.build(ids=[f"q{i}" for i in range(200)], text=Texts(goals))
    log = OutcomeLog.build(records, steps={"wants": ("chosen",)})
    model = CoachMatcher.fit(log, experts, requests, plugins=PLUGINS)
    new = TraineeTable.build(ids=["n1", "n2"], text=Texts([["more yeast for my flour"], ["oil for old engines"]]))
    assert model.rank(new, 1).rows[:, 0].tolist() == [2, 1]


def test_words_and_a_history_are_learned_from_together() -> None:
    """People who chose often and also say what they look for: a newcomer's words find what such people chose."""
    themes = ["mountains and snow", "engines and oil"]
    records = [
        {"at": 10 * i + j, "trainee": f"u{i}", "coach": f"c{2 * ((i + j) % 12) + i % 2}", "event": "click"}
        for i in range(120)
        for j in range(6)
    ]
    coaches = CoachTable.build(ids=[f"c{j}" for j in range(24)])
    said = Texts([[f"request {i % 7} about {themes[i % 2]}"] for i in range(120)])
    trainees = TraineeTable.build(ids=[f"u{i}" for i in range(120)], goal=said)
    log = OutcomeLog.build(records, steps={"wants": ("click",)})
    model = CoachMatcher.fit(log, coaches, trainees, plugins=PLUGINS)
    new = TraineeTable.build(ids=["n1", "n2"], goal=Texts([["snow on mountains"], ["oil for engines"]]))
    assert (model.rank(new, 4).rows % 2).tolist() == [[0] * 4, [1] * 4]


def test_newcomers_are_told_by_their_features() -> None:
    """New items are ranked by what their features said of others, for a person with a history."""
    records = [
        {"at": 10 * i + j, "trainee": f"u{i}", "coach": f"c{2 * j + i % 2}", "event": "click"}
        for i in range(60)
        for j in range(8)
    ]
    coaches = CoachTable.build(
        ids=[f"c{j}" for j in range(24)], genre=Labels([["odd" if j % 2 else "even"] for j in range(24)])
    )
    trainees = TraineeTable.build(ids=[f"u{i}" for i in range(60)])
    log = OutcomeLog.build(records, steps={"wants": ("click",)})
    model = CoachMatcher.fit(log, coaches, trainees, plugins=PLUGINS)
    ranking = model.rank(trainees, 4, allowed=AllowedPairs.of(range(16, 24)))  # nobody clicked on one of these
    assert ((ranking.rows % 2) == (np.arange(60) % 2)[:, None]).mean() > 0.9


@pytest.mark.parametrize("records", [[], [{"at": 1, "trainee": "t0", "coach": "c0", "event": "contacted"}]])
def test_little_is_enough(records: list[dict[str, Any]]) -> None:
    """Ids alone, one event or none: an answer, and no exception."""
    coaches, trainees = CoachTable.build(ids=["c0", "c1"]), TraineeTable.build(ids=["t0", "t1"])
    model = CoachMatcher.fit(OutcomeLog.build(records), coaches, trainees, plugins=PLUGINS)
    assert (model.rank(trainees, 3).rows[:, :2] >= 0).all()


def test_vectors_may_be_as_long_as_float32_can_tell() -> None:
    """Their spread is told apart where its square is more than a float32 holds; the nearest comes first."""
    coaches = CoachTable.build(ids=["c0", "c1", "c2"], v=Vector([[3e38, -3e38], [1e-45, 0.0], [2e38, 1e38]]))
    trainees = TraineeTable.build(ids=["t0"], v=Vector([[3e38, -3e38]]))
    log = OutcomeLog.build([{"at": 1, "trainee": "t0", "coach": "c0", "event": "contacted"}])
    model = CoachMatcher.fit(log, coaches, trainees, plugins=PLUGINS)
    assert model.rank(trainees, 1).rows[0, 0] == 0
    assert np.isfinite(model.score(trainees)).all()


def test_more_columns_are_compared_where_that_is_said() -> None:
    """``pairs`` compares columns of different names."""
    coaches = CoachTable.build(ids=["dear", "cheap"], cost=Number([90, 30]))
    trainees = TraineeTable.build(ids=["t"], purse=Number([40]))
    empty = OutcomeLog.build()
    model = CoachMatcher.fit(empty, coaches, trainees, pairs={"price": ("purse", "cost")}, plugins=PLUGINS)
    assert model.rank(trainees, 1).rows[0, 0] == 1
    with pytest.raises(PluginError, match="takes no pairs"):
        CoachMatcher.fit(empty, coaches, trainees, matcher="plain", pairs={"price": ("purse", "cost")}, plugins=PLUGINS)


# ── keeping ─────────────────────────────────────────────────────────────────


def test_a_saved_model_answers_alike(tmp_path: Path, market: Market, model: CoachMatcher) -> None:
    """With its coaches inside, an artefact is all that is needed; saved again it has the same bytes."""
    model_id = model.save(tmp_path / "m.zip", with_coaches=True)
    loaded = CoachMatcher.load(tmp_path / "m.zip", plugins=PLUGINS)
    assert loaded.model_id == model_id
    trainees = market.trainees.take(range(30))
    before, after = model.rank(trainees, 10), loaded.rank(trainees, 10)
    assert before.rows.tobytes() == after.rows.tobytes()
    assert before.scores.tobytes() == after.scores.tobytes()
    loaded.save(tmp_path / "again.zip", with_coaches=True)
    assert (tmp_path / "m.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_a_flipped_bit_of_a_learned_model_is_refused(tmp_path: Path, model: CoachMatcher) -> None:
    """Of the manifest every bit, and 1,000 drawn from all the rest: none may differ."""
    model.save(tmp_path / "m.zip")
    data = bytearray((tmp_path / "m.zip").read_bytes())
    head = 30 + len("manifest.json")
    end = head + int.from_bytes(data[22:26], "little")
    drawn = np.random.default_rng(2).integers(8 * end, 8 * len(data), N_BITS).tolist()
    n_read = 0
    for bit in (*range(8 * end), *drawn):
        data[bit >> 3] ^= 1 << (bit & 7)
        try:
            ZipArtefactReader._of(memoryview(data))
            n_read += 1
        except ArtefactError:
            pass
        data[bit >> 3] ^= 1 << (bit & 7)
    assert n_read == 0
    ZipArtefactReader._of(memoryview(data))  # as it was, it is read


def test_what_little_says_is_filled_in_by_a_prior() -> None:
    """40 events order better beside what another market taught; without any, it is that model."""
    big = make_market("much", n_trainees=150, n_coaches=30, seed=4)
    prior = CoachMatcher.fit(big.log, big.coaches, big.trainees, plugins=PLUGINS)
    for seed in (11, 13):
        market = make_market("much", n_trainees=100, n_coaches=30, seed=seed)
        few = take_events(market.log, np.arange(40))
        truth = np.prod(np.stack(list(market.truth.values())), axis=0)
        worth = []
        for given in (None, prior):
            model = CoachMatcher.fit(few, market.coaches, market.trainees, plugins=PLUGINS, prior=given)
            scores = model.score(market.trainees)
            worth.append(np.mean([np.corrcoef(mine, true)[0, 1] for mine, true in zip(scores, truth, strict=True)]))
            assert model.facts["prior"] == ("duet-prior/1" if given is None else prior.model_id)
        assert worth[1] > worth[0]
    empty = CoachMatcher.fit(OutcomeLog.build(), big.coaches, big.trainees, plugins=PLUGINS, prior=prior)
    assert empty.score(big.trainees).tobytes() == prior.score(big.trainees).tobytes()
    unlearned = CoachMatcher(matcher="duet", plugins=PLUGINS)
    alike = [
        CoachMatcher.fit(few, market.coaches, market.trainees, plugins=PLUGINS, prior=p) for p in (None, unlearned)
    ]
    assert alike[0].score(market.trainees).tobytes() == alike[1].score(market.trainees).tobytes()


_TRAIN = """
import sys, coachhub_scipy
from pathlib import Path
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.market import make_market
market = make_market("little", n_trainees=60, n_coaches=20, seed=9)
CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy]).save(Path(sys.argv[1]))
"""


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two fresh processes, one log: one artefact."""
    for name in ("a.zip", "b.zip"):
        subprocess.run(
            [sys.executable, "-c", _TRAIN, str(tmp_path / name)], check=True, env={"OPENBLAS_NUM_THREADS": "1"}
        )
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_serving_loads_no_scipy(tmp_path: Path, model: CoachMatcher, market: Market) -> None:
    """scipy costs a second and 66 MB: only training pays for it."""
    model.save(tmp_path / "m.zip", with_coaches=True)
    code = (
        "import sys, coachhub_scipy; from pathlib import Path;"
        "from coachhub_core.matching import CoachMatcher, TraineeTable;"
        "m = CoachMatcher.load(Path(sys.argv[1]), plugins=[coachhub_scipy]);"
        "assert (m.rank(TraineeTable.build(ids=['x']), 3).rows >= 0).all();"
        "sys.exit('scipy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.zip")], check=True)


def test_a_missing_scipy_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever chose duet on a bare install reads what to do."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"install coachhub\[matching\], or set matcher = plain"):
        coachhub_scipy.coachhub_matchers()["duet"].make()


def test_many_coaches_are_ranked_by_candidates(
    market: Market, model: CoachMatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit the best at first sight are scored: the same lists in any batch, and said not to be exact."""
    monkeypatch.setattr("coachhub_scipy.index.WHOLE", 10)
    trainees = market.trainees.take(range(20))
    matcher = model.model
    assert isinstance(matcher, Shortlisting)
    index = matcher.with_candidates(12).index(market.coaches)
    everyone = AllowedPairs.everyone().bound_to(market.coaches, trainees)
    ranking = index.rank(trainees, 20, everyone, deadline=NEVER)
    check_ranking(ranking, market.coaches, everyone, len(trainees), 20)
    assert not ranking.is_exact
    whole = model.rank(trainees, 5)
    shared = np.mean(
        [len(set(a) & set(b)) for a, b in zip(ranking.rows[:, :5].tolist(), whole.rows.tolist(), strict=True)]
    )
    assert shared > 3.5  # of five: the first look finds nearly all that scoring everybody finds
    for i in range(20):
        alone = index.rank(trainees.take([i]), 20, everyone, deadline=NEVER)
        assert alone.rows.tobytes() == ranking.rows[i].tobytes()
        assert alone.scores.tobytes() == ranking.scores[i].tobytes()
    for k in (1, 7, 12, 15):
        assert np.array_equal(index.rank(trainees, k, everyone, deadline=NEVER).rows, ranking.rows[:, :k])
    few = AllowedPairs.of([2, 4, 6]).bound_to(market.coaches, trainees)
    assert np.array_equal(np.sort(index.rank(trainees, 3, few, deadline=NEVER).rows, axis=1), [[2, 4, 6]] * 20)
