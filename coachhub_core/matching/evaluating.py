"""Whether a matcher that learns would order better than another: by time, paired, with intervals."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching import evaluated
from coachhub_core.matching.baselines import by_content, by_popularity
from coachhub_core.matching.calibration import MUTUAL, Answers, Calibration, all_answers, calibrate
from coachhub_core.matching.coach_matcher import CoachMatcher
from coachhub_core.matching.compared import Engine, Learned, Scored, time_lists
from coachhub_core.matching.evaluated import STEPS, Evaluation, Figure, Slice
from coachhub_core.matching.fairness import fairness, seats_of, times_shown
from coachhub_core.matching.market import take_events
from coachhub_core.matching.ranking_figures import (
    Each,
    K,
    auc_each,
    average_precision,
    intervals,
    log_losses,
    mean_each,
    ndcg,
    percentile,
    recall,
    success,
)
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import NEVER, Deadline, OutcomeLog, Stages

MIN_TRAINEES = 30  #: below, an interval says nothing
DEPTH = 1_000  #: how deep lists are read for MAP, as trec_eval does
_MIN_TIMED = {0.5: 10, 0.99: 100}  # lists without which a percentile is only one of them

Rows = NDArray[np.int32]
Named = dict[str, dict[str, Figure]]


def evaluate(
    log: OutcomeLog,
    coaches: CoachTable,
    trainees: TraineeTable,
    *,
    live: CoachMatcher,
    matcher: str = "duet",
    share: float = 0.2,
    seed: int = 0,
    deadline: Deadline = NEVER,
    consent: Collection[str] = (),
    clock: Callable[[], float] = time.perf_counter,
    stages: Callable[[str], Stages] | None = None,
    prior: CoachMatcher | None = None,
) -> Evaluation:
    """
    Learn from the older part of a log, and compare on the newer.

    Args:
        live: What serves now, over the same coaches; it may have seen the newer part, which favours it.
        share: How much of the log, by events, is the newer part.
        deadline: When it is over, the candidate is the best so far.
        consent: Sensitive columns the candidate may learn from.
        clock: In seconds, for what learning and lists take.
        stages: Lets the candidate's training go on where it was ended; see :meth:`CoachMatcher.fit`.
        prior: What the candidate leans on; one that learned from the newer part favours it.
    Raises:
        Invalid: If too few trainees chose anybody in the newer part.
    """
    order = np.argsort(log.at, kind="stable")
    cut = int((1 - share) * len(order))
    before, after = take_events(log, order[:cut]), take_events(log, order[cut:])
    test = _Test.of(before, after, coaches, trainees)
    if len(test.who) < MIN_TRAINEES:
        raise Invalid.at(
            "/log", f"only {len(test.who)} trainees chose somebody in the newest part; {MIN_TRAINEES} are needed"
        )
    began = clock()
    candidate = CoachMatcher.fit(
        before,
        coaches,
        trainees,
        matcher=matcher,
        seed=seed,
        deadline=deadline,
        consent=consent,
        stages=stages,
        prior=prior,
    )
    fit_seconds = clock() - began
    is_partial = deadline.is_over()
    engines = _engines({"candidate": candidate, "live": live}, test, coaches, trainees)
    free = ~test.seen[test.who]
    lists = {name: engine.lists(test.who, free, min(DEPTH, max(K, len(coaches)))) for name, engine in engines.items()}
    top = {name: rows[:, :K] for name, rows in lists.items()}
    said = {name: _Said(engine=engine, pairs=test.pairs) for name, engine in engines.items()}
    seats = seats_of(coaches)
    taken = time_lists({"candidate": candidate, "live": live}, trainees.take(test.who), free, clock)
    return Evaluation(
        slices={
            evaluated.ALL: _slice(test, lists, said, seed),
            evaluated.NEW_COACHES: _of_new_coaches(test, engines, said, seed),
            evaluated.NEW_TRAINEES: _of_new_trainees(test, lists, said, seed),
        },
        fairness={name: fairness(rows, seats) for name, rows in top.items()},
        shown={name: times_shown(rows, len(coaches)) for name, rows in top.items()},
        calibration=_calibration(test, said),
        costs=_costs(fit_seconds, taken, engines),
        is_partial=is_partial,
    )


# ── what is asked ───────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True, eq=False)
class _Test:
    """The newer part, as what was right."""

    who: NDArray[np.int64]  # rows of those who chose somebody they had not chosen before
    right: NDArray[np.bool_]  # (n_trainees, n_coaches): chosen then
    both: NDArray[np.bool_] | None  # and the coach accepted; None where no coach answered
    seen: NDArray[np.bool_]  # chosen before, and never proposed again
    is_new_trainee: NDArray[np.bool_]  # without any event before
    is_new_coach: NDArray[np.bool_]
    answers: Mapping[str, NDArray[np.int64]]  # step -> places among the pairs
    pairs: Answers  # every pair that answered anything, once; is_yes says nothing here
    is_yes: Mapping[str, NDArray[np.bool_]]  # step -> of those places

    @classmethod
    def of(cls, before: OutcomeLog, after: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> _Test:
        right, seen = _chosen(after, coaches, trainees), _chosen(before, coaches, trainees)
        right[seen] = False
        found = all_answers(after, coaches, trainees)
        both = None
        if "accepts" in found:
            accepts, both = found["accepts"], np.zeros_like(right)
            both[accepts.trainee, accepts.coach] = accepts.is_yes
            both &= right
        keys = {step: one.trainee * len(coaches) + one.coach for step, one in found.items()}
        every = np.unique(np.concatenate([np.zeros(0, np.int64), *keys.values()]))
        return cls(
            who=np.flatnonzero(right.any(axis=1)),
            right=right,
            both=both,
            seen=seen,
            is_new_trainee=~np.isin(np.array(trainees.ids, object), list(set(before.trainee))),
            is_new_coach=~np.isin(np.array(coaches.ids, object), list(set(before.coach))),
            answers={step: np.searchsorted(every, key) for step, key in keys.items()},
            pairs=Answers(
                trainee=every // max(len(coaches), 1),
                coach=every % max(len(coaches), 1),
                is_yes=np.zeros(len(every), np.bool_),
            ),
            is_yes={step: one.is_yes for step, one in found.items()},
        )

    def of_step(self, step: str) -> Answers:
        """Give the answers of a step."""
        at = self.answers.get(step, np.zeros(0, np.int64))
        is_yes = self.is_yes.get(step, np.zeros(0, np.bool_))
        return Answers(trainee=self.pairs.trainee[at], coach=self.pairs.coach[at], is_yes=is_yes)


@attrs.frozen(kw_only=True, eq=False, slots=False)
class _Said:
    """What one engine says of every pair of the test; asked when it is needed, and once."""

    engine: Engine
    pairs: Answers

    @cached_property
    def scores(self) -> Each:
        return self.engine.scores(self.pairs)

    @cached_property
    def probabilities(self) -> Mapping[str, Each]:
        return self.engine.probabilities(self.pairs)


def _engines(
    models: Mapping[str, CoachMatcher], test: _Test, coaches: CoachTable, trainees: TraineeTable
) -> dict[str, Engine]:
    known = np.union1d(test.who, test.pairs.trainee)
    row_of = np.full(len(trainees), -1, np.int64)
    row_of[known] = np.arange(len(known))
    popular = np.broadcast_to(by_popularity(test.seen), (1, len(coaches)))
    return {
        **{name: Learned(model=model, trainees=trainees) for name, model in models.items()},
        "popularity": Scored(matrix=popular, row_of=np.zeros(len(trainees), np.int64)),
        "content": Scored(matrix=by_content(coaches, trainees.take(known)), row_of=row_of),
    }


def _chosen(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> NDArray[np.bool_]:
    """Give who chose whom: a yes of the trainee's step, looking apart where the log has asking too."""
    made = np.zeros((len(trainees), len(coaches)), np.bool_)
    asks = "contacted" in log.event
    for trainee, coach, step, event, value in zip(
        log.trainee, log.coach, log.step, log.event, log.value.tolist(), strict=True
    ):
        i, j = trainees.row_of(trainee), coaches.row_of(coach)
        if i is not None and j is not None and step == "wants" and value != 0 and not (asks and event == "opened"):
            made[i, j] = True
    return made


