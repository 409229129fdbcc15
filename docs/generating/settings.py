"""The page of every setting: where it is written, what it is when nobody says anything, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import attrs

from coachhub_core.config import PLAIN_NAMES, Settings, environment_names
from generating.markdown import code, page, sentence, table

MEANINGS: Final[Mapping[str, str]] = {
    "profile": "`production` refuses a generated secret and the demo's people",
    "data": "The folder of the database, the files, the backups, the secret and the log files",
    "log_level": "From which level on lines are written; a line per request at `debug` and `info`",
    "files": "Where exports and artefacts are kept, as a URL; empty: the folder `files` in the data folder",
    "database.url": "The database, as a URL; wins over the members below. Empty and no host: SQLite in the data folder",
    "database.host": "A MySQL or MariaDB server; giving one selects it",
    "database.port": "Its port",
    "database.name": "The name of its database",
    "database.user": "Whom to log in as",
    "database.password": "With what",
    "database.read_host": "A replica of the database, as `host` or `host:port`: it answers analytics and exports; "
    "the database itself does where the replica is away",
    "redis.url": "Redis, as a URL: `redis://`, `rediss://` (TLS), `unix://`, or "
    "`redis+sentinel://[user:password@]host1:port1,host2:port2/service/db` (`rediss+sentinel://` with TLS); "
    "wins over host and port",
    "redis.host": "A Redis server; giving one selects the engine `redis` for cache, bus and counters",
    "redis.port": "Its port",
    "redis.prefix": "What stands before every key",
    "elasticsearch.url": "An Elasticsearch, with scheme and port (https needs none); giving one selects it for "
    "searches. Several addresses of one cluster are parted by commas. Without one, `http://localhost:9200` where the "
    "engine is chosen by name",
    "elasticsearch.prefix": "What stands before the alias `coaches` and every index: lower case, and nothing that "
    "names of indices may not have",
    "http.host": "The address REST listens on; chat too, unless it has its own",
    "http.port": "The port of REST",
    "http.workers": "Processes that serve REST",
    "http.threads": "Calls into the services that run at once, per process",
    "http.waiting": "Calls that may wait beside them; one more is 503 `overloaded`",
    "http.request_seconds": "How long a call may take, waiting included; then 503",
    "http.body_seconds": "How long a body may take to arrive; then 408",
    "http.head_seconds": "How long a request's head may take to arrive",
    "http.write_seconds": "How long a client may not read while an answer waits for it; then the connection is cut",
    "http.max_connections": "Connections per process",
    "http.trusted_proxies": "Addresses or networks whose `X-Forwarded-For` is believed",
    "http.cors_origins": "Origins whose pages may call REST, exactly as a browser writes them",
    "http.coaches_need_login": "Whether the list of coaches is for accounts only",
    "http.metrics": "Whether `/metrics` answers, on both ports",
    "http.openapi": "Whether `/api/openapi.json` answers",
    "chat.host": "The address chat listens on; empty: that of REST",
    "chat.port": "The port of chat",
    "chat.origins": "Origins whose pages may open a chat; empty: `http.cors_origins`. Clients that send none are taken",
    "chat.max_connections": "Connections per process",
    "chat.connections_per_account": "Connections of one account; one more closes the oldest with 4409",
    "chat.unauthenticated_per_address": "Connections from one address that have not said who they are",
    "chat.auth_seconds": "How long a connection may take to say who it is; then 4408",
    "chat.heartbeat_seconds": "Between two Pings of the server, give or take a tenth",
    "chat.silence_seconds": "How long a connection may be silent; then 4408",
    "chat.sends": "Messages of one account, over all its connections, in the window below",
    "chat.sends_window_seconds": "That window",
    "chat.frames_per_second": "Frames of one connection, and as many at once; twice as many close it with 4429",
    "chat.joined_per_connection": "Conversations one connection may have joined",
    "chat.waiting_per_connection": "Requests of one connection that wait for the database; then reading pauses",
    "chat.queue_messages": "Messages that may wait to be stored; one more is `overloaded`",
    "chat.queue_seconds": "How long a message may wait to be stored; then `unavailable`",
    "chat.slow_hint_bytes": "Unread bytes from which on hints (typing, read, unread) are dropped",
    "chat.slow_close_bytes": "Unread bytes from which on the connection is closed with 4413",
    "chat.slow_seconds": "How long a client may read nothing while something waits for it; then 4413",
    "chat.drain_seconds": "At the end: how long clients have to go elsewhere by themselves",
    "auth.jwt_secret": "What access tokens are signed with, 32 bytes or more",
    "auth.previous_secrets": "Secrets that still verify and no longer sign, for a rotation",
    "auth.issuer": "`iss` of access tokens",
    "auth.audience": "`aud` of access tokens",
    "auth.access_seconds": "How long an access token lives",
    "auth.refresh_days": "How long a refresh token lives; each refresh begins anew",
    "auth.bcrypt_cost": "Of new password hashes; an older, lower one is raised at the next login",
    "auth.password_min_length": "Characters of a password",
    "auth.hashing_waiting": "Passwords that may wait for bcrypt, per process; one more is 503 `overloaded`",
    "limits.engine": "Who counts; empty: `redis` where Redis is configured, else `file`, in memory without a folder",
    "limits.login": "Logins a minute from one source",
    "limits.failed_login": "Wrong passwords in five minutes, per account and source",
    "limits.register": "Registrations a minute from one source",
    "limits.reset": "Password resets",
    "limits.password": "Password changes and erasures a minute, per account",
    "limits.costly": "Suggestions a minute per account; exports and cohort runs likewise, counted apart",
    "limits.general": "Requests a second per account or source, with a burst of ten times as many",
    "cache.engine": "Who keeps copies; empty: `redis` where Redis is configured, else `memory`",
    "cache.max_age_ms": "How long a copy of a coach's public view lives; 0 keeps none",
    "cache.n_entries": "Copies the engine `memory` keeps at most",
    "search.engine": "Who answers `?q=`; empty: `elasticsearch` where one is configured, else `database`",
    "broadcast.engine": "The bus between processes; empty: `redis` where Redis is configured, else `memory`",
    "matching.matcher": "The matcher that ranks, by the name its plugin gives it; empty: the one `matching.artefact` "
    "is of, else `duet` where `coachhub[matching]` is installed, else `plain`",
    "matching.fallback": "The matcher that answers when that one does not",
    "matching.assigner": "Who places cohorts, by the name its plugin gives it; where nobody chose and scipy is not "
    "installed, `plain` does",
    "matching.mode": "How cohorts are placed where a run names no mode; the assigner offers the modes: `stable`, and "
    "with `duet` also `welfare`, `worst_first` and `exact`",
    "matching.cohort_seconds": "How long the placing of one cohort may take; then the run has failed",
    "matching.features": "Feature blocks of plugins whose columns are computed, in this order",
    "matching.constraints": "Hard constraints that are applied, built-in ones and those of plugins; `seats` always is",
    "matching.artefact": "A file with what the matcher has learned",
    "matching.shadow": "A second matcher that is asked too, unseen, by the worker: the name its plugin gives it, or a "
    "file with what it has learned; empty: none (`coachhub match shadow` compares)",
    "matching.limit": "Suggestions where a request names no limit",
    "matching.n_candidates": "Of more than 5,000 coaches, how many are scored after a first look; the rest follow in "
    "the order of that look. For matchers that look twice, as `duet` does",
    "matching.timeout_ms": "How long the matcher may take; then the fallback answers",
    "matching.exploration": "Whether lists may be changed a little after ranking, and marked, to learn from it",
    "matching.swap_share": "In which share of lists two neighbours change places",
    "matching.explore_share": "In which share of lists one of the first five places goes to whoever may yet be the "
    "best, where the matcher knows how little it knows; a tenth and more is for hubs with many newcomers",
    "matching.max_shown_per_day": "How often one coach is to be shown a day, by a price of demand that the worker "
    "finds once a day; 0: no price",
    "matching.sensitive_columns": "Sensitive columns a matcher may see, by name; none without the operator's word",
    "matches.max_open": "Requests of one trainee that may be open at once",
    "matches.expire_hours": "How long a coach has to answer a request",
    "matches.review_days": "How long after a match's end it can be reviewed",
}
"""What each setting does, in a sentence. The page cannot be written while one is missing."""

NOT_READ_YET: Final = frozenset(
    {
        "limits.reset",
    }
)  # fmt: skip
"""Named so that a file can hold them today; nothing reads them in this version."""

INTRO: Final = """
Every setting has a default that runs. What is wrong stops the start with one sentence that names every wrong setting,
never a secret's value, and exit code 2; a name that does not exist is wrong too.

