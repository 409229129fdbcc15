"""Who talks with whom, as far as this process has heard: to these presence may be told, and to nobody else."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from coachhub_ws import frames
from coachhub_ws.streams import Hearer, Stream


class Company:
    """
    The members of all streams, both ways, and who asked after whom.

    Only an open conversation tells of presence: who has parted is not watched.
    """

    def __init__(self) -> None:
        self._streams_of: dict[UUID, set[Stream]] = {}
        self._asked: dict[Hearer, frozenset[UUID]] = {}
        self._askers: dict[UUID, set[Hearer]] = {}

    # ── members ──

    def met(self, stream: Stream, account_ids: Collection[UUID]) -> None:
        """
        Take note of members, as somebody read them.

        Where the sweep has looked who is one, it looks again before anybody else is believed to be: what was read
        may be older, and whoever was parted with meanwhile would be back.
        """
        if not stream.members_version:
            self._add(stream, account_ids)
        elif not stream.members.issuperset(account_ids):
            stream.members_version = 0

    def now(self, stream: Stream, account_ids: Collection[UUID]) -> None:
        """Take note of who is a member now, and nobody else is."""
        self.dropped(stream)
        self._add(stream, account_ids)

    def _add(self, stream: Stream, account_ids: Collection[UUID]) -> None:
        for account_id in account_ids:
            stream.members.add(account_id)
            self._streams_of.setdefault(account_id, set()).add(stream)

    def dropped(self, stream: Stream) -> None:
        """Forget a stream of which nobody here hears any more."""
        for account_id in stream.members:
            found = self._streams_of.get(account_id, set())
            found.discard(stream)
            if not found:
                self._streams_of.pop(account_id, None)
        stream.members.clear()

    def _of(self, account_id: UUID) -> set[UUID]:
        """Return with whom an account shares an open conversation, itself among them."""
        streams = self._streams_of.get(account_id, ())
        return {account_id}.union(*(stream.members for stream in streams if stream.state == "open"))

    # ── presence ──

    def ask(self, hearer: Hearer, account_ids: Collection[UUID]) -> set[UUID]:
        """Let a connection hear of these from now on, and of no other it asked after; return whose it may know."""
        self.forget(hearer)
        known = self._of(hearer.account_id).intersection(account_ids)
        if known:
            self._asked[hearer] = frozenset(known)
            for account_id in known:
                self._askers.setdefault(account_id, set()).add(hearer)
        return known

    def forget(self, hearer: Hearer) -> None:
        """Forget after whom a connection asked."""
        for account_id in self._asked.pop(hearer, ()):
            askers = self._askers[account_id]
            askers.discard(hearer)
            if not askers:
                del self._askers[account_id]

    def present(self, account_id: UUID, is_online: bool) -> None:
        """Tell listeners of an account's open conversations, and who asked, that it came or went; each once."""
        told = {"account_id": account_id, "state": "online" if is_online else "offline"}
        frame = frames.framed(frames.push("presence", told))
        streams = [stream for stream in self._streams_of.get(account_id, ()) if stream.state == "open"]
        hearers = set[Hearer]().union(*(stream.settled for stream in streams))
        known = self._of(account_id)  # sharing a conversation goes both ways
        hearers.update(hearer for hearer in self._askers.get(account_id, ()) if hearer.account_id in known)
        for hearer in hearers:
            if hearer.account_id != account_id:
                hearer.push(frame, is_hint=True)
