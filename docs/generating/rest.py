"""The pages of the REST interface: every operation, and every object it reads or writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from coachhub_core import Settings, bootstrap
from coachhub_http.app import RestApp, create_app
from coachhub_http.errors import status_of
from coachhub_http.operations import NoParameters, Operation, Route
from generating.markdown import code, page, table

REF: Final = "#/components/schemas/"

ROOMS: Final[Mapping[str, str]] = {
    "accounts": "Register, log in, stay logged in, log out.",
    "own_data": "Take everything along; be erased.",
    "coaches": "Profiles, the list and its search, weeks, certifications.",
    "suggestions": "Ranked proposals with their reasons.",
    "trainees": "Goals, limits, thresholds, and what a coach may see.",
    "cohorts": "Many trainees placed at once by an administrator; see [place a cohort](../howto/place-a-cohort.md).",
    "matches": "Ask, answer, pause, end.",
    "reviews": "One per side of a match that is over.",
    "exercises": "The list, and a coach's own.",
    "plans": "Drafts, immutable versions, what changed between two.",
    "assignments": "A version on a trainee's calendar, and its days.",
    "workouts": "What really happened, and how much of the plan it was.",
    "analytics": "A coach's trainees, and who needs a word.",
    "chat": "The same conversations as over WebSockets.",
    "notifications": "The inbox.",
    "admin": "For administrators.",
    "health": "For operators and their tools.",
}

INTRO: Final = """
Made from the same table that serves the requests; the machine-readable form is `/api/openapi.json` (OpenAPI 3.1) on
every instance. What objects hold: [the objects](rest-objects.md). What a refusal looks like: [errors](errors.md). How
often you may ask: [limits](limits.md).

**In every request.** `Authorization: Bearer …` where *who* is not *anyone*. Bodies are JSON in UTF-8, at most 1 MiB;
members and parameters that are not known are refused, with their pointer. Times carry an offset; answers are in UTC.
Money is a string such as `"49.50"`. `me` stands for one's own id.

**Lists** answer `{items, next, prev}`. To go on, send `next` back as `cursor`, with the same filters; it is null at
the end.

**Versions.** An answer with a version carries an `ETag`. Operations marked *If-Match* need it back, so that nobody
overwrites what they have not seen: without it 428, with an old one 412. A GET takes `If-None-Match` and answers 304.

**Doing it once.** Operations marked *Idempotency-Key* take a key of your making; sent again within 24 hours with the
same content, it is done once and answered alike. Where the mark says *required*, they refuse to go without.