Where they come from, the later winning:

1. `coachhub.toml` in the folder you start in, or else in the data folder: `[table]` and `member = value`.
2. The environment: `COACHHUB_TABLE_MEMBER`, and the plain names in the tables below. An empty value counts as absent.
   Lists are written with commas, truth as `true` or `false`.
3. The options of `coachhub up`: `--data`, `--host`, `--port`, `--chat-port`, `--workers`.

`coachhub settings` prints all of them as they are in force, secrets hidden. How to go about it:
[configure an instance](../howto/configure.md).

Two profiles differ: `production` wants `JWT_SECRET` given and refuses `--demo`; `development`, the default, makes a
secret on first run and keeps it in the data folder with mode 600.
"""

OUTRO: Final = """
*Not read in this version*: the name is settled and a file may hold it, but nothing acts on it yet.

*Needs an engine*: no package of this version offers it. Choosing one that no plugin offers stops the start, by name.
"""


def settings_page() -> str:
    """Return the page. Raises ``ValueError`` when a setting has no meaning, or a meaning no setting."""
    paths = set(environment_names().values())
    if wrong := paths ^ MEANINGS.keys():
        raise ValueError(f"docs/generating/settings.py: no setting, or no meaning: {', '.join(sorted(wrong))}")
    if surplus := NOT_READ_YET - paths:
        raise ValueError(f"docs/generating/settings.py: no setting: {', '.join(sorted(surplus))}")
    attrs.resolve_types(Settings)
    parts = [INTRO]
    single = [f for f in attrs.fields(Settings) if _table_of(f) is None]
    parts.append("## At the top\n\n" + _rows("", single))
    for f in attrs.fields(Settings):
        members = _table_of(f)
        if members is not None:
            attrs.resolve_types(members)
            parts.append(f"## `[{f.name}]`\n\n{sentence(members.__doc__)}\n\n{_rows(f.name, attrs.fields(members))}")
    return page("Settings", *parts, OUTRO)


def _table_of(f: attrs.Attribute[Any]) -> type[attrs.AttrsInstance] | None:
    return f.type if f.type is not None and attrs.has(f.type) else None


def _rows(of: str, fields: Any) -> str:
    names = environment_names()
    rows = []
    for f in fields:
        path = f"{of}.{f.name}" if of else f.name
        plain = [name for name, setting in PLAIN_NAMES.items() if setting == path]
        own = [name for name, setting in names.items() if setting == path and name not in plain]
        meaning = MEANINGS[path]
        if path in NOT_READ_YET:
            meaning += " *(not read in this version)*"
        environment = " ".join(code(name) for name in (*plain, *own))
        rows.append((code(f.name), environment, _default(f), _allowed(f), meaning))
    return table(("setting", "environment", "default", "allowed", "what it does"), rows)


def _default(f: attrs.Attribute[Any]) -> str:
    value = f.default
    if not f.repr:
        return "none"
    if value == "" or value == ():
        return "empty"
    if isinstance(value, tuple):
        return code(",".join(value))
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, float):
        return code(f"{value:g}")
    if isinstance(value, int):
        return code(str(value))
    return code(str(value) if not isinstance(value, Path) else value.as_posix())


def _allowed(f: attrs.Attribute[Any]) -> str:
    kind: Any = f.type
    if get_origin(kind) is Literal:
        return ", ".join(code(choice) for choice in get_args(kind))
    if kind is bool:
        return "`true`, `false`"
    if get_origin(kind) is tuple:
        return "a list of strings"
    if kind in (int, float):
        return _range(f)
    return "a folder" if f.name == "data" else "a string"


def _range(f: attrs.Attribute[Any]) -> str:
    """Ask the setting's own rule: it says its bounds when it refuses."""
    try:
        if f.validator is not None:
            f.validator(None, f, float("inf"))
    except ValueError as exc:
        kind = " (whole)" if f.type is int else ""
        return str(exc).removeprefix("must be from ").partition(", not")[0] + kind
    return "any number"
