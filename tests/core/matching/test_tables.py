"""Tables: any columns, any of them missing, and a hash for the whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from coachhub_core.errors import Invalid, MatcherError
from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.pairs import AllowedPairs
from coachhub_core.matching.tables import (
    Category,
    CoachTable,
    Column,
    Hours,
    Labels,
    Number,
    Texts,
    TraineeTable,
    Vector,
    column_of,
)

COLUMNS: dict[str, tuple[Column, list[Any]]] = {
    "number": (Number([1.5, None, -2]), [1.5, None, -2.0]),
    "category": (Category(["b", None, "a"]), ["b", None, "a"]),
    "labels": (Labels([["y", "x", "y"], None, []]), [("x", "y"), None, ()]),
    "texts": (Texts([["Ü\n", "a"], [], None]), [("Ü\n", "a"), (), None]),
    "hours": (Hours([[0, 167], None, 0]), [1 | 1 << 167, None, 0]),
}


def a_table() -> CoachTable:
    columns = {name: column for name, (column, _) in COLUMNS.items()}
    return CoachTable.build(ids=["k", "B", "é"], **columns, vector=Vector([[1, 2], [math.nan, math.nan], [3, 4]]))


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_gives_back_what_it_was_made_of(kind: str) -> None:
    """Missing stays missing, empty stays empty, sets are sorted, texts keep their order."""
    column, values = COLUMNS[kind]
    assert column.values() == values
    assert [column.is_missing(row) for row in range(3)] == [value is None for value in values]
    assert column.take(np.array([2, 0, 0])).values() == [values[2], values[0], values[0]]


@pytest.mark.parametrize("kind", [*COLUMNS, "vector"])
def test_a_column_is_made_again_from_its_parts(kind: str) -> None:
    """What an artefact keeps of a column gives an equal one."""
    column = a_table()[kind]
    arrays, document = column.parts()
    again = CoachTable.build(ids=["k", "B", "é"], one=column_of(column.kind, arrays, document))
    assert again.content_hash == CoachTable.build(ids=["k", "B", "é"], one=column).content_hash


def test_columns_cannot_be_changed() -> None:
    """Arrays are read-only, so that threads may share them, and a copy of what was given."""
    given = np.array([1.0, 2.0])
    column = Number(given)
    given[0] = 9
    assert column.value(0) == 1.0
    with pytest.raises(ValueError, match="read-only"):
        column.array[0] = 3


REFUSED: dict[str, tuple[Any, str]] = {
    "a word among numbers": (lambda: Number([1, "x"]), "/1"),
    "infinity": (lambda: Number([1, math.inf]), "/1"),
    "too large for a float32": (lambda: Number([1e39]), "/0"),
    "a matrix of numbers": (lambda: Number(np.zeros((2, 2))), ""),
    "half a number among names": (lambda: Category(["a", 3.5]), "/1"),
    "a list among names": (lambda: Category(["a", ["b"]]), "/1"),
    "a text instead of a list": (lambda: Labels(["abc"]), "/0"),
    "a number among texts": (lambda: Texts([["a", 3]]), "/0/1"),
    "hour 168": (lambda: Hours([[168]]), "/0"),
    "no week": (lambda: Hours([1.5]), "/0"),
    "too large a number": (lambda: Number([10**400]), "/0"),
    "bit 168": (lambda: Hours([1 << 168]), "/0"),
    "ragged vectors": (lambda: Vector([[1, 2], [3]]), ""),
    "too many values": (lambda: CoachTable.build(ids=["a"], price=Number([1, 2])), "/price"),
    "a list that is no column": (lambda: CoachTable.build(ids=["a"], price=[1]), "/price"),
    "an id twice": (lambda: CoachTable.build(ids=["a", "a"]), "/ids"),
    "an id that is half a number": (lambda: CoachTable.build(ids=[7.5]), "/ids/0"),
    "an id that is missing": (lambda: CoachTable.build(ids=["a", None]), "/ids/1"),
    "a number instead of a list": (lambda: Labels([7]), "/0"),
    "an unknown kind": (lambda: column_of("colour", {"missing": np.zeros(0), "starts": np.zeros(1)}, {}), "/kind"),
    "no parts": (lambda: column_of("labels", {}, {}), ""),
}


def test_columns_of_other_libraries_are_taken_as_they_come() -> None:
    """Codes are names, NaN is missing, arrays are lists; 7 and 7.0 are one id, in tables and in logs."""
    coaches = CoachTable.build(
        ids=np.array([7, 8]),
        kind=Category(np.array([3.0, math.nan])),
        tags=Labels([np.array([2, 1, 2]), math.nan]),
        texts=Texts([np.array(["a", "b"]), math.nan]),
    )
    same = CoachTable.build(
        ids=["7", "8"],
        kind=Category(["3", None]),
        tags=Labels([["1", "2"], None]),
        texts=Texts([["a", "b"], None]),
    )
    assert coaches.content_hash == same.content_hash
    log = OutcomeLog.build([{"at": np.int64(5), "trainee": 7.0, "coach": np.int64(8), "event": "opened"}])
    assert (log.trainee, log.coach, log.at.tolist()) == (("7",), ("8",), [5])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused_with_its_place(name: str) -> None:
    """The refusal points at the row or the column."""
    make, pointer = REFUSED[name]
    with pytest.raises(Invalid) as refusal:
        make()
    assert refusal.value.errors[0].pointer == pointer


def test_the_hash_stands_for_the_whole_content() -> None:
    """Equal content has one hash; any other value, name, id, order, side or mark another."""
    table = a_table()
    others = [
        table.with_columns(number=Number([1.5, None, -2.5])),
        table.with_columns(number=Number([1.5, None, -2], is_sensitive=True)),
        table.with_columns(category=Category(["b", None, "c"])),
        table.with_columns(texts=Texts([["Ü\na"], [], None])),
        table.with_columns(texts=Texts([["Ü\n", "a"], None, None])),
        table.with_columns(other=Number([0, 0, 0])),
        table.take([1, 0, 2]),
        table.take([0, 1]),
        CoachTable.build(ids=["k", "B", "e"], **table.columns),
        TraineeTable.build(ids=table.ids, **table.columns),
        table.select(["number"]),
    ]
    assert a_table().content_hash == table.content_hash == table.take([0, 1, 2]).content_hash
    assert len({table.content_hash, *(other.content_hash for other in others)}) == len(others) + 1


def test_ids_are_ordered_bytewise() -> None:
    """Capitals before small letters before what is not ASCII: the order ties are broken in."""
    assert a_table().id_order.tolist() == [1, 0, 2]


def test_a_matcher_sees_the_columns_it_named_and_no_others() -> None:
    """``*`` is all but the sensitive ones; those take consent, by name."""
    table = a_table().with_columns(age=Number([1, 2, 3], is_sensitive=True))
    assert set(table.select({"number", "no such"}).columns) == {"number"}
    assert "age" not in table.select({"*"}).columns
    assert "age" not in table.select({"age"}).columns
    assert set(table.select({"age"}, consent={"age"}).columns) == {"age"}
    assert set(table.select({"*"}, consent={"age"}).columns) == set(table.columns)


def test_a_row_reads_as_none_where_nothing_is_known() -> None:
    """A missing column, a missing value and the wrong kind of column break nobody."""
    row = a_table().row(1)
    assert (row.id, row["number"], row["nothing"], row.get("nothing", 3)) == ("B", None, None, 3)
    assert (row.number("labels"), row.text("number"), row.texts("labels"), row.hours("hours")) == (None, None, (), 0)
    first = a_table().row(0)
    assert (first.number("number"), first.text("category"), first.texts("labels")) == (1.5, "b", ("x", "y"))


def test_whole_columns_are_there_for_those_who_calculate() -> None:
    """Numbers with NaN, labels as flags, and the same where the table has no such column."""
    table = a_table()
    assert np.isnan(table.number("nothing")).all()
    assert table.has("labels", "x").tolist() == [True, False, False]
    assert table.has("category", "a").tolist() == [False, False, True]
    assert table.has("nothing", "a").tolist() == table.has("labels", "q").tolist() == [False] * 3
    assert table.values("nothing") == [None] * 3


def test_a_table_shows_no_words_in_its_repr() -> None:
    """What people said does not end up in a log line."""
    assert repr(a_table()).startswith("<CoachTable of 3 rows: category, hours")
    assert repr(a_table()["texts"]) == "<Texts of 3 rows>"


# ── allowed pairs ───────────────────────────────────────────────────────────


def test_pairs_are_bits_by_row() -> None:
    """Bit r & 7 of byte r >> 3 is row r, as numpy unpacks them."""
    pairs = AllowedPairs.shared(1 << 0 | 1 << 9, 10)
    assert pairs.bitmap(5) == bytes([1, 2])
    assert pairs.rows(0).tolist() == [0, 9]
    assert (pairs.count(3), pairs.is_allowed(1, 9), pairs.is_allowed(1, 8)) == (2, True, False)


def test_pairs_made_without_tables_are_bound_to_them() -> None:
    """Everyone, some rows, or all but those already seen; until then there is nothing to ask them."""
    coaches = CoachTable.build(ids=["a", "b", "c"])
    trainees = TraineeTable.build(ids=["t", "u"])
    log = OutcomeLog.build([{"at": 1, "trainee": "u", "coach": "b", "event": "shown"}])
    assert AllowedPairs.everyone().bound_to(coaches, trainees).mask(1) == 0b111
    assert AllowedPairs.of([2, 7]).bound_to(coaches, trainees).mask(1) == 0b100
    seen = AllowedPairs.except_seen(log).bound_to(coaches, trainees)
    assert (seen.mask(0), seen.mask(1), seen.is_shared) == (0b111, 0b101, False)
    assert seen.bound_to(coaches, trainees) is seen
    with pytest.raises(MatcherError, match="bound_to"):
        AllowedPairs.everyone().mask(0)


# ── the log ─────────────────────────────────────────────────────────────────


def test_a_log_knows_whose_step_an_event_decides() -> None:
    """The trainee's, the coach's, the outcome's; being shown decides none."""
    at = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    events = ["shown", "contacted", "declined", "rated"]
    log = OutcomeLog.build([{"at": at, "trainee": "t", "coach": "c", "event": event} for event in events])
    assert log.step == (None, "wants", "accepts", "goes_well")
    assert log.at.tolist() == [1_000_000] * 4
    assert np.isnan(log.value).all()


