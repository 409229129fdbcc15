"""
What the protocol wants done, and what it is told afterwards.

An effect is a value: the protocol decides, whoever holds the socket performs.
``Persist`` and ``Load`` are answered later, by ``persisted`` and ``loaded``.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import ConversationView, JoinedView, MarkRead, ReadHistory
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.security import Claims

# ── what is asked of the readers ────────────────────────────────────────────


@attrs.frozen
class Authenticate:
    """Is the session of these claims good, and which conversations has the account?"""

    claims: Claims


@attrs.frozen
class Sync:
    """Where do these conversations stand, and what came after each ``seq``? ``join_chat`` asks for one."""

    after: Mapping[UUID, int | None]
    is_join: bool = False


Query = Authenticate | Sync | ReadHistory


@attrs.frozen
class Admitted:
    """The answer to :class:`Authenticate`."""

    actor: Actor
    conversations: tuple[ConversationView, ...]


# ── effects ─────────────────────────────────────────────────────────────────


@attrs.frozen
class Send:
    """Write this envelope to this connection."""

    payload: bytes


@attrs.frozen(eq=False)
class Persist:
    """Put this into the committer's queue; the answer goes to ``persisted``."""

    request_id: str
    command: SendCommand | MarkRead


@attrs.frozen(eq=False)
class Load:
    """
    Ask a reader; the answer goes to ``loaded``.

    Where it is a :class:`Sync`, the connection is a listener of each of its
    conversations from the moment this is performed, before anything is read:
    what happens meanwhile waits for the answer.
    """

    request_id: str | None
    query: Query


@attrs.frozen
class Listen:
    """The snapshot has been sent: let what waited since *load* follow it."""

    load: Load
    joined: JoinedView


@attrs.frozen
class Unlisten:
    """Joining failed: forget what waited since *load*."""

    load: Load
    conversation_id: UUID


@attrs.frozen
class Leave:
    """This connection no longer listens."""

    conversation_id: UUID


@attrs.frozen
class Tell:
    """Let the other listeners see that somebody types, or no longer does."""

    conversation_id: UUID
    is_on: bool


@attrs.frozen
class Ask:
    """Who of these is here, from now on? Answered at once, by ``presence``: nothing has to be read for it."""

    request_id: str
    account_ids: tuple[UUID, ...]


@attrs.frozen
class Admit:
    """This connection is *claims*' now; *conversations* are None when a token was only renewed."""

    claims: Claims
    conversations: tuple[ConversationView, ...] | None


@attrs.frozen
class Close:
    """Close this connection; nothing follows."""

    code: int
    reason: str


Effect = Send | Persist | Load | Listen | Unlisten | Leave | Tell | Ask | Admit | Close
