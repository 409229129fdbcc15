"""The document: valid, complete, and what is served is what it says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import attrs
import pytest
from http_parts import Metres, make_parts
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from coachhub_core import wire
from coachhub_core.domain import values as v
from coachhub_core.domain.accounts import Register
from coachhub_core.domain.values import UNSET, Unset
from coachhub_http.openapi import document
from coachhub_http.operations import Route
from coachhub_http.schema import Examples, Schemas


@attrs.frozen(kw_only=True)
class Inner:
    weight: float = v.number(0, 500, default=1.5)


@attrs.frozen(kw_only=True)
class Everything:
    """All that crosses a door."""

    id: UUID
    name: str = v.line(20)
    age: int | None = v.whole(13, 120, default=None, optional=True)
    level: Literal["low", "high"] | None | Unset = v.choice(("low", "high"), default=UNSET, optional=True)
    price: Decimal | None = v.money(default=None, optional=True)
    tags: tuple[str, ...] = v.items(3, each=v.line(5), distinct=True, factory=tuple)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    at: datetime
    due: date | None = None
    starts: time
    flags: Mapping[str, bool] = attrs.field(factory=dict)
    target: Metres | None = None
    on: bool = v.flag(default=False)


def test_a_command_is_described_as_it_is_read() -> None:
    """Types from annotations, rules from the fields, Unset is absence, null only where it is a value."""
    schemas = Schemas()
    name = schemas.component(Everything, "in", frozenset({"id"}))
    schema = schemas.components[name]
    assert schema["description"] == "All that crosses a door."
    assert schema["required"] == ["name", "at", "starts"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "name": {"type": "string", "minLength": 1, "maxLength": 20, "pattern": v.LINE_PATTERN},
        "age": {"type": ["integer", "null"], "minimum": 13, "maximum": 120},
        "level": {"enum": ["low", "high", None]},
        "price": {"type": ["string", "null"], "pattern": v.MONEY_PATTERN},
        "tags": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": v.LINE_PATTERN},
            "maxItems": 3,
            "uniqueItems": True,
        },
        "inner": {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]},
        "inners": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}},
        "at": {"type": "string", "format": "date-time"},
        "due": {"type": ["string", "null"], "format": "date"},
        "starts": {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$"},
        "flags": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "target": {"anyOf": [{"$ref": "#/components/schemas/Metres"}, {"type": "null"}]},
        "on": {"type": "boolean", "default": False},
    }
    assert schemas.components["Inner"]["properties"]["weight"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 500,
        "default": 1.5,
    }


def test_what_is_written_has_all_its_members() -> None:
    """A view holds every member; the same class read and written has two schemas where they differ."""
    schemas = Schemas()
    assert schemas.component(Inner, "in") == "Inner"
    assert schemas.component(Inner, "out") == "InnerOutput"
    assert "required" not in schemas.components["Inner"]
    assert schemas.components["InnerOutput"]["required"] == ["weight"]


def test_an_unknown_type_is_a_mistake_of_ours() -> None:
    """What no door can carry is found when the document is made, not by a client."""
    with pytest.raises(TypeError, match="complex"):
        Schemas().of(complex, "in")


@pytest.mark.parametrize("command", [Everything, Register])
def test_an_example_is_valid_and_is_read(command: type) -> None:
    """The example satisfies the schema, and ``wire`` makes the command from it."""
    schemas = Schemas()
    schema = schemas.components[schemas.component(command, "in")]
    example = Examples(schemas.components).of(schema)
    whole = {**schema, "components": {"schemas": schemas.components}}
    assert list(Draft202012Validator(whole).iter_errors(example)) == []
    assert isinstance(wire.structure(command, example), command)


def test_the_document_is_valid_openapi_and_names_every_error() -> None:
    """By the validator of the specification; each operation lists its codes by status."""
    made: dict[str, Any] = document(make_parts().routes)
    OpenAPIV31SpecValidator(made).validate()
    things = made["paths"]["/api/things"]
    assert set(made["paths"]) == {"/api/things", "/api/things/open", "/api/things/{thing_id}"}
    post = things["post"]
    assert post["operationId"] == "things_post"
    assert post["security"] == [{"bearer": []}]
    assert {p["name"]: p["required"] for p in post["parameters"]} == {"Idempotency-Key": True}
    assert post["responses"]["201"]["headers"] == {"Location": {"schema": {"type": "string"}}}
    assert post["responses"]["409"]["description"] == "conflict, match.coach_full"
    assert post["responses"]["400"]["description"] == "bad_request, idempotency_key_required, token_in_url"
    patch = made["paths"]["/api/things/{thing_id}"]["patch"]
    assert [(p["name"], p["in"], p["required"]) for p in patch["parameters"]] == [
        ("thing_id", "path", True),
        ("If-Match", "header", True),
    ]
    assert patch["responses"]["428"]["description"] == "if_match_required"
    body = patch["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(made["components"]["schemas"][body]["properties"]) == {"name", "targets"}
    targets = made["components"]["schemas"][body]["properties"]["targets"]["items"]
    assert targets["discriminator"]["mapping"] == {
        "metres": "#/components/schemas/Metres",
        "kilos": "#/components/schemas/Kilos",
    }
    get = things["get"]
    assert get["security"] == [{}, {"bearer": []}]
    assert [(p["name"], p["required"], p["schema"]["type"]) for p in get["parameters"]] == [
        ("q", False, "string"),
        ("limit", False, "integer"),
    ]
    assert "304" in get["responses"]


def test_a_responder_that_does_not_say_what_it_does_is_refused() -> None:
    """An operation without a row in the table cannot be served."""

    class Silent:
        async def on_get(self, req: object, resp: object) -> None:
            """Answer nothing."""

    with pytest.raises(TypeError, match="no @operation"):
        list(Route("/silent", Silent()).operations())
