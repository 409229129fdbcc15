"""The log of what became of suggestions: what a matcher learns from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.columns import frozen_array
from coachhub_core.matching.entries import is_missing, name_of, per_row

STEPS: Mapping[str, tuple[str, ...]] = {
    "wants": ("opened", "contacted"),
    "accepts": ("accepted", "declined"),
    "goes_well": ("started", "completed", "cancelled", "rated"),
}  #: whose step an event decides: the trainee's, the coach's, the outcome's; "shown" decides none
_MOST_VALUE = float(np.finfo(np.float32).max)
_MOST_AT = int(np.iinfo(np.int64).max)
_MOST_POSITION = int(np.iinfo(np.int32).max)


@attrs.frozen(eq=False, slots=False)
class OutcomeLog:
    """
    What became of suggestions, in the order it happened; append-only.

    ``value`` is NaN where an event needs none, else an explicit yes (1), no (0)
    or rating; unseen is not a no. ``position`` is the place in the list from 1,
    0 where there was none; ``shown_with`` is the id of that list, "" likewise.
    ``propensity`` is how likely a coach who was shown was to be shown there,
    above 0 to 1, NaN where nobody knows.
    """

    at: NDArray[np.int64]  #: microseconds since 1970, UTC
    trainee: tuple[str, ...]
    coach: tuple[str, ...]
    event: tuple[str, ...]
    value: NDArray[np.float32]
    position: NDArray[np.int32]
    shown_with: tuple[str, ...]
    steps: Mapping[str, tuple[str, ...]] = attrs.field(factory=lambda: STEPS)
    propensity: NDArray[np.float32] = attrs.field(
        default=attrs.Factory(lambda log: frozen_array([math.nan] * len(log.event), np.float32), takes_self=True)
    )

    @classmethod
    def build(
        cls, records: Iterable[Mapping[str, Any]] = (), *, steps: Mapping[str, Sequence[str]] | None = None
    ) -> OutcomeLog:
        """
        Make a log of records with ``at trainee coach event`` and, where known, ``value position
        shown_with propensity``.

        Args:
            records: ``at`` is an aware datetime or microseconds since 1970.
            steps: For events that are not CoachHub's: which step each decides.
        Raises:
            Invalid: If a record lacks a member, has one unknown or of a wrong value, or an instant is naive; or a
                step is none of the three, its events are no list of texts, or an event is named under two.
        """
        rows = []
        for i, record in enumerate(per_row(records, "")):
            if not isinstance(record, Mapping):  # what walking a data frame gives: its columns' names
                raise Invalid.at(f"/{i}", "needs a mapping with at, trainee, coach and event")
            unknown = set(record) - {
                *("at", "trainee", "coach", "event", "value", "position", "shown_with", "propensity")
            }
            lacking = {"at", "trainee", "coach", "event"} - set(record)
            if unknown or lacking:
                raise Invalid.at(f"/{i}", f"unknown {sorted(unknown)}, lacking {sorted(lacking)}")
            rows.append((_micros(record["at"], f"/{i}/at"), record))
        return cls(
            at=frozen_array([at for at, _ in rows], np.int64),
            trainee=tuple(_id(r["trainee"], f"/{i}/trainee") for i, (_, r) in enumerate(rows)),
            coach=tuple(_id(r["coach"], f"/{i}/coach") for i, (_, r) in enumerate(rows)),
            event=tuple(_id(r["event"], f"/{i}/event") for i, (_, r) in enumerate(rows)),
            value=frozen_array([_value(r.get("value"), i) for i, (_, r) in enumerate(rows)], np.float32),
            position=frozen_array([_position(r.get("position"), i) for i, (_, r) in enumerate(rows)], np.int32),
            shown_with=tuple(_list_id(r.get("shown_with")) for _, r in rows),
            propensity=frozen_array([_propensity(r.get("propensity"), i) for i, (_, r) in enumerate(rows)], np.float32),
            steps=_steps(STEPS if steps is None else steps),
        )

    def extended(self, other: OutcomeLog) -> OutcomeLog:
        """Give the log with *other* after it; the steps stay this log's."""
        return OutcomeLog(
            at=frozen_array(np.concatenate([self.at, other.at]), np.int64),
            trainee=self.trainee + other.trainee,
            coach=self.coach + other.coach,
            event=self.event + other.event,
            value=frozen_array(np.concatenate([self.value, other.value]), np.float32),
            position=frozen_array(np.concatenate([self.position, other.position]), np.int32),
            shown_with=self.shown_with + other.shown_with,
            steps=self.steps,
            propensity=frozen_array(np.concatenate([self.propensity, other.propensity]), np.float32),
        )

    def __len__(self) -> int:
        return len(self.event)

    @cached_property
    def step(self) -> tuple[str | None, ...]:
        """Give the step each event decides, None where it decides none."""
        step_of = {event: step for step, events in self.steps.items() for event in events}
        return tuple(step_of.get(event) for event in self.event)

    @cached_property
    def content_hash(self) -> str:
        """Stand for the whole content: sha256 in hex."""
        digest = hashlib.sha256(repr((len(self), sorted(self.steps.items()))).encode())
        for texts in (self.trainee, self.coach, self.event, self.shown_with):
            for text in texts:
                raw = text.encode("utf-8", "surrogatepass")
                digest.update(len(raw).to_bytes(4, "little") + raw)
        for array in (self.at, self.value, self.position):
            digest.update(array.tobytes())
        if not np.isnan(self.propensity).all():
            digest.update(self.propensity.tobytes())
        return digest.hexdigest()


