"""The part of the storage's kit that is about a wall clock that went back: nothing waits for it to catch up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coachhub_core.domain.events import AccountRegistered
from coachhub_core.domain.leases import LONGEST
from coachhub_core.identifiers import new_id
from coachhub_core.ports.storage import Storage
from coachhub_core.testing.builders import START
from coachhub_core.testing.cohort_storage import a_run
from coachhub_core.testing.shadow_storage import shadows_of, some_lists

LEASE, PAUSE = timedelta(minutes=1), timedelta(hours=6)
LATER = START + timedelta(hours=1)  # what the clock said before it went back


class ClockStorageContract:
    """Mixed into ``StorageContract``."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage; every subclass supplies it."""
        raise LookupError("a StorageContract needs a fixture named storage")

    def test_an_event_of_a_clock_that_went_back_is_told_at_once(self, storage: Storage) -> None:
        """One that nobody tried, and one whose lease seems to hold for an hour; whose lease holds keeps it."""
        lapsed, held, fresh = (
            AccountRegistered(at=at, aggregate_id=new_id(), role="coach") for at in (LATER, START, LATER)
        )
        with storage.begin() as work:
            work.outbox.add(lapsed)
            assert len(work.outbox.lease(owner="dead", now=LATER, until=LATER + LEASE, limit=9)) == 1
            work.outbox.add(held)
            assert len(work.outbox.lease(owner="a", now=START, until=START + LEASE, limit=9)) == 1
            work.outbox.add(fresh)
            assert work.outbox.recall(now=START, lease=LEASE, pause=PAUSE) == 2
            found = work.outbox.lease(owner="b", now=START, until=START + LEASE, limit=9)
            assert {event.aggregate_id for event in found} == {lapsed.aggregate_id, fresh.aggregate_id}
            assert work.outbox.recall(now=START, lease=LEASE, pause=PAUSE) == 0

    def test_an_event_that_failed_waits_as_long_as_it_was_told_to_and_no_longer(self, storage: Storage) -> None:
        """A pause is a pause; one that is longer than any was counted from another day."""
        with storage.begin() as work:
            for _ in range(2):
                work.outbox.add(AccountRegistered(at=START, aggregate_id=new_id(), role="coach"))
            first, second = work.outbox.lease(owner="a", now=START, until=START + LEASE, limit=9)
            for event, pause in ((first, PAUSE), (second, PAUSE + timedelta(days=1))):
                said = {"owner": "a", "now": START, "reason": "away"}
                work.outbox.failed(event.id, retry_at=START + pause, **said)  # type: ignore[arg-type]  # as it is called
            assert work.outbox.recall(now=START, lease=LEASE, pause=PAUSE) == 1
            again = work.outbox.lease(owner="a", now=START, until=START + LEASE, limit=9)
            assert [event.id for event in again] == [second.id]

    def test_a_lease_that_seems_longer_than_any_holds_nobody_up(self, storage: Storage) -> None:
        """Of a cohort run, and of a list that a second matcher is asked for: their worker may be dead."""
        as_long_as_any = {"state": "running", "lease_owner": "other", "lease_until": START + LONGEST}
        lost = {**as_long_as_any, "lease_until": START + LONGEST + timedelta(seconds=1)}
        runs = [a_run(**said) for said in (as_long_as_any, lost)]
        (shadow,) = shadows_of(storage, some_lists(storage, 1))
        with storage.begin() as work:
            for run in runs:
                work.cohorts.add(run)
            work.shadows.take(now=LATER, until=LATER, limit=1)
            assert [run.id for run in work.cohorts.waiting(START, limit=9)] == [runs[1].id]
            assert [run.is_free(START) for run in runs] == [False, True]
            taken = work.shadows.take(now=START, until=START + LEASE, limit=9)
            assert [one.id for one in taken] == [shadow.id]
