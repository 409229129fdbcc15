"""
The kinds of column a table may have, each able to say that a value is missing.

A column is immutable: its arrays are made once, C-contiguous and read-only, and
may be shared between threads. Every kind takes plain Python lists, so nobody
needs to know the layout to make one, and shows its arrays to those who do.

==========  ==========================================  ======================
kind        made from                                   missing
==========  ==========================================  ======================
Number      numbers                                     NaN
Category    strings, or whole numbers                   code -1
Labels      several of those per row                    a row that is None
Texts       several texts per row, in the given order   a row that is None
Hours       168 bits per row, bit 0 is Monday 00-01     a row that is None
Vector      d numbers per row                           a row of NaN
==========  ==========================================  ======================

``None`` is missing, and so is what other libraries' tables say it by: NaN, NaT and pandas' NA, what numpy masks.
An empty list is not a missing one: "speaks no language that we know of" and
"said nothing about languages" are two different rows.
"""

from __future__ import annotations

import abc
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from numbers import Integral
from typing import Any, ClassVar, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.entries import is_missing, name_of, per_row, plain_text

N_HOURS = 168  # hours of one week
_HOUR_BYTES = N_HOURS // 8
_MOST = float(np.finfo(np.float32).max)


def frozen_array(values: Any, dtype: Any) -> NDArray[Any]:
    """Give a read-only, C-contiguous copy of *values* as *dtype*."""
    array = np.array(values, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array


class Column(abc.ABC):
    """One named property of every row of a table."""

    kind: ClassVar[str]
    is_sensitive: bool

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def value(self, row: int) -> Any:
        """Give the value of one row as a plain Python object, None where it is missing."""

    @abc.abstractmethod
    def take(self, rows: NDArray[np.int64]) -> Self:
        """Give the column of these rows, in this order; a row may be taken twice."""

    @abc.abstractmethod
    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give the arrays and the JSON document that :func:`column_of` makes an equal column from."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} rows>"  # never what people said: it ends up in logs

    def is_missing(self, row: int) -> bool:
        """Tell whether this row said nothing."""
        return self.value(row) is None

    def values(self) -> list[Any]:
        """Give all values as plain Python objects, for whoever walks the whole column."""
        return [self.value(row) for row in range(len(self))]

    def update(self, digest: hashlib._Hash) -> None:
        """Feed the content into *digest*, so that equal columns feed equal bytes."""
        arrays, document = self.parts()
        pieces = [self.kind.encode(), b"s" if self.is_sensitive else b"-"]
        for name in sorted(arrays):
            pieces += (name.encode(), str(arrays[name].shape).encode(), arrays[name].tobytes())
        for name in sorted(document):
            pieces.append(name.encode())
            pieces += [text.encode("utf-8", "surrogatepass") for text in document[name]]
        # each with its length, so that no two contents can be cut into the same bytes
        digest.update(b"".join([part for piece in pieces for part in (len(piece).to_bytes(8, "little"), piece)]))


# ── one number, one name ────────────────────────────────────────────────────


def _numbers(values: Any) -> NDArray[np.float32]:
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()  # None where masked; what lies under a mask is not to be read
    if isinstance(values, np.ndarray):
        if values.dtype.kind in "mMc":  # days, nanoseconds or NaT: nobody can tell what such a number means
            raise Invalid.at("", f"a number column needs numbers, not {values.dtype}")
        try:
            raw = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as exc:
            raise Invalid.at("", f"a number column needs numbers: {exc}") from None
        if raw.ndim != 1:
            raise Invalid.at("", f"a number column needs one value per row, not the shape {raw.shape}")
    else:
        listed = []
        for row, value in enumerate(per_row(values, "")):
            try:
                listed.append(math.nan if is_missing(value) else float(value))
            except (TypeError, ValueError, OverflowError):
                raise Invalid.at(f"/{row}", f"{value!r} is not a number") from None
        if len(listed) == 1 and abs(listed[0]) < _MOST:  # one who asks; NaN and what is too much go the long way
            return frozen_array(listed, np.float32)
        raw = np.array(listed, np.float64)
    if np.any(np.abs(raw) > np.finfo(np.float32).max):
        row = int(np.argmax(np.abs(raw) > np.finfo(np.float32).max))
        raise Invalid.at(f"/{row}", "must be finite; leave it out (None) where it is not known")
    raw[np.isnan(raw)] = np.nan  # one bit pattern for all that is missing, so that equal content has one hash
    return frozen_array(raw, np.float32)


@attrs.frozen(eq=False, repr=False)
class Number(Column):
    """One number per row: float32 (n,), NaN where it is missing."""

    kind: ClassVar[str] = "number"
    array: NDArray[np.float32] = attrs.field(converter=_numbers)
    is_sensitive: bool = attrs.field(default=False, kw_only=True)

    def __len__(self) -> int:
        return len(self.array)

    def value(self, row: int) -> float | None:
        """Give the number, or None."""
        number = float(self.array[row])
        return None if number != number else number

    def take(self, rows: NDArray[np.int64]) -> Number:
        """Give the column of these rows."""
        return Number(self.array[rows], is_sensitive=self.is_sensitive)

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give the one array."""
        return {"values": self.array}, {}


def _coded(names: Iterable[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    ordered = tuple(sorted(set(names)))
    return ordered, {name: code for code, name in enumerate(ordered)}


@attrs.frozen(eq=False, repr=False, init=False)
class Category(Column):
    """One name out of a set per row: int32 codes (n,) into the sorted ``names``, -1 where it is missing."""

    kind: ClassVar[str] = "category"
    codes: NDArray[np.int32]
    names: tuple[str, ...]
    is_sensitive: bool = False

    def __init__(self, values: Sequence[str | int | None], *, is_sensitive: bool = False) -> None:
        said = [
            None if is_missing(value) else name_of(value, f"/{row}") for row, value in enumerate(per_row(values, ""))
        ]
        names, code_of = _coded(v for v in said if v is not None)
        codes = [-1 if v is None else code_of[v] for v in said]
        self.__attrs_init__(frozen_array(codes, np.int32), names, is_sensitive)

    def __len__(self) -> int:
        return len(self.codes)

    def value(self, row: int) -> str | None:
        """Give the name, or None."""
        code = self.codes[row]
        return None if code < 0 else self.names[code]

    def take(self, rows: NDArray[np.int64]) -> Category:
        """Give the column of these rows; names that no row has any more are forgotten."""
        return Category([self.value(row) for row in rows.tolist()], is_sensitive=self.is_sensitive)

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give codes and names."""
        return {"codes": self.codes}, {"names": list(self.names)}


# ── several per row ─────────────────────────────────────────────────────────


def _ragged(
    values: Sequence[Iterable[Any] | None], text_of: Callable[[Any, str], str]
) -> tuple[list[list[str]], NDArray[np.bool_]]:
    rows: list[list[str]] = []
    missing: list[bool] = []
    for row, value in enumerate(per_row(values, "")):
        missing.append(is_missing(value))
        if missing[-1]:
            rows.append([])
            continue
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise Invalid.at(f"/{row}", "needs a list of texts, not one text")
        rows.append([t if type(t) is str else text_of(t, f"/{row}/{i}") for i, t in enumerate(value)])
    return rows, frozen_array(missing, np.bool_)


def _starts(rows: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    return frozen_array([0, *accumulate(len(texts) for texts in rows)], np.int64)


@attrs.frozen(eq=False, repr=False, init=False)
class Labels(Column):
    """
    Several names per row, as a set.

    Row r has the names at ``codes[starts[r]:starts[r + 1]]`` (int32, ascending);
    ``names`` is sorted. ``missing[r]`` tells a row that said nothing.
    """

    kind: ClassVar[str] = "labels"
    starts: NDArray[np.int64]
    codes: NDArray[np.int32]
    names: tuple[str, ...]
    missing: NDArray[np.bool_]
    is_sensitive: bool = False

    def __init__(self, values: Sequence[Iterable[str | int] | None], *, is_sensitive: bool = False) -> None:
        given, missing = _ragged(values, name_of)
        rows = [sorted(set(said)) for said in given]
        names, code_of = _coded(name for row in rows for name in row)
        codes = frozen_array([code_of[name] for row in rows for name in row], np.int32)
        self.__attrs_init__(_starts(rows), codes, names, missing, is_sensitive)

    def __len__(self) -> int:
        return len(self.missing)

    def value(self, row: int) -> tuple[str, ...] | None:
        """Give the names, sorted, or None."""
        if self.missing[row]:
            return None
        return tuple(self.names[code] for code in self.codes[self.starts[row] : self.starts[row + 1]].tolist())

    def has(self, name: str) -> NDArray[np.bool_]:
        """Tell for every row whether it has this name: bool (n,)."""
        found = np.zeros(len(self), np.bool_)
        if name in self.names:
            places = np.flatnonzero(self.codes == self.names.index(name))
            found[np.searchsorted(self.starts, places, side="right") - 1] = True
        return found

    def take(self, rows: NDArray[np.int64]) -> Labels:
        """Give the column of these rows."""
        return Labels([self.value(row) for row in rows.tolist()], is_sensitive=self.is_sensitive)

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give rows, codes and names."""
        return {"starts": self.starts, "codes": self.codes, "missing": self.missing}, {"names": list(self.names)}


@attrs.frozen(eq=False, repr=False, init=False)
class Texts(Column):
    """
    A list of texts per row, kept as they were said.

    Row r has ``items[starts[r]:starts[r + 1]]``; ``missing[r]`` tells a row that
    said nothing.
    """

    kind: ClassVar[str] = "texts"
    starts: NDArray[np.int64]
    items: tuple[str, ...]
    missing: NDArray[np.bool_]
    is_sensitive: bool = False

    def __init__(self, values: Sequence[Iterable[str] | None], *, is_sensitive: bool = False) -> None:
        rows, missing = _ragged(values, plain_text)
        self.__attrs_init__(_starts(rows), tuple(text for row in rows for text in row), missing, is_sensitive)

    def __len__(self) -> int:
        return len(self.missing)

    def value(self, row: int) -> tuple[str, ...] | None:
        """Give the texts in the order given, or None."""
        return None if self.missing[row] else self.items[self.starts[row] : self.starts[row + 1]]

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """Give the column of these rows."""
        return Texts([self.value(row) for row in rows.tolist()], is_sensitive=self.is_sensitive)

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give rows and texts."""
        return {"starts": self.starts, "missing": self.missing}, {"items": list(self.items)}


# ── a week, and what was made elsewhere ─────────────────────────────────────


@attrs.frozen(eq=False, repr=False, init=False)
class Hours(Column):
    """
    The hours of one week per row: 168 bits, bit 0 is Monday 00:00 to 01:00 UTC.

    Made from integers, or from lists of hours (0 to 167). ``bits`` is uint8
    (n, 21), bit h & 7 of byte h >> 3 being hour h.
    """

    kind: ClassVar[str] = "hours"
    bits: NDArray[np.uint8]
    missing: NDArray[np.bool_]
    is_sensitive: bool = False

    def __init__(self, values: Sequence[int | Iterable[int] | None], *, is_sensitive: bool = False) -> None:
        packed = bytearray()
        missing = []
        for row, value in enumerate(per_row(values, "")):
            packed += week_of(value, f"/{row}").to_bytes(_HOUR_BYTES, "little")
            missing.append(is_missing(value))
        bits = frozen_array(np.frombuffer(bytes(packed), np.uint8).reshape(len(missing), _HOUR_BYTES), np.uint8)
        self.__attrs_init__(bits, frozen_array(missing, np.bool_), is_sensitive)

    def __len__(self) -> int:
        return len(self.missing)

    def value(self, row: int) -> int | None:
        """Give the week as an integer of 168 bits, or None."""
        return None if self.missing[row] else int.from_bytes(self.bits[row].tobytes(), "little")

    def take(self, rows: NDArray[np.int64]) -> Hours:
        """Give the column of these rows."""
        return Hours([self.value(row) for row in rows.tolist()], is_sensitive=self.is_sensitive)

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give bits and what is missing."""
        return {"bits": self.bits, "missing": self.missing}, {}


def week_of(value: Any, pointer: str) -> int:
    """
    Give the bits of one week; none where nothing is known.

    Raises:
        Invalid: If it is no week.
    """
    if is_missing(value):
        return 0
    if not isinstance(value, Integral | Iterable):
        raise Invalid.at(pointer, f"{value!r} is no week: 168 bits, or a list of numbers from 0 to 167")
    week = int(value) if isinstance(value, Integral) else _week(value, pointer)
    if not 0 <= week < 1 << N_HOURS:
        raise Invalid.at(pointer, "needs hours of one week: 168 bits, or a list of numbers from 0 to 167")
    return week


def _week(hours: Iterable[Any], pointer: str) -> int:
    week = 0
    for hour in hours:
        if not isinstance(hour, Integral) or not 0 <= int(hour) < N_HOURS:
            raise Invalid.at(pointer, f"{hour!r} is not an hour of the week (0 to 167)")
        week |= 1 << int(hour)
    return week


def _matrix(values: Any) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # too much for a float32 is infinite, and refused as such
            matrix = np.array(values, dtype=np.float32)
    except (TypeError, ValueError):
        raise Invalid.at("", "a vector column needs as many numbers in every row") from None
    if matrix.ndim != 2 or np.isinf(matrix).any():
        raise Invalid.at("", "a vector column needs rows of finite numbers, all of one length")
    return frozen_array(matrix, np.float32)


@attrs.frozen(eq=False, repr=False)
class Vector(Column):
    """Numbers made elsewhere, such as an embedding: float32 (n, d), a row of NaN where it is missing."""

    kind: ClassVar[str] = "vector"
    array: NDArray[np.float32] = attrs.field(converter=_matrix)
    is_sensitive: bool = attrs.field(default=False, kw_only=True)

    def __len__(self) -> int:
        return len(self.array)

    def value(self, row: int) -> NDArray[np.float32] | None:
        """Give the row as an array (d,), or None."""
        return None if np.isnan(self.array[row]).any() else self.array[row]

    def take(self, rows: NDArray[np.int64]) -> Vector:
        """Give the column of these rows."""
        return Vector(self.array[rows], is_sensitive=self.is_sensitive)

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give the one array."""
        return {"values": self.array}, {}


KINDS: Mapping[str, type[Column]] = {c.kind: c for c in (Number, Category, Labels, Texts, Hours, Vector)}


def column_of(
    kind: str, arrays: Mapping[str, NDArray[Any]], document: Mapping[str, Any], *, is_sensitive: bool = False
) -> Column:
    """
    Make a column again from its :meth:`Column.parts`.

    Raises:
        Invalid: If the kind is unknown or the parts do not fit together.
    """
    try:
        if kind == "number":
            return Number(arrays["values"], is_sensitive=is_sensitive)
        if kind == "vector":
            return Vector(arrays["values"], is_sensitive=is_sensitive)
        if kind == "category":
            names = [*document["names"], None]  # code -1 is the last place
            return Category([names[code] for code in arrays["codes"].tolist()], is_sensitive=is_sensitive)
        missing = arrays["missing"].tolist()
        if kind == "hours":
            weeks = [int.from_bytes(bits.tobytes(), "little") for bits in arrays["bits"]]
            return Hours([None if m else w for m, w in zip(missing, weeks, strict=True)], is_sensitive=is_sensitive)
        starts = arrays["starts"].tolist()
        if kind == "labels":
            flat = [document["names"][code] for code in arrays["codes"].tolist()]
        elif kind == "texts":
            flat = document["items"]
        else:
            raise Invalid.at("/kind", f"{kind!r} is no kind of column; known: {', '.join(KINDS)}")
        rows = [None if missing[r] else flat[starts[r] : starts[r + 1]] for r in range(len(missing))]
        return (Labels if kind == "labels" else Texts)(rows, is_sensitive=is_sensitive)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as exc:
        raise Invalid.at("", f"these are not the parts of a {kind} column") from exc
