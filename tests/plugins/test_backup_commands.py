"""``coachhub backup`` as an operator types it: words, exit codes, what is left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coachhub_cli.main import run
from coachhub_core import Settings, bootstrap
from coachhub_core.config import Auth
from coachhub_core.domain.accounts import SYSTEM, EraseAccount, Login, Register
from coachhub_core.domain.backups import CreateBackup

PASSWORD = "three green bicycles at dawn"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance with two people and a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_AUTH_BCRYPT_COST", "10")
    monkeypatch.delenv("COACHHUB_DATA", raising=False)
    folder = tmp_path / "house"
    with bootstrap(Settings(data=folder, auth=Auth(bcrypt_cost=10))) as hub:
        for name in ("Sam", "Lee"):
            hub.accounts.register(Register(email=f"{name}@example.org", password=PASSWORD, role="trainee", name=name))
        hub.files.put("exports/a.json", b"{}")
    return folder


def command(*words: object) -> int:
    """Run it and return the exit code."""
    with pytest.raises(SystemExit) as ended:
        run([str(word) for word in words])
    return int(ended.value.code or 0)


def test_create_verify_list_restore(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way, from one folder into another."""
    assert command("backup", "create", "--data", data) == 0
    said = capsys.readouterr()
    file = Path(said.out.splitlines()[0])
    assert file.parent == data / "backups"
    assert re.search(r"database and files, \d+ rows, 1 files, made .* by CoachHub", said.out)
    assert "read back: whole" in said.out
    assert said.err.splitlines() == ["Backing up database and files …", "Reading it back …"]
    assert file.stat().st_mode & 0o777 == 0o600

    assert command("backup", "verify", file) == 0
    assert "whole, and it restores" in capsys.readouterr().out

    assert command("backup", "list", "--data", data) == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert row.split("\t")[1:3] == ["all", "verified"]
    assert row.endswith(file.name)

    assert command("backup", "restore", file, "--data", tmp_path / "again") == 0
    assert "0 problems; start it with: coachhub up --data" in capsys.readouterr().out
    with bootstrap(Settings(data=tmp_path / "again", auth=Auth(bcrypt_cost=10))) as hub:
        assert hub.accounts.login(Login(email="sam@example.org", password=PASSWORD)).account.name == "Sam"


def test_a_file_of_ones_own_choice(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--to`` writes there, once; the list of erasures lies beside it."""
    with bootstrap(Settings(data=data, auth=Auth(bcrypt_cost=10))) as hub:
        lee = hub.accounts.login(Login(email="lee@example.org", password=PASSWORD)).account
        hub.own_data.erase(hub.act_as(lee.id), EraseAccount(password=PASSWORD))
    target = tmp_path / "safe" / "monday.zip"
    assert command("backup", "create", "--kind", "database", "--to", target, "--data", data) == 0
    assert str(lee.id) in (tmp_path / "safe" / "erasures.jsonl").read_text()
    assert not (data / "backups").exists()
    assert "the database," in capsys.readouterr().out
    assert command("backup", "create", "--to", target, "--data", data) == 1
    assert capsys.readouterr().err.endswith("coachhub: monday.zip exists already\n")


def test_refusals_are_one_sentence(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No instance, no file, a damaged file, a folder in use, a folder that is a file: exit code and why."""
    assert command("backup", "create", "--data", tmp_path / "nobody") == 1
    assert capsys.readouterr().err == f"coachhub: there is no instance in {tmp_path / 'nobody'}\n"
    assert not (tmp_path / "nobody").exists()

    assert command("backup", "verify", tmp_path / "no.zip") == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"coachhub: there is no backup {tmp_path / 'no.zip'}"

    command("backup", "create", "--data", data)
    file = Path(capsys.readouterr().out.splitlines()[0])
    file.write_bytes(file.read_bytes()[:-100])
    assert command("backup", "restore", file, "--data", tmp_path / "again") == 1
    assert "is truncated" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()

    assert command("backup", "restore", file, "--data", data) == 1
    assert "is not empty (it holds coachhub.db" in capsys.readouterr().err

    (tmp_path / "plain").write_text("")
    assert command("backup", "restore", file, "--data", tmp_path / "plain") == 2
    assert "is no folder" in capsys.readouterr().err

    assert command("backup", "restore", file) == 2
    assert command("backup", "create", "--kind", "half", "--data", data) == 2


def test_a_backup_that_was_interrupted_does_not_hold_up_the_next(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C at any moment leaves a row that says so, and no half file."""

    class Stopped(KeyboardInterrupt):
        pass

    with bootstrap(Settings(data=data, auth=Auth(bcrypt_cost=10))) as hub:

        class Stopping:
            """A file store of which the reading is interrupted."""

            def names(self) -> object:
                raise Stopped

        service = type(hub.backups)(hub.backups._context, Stopping(), data / "backups", "1")  # type: ignore[arg-type]
        with pytest.raises(Stopped):
            service.create(SYSTEM, CreateBackup())
    assert list((data / "backups").iterdir()) == []
    assert command("backup", "create", "--data", data) == 0
    capsys.readouterr()
    assert command("backup", "list", "--data", data) == 0
    rows = [row.split("\t") for row in capsys.readouterr().out.splitlines()]
    assert [(row[2], row[6][:7]) for row in rows] == [("verified", "coachhu"), ("failed", "Stopped")]
