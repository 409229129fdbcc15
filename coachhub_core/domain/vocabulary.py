"""
The one vocabulary of the house, and the folding of words that every search shares.

Specialties, equipment and kinds of goal have a tag (kept and sent), a label
(shown) and synonyms (found in what people write). Storage search, the check of
incoming specialties and the matcher all read the same file, ``vocabulary.toml``;
plugins extend it with :meth:`Vocabulary.extended`.

Everything here takes linear time on capped input, whatever the text.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import attrs

from coachhub_core.errors import PluginError

MAX_CHARS = 20_000  # twice the longest text a profile may hold; what lies behind is not looked at
SPECIALTY, EQUIPMENT, GOAL = KINDS = ("specialty", "equipment", "goal")

_TAG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
# letters that Unicode does not decompose, as people type them without the stroke
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})
_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ")
_MAX_MARKS = 30  # in a row, as UAX 15's stream-safe text: normalizing longer runs takes quadratic time


# ── folding ─────────────────────────────────────────────────────────────────


def fold(text: str) -> str:
    """
    Give the text as searches compare it: NFKC, case-folded, without accents.

    Args:
        text: Anything; only its first 20,000 characters are read.
    Returns:
        The folded text, at most 20,000 characters; folding it again changes nothing.
    """
    text = text[:MAX_CHARS]
    if text.isascii():
        return text.lower()
    for _ in range(4):  # a fold can uncover what folds again (a compatibility letter with an accent); this settles it
        before = text
        text = unicodedata.normalize("NFKC", _few_marks(text))[:MAX_CHARS].casefold()
        text = _ACCENTS.sub("", unicodedata.normalize("NFD", _few_marks(text)))
        text = unicodedata.normalize("NFC", text.translate(_STROKES))[:MAX_CHARS]
        if text == before:
            break
    return text


def _few_marks(text: str) -> str:
    kept: list[str] = []
    in_row = 0
    for char in text:
        in_row = in_row + 1 if unicodedata.combining(char) else 0
        if in_row <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept) if len(kept) < len(text) else text


def words(text: str) -> list[str]:
    """
    Cut a text into its folded words, in order, repeats kept.

    A word is a run of letters, digits and the marks that belong to them;
    apostrophes inside are dropped (``women's`` is ``womens``), everything else
    parts words.
    """
    folded = fold(text).translate(_APOSTROPHES)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    cut = "".join(char if unicodedata.category(char)[0] in "LNM" else " " for char in folded).split()
    return [word for word in cut if unicodedata.category(word[0])[0] != "M"]  # a mark alone, such as an emoji's


def singular(word: str) -> str:
    """Give a word without its plural s; crude on purpose, since both sides of a comparison pass through it."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


# ── entries ─────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Entry:
    """One tag with its label, its synonyms and its neighbours."""

    tag: str
    kind: str
    label: str
    synonyms: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()  #: tags of the same kind this is a kind of
    tags: tuple[str, ...] = ()  #: of a goal: the specialties that serve it


class Vocabulary:
    """
    Tags by kind, found by tag, label or synonym.

    Immutable; :meth:`extended` gives a larger one. Methods without *kind* speak
    of specialties.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self._phrases: dict[str, dict[tuple[str, ...], str]] = {kind: {} for kind in KINDS}
        for entry in entries:
            self._add(entry)
        for kind in KINDS:
            for entry in self._entries[kind].values():
                self._check_neighbours(entry)
        self._longest = {kind: max(map(len, phrases), default=0) for kind, phrases in self._phrases.items()}
        self._narrower: dict[str, tuple[str, ...]] = {
            tag: tuple(sorted(e.tag for e in self._entries[SPECIALTY].values() if tag in e.broader))
            for tag in self._entries[SPECIALTY]
        }

    def _add(self, entry: Entry) -> None:
        if entry.kind not in KINDS or not _TAG.match(entry.tag) or not entry.label.strip():
            raise PluginError(reason=f"vocabulary: {entry.kind} {entry.tag!r} needs a kind, a tag like a-b-c, a label")
        if entry.tag in self._entries[entry.kind]:
            raise PluginError(reason=f"vocabulary: the {entry.kind} {entry.tag!r} is given twice")
        self._entries[entry.kind][entry.tag] = entry
        phrases = self._phrases[entry.kind]
        for text in (entry.tag, entry.label, *entry.synonyms):
            phrase = _phrase(text)
            other = phrases.setdefault(phrase, entry.tag)
            if not phrase or other != entry.tag:
                why = f"means {other!r} already" if phrase else "has no word in it"
                raise PluginError(reason=f"vocabulary: {text!r} of {entry.kind} {entry.tag!r} {why}")

    def _check_neighbours(self, entry: Entry) -> None:
        for tag in entry.broader:
            if tag not in self._entries[entry.kind]:
                raise PluginError(reason=f"vocabulary: {entry.tag!r} is said to be a kind of {tag!r}, which is unknown")
        for tag in entry.tags:
            if tag not in self._entries[SPECIALTY]:
                raise PluginError(reason=f"vocabulary: goal {entry.tag!r} names the unknown specialty {tag!r}")

    def extended(self, extra: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Vocabulary:
        """
        Give a vocabulary with more entries.

        Args:
            extra: As the file has it: kind, then tag, then ``label synonyms broader tags``.
        Raises:
            PluginError: If a tag is there already, a word would mean two tags, or a member is unknown.
        """
        mine = [entry for kind in KINDS for entry in self._entries[kind].values()]
        return Vocabulary([*mine, *_entries(extra)])

    # ── asking ──

    def tags(self, kind: str = SPECIALTY) -> tuple[str, ...]:
        """Give all tags of a kind, in the order of the file."""
        return tuple(self._entries[kind])

    def entry(self, tag: str, kind: str = SPECIALTY) -> Entry | None:
        """Find an entry by its tag."""
        return self._entries[kind].get(tag)

    def label(self, tag: str, kind: str = SPECIALTY) -> str:
        """Give what people are shown; a tag that is unknown shows itself."""
        entry = self._entries[kind].get(tag)
        return tag if entry is None else entry.label

    def is_tag(self, tag: str, kind: str = SPECIALTY) -> bool:
        """Tell whether this is a tag, spelled exactly so: what may be stored."""
        return tag in self._entries[kind]

    def canonical_tag(self, text: str, kind: str = SPECIALTY) -> str | None:
        """Find the tag the whole text means, by tag, label or synonym."""
        return self._phrases[kind].get(_phrase(text))

    def found_in(self, text: str, kind: str = SPECIALTY) -> dict[str, str]:
        """
        Find the tags a text speaks of, each with the words that said so.

        From the left, the longest phrase wins and is consumed: "half marathon"
        is not also "marathon".

        Returns:
            The folded words as they stand in the text, by tag, in order of first appearance.
        """
        said = words(text)
        stems = [singular(word) for word in said]
        phrases, longest = self._phrases[kind], self._longest[kind]
        found: dict[str, str] = {}
        at = 0
        while at < len(stems):
            for n in range(min(longest, len(stems) - at), 0, -1):
                tag = phrases.get(tuple(stems[at : at + n]))
                if tag is not None:
                    found.setdefault(tag, " ".join(said[at : at + n]))
                    at += n
                    break
            else:
                at += 1
        return found

    def tags_in(self, text: str, kind: str = SPECIALTY) -> frozenset[str]:
        """Find the tags a text speaks of, by tags, labels and synonyms, of several words too."""
        return frozenset(self.found_in(text, kind))

    def expand(self, text: str) -> tuple[str, ...]:
        """
        Give the terms a text is indexed and asked by: its words, then the tags found in it.

        Both sides of a search pass through here, so "lose weight" finds who
        wrote "fat loss". No term comes twice.
        """
        return tuple(dict.fromkeys([*words(text), *self.found_in(text)]))

    def related(self, tag: str) -> dict[str, float]:
        """
        Give the specialties that answer a wish for *tag*, each with how well.

        1 for the tag itself, 0.7 for a kind of it (narrower), 0.4 for what it is
        a kind of (broader).
        """
        entry = self._entries[SPECIALTY].get(tag)
        if entry is None:
            return {}
        near = dict.fromkeys(entry.broader, 0.4)
        near.update(dict.fromkeys(self._narrower[tag], 0.7))
        near[tag] = 1.0
        return near


def _phrase(text: str) -> tuple[str, ...]:
    return tuple(singular(word) for word in words(text))


def _entries(document: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Entry]:
    entries = []
    for kind, by_tag in document.items():
        for tag, members in by_tag.items():
            unknown = set(members) - {"label", "synonyms", "broader", "tags"}
            if unknown:
                raise PluginError(
                    reason=f"vocabulary: {kind} {tag!r} has unknown members: {', '.join(sorted(unknown))}"
                )
            lists = {name: tuple(members.get(name, ())) for name in ("synonyms", "broader", "tags")}
            entries.append(Entry(tag=tag, kind=kind, label=str(members.get("label", "")), **lists))
    return entries


# ── the one that ships ──────────────────────────────────────────────────────


@cache
def shipped() -> Vocabulary:
    """Give the vocabulary of ``vocabulary.toml``, read once."""
    text = resources.files(__package__).joinpath("vocabulary.toml").read_text("utf-8")
    return Vocabulary(_entries(tomllib.loads(text)))


def tags_in(text: str) -> frozenset[str]:
    """Find the shipped specialties a text speaks of."""
    return shipped().tags_in(text)


def expand(text: str) -> tuple[str, ...]:
    """Give the terms a text is indexed and asked by, with the shipped synonyms."""
    return shipped().expand(text)


def canonical_tag(text: str) -> str | None:
    """Find the shipped specialty the whole text means."""
    return shipped().canonical_tag(text)
