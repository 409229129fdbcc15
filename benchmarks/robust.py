"""
What is left of the order when the data are poor: goal Q5.

    python benchmarks/robust.py --climates much missing

Of each market, each column is taken away in turn, on both sides; then all their values;
then all columns; then the log; then all trainees but one, and all coaches but one. The
matcher must learn and answer each time, and must not order worse than popularity
beyond the paired 95 % interval over trainees.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import machine
import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    machine.one_thread()

from figures import Floats, interval, ndcg

from coachhub_core.matching import CoachMatcher, CoachTable, TraineeTable
from coachhub_core.matching.evaluating import MIN_TRAINEES
from coachhub_core.matching.market import CLIMATES, Market, make_market, take_events
from coachhub_core.ports.matcher import OutcomeLog

WEEKS_KEPT_BACK = 4
Engine = Callable[[OutcomeLog, CoachTable, TraineeTable], Floats]


@attrs.frozen(kw_only=True, eq=False)
class Poor:
    """A market with something taken away, and which of its people are left."""

    lacks: str
    log: OutcomeLog
    coaches: CoachTable
    trainees: TraineeTable
    kept_trainees: NDArray[np.int64]
    kept_coaches: NDArray[np.int64]


@attrs.frozen(kw_only=True)
class Verdict:
    """How an engine did with it; the gain is nDCG@10 less popularity's, with its interval."""

    lacks: str
    ndcg: float
    popularity: float
    gain: tuple[float, float, float]
    n_trainees: int
    failure: str = ""  #: what it raised, or what was wrong with its answer

    @property
    def is_held(self) -> bool:
        """Tell whether it answered, not worse than popularity beyond the interval where there are people for one."""
        return not self.failure and (self.n_trainees < MIN_TRAINEES or not self.gain[2] < 0)


def duet(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> Floats:
    """This project's, with its defaults."""
    return CoachMatcher.fit(log, coaches, trainees).score(trainees)


def poor_markets(market: Market) -> Iterator[Poor]:
    """Take things away, one after the other."""
    log = market.log_until(market.n_weeks - WEEKS_KEPT_BACK)
    coaches, trainees = market.coaches, market.trainees
    whole = Poor(
        lacks="nothing",
        log=log,
        coaches=coaches,
        trainees=trainees,
        kept_trainees=np.arange(len(trainees)),
        kept_coaches=np.arange(len(coaches)),
    )
    yield whole
    for name in sorted({*coaches.columns, *trainees.columns}):
        yield attrs.evolve(
            whole, lacks=f"column {name}", coaches=without(coaches, name), trainees=without(trainees, name)
        )
    yield attrs.evolve(whole, lacks="all values", coaches=emptied(coaches), trainees=emptied(trainees))
    nothing = attrs.evolve(
        whole,
        lacks="all columns",
        coaches=CoachTable.build(ids=coaches.ids),
        trainees=TraineeTable.build(ids=trainees.ids),
    )
    yield nothing
    no_log = take_events(log, np.zeros(0, np.int64))
    yield attrs.evolve(whole, lacks="the log", log=no_log)
    yield attrs.evolve(nothing, lacks="columns and log", log=no_log)
    busiest = [max(ids, key=said.count) for ids, said in ((trainees.ids, log.trainee), (coaches.ids, log.coach))]
    i, j = trainees.row_of(busiest[0]), coaches.row_of(busiest[1])
    one_trainee, one_coach = np.array([i], np.int64), np.array([j], np.int64)
    yield attrs.evolve(
        whole, lacks="all trainees but one", trainees=trainees.take(one_trainee), kept_trainees=one_trainee
    )
    yield attrs.evolve(whole, lacks="all coaches but one", coaches=coaches.take(one_coach), kept_coaches=one_coach)


def without(table: Any, name: str) -> Any:
    """Give the table less one column."""
    return type(table).build(ids=table.ids, **{key: one for key, one in table.columns.items() if key != name})


def emptied(table: Any) -> Any:
    """Give the table with every column and not one value."""
    return type(table).build(ids=table.ids, **{k: type(one)([None] * len(table)) for k, one in table.columns.items()})


def judge(market: Market, poor: Poor, engine: Engine) -> Verdict:
    """Let an engine learn from what is left, and hold its order against the truth and against popularity."""
    right = market.draw("mutual")[np.ix_(poor.kept_trainees, poor.kept_coaches)].astype(float)
    asked = np.zeros(right.shape, np.bool_)
    rows = {id_: row for row, id_ in enumerate(poor.trainees.ids)}
    columns = {id_: row for row, id_ in enumerate(poor.coaches.ids)}
    for trainee, coach, event in zip(poor.log.trainee, poor.log.coach, poor.log.event, strict=True):
        if event == "contacted" and trainee in rows and coach in columns:
            asked[rows[trainee], columns[coach]] = True
    open_ = np.where(asked, 0.0, right)
    popular = np.broadcast_to(asked.sum(axis=0).astype(float), right.shape)

    def each(scores: Floats) -> Floats:
        return ndcg(np.where(asked, -np.inf, scores), open_)

    floor = each(popular)
    failure = ""
    try:
        scores = np.asarray(engine(poor.log, poor.coaches, poor.trainees), float)
        if scores.shape != right.shape or not np.isfinite(scores).all():
            failure = (
                f"gave {scores.shape} scores for {right.shape} pairs, {int((~np.isfinite(scores)).sum())} not finite"
            )
    except Exception as exc:  # whatever it raises is the finding
        failure = repr(exc)
    mine = np.full(len(right), np.nan) if failure else each(scores)
    return Verdict(
        lacks=poor.lacks,
        ndcg=interval(mine)[0],
        popularity=interval(floor)[0],
        gain=interval(mine - floor),
        n_trainees=int((~np.isnan(floor)).sum()),
        failure=failure,
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--trainees", type=int, default=300)
    parser.add_argument("--coaches", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--climates", nargs="*", default=[name for name in CLIMATES if name != "no_log"])
    args = parser.parse_args()
    print(machine.describe(("numpy", "scipy")))
    n_held = n_all = 0
    for climate in args.climates:
        market = make_market(climate, n_trainees=args.trainees, n_coaches=args.coaches, seed=args.seed)
        print(f"\n{climate}\n  lacks                 nDCG@10  popularity  less popularity")
        for poor in poor_markets(market):
            one = judge(market, poor, duet)
            n_all, n_held = n_all + 1, n_held + one.is_held
            mean, low, high = one.gain
            figures = f"{one.ndcg:7.3f}  {one.popularity:10.3f}  {mean:+.3f} [{low:+.3f} {high:+.3f}]"
            print(f"  {one.lacks:20s}  {one.failure or figures}{'' if one.is_held else '  MISSED'}", flush=True)
    print(f"\nQ5: {n_held} of {n_all} held: {'reached' if n_held == n_all else 'missed'}")


if __name__ == "__main__":
    main()
