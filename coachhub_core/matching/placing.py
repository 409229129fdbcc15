"""Placing a cohort from plain scores: no model, no hub, any assigner."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coachhub_core.errors import Invalid, MatcherFault, PluginError
from coachhub_core.ports.matcher import NEVER, AssignerOffer, Deadline, Placements

_MOST = float(1 << 53)  # beyond, whole numbers are not told apart; nobody has so many places
_MOST_NEEDED = 1_000  # or as many as there are coaches: an answer has room for all that anybody needs


def place(
    candidates: ArrayLike | None,
    scores: ArrayLike,
    seats: ArrayLike,
    *,
    need: ArrayLike | None = None,
    coach_scores: ArrayLike | None = None,
    floor: float = -math.inf,
    mode: str = "stable",
    assigner: str = "plain",
    offers: Mapping[str, AssignerOffer] | None = None,
    deadline: Deadline = NEVER,
) -> Placements:
    """
    Place many trainees at once.

    Args:
        candidates: (n, L), the coaches each trainee may get, padded with -1; None: every coach, in order.
        scores: (n, L), how well the trainee is served; larger is better, -inf is a veto.
        seats: (m,), places each coach has.
        need: (n,), coaches each trainee gets; None: one each. At most as many as there are coaches, or 1,000.
        coach_scores: (n, L), whom the coach would rather take; None: as *scores*.
        floor: Pairs below it are never made.
        mode: ``stable``, or another one the assigner offers; ``duet`` has ``welfare``, ``worst_first`` (whoever has the
            least on the mean of what they need is served as well as can be) and ``exact``.
        assigner: A name out of *offers*; out of what ships and every installed plugin offers, when none are given.
    Returns:
        The placements, checked: :func:`~coachhub_core.matching.certifying.certify` counts how good they are.
    Raises:
        Invalid: If shapes or values do not fit together; names the argument.
        PluginError: If no such assigner or mode is offered, or its library is not installed.
        MatcherFault: If the assigner's answer breaks its contract.
    """
    arrays = as_arrays(candidates, scores, seats, need, coach_scores)
    if offers is None:
        offers = _offers(assigner)
    if assigner not in offers:
        raise PluginError(reason=f"no assigner {assigner!r} is offered; known: {', '.join(sorted(offers))}")
    offer = offers[assigner]
    if mode not in offer.modes:
        raise PluginError(
            reason=f"the assigner {assigner!r} has no mode {mode!r}; known: {', '.join(sorted(offer.modes))}"
        )
    lists, values, free, needed, theirs = arrays
    made = offer.make().assign(
        lists, values, free, mode=mode, need=needed, coach_scores=theirs, floor=floor, deadline=deadline
    )
    _check(made, lists, values, free, needed, theirs, floor)
    return made


def _offers(name: str) -> Mapping[str, AssignerOffer]:
    """Give what ships, and where that has no such name, what the installed plugins offer beside it."""
    from coachhub_core.memory.matcher import assigner_offers

    offers = assigner_offers()
    if name in offers:
        return offers
    from coachhub_core.config import Settings
    from coachhub_core.plugins import load_plugins, merge_offers  # whoever uses what ships needs no plugin manager

    return merge_offers("coachhub_assigners", load_plugins().hook.coachhub_assigners(settings=Settings()))


Arrays = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]


def as_arrays(
    candidates: ArrayLike | None,
    scores: ArrayLike,
    seats: ArrayLike,
    need: ArrayLike | None,
    coach_scores: ArrayLike | None,
) -> Arrays:
    """Give the arguments as the arrays of the port; see :func:`place`."""
    free = _whole(seats, "seats")
    values = _matrix(scores, "scores")
    if candidates is None:
        if values.shape[1] != len(free):
            raise Invalid.at("/scores", f"has {values.shape[1]} columns for {len(free)} coaches; name the candidates")
        lists = np.ascontiguousarray(np.broadcast_to(np.arange(len(free), dtype=np.int32), values.shape))
    else:
        needs = "whole numbers in rows of one length, -1 for none"
        named = _array(candidates, "candidates", needs)
        if not (np.isfinite(named) & (named == np.floor(named))).all():
            raise Invalid.at("/candidates", f"needs {needs}")
        lists = np.ascontiguousarray(np.clip(named, -2, len(free)), dtype=np.int32)
        if lists.shape != values.shape:
            raise Invalid.at("/candidates", f"has the shape {lists.shape}, and scores {values.shape}")
    if lists.size and (lists.min() < -1 or lists.max() >= len(free)):
        raise Invalid.at("/candidates", f"names a coach outside 0 to {len(free) - 1}")
    ordered = np.sort(lists, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise Invalid.at("/candidates", "names a coach twice for one trainee")
    needed = np.ones(len(values), np.int64) if need is None else _whole(need, "need")
    if needed.shape != (len(values),):
        raise Invalid.at("/need", f"has {len(needed)} values for {len(values)} trainees")
    most = max(len(free), _MOST_NEEDED)
    if needed.max(initial=0) > most:
        raise Invalid.at("/need", f"asks for more than {most} coaches, and there are {len(free)}")
    theirs = None if coach_scores is None else _matrix(coach_scores, "coach_scores")
    if theirs is not None and theirs.shape != values.shape:
        raise Invalid.at("/coach_scores", f"has the shape {theirs.shape}, and scores {values.shape}")
    return lists, values, free, needed, theirs


def _matrix(values: ArrayLike, name: str) -> NDArray[np.float64]:
    matrix = np.ascontiguousarray(_array(values, name, "numbers in rows of one length; -inf is a veto"))
    if matrix.ndim != 2:
        raise Invalid.at(f"/{name}", f"needs a row per trainee, not the shape {matrix.shape}")
    if np.isnan(matrix).any() or (matrix == np.inf).any():
        raise Invalid.at(f"/{name}", "needs numbers; -inf is a veto")
    return matrix


def _array(values: ArrayLike, name: str, needs: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):  # texts, or rows of several lengths
        raise Invalid.at(f"/{name}", f"needs {needs}") from None


def _whole(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = _array(values, name, "whole numbers, 0 or more")
    if array.ndim != 1 or not (np.isfinite(array) & (array >= 0) & (array == np.floor(array))).all():
        raise Invalid.at(f"/{name}", "needs whole numbers, 0 or more")
    return np.ascontiguousarray(np.minimum(array, _MOST), dtype=np.int64)


def _check(
    made: Placements,
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    free: NDArray[np.int64],
    need: NDArray[np.int64],
    theirs: NDArray[np.float64] | None,
    floor: float,
) -> None:
    width = int(need.max(initial=0))
    coaches = made.coaches
    if not isinstance(coaches, np.ndarray) or coaches.dtype != np.int32 or coaches.shape != (len(lists), width):
        raise MatcherFault(reason=f"placements are not int32 of the shape {(len(lists), width)}")
    taken = np.zeros(len(free), np.int64)
    for i, row in enumerate(coaches.tolist()):
        got = [coach for coach in row if coach != -1]
        if row[: len(got)] != got:
            raise MatcherFault(reason=f"trainee {i}: -1 stands before a coach")
        if len(set(got)) < len(got) or len(got) > need[i]:
            raise MatcherFault(reason=f"trainee {i}: a coach twice, or more coaches than needed")
        ok = (values[i] >= floor) & (values[i] > -np.inf)
        if theirs is not None:
            ok &= theirs[i] > -np.inf
        if not set(got) <= set(lists[i][ok].tolist()):
            raise MatcherFault(reason=f"trainee {i}: a coach who is no candidate, or a veto")
        taken[got] += 1
    if (taken > free).any():
        raise MatcherFault(reason=f"coach {int(np.argmax(taken > free))} has more trainees than seats")
