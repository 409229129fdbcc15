"""
The features of an earlier model, read off the features of new tables.

Both encoders read the same columns, each with the names, quantiles and words of its own table. A column of the same
name and kind is carried over value by value: names by name, hours by hour, vectors by their dimensions, numbers by what
the earlier features are at today's mean, spread and quantiles, texts by the words both know. So what was learned of a
column says the same of the same value, wherever its numbers stand.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import attrs
import numpy as np

from coachhub_core.matching.tables import Category, Hours, Labels, Number, Texts, Vector
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.encode import FAR, ColumnCode, Encoder, hats, standing
from coachhub_scipy.parts import Side
from coachhub_scipy.text import places

_Read = tuple[Floats, Floats]  # (p0, p1) and (p0,): the earlier features of a known value, and what is the same for all


@attrs.frozen(eq=False)
class Carried:
    """Earlier features are ``today's @ matrix.T + constant``, as near as today's can say them."""

    matrix: Floats  # (p0, p1)
    constant: Floats  # (p0,)
    n_columns: int  #: that both know

    @classmethod
    def of(cls, earlier: Encoder, now: Encoder) -> Carried:
        """Read one encoder's features off another's; a column that is not there today is missing, as ever."""
        matrix, constant = np.zeros((earlier.width, now.width)), np.zeros(earlier.width)
        starts = dict(zip([code.name for code in now.codes], _starts(now), strict=True))
        known = {code.name: code for code in now.codes}
        n_columns = 0
        for was, row in zip(earlier.codes, _starts(earlier), strict=True):
            gone = row + was.width  # the indicator of a missing value
            code = known.get(was.name)
            read = None if code is None or code.kind != was.kind else _READ[was.kind](was, code)
            if code is None or read is None:
                constant[gone] = 1.0
                continue
            at, end = starts[code.name], starts[code.name] + code.width
            matrix[row:gone, at:end], constant[row:gone] = read
            matrix[row:gone, end] = -read[1]  # of a missing value all are 0
            matrix[gone, end] = 1.0
            n_columns += 1
        return cls(matrix, constant, n_columns)

    def side(self, side: Side) -> Side:
        """Give vectors made of the earlier features as they are made of today's; nobody has any of their own."""
        learned = np.zeros((len(self.matrix), side.width)) if side.map is None else np.ascontiguousarray(side.map)
        return Side(side.constant + self.constant @ learned, self.matrix.T @ learned)


def _starts(encoder: Encoder) -> list[int]:
    return list(accumulate((code.width + 1 for code in encoder.codes), initial=0))[:-1]


def _by_name(was: ColumnCode, code: ColumnCode) -> _Read:
    place = {name: at for at, name in enumerate(code.names)}
    matrix = np.zeros((was.width, code.width))
    for row, name in enumerate(was.names):
        if name in place:
            matrix[row, place[name]] = 1.0
    return matrix, np.zeros(was.width)


def _number(was: ColumnCode, code: ColumnCode) -> _Read:
    matrix, constant = np.zeros((was.width, code.width)), np.zeros(was.width)
    around = float(code.centre[0]) + float(code.scale[0]) * np.array([-1.0, 0.0, 1.0])
    stands = standing(was, around)
    if len(code.knots) and (np.abs(stands) == FAR).any():  # most are as far as anything was, as in another unit
        matrix[0, 1:] = standing(was, code.knots)
    else:
        matrix[0, 0], constant[0] = 0.5 * (stands[2] - stands[0]), stands[1]
    if len(was.knots) and len(code.knots):
        matrix[1:, 1:] = hats(was.knots, code.knots).T  # between its quantiles, a straight line
    elif len(was.knots):  # too few different values today for a bend: a straight line through their mean
        below, middle, above = hats(was.knots, around)
        matrix[1:, 0], constant[1:] = 0.5 * (above - below), middle
    return matrix, constant


def _vector(was: ColumnCode, code: ColumnCode) -> _Read | None:
    if was.width != code.width:
        return None
    away, wider = (code.centre - was.centre) / was.scale[0], code.scale[0] / was.scale[0]
    if np.hypot(wider, np.sqrt(np.mean(away**2))) > FAR:  # they lie elsewhere: they are of another kind
        return None
    return np.eye(was.width) * wider, away


def _hours(was: ColumnCode, code: ColumnCode) -> _Read:
    return np.eye(was.width), np.zeros(was.width)


def _texts(was: ColumnCode, code: ColumnCode) -> _Read:
    """Through the words: today's features are a text's weighted words, turned; they are turned back, and read anew."""
    place = places(was.names)
    both = [(at, place[term]) for at, term in enumerate(code.names) if term in place]
    matrix = np.zeros((was.width, code.width))
    if both:
        now, then = (np.array(places) for places in zip(*both, strict=True))
        idf = code.centre[now][:, None]
        sizes = [float(one.scale[0]) * np.sqrt(max(one.width, 1)) for one in (was, code)]
        turned = np.ascontiguousarray(was.basis)[then] / idf  # as it is in a file: the same bits from there
        matrix = turned.T @ (code.basis[now] / idf) * (sizes[1] / sizes[0])
    return matrix, np.zeros(was.width)


_READ: dict[str, Callable[[ColumnCode, ColumnCode], _Read | None]] = {
    Number.kind: _number,
    Vector.kind: _vector,
    Hours.kind: _hours,
    Category.kind: _by_name,
    Labels.kind: _by_name,
    Texts.kind: _texts,
}
