"""The next version migrates while this one serves: no request fails, none waits, and this one may start again."""

from __future__ import annotations

import os
import signal
import textwrap
import uuid
from pathlib import Path

import pytest
from driving import Driver, Request
from running import Running, running, started, until

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings
from coachhub_sqlalchemy import migrate
from coachhub_sqlalchemy.engine import WRITES
from coachhub_sqlalchemy.storage import SqlStorage

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


def a_life(server: Running) -> tuple[Driver, Driver]:
    """A coach and a trainee who ask fifty times a second between them."""
    coach, trainee = server.coach(), server.trainee()

    def of_the_coach(number: int) -> Request:
        if number % 2:
            return "GET", f"/api/coaches/{coach.profile_id}", None
        return "POST", "/api/plans", {"title": f"plan {number}"}

    def of_the_trainee(number: int) -> Request:
        match number % 3:
            case 0:
                return "GET", "/api/accounts/me", None
            case 1:
                return "GET", "/api/coaches?limit=5", None
            case _:
                workout = {"id": str(uuid.uuid4()), "started_at": "2026-03-01T08:00:00Z"}
                return "POST", "/api/workouts", workout

    return (
        Driver(server.port, of_the_coach, token=coach.token, every_seconds=1 / 20, n_connections=6),
        Driver(server.port, of_the_trainee, token=trainee.token, every_seconds=1 / 30, n_connections=8),
    )


@pytest.mark.timeout(180)
def test_the_schema_grows_under_fifty_requests_a_second(tmp_path: Path) -> None:
    """None fails and none takes over a second; then this version's processes die and start on the newer schema."""
    with running(tmp_path / "node", COACHHUB_HTTP_WORKERS="2") as server:
        settings = Settings.load(None, {**server.environ, "COACHHUB_DATA": str(server.folder)})
        drivers = a_life(server)
        with bootstrap(settings) as hub, drivers[0], drivers[1]:
            assert isinstance(hub.storage, SqlStorage)
            assert until(lambda: all(len(driver.sent) > 20 for driver in drivers), 30)
            next_version(hub.storage, tmp_path / "next")
            n_before = [len(driver.sent) for driver in drivers]
            assert until(
                lambda: all(len(driver.sent) > n + 40 for driver, n in zip(drivers, n_before, strict=True)), 30
            )
            assert hub.storage.check().schema_version == NEXT
        for driver in drivers:
            slowest = max(driver.sent, key=lambda each: each.seconds)
            print(f"{len(driver.sent)} of {driver.n_due} answered, the slowest {slowest}")
            assert driver.not_done == []
            assert slowest.seconds < 1 + BUSY, slowest
            assert len(driver.sent) > 0.8 * driver.n_due > 40
        assert server.stop(signal.SIGTERM) == 0
        with started(server.folder, **server.environ) as again:
            assert again.ask("GET", "/health").body["status"] == "healthy"
