"""A hub that runs its own due work, for who embeds it without a worker process."""

from __future__ import annotations

import threading

import coachhub_redis
import coachhub_sqlalchemy
from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Register
from coachhub_core.hookspecs import hookimpl
from coachhub_core.testing.story import PASSWORD


class Listener:
    """Waits to hear of a registration."""

    def __init__(self) -> None:
        self.heard = threading.Event()

    @hookimpl
    def coachhub_account_registered(self) -> None:
        self.heard.set()


def test_due_work_runs_by_itself_until_the_hub_is_closed() -> None:
    """In a thread that ends with it."""
    listener = Listener()
    with bootstrap(Settings.in_memory(), plugins=[coachhub_redis, coachhub_sqlalchemy, listener]) as hub:
        hub.start_background(every_seconds=0.01)
        hub.accounts.register(Register(email="kim@example.org", password=PASSWORD, role="coach", name="Kim"))
        assert listener.heard.wait(timeout=10)
    assert not any(thread.name == "coachhub-due" and thread.is_alive() for thread in threading.enumerate())
