"""
Settings: one tree, from a file and the environment, checked before anything starts.

A name in ``coachhub.toml`` is ``[table] member``; in the environment it is
``COACHHUB_TABLE_MEMBER``. The plain names people already use (``DB_HOST``,
``REDIS_HOST``, ``JWT_SECRET``, ``PORT`` …) stand in :data:`PLAIN_NAMES`. The
environment wins over the file. Every wrong or unknown setting is named in one
:exc:`SettingsError`; a secret's value never is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin
from urllib.parse import quote, urlsplit

import attrs

from coachhub_core.errors import SettingsError

PLAIN_NAMES: Final[Mapping[str, str]] = {
    "DB_HOST": "database.host",
    "DB_PORT": "database.port",
    "DB_NAME": "database.name",
    "DB_USER": "database.user",
    "DB_PASSWORD": "database.password",
    "DB_READ_HOST": "database.read_host",
    "REDIS_HOST": "redis.host",
    "REDIS_PORT": "redis.port",
    "ELASTICSEARCH_URL": "elasticsearch.url",
    "JWT_SECRET": "auth.jwt_secret",
    "PORT": "http.port",
    "CHAT_PORT": "chat.port",
    "COACHHUB_DATA": "data",
    "COACHHUB_PROFILE": "profile",
    "LOG_LEVEL": "log_level",
}

LogLevel = Literal["debug", "info", "warning", "error"]


class _Rule(ValueError):
    """What a setting breaks, in words."""


def _between(low: float, high: float) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, __: attrs.Attribute[Any], value: float) -> None:
        if not low <= value <= high:
            raise _Rule(f"must be from {low:g} to {high:g}, not {value:g}")

    return check


def _name(default: str) -> Any:
    def check(_: Any, __: attrs.Attribute[Any], value: str) -> None:
        if not value.strip():
            raise _Rule("must not be empty")

    return attrs.field(default=default, validator=check)


def _num(default: float, low: float, high: float) -> Any:
    return attrs.field(default=default, validator=_between(low, high))


def _secret() -> Any:
    return attrs.field(default="", repr=False)


def _addresses(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    for address in filter(None, (part.strip() for part in value.split(","))):
        try:
            parts = urlsplit(address)
            has_port = parts.port is not None or parts.scheme == "https"  # whose own is taken then
            is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and has_port
        except ValueError:
            is_one = False
        if not is_one:  # it may hold a password: it is not repeated
            raise _Rule("must have a scheme, a host, and with http a port: http://host:9200")


def _index_prefix(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if value != value.lower() or re.search(r'[\\/*?"<>|\s,#:]', value) or value.startswith(("-", "_", "+")):
        raise _Rule(
            r'must be lower case, without spaces and \ / * ? " < > | , # : and not begin with - _ +, '
            "as names of indices are"
        )


@attrs.frozen(kw_only=True)
class Database:
    """Where the truth lives. ``url`` wins; else a given ``host`` means MySQL; else SQLite in the data folder."""

    url: str = _secret()
    host: str = ""
    port: int = _num(3306, 1, 65_535)
    name: str = "coachhub"
    user: str = "coachhub"
    password: str = _secret()
    read_host: str = ""


@attrs.frozen(kw_only=True)
class Redis:
    """The shared cache, bus and counters; a given ``host`` or ``url`` selects them."""

    url: str = _secret()
    host: str = ""
    port: int = _num(6379, 1, 65_535)
    prefix: str = ""


@attrs.frozen(kw_only=True)
class Elasticsearch:
    """The search engine; a given ``url`` selects it. Several addresses of one cluster are parted by commas."""

    url: str = attrs.field(default="", repr=False, validator=_addresses)
    prefix: str = attrs.field(default="", validator=_index_prefix)


@attrs.frozen(kw_only=True)
class Http:
    """The REST server."""

    host: str = _name("127.0.0.1")
    port: int = _num(3000, 1, 65_535)
    workers: int = _num(2, 1, 256)
    threads: int = _num(8, 1, 256)
    waiting: int = _num(64, 1, 10_000)
    request_seconds: float = _num(5, 0.5, 300)
    body_seconds: float = _num(10, 0.1, 600)
    head_seconds: float = _num(10, 0.1, 600)
    write_seconds: float = _num(20, 0.1, 600)
    max_connections: int = _num(1000, 1, 1_000_000)
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    coaches_need_login: bool = False
    metrics: bool = True
    openapi: bool = True


@attrs.frozen(kw_only=True)
class Chat:
    """The chat server and its limits (``chat.md`` 3)."""

    host: str = ""
    port: int = _num(3001, 1, 65_535)
    origins: tuple[str, ...] = ()
    max_connections: int = _num(5_000, 1, 1_000_000)
    connections_per_account: int = _num(10, 1, 10_000)
    unauthenticated_per_address: int = _num(20, 1, 100_000)
    auth_seconds: float = _num(5, 0.1, 60)
    heartbeat_seconds: float = _num(25, 0.2, 600)
    silence_seconds: float = _num(45, 0.5, 1_200)
    sends: int = _num(20, 0, 1_000_000)
    sends_window_seconds: float = _num(10, 0.1, 3_600)
    frames_per_second: int = _num(50, 0, 1_000_000)
    joined_per_connection: int = _num(500, 1, 100_000)
    waiting_per_connection: int = _num(20, 1, 10_000)
    queue_messages: int = _num(2_000, 1, 1_000_000)
    queue_seconds: float = _num(5, 0.1, 60)
    slow_hint_bytes: int = _num(256 * 1024, 1024, 1 << 30)
    slow_close_bytes: int = _num(1024 * 1024, 1024, 1 << 30)
    slow_seconds: float = _num(10, 0.1, 600)
    drain_seconds: float = _num(15, 0, 120)


@attrs.frozen(kw_only=True)
class Auth:
    """Passwords and tokens."""

    jwt_secret: str = _secret()
    previous_secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    issuer: str = _name("coachhub")
    audience: str = _name("coachhub")
    access_seconds: int = _num(86_400, 60, 31_536_000)
    refresh_days: int = _num(30, 1, 366)
    bcrypt_cost: int = _num(12, 10, 16)
    password_min_length: int = _num(12, 8, 64)
    hashing_waiting: int = _num(16, 1, 1_000)


@attrs.frozen(kw_only=True)
class Limits:
    """How often; 0 switches one off. ``general`` is per second with a burst of ten times as many."""

    engine: str = ""
    login: int = _num(30, 0, 1_000_000)
    failed_login: int = _num(10, 0, 1_000_000)
    register: int = _num(20, 0, 1_000_000)
    reset: int = _num(20, 0, 1_000_000)
    password: int = _num(5, 0, 1_000_000)
    costly: int = _num(60, 0, 1_000_000)
    general: int = _num(10, 0, 1_000_000)


@attrs.frozen(kw_only=True)
class CacheSettings:
    """Copies of public views; none lives longer than ``max_age_ms``."""

    engine: str = ""
    max_age_ms: int = _num(1_000, 0, 60_000)
    n_entries: int = _num(10_000, 1, 10_000_000)


@attrs.frozen(kw_only=True)
class Engine:
    """Which implementation of a port; empty chooses by what else is configured."""

    engine: str = ""


@attrs.frozen(kw_only=True)
class Matching:
    """The matcher and its rules (``docs/explanation/matching.md``)."""

    matcher: str = ""  # empty: the artefact's, or the best there is
    fallback: str = _name("plain")
    assigner: str = _name("duet")
    mode: str = _name("stable")
    cohort_seconds: float = _num(600, 1, 86_400)
    features: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ("seats", "price", "hours", "language", "modality")
    artefact: str = ""
    shadow: str = ""
    limit: int = _num(10, 1, 50)
    n_candidates: int = _num(200, 10, 100_000)
    timeout_ms: int = _num(500, 10, 60_000)
    exploration: bool = True
    swap_share: float = _num(0.01, 0, 1)
    explore_share: float = _num(0.05, 0, 1)
    max_shown_per_day: int = _num(0, 0, 1_000_000)
    sensitive_columns: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Matches:
    """Requests and their clock."""

    max_open: int = _num(5, 1, 1_000)
    expire_hours: float = _num(72, 0.01, 8_760)
    review_days: int = _num(30, 1, 3_650)


@attrs.frozen(kw_only=True)
class Settings:
    """
    Everything an operator can choose, with defaults that run.

    ``Settings()`` is an embedded development instance in ``./coachhub-data``;
    :meth:`in_memory` leaves nothing behind.
    """

    profile: Literal["development", "production"] = "development"
    data: Path | None = Path("coachhub-data")
    log_level: LogLevel = "info"
    files: str = ""
    database: Database = attrs.field(factory=Database)
    redis: Redis = attrs.field(factory=Redis)
    elasticsearch: Elasticsearch = attrs.field(factory=Elasticsearch)
    http: Http = attrs.field(factory=Http)
    chat: Chat = attrs.field(factory=Chat)
    auth: Auth = attrs.field(factory=Auth)
    limits: Limits = attrs.field(factory=Limits)
    cache: CacheSettings = attrs.field(factory=CacheSettings)
    search: Engine = attrs.field(factory=Engine)
    broadcast: Engine = attrs.field(factory=Engine)
    matching: Matching = attrs.field(factory=Matching)
    matches: Matches = attrs.field(factory=Matches)

    @classmethod
    def in_memory(cls, **changes: Any) -> Settings:
        """Return settings of an instance that ends with the process: cheap passwords, no limits, lists best first."""
        defaults: dict[str, Any] = {
            "data": None,
            "auth": Auth(bcrypt_cost=10),
            "limits": Limits(login=0, failed_login=0, register=0, reset=0, password=0, costly=0, general=0),
            "matching": Matching(exploration=False),
        }
        return cls(**{**defaults, **changes})

    @classmethod
    def load(cls, file: Path | None, environ: Mapping[str, str]) -> Settings:
        """
        Read settings from *file* (TOML, may be None) and then from *environ*.

        Raises:
            SettingsError: Naming every unknown and every wrong setting at once.
        """
        problems: list[str] = []
        values: dict[str, Any] = {}
        if file is not None:
            values.update(_from_file(file, problems))
        values.update(_from_environ(environ, problems))
        settings = _build(values, problems)
        if problems:
            raise SettingsError.of(problems)
        assert settings is not None  # noqa: S101 - _build answers None only with a problem
        return settings

    @property
    def database_url(self) -> str:
        """The URL whose scheme chooses the storage: as given, or made from the host, or SQLite in the data folder."""
        if self.database.url:
            return self.database.url
        if self.database.host:
            d = self.database
            return f"mysql://{quote(d.user)}:{quote(d.password, safe='')}@{d.host}:{d.port}/{quote(d.name)}"
        return "sqlite://" if self.data is None else f"sqlite:///{(self.data / 'coachhub.db').absolute()}"

    @property
    def database_scheme(self) -> str:
        """The scheme of :attr:`database_url`, without a driver."""
        return urlsplit(self.database_url).scheme.split("+")[0]

    @property
    def database_read_url(self) -> str | None:
        """The URL of the replica, the database's own with another host; None where there is none."""
        if not self.database.read_host or self.database_scheme == "sqlite":
            return None
        parts = urlsplit(self.database_url)
        user, at, _ = parts.netloc.rpartition("@")
        given = self.database.read_host
        host, colon, port = given.rpartition(":") if given.count(":") == 1 else (given, "", "")
        shown = f"[{host}]" if ":" in host else host
        port = port if colon else str(parts.port or self.database.port)
        return parts._replace(netloc=f"{user}{at}{shown}:{port}").geturl()

    @property
    def redis_url(self) -> str:
        """The address of Redis, or an empty string when none is configured."""
        if self.redis.url:
            return self.redis.url
        return f"redis://{self.redis.host}:{self.redis.port}/0" if self.redis.host else ""

    @property
    def elasticsearch_url(self) -> str:
        """The address of Elasticsearch: as given, or where it listens by default."""
        return self.elasticsearch.url or "http://localhost:9200"

    @property
    def engines(self) -> Mapping[str, str]:
        """The chosen engine of each port that has a choice by name."""
        shared = "redis" if self.redis_url else "memory"
        return {
            "cache": self.cache.engine or shared,
            "broadcast": self.broadcast.engine or shared,
            "limits": self.limits.engine or ("file" if shared == "memory" and self.data is not None else shared),
            "search": self.search.engine or ("elasticsearch" if self.elasticsearch.url else "database"),
        }

    @property
    def files_url(self) -> str:
        """Where attachments, exports and artefacts are kept: a URL whose scheme chooses the store."""
        if self.files:
            return self.files
        return "memory://" if self.data is None else f"file://{(self.data / 'files').absolute()}"

    @property
    def chat_host(self) -> str:
        """The address chat listens on: its own setting, or that of REST."""
        return self.chat.host or self.http.host


