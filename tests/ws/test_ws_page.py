"""The page of the protocol: its clients run, and its tables name what the code knows."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ws_parts import Door, Pair

from coachhub_core.domain.chat import ReadHistory
from coachhub_ws import codes
from coachhub_ws.protocol import REQUESTS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "chat-protocol.md").read_text("utf-8")
SNIPPETS: dict[str, str] = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))

TALK = """
const [url, token, id] = process.argv.slice(2);
const seen = [];
const chat = new Chat(url, () => token, (event) => seen.push(event.seq));
chat.socket.addEventListener("open", async () => {
  await new Promise((done) => setTimeout(done, 0));
  await chat.join(id);
  chat.send(id, "one");
  chat.socket.close();
  const ack = await chat.send(id, "two 🏃");
  while (seen.length < 3) await new Promise((done) => setTimeout(done, 20));
  console.log(JSON.stringify({ seen, duplicate: ack.duplicate, unsent: chat.unsent.size }));
  chat.close();
}, { once: true });
"""


async def test_the_python_of_the_page_talks(door: Door, pair: Pair) -> None:
    names: dict[str, Any] = {}
    exec(compile(SNIPPETS["python"], "chat-protocol.md", "exec"), names)  # noqa: S102 - the page's own words
    coach = await door.device(pair.coach, pair.conversation_id)
    greeting = asyncio.create_task(
        asyncio.to_thread(names["greet"], door.url, pair.trainee.token, str(pair.conversation_id))
    )
    assert (await coach.push("message"))["body"] == "hello"
    await coach.say(pair.conversation_id, "and to you")
    assert await greeting == ["hello", "and to you"]


def websocket_node() -> list[str] | None:
    """Return how to run a script with a Node that has WebSocket, if there is one."""
    node = shutil.which("node")
    for flags in ([], ["--experimental-websocket"]):
        if node is None:
            return None
        command = [node, *flags]
        asked = subprocess.run([*command, "-p", "typeof WebSocket"], capture_output=True, text=True, check=False)
        if asked.stdout.strip() == "function":
            return command
    return None


async def test_the_javascript_of_the_page_talks_and_comes_back(door: Door, pair: Pair, tmp_path: Path) -> None:
    """It joins, is cut in the middle of a message, comes back, and has every message once, in order."""
    command = websocket_node()
    if command is None:
        pytest.skip("Node with WebSocket is not installed")
    coach = await door.device(pair.coach)
    await coach.say(pair.conversation_id, "welcome")
    script = tmp_path / "talk.js"
    script.write_text(SNIPPETS["js"] + TALK, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *command, str(script), door.url, pair.trainee.token, str(pair.conversation_id), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(output) == {"seen": [1, 2, 3], "duplicate": False, "unsent": 0}
    events = door.hub.chat.history(pair.coach.actor, ReadHistory(conversation_id=pair.conversation_id)).events
    assert sorted(event.body for event in events) == ["one", "two 🏃", "welcome"]


def test_every_request_and_close_code_is_on_the_page() -> None:
    for name in REQUESTS:
        assert f"| `{name}` |" in PAGE
    table = PAGE[PAGE.index("## Close codes") : PAGE.index("## Limits")]
    for code in (value for name, value in vars(codes).items() if name.isupper()):
        assert re.search(rf"\b{code}\b", table), code
