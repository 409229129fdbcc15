"""Lists and the plain search of coaches, over narrow side tables (``README`` of the design, 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coachhub_core.domain.vocabulary import fold
from coachhub_core.ports.storage import CoachFilter, CoachRecord, Keyset, Slice
from coachhub_sqlalchemy.keyset import by_pair, sliced
from coachhub_sqlalchemy.tables.coaches import coach_facets, coach_listings, coach_specialties, coach_terms

_L = coach_listings.c
_NO_PRICE = Decimal("99999999.99")

# sort name: column, whether it goes down, how a cursor's text is read
_SORTS: Mapping[str, tuple[sa.ColumnElement[Any], bool, Any]] = {
    "rating": (_L.rating_score, True, int),
    "price": (_L.price, False, Decimal),
    "-price": (_L.price, True, Decimal),
    "name": (_L.name_key, False, str),
    "seats": (_L.seats_left, True, int),
    "newest": (_L.coach_id, True, UUID),  # ids are made in order of time
}


def _where(where: CoachFilter) -> list[sa.ColumnElement[bool]]:
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
    if where.price_max is not None:
        found += [_L.price <= where.price_max, _L.has_price.is_(True)]
    if where.currency is not None:
        found.append(_L.currency == where.currency)
    if where.rating_min is not None:
        found.append(_L.rating_avg >= Decimal(str(where.rating_min)))
    if where.accepting is True:
        found += [_L.is_accepting.is_(True), _L.seats_left > 0]
    elif where.accepting is False:
        found.append(sa.or_(_L.is_accepting.is_(False), _L.seats_left <= 0))
    return found


class Listings:
    """The half of the coach repository that reads side tables only."""

    _connection: Connection

    def page(self, where: CoachFilter, *, sort: str, keyset: Keyset | None, offset: int, limit: int) -> Slice[UUID]:
        """Ids in order; newest first is the order of ids itself."""
        statement = sa.select(_L.coach_id).where(*_where(where))
        column, descending, read = _SORTS[sort]
        statement = by_pair(statement, column, _L.coach_id, keyset, limit, descending=descending, read=read)
        if offset and keyset is None:
            statement = statement.offset(offset)
        return sliced([row[0] for row in self._connection.execute(statement)], keyset, limit)

    def sort_key(self, record: CoachRecord, sort: str) -> tuple[str, ...]:
        """Return the texts a cursor carries for *record*."""
        coach = record.coach
        values = {
            "rating": str(int(coach.rating_score * 10_000)),
            "price": str(coach.pricing if coach.pricing is not None else _NO_PRICE),
            "name": fold(record.account.name)[:255],
            "seats": str(coach.seats_left),
            "newest": str(coach.id),
        }
        return (values[sort.removeprefix("-")], str(coach.id))

    def count(self, where: CoachFilter) -> int:
        """How many there are in all."""
        return int(self._connection.execute(sa.select(sa.func.count()).where(*_where(where))).scalar_one())

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
        self, groups: Sequence[Mapping[str, float]], where: CoachFilter, *, offset: int, limit: int
    ) -> Slice[UUID]:
        """Ids that carry a word of every group; the sum of weights first, then the rating, then the id."""
        inner = _scores(groups)
        statement = (
            sa.select(inner.c.coach_id)
            .join_from(inner, coach_listings, _L.coach_id == inner.c.coach_id)
            .where(*_where(where))
            .order_by(inner.c.score.desc(), _L.rating_score.desc(), inner.c.coach_id)
            .offset(offset)
            .limit(limit + 1)
        )
        return sliced([row[0] for row in self._connection.execute(statement)], None, limit)

    def count_scored(self, groups: Sequence[Mapping[str, float]], where: CoachFilter) -> int:
        """How many :meth:`scored` would give in all."""
        inner = _scores(groups)
        statement = (
            sa.select(sa.func.count())
            .select_from(inner.join(coach_listings, _L.coach_id == inner.c.coach_id))
            .where(*_where(where))
        )
        return int(self._connection.execute(statement).scalar_one())


def _scores(groups: Sequence[Mapping[str, float]]) -> sa.Subquery:
    """Sum the best weight per group and coach, over coaches that appear in every group."""
    t = coach_terms.c
    parts = []
    for number, group in enumerate(groups):
        share = sa.case({term: int(share * 1000) for term, share in group.items()}, value=t.term, else_=0)
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
