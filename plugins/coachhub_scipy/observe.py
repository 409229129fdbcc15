"""
The log read as what each step saw: pairs, how strongly each was a yes, and whether there was a no at all.

Unseen is not a no. An explicit no is one, and so is, more weakly, having been shown
and passed over. A rating stands for two things: that somebody chose, and how well
it went.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import OutcomeLog
from coachhub_scipy.arithmetic import Floats

STEPS = ("wants", "accepts", "goes_well")
REFUSALS = frozenset({"declined", "cancelled", "rejected", "refused", "skipped", "dismissed", "disliked", "ignored"})
GLANCE = {"opened": 0.1}  #: looking is less than asking, where a log has both
MOST_SHOWN = 3  #: showings of one pair that count
CLIP = 1.25  #: a showing counts at most as so many, however unlikely it was; docs/explanation/exploration.md says why
CHOSEN = 0.2  #: of a yes from which on a pair counts as chosen, where there are noes; ratings: above the middle
_MANY_VALUES = 25  # more different values than a scale has: these are counts
_SMOOTH = 0.12  # of a rating around what is usual: where indifference turns to liking


@attrs.frozen(eq=False)
class Observed:
    """What one step saw: a row per pair."""

    trainee: NDArray[np.int64]
    coach: NDArray[np.int64]
    yes: Floats  #: 0 to 1
    weight: Floats
    at: NDArray[np.int64]  #: the latest event of the pair
    position: Floats  #: mean place in the lists it was shown in; 0 where there was none
    has_no: bool  #: whether a no can be told from silence
    is_graded: bool = False

    def __len__(self) -> int:
        return len(self.trainee)

    def take(self, rows: NDArray[np.int64]) -> Observed:
        """Give these pairs."""
        return attrs.evolve(
            self,
            trainee=self.trainee[rows],
            coach=self.coach[rows],
            yes=self.yes[rows],
            weight=self.weight[rows],
            at=self.at[rows],
            position=self.position[rows],
        )

    def liked(self) -> Observed:
        """Give the pairs that count as chosen, weighted by how gladly."""
        return self.take(np.flatnonzero(self.yes > 0.05))


def observe(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> dict[str, Observed]:
    """
    Read a log.

    Returns:
        By step; a step the log says nothing of is not there. Events of people in neither table are left out.
    """
    row_of = {id_: row for row, id_ in enumerate(trainees.ids)}  # of an id that comes twice, the later row
    u = np.array([row_of.get(id_, -1) for id_ in log.trainee], np.int64)
    c = np.array([-1 if (row := coaches.row_of(id_)) is None else row for id_ in log.coach], np.int64)
    step = np.array([-1 if s is None or s not in STEPS else STEPS.index(s) for s in log.step], np.int64)
    known = (u >= 0) & (c >= 0)
    event = np.array(log.event, object)
    found: dict[str, Observed] = {}
    for number, name in enumerate(STEPS):
        rows = np.flatnonzero(known & (step == number))
        if len(rows):
            yes, weight, is_graded = _verdicts(event[rows], log.value[rows].astype(np.float64), name)
            kept = weight > 0
            rows, yes, weight = rows[kept], yes[kept], weight[kept]
            if len(rows):
                found[name] = _by_pair(
                    u[rows], c[rows], yes, weight, log.at[rows], log.position[rows], len(coaches), is_graded=is_graded
                )
    shown = np.flatnonzero(known & (event == "shown")) if len(log) else np.zeros(0, np.int64)
    if "wants" in found and len(shown):
        found["wants"] = _with_passed_over(found["wants"], u[shown], c[shown], log, shown, len(coaches))
    if "goes_well" in found and found["goes_well"].is_graded and "wants" not in found:
        found["wants"] = _chosen(found["goes_well"])  # nobody rates what they did not choose
    return found


def _verdicts(event: NDArray[np.object_], value: Floats, step: str) -> tuple[Floats, Floats, bool]:
    """Give for each event how much of a yes it is, and its weight."""
    yes = np.ones(len(event))
    weight = np.ones(len(event))
    is_graded = False
    names = sorted(set(event.tolist()))
    for name in names:
        rows = np.flatnonzero(event == name)
        mine = value[rows]
        said = ~np.isnan(mine)
        if not said.any():
            yes[rows] = 0.0 if name in REFUSALS else 1.0
        else:
            scaled, counts, graded = _scaled(mine[said])
            yes[rows[said]] = scaled
            weight[rows[said]] = counts
            yes[rows[~said]] = 0.0 if name in REFUSALS else 1.0
            is_graded = is_graded or graded
    if step == "wants" and "contacted" in names:
        for name, share in GLANCE.items():
            rows = np.flatnonzero(event == name)
            yes[rows] = np.minimum(yes[rows], share)
    if step == "goes_well" and len(names) > 1:
        weight[event == "started"] = 0.0  # begun is not yet well or badly gone
    return yes, weight, is_graded


def _scaled(value: Floats) -> tuple[Floats, Floats, bool]:
    """Give a value as a part of its scale: yes, weight, and whether it is a rating."""
    low, high = float(value.min()), float(value.max())
    distinct = np.unique(value)
    if low >= 0 and high <= 1:
        return value, np.ones(len(value)), len(distinct) > 2
    if len(distinct) == 1:
        return np.ones(len(value)), np.ones(len(value)), False
    if len(distinct) > _MANY_VALUES and low > 0 and high > 8 * float(np.median(value)):
        return np.ones(len(value)), 1.0 + np.log(value / low), False  # how often, not how well
    if set(distinct.tolist()) == {-1.0, 1.0}:
        return (value + 1) / 2, np.ones(len(value)), False
    return (value - low) / (high - low), np.ones(len(value)), True


def _by_pair(
    u: NDArray[np.int64],
    c: NDArray[np.int64],
    yes: Floats,
    weight: Floats,
    at: NDArray[np.int64],
    position: NDArray[np.int32],
    n_coaches: int,
    *,
    is_graded: bool,
) -> Observed:
    """Bring the events of a pair together: the strongest yes, or the mean of its ratings."""
    key = u * n_coaches + c
    pairs, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, weight)
    if is_graded:
        merged = np.bincount(inverse, weight * yes) / total
    else:
        merged = np.zeros(len(pairs))
        np.maximum.at(merged, inverse, yes)
        refused = np.zeros(len(pairs), np.bool_)
        np.logical_or.at(refused, inverse, yes == 0)
        merged = np.where(refused & (merged < 1), 0.0, merged)
    latest = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(latest, inverse, at)
    place = np.bincount(inverse, position.astype(np.float64)) / np.bincount(inverse)
    n_no = float((merged < 0.5).sum())
    has_no = is_graded or n_no >= max(3.0, 0.02 * len(pairs))
    weight = np.ones(len(pairs)) if is_graded or has_no else 1.0 + np.log(np.maximum(total, 1.0))
    return Observed(pairs // n_coaches, pairs % n_coaches, merged, weight, latest, place, has_no, is_graded)


def _with_passed_over(
    wants: Observed, u: NDArray[np.int64], c: NDArray[np.int64], log: OutcomeLog, rows: NDArray[np.int64], n: int
) -> Observed:
    """Add the pairs that were shown and not taken up."""
    key, first, count = np.unique(u * n + c, return_index=True, return_counts=True)
    place, worth = np.zeros(len(key)), np.zeros(len(key))
    inverse = np.searchsorted(key, u * n + c)
    np.add.at(worth, inverse, _worth(log, rows))
    worth /= count
    np.add.at(place, inverse, log.position[rows].astype(np.float64))
    place /= count
    at = log.at[rows][first]
    taken = wants.trainee * n + wants.coach
    new = ~np.isin(key, taken)
    where = np.minimum(np.searchsorted(key, taken), len(key) - 1)
    position = np.where(key[where] == taken, place[where], wants.position)
    times = np.where(key[where] == taken, np.minimum(count[where], MOST_SHOWN), 1)  # asked once of so many showings
    of_taken = np.where(key[where] == taken, worth[where], 1.0)
    return attrs.evolve(
        wants,
        trainee=np.concatenate([wants.trainee, key[new] // n]),
        coach=np.concatenate([wants.coach, key[new] % n]),
        yes=np.concatenate([wants.yes / times, np.zeros(int(new.sum()))]),
        weight=np.concatenate([times * of_taken, np.minimum(count[new], MOST_SHOWN) * worth[new]]),
        at=np.concatenate([wants.at, at[new]]),
        position=np.concatenate([position, place[new]]),
        has_no=True,
    )


def _worth(log: OutcomeLog, rows: NDArray[np.int64]) -> Floats:
    """
    Give how much each showing counts: the inverse of how likely it was, clipped, on average 1.

    What exploration drew stands for all the lists in which it was not drawn; what always stands in its place for itself
    alone. Where nobody knows how likely it was, it counts as certain.
    """
    chance = np.nan_to_num(log.propensity[rows].astype(np.float64), nan=1.0)
    worth = np.minimum(1.0 / chance, CLIP)
    made: Floats = worth / worth.mean()
    return made


def _chosen(rated: Observed) -> Observed:
    """Give ratings as choices: liked ones in full, the others a little."""
    n = int(rated.trainee.max(initial=-1)) + 1
    count = np.bincount(rated.trainee, minlength=n)
    mean = np.bincount(rated.trainee, rated.yes, minlength=n) / np.maximum(count, 1)
    usual = 0.5 * mean[rated.trainee] + 0.5 * float(rated.yes.mean())
    gladly = 1.0 / (1.0 + np.exp(-(rated.yes - usual) / _SMOOTH))
    return attrs.evolve(rated, yes=np.ones(len(rated)), weight=0.05 + 0.95 * gladly, has_no=False, is_graded=False)


def counts_of(observed: Mapping[str, Observed], n: int, side: str) -> NDArray[np.int64]:
    """Count the pairs with a yes of each person of one side, over all steps."""
    total = np.zeros(n, np.int64)
    for one in observed.values():
        total += np.bincount(getattr(one, side)[one.yes > 0.05], minlength=n)
    return total
