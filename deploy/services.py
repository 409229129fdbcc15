#!/usr/bin/env python3
"""
Starts MariaDB, Redis, Elasticsearch and nginx on this machine, for trying CoachHub on them and for its tests.

    python deploy/services.py start                    # every one that is installed; says what the others need
    eval "$(python deploy/services.py env)"            # DB_HOST, REDIS_HOST, ELASTICSEARCH_URL: coachhub up uses them
    python deploy/services.py run --all -- COMMAND     # start all or fail, run COMMAND with TEST_…_URL set, stop
    python deploy/services.py stop

Nothing is installed by it. Each service listens on 127.0.0.1 alone, on a free
port, with its data in a folder of its own below ``--dir``; it is ended by its
process id. The folder may be deleted afterwards. Standard library only: it runs
before anything else is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).resolve().parent
DEFAULT_DIR = Path(tempfile.gettempdir()) / f"coachhub-services-{os.getuid()}"
START_SECONDS = 90
STOP_SECONDS = 20
USER, PASSWORD = "coachhub", "coachhub"  # of a database on 127.0.0.1 that holds nothing of anybody


class Missing(Exception):
    """A service is not installed; the text says what to install."""


class Failed(Exception):
    """A service did not start; the text says where its own words are."""


def find(*names: str, hint: str) -> str:
    """Return the first of these programs that is there."""
    for name in names:
        for place in (name, f"/usr/sbin/{name}"):
            if found := shutil.which(place):
                return found
    raise Missing(hint)


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_true(check: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until *check* holds; fail when *process* ends first or time runs out."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if check():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    with contextlib.suppress(OSError):
        process.kill()
    tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
    raise Failed(f"it did not come up; its log is {log}\n{tail}")


STARTED: dict[int, subprocess.Popen[bytes]] = {}  # by process id, for whoever uses this as a module and waits for them


def launch(command: Sequence[str], log: Path, **more: Any) -> subprocess.Popen[bytes]:
    """Start a program that outlives this one, its output in *log*."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **more
        )
    STARTED[process.pid] = process
    return process


def listens(port: int) -> bool:
    """Tell whether somebody answers on *port*."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


# ── each service: start it in a folder, return what is to be remembered of it ──


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


def start_elasticsearch(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """Elasticsearch 8.19 from the integration zip (or an unpacked folder), one node, no security: loopback only."""
    home = _elasticsearch_home(folder, options.elasticsearch)
    java = _java_home()
    config, log = folder / "config", folder / "elasticsearch.log"
    for each in (config, folder / "data", folder / "logs", folder / "tmp"):
        each.mkdir(exist_ok=True)
    for name in ("jvm.options", "log4j2.properties"):
        if not (config / name).exists():
            shutil.copyfile(home / "config" / name, config / name)
    (config / "elasticsearch.yml").write_text(
        "\n".join(
            (
                "discovery.type: single-node",
                "network.host: 127.0.0.1",
                f"http.port: {port}",
                f"transport.port: {free_port()}",
                f"path.data: {folder / 'data'}",
                f"path.logs: {folder / 'logs'}",
                "xpack.security.enabled: false",
                "cluster.routing.allocation.disk.threshold_enabled: false",
                "",
            )
        )
    )
    command = [str(home / "bin" / "elasticsearch")]
    if os.getuid() == 0:  # it refuses to run as root
        nobody = pwd.getpwnam("nobody")
        for below in (folder, *folder.rglob("*")):
            os.chown(below, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
        command = [find("runuser", hint="Debian: apt-get install util-linux"), "-u", "nobody", "--", *command]
    environ = {
        **os.environ,
        "ES_JAVA_HOME": str(java),
        "ES_PATH_CONF": str(config),
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        "ES_TMPDIR": str(folder / "tmp"),
        "HOME": str(folder),
    }
    process = launch(command, log, env=environ, cwd=folder)
    url = f"http://127.0.0.1:{port}"

    def is_yellow() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health", timeout=2) as answer:  # noqa: S310 - http on loopback
                return json.load(answer)["status"] in ("yellow", "green")
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return False

    await_true(is_yellow, process, log)
    return {
        "pid": process.pid,
        "port": port,
        "env": {"ELASTICSEARCH_URL": url},
        "tests": {"TEST_ELASTICSEARCH_URL": url},
    }


def _elasticsearch_home(folder: Path, given: str | None) -> Path:
    """Return an unpacked Elasticsearch: the given one, or the given zip unpacked here."""
    hint = (
        "Elasticsearch 8.19 as a zip or a folder: give it with --elasticsearch PATH or ELASTICSEARCH_DIST. A small one "
        "for tests: mvn dependency:copy -Dartifact="
        "org.elasticsearch.distribution.integ-test-zip:elasticsearch:8.19.9:zip -DoutputDirectory=DIR"
    )
    place = Path(given) if given else None
    if place is None or not place.exists():
        raise Missing(hint)
    if place.is_dir():
        if (place / "bin" / "elasticsearch").exists():
            return place
        zips = sorted(place.glob("elasticsearch-*.zip"))
        if not zips:
            raise Missing(hint)
        place = zips[-1]
    unpacked = folder / "dist"
    if not unpacked.exists():
        with zipfile.ZipFile(place) as archive:
            archive.extractall(unpacked)  # a release the caller chose
        for program in unpacked.glob("*/bin/*"):
            program.chmod(0o755)
    found = next(unpacked.glob("*/bin/elasticsearch"), None)
    if found is None:
        raise Missing(hint)
    return found.parent.parent


def _java_home() -> Path:
    """Return a Java that Elasticsearch 8.19 runs on: 17 or later."""
    hint = "Java 17 or later. Debian: apt-get install openjdk-17-jre-headless"
    given = os.environ.get("ES_JAVA_HOME")
    java = Path(given) / "bin" / "java" if given else Path(find("java", hint=hint)).resolve()
    said = subprocess.run([str(java), "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version.group(1)) < 17:
        raise Missing(hint)
    return java.parent.parent


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


START = {
    "mariadb": start_mariadb,
    "redis": start_redis,
    "elasticsearch": start_elasticsearch,
    "nginx": start_nginx,
}


# ── what runs, in DIR/services.json ──


def load(directory: Path) -> dict[str, dict[str, Any]]:
    """Return what was started from *directory* and still runs."""
    file = directory / "services.json"
    known: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    return {name: service for name, service in known.items() if is_alive(service["pid"])}


def save(directory: Path, services: dict[str, dict[str, Any]]) -> None:
    """Remember what runs; the new file replaces the old one whole."""
    new = directory / "services.json.new"
    new.write_text(json.dumps(services, indent=1))
    new.replace(directory / "services.json")


def is_alive(pid: int) -> bool:
    """Tell whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def start(options: argparse.Namespace) -> bool:
    """Start what is asked for; return whether all of it runs."""
    directory: Path = options.dir
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # Elasticsearch's user has to reach its folder in it
    running = load(directory)
    is_whole = True
    for name in options.names or list(START):
        if name in running:
            continue
        folder = directory / name
        folder.mkdir(exist_ok=True)
        try:
            running[name] = START[name](folder, free_port(), options)
        except Missing as missing:
            say(f"{name}: not here. {missing}")
            is_whole = False
        except Failed as failed:
            say(f"{name}: {failed}")
            is_whole = False
        else:
            say(f"{name}: 127.0.0.1:{running[name]['port']}, process {running[name]['pid']}")
        save(directory, running)
    return is_whole


