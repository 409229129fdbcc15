"""Draws the demo people from a seed: who they are, what they offer or want, when they have time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Account, Gender, canonical_email
from coachhub_core.domain.coaches import Availability, Certification, Coach, Hours
from coachhub_core.domain.trainees import Constraint, FitnessLevel, Goal, Threshold, Trainee
from coachhub_core.domain.vocabulary import fold
from coachhub_core.services.indexing import index_coach
from coachhub_demo.fields import FIELDS, Field
from coachhub_demo.people import CULTURES, Culture, Place, latin
from coachhub_demo.stage import Stage
from coachhub_demo.texts import BIOS, pick_language

COACH_EMAIL: Final = "mara.keller@example.org"
TRAINEE_EMAIL: Final = "jonas.okafor@example.org"
SEEKER_EMAIL: Final = "ada.lindqvist@example.org"
"""Three people every demo has, to log in as: a coach with a full morning, one of her trainees, one who still looks."""

Character = Literal["steady", "normal", "loose", "fading", "silent", "too_hard"]
CHARACTERS: Final[tuple[Character, ...]] = (
    "steady",
    "normal",
    "normal",
    "normal",
    "loose",
    "fading",
    "silent",
    "too_hard",
)

_LEVELS: Final[tuple[FitnessLevel, ...]] = ("beginner", "beginner", "intermediate", "intermediate", "advanced")
_BIG_LIFTS: Final = {"back-squat": 1.0, "bench-press": 0.75, "deadlift": 1.25, "overhead-press": 0.5}
_CITY_GERMAN: Final = next(c for c in CULTURES if c.language == "de")
_CITY_ENGLISH: Final = next(c for c in CULTURES if c.language == "en")
_CITY_SWEDISH: Final = next(c for c in CULTURES if c.language == "sv")


@attrs.define(kw_only=True)
class Person:
    """Somebody before they register."""

    name: str
    email: str
    gender: Gender | None
    age: int | None
    place: Place
    languages: tuple[str, ...]
    joined: datetime
    account_id: UUID | None = None

    @property
    def language(self) -> str:
        """The one they write in."""
        return self.languages[0]


@attrs.define(kw_only=True)
class CoachPerson(Person):
    """
    A coach.

    Args:
        popularity: How often people choose them, relative to others.
        warmth: 0 to 1: how good they are, which ratings show.
        answers: How long they take, commonly.
    """

    field: Field
    years: int
    capacity: int
    is_accepting: bool
    price: Decimal
    popularity: float
    warmth: float
    answers: timedelta
    coach_id: UUID | None = None
    n_active: int = 0
    plans: dict[str, UUID] = attrs.Factory(dict)

    @property
    def has_seat(self) -> bool:
        """Whether somebody could be taken."""
        return self.is_accepting and self.n_active < self.capacity


@attrs.define(kw_only=True)
class TraineePerson(Person):
    """
    A trainee.

    Args:
        strength: The squat they could do once, in kilograms.
        is_kept_waiting: Whether their last message stays without an answer.
    """

    field: Field
    goal: str
    level: FitnessLevel
    budget: Decimal | None
    character: Character
    strength: float
    is_kept_waiting: bool = False
    trainee_id: UUID | None = None


class Drawer:
    """Draws people; the same seed draws the same ones."""

    def __init__(self, chance: random.Random, now: datetime) -> None:
        self._chance = chance
        self._now = now
        self._names: set[tuple[str, str]] = set()
        self._emails: set[str] = {COACH_EMAIL, TRAINEE_EMAIL, SEEKER_EMAIL}

    # ── coaches ──

    def coaches(self, n: int) -> Iterator[CoachPerson]:
        """Yield *n* coaches, the one to log in as first."""
        if n:
            yield self._mara()
        for _ in range(n - 1):
            yield self._coach()

    def _mara(self) -> CoachPerson:
        return CoachPerson(
            name="Mara Keller",
            email=COACH_EMAIL,
            gender="female",
            age=38,
            place=_CITY_GERMAN.places[0],
            languages=("en", "de"),
            joined=self._ago(235),
            field=FIELDS[0],
            years=11,
            capacity=14,
            is_accepting=True,
            price=Decimal(65),
            popularity=1,
            warmth=0.95,
            answers=timedelta(hours=5),
        )

    def _coach(self) -> CoachPerson:
        chance = self._chance
        field = chance.choices(FIELDS, [f.weight for f in FIELDS])[0]
        culture, place = self._home()
        name, email, gender = self._name(culture)
        years = chance.randint(1, 22)
        price = place.hour * field.price * chance.uniform(0.75, 1.4)
        return CoachPerson(
            name=name,
            email=email,
            gender=gender if chance.random() < 0.85 else None,
            age=min(70, 23 + years + chance.randint(0, 14)) if chance.random() < 0.8 else None,
            place=place,
            languages=self._languages(culture.language, english=0.75),
            joined=self._ago(chance.uniform(90, 235)),
            field=field,
            years=years,
            capacity=chance.choice((1, 2, 3, 4, 5, 6, 8, 10, 12, 15)),
            is_accepting=chance.random() < 0.92,
            price=_rounded(price),
            popularity=chance.paretovariate(1.6),
            warmth=chance.betavariate(6, 2),
            answers=timedelta(hours=chance.uniform(1, 40)),
        )

    # ── trainees ──

    def trainees(self, n: int) -> Iterator[TraineePerson]:
        """Yield *n* trainees, the two to log in as first."""
        if n:
            yield self._given("Jonas Okafor", TRAINEE_EMAIL, "male", 34, _CITY_ENGLISH, FIELDS[0], joined=45)
        if n > 1:
            runners = next(f for f in FIELDS if "marathon" in f.tags)
            yield self._given("Ada Lindqvist", SEEKER_EMAIL, "female", 29, _CITY_SWEDISH, runners, joined=0.2)
        for _ in range(n - 2):
            yield self._trainee()

    def _given(
        self, name: str, email: str, gender: Gender, age: int, culture: Culture, field: Field, *, joined: float
    ) -> TraineePerson:
        return TraineePerson(
            name=name,
            email=email,
            gender=gender,
            age=age,
            place=culture.places[0],
            languages=("en",) if culture.language == "en" else ("en", culture.language),
            joined=self._ago(joined),
            field=field,
            goal=field.goals["en"][0],
            level="beginner",
            budget=None,
            character="steady",
            strength=110,
        )

    def _trainee(self) -> TraineePerson:
        chance = self._chance
        field = chance.choices(FIELDS, [f.weight for f in FIELDS])[0]
        culture, place = self._home()
        name, email, gender = self._name(culture)
        languages = self._languages(culture.language, english=0.6)
        budget = _rounded(place.hour * chance.uniform(0.9, 1.8)) if chance.random() < 0.6 else None
        return TraineePerson(
            name=name,
            email=email,
            gender=gender if chance.random() < 0.8 else None,
            age=chance.randint(17, 74) if chance.random() < 0.75 else None,
            place=place,
            languages=languages,
            joined=self._ago(chance.triangular(1, 130, 20)),
            field=field,
            goal=chance.choice(field.goals[pick_language(field.goals, languages[0])]),
            level=chance.choice(_LEVELS),
            budget=budget,
            character=chance.choice(CHARACTERS),
            strength=chance.uniform(50, 150),
        )

    # ── what both are drawn from ──

    def _ago(self, days: float) -> datetime:
        return self._now - timedelta(days=days, seconds=self._chance.randrange(600))

    def _home(self) -> tuple[Culture, Place]:
        culture = self._chance.choices(CULTURES, [c.weight for c in CULTURES])[0]
        return culture, self._chance.choice(culture.places)

    def _name(self, culture: Culture) -> tuple[str, str, Gender]:
        gender: Gender = self._chance.choice(("female", "male"))
        for _ in range(8):  # namesakes happen, in small towns more often than here
            given = self._chance.choice(culture.women if gender == "female" else culture.men)
            family = self._chance.choice(culture.families)
            if (given, family) not in self._names:
                break
        self._names.add((given, family))
        local = ".".join("".join(c for c in fold(latin(part)) if c.isalnum()) for part in (given, family))
        number = 1
        while (email := f"{local}{number if number > 1 else ''}@example.org") in self._emails:
            number += 1
        self._emails.add(email)
        if self._chance.random() < 0.01:  # people are more than two boxes
            gender = "other"
        return culture.name(given, family), email, gender

    def _languages(self, own: str, *, english: float) -> tuple[str, ...]:
        return (own, "en") if own != "en" and self._chance.random() < english else (own,)


def _rounded(price: float) -> Decimal:
    step = 500 if price > 5_000 else 50 if price > 500 else 5
    return Decimal(max(step, round(price / step) * step))


# ── registering ─────────────────────────────────────────────────────────────


class Registrar:
    """Writes people into the house as they come; all of them with one password, of which there is one hash."""

    def __init__(self, stage: Stage, chance: random.Random, password_hash: str, lifts: dict[str, UUID]) -> None:
        self._stage = stage
        self._chance = chance
        self._password_hash = password_hash
        self._lifts = lifts

    def coach(self, person: CoachPerson) -> None:
        """Register a coach with profile, certifications and week."""
        stage, now = self._stage, self._stage.clock()
        account = self._account(person, "coach")
        told = pick_language(BIOS, person.language)
        field = person.field.name.get(told, person.field.name["en"])
        coach = Coach(
            id=stage.new_id(),
            account_id=account.id,
            specialties=person.field.tags,
            pricing=person.price,
            currency=person.place.currency,
            bio=self._chance.choice(BIOS[told]).format(field=field, years=person.years),
            capacity=person.capacity,
            is_accepting=person.is_accepting,
            modalities=self._chance.choice(
                (("online",), ("online", "in_person"), ("online", "hybrid"), ("in_person",))
            ),
            languages=person.languages,
            years=person.years,
            shows_gender=self._chance.random() < 0.7,
            created_at=now,
            updated_at=now,
        )
        stage.work.coaches.add(coach)
        held = self._chance.sample(person.field.certifications, k=min(len(person.field.certifications), 2))
        for name in held[: self._chance.randint(0, 2)]:
            claim = Certification(id=stage.new_id(), coach_id=coach.id, name=name, created_at=now)
            stage.work.coaches.add_certification(claim)
        if self._chance.random() < 0.7:
            self._week(account, n_days=self._chance.randint(3, 6), length=self._chance.randint(2, 4))
        index_coach(stage.work, coach.id, stage.context.vocabulary)
        person.account_id, person.coach_id = account.id, coach.id

    def trainee(self, person: TraineePerson) -> None:
        """Register a trainee with what they want and what limits them."""
        stage, now = self._stage, self._stage.clock()
        account = self._account(person, "trainee")
        today = now.date()
        trainee = Trainee(
            id=stage.new_id(),
            account_id=account.id,
            goal=person.goal,
            fitness_level=person.level,
            budget=person.budget,
            currency=person.place.currency,
            modalities=("online",) if self._chance.random() < 0.5 else (),
            languages=person.languages,
            open_to_invites=self._chance.random() < 0.3,
            goals=(Goal(kind=person.field.kind, due=today + timedelta(days=self._chance.randint(60, 240))),),
            constraints=tuple(self._constraints(person)),
            thresholds=tuple(self._thresholds(person, today)),
            created_at=now,
            updated_at=now,
        )
        stage.work.trainees.add(trainee)
        if self._chance.random() < 0.4:
            self._week(account, n_days=self._chance.randint(2, 4), length=2)
        person.account_id, person.trainee_id = account.id, trainee.id

    def _account(self, person: Person, role: Literal["coach", "trainee"]) -> Account:
        now = self._stage.clock()
        account = Account(
            id=self._stage.new_id(),
            email=person.email,
            email_key=canonical_email(person.email),
            password_hash=self._password_hash,
            role=role,
            name=person.name,
            age=person.age,
            gender=person.gender,
            city=person.place.city,
            zone=person.place.zone,
            locale=person.language,
            password_changed_at=now,
            created_at=now,
            updated_at=now,
        )
        self._stage.work.accounts.add(account)
        return account

    def _week(self, account: Account, *, n_days: int, length: int) -> None:
        days = sorted(self._chance.sample(range(7), k=n_days))
        starts = (self._chance.choice((6, 7, 12, 17, 18, 19)) for _ in days)
        hours = tuple(
            Hours(weekday=d, starts=time(h), ends=time(h + length)) for d, h in zip(days, starts, strict=True)
        )
        now = self._stage.clock()
        self._stage.work.availability.put(
            Availability(account_id=account.id, zone=account.zone, hours=hours, updated_at=now)
        )

    def _constraints(self, person: TraineePerson) -> Iterator[Constraint]:
        if self._chance.random() < 0.6:
            yield Constraint(kind="equipment", value=self._chance.choice(person.field.equipment)).settled()
        if self._chance.random() < 0.25:
            injury = self._chance.choice(
                ("left knee, old meniscus", "lower back, comes and goes", "shoulder impingement")
            )
            yield Constraint(kind="injury", value=injury).settled()
        if self._chance.random() < 0.15:
            diet = self._chance.choice(("vegetarian", "vegan", "lactose intolerant", "halal"))
            yield Constraint(kind="diet", value=diet).settled()

    def _thresholds(self, person: TraineePerson, today: date) -> Iterator[Threshold]:
        if "strength" in person.field.tags or "athletic-performance" in person.field.tags:
            for slug, share in _BIG_LIFTS.items():
                kilograms = round(person.strength * share / 2.5) * 2.5
                yield Threshold(
                    kind="1RM",
                    exercise_id=self._lifts[slug],
                    value=kilograms,
                    unit="kg",
                    as_of=today,
                    source=self._chance.choice(("tested", "estimated")),
                )
