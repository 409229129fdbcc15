"""
Requests against lists of texts: TF-IDF over words and pairs of words, the mean of the best 30 %.

What a coach wrote is a list: each specialty, certificate or sentence is a text of
its own. A request scores the mean of the best 30 % of them, one at least: the mean
of all drowns a specialist in small talk, and the single best is luck.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.vocabulary import singular, words
from coachhub_scipy.arithmetic import Floats, logarithm

BEST_SHARE = 0.3
MAX_WORDS = 50_000
MIN_ACCOUNTS = 5  #: a word of trainees is kept only when so many used it: one person's words are nobody else's


_WITHOUT_SPACES = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"  # Chinese, Japanese, Korean
)


def terms(text: str) -> list[str]:
    """
    Cut a text into words and pairs of neighbours, folded and without plural s.

    Where a script parts no words by spaces, or writes particles on to them, two neighbouring characters are a word.
    """
    single: list[str] = []
    for word in words(text):
        if word.isascii():
            single.append(singular(word))
            continue
        for piece in filter(None, _WITHOUT_SPACES.split(word)):
            single += _twos(piece) if _WITHOUT_SPACES.match(piece) else [singular(piece)]
    return single + [f"{a} {b}" for a, b in pairwise(single)]


def _twos(run: str) -> list[str]:
    """Give all neighbouring characters of a run, each with the marks that belong to it; one alone as it is."""
    whole: list[str] = []
    for char in run:
        if whole and unicodedata.category(char)[0] == "M":
            whole[-1] += char
        else:
            whole.append(char)
    return [a + b for a, b in pairwise(whole)] if len(whole) > 1 else whole


def weights_of(counted: Mapping[str, int], idf: Mapping[str, float], unknown: float) -> list[tuple[str, float]]:
    """
    Give the terms of one text with their weights, sorted by term; the length of all is 1.

    Args:
        counted: Term -> how often.
        idf: Term -> how rare; a term it lacks weighs *unknown*.
    """
    named = sorted(counted)
    counts = np.array([counted[term] for term in named], np.float64)
    raw = (1.0 + logarithm(counts)) * np.array([idf.get(term, unknown) for term in named])
    total = 0.0
    for value in raw.tolist():
        total += value * value
    scale = 1.0 / math.sqrt(total) if total else 0.0
    return [(term, value * scale) for term, value in zip(named, raw.tolist(), strict=True)]


@attrs.frozen(eq=False)
class TextIndex:
    """The texts of all coaches as inverted lists."""

    n: int
    starts: NDArray[np.int64]  # coach r has texts starts[r]:starts[r + 1]
    owner: NDArray[np.int64]  # coach of each text
    n_best: NDArray[np.int64]  # per coach, how many of the best texts count
    postings: Mapping[str, tuple[NDArray[np.int64], Floats]]  # term -> texts, weights
    idf: Mapping[str, float]
    unknown: float

    @classmethod
    def of(cls, texts: Sequence[Sequence[str] | None], background: Mapping[str, int], n_background: int) -> TextIndex:
        """
        Read the texts of all coaches.

        Args:
            texts: Per coach a list, None where nothing was said.
            background: Term -> in how many further texts, such as past requests.
            n_background: How many those were.
        """
        counted: list[Counter[str]] = []
        starts = np.zeros(len(texts) + 1, np.int64)
        for row, mine in enumerate(texts):
            counted.extend(Counter(terms(text)) for text in mine or ())
            starts[row + 1] = len(counted)
        frequency: Counter[str] = Counter(background)
        for count in counted:
            frequency.update(count.keys())
        n_texts = len(counted) + n_background
        kept = sorted(frequency, key=lambda term: (-frequency[term], term))[:MAX_WORDS]
        if kept:
            raw = (1.0 + n_texts) / (1.0 + np.array([frequency[term] for term in kept], np.float64))
            idf = dict(zip(kept, (logarithm(raw) + 1.0).tolist(), strict=True))
        else:
            idf = {}
        unknown = float(logarithm(np.array([1.0 + n_texts]))[0]) + 1.0
        lists: dict[str, tuple[list[int], list[float]]] = {}
        for number, count in enumerate(counted):
            for term, weight in weights_of(count, idf, unknown):
                places, values = lists.setdefault(term, ([], []))
                places.append(number)
                values.append(weight)
        sizes = np.diff(starts)
        return cls(
            n=len(texts),
            starts=starts,
            owner=np.repeat(np.arange(len(texts)), sizes),
            n_best=np.maximum(1, np.ceil(BEST_SHARE * sizes)).astype(np.int64),
            postings={t: (np.array(p, np.int64), np.array(v, np.float64)) for t, (p, v) in lists.items()},
            idf=idf,
            unknown=unknown,
        )

    def request(self, texts: Iterable[str]) -> list[tuple[str, float]]:
        """Give the terms of a request with their weights."""
        return weights_of(Counter(term for text in texts for term in terms(text)), self.idf, self.unknown)

    def scores(self, request: Sequence[tuple[str, float]]) -> Floats:
        """Score all coaches: (n,), from 0 to 1; the same bits for a coach whatever the others wrote of it."""
        found = np.zeros(len(self.owner))
        touched: list[NDArray[np.int64]] = []
        for term, weight in request:
            posting = self.postings.get(term)
            if posting is not None:
                found[posting[0]] += posting[1] * weight
                touched.append(posting[0])
        scores = np.zeros(self.n)
        if not touched:
            return scores
        few = np.flatnonzero((self.n_best == 1) & (np.diff(self.starts) > 0))  # the best is all that counts
        if len(few):
            ends = np.stack([self.starts[few], self.starts[few + 1]], axis=1).ravel()
            scores[few] = np.maximum.reduceat(np.append(found, 0.0), ends)[::2]
        hit = np.unique(np.concatenate(touched)) if len(few) < self.n else np.zeros(0, np.int64)
        hit = hit[self.n_best[self.owner[hit]] > 1]
        owner = self.owner[hit]
        order = np.lexsort((hit, -found[hit], owner))
        hit, owner = hit[order], owner[order]
        first = np.searchsorted(owner, owner, side="left")
        is_best = np.arange(len(hit)) - first < self.n_best[owner]
        np.add.at(scores, owner[is_best], found[hit[is_best]])  # in order: each coach's best first
        made: Floats = scores / self.n_best
        return made

    def shared(self, request: Sequence[tuple[str, float]], row: int, limit: int = 5) -> list[str]:
        """Give the words of a request that this coach used too, the weightiest first."""
        first, last = int(self.starts[row]), int(self.starts[row + 1])
        found = []
        for term, weight in request:
            posting = self.postings.get(term)
            if posting is not None and np.searchsorted(posting[0], first) < np.searchsorted(posting[0], last):
                found.append((-weight * self.idf.get(term, self.unknown), term))
        return [term for _, term in sorted(found)[:limit]]
