"""Whether everything says the same again: the database, the index and the copies, compared in full."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from coachhub_core import deadline, wire
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.errors import Unavailable
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.coaches import coach_view
from coachhub_core.services.indexing import document_of
from coachhub_sqlalchemy.storage import SqlStorage
from coachhub_sqlalchemy.tables import metadata

from .house import House


def a_hub(folder: Path, environ: Mapping[str, str]) -> CoachHub:
    """Return a hub of the test's own on the same database, past every proxy."""
    return bootstrap(Settings.load(None, {**environ, "COACHHUB_DATA": str(folder)}))


def directly(house: House) -> dict[str, str]:
    """Return the settings of the servers themselves."""
    found: dict[str, str] = {}
    for kind, neighbour in house.neighbours.items():
        if kind in ("mariadb", "elasticsearch"):
            found |= neighbour.server.facts["env"]
    return found


def differences(hub: CoachHub, house: House) -> list[str]:
    """Return what does not agree: nothing, once all has converged."""
    found = list(hub.storage.check().problems)
    with deadline.within(60), hub.storage.begin(read_only=True) as work:  # it asks the house of each coach meanwhile
        n_waiting, _, n_dead = work.outbox.backlog()
        if n_waiting or n_dead:
            found.append(f"outbox: {n_waiting} wait, {n_dead} are dead")
        ids = _all_ids(hub)
        for id, terms in _terms(hub).items():
            if id not in ids:
                found.append(f"index: {terms} of nobody")
        found += _of_coaches(hub, house, work)
    if "elasticsearch" in house.neighbours:
        found += _of_index(hub)
    return found


def _of_index(hub: CoachHub) -> list[str]:
    try:
        difference = hub.index.compare()
    except Unavailable as exc:
        return [f"index: {exc!r}"]
    return [] if difference.is_equal else [f"index: {difference}"]


def _of_coaches(hub: CoachHub, house: House, work: UnitOfWork) -> list[str]:
    found = []
    indexed = _terms(hub)
    for id in _all_ids(hub):
        record = work.coaches.record(id)
        right = document_of(record, hub.vocabulary).weights()
        if indexed.get(id, {}) != right:
            found.append(f"index of {id}: {indexed.get(id)} is not {right}")
        said = house.server.ask("GET", f"/api/coaches/{id}")
        true = json.loads(wire.dumps(coach_view(record)))
        if said.status != 200 or said.body != true:
            found.append(f"copy of {id}: {said} is not {true}")
    return found


def _all_ids(hub: CoachHub) -> set[object]:
    with _engine(hub).connect() as connection:
        return set(connection.execute(sa.select(metadata.tables["coaches"].c.id)).scalars())


def _terms(hub: CoachHub) -> dict[object, dict[str, float]]:
    table = metadata.tables["coach_terms"]
    found: dict[object, dict[str, float]] = {}
    with _engine(hub).connect() as connection:
        for id, term, weight in connection.execute(sa.select(table.c.coach_id, table.c.term, table.c.weight)):
            found.setdefault(id, {})[term] = weight
    return found


def _engine(hub: CoachHub) -> sa.Engine:
    assert isinstance(hub.storage, SqlStorage)
    return hub.storage.engine