# ── slices ──────────────────────────────────────────────────────────────────


def _slice(test: _Test, lists: Mapping[str, Rows], said: Mapping[str, _Said], seed: int) -> Slice:
    every = np.ones(len(test.pairs.trainee), np.bool_)
    listed = _list_figures(lists, test.right[test.who], None if test.both is None else test.both[test.who], seed)
    return Slice(n_trainees=len(test.who), figures=listed | _pair_figures(test, said, every, seed))


def _of_new_trainees(test: _Test, lists: Mapping[str, Rows], said: Mapping[str, _Said], seed: int) -> Slice:
    """Take the same lists, of those only whom the candidate had no event of."""
    is_mine = test.is_new_trainee[test.who]
    who = test.who[is_mine]
    figures = _pair_figures(test, said, test.is_new_trainee[test.pairs.trainee], seed)
    if len(who) < MIN_TRAINEES:
        why_not = f"only {len(who)} new trainees chose somebody, and {MIN_TRAINEES} are needed"
        return Slice(n_trainees=len(who), figures=_no_lists(lists, why_not) | figures)
    mine = {name: rows[is_mine] for name, rows in lists.items()}
    listed = _list_figures(mine, test.right[who], None if test.both is None else test.both[who], seed)
    return Slice(n_trainees=len(who), figures=listed | figures)