def test_a_foreign_log_says_its_own_steps() -> None:
    """Clicks alone make a one-sided log."""
    log = OutcomeLog.build(
        [{"at": 5, "trainee": "t", "coach": "c", "event": "click", "value": 1, "position": 2, "shown_with": "s"}],
        steps={"wants": ["click"]},
    )
    assert log.step == ("wants",)
    longer = log.extended(log)
    assert (len(longer), longer.shown_with, longer.position.tolist()) == (2, ("s", "s"), [2, 2])
    assert longer.content_hash != log.content_hash


@pytest.mark.parametrize(
    "wrong",
    [
        *({"value": value} for value in ("4", float("inf"), 1e300, 10**400, [1])),
        *({"position": position} for position in (-1, 1.5, "2", 1 << 31, float("inf"))),
        {"propensity": "0.5"},
    ],
)
def test_a_wrong_value_in_a_log_is_refused_where_it_stands(wrong: dict[str, Any]) -> None:
    """Whoever reads a file of a million lines hears which one is wrong, and what it should be."""
    right = {"at": 1, "trainee": "t", "coach": "c", "event": "rated"}
    with pytest.raises(Invalid, match=f"^/1/{next(iter(wrong))}: must be"):
        OutcomeLog.build([right, right | wrong])


def test_a_value_may_be_a_decimal() -> None:
    """As a database hands out ratings and prices."""
    log = OutcomeLog.build([{"at": 1, "trainee": "t", "coach": "c", "event": "rated", "value": Decimal("4.5")}])
    assert log.value.tolist() == [4.5]


