"""Several writers and several workers at once, each with a hub of its own, on a file of SQLite and on MariaDB."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from services import a_database

import coachhub_redis
import coachhub_sqlalchemy
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Database, Settings
from coachhub_core.domain.events import AccountRegistered
from coachhub_core.hookspecs import hookimpl
from coachhub_core.services.units import rerun

N_EVENTS = 1_000
N_WRITERS = 4
N_WORKERS = 3
PATIENCE_SECONDS = 120.0


class Plugin:
    """Remembers which event it heard, and what each was about."""

    def __init__(self) -> None:
        self.heard: list[tuple[UUID, UUID]] = []

    @hookimpl
    def coachhub_account_registered(self, event: AccountRegistered, event_id: UUID) -> None:
        self.heard.append((event_id, event.aggregate_id))


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """One database for all of them."""
    if request.config.getoption("--on") == "services":
        with a_database() as made:
            yield made
    else:
        yield f"sqlite:///{tmp_path / 'coachhub.db'}"


@contextmanager
def hubs(url: str, plugin: Plugin, n: int) -> Iterator[list[CoachHub]]:
    """Hubs that share nothing but the database and the plugin."""
    settings = Settings.in_memory(database=Database(url=url))
    with ExitStack() as stack:
        every = [coachhub_redis, coachhub_sqlalchemy, plugin]
        yield [stack.enter_context(bootstrap(settings, plugins=every)) for _ in range(n)]


def write(hub: CoachHub, seed: int, begin: threading.Barrier) -> list[UUID]:
    """Write a writer's share in units of one to five events, which end in any order; return what they are about."""
    chance = Random(seed)
    written: list[UUID] = []

    @rerun
    def unit(ids: list[UUID]) -> None:
        with hub.storage.begin() as work:
            for id in ids:
                work.outbox.add(AccountRegistered(at=hub.clock(), aggregate_id=id, role="coach"))
            work.commit()

    begin.wait()
    while (left := N_EVENTS // N_WRITERS - len(written)) > 0:
        ids = [hub.new_id() for _ in range(min(left, chance.randint(1, 5)))]
        unit(ids)
        written += ids
    return written


def work(hub: CoachHub, begin: threading.Barrier, is_written: threading.Event, give_up: threading.Event) -> int:
    """Tell until everything is written and nothing is left; return how many were told."""
    others = tuple(name for name in hub.run_due(1).done if name not in ("events", "forgotten"))
    n = 0
    begin.wait()
    while not give_up.is_set():
        was_written = is_written.is_set()
        told = hub.run_due(200, without=others).done["events"]
        n += told
        if told == 0 and was_written and hub.due.backlog().n_waiting == 0:
            break
    return n


def test_a_thousand_events_are_each_told_once(url: str) -> None:
    """Four write while three tell: none is lost, none is left, and none is told twice while nothing fails."""
    plugin = Plugin()
    begin, is_written, give_up = threading.Barrier(N_WRITERS + N_WORKERS), threading.Event(), threading.Event()
    timer = threading.Timer(PATIENCE_SECONDS, give_up.set)
    with hubs(url, plugin, N_WRITERS + N_WORKERS) as made, ThreadPoolExecutor(len(made)) as pool:
        timer.start()
        writing = [pool.submit(write, hub, seed, begin) for seed, hub in enumerate(made[:N_WRITERS])]
        telling = [pool.submit(work, hub, begin, is_written, give_up) for hub in made[N_WRITERS:]]
        try:
            written = [id for writer in writing for id in writer.result()]
        finally:
            is_written.set()
        n_told = [worker.result() for worker in telling]
        timer.cancel()
        left = made[0].due.backlog()
    assert (left.n_waiting, left.n_dead) == (0, 0)
    assert Counter(about for _, about in plugin.heard) == dict.fromkeys(written, 1)
    assert len({id for id, _ in plugin.heard}) == len(written) == sum(n_told) == N_EVENTS
