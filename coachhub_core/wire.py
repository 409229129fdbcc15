"""
What crosses a door: strict JSON in, views out. One file for every shell.

Reading is the standard ``json`` with hooks, then cattrs: nothing is coerced,
unknown members are refused, and each error carries its JSON Pointer. Writing is
msgspec: decimals as strings, instants in UTC, ids in canonical form.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

import attrs
import cattrs
import msgspec
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn

from coachhub_core.domain.values import MONEY_PATTERN, FieldRefused, Unset
from coachhub_core.errors import FieldError, Invalid, TooLarge
from coachhub_core.strict_json import MAX_DEPTH, loads

__all__ = ["MAX_DEPTH", "canonical", "dumps", "is_union", "kind_of", "loads", "structure", "structure_query"]

T = TypeVar("T")

MAX_ERRORS: Final = 50  # enough to mend a form, and a bounded answer to a body of 1 MiB of mistakes

_MONEY = re.compile(MONEY_PATTERN)
_UUID = re.compile(r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")
_INSTANT = re.compile(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_TIME = re.compile(r"^\d\d:\d\d(?::\d\d)?$")


# ── structuring commands ────────────────────────────────────────────────────


def _refuse(sentence: str, code: str = "type") -> Any:
    raise FieldRefused("", sentence, code)


def _int(value: Any, _: Any) -> int:
    return value if type(value) is int else _refuse("must be a whole number")


def _float(value: Any, _: Any) -> float:
    return value if type(value) is float or type(value) is int else _refuse("must be a number")


def _str(value: Any, _: Any) -> str:
    return value if type(value) is str else _refuse("must be a string")


def _bool(value: Any, _: Any) -> bool:
    return value if type(value) is bool else _refuse("must be true or false")


def _uuid(value: Any, _: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if type(value) is not str or not _UUID.match(value):
        _refuse("must be an id such as 01890a5d-ac96-774b-bcce-b302099a8057", "uuid")
    return UUID(value)


def _decimal(value: Any, _: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if type(value) is not str or not _MONEY.match(value):
        _refuse('must be a decimal string such as "59.90"', "decimal")
    try:
        return Decimal(value)
    except InvalidOperation:
        return _refuse('must be a decimal string such as "59.90"', "decimal")  # type: ignore[no-any-return]


def _datetime(value: Any, _: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if type(value) is not str or not _INSTANT.match(value):
        _refuse("must be an RFC 3339 instant with an offset, such as 2026-01-05T09:00:00Z", "instant")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return _refuse("must be an instant that exists", "instant")  # type: ignore[no-any-return]


def _date(value: Any, _: Any) -> date:
    if type(value) is date:
        return value
    if type(value) is not str or not _DATE.match(value):
        _refuse("must be a date such as 2026-01-05", "date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        return _refuse("must be a date that exists", "date")  # type: ignore[no-any-return]


def _time(value: Any, _: Any) -> time:
    if type(value) is time:
        return value
    if type(value) is not str or not _TIME.match(value):
        _refuse("must be a local time such as 18:30", "time")
    try:
        return time.fromisoformat(value)
    except ValueError:
        return _refuse("must be a local time such as 18:30", "time")  # type: ignore[no-any-return]


def is_union(tp: Any) -> bool:
    """Say whether *tp* is ``X | Y`` in either spelling."""
    return get_origin(tp) in (Union, types.UnionType)


def kind_of(cls: type) -> str | None:
    """Return the value of a class's ``kind`` member when it is fixed: what tells the members of a union apart."""
    if not attrs.has(cls):
        return None
    attrs.resolve_types(cls)
    fields = attrs.fields_dict(cls)
    if "kind" not in fields or get_origin(fields["kind"].type) is not Literal:
        return None
    options = get_args(fields["kind"].type)
    return options[0] if len(options) == 1 else None


def _is_literal(tp: Any) -> bool:
    return get_origin(tp) is Literal


def _is_tuple(tp: Any) -> bool:
    return get_origin(tp) is tuple


