"""A hub in memory behind the REST application, and clients of it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
import pytest
from falcon.testing import ASGIConductor, Result

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Settings
from coachhub_http.app import RestApp, create_app

PASSWORD = "three green bicycles at dawn"
_numbers = itertools.count(1)


@attrs.define
class Person:
    """Somebody with an account: every call carries the access token."""

    conductor: ASGIConductor
    id: str
    email: str
    access_token: str
    refresh_token: str

    async def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> Result:
        headers = {"Authorization": f"Bearer {self.access_token}", **(headers or {})}
        return await self.conductor.simulate_request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> Result:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> Result:
        return await self.ask("POST", path, **({} if json is None else {"json": json}), **more)


@attrs.define
class Door:
    """The REST door of one hub."""

    hub: CoachHub
    clock: ManualClock
    app: RestApp
    conductor: ASGIConductor

    async def register(self, role: str = "trainee", **more: Any) -> Person:
        """Register somebody new over REST."""
        number = next(_numbers)
        body = {
            "email": f"person{number}@example.org",
            "password": PASSWORD,
            "role": role,
            "name": f"Person {number}",
            **more,
        }
        answer = await self.conductor.simulate_post("/api/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        told = answer.json
        return Person(self.conductor, told["account"]["id"], body["email"], told["access_token"], told["refresh_token"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings() -> Settings:
    return Settings.in_memory()


@pytest.fixture
def hub(settings: Settings, clock: ManualClock) -> Iterator[CoachHub]:
    with bootstrap(settings, clock=clock) as hub:
        yield hub


@pytest.fixture
async def door(hub: CoachHub, clock: ManualClock) -> AsyncIterator[Door]:
    app = create_app(hub)
    async with ASGIConductor(app) as conductor:  # type: ignore[arg-type]  # any ASGI application will do
        yield Door(hub, clock, app, conductor)
