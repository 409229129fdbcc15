"""The pages a person reads, cut into the blocks that run and the links that lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REST_AS_SHOWN = "127.0.0.1:3000"
CHAT_AS_SHOWN = "127.0.0.1:3001"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@attrs.frozen
class Block:
    """A fenced block: its language, its text, the line it begins on, and whether a test is to run it, and where."""

    language: str
    text: str
    line: int
    is_marked: bool
    on_services: bool = False


def pages() -> list[Path]:
    """Every page that is kept in the repository, sorted."""
    found = [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "deploy").glob("*.md")]
    return sorted(page for page in found if "_build" not in page.parts)


def name_of(page: Path) -> str:
    """A page's name in a test's id."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order; ``<!-- run -->`` or ``<!-- run on services -->`` above one marks it."""
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        above = text[: match.start()].rstrip("\n").rpartition("\n")[2]
        line = text.count("\n", 0, match.start(2))
        mark = above.strip()
        on_services = mark == "<!-- run on services -->"
        found.append(Block(match.group(1), match.group(2), line, on_services or mark == "<!-- run -->", on_services))
    return found


def python_of(page: Path) -> list[tuple[Block, str | None]]:
    """The Python blocks of a page, each with what it is said to print, if a text block follows it at once."""
    found: list[tuple[Block, str | None]] = []
    text = page.read_text("utf-8")
    all_blocks = blocks(page)
    for number, block in enumerate(all_blocks):
        if block.language != "python":
            continue
        said = None
        if number + 1 < len(all_blocks) and all_blocks[number + 1].language == "text":
            follower = all_blocks[number + 1]
            between = "\n".join(text.split("\n")[block.line + block.text.count("\n") + 1 : follower.line - 1])
            said = follower.text if not between.strip() else None
        found.append((block, said))
    return found


def needs_server(page: Path) -> bool:
    """Whether what runs on this page talks to a running instance."""
    return any(
        REST_AS_SHOWN in block.text
        for block in blocks(page)
        if block.language == "python" or (block.is_marked and not block.on_services)
    )


def run_python(page: Path, ports: tuple[int, int] | None) -> Iterator[tuple[int, str, str | None]]:
    """
    Run the Python blocks of a page in one namespace, in order, in the current folder.

    Yields:
        The line of each block, what it printed, and what it is said to print.
    """
    namespace: dict[str, Any] = {"__name__": "page"}
    for block, said in python_of(page):
        source = "\n" * block.line + placed(block.text, ports)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, str(page), "exec"), namespace)  # noqa: S102 - the page's own words
        yield block.line, printed.getvalue(), said


def placed(text: str, ports: tuple[int, int] | None) -> str:
    """Put the ports of the instance that runs in place of those shown."""
    if ports is None:
        return text
    return text.replace(REST_AS_SHOWN, f"127.0.0.1:{ports[0]}").replace(CHAT_AS_SHOWN, f"127.0.0.1:{ports[1]}")


def marked_bash(page: Path, *, on_services: bool = False) -> str:
    """The marked shell blocks of a page as one script: a variable of one block is there in the next."""
    return "\n".join(
        block.text
        for block in blocks(page)
        if block.language == "bash" and block.is_marked and block.on_services == on_services
    )


def links(page: Path) -> Iterator[str]:
    """The targets of all links of a page, those inside code left out."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text("utf-8")))
    yield from _LINK.findall(prose)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    prose = _FENCE.sub("", page.read_text("utf-8"))
    found: dict[str, int] = {}
    made = set()
    for heading in re.findall(r"^#{1,6} (.*)$", prose, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        n = found.get(slug, 0)
        made.add(slug if n == 0 else f"{slug}-{n}")
        found[slug] = n + 1
    return made


def generator() -> Any:
    """Import ``docs/generate.py``."""
    if str(DOCS) not in sys.path:
        sys.path.insert(0, str(DOCS))
    import generate

    return generate
