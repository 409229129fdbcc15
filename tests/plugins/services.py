"""Real services for contract tests: their addresses come from the environment, what is absent skips by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa


def address(name: str) -> str:
    """Return the address of a service, or skip the test that needs it."""
    found = os.environ.get(name, "")
    if not found:
        pytest.skip(f"{name} names no server")
    return found


@contextmanager
def a_database() -> Iterator[str]:
    """Make a database of the test's own on the server ``TEST_MYSQL_URL`` names; gone afterwards."""
    server = sa.make_url(address("TEST_MYSQL_URL"))
    name = f"coachhub_test_{uuid4().hex[:12]}"
    engine = sa.create_engine(server.set(drivername="mysql+pymysql", database=None))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        yield server.set(drivername="mysql", database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
    finally:
        engine.dispose()