def _of_new_coaches(test: _Test, engines: Mapping[str, Engine], said: Mapping[str, _Said], seed: int) -> Slice:
    """Order new coaches alone, for those who chose one: beside all others they would say little of each other."""
    n_new = int(test.is_new_coach.sum())
    is_mine = test.right[test.who][:, test.is_new_coach].any(axis=1)
    who = test.who[is_mine]
    figures = _pair_figures(test, said, test.is_new_coach[test.pairs.coach], seed)
    if len(who) < MIN_TRAINEES or n_new < 2:
        why_not = f"only {len(who)} trainees chose a new coach, and {MIN_TRAINEES} are needed"
        if n_new < 2:
            why_not = f"only {n_new} of the coaches are new, and an order needs two"
        return Slice(n_trainees=len(who), figures=_no_lists(engines, why_not) | figures)
    free = test.is_new_coach & ~test.seen[who]
    lists = {name: engine.lists(who, free, min(DEPTH, max(K, n_new))) for name, engine in engines.items()}
    right = test.right[who] & test.is_new_coach
    listed = _list_figures(lists, right, None if test.both is None else test.both[who] & test.is_new_coach, seed)
    if n_new <= K:
        listed["recall_at_10"] = _missing(engines, f"a list of {K} holds all {n_new} new coaches")
    return Slice(n_trainees=len(who), figures=listed | figures)


# ── figures ─────────────────────────────────────────────────────────────────


def _list_figures(
    lists: Mapping[str, Rows], right: NDArray[np.bool_], both: NDArray[np.bool_] | None, seed: int
) -> Named:
    """Give the figures of lists, with intervals of the differences, all of the same draws."""
    eaches = {
        "ndcg_at_10": {name: ndcg(rows, right) for name, rows in lists.items()},
        "recall_at_10": {name: recall(rows, right) for name, rows in lists.items()},
        "map": {name: average_precision(rows, right) for name, rows in lists.items()},
    }
    if both is None:
        return _compared(eaches, seed) | {"success_at_3": _missing(lists, "the newest part tells of no coach's answer")}
    return _compared(eaches | {"success_at_3": {name: success(rows, both) for name, rows in lists.items()}}, seed)


def _no_lists(engines: Collection[str], why_not: str) -> Named:
    return {name: _missing(engines, why_not) for name in evaluated.LIST_FIGURES}


