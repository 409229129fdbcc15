"""A model that was trained anew is served without a restart: first beside the one that answers, then in its place."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.hosted import Hosted, plain_hosted
from coachhub_core.matching.renewing import AGAIN_SECONDS, LOOK_SECONDS, Renewal
from coachhub_core.matching.schema import coach_table, profile_table
from coachhub_core.matching.suggestions import SuggestionSet
from coachhub_core.matching.tables import CoachTable
from coachhub_core.memory.matcher import plain
from coachhub_core.ports.matcher import Index

COACHES = coach_table([{"id": "a", "specialties": ["yoga"]}, {"id": "b", "specialties": ["golf"]}])
TRAINEE = profile_table({"goal": "yoga"})


class Learned:
    """The matcher of rules, under whatever model_id; its index can be held up, or fail."""

    def __init__(self, layout: Callable[[], None] = lambda: None) -> None:
        self._layout = layout

    def index(self, coaches: CoachTable, *, prices: Any = None) -> Index:
        self._layout()
        return plain().index(coaches, prices=prices)


@attrs.define
class HeldUp:
    """The laying out of an index that waits until it is let."""

    begun: threading.Event = attrs.field(factory=threading.Event)
    let: threading.Event = attrs.field(factory=threading.Event)
    n: int = 0

    def __call__(self) -> None:
        self.n += 1
        self.begun.set()
        assert self.let.wait(30)


@attrs.define
class World:
    """A host whose model lies in a file, with a clock; what opens the file is put there by the test."""

    path: Path
    now: float = 0.0
    opened: Callable[[], Hosted] = lambda: a_model("new")
    n_opened: int = 0
    host: MatcherHost = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.path.write_text("old")
        renewal = Renewal(self.path, self._open, clock=lambda: self.now)
        self.host = MatcherHost(a_model("old"), timeout_seconds=30, renewal=renewal)

    def _open(self) -> Hosted:
        self.n_opened += 1
        return self.opened()

    def put(self, text: str) -> None:
        """Put another file there, as a promotion does."""
        beside = self.path.with_name("beside")
        beside.write_text(text)
        beside.replace(self.path)

    def ask(self, after: float = LOOK_SECONDS) -> SuggestionSet:
        self.now += after
        found = self.host.suggest(COACHES, TRAINEE)
        assert [one.coach_id for one in found][:1] == ["a"]
        return found

    def settle(self) -> None:
        """Wait for whoever opens a file."""
        for thread in threading.enumerate():
            if thread.name == "matcher-renewal":
                thread.join()


def a_model(model_id: str, layout: Callable[[], None] = lambda: None) -> Hosted:
    return Hosted(name="odd", matcher=Learned(layout), needs=frozenset({"*"}), model_id=model_id)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "model.zip")
    yield made
    made.settle()
    made.host.close()


def test_a_newer_model_takes_over_once_it_can_answer(world: World) -> None:
    """Whoever asks meanwhile has the former's list, and no fallback's."""
    let = threading.Event()

    def layout() -> None:
        assert let.wait(30)

    world.opened = lambda: a_model("new", layout)
    assert world.ask().model_id == "old"
    world.put("new")
    for _ in range(3):
        found = world.ask()
        assert (found.matcher, found.model_id, found.degraded) == ("odd", "old", None)
    let.set()
    world.settle()
    found = world.ask(after=0)
    assert (found.matcher, found.model_id, found.degraded) == ("odd", "new", None)
    assert world.host.state().model_id == "new"
    for _ in range(3):
        world.ask()
    assert world.n_opened == 1
    kept = world.host._snapshots.of(COACHES)
    assert [hosted.model_id for hosted in kept.indexes] == ["new"]  # nobody holds the former any more


def test_the_snapshot_that_came_meanwhile_is_ready_too(world: World) -> None:
    """Coaches change while a model is laid out: the newest snapshot is what it has to answer for."""
    layout = HeldUp()
    world.opened = lambda: a_model("new", layout)
    world.put("new")
    world.ask()
    assert layout.begun.wait(30)
    later = COACHES.take([0])
    assert world.host.suggest(later, TRAINEE).model_id == "old"
    layout.let.set()
    world.settle()
    assert layout.n == 2
    found = world.host.suggest(later, TRAINEE)
    assert (found.model_id, found.degraded, layout.n) == ("new", None, 2)


def test_whoever_begins_it_all_snapshots_that_are_kept_are_ready(world: World) -> None:
    """Also those ordered by prices, when somebody asked without."""
    prices = np.zeros(len(COACHES))
    assert world.host.suggest(COACHES, TRAINEE, prices=prices).model_id == "old"
    world.put("new")
    world.now += LOOK_SECONDS
    world.host.look_for_newer(COACHES)
    world.settle()
    found = world.host.suggest(COACHES, TRAINEE, prices=prices)
    assert (found.model_id, found.degraded) == ("new", None)


def test_what_belongs_to_one_model_is_given_together(world: World) -> None:
    """For who asks for many, whatever takes its place meanwhile; and no reasons of one for the list of another."""
    before = world.host.serving(COACHES, TRAINEE)
    world.put("new")
    world.ask()
    world.settle()
    assert (before.model_id, world.host.serving(COACHES, TRAINEE).model_id) == ("old", "new")
    assert world.host.reasons_of(COACHES, TRAINEE, ["a"], model_id="old") == [()]
    assert world.host.reasons_of(COACHES, TRAINEE, ["a"], model_id="new") != [()]


def test_who_is_closed_takes_nothing_any_more(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A server that ends while a model is laid out says nothing of it."""
    layout = HeldUp()
    world.opened = lambda: a_model("new", layout)
    world.put("new")
    world.ask()
    assert layout.begun.wait(30)
    with caplog.at_level(logging.INFO, "coachhub.matching"):
        world.host.close()
        layout.let.set()
        world.settle()
    assert (caplog.records, world.host.state().model_id) == ([], "old")


