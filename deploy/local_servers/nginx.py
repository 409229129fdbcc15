"""nginx: with the configuration that ships, changed no more than this machine needs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_servers.programs import Failed, await_true, find, launch, listens

DEPLOY = Path(__file__).resolve().parents[1]


def start_nginx(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """nginx with the configuration that ships, before the nodes that ``--rest`` and ``--chat`` name."""
    server = find("nginx", hint="Debian: apt-get install nginx")
    shipped = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    config, log = folder / "nginx.conf", folder / "nginx.log"
    config.write_text(
        for_this_machine(shipped, folder, port, rest=options.rest.split(","), chat=options.chat.split(","))
    )
    process = launch([server, "-p", str(folder), "-c", str(config), "-g", "daemon off;"], log)
    await_true(lambda: listens(port), process, log)
    url = f"http://127.0.0.1:{port}"
    return {"pid": process.pid, "port": port, "config": str(config), "env": {"PROXY_URL": url}, "tests": {}}


def for_this_machine(shipped: str, folder: Path, port: int, *, rest: Sequence[str], chat: Sequence[str]) -> str:
    """Return the shipped configuration with these nodes behind *port* and its own files in *folder*."""
    text = shipped.replace("worker_rlimit_nofile 65536;\n", "").replace("16384", "1024")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("/tmp/nginx", f"{folder}/nginx")  # noqa: S108
    for name, nodes in (("3000", rest), ("3001", chat)):
        entry = re.search(rf"server coachhub:{name}( [^;]*)?;", text)
        if entry is None:
            raise Failed(f"deploy/nginx.conf names no server coachhub:{name}")
        options = entry.group(1) or ""
        text = text.replace(entry.group(0), " ".join(f"server {node}{options};" for node in nodes))
    return text
