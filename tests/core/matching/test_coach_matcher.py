"""``CoachMatcher``: the original's class, working from the first line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import coachhub_scipy
from coachhub_core import hookimpl
from coachhub_core.domain.vocabulary import shipped
from coachhub_core.errors import ArtefactError, Invalid, MatcherFault, PluginError
from coachhub_core.matching import AllowedPairs, CoachMatcher, CoachTable, Labels, Number, certify, matcher_from_scores
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.hosted import Hosted
from coachhub_core.matching.market import make_market
from coachhub_core.matching.sample import sample_coaches, sample_rows
from coachhub_core.matching.schema import coach_table, trainee_table
from coachhub_core.memory.matcher import PlainMatcher
from coachhub_core.ports.matcher import MatcherOffer
from coachhub_core.testing.cases import a_case

GOALS = [
    "run my first marathon",
    "lose weight after the holidays",
    "get stronger",
    "build muscle",
    "yoga to relax",
    "less back pain",
    "first pull-up",
    "my first triathlon",
    "boxing",
    "climbing, mostly bouldering",
    "postpartum training",
    "I am pregnant and want to stay active",
    "better posture at my desk",
    "more mobility in my hips",
    "stay fit over 70",
    "cycling, a gran fondo in June",
    "crossfit",
    "football season",
    "trekking in the Alps",
    "a powerlifting meet",
]


def test_it_works_with_nothing_given() -> None:
    """The packaged sample answers, and the answer says that it is one."""
    found = CoachMatcher().find_matches({"goal": "first marathon", "budget": 60}, limit=5)
    assert [suggestion.rank for suggestion in found] == [1, 2, 3, 4, 5]
    assert found.degraded == "sample"
    assert found.matcher == "duet"
    assert found[0].reasons[0].code == "wants.specialties"
    assert {reason.code for reason in found[0].reasons[-3:]} == {"wants.base", "accepts.base", "goes_well.base"}
    assert set(found.relaxations) == {"seats", "price"}
    assert 5 <= found.n_eligible <= 200


def test_a_bare_install_is_answered_by_rules() -> None:
    """Without the plugin, and with it but without its library, ``plain`` answers, and nobody has to say so."""

    def without_a_library() -> Any:
        raise PluginError(reason="install coachhub[matching], or set matcher = plain")

    offer = MatcherOffer(make=without_a_library, version="1", needs=frozenset({"*"}))
    for plugins in ([], [plugin("duet", offer)]):
        found = CoachMatcher(plugins=plugins).find_matches({"goal": "first marathon", "budget": 60}, limit=5)
        assert (found.matcher, found.degraded, len(found)) == ("plain", "sample", 5)
        assert found[0].reasons[0].code == "fits.tags"
        assert found[0].reasons[-1].code == "fits.base"


@pytest.mark.parametrize("goal", GOALS)
def test_the_five_best_share_a_tag_with_the_goal(goal: str) -> None:
    """For twenty goals as people say them, on the packaged sample."""
    wanted = shipped().tags_in(goal)
    coaches = sample_coaches()
    found = CoachMatcher().find_matches({"goal": goal}, limit=5)
    assert (found.matcher, found.degraded, len(found)) == ("duet", "sample", 5)
    for suggestion in found:
        row = coaches.row_of(suggestion.coach_id)
        assert row is not None
        assert wanted & set(coaches.row(row)["specialties"])


def test_a_fresh_process_answers_within_two_seconds() -> None:
    """Imports included, of which scipy is none."""
    code = (
        "from coachhub_core import CoachMatcher;"
        "found = CoachMatcher().find_matches({'goal': 'get stronger'});"
        "assert (len(found), found.matcher) == (10, 'duet'), found;"
        "import sys; assert 'scipy' not in sys.modules; import time; print(time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2


def test_the_sample_is_the_same_everywhere() -> None:
    """Drawn through sha256 alone: this hash holds on every machine."""
    assert len(sample_coaches()) == 200
    assert coach_table(sample_rows()).content_hash == sample_coaches().content_hash
    assert sample_rows(3)[2] == sample_rows(200)[2]


def test_own_coaches_are_proposed_and_nothing_is_degraded() -> None:
    """Given a table, that is who is proposed."""
    table = coach_table([{"id": "a", "specialties": ["yoga"]}, {"id": "b", "seats_left": 0}])
    found = CoachMatcher(coaches=table).find_matches({"goal": "yoga"})
    assert [(s.rank, s.coach_id) for s in found] == [(1, "a")]
    assert (found.n_eligible, found.relaxations, found.degraded) == (1, {"seats": 1}, None)


def test_what_was_saved_answers_alike(tmp_path: Path) -> None:
    """With its coaches inside, an artefact needs nothing else; without, the sample serves."""
    matcher = CoachMatcher(coaches=coach_table(sample_rows(30, seed="mine")))
    profile = {"goal": "get stronger", "languages": ["en"]}
    model_id = matcher.save(tmp_path / "whole.zip", with_coaches=True)
    loaded = CoachMatcher.load(tmp_path / "whole.zip")
    assert loaded.model_id == model_id
    assert loaded.find_matches(profile).items == matcher.find_matches(profile).items
    assert loaded.find_matches(profile).degraded is None
    bare_id = matcher.save(tmp_path / "bare.zip")
    assert bare_id == matcher.model_id
    assert CoachMatcher(tmp_path / "bare.zip").find_matches(profile).degraded == "sample"


def test_who_was_erased_may_be_named_by_number(tmp_path: Path) -> None:
    """As the table was built: whoever is to be forgotten is in no list, and a lone text is no list of ids."""
    matcher = CoachMatcher(coaches=CoachTable.build(ids=[7, 8], price=Number([40, 50])))
    matcher.save(tmp_path / "m.zip", with_coaches=True)
    assert CoachMatcher.load(tmp_path / "m.zip", without=[7]).coaches.ids == ("8",)
    with pytest.raises(Invalid, match="without: needs a list"):
        CoachMatcher(tmp_path / "m.zip", without="7")


def test_loading_checks_at_once_and_making_does_not(tmp_path: Path) -> None:
    """A damaged file is refused by ``load``; the constructor opens nothing until the first question."""
    path = tmp_path / "model.zip"
    CoachMatcher().save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match=r"model\.zip"):
        CoachMatcher.load(path)
    matcher = CoachMatcher(path)
    with pytest.raises(ArtefactError):
        matcher.find_matches({"goal": "run"})


def test_the_model_is_what_load_model_gave() -> None:
    """The original's two names lead to one object."""
    matcher = CoachMatcher(plugins=[])
    assert isinstance(matcher._load_model(), PlainMatcher)
    assert matcher.model is matcher._load_model()


