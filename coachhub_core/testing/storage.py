"""
The promises of the port *storage*: what a stranger's database must do to carry CoachHub.

The kit asks the awkward questions: what happens to half-done work, to two who
write at once, to a microsecond, to a running person in an emoji.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import attrs
import pytest

from coachhub_core.domain.accounts import Account, RefreshToken
from coachhub_core.domain.chat import Conversation, Message
from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.events import AccountRegistered
from coachhub_core.domain.notifications import Notification
from coachhub_core.domain.trainees import Grant, Trainee
from coachhub_core.errors import CoachFull, Contended, NotFound
from coachhub_core.identifiers import new_id
from coachhub_core.ports.storage import CoachFilter, Duplicate, Storage
from coachhub_core.testing.builders import START, a_coach, a_request, a_session, a_trainee, an_account
from coachhub_core.testing.clock_storage import ClockStorageContract
from coachhub_core.testing.cohort_storage import CohortStorageContract
from coachhub_core.testing.demand_storage import DemandStorageContract
from coachhub_core.testing.shadow_storage import ShadowStorageContract


def stored(storage: Storage, *accounts: Account) -> None:
    """Write accounts in a unit of their own."""
    with storage.begin() as work:
        for account in accounts:
            work.accounts.add(account)
        work.commit()


def stored_coach(storage: Storage, **more: object) -> Coach:
    """Write a coach with an account."""
    account = an_account(role="coach")
    coach = a_coach(account.id, **more)
    with storage.begin() as work:
        work.accounts.add(account)
        work.coaches.add(coach)
        work.commit()
    return coach


def stored_trainee(storage: Storage) -> Trainee:
    """Write a trainee with an account."""
    account = an_account()
    trainee = a_trainee(account.id)
    with storage.begin() as work:
        work.accounts.add(account)
        work.trainees.add(trainee)
        work.commit()
    return trainee


class StorageContract(ClockStorageContract, CohortStorageContract, DemandStorageContract, ShadowStorageContract):
    """Subclass and supply ``storage``: migrated, empty, and the test's own."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage; every subclass supplies it."""
        raise LookupError("a StorageContract needs a fixture named storage")

    # ── units of work ──

    def test_committed_work_is_there_and_uncommitted_work_is_gone(self, storage: Storage) -> None:
        """A unit leaves nothing behind unless it says so."""
        kept, lost = an_account(), an_account()
        stored(storage, kept)
        with storage.begin() as work:
            work.accounts.add(lost)
        with storage.begin(read_only=True) as work:
            assert work.accounts.find(kept.id) == kept
            assert work.accounts.find(lost.id) is None
            with pytest.raises(NotFound):
                work.accounts.get(lost.id)

    def test_an_error_inside_takes_everything_back(self, storage: Storage) -> None:
        """Also what was written before it."""
        account = an_account()

        def fail() -> None:
            with storage.begin() as work:
                work.accounts.add(account)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with storage.begin(read_only=True) as work:
            assert work.accounts.find(account.id) is None

    def test_hooks_run_inside_before_and_outside_after_the_commit(self, storage: Storage) -> None:
        """The answer is theirs to see."""
        seen = []
        with storage.begin() as work:
            work.before_commit.append(lambda answer: seen.append(("before", answer)))
            work.after_commit.append(lambda: seen.append(("after", None)))
            assert work.commit("answer") == "answer"
        assert seen == [("before", "answer"), ("after", None)]

    # ── values ──

    def test_what_is_written_comes_back_as_it_was(self, storage: Storage) -> None:
        """Microseconds, zones, every script, null and empty, decimals to the cent."""
        at = datetime(2026, 3, 29, 3, 30, 0, 123_456, timezone(timedelta(hours=2)))
        account = an_account(name="\u202f\U0001f3c3\u200d\u2640\ufe0f e\u0301 \u0645", city="", created_at=at)
        coach = a_coach(
            account.id,
            pricing=Decimal("99999999.99"),
            bio="line\r\n\ttab \U0010ffff \u0000",
            specialties=("a", "b"),
            languages=(),
        )
        with storage.begin() as work:
            work.accounts.add(account)
            work.coaches.add(coach)
            work.commit()
        with storage.begin(read_only=True) as work:
            found, profile = work.accounts.get(account.id), work.coaches.get(coach.id)
        assert found == account
        assert (found.created_at, found.created_at.tzinfo) == (at, UTC)
        assert profile == coach
        assert str(profile.pricing) == "99999999.99"

    # ── one writer at a time ──

    def test_of_two_who_changed_the_same_version_the_second_is_refused(self, storage: Storage) -> None:
        """Nobody's change is lost in silence."""
        account = an_account()
        stored(storage, account)
        with storage.begin() as work:
            first = work.accounts.save(attrs.evolve(account, name="First"))
            work.commit()
        assert first.version == 2
        with storage.begin() as work, pytest.raises(Contended):
            work.accounts.save(attrs.evolve(account, name="Second"))
        with storage.begin(read_only=True) as work:
            assert work.accounts.get(account.id).name == "First"

    def test_twenty_who_add_one_make_twenty(self, storage: Storage) -> None:
        """Reading under the lock, writing, committing: nothing in between is lost."""
        account = an_account(age=0)
        stored(storage, account)

        def add_one(_: int) -> None:
            while True:
                try:
                    with storage.begin() as work:
                        found = work.accounts.lock(account.id)
                        work.accounts.save(attrs.evolve(found, age=(found.age or 0) + 1))
                        work.commit()
                    return
                except Contended:
                    continue

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add_one, range(20)))
        with storage.begin(read_only=True) as work:
            assert work.accounts.get(account.id).age == 20

    def test_of_twenty_who_take_the_last_seat_one_gets_it(self, storage: Storage) -> None:
        """One guarded statement, no look before it."""
        coach = stored_coach(storage, capacity=1)

        def take(_: int) -> str:
            while True:
                try:
                    with storage.begin() as work:
                        work.coaches.take_seat(coach.id, at=START)
                        work.commit()
                    return "taken"
                except CoachFull:
                    return "full"
                except Contended:
                    continue

        with ThreadPoolExecutor(8) as pool:
            assert Counter(pool.map(take, range(20))) == {"taken": 1, "full": 19}
        with storage.begin(read_only=True) as work:
            assert work.coaches.get(coach.id).seats_left == 0

    # ── uniqueness ──

    def test_what_must_be_unique_is_named_when_it_is_not(self, storage: Storage) -> None:
        """Services turn the name into the refusal of their room."""
        account = an_account(email="kim@example.org", role="coach")
        stored(storage, account)
        with storage.begin() as work, pytest.raises(Duplicate) as caught:
            work.accounts.add(an_account(email="KIM@example.org"))
        assert caught.value.constraint == "users.email_key"
        with storage.begin() as work:
            work.coaches.add(a_coach(account.id))
            with pytest.raises(Duplicate) as caught:
                work.coaches.add(a_coach(account.id))
        assert caught.value.constraint == "coaches.user_id"

    def test_one_active_coach_and_no_twin_by_constraint(self, storage: Storage) -> None:
        """Whatever was read before; what is over is exempt."""
        trainee, first, second = stored_trainee(storage), stored_coach(storage), stored_coach(storage)
        active = a_request(trainee.id, first.id, status="active")
        with storage.begin() as work:
            work.matches.add(active)
            work.matches.add(a_request(trainee.id, first.id, status="ended"))
            work.matches.add(a_request(trainee.id, first.id, status="declined"))
            work.commit()
        with storage.begin() as work, pytest.raises(Duplicate) as caught:
            work.matches.add(a_request(trainee.id, second.id, status="paused"))
        assert caught.value.constraint == "matches.active_trainee_id"
        with storage.begin() as work, pytest.raises(Duplicate) as caught:
            work.matches.add(a_request(trainee.id, first.id))
        assert caught.value.constraint == "matches.open_trainee_id+coach_id"

    # ── sessions, tokens, grants ──

    def test_an_actor_is_read_in_one_go_and_ends_with_its_session(self, storage: Storage) -> None:
        """Session, account and profile; a revoked one is not good."""
        account = an_account()
        trainee, session = a_trainee(account.id), a_session(account.id)
        with storage.begin() as work:
            work.accounts.add(account)
            work.trainees.add(trainee)
            work.sessions.add(session)
            work.commit()
        with storage.begin() as work:
            found = work.sessions.find_with_account(session.id)
            assert found is not None
            assert (found.account.id, found.trainee_id, found.coach_id) == (account.id, trainee.id, None)
            assert work.sessions.good_among([session.id, new_id()], now=START) == {session.id}
            work.sessions.revoke_all(account.id, at=START, reason="test")
            assert work.sessions.good_among([session.id], now=START) == frozenset()
            assert work.sessions.find_with_account(new_id()) is None

    def test_a_refresh_token_is_used_once(self, storage: Storage) -> None:
        """Whoever is second learns it."""
        account = an_account()
        session = a_session(account.id)
        token = RefreshToken(
            id=new_id(), session_id=session.id, token_hash=b"h" * 32, created_at=START, expires_at=START
        )
        with storage.begin() as work:
            work.accounts.add(account)
            work.sessions.add(session)
            work.refresh_tokens.add(token)
            assert work.refresh_tokens.find_by_hash(b"h" * 32) == token
            assert work.refresh_tokens.use(token.id, at=START) is True
            assert work.refresh_tokens.use(token.id, at=START) is False

    def test_a_scope_stands_once_until_it_is_taken_back(self, storage: Storage) -> None:
        """Giving it again gives the standing one."""
        trainee, coach = stored_trainee(storage), stored_coach(storage)

        def grant() -> Grant:
            return Grant(id=new_id(), trainee_id=trainee.id, coach_id=coach.id, scope="logs", granted_at=START)

        with storage.begin() as work:
            first = work.grants.give(grant())
            assert work.grants.give(grant()) == first
            assert work.grants.scopes(trainee.id, coach.id) == {"logs"}
            work.grants.revoke(first.id, at=START)
            assert work.grants.scopes(trainee.id, coach.id) == frozenset()
            assert work.grants.give(grant()) != first

    # ── idempotency, outbox, inbox ──

    def test_a_key_is_taken_once_and_answers_ever_after(self, storage: Storage) -> None:
        """Until it expires; a unit that is given up gives it up, too."""
        account = an_account()
        stored(storage, account)
        until = START + timedelta(hours=24)

        def claim(work: object, now: datetime = START) -> object:
            return work.idempotency.claim(  # type: ignore[attr-defined]  # a unit of work
                account_id=account.id, key="k", operation="op", request_hash=b"r" * 32, now=now, expires_at=until
            )

        with storage.begin() as work:
            assert claim(work) is None
        with storage.begin() as work:
            assert claim(work) is None
            work.idempotency.answer(account_id=account.id, key="k", view=b'{"a":1}')
            work.commit()
        with storage.begin() as work:
            answered = claim(work)
            assert answered is not None
            assert (answered.operation, answered.view) == ("op", b'{"a":1}')  # type: ignore[attr-defined]  # Answered
        with storage.begin() as work:
            assert claim(work, until) is None

    def test_an_event_is_leased_by_one_and_comes_back_when_the_lease_lapses(self, storage: Storage) -> None:
        """Told, failed, dead: each is counted."""
        event = AccountRegistered(at=START, aggregate_id=new_id(), role="coach")
        later = START + timedelta(seconds=30)
        with storage.begin() as work:
            work.outbox.add(event)
            work.commit()
        with storage.begin() as work:
            (leased,) = work.outbox.lease(owner="a", now=START, until=later, limit=10)
            work.commit()
        assert (leased.type, leased.aggregate_id, leased.n_attempts) == (event.type, event.aggregate_id, 1)
        with storage.begin() as work:
            assert work.outbox.lease(owner="b", now=START, until=later, limit=10) == []
            (again,) = work.outbox.lease(owner="b", now=later, until=later, limit=10)
            work.outbox.failed(again.id, owner="a", now=later, retry_at=None, reason="late")
            work.outbox.give_back([again.id], owner="a", now=later)
            assert work.outbox.backlog()[2] == 0
            work.outbox.failed(again.id, owner="b", now=later, retry_at=None, reason="away", heard=["x", "y"])
            assert work.outbox.backlog() == (0, None, 1)
            (letter,) = work.outbox.dead(limit=10)
            assert (letter.id, letter.type, letter.n_attempts, letter.error) == (again.id, again.type, 2, "away")
            assert work.outbox.replay([new_id()], now=later) == 0
            assert work.outbox.replay(None, now=later) == 1
            assert work.outbox.dead(limit=10) == []
            (fresh,) = work.outbox.lease(owner="c", now=later, until=later, limit=10)
            assert (fresh.id, fresh.n_attempts, fresh.heard) == (again.id, 1, frozenset({"x", "y"}))

    def test_an_event_that_is_given_back_was_not_tried(self, storage: Storage) -> None:
        """It waits again, for anybody, with as many tries as before."""
        later = START + timedelta(seconds=30)
        with storage.begin() as work:
            work.outbox.add(AccountRegistered(at=START, aggregate_id=new_id(), role="coach"))
            (leased,) = work.outbox.lease(owner="a", now=START, until=later, limit=10)
            work.outbox.give_back([leased.id], owner="a", now=START)
            assert work.outbox.lease(owner="b", now=START, until=later, limit=10) == [leased]

    def test_what_was_told_is_told_whoever_holds_it_by_then(self, storage: Storage) -> None:
        """A worker whose lease lapsed has told all the same; who took it over settles nothing any more."""
        later = START + timedelta(seconds=30)
        with storage.begin() as work:
            work.outbox.add(AccountRegistered(at=START, aggregate_id=new_id(), role="coach"))
            (leased,) = work.outbox.lease(owner="a", now=START, until=later, limit=10)
            work.outbox.lease(owner="b", now=later, until=later, limit=10)
            work.outbox.done([leased.id], now=later)
            work.outbox.failed(leased.id, owner="b", now=later, retry_at=later, reason="away")
            work.outbox.give_back([leased.id], owner="b", now=later)
            assert work.outbox.backlog() == (0, None, 0)
            assert work.outbox.delete_done(before=later + timedelta(days=1), limit=10) == 1

    def test_one_cause_makes_one_notice(self, storage: Storage) -> None:
        """The same key again is no error and no second line."""
        account = an_account()
        stored(storage, account)
        with storage.begin() as work:
            for _ in range(2):
                work.notifications.add(
                    Notification(
                        id=new_id(), account_id=account.id, type="t", payload={}, dedupe_key="k", created_at=START
                    )
                )
            assert work.notifications.n_unread(account.id) == 1

    # ── chat ──

    def test_messages_keep_their_numbers_and_marks_only_grow(self, storage: Storage) -> None:
        """Slices both ways; a mark never goes back."""
        trainee, coach = stored_trainee(storage), stored_coach(storage)
        match = a_request(trainee.id, coach.id, status="active")
        talk = Conversation(id=new_id(), match_id=match.id, created_at=START)
        members = (trainee.account_id, coach.account_id)
        messages = [
            Message(
                conversation_id=talk.id,
                seq=seq,
                sender_id=members[0],
                client_id=new_id(),
                body=str(seq),
                created_at=START,
            )
            for seq in range(1, 6)
        ]
        with storage.begin() as work:
            work.matches.add(match)
            work.conversations.add(talk, members)
            work.messages.append(messages, {talk.id: 5})
            assert work.conversations.lock([talk.id])[talk.id].last_seq == 5
            assert list(work.messages.after(talk.id, 3, limit=10)) == messages[3:]
            assert list(work.messages.before(talk.id, 3, limit=1)) == messages[1:2]
            assert list(work.messages.before(talk.id, None, limit=2)) == messages[3:]
            key = (talk.id, members[0], messages[0].client_id)
            assert work.messages.find_sent([key, (talk.id, members[1], messages[0].client_id)]) == {key: messages[0]}
            for seq in (4, 2):
                work.conversations.mark_read({(talk.id, members[1]): seq})
            assert {m.account_id: m.read_seq for m in work.conversations.members(talk.id)}[members[1]] == 4
            work.commit()
        twin = attrs.evolve(messages[0], seq=6)
        with storage.begin() as work, pytest.raises(Duplicate):
            work.messages.append([twin], {talk.id: 6})

    # ── lists, the whole ──

    def test_nothing_in_nothing_out(self, storage: Storage) -> None:
        """Empty lists ask nothing."""
        with storage.begin(read_only=True) as work:
            assert work.coaches.records([]) == {}
            assert work.coaches.all_records() == []
            assert work.conversations.pulses([]) == []
            assert work.messages.find_sent([]) == {}
            assert work.sessions.good_among([], now=START) == frozenset()
            assert work.coaches.page(CoachFilter(), sort="rating", keyset=None, offset=0, limit=10).items == ()
            assert work.erasures.last() is None

    def test_a_snapshot_knows_when_it_is_old(self, storage: Storage) -> None:
        """Its revision moves with every change of what it shows."""
        coach = stored_coach(storage)
        seen: list[tuple[int, int]] = []

        def look() -> None:
            with storage.begin(read_only=True) as work:
                seen.append(work.coaches.snapshot_revision())

        look()
        for change in ("take_seat", "free_seat", "touch_view"):
            with storage.begin() as work:
                getattr(work.coaches, change)(coach.id, at=START)
                work.commit()
            look()
        stored_coach(storage)
        look()
        assert len(set(seen)) == 5

    def test_a_check_of_what_was_written_by_the_rules_finds_nothing(self, storage: Storage) -> None:
        """Rows are counted by table; migrating again changes nothing."""
        stored_coach(storage)
        stored_trainee(storage)
        report = storage.check()
        assert report.problems == ()
        assert report.n_rows["users"] == 2
        assert storage.migrate() == report.schema_version
        storage.ping()
