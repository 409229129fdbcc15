"""Fills an empty instance: draws people, plays their past, and commits it whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self

import attrs
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from coachhub_core import deadline
from coachhub_core.bootstrap import CoachHub
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.exercises import shipped
from coachhub_core.domain.matches import RequestMatch
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.errors import SettingsError, Unavailable
from coachhub_core.security import Passwords
from coachhub_demo.lives import PATHS, Lives, Path
from coachhub_demo.play import Play
from coachhub_demo.population import (
    COACH_EMAIL,
    SEEKER_EMAIL,
    TRAINEE_EMAIL,
    CoachPerson,
    Drawer,
    Person,
    Registrar,
    TraineePerson,
)
from coachhub_demo.stage import Stage
from coachhub_demo.talks import Talks
from coachhub_demo.training import Trainer

Tell = Callable[[str], None]

PASSWORD: Final = "seven quiet rowing mornings"  # noqa: S105 - of people who do not exist; production refuses them
_PAST: Final = timedelta(days=240)
_SEEKERS: Final = 24
_PATIENCE_SECONDS: Final = 3_600  # one transaction holds it all, and nobody waits for an answer


@attrs.frozen(kw_only=True)
class Size:
    """How much: the default is what an operator sees, tests take less."""

    n_coaches: int = 200
    n_trainees: int = 300
    seed: int = 20_260_105


@attrs.frozen(kw_only=True)
class Filled:
    """What is there now."""

    n_coaches: int
    n_trainees: int
    n_matches: int
    n_workouts: int
    n_messages: int


def fill(hub: CoachHub, tell: Tell, size: Size | None = None) -> Filled | None:
    """
    Fill an empty instance with a believable past; one that has accounts stays as it is.

    The same seed gives the same people, texts and relations at the same distance
    from the hub's clock. Everything is committed at once: interrupted, it leaves
    the instance empty.

    Args:
        tell: Shows one line to the operator.
    Returns:
        What was made; None where there were accounts already.
    Raises:
        SettingsError: In the production profile.
    """
    if hub.settings.profile == "production":
        raise SettingsError.of(["--demo is refused in the production profile"])
    size = size or Size()
    with hub.storage.begin(read_only=True) as work:
        if work.accounts.page(role=None, status=None, keyset=None, limit=1).items:
            tell("There are accounts here already: nothing was added.")
            if work.accounts.find_by_email_key(COACH_EMAIL) is not None:
                _show_logins(tell)
            return None
    with _Shown(tell) as shown:
        filled, seekers = _play(hub, size, shown)
        shown.step("Looking for coaches today", 0.98)
        _morning(hub, seekers)
        if hub.settings.engines["search"] != "database":
            with suppress(Unavailable):  # the worker builds the index when it can
                hub.admin.reindex(SYSTEM)
    tell(
        f"{filled.n_coaches} coaches, {filled.n_trainees} trainees, {filled.n_matches} matches, "
        f"{filled.n_workouts} workouts, {filled.n_messages} messages"
    )
    _show_logins(tell)
    return filled


def _show_logins(tell: Tell) -> None:
    tell(f"Log in with the password: {PASSWORD}")
    tell(f"  {COACH_EMAIL:26} a coach with a full morning")
    tell(f"  {TRAINEE_EMAIL:26} a trainee with a plan")
    tell(f"  {SEEKER_EMAIL:26} a trainee who looks for a coach")


def _play(hub: CoachHub, size: Size, shown: _Shown) -> tuple[Filled, list[TraineePerson]]:
    end = hub.clock()
    start = end - _PAST
    shown.step("Making one password hash", 0.0)
    password_hash = Passwords(hub.settings.auth.bcrypt_cost).hash(PASSWORD)
    everyone = {exercise.id: exercise for exercise in shipped(end)}
    by_slug = {exercise.slug: exercise.id for exercise in everyone.values()}

    def stream(name: str) -> random.Random:
        return random.Random(f"{size.seed}:{name}")  # noqa: S311 - a story, no secret

    drawer = Drawer(stream("people"), end)
    coaches = list(drawer.coaches(size.n_coaches))
    trainees = list(drawer.trainees(size.n_trainees))
    with deadline.within(_PATIENCE_SECONDS), hub.storage.begin() as whole:
        stage = Stage(hub, whole, stream("ids"), start)
        play = Play(stage, end)
        registrar = Registrar(stage, stream("registrar"), password_hash, by_slug)
        trainer = Trainer(stage, stream("training"), everyone, end)
        talks = Talks(stage, play, stream("talks"))
        chance = stream("lives")
        lives = Lives(stage, play, chance, coaches, by_slug, trainer, talks)
        for coach in coaches:
            play.at(coach.joined, partial(registrar.coach, coach))
        for number, trainee in enumerate(trainees):
            path, chosen = _path(chance, number), _cast(chance, number, trainee, coaches[0], end)
            play.at(trainee.joined, partial(_join, registrar, lives, trainee, path, chosen))
        for person in (*coaches, *trainees):
            play.at(end - timedelta(days=chance.uniform(0.1, 9)), partial(_look, stage, person))
        for when in play.run():
            shown.step("Playing the past", 0.75 * ((when - start) / _PAST))
        while stage.matches.expire_one() or stage.matches.remind_one():
            pass
        running = [r for r in lives.relations if r.status == "active"]
        for number, relation in enumerate(running):
            trainer.train(relation.trainee, relation.match_id)
            shown.step("Training", 0.75 + 0.2 * number / len(running))
        while stage.assignments.tick_one():
            pass
        shown.step("Talking", 0.96)
        n_messages = talks.write()
        whole.commit()
    busy = {r.trainee.email for r in lives.relations if r.status in ("requested", "active", "paused")}
    seekers = [each for each in trainees if each.email not in busy | {SEEKER_EMAIL}]
    filled = Filled(
        n_coaches=len(coaches),
        n_trainees=len(trainees),
        n_matches=len(lives.relations),
        n_workouts=trainer.n_workouts,
        n_messages=n_messages,
    )
    return filled, seekers[:_SEEKERS]


def _path(chance: random.Random, number: int) -> Path:
    drawn: Path = chance.choices(list(PATHS), list(PATHS.values()))[0]
    return _PARTS.get(number, drawn)


_PARTS: Final[dict[int, Path]] = {
    **dict.fromkeys((0, 2, 3, 4, 5, 6, 7), "runs"),
    1: "looks",
    8: "waits",
    **dict.fromkeys(range(9, 14), "completed"),
}
"""What becomes of the first trainees: with the coach one logs in as, the second apart, who looks for one."""

_KEPT_WAITING: Final = 6  # the one whose last message she has not answered


def _cast(
    chance: random.Random, number: int, trainee: TraineePerson, coach: CoachPerson, end: datetime
) -> CoachPerson | None:
    """Make one of the first trainees somebody who comes to *coach*; the others choose for themselves."""
    if number == 1 or number not in _PARTS:
        return None
    if number > 1:
        trainee.character = ("normal", "loose", "silent", "too_hard", "steady")[number % 5]
        days = (70, 120) if _PARTS[number] == "completed" else (30, 50)
        trainee.joined = end - timedelta(days=chance.uniform(*days))
        trainee.is_kept_waiting = number == _KEPT_WAITING
        trainee.field = coach.field
        trainee.goal = chance.choice(coach.field.goals["en"])
        trainee.languages = ("en", *(each for each in trainee.languages if each != "en"))
    return coach


def _join(registrar: Registrar, lives: Lives, person: TraineePerson, path: Path, coach: CoachPerson | None) -> None:
    registrar.trainee(person)
    lives.begin(person, path, coach=coach)


def _look(stage: Stage, person: Person) -> None:
    """Let somebody open their inbox for the last time so far."""
    if person.account_id is not None:
        stage.work.notifications.mark_read(person.account_id, (), at=stage.clock.now)


def _morning(hub: CoachHub, seekers: Sequence[TraineePerson]) -> None:
    """Let who looks for a coach ask for suggestions today, and every other one ask the first: through the hub."""
    for number, person in enumerate(seekers):
        if person.account_id is None:
            continue
        actor = hub.act_as(person.account_id)
        found = hub.suggestions.suggest(actor, SuggestCoaches())
        if found.items and number % 2:
            first = found.items[0].coach.id
            hub.matches.request(actor, RequestMatch(coach_id=first, suggestion_set_id=found.set_id))


class _Shown:
    """Shows how far it is: a bar on a terminal, a line per step otherwise."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._step = ""
        console = Console()
        self._progress: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description:24}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=console, transient=True)
            self._task = self._progress.add_task("", total=1.0)

    def step(self, what: str, share: float) -> None:
        """Say *what* is being done and which share of all, in [0, 1], is behind."""
        if self._progress is not None:
            self._progress.update(self._task, description=what, completed=share)
        elif what != self._step:
            self._tell(f"{what} …")
        self._step = what

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
