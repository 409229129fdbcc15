"""The demo population: believable, whole, the same from the same seed, and never in the way of real data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from coachhub_core import CoachHub, ManualClock, Settings, bootstrap
from coachhub_core.config import Auth
from coachhub_core.domain.accounts import Actor, Login, Register
from coachhub_core.domain.analytics import FLAGS, ReadAttention, ReadRoster
from coachhub_core.domain.chat import ReadHistory
from coachhub_core.domain.coaches import FindCoaches
from coachhub_core.domain.plans import ListPlans
from coachhub_core.domain.reviews import ListReviews
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.domain.workouts import ListWorkouts
from coachhub_core.errors import SettingsError
from coachhub_demo.filling import PASSWORD, Size, fill
from coachhub_demo.population import COACH_EMAIL, SEEKER_EMAIL, TRAINEE_EMAIL
from coachhub_demo.talks import Talks

pytestmark = pytest.mark.xdist_group("demo people")

SMALL = Size(n_coaches=24, n_trainees=48)


def a_hub(now: datetime | None = None) -> CoachHub:
    clock = ManualClock(now) if now is not None else ManualClock()
    return bootstrap(attrs.evolve(Settings.in_memory(), auth=Auth(bcrypt_cost=10)), clock=clock)


@pytest.fixture(scope="module")
def hub() -> Iterator[CoachHub]:
    """An instance in memory with a small population."""
    with a_hub() as hub:
        made = fill(hub, lambda _: None, SMALL)
        assert made is not None
        yield hub


def act(hub: CoachHub, email: str) -> Actor:
    """Log in with the password that is printed."""
    return hub.act_as(hub.accounts.login(Login(email=email, password=PASSWORD)).account.id)


def everything(hub: CoachHub) -> dict[str, Any]:
    """Return all that a demo is made of, without what the hub itself makes today (suggestion sets)."""
    found: dict[str, Any] = {}
    with hub.storage.begin(read_only=True) as work:
        for record in work.coaches.all_records():
            account = attrs.evolve(record.account, password_hash="")
            matches = [m for m in work.matches.of_coach(record.coach.id) if m.suggestion_set_id is None]
            found[account.email] = (account, attrs.evolve(record.coach, view_rev=0), record.certifications, matches)
            for match in matches:
                conversation = work.conversations.find_by_match(match.id)
                said = work.messages.after(conversation.id, 0, limit=1_000) if conversation else ()
                logged = work.workouts.of_trainee(match.trainee_id)
                found[str(match.id)] = (said, work.matches.events(match.id), logged)
    return found


def test_a_population_is_whole(hub: CoachHub) -> None:
    """No counter lies, no row points to nothing, and nothing is due that the past should have done."""
    report = hub.storage.check()
    assert report.problems == ()
    assert report.n_rows["users"] == SMALL.n_coaches + SMALL.n_trainees
    for table in ("matches", "messages", "reviews", "workouts", "set_logs", "assignments", "plan_versions",
                  "notifications", "grants", "suggestion_sets", "certifications", "availability"):  # fmt: skip
        assert report.n_rows[table] > 0, table
    done = hub.run_due().done
    assert {name: n for name, n in done.items() if name not in ("events", "forgotten") and n} == {}


def test_matches_of_every_kind_are_there(hub: CoachHub) -> None:
    """A list of each has something to show."""
    with hub.storage.begin(read_only=True) as work:
        records = work.coaches.all_records()
        found = Counter(m.status for record in records for m in work.matches.of_coach(record.coach.id))
        full = [record for record in records if record.coach.seats_left == 0]
    wanted = {"requested", "active", "paused", "completed", "ended", "declined", "superseded"}
    assert wanted <= set(found), found
    assert full


def test_three_people_log_in_and_see_their_part(hub: CoachHub) -> None:
    """The coach's morning shows every kind of flag, the trainee has logs and a talk, the seeker gets suggestions."""
    mara, jonas, ada = (act(hub, email) for email in (COACH_EMAIL, TRAINEE_EMAIL, SEEKER_EMAIL))
    roster = hub.analytics.roster(mara, ReadRoster())
    assert len(roster.items) >= 7
    flags = {item.flag for item in hub.analytics.attention(mara, ReadAttention()).items}
    assert flags == set(FLAGS)
    assert hub.plans.list(mara, ListPlans()).items[0].status == "published"
    assert mara.coach_id is not None
    assert hub.coaches.get(mara.coach_id).rating_avg is not None
    assert hub.reviews.of_coach(ListReviews(coach_id=mara.coach_id)).items

    workouts = hub.workouts.list(jonas, ListWorkouts(limit=100)).items
    assert len(workouts) > 5
    assert {workout.source for workout in workouts} == {"demo"}
    (conversation,) = hub.chat.conversations(jonas).items
    said = hub.chat.history(jonas, ReadHistory(conversation_id=conversation.id)).events
    assert said[0].body.startswith("Welcome, Jonas!")
    assert [event.seq for event in said] == list(range(1, conversation.last_seq + 1))

    found = hub.suggestions.suggest(ada, SuggestCoaches())
    assert found.items
    assert found.degraded is None
    assert found.items[0].reasons


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, 1), datetime(2026, 9, 25, 23, 30), datetime(2028, 2, 29, 12)])
def test_the_morning_is_full_on_any_day(day: datetime) -> None:
    """Weekdays, a change to summer time and a leap day change nothing: all five flags are up."""
    with a_hub(day.replace(tzinfo=UTC)) as hub:
        fill(hub, lambda _: None, Size(n_coaches=6, n_trainees=12))
        flags = {item.flag for item in hub.analytics.attention(act(hub, COACH_EMAIL), ReadAttention()).items}
        assert flags == set(FLAGS)
        assert hub.storage.check().problems == ()


