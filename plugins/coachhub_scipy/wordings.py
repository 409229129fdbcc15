"""
Requests against lists of texts: TF-IDF over words and pairs of words, read in three ways.

What a coach wrote is a list: each specialty, certificate or sentence is a text of
its own. A request scores the mean of three numbers from 0 to 1:

- the mean cosine of the best 30 % of the texts, one at least: the mean of all drowns a
  specialist in small talk, and the single best is luck;
- the cosine of the middle of all texts (Rocchio's centroid);
- how much of what was asked is said anywhere in them, by the terms' rarity, as BM25
  counts it, out of what nobody could say better.

Each is ahead somewhere, and the mean of the three is ahead of each of them nearly
everywhere: see ``docs/explanation/matching.md``. A term is as rare as
``log((n + 1) / (df + 1/2))`` of n texts: what all say counts next to nothing.

Each different text is kept once, and so is each different list of texts. Of a
request the terms are looked up once; what a coach gets from it is then read for those
coaches alone who are asked about.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.function_words import FUNCTION_WORDS
from coachhub_core.matching.tables import Texts
from coachhub_scipy.arithmetic import Floats, logarithm
from coachhub_scipy.distinct import Distinct, Ints
from coachhub_scipy.stems import stem
from coachhub_scipy.text import BEST_SHARE, MAX_WORDS, as_said, terms
from coachhub_scipy.together import Said, Together

Terms = Sequence[tuple[str, float]]

_THIRD = 1.0 / 3.0
_N_FEW = int(1 / BEST_SHARE)  # so many texts are the most of which only the best counts
_N_SETS = 4_096  # texts whose terms are kept as sets
_SILENT = frozenset(map(stem, FUNCTION_WORDS))


@attrs.frozen(eq=False)
class Found:
    """What a request found."""

    texts: Floats  # (t + 1,), what each different text scores, and 0 behind the last
    lists: Floats  # (p,), what each different list gets for all its texts together, from 0 to 2


@attrs.frozen(eq=False)
class Wordings:
    """The texts of all coaches as inverted lists over what was said, whoever said it."""

    lists: Distinct  # of texts, per coach
    n_best: Ints  # (p,), how many of the best texts of a list count
    few: Ints  # (3, p), the texts of the lists of which only the best counts; n_texts where there are fewer
    many: NDArray[np.bool_]  # (p,), the other lists
    n_texts: int  # different ones
    place: Mapping[str, int]  # term -> its inverted list
    bounds: Ints
    texts: NDArray[np.int32]
    weights: Floats
    together: Together  # of whole lists, over the same terms
    said_from: Ints  # text -> its terms, by the number of their inverted lists
    said: NDArray[np.int32]
    idf: Mapping[str, float]
    unknown: float
    has_many: bool  # whether there are any such lists
    said_as_set: dict[int, frozenset[int]] = attrs.field(factory=dict)  # of the texts that reasons were read from

    @classmethod
    def of(cls, column: Texts, background: Mapping[str, int], n_background: int) -> Wordings:
        """
        Read the texts of all coaches, or give what was read of the same texts before: a seat taken changes none.

        Args:
            column: Of the coaches' table.
            background: Term -> in how many further texts, such as past requests.
            n_background: How many those were.
        """
        digest = hashlib.sha256(repr((n_background, sorted(background.items()))).encode())
        column.update(digest)
        key = digest.digest()
        with _LOCK:
            found = _READ.pop(key, None)
            if found is not None:
                _READ[key] = found
        if found is None:
            found = cls._of(column, background, n_background)
            with _LOCK:
                _READ[key] = found
                while len(_READ) > _N_READ:
                    del _READ[next(iter(_READ))]
        return found

    @classmethod
    def _of(cls, column: Texts, background: Mapping[str, int], n_background: int) -> Wordings:
        number: dict[str, int] = {}
        codes = np.array([number.setdefault(text, len(number)) for text in column.items], np.int32)
        counted = [_counted(text) for text in number]
        said = np.bincount(codes, minlength=len(counted)).tolist() if len(codes) else []
        frequency: Counter[str] = Counter(background)
        for count, times in zip(counted, said, strict=True):
            for term in count[0]:
                frequency[term] += times
        n_all = len(codes) + n_background
        kept = list(frequency)
        if len(kept) > MAX_WORDS:
            kept = sorted(kept, key=lambda term: (-frequency[term], term))[:MAX_WORDS]
        idf: dict[str, float] = {}
        if kept:
            raw = (1.0 + n_all) / (0.5 + np.array([frequency[term] for term in kept], np.float64))
            idf = dict(zip(kept, logarithm(raw).tolist(), strict=True))
        unknown = float(logarithm(np.array([2.0 * (1.0 + n_all)]))[0])
        place, said_all = _weighed(counted, idf, unknown)
        bounds, texts, weights = _inverted(said_all, len(place))
        lists = Distinct.of(column.starts.tolist(), codes)
        n_best = np.maximum(1, np.ceil(BEST_SHARE * lists.sizes)).astype(np.int64)
        many = n_best > 1
        few = np.full((_N_FEW, len(lists)), len(counted), np.int64)
        for at in range(_N_FEW):
            here = np.flatnonzero((lists.sizes > at) & ~many)
            few[at, here] = lists.codes[lists.starts[here] + at]
        n_texts = len(counted)
        has_many = bool(many.any())
        together = Together.of(lists, said_all, len(place))
        laid_out = place, bounds, texts, weights, together, said_all.starts, said_all.terms.astype(np.int32)
        return cls(lists, n_best, few, many, n_texts, *laid_out, idf, unknown, has_many)

    def request(self, texts: Sequence[str]) -> Terms:
        """Give the terms of a request with their weights: the length of all is 1."""
        counted = sorted(Counter(term for text in texts for term in terms(text)).items())
        idf, unknown = self.idf, self.unknown
        raw = [(1.0 + _log(count)) * idf.get(term, unknown) for term, count in counted]
        total = 0.0
        for value in raw:
            total += value * value
        scale = 1.0 / math.sqrt(total) if total else 0.0
        return [(term, value * scale) for (term, _), value in zip(counted, raw, strict=True)]

    def found(self, request: Terms) -> Found:
        """Give what each different text and each different list scores, added term after term."""
        texts, lists = np.zeros(self.n_texts + 1), np.zeros(len(self.lists))
        rare = [self.idf.get(term, self.unknown) for term, _ in request]
        asked = sum(rare)
        for (term, weight), worth in zip(request, rare, strict=True):
            at = self.place.get(term)
            if at is not None:
                part = slice(int(self.bounds[at]), int(self.bounds[at + 1]))
                texts[self.texts[part]] += self.weights[part] * weight
                self.together.add(lists, at, weight, worth / asked)
        return Found(texts, lists)

    def scores(self, found: Found, lists: NDArray[np.integer] | None = None) -> Floats:
        """
        Give what each list scores, all or these: (p,), from 0 to 1.

        Args:
            found: From :meth:`found`.
        """
        few = self.few if lists is None else self.few.take(lists, axis=1)
        made: Floats = found.texts.take(few[0])
        for texts in few[1:]:
            np.maximum(made, found.texts.take(texts), out=made)
        many = np.flatnonzero(self.many if lists is None else self.many.take(lists))
        if len(many):
            made[many] = self._of_many(found.texts, many if lists is None else lists[many])
        made += found.lists if lists is None else found.lists.take(lists)
        made *= _THIRD
        return made

    def _of_many(self, found: Floats, lists: NDArray[np.integer]) -> Floats:
        """Give the mean of the best texts of lists where more than one counts."""
        first, sizes, n_best = self.lists.starts[lists], self.lists.sizes[lists], self.n_best[lists]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        inside = np.arange(int(starts[-1])) + np.repeat(first - starts[:-1], sizes)
        values = found[self.lists.codes[inside]]
        owner = np.repeat(np.arange(len(lists)), sizes)
        hit = np.flatnonzero(values != 0.0)
        hit = hit[np.lexsort((-values[hit], owner[hit]))]
        mine = owner[hit]
        is_best = np.arange(len(hit)) - np.searchsorted(mine, mine, side="left") < n_best[mine]
        made = np.zeros(len(lists))
        np.add.at(made, mine[is_best], values[hit[is_best]])  # in order: each list's best first
        result: Floats = made / n_best
        return result

    def shared(
        self,
        asked: Sequence[str],
        rows: Sequence[int] | Ints,
        limit: int = 5,
        *,
        request: Terms | None = None,
        found: Found | None = None,
    ) -> list[list[str]]:
        """
        Give for each of these coaches the words of a request that they used too, as it says them, the weightiest first.

        Args:
            asked: The texts of the request.
            request: What :meth:`request` made of them, where it is at hand.
            found: And what :meth:`found` made of that.
        """
        if not len(rows):
            return []
        request = self.request(asked) if request is None else request
        of_texts = (self.found(request) if found is None else found).texts
        known = [(at, term, weight) for term, weight in request if (at := self.place.get(term)) is not None]
        weighed = sorted([(-weight * self.idf.get(term, self.unknown), term, at) for at, term, weight in known])
        named = [term for weight, term, _ in weighed if weight < 0]
        bits = {number: 1 << at for at, (weight, _, number) in enumerate(weighed) if weight < 0}
        lists = self.lists.of_row.take(rows)
        few = self.few.take(lists, axis=1)
        nth, place_of = of_texts.take(few).nonzero()  # a text that scores 0 shares no word
        texts, places = few[nth, place_of].tolist(), place_of.tolist()
        if self.has_many:
            for at in np.flatnonzero(self.many.take(lists)).tolist():
                more = self._met_of_many(of_texts, int(lists[at]))
                texts += more
                places += [at] * len(more)
        met = {text: sum([bits[number] for number in self._terms(text).intersection(bits)]) for text in set(texts)}
        met_by = [0] * len(lists)
        for at, text in zip(places, texts, strict=True):
            met_by[at] |= met[text]
        said = as_said(asked)
        words = {
            bits_met: [said[term] for term in _tidied(tuple([t for at, t in enumerate(named) if bits_met >> at & 1]))][
                :limit
            ]
            for bits_met in set(met_by)
        }
        return [words[bits_met] for bits_met in met_by]

    def _met_of_many(self, found: Floats, row: int) -> list[int]:
        """Give of a list of many texts those that share a word."""
        texts = self.lists.codes[self.lists.starts[row] : self.lists.starts[row + 1]]
        met: list[int] = texts[found.take(texts) != 0].tolist()
        return met

    def _terms(self, text: int) -> frozenset[int]:
        """Give the terms of a text, by the number of their inverted lists."""
        found = self.said_as_set.get(text)
        if found is None:
            found = frozenset(self.said[self.said_from[text] : self.said_from[text + 1]].tolist())
            if len(self.said_as_set) < _N_SETS:
                self.said_as_set[text] = found
        return found


def tidied(shared: Sequence[str]) -> list[str]:
    """
    Leave out what would say nothing in a reason.

    That is, as long as anything stays: terms with a function word, then words that a pair
    of words says already, then those of one or two letters.
    """
    telling = [term for term in shared if _SILENT.isdisjoint(term.split())]
    shared = telling or shared
    in_pairs = {word for term in shared if " " in term for word in term.split()}
    whole = [term for term in shared if term not in in_pairs]
    return [term for term in whole if len(term) > 2] or whole


@lru_cache(maxsize=4_096)
def _tidied(shared: tuple[str, ...]) -> tuple[str, ...]:
    """Give :func:`tidied`, once for the words that many share with many."""
    return tuple(tidied(shared))


@lru_cache(maxsize=1_000)
def _log(count: int) -> float:
    return float(logarithm(np.array([float(count)]))[0])


@lru_cache(maxsize=20_000)
def _counted(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Give a text's terms, sorted, and how often each comes; kept, since most texts outlive the snapshot."""
    counted = sorted(Counter(terms(text)).items())
    return tuple(term for term, _ in counted), tuple(count for _, count in counted)


