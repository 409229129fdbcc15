"""
Copies of what everybody may read: ready bytes, one second old at most.

The rule is one number, so that it can be believed: a copy lives
``cache.max_age_ms`` from the moment its *reading began*, wherever it is kept.
A change deletes the copies its writer knows of, but nothing depends on that.
Owners and admins never get one.

The order is: this process, the cache all nodes share, the database. One thread
reads a key at a time; the others get what it brings. While the database is
away, and only then, what was read within the last minute is served, marked
``degraded``.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal

import attrs
import msgspec

from coachhub_core.errors import Unavailable
from coachhub_core.ports.cache import Cache

KEPT_ASIDE_SECONDS: Final = 60.0
MAX_BYTES: Final = 64 * 1024 * 1024  # of this process, all copies together
ABSENT: Final = b""  # kept for what is not there, so that asking for it again costs nothing either

_WITHOUT_ENGINE: Final = b'{"degraded":"search"'  # how such a page begins: members are written by their names

Source = Literal["process", "cache", "database", "aside"]


@attrs.frozen
class Copy:
    """Bytes as they may be sent, and where they came from; ``ABSENT`` stands for what does not exist."""

    value: bytes
    source: Source

    @property
    def degraded(self) -> str | None:
        """What to say of it: ``cache`` when it is older than the rule, ``search`` for a page without the engine."""
        if self.source == "aside":
            return "cache"
        return "search" if self.value.startswith(_WITHOUT_ENGINE) else None


class Copies:
    """
    Keeps copies in this process and in *shared*.

    Args:
        shared: The cache all nodes use; one that is away answers with misses.
        max_age_seconds: How long a copy lives; 0 keeps none.
        n_entries: How many copies this process keeps; the longest unused go.
        monotonic: Seconds that never go back; injected by tests.
    """

    def __init__(
        self,
        shared: Cache,
        *,
        max_age_seconds: float,
        n_entries: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._max_age = max_age_seconds
        self._n_entries = n_entries
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()  # key -> when it ends, bytes
        self._n_bytes = 0
        self._flights: dict[str, _Flight] = {}
        self.n_served: dict[Source, int] = {"process": 0, "cache": 0, "database": 0, "aside": 0}

    def peek(self, key: str, *, is_away: bool = False) -> Copy | None:
        """
        Return what this process keeps, without waiting: for an event loop.

        Args:
            is_away: The database is known to be away: a copy up to a minute old will do.
        """
        now = self._monotonic()
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            ends_at, value = found
            if now < ends_at:
                source: Source = "process"
            elif is_away and now < ends_at + KEPT_ASIDE_SECONDS - self._max_age and value != ABSENT:
                source = "aside"
            else:
                return None
            self._kept.move_to_end(key)
            self.n_served[source] += 1
        return Copy(value, source)

    def get(self, key: str, read: Callable[[], bytes], *, is_ours: Callable[[bytes], bool] | None = None) -> Copy:
        """
        Return a copy, or what *read* brings from the database, which then is one.

        Args:
            read: Reads the primary, and gives ``ABSENT`` for what is not there.
            is_ours: Tells whether what the shared cache holds is a copy of ours; None: this key is not shared.
        Raises:
            Unavailable: If the database is away and nothing was read within the last minute.
        """
        if self._max_age <= 0:
            self.n_served["database"] += 1
            return Copy(read(), "database")
        found = self.peek(key)
        if found is not None:
            return found
        with self._lock:
            flight = self._flights.get(key)
            is_first = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight()
        if not is_first:
            return flight.wait()
        try:
            return flight.land(lambda: self._bring(key, read, is_ours))
        finally:
            with self._lock:
                del self._flights[key]

    def forget(self, key: str) -> None:
        """Drop a copy, here and in the shared cache: what it was made of has changed."""
        with self._lock:
            self._drop(key)
        self._shared.delete(key)

    def _bring(self, key: str, read: Callable[[], bytes], is_ours: Callable[[bytes], bool] | None) -> Copy:
        found = self.peek(key)  # the flight before this one may have landed since
        if found is not None:
            return found
        if is_ours is not None and (value := self._from_shared(key, is_ours)) is not None:
            return Copy(value, "cache")
        return self._from_database(key, read, is_shared=is_ours is not None)

    def _from_shared(self, key: str, is_ours: Callable[[bytes], bool]) -> bytes | None:
        asked_at = self._monotonic()
        found = self._shared.get_with_life(key)
        if found is None:
            return None
        value, seconds = found
        if seconds > self._max_age or not (value == ABSENT or is_ours(value)):
            return None  # nobody of ours keeps anything for so long, or anything like it
        self._keep(key, value, asked_at + seconds)
        with self._lock:
            self.n_served["cache"] += 1
        return value

    def _from_database(self, key: str, read: Callable[[], bytes], *, is_shared: bool) -> Copy:
        began_at = self._monotonic()
        try:
            value = read()
        except Unavailable:
            aside = self.peek(key, is_away=True)
            if aside is None:
                raise
            return aside
        ends_at = began_at + self._max_age
        left = ends_at - self._monotonic()
        self._keep(key, value, ends_at)
        if is_shared and left > 0:
            self._shared.set(key, value, ttl_seconds=left)
        with self._lock:
            self.n_served["database"] += 1
        return Copy(value, "database")

    def _keep(self, key: str, value: bytes, ends_at: float) -> None:
        with self._lock:
            self._drop(key)
            self._kept[key] = (ends_at, value)
            self._n_bytes += len(key) + len(value)
            while len(self._kept) > self._n_entries or self._n_bytes > MAX_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._n_bytes -= len(key) + len(found[1])


class _Flight:
    """One thread reads; those who came meanwhile get what it got, a failure too."""

    def __init__(self) -> None:
        self._landed = threading.Event()
        self._copy: Copy | None = None
        self._error: BaseException | None = None

    def land(self, bring: Callable[[], Copy]) -> Copy:
        """Read, for everybody who waits."""
        try:
            self._copy = bring()
        except BaseException as exc:
            self._error = exc
            raise
        finally:
            self._landed.set()
        return self._copy

    def wait(self) -> Copy:
        """Return what the reader brought; its failure is everybody's."""
        self._landed.wait()
        if self._copy is not None:
            return self._copy
        raise Unavailable(what="the database") from self._error


class _Named(msgspec.Struct):
    id: str


def is_view_of(id: object) -> Callable[[bytes], bool]:
    """Tell a view of the object *id* from anything else that might stand under its key."""

    def check(value: bytes) -> bool:
        try:
            return msgspec.json.decode(value, type=_Named).id == str(id)
        except msgspec.MsgspecError:
            return False

    return check