def test_hours_of_an_array_are_hours() -> None:
    """Lists and weeks as numpy gives them are those of plain Python."""
    plain = Hours([[0, 5], 3, []])
    assert Hours([np.array([0, 5]), np.int64(3), np.array([], np.int64)]).values() == plain.values()


@pytest.mark.parametrize("events", ["click", None])
def test_the_events_of_a_step_are_a_list(events: Any) -> None:
    """One text is not taken for its letters: no event would decide the step, and nothing would be learned."""
    with pytest.raises(Invalid, match=r"^/steps/wants: needs a list of events$"):
        OutcomeLog.build([{"at": 1, "trainee": "t", "coach": "c", "event": "click"}], steps={"wants": events})


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ({"wants": ["click"], "accepts": ["click"]}, "/steps/accepts: names 'click', and so does wants"),
        ({"foo": ["click"]}, "/steps/foo: is no step: wants, accepts, goes_well"),
        (["wants"], "/steps: needs the events of each step: wants, accepts, goes_well"),
    ],
)
def test_steps_are_the_three_and_an_event_decides_one(steps: Any, why: str) -> None:
    """Else a click would count for the last step alone, or for none, and nobody would hear of it."""
    with pytest.raises(Invalid, match=f"^{why}"):
        OutcomeLog.build([{"at": 1, "trainee": "t", "coach": "c", "event": "click"}], steps=steps)


