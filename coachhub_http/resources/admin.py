"""What administrators do over REST: accounts, the audit, backups, the index, plugins."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.accounts import AccountView, Suspend
from coachhub_core.domain.admin import AccountPage, AuditPage, ListAccounts, ListAudit, PluginPage, Reindexed
from coachhub_core.domain.backups import BackupPage, BackupView, CreateBackup, ListBackups
from coachhub_core.errors import AccountIllegalTransition, BackupError, Busy, Forbidden, NotFound
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, read_nothing, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class Admin:
    """``/api/admin``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._admin = services.hub.admin
        self._backups = services.hub.backups

    @operation(summary="List accounts", who="admin", query=ListAccounts, answer=AccountPage, errors=(Forbidden,))
    async def on_get_accounts(self, req: Request, resp: Response) -> None:
        """GET /admin/accounts."""
        query = parse_query(req, ListAccounts)
        page = await self._services.call(self._admin.accounts, req, query)
        render(req, resp, page)

    @operation(
        summary="Suspend an account: sessions and sockets end at once",
        who="admin",
        command=Suspend,
        answer=AccountView,
        errors=(Forbidden, NotFound, AccountIllegalTransition),
    )
    async def on_post_suspend(self, req: Request, resp: Response, account_id: UUID) -> None:
        """POST /admin/accounts/{account_id}/suspend."""
        command = await parse(req, Suspend, account_id=account_id)
        account = await self._services.call(self._admin.suspend, req, command)
        render(req, resp, account)

    @operation(
        summary="Let a suspended account log in again",
        who="admin",
        answer=AccountView,
        errors=(Forbidden, NotFound, AccountIllegalTransition),
    )
    async def on_post_reinstate(self, req: Request, resp: Response, account_id: UUID) -> None:
        """POST /admin/accounts/{account_id}/reinstate."""
        await read_nothing(req)
        account = await self._services.call(self._admin.reinstate, req, account_id)
        render(req, resp, account)

    @operation(summary="Read the audit", who="admin", query=ListAudit, answer=AuditPage, errors=(Forbidden,))
    async def on_get_audit(self, req: Request, resp: Response) -> None:
        """GET /admin/audit."""
        query = parse_query(req, ListAudit)
        page = await self._services.call(self._admin.audit, req, query)
        render(req, resp, page)

    @operation(
        summary="Make a backup",
        who="admin",
        command=CreateBackup,
        answer=BackupView,
        status=201,
        errors=(Forbidden, Busy, BackupError),
        keys="never",
    )
    async def on_post_backups(self, req: Request, resp: Response) -> None:
        """POST /admin/backups."""
        command = await parse(req, CreateBackup)
        backup = await self._services.call(self._backups.create, req, command)
        render(req, resp, backup)

    @operation(summary="List backups", who="admin", query=ListBackups, answer=BackupPage, errors=(Forbidden,))
    async def on_get_backups(self, req: Request, resp: Response) -> None:
        """GET /admin/backups."""
        query = parse_query(req, ListBackups)
        page = await self._services.call(self._backups.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Read a backup back, member by member",
        who="admin",
        answer=BackupView,
        errors=(Forbidden, NotFound, BackupError),
        keys="never",
    )
    async def on_post_verify(self, req: Request, resp: Response, backup_id: UUID) -> None:
        """POST /admin/backups/{backup_id}/verify."""
        await read_nothing(req)
        backup = await self._services.call(self._backups.verify, req, backup_id)
        render(req, resp, backup)

    @operation(
        summary="Write every coach into the index anew",
        who="admin",
        answer=Reindexed,
        errors=(Forbidden, Busy),
        keys="never",
    )
    async def on_post_reindex(self, req: Request, resp: Response) -> None:
        """POST /admin/search/reindex."""
        await read_nothing(req)
        done = await self._services.call(self._admin.reindex, req)
        render(req, resp, done)

    @operation(summary="List plugins and engines", who="admin", answer=PluginPage, errors=(Forbidden,))
    async def on_get_plugins(self, req: Request, resp: Response) -> None:
        """GET /admin/plugins."""
        page = await self._services.call(self._admin.plugins, req)
        render(req, resp, page)
