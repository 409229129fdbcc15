"""The room *chat* over REST: the same rows as the chat server, for whoever polls."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.chat import (
    ConversationPage,
    DeleteMessage,
    EditMessage,
    HistoryView,
    MarkRead,
    MessageView,
    PostMessage,
    ReadHistory,
    ReadMarkView,
)
from coachhub_core.errors import ClientIdConflict, ConversationReadOnly, Forbidden, NotFound
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, render
from coachhub_http.operations import operation
from coachhub_http.services import Services

_CHANGES = (NotFound, Forbidden, ConversationReadOnly, ClientIdConflict)


class Chat:
    """``/api/conversations``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._chat = services.hub.chat

    @operation(summary="List one's conversations", who="party", answer=ConversationPage)
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /conversations."""
        page = await self._services.call(self._chat.conversations, req)
        render(req, resp, page)

    @operation(
        summary="Read a slice of a conversation",
        who="party",
        query=ReadHistory,
        answer=HistoryView,
        errors=(NotFound,),
    )
    async def on_get_messages(self, req: Request, resp: Response, conversation_id: UUID) -> None:
        """GET /conversations/{conversation_id}/messages."""
        query = parse_query(req, ReadHistory, conversation_id=conversation_id)
        history = await self._services.call(self._chat.history, req, query)
        render(req, resp, history)

    @operation(
        summary="Say something; client_id makes repeating harmless for ever",
        who="party",
        command=PostMessage,
        answer=MessageView,
        status=201,
        errors=(NotFound, ConversationReadOnly, ClientIdConflict),
        keys="never",
    )
    async def on_post_messages(self, req: Request, resp: Response, conversation_id: UUID) -> None:
        """POST /conversations/{conversation_id}/messages."""
        command = await parse(req, PostMessage, conversation_id=conversation_id)
        message = await self._services.call(self._chat.post, req, command)
        render(req, resp, message)

    @operation(
        summary="Say a message of one's own in other words; answers with the edit, which has a seq of its own",
        who="sender",
        command=EditMessage,
        answer=MessageView,
        errors=_CHANGES,
    )
    async def on_patch_message(self, req: Request, resp: Response, conversation_id: UUID, seq: int) -> None:
        """PATCH /conversations/{conversation_id}/messages/{seq}."""
        command = await parse(req, EditMessage, conversation_id=conversation_id, seq=seq)
        edit = await self._services.call(self._chat.edit, req, command)
        render(req, resp, edit)

    @operation(
        summary="Take a message of one's own back; answers with the deletion, which has a seq of its own",
        who="sender",
        query=DeleteMessage,
        answer=MessageView,
        errors=_CHANGES,
    )
    async def on_delete_message(self, req: Request, resp: Response, conversation_id: UUID, seq: int) -> None:
        """DELETE /conversations/{conversation_id}/messages/{seq}."""
        command = parse_query(req, DeleteMessage, conversation_id=conversation_id, seq=seq)
        deletion = await self._services.call(self._chat.delete, req, command)
        render(req, resp, deletion)

    @operation(
        summary="Move one's read mark forwards",
        who="party",
        command=MarkRead,
        answer=ReadMarkView,
        errors=(NotFound,),
    )
    async def on_put_read(self, req: Request, resp: Response, conversation_id: UUID) -> None:
        """PUT /conversations/{conversation_id}/read."""
        command = await parse(req, MarkRead, conversation_id=conversation_id)
        mark = await self._services.call(self._chat.mark_read, req, command)
        render(req, resp, mark)
