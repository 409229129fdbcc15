"""
Arithmetic that gives the same bits everywhere: + - x / in a fixed order, and nothing else.

A product of matrices sums in an order that depends on the batch, the threads and
the processor; numpy's exponential and logarithm differ in the last bit between
processors. What decides an order or is shown passes through here instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LN2_HIGH = 0.693147180369123816490  # ln 2 in two pieces, so that x - k ln 2 is exact in its high part (fdlibm)
_LN2_LOW = 1.90821492927058770002e-10
_LN2 = 0.6931471805599453
_MAX_X = 700.0


def exponential(x: Floats) -> Floats:
    """Give e to the *x*, for x in [-700, 700] (clipped), within two units in the last place."""
    x = np.minimum(np.maximum(x, -_MAX_X), _MAX_X)
    k = np.floor(x / _LN2 + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    total = np.ones_like(r)
    for n in range(14, 0, -1):  # |r| <= 0.35: fourteen terms of the series leave less than 1e-18
        total = 1.0 + r / n * total
    made: Floats = np.ldexp(total, k.astype(np.int32))
    return made


def sigmoid(x: Floats) -> Floats:
    """Give the probability whose logit is *x*, strictly between 0 and 1 for |x| <= 36."""
    grown = exponential(-np.abs(x))
    made: Floats = np.where(x >= 0, 1.0 / (1.0 + grown), grown / (1.0 + grown))
    return made


def logarithm(x: Floats) -> Floats:
    """Give the natural logarithm of positive numbers."""
    m, e = np.frexp(x)
    low = m < 0.7071067811865476
    m = np.where(low, m * 2.0, m)
    e = (e - low).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)  # |s| <= 0.172: eleven terms of the series of atanh leave less than 1e-17
    s2 = s * s
    total = np.full_like(s, 1.0 / 21.0)
    for n in range(19, 0, -2):
        total = 1.0 / n + s2 * total
    made: Floats = e * _LN2_HIGH + (e * _LN2_LOW + 2.0 * s * total)
    return made


def dots(left: Floats, columns: Floats) -> Floats:
    """
    Give the products of one vector with many, summed dimension by dimension.

    Args:
        left: (d,).
        columns: (d, r), one vector per column.
    Returns:
        (r,): the same bits for a column whatever stands beside it.
    """
    d, r = columns.shape
    if d == 0 or r == 0:
        return np.zeros(r)
    if r == 1:  # a lone column would be summed pairwise, in another order
        return dots(left, np.repeat(columns, 2, axis=1))[:1]
    products = np.ascontiguousarray(columns * left[:, None])
    made: Floats = np.add.reduce(products, axis=0)  # over the outer axis: row after row
    return made


def dots_of_pairs(left: Floats, right: Floats) -> Floats:
    """
    Give the product of each column on the left with the one beside it, as :func:`dots` does: the same bits.

    Args:
        left: (d, r).
        right: (d, r).
    """
    d, r = left.shape
    if d == 0 or r == 0:
        return np.zeros(r)
    if r == 1:
        return dots(left[:, 0], right)
    made: Floats = np.add.reduce(np.ascontiguousarray(left * right), axis=0)
    return made
