"""
What one entry of a table says: a name, a text, or nothing.

Other libraries' tables say nothing in many ways, and have types of their own for
a text or a number: all of it is read here, for columns and records alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any
from uuid import UUID

import numpy as np

from coachhub_core.errors import Invalid

_NEVER_MISSING = (str, list, tuple, int)
_SAY_MISSING = ("NAType", "NaTType", "MaskedConstant")  # pandas is known by name: nobody needs it installed


def per_row(values: Any, pointer: str) -> Any:
    """
    Give *values* as they are, something of one entry per row.

    Raises:
        Invalid: If there is nothing to walk, a text, whose letters nobody means, or a table, which walks its names.
    """
    if hasattr(values, "columns") and hasattr(values, "shape"):  # pandas' and polars'
        raise Invalid.at(pointer, f"needs an entry per row, such as one column, not a whole {type(values).__name__}")
    is_list = isinstance(values, Iterable) or hasattr(values, "__getitem__")
    if isinstance(values, str | bytes) or not is_list or getattr(values, "ndim", 1) == 0:
        raise Invalid.at(pointer, f"needs a list or an array, an entry per row, not {type(values).__name__}")
    return values


def is_missing(value: Any) -> bool:
    """Tell None, and the NaN, NaT, NA or mask by which tables of other libraries say it."""
    if value is None:
        return True
    kind = type(value)
    if kind in _NEVER_MISSING:
        return False
    if kind.__name__ in _SAY_MISSING and kind.__module__.split(".", 1)[0] in ("pandas", "numpy"):
        return True
    if kind is Decimal:
        return bool(value.is_nan())  # one that signals may not be compared
    return isinstance(value, Real | np.datetime64 | np.timedelta64) and bool(value != value)


def name_of(value: Any, pointer: str) -> str:
    """
    Give a name as text: a whole number, a truth value or a UUID will do for one.

    Raises:
        Invalid: If it is neither.
    """
    if isinstance(value, str):
        return value if type(value) is str else str.__str__(value)  # numpy's, or an enum's, as the text it is
    if isinstance(value, Integral | np.bool_ | UUID):
        return str(value)
    if isinstance(value, Real) and float(value).is_integer():  # how a column of codes comes that has gaps
        return str(int(float(value)))
    raise Invalid.at(pointer, f"{value!r} is not a text")


def plain_text(value: Any, pointer: str) -> str:
    """
    Give a text, numpy's too, as a plain one.

    Raises:
        Invalid: If it is none.
    """
    if not isinstance(value, str):
        raise Invalid.at(pointer, f"{value!r} is not a text")
    return str.__str__(value)
