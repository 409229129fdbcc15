"""The port *cache*: copies that may vanish at any moment, and never outlive their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Cache(Protocol):
    """Keeps bytes for a while, for everybody who shares it. A cache that is away is one where every key is a miss."""

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        ...

    def get_with_life(self, key: str) -> tuple[bytes, float] | None:
        """Return what is kept with the seconds it has left from the moment this was called, or None."""
        ...

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those that are kept."""
        ...

    def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """
        Keep *value* until *ttl_seconds* (more than 0) from this call.

        One that arrives late because the cache was frozen is not kept longer for that.
        """
        ...

    def delete(self, *keys: str) -> None:
        """Forget keys; unknown ones are no error."""
        ...
