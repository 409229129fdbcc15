"""
All texts of a list taken together: what somebody writes about on the whole.

The best texts alone forget what stands in none of them at once. Two more readings
of a list put that right: how near its middle is to the request, and how much of what
was asked is said in it anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.distinct import Distinct, Ints

SOON_ENOUGH = 1.5  # k1 of BM25: a term said so often, by somebody of middle length, is half as good as said for ever
LENGTH_COUNTS = 0.75  # b of BM25: 0, length is nothing; 1, the share of what was said is all
_AT_ONCE = 2_000_000  # terms that are looked at together


@attrs.frozen(eq=False)
class Said:
    """What each different text says: text i has the terms ``terms[starts[i]:starts[i + 1]]``."""

    starts: Ints
    terms: NDArray[np.int64]  # by number
    times: Floats  # how often the text says it
    weights: Floats  # TF-IDF; the length of a text is 1


@attrs.frozen(eq=False)
class Together:
    """The terms of whole lists of texts as inverted lists."""

    bounds: Ints  # term -> its part of the three below
    lists: NDArray[np.int32]
    middle: NDArray[np.float32]  # its weight in the mean of the list's texts, whose length is 1
    covered: NDArray[np.float32]  # 0 to 1: how well the list covers the term, saturating (BM25)

    @classmethod
    def of(cls, lists: Distinct, said: Said, n_terms: int) -> Together:
        """
        Read lists of texts.

        Args:
            lists: Of texts, by their numbers.
            n_terms: How many different terms there are.
        """
        n_texts = len(said.starts) - 1
        totals = np.bincount(np.repeat(np.arange(n_texts), np.diff(said.starts)), said.times, minlength=n_texts)
        owner = np.repeat(np.arange(len(lists)), lists.sizes)
        length = np.bincount(owner, totals[lists.codes], minlength=len(lists))
        n_rows = np.bincount(lists.of_row, minlength=len(lists)) * (length > 0)
        mean = float(n_rows @ length) / max(float(n_rows.sum()), 1.0)
        relative = 1.0 - LENGTH_COUNTS + LENGTH_COUNTS * length / max(mean, 1.0)
        slow = np.asarray(SOON_ENOUGH * relative, np.float64)
        parts = [cls._part(first, last, lists, said, n_terms, slow) for first, last in _chunks(lists, said)]
        term, at, middle, covered = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(term, kind="stable")
        bounds = np.searchsorted(term[order], np.arange(n_terms + 1))
        return cls(bounds, at[order], middle[order], covered[order])

    def add(self, found: Floats, term: int, weight: float, share: float) -> None:
        """
        Add to *found* (p,) what the lists get for a term of a request.

        Args:
            weight: Of the term, where the length of the request is 1.
            share: Of the term's rarity in that of all that was asked.
        """
        part = slice(int(self.bounds[term]), int(self.bounds[term + 1]))
        found[self.lists[part]] += self.middle[part] * weight + self.covered[part] * share

    @staticmethod
    def _part(
        first: int, last: int, lists: Distinct, said: Said, n_terms: int, slow: Floats
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Read the lists from *first* to *last*: terms, lists and both weights, by list and term."""
        texts = lists.codes[lists.starts[first] : lists.starts[last]].astype(np.int64)
        owner = np.repeat(np.arange(first, last), lists.sizes[first:last])
        sizes = np.diff(said.starts)[texts]
        ends = np.cumsum(sizes)
        inside = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(said.starts[texts] - ends + sizes, sizes)
        key, back = np.unique(np.repeat(owner, sizes) * n_terms + said.terms[inside], return_inverse=True)
        times = np.bincount(back, said.times[inside], minlength=len(key))  # added one after the other
        weight = np.bincount(back, said.weights[inside], minlength=len(key))
        at, term = np.divmod(key, max(n_terms, 1))
        squares = np.bincount(at - first, weight * weight, minlength=last - first)[at - first]
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = np.where(squares > 0, weight / np.sqrt(squares), 0.0)
        covered = times / (times + slow[at])
        return term.astype(np.int32), at.astype(np.int32), middle.astype(np.float32), covered.astype(np.float32)


def _chunks(lists: Distinct, said: Said) -> Iterator[tuple[int, int]]:
    """Cut the lists into runs that say about so much as is looked at together."""
    sizes = np.diff(said.starts)[lists.codes]
    before = np.concatenate([[0], np.cumsum(sizes)])[lists.starts]  # terms said before each list
    first = 0
    while True:
        last = int(np.searchsorted(before, before[first] + _AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), len(lists))
        yield first, last
        first = last
        if first >= len(lists):
            return
