"""``coachhub match explain``: the list with reasons, one coach's place, or exactly what keeps them out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest
from click.testing import CliRunner, Result

from coachhub_cli.matching import match
from coachhub_cli.options import settings_for
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.domain.accounts import SYSTEM, Actor, Register, Suspend
from coachhub_core.domain.coaches import CreateCoach, Hours, SetAvailability
from coachhub_core.domain.demand import DemandRun
from coachhub_core.domain.matches import RequestMatch
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import MatcherTimeout
from coachhub_core.matching.counterfactuals import counterfactuals

pytestmark = pytest.mark.embedded


@attrs.define
class House:
    """A hub in a folder, and who is in it."""

    folder: Path
    hub: CoachHub
    coaches: dict[str, Actor] = attrs.field(factory=dict)
    trainee: Actor = SYSTEM

    def join(self, name: str, role: Any) -> Actor:
        command = Register(email=f"{name}@example.org", password="three green bicycles", role=role, name=name.title())
        return self.hub.act_as(self.hub.accounts.register(command).account.id)

    def explain(self, *words: str) -> Result:
        return CliRunner().invoke(match, ["explain", "--data", str(self.folder), *words], catch_exceptions=False)


@pytest.fixture(params=["plain"])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Kim teaches what Sam wants, Lee does not, Max is dear and speaks Spanish, Noa is full."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_MATCHING_MATCHER", request.param)
    monkeypatch.setenv("COACHHUB_MATCHING_EXPLORATION", "false")
    monkeypatch.setenv("COACHHUB_AUTH_BCRYPT_COST", "10")
    folder = tmp_path / "d"
    with bootstrap(settings_for(folder)) as hub:
        hub.storage.migrate()
        how: dict[str, dict[str, Any]] = {
            "kim": {"specialties": ("marathon",), "pricing": Decimal(40)},
            "lee": {"specialties": ("yoga",), "pricing": Decimal(45)},
            "max": {"specialties": ("marathon",), "pricing": Decimal(90), "languages": ("es",)},
            "noa": {"specialties": ("marathon",), "capacity": 0},
        }
        house = House(folder, hub)
        for name, said in how.items():
            actor = house.join(name, "coach")
            hub.coaches.create(actor, CreateCoach(**said))
            house.coaches[name] = hub.act_as(actor.account_id)
        sam = house.join("sam", "trainee")
        wish = ChangeTrainee(goal="run my first marathon", budget=Decimal(60), languages=("en",))
        hub.trainees.change(sam, wish)
        house.trainee = hub.act_as(sam.account_id)
        yield house


def _id(coach: Actor) -> UUID:
    assert coach.coach_id is not None
    return coach.coach_id


@pytest.mark.parametrize("house", ["plain", "duet"], indirect=True)
def test_the_list_is_the_one_the_trainee_gets(house: House) -> None:
    """The same coaches in the same order with the same reasons, and what each constraint costs; nothing is kept."""
    name = house.hub.suggestions.host.state().matcher
    with house.hub.storage.begin(read_only=True) as work:
        before = work.outcomes.since(None, limit=100)
    done = house.explain("sam@example.org")
    assert done.exit_code == 0, done.output
    with house.hub.storage.begin(read_only=True) as work:
        assert work.outcomes.since(None, limit=100) == before
    lines = done.stdout.splitlines()
    assert lines[0] == "Sam: 2 of 4 coaches could be proposed"
    assert lines[1].startswith(f"by {name}, model ")
    made = house.hub.suggestions.suggest(house.trainee, SuggestCoaches())
    while made.matcher != name:  # plain answers until duet is ready
        made = house.hub.suggestions.suggest(house.trainee, SuggestCoaches())
    for item in made.items:
        (at,) = [n for n, line in enumerate(lines) if line.startswith(f"{item.rank:>3}. {item.coach.name}  ")]
        assert lines[at] == f"{item.rank:>3}. {item.coach.name}  {item.score:.3f}  {item.coach.id}"
        said = [f"     {reason.contribution:+7.3f}  {reason.text}" for reason in item.reasons]
        assert lines[at + 1 : at + 1 + len(said)] == said
    assert [item.coach.name for item in made.items] == ["Kim", "Lee"]
    assert "  seats      +1 coaches" in lines
    assert house.explain("sam@example.org", "--limit", "1").stdout.count("\n  1. ") == 1
    assert "\n  2. " not in house.explain("sam@example.org", "--limit", "1").stdout


def test_one_coach_has_a_place_and_reasons(house: House) -> None:
    """By address or by id of profile or account, for both."""
    for trainee in ("sam@example.org", str(house.trainee.trainee_id), str(house.trainee.account_id)):
        for coach in ("lee@example.org", str(house.coaches["lee"].coach_id), str(house.coaches["lee"].account_id)):
            done = house.explain(trainee, coach)
            assert done.exit_code == 0, done.output
            assert done.stdout.startswith("Lee stands at 2 of 2 for Sam, with 0.")
            assert "among the specialties" in done.stdout


def test_the_price_of_demand_counts_as_it_does_live(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kim, whom everybody is shown, stands below Lee for a price, and it is said in the list and of Kim alone."""
    monkeypatch.setenv("COACHHUB_MATCHING_MAX_SHOWN_PER_DAY", "5")
    now = house.hub.clock()
    run = DemandRun(
        day=now.date(),
        state="done",
        owner="test",
        lease_until=now,
        max_shown=5,
        prices={str(_id(house.coaches["kim"])): 0.75},
        created_at=now,
        finished_at=now,
    )
    with house.hub.storage.begin() as work:
        work.demand.add(run)
        work.commit()
    listed = house.explain("sam@example.org").stdout
    assert listed.index("1. Lee  ") < listed.index("2. Kim  ")
    said = "-0.750  Is asked by many at present, so stands a little lower"
    assert listed.count(said) == 1
    one = house.explain("sam@example.org", "kim@example.org").stdout
    assert one.startswith("Kim stands at 2 of 2 for Sam, with ")
    assert said in one
    assert said not in house.explain("sam@example.org", "lee@example.org").stdout