def stop(options: argparse.Namespace) -> None:
    """End what runs, each by its process id; who does not go in time is killed."""
    running = load(options.dir)
    chosen = [name for name in running if not options.names or name in options.names]
    for name in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(running[name]["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for name in chosen:
        pid = running[name]["pid"]
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        say(f"{name}: stopped")
        del running[name]
    if options.dir.exists():
        save(options.dir, running)


def variables(directory: Path, kind: str) -> dict[str, str]:
    """Return the addresses: ``env`` for CoachHub, ``tests`` for its tests."""
    return {name: value for service in load(directory).values() for name, value in service[kind].items()}


def say(text: str) -> None:
    """Tell a person; standard output is for what another program reads."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that what was started is stopped."""

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    former = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def run(options: argparse.Namespace) -> int:
    """Start, run a command with the tests' variables, stop; return the command's exit code."""
    with ended_by_signals():
        try:
            if not start(options) and options.all:
                return 1
            command = subprocess.run(options.command, env={**os.environ, **variables(options.dir, "tests")})
            return command.returncode
        finally:
            options.names = []
            stop(options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description="Start and stop MariaDB, Redis, Elasticsearch and nginx for CoachHub.")
    parser.add_argument("--dir", type=Path, default=DEFAULT_DIR, help="where their data lie (%(default)s)")
    commands = parser.add_subparsers(dest="what", required=True)
    for name, help_ in (("start", "start them"), ("run", "start them, run a command, stop them")):
        command = commands.add_parser(name, help=help_)
        command.add_argument("--all", action="store_true", help="fail when one of them is not installed")
        command.add_argument("--elasticsearch", default=os.environ.get("ELASTICSEARCH_DIST"), metavar="PATH")
        command.add_argument("--rest", default="127.0.0.1:3000", help="nodes behind nginx, with commas between them")
        command.add_argument("--chat", default="127.0.0.1:3001", help="their chat addresses")
        command.add_argument("--only", dest="names", nargs="+", choices=list(START), default=[])
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ARGUMENT…")
    env = commands.add_parser("env", help="print the addresses for a shell")
    env.add_argument("--tests", action="store_true", help="as the tests read them, TEST_…_URL")
    ending = commands.add_parser("stop", help="stop them")
    ending.add_argument("names", nargs="*", choices=[*START, []], help="which; all of them by default")
    commands.add_parser("status", help="say what runs")
    options = parser.parse_args(arguments)
    options.dir = options.dir.absolute()
    if options.what == "start":
        is_whole = start(options)
        print_variables(options.dir, "env")
        return 0 if is_whole or not options.all else 1
    if options.what == "run":
        options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not options.command:
            parser.error("run needs a command after --")
        return run(options)
    if options.what == "env":
        print_variables(options.dir, "tests" if options.tests else "env")
    elif options.what == "stop":
        stop(options)
    else:
        for name, service in load(options.dir).items():
            print(f"{name}: 127.0.0.1:{service['port']}, process {service['pid']}")
    return 0


def print_variables(directory: Path, kind: str) -> None:
    """Write the addresses as a shell reads them."""
    for name, value in variables(directory, kind).items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    raise SystemExit(main())
