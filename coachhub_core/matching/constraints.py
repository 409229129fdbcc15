"""
What no score can buy off: hard constraints and stated filters, as bitmaps.

Each rule compiles a snapshot of coaches once, into Python integers with one bit
per coach; a trainee's answer is then an AND of a few of them, and the exact
number of coaches that dropping one rule would add is a count of bits.

What a profile implies lets a coach through who has not said: no stated price is
not too dear, no stated hours are not the wrong ones. What somebody states as a
filter keeps to what is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.vocabulary import fold
from coachhub_core.errors import MatcherError
from coachhub_core.matching.schema import hubs_own
from coachhub_core.matching.tables import N_HOURS, CoachTable, Hours, TraineeRow
from coachhub_core.ports.matcher import CompiledConstraint, HardConstraint

# ── bitmaps ─────────────────────────────────────────────────────────────────


def bits_of(flags: Any) -> int:
    """Pack flags, bool (n,), into an integer, bit r for row r."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def bits_by_value(values: list[Any]) -> dict[Any, int]:
    """Give for every value (or every member of a tuple of values) the rows that have it; None is no value."""
    rows: dict[Any, list[int]] = {}
    for row, value in enumerate(values):
        for one in value if isinstance(value, tuple) else () if value is None else (value,):
            rows.setdefault(one, []).append(row)
    flags = np.zeros(len(values), np.bool_)
    bits = {}
    for value, members in rows.items():
        flags[members] = True
        bits[value] = bits_of(flags)
        flags[members] = False
    return bits


class Ranges:
    """A number column that answers "at most x" and "at least x" by ANDs over the bits of each value's rank."""

    def __init__(self, numbers: NDArray[Any]) -> None:
        known = ~np.isnan(numbers)
        self.known = bits_of(known)
        self._distinct: list[float] = np.unique(numbers[known]).tolist()
        ranks = np.searchsorted(self._distinct, np.where(known, numbers, 0)) if self._distinct else np.zeros(len(known))
        width = max(len(self._distinct) - 1, 0).bit_length()
        self._made: dict[int, int] = {}  # as many as people usually say: budgets are round
        self._slices = [bits_of((ranks.astype(np.int64) >> bit & 1).astype(np.bool_) & known) for bit in range(width)]

    def _first(self, n: int) -> int:
        """Give the rows whose value is among the *n* smallest."""
        if n >= len(self._distinct):
            return self.known
        found = self._made.get(n)
        if found is None:
            found = self._made_of(n)
            if len(self._made) < 64:
                self._made[n] = found
        return found

    def _made_of(self, n: int) -> int:
        less, equal = 0, self.known
        for bit in range(len(self._slices) - 1, -1, -1):
            if n >> bit & 1:
                less |= equal & ~self._slices[bit]
                equal &= self._slices[bit]
            else:
                equal &= ~self._slices[bit]
        return less

    def at_most(self, number: float) -> int:
        """Give the rows whose number is known and at most this one."""
        return self._first(bisect_right(self._distinct, number))

    def at_least(self, number: float) -> int:
        """Give the rows whose number is known and at least this one."""
        return self.known & ~self._first(bisect_left(self._distinct, number))


def language_of(tag: str) -> str:
    """Give the language of a BCP 47 tag without script and region: who speaks en-GB is understood in en-US."""
    return tag.partition("-")[0].lower()


def _languages(coaches: CoachTable) -> dict[str, int]:
    said = hubs_own(coaches).values("languages")
    spoken = [None if v is None else tuple({language_of(tag) for tag in v}) for v in said]
    return bits_by_value(spoken)


def _cities(coaches: CoachTable) -> dict[str, int]:
    return bits_by_value([None if city is None else fold(city).strip() for city in hubs_own(coaches).values("city")])


def _any(bits: Mapping[Any, int], wanted: Collection[Any]) -> int:
    found = 0
    for one in wanted:
        found |= bits.get(one, 0)
    return found


# ── the constraints a profile implies ───────────────────────────────────────


@attrs.frozen
class _Compiled:
    """A constraint as a function of the trainee."""

    ask: Any

    def bits(self, trainee: TraineeRow) -> int | None:
        """Give the coaches who pass, None where the profile asks nothing."""
        found: int | None = self.ask(trainee)
        return found


class Seats:
    """The coach takes requests and has a seat left."""

    def compile(self, coaches: CoachTable) -> CompiledConstraint:
        """Read the two columns; a table without them has seats for all."""
        full = np.less(coaches.number("seats_left"), 1)  # NaN is not less: who does not count seats has one
        closed = np.equal(coaches.number("is_accepting"), 0)
        open_ = bits_of(~(full | closed))
        return _Compiled(lambda _: open_)


