"""Who is here: on one process and on several, with time and the bus in the test's hands, and over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import attrs
import pytest
from ws_parts import Door, Pair, a_pair, person, serving

import coachhub_sqlalchemy
from coachhub_core import wire
from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Auth, Engine, Limits, Settings
from coachhub_core.domain.matches import EndMatch
from coachhub_core.hookspecs import hookimpl
from coachhub_core.memory.broadcast import MemoryBroadcast
from coachhub_core.ports.offers import BroadcastOffer
from coachhub_ws.presence import GRACE_SECONDS, LEASE_SECONDS, PAYLOAD_IDS, Presence, PresenceHint

ME, OTHER = uuid4(), uuid4()


@attrs.define(eq=False)
class Nodes:
    """Processes on one bus, which may be cut."""

    now: float = 100.0
    is_cut: bool = False
    timers: list[tuple[float, Callable[[], None]]] = attrs.field(factory=list)
    members: list[Presence] = attrs.field(factory=list)
    told: dict[Presence, list[tuple[UUID, bool]]] = attrs.field(factory=dict)
    payloads: list[bytes] = attrs.field(factory=list)

    def one(self, *, has_bus: bool = True) -> Presence:
        """Start a process."""
        told: list[tuple[UUID, bool]] = []
        made = Presence(
            uuid4(),
            publish=self.publish if has_bus else None,
            tell=lambda id, is_online: told.append((id, is_online)),
            later=lambda seconds, action: self.timers.append((self.now + seconds, action)),
            monotonic=lambda: self.now,
        )
        self.told[made] = told
        self.members.append(made)
        made.start()
        return made

    def publish(self, payload: bytes) -> None:
        self.payloads.append(payload)
        if not self.is_cut:
            for member in list(self.members):
                member.heard(payload)

    def crash(self, node: Presence) -> None:
        """Let a process end without a word."""
        self.members.remove(node)
        node._publish = None

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while due := sorted((timer for timer in self.timers if timer[0] <= until), key=lambda timer: timer[0]):
            self.timers.remove(due[0])
            self.now = max(self.now, due[0][0])
            due[0][1]()
        self.now = until


def test_a_reconnect_is_no_absence() -> None:
    nodes = Nodes()
    node = nodes.one(has_bus=False)
    node.came(ME)
    node.went(ME)
    nodes.pass_time(GRACE_SECONDS - 1)
    node.came(ME)
    nodes.pass_time(GRACE_SECONDS + 1)
    assert (node.is_online(ME), nodes.told[node]) == (True, [(ME, True)])
    node.went(ME)
    nodes.pass_time(GRACE_SECONDS + 1)
    assert (node.is_online(ME), nodes.told[node]) == (False, [(ME, True), (ME, False)])
    assert nodes.payloads == []


def test_every_process_knows_who_is_anywhere() -> None:
    """Who moves from one to another was never away; who is on two goes with the last."""
    nodes = Nodes()
    one, two = nodes.one(), nodes.one()
    one.came(ME)
    nodes.pass_time(1)
    assert two.is_online(ME)
    one.went(ME)
    nodes.pass_time(5)
    two.came(ME)
    nodes.pass_time(2 * GRACE_SECONDS)
    assert one.is_online(ME)
    assert nodes.told[one] == nodes.told[two] == [(ME, True)]
    two.went(ME)
    nodes.pass_time(GRACE_SECONDS + 1)
    assert nodes.told[one] == nodes.told[two] == [(ME, True), (ME, False)]


def test_what_a_process_said_holds_as_long_as_it_renews() -> None:
    """Who was on one that died is gone within the lease; who is on one that lives stays."""
    nodes = Nodes()
    one, two = nodes.one(), nodes.one()
    one.came(ME)
    two.came(OTHER)
    nodes.pass_time(3 * LEASE_SECONDS)
    assert two.is_online(ME)
    nodes.crash(one)
    nodes.pass_time(LEASE_SECONDS + 6)
    assert not two.is_online(ME)
    assert nodes.told[two][-1] == (ME, False)
    assert two.is_online(OTHER)


def test_a_process_that_starts_asks_and_one_that_drains_says_that_they_come() -> None:
    nodes = Nodes()
    one = nodes.one()
    one.came(ME)
    nodes.pass_time(1)
    two = nodes.one()
    assert two.is_online(ME)
    one.stop()
    nodes.members.remove(one)
    nodes.pass_time(GRACE_SECONDS / 2)
    assert two.is_online(ME)
    nodes.pass_time(GRACE_SECONDS)
    assert not two.is_online(ME)


def test_without_the_bus_each_knows_of_its_own_and_with_it_again_of_all() -> None:
    nodes = Nodes()
    one, two = nodes.one(), nodes.one()
    nodes.is_cut = True
    one.came(ME)
    nodes.pass_time(LEASE_SECONDS)
    assert one.is_online(ME)
    assert not two.is_online(ME)
    nodes.is_cut = False
    nodes.pass_time(26)
    assert two.is_online(ME)


def test_a_crowd_is_told_in_few_payloads_and_nonsense_is_passed_over() -> None:
    nodes = Nodes()
    one, two = nodes.one(), nodes.one()
    nodes.payloads.clear()
    crowd = [uuid4() for _ in range(PAYLOAD_IDS + 1)]
    for id in crowd:
        one.came(id)
    nodes.pass_time(1)
    assert len(nodes.payloads) == 2
    assert all(two.is_online(id) for id in crowd)
    for payload in (b"", b"[]", b'{"node": 1}', wire.dumps(PresenceHint(format=2, node=uuid4(), online=(ME,)))):
        two.heard(payload)
    two.heard(wire.dumps(PresenceHint(node=uuid4(), online=(OTHER,), seconds=1e9)))
    nodes.pass_time(LEASE_SECONDS + 6)
    assert (two.is_online(ME), two.is_online(OTHER)) == (False, False)


# ── over sockets ──


async def test_joining_shows_who_is_here_and_then_who_comes(door: Door, pair: Pair) -> None:
    id = pair.conversation_id
    phone = await door.device(pair.trainee)
    joined = await phone.ack("join_chat", {"conversation_id": str(id)})
    assert joined["online"] == []
    coach = await door.device(pair.coach)
    assert await phone.push("presence") == {"account_id": str(pair.coach.id), "state": "online"}
    joined = await coach.ack("join_chat", {"conversation_id": str(id)})
    assert joined["online"] == [str(pair.trainee.id)]
    assert [frame["type"] for frame in coach.pushed if frame["type"] == "presence"] == []


async def test_who_asks_is_told_and_only_of_those_they_talk_with(door: Door, pair: Pair) -> None:
    """A stranger's id is as unknown as one that does not exist; a parted one is a stranger."""
    hub = door.hub
    other = a_pair(hub)
    phone = await door.device(pair.trainee)
    await door.device(other.coach)
    nobody = uuid4()
    asked = [str(pair.coach.id), str(other.coach.id), str(nobody), str(pair.trainee.id)]
    states = await phone.ack("presence", {"account_ids": asked})
    assert (states[asked[0]], states[asked[3]]) == ("offline", "online")
    for id in asked[1:3]:
        assert states[id]["error"]["code"] == "not_found"
    assert json.dumps(states[asked[1]]).replace(asked[1], "") == json.dumps(states[asked[2]]).replace(asked[2], "")
    coach = await door.device(pair.coach)
    assert await phone.push("presence") == {"account_id": asked[0], "state": "online"}
    hub.matches.end(pair.trainee.actor, EndMatch(match_id=pair.match_id))
    assert (await phone.push("conversation"))["state"] == "read_only"
    states = await phone.ack("presence", {"account_ids": asked[:1]})
    assert states[asked[0]]["error"]["code"] == "not_found"
    joined = await coach.ack("join_chat", {"conversation_id": str(pair.conversation_id)})
    assert joined["online"] == []
    for wrong in ({"account_ids": [asked[0]] * 201}, {"account_ids": ["me"]}, {}):
        assert (await phone.refusal("presence", wrong))["code"] == "validation_failed"


