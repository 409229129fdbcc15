"""The next version migrates while this one serves: no request fails, none waits, and this one may start again."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from running import Person, Running, running, started

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings
from coachhub_sqlalchemy import migrate
from coachhub_sqlalchemy.engine import WRITES
from coachhub_sqlalchemy.storage import SqlStorage

PER_SECOND = 50
N_SENDERS = 8
BUSY = 2.0  # seconds that a machine with something else to do may add to any answer
NEXT = f"{int(migrate.head()) + 1:04}"

#: What a next version may do: expand the tables that are in use most, fill what it made, index it.
REVISION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = min_code = "{migrate.head()}"


def upgrade():
    for table in ("users", "matches", "outbox_events", "coaches", "workouts"):
        op.add_column(table, sa.Column("later", sa.String(40), nullable=True))
        op.execute(sa.text(f"UPDATE {{table}} SET later = 'filled' WHERE later IS NULL"))
    op.create_index("ix_users_later", "users", ["later"])
    op.create_table("of_later", sa.Column("id", sa.Integer, primary_key=True))
"""


def next_version(storage: SqlStorage, folder: Path) -> None:
    """Do what the migration of the next version does, under the migration lock."""
    folder.mkdir()
    (folder / f"{NEXT}_later.py").write_text(textwrap.dedent(REVISION))
    config = migrate.configured()
    versions = Path(migrate.__file__).parent / "migrations" / "versions"
    config.set_main_option("version_locations", f"{versions}{os.pathsep}{folder}")
    with migrate.alone(storage.engine, storage.url), storage.engine.connect() as connection:
        connection.execution_options(**{WRITES: True})
        migrate.apply(connection, config)


class Load:
    """People who ask at an even rate, however long the answers take; what came back is kept."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.coach, self.trainee = server.coach(capacity=10_000), server.trainee()
        self.answers: list[tuple[str, int, float]] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(N_SENDERS)
        self._clock = threading.Thread(target=self._send)
        self.n_sent = 0

    def __enter__(self) -> Load:
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._clock.join()
        self._pool.shutdown()

    def _send(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(max(0.0, began + self.n_sent / PER_SECOND - time.monotonic())):
            self._pool.submit(self._ask, self.n_sent)
            self.n_sent += 1

    def _ask(self, number: int) -> None:
        who, method, path, body = self._question(number)
        began = time.monotonic()
        try:
            status = who.ask(method, path, body).status
        except OSError:
            status = 0
        self.answers.append((f"{method} {path}", status, time.monotonic() - began))

    def _question(self, number: int) -> tuple[Person, str, str, object]:
        match number % 5:
            case 0:
                return self.coach, "POST", "/api/plans", {"title": f"plan {number}"}
            case 1:
                return self.trainee, "GET", "/api/accounts/me", None
            case 2:
                return self.coach, "GET", f"/api/coaches/{self.coach.profile_id}", None
            case 3:
                workout = {"id": str(uuid.uuid4()), "started_at": "2026-03-01T08:00:00Z"}
                return self.trainee, "POST", "/api/workouts", workout
            case _:
                return self.trainee, "GET", "/api/coaches?limit=5", None


@pytest.mark.timeout(180)
def test_the_schema_grows_under_fifty_requests_a_second(tmp_path: Path) -> None:
    """None fails and none takes over a second; then this version's processes die and start on the newer schema."""
    with running(tmp_path / "node", COACHHUB_HTTP_WORKERS="2") as server:
        settings = Settings.load(None, {**server.environ, "COACHHUB_DATA": str(server.folder)})
        with bootstrap(settings) as hub, Load(server) as load:
            assert isinstance(hub.storage, SqlStorage)
            time.sleep(1)
            next_version(hub.storage, tmp_path / "next")
            time.sleep(2)
            assert hub.storage.check().schema_version == NEXT
        found = Counter(status for _, status, _ in load.answers)
        slowest = max(load.answers, key=lambda answer: answer[2])
        print(f"{len(load.answers)} answers: {dict(found)}; slowest {slowest}")
        assert [answer for answer in load.answers if not 200 <= answer[1] < 300] == []
        assert slowest[2] < 1 + BUSY, slowest
        assert len(load.answers) == load.n_sent > 100
        assert server.stop(signal.SIGTERM) == 0
        with started(server.folder, **server.environ) as again:
            load.coach.server = again
            assert load.coach.ask("GET", "/api/accounts/me").status == 200
