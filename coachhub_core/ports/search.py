"""
The port *search*: words and filters in, ids and counts out.

Every engine is given the same folded words, and answers by the same rules: a
word of the query is found as it is, as the beginning of a word, with one
mistake, or by a synonym; the score adds up, over the words asked, the best
weight each was found with. Filters, facets, orders and totals are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.coaches import CoachSort, Facet
from coachhub_core.domain.vocabulary import words
from coachhub_core.ports.storage.coaches import CoachFilter

Member = Literal["name", "specialties", "synonyms", "city", "certifications", "bio"]

WEIGHTS: Final[Mapping[Member, int]] = {
    "name": 10,
    "specialties": 10,
    "synonyms": 8,
    "city": 6,
    "certifications": 4,
    "bio": 2,
}
EXACT, PREFIX, SYNONYM, TYPO = 1_000, 800, 800, 600  #: thousandths of the weight that count, by how a word was found
MIN_PREFIX: Final = 2  #: letters a word must have to be found as a beginning
MIN_TYPO: Final = 4  #: letters a word must have to be found with one mistake, which its first letter never is
MAX_WORDS: Final = 12
MAX_BUCKETS: Final = 50
PRICE_BANDS: Final = tuple(map(Decimal, (0, 25, 50, 75, 100, 150, 200)))  #: where each begins; the last has no end
RATING_STEPS: Final = tuple(map(Decimal, ("4.5", "4", "3.5", "3")))


@attrs.frozen(kw_only=True)
class SearchQuery:
    """
    What is looked for.

    ``words`` are folded as documents are, and every one must be found; None
    asks for no words, so that whoever passes the filters is found, while an
    empty tuple is a text without a word in it, which nobody answers.
    ``synonyms`` gives, for some words, the tags of specialties that mean the same.

    Without a ``sort`` the best come first, then the better rated, then the older
    id. ``near`` gives metres by folded city; sorting by ``distance`` needs it.
    """

    words: tuple[str, ...] | None
    synonyms: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    where: CoachFilter = attrs.field(factory=CoachFilter)
    sort: CoachSort | None = None
    near: Mapping[str, int] | None = None
    facets: tuple[Facet, ...] = ()
    limit: int = 20
    offset: int = 0
    total: bool = False

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The words that count: each once, the first twelve."""
        return None if self.words is None else tuple(dict.fromkeys(w[:64] for w in self.words))[:MAX_WORDS]


@attrs.frozen(kw_only=True)
class SearchHits:
    """
    Ids in order, whether there are more, and how many in all where that was asked.

    ``facets`` holds, for each facet asked, how many would be found if that
    value were filtered by in place of what the query says of it; at most 50,
    the commonest first, without zeros.
    """

    ids: tuple[UUID, ...]
    has_more: bool
    total: int | None = None
    facets: Mapping[Facet, Mapping[str, int]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class CoachDocument:
    """
    What is searched of a coach: the public view, with ``view_rev`` as the document's version.

    One that is not listed is found by nobody: it is kept for its version, so
    that an event that comes late does not bring back who was suspended.
    """

    id: UUID
    view_rev: int
    is_listed: bool = True
    name: str = ""
    city: str = ""
    specialties: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    bio: str = ""
    languages: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    price: Decimal | None = None
    currency: str = ""
    rating_avg: Decimal | None = None
    rating_score: Decimal = Decimal(0)
    seats_left: int = 0
    is_accepting: bool = False

    def member_words(self) -> dict[Member, list[str]]:
        """Return the folded words of each member, each once."""
        texts: dict[Member, tuple[str, ...]] = {
            "name": (self.name,),
            "specialties": self.specialties,
            "synonyms": self.synonyms,
            "city": (self.city,),
            "certifications": self.certifications,
            "bio": (self.bio,),
        }
        found = {
            member: list(dict.fromkeys(w[:64] for text in several for w in words(text.replace("-", " "))))
            for member, several in texts.items()
        }
        found["specialties"] += [tag[:64] for tag in self.specialties if "-" in tag]  # whole: what synonyms stand for
        return found

    def weights(self) -> dict[str, int]:
        """Return each folded word with its weight: the largest of where it stands."""
        found: dict[str, int] = {}
        for member, several in self.member_words().items():
            for word in several:
                found[word] = max(WEIGHTS[member], found.get(word, 0))
        return found


class SearchIndex(Protocol):
    """Finds coaches by words and filters. Whatever keeps it from answering is ``Unavailable``."""

    def search(self, query: SearchQuery) -> SearchHits:
        """Return who fits."""
        ...

    def put(self, documents: Sequence[CoachDocument]) -> None:
        """Write documents; an older ``view_rev`` never replaces a newer one."""
        ...

    def delete(self, ids: Sequence[UUID]) -> None:
        """Forget documents and their versions, for who was never a coach; unknown ids are no error."""
        ...

    def rebuild(self, documents: Iterable[CoachDocument]) -> None:
        """
        Replace everything; searches meanwhile see the old or the new, never nothing, and no :meth:`put` is lost.

        Raises:
            Busy: If another rebuild is under way.
        """
        ...

    def versions(self) -> Mapping[UUID, int]:
        """Return the ``view_rev`` of every document that can be found."""
        ...


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


def share_of(asked: str, known: str, synonyms: Sequence[str] = ()) -> int:
    """Return how many thousandths of its weight the word *known* counts for the word *asked*; 0 when it is another."""
    if asked == known:
        return EXACT
    if len(asked) >= MIN_PREFIX and known.startswith(asked):
        return PREFIX
    if known in synonyms:
        return SYNONYM
    if len(asked) >= MIN_TYPO and known[:1] == asked[0] and is_one_edit_away(asked, known):
        return TYPO
    return 0


def price_band(price: Decimal) -> str:
    """Return the band a price lies in, such as ``25-49.99``, as ``price_min`` and ``price_max`` would say it."""
    start = max(low for low in PRICE_BANDS if low <= price)
    return band_name(PRICE_BANDS.index(start))


def band_name(number: int) -> str:
    """Return the name of a price band."""
    if number + 1 == len(PRICE_BANDS):
        return f"{PRICE_BANDS[number]}-"
    return f"{PRICE_BANDS[number]}-{PRICE_BANDS[number + 1] - Decimal('0.01')}"


def commonest(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the 50 largest counts, ties by value, without zeros: the order of every facet but the two of numbers."""
    return dict(sorted(((v, n) for v, n in counts.items() if n), key=lambda item: (-item[1], item[0]))[:MAX_BUCKETS])
