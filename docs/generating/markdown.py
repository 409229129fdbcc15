"""The few forms of Markdown that the generated pages use."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, get_args

import attrs

NOTE: Final = "<!-- Written by docs/generate.py from the code. Change the code, or the module in docs/generating. -->"


def page(title: str, *parts: str) -> str:
    """Return a whole page: the note that it is generated, its title, its parts with a blank line between."""
    return "\n\n".join((NOTE, f"# {title}", *(part.strip("\n") for part in parts if part))) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar inside a cell is escaped."""
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def code(text: str) -> str:
    """Return *text* as code inside a line; nothing for nothing."""
    return f"`{text}`" if text else ""


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown: its roles and double backticks become code, its version a line of its own."""
    text = inspect.cleandoc(docstring or "")
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    text = text.replace("``", "`")
    return re.sub(r"\.\. versionadded:: (\S+)", r"*Since \1.*", text)


def sentence(docstring: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return prose(docstring).partition("\n\n")[0].replace("\n", " ")


def type_name(tp: Any) -> str:
    """Return a type as one writes it, without the modules it comes from."""
    if isinstance(tp, str):
        text = tp.strip("'\"")
    elif isinstance(tp, type) and not get_args(tp):
        text = tp.__qualname__ if tp is not type(None) else "None"
    else:
        text = str(tp)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)


def signature(function: Callable[..., Any], *, name: str = "", leave_out: Iterable[str] = ("self",)) -> str:
    """Return name, parameters and return type as they are written in the code."""
    found = inspect.signature(function)
    parts: list[str] = []
    is_keyword_only = False
    for parameter in found.parameters.values():
        if parameter.name in leave_out:
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not is_keyword_only:
            parts.append("*")
            is_keyword_only = True
        text = parameter.name
        if parameter.annotation is not inspect.Parameter.empty:
            text += f": {type_name(parameter.annotation)}"
        if parameter.default is not inspect.Parameter.empty:
            shown = "..." if parameter.default is attrs.NOTHING else repr(parameter.default)
            text += f" = {shown}"
        parts.append(text)
    answer = found.return_annotation
    arrow = "" if answer is inspect.Signature.empty or isinstance(function, type) else f" -> {type_name(answer)}"
    return f"{name or function.__name__}({', '.join(parts)}){arrow}"
