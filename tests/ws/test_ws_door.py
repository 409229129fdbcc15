"""Who gets in, how long they stay, and what the server does to those who would take too much."""

from __future__ import annotations

import asyncio
import gc
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from ws_parts import Device, Door, Pair, a_message, a_pair, person, serving

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import system_clock
from coachhub_core.config import Chat, Settings

PROTOCOL = "coachhub.chat.v1"
Make = Callable[..., Awaitable[tuple[Door, Pair]]]


@pytest.fixture
async def open_door() -> AsyncIterator[Make]:
    """Make doors with settings of their own."""
    async with AsyncExitStack() as stack:

        async def make(**chat: Any) -> tuple[Door, Pair]:
            hub = stack.enter_context(bootstrap(Settings.in_memory(chat=Chat(**chat))))
            return await stack.enter_async_context(serving(hub)), a_pair(hub)

        yield make


async def refusal(door: Door, path: str = "/ws/v1", **more: Any) -> tuple[int, dict[str, Any]]:
    """Return the status and body with which an upgrade is refused."""
    options: dict[str, Any] = {"subprotocols": [PROTOCOL], "proxy": None, **more}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{door.server.port}{path}", **options):
            pass
    response = refused.value.response
    return response.status_code, json.loads(response.body)


async def ask(door: Door, head: str) -> tuple[str, str, str]:
    """Send the head of a plain HTTP request; return the status line, the headers and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    writer.write(f"{head}\r\nHost: localhost\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    start, _, rest = answer.partition("\r\n")
    headers, _, body = rest.partition("\r\n\r\n")
    return start, headers, body


# ── three carriers of a token ───────────────────────────────────────────────


async def test_a_native_client_sends_its_token_as_a_header(door: Door, pair: Pair) -> None:
    device = await door.connect(additional_headers={"Authorization": f"Bearer {pair.trainee.token}"})
    assert device.ws.subprotocol == PROTOCOL
    assert (await device.push("welcome"))["account_id"] == str(pair.trainee.id)
    await device.say(pair.conversation_id, "hi")


async def test_a_wrong_token_in_the_header_is_refused_before_the_upgrade(door: Door, pair: Pair, hub: CoachHub) -> None:
    for header in ("Bearer forged", "Basic abc", pair.trainee.token):
        status, body = await refusal(door, additional_headers={"Authorization": header})
        assert (status, body["error"]["code"]) == (401, "unauthorized")
    hub.accounts.logout(pair.trainee.actor)
    status, _ = await refusal(door, additional_headers={"Authorization": f"Bearer {pair.trainee.token}"})
    assert status == 401


async def test_a_browser_may_send_it_beside_the_subprotocol_and_it_is_never_echoed(door: Door, pair: Pair) -> None:
    device = await door.connect(subprotocols=[PROTOCOL, f"bearer.{pair.trainee.token}"])
    assert device.ws.subprotocol == PROTOCOL
    assert device.ws.response is not None
    assert pair.trainee.token not in str(device.ws.response.headers)
    assert (await device.push("welcome"))["account_id"] == str(pair.trainee.id)
    wrong = await door.connect(subprotocols=[PROTOCOL, "bearer.forged"])
    assert (await wrong.push("error"))["code"] == "unauthorized"
    assert await wrong.end() == 4401


@pytest.mark.parametrize("name", ["token", "access_token", "TOKEN"])
async def test_a_token_in_the_address_is_refused(door: Door, pair: Pair, name: str) -> None:
    status, body = await refusal(door, f"/ws/v1?x=1&{name}={pair.trainee.token}")
    assert (status, body["error"]["code"]) == (400, "token_in_url")
    assert pair.trainee.token not in json.dumps(body)


async def test_the_subprotocol_is_the_version_and_must_be_offered(door: Door) -> None:
    for offered in (None, ["coachhub.chat.v9"]):
        status, body = await refusal(door, subprotocols=offered)
        assert (status, body["error"]["code"]) == (400, "bad_request")


async def test_pages_of_foreign_origins_are_refused(open_door: Make) -> None:
    door, pair = await open_door(origins=("https://App.example.org",))
    for origin in ("https://evil.example.org", "null", "https://app.example.org.evil.example.org"):
        assert (await refusal(door, origin=origin))[0] == 403
    await door.device(pair.trainee, origin="https://app.example.org")
    await door.device(pair.trainee)  # a native app has none


# ── plain HTTP on the same port ─────────────────────────────────────────────


async def test_health_metrics_and_addresses_that_are_none(door: Door, pair: Pair) -> None:
    await (await door.device(pair.trainee)).say(pair.conversation_id, "hi")
    start, headers, body = await ask(door, "GET /health/live HTTP/1.1")
    assert (start, body) == ("HTTP/1.1 200 OK", '{"status":"alive"}')
    assert "Cache-Control: no-store" in headers
    assert (await ask(door, "GET /health/ready HTTP/1.1"))[2] == '{"status":"ready"}'
    assert (await ask(door, "HEAD /health/ready HTTP/1.1"))[2] == ""
    metrics = (await ask(door, "GET /metrics HTTP/1.1"))[2]
    assert "coachhub_chat_batch_size_count 1.0" in metrics
    assert "coachhub_chat_connections 1.0" in metrics
    assert "404" in (await ask(door, "GET /api/coaches HTTP/1.1"))[0]
    start, headers, _ = await ask(door, "DELETE /health/live HTTP/1.1")
    assert "405" in start
    assert "Allow: GET, HEAD" in headers
    assert "426" in (await ask(door, "GET /ws/v1 HTTP/1.1\r\nSec-WebSocket-Protocol: coachhub.chat.v1"))[0]


# ── how long ────────────────────────────────────────────────────────────────


async def test_who_says_nothing_is_sent_away(open_door: Make) -> None:
    door, _ = await open_door(auth_seconds=0.2)
    assert await (await door.connect()).end(timeout=3) == 4408


async def test_unauthenticated_connections_are_few_per_address_and_in_all(
    open_door: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coachhub_ws.strangers.UNDISTURBED_SECONDS", 60.0)  # nobody makes room meanwhile
    door, pair = await open_door(unauthenticated_per_address=2, max_connections=40)
    waiting = [await door.connect() for _ in range(2)]
    status, body = await refusal(door)
    assert (status, body["error"]["code"]) == (429, "rate_limited")
    await waiting[0].ask("auth", {"token": pair.trainee.token})
    await door.connect()
    door, pair = await open_door(max_connections=20)
    for _ in range(2):
        await door.connect()
    assert (await refusal(door))[0] == 503


async def test_who_says_nothing_keeps_nobody_out(open_door: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the header needs no place among strangers; else the longest silent one makes room in time."""
    door, pair = await open_door(unauthenticated_per_address=2, max_connections=40)
    monkeypatch.setattr("coachhub_ws.strangers.UNDISTURBED_SECONDS", 60.0)
    silent = [await door.connect() for _ in range(2)]
    native = await door.connect(additional_headers={"Authorization": f"Bearer {pair.coach.token}"})
    assert (await native.push("welcome"))["account_id"] == str(pair.coach.id)
    assert (await refusal(door))[0] == 429
    monkeypatch.setattr("coachhub_ws.strangers.UNDISTURBED_SECONDS", 0.0)
    assert (await (await door.connect()).ask("auth", {"token": pair.trainee.token}))["type"] == "welcome"
    assert await silent[0].end() == 4408
    assert len(door.node.strangers) == 1
    door, pair = await open_door(max_connections=20)
    silent = [await door.connect() for _ in range(2)]
    assert (await (await door.connect()).ask("auth", {"token": pair.trainee.token}))["type"] == "welcome"
    assert await silent[0].end() == 4408


