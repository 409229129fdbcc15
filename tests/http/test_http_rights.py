"""
The rights matrix: every operation, as nobody, as each role, as owner and as stranger.

Generated from the routes: an operation without a row fails. A cell says what
that caller meets: ``ok`` (any 2xx, 409, 412 or 422: the right was not what
stopped them), 401, 403 or 404. Strangers meet the same 404 as for an id that
does not exist.
"""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from http_door import PASSWORD, Door, Person

from coachhub_core.domain.accounts import Login
from coachhub_core.domain.plan_document import canonical
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import with_known_exercises

CALLERS = ("nobody", "sam", "kim", "other_trainee", "other_coach", "admin")
DOCUMENT: dict[str, Any] = json.loads(canonical(with_known_exercises(a_document(n_cycles=1))))

# operation -> what nobody, sam (the trainee), kim (the coach of sam), a stranger of each role, and an admin meet
PUBLIC = ("ok", "ok", "ok", "ok", "ok", "ok")
ACCOUNT = (401, "ok", "ok", "ok", "ok", "ok")
TRAINEE = (401, "ok", 403, "ok", 403, 403)
COACH = (401, 403, "ok", 403, "ok", 403)
ADMIN = (401, 403, 403, 403, 403, "ok")
PARTY = (401, "ok", "ok", 404, 404, 404)
PARTY_OR_ADMIN = (401, "ok", "ok", 404, 404, "ok")
BY_GRANT = (401, "ok", "ok", 404, 404, 404)
OWN_TRAINEE = (401, "ok", 403, 404, 403, 403)
OWN_COACH = (401, 403, "ok", 403, 403, "ok")
OWN_PLAN = (401, 403, "ok", 403, 404, 403)
ASSIGNED_PLAN = (401, "ok", "ok", 404, 404, 404)

