"""
Search in the database: words with weights, the same on SQLite and MariaDB.

Words are folded in Python before they are stored and before they are asked, a
query word also stands for the known words it begins and for those one edit
away, and the score is the sum of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from coachhub_core.ports.search import CoachDocument, SearchHits, SearchQuery
from coachhub_core.ports.storage import Storage

_PREFIX_SHARE: Final = 0.8
_TYPO_SHARE: Final = 0.6
_MIN_PREFIX: Final = 2
_MIN_TYPO: Final = 4
_MAX_WORDS: Final = 12
_MAX_EXPANSIONS: Final = 40


class DatabaseSearch:
    """The plain search over ``coach_terms``, which is written in the transaction of each change."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def search(self, query: SearchQuery) -> SearchHits:
        """Return the ids that fit, best first."""
        words = list(dict.fromkeys(query.words))[:_MAX_WORDS]
        with self._storage.begin(read_only=True) as work:
            groups = []
            for word in words:
                group = {word: 1.0}
                if len(word) >= _MIN_PREFIX:
                    for known in work.coaches.vocabulary(word, limit=_MAX_EXPANSIONS):
                        group.setdefault(known, _PREFIX_SHARE)
                if len(word) >= _MIN_TYPO:
                    near = work.coaches.words_of_length(len(word) - 1, len(word) + 1, word[0])
                    for known in near:
                        if known not in group and is_one_edit_away(word, known):
                            group[known] = _TYPO_SHARE
                            if len(group) > _MAX_EXPANSIONS:
                                break
                for synonym in query.synonyms.get(word, ()):
                    group.setdefault(synonym, _PREFIX_SHARE)
                groups.append(group)
            if not groups:
                return SearchHits(ids=(), has_more=False, total=0 if query.total else None)
            found = work.coaches.scored(groups, query.where, offset=query.offset, limit=query.limit)
            total = work.coaches.count_scored(groups, query.where) if query.total else None
        return SearchHits(ids=found.items, has_more=found.has_more, total=total)

    def put(self, documents: Sequence[CoachDocument]) -> None:
        """Write the words of *documents* anew."""
        with self._storage.begin() as work:
            for document in documents:
                work.coaches.put_terms(document.id, document.weights())
            work.commit()

    def delete(self, ids: Sequence[UUID]) -> None:
        """Forget the words of *ids*."""
        with self._storage.begin() as work:
            for id in ids:
                work.coaches.put_terms(id, {})
            work.commit()

    def rebuild(self, documents: Sequence[CoachDocument]) -> None:
        """Write all words anew, a coach at a time, so that searches never find nothing."""
        for document in documents:
            self.put([document])


def is_one_edit_away(a: str, b: str) -> bool:
    """Say whether one insertion, deletion, replacement or swap of neighbours turns *a* into *b*."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    if len(a) == len(b):
        rest_a, rest_b = a[start:], b[start:]
        swapped = len(rest_a) > 1 and rest_a[1] + rest_a[0] + rest_a[2:] == rest_b
        return rest_a[1:] == rest_b[1:] or swapped
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[start + 1 :] == shorter[start:]
