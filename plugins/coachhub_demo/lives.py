"""The lives of demo trainees: whom they ask, who takes them, how it goes, how it ends, what they say of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.assignments import AssignPlan
from coachhub_core.domain.matches import (
    AcceptMatch,
    CompleteMatch,
    DeclineMatch,
    DeclineReason,
    EndMatch,
    EndReason,
    PauseMatch,
    RequestMatch,
    WithdrawMatch,
)
from coachhub_core.domain.overrides import Override
from coachhub_core.domain.plans import CreatePlan, PublishPlan
from coachhub_core.domain.reviews import WriteReview
from coachhub_core.domain.schedule import local_day
from coachhub_core.errors import NotFound
from coachhub_demo.play import Play
from coachhub_demo.population import CoachPerson, Person, TraineePerson
from coachhub_demo.programmes import PROGRAMMES, Exercises
from coachhub_demo.stage import Stage
from coachhub_demo.talks import Talks
from coachhub_demo.texts import COACH_REVIEWS, REQUESTS, REVIEWS, pick_language
from coachhub_demo.training import Trainer

Path = Literal["runs", "again", "paused", "completed", "ended", "declined", "withdrawn", "expired", "waits", "looks"]

PATHS: Final[dict[Path, int]] = {
    "runs": 42,
    "again": 20,
    "paused": 4,
    "completed": 7,
    "ended": 6,
    "declined": 5,
    "withdrawn": 3,
    "expired": 4,
    "waits": 5,
    "looks": 4,
}
"""How lives go, in parts of a hundred; *again* is a former coach and then another."""

_DECLINES: Final[tuple[DeclineReason, ...]] = ("no_time", "not_my_field", "schedule", "language", "price")
_ENDS: Final[tuple[EndReason, ...]] = ("schedule", "price", "fit", "moved", "inactive")


@attrs.define(kw_only=True)
class Relation:
    """One match as the play knows it."""

    trainee: TraineePerson
    coach: CoachPerson
    match_id: UUID
    status: str = "requested"
    conversation_id: UUID | None = None


def actor_of(person: Person) -> Actor:
    """Return *person* acting."""
    if person.account_id is None:
        raise NotFound(kind="account", id=person.email)
    if isinstance(person, CoachPerson):
        return Actor(account_id=person.account_id, role="coach", coach_id=person.coach_id)
    trainee_id = person.trainee_id if isinstance(person, TraineePerson) else None
    return Actor(account_id=person.account_id, role="trainee", trainee_id=trainee_id)


class Lives:
    """Lets each trainee live one of the paths, on the stage, in the play's time."""

    def __init__(
        self,
        stage: Stage,
        play: Play,
        chance: random.Random,
        coaches: Sequence[CoachPerson],
        exercises: Exercises,
        trainer: Trainer,
        talks: Talks,
    ) -> None:
        self._stage = stage
        self._play = play
        self._chance = chance
        self._coaches = coaches
        self._exercises = exercises
        self._trainer = trainer
        self._talks = talks
        self._patience = timedelta(hours=stage.context.settings.matches.expire_hours)
        self._max_open = stage.context.settings.matches.max_open
        self.relations: list[Relation] = []

    # ── beginning ──

    def begin(self, person: TraineePerson, path: Path, *, coach: CoachPerson | None = None) -> None:
        """Let *person*, who has just registered, live *path*, with *coach* where one is named."""
        now, end = self._stage.clock.now, self._play.end
        left = end - now
        asks = now + min(left / 4, timedelta(hours=self._chance.uniform(0.5, 60)))
        if path == "again":
            first = self._chance.uniform(0.3, 0.6)
            self._play.at(asks, partial(self._ask, person, "completed", until=now + left * first))
            # a break after the first coach, then the next one
            self._play.at(now + left * (first + 0.1), partial(self._ask, person, "runs"))
        elif path == "waits":
            waited = self._chance.uniform(0.02 if coach is None else 0.7, 0.95) * self._patience
            self._play.at(end - waited, partial(self._ask, person, path, coach=coach))
        elif path != "looks":
            self._play.at(asks, partial(self._ask, person, path, coach=coach))

    def _wish(self, person: TraineePerson, n: int, coach: CoachPerson | None) -> list[CoachPerson]:
        """Choose whom to ask: people of the field who speak one's language first, the known ones more often."""
        asked = {r.coach.email for r in self.relations if r.trainee is person}
        liked = []
        for each in self._coaches:
            if each.coach_id is None or not each.has_seat or each.email in asked:
                continue
            shared = len(set(person.field.tags) & set(each.field.tags))
            speaks = any(language in each.languages for language in person.languages)
            near = each.place.city == person.place.city
            fit = (1 + 6 * shared) * (4 if speaks else 0.2) * (2 if near else 1)
            liked.append((each, fit * each.popularity * self._chance.random()))
        liked.sort(key=lambda pair: -pair[1])
        found = [each for each, _ in liked if each is not coach]
        return ([coach] if coach is not None and coach.has_seat else [])[:n] + found[: n - (coach is not None)]

    def _ask(
        self, person: TraineePerson, path: Path, *, coach: CoachPerson | None = None, until: datetime | None = None
    ) -> None:
        """Send one or several requests, and let what the path says become of them."""
        if any(r.trainee is person and r.status in ("active", "paused") for r in self.relations):
            return
        n_open = sum(1 for r in self.relations if r.trainee is person and r.status == "requested")
        n = min(self._chance.choice((1, 1, 2, 3)), self._max_open - n_open)
        asked = [self._request(person, each) for each in self._wish(person, n, coach)]
        if not asked:
            return
        now, chance = self._stage.clock.now, self._chance
        if path == "waits":
            return
        if path == "withdrawn":
            for relation in asked:
                self._play.at(now + self._patience * 0.2, partial(self._withdraw, relation))
            return
        if path == "expired":
            for relation in asked:
                self._play.at(now + self._patience + timedelta(minutes=5), partial(self._expire, relation))
            return
        if path == "declined":
            for relation in asked:
                self._play.at(now + self._delay(relation), partial(self._decline, relation))
            return
        taker = asked[0]
        for relation in asked[1:]:
            if chance.random() < 0.3:
                self._play.at(now + self._delay(taker) * 0.5, partial(self._decline, relation))
        self._play.at(now + self._delay(taker), partial(self._accept, taker, path, until))

    def _delay(self, relation: Relation) -> timedelta:
        return min(relation.coach.answers * self._chance.uniform(0.4, 1.6), self._patience * 0.8)

    # ── the transitions ──

    def _request(self, person: TraineePerson, coach: CoachPerson) -> Relation:
        if coach.coach_id is None:
            raise NotFound(kind="coach profile", id=coach.email)
        message = None
        if self._chance.random() < 0.7:
            message = self._chance.choice(REQUESTS[pick_language(REQUESTS, *self._shared(person, coach))])
        view = self._stage.matches.request(actor_of(person), RequestMatch(coach_id=coach.coach_id, message=message))
        relation = Relation(trainee=person, coach=coach, match_id=view.id)
        self.relations.append(relation)
        return relation

    def _shared(self, person: TraineePerson, coach: CoachPerson) -> list[str]:
        return [language for language in person.languages if language in coach.languages]

    def _withdraw(self, relation: Relation) -> None:
        if relation.status == "requested":
            self._stage.matches.withdraw(actor_of(relation.trainee), WithdrawMatch(match_id=relation.match_id))
            relation.status = "withdrawn"

    def _expire(self, relation: Relation) -> None:
        if relation.status == "requested":
            while self._stage.matches.expire_one():
                pass
            relation.status = "expired"

    def _decline(self, relation: Relation, reason: DeclineReason | None = None) -> None:
        if relation.status == "requested":
            said: DeclineReason = reason if reason is not None else self._chance.choice(_DECLINES)
            command = DeclineMatch(match_id=relation.match_id, reason=said)
            self._stage.matches.decline(actor_of(relation.coach), command)
            relation.status = "declined"

    def _accept(self, relation: Relation, path: Path, until: datetime | None) -> None:
        if relation.status != "requested":
            return
        if not relation.coach.has_seat:  # filled up meanwhile: this one stays without, and may ask again
            self._decline(relation, "no_time")
            self._play.at(self._stage.clock.now + timedelta(hours=9), partial(self._ask, relation.trainee, path))
            return
        view = self._stage.matches.accept(actor_of(relation.coach), AcceptMatch(match_id=relation.match_id))
        relation.status, relation.conversation_id = "active", view.conversation_id
        relation.coach.n_active += 1
        for other in self.relations:
            if other.trainee is relation.trainee and other.status == "requested":
                other.status = "superseded"
        now, left = self._stage.clock.now, self._play.end - self._stage.clock.now
        stops = until if until is not None else now + left * self._chance.uniform(0.5, 0.85)
        last = {"completed": self._complete, "ended": self._end, "paused": self._pause}.get(path)
        if last is not None:
            self._play.at(stops, partial(last, relation))
        former = until is not None
        if not former or self._chance.random() < 0.3:
            self._play.at(now + min(timedelta(hours=20), left / 6), partial(self._assign, relation))
        self._talks.begin(relation.trainee, relation.coach, view.conversation_id)

    def _over(self, relation: Relation, status: str) -> None:
        relation.status = status
        relation.coach.n_active -= 1
        self._talks.end(relation.conversation_id, self._stage.clock.now)
        soon = self._stage.clock.now + timedelta(hours=self._chance.uniform(1, 90))
        if self._chance.random() < 0.8:
            self._play.at(soon, partial(self._review, relation, by_trainee=True))
        if self._chance.random() < 0.4:
            self._play.at(soon + timedelta(hours=3), partial(self._review, relation, by_trainee=False))

    def _complete(self, relation: Relation) -> None:
        if relation.status == "active":
            self._trainer.train(relation.trainee, relation.match_id)
            self._stage.matches.complete(actor_of(relation.trainee), CompleteMatch(match_id=relation.match_id))
            self._over(relation, "completed")

    def _end(self, relation: Relation) -> None:
        if relation.status == "active":
            self._trainer.train(relation.trainee, relation.match_id)
            who = relation.trainee if self._chance.random() < 0.7 else relation.coach
            command = EndMatch(match_id=relation.match_id, reason=self._chance.choice(_ENDS))
            self._stage.matches.end(actor_of(who), command)
            self._over(relation, "ended")

    def _pause(self, relation: Relation) -> None:
        if relation.status == "active":
            self._trainer.train(relation.trainee, relation.match_id)
            self._stage.matches.pause(actor_of(relation.trainee), PauseMatch(match_id=relation.match_id))
            relation.status = "paused"

    def _review(self, relation: Relation, *, by_trainee: bool) -> None:
        warmth = relation.coach.warmth - (0.25 if relation.status == "ended" else 0)
        if by_trainee:
            rating = min(5, max(1, round(1.2 + 4.2 * warmth + self._chance.gauss(0, 0.6))))
            texts = REVIEWS[pick_language(REVIEWS, relation.trainee.language)]
            said = texts.get(rating, REVIEWS["en"][rating])
            text = self._chance.choice(said) if self._chance.random() < 0.8 else None
            author = actor_of(relation.trainee)
        else:
            rating, text, author = (
                self._chance.choice((4, 5, 5)),
                self._chance.choice(COACH_REVIEWS),
                actor_of(relation.coach),
            )
        self._stage.reviews.write(author, WriteReview(match_id=relation.match_id, rating=rating, text=text))

    # ── plans ──

    def _assign(self, relation: Relation) -> None:
        """Put a plan of the coach on the calendar, from the next Monday on; when it is over, another."""
        if relation.status != "active" or relation.trainee.trainee_id is None:
            return
        names = relation.coach.field.programmes
        name = relation.trainee.field.programmes[0]
        name = name if name in names else names[0]
        plan_id = relation.coach.plans.get(name) or self._write(relation.coach, name)
        today = local_day(self._stage.clock.now, relation.trainee.place.zone)
        start = today + timedelta(days=(7 - today.weekday()) % 7 or 7)
        command = AssignPlan(
            plan_id=plan_id,
            trainee_id=relation.trainee.trainee_id,
            start_date=start,
            overrides=self._changes(name, start),
        )
        view = self._stage.assignments.assign(actor_of(relation.coach), command)
        over = self._stage.clock.now + (view.end_date - today) + timedelta(days=1)
        self._play.at(over, partial(self._next, relation))

    def _next(self, relation: Relation) -> None:
        if relation.status == "active":
            self._trainer.train(relation.trainee, relation.match_id)
            self._assign(relation)

    def _write(self, coach: CoachPerson, name: str) -> UUID:
        programme = PROGRAMMES[name]
        actor = actor_of(coach)
        made = self._stage.plans.create(
            actor, CreatePlan(title=programme.title, document=programme.make(self._exercises))
        )
        self._stage.plans.publish(actor, PublishPlan(plan_id=made.id))
        coach.plans[name] = made.id
        return made.id

    def _changes(self, name: str, start: date) -> tuple[Override, ...]:
        """Adapt a plan to one person now and then: a shorter hold, a set less."""
        if name == "first-steps" and self._chance.random() < 0.3:
            return (Override(key="s1-pu", op="omit"),)
        if name == "strong-back" and self._chance.random() < 0.3:
            return (Override(key="k1-sp-1", op="set", member="rest_seconds", value=60),)
        return ()
