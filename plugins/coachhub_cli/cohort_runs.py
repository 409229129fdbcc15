"""Cohort runs of a database on the command line: done here or watched, shown, applied, and given back at Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final
from uuid import UUID

import attrs
import click

from coachhub_cli.cohort_report import Crowd, LeftOut, Report, show, why
from coachhub_cli.progress import counting
from coachhub_core.bootstrap import CoachHub
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.cohorts import ApplyCohortRun, CohortRunView, CreateCohortRun, ListPlacements, PlacementView
from coachhub_core.errors import Unavailable

_ENDS: Final = ("done", "failed", "stopped", "applied")
_LOOK_SECONDS: Final = 0.2


def dry_run(hub: CoachHub, command: CreateCohortRun) -> int:
    """Show what would come out, and write nothing."""
    mode = hub.cohorts.mode(command.mode)
    with hub.storage.begin(read_only=True) as work:
        records = hub.cohorts.chosen(work, command.trainee_ids)
        market = hub.cohort_market.gather(work, records, max_per_coach=command.max_per_coach)
    with counting("scoring trainees") as tell:
        found = hub.cohort_market.compute(
            market,
            run_id=hub.new_id(),
            need=command.need,
            mode=mode,
            assigner=hub.cohorts.assigner,
            offer=hub.cohorts.offer,
            tell=lambda n: tell(n, len(records)),
        )
    with hub.storage.begin(read_only=True) as work:
        coaches = work.coaches.records(sorted({p.coach_id for p in found.placements if p.coach_id is not None}))
        named = work.coaches.records(sorted({c for conflict in found.conflicts for c in conflict.coaches}))
    names = {record.trainee.id: record.account.name for record in records}
    names |= {id_: record.account.name for id_, record in {**coaches, **named}.items()}
    left_out = [
        LeftOut(names[p.trainee_id], p.reason or "", p.conflict) for p in found.placements if p.state == "unplaced"
    ]
    crowds = [
        Crowd(
            c.number,
            sum(p.conflict == c.number for p in found.placements),
            [names[t] for t in c.trainees],
            [names.get(k, str(k)) for k in c.coaches],
        )
        for c in found.conflicts
    ]
    show(
        Report(
            title=f"dry run: {mode} by {hub.cohorts.assigner}, scores by {found.matcher}",
            n_trainees=len(records),
            n_placed=found.n_placed,
            n_pairs=found.n_pairs,
            n_seats=int(market.seats.sum()),
            mode=mode,
            certificate=found.certificate,
            left_out=left_out,
            crowds=crowds,
        )
    )
    click.echo("\nnothing was written")
    return 0


def run(hub: CoachHub, command: CreateCohortRun, run_id: UUID | None, *, is_applied: bool, partial: bool) -> int:
    """Make a run, or go on with one, up to where the options ask for; return the exit code."""
    run = hub.cohorts.create(SYSTEM, command) if run_id is None else hub.cohorts.get(SYSTEM, run_id)
    if run.state in ("failed", "stopped"):
        run = hub.cohorts.resume(SYSTEM, run.id)
    run = _worked(hub, run)
    if is_applied and run.state == "done":
        show(_report_of(hub, run))
        hub.cohorts.apply(SYSTEM, ApplyCohortRun(run_id=run.id, partial=partial))
        run = _worked(hub, hub.cohorts.get(SYSTEM, run.id))
        return _said_of_applied(hub, run)
    if run.state == "failed":
        click.echo(f"run {run.id} failed: {run.reason}", err=True)
        return 1
    if run.state in ("applied", "stopped"):
        return _said_of_applied(hub, run)
    show(_report_of(hub, run))
    more = "" if run.n_unplaced == 0 else " --partial"
    click.echo(f"\nnothing has changed yet; to ask the coaches: coachhub match cohort --run {run.id} --apply{more}")
    return 0


def _worked(hub: CoachHub, run: CohortRunView) -> CohortRunView:
    """Do the run's work here, or watch a worker who was first, until it is at an end."""
    what = "asking coaches" if run.state == "applying" else "scoring trainees"
    with _interruptible() as stop, counting(what) as tell:
        working = threading.Thread(target=_work, args=(hub, run.id, stop), name="coachhub-cohort")
        working.start()
        while not stop.is_set() and run.state not in _ENDS:
            tell(run.progress.done, run.progress.total)
            time.sleep(_LOOK_SECONDS)
            run = hub.cohorts.get(SYSTEM, run.id)
        stop_seen = stop.is_set()
        stop.set()
        working.join()
    if stop_seen and run.state not in _ENDS:
        click.echo(f"\ninterrupted; it goes on by a worker, or by: coachhub match cohort --run {run.id}", err=True)
        raise click.Abort
    return run


def _work(hub: CoachHub, run_id: UUID, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            if hub.cohorts.get(SYSTEM, run_id).state in _ENDS:
                return
            if hub.cohort_work.work_one(stop.is_set):
                continue
        except Unavailable as exc:
            click.echo(f"waiting: {exc}", err=True)
        stop.wait(_LOOK_SECONDS)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl-C into an event while the block runs, so that the run is given back."""
    stop = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _placements(hub: CoachHub, run: CohortRunView, state: Any) -> list[PlacementView]:
    found: list[PlacementView] = []
    cursor = None
    while True:
        page = hub.cohorts.placements(SYSTEM, run.id, ListPlacements(state=state, limit=100, cursor=cursor))
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def _report_of(hub: CoachHub, run: CohortRunView) -> Report:
    found = _placements(hub, run, None)
    names: dict[UUID, str] = {p.trainee_id: p.trainee_name for p in found}
    names |= {p.coach_id: p.coach_name for p in found if p.coach_id is not None and p.coach_name is not None}

    def called(ids: Sequence[UUID]) -> list[str]:
        return [names.get(id_, str(id_)) for id_ in ids]

    said = {} if run.certificate is None else attrs.asdict(run.certificate)
    return Report(
        title=f"run {run.id}: {run.mode} by {run.assigner}, scores by {run.matcher}",
        n_trainees=run.n_trainees,
        n_placed=run.n_placed or 0,
        n_pairs=run.n_pairs or 0,
        n_seats=None,
        mode=run.mode,
        certificate=said,
        left_out=[LeftOut(p.trainee_name, p.reason or "", p.conflict) for p in found if p.state == "unplaced"],
        crowds=[Crowd(c.number, c.n_left_out, called(c.trainees), called(c.coaches)) for c in run.conflicts],
    )


def _said_of_applied(hub: CoachHub, run: CohortRunView) -> int:
    click.echo(
        f"\nrun {run.id} is {run.state}: {run.n_requested} requests made, {run.n_refused} refused, "
        f"{run.progress.total - run.progress.done} to go"
    )
    for p in _placements(hub, run, "refused"):
        click.echo(f"  {p.trainee_name} with {p.coach_name}: {why(p.reason or '')}")
    return 0
