"""
Search in the database: words with weights, the same on SQLite and MariaDB.

Words are folded in Python before they are stored and before they are asked, a
query word also stands for the known words it begins and for those one edit
away, and the score is the sum of weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from coachhub_core.ports.search import (
    EXACT,
    MIN_PREFIX,
    MIN_TYPO,
    PREFIX,
    SYNONYM,
    TYPO,
    CoachDocument,
    SearchHits,
    SearchQuery,
    commonest,
    is_one_edit_away,
)
from coachhub_core.ports.storage import Storage, UnitOfWork

_MAX_EXPANSIONS: Final = 40


class DatabaseSearch:
    """The plain search over ``coach_terms``, which is written in the transaction of each change."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def search(self, query: SearchQuery) -> SearchHits:
        """Return the ids that fit, best first."""
        asked = query.asked
        if asked == ():
            return SearchHits(
                ids=(),
                has_more=False,
                total=0 if query.total else None,
                facets={facet: {} for facet in query.facets},
            )
        with self._storage.begin(read_only=True) as work:
            groups = None if asked is None else [_group(work, word, query.synonyms.get(word, ())) for word in asked]
            found = work.coaches.scored(
                groups, query.where, offset=query.offset, limit=query.limit, sort=query.sort, near=query.near
            )
            return SearchHits(
                ids=found.items,
                has_more=found.has_more,
                total=work.coaches.count_scored(groups, query.where) if query.total else None,
                facets={
                    facet: commonest(work.coaches.facet(facet, groups, query.where.without(facet)))
                    for facet in query.facets
                },
            )

    def put(self, documents: Sequence[CoachDocument]) -> None:
        """Write the words of *documents* anew, unless their coach has changed since."""
        with self._storage.begin() as work:
            for document in documents:
                if work.coaches.find(document.id) is None:
                    continue
                if work.coaches.lock(document.id).view_rev <= document.view_rev:
                    work.coaches.put_terms(document.id, document.weights() if document.is_listed else {})
            work.commit()

    def delete(self, ids: Sequence[UUID]) -> None:
        """Forget the words of *ids*."""
        with self._storage.begin() as work:
            for id in ids:
                work.coaches.put_terms(id, {})
            work.commit()

    def rebuild(self, documents: Iterable[CoachDocument]) -> None:
        """Write all words anew, a coach at a time, so that searches never find nothing."""
        for document in documents:
            self.put([document])

    def versions(self) -> Mapping[UUID, int]:
        """Return the revision of each listed coach that has words: they are written with it."""
        with self._storage.begin(read_only=True) as work:
            return work.coaches.worded_versions()


def _group(work: UnitOfWork, word: str, synonyms: Sequence[str]) -> dict[str, int]:
    """Return the known words that stand for *word*, each with the thousandths of its weight that count."""
    group = {word: EXACT}
    if len(word) >= MIN_PREFIX:
        for known in work.coaches.vocabulary(word, limit=_MAX_EXPANSIONS):
            group.setdefault(known, PREFIX)
    for synonym in synonyms:
        group.setdefault(synonym, SYNONYM)
    if len(word) >= MIN_TYPO:
        for known in work.coaches.words_of_length(len(word) - 1, len(word) + 1, word[0]):
            if known not in group and is_one_edit_away(word, known):
                group[known] = TYPO
                if len(group) > 2 * _MAX_EXPANSIONS:
                    break
    return group
