"""Back to a second: what the binary log gives is what was there, in the words of the how-to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from docs_pages import DOCS, blocks

from coachhub_core import CoachHub, Settings, bootstrap
from coachhub_core.clock import system_clock
from coachhub_core.config import Auth, Database, Limits
from coachhub_core.domain.accounts import EraseAccount, Login
from coachhub_core.domain.coaches import ChangeCoach
from coachhub_core.errors import BadCredentials
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import PASSWORD, House
from coachhub_sqlalchemy import copying

from .servers import Server, why_absent

pytestmark = pytest.mark.external_service

HOWTO = DOCS / "howto" / "restore-to-a-second.md"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A MariaDB whose log holds nothing of other tests."""
    if (absent := why_absent("mariadb")) is not None:
        pytest.skip(absent)
    if shutil.which("mariadb-binlog") is None:
        pytest.skip("mariadb-binlog is not installed")
    made = Server("mariadb", tmp_path_factory.mktemp("mariadb"))
    made.start()
    yield made
    made.stop()


def environment(server: Server, folder: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COACHHUB_", "DB_"))},
        **server.facts["env"],
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COACHHUB_AUTH_BCRYPT_COST": "10",
        "TMPDIR": str(folder),
    }


def run(script: str, folder: Path, **environ: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def a_hub(server: Server, folder: Path, name: str = "coachhub") -> CoachHub:
    url = f"mysql://coachhub:coachhub@127.0.0.1:{server.port}/{name}"
    return bootstrap(
        Settings(data=folder, auth=Auth(bcrypt_cost=10), database=Database(url=url), limits=Limits(register=0))
    )


def rows_of(hub: CoachHub) -> dict[str, str]:
    """The fingerprint of every table."""
    storage: Any = hub.storage
    with storage.engine.connect() as connection:
        return dict(copying.contents(connection).fingerprints)


def live_until(house: House, life: Random, until: float) -> None:
    """Change something again and again: rows come, and change."""
    coach, sam = house.a_pair()
    plan = house.a_published_plan(coach, a_document())
    while time.time() < until:
        if life.random() < 0.1:
            house.assigned(coach, sam, plan)
            coach, sam = house.a_pair()
            plan = house.a_published_plan(coach, a_document())
        else:
            profile = house.hub.coaches.get(coach.coach_id, coach)
            bio = f"as of {life.random()}"
            house.hub.coaches.change(coach, ChangeCoach(bio=bio, expected_version=profile.version))


def test_each_second_is_as_it_was(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A dump in the middle of life, then several seconds after it: every table is what it was then."""
    dump, restore, anew = (block.text for block in blocks(HOWTO) if block.language == "bash")
    (tmp_path / "admin.cnf").write_text(f"[client]\nsocket = {server.facts['socket']}\nuser = root\n")
    environ = environment(server, tmp_path)
    n_seconds = int(request.config.getoption("--rounds") or 2)
    life = Random(7)
    then: dict[int, dict[str, str]] = {}
    with a_hub(server, tmp_path / "now") as hub:
        house = House(hub, system_clock)
        house.a_person("trainee", email="gone@example.org")
        run(dump, tmp_path, **environ)
        for _ in range(n_seconds):
            live_until(house, life, time.time() + life.uniform(1, 3))
            second = int(time.time()) + 1  # the log counts in seconds: nothing happens from here to its beginning
            time.sleep(second - time.time())
            then[second] = rows_of(hub)
        live_until(house, life, time.time() + 0.2)
        gone = hub.accounts.login(Login(email="gone@example.org", password=PASSWORD))
        hub.own_data.erase(hub.act_as(gone.account.id), EraseAccount(password=PASSWORD))
    assert len({tuple(rows.items()) for rows in then.values()}) == n_seconds
    for second, rows in then.items():
        server.sql("DROP DATABASE IF EXISTS coachhub_then")
        run(restore, tmp_path, **environ, T=f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}")
        with a_hub(server, tmp_path / "then", "coachhub_then") as hub:
            assert rows_of(hub) == rows
            assert hub.storage.check().problems == ()
    server.sql("CREATE DATABASE coachhub_anew CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    run(anew, tmp_path, **environ)
    with a_hub(server, tmp_path / "anew", "coachhub_anew") as hub:
        assert hub.accounts.login(Login(email="p2@example.org", password=PASSWORD)).account.name == "Person 2"
        with pytest.raises(BadCredentials):
            hub.accounts.login(Login(email="gone@example.org", password=PASSWORD))
