"""What counts as one mistake in a word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coachhub_core.ports.search import is_one_edit_away


def edits(word: str) -> set[str]:
    """Every word one edit away, by trying them all: the oracle."""
    letters = "ab"
    found = {word[:i] + c + word[i:] for i in range(len(word) + 1) for c in letters}
    found |= {word[:i] + word[i + 1 :] for i in range(len(word))}
    found |= {word[:i] + c + word[i + 1 :] for i in range(len(word)) for c in letters}
    found |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return found - {word}


@given(st.text("ab", max_size=5), st.text("ab", max_size=6))
def test_one_edit_is_what_trying_them_all_finds(a: str, b: str) -> None:
    """An insertion, a deletion, a replacement, a swap of neighbours."""
    assert is_one_edit_away(a, b) == (b in edits(a))
