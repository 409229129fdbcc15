"""Whatever is sent as a body: a clear refusal with a pointer, never a 5xx, and nothing stored."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from http_door import Door, Person

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
N_BODIES = 12  # for each operation; more by hand: --bodies 200

BROKEN = (
    b"{",
    b"[1,",
    b'"text"',
    b"[]",
    b"null",
    b"true",
    b"NaN",
    b"1e400",
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b'{"\\ud800": 1}',
    b'{"a": "\\udfff"}',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 1_000 + b"]" * 1_000,
    b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
    b'{"text": "' + b"x" * 2_000_000 + b'"}',
)
WRONG: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x" * 20_000,
    "\u0000",
    [],
    {},
    [[]],
    {"a": {}},
    ["\U0001f3c3"],
)


def spoiled(example: dict[str, Any], draw: random.Random) -> bytes:
    """Make a body that some rule of the command must refuse: a stranger among the members, and more."""
    body = dict(example)
    for name in draw.sample(sorted(body), k=draw.randint(0, len(body))):
        body[name] = draw.choice(WRONG)
    body[draw.choice(("id", "role", "version", "password_hash", "rating_avg", "\U0001f3c3", "a/b~c"))] = draw.choice(
        WRONG
    )
    return json.dumps(body).encode()


async def everybody(door: Door) -> list[Person]:
    """One of each role that can be registered, with profiles."""
    coach, trainee = await door.register("coach"), await door.register("trainee")
    assert (await coach.post("/api/coaches", {})).status_code == 201
    return [coach, trainee]


@pytest.mark.parametrize("seed", [1])
async def test_random_bodies_are_refused_with_a_pointer_and_store_nothing(
    door: Door, seed: int, request: pytest.FixtureRequest
) -> None:
    """Wrong types, strangers, surrogates, NaN, doubles, depth 1,000, 2 MB: per operation with a body."""
    n_bodies = int(request.config.getoption("--bodies") or N_BODIES)
    people = await everybody(door)
    draw = random.Random(seed)
    before = door.hub.storage.check().n_rows
    for route in door.app.routes:
        for method, told in route.operations():
            if told.command is None or told.name in ("accounts_post_logout",):
                continue
            path = re.sub(r"\{\w+:\w+\}", ID, re.sub(r"\{\w+:int\}", "1", route.path))
            shown = door.app.document["paths"][re.sub(r":\w+\}", "}", route.path)][method.lower()]
            content = shown.get("requestBody", {}).get("content", {}).get("application/json")
            example = content["examples"]["example"]["value"] if content else {}
            broken = draw.sample(BROKEN, k=4) if n_bodies < 50 else BROKEN
            bodies = [*broken, *(spoiled(example, draw) for _ in range(n_bodies - 4))]
            for body in bodies:
                headers = {"Content-Type": "application/json", "Idempotency-Key": "k", "If-Match": '"1"'}
                answer = await draw.choice(people).ask(method, path, body=body, headers=headers)
                seen = f"{method} {path} {body[:80]!r} -> {answer.status_code} {answer.text[:200]}"
                assert 400 <= answer.status_code < 500, seen
                if answer.status_code == 422:
                    assert answer.json["errors"], seen
                    assert all(e["pointer"].startswith("/") or e["pointer"] == "" for e in answer.json["errors"]), seen
                assert all(answer.json["error"][member] for member in ("code", "message")), seen
    assert door.hub.storage.check().n_rows == before


TEXTS = (
    "plain",
    "\U0001f3c3\U0001f3fd\u200d\u2640\ufe0f run \U0001f1fa\U0001f1e6",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "e\u0301 a\u0308 \u1100\u1161\u11a8 Z\u0351\u036b\u0343",
    "line one\nline two\r\n\ttabbed  ",
    "<script>alert('x')</script> & \"quotes\" \\ back",
    "'; DROP TABLE users; --",
    "\u202eright to left\u202c",
    "\u0000 nul and \u0001 others",
    "\U0001f3c3" * 4_000,
    "x" * 8_000,
    "\ufffd\uffff\U0010ffff",
)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_text_people_write_survives_byte_for_byte(door: Door, text: str) -> None:
    """What goes in by REST comes out of REST as it was, to the last code point."""
    coach, trainee = await everybody(door)
    if len(text) <= 10_000:
        etag = (await coach.get("/api/coaches/me")).headers["etag"]
        answer = await coach.ask("PATCH", "/api/coaches/me", json={"bio": text}, headers={"If-Match": etag})
        assert answer.status_code == 200
        assert (await trainee.get(f"/api/coaches/{answer.json['id']}")).json["bio"] == text
    goal = text[:255]
    etag = (await trainee.get("/api/trainees/me")).headers["etag"]
    changed = await trainee.ask("PATCH", "/api/trainees/me", json={"goal": goal}, headers={"If-Match": etag})
    assert changed.status_code == 200
    assert (await trainee.get("/api/trainees/me")).json["goal"] == goal
