"""``coachhub cache clear``: what it says was done was done."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from coachhub_cli.main import run


def cleared(folder: Path) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        run(["cache", "clear", "--data", str(folder)])
    return caught.value.code


def test_what_was_forgotten_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a new house nothing."""
    assert cleared(tmp_path) == 0
    assert "0 copies forgotten" in capsys.readouterr().out


def test_a_cache_that_is_away_was_not_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is to think that it was."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
        monkeypatch.setenv("REDIS_PORT", str(taken.getsockname()[1]))
        assert cleared(tmp_path) == 1
    said = capsys.readouterr()
    assert "the cache cannot be reached" in said.err
    assert "forgotten" not in said.out
