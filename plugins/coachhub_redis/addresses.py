"""
Where Redis is, by URL: one server, or the sentinels who know which one it is now.

``redis+sentinel://[user:password@]host1:port1,host2:port2/service/db`` names the
sentinels; user and password are those of the servers themselves, those of the
sentinels follow as ``?sentinel_username=…&sentinel_password=…``. ``rediss://``
and ``rediss+sentinel://`` speak TLS, to sentinels also.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import redis
from redis.sentinel import Sentinel, SentinelConnectionPool

from coachhub_core.errors import SettingsError
from coachhub_redis.bounded import bound

_SENTINEL_PORT: Final = 26_379
_ONE: Final = ("redis", "rediss", "unix")
_SENTINELS: Final = ("redis+sentinel", "rediss+sentinel")
_OF_SENTINELS: Final = {"sentinel_username": "username", "sentinel_password": "password"}
_TLS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")


class _Unreadable(ValueError):
    """Raised with a sentence of ours, which holds no part of the login; those of libraries quote it."""


@attrs.frozen(kw_only=True)
class Sentinels:
    """Who is asked where the master of a service is."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    is_tls: bool
    login: dict[str, Any] = attrs.field(repr=False)
    asked_with: dict[str, str] = attrs.field(repr=False)
    tls: dict[str, Any]


def pool_of(url: str, options: dict[str, Any]) -> redis.ConnectionPool:
    """
    Return a pool of connections to what *url* names; nothing is connected yet.

    Args:
        options: What each connection is given; ``timeout`` is how long the pool waits for one that comes free.
    Raises:
        SettingsError: If the URL cannot be read; it may hold a password, so it is not repeated.
    """
    try:
        scheme = urlsplit(url).scheme
        if scheme in _SENTINELS:
            return _asking(sentinels_of(url), options)
        if scheme not in _ONE or (scheme != "unix" and not urlsplit(url).hostname):
            raise _Unreadable(f"it must begin with one of {', '.join(f'{known}://' for known in (*_ONE, *_SENTINELS))}")
        _ = urlsplit(url).port  # refuses what is no number
        path = urlsplit(url).path.strip("/")
        if scheme != "unix" and path and not path.isdecimal():
            raise _Unreadable("what follows the host must be the number of a database")
        pool = redis.BlockingConnectionPool.from_url(url, **options)
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing; refuses words it does not know
        return pool
    except _Unreadable as exc:
        raise SettingsError.of([f"COACHHUB_REDIS_URL cannot be read: {exc}"]) from None
    except (ValueError, TypeError):
        problem = "a port must be a number up to 65535, a password percent-encoded, an option one of redis-py's"
        raise SettingsError.of([f"COACHHUB_REDIS_URL cannot be read: {problem}"]) from None


def see_files(pool: redis.ConnectionPool) -> None:
    """
    Look at the files of TLS that the URL names, since a connection fails for them as if Redis were away.

    Raises:
        SettingsError: Naming the first that cannot be read.
    """
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        path = pool.connection_kwargs.get(name)
        if not path:
            continue
        try:
            if name == "ssl_ca_certs":
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
            else:
                Path(path).open("rb").close()
        except OSError as exc:  # also where it holds no certificates
            why = "it holds no certificates" if isinstance(exc, ssl.SSLError) else exc.strerror
            problem = f"COACHHUB_REDIS_URL names a file for {name} that cannot be read: {path} ({why})"
            raise SettingsError.of([problem]) from exc


def sentinels_of(url: str) -> Sentinels:
    """
    Take a URL of sentinels apart.

    Raises:
        ValueError: If it is none.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise _Unreadable("a sentinel URL must name its service: redis+sentinel://host:port,host:port/service/db")
    if db and not db.isdecimal():
        raise _Unreadable("what follows the service must be the number of a database")
    words = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    if unknown := sorted(set(words) - {*_OF_SENTINELS, *_TLS_FILES}):
        taken = ", ".join((*_OF_SENTINELS, *_TLS_FILES))
        raise _Unreadable(f"a sentinel URL takes {taken}, not {', '.join(unknown)}")
    known: dict[str, Any] = {"db": int(db or 0)}
    if user:
        known["username"] = unquote(user)
    if password:
        known["password"] = unquote(password)
    return Sentinels(
        hosts=tuple(_host(each) for each in hosts.split(",")),
        service=unquote(service),
        is_tls=parts.scheme.startswith("rediss"),
        login=known,
        asked_with={_OF_SENTINELS[name]: word for name, word in words.items() if name in _OF_SENTINELS},
        tls={name: word for name, word in words.items() if name in _TLS_FILES},
    )


def _host(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise _Unreadable("a sentinel URL must name hosts, parted by commas")
    return parts.hostname, parts.port or _SENTINEL_PORT


class _WaitingSentinelPool(SentinelConnectionPool, redis.BlockingConnectionPool):
    """Asks for the master at each new connection, and waits for one that comes free as other pools do."""


def _asking(known: Sentinels, options: dict[str, Any]) -> redis.ConnectionPool:
    tls = {"ssl": True, **known.tls} if known.is_tls else {}
    of_asking = ("protocol", "socket_timeout", "socket_connect_timeout", "retry", "maint_notifications_config")
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # not annotated there
        known.hosts,
        sentinel_kwargs={**{name: options[name] for name in of_asking}, **known.asked_with, **tls},
    )
    for asked in sentinel.sentinels:
        bound(asked.connection_pool)
    options = {**options, **known.login, **tls}
    pool: redis.ConnectionPool = _WaitingSentinelPool(known.service, sentinel, **options)  # type: ignore[no-untyped-call]
    return pool
