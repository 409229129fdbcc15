"""Lists and the plain search of coaches, over narrow side tables (``README`` of the design, 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coachhub_core.domain.coaches import Facet
from coachhub_core.domain.vocabulary import fold
from coachhub_core.ports.search import PRICE_BANDS, RATING_STEPS, band_name
from coachhub_core.ports.storage import CoachFilter, CoachRecord, Keyset, Slice
from coachhub_sqlalchemy.keyset import by_pair, sliced
from coachhub_sqlalchemy.tables.accounts import users
from coachhub_sqlalchemy.tables.coaches import coach_facets, coach_listings, coach_specialties, coach_terms, coaches

Groups = Sequence[Mapping[str, int]] | None

_L = coach_listings.c
_NO_PRICE = Decimal("99999999.99")

_FAR = 10**9  # metres: who has no place comes last

# sort name: column, whether it goes down, how a cursor's text is read
_SORTS: Mapping[str, tuple[sa.ColumnElement[Any], bool, Any]] = {
    "rating": (_L.rating_score, True, int),
    "price": (_L.price, False, Decimal),
    "-price": (_L.price, True, Decimal),
    "name": (_L.name_key, False, str),
    "seats": (_L.seats_left, True, int),
    "newest": (_L.coach_id, True, UUID),  # ids are made in order of time
}


def _sorted_by(sort: str, near: Mapping[str, int] | None) -> tuple[sa.ColumnElement[Any], bool, Any]:
    if sort != "distance":
        return _SORTS[sort]
    if not near:
        return sa.literal(_FAR), False, int
    return sa.case(dict(near), value=_L.city_key, else_=_FAR), False, int


def conditions(where: CoachFilter) -> list[sa.ColumnElement[bool]]:
    """Return what a listing must fulfil; who is not listed never does."""
    found: list[sa.ColumnElement[bool]] = [_L.is_listed.is_(True)]
    if where.tag is not None:
        tagged = sa.select(coach_specialties.c.coach_id).where(coach_specialties.c.tag == where.tag)
        found.append(_L.coach_id.in_(tagged))
    for kind, value in (("language", where.language), ("modality", where.modality)):
        if value is not None:
            facet = sa.select(coach_facets.c.coach_id).where(coach_facets.c.kind == kind, coach_facets.c.value == value)
            found.append(_L.coach_id.in_(facet))
    if where.city_key is not None:
        found.append(_L.city_key == where.city_key)
    if where.city_keys is not None:
        found.append(_L.city_key.in_(sorted(where.city_keys)))
    if where.price_min is not None:
        found += [_L.price >= where.price_min, _L.has_price.is_(True)]
    if where.price_max is not None:
        found += [_L.price <= where.price_max, _L.has_price.is_(True)]
    if where.currency is not None:
        found.append(_L.currency == where.currency)
    if where.rating_floor is not None:
        found.append(_L.rating_avg >= where.rating_floor)
    if where.accepting is True:
        found += [_L.is_accepting.is_(True), _L.seats_left > 0]
    elif where.accepting is False:
        found.append(sa.or_(_L.is_accepting.is_(False), _L.seats_left <= 0))
    return found


class Listings:
    """The half of the coach repository that reads side tables only."""

    _connection: Connection

    def page(
        self,
        where: CoachFilter,
        *,
        sort: str,
        keyset: Keyset | None,
        offset: int,
        limit: int,
        near: Mapping[str, int] | None = None,
    ) -> Slice[UUID]:
        """Ids in order; newest first is the order of ids itself."""
        statement = sa.select(_L.coach_id).where(*conditions(where))
        column, descending, read = _sorted_by(sort, near)
        statement = by_pair(statement, column, _L.coach_id, keyset, limit, descending=descending, read=read)
        if offset and keyset is None:
            statement = statement.offset(offset)
        return sliced([row[0] for row in self._connection.execute(statement)], keyset, limit)

    def sort_key(self, record: CoachRecord, sort: str, near: Mapping[str, int] | None = None) -> tuple[str, ...]:
        """Return the texts a cursor carries for *record*."""
        coach = record.coach
        values = {
            "rating": str(int(coach.rating_score * 10_000)),
            "price": str(coach.pricing if coach.pricing is not None else _NO_PRICE),
            "name": fold(record.account.name)[:255],
            "seats": str(coach.seats_left),
            "newest": str(coach.id),
            "distance": str((near or {}).get(fold(record.account.city or "")[:255], _FAR)),
        }
        return (values[sort.removeprefix("-")], str(coach.id))

    def count(self, where: CoachFilter) -> int:
        """How many there are in all."""
        return int(self._connection.execute(sa.select(sa.func.count()).where(*conditions(where))).scalar_one())

    # ── words ──

    def vocabulary(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Known words that start with *prefix*, by range, so that the index serves it."""
        term = coach_terms.c.term
        statement = (
            sa.select(term).where(term >= prefix, term < prefix + "\U0010ffff").distinct().order_by(term).limit(limit)
        )
        return [row[0] for row in self._connection.execute(statement)]

    def words_of_length(self, shortest: int, longest: int, first: str) -> Sequence[str]:
        """Known words among which a typo is looked for."""
        term = coach_terms.c.term
        is_sqlite = self._connection.dialect.name == "sqlite"
        length: sa.ColumnElement[int] = sa.func.length(term) if is_sqlite else sa.func.char_length(term)
        statement = sa.select(term).where(term >= first, term < first + "\U0010ffff", length.between(shortest, longest))
        return [row[0] for row in self._connection.execute(statement.distinct().limit(5_000))]

    def scored(
        self,
        groups: Groups,
        where: CoachFilter,
        *,
        offset: int,
        limit: int,
        sort: str | None = None,
        near: Mapping[str, int] | None = None,
    ) -> Slice[UUID]:
        """Ids that carry a word of every group; the sum of weights first, then the rating, then the id."""
        statement = sa.select(_L.coach_id).where(*conditions(where))
        order: list[sa.ColumnElement[Any]] = [_L.rating_score.desc(), _L.coach_id]
        if groups is not None:
            inner = scores(groups)
            statement = statement.join_from(inner, coach_listings, _L.coach_id == inner.c.coach_id)
            order.insert(0, inner.c.score.desc())
        if sort is not None:
            column, descending, _ = _sorted_by(sort, near)
            order = [column.desc() if descending else column.asc(), _L.coach_id]
        statement = statement.order_by(*order).offset(offset).limit(limit + 1)
        return sliced([row[0] for row in self._connection.execute(statement)], None, limit)

    def count_scored(self, groups: Groups, where: CoachFilter) -> int:
        """How many :meth:`scored` would give in all."""
        if groups is None:
            return self.count(where)
        inner = scores(groups)
        statement = (
            sa.select(sa.func.count())
            .select_from(inner.join(coach_listings, _L.coach_id == inner.c.coach_id))
            .where(*conditions(where))
        )
        return int(self._connection.execute(statement).scalar_one())

    # ── facets ──

    def facet(self, facet: Facet, groups: Groups, where: CoachFilter) -> Mapping[str, int]:
        """Count by value; bands and steps are those that the filters on numbers can say."""
        if facet == "rating":
            return self._ratings(groups, where)
        source: sa.FromClause = coach_listings
        extra: list[sa.ColumnElement[bool]] = []
        value: sa.ColumnElement[Any]
        if facet == "specialty":
            value = coach_specialties.c.tag
            source = source.join(coach_specialties, coach_specialties.c.coach_id == _L.coach_id)
        elif facet in ("language", "modality"):
            value = coach_facets.c.value
            source = source.join(coach_facets, coach_facets.c.coach_id == _L.coach_id)
            extra.append(coach_facets.c.kind == facet)
        elif facet == "price":
            value = _PRICE_BAND
            extra.append(_L.has_price.is_(True))
        else:
            value = _L.city_key if facet == "city" else _L.currency
            extra.append(value != "")
        statement = (
            self._among(source, sa.select(value.label("value"), sa.func.count()), groups)
            .where(*conditions(where), *extra)
            .group_by(sa.text("value") if facet == "price" else value)
        )
        return {str(row[0]): int(row[1]) for row in self._connection.execute(statement)}

    def _ratings(self, groups: Groups, where: CoachFilter) -> Mapping[str, int]:
        sums = [
            sa.func.coalesce(sa.func.sum(sa.case((_L.rating_avg >= step, 1), else_=0)), 0).label(f"from_{number}")
            for number, step in enumerate(RATING_STEPS)
        ]
        row = self._connection.execute(
            self._among(coach_listings, sa.select(*sums), groups).where(*conditions(where))
        ).one()
        return {str(step): int(n) for step, n in zip(RATING_STEPS, row, strict=True)}

    def _among(self, source: sa.FromClause, statement: sa.Select[Any], groups: Groups) -> sa.Select[Any]:
        if groups is None:
            return statement.select_from(source)
        inner = scores(groups)
        return statement.select_from(source.join(inner, inner.c.coach_id == _L.coach_id))

    def city_names(self, keys: Sequence[str]) -> Mapping[str, str]:
        """The first spelling, by code point, of each city."""
        if not keys:
            return {}
        statement = (
            sa.select(_L.city_key, sa.func.min(users.c.city))
            .join_from(coach_listings, coaches, coaches.c.id == _L.coach_id)
            .join(users, users.c.id == coaches.c.user_id)
            .where(_L.city_key.in_(list(keys)), _L.is_listed.is_(True))
            .group_by(_L.city_key)
        )
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    # ── versions ──

    def listed_versions(self) -> Mapping[UUID, int]:
        """The revision of every listed coach."""
        return self._versions(sa.true())

    def worded_versions(self) -> Mapping[UUID, int]:
        """The revision of every listed coach with a word in ``coach_terms``."""
        return self._versions(coaches.c.id.in_(sa.select(coach_terms.c.coach_id)))

    def _versions(self, extra: sa.ColumnElement[bool]) -> Mapping[UUID, int]:
        statement = (
            sa.select(coaches.c.id, coaches.c.view_rev)
            .join_from(coaches, users, users.c.id == coaches.c.user_id)
            .where(users.c.status == "active", extra)
        )
        return {row[0]: row[1] for row in self._connection.execute(statement)}


_PRICE_BAND: Final = sa.case(
    *((_L.price < PRICE_BANDS[number + 1], band_name(number)) for number in range(len(PRICE_BANDS) - 1)),
    else_=band_name(len(PRICE_BANDS) - 1),
)


def scores(groups: Sequence[Mapping[str, int]]) -> sa.Subquery:
    """Sum the best weight per group and coach, over coaches that appear in every group."""
    t = coach_terms.c
    parts = []
    for number, group in enumerate(groups):
        share = sa.case(dict(group), value=t.term, else_=0)
        parts.append(
            sa.select(t.coach_id, sa.literal(number).label("word"), sa.func.max(t.weight * share).label("score"))
            .where(t.term.in_(list(group)))
            .group_by(t.coach_id)
        )
    each = sa.union_all(*parts).subquery()
    return (
        sa.select(each.c.coach_id, sa.func.sum(each.c.score).label("score"))
        .group_by(each.c.coach_id)
        .having(sa.func.count() == len(groups))
        .subquery()
    )