def test_coaches_are_found_by_words(hub: CoachHub) -> None:
    """Terms are indexed: field, city and name find, in any script."""
    hits = hub.coaches.find(FindCoaches(q="Berlin barbell")).items
    assert "Mara Keller" in [coach.name for coach in hits]
    everyone = hub.coaches.find(FindCoaches(limit=100, total=True))
    assert everyone.total == SMALL.n_coaches
    for coach in everyone.items:
        shown = hub.coaches.find(FindCoaches(q=coach.name, limit=100)).items
        assert coach.id in [hit.id for hit in shown], coach.name


def test_people_write_in_many_scripts(hub: CoachHub) -> None:
    """A population that only speaks English hides what breaks."""
    names = "".join(coach.name for coach in hub.coaches.find(FindCoaches(limit=100)).items)
    with hub.storage.begin(read_only=True) as work:
        page = work.accounts.page(role="trainee", status=None, keyset=None, limit=100)
    text = names + "".join(account.name for account in page.items)
    scripts = {"latin": "ü", "wide": chr(0x3000), "any other": chr(0x370)}
    assert any(char > scripts["latin"] for char in text)
    assert any(char >= scripts["any other"] for char in text)
    assert any(char >= scripts["wide"] for char in text)


def test_the_same_seed_gives_the_same_past() -> None:
    """Ids, people, words and numbers are equal; another seed gives others."""
    tiny = Size(n_coaches=8, n_trainees=14)
    pasts = []
    for size in (tiny, tiny, attrs.evolve(tiny, seed=2)):
        with a_hub() as hub:
            fill(hub, lambda _: None, size)
            pasts.append(everything(hub))
    assert pasts[0] == pasts[1]
    assert pasts[0].keys() != pasts[2].keys()


def test_an_instance_with_accounts_is_left_alone(hub: CoachHub) -> None:
    """A second start keeps what is there, and says the password again; somebody else's data is not touched."""
    before = hub.storage.check().n_rows
    said: list[str] = []
    assert fill(hub, said.append, SMALL) is None
    assert hub.storage.check().n_rows == before
    assert said[0] == "There are accounts here already: nothing was added."
    assert PASSWORD in said[1]
    with a_hub() as other:
        other.accounts.register(Register(email="sam@example.org", password=PASSWORD, role="trainee", name="Sam"))
        said.clear()
        assert fill(other, said.append, SMALL) is None
        assert said == ["There are accounts here already: nothing was added."]


def test_production_refuses_demo_people() -> None:
    """Their password is known to everybody."""
    secret = "T3st-only_5ecret.with=enough+different-characters/0192837465"
    settings = attrs.evolve(Settings.in_memory(), profile="production", auth=Auth(bcrypt_cost=10, jwt_secret=secret))
    with bootstrap(settings) as hub:
        with pytest.raises(SettingsError, match="refused in the production profile"):
            fill(hub, lambda _: None, SMALL)
        assert hub.storage.check().n_rows["users"] == 0


def test_an_interrupted_fill_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is committed at once: Ctrl-C near the end, and the instance is as empty as before."""

    class Stopped(KeyboardInterrupt):
        pass

    def stop(*_: object) -> int:
        raise Stopped

    monkeypatch.setattr(Talks, "write", stop)
    with a_hub() as hub:
        with pytest.raises(Stopped):
            fill(hub, lambda _: None, Size(n_coaches=4, n_trainees=6))
        assert {name for name, n in hub.storage.check().n_rows.items() if n} == {"exercises"}


def test_what_is_shown_without_a_terminal_is_plain_lines() -> None:
    """One line per step, then the figures, the password and three addresses."""
    said: list[str] = []
    with a_hub() as hub:
        made = fill(hub, said.append, Size(n_coaches=3, n_trainees=5))
    assert made is not None
    assert said[0] == "Making one password hash …"
    assert said[-4:-3] == [f"Log in with the password: {PASSWORD}"]
    assert [line.split()[0] for line in said[-3:]] == [COACH_EMAIL, TRAINEE_EMAIL, SEEKER_EMAIL]
    assert said[-5].startswith("3 coaches, 5 trainees, ")