def test_no_look_is_taken_more_often_than_need_be(world: World) -> None:
    """A question costs a comparison of two numbers between two looks."""
    world.put("new")
    world.ask(after=LOOK_SECONDS / 2)
    assert world.n_opened == 0
    world.ask(after=LOOK_SECONDS / 2)
    world.settle()
    assert world.n_opened == 1


@pytest.mark.parametrize("what", ["file", "index"])
def test_a_file_that_cannot_be_served_changes_nothing(
    world: World, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """It is said once, tried again in a minute, and what is served then is the file of then."""

    def broken() -> None:
        raise ValueError("no such column")

    def unreadable() -> Hosted:
        raise ArtefactError(reason="a member is damaged")

    world.opened = unreadable if what == "file" else lambda: a_model("new", broken)
    world.put("damaged")
    with caplog.at_level(logging.ERROR, "coachhub.matching"):
        for n_tries in (1, 2, 3):
            world.ask(after=AGAIN_SECONDS)
            world.settle()
            found = world.ask(after=0)
            assert (found.model_id, found.degraded, world.n_opened) == ("old", None, n_tries)
    kept = world.host._snapshots.of(COACHES)
    assert {hosted.model_id for made in (kept.indexes, kept.failed, kept.building) for hosted in made} == {"old"}
    (record,) = caplog.records
    assert "cannot be served, and the one before it goes on: " in record.getMessage()
    assert ("damaged" if what == "file" else "no such column") in record.getMessage()
    world.opened = lambda: a_model("mended")
    world.ask(after=AGAIN_SECONDS)
    world.settle()
    assert world.ask(after=0).model_id == "mended"


def test_a_file_that_is_gone_leaves_its_model_where_it_is(world: World) -> None:
    """As when a disk is away for a moment; the same file again is nothing new, another one is."""
    kept = world.path.with_name("kept")
    world.path.rename(kept)
    world.ask()
    kept.rename(world.path)
    world.ask()
    world.settle()
    assert (world.n_opened, world.ask().model_id) == (0, "old")
    world.put("new")
    world.ask()
    world.settle()
    assert world.ask(after=0).model_id == "new"


def test_another_matcher_takes_over_with_a_fallback_behind_it(world: World) -> None:
    """The file may be one of another matcher; where that is the fallback's, nobody is asked twice."""
    world.opened = plain_hosted
    world.put("rules")
    world.ask()
    world.settle()
    found = world.ask(after=0)
    assert (found.matcher, found.degraded, world.host.state().matcher) == ("plain", None, "plain")


def test_a_newer_model_is_not_held_to_the_faults_of_the_former(tmp_path: Path) -> None:
    """The breaker was opened by another one."""
    world = World(tmp_path / "model.zip")

    def broken() -> None:
        raise ValueError("no such column")

    renewal = Renewal(world.path, lambda: a_model("new"), clock=lambda: world.now)
    with_faults = MatcherHost(a_model("old", broken), timeout_seconds=30, renewal=renewal)
    try:
        for _ in range(3):
            assert with_faults.suggest(COACHES, TRAINEE).matcher == "plain"
        assert with_faults.state().is_open
        world.put("new")
        world.now += LOOK_SECONDS
        with_faults.suggest(COACHES, TRAINEE)
        world.settle()
        assert not with_faults.state().is_open
        found = with_faults.suggest(COACHES, TRAINEE)
        assert (found.matcher, found.model_id) == ("odd", "new")
    finally:
        with_faults.close()
        world.host.close()
