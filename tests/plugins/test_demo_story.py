"""The story's own parts: what it tells, and that a step which did not do what it says ends it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rich.console import Console

from coachhub_demo.doors import Rest
from coachhub_demo.story import Story
from coachhub_demo.telling import Teller


@contextmanager
def a_server(*answers: tuple[int, object]) -> Iterator[int]:
    """Listen on a free port and give *answers* in their order, the last one for ever."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told(port: int) -> tuple[bool, str]:
    out = io.StringIO()
    rest = Rest("127.0.0.1", port)
    try:
        is_well = Story(rest, "ws://127.0.0.1:1/ws/v1", Teller(Console(file=out, highlight=False))).play()
    finally:
        rest.close()
    return is_well, out.getvalue()


def test_a_refusal_where_none_belongs_ends_the_story() -> None:
    """The step is shown with what came instead, in the server's words."""
    refusal = {"error": {"code": "unavailable", "message": "the database does not answer"}}
    with a_server((503, refusal)) as port:
        is_well, out = told(port)
    assert not is_well
    assert "1. Four coaches offer what they do" in out
    said = "POST /api/auth/register was answered 503, not 201 (unavailable: the database does not answer)"
    assert f"   ✗ {said}" in out
    assert "2. " not in out


def test_a_wrong_answer_is_found_behind_the_right_status() -> None:
    """A status alone proves nothing: the seats of the first coach are wrong here."""
    signed_in = {"access_token": "t", "account": {"id": "1"}}
    with a_server((201, signed_in), (201, {"seats_left": 0})) as port:
        is_well, out = told(port)
    assert not is_well
    assert "✗ Mara Keller should have all seats free" in out


def test_a_server_that_is_gone_ends_the_story(unused_port: int) -> None:
    """Also what nobody foresaw is a step that failed, not a traceback."""
    is_well, out = told(unused_port)
    assert not is_well
    assert "✗ ConnectionRefusedError" in out


@pytest.fixture
def unused_port() -> int:
    """A port where nobody listens any more."""
    with a_server((503, {})) as port:
        pass
    return port


def test_a_terminal_gets_panels_and_everybody_else_plain_text() -> None:
    """What people write is shown as they wrote it: brackets are no markup."""
    rich_out, plain_out = io.StringIO(), io.StringIO()
    for out, is_terminal in ((rich_out, True), (plain_out, False)):
        teller = Teller(Console(file=out, force_terminal=is_terminal, color_system=None, width=80, highlight=False))
        teller.say("It [begins]")
        teller.begin("A step", "What it\n    is about.")
        teller.did("POST /api/x")
        teller.came("said [bold]nothing[/bold]\nelse")
        teller.end()
    assert "╭─ 1. A step ─" in rich_out.getvalue()
    assert "│ ✓ said [bold]nothing[/bold]" in rich_out.getvalue()
    assert "│   else  " in rich_out.getvalue()
    assert plain_out.getvalue() == (
        "It [begins]\n\n1. A step\n   What it is about.\n   → POST /api/x\n   ✓ said [bold]nothing[/bold]\n     else\n"
    )
