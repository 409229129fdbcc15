"""
One connection's state machine: a frame in, effects out.

No socket, no event loop, no wait: everything it needs is handed in, and what
takes time is asked for as an effect and answered later. Each request gets
exactly one reply, also when the client sent nonsense.

A connection is new, authenticating, open, and at last closed. Reading pauses
(:attr:`ChatProtocol.is_full`) while its token is being checked and while as
many requests as are allowed wait for the database, so TCP holds the client back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from coachhub_core.clock import Clock
from coachhub_core.config import Chat
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import (
    ConversationState,
    DeleteMessage,
    EditMessage,
    JoinedView,
    MarkRead,
    Posted,
    PostMessage,
    ReadHistory,
)
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.errors import (
    Invalid,
    NotFound,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthorized,
)
from coachhub_core.security import Claims
from coachhub_ws import answers, frames
from coachhub_ws.admission import Admission
from coachhub_ws.answers import FRAME_MAX
from coachhub_ws.codes import (
    BAD_ENVELOPE,
    BINARY,
    FLOOD,
    NOT_AUTHENTICATED,
    NOT_TEXT,
    TOO_BIG,
)
from coachhub_ws.effects import (
    Admitted,
    Ask,
    Authenticate,
    Close,
    Effect,
    Leave,
    Load,
    Persist,
    Send,
    Sync,
    Tell,
)
from coachhub_ws.envelope import (
    Auth,
    Envelope,
    JoinChat,
    LeaveChat,
    Ping,
    Presence,
    SendMessage,
    Typing,
    UnknownType,
    Unreadable,
    in_frame,
    read,
    structure,
    structure_sync,
)
from coachhub_ws.joining import Joining
from coachhub_ws.limits import Bucket, Monotonic

UNAUTHENTICATED_MAX: Final = 4 * 1024
BAD_ENVELOPES: Final = 5


class ChatProtocol:
    """
    Decides for one connection.

    Args:
        verify: Returns what a genuine token says; raises Unauthorized.
        take_send: Counts a message of an account; returns the seconds to wait, 0 if it may be sent.
        is_online: Returns whether an account has a connection anywhere.
        clock: The wall clock, for what is shown; *monotonic* counts.
    """

    def __init__(
        self,
        chat: Chat,
        *,
        connection_id: UUID,
        verify: Callable[[str], Claims],
        take_send: Callable[[UUID], float],
        is_online: Callable[[UUID], bool],
        clock: Clock,
        monotonic: Monotonic,
    ) -> None:
        self._chat = chat
        self._take_send = take_send
        self._is_online = is_online
        self._clock = clock
        self._monotonic = monotonic
        self._bucket = Bucket(chat.frames_per_second, monotonic())
        self._n_bad = 0
        self._joining = Joining(chat.joined_per_connection, monotonic)
        self._admission = Admission(chat, connection_id, verify, clock)
        self._parting: Close | None = None
        self.n_waiting = 0

    @property
    def is_open(self) -> bool:
        """Whether somebody has been admitted here."""
        return self._admission.state == "open"

    @property
    def is_full(self) -> bool:
        """Whether no further frame should be read for now."""
        return self._admission.state == "authenticating" or self.n_waiting >= self._chat.waiting_per_connection

    @property
    def is_new(self) -> bool:
        """Whether no token has been shown yet."""
        return self._admission.state == "new"

    @property
    def claims(self) -> Claims | None:
        """What the token says by which somebody is here."""
        return self._admission.claims

    @property
    def has_actor(self) -> bool:
        """Whether somebody was ever admitted here."""
        return self._admission.actor is not None

    @property
    def actor(self) -> Actor:
        """Who acts here, once admitted."""
        if self._admission.actor is None:
            raise Unauthorized
        return self._admission.actor

    # ── in ──

    def admit(
        self, token: str | None = None, *, admitted: Admitted | None = None, claims: Claims | None = None
    ) -> list[Effect]:
        """Begin with what came in a header: a token to be checked, or somebody whom the upgrade has checked."""
        if admitted is not None and claims is not None:
            return self._admission.hear(None, self._admission.begin(claims), admitted)
        return self._authenticate(None, token or "")

    def receive(self, frame: str | bytes) -> list[Effect]:
        """Take one message from the client; never raises, whatever it is."""
        if self._admission.state == "closed" or self._parting is not None:
            return []
        if isinstance(frame, bytes):
            return [self._close(BINARY, "text frames only")]
        try:
            raw = frame.encode()
        except UnicodeEncodeError:
            return [self._close(NOT_TEXT, "not UTF-8")]
        limit = FRAME_MAX if self.is_open else UNAUTHENTICATED_MAX
        if len(raw) > limit:
            refusal = TooLarge(what="a frame" if self.is_open else "a frame before auth", limit=limit)
            return [Send(frames.error(None, refusal)), self._close(TOO_BIG, "frame too big")]
        verdict = self._bucket.take(self._monotonic())
        if verdict == "flood":
            return [self._close(FLOOD, "too many frames")]
        envelope = read(raw)
        if isinstance(envelope, Unreadable):
            return self._bad(envelope)
        if verdict == "over":
            refused = RateLimited(retry_after_seconds=self._bucket.wait_seconds)
            return [Send(frames.error(envelope.id, refused))]
        try:
            return self._request(envelope)
        except Refusal as exc:
            return [Send(frames.error(envelope.id, exc))]

    def _bad(self, unreadable: Unreadable) -> list[Effect]:
        self._n_bad += 1
        effects: list[Effect] = [Send(frames.error(unreadable.id, unreadable.refusal))]
        if self._n_bad >= BAD_ENVELOPES:
            effects.append(self._close(BAD_ENVELOPE, "five bad envelopes"))
        return effects

    def _request(self, envelope: Envelope) -> list[Effect]:
        handle = REQUESTS.get(envelope.type)
        if self._admission.state != "open" and envelope.type != "auth":
            refusal = frames.error(envelope.id, Unauthorized())
            return [Send(refusal), self._close(NOT_AUTHENTICATED, "authenticate first")]
        if handle is None:
            raise UnknownType.named(tuple(REQUESTS))
        return handle(self, envelope)

    # ── requests ──

    def _auth(self, envelope: Envelope) -> list[Effect]:
        return self._authenticate(envelope.id, structure(Auth, envelope.data).token)

    def _authenticate(self, request_id: str | None, token: str) -> list[Effect]:
        shown = self._admission.show(request_id, token)
        return self._load(request_id, shown) if isinstance(shown, Authenticate) else shown

    def _join(self, envelope: Envelope) -> list[Effect]:
        command = structure(JoinChat, envelope.data)
        return self._listen_to(envelope.id, Sync({command.conversation_id: command.after_seq}, is_join=True))

    def _sync(self, envelope: Envelope) -> list[Effect]:
        return self._listen_to(envelope.id, Sync({**structure_sync(envelope.data)}))

    def _listen_to(self, request_id: str, query: Sync) -> list[Effect]:
        self._joining.allow(query.after.keys())
        effects = self._load(request_id, query)
        (load,) = (effect for effect in effects if isinstance(effect, Load))
        self._joining.begin(query.after.keys(), load)
        return effects

    def _leave(self, envelope: Envelope) -> list[Effect]:
        id = structure(LeaveChat, envelope.data).conversation_id
        self.left(id)
        return [Leave(id), Send(frames.reply("ack", envelope.id))]

    def _send(self, envelope: Envelope) -> list[Effect]:
        return self._write(envelope, structure(SendMessage, envelope.data).command())

    def _edit(self, envelope: Envelope) -> list[Effect]:
        return self._write(envelope, structure(EditMessage, envelope.data))

    def _delete(self, envelope: Envelope) -> list[Effect]:
        return self._write(envelope, structure(DeleteMessage, envelope.data))

    def _write(self, envelope: Envelope, command: PostMessage | EditMessage | DeleteMessage) -> list[Effect]:
        account_id = self.actor.account_id
        if (wait := self._take_send(account_id)) > 0:
            raise RateLimited(retry_after_seconds=wait)
        self.n_waiting += 1
        return [Persist(envelope.id, SendCommand(sender_id=account_id, command=command))]

    def _read(self, envelope: Envelope) -> list[Effect]:
        command = structure(MarkRead, envelope.data)
        self.n_waiting += 1
        return [Persist(envelope.id, command)]

    def _history(self, envelope: Envelope) -> list[Effect]:
        return self._load(envelope.id, structure(ReadHistory, envelope.data))

    def _type(self, envelope: Envelope) -> list[Effect]:
        command = structure(Typing, envelope.data)
        is_news = self._joining.types(command.conversation_id, is_on=command.on)
        ack = Send(frames.reply("ack", envelope.id))
        return [ack, Tell(command.conversation_id, is_on=command.on)] if is_news else [ack]

    def _ask_presence(self, envelope: Envelope) -> list[Effect]:
        command = structure(Presence, envelope.data)
        return [Ask(envelope.id, command.account_ids)]

    def presence(self, ask: Ask, known: Mapping[UUID, bool]) -> list[Effect]:
        """Hear who of those asked for is here; who shares no conversation is not in *known*."""
        data = {
            str(id): ("online" if known[id] else "offline")
            if id in known
            else {"error": frames.problem(NotFound(kind="account", id=id))}
            for id in ask.account_ids
        }
        return [Send(frames.reply("ack", ask.request_id, data))]

    def _ping(self, envelope: Envelope) -> list[Effect]:
        structure(Ping, envelope.data)
        return [Send(frames.reply("pong", envelope.id, {"server_time": self._clock()}))]

    # ── answers from the store ──

    def _load(self, request_id: str | None, query: Authenticate | Sync | ReadHistory) -> list[Effect]:
        self.n_waiting += 1
        return [Load(request_id, query)]

    def persisted(self, persist: Persist, outcome: Posted | int | Exception) -> list[Effect]:
        """
        Hear what became of a :class:`Persist`.

        Args:
            outcome: What was stored, or where a read mark stands, or why not.
        """
        self.n_waiting -= 1
        if self._admission.state == "closed":
            return []
        if isinstance(outcome, Invalid):
            outcome = in_frame(outcome)
        if isinstance(outcome, Exception):
            return self._then_part([Send(frames.error(persist.request_id, outcome))])
        if isinstance(outcome, Posted):
            message = outcome.message
            data = {"seq": message.seq, "created_at": message.created_at, "duplicate": outcome.duplicate}
        else:
            data = {"seq": outcome}
        return self._then_part([Send(frames.reply("ack", persist.request_id, data))])

    def loaded(self, load: Load, result: Any) -> list[Effect]:
        """Hear what a reader found for a :class:`Load`: what the query promises, or an exception."""
        self.n_waiting -= 1
        return [] if self._admission.state == "closed" else self._then_part(self._found(load, result))

    def _then_part(self, effects: list[Effect]) -> list[Effect]:
        """Add the end to the last answer, where one was asked for."""
        if self._parting is None or self.n_waiting > 0:
            return effects
        return [*effects, *self.close(self._parting.code, self._parting.reason)]

    def _found(self, load: Load, result: Any) -> list[Effect]:
        query = load.query
        if isinstance(query, Authenticate):
            return self._admission.hear(load.request_id, query, result)
        if isinstance(query, Sync):
            return self._synced(load, query, result)
        if isinstance(result, Exception):
            return [Send(frames.error(load.request_id, result))]
        return [Send(frames.reply("ack", load.request_id, result))]

    def _synced(
        self, load: Load, query: Sync, result: Mapping[UUID, JoinedView | Exception] | Exception
    ) -> list[Effect]:
        found = dict.fromkeys(query.after, result) if isinstance(result, Exception) else result
        after = self._joining.end(load, found)
        if isinstance(result, Exception):
            return [*after, Send(frames.error(load.request_id, result))]
        if query.is_join:
            (joined,) = found.values()
            if isinstance(joined, Exception):
                return [*after, Send(frames.error(load.request_id, joined))]
            return [Send(frames.reply("ack", load.request_id, self._shown(joined))), *after]
        data = {
            str(id): {"error": frames.problem(joined)} if isinstance(joined, Exception) else self._shown(joined)
            for id, joined in found.items()
        }
        return [Send(frames.reply("ack", load.request_id, data)), *after]

    def _shown(self, view: JoinedView) -> dict[str, Any]:
        """Show a conversation to who joins it: who of the others is here, too, while anything can be said in it."""
        members = (UUID(id) for id in view.read) if view.state == "open" else ()
        online = [id for id in members if id != self.actor.account_id and self._is_online(id)]
        return answers.joined(view, online=online)

    # ── what happens by itself ──

    def changed(self, conversation_id: UUID, state: ConversationState) -> None:
        """Take note that a conversation was opened or closed."""
        self._joining.changed(conversation_id, state)

    def left(self, conversation_id: UUID) -> None:
        """Take note that this connection listens no longer."""
        self._joining.left(conversation_id)

    def expiring(self) -> list[Effect]:
        """Ask for a newer token, a minute before this one ends."""
        if self._admission.state != "open" or self.claims is None:
            return []
        return [Send(frames.push("token_expiring", {"expires_at": self.claims.expires_at}))]

    def draining(self, reconnect_in_ms: int) -> list[Effect]:
        """Ask the client to go elsewhere; sends are still taken."""
        if self._admission.state == "closed":
            return []
        return [Send(frames.push("draining", {"reconnect_in_ms": reconnect_in_ms}))]

    def close(self, code: int, reason: str) -> list[Effect]:
        """End it from our side: too slow, revoked, one too many, draining."""
        return [] if self._admission.state == "closed" else [self._close(code, reason)]

    def part(self, code: int, reason: str) -> list[Effect]:
        """End it once all that was asked is answered: what was stored is acknowledged; no more is taken."""
        if self.n_waiting == 0:
            return self.close(code, reason)
        self._parting = Close(code, reason)
        return []

    def _close(self, code: int, reason: str) -> Close:
        return self._admission.close(code, reason)


REQUESTS: Final[Mapping[str, Callable[[ChatProtocol, Envelope], list[Effect]]]] = {
    "auth": ChatProtocol._auth,
    "join_chat": ChatProtocol._join,
    "leave_chat": ChatProtocol._leave,
    "send_message": ChatProtocol._send,
    "edit_message": ChatProtocol._edit,
    "delete_message": ChatProtocol._delete,
    "history": ChatProtocol._history,
    "sync": ChatProtocol._sync,
    "read": ChatProtocol._read,
    "typing": ChatProtocol._type,
    "presence": ChatProtocol._ask_presence,
    "ping": ChatProtocol._ping,
}
"""Every request of this version, in the order in which it is shown to who asks for another."""
