"""Redis for what all nodes share: cached views, hints, rate counters. The database stays the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from coachhub_core.config import Settings
from coachhub_core.errors import PluginError, SettingsError
from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.offers import BroadcastOffer, CacheOffer, Probe, RateCountersOffer

if TYPE_CHECKING:
    from coachhub_redis.broadcast import RedisBroadcast
    from coachhub_redis.cache import RedisCache
    from coachhub_redis.client import Link
    from coachhub_redis.rate_counters import RedisRateCounters


def _link(settings: Settings, *, name: str) -> Link:
    if not settings.redis_url:
        raise SettingsError.of(["REDIS_HOST or COACHHUB_REDIS_URL must be given where an engine is redis"])
    try:
        from coachhub_redis.client import Link
    except ImportError as exc:
        raise PluginError(reason="Redis is chosen and its library is missing: install coachhub[redis]") from exc
    return Link(settings.redis_url, prefix=settings.redis.prefix, name=name, connections=settings.http.threads + 4)


def _cache(settings: Settings) -> RedisCache:
    link = _link(settings, name="cache")
    from coachhub_redis.cache import RedisCache

    return RedisCache(link)


def _broadcast(settings: Settings) -> RedisBroadcast:
    link = _link(settings, name="broadcast")
    from coachhub_redis.broadcast import RedisBroadcast

    return RedisBroadcast(link)


def _counters(settings: Settings) -> RedisRateCounters:
    link = _link(settings, name="counters")
    from coachhub_redis.rate_counters import RedisRateCounters

    return RedisRateCounters(link)


@hookimpl
def coachhub_caches() -> Mapping[str, CacheOffer]:
    """Offer the cache all nodes share."""
    return {"redis": CacheOffer(make=_cache, version="1")}


@hookimpl
def coachhub_broadcasts() -> Mapping[str, BroadcastOffer]:
    """Offer the bus between processes and nodes."""
    return {"redis": BroadcastOffer(make=_broadcast, version="1")}


@hookimpl
def coachhub_rate_counters() -> Mapping[str, RateCountersOffer]:
    """Offer the counters all nodes share."""
    return {"redis": RateCountersOffer(make=_counters, version="1")}


@hookimpl
def coachhub_probes(settings: Settings) -> Mapping[str, Probe]:
    """Ask Redis how it is, where it is in use."""
    if "redis" not in settings.engines.values():
        return {}
    link = _link(settings, name="probe")
    return {"redis": Probe(service="redis", ask=link.ping)}
