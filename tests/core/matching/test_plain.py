"""The matcher of rules: what moves a score, and how it says so."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from coachhub_core.domain.vocabulary import shipped
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.logistic import exponential, logit, sigmoid
from coachhub_core.matching.sample import sample_rows
from coachhub_core.matching.schema import coach_table, profile_table
from coachhub_core.matching.tables import CoachTable
from coachhub_core.memory.matcher import plain
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Reason
from coachhub_core.testing.matcher import logit_of


def ranked(coaches: list[dict[str, Any]], **profile: Any) -> list[tuple[str, dict[str, Reason]]]:
    """Rank these coaches: ids in order, each with its reasons by what they are about."""
    table, trainee = coach_table(coaches), profile_table({"goal": "fit", **profile})
    index = plain().index(table)
    ranking = index.rank(trainee, len(table), AllowedPairs.everyone().bound_to(table, trainee), deadline=NEVER)
    reasons = index.explain(trainee, ranking.rows)[0]
    for score, mine in zip(ranking.scores[0], reasons, strict=True):
        assert abs(logit_of(mine) - logit(score)) <= 1e-9
    return [
        (table.ids[row], {reason.code.removeprefix("fits."): reason for reason in mine})
        for row, mine in zip(ranking.rows[0], reasons, strict=True)
    ]


def test_who_answers_the_goal_comes_first() -> None:
    """The tag itself before a neighbour of it, before something else altogether."""
    coaches = [
        {"id": "other", "specialties": ["golf"]},
        {"id": "near", "specialties": ["running"]},
        {"id": "exact", "specialties": ["marathon"]},
        {"id": "silent"},
    ]
    found = ranked(coaches, goal="my first marathon")
    assert [id_ for id_, _ in found] == ["exact", "near", "silent", "other"]
    assert found[0][1]["tags"].evidence == {"tags": ["marathon"], "words": ["first marathon"], "unanswered": []}
    assert found[3][1]["tags"].evidence == {"asked": ["marathon"], "offers": ["golf"]}
    assert found[3][1]["tags"].contribution < 0


def test_a_wish_half_answered_says_which_half() -> None:
    """The evidence names the trainee's words that met, and the wish nobody here answers."""
    found = ranked([{"id": "a", "specialties": ["yoga", "golf"]}], goal="Yoga and boxing!")
    assert found[0][1]["tags"].evidence == {"tags": ["yoga"], "words": ["yoga"], "unanswered": ["boxing"]}


def test_goals_by_kind_and_tags_asked_for_count_like_words() -> None:
    """Structured wishes lead to the same tags as free ones."""
    coaches = [{"id": "a", "specialties": ["golf"]}, {"id": "b", "specialties": ["hypertrophy"]}]
    assert ranked(coaches, goal="please", goal_kinds=["muscle-gain"])[0][0] == "b"
    assert ranked(coaches, goal="please", specialties=["golf"])[0][0] == "a"


def test_words_in_the_bio_count_by_how_rare_they_are() -> None:
    """A word every coach uses tells nothing; one that few use tells who is meant."""
    coaches = [
        {"id": "a", "bio": "Kayak in white water"},
        {"id": "b", "bio": "White teeth"},
        {"id": "c", "bio": "White walls"},
    ]
    found = ranked(coaches, goal="white water kayaks")
    assert [id_ for id_, _ in found] == ["a", "b", "c"]
    assert found[0][1]["words"].evidence == {"words": ["kayaks", "water"]}
    assert "words" not in found[1][1]


def test_what_is_over_budget_says_by_how_much() -> None:
    """Against is said too; and what cannot be compared is not a reason."""
    coaches = [
        {"id": "cheap", "price": 30, "currency": "EUR"},
        {"id": "dear", "price": 54, "currency": "EUR"},
        {"id": "pounds", "price": 1, "currency": "GBP"},
    ]
    found = dict(ranked(coaches, budget=50, currency="EUR"))
    assert found["cheap"]["price"].evidence == {"price": 30.0, "budget": 50.0, "currency": "EUR"}
    assert found["dear"]["price"].evidence == {"price": 54.0, "budget": 50.0, "currency": "EUR", "over_percent": 8.0}
    assert found["cheap"]["price"].contribution > 0 > found["dear"]["price"].contribution
    assert "price" not in found["pounds"]


@pytest.mark.parametrize(
    ("coach", "profile", "what", "sign", "evidence"),
    [
        ({"hours": [1, 2, 3, 9]}, {"hours": [2, 3, 4]}, "hours", 1, {"n_shared": 2, "hours": [2, 3]}),
        ({"hours": [1]}, {"hours": [2]}, "hours", -1, {"n_shared": 0, "hours": []}),
        ({"languages": ["en-GB", "de"]}, {"languages": ["en"]}, "language", 1, {"languages": ["en"]}),
        ({"languages": ["fr"]}, {"languages": ["en"]}, "language", -1, {"speaks": ["fr"]}),
        ({"modalities": ["hybrid"]}, {"modalities": ["online"]}, "modality", 1, {"modalities": ["online"]}),
        ({"modalities": ["online"]}, {"modalities": ["in_person"]}, "modality", -1, {"offers": ["online"]}),
        ({"city": "Köln"}, {"city": "KOLN"}, "city", 1, {"city": "Köln"}),
        ({"city": "Bonn"}, {"city": "Köln", "modalities": ["in_person"]}, "city", -1, {"city": "Bonn"}),
        (
            {"levels": ["beginner"]},
            {"fitness_level": "beginner"},
            "level",
            1,
            {"level": "beginner", "for": ["beginner"]},
        ),
        (
            {"levels": ["advanced"]},
            {"fitness_level": "beginner"},
            "level",
            -1,
            {"level": "beginner", "for": ["advanced"]},
        ),
        ({"seats_left": 2, "capacity": 8}, {}, "seats", 1, {"seats_left": 2, "capacity": 8}),
        ({"price": 0}, {"budget": 0}, "price", 1, {"price": 0.0, "budget": 0.0}),
        ({"price": 5}, {"budget": 0}, "price", -1, {"price": 5.0, "budget": 0.0, "over_percent": 100.0}),
    ],
)
def test_each_fact_moves_the_score_and_shows_itself(
    coach: dict[str, Any], profile: dict[str, Any], what: str, sign: int, evidence: dict[str, Any]
) -> None:
    """For and against, with the facts that met or did not."""
    reason = ranked([{"id": "a", **coach}], **profile)[0][1][what]
    assert math.copysign(1, reason.contribution) == sign
    assert reason.evidence == evidence


