"""The words under which a coach is found, written in the transaction of each change."""

from __future__ import annotations

from uuid import UUID

from coachhub_core.domain.vocabulary import Vocabulary
from coachhub_core.ports.search import CoachDocument
from coachhub_core.ports.storage import CoachRecord, UnitOfWork


def document_of(record: CoachRecord, vocabulary: Vocabulary) -> CoachDocument:
    """Return the search document of a coach: the public view, specialties with their labels and synonyms."""
    coach, account = record.coach, record.account
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
    )


def index_coach(work: UnitOfWork, coach_id: UUID, vocabulary: Vocabulary) -> None:
    """Write the words of a coach anew; who is erased or suspended is found no more (lists leave them out)."""
    work.coaches.put_terms(coach_id, document_of(work.coaches.record(coach_id), vocabulary).weights())
