"""
The logistic function, the same bits on every machine.

The exponential of a C library differs in the last bit between processors and
versions; a score that breaks ties must not. This one uses + - x / alone.
"""

from __future__ import annotations

import math

_LN2_HIGH = 0.693147180369123816490  # ln 2 in two pieces, so that x - k ln 2 is exact in its high part (fdlibm)
_LN2_LOW = 1.90821492927058770002e-10
_MAX_X = 700.0  # exp(700) is about 1e304; beyond, a score would leave (0, 1) as a float anyway


def exponential(x: float) -> float:
    """Give e to the *x*, for x in [-700, 700] (clipped), within two units in the last place."""
    x = min(max(x, -_MAX_X), _MAX_X)
    k = math.floor(x / 0.6931471805599453 + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW  # |r| <= 0.35: fourteen terms of the series leave less than 1e-18
    total = 1.0
    for n in range(14, 0, -1):
        total = 1.0 + r / n * total
    return math.ldexp(total, k)  # exact: it moves the exponent only


def sigmoid(x: float) -> float:
    """Give the probability whose logit is *x*."""
    if x >= 0:
        return 1.0 / (1.0 + exponential(-x))
    grown = exponential(x)
    return grown / (1.0 + grown)


def logit(p: float) -> float:
    """Give the logit of a probability in (0, 1)."""
    return math.log(p) - math.log1p(-p)