async def test_who_asked_after_others_is_told_of_those_only(door: Door) -> None:
    """A question takes the place of the one before it; an empty one ends it."""
    first = a_pair(door.hub)
    phone = await door.device(first.trainee)
    await phone.ack("presence", {"account_ids": [str(first.coach.id)]})
    await phone.ack("presence", {"account_ids": []})
    await door.device(first.coach)
    await phone.quiet()
    assert [frame for frame in phone.pushed if frame["type"] == "presence"] == []


@pytest.mark.parametrize("how", ["typing", "read", "conversation"])
async def test_who_has_no_right_hears_nothing_while_it_is_looked_up(door: Door, pair: Pair, how: str) -> None:
    """Joining begins before the right is known; hints are for those who have it."""
    id = pair.conversation_id
    phone, coach = await door.device(pair.trainee, id), await door.device(pair.coach, id)
    await phone.say(id, "hello")
    somebody = person(door.hub)
    stranger = await door.device(somebody)
    door.node.listeners.begin(await door.connection(somebody), id, object())  # as while the database is asked
    await door.node.sweep.once()  # which reads who is a member: the stranger is none, and is not told that either
    if how == "conversation":
        door.hub.matches.end(pair.trainee.actor, EndMatch(match_id=pair.match_id))
    elif how == "typing":
        await coach.ack("typing", {"conversation_id": str(id), "on": True})
    else:
        await coach.ack("read", {"conversation_id": str(id), "seq": 1})
    assert (await phone.push(how))["conversation_id"] == str(id)
    assert await stranger.quiet() == []


