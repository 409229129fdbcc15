"""What the shell does with a request before any service sees it: read, bounded, refused by name."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from http_parts import (
    ACCOUNT,
    ChangeThing,
    FindThings,
    Kilos,
    MakeThing,
    Metres,
    Parts,
    ask,
    code_of,
    drive,
    failing,
    make_parts,
)

from coachhub_core.domain.values import UNSET
from coachhub_core.services.units import Replayed

THING = UUID("01890a5d-ac96-774b-bcce-b302099a8058")


@pytest.fixture
def parts() -> Parts:
    return make_parts()


# ── in ──


async def test_a_body_becomes_a_command_with_the_fields_the_server_knows(parts: Parts) -> None:
    """Ids come from the path and the version from If-Match; a union is told apart by its kind."""
    answer = await ask(
        parts,
        "PATCH",
        f"/api/things/{THING}",
        headers=parts.bearer(If_Match='"4.9"'),
        json={"targets": [{"kind": "metres", "value": 5}, {"kind": "kilos", "value": 2.5}]},
    )
    assert answer.status_code == 200
    assert parts.things.commands == [
        ChangeThing(thing_id=THING, expected_version=4, name=UNSET, targets=(Metres(value=5), Kilos(value=2.5)))
    ]
    assert answer.headers["etag"] == '"5.9"'


@pytest.mark.parametrize("member", ["thing_id", "expected_version"])
async def test_a_body_cannot_hold_what_the_server_knows(parts: Parts, member: str) -> None:
    """No mass assignment: the member is refused by its pointer."""
    answer = await ask(parts, "PATCH", f"/api/things/{THING}", headers=parts.bearer(If_Match='"1"'), json={member: 1})
    assert (answer.status_code, code_of(answer)) == (422, "validation_failed")
    assert answer.json["errors"][0]["pointer"] == f"/{member}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "validation_failed"),
        (b"[]", 422, "validation_failed"),
        (b'{"name": 5}', 422, "validation_failed"),
        (b'{"name": "a", "x": 1}', 422, "validation_failed"),
        (b'{"name": ', 400, "bad_request"),
        (b'{"name": NaN}', 400, "bad_request"),
        (b'{"name": "a", "name": "b"}', 400, "bad_request"),
        (b'{"name": "\\ud800"}', 400, "bad_request"),
        (b'{"name": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400, "bad_request"),
        (b'{"name": "\xff"}', 400, "bad_request"),
        (b'{"name": "' + b"x" * 1_048_576 + b'"}', 413, "too_large"),
    ],
)
async def test_a_bad_body_is_refused_and_nothing_is_called(parts: Parts, body: bytes, status: int, code: str) -> None:
    """Each kind of bad body has its status and code, and no service hears of it."""
    answer = await ask(parts, "POST", "/api/things/open", body=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert parts.things.commands == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_only_json_is_taken(parts: Parts, headers: dict[str, str]) -> None:
    """A form can be posted across sites without asking; a compressed body can be a bomb."""
    answer = await ask(parts, "POST", "/api/things/open", body=b'{"name": "a"}', headers=headers)
    assert (answer.status_code, code_of(answer)) == (415, "unsupported_media_type")


async def test_a_content_type_may_name_its_charset(parts: Parts) -> None:
    """application/json; charset=UTF-8 is what many clients send."""
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    await ask(parts, "POST", "/api/things/open", body='{"name": "é🏃"}'.encode(), headers=headers)
    assert parts.things.commands == [MakeThing(name="é🏃")]


async def test_a_client_that_leaves_in_mid_body_is_not_taken_for_its_end(parts: Parts) -> None:
    """Seven of a thousand bytes that happen to be JSON are no request."""
    piece = {"type": "http.request", "body": b'{"name": "a"}', "more_body": True}
    json_type = [(b"host", b"x"), (b"content-type", b"application/json")]
    status, body = await drive(parts.app, [piece], headers=[*json_type, (b"transfer-encoding", b"chunked")])
    assert status == 400, "chunked: the server says that the client left"
    last = {**piece, "more_body": False}
    status, body = await drive(parts.app, [last], headers=[*json_type, (b"content-length", b"1000")])
    assert status == 400, "by length: fewer bytes than were announced"
    assert json.loads(body)["error"]["code"] == "bad_request"
    assert parts.things.commands == []


async def test_a_body_without_a_length_is_bounded_while_it_is_read(parts: Parts) -> None:
    """Chunks are counted: the limit holds where no Content-Length announces it."""
    piece = {"type": "http.request", "body": b"x" * 600_000, "more_body": True}
    headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    status, _ = await drive(parts.app, [piece, piece, piece], headers=headers)
    assert status == 413


async def test_a_body_has_a_time_to_arrive() -> None:
    """One deadline over the whole body, however lively its pieces."""
    parts = make_parts(body_seconds=0.05)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        import asyncio

        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/things/open",
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
    }
    await parts.app(scope, receive, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["code"] == "request_timeout"


async def test_the_body_is_not_asked_for_before_the_token_is_looked_at(parts: Parts) -> None:
    """401 comes at once: no byte of a stranger's body is waited for."""

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/things",
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"content-length", b"10")],
    }
    await parts.app(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_parameters_become_a_query(parts: Parts) -> None:
    """Numbers are read as numbers, text as text."""
    await ask(parts, "GET", "/api/things", query_string="q=a%20b&limit=5")
    assert parts.things.commands == [FindThings(q="a b", limit=5)]


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("limit=0", 422, "limit"),
        ("limit=x", 422, "limit"),
        ("limit=1&limit=2", 422, "limit"),
        ("nope=1", 422, "nope"),
        ("q=%ff", 400, None),
        ("q=%zz", 400, None),
        ("&".join(f"a{n}=1" for n in range(200)), 400, None),
    ],
)
async def test_bad_parameters_are_refused_by_name(parts: Parts, query: str, status: int, pointer: str | None) -> None:
    """Unknown, repeated, malformed: never ignored."""
    answer = await ask(parts, "GET", "/api/things", query_string=query)
    assert answer.status_code == status
    if pointer is not None:
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


