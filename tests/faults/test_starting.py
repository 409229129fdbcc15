"""The row *start* of the table: a server waits for its database, says so, and serves once it may write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import NO_LIMITS, PREDICTABLE, Running, free_port

from .compare import a_hub
from .house import Neighbour, neighbours_of, settings_through
from .proxy import Refuse
from .servers import is_offered, until, why_absent

pytestmark = [pytest.mark.external_service, pytest.mark.xdist_group("starting"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    """A migrated database and the proxy before it."""
    if (absent := why_absent("mariadb")) is not None:
        pytest.skip(absent)
    folder = tmp_path_factory.mktemp("starting")
    with neighbours_of(folder, ("mariadb",)) as neighbours:
        a_hub(folder / "data", neighbours["mariadb"].server.facts["env"]).close()
        yield neighbours["mariadb"]


@contextmanager
def a_server(folder: Path, database: Neighbour, **more: str) -> Iterator[Running]:
    """Start REST alone, and wait for nothing."""
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    environ = {
        **inherited,
        **NO_LIMITS,
        **PREDICTABLE,
        **settings_through({"mariadb": database}),
        "COACHHUB_DATA": str(folder / "data"),
        "COACHHUB_HTTP_WORKERS": "1",
        "PORT": str(port),
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "coachhub_http"], env=environ, stdout=subprocess.DEVNULL, text=True
    )
    try:
        yield Running(folder, port, 0, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def is_ready(server: Running) -> int:
    return server.ask("GET", "/health/ready", timeout=5).status


def test_it_waits_for_a_database_that_is_down(tmp_path: Path, database: Neighbour) -> None:
    """It lives, it is not ready, and it serves once the database is there."""
    database.proxy.fault = Refuse()
    with a_server(tmp_path, database) as server:
        assert until(lambda: server.ask("GET", "/health/live").status == 200, 60)
        assert is_ready(server) == 503
        database.proxy.heal()
        assert until(lambda: is_ready(server) == 200, 30)


def test_it_starts_without_redis_and_without_a_search_engine(tmp_path: Path, database: Neighbour) -> None:
    """It serves, and its health says that they are not there."""
    nowhere = str(free_port())
    away = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": nowhere}
    if is_offered("elasticsearch"):
        away["ELASTICSEARCH_URL"] = f"http://127.0.0.1:{nowhere}"
    with a_server(tmp_path, database, **away) as server:
        assert until(lambda: is_ready(server) == 200, 60)
        health = server.ask("GET", "/health")
        assert (health.status, health.body["status"], health.body["services"]["redis"]) == (200, "degraded", "down")
        assert server.ask("GET", "/api/coaches?q=marathon").status == 200


def test_it_does_not_serve_before_changes_are_taken(tmp_path: Path, database: Neighbour) -> None:
    """A database that is read-only, or full, is one to wait for as well."""
    database.server.sql("SET GLOBAL read_only = 1")
    try:
        with a_server(tmp_path, database) as server:
            assert until(lambda: server.ask("GET", "/health/live").status == 200, 60)
            assert is_ready(server) == 503
            database.server.sql("SET GLOBAL read_only = 0")
            assert until(lambda: is_ready(server) == 200, 30)
    finally:
        database.server.sql("SET GLOBAL read_only = 0")
