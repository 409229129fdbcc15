"""What time brings: told at least once, again after a failure, never without an end."""

from __future__ import annotations

from typing import Any

import pytest

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Register
from coachhub_core.domain.events import AccountRegistered
from coachhub_core.hookspecs import hookimpl
from coachhub_core.services.due import MAX_ATTEMPTS, DueService
from coachhub_core.services.units import Context
from coachhub_core.testing.story import PASSWORD


class Listener:
    """A plugin that hears of registrations, and may be made to fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.heard: list[AccountRegistered] = []
        self.fails = fails

    @hookimpl
    def coachhub_account_registered(self, event: AccountRegistered) -> None:
        self.heard.append(event)
        if self.fails:
            raise ValueError("a listener's own mistake")


def registered(hub: CoachHub, email: str = "kim@example.org") -> None:
    hub.accounts.register(Register(email=email, password=PASSWORD, role="coach", name="Kim"))


def opened(*plugins: object) -> CoachHub:
    import coachhub_redis
    import coachhub_sqlalchemy

    return bootstrap(Settings.in_memory(), plugins=[coachhub_redis, coachhub_sqlalchemy, *plugins], clock=ManualClock())


def test_a_notice_goes_out_after_the_commit_and_once() -> None:
    """With the frozen event; running again tells nothing again."""
    listener = Listener()
    with opened(listener) as hub:
        registered(hub)
        assert listener.heard == []
        assert hub.run_due().done["events"] == 1
        assert hub.run_due().done["events"] == 0
    assert [(e.type, e.role) for e in listener.heard] == [("account_registered", "coach")]


def test_a_failing_listener_is_logged_and_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    """Never fatal."""
    failing, hearing = Listener(fails=True), Listener()
    with opened(failing, hearing) as hub:
        registered(hub)
        assert hub.run_due().done["events"] == 1
    assert len(hearing.heard) == 1
    assert "failed to hear of account_registered" in caplog.text


def context_of(hub: CoachHub) -> Context:
    return Context(
        storage=hub.storage, clock=hub.clock, new_id=hub.new_id, settings=hub.settings, vocabulary=hub.vocabulary
    )


def test_a_consumer_that_fails_gets_the_event_again_and_then_a_grave() -> None:
    """With growing pauses; what is dead is counted, not lost."""
    calls: list[Any] = []

    def fail(event: Any) -> None:
        calls.append(event)
        raise ConnectionError("the far side is away")

    clock = ManualClock()
    with opened() as hub:
        registered(hub)
        due = DueService(context_of(hub), [fail], {})
        assert isinstance(hub.clock, ManualClock)
        clock = hub.clock
        due.run()
        due.run()
        assert len(calls) == 1
        for _ in range(MAX_ATTEMPTS):
            clock.advance(hours=7)
            due.run()
        assert len(calls) == MAX_ATTEMPTS
        with hub.storage.begin(read_only=True) as work:
            assert work.outbox.backlog()[2] == 1


def test_a_lease_that_lapsed_goes_to_another_worker() -> None:
    """Whoever died with events in hand loses them to the next."""
    with opened() as hub:
        registered(hub)
        now = hub.clock()
        with hub.storage.begin() as work:
            (event,) = work.outbox.lease(owner="dead", now=now, until=now, limit=10)
            work.commit()
        heard: list[Any] = []
        DueService(context_of(hub), [heard.append], {}).run()
        assert [e.aggregate_id for e in heard] == [event.aggregate_id]


def test_what_nobody_needs_is_forgotten() -> None:
    """Told events after a week, sessions a month after their end."""
    with opened() as hub:
        registered(hub)
        hub.run_due()
        assert isinstance(hub.clock, ManualClock)
        hub.clock.advance(days=8)
        assert hub.run_due().done["forgotten"] == 1
        hub.clock.advance(days=70)
        assert hub.run_due().done["forgotten"] == 1
        rows = hub.storage.check().n_rows
        assert (rows["outbox_events"], rows["sessions"], rows["refresh_tokens"]) == (0, 0, 0)


def test_health_tells_when_what_happened_is_not_told() -> None:
    """A minute is late: no worker runs. Once one does, all is well again."""
    with opened() as hub:
        clock: Any = hub.clock
        registered(hub)
        assert hub.health().status == "healthy"
        clock.advance(61)
        assert hub.health().status == "degraded"
        assert hub.health().services["database"] == "up"
        hub.run_due()
        assert hub.health().status == "healthy"
