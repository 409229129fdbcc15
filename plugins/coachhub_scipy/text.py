"""Words and pairs of words: how texts are cut for everything that reads them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from coachhub_core.domain.vocabulary import words
from coachhub_scipy.stems import stem

BEST_SHARE = 0.3
MAX_WORDS = 50_000
MIN_ACCOUNTS = 5  #: a word of trainees is kept only when so many used it: one person's words are nobody else's


_WITHOUT_SPACES = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"  # Chinese, Japanese, Korean
)


def terms(text: str) -> list[str]:
    """
    Cut a text into words and pairs of neighbours, folded and without their endings.

    Where a script parts no words by spaces, or writes particles on to them, two neighbouring characters are a word.
    """
    single = [stem(word) for word in _cut(text)]
    return single + [f"{a} {b}" for a, b in pairwise(single)]


def places(named: Sequence[str]) -> dict[str, int]:
    """Give the number of each term of a model; what a former version kept with endings meets in the first of them."""
    place: dict[str, int] = {}
    for at, term in enumerate(named):
        place.setdefault(_folded(term), at)
    return place


def counts_of(kept: Mapping[str, int]) -> dict[str, int]:
    """Give how many used each term of a model; of those that a former version kept apart, what most used."""
    counts: dict[str, int] = {}
    for term, count in kept.items():
        counts[_folded(term)] = max(counts.get(_folded(term), 0), count)
    return counts


def as_said(texts: Iterable[str]) -> dict[str, str]:
    """Give each term of some texts as it was said there first, for who reads it."""
    said: dict[str, str] = {}
    for text in texts:
        cut = _cut(text)
        for word in cut:
            said.setdefault(stem(word), word)
        for a, b in pairwise(cut):
            said.setdefault(f"{stem(a)} {stem(b)}", f"{a} {b}")
    return said


def _folded(term: str) -> str:
    return " ".join(map(stem, term.split(" ")))


def _cut(text: str) -> list[str]:
    cut: list[str] = []
    for word in words(text):
        if word.isascii():
            cut.append(word)
            continue
        for piece in filter(None, _WITHOUT_SPACES.split(word)):
            cut += _twos(piece) if _WITHOUT_SPACES.match(piece) else [piece]
    return cut


def _twos(run: str) -> list[str]:
    """Give all neighbouring characters of a run, each with the marks that belong to it; one alone as it is."""
    whole: list[str] = []
    for char in run:
        if whole and unicodedata.category(char)[0] == "M":
            whole[-1] += char
        else:
            whole.append(char)
    return [a + b for a, b in pairwise(whole)] if len(whole) > 1 else whole
