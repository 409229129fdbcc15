"""Old backups go by days and months; the newest of all and the newest that was read back never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from coachhub_backup.pruning import superfluous
from coachhub_cli.main import run
from coachhub_core import Settings, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.backups import BackupKind, BackupState, BackupView, CreateBackup

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def made(at: datetime, kind: BackupKind = "all", state: BackupState = "verified") -> BackupView:
    return BackupView(
        id=uuid4(),
        kind=kind,
        state=state,
        file=f"{kind}-{at:%Y%m%d%H%M}.zip",
        n_bytes=1,
        sha256=None,
        n_rows={},
        n_files=0,
        schema_version=None,
        reason=None,
        verified_at=None,
        created_at=at,
    )


def kept(backups: list[BackupView], **how: int) -> list[datetime]:
    going = {b.id for b in superfluous(backups, **how)}
    return sorted((b.created_at for b in backups if b.id not in going), reverse=True)


def test_one_for_each_day_and_one_for_each_month() -> None:
    """Of hourly backups over 400 days, with a fortnight in which there were none."""
    hours = [NOW - timedelta(hours=n) for n in range(400 * 24)]
    hours = [at for at in hours if not datetime(2026, 11, 10, tzinfo=UTC) <= at < datetime(2026, 11, 24, tzinfo=UTC)]
    left = kept([made(at) for at in hours], daily=7, monthly=12)
    assert len({at.date() for at in left}) == len(left)
    days, months = left[:7], left[7:]
    assert [at.day for at in days] == [28, 27, 26, 25, 24, 9, 8]  # days that have one, however long ago
    assert days[0] == NOW
    assert all(at.hour == 23 for at in (*days[1:], *months))
    assert [(at.month, at.day) for at in months[:3]] == [(10, 31), (9, 30), (8, 31)]
    assert len(months) == 11  # November has one among the days


def test_the_newest_and_the_newest_that_was_read_back_stay() -> None:
    """Whatever came after it was not read back, so it may be of no use."""
    old = made(NOW - timedelta(days=90))
    later = [made(NOW - timedelta(days=n), state="done") for n in range(3)]
    assert kept([old, *later], daily=1, monthly=0) == [NOW, old.created_at]


def test_each_kind_is_kept_for_itself_and_what_has_no_file_is_left() -> None:
    """A backup of the files is no copy of the database."""
    files = made(NOW - timedelta(days=30), kind="files")
    failed, running = made(NOW - timedelta(days=50), state="failed"), made(NOW, state="running")
    newest, older = made(NOW - timedelta(days=1)), made(NOW - timedelta(days=2))
    assert superfluous([failed, files, newest, older, running], daily=1, monthly=1) == (older,)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_stays_kept_and_nothing_newer_is_lost(seed: int) -> None:
    """Pruning again takes nothing; every day of the last ones that had a backup still has its newest."""
    drawn = Random(seed)
    backups = [
        made(
            NOW - timedelta(hours=drawn.uniform(0, 5_000)),
            drawn.choice(("all", "files")),
            drawn.choice(("done", "verified")),
        )
        for _ in range(200)
    ]
    going = superfluous(backups, daily=9, monthly=3)
    left = [b for b in backups if b not in going]
    assert superfluous(left, daily=9, monthly=3) == ()
    for kind in ("all", "files"):
        of_kind = [b for b in backups if b.kind == kind]
        for day in sorted({b.created_at.date() for b in of_kind})[-9:]:
            assert max((b for b in of_kind if b.created_at.date() == day), key=lambda b: b.created_at) in left


def test_the_command_takes_files_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which, and with ``--dry-run`` it only says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_AUTH_BCRYPT_COST", "10")
    monkeypatch.delenv("COACHHUB_DATA", raising=False)
    data, clock = tmp_path / "house", ManualClock(NOW - timedelta(days=3))
    with bootstrap(Settings(data=data, auth=Auth(bcrypt_cost=10)), clock=clock) as hub:
        for _ in range(3):
            hub.backups.create(SYSTEM, CreateBackup(kind="files"))
            clock.advance(hours=24)
    files = sorted((data / "backups").glob("*.zip"))
    assert len(files) == 3

    def said(*words: str) -> list[str]:
        with pytest.raises(SystemExit) as ended:
            run(["backup", "prune", "--data", str(data), *words])
        assert ended.value.code == 0
        return capsys.readouterr().out.splitlines()

    lines = said("--daily", "1", "--monthly", "1", "--dry-run")
    assert lines[:-1] == [str(files[1]), str(files[0])]
    assert lines[-1].startswith("2 would go (")
    assert sorted((data / "backups").glob("*.zip")) == files
    lines = said("--daily", "1", "--monthly", "1")
    assert lines[-1].startswith("2 gone (")
    assert lines[-1].endswith("1 kept")
    assert sorted((data / "backups").glob("*.zip")) == files[2:]
    assert said("--daily", "1", "--monthly", "1")[-1].startswith("0 gone")
