"""
MariaDB and MySQL by PyMySQL: how a connection is opened, and how long anything may wait on it.

Every wait on the wire ends with the deadline of the unit of work it is done
for, also where bytes trickle in; who waited in vain opens the breaker. What the
server is told about a session is told in one statement, since each round trip
of opening a connection is paid by somebody who waits for an answer.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pymysql
import sqlalchemy as sa
from pymysql.constants import CLIENT
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from coachhub_core import deadline
from coachhub_core.breaker import Breaker
from coachhub_sqlalchemy.errors import refusal_of
from coachhub_sqlalchemy.later import keep_what_can_wait

CONNECT_SECONDS: Final = 1.0
POOL_SECONDS: Final = 2
_UNHURRIED_SECONDS: Final = 86_400.0  # for who changes the schema of grown tables
_HANG_SECONDS: Final = 0.9  # who waited less met the end of his own time, not a database that hangs
_STEP_SECONDS: Final = 0.5  # a timeout is set anew only when it would differ by more
_GRACE_SECONDS: Final = 0.05
_LAST_SECONDS: Final = 0.1  # after its deadline, for a unit to roll back in
_SOCKET: Final = "coachhub_socket"

_SESSION: Final = (
    "SET NAMES utf8mb4, autocommit={autocommit}, time_zone='+00:00', innodb_lock_wait_timeout=1, "
    "sql_mode='TRADITIONAL,NO_ENGINE_SUBSTITUTION' "
    "/*M!100000 , tx_isolation='READ-COMMITTED', max_statement_time=3, innodb_snapshot_isolation=ON */"
    "/*!80000 , transaction_isolation='READ-COMMITTED', max_execution_time=3000 */"
)
"""What MariaDB alone knows stands in the first comment, what MySQL 8 alone knows in the second."""

_UNHURRIED: Final = (
    "SET lock_wait_timeout=1, innodb_lock_wait_timeout=1 "
    "/*M!100000 , max_statement_time=0 */ /*!80000 , max_execution_time=0 */"
)
"""Whoever waits for a table to be free keeps all others from it who come later: he asks often, and briefly."""


def mysql_engine(url: URL, pool_size: int, breaker: Breaker, *, is_reading: bool, patience: float) -> Engine:
    """
    Return an engine for units that read, in autocommit and without a ROLLBACK at their end, or for those that write.

    Args:
        breaker: Told of each wait in vain.
        patience: Seconds that one answer is waited for at most, whatever time a unit has.
    """
    engine = sa.create_engine(
        url.set(drivername="mysql+pymysql"),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_recycle=600,
        pool_reset_on_return=None,  # a unit that was not committed rolls back itself
        skip_autocommit_rollback=is_reading,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": 4,
            "write_timeout": 4,
            "autocommit": None,  # said below, together with the rest
            "client_flag": CLIENT.FOUND_ROWS | (0 if is_reading else CLIENT.MULTI_STATEMENTS),
            "init_command": _SESSION.format(autocommit=int(is_reading)),
        },
    )

    if not is_reading:
        keep_what_can_wait(engine)
    opener = _Opener(breaker, patience)

    @event.listens_for(engine, "do_connect")
    def dial(_: Any, record: ConnectionPoolEntry | None, __: Any, arguments: dict[str, Any]) -> Any:
        connection, opened = opener.open(arguments)
        if record is not None:
            record.info[_SOCKET] = opened
        return connection

    @event.listens_for(engine, "checkout")
    def look(_: Any, record: ConnectionPoolEntry, __: Any) -> None:
        opened = record.info.get(_SOCKET)
        if opened is not None and opened.has_ended():
            raise DisconnectionError("the server ended this connection")  # opened anew by the pool

    return engine


def take_time(connection: Connection) -> None:
    """
    Let what is said on a connection from now on take as long as it needs; the pool never sees it again.

    That is said of its work and not of locks, which are waited for a second.
    """
    if connection.dialect.name != "mysql":
        return
    connection.detach()
    socket_of = getattr(connection.connection.dbapi_connection, "_sock", None)
    if isinstance(socket_of, _Bounded):
        socket_of.limit = _UNHURRIED_SECONDS
    connection.exec_driver_sql(_UNHURRIED)
    connection.commit()


class _Opener:
    """Opens connections whose waits are bounded, with or without TLS, and tells the breaker when that fails."""

    def __init__(self, breaker: Breaker, patience: float) -> None:
        self._breaker = breaker
        self._patience = patience
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def open(self, arguments: Mapping[str, Any]) -> tuple[pymysql.Connection, _Waiting | None]:
        """
        Return a connection and what it waits on; ``pymysql.Error`` where there is none in time.

        A server that lets nobody in is no server that is away: an operator reads why in the log, once.
        """
        try:
            opened = self._opened(arguments)
        except pymysql.err.Error as exc:
            refusal = refusal_of(exc)
            if refusal is not None:
                self._breaker.refused(refusal)
            raise
        self._breaker.let_in()
        return opened

    def _opened(self, arguments: Mapping[str, Any]) -> tuple[pymysql.Connection, _Waiting | None]:
        if arguments.get("unix_socket"):
            return pymysql.connect(**arguments), None  # with the driver's own timeouts
        opened = _Waiting.dial(arguments.get("host") or "127.0.0.1", int(arguments.get("port") or 3306), self._breaker)
        connection = _Connection(self._preferred, **{**arguments, "defer_connect": True})
        try:
            connection.connect(opened)
        except pymysql.err.Error as exc:
            opened.close()
            if exc.args[:1] in ((2006,), (2013,)) or not isinstance(exc.args[0], int):
                self._breaker.failed()  # it did not say why not
            raise
        except Exception as exc:  # what answers there is no database
            opened.close()
            self._breaker.failed()
            raise pymysql.err.OperationalError(2013, "what answered is no database") from exc
        opened.limit = self._patience
        return connection, opened

    def _preferred(self, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Return the one context for servers that offer TLS unasked: making one reads every authority there is."""
        with self._lock:
            if self._tls is None:
                self._tls = make()
                self._tls.sslsocket_class = type("_Tls", (_Tls,), {"breaker": self._breaker})
            return self._tls


