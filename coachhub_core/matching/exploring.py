"""
Exploration: what a service changes in a list after it was ranked, to learn what ranking alone would never show.

In a share of lists two neighbours change places, which is how one learns what a place is
worth. In another, one of the first five places goes to whoever may yet be the best there
instead of whoever is expected to be, which is how newcomers are met. All of it is drawn
from the question, so the same question gives the same list; and since every list that
could have been drawn is known, so is how likely each coach was to stand where they do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import attrs

FIRST = 5  #: places of which one may go by upper bound
POOL = 50  #: the best so many by score are looked at: nobody far below is tried


@attrs.frozen(kw_only=True)
class Maybe:
    """A coach who was ranked, and how good they may well be."""

    coach_id: str
    score: float
    upper: float  #: never below the score


@attrs.frozen(kw_only=True)
class Shown:
    """A place of a list as it is shown."""

    coach_id: str
    is_exploring: bool
    propensity: float  #: how likely this coach was to stand in this place, over all that could be drawn; above 0


@attrs.frozen
class _Outcome:
    chance: float
    order: tuple[str, ...]
    moved: Collection[int] = ()


def arranged(
    ranked: Sequence[str],
    pool: Sequence[Maybe] = (),
    *,
    question: str,
    swap_share: float,
    explore_share: float,
) -> list[Shown]:
    """
    Draw how a ranked list is shown.

    Args:
        ranked: Ids of coaches, best first.
        pool: The head of the same ranking, longer than the list, each with an upper bound; nobody where the matcher
            gives none: then neighbours are swapped and nothing else.
        question: What the draw depends on, and nothing else does.
        swap_share: Share of questions whose list has two neighbours swapped.
        explore_share: Share of questions in which a place goes by upper bound; as much of it as swaps leave.
    Returns:
        As many places as *ranked* has.
    """
    outcomes = _outcomes(tuple(ranked), pool, swap_share, explore_share)
    drawn = int.from_bytes(hashlib.sha256(question.encode()).digest()[:8], "big") / 2**64
    taken = outcomes[-1]
    for outcome in outcomes:
        if drawn < outcome.chance:
            taken = outcome
            break
        drawn -= outcome.chance
    return [
        Shown(
            coach_id=coach_id,
            is_exploring=place in taken.moved,
            propensity=min(1.0, sum(one.chance for one in outcomes if one.order[place] == coach_id)),
        )
        for place, coach_id in enumerate(taken.order)
    ]


def _outcomes(
    ranked: tuple[str, ...], pool: Sequence[Maybe], swap_share: float, explore_share: float
) -> list[_Outcome]:
    """Give every list that may be shown with its chance; the unchanged one last. The chances add up to 1."""
    n = len(ranked)
    swaps = swap_share if n > 1 else 0.0
    tries = min(explore_share, 1.0 - swaps) if pool and n else 0.0
    made = []
    for at in range(n - 1 if swaps else 0):
        order = (*ranked[:at], ranked[at + 1], ranked[at], *ranked[at + 2 :])
        made.append(_Outcome(swaps / (n - 1), order, (at, at + 1)))
    places = min(FIRST, n)
    for place in range(places if tries else 0):
        above = ranked[:place]
        best = min((one for one in pool if one.coach_id not in above), key=lambda one: (-one.upper, one.coach_id))
        if best.coach_id != ranked[place]:
            rest = [id_ for id_ in ranked[place:] if id_ != best.coach_id]
            made.append(_Outcome(tries / places, (*above, best.coach_id, *rest)[:n], (place,)))
        else:
            made.append(_Outcome(tries / places, ranked))
    made.append(_Outcome(1.0 - swaps - tries, ranked))
    return made
