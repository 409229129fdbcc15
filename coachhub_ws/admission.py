"""Whose connection it is: new, authenticating, open, and at last closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from uuid import UUID

from coachhub_core.clock import Clock
from coachhub_core.config import Chat
from coachhub_core.domain.accounts import Actor
from coachhub_core.errors import BadRequest, Forbidden, Overloaded, TokenExpired, Unauthorized, Unavailable
from coachhub_core.security import Claims
from coachhub_ws import answers, frames
from coachhub_ws.codes import EXPIRED, NOT_AUTHENTICATED, NOT_NOW, OUR_FAULT
from coachhub_ws.effects import Admit, Admitted, Authenticate, Close, Effect, Send


class Admission:
    """
    Checks tokens, the first and newer ones.

    Args:
        verify: Returns what a genuine token says; raises Unauthorized.
        clock: The wall clock, for what is shown.
    """

    def __init__(self, chat: Chat, connection_id: UUID, verify: Callable[[str], Claims], clock: Clock) -> None:
        self._chat = chat
        self._connection_id = connection_id
        self._verify = verify
        self._clock = clock
        self.state: Literal["new", "authenticating", "open", "closed"] = "new"
        self.actor: Actor | None = None
        self.claims: Claims | None = None

    def begin(self, claims: Claims) -> Authenticate:
        """Let a token that the upgrade has verified be looked up."""
        self.state = "authenticating"
        return Authenticate(claims)

    def show(self, request_id: str | None, token: str) -> Authenticate | list[Effect]:
        """
        Look at a token, and return what is to be asked of the store, or the refusal.

        Raises:
            Forbidden: If it is another account's.
            BadRequest: If one is being checked already.
        """
        if self.state == "authenticating":
            raise BadRequest(reason="a token is being checked already; wait for its answer")
        try:
            claims = self._verify(token)
        except Unauthorized as exc:
            return self._unauthorized(request_id, exc)
        if self.claims is not None and claims.account_id != self.claims.account_id:
            raise Forbidden(reason="this connection is another account's; open a new one")
        if self.state == "new":
            self.state = "authenticating"
        return Authenticate(claims)

    def hear(self, request_id: str | None, query: Authenticate, result: Admitted | Exception) -> list[Effect]:
        """Hear what the store says of a token's session."""
        if isinstance(result, Exception):
            return self._failed(request_id, result)
        is_renewal = self.state == "open"
        self.state, self.actor, self.claims = "open", result.actor, query.claims
        if is_renewal:
            data = {"expires_at": query.claims.expires_at}
            return [Admit(query.claims, None), Send(frames.reply("ack", request_id, data))]
        told = answers.welcome(self._chat, result, connection_id=self._connection_id, now=self._clock())
        return [Admit(query.claims, result.conversations), Send(frames.reply("welcome", request_id, told))]

    def _unauthorized(self, request_id: str | None, exc: Unauthorized) -> list[Effect]:
        effects: list[Effect] = [Send(frames.error(request_id, exc))]
        if self.state != "open":  # a renewal that fails costs nothing: the old token holds until its own end
            is_over = isinstance(exc, TokenExpired)
            code, reason = (EXPIRED, "token expired") if is_over else (NOT_AUTHENTICATED, "token refused")
            effects.append(self.close(code, reason))
        return effects

    def _failed(self, request_id: str | None, exc: Exception) -> list[Effect]:
        if isinstance(exc, Unauthorized):
            return self._unauthorized(request_id, exc)
        effects: list[Effect] = [Send(frames.error(request_id, exc))]
        if self.state != "open":
            is_away = isinstance(exc, Unavailable | Overloaded)
            code, reason = (NOT_NOW, "not ready") if is_away else (OUR_FAULT, "internal")
            effects.append(self.close(code, reason))
        return effects

    def close(self, code: int, reason: str) -> Close:
        """End it: nothing is taken or answered any more."""
        self.state = "closed"
        return Close(code, reason)
