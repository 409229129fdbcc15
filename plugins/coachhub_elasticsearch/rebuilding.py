"""
A new index beside the old one, and the alias that moves.

While it is filled it stands behind the alias ``…-next``, into which every
process writes what changes meanwhile; versions from outside make the order of
the two writes indifferent. Whoever fills it says so every few seconds, so that
no second one begins, and so that one whose builder died is cleared away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from elasticsearch import Elasticsearch

from coachhub_core.errors import Busy, IndexMissing, Unavailable
from coachhub_core.ports.search import CoachDocument
from coachhub_elasticsearch.answers import BulkAnswer, Indices
from coachhub_elasticsearch.client import Link
from coachhub_elasticsearch.mapping import MAPPING, SCHEMA, SETTINGS, source_of

GRACE_SECONDS: Final = 3.0  # longer than any search may take
SILENT_SECONDS: Final = 30.0  # after which a builder is taken for dead
BEAT_SECONDS: Final = 5.0
LONG_SECONDS: Final = 30.0
BATCH: Final = 500


def get_indices(es: Elasticsearch, alias: str) -> Any:
    """Ask for aliases, form and blocks of what is called like an index of ours, like the alias, or stands behind it."""
    names = [alias, f"{alias}-*"]
    shown = "*.aliases,*.mappings._meta,*.settings.index.blocks"
    return es.indices.get(index=names, ignore_unavailable=True, filter_path=shown)


def ours(found: Indices, alias: str) -> Indices:
    """
    Return what of *found* is an index of ours.

    One that is only called like ours, such as ``coaches-2024-05``, is somebody's: it has never had a builder.
    """
    is_ours = re.compile(rf"{re.escape(alias)}-\d+-\d+")
    return {name: info for name, info in found.items() if is_ours.fullmatch(name) and info.mappings.meta.beat > 0}


def refuse_foreign(found: Indices, alias: str) -> None:
    """
    Make sure that nothing of somebody else stands behind the alias, or in its place.

    Raises:
        Unavailable: Naming it; whoever runs the cluster says what becomes of it.
    """
    for name in sorted(set(found) - set(ours(found, alias))):
        if name == alias:
            what = f"the alias {alias!r} (an index of that name is in its place; delete it, or set a prefix)"
            raise Unavailable(what=what)
        for taken in {alias, f"{alias}-next"} & set(found[name].aliases):
            what = (
                f"the alias {taken!r} (somebody's index {name!r} stands behind it; take it away there, or set a prefix)"
            )
            raise Unavailable(what=what)


def all_indices(link: Link, alias: str) -> Indices:
    """Return every index of ours by name, whether an alias points to it or not."""
    return ours(link.ask(lambda es: get_indices(es, alias), Indices), alias)


def own_indices(link: Link, alias: str) -> Indices:
    """
    Return every index of ours by name, where the alias is ours alone.

    Raises:
        Unavailable: If an index of somebody else stands behind it, or in its place.
    """
    found = link.ask(lambda es: get_indices(es, alias), Indices)
    refuse_foreign(found, alias)
    return ours(found, alias)


def sweep(link: Link, alias: str) -> None:
    """Delete what no alias needs: indices that were replaced, and those whose builder died."""
    now = time.time()
    for name, info in all_indices(link, alias).items():
        is_building = f"{alias}-next" in info.aliases and abs(now - info.mappings.meta.beat) < SILENT_SECONDS
        if alias not in info.aliases and not is_building:
            _delete(link, name)


def _delete(link: Link, name: str) -> None:
    with suppress(IndexMissing):  # another sweep was a moment quicker: 404, whatever ignore_unavailable says
        link.ask(lambda es: es.indices.delete(index=name, ignore_unavailable=True), dict, seconds=LONG_SECONDS)


class Rebuild:
    """
    One rebuild, to be entered with ``with``: what did not take over is deleted again.

    Raises:
        Busy: If another one is under way.
        Unavailable: If an index of somebody else stands behind the alias, or in its place; nothing was written.
    """

    batch = BATCH

    def __init__(self, link: Link, alias: str) -> None:
        self._link = link
        self._alias = alias
        self._next = f"{alias}-next"
        self._name = f"{alias}-{SCHEMA}-{time.time_ns()}"
        self._into = f"{self._name}-in"
        self._beat_at = 0.0
        self._is_over = False

    def __enter__(self) -> Self:
        now = time.time()
        for name, info in own_indices(self._link, self._alias).items():
            if self._next in info.aliases:
                if abs(now - info.mappings.meta.beat) < SILENT_SECONDS:  # a clock may have gone back
                    raise Busy(what="a rebuild of the search index")
                _delete(self._link, name)
        self._link.ask(
            lambda es: es.indices.create(
                index=self._name,
                mappings={**MAPPING, "_meta": self._meta()},
                settings=SETTINGS,
                aliases={self._next: {}, self._into: {}},
            ),
            dict,
            seconds=LONG_SECONDS,
        )
        building = [n for n, info in all_indices(self._link, self._alias).items() if self._next in info.aliases]
        if min(building, default=self._name) != self._name:  # two began at once: the first name goes on
            _delete(self._link, self._name)
            raise Busy(what="a rebuild of the search index")
        return self

    def _meta(self) -> dict[str, Any]:
        self._beat_at = time.monotonic()
        return {"schema": SCHEMA, "beat": time.time()}

    def write(self, documents: Sequence[CoachDocument]) -> None:
        """
        Write a batch; what another process has put there in a newer version stays.

        Raises:
            Unavailable: If one was not written.
        """
        operations: list[Any] = []
        for document in documents:
            target = {"_id": str(document.id), "version": document.view_rev, "version_type": "external_gte"}
            operations += [{"index": {**target, "require_alias": True}}, source_of(document)]
        answer = self._link.ask(
            lambda es: es.bulk(index=self._into, operations=operations), BulkAnswer, seconds=LONG_SECONDS
        )
        results = answer.results()
        if len(results) != len(documents) or any(r.status >= 300 and r.status != 409 for r in results):
            raise Unavailable(what="the search engine")
        if time.monotonic() - self._beat_at > BEAT_SECONDS:
            self._link.ask(lambda es: es.indices.put_mapping(index=self._name, meta=self._meta()), dict)

    def take_over(self) -> None:
        """
        Make everything written searchable, then move the alias in one step.

        Raises:
            Unavailable: If an index of somebody else has come behind the alias meanwhile, or in its place.
        """
        self._link.ask(lambda es: es.indices.refresh(index=self._name), dict, seconds=LONG_SECONDS)
        actions: list[dict[str, Any]] = [
            {"remove": {"index": name, "alias": self._alias}}
            for name, info in own_indices(self._link, self._alias).items()
            if self._alias in info.aliases
        ]
        actions += [
            {"add": {"index": self._name, "alias": self._alias}},
            {"remove": {"index": self._name, "alias": self._next}},
            {"remove": {"index": self._name, "alias": self._into}},
        ]
        try:
            self._link.ask(lambda es: es.indices.update_aliases(actions=actions), dict, seconds=LONG_SECONDS)
        except IndexMissing as exc:
            raise Busy(what="a rebuild of the search index") from exc  # somebody took this one for dead
        self._is_over = True

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._is_over:
            with suppress(Unavailable):  # else it is deleted once its builder has been silent for long enough
                _delete(self._link, self._name)
