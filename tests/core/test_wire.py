"""What crosses a door: nothing is coerced, every mistake has its place, equal values give equal bytes."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachhub_core import wire
from coachhub_core.domain import values as v
from coachhub_core.domain.values import UNSET, Unset
from coachhub_core.errors import BadRequest, Invalid

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@attrs.frozen(kw_only=True)
class Square:
    kind: Literal["square"] = "square"
    side: int = v.whole(1, 9)


@attrs.frozen(kw_only=True)
class Circle:
    kind: Literal["circle"] = "circle"
    radius: float = v.number(0, 9)


@attrs.frozen(kw_only=True)
class Everything:
    """One of each kind of member."""

    id: UUID | None = None
    name: str = v.line(10)
    note: str | None | Unset = v.text(5, default=UNSET, optional=True)
    count: int = v.whole(0, 5, default=0)
    share: float = v.number(0, 1, default=0.5)
    is_on: bool = v.flag(default=False)
    price: Decimal | None = v.money(default=None, optional=True)
    at: datetime | None = v.instant(default=None, optional=True)
    day: date | None = None
    hour: time | None = None
    mode: Literal["a", "b"] = "a"
    tags: tuple[str, ...] = v.items(3, each=v.line(5), distinct=True, default=())
    shapes: tuple[Square | Circle, ...] = ()


def places(value: Any, **trusted: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        wire.structure(Everything, value, trusted=trusted)
    return {e.pointer: e.code for e in caught.value.errors}


def test_a_whole_command_is_read() -> None:
    """Each member as its type."""
    made = wire.structure(
        Everything,
        {
            "id": ID,
            "name": "Kim",
            "note": None,
            "share": 1,
            "price": "59.90",
            "at": "2026-01-05T10:00:00.5+01:00",
            "day": "2026-02-28",
            "hour": "18:30",
            "tags": ["x", "y"],
            "shapes": [{"kind": "square", "side": 2}, {"kind": "circle", "radius": 1.5}],
        },
    )
    assert made.id == UUID(ID)
    assert made.note is None
    assert (made.price, made.at) == (Decimal("59.90"), datetime(2026, 1, 5, 9, 0, 0, 500_000, UTC))
    assert (made.day, made.hour) == (date(2026, 2, 28), time(18, 30))
    assert made.shapes == (Square(side=2), Circle(radius=1.5))
    assert wire.structure(Everything, {"name": "Kim"}).note is UNSET


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("name", 5), ("name", None), ("name", ""), ("name", " x"), ("name", "a\nb"), ("name", "x" * 11),
        ("note", "x" * 6), ("count", "3"), ("count", 3.0), ("count", True), ("count", 9), ("count", None),
        ("share", "0.5"), ("share", True), ("share", 2), ("is_on", 1), ("is_on", "true"), ("price", 59.9),
        ("price", "59.999"), ("price", "-1"), ("price", "1e3"), ("price", "NaN"), ("at", "2026-01-05"),
        ("at", "2026-01-05T10:00:00"), ("at", "2026-02-30T10:00:00Z"), ("at", 5), ("day", "2026-13-01"),
        ("day", "20260101"), ("hour", "25:00"), ("hour", "6pm"), ("mode", "c"), ("mode", None), ("id", ID + "0"),
        ("id", "{" + ID + "}"), ("tags", "x"), ("tags", ["x", "x"]), ("tags", list("abcd")), ("shapes", {}),
        ("shapes", None), ("stranger", 1),
    ],
)  # fmt: skip
def test_a_wrong_member_is_refused_at_its_place(member: str, wrong: Any) -> None:
    """No silent coercion, no unknown member."""
    assert list(places({"name": "Kim", member: wrong})) == [f"/{member}"]


def test_every_mistake_is_told_at_once() -> None:
    """So that one mends a form in one go."""
    said = places(
        {
            "count": "3",
            "shapes": [{"kind": "square"}, {"kind": "hexagon"}, 5, {"kind": "square", "side": 99}],
            "x/y~z": 1,
        }
    )
    assert said == {
        "/count": "type",
        "/name": "required",
        "/shapes/0/side": "required",
        "/shapes/1/kind": "choice",
        "/shapes/2": "type",
        "/shapes/3/side": "range",
        "/x~1y~0z": "unknown_member",
    }


@pytest.mark.parametrize("value", [None, [], "text", 5, True])
def test_a_body_is_an_object(value: Any) -> None:
    """Nothing else is a command."""
    assert places(value) == {"": "type"}


def test_what_the_server_knows_better_is_refused_in_a_body() -> None:
    """Trusted members win by being the only ones."""
    assert places({"name": "Kim", "id": ID}, id=UUID(ID)) == {"/id": "unknown_member"}
    assert wire.structure(Everything, {"name": "Kim"}, trusted={"id": UUID(ID)}).id == UUID(ID)


def test_parameters_are_read_as_strictly() -> None:
    """Scalars from text, lists by repetition, pointers by bare name."""
    made = wire.structure_query(Everything, {"name": ["Kim"], "count": ["3"], "is_on": ["true"], "tags": ["x", "y"]})
    assert (made.count, made.is_on, made.tags) == (3, True, ("x", "y"))
    for params in ({"count": ["x"]}, {"count": ["3", "4"]}, {"count": ["0x3"]}, {"is_on": ["1"]}, {"stranger": ["1"]}):
        with pytest.raises(Invalid) as caught:
            wire.structure_query(Everything, {"name": ["Kim"], **params})
        assert [e.pointer for e in caught.value.errors] == list(params)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"nul", b"[1,]", b"{'a': 1}", b"NaN", b"[Infinity]", b"-Infinity", b"1e400", b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":2}}', b'"\\ud800"', b'["\\udc00\\ud800"]', b'{"\\ud800":1}', b"\xff", b"\xc0\xaf",
        b"\xed\xa0\x80", b"\xef\xbb\xbf{}", b"[" * 65 + b"]" * 65, b"[" * 100_000,
        b"1" * 50, b"{} {}", b"\x00",
    ],
)  # fmt: skip
def test_what_is_ambiguous_or_unbounded_is_no_json(raw: bytes) -> None:
    """One sentence, never a crash."""
    with pytest.raises(BadRequest):
        wire.loads(raw)


@pytest.mark.parametrize(
    "raw", [b"[" * 64 + b"]" * 64, b'"[[[[' + b"[" * 100 + b'"', b'"\\ud83c\\udfc3"', b" 1 ", b"-0.5e-3"]
)
def test_what_is_json_is_read(raw: bytes) -> None:
    """Also when it looks dangerous and is not."""
    assert wire.loads(raw) == json.loads(raw)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_reading_what_was_written_gives_it_back(value: Any) -> None:
    """Any JSON value; and equal values give equal canonical bytes."""
    assert wire.loads(wire.dumps(value)) == value
    assert wire.canonical(value) == wire.canonical(wire.loads(wire.canonical(value)))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    """They are JSON or they are refused."""
    with contextlib.suppress(BadRequest):
        wire.loads(raw)
