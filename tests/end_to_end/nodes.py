"""Two nodes on one MariaDB and one Redis, behind the nginx configuration that ships."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import sqlalchemy as sa
from running import Running, free_port, started
from services import a_database, address

SECRET = "3c1f7a9b5d2e8f406172839a4b5c6d7e8f90a1b2c3d4e5f6"
ROOT = Path(__file__).parents[2]


def _local_servers() -> ModuleType:
    """Return ``deploy/local_servers``: programs of an operator, and no part of a package."""
    if (place := str(ROOT / "deploy")) not in sys.path:
        sys.path.append(place)
    return importlib.import_module("local_servers")


LOCAL = _local_servers()


@attrs.frozen
class Service:
    """A service started for one test alone, which may be frozen and killed."""

    process: subprocess.Popen[bytes]
    port: int

    @classmethod
    def of(cls, found: dict[str, Any]) -> Service:
        """Return what a function of deploy/local_servers has started."""
        return cls(LOCAL.STARTED.pop(found["pid"]), found["port"])

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self.process.kill()
        self.process.wait()


@contextmanager
def own_redis(folder: Path) -> Iterator[Service]:
    """Start a Redis for this test alone."""
    folder.mkdir()
    redis = Service.of(LOCAL.START["redis"](folder, free_port(), argparse.Namespace()))
    try:
        yield redis
    finally:
        redis.end()


@attrs.frozen
class Nodes:
    """Two nodes and the proxy before them, each asked as one server is."""

    nodes: tuple[Running, Running]
    proxy: Running
    environ: dict[str, str]


@contextmanager
def two_nodes(folder: Path, redis_port: int | None = None, **more: str) -> Iterator[Nodes]:
    """
    Start them on a database of their own.

    Args:
        redis_port: Of a Redis of the test's own; by default the one that is there for all.
    """
    redis = f"redis://127.0.0.1:{redis_port}/0" if redis_port else address("TEST_REDIS_URL")
    with ExitStack() as stack:
        url = sa.make_url(stack.enter_context(a_database()))
        environ = {
            "DB_HOST": str(url.host),
            "DB_PORT": str(url.port),
            "DB_NAME": str(url.database),
            "DB_USER": str(url.username),
            "DB_PASSWORD": str(url.password),
            "COACHHUB_REDIS_URL": redis,
            "COACHHUB_REDIS_PREFIX": f"{url.database}:",
            "JWT_SECRET": SECRET,
            "COACHHUB_FILES": f"file://{folder / 'files'}",
            "COACHHUB_HTTP_WORKERS": "1",
            "COACHHUB_HTTP_TRUSTED_PROXIES": "127.0.0.1/32",
            **more,
        }
        nodes = (
            stack.enter_context(started(folder / "a", **environ)),
            stack.enter_context(started(folder / "b", **environ)),
        )
        yield Nodes(nodes, stack.enter_context(proxy(folder / "nginx", nodes)), environ)


@contextmanager
def proxy(folder: Path, nodes: tuple[Running, ...]) -> Iterator[Running]:
    """Start nginx with the shipped configuration before *nodes*; REST and chat are at one port."""
    folder.mkdir()
    folder.chmod(0o755)
    options = argparse.Namespace(
        rest=",".join(f"127.0.0.1:{node.port}" for node in nodes),
        chat=",".join(f"127.0.0.1:{node.chat_port}" for node in nodes),
    )
    nginx = Service.of(LOCAL.START["nginx"](folder, free_port(), options))
    try:
        yield Running(folder, nginx.port, nginx.port, nodes[0].process)
    finally:
        nginx.process.terminate()
        nginx.process.wait()
