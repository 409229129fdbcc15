"""What plugins offer: a factory and a version, under a name an operator selects. Factories do the heavy imports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import attrs

from coachhub_core.config import Settings
from coachhub_core.ports.broadcast import Broadcast
from coachhub_core.ports.cache import Cache
from coachhub_core.ports.files import FileStore
from coachhub_core.ports.rate_counters import RateCounters
from coachhub_core.ports.search import SearchIndex
from coachhub_core.ports.storage import Storage

P = TypeVar("P")


@attrs.frozen(kw_only=True)
class Offer(Generic[P]):
    """An implementation of a port, made from the settings when it is chosen."""

    make: Callable[[Settings], P]
    version: str


StorageOffer = Offer[Storage]
CacheOffer = Offer[Cache]
BroadcastOffer = Offer[Broadcast]
RateCountersOffer = Offer[RateCounters]
FileStoreOffer = Offer[FileStore]


@attrs.frozen(kw_only=True)
class SearchOffer:
    """A search, made from the settings and the storage (which the database's own search reads)."""

    make: Callable[[Settings, Storage], SearchIndex]
    version: str


@attrs.frozen(kw_only=True)
class Probe:
    """
    A neighbour whose health is asked each second.

    ``ask`` raises when it does not answer, and ``Unwritable`` when it does and takes no changes.
    """

    service: str
    ask: Callable[[], None]


@attrs.frozen(kw_only=True)
class CommandOffer:
    """
    A command of the ``coachhub`` line: ``make`` imports and returns a click command.

    The context's ``obj`` is a function that takes a data folder, or None for the
    configured one, and returns the settings in force, as every other command reads them.
    """

    make: Callable[[], object]
    help: str


Vocabularies = Mapping[str, Mapping[str, Mapping[str, object]]]
