"""``coachhub match shadow``: the comparison on a terminal and as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from coachhub_cli.matching import match
from coachhub_cli.options import settings_for
from coachhub_core.bootstrap import bootstrap
from coachhub_core.domain.accounts import Register
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.matches import RequestMatch
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.domain.trainees import ChangeTrainee

pytestmark = pytest.mark.embedded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose live matcher is plain, with duet as its shadow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_AUTH_BCRYPT_COST", "10")
    monkeypatch.setenv("COACHHUB_MATCHING_MATCHER", "plain")
    monkeypatch.setenv("COACHHUB_MATCHING_SHADOW", "duet")
    monkeypatch.setenv("COACHHUB_MATCHING_EXPLORATION", "false")
    return tmp_path / "d"


def shown(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(match, ["shadow", "--data", str(folder), *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_nothing_yet_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whether anybody is named at all."""
    assert shown(folder) == "nothing has been compared yet, 0 lists wait\n"
    assert json.loads(shown(folder, "--json")) == {"n_waiting": 0, "pairs": []}
    monkeypatch.setenv("COACHHUB_MATCHING_SHADOW", "")
    assert "matching.shadow names nobody" in shown(folder)


def test_lists_times_and_who_was_asked_are_shown(folder: Path) -> None:
    """A line each, and everything there is as JSON; what still waits is counted."""
    with bootstrap(settings_for(folder)) as hub:

        def join(name: str, role: str) -> UUID:
            command = Register(email=f"{name}@example.org", password="three green bicycles", role=role, name=name)  # type: ignore[arg-type]  # one of the two
            return hub.accounts.register(command).account.id

        for name, tags in (("ana", ("marathon",)), ("ben", ("yoga",)), ("cem", ("strength",))):
            coach = hub.act_as(join(name, "coach"))
            hub.coaches.create(coach, CreateCoach(specialties=tags, pricing=Decimal(40)))
        sam = hub.act_as(join("sam", "trainee"))
        hub.trainees.change(sam, ChangeTrainee(goal="run my first marathon", budget=Decimal(60)))
        sam = hub.act_as(sam.account_id)
        made = hub.suggestions.suggest(sam, SuggestCoaches())
        first = made.items[0].coach.id
        hub.matches.request(sam, RequestMatch(coach_id=first, suggestion_set_id=made.set_id))
        hub.run_due()
        hub.suggestions.suggest(sam, SuggestCoaches())
    text = shown(folder)
    for said in (
        "plain ",
        " serves",
        "duet ",
        " is its shadow",
        "1 of 1 compared",
        "on both   100.0%",
        "100.0% [20.7% 100.0%] of the lists came out again as they were served",
        "asked     of 1 lists the live one had them higher in 0, the shadow in 0, level 1: the two do not differ",
        "1 lists wait",
    ):
        assert said in text
    (pair,) = json.loads(shown(folder, "--json", "-k", "1"))["pairs"]
    assert (pair["live"], pair["shadow"], pair["k"], pair["n_compared"]) == ("plain", "duet", 1, 1)
    assert pair["first_changed"]["share"] == 0.0
    assert {verdict["event"]: verdict["n_level"] for verdict in pair["verdicts"]} == {
        "contacted": 1,
        "accepted": 0,
        "declined": 0,
    }
    assert pair["shadow_latency"]["p50_ms"] > 0
    assert json.loads(shown(folder, "--json", "--since", "2999-01-01"))["pairs"] == []
