"""The bounded way to the services: what waits, what is refused, what is dropped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from coachhub_core.errors import Overloaded, Unavailable
from coachhub_http.pool import Pool, TookTooLong

name: ContextVar[str] = ContextVar("name", default="nobody")


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("test", threads=2, waiting=2, seconds=5)
    yield pool
    pool.close()


async def test_a_call_runs_on_a_thread_in_the_callers_context(pool: Pool) -> None:
    """Context variables travel; the loop's thread is left free."""
    name.set("sam")
    told, thread = await pool.call(
        lambda suffix, *, mark: (name.get() + suffix + mark, threading.current_thread()), "!", mark="?"
    )
    assert told == "sam!?"
    assert thread is not threading.current_thread()
    assert thread.daemon


async def test_an_error_travels_back(pool: Pool) -> None:
    """What a service raises is what the resource sees."""

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await pool.call(fail)
    assert pool.n_taken == 0


async def test_above_its_bound_it_refuses_at_once_and_recovers(pool: Pool) -> None:
    """Two run, two wait, the fifth is told to come back; when one is done there is room again."""
    gate = threading.Event()
    calls = [asyncio.create_task(pool.call(gate.wait, 5)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await pool.call(int)
    gate.set()
    assert await asyncio.gather(*calls) == [True] * 4
    assert await pool.call(int) == 0


async def test_a_call_that_takes_too_long_is_given_up_and_its_result_dropped() -> None:
    """The caller hears after the deadline; the thread stays taken until it is done."""
    pool = Pool("slow", threads=1, waiting=5, seconds=0.05)
    gate, ran = threading.Event(), []
    with pytest.raises(TookTooLong) as refused:
        await pool.call(gate.wait, 5)
    assert isinstance(refused.value, Unavailable)
    assert "not known" in str(refused.value)
    with pytest.raises(TookTooLong):
        await pool.call(lambda: ran.append(1))  # it never came to a thread
    assert pool.n_taken == 2
    gate.set()
    while pool.n_taken:
        await asyncio.sleep(0)
    assert ran == [], "what nobody waits for is not begun"
    pool.close()


async def test_a_client_that_leaves_frees_the_waiting_place_only_when_the_thread_has_seen_it(pool: Pool) -> None:
    """A call that was abandoned while it waited is not begun."""
    gate, ran = threading.Event(), []
    running = [asyncio.create_task(pool.call(gate.wait, 5)) for _ in range(2)]
    abandoned = asyncio.create_task(pool.call(lambda: ran.append(1)))
    await asyncio.sleep(0)
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    gate.set()
    await asyncio.gather(*running)
    while pool.n_taken:
        await asyncio.sleep(0)
    assert ran == []


async def test_no_thread_exists_before_the_first_call() -> None:
    """A fork before it finds nothing to break."""
    before = threading.active_count()
    pool = Pool("lazy", threads=3, waiting=0, seconds=1)
    assert threading.active_count() == before
    await pool.call(int)
    assert threading.active_count() == before + 3
    pool.close()
    assert threading.active_count() == before


async def test_a_thread_that_is_told_to_exit_answers_an_error(pool: Pool) -> None:
    """SystemExit in a service neither ends the thread nor leaves the caller waiting."""
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await pool.call(exit, 1)
    assert await pool.call(int) == 0
