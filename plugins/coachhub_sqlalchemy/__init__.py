"""Storage over SQLAlchemy (SQLite, MariaDB, MySQL) and the database's own search, offered to CoachHub."""

from __future__ import annotations

from collections.abc import Mapping

from coachhub_core.config import Settings
from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.offers import SearchOffer, StorageOffer
from coachhub_core.ports.search import SearchIndex
from coachhub_core.ports.storage import Storage


def _storage(settings: Settings) -> Storage:
    from coachhub_sqlalchemy.storage import SqlStorage  # the library loads only when this storage is chosen

    threads = settings.http.threads + 4  # the pool of threads, the hashing ones, and due work
    return SqlStorage(settings.database_url, pool_size=threads, replica_url=settings.database_read_url)


def _search(_: Settings, storage: Storage) -> SearchIndex:
    from coachhub_sqlalchemy.search import DatabaseSearch

    return DatabaseSearch(storage)


@hookimpl
def coachhub_storages() -> Mapping[str, StorageOffer]:
    """Offer SQLite, MySQL and MariaDB by the scheme of the database's URL."""
    return {scheme: StorageOffer(make=_storage, version="1") for scheme in ("sqlite", "mysql", "mariadb")}


@hookimpl
def coachhub_searches() -> Mapping[str, SearchOffer]:
    """Offer the database's own search."""
    return {"database": SearchOffer(make=_search, version="1")}