async def test_an_operation_without_parameters_refuses_any(parts: Parts) -> None:
    """A misspelled parameter is told, not dropped, also where there is none to misspell."""
    answer = await ask(parts, "POST", "/api/things/open", query_string="x=1", json={"name": "a"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "x")


# ── who ──


async def test_what_needs_an_account_needs_a_genuine_token(parts: Parts) -> None:
    """Missing, forged, expired and misplaced tokens get the same 401, with WWW-Authenticate."""
    genuine = parts.token()
    forged = genuine[:-2] + ("AA" if genuine[-2:] != "AA" else "BB")
    bodies = set()
    for headers in (
        {},
        {"Authorization": f"Bearer {forged}"},
        {"Authorization": f"Basic {genuine}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer " + "x" * 5_000},
        {"Cookie": f"token={genuine}"},
    ):
        answer = await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        bodies.add(json.dumps({**answer.json, "request_id": ""}))
    assert len(bodies) == 1
    headers = parts.bearer()
    parts.clock.advance(hours=25)
    assert (await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})).status_code == 401


async def test_a_remembered_token_is_forgotten_when_it_expires(parts: Parts) -> None:
    """The memory of signatures ends with the token: seen as good, then refused."""
    headers = parts.bearer(Idempotency_Key="k")
    assert (await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})).status_code == 201
    parts.clock.advance(hours=24, seconds=10)
    assert (await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})).status_code == 401


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "q=1&Token=x"])
async def test_a_token_in_the_address_is_refused(parts: Parts, query: str) -> None:
    """Addresses are kept in logs and histories."""
    answer = await ask(parts, "GET", "/api/things", query_string=query)
    assert (answer.status_code, code_of(answer)) == (400, "token_in_url")


async def test_an_id_is_spelled_in_one_way(parts: Parts) -> None:
    """Other spellings of an id are other addresses, and nothing is there."""
    for spelling in (str(THING).upper(), THING.hex, f"{{{THING}}}", f"urn:uuid:{THING}", f"{THING}.json", "me"):
        answer = await ask(parts, "PATCH", f"/api/things/{spelling}", headers=parts.bearer(If_Match='"1"'), json={})
        assert answer.status_code == 404, spelling


# ── once, and which version ──


async def test_an_idempotency_key_reaches_the_service_with_a_hash_of_what_is_asked(parts: Parts) -> None:
    """The hash covers method, address and content, not how the content is spelled."""
    for body in ('{"name":"a","note":"b"}', '{ "note": "b", "name": "a" }', '{"name":"a"}'):
        headers = parts.bearer(Idempotency_Key="key-1", Content_Type="application/json")
        assert (await ask(parts, "POST", "/api/things", headers=headers, body=body)).status_code == 201
    first, respelled, other = parts.things.keys
    assert first == respelled
    assert first.key == "key-1"
    assert first.operation == "things_post"
    assert other.request_hash != first.request_hash


@pytest.mark.parametrize(
    ("key", "code"), [(None, "idempotency_key_required"), ("a b", "bad_request"), ("x" * 256, "bad_request")]
)
async def test_a_key_that_is_missing_or_malformed_is_refused(parts: Parts, key: str | None, code: str) -> None:
    """Where an operation must not happen twice, its key is required."""
    headers = parts.bearer(**({} if key is None else {"Idempotency_Key": key}))
    answer = await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})
    assert (answer.status_code, code_of(answer)) == (400, code)


async def test_a_replayed_answer_is_the_first_one(parts: Parts) -> None:
    """Same status, same bytes, same ETag and Location as when it was done."""
    headers = parts.bearer(Idempotency_Key="k")
    first = await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})
    with failing(parts.things, Replayed(first.content)):
        again = await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})
    assert again.status_code == first.status_code == 201
    assert again.content == first.content
    for name in ("etag", "location", "content-type", "cache-control"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["location"] == f"/api/things/{ACCOUNT}"


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (None, 428, "if_match_required"),
        ("*", 428, "if_match_required"),
        ("7", 400, "bad_request"),
        ('W/"7"', 400, "bad_request"),
        ('"7", "8"', 400, "bad_request"),
        ('"seven"', 400, "bad_request"),
    ],
)
async def test_a_change_says_which_version_it_changes(parts: Parts, given: str | None, status: int, code: str) -> None:
    """Without If-Match 428, and * is no version; what is no ETag of ours is 400."""
    headers = parts.bearer(**({} if given is None else {"If_Match": given}))
    answer = await ask(parts, "PATCH", f"/api/things/{THING}", headers=headers, json={})
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_what_has_not_changed_is_not_sent_again(parts: Parts) -> None:
    """If-None-Match with the ETag, weak or strong or in a list, gives 304 without a body."""
    for asked, status in (('"3.7"', 304), ('"1", W/"3.7"', 304), ("*", 304), ('"3.8"', 200), ('"3"', 200)):
        answer = await ask(parts, "GET", "/api/things", headers={"If-None-Match": asked})
        assert answer.status_code == status, asked
        assert answer.headers["etag"] == '"3.7"'
        assert bool(answer.content) == (status == 200)
