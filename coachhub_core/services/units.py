"""Units of work as services use them: rerun when a race was lost, answered once per idempotency key."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, Final, ParamSpec, TypeVar

import attrs

from coachhub_core import deadline, wire
from coachhub_core.clock import Clock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.vocabulary import Vocabulary
from coachhub_core.errors import (
    CoachHubError,
    Contended,
    IdempotencyKeyReused,
    NotFound,
    OutcomeUnknown,
    Unauthorized,
    Unavailable,
)
from coachhub_core.identifiers import NewId
from coachhub_core.ports.storage import Duplicate, Storage, UnitOfWork

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("coachhub.units")

KEY_LIVES: Final = timedelta(hours=24)
_jitter = random.Random()  # noqa: S311 - spreads retries, protects nothing


@attrs.define
class Replayed(CoachHubError):
    """
    Raised in place of doing it again: this key was answered before.

    ``view`` is the answer's JSON, byte for byte as it was first given.
    """

    view: bytes

    def __str__(self) -> str:
        return "this request was answered before"


def rerun(method: Callable[P, R], seconds: float = deadline.UNIT_SECONDS) -> Callable[P, R]:
    """
    Run a use case again when its unit of work lost a race or its connection, with jitter, inside one deadline.

    Only for methods that do nothing outside their unit of work. A ``Duplicate``
    that no service gave a name is a race as well: the second run meets the row
    that the first one could not see. An outcome that is not known is looked up
    by running again where the request has a key, and told as such otherwise.

    Args:
        seconds: The deadline, for what no request waits for.
    """

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with deadline.within(seconds):
            attempt = 0
            unknown: OutcomeUnknown | None = None
            while True:
                attempt += 1
                try:
                    return method(*args, **kwargs)
                except Duplicate as exc:
                    if attempt > 2 or deadline.left(0) <= 0:
                        raise
                    why: CoachHubError = exc
                except OutcomeUnknown as exc:
                    if not exc.is_settled_by_key or deadline.left(0) <= 0:
                        raise
                    why = unknown = exc
                except Unavailable as exc:
                    if not isinstance(exc, Contended) or deadline.left(0) <= 0:
                        if unknown is not None:
                            raise unknown from exc  # what this run says is not true of the one before
                        raise
                    why = exc
                log.debug("running %s again after %s", method.__qualname__, why)
                time.sleep(_jitter.uniform(0.001, min(0.05, 0.002 * 2**attempt)))

    return run


@attrs.frozen(kw_only=True)
class Context:
    """What every service is given: the storage's units, time, ids, settings and words."""

    storage: Storage
    clock: Clock
    new_id: NewId
    settings: Settings
    vocabulary: Vocabulary

    def read(self) -> UnitOfWork:
        """Return a unit that only reads."""
        return self.storage.begin(read_only=True)

    def read_lagging(self, read: Callable[[UnitOfWork], R]) -> R:
        """
        Return what *read* finds in a unit that a replica may answer.

        For analytics and exports, never for what somebody may just have written, nor for what a copy is made of.
        Where the replica breaks in the middle, is late, or does not know yet what is asked for, *read* is called
        once more, in a unit of the database itself and in what is left of the same time.
        """
        with nullcontext() if deadline.is_set() else deadline.within(deadline.UNIT_SECONDS):
            lagging = self.storage.begin(read_only=True, may_lag=True)
            try:
                with lagging:
                    return read(lagging)
            except (Unavailable, NotFound) as exc:
                if not lagging.lags:
                    raise
                log.debug("asking the database itself after %s", exc)
            with self.read() as work:
                return read(work)

    @contextmanager
    def write(self, actor: Actor) -> Iterator[UnitOfWork]:
        """
        Begin a unit that writes, for an actor who may still act: a session that ended, or an account that
        was suspended or erased, since the request was let in writes nothing.

        Where *actor* carries an idempotency key, the key is claimed first and the
        answer given to ``commit`` is kept with it, in the same transaction.

        Raises:
            Unauthorized: If the actor's session or account is no longer good.
            Replayed: If the key was answered before.
            IdempotencyKeyReused: If it was used for another request.
        """
        with self.storage.begin() as work:
            now = self.clock()
            if not _may_act(work, actor, now):
                raise Unauthorized
            key = actor.key
            if key is not None:
                answered = work.idempotency.claim(
                    account_id=actor.account_id,
                    key=key.key,
                    operation=key.operation,
                    request_hash=key.request_hash,
                    now=now,
                    expires_at=now + KEY_LIVES,
                )
                if answered is not None:
                    if (answered.operation, answered.request_hash) != (key.operation, key.request_hash):
                        raise IdempotencyKeyReused(key=key.key)
                    raise Replayed(answered.view)

                def keep(answer: Any) -> None:
                    work.idempotency.answer(account_id=actor.account_id, key=key.key, view=wire.dumps(answer))

                work.before_commit.append(keep)
            try:
                yield work
            except OutcomeUnknown as exc:
                exc.is_settled_by_key = key is not None
                raise


def _may_act(work: UnitOfWork, actor: Actor, now: datetime) -> bool:
    """Read again, where it is written, what let the actor in."""
    if actor.role == "system":
        return True
    if actor.session_id is None:  # a program that embeds CoachHub and knows who it serves
        account = work.accounts.find(actor.account_id)
        return account is not None and account.status == "active"
    found = work.sessions.find_with_account(actor.session_id)
    return found is not None and found.account.status == "active" and found.session.is_good(now)
