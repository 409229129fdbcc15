"""A plan's whole way over REST: written, published, assigned, logged, corrected, looked at."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from http_door import Door, Person

from coachhub_core.domain.plan_document import canonical
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import shipped_exercise, with_known_exercises

DOCUMENT: dict[str, Any] = json.loads(canonical(with_known_exercises(a_document(n_cycles=2))))


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


class Story:
    """A coach and a trainee who are matched."""

    def __init__(self, coach: Person, trainee: Person, trainee_id: str) -> None:
        self.coach, self.trainee, self.trainee_id = coach, trainee, trainee_id

    async def published(self) -> dict[str, Any]:
        made = await self.coach.post("/api/plans", {"title": "Base", "document": DOCUMENT})
        assert made.status_code == 201, made.text
        published = await self.coach.post(f"/api/plans/{made.json['id']}/publish", {})
        assert published.status_code == 200, published.text
        plan: dict[str, Any] = published.json
        return plan

    async def assigned(self, plan: dict[str, Any]) -> dict[str, Any]:
        body = {"plan_id": plan["id"], "trainee_id": self.trainee_id, "start_date": "2026-01-05"}
        answer = await self.coach.post("/api/assignments", body, headers=key())
        assert answer.status_code == 201, answer.text
        assignment: dict[str, Any] = answer.json
        return assignment

    async def days(self, who: Person | None = None, of: str = "me") -> list[dict[str, Any]]:
        answer = await (who or self.trainee).get(f"/api/trainees/{of}/calendar?from=2026-01-01&to=2026-01-31")
        assert answer.status_code == 200, answer.text
        days: list[dict[str, Any]] = answer.json["items"]
        return days


@pytest.fixture
async def story(door: Door) -> Story:
    coach, trainee = await door.register("coach"), await door.register("trainee")
    profile = (await coach.post("/api/coaches", {})).json
    asked = (await trainee.post("/api/matches", {"coach_id": profile["id"]}, headers=key())).json
    accepted = (await coach.post(f"/api/matches/{asked['id']}/accept", {})).json
    return Story(coach, trainee, accepted["trainee_id"])


async def test_a_document_comes_back_as_it_was_sent(story: Story) -> None:
    """Member by member, without a null that nobody wrote; a mistake has its pointer into it."""
    plan = await story.published()
    assert plan["document"] == DOCUMENT
    version = await story.coach.get(f"/api/plans/{plan['id']}/versions/1")
    assert version.json["document"] == DOCUMENT
    assert (await story.coach.get(f"/api/plans/{plan['id']}/versions/2")).status_code == 404
    wrong = json.loads(json.dumps(DOCUMENT))
    wrong["workouts"][0]["blocks"][0]["items"][0]["sets"][1]["load"]["percent"] = -5
    answer = await story.coach.post("/api/plans", {"title": "x", "document": wrong})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/document/workouts/0/blocks/0/items/0/sets/1/load/percent"


async def test_versions_need_the_etag_and_the_parent(story: Story) -> None:
    """Lost updates are refused twice: of the draft by its version, of the chain by its parent."""
    plan = await story.published()
    path = f"/api/plans/{plan['id']}"
    assert (await story.coach.ask("PATCH", path, json={"title": "Peak"})).status_code == 428
    stale = await story.coach.ask("PATCH", path, json={"title": "Peak"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    changed = {**DOCUMENT, "cycle_days": 8}
    read = await story.coach.get(path)
    fresh = await story.coach.ask("PATCH", path, json={"document": changed}, headers={"If-Match": read.headers["etag"]})
    assert (fresh.status_code, fresh.json["draft"]["cycle_days"]) == (200, 8)
    lost = await story.coach.post(f"{path}/publish", {})
    assert (lost.status_code, lost.json["error"]["code"]) == (409, "plan.stale_parent")
    assert (await story.coach.post(f"{path}/publish", {"parent": 1})).json["version_number"] == 2
    difference = await story.coach.get(f"{path}/diff?from=1&to=2")
    assert [c["member"] for c in difference.json["changes"]] == ["cycle_days"]
    assert (await story.coach.get(f"{path}/versions?limit=1")).json["items"][0]["number"] == 2


async def test_a_logged_day_over_rest(story: Story) -> None:
    """201, then 200 with what is stored; the coach reads it; a correction keeps the former content."""
    assignment = await story.assigned(await story.published())
    days = await story.days()
    assert [day["workout_key"] for day in days] == ["legs", "push", "legs", "push"]
    body = {
        "id": str(uuid4()),
        "scheduled_workout_id": days[0]["id"],
        "started_at": "2026-01-05T08:00:00Z",
        "zone": "Europe/Berlin",
        "sets": [{"set_key": "squat-1", "exercise_id": str(shipped_exercise("back-squat")), "reps": 5, "rpe": 8}],
    }
    first = await story.trainee.post("/api/workouts", body)
    again = await story.trainee.post("/api/workouts", body)
    assert (first.status_code, again.status_code, again.json) == (201, 200, first.json)
    assert first.headers["location"] == f"/api/workouts/{body['id']}"
    other = await story.trainee.post("/api/workouts", {**body, "notes": "x"})
    assert (other.status_code, other.json["error"]["code"]) == (409, "workout.id_reused")
    path = f"/api/workouts/{body['id']}"
    seen = await story.coach.get(path)
    assert (seen.json["fulfils"], seen.json["sets"][0]["target"]["effort"]["max"]) == ("partial", 8)
    correction = {name: value for name, value in body.items() if name not in ("id", "scheduled_workout_id")}
    put = await story.trainee.ask(
        "PUT", path, json={**correction, "notes": "slept badly"}, headers={"If-Match": seen.headers["etag"]}
    )
    assert (put.status_code, put.json["n_revisions"]) == (200, 1)
    revisions = await story.trainee.get(f"{path}/revisions")
    assert "notes" not in revisions.json["items"][0]["content"]
    listed = await story.coach.get(f"/api/workouts?trainee={story.trainee_id}&from=2026-01-01")
    assert [w["id"] for w in listed.json["items"]] == [body["id"]]
    adherence = await story.coach.get(f"/api/trainees/{story.trainee_id}/adherence?window=7")
    assert (adherence.json["set_rate"]["value"], adherence.json["as_of"]) == (0.5, "2026-01-05")
    gone = await story.trainee.ask("DELETE", path, headers={"If-Match": put.headers["etag"]})
    assert gone.status_code == 204
    assert (await story.days())[0]["state"] == "due"
    assert assignment["allowed"] == ["change", "upgrade", "pause", "cancel"]


async def test_an_assignment_over_rest(story: Story) -> None:
    """Overrides, an illegal step with what is allowed, a day skipped, and the key that must come with it."""
    plan = await story.published()
    body = {"plan_id": plan["id"], "trainee_id": story.trainee_id, "start_date": "2026-01-05"}
    assert (await story.coach.post("/api/assignments", body)).json["error"]["code"] == "idempotency_key_required"
    headers = key()
    made = await story.coach.post("/api/assignments", body, headers=headers)
    replayed = await story.coach.post("/api/assignments", body, headers=headers)
    assert (replayed.status_code, replayed.json) == (201, made.json)
    twin = await story.coach.post("/api/assignments", body, headers=key())
    assert (twin.status_code, twin.json["error"]["code"]) == (409, "assignment.window_overlap")
    path = f"/api/assignments/{made.json['id']}"
    overrides = [{"key": "squat", "op": "set", "member": "tempo", "value": 5}]
    wrong = await story.coach.ask("PATCH", path, json={"overrides": overrides}, headers={"If-Match": '"1"'})
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "/overrides/0/value")
    paused = await story.coach.post(f"{path}/pause", {})
    assert (paused.json["status"], paused.json["paused_on"]) == ("paused", "2026-01-05")
    again = await story.coach.post(f"{path}/pause", {})
    assert (again.status_code, again.json["error"]["code"]) == (409, "assignment.illegal_transition")
    assert again.json["allowed"] == ["change", "upgrade", "resume", "cancel"]
    day = (await story.days())[1]
    skipped = await story.trainee.post(f"/api/scheduled-workouts/{day['id']}/skip", {"reason": "ill"})
    assert (skipped.json["state"], skipped.json["reason"]) == ("skipped", "ill")
    assert (await story.coach.get(f"/api/scheduled-workouts/{day['id']}")).json["state"] == "skipped"
    assert (await story.trainee.get("/api/assignments")).json["items"][0]["id"] == made.json["id"]


async def test_exercises_roster_and_attention_over_rest(story: Story) -> None:
    """The shipped list is there on the first run; a coach's own beside it."""
    found = await story.trainee.get("/api/exercises?q=bench&limit=2")
    assert (len(found.json["items"]), found.json["prev"]) == (2, None)
    assert (await story.trainee.get(f"/api/exercises?limit=2&cursor={found.json['next']}")).status_code == 200
    own = await story.coach.post("/api/exercises", {"name": "Zercher Squat"})
    assert (own.status_code, own.json["is_own"]) == (201, True)
    twice = await story.coach.post("/api/exercises", {"name": "Zercher squat"})
    assert (twice.status_code, twice.json["error"]["code"]) == (409, "exercise.slug_taken")
    deleted = await story.coach.ask(
        "DELETE", f"/api/exercises/{own.json['id']}", headers={"If-Match": own.headers["etag"]}
    )
    assert deleted.status_code == 204
    roster = await story.coach.get("/api/coaches/me/roster")
    assert [row["trainee_id"] for row in roster.json["items"]] == [story.trainee_id]
    assert (await story.coach.get("/api/coaches/me/attention")).json["items"] == []
    assert (await story.trainee.get("/api/coaches/me/attention")).status_code == 403


async def test_a_stranger_finds_nothing(door: Door, story: Story) -> None:
    """Not a plan, not an assignment, not a day, not a log, not a number."""
    assignment = await story.assigned(await story.published())
    day = (await story.days())[0]
    stranger = await door.register("coach")
    await stranger.post("/api/coaches", {})
    for path in (
        f"/api/plans/{assignment['plan_id']}",
        f"/api/plans/{assignment['plan_id']}/versions",
        f"/api/assignments/{assignment['id']}",
        f"/api/scheduled-workouts/{day['id']}",
        f"/api/trainees/{story.trainee_id}/calendar?from=2026-01-01&to=2026-01-02",
        f"/api/trainees/{story.trainee_id}/adherence",
        f"/api/workouts?trainee={story.trainee_id}",
    ):
        assert (await stranger.get(path)).status_code == 404, path
