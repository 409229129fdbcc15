"""
The small values of the domain, and the fields that check themselves.

A field made here carries its rule twice from one place: as a validator, whose
sentence is what a client reads, and as JSON Schema in its metadata, which the
OpenAPI document shows. A broken rule raises :exc:`FieldRefused`, which
``wire.py`` turns into a pointer; who builds a command in Python sees the same
sentence in a :exc:`ValueError`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

import attrs

Currency = str
Role = Literal["coach", "trainee", "admin"]


class Unset(enum.Enum):
    """The type of :data:`UNSET`."""

    UNSET = enum.auto()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""What a change command holds where a member was not sent: null is a value, absence is not."""


class FieldRefused(ValueError):
    """Raised by a field's own rule; ``member`` is its name, ``sentence`` the rule."""

    def __init__(self, member: str, sentence: str, code: str = "invalid") -> None:
        super().__init__(f"{member}: {sentence}")
        self.member = member
        self.sentence = sentence
        self.code = code


def changes(command: Any, *names: str) -> dict[str, Any]:
    """Return those of *names* that *command* really carries, ready for :func:`attrs.evolve`."""
    return {name: value for name in names if (value := getattr(command, name)) is not UNSET}


# ── instants, zones, languages ──────────────────────────────────────────────


def to_utc(value: datetime) -> datetime:
    """
    Return *value* in UTC.

    Raises:
        ValueError: If it is naive: a time without an offset is a guess.
    """
    if value.tzinfo is None:
        raise ValueError("an instant needs an offset, such as Z")
    return value.astimezone(UTC)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Say whether *name* is a zone of the IANA database, such as ``Europe/Berlin``."""
    return name in _zones()


def zone_of(name: str) -> ZoneInfo:
    """Return the zone called *name*, which a field has checked before."""
    return ZoneInfo(name)


# ── fields ──────────────────────────────────────────────────────────────────

# One line of text that a person reads: no controls, no invisible direction marks, no blank start.
_UNSEEN = "\\u0000-\\u001f\\u007f-\\u009f\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff"
LINE_PATTERN = f"^[^\\s{_UNSEEN}][^{_UNSEEN}]*$"
MONEY_PATTERN = r"^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$"
CURRENCY_PATTERN = "^[A-Z]{3}$"
LANGUAGE_PATTERN = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"

_LINE = re.compile(LINE_PATTERN)
_CURRENCY = re.compile(CURRENCY_PATTERN)
_LANGUAGE = re.compile(LANGUAGE_PATTERN)

_Check = Callable[[str, Any], None]


def _is_encodable(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def field(
    check: _Check,
    schema: dict[str, Any],
    *,
    default: Any = attrs.NOTHING,
    optional: bool = False,
    factory: Callable[[], Any] | None = None,
) -> Any:
    """
    Make an attrs field from a check and its JSON Schema.

    Args:
        check: Called with the member's name and its value; raises :exc:`FieldRefused`.
        schema: JSON Schema members beside the type, such as ``{"maxLength": 255}``.
        optional: Whether None is a value too.
    """

    def validate(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is UNSET or (value is None and optional):
            return
        check(attribute.alias or attribute.name, value)

    if factory is not None:
        return attrs.field(factory=factory, validator=validate, metadata={"schema": schema})
    return attrs.field(default=default, validator=validate, metadata={"schema": schema})


def _text_check(min_len: int, max_len: int, pattern: re.Pattern[str] | None, says: str) -> _Check:
    def check(member: str, value: Any) -> None:
        if not isinstance(value, str):
            raise FieldRefused(member, "must be a string", "type")
        if len(value) < min_len:
            raise FieldRefused(member, f"must have at least {min_len} character{'s' * (min_len > 1)}", "too_short")
        if len(value) > max_len:
            raise FieldRefused(member, f"may have at most {max_len} characters, not {len(value)}", "too_long")
        if not _is_encodable(value):
            raise FieldRefused(member, "must be Unicode text without lone surrogates", "text")
        if pattern is not None and not pattern.search(value):
            raise FieldRefused(member, says, "pattern")

    return check


def text(max_len: int, *, min_len: int = 0, **more: Any) -> Any:
    """Make a field of free text, kept character for character; lengths count characters, not bytes."""
    schema: dict[str, Any] = {"maxLength": max_len}
    if min_len:
        schema["minLength"] = min_len
    return field(_text_check(min_len, max_len, None, ""), schema, **more)


def line(max_len: int = 255, **more: Any) -> Any:
    """Make a field of one line that people read: it starts with a visible character and hides none."""
    says = "must be one line that starts with a visible character, without control or direction characters"
    schema = {"minLength": 1, "maxLength": max_len, "pattern": LINE_PATTERN}
    return field(_text_check(1, max_len, _LINE, says), schema, **more)


def pattern(regex: str, says: str, *, max_len: int, min_len: int = 1, **more: Any) -> Any:
    """Make a field of text that matches *regex*; *says* is the rule in words."""
    schema = {"minLength": min_len, "maxLength": max_len, "pattern": regex}
    return field(_text_check(min_len, max_len, re.compile(regex), says), schema, **more)


def whole(low: int, high: int, **more: Any) -> Any:
    """Make a field of a whole number in [low, high]."""

    def check(member: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise FieldRefused(member, "must be a whole number", "type")
        if not low <= value <= high:
            raise FieldRefused(member, f"must be from {low} to {high}", "range")

    return field(check, {"minimum": low, "maximum": high}, **more)


def number(low: float, high: float, **more: Any) -> Any:
    """Make a field of a finite number in [low, high]."""

    def check(member: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldRefused(member, "must be a number", "type")
        if not low <= value <= high:  # NaN is in no range
            raise FieldRefused(member, f"must be from {low:g} to {high:g}", "range")

    return field(check, {"minimum": low, "maximum": high}, **more)


def flag(**more: Any) -> Any:
    """Make a field that is true or false and nothing else."""

    def check(member: str, value: Any) -> None:
        if not isinstance(value, bool):
            raise FieldRefused(member, "must be true or false", "type")

    return field(check, {}, **more)


def money(**more: Any) -> Any:
    """Make a field of an amount with at most two decimals, from 0 to 99999999.99."""

    def check(member: str, value: Any) -> None:
        if not isinstance(value, Decimal) or not value.is_finite():
            raise FieldRefused(member, 'must be a decimal amount such as "59.90"', "type")
        exponent = value.as_tuple().exponent
        if not 0 <= value < 100_000_000 or (isinstance(exponent, int) and exponent < -2):
            raise FieldRefused(member, "must be from 0 to 99999999.99 with at most two decimals", "range")

    return field(check, {"pattern": MONEY_PATTERN}, **more)


def currency(**more: Any) -> Any:
    """Make a field of an ISO 4217 code, three capital letters."""
    says = "must be three capital letters, such as EUR"
    return field(_text_check(3, 3, _CURRENCY, says), {"pattern": CURRENCY_PATTERN}, **more)


def zone(**more: Any) -> Any:
    """Make a field of an IANA time zone."""

    def check(member: str, value: Any) -> None:
        if not isinstance(value, str) or not is_zone(value):
            raise FieldRefused(member, "must be a time zone such as Europe/Berlin", "zone")

    return field(check, {"maxLength": 64, "examples": ["Europe/Berlin"]}, **more)


def instant(**more: Any) -> Any:
    """Make a field of an aware instant."""

    def check(member: str, value: Any) -> None:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise FieldRefused(member, "must be an instant with an offset, such as 2026-01-05T09:00:00Z", "type")

    return field(check, {}, **more)


def choice(options: Iterable[str], **more: Any) -> Any:
    """Make a field that is one of *options*."""
    known = tuple(options)

    def check(member: str, value: Any) -> None:
        if value not in known:
            raise FieldRefused(member, f"must be one of {', '.join(known)}", "choice")

    return field(check, {"enum": list(known)}, **more)


def items(
    max_len: int,
    *,
    min_len: int = 0,
    each: Any = None,
    distinct: bool = False,
    key: Callable[[Any], Any] | None = None,
    **more: Any,
) -> Any:
    """
    Make a field of a list.

    Args:
        each: A field made by this module, applied to every item.
        distinct: Whether the same value twice is refused.
        key: What makes two items the same; the item itself by default.
    """
    schema: dict[str, Any] = {"maxItems": max_len}
    if min_len:
        schema["minItems"] = min_len
    if distinct and key is None:
        schema["uniqueItems"] = True
    validator = each._validator if each is not None else None
    if each is not None:
        schema["items"] = each.metadata["schema"]

    def check(member: str, value: Any) -> None:
        if not isinstance(value, tuple):
            raise FieldRefused(member, "must be a list", "type")
        if not min_len <= len(value) <= max_len:
            raise FieldRefused(member, f"must have from {min_len} to {max_len} items, not {len(value)}", "length")
        if validator is not None:
            for index, item in enumerate(value):
                _check_item(validator, f"{member}/{index}", item)
        if distinct:
            keys = [key(item) if key else item for item in value]
            if len(set(keys)) != len(keys):
                raise FieldRefused(member, "must not hold the same item twice", "distinct")

    return field(check, schema, **more)


@attrs.frozen
class _Named:
    """What a validator reads of an attribute."""

    name: str
    alias: str


def _check_item(validator: Any, member: str, item: Any) -> None:
    validator(None, _Named(member, member), item)


def language_tag() -> Any:
    """Make the rule of one BCP 47 tag, for :func:`items`."""
    says = "must be a language tag such as en or pt-BR"
    return field(_text_check(2, 35, _LANGUAGE, says), {"pattern": LANGUAGE_PATTERN, "maxLength": 35})