class Price:
    """The price is within the budget, in the same currency."""

    def compile(self, coaches: CoachTable) -> CompiledConstraint:
        """Sort the prices; who states none passes."""
        everyone = (1 << len(coaches)) - 1
        prices = Ranges(coaches.number("price"))
        currencies = bits_by_value(hubs_own(coaches).values("currency"))
        silent = everyone & ~_any(currencies, currencies)
        same = {currency: bits | silent for currency, bits in currencies.items()}
        priceless = everyone & ~prices.known

        def ask(trainee: TraineeRow) -> int | None:
            budget, currency = trainee.number("budget"), trainee.text("currency")
            if budget is None:
                return None
            cheap = prices.at_most(budget)
            return (cheap if currency is None else cheap & same.get(currency, silent)) | priceless

        return _Compiled(ask)


class SharedHours:
    """Coach and trainee share an hour of the week."""

    def compile(self, coaches: CoachTable) -> CompiledConstraint:
        """Make one bitmap per hour; who states none passes."""
        column = coaches.columns.get("hours")
        if not isinstance(column, Hours):
            return _Compiled(lambda _: None)
        by_hour = np.unpackbits(column.bits, axis=1, bitorder="little").T.astype(np.bool_)
        free = [bits_of(by_hour[hour]) for hour in range(N_HOURS)]
        silent = bits_of(~by_hour.any(axis=0))

        def ask(trainee: TraineeRow) -> int | None:
            week = trainee.hours("hours")
            if not week:
                return None
            found = silent
            while week:
                found |= free[(week & -week).bit_length() - 1]  # the lowest
                week &= week - 1
            return found

        return _Compiled(ask)


class Language:
    """Coach and trainee speak a language in common."""

    def compile(self, coaches: CoachTable) -> CompiledConstraint:
        """Make one bitmap per language; who states none passes."""
        spoken = _languages(coaches)
        silent = (1 << len(coaches)) - 1 & ~_any(spoken, spoken)

        def ask(trainee: TraineeRow) -> int | None:
            wanted = {language_of(tag) for tag in trainee.texts("languages")}
            return _any(spoken, wanted) | silent if wanted else None

        return _Compiled(ask)


class Modality:
    """
    The coach works in one of the ways the trainee wants.

    Hybrid is both in person and online, so such a coach serves either wish. Who
    comes in person has to be in the same city, where both have named one.
    """

    def compile(self, coaches: CoachTable) -> CompiledConstraint:
        """Make one bitmap per way and per city; who states none passes."""
        everyone = (1 << len(coaches)) - 1
        ways = bits_by_value(hubs_own(coaches).values("modalities"))
        cities = _cities(coaches)
        silent = everyone & ~_any(ways, ways)
        nowhere = everyone & ~_any(cities, cities)
        online, in_person, hybrid = (ways.get(way, 0) for way in ("online", "in_person", "hybrid"))
        serves = {
            "online": online | hybrid,
            "in_person": in_person | hybrid,
            "hybrid": hybrid | online & in_person,
        }

        def ask(trainee: TraineeRow) -> int | None:
            wanted, city = trainee.texts("modalities"), trainee.text("city")
            if not wanted:
                return None
            near = None if city is None else cities.get(fold(city).strip(), 0) | nowhere
            found = silent
            for way in wanted:
                who = serves.get(way, ways.get(way, 0))
                found |= who if near is None or way == "online" else who & near
            return found

        return _Compiled(ask)


def built_in() -> dict[str, HardConstraint]:
    """Give the constraints that ship, by the names ``matching.constraints`` selects them by."""
    return {"seats": Seats(), "price": Price(), "hours": SharedHours(), "language": Language(), "modality": Modality()}


# ── what a caller states ────────────────────────────────────────────────────


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(tags)


@attrs.frozen(kw_only=True)
class Filters:
    """What somebody asked for in so many words; a coach who has not said fails it."""

    specialty: tuple[str, ...] = attrs.field(default=(), converter=_tags)  #: tags, at least one of them
    city: str | None = None
    language: str | None = None
    price_max: float | None = None
    currency: str | None = None
    modality: str | None = None
    rating_min: float | None = None
    gender: str | None = None  #: of coaches who show it