#: How other libraries say that nothing is known; pandas' are known by their names.
PANDAS_NA = type("NAType", (), {"__module__": "pandas._libs.missing", "__bool__": lambda self: 1 / 0})()
MISSING = [None, math.nan, np.float32("nan"), Decimal("NaN"), np.ma.masked, np.datetime64("NaT"), PANDAS_NA]


@pytest.mark.parametrize("missing", MISSING, ids=lambda value: type(value).__name__)
def test_what_other_libraries_call_missing_is_missing(missing: Any) -> None:
    """In each kind of column and in a log; what was shown on no list is not on one called ``nan``."""
    assert Number([missing, 2]).values() == [None, 2.0]
    assert Category([missing, "a"]).values() == [None, "a"]
    assert Labels([missing, ["a"]]).values() == [None, ("a",)]
    assert Texts([missing, ["a"]]).values() == [None, ("a",)]
    assert Hours([missing, [0]]).values() == [None, 1]
    record = {"at": 1, "trainee": "t", "coach": "c", "event": "e"}
    unknown = dict.fromkeys(("value", "position", "shown_with", "propensity"), missing)
    log = OutcomeLog.build([record | unknown, record | {"shown_with": 0}])
    assert (np.isnan(log.value).all(), log.position.tolist(), log.shown_with) == (True, [0, 0], ("", "0"))
    assert np.isnan(log.propensity).all()


def test_what_lies_under_a_mask_is_not_read_and_no_date_is_a_number() -> None:
    """Nor does anybody know what days or nanoseconds mean, or that NaT is the smallest whole number."""
    assert Number(np.ma.array([1.0, 2.0], mask=[True, False])).values() == [None, 2.0]
    for dates in (np.array(["2026-01-05", "NaT"], "M8[D]"), np.array([1, 2], "m8[s]"), np.array([1j, 2])):
        with pytest.raises(Invalid, match=f"needs numbers, not {dates.dtype}".replace("[", r"\[")):
            Number(dates)