def _pair_figures(test: _Test, said: Mapping[str, _Said], is_mine: NDArray[np.bool_], seed: int) -> Named:
    """
    Give the figures of pairs that answered, of those pairs that are *is_mine*.

    An area asks for an order only: by the probability of the step, and by the score where an engine says none.
    """
    made: Named = {}
    for step in STEPS:
        names = auc_name, loss_name, error_name = [f"{figure}_{step}" for figure in evaluated.PAIR_FIGURES]
        found = test.of_step(step)
        is_kept = is_mine[test.answers.get(step, np.zeros(0, np.int64))]
        answers, at = found.take(is_kept), test.answers.get(step, np.zeros(0, np.int64))[is_kept]
        if why_not := answers.lack or _too_few(answers):
            made.update((name, _missing(said, why_not)) for name in names)
            continue
        spoken = {name: one.probabilities[step][at] for name, one in said.items() if step in one.probabilities}
        ordered = {name: spoken[name] if name in spoken else one.scores[at] for name, one in said.items()}
        losses = {name: log_losses(p, answers.is_yes) for name, p in spoken.items()}
        made |= _compared(
            {
                auc_name: {name: auc_each(one, answers.is_yes, answers.trainee) for name, one in ordered.items()},
                loss_name: {name: mean_each(one, answers.trainee) for name, one in losses.items()},
            },
            seed,
        )
        made[error_name] = {name: Figure(value=calibrate(p, answers.is_yes).error) for name, p in spoken.items()}
        silent = _missing([name for name in said if name not in spoken], "it says no probability of this")
        for name in (loss_name, error_name):
            made[name] = {engine: (made[name] | silent)[engine] for engine in said}
    return made


def _too_few(answers: Answers) -> str:
    n = len(np.unique(answers.trainee))
    return "" if n >= MIN_TRAINEES else f"only {n} trainees have an answer, and {MIN_TRAINEES} are needed"


def _compared(eaches: Mapping[str, Mapping[str, Each]], seed: int) -> Named:
    """Give means, and what the candidate has more than each other one, all from the same draws of trainees."""
    wanted = [
        (figure, name) for figure, each in eaches.items() if "candidate" in each for name in each if name != "candidate"
    ]
    gains = {}
    if wanted:
        apart = np.stack([eaches[figure]["candidate"] - eaches[figure][name] for figure, name in wanted])
        gains = dict(zip(wanted, intervals(apart, seed), strict=True))
    return {
        figure: {
            name: Figure(value=float(values.mean()), gain=gains.get((figure, name))) for name, values in each.items()
        }
        for figure, each in eaches.items()
    }


def _missing(engines: Collection[str], why_not: str) -> dict[str, Figure]:
    return {name: Figure(why_not=why_not) for name in engines}


def _calibration(test: _Test, said: Mapping[str, _Said]) -> dict[str, dict[str, Calibration]]:
    """Hold what each engine says of the pairs that answered against their answers, part by part."""
    made: dict[str, dict[str, Calibration]] = {}
    for step in STEPS:
        found = test.of_step(step)
        for name, one in said.items():
            if step != MUTUAL and step in one.probabilities and not found.lack:
                at = test.answers[step]
                made.setdefault(step, {})[name] = calibrate(one.probabilities[step][at], found.is_yes)
    return made


def _costs(fit_seconds: float, taken: Mapping[str, Sequence[float]], engines: Collection[str]) -> Named:
    simple = "it is no matcher, and is neither fitted nor served"
    made: Named = {"fit_seconds": _missing(engines, simple)}
    made["fit_seconds"] |= {
        "candidate": Figure(value=fit_seconds),
        "live": Figure(why_not="it was there already, and not fitted here"),
    }
    for name, share in (("list_p50_ms", 0.5), ("list_p99_ms", 0.99)):
        made[name] = _missing(engines, simple)
        for engine, seconds in taken.items():
            if len(seconds) >= _MIN_TIMED[share]:
                made[name][engine] = Figure(value=1e3 * percentile(np.array(seconds), share))
            else:
                why_not = (
                    f"only {len(seconds)} lists were made in the time there is, and {_MIN_TIMED[share]} are needed"
                )
                made[name][engine] = Figure(why_not=why_not)
    return made
