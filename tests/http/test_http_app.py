"""The application as a whole: every route in one table, served as it is documented."""

from __future__ import annotations

import re
from typing import Any

import pytest
from http_door import Door
from http_parts import code_of
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from coachhub_core import wire
from coachhub_core.config import Http, Matching, Settings
from coachhub_http.context import current
from coachhub_http.schema import Examples

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


async def test_every_route_answers_errors_in_the_one_body(door: Door) -> None:
    """A method that no address takes, on each address: 405 in the same shape, with Allow."""
    assert len(door.app.routes) >= 13
    for route in door.app.routes:
        path = re.sub(r"\{\w+(:\w+)?\}", ID, re.sub(r"\{\w+:int\}", "1", route.path))
        answer = await door.conductor.simulate_request("TRACE", path)
        assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed"), route.path
        methods = {method for method, _ in route.operations()}
        assert methods <= set(answer.headers["allow"].split(", "))


async def test_every_operation_but_the_open_ones_wants_a_token(door: Door) -> None:
    """401 in the same shape before anything of the request is looked at."""
    n_closed = 0
    for route in door.app.routes:
        path = re.sub(r"\{\w+(:\w+)?\}", ID, re.sub(r"\{\w+:int\}", "1", route.path))
        for method, told in route.operations():
            answer = await door.conductor.simulate_request(method, path, body=b"{" if method != "GET" else b"")
            if told.is_open:
                assert answer.status_code != 401 or told.name.endswith("refresh"), told.name
            else:
                n_closed += 1
                assert (answer.status_code, code_of(answer)) == (401, "unauthorized"), told.name
    assert n_closed >= 6


async def test_every_operation_refuses_parameters_it_does_not_know(door: Door) -> None:
    """422 with the parameter's name, on every operation."""
    sam = await door.register()
    for route in door.app.routes:
        path = re.sub(r"\{\w+(:\w+)?\}", ID, re.sub(r"\{\w+:int\}", "1", route.path))
        for method, told in route.operations():
            headers = {"If-Match": '"1"', "Idempotency-Key": "k"}
            answer = await sam.ask(method, path, query_string="no_such_parameter=1", headers=headers)
            assert answer.status_code in (404, 422), told.name
            if answer.status_code == 422 and told.command is None:
                assert answer.json["errors"][0]["pointer"] == "no_such_parameter"


async def test_the_document_is_served_as_it_is_made_and_is_valid(door: Door) -> None:
    """OpenAPI 3.1 by the specification's own validator; each route is in it and nothing else."""
    answer = await door.conductor.simulate_get("/api/openapi.json")
    assert answer.status_code == 200
    assert answer.json == door.app.document
    OpenAPIV31SpecValidator(answer.json).validate()
    served = {
        (re.sub(r":\w+\}", "}", route.path), method.lower())
        for route in door.app.routes
        for method, _ in route.operations()
    }
    told = {(path, method) for path, methods in answer.json["paths"].items() for method in methods}
    assert told == served
    names = [told.name for route in door.app.routes for _, told in route.operations()]
    assert len(set(names)) == len(names), "an operation's name is its own"


async def test_every_command_has_an_example_that_is_read(door: Door) -> None:
    """What the document shows is valid by its own schema, and makes the command."""
    components = door.app.document["components"]["schemas"]
    for route in door.app.routes:
        path = re.sub(r":\w+\}", "}", route.path)
        for method, told in route.operations():
            body = door.app.document["paths"][path][method.lower()].get("requestBody")
            if body is None or told.command is None:
                continue
            shown = body["content"]["application/json"]
            example = shown["examples"]["example"]["value"]
            schema = {**shown["schema"], "components": {"schemas": components}}
            assert list(Draft202012Validator(schema).iter_errors(example)) == [], told.name
            trusted: dict[str, Any] = dict.fromkeys(re.findall(r"\{(\w+)", route.path), ID)
            trusted |= dict.fromkeys(re.findall(r"\{(\w+):int\}", route.path), 1)
            trusted |= {name: 1 if name == "expected_version" else None for name in told.trusted}
            assert isinstance(wire.structure(told.command, example, trusted=trusted), told.command)
            assert Examples(components).of(shown["schema"]) == example


async def test_health_has_the_originals_shape(door: Door) -> None:
    """A status, when, and each neighbour up, down or unused; no host, no version."""
    answer = await door.conductor.simulate_get("/health")
    assert answer.status_code == 200
    assert answer.json["status"] == "healthy"
    redis = "up" if door.hub.settings.redis_url else "unused"
    assert answer.json["services"] == {"database": "up", "redis": redis, "elasticsearch": "unused"}
    assert set(answer.json) == {"status", "timestamp", "services"}


async def test_ready_says_when_to_ask_elsewhere(door: Door) -> None:
    """503 with Retry-After while draining; alive all the same."""
    assert (await door.conductor.simulate_get("/health/ready")).json == {"status": "ready"}
    door.app.phase.is_draining = True
    answer = await door.conductor.simulate_get("/health/ready")
    assert (answer.status_code, code_of(answer), answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert (await door.conductor.simulate_get("/health/live")).json == {"status": "alive"}


async def test_metrics_are_text_and_name_no_address(door: Door) -> None:
    """Counts by route template."""
    await door.conductor.simulate_get(f"/api/auth/sessions/{ID}")
    answer = await door.conductor.simulate_get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'route="/api/auth/sessions/{session_id:id}"' in answer.text
    assert ID not in answer.text
    assert 'coachhub_shadow_lists{state="waiting"} 0.0' in answer.text  # there is no second matcher


class TestShadow:
    """A second matcher, which a worker asks."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings.in_memory(matching=Matching(matcher="plain", shadow="duet"))

    async def test_metrics_say_what_became_of_its_lists(self, door: Door) -> None:
        """A list served waits until due work is done; the answer is the live one's."""
        coach = await door.register("coach")
        await coach.post("/api/coaches", {"specialties": ["marathon"]})
        trainee = await door.register()
        await trainee.ask("PATCH", "/api/trainees/me", json={"goal": "a marathon"}, headers={"If-Match": '"1"'})
        answer = await trainee.post("/api/coaches/match", {})
        assert (answer.status_code, answer.json["matcher"]) == (200, "plain")
        text = (await door.conductor.simulate_get("/metrics")).text
        assert 'coachhub_shadow_lists{state="waiting"} 1.0' in text
        door.hub.run_due()
        text = (await door.conductor.simulate_get("/metrics")).text
        assert 'coachhub_shadow_lists{state="waiting"} 0.0' in text
        assert 'coachhub_shadow_lists{state="done"} 1.0' in text


class TestSwitchedOff:
    """What an operator does not want shown is not there."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings.in_memory(http=Http(metrics=False, openapi=False))

    async def test_metrics_and_the_document_are_not_found(self, door: Door) -> None:
        """404, as any address that does not exist."""
        for path in ("/metrics", "/api/openapi.json"):
            answer = await door.conductor.simulate_get(path)
            assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_nothing_of_a_request_stays_behind(door: Door) -> None:
    """The context variable of one request is not seen by the next line of the program."""
    assert current.get() is None
