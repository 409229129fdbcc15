"""The cache all nodes share. One that is away is one where every key is a miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coachhub_core.errors import Unavailable
from coachhub_redis.client import Link


class RedisCache:
    """Keeps bytes in Redis with a time to live in milliseconds."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        try:
            return _bytes(self._link.ask(lambda r: r.get(self._link.key(key))))
        except Unavailable:
            return None

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those that are kept, in one round trip."""
        if not keys:
            return {}
        try:
            found = self._link.ask(lambda r: list(r.mget([self._link.key(key) for key in keys])))
        except Unavailable:
            return {}
        values = {key: _bytes(value) for key, value in zip(keys, found, strict=False)}
        return {key: value for key, value in values.items() if value is not None}

    def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """Keep *value*; where that is not possible nothing is kept."""
        try:
            self._link.ask(lambda r: r.set(self._link.key(key), value, px=max(1, round(ttl_seconds * 1000))))
        except Unavailable:
            return

    def delete(self, *keys: str) -> None:
        """Forget keys; where that is not possible their time to live is what ends them."""
        if not keys:
            return
        try:
            self._link.ask(lambda r: r.delete(*(self._link.key(key) for key in keys)))
        except Unavailable:
            return

    def close(self) -> None:
        """Give back every connection."""
        self._link.close()


def _bytes(value: object) -> bytes | None:
    """Return bytes as bytes; any other answer is not one of ours."""
    return value if isinstance(value, bytes) else None