async def test_a_house_that_comes_back_at_once_is_let_in(open_door: Make) -> None:
    """Twelve devices behind one address with two places: each waits the moment until another has said who it is."""
    door, pair = await open_door(unauthenticated_per_address=2)
    devices = await asyncio.gather(*(door.device(who) for who in (pair.coach, pair.trainee) for _ in range(6)))
    assert len(devices) == 12
    assert len(door.node.strangers) == 0


async def test_the_eleventh_connection_of_an_account_closes_the_oldest(open_door: Make) -> None:
    door, pair = await open_door(connections_per_account=2)
    first, second = await door.device(pair.trainee), await door.device(pair.trainee)
    await door.device(pair.coach)
    third = await door.device(pair.trainee)
    assert await first.end() == 4409
    for device in (second, third):
        assert (await device.ask("ping"))["type"] == "pong"


async def test_a_peer_that_falls_silent_is_dropped_and_one_that_answers_pings_is_not(open_door: Make) -> None:
    door, pair = await open_door(heartbeat_seconds=0.2, silence_seconds=0.6)
    alive, dead = await door.device(pair.trainee), await door.device(pair.coach)
    dead.ws.transport.pause_reading()  # it answers no ping any more
    await gone(door, pair.coach.id)
    assert (await alive.ask("ping"))["type"] == "pong"


