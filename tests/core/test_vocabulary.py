"""The one vocabulary: what folds alike, what is found, what plugins may add."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachhub_core.domain import vocabulary
from coachhub_core.domain.vocabulary import MAX_CHARS, canonical_tag, expand, fold, shipped, tags_in, words
from coachhub_core.errors import PluginError


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Crème BRÛLÉE", "creme brulee"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Søren", "soren"),
        ("ﬁt", "fit"),
        ("Ｙｏｇａ", "yoga"),
        ("İstanbul", "istanbul"),
        ("Ёлка", "елка"),
    ],
)
def test_what_is_written_differently_folds_alike(written: str, folded: str) -> None:
    """Case, accents, ligatures and width do not matter, in any script."""
    assert fold(written) == folded


def test_composed_and_decomposed_text_fold_alike() -> None:
    """Whether a keyboard sends é as one character or two is nobody's business."""
    assert fold(unicodedata.normalize("NFD", "Pérez")) == fold(unicodedata.normalize("NFC", "Pérez")) == "perez"


@settings(max_examples=150)
@given(st.text(max_size=80))
def test_folding_twice_changes_nothing(text: str) -> None:
    """A folded text is folded for good."""
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("First 5K, then a half-marathon!", ["first", "5k", "then", "a", "half", "marathon"]),
        ("Women's health", ["womens", "health"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("🏃 run 🏃‍♀️", ["run"]),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_and_digits(text: str, cut: list[str]) -> None:
    """Marks stay with their letters; emoji and punctuation part words."""
    assert words(text) == cut


@pytest.mark.parametrize(
    "text", ["a\u0315\u0300" * 50_000, "a" + "\u05b0\u0591" * 50_000, "ﷺ" * 50_000, "run " * 50_000]
)
def test_no_text_takes_long(text: str) -> None:
    """Runs of marks, expanding ligatures and plain floods are cut before they cost anything."""
    before = time.process_time()
    assert len(fold(text)) <= MAX_CHARS
    tags_in(text)
    assert time.process_time() - before < 2  # some 50 ms; what takes quadratic time takes minutes


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("I want to lose weight and get stronger", {"weight-loss", "strength"}),
        ("my first HALF MARATHON", {"half-marathon"}),
        ("first marathon in spring", {"marathon"}),
        ("Back pain from my desk job", {"back-care", "posture"}),
        ("postpartum, pelvic floor", {"postnatal"}),
        ("perder peso", {"weight-loss"}),
        ("kettlebells", {"kettlebells"}),
        ("nothing of this", set()),
    ],
)
def test_tags_are_found_in_what_people_write(text: str, tags: set[str]) -> None:
    """Synonyms of several words count as one; the longest phrase wins and is consumed."""
    assert tags_in(text) == tags


def test_a_found_tag_says_which_words_it_was_found_by() -> None:
    """The words are the writer's own, folded: they may be shown as evidence."""
    assert shipped().found_in("Lose weight, then run a Marathon") == {
        "weight-loss": "lose weight",
        "running": "run",
        "marathon": "marathon",
    }


@pytest.mark.parametrize(
    ("text", "tag"),
    [("weight-loss", "weight-loss"), ("Fat Loss", "weight-loss"), ("Prenatal", "prenatal"), ("fat loss now", None)],
)
def test_a_whole_text_may_mean_a_tag(text: str, tag: str | None) -> None:
    """A tag, a label or a synonym is enough; anything more is not that tag."""
    assert canonical_tag(text) == tag


def test_both_sides_of_a_search_meet_in_the_tag() -> None:
    """Who wrote "fat loss" is found by "lose weight", and each word is kept once."""
    assert expand("Fat loss, fat loss") == ("fat", "loss", "weight-loss")
    assert set(expand("lose weight")) & set(expand("fat loss")) == {"weight-loss"}


def test_neighbours_answer_a_wish_in_part() -> None:
    """A kind of what was asked is most of an answer, what it is a kind of is less."""
    assert shipped().related("running") == {
        "endurance": 0.4,
        "half-marathon": 0.7,
        "marathon": 0.7,
        "trail-running": 0.7,
        "triathlon": 0.7,
        "running": 1.0,
    }
    assert shipped().related("no-such-tag") == {}


def test_the_shipped_file_is_rich_enough_and_finds_each_of_its_own_words() -> None:
    """Every tag, label and synonym leads back to its tag, in every kind."""
    assert len(shipped().tags()) >= 60
    for kind in vocabulary.KINDS:
        for tag in shipped().tags(kind):
            entry = shipped().entry(tag, kind)
            assert entry is not None
            assert {shipped().canonical_tag(text, kind) for text in (tag, entry.label, *entry.synonyms)} == {tag}
            assert shipped().label(tag, kind) == entry.label


def test_a_plugin_may_add_words_of_its_own() -> None:
    """What it adds is found beside the rest, and the vocabulary it was added to stays as it was."""
    more = shipped().extended({"specialty": {"parkour": {"label": "Parkour", "synonyms": ["free running"]}}})
    assert more.tags_in("free running for runners") == {"parkour", "running"}
    assert more.is_tag("parkour")
    assert not shipped().is_tag("parkour")


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"specialty": {"yoga": {"label": "Yoga"}}}, "'yoga' is given twice"),
        ({"specialty": {"x": {"label": "X", "synonyms": ["Fat  loss"]}}}, "'Fat  loss' .* means 'weight-loss' already"),
        ({"specialty": {"x": {"label": "X", "synonyms": ["!"]}}}, "'!' .* has no word in it"),
        ({"specialty": {"x": {"label": "X", "broader": ["y"]}}}, "a kind of 'y', which is unknown"),
        ({"specialty": {"x": {"label": "X", "colour": "red"}}}, "unknown members: colour"),
        ({"specialty": {"X Y": {"label": "X"}}}, "needs a kind, a tag like a-b-c, a label"),
        ({"animal": {"x": {"label": "X"}}}, "needs a kind"),
        ({"goal": {"x": {"label": "X", "tags": ["y"]}}}, "unknown specialty 'y'"),
    ],
)
def test_a_contradiction_stops_the_start(extra: dict, sentence: str) -> None:
    """Two plugins that mean different things by one word are told so, by name."""
    with pytest.raises(PluginError, match=sentence):
        shipped().extended(extra)