def test_what_keeps_somebody_out_is_named(house: House) -> None:
    """Exactly those constraints that fail, each with what it asks."""
    assert house.explain("sam@example.org", "max@example.org").stdout == (
        "Max is kept out by price: only who costs no more than the budget, in its currency may be proposed\n"
        "Max is kept out by language: only who speaks a language in common may be proposed\n"
        "\nNone of the single changes tried would bring Max into the list\n"
    )
    noa = house.explain("sam@example.org", "noa@example.org").stdout
    assert noa == (
        "Noa is kept out by seats: only who takes requests and has a seat left may be proposed\n"
        "\nNone of the single changes tried would bring Noa into the list\n"
    )
    house.hub.matches.request(house.trainee, RequestMatch(coach_id=_id(house.coaches["kim"])))
    kim = house.explain("sam@example.org", "kim@example.org").stdout
    assert kim == "Kim is kept out: Sam asked them already, or is coached by them\n"
    assert "Left out, for they are asked already or coach this trainee: Kim" in house.explain("sam@example.org").stdout


@pytest.mark.parametrize("house", ["plain", "duet"], indirect=True)
def test_one_change_that_would_do_is_told_and_is_true(house: House) -> None:
    """Ola is dear: with the budget told Ola is in the list at that very place; nothing of it is kept."""
    ola = house.hub.coaches.create(
        house.join("ola", "coach"), CreateCoach(specialties=("marathon",), pricing=Decimal("72.50"), currency="EUR")
    )
    before = house.hub.trainees.get(house.trainee, None)
    done = house.explain("sam@example.org", "ola@example.org").stdout
    told = re.search(
        r"\n\nWhat Sam could say otherwise, one at a time:\n  A budget of 72.5 EUR instead of 60 would "
        r"(?:bring this coach into your list, at place (\d) of 3|put this coach first)\n",
        done,
    )
    assert told, done
    assert house.hub.trainees.get(house.trainee, None) == before
    house.hub.trainees.change(house.trainee, ChangeTrainee(budget=Decimal("72.50")))
    assert house.explain("sam@example.org", str(ola.id)).stdout.startswith(f"Ola stands at {told[1] or 1} of 3 for Sam")


def test_hours_are_told_as_the_trainee_reads_a_clock(house: House) -> None:
    """Ola is Kim again, but on another evening: one hour lets Ola in, by the trainee's clock and not by UTC."""
    ola = house.join("ola", "coach")
    house.hub.coaches.create(ola, CreateCoach(specialties=("marathon",), pricing=Decimal(40)))
    evening = Hours(weekday=1, starts=time(18), ends=time(20))
    house.hub.coaches.set_availability(
        house.hub.act_as(ola.account_id), SetAvailability(zone="America/New_York", hours=(evening,))
    )
    morning = Hours(weekday=2, starts=time(9), ends=time(11))
    house.hub.trainees.set_availability(house.trainee, SetAvailability(zone="America/New_York", hours=(morning,)))
    said = house.explain("sam@example.org", "ola@example.org").stdout
    assert "Ola is kept out by hours: " in said
    assert said.endswith("\n  1 more free hour (Tuesday 18:00-19:00) would put this coach first\n")


