"""How much, and whether at all."""

from __future__ import annotations

from typing import ClassVar

import attrs

from coachhub_core.errors.base import Refusal


@attrs.define(kw_only=True)
class RateLimited(Refusal):
    """Raised when somebody asks too often; ``retry_after_seconds`` says when to come back."""

    code: ClassVar[str] = "rate_limited"
    retry_after_seconds: float

    def __str__(self) -> str:
        return f"too many requests; try again in {max(1, round(self.retry_after_seconds))} s"


@attrs.define(kw_only=True)
class Unavailable(Refusal):
    """Raised when what an answer depends on is away; nothing was written."""

    code: ClassVar[str] = "unavailable"
    what: str = "the database"
    retry_after_seconds: float = 1.0

    def __str__(self) -> str:
        return f"{self.what} cannot be reached at the moment; nothing was changed, try again"


@attrs.define(kw_only=True)
class IndexMissing(Unavailable):
    """Raised by a search engine that answers and has no index of ours, or one of another form: it is to be built."""

    what: str = "the search index"

    def __str__(self) -> str:
        return "there is no search index yet; it is built from the database by itself, try again"


@attrs.define(kw_only=True)
class Contended(Unavailable):
    """
    Raised by a storage when a unit of work lost a race it can be run again after.

    Deadlocks, lock waits and a busy SQLite file are meant. The services rerun
    the unit inside its deadline; a caller sees this only when time ran out.
    """


@attrs.define(kw_only=True)
class Unwritable(Unavailable):
    """Raised when a storage answers and takes no changes: it is full, or read-only. Reads go on."""

    def __str__(self) -> str:
        return f"{self.what} takes no changes at the moment; nothing was changed, try again"


@attrs.define(kw_only=True)
class OutcomeUnknown(Unavailable):
    """
    Raised when the connection broke while a change was made durable: it may have been.

    A request that carries an idempotency key is run again by the services, and
    the key settles it; others look before they do it again.
    """

    is_settled_by_key: bool = False

    def __str__(self) -> str:
        return (
            f"{self.what} did not say whether the change was made; "
            "look before doing it again, or send it again under the same key"
        )


@attrs.define(kw_only=True)
class Overloaded(Refusal):
    """Raised when every worker is taken and the queue is full."""

    code: ClassVar[str] = "overloaded"
    retry_after_seconds: float = 1.0

    def __str__(self) -> str:
        return "too much is being asked at once; try again in a moment"
