"""The numbers MariaDB and MySQL answer with, in the core's words."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pymysql
import pytest
import sqlalchemy as sa
from services import address

from coachhub_cli.main import run
from coachhub_core.errors import Contended, Unavailable, Unwritable
from coachhub_sqlalchemy.errors import translate
from coachhub_sqlalchemy.storage import SqlStorage


def said(code: int, text: str = "") -> Exception:
    """Return the driver's error for what the server said, of the class the driver gives it."""
    kind = pymysql.err.error_map.get(code) or (
        pymysql.err.InternalError if code < 1000 else pymysql.err.OperationalError
    )
    made: Exception = kind(code, text)
    return made


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, "Error writing file './binlog.000001' (Errcode: 28 \"No space left on device\")"),
        (3, "Error writing file './binlog.000001' (Errcode: 27 \"File too large\")"),
        (20, "Disk is full writing './binlog.000001' (Errcode: 28). Waiting for someone to free space"),
        (1021, "Disk full (./binlog.000001); waiting for someone to free some space"),
        (1026, "Error writing file './binlog' (errno: 28 \"No space left on device\")"),
        (1030, 'Got error 28 "No space left on device" from storage engine InnoDB'),
        (1114, "The table 'workouts' is full"),
        (1290, "The MariaDB server is running with the --read-only option so it cannot execute this statement"),
        (1598, "Binary logging not possible"),
        (1836, "Running in read-only mode"),
    ],
)
def test_a_server_without_room_takes_no_changes(code: int, text: str) -> None:
    """Under each of the names it has for that, and for being read-only."""
    found = translate(said(code, text))
    assert type(found) is Unwritable
    assert str(found) == str(Unwritable(what="the database"))


@pytest.mark.parametrize("code", [1, 126, 1005, 1037, 1040, 1041])
def test_what_else_it_cannot_do_is_unavailable(code: int) -> None:
    """No room for a table that a reading needs, no memory, no connection left: refused, and no mistake of ours."""
    assert type(translate(said(code))) is Unavailable


@pytest.mark.parametrize("code", [1020, 1205, 1213])
def test_a_race_is_run_again(code: int) -> None:
    assert type(translate(said(code))) is Contended


@pytest.mark.parametrize("code", [1054, 1064, 1146])
def test_a_mistake_of_ours_shows_as_one(code: int) -> None:
    """A column, a table, a statement that is none."""
    assert translate(pymysql.err.ProgrammingError(code, "no")) is None


@pytest.mark.external_service
@pytest.mark.parametrize(
    ("part", "given", "code"), [("password", "not-the-secret", 1045), ("database", "coachhub_test_nosuch", 1049)]
)
def test_a_server_that_lets_nobody_in_says_why(
    part: str,
    given: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once in the log and on the command line, with the server's sentence; never in what a client reads."""
    url = sa.make_url(address("TEST_MYSQL_URL")).set(**{part: given})
    storage = SqlStorage(url.render_as_string(hide_password=False))
    try:
        for read_only in (True, False, True):
            with pytest.raises(Unavailable) as caught, storage.begin(read_only=read_only) as work:
                work.accounts.find(uuid4())
            assert str(caught.value) == str(Unavailable())
    finally:
        storage.close()
    (said_once,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert said_once.startswith(f"the database lets nobody in: {code} ")
    assert "not-the-secret" not in said_once
    monkeypatch.setenv("COACHHUB_DATABASE_URL", url.render_as_string(hide_password=False))
    with pytest.raises(SystemExit) as ended:
        run(["check", "--data", str(tmp_path)])
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert f"coachhub: the database lets nobody in: {code} " in shown
    assert "not-the-secret" not in shown
