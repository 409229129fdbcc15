"""What the shell does with an answer, and who may ask from where and how often."""

from __future__ import annotations

import json
from uuid import UUID

import attrs
import pytest
from falcon.testing import ASGIConductor, Result
from http_parts import (
    Parts,
    ask,
    code_of,
    drive,
    failing,
    make_parts,
)

from coachhub_core.config import Http, Limits, Settings
from coachhub_core.errors import CoachFull, Contended, MatchIllegalTransition, RateLimited, VersionMismatch
from coachhub_http.edge import STATIC_HEADERS

THING = UUID("01890a5d-ac96-774b-bcce-b302099a8058")


@pytest.fixture
def parts() -> Parts:
    return make_parts()


# ── out ──


async def test_every_answer_carries_the_security_headers(parts: Parts) -> None:
    """Right answers, refusals, faults, and addresses that are not there."""
    for method, path, more in (
        ("GET", "/api/things", {}),
        ("GET", "/nowhere", {}),
        ("DELETE", "/api/things", {}),
        ("POST", "/api/things/open", {"body": b"{"}),
        ("OPTIONS", "/api/things", {}),
    ):
        answer = await ask(parts, method, path, **more)
        for name, value in STATIC_HEADERS:
            assert answer.headers[name.decode()] == value.decode()
    with failing(parts.things, RuntimeError("SELECT * FROM secrets")):
        answer = await ask(parts, "GET", "/api/things")
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_private_answers_are_not_stored_and_public_ones_are_revalidated(parts: Parts) -> None:
    """no-store for what belongs to somebody, no-cache for what everybody may see."""
    headers = parts.bearer(Idempotency_Key="k")
    private = await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})
    assert private.headers["cache-control"] == "no-store"
    assert (await ask(parts, "GET", "/api/things")).headers["cache-control"] == "no-cache"
    assert (await ask(parts, "GET", "/nowhere")).headers["cache-control"] == "no-store"


async def test_head_is_get_without_the_body(parts: Parts) -> None:
    """The same status and headers, also of a refusal."""
    for path in ("/api/things", "/nowhere"):
        got, head = await ask(parts, "GET", path), await ask(parts, "HEAD", path)
        assert head.status_code == got.status_code
        assert head.content == b""
        assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("method", ["PUT", "TRACE", "CONNECT", "PROPFIND", "BREW"])
async def test_a_method_that_is_not_offered_is_405_with_those_that_are(parts: Parts, method: str) -> None:
    """Known to HTTP or not, the answer is the same, and names HEAD."""
    status, body = await drive(parts.app, [], method=method, path="/api/things")
    assert status == 405
    assert json.loads(body)["error"]["code"] == "method_not_allowed"
    answer = await ask(parts, "PUT", "/api/things")
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"


