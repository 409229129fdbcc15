"""The port *search*: words in, ids out, best first; filters are exact, ranking is the engine's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.vocabulary import words
from coachhub_core.ports.storage.coaches import CoachFilter


@attrs.frozen(kw_only=True)
class SearchQuery:
    """
    What is looked for.

    ``words`` are folded as documents are; ``synonyms`` gives, for some of them,
    folded words that mean the same. Every word must be found, one way or another.
    """

    words: tuple[str, ...]
    synonyms: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    where: CoachFilter = attrs.field(factory=CoachFilter)
    limit: int = 20
    offset: int = 0
    total: bool = False


@attrs.frozen(kw_only=True)
class SearchHits:
    """Ids in order, whether there are more, and how many in all where that was asked."""

    ids: tuple[UUID, ...]
    has_more: bool
    total: int | None = None


@attrs.frozen(kw_only=True)
class CoachDocument:
    """What is searched of a coach: the public view's words, and ``view_rev`` as the document's version."""

    id: UUID
    view_rev: int
    name: str
    city: str
    specialties: tuple[str, ...]
    synonyms: tuple[str, ...]
    certifications: tuple[str, ...]
    bio: str
    languages: tuple[str, ...]
    modalities: tuple[str, ...]

    def weights(self) -> dict[str, int]:
        """Return each folded word with its weight: the largest of where it stands."""
        found: dict[str, int] = {}
        for weight, texts in (
            (10, (self.name, *self.specialties)),
            (8, self.synonyms),
            (6, (self.city,)),
            (4, self.certifications),
            (2, (self.bio,)),
        ):
            for text in texts:
                for word in words(text.replace("-", " ")):
                    found[word[:64]] = max(weight, found.get(word[:64], 0))
        return found


class SearchIndex(Protocol):
    """Finds coaches by words."""

    def search(self, query: SearchQuery) -> SearchHits:
        """Return who fits; ``Unavailable`` when the engine is away."""
        ...

    def put(self, documents: Sequence[CoachDocument]) -> None:
        """Write documents; an older ``view_rev`` never replaces a newer one."""
        ...

    def delete(self, ids: Sequence[UUID]) -> None:
        """Forget documents; unknown ids are no error."""
        ...

    def rebuild(self, documents: Sequence[CoachDocument]) -> None:
        """Replace everything; searches meanwhile see the old or the new, never nothing."""
        ...