class SharedBus(MemoryBroadcast):
    """A bus between two servers of one process."""

    reaches_other_processes = True

    def close(self) -> None:
        """Go on for the other one."""


async def test_two_servers_know_of_each_other(tmp_path: Path) -> None:
    """Who came to one is here for the other; also for one that starts later."""
    bus = SharedBus()

    class Plugin:
        @hookimpl
        def coachhub_broadcasts(self) -> dict[str, BroadcastOffer]:
            return {"shared": BroadcastOffer(make=lambda _: bus, version="1")}

    settings = Settings(
        data=tmp_path,
        auth=Auth(bcrypt_cost=10),
        limits=Limits(login=0, register=0, general=0),
        broadcast=Engine(engine="shared"),
    )
    plugins = [coachhub_sqlalchemy, Plugin()]
    with bootstrap(settings, plugins) as here, bootstrap(settings, plugins) as there:
        pair = a_pair(here)
        async with serving(here) as one:
            phone = await one.device(pair.trainee, pair.conversation_id)
            async with serving(there) as two:
                coach = await two.device(pair.coach)
                assert await phone.push("presence") == {"account_id": str(pair.coach.id), "state": "online"}
                joined = await coach.ack("join_chat", {"conversation_id": str(pair.conversation_id)})
                assert joined["online"] == [str(pair.trainee.id)]


async def test_a_coach_whose_grant_was_taken_back_is_told_nothing_more(door: Door, pair: Pair) -> None:
    """Nor when the trainee comes with another device, whose list still names them; the trainee sees no more, either."""
    hub, id = door.hub, pair.conversation_id
    laptop, coach = await door.device(pair.trainee, id), await door.device(pair.coach, id)
    await door.node.sweep.once()
    chat = next(g for g in hub.trainees.grants(pair.trainee.actor).items if g.scope == "chat")
    hub.trainees.revoke(pair.trainee.actor, chat.id)
    await door.node.sweep.once()
    assert await coach.push("left") == {"conversation_id": str(id)}
    phone = await door.device(pair.trainee, id)
    for who, other in ((coach, pair.trainee), (laptop, pair.coach), (phone, pair.coach)):
        states = await who.ack("presence", {"account_ids": [str(other.id)]})
        assert states[str(other.id)]["error"]["code"] == "not_found"
    (shown,) = hub.chat.conversations(pair.trainee.actor).items
    assert shown.with_left
