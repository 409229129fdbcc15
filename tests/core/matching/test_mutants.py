"""Two hundred and more ways of breaking the matcher's port: each is caught by the kit, and nothing that is right is."""

from __future__ import annotations

import inspect
import itertools
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from mutants import cells, forms, situations
from mutants_answers import answers
from mutants_depending import depending
from mutants_learning import learning
from mutants_offer import lengths, time_and_offer
from mutants_order import order_and_filter
from reference import an_offer

from coachhub_core.ports.matcher import MatcherOffer
from coachhub_core.testing.cases import Case, a_case
from coachhub_core.testing.matcher import MatcherContract

FAMILIES = (
    *(cells, situations, forms, lengths, depending, order_and_filter),
    *(answers, learning, time_and_offer),
)
MUTANTS: dict[str, Any] = {}
for family in FAMILIES:
    for name, made in family():
        assert name not in MUTANTS, name
        MUTANTS[name] = made


class Small(MatcherContract):
    """The kit on small tables, where two hundred runs take no minute."""

    def case(self, seed: str, **how: Any) -> Case:
        drawn = _drawn(seed, how.get("canaries", False))
        coaches, trainees = drawn.coaches, drawn.trainees  # tables of their own: a mutant may take columns away
        return Case(
            coaches=type(coaches)(coaches.ids, dict(coaches.columns)),
            trainees=type(trainees)(trainees.ids, dict(trainees.columns)),
        )


@cache
def _drawn(seed: str, canaries: bool) -> Case:
    return a_case(seed, n_coaches=24, n_trainees=9, canaries=canaries)


class TestReference(Small):
    """What the mutants are made of keeps every promise there is: no alarm is false."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        return an_offer()


def runs(kit: MatcherContract, offer: MatcherOffer) -> Iterator[tuple[str, Any]]:
    """Give every test of the kit, with each set of its parameters, as something to call, in the order they stand."""
    tests = inspect.getmembers(type(kit), inspect.isfunction)
    for name, test in sorted(tests, key=lambda found: ("flipped" in found[0], found[1].__code__.co_firstlineno)):
        if not name.startswith("test_"):
            continue
        marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
        sets = [[{mark.args[0]: value} for value in mark.args[1]] for mark in marks]
        for chosen in itertools.product(*sets):
            given = {k: v for one in chosen for k, v in one.items()}
            yield name, lambda test=test, given=given: _run(kit, test, offer, given)


def _run(kit: MatcherContract, test: Any, offer: MatcherOffer, given: dict[str, Any]) -> None:
    asked = inspect.signature(test).parameters
    tables = kit._seen(offer, kit.case(kit.seed))
    given = {**given, "offer": offer, "tables": tables}
    if "index" in asked:
        given["index"] = offer.make().index(tables.coaches)
    test(kit, **{name: given[name] for name in asked if name != "self"})


@pytest.fixture(autouse=True)
def dice() -> Iterator[None]:
    """Mutants throw dice: put them back."""
    state, numpy_state = random.getstate(), np.random.get_state()
    yield
    random.setstate(state)
    np.random.set_state(numpy_state)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    """By one test of the kit at least; the rest need not run."""
    made = MUTANTS[name]
    offer = made if isinstance(made, MatcherOffer) else an_offer(made)
    for _, run in runs(Small(), offer):
        try:
            run()
        except (Exception, pytest.fail.Exception):  # what a mutant lets through is what its author sees
            return
    pytest.fail(f"{name}: passes the whole kit")


def test_there_are_two_hundred() -> None:
    """Counted, so that a family that yields nothing is noticed."""
    assert len(MUTANTS) >= 200
    assert all(sum(1 for _ in family()) >= 5 for family in FAMILIES)
