"""Moving up and back: a backup of SQLite restores into MariaDB, one of MariaDB into SQLite, row for row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from services import a_database

from coachhub_backup import restoring
from coachhub_core import CoachHub, Settings, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth, Database
from coachhub_core.domain.accounts import SYSTEM, Login
from coachhub_core.domain.backups import CreateBackup
from coachhub_core.domain.coaches import CreateCoach, FindCoaches
from coachhub_core.errors import BackupError, SettingsError
from coachhub_core.security import new_secret
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import PASSWORD, House
from coachhub_sqlalchemy import copying
from coachhub_sqlalchemy.storage import SqlStorage

pytestmark = pytest.mark.external_service

MOVES_ON = {"sessions", "refresh_tokens", "audit_events", "outbox", "backups"}
"""Tables that a restore or a start itself writes to: logins end, the act is noted."""


def settings_of(folder: Path, url: str = "") -> Settings:
    return Settings(data=folder, auth=Auth(bcrypt_cost=10), database=Database(url=url))


def contents_of(hub: CoachHub) -> dict[str, tuple[int, str]]:
    storage: Any = hub.storage
    with storage.engine.connect() as connection:
        found = copying.contents(connection)
    return {name: (n, found.fingerprints[name]) for name, n in found.n_rows.items() if name not in MOVES_ON}


def a_life(hub: CoachHub, clock: Any) -> None:
    """Rows in most tables, every kind of value among them."""
    house = House(hub, clock)
    coach, sam = house.a_pair()
    plan = house.a_published_plan(coach, a_document())
    house.assigned(coach, sam, plan)
    other = house.a_person("coach", name="José 🏃 Ñandú", city="Zürich")
    hub.coaches.create(
        other, CreateCoach(specialties=("marathon",), pricing=Decimal("59.90"), currency="EUR", bio="Läufe\n\ttäglich")
    )
    hub.run_due()


def backed_up(hub: CoachHub) -> Path:
    made = hub.backups.create(SYSTEM, CreateBackup(kind="all"))
    assert hub.settings.data is not None
    return hub.settings.data / "backups" / made.file


@pytest.fixture
def server() -> Iterator[str]:
    with a_database() as url:
        yield url


def test_a_house_moves_to_mariadb_and_back_with_the_same_bytes(tmp_path: Path, server: str) -> None:
    """The fingerprints of every table are the same in all three; people log in, coaches are found."""
    clock = ManualClock()
    with bootstrap(settings_of(tmp_path / "first"), clock=clock) as hub:
        a_life(hub, clock)
        before = contents_of(hub)
        up = backed_up(hub)
    assert sum(n for n, _ in before.values()) > 150
    second = settings_of(tmp_path / "second", server)
    restored = restoring.restore([up], second, clock=clock)
    assert restored.problems == ()
    with bootstrap(second, clock=clock) as hub:
        assert contents_of(hub) == before
        assert hub.accounts.login(Login(email="p1@example.org", password=PASSWORD), source="x")
        assert len(hub.coaches.find(FindCoaches(q="josé")).items) == 1
        assert hub.storage.check().problems == ()
        down = backed_up(hub)
    third = settings_of(tmp_path / "third")
    assert restoring.restore([down], third, clock=clock).problems == ()
    with bootstrap(third, clock=clock) as hub:
        assert contents_of(hub) == before
        assert hub.accounts.login(Login(email="p1@example.org", password=PASSWORD), source="x")


def test_a_database_that_holds_something_is_not_restored_into(tmp_path: Path, server: str) -> None:
    """And keeps what it holds."""
    clock = ManualClock()
    with bootstrap(settings_of(tmp_path / "first", server), clock=clock) as hub:
        a_life(hub, clock)
        before = contents_of(hub)
        up = backed_up(hub)
    with pytest.raises(BackupError, match="is not empty"):
        restoring.restore([up], settings_of(tmp_path / "second", server), clock=clock)
    with bootstrap(settings_of(tmp_path / "first", server), clock=clock) as hub:
        assert contents_of(hub) == before


def test_a_restore_without_a_secret_leaves_the_server_empty(tmp_path: Path, server: str) -> None:
    """So that the next one, with a secret, is not told that the database is not empty."""
    with bootstrap(settings_of(tmp_path / "first")) as hub:
        House(hub, ManualClock()).a_person("trainee", name="Sam")
        up = backed_up(hub)
    second = attrs.evolve(settings_of(tmp_path / "second", server), profile="production")
    with pytest.raises(SettingsError, match="JWT_SECRET must be given"):
        restoring.restore([up], second)
    second = attrs.evolve(second, auth=attrs.evolve(second.auth, jwt_secret=new_secret()))
    assert restoring.restore([up], second).problems == ()


def test_a_copy_whose_rows_changed_is_refused(tmp_path: Path, server: str) -> None:
    """The number of rows alone would not tell."""
    storage = SqlStorage(f"sqlite:///{tmp_path / 'one.db'}")
    storage.migrate()
    manifest = dict(storage.dump(tmp_path / "copy.sqlite"))
    storage.close()
    manifest["fingerprints"] = {**manifest["fingerprints"], "accounts": "f" * 64}
    target = SqlStorage(server)
    with pytest.raises(BackupError, match="the rows differ"):
        target.load(tmp_path / "copy.sqlite", manifest)
    target.close()
