"""
The log read as what each step saw: pairs, how strongly each was a yes, and whether there was a no at all.

Unseen is not a no. An explicit no is one, and so is, more weakly, having been shown
and passed over. A rating stands for two things: that somebody chose, and how well
it went.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import OutcomeLog
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.timed import times_of

STEPS = ("wants", "accepts", "goes_well")
REFUSALS = frozenset({"declined", "cancelled", "rejected", "refused", "skipped", "dismissed", "disliked", "ignored"})
GLANCE = {"opened": 0.1}  #: looking is less than asking, where a log has both
MOST_SHOWN = 3  #: showings of one pair that count
CLIP = 1.25  #: a showing counts at most as so many, however unlikely it was; docs/explanation/exploration.md says why
CHOSEN = 0.2  #: of a yes from which on a pair counts as chosen, where there are noes; ratings: above the middle
_MANY_VALUES = 25  # more different values than a scale has: these are counts
_SHORT_SCALE = 5  # whole numbers up to it may be either; a longer scale on which the worst is most common is none
_OUTSIDE = 0.005  # of the values, on either side: where these alone take half of a scale, they are slips
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
    event, at = np.array(log.event, object), times_of(log.at, u, c, coaches.ids)
    found: dict[str, Observed] = {}
    for number, name in enumerate(STEPS):
        rows = np.flatnonzero(known & (step == number))
        if len(rows):
            yes, weight, is_graded = _verdicts(event[rows], log.value[rows].astype(np.float64), name)
            kept = weight > 0
            rows, yes, weight = rows[kept], yes[kept], weight[kept]
            if len(rows):
                found[name] = _by_pair(
                    u[rows], c[rows], yes, weight, at[rows], log.position[rows], len(coaches), is_graded=is_graded
                )
    shown = np.flatnonzero(known & (event == "shown")) if len(log) else np.zeros(0, np.int64)
    if "wants" in found and len(shown):
        found["wants"] = _with_passed_over(found["wants"], u[shown], c[shown], log, at, shown, len(coaches))
    if set(found) == {"wants"} and found["wants"].is_graded and not len(shown):
        found["goes_well"] = found.pop("wants")  # how much of it, or how good: by whatever step it came
    how = found.get("goes_well")
    if how is not None and "wants" not in found and (how.is_graded or (how.has_no and "accepts" not in found)):
        found["wants"] = _chosen(how)  # nobody says how it went with whom they did not choose
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
    distinct, times = np.unique(value, return_counts=True)
    if low >= 0 and high <= 1:
        return value, np.ones(len(value)), len(distinct) > 2
    if len(distinct) == 1:
        return np.ones(len(value)), np.ones(len(value)), False
    if _are_counts(value, distinct, times):  # how often, not how well
        few = float(np.quantile(value[value > 0], 0.1))
        return np.ones(len(value)), np.where(value > 0, 1.0 + np.log(np.maximum(value / few, 1.0)), 0.0), False
    if set(distinct.tolist()) == {-1.0, 1.0}:
        return (value + 1) / 2, np.ones(len(value)), False
    low, high = _ends(value)
    return np.clip((value - low) / (high - low), 0.0, 1.0), np.ones(len(value)), True


def _are_counts(value: Floats, distinct: Floats, times: NDArray[np.int64]) -> bool:
    """
    Tell how often from how well; not once is as if it had not been said.

    Counts reach far beyond what is usual, or are whole numbers of which 1 is the most common, and each
    of the next less so.
    """
    if distinct[0] < 0:
        return False
    times, distinct = times[distinct > 0], distinct[distinct > 0]
    some = value[value > 0]
    if len(distinct) > _MANY_VALUES and _most(some) > 8 * float(np.median(some)):
        return True
    is_falling = bool(np.all(np.diff(times[:4]) < 0))
    return distinct[-1] > _SHORT_SCALE and distinct[:4].tolist() == [1.0, 2.0, 3.0, 4.0] and is_falling


def _ends(value: Floats) -> tuple[float, float]:
    """Give both ends of a scale of ratings; of two hundred or more, what next to nobody gave does not stretch it."""
    low, high = float(value.min()), float(value.max())
    inner_low, inner_high = -_most(-value), _most(value)
    if 0 < inner_high - inner_low < (high - low) / 2:
        return inner_low, inner_high
    return low, high


def _most(value: Floats) -> float:
    """Give what next to nothing is above."""
    return float(np.quantile(value, 1 - _OUTSIDE, method="inverted_cdf"))


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
    wants: Observed,
    u: NDArray[np.int64],
    c: NDArray[np.int64],
    log: OutcomeLog,
    when: NDArray[np.int64],
    rows: NDArray[np.int64],
    n: int,
) -> Observed:
    """Add the pairs that were shown and not taken up."""
    key, first, count = np.unique(u * n + c, return_index=True, return_counts=True)
    place, worth = np.zeros(len(key)), np.zeros(len(key))
    inverse = np.searchsorted(key, u * n + c)
    np.add.at(worth, inverse, _worth(log, rows))
    worth /= count
    np.add.at(place, inverse, log.position[rows].astype(np.float64))
    place /= count
    at = when[rows][first]
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