MATRIX: dict[str, tuple[Any, ...]] = {
    "GET /health": PUBLIC,
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /api/openapi.json": PUBLIC,
    "POST /api/auth/register": PUBLIC,
    "POST /api/auth/login": (401,) * 6,  # the example is nobody's
    "POST /api/auth/refresh": (401,) * 6,
    "POST /api/auth/logout": ACCOUNT,
    "GET /api/auth/sessions": ACCOUNT,
    "DELETE /api/auth/sessions/{session_id}": (401, "ok", 404, 404, 404, 404),
    "POST /api/auth/password": (401, 401, 401, 401, 401, 401),  # the example is not their password
    "GET /api/accounts/me": ACCOUNT,
    "PATCH /api/accounts/me": ACCOUNT,
    "POST /api/accounts/me/exports": ACCOUNT,
    "GET /api/accounts/me/exports": ACCOUNT,
    "GET /api/accounts/me/exports/{export_id}": (401, "ok", 404, 404, 404, 404),
    "POST /api/accounts/me/erasure": (401, 401, 401, 401, 401, 401),
    "GET /api/coaches": PUBLIC,
    "POST /api/coaches": (401, 403, "ok", 403, "ok", "ok"),
    "POST /api/coaches/match": (401, "ok", 403, "ok", 403, "ok"),
    "GET /api/coaches/{coach_id}": PUBLIC,
    "PATCH /api/coaches/{coach_id}": OWN_COACH,
    "GET /api/coaches/{coach_id}/availability": PUBLIC,
    "PUT /api/coaches/{coach_id}/availability": OWN_COACH,
    "POST /api/coaches/{coach_id}/certifications": OWN_COACH,
    "DELETE /api/coaches/{coach_id}/certifications/{certification_id}": (401, 403, "ok", 403, 403, 404),
    "GET /api/coaches/{coach_id}/reviews": PUBLIC,
    "GET /api/coaches/me/roster": COACH,
    "GET /api/coaches/me/attention": COACH,
    "GET /api/suggestions/{set_id}": (401, "ok", 404, 404, 404, "ok"),
    "POST /api/suggestions/{set_id}/outcomes": (401, "ok", 404, 404, 404, "ok"),
    "POST /api/cohort-runs": ADMIN,
    "GET /api/cohort-runs": ADMIN,
    "GET /api/cohort-runs/{run_id}": ADMIN,
    "GET /api/cohort-runs/{run_id}/placements": ADMIN,
    "POST /api/cohort-runs/{run_id}/apply": ADMIN,
    "POST /api/cohort-runs/{run_id}/stop": ADMIN,
    "POST /api/cohort-runs/{run_id}/resume": ADMIN,
    "GET /api/trainees/{trainee_id}": BY_GRANT,
    "PATCH /api/trainees/{trainee_id}": OWN_TRAINEE,
    "GET /api/trainees/{trainee_id}/goals": BY_GRANT,
    "PUT /api/trainees/{trainee_id}/goals": OWN_TRAINEE,
    "GET /api/trainees/{trainee_id}/constraints": BY_GRANT,
    "PUT /api/trainees/{trainee_id}/constraints": OWN_TRAINEE,
    "GET /api/trainees/{trainee_id}/thresholds": BY_GRANT,
    "PUT /api/trainees/{trainee_id}/thresholds": OWN_TRAINEE,
    "GET /api/trainees/{trainee_id}/availability": BY_GRANT,
    "PUT /api/trainees/{trainee_id}/availability": OWN_TRAINEE,
    "GET /api/trainees/{trainee_id}/grants": OWN_TRAINEE,
    "POST /api/trainees/{trainee_id}/grants": OWN_TRAINEE,
    "DELETE /api/trainees/{trainee_id}/grants/{grant_id}": OWN_TRAINEE,
    "GET /api/trainees/{trainee_id}/calendar": BY_GRANT,
    "GET /api/trainees/{trainee_id}/adherence": BY_GRANT,
    "POST /api/matches": TRAINEE,
    "GET /api/matches": ACCOUNT,
    "GET /api/matches/{match_id}": PARTY_OR_ADMIN,
    "GET /api/matches/{match_id}/events": PARTY_OR_ADMIN,
    "POST /api/matches/{match_id}/accept": (401, 403, "ok", 404, 404, 403),
    "POST /api/matches/{match_id}/decline": (401, 403, "ok", 404, 404, 403),
    "POST /api/matches/{match_id}/withdraw": (401, "ok", 403, 404, 404, 403),
    "POST /api/matches/{match_id}/pause": PARTY_OR_ADMIN,
    "POST /api/matches/{match_id}/resume": PARTY_OR_ADMIN,
    "POST /api/matches/{match_id}/complete": PARTY_OR_ADMIN,
    "POST /api/matches/{match_id}/end": PARTY_OR_ADMIN,
    "POST /api/matches/{match_id}/reviews": (401, "ok", "ok", 404, 404, 403),
    "PATCH /api/reviews/{review_id}": (401, "ok", 404, 404, 404, 404),
    "DELETE /api/reviews/{review_id}": (401, "ok", 404, 404, 404, 404),
    "GET /api/exercises": ACCOUNT,
    "POST /api/exercises": (401, 403, "ok", 403, "ok", "ok"),
    "GET /api/exercises/{exercise_id}": (401, "ok", "ok", 404, 404, "ok"),  # a coach's trainees see what they lift
    "PATCH /api/exercises/{exercise_id}": (401, 403, "ok", 403, 404, "ok"),
    "DELETE /api/exercises/{exercise_id}": (401, 403, "ok", 403, 404, "ok"),
    "POST /api/plans": COACH,
    "GET /api/plans": COACH,
    "GET /api/plans/{plan_id}": ASSIGNED_PLAN,
    "PATCH /api/plans/{plan_id}": OWN_PLAN,
    "DELETE /api/plans/{plan_id}": OWN_PLAN,
    "POST /api/plans/{plan_id}/publish": OWN_PLAN,
    "POST /api/plans/{plan_id}/restore": OWN_PLAN,
    "POST /api/plans/{plan_id}/copy": OWN_PLAN,
    "POST /api/plans/{plan_id}/archive": OWN_PLAN,
    "POST /api/plans/{plan_id}/unarchive": OWN_PLAN,
    "GET /api/plans/{plan_id}/versions": ASSIGNED_PLAN,
    "GET /api/plans/{plan_id}/versions/{number}": ASSIGNED_PLAN,
    "GET /api/plans/{plan_id}/diff": ASSIGNED_PLAN,
    "POST /api/assignments": COACH,
    "GET /api/assignments": (401, "ok", "ok", "ok", "ok", 403),
    "GET /api/assignments/{assignment_id}": PARTY,
    "PATCH /api/assignments/{assignment_id}": OWN_PLAN,
    "POST /api/assignments/{assignment_id}/upgrade": OWN_PLAN,
    "POST /api/assignments/{assignment_id}/pause": OWN_PLAN,
    "POST /api/assignments/{assignment_id}/resume": OWN_PLAN,
    "POST /api/assignments/{assignment_id}/cancel": OWN_PLAN,
    "GET /api/scheduled-workouts/{scheduled_workout_id}": BY_GRANT,
    "POST /api/scheduled-workouts/{scheduled_workout_id}/skip": OWN_TRAINEE,
    "POST /api/workouts": TRAINEE,
    "GET /api/workouts": (401, "ok", "ok", "ok", 404, 404),
    "GET /api/workouts/{workout_id}": BY_GRANT,
    "PUT /api/workouts/{workout_id}": OWN_TRAINEE,
    "DELETE /api/workouts/{workout_id}": OWN_TRAINEE,
    "GET /api/workouts/{workout_id}/revisions": BY_GRANT,
    "GET /api/conversations": ACCOUNT,
    "GET /api/conversations/{conversation_id}/messages": PARTY,
    "POST /api/conversations/{conversation_id}/messages": PARTY,
    "PATCH /api/conversations/{conversation_id}/messages/{seq}": (401, "ok", 403, 404, 404, 404),
    "DELETE /api/conversations/{conversation_id}/messages/{seq}": (401, "ok", 404, 404, 404, 404),  # gone with sam
    "PUT /api/conversations/{conversation_id}/read": PARTY,
    "GET /api/notifications": ACCOUNT,
    "POST /api/notifications/read": ACCOUNT,
    "GET /api/admin/accounts": ADMIN,
    "POST /api/admin/accounts/{account_id}/suspend": ADMIN,
    "POST /api/admin/accounts/{account_id}/reinstate": (401, 401, 403, 403, 403, "ok"),  # sam is suspended by then
    "GET /api/admin/audit": ADMIN,
    "POST /api/admin/backups": ADMIN,
    "GET /api/admin/backups": ADMIN,
    "POST /api/admin/backups/{backup_id}/verify": (401, 403, 403, 403, 403, 404),
    "POST /api/admin/search/reindex": ADMIN,
    "GET /api/admin/plugins": ADMIN,
}


