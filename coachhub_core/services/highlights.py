"""Where the words of a query stand in a profile: found on the text as it was written, whatever engine found it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from coachhub_core.domain.coaches import Highlight, HighlightPart
from coachhub_core.domain.vocabulary import Vocabulary, words
from coachhub_core.ports.search import share_of
from coachhub_core.ports.storage import CoachRecord

AROUND: Final = 60  # characters kept before the first match of a long text, and after the last
LONGEST: Final = 300
_IN_WORDS: Final = frozenset("'’‘`´ʼ")  # an apostrophe inside a word does not end it


def highlights_of(
    record: CoachRecord,
    asked: Sequence[str],
    synonyms: Mapping[str, tuple[str, ...]],
    vocabulary: Vocabulary,
) -> tuple[Highlight, ...]:
    """Return each text of the public view in which a word was found; of a long one the piece around it."""

    @cache
    def is_match(run: str) -> bool:
        return any(share_of(word, known[:64], synonyms.get(word, ())) for known in words(run) for word in asked)

    coach, account = record.coach, record.account
    found: list[Highlight] = []
    if parts := _marked(account.name, is_match):
        found.append(Highlight(member="name", parts=parts))
    if account.city and (parts := _marked(account.city, is_match)):
        found.append(Highlight(member="city", parts=parts))
    for tag in coach.specialties:
        entry = vocabulary.entry(tag)
        label = vocabulary.label(tag)
        said = " ".join((tag.replace("-", " "), *(entry.synonyms if entry else ())))
        if parts := _marked(label, is_match) or (_whole(label) if any(map(is_match, said.split())) else ()):
            found.append(Highlight(member="specialties", parts=parts))
    for certification in record.certifications:
        if parts := _marked(certification.name, is_match):
            found.append(Highlight(member="certifications", parts=parts))
    if coach.bio and (parts := _marked(coach.bio, is_match)):
        found.append(Highlight(member="bio", parts=_cut(parts)))
    return tuple(found)


def _whole(label: str) -> tuple[HighlightPart, ...]:
    return (HighlightPart(text=label, is_match=True),)  # found by another word for it


def _marked(text: str, is_match: Callable[[str], bool]) -> tuple[HighlightPart, ...]:
    """Return the text in parts, or nothing when no word of it was looked for."""
    parts: list[HighlightPart] = []
    plain = ""
    for run, is_word in _runs(text):
        if is_word and is_match(run):
            if plain:
                parts.append(HighlightPart(text=plain, is_match=False))
            parts.append(HighlightPart(text=run, is_match=True))
            plain = ""
        else:
            plain += run
    if not parts:
        return ()
    return (*parts, HighlightPart(text=plain, is_match=False)) if plain else tuple(parts)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Cut a text into runs that are words and runs between them; joined they are the text."""
    run, was_word = "", False
    for char in text:
        is_word = unicodedata.category(char)[0] in "LNM" or (was_word and char in _IN_WORDS)
        if is_word != was_word and run:
            yield run, was_word
            run = ""
        run, was_word = run + char, is_word
    if run:
        yield run, was_word


def _cut(parts: tuple[HighlightPart, ...]) -> tuple[HighlightPart, ...]:
    """Return the parts from a little before the first match on, within the longest piece shown."""
    kept: list[HighlightPart] = []
    room = LONGEST
    for index, part in enumerate(parts):
        text = part.text
        if index == 0 and not part.is_match and len(text) > AROUND:
            text = "…" + text[-AROUND:].lstrip()
        is_last = index == len(parts) - 1
        if is_last and not part.is_match and len(text) > AROUND:
            text = text[:AROUND].rstrip() + "…"
        if len(text) > room:
            if kept and any(p.is_match for p in kept):
                kept.append(HighlightPart(text=text[:room].rstrip() + "…", is_match=part.is_match))
                break
            text = text[:LONGEST]
        kept.append(HighlightPart(text=text, is_match=part.is_match))
        room -= len(text)
        if room <= 0 and any(p.is_match for p in kept):
            break
    return tuple(kept)
