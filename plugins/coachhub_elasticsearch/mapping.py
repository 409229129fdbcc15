"""The form of the index: strict, so that a member nobody knows is refused; words come folded and are kept so."""

from __future__ import annotations

from typing import Any, Final

from coachhub_core.domain.vocabulary import fold
from coachhub_core.ports.search import CoachDocument

SCHEMA: Final = 1
"""Grows with each change of the mapping or of what documents hold: an index of an older form is built anew."""

SETTINGS: Final[dict[str, Any]] = {
    "number_of_shards": 1,  # a catalogue of coaches fits one, and counts over one shard are exact
    "auto_expand_replicas": "0-1",
    "max_result_window": 10_200,  # an offset of 10,000 and a page
}

_WORDS: Final = {"type": "keyword", "doc_values": False}
_KEY: Final = {"type": "keyword"}
_NUMBER: Final = {"type": "long"}

MAPPING: Final[dict[str, Any]] = {
    "dynamic": "strict",
    "properties": {
        "id": _KEY,
        "view_rev": _NUMBER,
        "is_listed": {"type": "boolean"},
        # words, found by
        "name": _WORDS,
        "specialties": _WORDS,
        "synonyms": _WORDS,
        "city": _WORDS,
        "certifications": _WORDS,
        "bio": _WORDS,
        # values, filtered, counted and sorted by
        "name_key": _KEY,
        "tags": _KEY,
        "city_key": _KEY,
        "languages": _KEY,
        "modalities": _KEY,
        "price_hundredths": _NUMBER,
        "currency": _KEY,
        "rating_hundredths": _NUMBER,
        "rating_score": _NUMBER,
        "seats_left": _NUMBER,
        "is_accepting": {"type": "boolean"},
        "has_room": {"type": "boolean"},
    },
}


def source_of(document: CoachDocument) -> dict[str, Any]:
    """Return what is stored of a document; of one that is not listed its version only."""
    source: dict[str, Any] = {
        "id": str(document.id),
        "view_rev": document.view_rev,
        "is_listed": document.is_listed,
    }
    if not document.is_listed:
        return source
    for member, found in document.member_words().items():
        source[member] = found
    city_key = fold(document.city)[:255]
    source.update(
        name_key=fold(document.name)[:255],
        tags=document.specialties,
        city_key=city_key or None,
        languages=document.languages,
        modalities=document.modalities,
        price_hundredths=None if document.price is None else int(document.price * 100),
        currency=document.currency,
        rating_hundredths=None if document.rating_avg is None else int(document.rating_avg * 100),
        rating_score=int(document.rating_score * 10_000),
        seats_left=document.seats_left,
        is_accepting=document.is_accepting,
        has_room=document.is_accepting and document.seats_left > 0,
    )
    return source
