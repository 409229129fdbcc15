"""What demo people say to each other: collected while the play runs, written at its end in one go."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.chat import Message
from coachhub_core.domain.notifications import Notification
from coachhub_demo.play import Play
from coachhub_demo.population import COACH_EMAIL, CoachPerson, TraineePerson
from coachhub_demo.stage import Stage
from coachhub_demo.texts import CLOSERS, TALKS, WAITING, pick_language

_WAITS: Final = 0.12  # of the running talks end with a question that nobody has answered
_BATCH: Final = 40


@attrs.define(kw_only=True)
class _Talk:
    """One conversation and what was said in it: (when, who, what)."""

    conversation_id: UUID
    trainee_id: UUID
    coach_id: UUID
    said: list[tuple[datetime, UUID, str]] = attrs.Factory(list)
    until: datetime | None = None
    waits: bool = False


class Talks:
    """Conversations of the play."""

    def __init__(self, stage: Stage, play: Play, chance: random.Random) -> None:
        self._stage = stage
        self._play = play
        self._chance = chance
        self._talks: dict[UUID, _Talk] = {}

    def begin(self, trainee: TraineePerson, coach: CoachPerson, conversation_id: UUID | None) -> None:
        """Let the two talk from now on, in a language both have."""
        if conversation_id is None or trainee.account_id is None or coach.account_id is None:
            return
        shared = [language for language in trainee.languages if language in coach.languages] or ["en"]
        choices = list(TALKS[pick_language(TALKS, *shared)])
        first, rest = choices[0], choices[1:]
        self._chance.shuffle(rest)
        talk = _Talk(conversation_id=conversation_id, trainee_id=trainee.account_id, coach_id=coach.account_id)
        at = self._stage.clock.now + timedelta(hours=self._chance.uniform(0.3, 4))
        given = trainee.name.split()[-1 if trainee.language == "ja" else 0]
        closers = CLOSERS[pick_language(CLOSERS, *shared)]
        for dialogue in (first, *rest):
            for who, text in (*dialogue, ("c", self._chance.choice(closers))):
                sender = talk.coach_id if who == "c" else talk.trainee_id
                talk.said.append((at, sender, text.format(trainee=given)))
                at += timedelta(minutes=self._chance.choice((2, 7, 40, 300, 1_500)) * self._chance.uniform(0.5, 1.5))
            at += timedelta(days=self._chance.uniform(3, 12))
        end = self._play.end
        if trainee.is_kept_waiting or (coach.email != COACH_EMAIL and self._chance.random() < _WAITS):
            asked = end - timedelta(hours=self._chance.uniform(50, 100))
            texts = WAITING[pick_language(WAITING, *shared)]
            if asked > self._stage.clock.now:
                talk.said = [line for line in talk.said if line[0] < asked]
                talk.said.append((asked, talk.trainee_id, self._chance.choice(texts)))
                talk.waits = True
        self._talks[conversation_id] = talk

    def end(self, conversation_id: UUID | None, at: datetime) -> None:
        """Let them fall silent: the match is over."""
        if conversation_id in self._talks:
            self._talks[conversation_id].until = at

    def write(self) -> int:
        """Write everything said before the end; return how many messages."""
        batch: list[Message] = []
        last: dict[UUID, int] = {}
        n = 0
        for talk in self._talks.values():
            messages = self._messages(talk)
            if not messages:
                continue
            batch += messages
            last[talk.conversation_id] = len(messages)
            n += len(messages)
            if len(last) == _BATCH:
                self._stage.work.messages.append(batch, last)
                batch, last = [], {}
        self._stage.work.messages.append(batch, last)
        self._read()
        return n

    def _messages(self, talk: _Talk) -> list[Message]:
        until = min(talk.until or self._play.end, self._play.end)
        said = [line for line in talk.said if line[0] < until]
        talk.said = said
        return [
            Message(
                conversation_id=talk.conversation_id,
                seq=seq,
                sender_id=sender,
                client_id=UUID(int=self._chance.getrandbits(128), version=4),
                body=body,
                created_at=at,
            )
            for seq, (at, sender, body) in enumerate(said, 1)
        ]

    def _read(self) -> None:
        """Move the read marks: up to one's own last word at least; who has not read is told so in the inbox."""
        marks: dict[tuple[UUID, UUID], int] = {}
        for talk in self._talks.values():
            for account_id in (talk.trainee_id, talk.coach_id):
                own = max((seq for seq, line in enumerate(talk.said, 1) if line[1] == account_id), default=0)
                is_late = (talk.waits and account_id == talk.coach_id) or self._chance.random() < 0.15
                read = own if is_late else len(talk.said)
                if read:
                    marks[(talk.conversation_id, account_id)] = read
                if read < len(talk.said):
                    self._tell(talk, account_id, read + 1)
        self._stage.work.conversations.mark_read(marks)

    def _tell(self, talk: _Talk, account_id: UUID, seq: int) -> None:
        at = talk.said[seq - 1][0]
        self._stage.clock.now = at
        self._stage.work.notifications.add(
            Notification(
                id=self._stage.new_id(),
                account_id=account_id,
                type="message",
                payload={"conversation_id": str(talk.conversation_id)},
                dedupe_key=f"message:{talk.conversation_id}:{seq}:{account_id}",
                created_at=at,
            )
        )
        self._stage.clock.now = self._play.end