async def test_a_refusal_shows_its_facts_and_a_fault_shows_nothing(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    """State and allowed actions, Retry-After, and for a fault one sentence; the log has the rest."""
    headers = parts.bearer(Idempotency_Key="k")

    async def refused(fault: Exception) -> Result:
        with failing(parts.things, fault):
            return await ask(parts, "POST", "/api/things", headers=headers, json={"name": "a"})

    answer = await refused(MatchIllegalTransition(state="ended", action="accept", allowed=("read",)))
    assert (answer.status_code, answer.json["state"], answer.json["allowed"]) == (409, "ended", ["read"])
    answer = await refused(CoachFull(coach_id=THING, capacity=1))
    assert (answer.status_code, code_of(answer)) == (409, "match.coach_full")
    answer = await refused(RateLimited(retry_after_seconds=1.2))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    answer = await refused(Contended())
    assert (answer.status_code, code_of(answer), answer.headers["retry-after"]) == (503, "unavailable", "1")
    answer = await refused(VersionMismatch(kind="thing", expected=1, found=2))
    assert (answer.status_code, code_of(answer)) == (412, "version_mismatch")
    caplog.clear()
    answer = await refused(RuntimeError("SELECT * FROM secrets"))
    assert (answer.status_code, code_of(answer)) == (500, "internal")
    assert "SELECT" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "SELECT" in caplog.text


async def test_the_error_body_is_a_problem_where_one_is_asked_for(parts: Parts) -> None:
    """application/problem+json when the client names it, application/json otherwise."""
    for accept, kind in (
        ("application/problem+json", "application/problem+json"),
        ("application/json, application/problem+json;q=0.9", "application/problem+json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
    ):
        answer = await ask(parts, "GET", "/nowhere", headers={"Accept": accept})
        assert answer.headers["content-type"] == kind
        assert answer.json["type"] == "urn:coachhub:error:not_found"


async def test_who_takes_no_json_is_told_so(parts: Parts) -> None:
    """406, in JSON all the same: there is nothing else to say it in."""
    answer = await ask(parts, "GET", "/api/things", headers={"Accept": "image/png"})
    assert (answer.status_code, code_of(answer)) == (406, "not_acceptable")


async def test_a_request_id_is_made_or_kept(parts: Parts) -> None:
    """A proxy's id goes through; what could break a log line does not."""
    answer = await ask(parts, "GET", "/api/things", headers={"X-Request-ID": "proxy-12345678"})
    assert answer.headers["x-request-id"] == "proxy-12345678"
    answer = await ask(parts, "GET", "/api/things", headers={"X-Request-ID": "short"})
    assert answer.headers["x-request-id"] != "short"


async def test_a_request_without_a_host_is_refused(parts: Parts) -> None:
    """HTTP/1.1 asks for one."""
    status, _ = await drive(parts.app, [], method="GET", path="/api/things", headers=[])
    assert status == 400
    status, _ = await drive(parts.app, [], method="GET", path="/api/things", headers=[], http_version="1.0")
    assert status == 200


async def test_a_query_that_is_not_ascii_is_refused(parts: Parts) -> None:
    """Raw bytes in a query string have no meaning to guess."""
    status, body = await drive(parts.app, [], method="GET", path="/api/things", query_string=b"q=\xff")
    assert status == 400
    assert json.loads(body)["error"]["code"] == "bad_request"


async def test_a_mounted_application_answers_below_its_root(parts: Parts) -> None:
    """root_path is where a bigger application has put this one."""
    status, _ = await drive(parts.app, [], method="GET", path="/inner/api/things", root_path="/inner")
    assert status == 200


# ── across sites, and how often ──


@pytest.fixture
def strict() -> Parts:
    settings = Settings.in_memory(
        http=Http(cors_origins=("https://app.example.org", "null"), trusted_proxies=("10.0.0.0/8",)),
        limits=attrs.evolve(Limits(), general=1),
    )
    return make_parts(settings)


async def test_only_listed_origins_are_allowed(strict: Parts) -> None:
    """Exact matches, no reflection, no null, and Vary on every answer."""
    for origin in ("https://evil.example", "null", "https://app.example.org.evil.example", "HTTPS://APP.EXAMPLE.ORG"):
        answer = await ask(strict, "GET", "/api/things", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert "Origin" in answer.headers["vary"]
    answer = await ask(strict, "GET", "/api/things", headers={"Origin": "https://app.example.org"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_preflight_is_answered_without_the_resource(strict: Parts) -> None:
    """204 with what may be sent; a stranger's preflight allows nothing."""
    headers = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    answer = await ask(strict, "OPTIONS", "/api/things", headers=headers)
    assert answer.status_code == 204
    assert "If-Match" in answer.headers["access-control-allow-headers"]
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    answer = await ask(strict, "OPTIONS", "/api/things", headers={**headers, "Origin": "https://evil.example"})
    assert "access-control-allow-methods" not in answer.headers


async def test_too_many_requests_are_told_when_to_come_back(strict: Parts) -> None:
    """The burst is taken, the next is 429 with Retry-After; others and /health are not concerned."""
    async with ASGIConductor(strict.app) as conductor:  # type: ignore[arg-type]  # any ASGI application will do
        answers = [await conductor.simulate_get("/api/things") for _ in range(11)]
        assert [answer.status_code for answer in answers[:10]] == [200] * 10
        assert (answers[10].status_code, code_of(answers[10])) == (429, "rate_limited")
        assert int(answers[10].headers["retry-after"]) >= 1
        other = await conductor.simulate_post("/api/things", headers=strict.bearer(), json={"name": "a"})
        assert other.status_code == 400, "an account is not its address"
        assert (await conductor.simulate_get("/health")).status_code == 404
        forwarded = await conductor.simulate_get("/api/things", headers={"X-Forwarded-For": "9.9.9.9"})
        assert forwarded.status_code == 429, "an untrusted peer cannot choose its source"


async def test_each_answer_is_observed_once_with_its_route(parts: Parts) -> None:
    """Logs and metrics see the template of the address, never the address."""
    await ask(parts, "PATCH", f"/api/things/{THING}", headers=parts.bearer(If_Match='"1"'), json={})
    await ask(parts, "GET", "/nowhere")
    assert [(c.route, m, s, c.error_code) for c, m, s in parts.seen] == [
        ("/api/things/{thing_id:id}", "PATCH", 200, None),
        (None, "GET", 404, "not_found"),
    ]
