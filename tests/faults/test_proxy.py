"""The proxy itself: each fault does what its name says, and healing ends it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from .proxy import AnswerLost, CutAfter, Garbage, Hang, Proxy, Refuse, Reset, Slow, Trickle


class Echo:
    """A server that gives back each line, and remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rwb") as file:
            for line in file:
                self.heard.append(line)
                file.write(line)
                file.flush()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.address) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=5)


def ask(client: socket.socket, line: bytes = b"hello\n") -> bytes:
    client.sendall(line)
    found = b""
    while not found.endswith(b"\n"):
        piece = client.recv(100)
        if not piece:
            break
        found += piece
    return found


def has_ended(client: socket.socket) -> bool:
    """Say whether nothing is answered any more, by a reset or by an end."""
    try:
        return ask(client) == b"" or ask(client) == b""
    except ConnectionError:
        return True


def test_what_is_healthy_passes(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        assert ask(client, b"again\n") == b"again\n"
    assert proxy.n_connections == 1
    assert proxy.n_round_trips == 2


def test_it_refuses_and_ends_what_stands(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        proxy.fault = Refuse()
        assert has_ended(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as again:
        assert ask(again) == b"hello\n"


def test_it_hangs_and_what_hung_flows_when_healed(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as client, connect(proxy) as other:
        proxy.fault = Hang()
        client.sendall(b"late\n")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
        assert echo.heard == []
        with connect(proxy) as new:  # is taken, which is what makes a hang bad
            new.sendall(b"new\n")
        proxy.heal()
        client.settimeout(5)
        assert client.recv(100) == b"late\n"
        assert ask(other) == b"hello\n"


def test_it_is_slow_once_per_round_trip(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.fault = Slow(0.2)
        began = time.monotonic()
        assert ask(client) == b"hello\n"
        assert ask(client, b"x" * 50_000 + b"\n") == b"x" * 50_000 + b"\n"
        assert time.monotonic() - began >= 0.4


def test_it_trickles(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.fault = Trickle(bytes_per_second=50)
        client.sendall(b"hello\n")
        pieces = [client.recv(100) for _ in range(6)]
        assert pieces == [b"h", b"e", b"l", b"l", b"o", b"\n"]


def test_it_resets(proxy: Proxy) -> None:
    with connect(proxy) as client:
        ask(client)
        proxy.fault = Reset()
        assert has_ended(client)
    try:
        with connect(proxy) as client:
            assert has_ended(client)
    except ConnectionError:
        pass  # it was reset before connecting had ended


def test_it_cuts_in_the_middle(proxy: Proxy) -> None:
    proxy.fault = CutAfter(8)
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        client.sendall(b"hello\n")
        assert client.recv(100) == b"he"


@pytest.mark.parametrize("kind", ["html", "noise"])
def test_it_answers_garbage(proxy: Proxy, kind: str) -> None:
    proxy.fault = Garbage(kind)
    with connect(proxy) as client:
        client.sendall(b"hello\n")
        found = client.recv(1000)
        assert found
        assert b"hello" not in found


def test_what_is_asked_arrives_though_its_answer_is_lost(proxy: Proxy, echo: Echo) -> None:
    proxy.fault = AnswerLost()
    try:
        with connect(proxy) as client:
            assert has_ended(client)
    except ConnectionError:
        pass  # it was reset before connecting had ended
    assert echo.heard == [b"hello\n"]


def test_standing_connections_are_dropped_once(proxy: Proxy) -> None:
    with connect(proxy) as client:
        ask(client)
        proxy.drop()
        assert has_ended(client)
    with connect(proxy) as again:
        assert ask(again) == b"hello\n"