def test_an_unknown_member_is_refused_with_those_known() -> None:
    """A profile is read strictly."""
    with pytest.raises(Invalid, match="/gaol: unknown; known are: goal"):
        CoachMatcher().find_matches({"gaol": "run"})
    for limit in (0, 101):
        with pytest.raises(Invalid, match="from 1 to 100"):
            CoachMatcher().find_matches({"goal": "run"}, limit=limit)


def test_a_limit_may_be_numpys() -> None:
    """A whole number is one, wherever it was counted."""
    assert len(CoachMatcher(plugins=[]).find_matches({"goal": "first marathon"}, limit=np.int64(3))) == 3  # type: ignore[arg-type]


# ── plugins ─────────────────────────────────────────────────────────────────


def plugin(name: str, offer: MatcherOffer) -> Any:
    return SimpleNamespace(coachhub_matchers=hookimpl(lambda: {name: offer}))


def by_years(trainee: Any, coaches: CoachTable) -> Any:
    return np.nan_to_num(coaches.number("years").astype(np.float64))


def test_an_artefact_names_the_matcher_that_answers(tmp_path: Path) -> None:
    """A plugin's matcher is found by the name in the file; without the plugin it is refused by name."""
    offer = matcher_from_scores(by_years, name="years")
    out = ZipArtefactWriter()
    offer.make().save(out)
    out.write(tmp_path / "years.zip", matcher="years", version="1")
    coaches = coach_table([{"id": "young", "years": 1}, {"id": "old", "years": 9}])
    matcher = CoachMatcher.load(tmp_path / "years.zip", coaches=coaches, plugins=[plugin("years", offer)])
    found = matcher.find_matches({"goal": "run"})
    assert [(s.coach_id, s.score) for s in found] == [("old", 9.0), ("young", 1.0)]
    assert found.matcher == "years"
    with pytest.raises(PluginError, match="nobody offers the matcher 'years'; known: plain"):
        CoachMatcher.load(tmp_path / "years.zip", plugins=[])


