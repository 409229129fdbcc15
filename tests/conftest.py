"""
Options: where the tests run, and the sizes of the batteries that run short by default and long by hand.

With ``--on services`` every instance that a test makes, in the process or as a
server of its own, keeps its data in MariaDB and shares through Redis; what is
about the SQLite file alone (``embedded``), or runs on services anyway
(``external_service``), is left out, not skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import attrs
import pytest
import sqlalchemy as sa
from _pytest.nodeid import coerce_node_id
from services import Databases, address

from coachhub_core.config import Settings
from coachhub_sqlalchemy.storage import SqlStorage

LEFT_OUT_ON_SERVICES = ("embedded", "external_service")  # about the file alone; brings its own services everywhere


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what a person may choose."""
    parser.addoption("--on", default="embedded", choices=("embedded", "services"), help="where every instance runs")
    parser.addoption("--kills", default=None, help="how many processes the kill test kills (6 by default)")
    parser.addoption("--rounds", default=None, help="how often each storm blows (3 by default)")
    parser.addoption("--bodies", default=None, help="invalid bodies per operation (12 by default)")
    parser.addoption("--messages", default=None, help="how many messages fifty devices write (500 by default)")
    parser.addoption("--changes", default=None, help="how often a profile changes while it is read (16 by default)")
    parser.addoption("--fuzz", default=None, help="examples per operation for schemathesis (10 by default)")
    parser.addoption("--table", action="store_true", help="the whole degradation table, not two columns a neighbour")
    parser.addoption("--deadlocks", default=None, help="how many deadlocks are forced on MariaDB (30 by default)")
    parser.addoption("--faults", default=None, help="how many faults the fault test brings about (10 by default)")


def pytest_configure(config: pytest.Config) -> None:
    """Tell the helpers of end-to-end tests, which have no request to ask."""
    os.environ["TEST_ON"] = str(config.getoption("--on"))


LONG_FORMS = ("--kills", "--rounds", "--messages", "--changes", "--faults", "--deadlocks")
LONG_SECONDS = 7_200  # a battery that a person asked for takes as long as its size


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the embedded default alone; give what runs long by hand the time it needs."""
    if getattr(config.option, "loadgroup", False):
        _keep_groups_together(items)
    if any(config.getoption(name) for name in LONG_FORMS):
        for item in items:
            item.add_marker(pytest.mark.timeout(LONG_SECONDS), append=False)
    if config.getoption("--on") == "services":
        kept, left_out = [], []
        for item in items:
            (left_out if any(map(item.get_closest_marker, LEFT_OUT_ON_SERVICES)) else kept).append(item)
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _keep_groups_together(items: list[pytest.Item]) -> None:
    """
    Write each test's group behind its id, by which xdist keeps the tests of a group in one process.

    pytest-xdist 3.8 writes it into ``_nodeid``, where pytest 9.2 no longer looks.
    """
    for item in items:
        names = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if names and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = coerce_node_id(f"{item.nodeid}@{'_'.join(names)}")


@pytest.fixture(scope="session", autouse=True)
def on_services(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give each instance in memory a database on the server, and its own names in Redis."""
    if request.config.getoption("--on") != "services":
        yield
        return
    databases, redis = Databases(), address("TEST_REDIS_URL")
    in_memory, close = Settings.in_memory.__func__, SqlStorage.close  # type: ignore[attr-defined]  # a classmethod

    def on_the_servers(cls: type[Settings], **changes: Any) -> Settings:
        made: Settings = in_memory(cls, **changes)
        if made.database.url or made.database.host:
            return made
        return attrs.evolve(
            made,
            database=attrs.evolve(made.database, url=databases.take()),
            redis=attrs.evolve(made.redis, url=redis, prefix=f"t{uuid4().hex[:12]}:"),
        )

    def closed(self: SqlStorage) -> None:
        close(self)
        databases.give_back(self.url.render_as_string(hide_password=False))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "in_memory", classmethod(on_the_servers))
        patch.setattr(SqlStorage, "close", closed)
        yield
    databases.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where every service is said to be there and something was skipped all the same."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TEST_NOTHING_SKIPPED") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_report_header(config: pytest.Config) -> str:
    """Say where the instances of this run keep their data."""
    if config.getoption("--on") == "embedded":
        return "instances on: SQLite, everything else in the process"
    server = sa.make_url(os.environ.get("TEST_MYSQL_URL", "mysql://"))
    return f"instances on: MariaDB at {server.host}:{server.port}, Redis"
