"""Cohort runs over REST, from the asking to the request a coach answers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from http_door import PASSWORD, Door, Person

from coachhub_core.domain.accounts import Login


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


@pytest.fixture
def admin(door: Door) -> Person:
    """Somebody who may."""
    door.hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root")
    signed_in = door.hub.accounts.login(Login(email="root@example.org", password=PASSWORD))
    return Person(door.conductor, str(signed_in.account.id), "root@example.org", signed_in.access_token, "")


async def a_trainee(door: Door, goal: str = "first marathon") -> Person:
    sam = await door.register("trainee")
    await sam.ask("PATCH", "/api/trainees/me", json={"goal": goal}, headers={"If-Match": '"1"'})
    return sam


async def a_coach(door: Door, **profile: Any) -> Person:
    kim = await door.register("coach")
    made = await kim.post("/api/coaches", {"capacity": 1, **profile})
    assert made.status_code == 201
    return kim


async def test_a_cohort_is_placed_looked_at_and_asked_for(door: Door, admin: Person) -> None:
    """202 and where to look; ETags that grow; pages; and then an ordinary request, which the coach accepts."""
    kim = await a_coach(door)
    sam, lee = await a_trainee(door), await a_trainee(door)
    made = await admin.post("/api/cohort-runs", {"mode": "worst_first"}, headers=key())
    assert made.status_code == 202
    run = made.json
    address = f"/api/cohort-runs/{run['id']}"
    assert made.headers["location"] == address
    assert (run["state"], run["n_trainees"], run["progress"]) == ("queued", 2, {"done": 0, "total": 2})
    first = await admin.get(address)
    assert first.headers["etag"] == f'"{run["version"]}"'
    same = await admin.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert same.status_code == 304
    door.hub.run_due()
    found = await admin.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert found.status_code == 200
    run = found.json
    assert (run["state"], run["n_placed"], run["n_unplaced"], run["unplaced"]) == ("done", 1, 1, {"no_seat": 1})
    assert run["certificate"]["is_worst_best"] is True
    assert run["certificate"]["broken"] == []
    (conflict,) = run["conflicts"]
    assert (conflict["number"], conflict["n_left_out"], len(conflict["trainees"])) == (1, 1, 1)
    page = (await admin.get(f"{address}/placements?limit=1")).json
    rest = (await admin.get(f"{address}/placements?limit=1&cursor={page['next']}")).json
    assert sorted(p["state"] for p in (*page["items"], *rest["items"])) == ["placed", "unplaced"]
    assert rest["next"] is None
    back = (await admin.get(f"{address}/placements?limit=1&cursor={rest['prev']}")).json
    assert back["items"] == page["items"]
    other_list = await admin.get(f"{address}/placements?state=placed&cursor={page['next']}")
    assert other_list.status_code == 400
    refused = await admin.post(f"{address}/apply", {})
    assert (refused.status_code, refused.json["error"]["code"]) == (422, "cohort.infeasible")
    assert [e["code"] for e in refused.json["errors"]] == ["infeasible", "conflict"]
    applied = await admin.post(f"{address}/apply", {"partial": True}, headers=key())
    assert (applied.status_code, applied.json["state"]) == (202, "applying")
    door.hub.run_due()
    assert (await admin.get(address)).json["n_requested"] == 1
    asked = (await kim.get("/api/matches?status=requested")).json["items"]
    assert [m["initiator"] for m in asked] == ["system"]
    accepted = await kim.post(f"/api/matches/{asked[0]['id']}/accept", {})
    assert accepted.json["status"] == "active"
    mine = [(await who.get("/api/matches")).json["items"] for who in (sam, lee)]
    assert sorted(map(len, mine)) == [0, 1]


async def test_what_is_wrong_is_refused_with_its_pointer(door: Door, admin: Person) -> None:
    """No key, nobody there, wrong members, unknown people, a state that does not allow it."""
    await a_coach(door)
    missing = await admin.post("/api/cohort-runs", {})
    assert (missing.status_code, missing.json["error"]["code"]) == (400, "idempotency_key_required")
    empty = await admin.post("/api/cohort-runs", {}, headers=key())
    assert (empty.status_code, empty.json["errors"][0]["pointer"]) == (422, "/trainee_ids")
    await a_trainee(door)
    for body, pointer in (
        ({"mode": "best"}, "/mode"),
        ({"need": 0}, "/need"),
        ({"need": "1"}, "/need"),
        ({"max_per_coach": 0}, "/max_per_coach"),
        ({"trainee_ids": []}, "/trainee_ids"),
        ({"trainee_ids": ["x"]}, "/trainee_ids/0"),
        ({"trainee_ids": [str(uuid4())]}, "/trainee_ids/0"),
        ({"state": "done"}, "/state"),
    ):
        refused = await admin.post("/api/cohort-runs", body, headers=key())
        assert refused.status_code == 422, body
        assert [e["pointer"] for e in refused.json["errors"]] == [pointer]
    run = (await admin.post("/api/cohort-runs", {}, headers=key())).json
    address = f"/api/cohort-runs/{run['id']}"
    early = await admin.post(f"{address}/apply", {})
    assert (early.status_code, early.json["error"]["code"]) == (409, "cohort.illegal_transition")
    assert (early.json["state"], early.json["allowed"]) == ("queued", ["stop"])
    assert (await admin.post(f"{address}/stop")).json["state"] == "stopped"
    assert (await admin.post(f"{address}/resume")).json["state"] == "queued"
    assert (await admin.get(f"/api/cohort-runs/{uuid4()}/placements")).status_code == 404


async def test_one_key_makes_one_run_and_the_same_answer(door: Door, admin: Person) -> None:
    """Byte for byte; and with other content the key is refused."""
    await a_coach(door)
    await a_trainee(door)
    headers = key()
    first = await admin.post("/api/cohort-runs", {}, headers=headers)
    again = await admin.post("/api/cohort-runs", {}, headers=headers)
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    reused = await admin.post("/api/cohort-runs", {"need": 2}, headers=headers)
    assert (reused.status_code, reused.json["error"]["code"]) == (422, "idempotency_key_reused")
    assert len((await admin.get("/api/cohort-runs")).json["items"]) == 1


async def test_a_run_that_no_longer_holds_says_which_placements(door: Door, admin: Person) -> None:
    """409 with the state and what it allows."""
    kim = await a_coach(door)
    await a_trainee(door)
    run = (await admin.post("/api/cohort-runs", {}, headers=key())).json
    door.hub.run_due()
    closed = await kim.ask("PATCH", "/api/coaches/me", json={"is_accepting": False}, headers={"If-Match": '"1"'})
    assert closed.status_code == 200
    stale = await admin.post(f"/api/cohort-runs/{run['id']}/apply", {})
    assert (stale.status_code, stale.json["error"]["code"]) == (409, "cohort.stale")
    assert stale.json["allowed"] == ["apply"]
    assert "the coach takes no requests any more" in stale.json["detail"]
