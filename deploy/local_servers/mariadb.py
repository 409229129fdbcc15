"""MariaDB: durable, strict, with a user who has no more rights than CoachHub needs."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path
from typing import Any

from local_servers.programs import Failed, await_true, find, launch

USER, PASSWORD = "coachhub", "coachhub"  # of a database on 127.0.0.1 that holds nothing of anybody


def start_mariadb(folder: Path, port: int, _: argparse.Namespace) -> dict[str, Any]:
    """MariaDB 10.11, durable, with a binary log; a user who may neither be root nor write past ``read_only``."""
    hint = "Debian: apt-get install mariadb-server"
    server, maker = find("mariadbd", hint=hint), find("mariadb-install-db", hint=hint)
    client = find("mariadb", "mysql", hint=hint)
    data, log, sock = folder / "data", folder / "mariadb.log", folder / "db.sock"
    as_root = ["--user=root"] if os.getuid() == 0 else []
    is_new = not data.exists()
    if is_new:
        made = subprocess.run(
            [
                *(maker, "--no-defaults", *as_root, f"--datadir={data}"),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
            ],
            capture_output=True,
            env={**os.environ, "TMPDIR": str(folder)},  # two that run at once must not share their scratch files
        )
        if made.returncode:
            raise Failed(made.stderr.decode(errors="replace"))
    process = launch(
        [
            server,
            "--no-defaults",
            *as_root,
            f"--datadir={data}",
            f"--socket={sock}",
            f"--pid-file={folder / 'db.pid'}",
            "--bind-address=127.0.0.1",
            f"--port={port}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_bin",
            "--sql-mode=TRADITIONAL,NO_ENGINE_SUBSTITUTION",
            "--default-time-zone=+00:00",
            "--innodb-snapshot-isolation=ON",
            "--innodb-lock-wait-timeout=1",
            "--innodb-flush-log-at-trx-commit=1",
            f"--log-bin={data / 'binlog'}",
            "--server-id=1",
            "--sync-binlog=1",
            "--max-connections=500",
        ],
        log,
        restore_signals=False,  # a file that may not grow is an error to it, as on a full disk, and not its end
    )
    say = [client, "--no-defaults", f"--socket={sock}", "--user=root", "--batch"]

    def answers() -> bool:
        return subprocess.run([*say, "-e", "SELECT 1"], capture_output=True).returncode == 0

    await_true(answers, process, log)
    if is_new:
        sql = (
            f"CREATE DATABASE `{USER}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT ALL ON `{USER}`.* TO '{USER}'@'127.0.0.1'; GRANT ALL ON `{USER}\\_%`.* TO '{USER}'@'127.0.0.1';"
        )
        subprocess.run([*say, "-e", sql], check=True, capture_output=True)
    return {
        "pid": process.pid,
        "port": port,
        "socket": str(sock),
        "env": {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(port),
            "DB_NAME": USER,
            "DB_USER": USER,
            "DB_PASSWORD": PASSWORD,
        },
        "tests": {
            "TEST_MYSQL_URL": f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{USER}",
            "TEST_MYSQL_SOCKET": str(sock),
        },
    }
