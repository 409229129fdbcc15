"""
JSON Schema from the domain's own classes, for the OpenAPI document.

What ``wire.py`` reads and writes is shown here: types from annotations, rules
from ``metadata["schema"]`` of the fields that ``values.py`` makes. Nothing is
described twice, so the document cannot say other than what happens.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, Literal, get_args, get_origin
from uuid import UUID

import attrs

from coachhub_core.domain.values import Unset
from coachhub_core.wire import is_union, kind_of, parameter_name

Schema = dict[str, Any]
Direction = Literal["in", "out"]

_SCALARS: Final[Mapping[Any, Schema]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    UUID: {"type": "string", "format": "uuid"},
    Decimal: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    time: {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$"},
    type(None): {"type": "null"},
    Any: {},
}
_NULL: Final = {"type": "null"}
REF: Final = "#/components/schemas/"


class Schemas:
    """The schemas of a document, each class once under ``components``."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._names: dict[tuple[type, Direction, frozenset[str]], str] = {}

    def of(self, tp: Any, direction: Direction) -> Schema:
        """
        Return the schema of a type.

        Args:
            direction: ``in`` for what is read (members may be left out), ``out`` for what is written (all are there).
        """
        if tp in _SCALARS:
            return dict(_SCALARS[tp])
        origin, arguments = get_origin(tp), get_args(tp)
        if origin is Literal:
            return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
        if is_union(tp):
            return self._union(arguments, direction)
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0], direction)}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1], direction)}
        if isinstance(tp, type) and attrs.has(tp):
            return {"$ref": REF + self.component(tp, direction)}
        raise TypeError(f"{tp!r} has no schema: it is nothing that crosses a door")

    def component(self, cls: type, direction: Direction, leave_out: frozenset[str] = frozenset()) -> str:
        """Return the name under which *cls* stands in the components, without the members in *leave_out*."""
        place = (cls, direction, leave_out)
        if place not in self._names:
            name = cls.__name__
            if name in self.components:
                name += "Input" if direction == "in" else "Output"
            while name in self.components:
                name += "_"
            self._names[place] = name
            self.components[name] = {}  # a class may refer to itself
            schema = self._object(cls, direction, leave_out)
            for (other, _, left_out), known in list(self._names.items()):
                if other is cls and known != name and left_out == leave_out and self.components[known] == schema:
                    del self.components[name]
                    self._names[place] = known
                    return known
            self.components[name] = schema
        return self._names[place]

    def parameters(self, cls: type) -> list[tuple[str, Schema, bool]]:
        """Return name, schema and requiredness of each parameter of a query; null is not for a URL."""
        attrs.resolve_types(cls)
        found = []
        for field in attrs.fields(cls):
            if field.init:
                schema = _without_null(self._field(field, "in"))
                found.append((parameter_name(field), schema, field.default is attrs.NOTHING))
        return found

    def _object(self, cls: type, direction: Direction, leave_out: frozenset[str]) -> Schema:
        attrs.resolve_types(cls)
        has_kind = kind_of(cls) is not None
        properties, required = {}, []
        for field in attrs.fields(cls):
            name = (field.alias or field.name) if direction == "in" else field.name
            if name in leave_out or (direction == "in" and not field.init):
                continue
            properties[name] = self._field(field, direction)
            if direction == "out" or field.default is attrs.NOTHING or (name == "kind" and has_kind):
                required.append(name)
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = required
        if cls.__doc__ and not cls.__doc__.startswith("Method generated"):
            schema["description"] = inspect.cleandoc(cls.__doc__).partition("\n\n")[0].replace("\n", " ")
        return schema

    def _field(self, field: attrs.Attribute[Any], direction: Direction) -> Schema:
        schema = self._written(field) if "model" in field.metadata else self.of(field.type, direction)
        rules = field.metadata.get("schema")
        if rules:
            schema = _narrowed(schema, rules)
        default = field.default
        if direction == "in" and isinstance(default, str | int | float | bool):
            schema = {**schema, "default": default}
        return schema

    def _written(self, field: attrs.Attribute[Any]) -> Schema:
        """Describe bytes that were written before: canonical JSON of a class, which leaves out what is null."""
        schema = self.of(field.metadata["model"], "in")
        return _nullable(schema) if type(None) in get_args(field.type) else schema

    def _union(self, arguments: tuple[Any, ...], direction: Direction) -> Schema:
        members = [m for m in arguments if m is not Unset and m is not type(None)]
        is_nullable = type(None) in arguments
        if len(members) == 1:
            schema = self.of(members[0], direction)
        elif all(kind_of(m) is not None for m in members):
            refs = {str(kind_of(m)): self.of(m, direction) for m in members}
            schema = {
                "oneOf": list(refs.values()),
                "discriminator": {
                    "propertyName": "kind",
                    "mapping": {kind: ref["$ref"] for kind, ref in refs.items()},
                },
            }
        else:
            schema = {"anyOf": [self.of(m, direction) for m in members]}
        return _nullable(schema) if is_nullable else schema


