"""The part of the storage's kit that is about cohort runs: pages, leases, and what replaces what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest

from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.cohorts import CohortConflict, CohortRun, Placement
from coachhub_core.domain.trainees import Trainee
from coachhub_core.errors import Contended, NotFound
from coachhub_core.identifiers import new_id
from coachhub_core.ports.storage import Keyset, Storage
from coachhub_core.testing.builders import START, a_coach, a_request, a_trainee, an_account


def a_run(**more: Any) -> CohortRun:
    """Return a run that waits for a worker."""
    said: dict[str, Any] = {"id": new_id(), "assigner": "plain", "mode": "stable", "n_trainees": 1}
    return CohortRun(**{**said, "created_at": START, "updated_at": START, **more})


def some_people(storage: Storage, n: int) -> tuple[Coach, list[Trainee]]:
    """Write a coach and *n* trainees, ascending by id."""
    owner = an_account(role="coach", name="Kim")
    accounts = [an_account(name=f"T{number}") for number in range(n)]
    coach, trainees = a_coach(owner.id), [a_trainee(account.id) for account in accounts]
    with storage.begin() as work:
        for account in (owner, *accounts):
            work.accounts.add(account)
        work.coaches.add(coach)
        for trainee in trainees:
            work.trainees.add(trainee)
        work.commit()
    return coach, sorted(trainees, key=lambda t: t.id)


class CohortStorageContract:
    """Mixed into ``StorageContract``."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage; every subclass supplies it."""
        raise LookupError("a StorageContract needs a fixture named storage")

    def test_a_cohort_run_comes_back_as_it_was_and_by_version(self, storage: Storage) -> None:
        """Hash, certificate and lease too; of two who change one version the second is refused."""
        run = a_run(
            need=2,
            max_per_coach=3,
            certificate={"value": 1.5, "broken": [], "gap": None},
            input_hash=bytes(range(32)),
            lease_owner="me",
            lease_until=START + timedelta(microseconds=1),
            started_at=START,
        )
        with storage.begin() as work:
            work.cohorts.add(run)
            work.commit()
        with storage.begin() as work:
            assert work.cohorts.lock(run.id) == run
            saved = work.cohorts.save(attrs.evolve(run, n_done=1))
            work.commit()
        assert saved.version == 2
        with storage.begin() as work, pytest.raises(Contended):
            work.cohorts.save(attrs.evolve(run, n_done=2))
        with storage.begin(read_only=True) as work:
            assert work.cohorts.get(run.id) == saved
            with pytest.raises(NotFound):
                work.cohorts.get(new_id())

    def test_a_worker_finds_what_waits_or_was_left_lying(self, storage: Storage) -> None:
        """Oldest first; not what somebody holds, and not what is at an end."""
        held = {"lease_owner": "other", "lease_until": START + timedelta(seconds=30)}
        left = {"lease_owner": "other", "lease_until": START}
        states: list[dict[str, Any]] = [
            {"state": "queued"},
            {"state": "running", **held},
            {"state": "running", **left},
            {"state": "applying"},
            {"state": "stopped"},
            {"state": "done"},
            {"state": "failed"},
            {"state": "applied"},
        ]
        runs = [a_run(**said) for said in states]
        with storage.begin() as work:
            for run in runs:
                work.cohorts.add(run)
            work.commit()
        with storage.begin(read_only=True) as work:
            assert [r.id for r in work.cohorts.waiting(START, limit=9)] == [runs[i].id for i in (0, 2, 3)]
            assert [r.id for r in work.cohorts.waiting(START, limit=1)] == [runs[0].id]
            assert work.cohorts.n_open() == 4
            first = work.cohorts.page(keyset=None, limit=5)
            rest = work.cohorts.page(keyset=Keyset(values=(str(first.items[-1].id),)), limit=5)
        assert [r.id for r in (*first.items, *rest.items)] == [r.id for r in reversed(runs)]
        assert (first.has_more, rest.has_more) == (True, False)

    def test_placements_are_replaced_changed_and_paged_by_trainee(self, storage: Storage) -> None:
        """By trainee and place, whichever way a page is read; counts by reason; names beside them."""
        coach, trainees = some_people(storage, 3)
        run, other = a_run(n_trainees=3, need=2), a_run()
        placed = [
            Placement(run_id=run.id, trainee_id=t.id, place=1, state="placed", coach_id=coach.id, score=0.5)
            for t in trainees
        ]
        short = [
            Placement(run_id=run.id, trainee_id=t.id, place=2, state="unplaced", reason="no_seat", conflict=1)
            for t in trainees
        ]
        waiting = [Placement(run_id=run.id, trainee_id=t.id) for t in trainees]
        with storage.begin() as work:
            work.cohorts.add(run)
            work.cohorts.add(other)
            work.cohorts.put_placements(run.id, waiting)
            work.cohorts.put_placements(other.id, [Placement(run_id=other.id, trainee_id=trainees[0].id)])
            assert work.cohorts.trainee_ids(run.id) == [t.id for t in trainees]
            work.cohorts.put_placements(run.id, [*short, *placed])
            moved = attrs.evolve(placed[1], state="refused", reason="match.coach_full")
            work.cohorts.save_placement(moved)
            with pytest.raises(Contended):
                work.cohorts.save_placement(attrs.evolve(moved, place=9))
            work.commit()
        ordered = [placed[0], short[0], moved, short[1], placed[2], short[2]]
        with storage.begin(read_only=True) as work:
            assert work.cohorts.trainee_ids(run.id) == [t.id for t in trainees]
            assert work.cohorts.placements(run.id, state=None, after=None, limit=99) == ordered
            after = (ordered[2].trainee_id, ordered[2].place)
            assert work.cohorts.placements(run.id, state=None, after=after, limit=2) == ordered[3:5]
            assert work.cohorts.placements(run.id, state="placed", after=None, limit=1) == [placed[0]]
            assert work.cohorts.reasons([run.id, new_id()]) == {run.id: {"match.coach_full": 1, "no_seat": 3}}
            assert [p.run_id for p in work.cohorts.placements_of(trainees[0].id)] == [run.id, run.id, other.id]
            names = {(c.placement.state, c.coach_name) for c in _walk(storage, run.id)}
        assert [c.placement for c in _walk(storage, run.id)] == ordered
        assert names == {("placed", "Kim"), ("refused", "Kim"), ("unplaced", None)}
        assert [c.placement for c in _walk(storage, run.id, is_before=True)] == ordered[:-1]

    def test_conflicts_are_replaced_and_say_how_many_they_left_out(self, storage: Storage) -> None:
        """By number."""
        _, trainees = some_people(storage, 3)
        run = a_run(n_trainees=3)
        ids = tuple(t.id for t in trainees)
        one, two = (
            CohortConflict(run_id=run.id, number=n, trainees=ids[:n], coaches=(new_id(), new_id())) for n in (1, 2)
        )
        with storage.begin() as work:
            work.cohorts.add(run)
            work.cohorts.put_conflicts(run.id, [attrs.evolve(one, coaches=())])
            work.cohorts.put_conflicts(run.id, [two, one])
            left_out = Placement(run_id=run.id, trainee_id=ids[2], state="unplaced", reason="no_seat", conflict=2)
            work.cohorts.put_placements(run.id, [left_out])
            work.commit()
        with storage.begin(read_only=True) as work:
            assert work.cohorts.conflicts(run.id) == [(one, 0), (two, 1)]
        with storage.begin() as work:
            work.cohorts.put_conflicts(run.id, [])
            assert work.cohorts.conflicts(run.id) == []

    def test_who_is_without_a_coach_is_found_by_id(self, storage: Storage) -> None:
        """Not who has one, has asked one, or is suspended; a request past its time stands in nobody's way."""
        coach, trainees = some_people(storage, 5)
        free, late, asked, matched, suspended = trainees
        with storage.begin() as work:
            work.matches.add(a_request(late.id, coach.id, expires_at=START))
            work.matches.add(a_request(asked.id, coach.id))
            work.matches.add(a_request(matched.id, coach.id, status="paused"))
            account = work.accounts.get(suspended.account_id)
            work.accounts.save(attrs.evolve(account, status="suspended"))
            work.commit()
        ids = [t.id for t in trainees]
        with storage.begin(read_only=True) as work:
            found = work.trainees.without_coach(START, after=None, limit=9)
            assert [r.trainee.id for r in found] == [free.id, late.id]
            assert [r.account.id for r in found] == [free.account_id, late.account_id]
            assert work.trainees.without_coach(START, after=None, limit=1) == found[:1]
            assert work.trainees.without_coach(START, after=free.id, limit=9) == found[1:]
            assert [r.trainee.id for r in work.trainees.records([*reversed(ids), new_id()])] == ids[:4]
            standing = work.matches.standing_of_trainees(ids, START)
            assert {(m.trainee_id, m.status) for m in standing} == {(asked.id, "requested"), (matched.id, "paused")}
            assert work.matches.standing_of_trainees([], START) == []


def _walk(storage: Storage, run_id: UUID, *, is_before: bool = False) -> list[Any]:
    """Read every page of two, forward from the start or backward from the last."""
    found: list[Any] = []
    keyset = None
    with storage.begin(read_only=True) as work:
        if is_before:
            last = work.cohorts.placements(run_id, state=None, after=None, limit=99)[-1]
            keyset = Keyset(values=(str(last.trainee_id), str(last.place)), is_before=True)
        while True:
            page = work.cohorts.placement_page(run_id, state=None, keyset=keyset, limit=2)
            found = [*page.items, *found] if is_before else [*found, *page.items]
            if not page.has_more:
                return found
            edge = page.items[0 if is_before else -1].placement
            keyset = Keyset(values=(str(edge.trainee_id), str(edge.place)), is_before=is_before)
