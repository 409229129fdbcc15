"""The project's own column types: the same meaning on every database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class Id(TypeDecorator[UUID]):
    """A UUID in 16 bytes: the order of UUIDv7 is kept on every database."""

    impl = sa.BINARY(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite knows blobs only; a length on them means nothing there."""
        return dialect.type_descriptor(sa.LargeBinary() if dialect.name == "sqlite" else sa.BINARY(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:
        """Write the bytes."""
        return None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Read the bytes."""
        return None if value is None else UUID(bytes=bytes(value))


class Hash(TypeDecorator[bytes]):
    """A SHA-256: 32 bytes."""

    impl = sa.BINARY(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite knows blobs only."""
        return dialect.type_descriptor(sa.LargeBinary() if dialect.name == "sqlite" else sa.BINARY(32))

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Read plain bytes, whatever the driver gives."""
        return None if value is None else bytes(value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant to the microsecond; the column itself holds no zone."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """DATETIME(6) on MySQL; text with six decimals on SQLite, which sorts by time."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name in ("mysql", "mariadb") else sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write in UTC; a naive one never comes from the core."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant must not reach the storage")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read as aware."""
        return None if value is None else value.replace(tzinfo=UTC)


class Money(TypeDecorator[Decimal]):
    """An amount with two decimals: DECIMAL(10,2), on SQLite whole hundredths, so that sums and order are exact."""

    impl = sa.Numeric(10, 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite has no decimals."""
        return dialect.type_descriptor(sa.BigInteger() if dialect.name == "sqlite" else sa.Numeric(10, 2))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Write the amount, or its hundredths."""
        if value is None:
            return None
        return int(value * 100) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read with two decimals."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return Decimal(int(value)).scaleb(-2)
        return Decimal(value).quantize(Decimal("0.01"))


class Clock(TypeDecorator[time]):
    """A local time of day, as minutes since midnight: databases disagree about TIME."""

    impl = sa.SmallInteger
    cache_ok = True

    def process_bind_param(self, value: time | None, dialect: Dialect) -> int | None:
        """Write the minutes."""
        return None if value is None else value.hour * 60 + value.minute

    def process_result_value(self, value: int | None, dialect: Dialect) -> time | None:
        """Read the minutes."""
        return None if value is None else time(value // 60, value % 60)


_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical", order="deterministic")


class Document(TypeDecorator[Any]):
    """
    Canonical JSON in bytes: members sorted, decimals as strings; up to 16 MiB.

    JSON columns reorder members and TEXT ends at 64 KiB.

    Args:
        read: Turns the JSON value back into what the entity holds.
    """

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, read: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.read = read

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MEDIUMBLOB on MySQL."""
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(mysql.MEDIUMBLOB() if is_mysql else sa.LargeBinary())

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Write canonical bytes; None stays NULL."""
        return None if value is None else _encoder.encode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read the bytes back."""
        if value is None:
            return None
        loaded = msgspec.json.decode(bytes(value))
        return self.read(loaded) if self.read is not None else loaded


class Canonical(TypeDecorator[bytes]):
    """Canonical JSON that the core has written already: kept and given back byte for byte, up to 16 MiB."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MEDIUMBLOB on MySQL."""
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(mysql.MEDIUMBLOB() if is_mysql else sa.LargeBinary())

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Read plain bytes, whatever the driver gives."""
        return None if value is None else bytes(value)


def long_text() -> TypeEngine[str]:
    """Return a text column without MySQL's bound of 64 KiB."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
