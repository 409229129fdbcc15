"""``coachhub outbox``: what was given up is seen, and told once more when somebody says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from coachhub_cli.outbox import outbox
from coachhub_core import Settings, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth
from coachhub_core.domain.events import AccountRegistered


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder whose outbox holds one event that was given up."""
    monkeypatch.chdir(tmp_path)
    with bootstrap(Settings(data=tmp_path / "data", auth=Auth(bcrypt_cost=10)), clock=ManualClock()) as hub:
        with hub.storage.begin() as work:
            work.outbox.add(AccountRegistered(at=hub.clock(), aggregate_id=hub.new_id(), role="coach"))
            (leased,) = work.outbox.lease(owner="a", now=hub.clock(), until=hub.clock(), limit=10)
            work.outbox.failed(leased.id, owner="a", now=hub.clock(), retry_at=None, reason="a webhook was away")
            work.commit()
        yield tmp_path / "data"


def said(*words: str) -> str:
    done = CliRunner().invoke(outbox, words)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_dead_letter_is_seen_and_replayed(folder: Path) -> None:
    """Its id, its kind and what the last try said; then it waits again."""
    where = ("--data", str(folder))
    assert said("status", *where) == "waiting 0, the oldest for 0 s; given up 1\n"
    listed = said("dead", *where)
    assert "account_registered" in listed.lower().replace("accountregistered", "account_registered")
    assert "1 tries: a webhook was away" in listed
    assert said("replay", listed.split()[0], *where) == "1 will be told again\n"
    assert said("status", *where).endswith("given up 0\n")
    assert said("status", *where).startswith("waiting 1")
    assert said("replay", "--all", *where) == "0 will be told again\n"


def test_what_to_replay_must_be_said(folder: Path) -> None:
    """Neither nothing nor everything and something."""
    for words in ((), ("--all", "01a21fa3-c2ce-70fb-b0d4-c4714248f093")):
        done = CliRunner().invoke(outbox, ["replay", *words, "--data", str(folder)])
        assert done.exit_code == 2
        assert "name the ids of events, or say --all" in done.output
