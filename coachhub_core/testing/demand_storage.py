"""The part of the storage's kit that is about the price of demand: one run a day, and what it is read off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from coachhub_core.domain.demand import DemandRun
from coachhub_core.domain.suggestions import Outcome, SuggestionSet
from coachhub_core.identifiers import new_id
from coachhub_core.ports.storage import Duplicate, Storage
from coachhub_core.testing.builders import START
from coachhub_core.testing.cohort_storage import some_people

TODAY = START.date()


def a_demand_run(**more: Any) -> DemandRun:
    """Return a run that a worker has begun."""
    said: dict[str, Any] = {"day": TODAY, "state": "running", "owner": "me", "lease_until": START, "max_shown": 3}
    return DemandRun(**{**said, "created_at": START, **more})


class DemandStorageContract:
    """Mixed into ``StorageContract``."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage; every subclass supplies it."""
        raise LookupError("a StorageContract needs a fixture named storage")

    def test_a_day_is_begun_once(self, storage: Storage) -> None:
        """The second who begins is told; prices come back to the last bit."""
        with storage.begin() as work:
            work.demand.add(a_demand_run())
            work.commit()
        with storage.begin() as work, pytest.raises(Duplicate):
            work.demand.add(a_demand_run(owner="you"))
        done = a_demand_run(
            state="done",
            n_lists=7,
            top_before=9.5,
            top_after=3.0,
            prices={str(new_id()): 0.1 + 0.2},
            matcher="plain",
            model_id="m",
            finished_at=START + timedelta(microseconds=1),
        )
        with storage.begin() as work:
            assert work.demand.lock(TODAY) == a_demand_run()
            assert work.demand.lock(TODAY + timedelta(days=1)) is None
            work.demand.save(done)
            work.commit()
        with storage.begin(read_only=True) as work:
            assert work.demand.newest() == done

    def test_the_newest_that_is_done_holds(self, storage: Storage) -> None:
        """Not one that runs or has failed; and older ones are forgotten."""
        days = [TODAY + timedelta(days=n) for n in range(4)]
        states = ("done", "done", "failed", "running")
        with storage.begin() as work:
            assert work.demand.in_force() is None
            assert work.demand.newest() is None
            for n, (day, state) in enumerate(zip(days, states, strict=True)):
                work.demand.add(a_demand_run(day=day, state=state, finished_at=START + timedelta(days=n)))
            work.commit()
        with storage.begin() as work:
            assert work.demand.in_force() == START + timedelta(days=1)
            newest = work.demand.newest()
            assert newest is not None
            assert newest.day == days[1]
            assert work.demand.delete_before(days[1]) == 1
            assert work.demand.delete_before(days[1]) == 0
            work.commit()

    def test_lists_of_the_last_days_are_counted_and_named(self, storage: Storage) -> None:
        """Newest first, no more than asked for, and how likely a showing was comes back to the last bit."""
        coach, trainees = some_people(storage, 2)
        first = SuggestionSet(
            id=new_id(),
            trainee_id=trainees[0].id,
            matcher="plain",
            model_id="m",
            input_hash=bytes(32),
            filters={},
            n_eligible=1,
            relaxations=(),
            degraded=None,
            items=(),
            created_at=START,
        )
        later = attrs.evolve(first, id=new_id(), trainee_id=trainees[1].id, created_at=START + timedelta(hours=1))
        shown = Outcome(
            id=new_id(),
            at=START,
            trainee_id=trainees[0].id,
            coach_id=coach.id,
            event="shown",
            position=1,
            set_id=first.id,
            propensity=0.1 + 0.2,
        )
        with storage.begin() as work:
            work.suggestions.add(first)
            work.suggestions.add(later)
            work.outcomes.add([shown, attrs.evolve(shown, id=new_id(), propensity=None)])
            work.commit()
        with storage.begin(read_only=True) as work:
            both = [(later.trainee_id, later.created_at), (first.trainee_id, first.created_at)]
            assert list(work.suggestions.asked_since(START, limit=9)) == both
            assert list(work.suggestions.asked_since(START, limit=1)) == both[:1]
            assert work.suggestions.count_since(START) == 2
            assert work.suggestions.count_since(START + timedelta(microseconds=1)) == 1
            assert [outcome.propensity for outcome in work.outcomes.since(None, limit=9)] == [0.1 + 0.2, None]
