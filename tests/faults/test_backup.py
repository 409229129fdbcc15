"""A backup whose database breaks in the middle of the copy: it fails and says so, and the next one is whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from services import a_database

from coachhub_core import deadline
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Auth, Database, Settings
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.backups import CreateBackup, ListBackups
from coachhub_core.errors import BackupError, CoachHubError, Unavailable
from coachhub_core.testing.builders import an_account
from coachhub_sqlalchemy.storage import SqlStorage

from .proxy import Fault, Garbage, Hang, Proxy, Refuse, Reset
from .servers import until

pytestmark = [pytest.mark.external_service, pytest.mark.timeout(240)]

REQUEST_SECONDS = 4.75  # over REST; the command waits a minute for each packet
BUSY = 5.0  # seconds that a machine with something else to do may add


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[CoachHub, Proxy]]:
    """A hub with people in it, and the proxy before its database."""
    with a_database() as found:
        url = sa.make_url(found)
        with Proxy((str(url.host), int(url.port or 3306))) as proxy:
            through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            settings = Settings.in_memory(database=Database(url=through), auth=Auth(bcrypt_cost=10))
            with bootstrap(attrs.evolve(settings, data=tmp_path)) as hub:
                with hub.storage.begin() as work:
                    for number in range(50):
                        work.accounts.add(an_account(email=f"p{number}@example.org"))
                    work.commit()
                yield hub, proxy
                proxy.heal()


@contextmanager
def broken_while_copied(hub: CoachHub, proxy: Proxy, fault: Fault) -> Iterator[None]:
    """Let *fault* come about when the people are to be read."""
    assert isinstance(hub.storage, SqlStorage)

    def look(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FROM users" in statement:
            proxy.fault = fault

    sa.event.listen(hub.storage.engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        sa.event.remove(hub.storage.engine, "before_cursor_execute", look)


@pytest.mark.parametrize("fault", [Reset(), Hang(), Garbage("noise"), Refuse()], ids=str)
def test_a_backup_that_loses_its_database_fails_and_the_next_is_whole(
    wired: tuple[CoachHub, Proxy], fault: Fault
) -> None:
    """In time, without half a file; and as soon as the database is back, whoever had the row of the first."""
    hub, proxy = wired
    assert hub.settings.data is not None
    folder = hub.settings.data / "backups"
    began = time.monotonic()
    with (
        broken_while_copied(hub, proxy, fault),
        deadline.within(REQUEST_SECONDS),
        pytest.raises((Unavailable, BackupError)),
    ):
        hub.backups.create(SYSTEM, CreateBackup(kind="database"))
    assert time.monotonic() - began < REQUEST_SECONDS + BUSY
    assert list(folder.glob("*.zip")) == []
    assert list(folder.glob(".backup-*")) == []
    proxy.heal()
    made = until(lambda: _made(hub), 30)
    assert hub.backups.verify(SYSTEM, made.id).state == "verified"
    assert made.n_rows["users"] == 50
    states = [backup.state for backup in hub.backups.list(SYSTEM, ListBackups()).items]
    assert states[0] == "verified"
    assert set(states[1:]) == {"failed"}
    assert [file.name for file in folder.iterdir()] == [made.file]


def _made(hub: CoachHub) -> Any:
    """Make one, unless it is too early: a breaker takes a moment to see that all is well."""
    try:
        return hub.backups.create(SYSTEM, CreateBackup(kind="database"))
    except CoachHubError:
        return None
