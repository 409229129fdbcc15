"""
Words without their endings, so that "running" meets "run" and "races" meets "racing".

The first and the last steps of Porter's algorithm (M. F. Porter, "An algorithm for
suffix stripping", Program 14:3, 1980): plural s, -ed and -ing, and a silent e. Its
other steps take whole suffixes such as -ation away: worth nothing more on the sets of
``docs/explanation/matching.md``, and they mix up words that have little to do with each
other. Made for English; in other languages both sides of a comparison lose the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CONSONANT = "(?:[^aeiouy]|(?<![^aeiou])y)"  # y is one at the beginning and after a vowel
_VOWEL = "(?:[aeiou]|(?<=[^aeiou])y)"
_HAS_VOWEL = re.compile(_VOWEL)
_DOUBLE = re.compile(r"([^aeiouylsz])\1$")
_SHORT = re.compile(f"^{_CONSONANT}*{_VOWEL}+{_CONSONANT}+$")  # one vowel, then consonants: a measure of 1
_SHORT_END = re.compile(f"{_CONSONANT}{_VOWEL}(?![wxy])[^aeiou]$")  # consonant, vowel, consonant: *o
_LONG = re.compile(f"^{_CONSONANT}*(?:{_VOWEL}+{_CONSONANT}+){{2,}}{_VOWEL}*$")  # a measure above 1
_SHORTEST = 3  # letters that must stay


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Give what is left of a word when no ending can be taken away: the same again for what it gives."""
    while (shorter := _once(word)) != word:
        word = shorter
    return word


def _once(word: str) -> str:
    word = _without_s(word)
    for ending in ("ing", "ed"):
        left = word.removesuffix(ending)
        if left != word and len(left) >= _SHORTEST and not word.endswith("eed") and _HAS_VOWEL.search(left):
            return _mended(left)
    left = word.removesuffix("e")
    if left != word and len(left) >= _SHORTEST and (_LONG.match(left) or _is_short(left, is_open=False)):
        return left
    return word


def _without_s(word: str) -> str:
    if len(word) <= _SHORTEST or not word.endswith("s") or word[-2] in "su":
        return word.removesuffix("es") if word.endswith("sses") else word
    if word.endswith("ies") and len(word) > _SHORTEST + 1:
        return word[:-3] + "y"
    return word[:-2] if word.endswith("sses") else word[:-1]


def _mended(left: str) -> str:
    """Give back what an ending took: the e of "racing", one n of "running"."""
    if left.endswith(("at", "bl", "iz")) or _is_short(left, is_open=True):
        return left + "e"
    return left[:-1] if _DOUBLE.search(left) else left


def _is_short(left: str, *, is_open: bool) -> bool:
    """Tell whether a measure of 1 ends as "rac" does, or where it is not *is_open*, does not."""
    return bool(_SHORT.match(left)) and bool(_SHORT_END.search(left)) is is_open
