"""``coachhub up`` as an operator meets it: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import NO_LIMITS, free_port, running, until
from services import CURRENT

from coachhub_cli.main import run


def up(*options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``coachhub up`` for a start that is to be refused."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    return subprocess.run(
        [sys.executable, "-m", "coachhub_cli", "up", *options],
        env={**inherited, **NO_LIMITS, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], setting: str) -> None:
    """One sentence that names the setting, exit 2, no traceback."""
    assert done.returncode == 2, done
    assert setting in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout


def test_a_start_that_cannot_be_is_refused_by_name(tmp_path: Path) -> None:
    """Port taken, folder below a file, weak secret, unknown and wrong settings, demo in production."""
    data = str(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(up("--data", data, "--port", port), "PORT")
        refused(up("--data", data, "--port", str(free_port()), "--chat-port", port), "CHAT_PORT")
    file = tmp_path / "file"
    file.write_text("")
    refused(up("--data", str(file / "below")), "COACHHUB_DATA")
    refused(up("--data", data, JWT_SECRET="weak"), "JWT_SECRET")
    refused(up("--data", data, COACHHUB_HTP_PORT="3000"), "COACHHUB_HTP_PORT")
    refused(up("--data", data, LOG_LEVEL="loud"), "LOG_LEVEL")
    refused(up("--data", data, "--port", "99999"), "PORT")
    refused(up("--data", data, COACHHUB_PROFILE="production"), "JWT_SECRET")
    secret = "3c1f7a9b5d2e8f406172839a4b5c6d7e8f90a1b2c3d4e5f6"
    refused(up("--data", data, "--demo", COACHHUB_PROFILE="production", JWT_SECRET=secret), "--demo")


def test_it_starts_serves_and_ends_in_order(tmp_path: Path) -> None:
    """Ready when both ports are; SIGTERM finishes everything, exit 0 within 20 s; a second start keeps it all."""
    folder = tmp_path / "data"
    with running(folder) as server:
        # a search engine of its own is still making the index it was ready without
        assert until(lambda: server.ask("GET", "/health").body["status"] == "healthy", 30)
        email = server.trainee().email
        started = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 20
    assert (folder / "jwt-secret").stat().st_mode & 0o777 == 0o600
    with running(folder) as server:
        said = {"email": email, "password": "lift heavy things 77"}
        assert server.ask("POST", "/api/auth/login", said).status == 200
        assert server.stop(signal.SIGINT) == 0


def test_a_child_that_dies_is_back_and_said_so_in_the_log(tmp_path: Path) -> None:
    """The worker, within two seconds; log lines are JSON with the request's id."""
    folder = tmp_path / "data"
    with running(folder) as server:
        worker = next(pid for pid in children_of(server.process.pid) if b"worker" in command_of(pid))
        os.kill(worker, signal.SIGKILL)

        def back() -> bool:
            return any(b"worker" in command_of(pid) for pid in children_of(server.process.pid) if pid != worker)

        killed = time.monotonic()
        assert until(back, 5)
        assert time.monotonic() - killed < 2
        answer = server.ask("GET", "/api/coaches", headers={"X-Request-ID": "find-me-in-the-log"})
        request_id = answer.headers["x-request-id"]

        def lines() -> list[dict[str, object]]:
            return [json.loads(line) for line in (folder / "combined.log").read_text().splitlines()]

        assert until(lambda: any(line.get("request_id") == request_id for line in lines()))
        assert any("worker ended" in str(line["event"]) for line in lines())


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def command_of(pid: int) -> bytes:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("words", [["--help"], ["up", "--help"], ["settings"], ["check"], ["worker", "--once"]])
def test_commands_answer(tmp_path: Path, words: list[str]) -> None:
    """Help, settings, a check of an empty instance, due work once."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    environ = {**inherited, **CURRENT, "COACHHUB_DATA": str(tmp_path / "data")}
    if words == ["check"] and CURRENT:  # a search engine of its own has no index before somebody builds it
        build = [sys.executable, "-m", "coachhub_cli", "search", "reindex"]
        subprocess.run(build, env=environ, capture_output=True, timeout=60, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "coachhub_cli", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr


def test_an_admin_is_made_on_the_command_line_only(tmp_path: Path) -> None:
    """From standard input, so that no password stands in a history."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    command = [sys.executable, "-m", "coachhub_cli", "accounts", "create-admin", "--email", "root@example.org"]
    with running(tmp_path / "data") as server:
        done = subprocess.run(
            [*command, "--password-stdin", "--data", str(server.folder)],
            env={**inherited, **CURRENT},
            input="seven lamps on a shelf\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = {"email": "root@example.org", "password": "seven lamps on a shelf"}
        login = server.ask("POST", "/api/auth/login", said)
        assert login.body["account"]["role"] == "admin"
        page = server.ask("GET", "/api/admin/accounts", token=login.body["access_token"])
        assert page.status == 200
        backup = server.ask("POST", "/api/admin/backups", {}, token=login.body["access_token"])
        assert (backup.status, backup.body["state"]) == (201, "done")
        verified = server.ask(
            "POST", f"/api/admin/backups/{backup.body['id']}/verify", token=login.body["access_token"]
        )
        assert verified.body["state"] == "verified"
        taken = server.ask("POST", "/api/auth/register", {**said, "role": "admin", "name": "Eve", "email": "e@x.org"})
        assert taken.status == 422


@pytest.mark.embedded
def test_it_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    """It says so, once; Ctrl-C ends the wait."""
    folder = tmp_path / "data"
    with running(folder) as server:
        assert server.stop() == 0
    file = folder / "coachhub.db"
    away = folder / "away.db"
    file.rename(away)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    command = [sys.executable, "-m", "coachhub_cli", "up", "--data", str(folder)]
    command += ["--port", str(free_port()), "--chat-port", str(free_port())]
    for number in (signal.SIGINT, None):
        process = subprocess.Popen(
            command, env={**inherited, **NO_LIMITS}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("waiting to start: the database file")
            if number is not None:
                process.send_signal(number)
                assert process.wait(timeout=10) == 0
                continue
            away.rename(file)
            assert any(line.startswith("ready") for line in process.stdout)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def test_a_database_that_stays_away_is_given_up_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with a code that says so."""
    monkeypatch.setattr("coachhub_core.patience.START_SECONDS", 0.0)
    monkeypatch.setenv("DB_HOST", "127.0.0.1")
    monkeypatch.setenv("DB_PORT", str(free_port()))
    words = ["up", "--data", str(tmp_path), "--port", str(free_port()), "--chat-port", str(free_port())]
    with pytest.raises(SystemExit) as caught:
        run(words)
    assert caught.value.code == 1
    assert "cannot be reached" in capsys.readouterr().err