**Common refusals**, not repeated below: 400 `bad_request` and `token_in_url`, 401 `unauthorized`, 403 `forbidden`,
404 `not_found`, 405 `method_not_allowed`, 406 `not_acceptable`, 408 `request_timeout`, 409 `conflict`, 413
`too_large`, 415 `unsupported_media_type`, 422 `validation_failed`, 429 `rate_limited`, 503 `unavailable` and
`overloaded`, 500 `internal`.
"""


def _app() -> RestApp:
    with bootstrap(Settings.in_memory()) as hub:
        app = create_app(hub)
        app.close()
        return app


def rest_pages() -> dict[str, str]:
    """Return both pages by file name."""
    app = _app()
    return {"rest.md": _operations(app), "rest-objects.md": _objects(app.document)}


# ── the operations ──────────────────────────────────────────────────────────


def _operations(app: RestApp) -> str:
    by_room: dict[str, list[tuple[Route, str, Operation]]] = {}
    for route in app.routes:
        for method, told in route.operations():
            by_room.setdefault(told.room, []).append((route, method, told))
    if unknown := by_room.keys() - ROOMS.keys():
        raise ValueError(f"docs/generating/rest.py: rooms without a sentence: {sorted(unknown)}")
    parts = [INTRO]
    for room, says in ROOMS.items():
        found = by_room.get(room, [])
        parts.append(f"## {room.replace('_', ' ').capitalize()}\n\n{says}")
        parts += [_one(app.document, *each) for each in found]
    return page("REST", *parts)


def _one(document: Mapping[str, Any], route: Route, method: str, told: Operation) -> str:
    address = _address(route.path)
    shown = document["paths"][address][method.lower()]
    lines = [f"### {method} {address}", f"{told.summary}. *Who:* {told.who}."]
    facts = []
    if told.query is not NoParameters:
        named = [p for p in shown["parameters"] if p["in"] == "query"]
        facts += [f"- Parameter `{p['name']}`: {describe(p['schema'])}{_required(p['required'])}" for p in named]
    if "requestBody" in shown:
        name = shown["requestBody"]["content"]["application/json"]["schema"]["$ref"].removeprefix(REF)
        may = "" if shown["requestBody"]["required"] else " (may be left out)"
        facts.append(f"- Body: [{name}](rest-objects.md#{name.lower()}){may}")
    facts.append(f"- Answers {_success(told, shown)}")
    marks = ["*If-Match*"] if told.if_match else []
    if told.keys != "never":
        marks.append("*Idempotency-Key* required" if told.keys == "required" else "*Idempotency-Key*")
    if marks:
        facts.append(f"- {', '.join(marks)}")
    if told.errors:
        listed = ", ".join(f"{status_of(cls)} {code(cls.code)}" for cls in told.errors)
        facts.append(f"- Refuses with {listed}")
    return "\n\n".join([*lines, "\n".join(facts)])


def _success(told: Operation, shown: Mapping[str, Any]) -> str:
    text = str(told.status)
    content = shown["responses"][text].get("content", {}).get("application/json", {}).get("schema")
    if content:
        text += f" with {describe(content)}"
    if told.again is not None:
        text += f"; {told.again} with what is stored, when it was sent before"
    return text


def _address(path: str) -> str:
    return "/".join("{" + part.strip("{}").partition(":")[0] + "}" if "{" in part else part for part in path.split("/"))


def _required(is_required: bool) -> str:
    return ", required" if is_required else ""


# ── the objects ─────────────────────────────────────────────────────────────


def _objects(document: Mapping[str, Any]) -> str:
    parts = [
        "What requests hold and answers show. A member marked with \\* must be given; in answers every member is\n"
        "there. Names that end in *Input* or *Output* differ from the one without only in what may be left out."
    ]
    for name, schema in sorted(document["components"]["schemas"].items()):
        says = str(schema.get("description", "")).replace("``", "`")
        parts.append(f"## {name}\n\n{says}\n\n{_members(schema)}".replace("\n\n\n", "\n"))
    return page("REST: the objects", *parts)


def _members(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = []
    for name, member in schema.get("properties", {}).items():
        star = " \\*" if name in required else ""
        rows.append((f"`{name}`{star}", describe(member)))
    return table(("member", "what it is"), rows) if rows else "No members."


def describe(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a JSON Schema takes."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return f"[{name}](rest-objects.md#{name.lower()})"
    if "anyOf" in schema or "oneOf" in schema:
        texts = [describe(each) for each in schema.get("anyOf", schema.get("oneOf", ()))]
        return " or ".join(dict.fromkeys(part for text in texts for part in text.split(" or ")))
    if "const" in schema:
        return code(str(schema["const"]))
    if "enum" in schema:
        return "one of " + ", ".join("null" if each is None else code(str(each)) for each in schema["enum"])
    kinds = schema.get("type", "anything")
    names = list(kinds) if isinstance(kinds, list) else [kinds]
    null = " or null" if "null" in names else ""
    kind = next((name for name in names if name != "null"), "null")
    text = _of_kind(kind, schema) + null
    if "default" in schema:
        text += f", by default {code(str(schema['default']).lower() if kind == 'boolean' else str(schema['default']))}"
    return text


def _of_kind(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "array":
        most = f"at most {schema['maxItems']} " if "maxItems" in schema else ""
        return f"a list of {most}[{describe(schema.get('items', {}))}]".replace("[[", "[").replace(")]", ")")
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"an object of {describe(inner)}" if isinstance(inner, Mapping) else "an object"
    if kind == "string":
        return _string(schema)
    if kind in ("integer", "number"):
        word = "whole number" if kind == "integer" else "number"
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and high is not None:
            return f"{word} from {low} to {high}"
        return f"{word} from {low}" if low is not None else word
    return kind


def _string(schema: Mapping[str, Any]) -> str:
    named = {"uuid": "an id", "date-time": "an instant", "date": "a date", "email": "an address", "uri": "a URI"}
    if schema.get("format") in named:
        return named[schema["format"]]
    pattern = schema.get("pattern", "")
    if pattern.startswith("^(0|[1-9][0-9]{0,7})"):
        return "an amount of money, as a string"
    if pattern == "^[A-Z]{3}$":
        return "a currency such as `EUR`"
    if pattern.startswith("^[a-z]{2,3}(-"):
        return "a language such as `en`"
    if pattern.startswith("^[0-2][0-9]:"):
        return "a time of day"
    if "maxLength" in schema:
        return f"text, at most {schema['maxLength']} characters"
    return "text"