def test_columns_are_made_of_generators_and_refuse_a_lone_value() -> None:
    """What can be walked once is walked once; an array of no dimension is no list."""
    assert Labels(iter([["a"], None])).values() == [("a",), None]  # type: ignore[arg-type]
    assert Hours(iter([[1], None])).values() == [2, None]  # type: ignore[arg-type]
    for kind in (Number, Category, Labels, Texts, Hours):
        with pytest.raises(Invalid):
            kind(np.array(3))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="/ids: needs a list"):
        CoachTable.build(ids=np.array("a"))  # type: ignore[arg-type]


def test_a_whole_table_is_no_column() -> None:
    """Of pandas or polars: walked, it gives the names of its columns."""

    class DataFrame(dict[str, list[int]]):
        columns = ("a", "b")
        shape = (2, 2)

    frame: Any = DataFrame(a=[1, 2], b=[3, 4])
    for kind in (Number, Category, Labels, Texts, Hours):
        with pytest.raises(Invalid, match="not a whole DataFrame"):
            kind(frame)
    with pytest.raises(Invalid, match="/ids: needs an entry per row"):
        CoachTable.build(ids=frame)


def test_names_are_plain_texts() -> None:
    """Of numpy's texts, too: others write them as JSON."""
    table = CoachTable.build(ids=np.array(["a"]), kind=Category(np.array(["b"])), tags=Labels([np.array(["c"])]))  # type: ignore[arg-type]
    texts = Texts([np.array(["d"])])
    row = table.row(0)
    assert {type(name) for name in (table.ids[0], row["kind"], row["tags"][0], texts.items[0])} == {str}


@pytest.mark.parametrize("name", ["trainee", "coach", "event"])
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_log_knows_who_and_what(name: str, missing: Any) -> None:
    """All whom nobody knows are not one person called None."""
    right = {"at": 1, "trainee": "t", "coach": "c", "event": "opened"}
    with pytest.raises(Invalid, match=f"^/1/{name}: must be given"):
        OutcomeLog.build([right, right | {name: missing}])


NO_ROWS: dict[str, tuple[Callable[[Any], object], Any, str]] = {
    "a log of nothing": (OutcomeLog.build, None, "needs a list or an array"),
    "a log of names, as a data frame walks": (OutcomeLog.build, ["at", "trainee"], "/0: needs a mapping"),
    "no ids": (lambda ids: CoachTable.build(ids=ids), None, "/ids: needs a list or an array"),
    "a text of ids": (lambda ids: CoachTable.build(ids=ids), "ab", "/ids: needs a list or an array"),
    "no numbers": (Number, None, "needs a list or an array"),
    "a text of numbers": (Number, "12", "needs a list or an array"),
    "an array of texts": (Number, np.array(["a"]), "a number column needs numbers"),
    "a text of categories": (Category, "ab", "needs a list or an array"),
    "no labels": (Labels, None, "needs a list or an array"),
    "one week": (Hours, 3, "needs a list or an array"),
}


@pytest.mark.parametrize("what", NO_ROWS)
def test_what_is_no_rows_is_refused_with_a_sentence(what: str) -> None:
    """Never an error of Python's from within, nor a row for each letter of a text."""
    make, given, why = NO_ROWS[what]
    with pytest.raises(Invalid, match=why):
        make(given)


@pytest.mark.parametrize(
    "record",
    [
        {"at": 1, "trainee": "t", "coach": "c"},
        {"at": 1 << 63, "trainee": "t", "coach": "c", "event": "shown"},
        {"at": 1, "trainee": "t", "coach": "c", "event": "shown", "name": "Eve"},
        {"at": datetime(2024, 1, 1), "trainee": "t", "coach": "c", "event": "shown"},
        {"at": "now", "trainee": "t", "coach": "c", "event": "shown"},
    ],
)
def test_a_record_that_is_none_is_refused(record: dict[str, Any]) -> None:
    """Members are known, none is lacking, and instants have a zone."""
    with pytest.raises(Invalid):
        OutcomeLog.build([record])