def test_one_five_does_not_outrank_fifty_at_four_point_eight() -> None:
    """Ratings are shrunk towards the mean; a newcomer stands at the mean, without a reason."""
    coaches = [
        {"id": "once", "rating_sum": 5, "n_reviews": 1},
        {"id": "often", "rating_sum": 240, "n_reviews": 50},
        {"id": "bad", "rating_sum": 60, "n_reviews": 30},
        {"id": "new"},
    ]
    found = ranked(coaches)
    assert [id_ for id_, _ in found] == ["often", "once", "new", "bad"]
    assert found[0][1]["rating"].evidence == {"rating": 4.8, "n_reviews": 50, "mean": 3.77}
    assert "rating" not in found[2][1]


def test_the_price_of_demand_moves_the_place_and_is_said() -> None:
    """What is taken off stands in the group ``order``, outside what adds up to the score."""
    table, trainee = coach_table([{"id": "a"}, {"id": "b"}]), profile_table({"goal": "fit"})
    index = plain().index(table, prices=np.array([0.25, 0.0]))
    ranking = index.rank(trainee, 2, AllowedPairs.everyone().bound_to(table, trainee), deadline=NEVER)
    assert [table.ids[row] for row in ranking.rows[0]] == ["b", "a"]
    reasons = index.explain(trainee, ranking.rows)[0]
    assert reasons[1][-1] == Reason("order.demand", -0.25)
    assert ranking.scores[0, 1] == sigmoid(logit_of(reasons[1])) - 0.25


def test_a_plugins_words_lead_to_its_tags() -> None:
    """With a vocabulary that was extended, the new specialty is found in a goal."""
    vocabulary = shipped().extended({"specialty": {"parkour": {"label": "Parkour", "synonyms": ["free running"]}}})
    table = coach_table([{"id": "a", "specialties": ["running"]}, {"id": "b", "specialties": ["parkour"]}])
    trainee = profile_table({"goal": "free running"})
    index = plain(vocabulary).index(table)
    ranking = index.rank(trainee, 2, AllowedPairs.everyone().bound_to(table, trainee), deadline=NEVER)
    assert ranking.rows.tolist() == [[1, 0]]


@pytest.mark.parametrize("change", [{"base": "x"}, {"base": None}, {"extra": 1.0}])
def test_weights_that_are_none_are_refused(change: dict[str, Any]) -> None:
    """An artefact of another version, or made by hand, does not half work."""
    out = ZipArtefactWriter()
    plain().save(out)
    weights = ZipArtefactReader.of(out.to_bytes()[0]).json("weights")
    other = ZipArtefactWriter()
    other.put_json("weights", {**weights, **change})
    with pytest.raises(ArtefactError):
        plain().load(ZipArtefactReader.of(other.to_bytes()[0]))


def test_two_thousand_coaches_are_ranked_in_no_time() -> None:
    """Well under 100 ms for one trainee, once the snapshot is read."""
    table: CoachTable = coach_table(sample_rows(2_000))
    index = plain().index(table)
    trainee = profile_table(
        {"goal": "lose weight, get stronger, first marathon", "budget": 60, "languages": ["en"], "hours": [18, 19]}
    )
    everyone = AllowedPairs.everyone().bound_to(table, trainee)
    spent = []
    for _ in range(3):
        before = time.thread_time()
        index.rank(trainee, 10, everyone, deadline=NEVER)
        spent.append(time.thread_time() - before)
    assert min(spent) < 0.1  # about 10 ms


# ── the logistic function ───────────────────────────────────────────────────


def test_the_exponential_is_right_to_the_last_bits() -> None:
    """Against the C library's, over the whole range a score may need."""
    for i in range(-4_000, 4_001):
        x = i / 10 + i / 7_919
        assert exponential(x) == pytest.approx(math.exp(x), rel=1e-15 * 3)


def test_the_sigmoid_stays_inside_and_is_undone_by_the_logit() -> None:
    """Ordered, symmetric, within (0, 1) for any sum of points, and logit brings the sum back."""
    xs = [i / 16 for i in range(-320, 321)]
    scores = [sigmoid(x) for x in xs]
    assert scores == sorted(scores)
    assert 0 < scores[0] < 0.5 == sigmoid(0) < scores[-1] < 1
    assert all(abs(logit(sigmoid(x)) - x) <= 1e-9 for x in xs if abs(x) <= 12)
