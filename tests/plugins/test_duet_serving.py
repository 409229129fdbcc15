"""What serves and what learns give the same numbers, bit for bit, however many coaches are asked about."""

from __future__ import annotations

import tracemalloc
from typing import Any

import attrs
import numpy as np
import pytest

from coachhub_core.errors import MatcherFault
from coachhub_core.matching import AllowedPairs, CoachMatcher, CoachTable, Labels, Number, Texts, TraineeTable
from coachhub_core.matching.checks import check_reasons
from coachhub_core.matching.sample import sample_rows
from coachhub_core.matching.schema import coach_table, profile_table, trainee_table
from coachhub_core.ports.matcher import NEVER, Reason
from coachhub_core.services.reason_texts import ReasonTexts
from coachhub_scipy.compare import CompareIndex
from coachhub_scipy.comparisons import comparisons_of
from coachhub_scipy.distinct import Distinct, Joined
from coachhub_scipy.duet import DuetMatcher
from coachhub_scipy.hub import HubColumns
from coachhub_scipy.scan_one import GROUP, may_win
from coachhub_scipy.sentences import ENGLISH
from coachhub_scipy.serving import ServingIndex

WORDS = [
    "easy",
    "miles",
    "hard",
    "weeks",
    "strong",
    "legs",
    "slow",
    "yoga",
    "mornings",
    "calm",
    "back",
    "pain",
    "first",
    "marathon",
    "taper",
    "squat",
]


def _texts(n: int, seed: int) -> list[list[str] | None]:
    rng = np.random.default_rng(seed)
    return [
        None
        if rng.random() < 0.1
        else [" ".join(rng.choice(WORDS, rng.integers(1, 6))) for _ in range(rng.integers(0, 9))]
        for _ in range(n)
    ]


def _tables(n: int) -> tuple[CoachTable, TraineeTable]:
    hub = HubColumns()
    coaches = coach_table(sample_rows(n, seed="serving")).with_columns(
        notes=Texts(_texts(n, 1)), equipment=Labels([["bar", "rings"][: i % 3] if i % 5 else None for i in range(n)])
    )
    people = [
        {"id": "a", "goal": "my first marathon, and a calm back", "languages": ["en", "de"], "budget": 60.0},
        {"id": "b", "goal": ["squat heavier", "squat heavier"], "modalities": ["online"], "equipment": ["bar", "tyre"]},
        {"id": "c", "goal": "", "city": "Berlin", "hours": [1, 30, 31], "fitness_level": "beginner"},
        {"id": "d", "specialties": ["yoga", "strength"], "goal": None},
    ]
    return hub.of_coaches(coaches), hub.of_trainees(trainee_table(people))


