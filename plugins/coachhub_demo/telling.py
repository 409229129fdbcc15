"""Tells the story: panels on a terminal, plain text otherwise."""

from __future__ import annotations

import textwrap
from typing import Final

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_WIDTH: Final = 100


class Teller:
    """Shows one step after another: what it is about, what was done, what came of it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._n = 0
        self._title = ""
        self._about = ""
        self._lines: list[tuple[str, str]] = []

    @property
    def _is_rich(self) -> bool:
        return self._console.is_terminal

    def say(self, text: str) -> None:
        """Say something between the steps."""
        self._console.print(text, markup=False, soft_wrap=not self._is_rich)

    def begin(self, title: str, about: str) -> None:
        """Begin a step; *about* tells a person who has never seen CoachHub what it is for."""
        self._n += 1
        self._title, self._about, self._lines = title, " ".join(about.split()), []

    def did(self, what: str) -> None:
        """Say what was sent, to which door."""
        self._lines.append(("→", what))

    def came(self, what: str) -> None:
        """Say what came of it."""
        self._lines.append(("✓", what))

    def end(self) -> None:
        """Show the step: it did what it says."""
        self._show("green")

    def fail(self, why: str) -> None:
        """Show the step and what was wrong with it."""
        self._lines.append(("✗", why))
        self._show("red")

    def _show(self, colour: str) -> None:
        title = f"{self._n}. {self._title}"
        if self._is_rich:
            marks = {"→": "cyan", "✓": "green", "✗": "bold red"}
            lines = Table.grid(padding=(0, 1))  # what is too long for a line goes on below itself, not below its mark
            for mark, text in self._lines:
                lines.add_row(Text(mark, marks[mark]), Text(text))
            told = Group(Text(self._about, "dim"), "", lines)
            panel = Panel(told, title=escape(title), title_align="left", border_style=colour)
            self._console.print(panel, width=min(_WIDTH, self._console.width))
            return
        out = ["", title, *textwrap.wrap(self._about, _WIDTH, initial_indent="   ", subsequent_indent="   ")]
        for mark, text in self._lines:
            first, *more = text.splitlines() or [""]
            out += [f"   {mark} {first}", *(f"     {line}" for line in more)]
        self._console.print("\n".join(out), markup=False, soft_wrap=True)
