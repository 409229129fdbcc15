"""The part of the storage's kit that is about lists a second matcher is asked for too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from coachhub_core.domain.shadows import ShadowList, ShadowRecord
from coachhub_core.domain.suggestions import SuggestionSet
from coachhub_core.identifiers import new_id
from coachhub_core.ports.storage import Storage
from coachhub_core.testing.builders import START, a_trainee, an_account

LATER = START + timedelta(minutes=1)


def some_lists(storage: Storage, n: int) -> list[SuggestionSet]:
    """Write a trainee with *n* lists that were served, the oldest first, a second apart."""
    account = an_account(name="Sam")
    trainee = a_trainee(account.id)
    made = [
        SuggestionSet(
            id=new_id(),
            trainee_id=trainee.id,
            matcher="duet",
            model_id="m1",
            input_hash=bytes(32),
            filters={},
            n_eligible=0,
            relaxations=(),
            degraded=None,
            items=(),
            created_at=START + timedelta(seconds=number),
        )
        for number in range(n)
    ]
    with storage.begin() as work:
        work.accounts.add(account)
        work.trainees.add(trainee)
        for one in made:
            work.suggestions.add(one)
        work.commit()
    return made


def shadows_of(storage: Storage, lists: list[SuggestionSet], **more: Any) -> list[ShadowList]:
    """Let a shadow wait for each."""
    found = [ShadowList(id=one.id, created_at=one.created_at, n_asked=10, **more) for one in lists]
    with storage.begin() as work:
        for shadow in found:
            work.shadows.add(shadow)
        work.commit()
    return found


class ShadowStorageContract:
    """Mixed into ``StorageContract``."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage; every subclass supplies it."""
        raise LookupError("a StorageContract needs a fixture named storage")

    def test_a_shadow_is_leased_to_one_and_to_another_when_the_lease_is_over(self, storage: Storage) -> None:
        """The oldest first; who takes it is counted; since when it waits is known while nobody holds it."""
        first, second, third = shadows_of(storage, some_lists(storage, 3))
        with storage.begin() as work:
            assert work.shadows.waits_since(START) == first.created_at
            taken = work.shadows.take(now=START, until=LATER, limit=2)
            assert taken == [attrs.evolve(s, lease_until=LATER, n_tries=1) for s in (first, second)]
            work.commit()
        with storage.begin() as work:
            assert work.shadows.waits_since(START) == third.created_at
            assert [s.id for s in work.shadows.take(now=START, until=LATER, limit=9)] == [third.id]
            assert work.shadows.waits_since(START) is None
            assert work.shadows.take(now=START, until=LATER, limit=9) == []
            assert work.shadows.waits_since(LATER) == first.created_at
            again = work.shadows.take(now=LATER, until=LATER + timedelta(seconds=1), limit=1)
            assert [(s.id, s.n_tries) for s in again] == [(first.id, 2)]
            work.commit()

    def test_a_shadow_ends_once_and_comes_back_as_it_was(self, storage: Storage) -> None:
        """Of two who finish, the first counts; what still waits is not read with what has ended."""
        lists = some_lists(storage, 3)
        first, second, _ = shadows_of(storage, lists)
        done = first.ended(
            "done",
            matcher="plain",
            model_id="m2",
            live_ids=(new_id(), new_id()),
            shadow_ids=(new_id(),),
            live_ms=1.25,
            shadow_ms=0.5,
            is_as_served=True,
        )
        failed = second.ended("failed", "x" * 300)
        assert len(failed.reason or "") == 255
        with storage.begin() as work:
            assert work.shadows.finish(done)
            assert work.shadows.finish(failed)
            assert not work.shadows.finish(second.ended("dropped"))
            assert not work.shadows.finish(ShadowList(id=new_id(), created_at=START, n_asked=1, state="done"))
            work.commit()
        records = [ShadowRecord(shadow=s, live_matcher="duet", live_model_id="m1") for s in (done, failed)]
        with storage.begin(read_only=True) as work:
            assert work.shadows.find(done.id) == done
            assert work.shadows.since(None, created_from=None, limit=9) == records
            assert work.shadows.since(None, created_from=None, limit=1) == records[:1]
            assert work.shadows.since(done.id, created_from=None, limit=9) == records[1:]
            assert work.shadows.since(None, created_from=failed.created_at, limit=9) == records[1:]
            assert work.shadows.n_by_state() == {"done": 1, "failed": 1, "waiting": 1}
            assert work.shadows.n_by_state(after=done.id) == {"failed": 1, "waiting": 1}

    def test_what_waits_too_long_is_dropped(self, storage: Storage) -> None:
        """And only that."""
        old, new = shadows_of(storage, some_lists(storage, 2))
        with storage.begin() as work:
            assert work.shadows.drop(before=new.created_at, reason="too late") == 1
            assert work.shadows.drop(before=new.created_at, reason="too late") == 0
            work.commit()
        with storage.begin(read_only=True) as work:
            assert work.shadows.find(old.id) == attrs.evolve(old, state="dropped", reason="too late")
            assert work.shadows.find(new.id) == new

    def test_a_shadow_goes_with_its_list(self, storage: Storage) -> None:
        """When lists grow too old, and when their trainee is erased."""
        lists = some_lists(storage, 2)
        shadows_of(storage, lists)
        (_, other) = shadows_of(storage, some_lists(storage, 2))
        with storage.begin() as work:
            assert work.suggestions.delete_before(lists[1].created_at, limit=9) == 2  # the first of either trainee
            work.commit()
        with storage.begin() as work:
            assert work.shadows.n_by_state() == {"waiting": 2}
            trainee = work.trainees.get(lists[1].trainee_id)
            work.personal.erase_trainee(trainee.id, trainee.account_id)
            work.commit()
        with storage.begin(read_only=True) as work:
            assert work.shadows.find(lists[1].id) is None
            assert work.shadows.find(other.id) == other
