"""The search over REST: its parameters, its refusals, and the header of a page the database answered."""

from __future__ import annotations

import socket

import pytest
from falcon.testing import ASGIConductor
from http_door import Door

import coachhub_elasticsearch
import coachhub_redis
import coachhub_sqlalchemy
from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Elasticsearch, Settings
from coachhub_core.testing.story import House
from coachhub_http.app import create_app


async def test_facets_distance_and_highlights_over_rest(door: Door) -> None:
    """Parameters in, members out; a list is a parameter that is repeated."""
    coach = await door.register("coach", name="Ana Souza", city="Zürich")
    made = await coach.post("/api/coaches", json={"specialties": ["marathon"], "pricing": "30.00"})
    answer = await door.conductor.simulate_get(
        "/api/coaches?q=marahton&near=Bern&within_km=100&sort=distance&facets=price&facets=city"
        "&price_min=30&highlight=true&total=true"
    )
    assert answer.status_code == 200
    assert answer.headers.get("x-degraded") is None
    page = answer.json
    assert [item["id"] for item in page["items"]] == [made.json["id"]]
    assert (page["total"], page["degraded"]) == (1, None)
    assert page["facets"] == {
        "price": [{"value": "25-49.99", "label": "25 to 49.99", "n": 1}],
        "city": [{"value": "zurich", "label": "Zürich", "n": 1}],
    }
    (hit,) = page["hits"]
    assert hit["id"] == made.json["id"]
    assert 90 < hit["distance_km"] < 100
    assert hit["highlights"] == [{"member": "specialties", "parts": [{"text": "Marathon", "is_match": True}]}]
    plain = (await door.conductor.simulate_get("/api/coaches")).json
    assert (plain["facets"], plain["hits"], plain["degraded"]) == (None, None, None)


@pytest.mark.parametrize(
    ("query", "pointer", "sentence"),
    [
        ("facets=age", "facets/0", "must be one of specialty, city, modality, language, currency, price, rating"),
        ("facets=city&facets=city", "facets", "must not hold the same item twice"),
        ("within_km=5", "within_km", "needs near, the city from which to measure"),
        ("near=Bern&within_km=-1", "within_km", "must be from 0 to 20100"),
        ("near=Bern&within_km=far", "within_km", "must be a number"),
        ("near=Atlantis", "near", "is not a city whose place is known; try its own name, or the next larger city"),
        ("sort=distance", "sort", "needs near, the city from which to measure"),
        ("price_min=9&price_max=8", "price_min", "must not be above price_max"),
        ("price_min=cheap", "price_min", 'must be a decimal string such as "59.90"'),
        ("highlight=maybe", "highlight", "must be true or false"),
    ],
)
async def test_wrong_parameters_are_named(door: Door, query: str, pointer: str, sentence: str) -> None:
    """By name and rule."""
    answer = await door.conductor.simulate_get(f"/api/coaches?{query}")
    assert answer.status_code == 422
    assert [(e["pointer"], e["message"]) for e in answer.json["errors"]] == [(pointer, sentence)]


async def test_a_page_the_database_answered_says_so() -> None:
    """In the header and in the page, where the engine is away."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        settings = Settings.in_memory(elasticsearch=Elasticsearch(url=url))
        with bootstrap(settings, [coachhub_sqlalchemy, coachhub_redis, coachhub_elasticsearch]) as hub:
            House(hub, hub.clock).a_coach(name="Ana")  # type: ignore[arg-type]  # its clock is not turned
            async with ASGIConductor(create_app(hub)) as conductor:
                words = await conductor.simulate_get("/api/coaches?q=ana")
                again = await conductor.simulate_get("/api/coaches?q=ana")
                plain = await conductor.simulate_get("/api/coaches")
    assert (words.status_code, words.headers["x-degraded"], words.json["degraded"]) == (200, "search", "search")
    assert [item["name"] for item in words.json["items"]] == ["Ana"]
    assert (again.headers["x-degraded"], again.content) == ("search", words.content)  # also from its copy
    assert plain.headers.get("x-degraded") is None
