"""
The check of every answer a matcher gives, in time proportional to the answer.

A matcher is somebody else's code. Whatever it does, no coach who was filtered
out, no number that is none and no half-made array leaves through here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import MatcherFault, PluginError
from coachhub_core.matching.tables import CoachTable
from coachhub_core.ports.matcher import API, CAPABILITIES, AllowedPairs, AssignerOffer, MatcherOffer, Ranking, Reason

MAX_REASON_BYTES = 8_192  # of one reason's evidence: more is no evidence but a leak
_SMALLEST, _LARGEST = -(1 << 63), 1 << 63  # whole numbers beyond are written out to see how long they are


@contextmanager
def leaving_is_a_fault(name: str) -> Iterator[None]:
    """
    Let nobody's plugin end the program: who calls ``sys.exit()`` has failed like anybody who raises.

    What somebody raises who presses Ctrl-C passes.

    Raises:
        MatcherFault: If the block was left by SystemExit, or by another exception that is no Exception.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as exc:
        raise MatcherFault(reason=f"{name!r} left by {exc!r}") from exc


def check_offer(name: str, offer: MatcherOffer | AssignerOffer) -> None:
    """
    Refuse an offer this version cannot serve.

    Raises:
        PluginError: If its api is another major, or it promises what nobody knows.
    """
    if offer.api != API:
        raise PluginError(reason=f"{name!r} is made for matcher api {offer.api}; this version serves api {API}")
    if isinstance(offer, MatcherOffer) and (unknown := offer.promises - CAPABILITIES):
        raise PluginError(reason=f"matcher {name!r} promises unknown capabilities: {', '.join(sorted(unknown))}")


def check_ranking(ranking: Ranking, coaches: CoachTable, allowed: AllowedPairs, b: int, k: int) -> None:
    """
    Refuse a ranking that breaks the port's contract.

    Raises:
        MatcherFault: Naming the first thing that is wrong.
    """
    if not isinstance(ranking, Ranking):
        raise MatcherFault(reason=f"a ranking is needed, not {type(ranking).__name__}")
    rows, scores = ranking.rows, ranking.scores
    for what, array, dtype in (("rows", rows, np.int32), ("scores", scores, np.float64)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != (b, k):
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise MatcherFault(reason=f"{what} are {found}, not {np.dtype(dtype)} {(b, k)}")
        if not array.flags.c_contiguous:
            raise MatcherFault(reason=f"{what} are not C-contiguous")
    for i in range(b):
        _check_list(rows[i].tolist(), scores[i].tolist(), coaches, allowed.bitmap(i), i)


def check_upper(upper: object, scores: NDArray[np.float64]) -> None:
    """
    Refuse bounds that break the optional port's contract.

    Raises:
        MatcherFault: If they are not float64 of the shape of *scores*, or one is below its score.
    """
    if not isinstance(upper, np.ndarray) or upper.dtype != np.float64 or upper.shape != scores.shape:
        raise MatcherFault(reason=f"upper bounds are not float64 {scores.shape}")
    if not (upper >= scores).all() or (upper == np.inf).any():  # NaN is not above anything
        raise MatcherFault(reason="an upper bound is below its score, or no number")


def _check_list(rows: list[int], scores: list[float], coaches: CoachTable, bitmap: bytes, i: int) -> None:
    seen: set[int] = set()
    is_over = False
    order = coaches.id_order
    last, last_row = math.inf, -1
    for row, score in zip(rows, scores, strict=True):
        if row == -1:
            is_over = True
            if score != -math.inf:
                raise MatcherFault(reason=f"trainee {i}: the score of nobody is {score}, not -inf")
            continue
        if is_over:
            raise MatcherFault(reason=f"trainee {i}: a coach stands behind -1")
        if not 0 <= row < len(coaches):
            raise MatcherFault(reason=f"trainee {i}: there is no coach row {row}")
        if not math.isfinite(score):
            raise MatcherFault(reason=f"trainee {i}: the score of coach row {row} is {score}")
        if row in seen:
            raise MatcherFault(reason=f"trainee {i}: coach row {row} comes twice")
        if not bitmap[row >> 3] >> (row & 7) & 1:
            raise MatcherFault(reason=f"trainee {i}: coach row {row} is not allowed")
        if score > last:
            raise MatcherFault(reason=f"trainee {i}: the scores increase from {last} to {score}")
        if score == last and order[last_row] > order[row]:
            raise MatcherFault(reason=f"trainee {i}: of two equal scores the smaller id does not come first")
        seen.add(row)
        last, last_row = score, row


def check_reasons(reasons: list[list[tuple[Reason, ...]]], rows: list[list[int]]) -> None:
    """
    Refuse reasons that are not one tuple per pair, or not finite, or not JSON.

    Raises:
        MatcherFault: Naming the first thing that is wrong.
    """
    if len(reasons) != len(rows) or any(len(mine) != len(row) for mine, row in zip(reasons, rows, strict=True)):
        raise MatcherFault(reason="there is not one tuple of reasons per pair")
    told: dict[int, Reason] = {}  # by its evidence: one fact may stand behind several; all live as long as the list
    for mine, row in zip(reasons, rows, strict=True):
        for pair, coach in zip(mine, row, strict=True):
            if coach < 0 and pair:
                raise MatcherFault(reason="nobody was proposed, and there is a reason for it")
            for reason in pair:  # a list has a hundred and more of them: what is certainly right costs no call
                if type(reason) is Reason and type(reason.code) is str and reason.code:
                    worth = reason.contribution
                    if type(worth) is float and worth - worth == 0.0:  # so it is finite
                        told[id(reason.evidence)] = reason
                        continue
                _check_reason(reason)
    for reason in told.values():
        if not _is_small_json(reason.evidence):
            _check_evidence(reason)


def _check_reason(reason: Reason) -> None:
    if not isinstance(reason, Reason) or not isinstance(reason.code, str) or not reason.code:
        raise MatcherFault(reason=f"{reason!r} is no reason")
    if not isinstance(reason.contribution, int | float) or not math.isfinite(reason.contribution):
        raise MatcherFault(reason=f"the contribution of {reason.code!r} is {reason.contribution!r}")
    _check_evidence(reason)


def _check_evidence(reason: Reason) -> None:
    try:
        size = len(json.dumps(dict(reason.evidence), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise MatcherFault(reason=f"the evidence of {reason.code!r} is not JSON: {exc}") from exc
    if size > MAX_REASON_BYTES:
        raise MatcherFault(reason=f"the evidence of {reason.code!r} has {size} bytes; {MAX_REASON_BYTES} are the most")


def _is_small_json(evidence: object) -> bool:
    """Tell whether this is certainly small, finite JSON, without writing it: flat, of plain types, and short."""
    if type(evidence) is not dict:
        return False
    room = MAX_REASON_BYTES // 12  # no character takes more than twelve bytes
    for name, value in evidence.items():
        if type(name) is not str:
            return False
        room -= len(name) + 4  # a number takes 24 bytes at most
        kind = type(value)
        if kind is float:
            if value - value != 0.0:  # not finite
                return False
        elif kind is str:
            room -= len(value)
        elif kind is list or kind is tuple:
            for one in value:
                kind = type(one)
                room -= 3
                if kind is str:
                    room -= len(one)
                elif kind is int:
                    if not _SMALLEST < one < _LARGEST:
                        return False
                elif kind is not float or one - one != 0.0:
                    return False
        elif kind is int:
            if not _SMALLEST < value < _LARGEST:
                return False
        elif value is not None and kind is not bool:
            return False
    return room > 0