@pytest.mark.parametrize("left", [SystemExit(3), GeneratorExit()])
def test_a_matcher_that_would_end_the_program_has_failed(left: BaseException) -> None:
    """Whoever asks reads a sentence, wherever it happens; in a list, the rules answer."""

    def leave(*_: Any) -> Any:
        raise left

    coaches = coach_table([{"id": "a"}, {"id": "b"}])
    trainees = trainee_table([{"id": "t"}])
    matcher = CoachMatcher(coaches=coaches, matcher="x", plugins=[plugin("x", matcher_from_scores(leave, name="x"))])
    for ask in (
        lambda: matcher.score(trainees),
        lambda: matcher.rank(trainees, 1),
        lambda: matcher.place(trainees),
        lambda: matcher.rank_together(trainees, 1, max_shown=1),
    ):
        with pytest.raises(MatcherFault, match=f"'x' left by {type(left).__name__}"):
            ask()
    found = matcher.find_matches({"goal": "run"})
    assert (found.matcher, found.degraded) == ("plain", "fault")


def test_ctrl_c_in_a_matcher_is_ctrl_c() -> None:
    """It is the person's at the keyboard, and no fault of the matcher's."""

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    coaches = coach_table([{"id": "a"}])
    offer = matcher_from_scores(interrupted, name="x")
    matcher = CoachMatcher(coaches=coaches, matcher="x", plugins=[plugin("x", offer)])
    with pytest.raises(KeyboardInterrupt):
        matcher.score(trainee_table([{"id": "t"}]))


def test_an_artefact_of_another_matcher_than_the_chosen_is_refused(tmp_path: Path) -> None:
    """Who chose a matcher by name and a file of another one is told so."""
    CoachMatcher(plugins=[]).save(tmp_path / "plain.zip")
    source = ZipArtefactReader.open(tmp_path / "plain.zip")
    with pytest.raises(ArtefactError, match="one of the matcher 'plain', and 'years' was chosen"):
        Hosted.of("years", matcher_from_scores(by_years, name="years"), source)


def test_one_name_is_offered_once() -> None:
    """Two plugins, or a plugin and what ships, do not share a name."""
    with pytest.raises(PluginError, match="'plain' is offered by two plugins"):
        CoachMatcher.load(plugins=[plugin("plain", matcher_from_scores(by_years, name="plain"))])


def test_an_offer_for_another_api_is_refused_by_name() -> None:
    """At the start, not at the first question."""
    offer = MatcherOffer(make=PlainMatcher, version="1", api=2, needs=frozenset({"*"}))
    with pytest.raises(PluginError, match="'late' is made for matcher api 2; this version serves api 1"):
        Hosted.of("late", offer)
    with pytest.raises(PluginError, match="promises unknown capabilities: magic"):
        Hosted.of("wizard", MatcherOffer(make=PlainMatcher, version="1", needs={"*"}, promises={"magic"}))


# ── many at once, and other people's tables ─────────────────────────────────


def test_many_are_ranked_as_one_is() -> None:
    """``rank`` applies no constraint; allowed pairs are the caller's."""
    case = a_case("many", n_coaches=30, n_trainees=5)
    matcher = CoachMatcher(coaches=case.coaches)
    ranking = matcher.rank(case.trainees, 4)
    assert ranking.rows.shape == (5, 4)
    assert matcher.score(case.trainees, ranking.rows).tolist() == ranking.scores.tolist()
    assert matcher.score(case.trainees).shape == (5, 30)
    assert matcher.score(case.trainees).max(axis=1).tolist() == ranking.scores[:, 0].tolist()
    few = matcher.rank(case.trainees, 4, allowed=AllowedPairs.of([7, 8]))
    assert set(few.rows.ravel().tolist()) <= {7, 8, -1}
    for rows in (np.zeros((2, 2), np.int32), np.full((5, 1), 30, np.int32)):
        with pytest.raises(Invalid, match="rows"):
            matcher.score(case.trainees, rows)
    with pytest.raises(Invalid, match="0 or more"):
        matcher.rank(case.trainees, -1)


def test_anybodys_tables_will_do() -> None:
    """Columns the rules do not know are no reason to fail: ids alone give the order of ids."""
    table = CoachTable.build(ids=["y", "x"], horsepower=Number([1, 2]))
    trainees = trainee_table([{"id": "t"}])
    assert CoachMatcher(coaches=table).rank(trainees, 2).rows.tolist() == [[1, 0]]


@pytest.mark.parametrize("matcher", ["plain", "duet"])
def test_columns_of_the_hubs_names_and_other_kinds_are_columns_like_any_other(matcher: str) -> None:
    """A table that counts languages is not CoachHub's: no rule reads it, and nothing fails by it."""
    numbers = {name: Number([1, 2]) for name in ("languages", "modalities", "city", "specialties", "bio", "levels")}
    lists = {name: Labels([["x"], ["y"]]) for name in ("currency", "price", "hours", "seats_left", "rating_sum")}
    model = CoachMatcher(coaches=CoachTable.build(ids=["a", "b"], **numbers, **lists), matcher=matcher)
    assert model.rank(trainee_table([{"id": "t"}]), 2).rows.tolist() == [[0, 1]]
    said = {"city": "x", "modalities": ["in_person"], "languages": ["en"], "specialties": ["yoga"], "hours": [1]}
    found = model.find_matches({"goal": "yoga", "budget": 1, "currency": "EUR", **said})
    assert (found.degraded, len(found)) == (None, 2)


