"""Words and pairs of words: how texts are cut for everything that reads them."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from coachhub_core.domain.vocabulary import singular, words

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
