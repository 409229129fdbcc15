"""The room *accounts* over REST: register, log in, stay logged in, change, end."""

from __future__ import annotations

from uuid import UUID

import attrs
from falcon.asgi import Response

from coachhub_core.domain.accounts import (
    AccountView,
    ChangeAccount,
    ChangePassword,
    Login,
    Refresh,
    Register,
    SessionView,
    SignedIn,
)
from coachhub_core.errors import BadCredentials, EmailTaken, PasswordWeak, TokenExpired, TokenReused, Unauthorized
from coachhub_http.context import Request
from coachhub_http.media import parse, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


@attrs.frozen(kw_only=True)
class SessionPage:
    """All of one's sessions, newest first: they are few."""

    items: tuple[SessionView, ...]
    next: str | None = None
    prev: str | None = None


class Accounts:
    """``/api/auth/…`` and ``/api/accounts/me``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._accounts = services.hub.accounts

    # ── /auth ──

    @operation(
        summary="Make an account and log it in",
        who="anyone",
        command=Register,
        answer=SignedIn,
        status=201,
        errors=(EmailTaken, PasswordWeak),
        hashes=True,
    )
    async def on_post_register(self, req: Request, resp: Response) -> None:
        """POST /auth/register."""
        command = await parse(req, Register)
        signed_in = await self._services.call_openly(self._accounts.register, req, command, source=req.context.source)
        render(req, resp, signed_in)

    @operation(
        summary="Log in with address and password",
        who="anyone",
        command=Login,
        answer=SignedIn,
        errors=(BadCredentials,),
        hashes=True,
    )
    async def on_post_login(self, req: Request, resp: Response) -> None:
        """POST /auth/login."""
        command = await parse(req, Login)
        signed_in = await self._services.call_openly(self._accounts.login, req, command, source=req.context.source)
        render(req, resp, signed_in)

    @operation(
        summary="Change a refresh token for a new pair; each is good once",
        who="anyone",
        command=Refresh,
        answer=SignedIn,
        errors=(Unauthorized, TokenReused, TokenExpired),
    )
    async def on_post_refresh(self, req: Request, resp: Response) -> None:
        """POST /auth/refresh."""
        command = await parse(req, Refresh)
        signed_in = await self._services.call_openly(self._accounts.refresh, req, command)
        render(req, resp, signed_in)

    @operation(summary="End this session", who="self", status=204, keys="never")
    async def on_post_logout(self, req: Request, resp: Response) -> None:
        """POST /auth/logout."""
        await self._services.call(self._accounts.logout, req)
        render(req, resp, None)

    @operation(summary="List one's own sessions", who="self", answer=SessionPage)
    async def on_get_sessions(self, req: Request, resp: Response) -> None:
        """GET /auth/sessions."""
        sessions = await self._services.call(self._accounts.sessions, req)
        render(req, resp, SessionPage(items=sessions))

    @operation(summary="End one of one's own sessions", who="self", status=204)
    async def on_delete_session(self, req: Request, resp: Response, session_id: UUID) -> None:
        """DELETE /auth/sessions/{session_id}."""
        await self._services.call(self._accounts.end_session, req, session_id)
        render(req, resp, None)

    @operation(
        summary="Set a new password; every other session ends",
        who="self",
        command=ChangePassword,
        status=204,
        errors=(BadCredentials, PasswordWeak),
        keys="never",
        hashes=True,
    )
    async def on_post_password(self, req: Request, resp: Response) -> None:
        """POST /auth/password."""
        command = await parse(req, ChangePassword)
        await self._services.call(self._accounts.change_password, req, command)
        render(req, resp, None)

    # ── /accounts ──

    @operation(summary="Read one's own account", who="self", answer=AccountView)
    async def on_get_me(self, req: Request, resp: Response) -> None:
        """GET /accounts/me."""
        account = await self._services.call(self._accounts.me, req)
        render(req, resp, account)

    @operation(
        summary="Change one's own account; absent members stay",
        who="self",
        command=ChangeAccount,
        answer=AccountView,
        if_match=True,
    )
    async def on_patch_me(self, req: Request, resp: Response) -> None:
        """PATCH /accounts/me."""
        command = await parse(req, ChangeAccount)
        account = await self._services.call(self._accounts.change, req, command)
        render(req, resp, account)
