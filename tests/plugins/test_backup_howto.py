"""The restore drill of the documentation, run as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from coachhub_cli.main import run
from coachhub_core import Settings, bootstrap
from coachhub_core.config import Auth
from coachhub_core.domain.accounts import Login, Register

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
PASSWORD = "three green bicycles at dawn"


def commands_of(page: str) -> list[list[str]]:
    blocks = re.findall(r"^```bash\n(.*?)^```", (HOWTO / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def test_the_drill_brings_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four commands, each with exit code 0, and afterwards people log in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_AUTH_BCRYPT_COST", "10")
    monkeypatch.delenv("COACHHUB_DATA", raising=False)
    with bootstrap(Settings(data=tmp_path / "old", auth=Auth(bcrypt_cost=10))) as hub:
        hub.accounts.register(Register(email="sam@example.org", password=PASSWORD, role="trainee", name="Sam"))
    commands = commands_of("restore.md")
    assert [words[:3] for words in commands] == [
        ["coachhub", "backup", "create"],
        ["coachhub", "backup", "verify"],
        ["coachhub", "backup", "restore"],
        ["coachhub", "check", "--data"],
    ]
    for words in commands:
        with pytest.raises(SystemExit) as ended:
            run(words[1:])
        assert ended.value.code == 0, words
    with bootstrap(Settings(data=tmp_path / "new", auth=Auth(bcrypt_cost=10))) as hub:
        assert hub.accounts.login(Login(email="sam@example.org", password=PASSWORD)).account.name == "Sam"


def test_the_commands_of_the_howto_on_backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They work in the folder of an instance without a word more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COACHHUB_DATA", raising=False)
    bootstrap(Settings()).close()
    commands = commands_of("back-up-and-restore.md")
    assert len(commands) == 3
    for words in commands:
        with pytest.raises(SystemExit) as ended:
            run(words[1:])
        assert ended.value.code == 0, words
    assert (tmp_path / "monday.zip").is_file()
