"""
The OpenAPI 3.1 document, made from the table of routes.

Each operation shows what it reads, what it answers, and every error code it may
answer with, by status. What is served is what is documented: both come from the
same table.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import coachhub_core
from coachhub_core import errors as e
from coachhub_http import errors as h
from coachhub_http.operations import NoParameters, Operation, Route
from coachhub_http.problems import JSON, PROBLEM_JSON
from coachhub_http.schema import REF, Examples, Schema, Schemas

ETAG_PATTERN: Final = r'^"[0-9]{1,18}(\.[0-9]{1,18})?"$'
# what the server itself answers, before or after any operation
_BY_THE_SERVER: Final = {
    "414": "uri_too_long: the address has more than 8,190 bytes",
    "431": "headers_too_large: the header fields are too large",
    "500": "internal: something went wrong here",
}
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_BEARER: Final[dict[str, list[str]]] = {"bearer": []}

_PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "RFC 9457 and the original's error in one.",
    "required": ["type", "title", "status", "detail", "instance", "request_id", "error"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["message", "code"],
            "properties": {"message": {"type": "string"}, "code": {"type": "string"}},
            "additionalProperties": False,
        },
        "errors": {
            "type": "array",
            "description": "Each thing that is wrong, with its JSON Pointer or the parameter's name.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "additionalProperties": False,
            },
        },
        "state": {"type": "string", "description": "The state that was met."},
        "allowed": {"type": "array", "items": {"type": "string"}, "description": "What that state allows."},
    },
    "additionalProperties": False,
}

ALWAYS: Final = (e.BadRequest, h.TokenInUrl, h.NotAcceptable, e.RateLimited, e.Unavailable, e.Overloaded)
WITH_TOKEN: Final = (e.Unauthorized, e.Forbidden)
WITH_BODY: Final = (h.RequestTimeout, e.TooLarge, h.UnsupportedMediaType, e.Invalid)
WITH_IF_MATCH: Final = (e.VersionMismatch, e.IfMatchRequired)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document as JSON values."""
    schemas = Schemas()
    schemas.components["Problem"] = dict(_PROBLEM)
    paths: dict[str, Any] = {}
    rooms: set[str] = set()
    for route in routes:
        address = _PARAMETER.sub(r"{\1}", route.path)
        for method, told in route.operations():
            rooms.add(told.room)
            paths.setdefault(address, {})[method.lower()] = _operation(route, method, told, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CoachHub",
            "version": coachhub_core.__version__,
            "description": "Brings trainees and fitness coaches together: matching with reasons, plans, logs, chat.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": room} for room in sorted(rooms)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def error_classes(route: Route, method: str, told: Operation) -> tuple[type[e.CoachHubError], ...]:
    """Return every error an operation may answer with: the common ones that apply, then its own."""
    found: list[type[e.CoachHubError]] = list(ALWAYS)
    if not told.is_open:
        found += WITH_TOKEN
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        found += WITH_BODY
        if not told.is_open:
            found.append(e.Conflict)
    elif e.Invalid not in found:
        found.append(e.Invalid)  # parameters that are unknown
    if _PARAMETER.search(route.path):
        found.append(e.NotFound)
    if told.if_match:
        found += WITH_IF_MATCH
    if told.keys != "never":
        found.append(e.IdempotencyKeyReused)
    if told.keys == "required":
        found.append(e.IdempotencyKeyRequired)
    return tuple(dict.fromkeys([*found, *told.errors]))


def _operation(route: Route, method: str, told: Operation, schemas: Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": told.name,
        "summary": told.summary,
        "description": f"Who may: {told.who}.",
        "tags": [told.room],
        "parameters": _parameters(route, told, schemas),
        "responses": _responses(route, method, told, schemas),
    }
    if told.is_public:
        made["security"] = [{}, _BEARER]
    else:
        made["security"] = [] if told.is_open else [_BEARER]
    if told.command is not None and (body := _body(route, told, schemas)) is not None:
        made["requestBody"] = body
    return made


def _body(route: Route, told: Operation, schemas: Schemas) -> dict[str, Any] | None:
    in_path = frozenset(name for name, _ in _PARAMETER.findall(route.path))
    assert told.command is not None  # noqa: S101 - asked by the only caller
    name = schemas.component(told.command, "in", in_path | told.trusted)
    schema = schemas.components[name]
    if not schema["properties"]:
        return None
    example = Examples(schemas.components).of(schema)
    return {
        "required": bool(schema.get("required")),
        "content": {JSON: {"schema": {"$ref": REF + name}, "examples": {"example": {"value": example}}}},
    }


def _parameters(route: Route, told: Operation, schemas: Schemas) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, converter in _PARAMETER.findall(route.path):
        schema: Schema = {"type": "string"}
        if converter == "id":
            schema = {"type": "string", "format": "uuid"}
        elif converter == "self_or_id":
            schema = {"anyOf": [{"const": "me"}, {"type": "string", "format": "uuid"}]}
        elif converter == "int":
            schema = {"type": "integer", "minimum": 1}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if told.query is not NoParameters:
        in_path = {p["name"] for p in found}
        for name, schema, is_required in schemas.parameters(told.query):
            if name not in in_path and name not in told.trusted:
                found.append({"name": name, "in": "query", "required": is_required, "schema": schema})
    if told.keys != "never":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": told.keys == "required",
                "description": "Sent again with the same key, the request is done once and answered alike.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            }
        )
    if told.if_match:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "description": "The ETag that was read; * is no version and is refused as if it were missing.",
                "schema": {"type": "string", "pattern": ETAG_PATTERN},
            }
        )
    return found


def _responses(route: Route, method: str, told: Operation, schemas: Schemas) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(told.status).phrase}
    if told.answer is not None:
        success["content"] = {told.media_type: {"schema": schemas.of(told.answer, "out")}}
    elif told.status != 204:
        success["content"] = {told.media_type: {"schema": {}}}
    if told.location is not None:
        success["headers"] = {"Location": {"schema": {"type": "string"}}}
    found: dict[str, Any] = {str(told.status): success}
    if told.again is not None:
        found[str(told.again)] = {**success, "description": "It was sent before; this is what is stored"}
    if method == "GET":
        found["304"] = {"description": "Not changed since the ETag in If-None-Match"}
    by_status: defaultdict[int, list[type[e.CoachHubError]]] = defaultdict(list)
    for cls in error_classes(route, method, told):
        by_status[h.status_of(cls)].append(cls)
    for status in sorted(by_status):
        found[str(status)] = _refusal(by_status[status])
    for code, says in _BY_THE_SERVER.items():
        found[code] = {
            "description": says,
            "content": {kind: {"schema": {"$ref": REF + "Problem"}} for kind in (JSON, PROBLEM_JSON)},
        }
    return found


def _refusal(classes: list[type[e.CoachHubError]]) -> dict[str, Any]:
    codes = sorted({cls.code for cls in classes})
    schema: Mapping[str, Any] = {
        "$ref": REF + "Problem",
        "properties": {"error": {"properties": {"code": {"enum": codes}}}},
    }
    return {"description": ", ".join(codes), "content": {kind: {"schema": schema} for kind in (JSON, PROBLEM_JSON)}}