def environment_names() -> dict[str, str]:
    """Return every name the environment may carry, with the setting it sets."""
    names: dict[str, str] = {}
    for f in attrs.fields(Settings):
        if attrs.has(_class_of(f.type)):
            for member in attrs.fields(_class_of(f.type)):
                names[f"COACHHUB_{f.name}_{member.name}".upper()] = f"{f.name}.{member.name}"
        else:
            names[f"COACHHUB_{f.name}".upper()] = f.name
    return {**names, **PLAIN_NAMES}


def _class_of(tp: Any) -> Any:
    if isinstance(tp, str):  # annotations are strings in this module
        return globals().get(tp, str)
    return tp


def _from_file(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        problems.append(f"the settings file {file} cannot be read: {exc.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        problems.append(f"the settings file {file} is not TOML: {exc}")
        return {}
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{member}": item for member, item in value.items()})
        else:
            flat[name] = value
    known = set(environment_names().values())
    for name in sorted(set(flat) - known):
        problems.append(f"there is no setting {name!r}")
    return {name: value for name, value in flat.items() if name in known}


def _from_environ(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    names = environment_names()
    for name in sorted(environ):
        if name.startswith("COACHHUB_") and name not in names:
            problems.append(f"there is no setting {name}")
    found: dict[str, Any] = {}
    for name, path in names.items():
        if environ.get(name, "") != "":
            found[path] = _Text(environ[name], name)
    return found


@attrs.frozen
class _Text:
    """A value that came from the environment, with the name it came by."""

    text: str
    name: str


def _build(values: Mapping[str, Any], problems: list[str]) -> Settings | None:
    attrs.resolve_types(Settings)
    top: dict[str, Any] = {}
    for f in attrs.fields(Settings):
        if f.type is not None and attrs.has(f.type):
            attrs.resolve_types(f.type)
            members = {
                m.name: (m, values[f"{f.name}.{m.name}"])
                for m in attrs.fields(f.type)
                if f"{f.name}.{m.name}" in values
            }
            read = {name: _read(m, value, f"{f.name}.{name}", problems) for name, (m, value) in members.items()}
            top[f.name] = f.type(**{name: value for name, value in read.items() if value is not _WRONG})
        elif f.name in values:
            value = _read(f, values[f.name], f.name, problems)
            if value is not _WRONG:
                top[f.name] = value
    return None if problems else Settings(**top)


_WRONG: Final = object()


def _read(f: attrs.Attribute[Any], value: Any, path: str, problems: list[str]) -> Any:
    name = value.name if isinstance(value, _Text) else path
    try:
        read = _typed(f.type, value)
        if f.validator is not None:
            f.validator(None, f, read)
    except _Rule as exc:
        problems.append(f"{name} {exc}")
        return _WRONG
    return read


def _typed(tp: Any, value: Any) -> Any:
    text = value.text if isinstance(value, _Text) else None
    if tp is bool:
        if text is not None and text.lower() in ("true", "false", "1", "0", "yes", "no"):
            return text.lower() in ("true", "1", "yes")
        if isinstance(value, bool):
            return value
        raise _Rule("must be true or false")
    if tp in (int, float):
        try:
            if text is not None:
                return tp(text)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return tp(value)
        except ValueError:
            pass
        raise _Rule("must be a whole number" if tp is int else "must be a number")
    if get_origin(tp) is Literal:
        given = text if text is not None else value
        given = given.lower() if isinstance(given, str) else given
        if given in get_args(tp):
            return given
        raise _Rule(f"must be one of {', '.join(get_args(tp))}")
    if get_origin(tp) is tuple:
        if text is not None:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise _Rule("must be a list of strings")
    given = text if text is not None else value
    if not isinstance(given, str):
        raise _Rule("must be a string")
    return given if tp is str else Path(given)