def test_what_no_single_change_does_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pia does not teach what Sam wants: the best is told; of Kim, who is first, nothing; no cut is hidden."""
    house.hub.trainees.change(house.trainee, ChangeTrainee(fitness_level="beginner"))
    house.hub.coaches.create(house.join("pia", "coach"), CreateCoach(specialties=("yoga", "competition-prep")))
    assert house.explain("sam@example.org", "pia@example.org").stdout.endswith(
        "\n\nNone of the single changes tried would put Pia first; the best of them:\n"
        "  advanced instead of beginner as your level would move this coach from place 3 up to 2 of 3\n"
    )
    assert house.explain("sam@example.org", "lee@example.org").stdout.endswith(
        "\n\nNone of the single changes tried would put Lee first\n"
    )
    kim = house.explain("sam@example.org", "kim@example.org").stdout
    assert "would" not in kim
    monkeypatch.setitem(counterfactuals.__kwdefaults__, "max_rankings", 1)
    assert house.explain("sam@example.org", "pia@example.org").stdout.endswith(
        "would put Pia first\n\nNot everything was tried: the search ended at ranking 1\n"
    )


def test_the_search_for_changes_ends_with_its_deadline(house: House) -> None:
    """What keeps somebody out is told all the same; the place of who is in the list is not known in time."""
    short = ("--deadline", "1e-9")
    told = house.explain("sam@example.org", "max@example.org", *short).stdout
    assert told.startswith("Max is kept out by price")
    assert told.endswith("\n\nNo change was tried: the deadline is over\n")
    with pytest.raises(MatcherTimeout):
        house.explain("sam@example.org", "lee@example.org", *short)
    assert "would" in house.explain("sam@example.org", "max@example.org").stdout


def test_who_is_away_is_in_no_list(house: House) -> None:
    """A suspended coach is not in the snapshot at all, and that is what is said."""
    house.hub.admin.suspend(SYSTEM, Suspend(account_id=house.coaches["lee"].account_id, reason="a test"))
    lee = house.explain("sam@example.org", "lee@example.org").stdout
    assert "is kept out: the account is not active, so no list holds them" in lee


@pytest.mark.parametrize("words", [("nobody@example.org",), ("not an address",), ("kim@example.org",)])
def test_an_unknown_trainee_is_refused(house: House, words: tuple[str, ...]) -> None:
    """Also a coach, who is no trainee; the sentence says what was looked for."""
    from coachhub_core.errors import NotFound

    with pytest.raises(NotFound, match=f"trainee {words[0]}"):
        house.explain(*words)
    with pytest.raises(NotFound, match="coach sam@example"):
        house.explain("sam@example.org", "sam@example.org")


def test_the_bench_measures_this_hub(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody shown a list, nobody to ask for; then every figure, of this machine and these coaches."""
    from coachhub_core.errors import Invalid

    command = ["bench", "--data", str(house.folder), "--profiles", "12"]
    with pytest.raises(Invalid, match="nobody was shown a list yet"):
        CliRunner().invoke(match, command, catch_exceptions=False)
    house.hub.suggestions.suggest(house.trainee, SuggestCoaches())
    done = CliRunner().invoke(match, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    machine, ready, one, reasons, batch = done.stdout.splitlines()
    assert machine.endswith("; 4 coaches, 1 trainees, matcher plain")
    assert re.fullmatch(r"made ready in \d+ ms", ready)
    found = re.fullmatch(r"a suggestion of 10 with reasons, 12 profiles: p50 ([\d.]+) ms, p99 ([\d.]+) ms", one)
    assert found
    assert 0 < float(found[1]) <= float(found[2])
    assert re.fullmatch(r"reasons cost \d+% of the ranking", reasons)
    assert re.fullmatch(r"a batch of 256: \d+ ms, [\d.]+ ms each", batch)
    monkeypatch.delenv("COACHHUB_MATCHING_MATCHER")
    unsaid = CliRunner().invoke(match, command, catch_exceptions=False).stdout
    assert unsaid.splitlines()[0].endswith(", matcher duet")
