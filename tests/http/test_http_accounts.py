"""The room *accounts* over REST."""

from __future__ import annotations

import json

import pytest
from http_door import PASSWORD, Door


async def test_should_register_new_user(door: Door) -> None:
    """Register answers as login does, with the account and never its hash."""
    answer = await door.conductor.simulate_post(
        "/api/auth/register",
        json={"email": "Sam@Example.org", "password": PASSWORD, "role": "trainee", "name": "Sam 🏃", "city": "Köln"},
    )
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json
    assert told["token_type"] == "Bearer"
    assert told["expires_in"] == 86_400
    account = told["account"]
    assert (account["email"], account["name"], account["city"]) == ("Sam@Example.org", "Sam 🏃", "Köln")
    assert "hash" not in answer.text
    assert "$2" not in answer.text


async def test_should_login_existing_user(door: Door) -> None:
    """The address is folded; the token works at once."""
    sam = await door.register()
    answer = await door.conductor.simulate_post(
        "/api/auth/login", json={"email": sam.email.upper(), "password": PASSWORD}
    )
    assert answer.status_code == 200
    sam.access_token = answer.json["access_token"]
    me = await sam.get("/api/accounts/me")
    assert me.status_code == 200
    assert me.json["id"] == sam.id
    assert me.headers["etag"] == '"1"'


async def test_an_address_is_taken_once(door: Door) -> None:
    """However it is spelled."""
    sam = await door.register()
    body = {"email": sam.email.upper(), "password": PASSWORD, "role": "coach", "name": "Kim"}
    answer = await door.conductor.simulate_post("/api/auth/register", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "account.email_taken")


async def test_an_unknown_address_and_a_wrong_password_are_told_alike(door: Door) -> None:
    """Same status, same body but for the request id."""
    sam = await door.register()
    told = set()
    for email, password in ((sam.email, "not this one at all"), ("nobody@example.org", PASSWORD), ("nonsense", "x")):
        answer = await door.conductor.simulate_post("/api/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 401
        told.add(json.dumps({**answer.json, "request_id": ""}))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"email": "nonsense"}, "/email", "validation_failed"),
        ({"password": "short"}, "/password", "account.password_weak"),
        ({"role": "admin"}, "/role", "validation_failed"),
        ({"id": "x"}, "/id", "validation_failed"),
        ({"age": "30"}, "/age", "validation_failed"),
        ({"age": 30.0}, "/age", "validation_failed"),
    ],
)
async def test_register_refuses_with_a_pointer(door: Door, change: dict[str, object], pointer: str, code: str) -> None:
    """What is wrong is named; nobody makes an admin here, and nothing is coerced."""
    body = {"email": "kim@example.org", "password": PASSWORD, "role": "coach", "name": "Kim", **change}
    answer = await door.conductor.simulate_post("/api/auth/register", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, code)
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(door: Door) -> None:
    """The new pair works; the old token ends everything that came of it."""
    sam = await door.register()
    answer = await door.conductor.simulate_post("/api/auth/refresh", json={"refresh_token": sam.refresh_token})
    assert answer.status_code == 200
    again = await door.conductor.simulate_post("/api/auth/refresh", json={"refresh_token": sam.refresh_token})
    assert (again.status_code, again.json["error"]["code"]) == (401, "account.token_reused")
    sam.access_token = answer.json["access_token"]
    assert (await sam.get("/api/accounts/me")).status_code == 401


async def test_logout_ends_the_token_at_once(door: Door) -> None:
    """204, and the next request with the same genuine token is 401."""
    sam = await door.register()
    assert (await sam.get("/api/accounts/me")).status_code == 200
    answer = await sam.post("/api/auth/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    refused = await sam.get("/api/accounts/me")
    assert (refused.status_code, refused.json["error"]["code"]) == (401, "unauthorized")


async def test_sessions_are_listed_and_ended_by_their_owner_only(door: Door) -> None:
    """One's own, with the asking one marked; a stranger's id is not there."""
    sam, kim = await door.register(), await door.register()
    other = await door.conductor.simulate_post("/api/auth/login", json={"email": sam.email, "password": PASSWORD})
    listed = (await sam.get("/api/auth/sessions")).json
    assert sorted(item["is_current"] for item in listed["items"]) == [False, True]
    assert (listed["next"], listed["prev"]) == (None, None)
    path = "/api/auth/sessions/" + next(item["id"] for item in listed["items"] if not item["is_current"])
    assert (await kim.ask("DELETE", path)).status_code == 404
    assert (await sam.ask("DELETE", path)).status_code == 204
    assert (await sam.ask("DELETE", path)).status_code == 204, "ending it twice is harmless"
    sam.access_token = other.json["access_token"]
    assert (await sam.get("/api/accounts/me")).status_code == 401


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(door: Door) -> None:
    """The session that changed it goes on."""
    sam = await door.register()
    other = await door.conductor.simulate_post("/api/auth/login", json={"email": sam.email, "password": PASSWORD})
    new = "four blue bicycles at dusk"
    wrong = await sam.post("/api/auth/password", {"current_password": "not this one", "new_password": new})
    assert (wrong.status_code, wrong.json["error"]["code"]) == (401, "account.bad_credentials")
    weak = await sam.post("/api/auth/password", {"current_password": PASSWORD, "new_password": "short"})
    assert (weak.status_code, weak.json["errors"][0]["pointer"]) == (422, "/new_password")
    done = await sam.post("/api/auth/password", {"current_password": PASSWORD, "new_password": new})
    assert done.status_code == 204
    assert (await sam.get("/api/accounts/me")).status_code == 200
    sam.access_token = other.json["access_token"]
    assert (await sam.get("/api/accounts/me")).status_code == 401


async def test_an_account_changes_by_version(door: Door) -> None:
    """If-Match with what was read; a second writer of the same version is refused."""
    sam = await door.register()
    changed = await sam.ask(
        "PATCH", "/api/accounts/me", json={"city": None, "name": "Samira"}, headers={"If-Match": '"1"'}
    )
    assert changed.status_code == 200
    assert (changed.json["name"], changed.json["version"], changed.headers["etag"]) == ("Samira", 2, '"2"')
    late = await sam.ask("PATCH", "/api/accounts/me", json={"name": "Sam"}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json["error"]["code"]) == (412, "version_mismatch")
    forged = await sam.ask("PATCH", "/api/accounts/me", json={"role": "admin"}, headers={"If-Match": '"2"'})
    assert (forged.status_code, forged.json["errors"][0]["pointer"]) == (422, "/role")
    same = await sam.get("/api/accounts/me", headers={"If-None-Match": '"2"'})
    assert (same.status_code, same.content) == (304, b"")
