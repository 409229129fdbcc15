"""Words and pairs of words: how texts are cut for everything that reads them."""

from __future__ import annotations

from itertools import pairwise

from coachhub_core.domain.vocabulary import singular, words

BEST_SHARE = 0.3
MAX_WORDS = 50_000
MIN_ACCOUNTS = 5  #: a word of trainees is kept only when so many used it: one person's words are nobody else's


def terms(text: str) -> list[str]:
    """Cut a text into words and pairs of neighbours, folded and without plural s."""
    single = [singular(word) for word in words(text)]
    return single + [f"{a} {b}" for a, b in pairwise(single)]
