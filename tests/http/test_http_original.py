"""The four sentences the original system was tested with, over REST: so that its readers find what they know."""

from __future__ import annotations

from http_door import PASSWORD, Door


async def test_should_register_new_user(door: Door) -> None:
    """should register new user"""
    body = {"email": "new@example.org", "password": PASSWORD, "role": "trainee", "name": "New User"}
    answer = await door.conductor.simulate_post("/api/auth/register", json=body)
    assert answer.status_code == 201
    assert answer.json["account"]["email"] == "new@example.org"
    assert "password_hash" not in answer.text


async def test_should_login_existing_user(door: Door) -> None:
    """should login existing user"""
    person = await door.register()
    answer = await door.conductor.simulate_post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
    assert answer.status_code == 200
    claims = door.hub.tokens.verify(answer.json["access_token"])
    assert (str(claims.account_id), claims.role) == (person.id, "trainee")


async def test_should_create_new_coach_profile(door: Door) -> None:
    """should create new coach profile"""
    coach = await door.register("coach", city="Berlin")
    answer = await coach.post("/api/coaches", {"specialties": ["strength"], "pricing": "50.00", "bio": "Barbells."})
    assert answer.status_code == 201
    shown = (await door.conductor.simulate_get(f"/api/coaches/{answer.json['id']}")).json
    assert (shown["specialties"], shown["pricing"], shown["city"]) == (["strength"], "50.00", "Berlin")


async def test_should_match_coach_with_trainee(door: Door) -> None:
    """should match coach with trainee"""
    coach, trainee = await door.register("coach"), await door.register("trainee")
    profile = (await coach.post("/api/coaches", {"specialties": ["marathon"]})).json
    suggested = await trainee.post("/api/coaches/match", {"profile": {"goal": "run a marathon"}})
    assert [item["coach"]["id"] for item in suggested.json["items"]] == [profile["id"]]
    assert suggested.json["items"][0]["reasons"]
