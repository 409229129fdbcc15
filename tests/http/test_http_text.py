"""Text people really write comes back over REST, and to the library, byte for byte."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from http_door import Door

from coachhub_core.domain.chat import ReadHistory

TEXTS = {
    "emoji": "👩🏽‍🚀 runs 🏃‍♀️ with 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "right to left": "אני רוצה לרוץ מרתון ‏(42 ק״מ)‏، أريد أن أركض",
    "combining": "Zoe\u0308 and Zo\u00eb, c\u0327a va, Ti\u00ea\u0301ng Vi\u1ec7t, \u1112\u1161\u11ab",
    "lines": "one\ntwo\r\nthree\ttabbed  twice spaced ",
    "quoting": "\"'\\u0041 \\n % _ ' OR 1=1; -- <b>&amp;</b> {{x}} $1",
}
LONG = ("🏃 שלום e\u0301\n" * 1_000)[:8_000]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_a_profile_keeps_what_was_written(door: Door, text: str) -> None:
    """A bio on the coach's page and from the library; a goal in the trainee's own."""
    coach, trainee = await door.register("coach"), await door.register("trainee")
    made = (await coach.post("/api/coaches", {"specialties": ["marathon"], "bio": text})).json
    assert (await door.conductor.simulate_get(f"/api/coaches/{made['id']}")).json["bio"] == text
    assert door.hub.coaches.get(UUID(made["id"])).bio == text
    mine = await trainee.get("/api/trainees/me")
    changed = await trainee.ask(
        "PATCH", "/api/trainees/me", json={"goal": text}, headers={"If-Match": mine.headers["etag"]}
    )
    assert changed.json["goal"] == text
    assert (await trainee.get("/api/trainees/me")).json["goal"] == text


@pytest.mark.parametrize("text", [*TEXTS.values(), LONG], ids=[*TEXTS.keys(), "8,000 characters"])
async def test_a_message_keeps_what_was_written(door: Door, text: str) -> None:
    """Posted over REST, read over REST by the other side and by the library."""
    coach, trainee = await door.register("coach"), await door.register("trainee")
    profile = (await coach.post("/api/coaches", {})).json
    asked = await trainee.post("/api/matches", {"coach_id": profile["id"]}, headers={"Idempotency-Key": str(uuid4())})
    accepted = (await coach.post(f"/api/matches/{asked.json['id']}/accept", {})).json
    id = accepted["conversation_id"]
    path = f"/api/conversations/{id}/messages"
    posted = await trainee.post(path, {"client_id": str(uuid4()), "body": text})
    assert (posted.status_code, posted.json["body"]) == (201, text)
    assert [event["body"] for event in (await coach.get(path)).json["events"]] == [text]
    actor = door.hub.act_as(UUID(coach.id))
    events = door.hub.chat.history(actor, ReadHistory(conversation_id=UUID(id), after_seq=0)).events
    assert [event.body for event in events] == [text]