@pytest.mark.parametrize("few", [0, 4_096])
def test_serving_gives_what_learning_gave(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All comparisons of a hub: for everybody, for some, for one, and the facts behind them."""
    monkeypatch.setattr("coachhub_scipy.serving.FEW", few)  # 0: texts are scored for those alone who are asked about
    coaches, trainees = _tables(150)
    comparisons = comparisons_of(coaches, trainees, {})
    assert {one.kind for one in comparisons} >= {"labels", "tags", "texts", "ratio", "hours", "member", "worth"}
    background = {"goal": {"marathon": 9, "squat": 7}}
    learns = CompareIndex(comparisons, coaches, background, 20)
    serves = ServingIndex(comparisons, coaches, background, 20)
    some = np.random.default_rng(2).permutation(150)[:17]
    for trainee in trainees.rows():
        whole = learns.features(trainee)
        for rows in (some, some[:1], slice(None)):
            asked = serves.questions(trainee)
            assert serves.features(asked, rows).tobytes() == np.ascontiguousarray(whole[:, rows]).tobytes()
        for number, question in enumerate(serves.questions(trainee)):
            if question is not None and question.values(some) is not None:
                told = question.evidence(some.tolist())
                if comparisons[number].kind != "texts":  # whose words are tidied: see below
                    assert told == [learns.evidence(number, trainee, row) for row in some.tolist()]


def test_every_reason_of_a_hub_has_a_sentence() -> None:
    """Of every column a hub has, on either side, for every step, for and against."""
    coaches, trainees = _tables(3)
    for step in ("wants", "accepts", "goes_well"):
        codes = {f"{step}.coach.{name}" for name in coaches.columns if name not in ("notes", "gender", "equipment")}
        codes |= {f"{step}.you.{name}" for name in trainees.columns}
        codes |= {f"{step}.{one.name}" for one in comparisons_of(coaches, trainees, {})} - {
            f"{step}.goal.notes",
            f"{step}.equipment",
        }
        assert codes <= ENGLISH.keys()


def test_distinct_lists_are_kept_once() -> None:
    """Every row finds its own list again."""
    lists = [[1, 2], [], [2], [1, 2], [2, 1], []]
    starts = np.cumsum([0, *map(len, lists)])
    made = Distinct.of(starts.tolist(), np.array([c for one in lists for c in one], np.int32))
    assert len(made) == 4
    assert [made.codes[made.starts[i] : made.starts[i + 1]].tolist() for i in made.of_row.tolist()] == lists
    assert made.first.tolist() == [0, 1, 2, 4]
    assert [one.tolist() for one in made.having(4)] == [[], [0, 3], [0, 2, 3], []]


@pytest.mark.parametrize(("limit", "n_joined"), [(120, 3), (12, 2), (4, 1), (3, 0)])
def test_columns_are_joined_while_the_bunches_are_few(limit: int, n_joined: int) -> None:
    """Four lists, three, and ten: each row finds its own again in every column joined, and no bunch is kept twice."""
    rng = np.random.default_rng(6)
    columns = [rng.permutation(np.arange(400) % n).astype(np.int32) for n in (4, 3, 10)]
    made = Joined.of(columns, limit)
    assert len(made.lists) == n_joined
    for column, lists in zip(columns, made.lists, strict=False):
        assert lists[made.of_row].tolist() == column.tolist()
    seen = {tuple(row) for row in np.stack(columns[:n_joined], axis=1).tolist()} if n_joined else set()
    assert len(made) == len(seen) <= limit
    assert made.of_row.max(initial=0) == max(len(seen) - 1, 0)


def test_nothing_to_join() -> None:
    """A table without labels and texts, and one without coaches."""
    assert len(Joined.of([], 5)) == 0
    empty = Joined.of([np.zeros(0, np.int32)] * 2, 5)
    assert (len(empty), len(empty.of_row)) == (0, 0)


@pytest.mark.parametrize(("n", "size"), [(640, 8), (4_096, 16), (100_000, 128)])
def test_groups_are_opened_only_where_somebody_may_win(n: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 in *n* a group has *size* places; few are opened, and what is behind the last one is looked at too."""
    partitioned: list[int] = []
    partition = np.partition

    def watched(values: Any, kth: int) -> Any:
        partitioned.append(len(values))
        return partition(values, kth)

    monkeypatch.setattr("coachhub_scipy.scan_one.np.partition", watched)
    rng = np.random.default_rng(n)
    for last in (0, size - 1):  # whole groups, and places behind the last one
        look = rng.standard_normal(n + last)
        look[-1] = 9.0
        partitioned.clear()
        expected = np.sort(np.argsort(-look)[:10])
        assert may_win(look, 10, 0.0).tolist() == expected.tolist()
        many = len(look) // size
        opened = partitioned[1]
        assert partitioned[0] == many
        assert 10 <= opened <= 10 * size + len(look) - size * many


@pytest.mark.parametrize("n", [0, 3, GROUP, 40 * GROUP + 5])
@pytest.mark.parametrize("k", [1, 7])
def test_nobody_who_may_win_is_missed(n: int, k: int) -> None:
    """All within the margin of the k-th, ties among them; those who may not be found at all, never."""
    rng = np.random.default_rng(n + k)
    look = rng.integers(0, 9, n) / 10.0
    look[rng.random(n) < 0.4] = -np.inf
    floor = np.sort(look)[-k] if n >= k else -np.inf
    expected = np.flatnonzero((look >= floor - 0.05) & (look > -np.inf))
    assert may_win(look, k, 0.05).tolist() == expected.tolist()


def test_large_or_strange_evidence_is_still_refused() -> None:
    """The quick look at evidence lets nothing through that the slow one refuses."""
    fine = [Reason("a.b", 0.1, {"words": ["x"] * 5, "price": 3.5, "n": 2, "no": None, "yes": True})]
    check_reasons([[tuple(fine)]], [[0]])
    check_reasons([[(Reason("a.b", 0.1, {"deep": {"er": ["x"]}}),)]], [[0]])
    for evidence in ({"x": float("nan")}, {"x": "y" * 9_000}, {"x": object()}, {"x": ["é" * 1_500]}):
        with pytest.raises(Exception, match=r"evidence"):
            check_reasons([[(Reason("a.b", 0.1, evidence),)]], [[0]])


@pytest.mark.parametrize(
    "wrong",
    [
        Reason("a.b", float("nan")),
        Reason("a.b", -float("inf")),
        Reason("a.b", "0.1"),  # type: ignore[arg-type]  # what somebody else may give
        Reason("", 0.1),
        Reason("a.b", 0.1, None),  # type: ignore[arg-type]
        Reason("a.b", 0.1, {"x": [0.5, float("inf")]}),
        Reason("a.b", 0.1, {"x": [{1, 2}]}),
        Reason("a.b", 0.1, {("x",): 1}),  # type: ignore[dict-item]
        ("a.b", 0.1, {}),
    ],
)
def test_one_wrong_reason_among_many_is_refused(wrong: Any) -> None:
    """Wherever it stands, and however it is handed in."""
    fine = [Reason("a.b", 1e308, {"n": 1}), Reason("a.c", 1, {"big": 1 << 70, "words": ["x", None, True]})]
    check_reasons([[(*fine, *fine)], [tuple(fine)]], [[0], [1]])
    for pair in ((wrong, *fine), (*fine, wrong), iter((*fine, wrong))):
        with pytest.raises(MatcherFault):
            check_reasons([[tuple(fine)], [pair]], [[0], [1]])  # type: ignore[list-item]


def test_a_reason_is_as_attrs_would_make_it() -> None:
    """By place or by name; facts of its own where none are given; nobody changes one."""
    one = Reason("a.b", 0.1)
    assert one == Reason(code="a.b", contribution=0.1, evidence={})
    assert one.evidence is not Reason("a.b", 0.1).evidence
    assert attrs.evolve(one, evidence={"n": 1}) == Reason("a.b", 0.1, {"n": 1})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.contribution = 0.2  # type: ignore[misc]


@pytest.mark.parametrize("whole", [0, 5_000])
@pytest.mark.parametrize("some", [False, True])
def test_reasons_do_not_depend_on_what_was_asked_before(
    whole: int, some: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those just ranked, in another order, of others, and where nobody was ranked: the same, and nobody for -1."""
    monkeypatch.setattr("coachhub_scipy.index.WHOLE", whole)  # 0: as where there are many coaches
    coaches, trainees = _tables(150)
    index = DuetMatcher(n_candidates=40).index(coaches)
    mask = sum(1 << row for row in range(0, 150, 3)) if some else (1 << 150) - 1
    for i in range(len(trainees)):
        trainee = trainees.take([i])
        for which in (slice(None), slice(None, None, -1), [0, 5, 1], None):
            rows = index.rank(trainee, 12, AllowedPairs.shared(mask, 150), deadline=NEVER).rows
            asked = np.array([[3, -1, 1, 149]], np.int32) if which is None else np.ascontiguousarray(rows[:, which])
            made = index.explain(trainee, asked)
            assert made == index.explain(trainees.take([i]), asked)  # another table: nothing was ranked for it
            assert [bool(mine) for mine in made[0]] == (asked[0] >= 0).tolist()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_sentence_says_what_is_not_so(sign: float) -> None:
    """A model may have learned that a fact counts the other way: the facts choose the sentence, and not the sign."""
    wished = {"specialties": ["yoga"], "modalities": ["online"], "languages": ["de"], "city": "Bonn", "hours": [1, 2]}
    said = {"goal": "calm running", "fitness_level": "beginner", "budget": 50, "currency": "EUR", **wished}
    meets = {"bio": "Calm running.", "levels": ["beginner"], "price": 40, "currency": "EUR", **wished}
    differs = {
        "bio": "Calm golf.", "levels": ["elite"], "price": 90, "currency": "SEK", "specialties": ["golf"],
        "modalities": ["in_person"], "languages": ["en"], "city": "Rome", "hours": [9],
    }  # fmt: skip
    coaches = coach_table([{"id": "a", **meets}, {"id": "b", **differs}])
    index = DuetMatcher().index(coaches)
    (reasons,) = index.explain(profile_table(said), np.array([[0, 1]], np.int32))
    texts = ReasonTexts(lambda locale: [ENGLISH] if locale == "en" else [])
    told = [
        {reason.code: texts.text(reason.code, sign, reason.evidence, "en") for reason in mine if reason.evidence}
        for mine in reasons
    ]
    odd = " – which counts against it here" if sign < 0 else ""
    for code, text in {
        "wants.city": "Lives in your city",
        "wants.currency": "Takes EUR, which you pay in",
        "wants.languages": "Speaks de, as you do",
        "wants.levels": "Works with people at your level: beginner",
        "wants.modalities": "Coaches the way you want: online",
        "wants.specialties": "Offers yoga, which is what you are looking for",
        "wants.price": "Costs 40, against your budget of 50",
    }.items():
        assert told[0][code] == f"{text}{odd}"
    odd = " – which counts for it here" if sign > 0 else ""
    for code, text in {
        "wants.city": "Lives in another city than you",
        "wants.languages": "Speaks en",
        "wants.levels": "Works with elite rather than beginner",
        "wants.modalities": "Coaches in person",
        "wants.specialties": "Offers golf rather than running, yoga",
    }.items():
        assert told[1][code] == f"{text}{odd}"
    assert told[1]["wants.price"] == (
        "Costs 90, against your budget of 50" if sign > 0 else "Costs 90: 80 % over your budget of 50"
    )
    assert told[1]["wants.hours"] == ("Has 0 of your hours free" if sign > 0 else "Shares 0 of your hours")


def test_a_sentence_of_what_two_share_or_do_not_needs_that_fact() -> None:
    """Else it would be said of who does not."""
    for code in ("specialties", "languages", "modalities", "city", "currency", "levels"):
        assert "{shared" in ENGLISH[f"wants.{code}"]
        assert "{offers" in ENGLISH[f"wants.{code}.against"]


def test_what_many_ask_is_not_kept() -> None:
    """Two wide tables: scores, chances and lists of a hundred people take the room of one person's comparisons."""
    rng = np.random.default_rng(0)
    n, n_columns = 100, 60
    coaches = CoachTable.build(ids=range(n), **{f"c{i}": Number(rng.normal(size=n)) for i in range(n_columns)})
    trainees = TraineeTable.build(ids=range(n), **{f"c{i}": Number(rng.normal(size=n)) for i in range(n_columns)})
    model = CoachMatcher(coaches=coaches, matcher="duet")
    model.score(trainees.take([0]))
    of_one = 4 * n_columns * n * 8  # bytes: four numbers for each column and coach
    for ask in (model.score, model.probabilities, lambda table: model.rank(table, 5)):
        tracemalloc.start()
        ask(trainees)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 20 * of_one