class _Connection(pymysql.connections.Connection):  # type: ignore[misc]  # it has no types
    """A connection of PyMySQL that is opened in as few round trips, and as little work, as can be."""

    def __init__(self, preferred: Callable[[Callable[[], ssl.SSLContext]], ssl.SSLContext], **arguments: Any) -> None:
        self._preferred = preferred
        super().__init__(**arguments)

    def set_character_set(self, *_: Any) -> None:
        """Say nothing: it is said together with the rest."""

    def _create_ssl_ctx(self, wanted: Any) -> ssl.SSLContext:
        make: Callable[[], ssl.SSLContext] = partial(super()._create_ssl_ctx, wanted)
        return make() if wanted else self._preferred(make)


class _Bounded:
    """What both kinds of sockets have: nobody waits on them beyond the deadline of what is done."""

    breaker: Breaker
    blames = True  # whether the breaker is told of a wait in vain
    limit = CONNECT_SECONDS
    _set: float | None = None

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """Receive what there is, within the time that is left."""
        began = time.monotonic()
        self._prepare()
        try:
            n: int = super().recv_into(*arguments, **named)  # type: ignore[misc]  # a socket's, below
            return n
        except TimeoutError:
            if self.blames and time.monotonic() - began > _HANG_SECONDS:
                self.breaker.failed()
            raise

    def sendall(self, *arguments: Any, **named: Any) -> None:
        """Send all of it, within the time that is left."""
        self._prepare()
        super().sendall(*arguments, **named)  # type: ignore[misc]  # a socket's, below

    def settimeout(self, value: float | None) -> None:
        """Set it, and remember what it is."""
        self._set = value
        super().settimeout(value)  # type: ignore[misc]  # a socket's, below

    def _prepare(self) -> None:
        left = deadline.left(self.limit)
        if left < -_LAST_SECONDS:  # bytes may trickle in for ever
            raise TimeoutError("the time is over")
        seconds = max(_GRACE_SECONDS, min(self.limit, left))
        if self._set is None or seconds < self._set or self._set < seconds - _STEP_SECONDS:
            self.settimeout(seconds if seconds < _STEP_SECONDS else seconds // _STEP_SECONDS * _STEP_SECONDS)


class _Tls(_Bounded, ssl.SSLSocket):
    pass


class _Waiting(_Bounded, socket.socket):
    """A connection without TLS, or before it."""

    @classmethod
    def dial(cls, host: str, port: int, breaker: Breaker) -> _Waiting:
        """Connect; ``OperationalError`` 2003 where that is not possible in time."""
        patience = min(CONNECT_SECONDS, max(deadline.left(CONNECT_SECONDS), _GRACE_SECONDS))
        try:
            plain = socket.create_connection((host, port), patience)
        except OSError as exc:
            breaker.failed()
            raise pymysql.err.OperationalError(2003, f"no connection to the database: {exc}") from exc
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        opened = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        opened.breaker, opened.limit = breaker, CONNECT_SECONDS
        return opened

    def has_ended(self) -> bool:
        """Say whether the other side closed it: an idle connection has nothing to be read but its end."""
        if self.fileno() < 0:  # TLS has taken it over, and reads for itself
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))