async def gone(door: Door, account_id: uuid.UUID, timeout: float = 10) -> None:
    """Wait until the server has forgotten every connection of an account."""
    async with asyncio.timeout(timeout):
        while any(c.protocol.has_actor and c.account_id == account_id for c in door.node.connections):
            await asyncio.sleep(0.02)


async def test_a_token_is_renewed_in_time_or_ends_the_connection() -> None:
    """A minute before its end the server asks; at its end it closes; with a new one nothing happens."""
    offset = timedelta()
    with bootstrap(Settings.in_memory(), clock=lambda: system_clock() + offset) as hub:
        pair = a_pair(hub)
        async with serving(hub) as door:
            offset = timedelta(seconds=hub.settings.auth.access_seconds - 30)
            lazy, careful = await door.device(pair.trainee), await door.device(pair.coach)
            assert datetime.fromisoformat((await careful.push("token_expiring"))["expires_at"]) > datetime.now(UTC)
            assert pair.coach.actor.session_id is not None
            fresh = hub.tokens.issue(
                account_id=pair.coach.id, role="coach", session_id=pair.coach.actor.session_id, jti=uuid.uuid4()
            )
            ack = await careful.ack("auth", {"token": fresh})
            assert datetime.fromisoformat(ack["expires_at"]) > system_clock() + offset + timedelta(hours=23)
            refused = await lazy.refusal("auth", {"token": fresh})
            assert refused["code"] == "forbidden"
            offset += timedelta(seconds=31)
            for connection in door.node.connections:
                connection._expired()  # the wheel would come by in 30 s
            assert await lazy.end() == 4402
            assert (await careful.ask("ping"))["type"] == "pong"
            late = await door.connect()
            told = await late.ask("auth", {"token": pair.trainee.token})
            if told["type"] == "welcome":  # within the leeway of five seconds
                assert await late.end() == 4402
            else:
                assert told["data"]["code"] == "account.token_expired"


# ── how much ────────────────────────────────────────────────────────────────


async def test_a_frame_over_64_kib_and_bad_utf8_close(door: Door, pair: Pair) -> None:
    big = await door.device(pair.trainee)
    await big.ws.send("x" * 65_537)
    assert await big.end() == 1009
    bad = await door.device(pair.trainee)
    await bad.ws.send(b"\xff\xfe", text=True)
    assert await bad.end() == 1007
    binary = await door.device(pair.trainee)
    await binary.ws.send(b"{}")
    assert await binary.end() == 1003


async def test_tiny_fragments_and_interleaved_pings_make_one_message(door: Door, pair: Pair) -> None:
    device = await door.device(pair.trainee)
    envelope = json.dumps({"type": "send_message", "id": "f", "data": a_message(pair.conversation_id, "in pieces")})

    async def pieces() -> AsyncIterator[str]:
        for character in envelope:
            yield character
            await device.ws.ping()

    await device.ws.send(pieces())
    assert (await device.reply("f"))["data"]["seq"] == 1


async def test_many_requests_at_once_each_get_their_reply(open_door: Make) -> None:
    """Reading pauses at 20 that wait; TCP holds the rest back, and none is lost."""
    door, pair = await open_door(sends=0, frames_per_second=0)
    device = await door.device(pair.trainee)
    ids = [await device.put("send_message", a_message(pair.conversation_id, str(n))) for n in range(300)]
    replies = [await device.reply(id) for id in ids]
    assert [reply["data"]["seq"] for reply in replies] == list(range(1, 301))
    assert max(c.protocol.n_waiting for c in door.node.connections) == 0


async def test_a_slow_reader_is_dropped_and_has_everything_when_it_comes_back(open_door: Make) -> None:
    door, pair = await open_door(
        sends=0, frames_per_second=0, slow_hint_bytes=16_384, slow_close_bytes=65_536, slow_seconds=5
    )
    id = pair.conversation_id
    slow, writer = await door.device(pair.coach, id), await door.device(pair.trainee, id)
    slow.ws.transport.pause_reading()
    n = 0
    while any(
        c.protocol.has_actor and c.account_id == pair.coach.id and c.protocol.is_open for c in door.node.connections
    ):
        n += 1
        assert (await writer.say(id, "🏃" * 8_000))["seq"] == n
        assert n < 2_000
    (closing,) = (c for c in door.node.connections if c.account_id == pair.coach.id)
    assert closing.close_code == 4413
    await gone(door, pair.coach.id)
    again = await door.device(pair.coach)
    seen = 0
    while seen < n:
        page = await again.ack("history", {"conversation_id": str(id), "after_seq": seen})
        assert [e["seq"] for e in page["events"]] == list(range(seen + 1, seen + 1 + len(page["events"])))
        seen += len(page["events"])


