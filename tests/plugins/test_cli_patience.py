"""Neighbours that are away when a command starts: what is waited for, for how long, and what is said in the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coachhub_cli import up
from coachhub_cli.main import run
from coachhub_cli.patience import PATIENCE_SECONDS, boot_patiently
from coachhub_core import CoachHub, Settings, bootstrap
from coachhub_core.config import Database
from coachhub_core.errors import SettingsError, Unavailable


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


class Clock:
    """Seconds that pass when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def away(_: Settings) -> CoachHub:
    """Boot in vain."""
    raise Unavailable


def test_a_database_is_waited_for_a_minute_then_given_up() -> None:
    """With a pause that grows to two seconds."""
    clock, told = Clock(), list[Unavailable]()
    with pytest.raises(Unavailable):
        boot_patiently(Settings(), tell=told.append, wait=clock.wait, boot=away, monotonic=lambda: clock.now)
    assert PATIENCE_SECONDS - 2 <= clock.now <= PATIENCE_SECONDS == 60
    assert 30 < len(told) < 40


def test_a_database_that_comes_back_is_used(tmp_path: Path) -> None:
    """At the next attempt."""
    clock, told = Clock(), list[Unavailable]()

    def boot(settings: Settings) -> CoachHub:
        return away(settings) if len(told) < 3 else bootstrap(settings)

    settings = Settings(data=tmp_path)
    hub = boot_patiently(settings, tell=told.append, wait=clock.wait, boot=boot, monotonic=lambda: clock.now)
    assert hub is not None
    hub.close()
    assert len(told) == 3


def test_a_wait_that_is_ended_makes_nothing() -> None:
    """And a setting that is wrong is not waited for."""
    assert boot_patiently(Settings(), tell=lambda _: None, wait=lambda _: True, boot=away) is None

    def refused(_: Settings) -> CoachHub:
        raise SettingsError.of(["no"])

    with pytest.raises(SettingsError):
        boot_patiently(Settings(), tell=lambda _: pytest.fail("told"), wait=lambda _: True, boot=refused)


def test_up_says_once_what_it_waits_for(nobody: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And gives up when its patience is over."""
    database = Database(host="127.0.0.1", port=nobody, user="u", password="p", name="n")
    with pytest.raises(Unavailable):
        up.wait_for(Settings(data=tmp_path, database=database), patience=6)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("waiting to start, 6 s at most (Ctrl-C ends it): the database cannot be reached")


def test_up_ends_non_zero_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and the time it waited."""

    def in_vain(*_: object) -> CoachHub:
        raise Unavailable

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(up, "wait_for", in_vain)
    with pytest.raises(SystemExit) as ended:
        run(["up", "--data", str(tmp_path / "house"), "--port", str(_free()), "--chat-port", str(_free())])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("coachhub: gave up after 60 s: the database cannot be reached")


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_ctrl_c_ends_the_wait_at_once(nobody: int, tmp_path: Path) -> None:
    """As a person at a terminal does: `up` waits where it ended at once before."""
    environ = {**os.environ, "DB_HOST": "127.0.0.1", "DB_PORT": str(nobody), "DB_USER": "u", "DB_PASSWORD": "p"}
    command = [sys.executable, "-m", "coachhub_cli", "up", "--data", str(tmp_path / "house")]
    command += ["--port", str(_free()), "--chat-port", str(_free())]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("waiting to start, 60 s at most (Ctrl-C ends it)")
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert time.monotonic() - asked < 20
        assert process.stderr.read().split("\n")[-2:-1] == ["coachhub: interrupted"]
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def test_a_cache_that_is_away_is_not_cleared(
    nobody: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It said "0 copies forgotten", while the copies wait for Redis to come back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
    monkeypatch.setenv("REDIS_PORT", str(nobody))
    with pytest.raises(SystemExit) as ended:
        run(["cache", "clear", "--data", str(tmp_path / "house")])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert "coachhub: the cache cannot be reached at the moment" in said.err


def test_a_cache_that_is_there_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where each process has its own, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_HOST", raising=False)
    with pytest.raises(SystemExit) as ended:
        run(["cache", "clear", "--data", str(tmp_path / "house")])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "0 copies forgotten\n"
