"""Real services for tests: their addresses come from the environment, what is absent skips by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa

import coachhub_elasticsearch
import coachhub_redis
import coachhub_sqlalchemy

ENGINES = (coachhub_sqlalchemy, coachhub_redis, coachhub_elasticsearch)  #: what an instance needs, here or on services


def address(name: str) -> str:
    """Return the address of a service, or skip the test that needs it."""
    found = os.environ.get(name, "")
    if not found:
        pytest.skip(f"{name} names no server")
    return found


def make_database() -> str:
    """Make an empty database on the server ``TEST_MYSQL_URL`` names and return its URL."""
    server = sa.make_url(address("TEST_MYSQL_URL"))
    name = f"coachhub_test_{uuid4().hex[:12]}"
    _say(server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    return server.set(drivername="mysql", database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    """Take a database of :func:`make_database` away."""
    parsed = sa.make_url(url)
    _say(parsed, f"DROP DATABASE IF EXISTS {parsed.database}")


def empty_database(url: str) -> None:
    """Take every row out, and leave the schema."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="mysql+pymysql"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS=0")
        for name in sa.inspect(connection).get_table_names():
            if name != "alembic_version":
                connection.exec_driver_sql(f"DELETE FROM {name}")


def _say(server: sa.URL, sentence: str) -> None:
    engine = sa.create_engine(server.set(drivername="mysql+pymysql", database=None), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(sentence)


@contextmanager
def a_database() -> Iterator[str]:
    """Make a database of the test's own; gone afterwards."""
    url = make_database()
    try:
        yield url
    finally:
        drop_database(url)


class Databases:
    """Databases of one test process, each used by one instance at a time and emptied between two."""

    def __init__(self) -> None:
        self._free: list[str] = []
        self._used: set[str] = set()

    def take(self) -> str:
        """Return the URL of an empty one."""
        if self._free:
            url = self._free.pop()
            empty_database(url)
        else:
            url = make_database()
        self._used.add(url)
        return url

    def give_back(self, url: str) -> None:
        """Let others use it, when it is one of these."""
        if url in self._used:
            self._used.remove(url)
            self._free.append(url)

    def close(self) -> None:
        """Take them all away."""
        for url in (*self._free, *self._used):
            drop_database(url)


CURRENT: dict[str, str] = {}  #: settings of the running test's instances, with ``--on services``; else empty


@contextmanager
def environment_of_services() -> Iterator[dict[str, str]]:
    """Give the settings of one instance on the services: a database of its own, its own names in the others."""
    with a_database() as url:
        parsed = sa.make_url(url)
        mark = uuid4().hex[:12]
        yield {
            "DB_HOST": str(parsed.host),
            "DB_PORT": str(parsed.port),
            "DB_NAME": str(parsed.database),
            "DB_USER": str(parsed.username),
            "DB_PASSWORD": str(parsed.password),
            "COACHHUB_REDIS_URL": address("TEST_REDIS_URL"),
            "COACHHUB_REDIS_PREFIX": f"t{mark}:",
            "ELASTICSEARCH_URL": address("TEST_ELASTICSEARCH_URL"),
            "COACHHUB_ELASTICSEARCH_PREFIX": f"t{mark}-",
        }
