"""One deadline for all that is done for one request."""

from __future__ import annotations

import threading

from coachhub_core import deadline


def test_nobody_set_one() -> None:
    """Then whoever waits has its own patience."""
    assert not deadline.is_set()
    assert deadline.left(7.0) == 7.0


def test_an_inner_one_can_only_be_nearer() -> None:
    """A unit inside a request has no more time than the request."""
    with deadline.within(10):
        with deadline.within(1_000):
            assert deadline.left(0) <= 10
        with deadline.within(1):
            assert deadline.left(0) <= 1
        assert deadline.left(0) > 1
    assert not deadline.is_set()


def test_it_can_be_over() -> None:
    """What is left is then less than nothing."""
    with deadline.within(-1):
        assert deadline.left(5) < 0


def test_another_thread_has_its_own() -> None:
    """It goes with the context, not with the process."""
    found: list[bool] = []
    with deadline.within(1):
        thread = threading.Thread(target=lambda: found.append(deadline.is_set()))
        thread.start()
        thread.join()
    assert found == [False]
