"""From a resource to the services: the actor is resolved inside the same pool job that does the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from coachhub_core.domain.accounts import Actor
from coachhub_core.errors import Unauthorized, Unavailable
from coachhub_http.context import Context, Request
from coachhub_http.pool import Pool

if TYPE_CHECKING:
    from coachhub_core.bootstrap import CoachHub

T = TypeVar("T")


class Services:
    """
    What every resource is given: the hub, and the bounded way to it.

    Args:
        hub: The services.
        work: The pool for all that is not bcrypt.
        hashing: The pool for what is.
    """

    def __init__(self, hub: CoachHub, work: Pool, hashing: Pool) -> None:
        self.hub = hub
        self.pools = (work, hashing)

    async def call(self, method: Callable[..., T], req: Request, *arguments: Any, **named: Any) -> T:
        """
        Call ``method(actor, *arguments)`` on a thread and return its view.

        The session row and the account are read there, so no right outlives them.

        Raises:
            Unauthorized: If the token's session is over.
        """
        context = req.context
        return await self._pool(context).call(self._as_actor, context, method, arguments, named)

    async def call_openly(self, method: Callable[..., T], req: Request, *arguments: Any, **named: Any) -> T:
        """Call ``method(*arguments)`` on a thread: for what makes an actor, such as login."""
        return await self._pool(req.context).call(method, *arguments, **named)

    def may_get_copy(self, context: Context) -> bool:
        """Tell whether a public read may get a copy: not a coach's or an admin's, who may look at their own."""
        claims = context.claims
        return (claims is None or claims.role == "trainee") and not self.hub.settings.http.coaches_need_login

    def is_database_away(self) -> bool:
        """Tell whether the database is known to be away; never waits."""
        return self.hub.prober.is_down("database")

    def _pool(self, context: Context) -> Pool:
        return self.pools[context.operation is not None and context.operation.hashes]

    def _as_actor(
        self, context: Context, method: Callable[..., T], arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> T:
        return method(self._actor(context), *arguments, **named)

    def _actor(self, context: Context) -> Actor | None:
        """
        Return who asks.

        A public read with a token that is over, or that cannot be looked up
        because the database is away, is answered as without one.
        """
        if context.claims is None:
            return None
        try:
            actor: Actor = self.hub.accounts.authenticate(
                context.claims, key=context.key, request_id=context.request_id
            )
            return actor
        except (Unauthorized, Unavailable):
            if context.operation is not None and context.operation.is_open:
                return None
            raise
