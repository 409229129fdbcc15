"""Parts of the search tests: databases with the catalogue in them, an Elasticsearch with a prefix of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from coachhub_core.testing.search import CATALOGUE, documents
from coachhub_elasticsearch.client import Link
from coachhub_elasticsearch.search import ElasticsearchSearch
from coachhub_sqlalchemy.search import DatabaseSearch
from coachhub_sqlalchemy.storage import SqlStorage


def fill(storage: SqlStorage) -> None:
    """Write the catalogue's coaches into an empty database."""
    storage.migrate()
    with storage.begin() as work:
        for record in CATALOGUE:
            work.accounts.add(record.account)
            work.coaches.add(record.coach)
            for certification in record.certifications:
                work.coaches.add_certification(certification)
        work.commit()


@contextmanager
def filled(url: str) -> Iterator[DatabaseSearch]:
    """A database with the catalogue's coaches, indexed."""
    storage = SqlStorage(url)
    try:
        fill(storage)
        index = DatabaseSearch(storage)
        index.rebuild(documents())
        yield index
    finally:
        storage.close()


@contextmanager
def an_elasticsearch(url: str, *, is_filled: bool = True) -> Iterator[ElasticsearchSearch]:
    """An index on the server at *url*, under a prefix of its own; what was made is deleted."""
    prefix = f"test-{uuid4().hex[:12]}-"
    link = Link(url)
    index = ElasticsearchSearch(link, prefix=prefix, refresh=True, grace_seconds=0.5)
    try:
        if is_filled:
            index.rebuild(documents())
        yield index
    finally:
        index.settle()
        forget(link, prefix)
        index.close()


def forget(link: Link, prefix: str) -> None:
    """Delete every index of a test."""
    names = link.look(lambda es: es.indices.get(index=f"{prefix}*", filter_path="*.aliases"), dict)
    for name in names:
        link.look(lambda es, name=name: es.indices.delete(index=name), dict)
