"""Redis: without persistence."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from local_servers.programs import await_true, find, launch, listens


def start_redis(folder: Path, port: int, _: argparse.Namespace) -> dict[str, Any]:
    """Redis 7 without persistence; it refuses writes when it is full, so that "full" shows."""
    server = find("redis-server", hint="Debian: apt-get install redis-server")
    log = folder / "redis.log"
    process = launch(
        [
            *(server, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"),
        ],
        log,
    )
    await_true(lambda: listens(port), process, log)
    return {
        "pid": process.pid,
        "port": port,
        "env": {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)},
        "tests": {"TEST_REDIS_URL": f"redis://127.0.0.1:{port}/0"},
    }
