"""Ids that sort by time and never repeat."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import uuid_utils

from coachhub_core.identifiers import IdMaker


def test_ids_have_the_layout_of_rfc_9562() -> None:
    """Version 7, its variant, and the milliseconds on top, as an independent maker does it."""
    made = IdMaker(lambda: 1_234_567_890_123)()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 1_234_567_890_123
    other = uuid_utils.uuid7()
    assert (other.version, other.variant) == (made.version, made.variant)
    assert abs((other.int >> 80) - (IdMaker()().int >> 80)) < 60_000


def test_ids_grow_within_a_millisecond_and_when_the_clock_steps_back() -> None:
    """Monotonic in a process, whatever the clock does."""
    times = iter([5, 5, 5, 3, 4, 6] + [6] * 1_000)
    make = IdMaker(lambda: next(times))
    made = [make() for _ in range(1_000)]
    assert made == sorted(made)
    assert len(set(made)) == 1_000


def test_threads_make_no_twins() -> None:
    """Eight at once."""
    make = IdMaker()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make(), range(8_000)))
    assert len(set(made)) == 8_000