def _id(value: Any, pointer: str) -> str:
    if type(value) is str:  # a log has millions of records: what is right costs no call
        return value
    if is_missing(value):  # or everybody unknown would be one person, called "None"
        raise Invalid.at(pointer, "must be given: a record without it says nothing")
    return name_of(value, pointer) if isinstance(value, Real) else str(value)  # 7 and 7.0 are one, as in a table


def _list_id(value: Any) -> str:
    if type(value) is str:
        return value
    return "" if is_missing(value) else str(value)  # or all that was shown in no list would be one, called "nan"


def _steps(steps: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    if not isinstance(steps, Mapping):
        raise Invalid.at("/steps", f"needs the events of each step: {', '.join(STEPS)}")
    known: dict[str, tuple[str, ...]] = {}
    step_of: dict[str, str] = {}
    for step, events in steps.items():
        if step not in STEPS:
            raise Invalid.at(f"/steps/{step}", f"is no step: {', '.join(STEPS)}")
        if isinstance(events, str | bytes) or not isinstance(events, Iterable):  # "click" would be c, l, i, c and k
            raise Invalid.at(f"/steps/{step}", "needs a list of events")
        known[step] = tuple(str(event) for event in events)
        for event in known[step]:
            if step_of.setdefault(event, step) != step:  # an event decides one step; the other would learn nothing
                raise Invalid.at(
                    f"/steps/{step}", f"names {event!r}, and so does {step_of[event]}: an event decides one"
                )
    return known


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal | np.bool_)


def _value(value: Any, i: int) -> float:
    if type(value) is float and -_MOST_VALUE <= value <= _MOST_VALUE:
        return value
    if is_missing(value):
        return math.nan
    if _is_number(value):
        with suppress(ValueError, OverflowError):
            number = float(value)
            if abs(number) <= _MOST_VALUE:
                return number
    raise Invalid.at(f"/{i}/value", "must be a finite number; leave it out (None) where there is none")


def _position(position: Any, i: int) -> int:
    if type(position) is int and 0 <= position <= _MOST_POSITION:
        return position
    if is_missing(position):
        return 0
    if _is_number(position):
        with suppress(ValueError, OverflowError):
            number = float(position)
            if 0 <= number <= _MOST_POSITION and number == int(number):
                return int(number)
    raise Invalid.at(f"/{i}/position", "must be a whole number, 1 or more, or 0 where there was none")


def _propensity(value: Any, i: int) -> float:
    if is_missing(value):
        return math.nan
    with suppress(ValueError, ArithmeticError):  # one that signals may not even be compared
        if _is_number(value) and 0 < value <= 1:
            return float(value)
    raise Invalid.at(f"/{i}/propensity", "must be above 0, and 1 at most", "range")


def _micros(at: Any, pointer: str) -> int:
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise Invalid.at(pointer, "needs a time zone" if at == at else "must be given: it is no instant")  # NaT
        delta = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if isinstance(at, Integral):
        if abs(int(at)) > _MOST_AT:
            raise Invalid.at(pointer, "is beyond 64 bits; microseconds since 1970 are meant")
        return int(at)
    raise Invalid.at(pointer, "needs an instant: an aware datetime, or whole microseconds since 1970")
