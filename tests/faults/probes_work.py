"""Rows of the degradation table that are about a match at work: its plan, its pauses, its end and what follows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final, Self

import attrs
from running import Answer, Person, Running

from coachhub_core.domain.plan_document import canonical
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import with_known_exercises

DOCUMENT: Final[Any] = json.loads(canonical(with_known_exercises(a_document())))


@attrs.define(eq=False)
class AtWork:
    """
    People made for one round of probes, each with a match in the state that is to be left.

    Those who write to the coach's own row have a coach of their own; all others share one.
    """

    coach: Person
    withdrawer: Person  # will take a request back
    asked_match: str
    pauser: Person  # will stop for a while, with a plan on the calendar
    active_match: str
    resumer: Person  # will go on with it
    paused_match: str
    reviewer: Person  # has just left a coach, and will say what it was like
    ended_match: str
    beginner: Person  # will find the plan on their calendar
    plan_id: str

    @classmethod
    def prepare(cls, server: Running) -> Self:
        """Make them; everything is well while this runs."""
        coach, former = server.coach(), server.coach()
        withdrawer, pauser, resumer, reviewer, beginner = (server.trainee() for _ in range(5))
        asked, plan_id = withdrawer.request(coach), _published(coach)
        active, paused, ended = _at_work(pauser, coach), _at_work(resumer, coach), _at_work(reviewer, former)
        _at_work(beginner, coach)
        for trainee in (pauser, resumer):
            _done(coach.ask("POST", "/api/assignments", _assignment(plan_id, trainee)))
        _done(coach.ask("POST", f"/api/matches/{paused}/pause"))
        _done(reviewer.ask("POST", f"/api/matches/{ended}/end", {"reason": "other"}))
        return cls(
            coach=coach,
            withdrawer=withdrawer,
            asked_match=asked,
            pauser=pauser,
            active_match=active,
            resumer=resumer,
            paused_match=paused,
            reviewer=reviewer,
            ended_match=ended,
            beginner=beginner,
            plan_id=plan_id,
        )

    def rows(self, with_key: Mapping[str, str]) -> Mapping[str, Callable[[], Answer]]:
        """Name each row and how it is probed; *with_key* has the key of what is asked for once."""
        return {
            "matches: withdraw": lambda: self.withdrawer.ask("POST", f"/api/matches/{self.asked_match}/withdraw"),
            "matches: pause": lambda: self.pauser.ask("POST", f"/api/matches/{self.active_match}/pause"),
            "matches: resume": lambda: self.resumer.ask("POST", f"/api/matches/{self.paused_match}/resume"),
            "write: review": lambda: self.reviewer.ask(
                "POST", f"/api/matches/{self.ended_match}/reviews", {"rating": 5, "text": "as fast as never before"}
            ),
            "write: assignment": lambda: self.coach.ask(
                "POST", "/api/assignments", _assignment(self.plan_id, self.beginner), headers=with_key
            ),
        }


def _done(answer: Answer) -> Any:
    assert answer.status in (200, 201), answer
    return answer.body


def _at_work(trainee: Person, coach: Person) -> str:
    """Let *coach* take *trainee*, and return the match."""
    match_id = trainee.request(coach)
    _done(coach.ask("POST", f"/api/matches/{match_id}/accept"))
    return match_id


def _published(coach: Person) -> str:
    """Let *coach* publish a plan, and return its id."""
    plan_id: str = _done(coach.ask("POST", "/api/plans", {"title": "first weeks", "document": DOCUMENT}))["id"]
    _done(coach.ask("POST", f"/api/plans/{plan_id}/publish", {}))
    return plan_id


def _assignment(plan_id: str, trainee: Person) -> dict[str, str]:
    tomorrow = date.today() + timedelta(days=1)
    return {"plan_id": plan_id, "trainee_id": trainee.profile_id, "start_date": tomorrow.isoformat()}