async def test_a_reader_that_takes_nothing_for_too_long_is_dropped(open_door: Make) -> None:
    door, pair = await open_door(sends=0, frames_per_second=0, slow_seconds=0.5)
    id = pair.conversation_id
    slow, writer = await door.device(pair.coach, id), await door.device(pair.trainee, id)
    slow.ws.transport.pause_reading()
    connection = await door.connection(pair.coach)
    while connection.socket.transport.get_write_buffer_size() == 0:
        await writer.say(id, "🏃" * 8_000)
    assert connection.socket.transport.get_write_buffer_size() < 1024 * 1024
    await gone(door, pair.coach.id)
    assert connection.close_code == 4413


async def test_nothing_is_kept_of_connections_that_ended(door: Door, pair: Pair) -> None:
    """Listeners, deadlines, rates, accounts and protocols are all freed."""
    for _ in range(20):
        device = await door.device(pair.trainee, pair.conversation_id)
        await device.ws.close()
    await gone(door, pair.trainee.id)
    node = door.node
    assert node.listeners.ids == []
    assert len(node.strangers) == 0
    assert node._accounts == {}
    gc.collect()
    left = [o for o in gc.get_objects() if type(o).__name__ == "ChatProtocol"]
    assert len(left) <= 1  # the last frame's locals


# ── the end ─────────────────────────────────────────────────────────────────


async def test_draining_asks_takes_sends_and_then_closes(open_door: Make) -> None:
    """Every message sent meanwhile is answered; everybody is told to go, then closed with 1001."""
    door, pair = await open_door(drain_seconds=1, sends=0, frames_per_second=0)
    id = pair.conversation_id
    stays = await door.device(pair.trainee, id)
    goes = await door.device(pair.coach, id)
    draining = asyncio.create_task(door.server.drain())
    hint = await goes.push("draining")
    assert 0 <= hint["reconnect_in_ms"] <= 1_000
    await goes.ws.close()
    assert (await stays.say(id, "still there?"))["seq"] == 1
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", door.server.port)
    assert await stays.end() == 1001
    await draining
    assert door.node.connections == set()


async def test_draining_ends_at_once_when_everybody_has_gone(open_door: Make) -> None:
    door, pair = await open_door(drain_seconds=60)
    device = await door.device(pair.trainee)
    draining = asyncio.create_task(door.server.drain())
    await device.push("draining")
    await device.ws.close()
    async with asyncio.timeout(5):
        await draining


@pytest.mark.embedded
async def test_a_database_that_is_away_is_unavailable_and_sockets_stay(hub: CoachHub, pair: Pair) -> None:
    """Joining and sending say so, with a hint to come back; a new connection is closed with 1013."""
    async with serving(hub) as door:
        device = await door.device(pair.trainee)
        with away(hub):
            refused = await device.refusal("join_chat", {"conversation_id": str(pair.conversation_id)})
            assert (refused["code"], refused["retryable"]) == ("unavailable", True)
            refused = await device.refusal("send_message", a_message(pair.conversation_id, "hi"))
            assert refused["code"] == "unavailable"
            fresh = await door.connect()
            assert (await fresh.ask("auth", {"token": pair.coach.token}))["data"]["code"] == "unavailable"
            assert await fresh.end() == 1013
            status, _ = await refusal(door, additional_headers={"Authorization": f"Bearer {pair.coach.token}"})
            assert status == 503
        assert (await device.say(pair.conversation_id, "hi"))["seq"] == 1


@contextmanager
def away(hub: CoachHub) -> Iterator[None]:
    """Put a folder where the database's file was: nothing can be opened there."""
    storage: Any = hub.storage
    hidden = storage.path.with_suffix(".away")
    storage.engine.dispose()
    storage.path.rename(hidden)
    storage.path.mkdir()
    try:
        yield
    finally:
        storage.path.rmdir()
        hidden.rename(storage.path)


async def test_a_person_without_conversations_is_welcome(door: Door, hub: CoachHub) -> None:
    device = await door.connect()
    welcome = await device.ask("auth", {"token": person(hub).token})
    assert welcome["data"]["conversations"] == []
    assert isinstance(device, Device)
    assert attrs.asdict(hub.settings.chat)["sends"] == welcome["data"]["limits"]["sends"]