class CompiledFilters:
    """One snapshot, ready for any filters; each kind is prepared when it is first asked."""

    def __init__(self, coaches: CoachTable) -> None:
        self._coaches = coaches
        self._prepared: dict[str, Any] = {}

    def _by(self, name: str) -> Any:
        if name not in self._prepared:  # two threads may prepare the same twice; both get the same
            if name == "city":
                made: Any = _cities(self._coaches)
            elif name == "languages":
                made = _languages(self._coaches)
            elif name == "price":
                made = Ranges(self._coaches.number("price"))
            elif name == "rating":
                with np.errstate(divide="ignore", invalid="ignore"):
                    mean = self._coaches.number("rating_sum").astype(np.float64) / self._coaches.number("n_reviews")
                made = Ranges(np.where(np.isfinite(mean), np.round(mean, 2), np.nan))  # as shown: two places
            else:
                made = bits_by_value(self._coaches.values(name))
            self._prepared[name] = made
        return self._prepared[name]

    def asked(self, filters: Filters) -> Iterator[tuple[str, int]]:
        """Give name and bitmap of every filter that was stated."""
        if filters.specialty:
            yield "filters.specialty", _any(self._by("specialties"), filters.specialty)
        if filters.city is not None:
            yield "filters.city", self._by("city").get(fold(filters.city).strip(), 0)
        if filters.language is not None:
            yield "filters.language", self._by("languages").get(language_of(filters.language), 0)
        if filters.price_max is not None:
            cheap = self._by("price").at_most(float(np.float32(filters.price_max)))  # as prices are kept
            if filters.currency is not None:
                cheap &= self._by("currency").get(filters.currency.upper(), 0)
            yield "filters.price_max", cheap
        elif filters.currency is not None:
            yield "filters.currency", self._by("currency").get(filters.currency.upper(), 0)
        if filters.modality is not None:
            yield "filters.modality", self._by("modalities").get(filters.modality, 0)
        if filters.rating_min is not None:
            yield "filters.rating_min", self._by("rating").at_least(filters.rating_min)
        if filters.gender is not None:
            yield "filters.gender", self._by("gender").get(filters.gender, 0)


# ── all of them together ────────────────────────────────────────────────────


@attrs.frozen
class Eligible:
    """Who is left, and what each single rule cost."""

    mask: int
    relaxations: Mapping[str, int]  #: rule -> how many more coaches dropping it, and it alone, would give
    count: int  #: coaches who are left


class HardRules:
    """All hard constraints of one snapshot."""

    def __init__(self, coaches: CoachTable, constraints: Mapping[str, HardConstraint]) -> None:
        self._coaches = coaches
        self._everyone = (1 << len(coaches)) - 1
        self._constraints: dict[str, CompiledConstraint] = {}
        for name, constraint in constraints.items():
            try:
                self._constraints[name] = constraint.compile(coaches)
            except Exception as exc:  # a plugin's: it may raise anything, and none of its rules may be lost by it
                raise MatcherError(reason=f"the constraint {name!r} failed: {exc!r}") from exc
        self._filters = CompiledFilters(coaches)

    def eligible(
        self, trainee: TraineeRow, filters: Filters | None = None, *, without: Collection[str] = ()
    ) -> Eligible:
        """
        Find the coaches this trainee may be proposed.

        Args:
            without: Ids of coaches who are out of the question (asked already); no relaxation brings them back.
        Raises:
            MatcherError: If a constraint of a plugin fails: a rule that cannot be checked is not dropped.
        """
        start = self._everyone
        for id_ in without:
            row = self._coaches.row_of(id_)
            if row is not None:
                start &= ~(1 << row)
        asked = self._asked(trainee, filters)
        before = [start]  # before[i] holds every rule ahead of the i-th, after every rule behind it: two passes
        for _, bits in asked:
            before.append(before[-1] & bits)
        eligible = before[-1]
        count = eligible.bit_count()
        after = self._everyone
        relaxations: dict[str, int] = {}
        for i in range(len(asked) - 1, -1, -1):
            name, bits = asked[i]
            relaxations[name] = (before[i] & after).bit_count() - count
            after &= bits
        return Eligible(eligible, dict(reversed(relaxations.items())), count)

    def failed(self, trainee: TraineeRow, row: int, filters: Filters | None = None) -> tuple[str, ...]:
        """
        Name the rules that keep one coach from this trainee, in the order they are applied; none: may be proposed.

        Raises:
            MatcherError: If a constraint of a plugin fails.
        """
        return tuple(name for name, bits in self._asked(trainee, filters) if not bits >> row & 1)

    def _asked(self, trainee: TraineeRow, filters: Filters | None) -> list[tuple[str, int]]:
        """Give every rule that this trainee asks for, with the bitmap of the coaches who pass it."""
        asked: list[tuple[str, int]] = []
        for name, constraint in self._constraints.items():
            try:
                bits = constraint.bits(trainee)
                if bits is not None:
                    asked.append((name, int(bits) & self._everyone))
            except Exception as exc:
                raise MatcherError(reason=f"the constraint {name!r} failed: {exc!r}") from exc
        asked.extend(self._filters.asked(filters or Filters()))
        return asked
