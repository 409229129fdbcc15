"""
The words under which a coach is found, and the index they are kept in.

The database's own search is written in the transaction of each change. An index
apart from the database is fed from the outbox and compared with the database
from time to time, so that it heals by itself, whatever it lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.events import CoachChanged, Event
from coachhub_core.domain.vocabulary import Vocabulary
from coachhub_core.errors import Busy, CoachHubError, IndexMissing, Unavailable
from coachhub_core.ports.search import CoachDocument, SearchIndex, SearchQuery
from coachhub_core.ports.storage import CoachFilter, CoachRecord, UnitOfWork
from coachhub_core.services.units import Context

log = logging.getLogger("coachhub.index")

Progress = Callable[[int, int], None]
"""Told how many coaches are done, and how many there are."""

LOOK_SECONDS: Final = 2.0
COMPARE_SECONDS: Final = 300.0
RECOMPARE_SECONDS: Final = 10.0
_BATCH: Final = 500


def document_of(record: CoachRecord, vocabulary: Vocabulary) -> CoachDocument:
    """Return the search document of a coach: the public view, specialties with their labels and synonyms."""
    coach, account = record.coach, record.account
    if account.status != "active":
        return CoachDocument(id=coach.id, view_rev=coach.view_rev, is_listed=False)
    synonyms: list[str] = []
    for tag in coach.specialties:
        entry = vocabulary.entry(tag)
        if entry is not None:
            synonyms += [entry.label, *entry.synonyms]
    return CoachDocument(
        id=coach.id,
        view_rev=coach.view_rev,
        name=account.name,
        city=account.city or "",
        specialties=coach.specialties,
        synonyms=tuple(synonyms),
        certifications=tuple(c.name for c in record.certifications),
        bio=coach.bio or "",
        languages=coach.languages,
        modalities=coach.modalities,
        price=coach.pricing,
        currency=coach.currency,
        rating_avg=coach.rating_avg,
        rating_score=coach.rating_score,
        seats_left=coach.seats_left,
        is_accepting=coach.is_accepting,
    )


def index_coach(work: UnitOfWork, coach_id: UUID, vocabulary: Vocabulary) -> None:
    """Write the words of a coach anew; who is erased or suspended is found no more (lists leave them out)."""
    work.coaches.put_terms(coach_id, document_of(work.coaches.record(coach_id), vocabulary).weights())


@attrs.frozen(kw_only=True)
class IndexDifference:
    """What the index lacks, has in an older or a newer version than the database, and has too much."""

    n_listed: int
    missing: tuple[UUID, ...]
    older: tuple[UUID, ...]
    newer: tuple[UUID, ...]
    extra: tuple[UUID, ...]

    @property
    def is_equal(self) -> bool:
        """Whether the index is as the database is."""
        return not (self.missing or self.older or self.newer or self.extra)

    def __str__(self) -> str:
        return (
            f"of {self.n_listed} coaches the index lacks {len(self.missing)} and has {len(self.older)} older, "
            f"{len(self.newer)} newer and {len(self.extra)} too many"
        )


class IndexKeeper:
    """
    Feeds an index, compares it with the database and mends it.

    Args:
        is_apart: Whether the index lives outside the database, and so must be fed.
    """

    def __init__(
        self,
        context: Context,
        search: SearchIndex,
        *,
        is_apart: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._search = search
        self._is_apart = is_apart
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._is_behind = False
        self._was_away = False
        self._was_missing = False
        self._look_at = 0.0
        self._compared_at = float("-inf")

    # ── fed from the outbox ──

    def hear(self, event: Event) -> None:
        """
        Write the coach of an event into the index, as the row is now.

        When the index is away the event counts as heard all the same, so that
        nobody else waits for it: the next :meth:`heal` compares everything and
        finds what was not written. What else goes wrong makes the index alone
        hear of the event again.
        """
        if not self._is_apart or not isinstance(event, CoachChanged):
            return
        try:
            self._put([event.aggregate_id])
        except Unavailable as exc:
            self._is_behind = True
            self._say_away(exc)

    def _put(self, ids: Sequence[UUID]) -> None:
        with self._context.read() as work:
            records = work.coaches.records(ids)
            documents = [document_of(record, self._context.vocabulary) for record in records.values()]
            unknown = []
            for id in ids:
                if id not in records:
                    coach = work.coaches.find(id)  # erased: its version stays, so that nothing late brings it back
                    if coach is None:
                        unknown.append(id)
                    else:
                        documents.append(CoachDocument(id=id, view_rev=coach.view_rev, is_listed=False))
        if documents:
            self._search.put(documents)
        if unknown:
            self._search.delete(unknown)

    # ── compared and mended ──

    def compare(self) -> IndexDifference:
        """
        Compare every id and version of the index with the database.

        Raises:
            Unavailable: If the index is away.
            IndexMissing: If there is none.
        """
        indexed = self._search.versions()  # first: the database is never behind what was in the index before
        with self._context.read() as work:
            listed = work.coaches.listed_versions()
        return IndexDifference(
            n_listed=len(listed),
            missing=_ids(listed, lambda id, _: id not in indexed),
            older=_ids(listed, lambda id, rev: id in indexed and indexed[id] < rev),
            newer=_ids(listed, lambda id, rev: id in indexed and indexed[id] > rev),
            extra=_ids(indexed, lambda id, _: id not in listed),
        )

    def heal(self) -> bool:
        """
        Look at the index, at most every two seconds, and mend what is wrong with it.

        One that is missing is built; one that is behind, or has not been
        compared for five minutes, is compared and given what it lacks.

        Returns:
            Whether anything was mended.
        """
        if not self._is_apart or not self._lock.acquire(blocking=False):
            return False
        try:
            now = self._monotonic()
            if now < self._look_at:
                return False
            self._look_at = now + LOOK_SECONDS
            return self._look(now)
        except Busy:
            return False  # another process is building it
        except CoachHubError as exc:
            self._is_behind = True
            self._say_away(exc)
            return False
        finally:
            self._lock.release()

    def _look(self, now: float) -> bool:
        try:
            n_indexed = self._search.search(SearchQuery(words=None, limit=0, total=True)).total
            self._was_missing = False
            if self._was_away:
                log.info("the search index is there again")
                self._was_away = False
            with self._context.read() as work:
                differs = n_indexed != work.coaches.count(CoachFilter())
            is_due = now - self._compared_at >= (RECOMPARE_SECONDS if differs else COMPARE_SECONDS)
            if not self._is_behind and not is_due:
                return False
            difference = self.compare()
            newer = bool(difference.newer)
        except IndexMissing:
            if not self._was_missing:
                self._was_missing = True
                log.warning("there is no search index: it is built from the database")
            newer, difference = True, None
        if newer or difference is None:
            self.rebuild()
        else:
            wrong = [*difference.missing, *difference.older, *difference.extra]
            for start in range(0, len(wrong), _BATCH):
                self._put(wrong[start : start + _BATCH])
            if wrong:
                log.info("the search index was mended: %s", difference)
        self._is_behind = False
        self._compared_at = now
        return difference is None or not difference.is_equal

    def _say_away(self, exc: Exception) -> None:
        if not self._was_away:
            self._was_away = True
            log.warning("the search index waits: %s", exc)

    def rebuild(self, progress: Progress | None = None) -> int:
        """
        Write every coach into a new index while searches go on, and return how many there were.

        Raises:
            Busy: If another rebuild is under way.
            Unavailable: If the engine is away; the old index stays.
        """
        n_done = 0

        def documents() -> Iterator[CoachDocument]:
            nonlocal n_done
            with self._context.read() as work:  # read only now: what is put from here on lands in the new one too
                records = work.coaches.all_records()
            for record in records:
                yield document_of(record, self._context.vocabulary)
                n_done += 1
                if progress is not None:
                    progress(n_done, len(records))

        self._search.rebuild(documents())
        return n_done


def _ids(versions: Mapping[UUID, int], wanted: Callable[[UUID, int], bool]) -> tuple[UUID, ...]:
    return tuple(sorted(id for id, rev in versions.items() if wanted(id, rev)))