class Cast:
    """Everybody, and the ids of what sam and kim have together."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.people: dict[str, Person | None] = {"nobody": None}
        self.ids: dict[str, str] = {}

    async def settle(self) -> None:
        """Make the people and their things."""
        door = self.door
        sam, kim = await door.register("trainee"), await door.register("coach")
        self.people |= {"sam": sam, "kim": kim}
        self.people |= {"other_trainee": await door.register("trainee"), "other_coach": await door.register("coach")}
        door.hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root")
        signed_in = door.hub.accounts.login(Login(email="root@example.org", password=PASSWORD))
        self.people["admin"] = Person(
            door.conductor, str(signed_in.account.id), "root@example.org", signed_in.access_token, ""
        )
        profile = (await kim.post("/api/coaches", {})).json
        assert (await self.people["other_coach"].post("/api/coaches", {})).status_code == 201  # type: ignore[union-attr]
        me = (await sam.get("/api/trainees/me")).json
        etag = {"If-Match": f'"{me["version"]}"'}
        await sam.ask("PATCH", "/api/trainees/me", json={"goal": "first marathon"}, headers=etag)
        suggested = (await sam.post("/api/coaches/match", {})).json
        asked = (await sam.post("/api/matches", {"coach_id": profile["id"]}, headers=key())).json
        accepted = (await kim.post(f"/api/matches/{asked['id']}/accept", {})).json
        plan = (await kim.post("/api/plans", {"title": "Base", "document": DOCUMENT})).json
        await kim.post(f"/api/plans/{plan['id']}/publish", {})
        body = {"plan_id": plan["id"], "trainee_id": me["id"], "start_date": "2026-01-05"}
        assignment = (await kim.post("/api/assignments", body, headers=key())).json
        days = (await sam.get("/api/trainees/me/calendar?from=2026-01-01&to=2026-01-31")).json["items"]
        workout = {"id": str(uuid4()), "started_at": "2026-01-05T08:00:00Z", "zone": "UTC", "sets": []}
        logged = await sam.post("/api/workouts", workout)
        exercise = (await kim.post("/api/exercises", {"name": "Kim's squat"})).json
        certified = (await kim.post("/api/coaches/me/certifications", {"name": "UKA"})).json
        talk = f"/api/conversations/{accepted['conversation_id']}/messages"
        said = (await sam.post(talk, {"client_id": str(uuid4()), "body": "hello"})).json
        export = (await sam.post("/api/accounts/me/exports")).json
        grants = (await sam.get("/api/trainees/me/grants")).json["items"]
        sessions = (await sam.get("/api/auth/sessions")).json["items"]
        await self.people["other_trainee"].ask(  # type: ignore[union-attr]
            "PATCH", "/api/trainees/me", json={"goal": "swim"}, headers={"If-Match": '"1"'}
        )
        run = (await self.people["admin"].post("/api/cohort-runs", {}, headers=key())).json  # type: ignore[union-attr]
        self.ids = {
            "session_id": sessions[0]["id"],
            "export_id": export["id"],
            "coach_id": profile["id"],
            "certification_id": certified["certifications"][0]["id"],
            "set_id": suggested["set_id"],
            "trainee_id": me["id"],
            "grant_id": next(g["id"] for g in grants if g["scope"] == "logs"),
            "match_id": accepted["id"],
            "exercise_id": exercise["id"],
            "plan_id": plan["id"],
            "number": "1",
            "assignment_id": assignment["id"],
            "scheduled_workout_id": days[0]["id"],
            "workout_id": logged.json["id"],
            "seq": str(said["seq"]),
            "conversation_id": accepted["conversation_id"],
            "account_id": sam.id,
            "run_id": run["id"],
            "backup_id": str(uuid4()),
        }


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def operations(door: Door) -> list[tuple[str, str]]:
    """Every (method, template) there is."""
    found = []
    for route in door.app.routes:
        path = re.sub(r"\{(\w+):\w+(\([^)]*\))?\}", r"{\1}", route.path)
        found += [(method, path) for method, _ in route.operations()]
    return found


async def test_every_operation_has_a_row_and_every_row_an_operation(door: Door) -> None:
    """Default deny: what nobody thought about does not ship."""
    assert {f"{method} {path}" for method, path in operations(door)} == set(MATRIX)


QUERIES = {
    "/api/trainees/{trainee_id}/calendar": "?from=2026-01-01&to=2026-01-31",
    "/api/plans/{plan_id}/diff": "?from=1&to=1",
    "DELETE /api/conversations/{conversation_id}/messages/{seq}": f"?client_id={uuid4()}",
}
# what would end the story for the cells after it is asked of things that are not there, or last
ENDS = ("end", "complete", "logout", "erasure", "suspend", "cancel", "archive")


def order(name: str) -> tuple[int, str]:
    """Ask what changes least first."""
    method, path = name.split(" ")
    weight = {"GET": 0, "PUT": 1, "PATCH": 1, "POST": 2, "DELETE": 3}[method]
    if path.endswith(("suspend", "reinstate")):
        return (6 if path.endswith("reinstate") else 5, name)
    return (4 if path.endswith(ENDS) or "sessions/{" in path else weight, name)


def met(status: int) -> Any:
    """What a caller met, as the matrix says it."""
    return status if status in (401, 403, 404) else "ok"


@pytest.mark.timeout(300)
async def test_the_matrix_holds(door: Door) -> None:
    """Operation x caller, every cell; and a stranger's 404 is the 404 of an id that does not exist."""
    cast = Cast(door)
    await cast.settle()
    wrong = []
    for name in sorted(MATRIX, key=order):
        method, template = name.split(" ")
        if "review_id" in template:
            continue  # in the test below: a review needs a match that is over
        shown = door.app.document["paths"][template][method.lower()]
        content = shown.get("requestBody", {}).get("content", {}).get("application/json")
        body = content["examples"]["example"]["value"] if content else None
        for caller, expected in zip(CALLERS, MATRIX[name], strict=True):
            path = template.format(**cast.ids) + QUERIES.get(name, QUERIES.get(template, ""))
            said = dict(body) if body is not None else None
            if name == "POST /api/matches" and said is not None:
                said = {"coach_id": cast.ids["coach_id"]}
            if name == "GET /api/workouts" and caller in ("kim", "other_coach", "admin"):
                path = f"/api/workouts?trainee={cast.ids['trainee_id']}"
            if name == "POST /api/auth/password":
                said = {"current_password": "not theirs", "new_password": "seven lamps on a shelf"}
            if name == "POST /api/accounts/me/erasure":
                said = {"password": "not theirs"}
            if name == "POST /api/coaches/match":
                said = {"trainee_id": cast.ids["trainee_id"]} if caller == "admin" else {}
            person = cast.people[caller]
            headers = {"If-Match": '"1"', **key()}
            if person is None:
                more = {} if said is None else {"json": said}
                answer = await door.conductor.simulate_request(method, path, headers=headers, **more)
            else:
                answer = await person.ask(method, path, headers=headers, **({} if said is None else {"json": said}))
            if met(answer.status_code) != expected or answer.status_code >= 500:
                wrong.append(f"{name} as {caller}: {answer.status_code}, not {expected}: {answer.text[:160]}")
            if answer.status_code == 404 and caller.startswith("other_") and person is not None:
                ids = {n: (str(uuid4()) if n not in ("number", "seq") else "1") for n in cast.ids}
                nowhere = await person.ask(
                    method,
                    template.format(**ids) + QUERIES.get(name, QUERIES.get(template, "")),
                    headers=headers,
                    **({} if said is None else {"json": said}),
                )
                if nowhere.status_code == 404 and blurred(nowhere.json) != blurred(answer.json):
                    wrong.append(f"{name} as {caller}: tells a hidden thing from one that is not there")
            if template.endswith(("logout", "/sessions/{session_id}")) and answer.status_code < 300:
                await renew(cast, caller)
    assert not wrong, "\n".join(wrong)