def _is_mapping(tp: Any) -> bool:
    origin = get_origin(tp)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, use_alias=True, detailed_validation=True)
    for tp, hook in (
        (int, _int),
        (float, _float),
        (str, _str),
        (bool, _bool),
        (UUID, _uuid),
        (Decimal, _decimal),
        (datetime, _datetime),
        (date, _date),
        (time, _time),
    ):
        converter.register_structure_hook(tp, hook)  # by class: cattrs asks its own, lenient ones before any predicate

    def literal(tp: Any) -> Callable[[Any, Any], Any]:
        options = get_args(tp)

        def structure(value: Any, _: Any) -> Any:
            for option in options:
                if value == option and type(value) is type(option):
                    return option
            return _refuse(f"must be one of {', '.join(str(o) for o in options)}", "choice")

        return structure

    converter.register_structure_hook_factory(_is_literal, literal)

    def union(tp: Any) -> Callable[[Any, Any], Any]:
        members = [m for m in get_args(tp) if m is not Unset and m is not type(None)]
        is_nullable = type(None) in get_args(tp)
        by_kind = {kind: m for m in members if (kind := kind_of(m)) is not None}

        def structure(value: Any, _: Any) -> Any:
            if value is None and is_nullable:
                return None
            if len(members) == 1:
                return converter.structure(value, members[0])
            if by_kind:
                if not isinstance(value, dict):
                    return _refuse("must be an object")
                chosen = value.get("kind")
                if not isinstance(chosen, str) or chosen not in by_kind:
                    raise FieldRefused("kind", f"must be one of {', '.join(by_kind)}", "choice")
                return converter.structure(value, by_kind[chosen])
            for member in members:  # scalars only: at most one of them takes a JSON value
                try:
                    return converter.structure(value, member)
                except FieldRefused:
                    continue
            return _refuse("has a type that is not taken here")

        return structure

    converter.register_structure_hook_factory(is_union, union)

    def sequence(tp: Any) -> Callable[[Any, Any], Any]:
        item = get_args(tp)[0]

        def structure(value: Any, _: Any) -> tuple[Any, ...]:
            if type(value) is tuple:
                return value
            if type(value) is not list:
                return _refuse("must be a list")  # type: ignore[no-any-return]
            found, errors = [], []
            for index, entry in enumerate(value):
                try:
                    found.append(converter.structure(entry, item))
                except Exception as exc:
                    errors.append(_Placed(str(index), exc))
                    if len(errors) >= MAX_ERRORS:
                        break
            if errors:
                raise _Several(errors)
            return tuple(found)

        return structure

    converter.register_structure_hook_factory(_is_tuple, sequence)

    def mapping(tp: Any) -> Callable[[Any, Any], Any]:
        key_type, value_type = get_args(tp)

        def structure(value: Any, _: Any) -> dict[Any, Any]:
            if type(value) is not dict:
                return _refuse("must be an object")  # type: ignore[no-any-return]
            found, errors = {}, []
            for name, entry in value.items():
                try:
                    found[converter.structure(name, key_type)] = converter.structure(entry, value_type)
                except Exception as exc:
                    errors.append(_Placed(name, exc))
            if errors:
                raise _Several(errors)
            return found

        return structure

    converter.register_structure_hook_factory(_is_mapping, mapping)

    def attrs_class(cls: type) -> Callable[[Any, Any], Any]:
        attrs.resolve_types(cls)
        inner: Callable[[Any, Any], Any] = make_dict_structure_fn(
            cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True
        )

        def structure(value: Any, tp: Any) -> Any:
            if isinstance(value, cls):
                return value
            if type(value) is not dict:
                return _refuse("must be an object")
            return inner(value, tp)

        return structure

    converter.register_structure_hook_factory(attrs.has, attrs_class)
    return converter


class _Placed(Exception):
    """One item's error with the item's place."""

    def __init__(self, place: str, cause: Exception) -> None:
        super().__init__(place)
        self.place = place
        self.cause = cause


class _Several(Exception):
    """All errors of one list or object."""

    def __init__(self, placed: list[_Placed]) -> None:
        super().__init__(f"{len(placed)} errors")
        self.placed = placed


_converter = _make_converter()


def structure(cls: type[T], value: Any, *, trusted: Mapping[str, Any] | None = None) -> T:
    """
    Make a command from what :func:`loads` read.

    Args:
        cls: An attrs class of the domain.
        value: The JSON value; must be an object.
        trusted: Members the server knows better (ids from the path): they are
            not looked for in *value*, and refused when they stand there.
    Raises:
        Invalid: With every error and its pointer.
    """
    if type(value) is not dict:
        raise Invalid.at("", "must be an object", "type")
    trusted = trusted or {}
    forged = [name for name in trusted if name in value]
    if forged:
        raise Invalid(errors=tuple(_unknown(f"/{_escape(name)}", cls, trusted) for name in forged))
    try:
        return _converter.structure({**value, **trusted}, cls)
    except Exception as exc:  # whatever went wrong in there is the input's doing, or re-raised as ours
        errors = list(_collect(exc, "", cls, trusted))[:MAX_ERRORS]
        if not errors:
            raise
        raise Invalid(errors=tuple(errors)) from exc


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unknown(pointer: str, cls: Any, trusted: Mapping[str, Any] | None = None) -> FieldError:
    known = (
        sorted(parameter_name(f) for f in attrs.fields(cls) if f.init and f.alias not in (trusted or {}))
        if attrs.has(cls)
        else []
    )
    names = ", ".join(known) if known else "none"
    return FieldError(pointer=pointer, message=f"is not known here; known members: {names}", code="unknown_member")


