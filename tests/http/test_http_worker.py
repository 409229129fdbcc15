"""Each override of the worker, on a real server: what clients, or the end of a process, did to gunicorn as it comes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from http_serving import Server, read_all, read_answer, tiny_server

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    """A server with short patience, one worker and few connections."""
    with tiny_server(head_seconds=0.5, write_seconds=0.5, max_connections=20) as server:
        yield server


def code_of(answer: bytes) -> str:
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    return str(body["error"]["code"])


def test_half_a_head_is_given_up_after_its_time(hasty: Server) -> None:
    """A head that never ends is answered 408 and its connection closed."""
    started = time.monotonic()
    answer = hasty.ask(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert code_of(answer) == "request_timeout"
    assert 0.3 < time.monotonic() - started < 5


def test_a_connection_that_sends_nothing_is_closed_without_a_word(hasty: Server) -> None:
    """A browser opens connections ahead of need: an unasked 408 would be taken for the next answer."""
    with hasty.connect() as connection:
        assert read_all(connection) == b""


def test_a_whole_head_is_not_hurried(hasty: Server) -> None:
    """The time of the head does not run on while the application works."""
    assert hasty.get("/slow").startswith(b"HTTP/1.1 200 ")


def test_a_reader_that_does_not_read_is_cut_off(hasty: Server) -> None:
    """An answer that nobody takes is given up: the client finds its connection cut before the end."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", hasty.port))
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        watcher = select.poll()
        watcher.register(connection, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
        assert watcher.poll(8_000), "the server still holds the connection"
        assert len(read_all(connection)) < 32_000_000


def test_more_connections_than_allowed_are_refused_and_the_others_served(hasty: Server) -> None:
    """The one too many gets 503 with Retry-After; when others leave, there is room again."""
    held = [hasty.connect() for _ in range(20)]
    try:
        for connection in held:
            connection.sendall(GET)
            assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        refused = hasty.ask(GET)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in refused
        assert code_of(refused) == "overloaded"
    finally:
        for connection in held:
            connection.close()
    deadline = time.monotonic() + 5
    while not (answer := hasty.get("/")).startswith(b"HTTP/1.1 200 ") and time.monotonic() < deadline:
        pass
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_what_the_server_itself_refuses_has_the_one_error_body(hasty: Server) -> None:
    """No text/plain, no quotation of the request, and the headers of every answer."""
    for request, status, code in (
        (b"GARBAGE\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", 501, "not_implemented"),
    ):
        answer = hasty.ask(request)
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer
        assert code_of(answer) == code
        assert b"Content-Type: application/json\r\n" in answer
        assert b"x-content-type-options: nosniff\r\n" in answer
        assert b"xxxx" not in answer
        assert b"gunicorn" not in answer.lower()


def test_an_answer_before_the_end_of_the_body_arrives(hasty: Server) -> None:
    """A client that still sends can read why it was refused: the connection is not reset under its answer."""
    with hasty.connect() as connection:
        connection.sendall(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
        for _ in range(125):
            connection.sendall(b"x" * 64_000)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_body_that_is_read_keeps_the_connection(hasty: Server) -> None:
    """Only what was left unread closes a connection."""
    with hasty.connect() as connection:
        for _ in range(2):
            connection.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
            answer = read_answer(connection)
            assert answer.endswith(b"\r\n\r\n5")
            assert b"connection: close" not in answer.lower()


def test_an_upgrade_is_answered_as_a_plain_request(hasty: Server) -> None:
    """Chat has its own server."""
    answer = hasty.ask(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_burst_is_shared_by_the_workers() -> None:
    """No worker takes the whole backlog at one wake-up, and none of the burst is refused."""
    with tiny_server(workers=2) as server:
        seen: set[bytes] = set()
        deadline = time.monotonic() + 15
        while len(seen) < 2 and time.monotonic() < deadline:
            connections = [server.connect() for _ in range(200)]
            for connection in connections:
                connection.sendall(b"GET /pid HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answers = [read_all(connection) for connection in connections]
            for connection in connections:
                connection.close()
            assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
            seen |= {answer.rpartition(b"\r\n\r\n")[2] for answer in answers}
        assert len(seen) == 2


def test_the_end_answers_what_is_in_flight_and_does_not_wait_for_idle_connections() -> None:
    """SIGTERM: requests that run are answered, kept connections are closed, exit 0, all within seconds."""
    with tiny_server() as server, ThreadPoolExecutor(4) as threads:
        idle = [server.connect() for _ in range(5)]
        for connection in idle:
            connection.sendall(GET)
            read_answer(connection)
        slow = [server.connect() for _ in range(4)]
        for connection in slow:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        server.terminate()
        answers = list(threads.map(read_all, slow))
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
        assert all(b"Connection: close" in answer for answer in answers)
        assert [read_all(connection) for connection in idle] == [b""] * 5
        for connection in idle + slow:
            connection.close()
        assert server.wait() == 0
        assert time.monotonic() - started < 8


def test_who_was_promised_keep_alive_is_still_served_for_a_second() -> None:
    """The first request after SIGTERM on a kept connection is answered, with the word that it is the last."""
    with tiny_server() as server, server.connect() as connection:
        connection.sendall(GET)
        assert b"Connection: close" not in read_answer(connection)
        server.terminate()
        answer = b""
        while b"Connection: close" not in answer:  # until the signal has arrived
            connection.sendall(GET)
            answer = read_answer(connection)
            assert answer.startswith(b"HTTP/1.1 200 ")
        assert read_all(connection) == b""
        assert server.wait() == 0


def test_who_waits_to_be_taken_is_served_before_the_port_is_closed() -> None:
    """A worker that sleeps takes nobody; woken by SIGTERM it answers all who had connected and asked meanwhile."""
    with tiny_server() as server, ThreadPoolExecutor(8) as threads:
        (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        os.kill(int(worker), signal.SIGSTOP)
        waiting = [server.connect() for _ in range(40)]
        for connection in waiting:
            connection.sendall(GET)
        server.terminate()
        select.select([], [], [], 0.5)  # the master has closed its own side by now
        os.kill(int(worker), signal.SIGCONT)
        answers = list(threads.map(read_all, waiting))
        for connection in waiting:
            connection.close()
        assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 40
        assert server.wait() == 0


def test_a_port_is_refused_until_a_worker_is_ready() -> None:
    """Nobody hangs in the backlog of a server that starts: a proxy asks the next node at once."""
    with tiny_server(is_awaited=False, start_seconds=1.5) as server:
        refused = 0
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connection = server.connect()
            except ConnectionRefusedError:
                refused += 1
                select.select([], [], [], 0.05)
                continue
            with connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                started = time.monotonic()
                assert read_all(connection).startswith(b"HTTP/1.1 200 ")
                assert time.monotonic() - started < 1.4, "it was let in long before it could be answered"
            break
        else:
            pytest.fail("the server never listened")
        assert refused > 10


def is_free_within(port: int, seconds: float) -> bool:
    """Tell whether another server could take the port by then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return True
            except OSError:
                select.select([], [], [], 0.05)
    return False


def test_workers_leave_when_their_master_is_killed_and_free_the_port() -> None:
    """After kill -9 of the master, its workers are gone within moments: the next server finds the port free."""
    with tiny_server() as server:
        server.process.send_signal(signal.SIGKILL)
        server.wait()
        assert is_free_within(server.port, 5)


def test_a_worker_that_is_starting_leaves_with_its_master() -> None:
    """It holds the port of workers that serve: whoever takes the master's place must not wait for its start."""
    with tiny_server(workers=2, start_seconds=6) as server:
        victim, other = server.workers()
        os.kill(victim, signal.SIGKILL)
        while not set(server.workers()) - {victim, other}:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGKILL)
        server.wait()
        assert is_free_within(server.port, 5)  # its application would go on starting for 6 s


def test_hundreds_of_dawdlers_do_not_delay_a_good_client() -> None:
    """Half heads, half bodies, idle connections and stalled readers, 100 of each: good clients wait for none."""
    with tiny_server() as server, contextlib.ExitStack() as held:
        for beginning in (
            b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
            b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf",
            b"",
            b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            for _ in range(100 if b"/large" not in beginning else 5):  # the tiny application holds 32 MB for each
                connection = held.enter_context(server.connect())
                connection.sendall(beginning)
        for _ in range(20):
            started = time.monotonic()
            assert server.get("/").startswith(b"HTTP/1.1 200 ")
            assert time.monotonic() - started < 5  # who dawdles is let go after 10 s and more