def blurred(body: Any) -> str:
    """An error body without what differs by nature: ids."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24}", "ID", json.dumps(body))


async def renew(cast: Cast, caller: str) -> None:
    """Log somebody in again whose session this cell ended."""
    person = cast.people[caller]
    assert person is not None
    signed_in = cast.door.hub.accounts.login(Login(email=person.email, password=PASSWORD))
    person.access_token = signed_in.access_token


async def test_a_review_is_its_authors_alone(door: Door) -> None:
    """The two rows of reviews: for everybody else there is no such review to change."""
    cast = Cast(door)
    await cast.settle()
    sam, kim = cast.people["sam"], cast.people["kim"]
    assert sam is not None
    assert kim is not None
    await sam.post(f"/api/matches/{cast.ids['match_id']}/complete", {})
    review = (await sam.post(f"/api/matches/{cast.ids['match_id']}/reviews", {"rating": 4})).json
    path = f"/api/reviews/{review['id']}"
    for method in ("PATCH", "DELETE"):
        for caller, expected in zip(CALLERS, MATRIX[f"{method} /api/reviews/{{review_id}}"], strict=True):
            person = cast.people[caller]
            if caller == "sam":
                continue
            more: dict[str, Any] = {"json": {"rating": 1}} if method == "PATCH" else {}
            headers = {"If-Match": '"1"'}
            if person is None:
                answer = await door.conductor.simulate_request(method, path, headers=headers, **more)
            else:
                answer = await person.ask(method, path, headers=headers, **more)
            assert met(answer.status_code) == expected, (method, caller, answer.text)
    changed = await sam.ask("PATCH", path, json={"rating": 5}, headers={"If-Match": '"1"'})
    assert changed.json["rating"] == 5
    assert (await sam.ask("DELETE", path, headers={"If-Match": '"2"'})).status_code == 204