@pytest.mark.parametrize("mode", ["stable", "welfare", "worst_first"])
def test_without_coaches_nobody_is_placed(mode: str) -> None:
    """It is an answer, not an error."""
    nobody = CoachMatcher(coaches=CoachTable.build(ids=[]))
    assert nobody.place(trainee_table([{"id": "t"}, {"id": "u"}]), mode=mode).coaches.tolist() == [[-1], [-1]]


def test_a_cohort_is_placed_within_seats_and_rules() -> None:
    """Two want the one seat; it goes to whom it suits better, the other gets the next, a third gets none."""
    coaches = coach_table(
        [
            {"id": "b", "specialties": ["yoga"], "seats_left": 1, "price": 40},
            {"id": "a", "specialties": ["boxing"], "seats_left": 1, "price": 40},
            {"id": "full", "specialties": ["yoga"], "seats_left": 0, "price": 40},
        ]
    )
    trainees = trainee_table(
        [{"id": "1", "goal": "yoga or boxing"}, {"id": "2", "goal": "yoga"}, {"id": "3", "goal": "yoga", "budget": 20}]
    )
    made = CoachMatcher(coaches=coaches).place(trainees)
    assert made.coaches.tolist() == [[1], [0], [-1]]
    with pytest.raises(Invalid, match="seats"):
        CoachMatcher(coaches=coaches).place(trainees, seats=[1])


@pytest.mark.parametrize("mode", ["stable", "welfare", "worst_first", "exact"])
def test_a_cohort_is_placed_by_whoever_has_the_mode(mode: str) -> None:
    """What ships is stable alone; the rest comes with the plugin, without being named."""
    market = make_market("much", n_trainees=30, n_coaches=10, seed=4)
    model = CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy])
    seats = [3] * 10
    made = model.place(market.trainees, mode=mode, seats=seats)
    every = [list(range(10))] * 30
    scores = model._all_scores(market.trainees)
    found = certify(every, scores, seats, made.coaches)
    assert found.broken == ()
    stable = certify(every, scores, seats, model.place(market.trainees, seats=seats).coaches)
    assert found.n_placed > 0
    assert mode not in ("welfare", "exact") or found.value > stable.value
    named = model.place(market.trainees, mode=mode, assigner="duet", seats=seats)
    assert certify(every, scores, seats, named.coaches).value == pytest.approx(found.value)


def test_a_mode_or_an_assigner_that_nobody_has_is_refused_by_name() -> None:
    """With what there is."""
    matcher = CoachMatcher(plugins=[coachhub_scipy])
    trainees = trainee_table([{"id": "1", "goal": "yoga"}])
    with pytest.raises(PluginError, match="the assigner 'plain' has no mode 'fair'"):
        matcher.place(trainees, mode="fair")
    with pytest.raises(PluginError, match="no assigner 'nobody' is offered; known: duet, plain"):
        matcher.place(trainees, assigner="nobody")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((None,), "trainee_profile: must be a mapping"),
        (([1],), "trainee_profile: must be a mapping"),
        (({"goal": "yoga"}, "5"), "limit: must be a whole number"),
        (({"goal": "yoga"}, True), "limit: must be a whole number"),
    ],
)
def test_what_is_no_profile_is_refused_in_a_sentence(given: tuple[Any, ...], sentence: str) -> None:
    """Not with an error of Python's."""
    with pytest.raises(Invalid, match=sentence):
        CoachMatcher().find_matches(*given)


def test_a_ranking_that_breaks_the_contract_is_a_fault() -> None:
    """The library checks as the hub does."""
    case = a_case("fault", n_coaches=5, n_trainees=1)
    matcher = CoachMatcher(coaches=case.coaches, plugins=[])
    host = matcher._opened()[1]

    class Wrong:
        def rank(self, *_: Any, **__: Any) -> None:
            return None

    host._snapshots.of(case.coaches).indexes[host._chosen] = Wrong()  # type: ignore[assignment]
    with pytest.raises(MatcherFault, match="a ranking is needed"):
        matcher.rank(case.trainees, 1)
