"""What time brings: told once and forgotten in the end; health says when nobody does it. Failures: test_telling."""

from __future__ import annotations

from typing import Any

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Register
from coachhub_core.domain.events import AccountRegistered
from coachhub_core.hookspecs import hookimpl
from coachhub_core.testing.story import PASSWORD


class Listener:
    """A plugin that hears of registrations."""

    def __init__(self) -> None:
        self.heard: list[AccountRegistered] = []

    @hookimpl
    def coachhub_account_registered(self, event: AccountRegistered) -> None:
        self.heard.append(event)


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
