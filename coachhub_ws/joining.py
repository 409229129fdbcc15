"""The conversations of one connection: which it has joined or is joining, and in which it types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from coachhub_core.domain.chat import ConversationState, JoinedView
from coachhub_core.errors import ConversationReadOnly, NotFound, RateLimited, TooLarge
from coachhub_ws.answers import TYPING_EVERY_SECONDS
from coachhub_ws.effects import Effect, Listen, Load, Unlisten
from coachhub_ws.limits import Monotonic


class Joining:
    """
    Takes note of joining, leaving and typing.

    Args:
        limit: How many conversations one connection may join.
    """

    def __init__(self, limit: int, monotonic: Monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._wanted: dict[UUID, Load] = {}
        self._joined: dict[UUID, ConversationState] = {}
        self._typed_at: dict[UUID, float] = {}
        self._is_typing: set[UUID] = set()

    def allow(self, ids: Collection[UUID]) -> None:
        """
        Let these be joined.

        Raises:
            TooLarge: If that is too many for one connection.
        """
        if len(self._wanted.keys() | ids) > self._limit:
            raise TooLarge(what="one connection", limit=self._limit, unit="joined conversations")

    def begin(self, ids: Collection[UUID], load: Load) -> None:
        """Take note that *load* will tell where these stand."""
        self._wanted.update(dict.fromkeys(ids, load))

    def end(self, load: Load, found: Mapping[UUID, JoinedView | Exception]) -> list[Effect]:
        """Hear what became of each, and return who listens from now on and who does not."""
        effects: list[Effect] = []
        for id, joined in found.items():
            is_latest = self._wanted.get(id) is load
            if not isinstance(joined, Exception):
                effects.append(Listen(load, joined))
                if id in self._wanted:  # else it was left before the answer came
                    self._joined[id] = joined.state
            else:
                effects.append(Unlisten(load, id))
                if is_latest and (isinstance(joined, NotFound) or id not in self._joined):
                    self.left(id)
        return effects

    def types(self, id: UUID, *, is_on: bool) -> bool:
        """
        Take note that somebody types, or no longer does; return whether the others are to know.

        Raises:
            NotFound: If the conversation was not joined.
            ConversationReadOnly: If nothing can be said in it.
            RateLimited: If it was said a moment ago.
        """
        state = self._joined.get(id)
        if state is None:
            raise NotFound(kind="joined conversation", id=id)
        if state != "open":
            raise ConversationReadOnly(conversation_id=id, state=state)
        if not is_on:
            is_news = id in self._is_typing
            self._is_typing.discard(id)
            return is_news
        now = self._monotonic()
        wait = self._typed_at.get(id, -TYPING_EVERY_SECONDS) + TYPING_EVERY_SECONDS - now
        if wait > 0:
            raise RateLimited(retry_after_seconds=wait)
        self._typed_at[id] = now
        self._is_typing.add(id)
        return True

    def changed(self, id: UUID, state: ConversationState) -> None:
        """Take note that a conversation was opened or closed."""
        if id in self._joined:
            self._joined[id] = state

    def left(self, id: UUID) -> None:
        """Take note that this connection listens no longer."""
        self._wanted.pop(id, None)
        self._joined.pop(id, None)
        self._typed_at.pop(id, None)
        self._is_typing.discard(id)
