"""A hub in memory, two people in it, and a chat server for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from ws_parts import Door, Pair, a_pair, serving

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings


@pytest.fixture
def settings() -> Settings:
    return Settings.in_memory()


@pytest.fixture
def hub(settings: Settings) -> Iterator[CoachHub]:
    with bootstrap(settings) as hub:
        yield hub


@pytest.fixture
def pair(hub: CoachHub) -> Pair:
    return a_pair(hub)


@pytest.fixture
async def door(hub: CoachHub) -> AsyncIterator[Door]:
    async with serving(hub) as door:
        yield door