def _weighed(
    counted: Sequence[tuple[tuple[str, ...], tuple[int, ...]]], idf: Mapping[str, float], unknown: float
) -> tuple[dict[str, int], Said]:
    """Number and weigh all terms of all texts at once: each text's in the order of its terms, its length 1."""
    named = sorted(set(chain.from_iterable(said for said, _ in counted)))
    place = {term: at for at, term in enumerate(named)}
    starts = np.cumsum([0, *(len(said) for said, _ in counted)], dtype=np.int64)
    text = np.repeat(np.arange(len(counted)), np.diff(starts))
    term = np.array([place[t] for said, _ in counted for t in said], np.int64)
    times = np.array([count for _, counts in counted for count in counts], np.float64)
    raw = (1.0 + logarithm(times)) * np.array([idf.get(t, unknown) for t in named], np.float64)[term]
    length = np.bincount(text, raw * raw, minlength=len(counted))  # added one after the other
    with np.errstate(divide="ignore"):
        scale = np.where(length > 0, 1.0 / np.sqrt(length), 0.0)
    return place, Said(starts, term, times, raw * scale[text])


def _inverted(said: Said, n_terms: int) -> tuple[Ints, NDArray[np.int32], Floats]:
    """Turn what each text says into who says each term: bounds, texts and weights."""
    text = np.repeat(np.arange(len(said.starts) - 1), np.diff(said.starts))
    order = np.argsort(said.terms, kind="stable")
    bounds = np.searchsorted(said.terms[order], np.arange(n_terms + 1))
    return bounds, text[order].astype(np.int32), said.weights[order]


_READ: dict[bytes, Wordings] = {}  # by content, the oldest first
_N_READ = 6
_LOCK = threading.Lock()