def _nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "const" in schema:
        return {"enum": [schema["const"], None]}
    return {"anyOf": [schema, _NULL]}


def _without_null(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), list):
        return {**schema, "type": next(t for t in schema["type"] if t != "null")}
    if "enum" in schema:
        return {**schema, "enum": [option for option in schema["enum"] if option is not None]}
    return schema


def _narrowed(schema: Schema, rules: Schema) -> Schema:
    """Put a field's rules upon its type's schema; a rule that lists what may be keeps null where the type has it."""
    if "enum" in rules:
        has_null = None in schema.get("enum", ()) or "null" in (schema.get("type") or ())
        options = [*rules["enum"], None] if has_null else list(rules["enum"])
        return {**{k: v for k, v in schema.items() if k != "const"}, **rules, "enum": options}
    if "items" in rules and "items" in schema:
        return {**schema, **rules, "items": {**schema["items"], **rules["items"]}}
    return {**schema, **rules}


# ── examples ────────────────────────────────────────────────────────────────

_BY_NAME: Final[Mapping[str, Any]] = {
    "email": "sam@example.org",
    "password": "three green bicycles at dawn",
    "current_password": "three green bicycles at dawn",
    "new_password": "four blue bicycles at dusk",
    "name": "Sam Okafor",
    "city": "Berlin",
    "goal": "run a half marathon in October",
    "bio": "I coach beginners to their first race.",
    "zone": "Europe/Berlin",
    "locale": "en",
    "currency": "EUR",
    "pricing": "59.90",
    "budget": "80.00",
    "message": "I would like to train with you.",
    "reason": "no_time",
    "body": "See you on Monday!",
    "title": "Half marathon in twelve weeks",
    "due": "2026-10-04",
}
_BY_FORMAT: Final[Mapping[str, Any]] = {
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "date-time": "2026-01-05T09:00:00Z",
    "date": "2026-01-05",
    "email": "sam@example.org",
}


class Examples:
    """Makes one believable value per schema: the required members, and those whose name says what they hold."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        """Return an example of *schema*."""
        if "$ref" in schema:
            return self.of(self._components[schema["$ref"].removeprefix(REF)], name, depth)
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return self.of(schema[choice][0], name, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return _BY_NAME[name] if _BY_NAME.get(name) in schema["enum"] else schema["enum"][0]
        if "examples" in schema:
            return schema["examples"][0]
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = kind[0]
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            n = max(schema.get("minItems", 0), 1 if depth < 12 else 0)
            return [self.of(schema.get("items", {}), name.removesuffix("s"), depth + 1)] * n
        return self._scalar(schema, kind, name)

    def _object(self, schema: Schema, depth: int) -> Any:
        required = schema.get("required", ())
        return {
            member: self.of(rules, member, depth + 1)
            for member, rules in schema.get("properties", {}).items()
            if member in required or (depth == 0 and member in _BY_NAME)
        }

    def _scalar(self, schema: Schema, kind: str | None, name: str) -> Any:
        if kind == "string":
            if name in _BY_NAME and len(_BY_NAME[name]) <= schema.get("maxLength", 1_000):
                return _BY_NAME[name]
            if schema.get("format") in _BY_FORMAT:
                return _BY_FORMAT[schema["format"]]
            pattern = schema.get("pattern", "")
            if "default" in schema:
                return schema["default"]
            if "0-9]:[0-5]" in pattern:
                return "18:30"
            return "59.90" if "{1,2})?$" in pattern else "x" * max(1, schema.get("minLength", 1))
        if kind in ("integer", "number"):
            return schema.get("default", max(1, schema.get("minimum", 1)))
        return kind == "boolean" if kind == "boolean" else None