def _collect(exc: BaseException, at: str, cls: Any, trusted: Mapping[str, Any] | None = None) -> list[FieldError]:
    """Flatten cattrs's tree of exceptions into pointers and sentences."""
    found: list[FieldError] = []
    match exc:
        case ClassValidationError() | IterableValidationError():
            placed, rest = exc.group_exceptions()
            for inner, note in placed:
                name = str(getattr(note, "name", getattr(note, "index", "")))
                if isinstance(inner, KeyError):  # cattrs looks required members up by key
                    found.append(FieldError(pointer=f"{at}/{_escape(name)}", message="is required", code="required"))
                else:
                    found.extend(_collect(inner, f"{at}/{_escape(name)}", getattr(note, "type", cls)))
            for inner in rest:
                if isinstance(inner, KeyError):
                    name = str(inner.args[0])
                    found.append(FieldError(pointer=f"{at}/{_escape(name)}", message="is required", code="required"))
                elif isinstance(inner, ForbiddenExtraKeysError):
                    found.extend(
                        _unknown(f"{at}/{_escape(name)}", inner.cl, trusted) for name in sorted(inner.extra_fields)
                    )
                else:
                    found.extend(_collect(inner, at, cls, trusted))
        case _Several():
            for item in exc.placed:
                found.extend(_collect(item.cause, f"{at}/{_escape(item.place)}", cls))
        case FieldRefused():
            # members of a list arrive as "tags/3": the slash is a step there, not a character of a name
            pointer = f"{at}/{exc.member}" if exc.member else at
            found.append(FieldError(pointer=pointer, message=exc.sentence, code=exc.code))
        case Invalid():
            found.extend(attrs.evolve(e, pointer=at + e.pointer) for e in exc.errors)
        case TooLarge():
            raise exc
        case _:
            return found
    return found


# ── query parameters ────────────────────────────────────────────────────────


def _fields(cls: Any) -> tuple[attrs.Attribute[Any], ...]:
    attrs.resolve_types(cls)
    return tuple(attrs.fields(cls))


def parameter_name(attribute: attrs.Attribute[Any]) -> str:
    """Return what a member is called in a URL: ``from_`` is ``from``, a word that Python has taken."""
    return (attribute.alias or attribute.name).removesuffix("_")


def structure_query(cls: type[T], params: Mapping[str, list[str]], *, trusted: Mapping[str, Any] | None = None) -> T:
    """
    Make a query from parameters of a URL, as strictly as a body.

    Args:
        params: Each name with all its values, in order.
        trusted: As for :func:`structure`.
    Raises:
        Invalid: Pointers are the bare parameter names.
    """
    fields = {parameter_name(f): f for f in _fields(cls) if f.init}
    value: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, texts in params.items():
        known = fields.get(name)
        if known is None or (trusted and name in trusted):
            errors.append(attrs.evolve(_unknown(name, cls, trusted)))
            continue
        tp = known.type
        if get_origin(tp) is tuple:
            value[known.name] = [_from_text(get_args(tp)[0], text) for text in texts]
        elif len(texts) > 1:
            errors.append(FieldError(pointer=name, message="stands more than once", code="repeated"))
        else:
            value[known.name] = _from_text(tp, texts[0])
    if errors:
        raise Invalid(errors=tuple(errors[:MAX_ERRORS]))
    try:
        return structure(cls, value, trusted=trusted)
    except Invalid as exc:
        named = (attrs.evolve(e, pointer=e.pointer.lstrip("/").removesuffix("_")) for e in exc.errors)
        raise Invalid(errors=tuple(named)) from exc


def _from_text(tp: Any, text: str) -> Any:
    """Read *text* as the JSON scalar that *tp* expects; what cannot be read stays text and is refused later."""
    members = [m for m in get_args(tp) if m not in (type(None), Unset)] if is_union(tp) else [tp]
    for member in members:
        if member is int and re.fullmatch(r"-?\d{1,18}", text):
            return int(text)
        if member is float and re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text):
            return float(text)
        if member is bool and text in ("true", "false"):
            return text == "true"
    return text


# ── writing views ───────────────────────────────────────────────────────────

_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")
_canonical = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical", order="deterministic")


def dumps(view: Any) -> bytes:
    """Write a view, or lists and dicts of views, as JSON."""
    return _encoder.encode(view)


def canonical(value: Any) -> bytes:
    """Write *value* as JSON with sorted members: equal values give equal bytes, so a hash of them means something."""
    return _canonical.encode(value)


def view(cls: type[T], raw: bytes) -> T:
    """Read a view that :func:`dumps` wrote: bytes of our own, from a cache or an idempotency row."""
    return _converter.structure(msgspec.json.decode(raw), cls)
