"""The page of the command line: every command that the packages of this repository offer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import click

import coachhub_backup
import coachhub_cli
import coachhub_demo
from coachhub_core.plugins import load_plugins, merge_offers
from generating.markdown import page, table

PLUGINS: Final = (coachhub_cli, coachhub_demo, coachhub_backup)

INTRO: Final = """
Every command reads the settings as `coachhub up` does ([settings](settings.md)); `--data DIR` names the instance.
Commands work beside a running server: what they change is seen by its next request.

Exit codes: 0 done, 1 refused (one sentence says why), 2 a wrong setting or wrong words, 130 interrupted.

A plugin adds commands of its own through the hook [`coachhub_commands`](hooks.md).
"""


def commands_page() -> str:
    """Return the page."""
    offers = merge_offers("coachhub_commands", load_plugins(PLUGINS).hook.coachhub_commands())
    parts = [INTRO]
    for name, offer in sorted(offers.items()):
        command = offer.make()
        if not isinstance(command, click.Command):
            raise TypeError(f"the command {name!r} is no click command")
        parts += [_described(path, each) for path, each in _walk(name, command)]
    return page("Command line", *parts)


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, each in sorted(command.commands.items()):
            yield from _walk(f"{path} {name}", each)


def _described(path: str, command: click.Command) -> str:
    level = "##" if " " not in path else "###"
    text = inspect.cleandoc(command.help or "")
    parts = [f"{level} coachhub {path}"]
    if not isinstance(command, click.Group):
        words = " ".join(_word(p) for p in command.params)
        parts.append(f"```text\ncoachhub {path} {words}".rstrip() + "\n```")
    parts.append(text)
    rows = [_option(p) for p in command.params if isinstance(p, click.Option)]
    if rows:
        parts.append(table(("option", "what it does", "by default"), rows))
    return "\n\n".join(parts)


def _word(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(click.Command("x")))
    name = parameter.opts[-1]
    metavar = parameter.metavar or (parameter.type.name.upper() if parameter.type.name else "")
    if isinstance(parameter.type, click.Choice):
        metavar = "|".join(str(choice) for choice in parameter.type.choices)
    shown = name if isinstance(parameter, click.Option) and parameter.is_flag else f"{name} {metavar}"
    return shown if parameter.required else f"[{shown}]"


def _option(option: click.Option) -> tuple[str, str, str]:
    name = ", ".join(f"`{opt}`" for opt in option.opts)
    default: Any = option.to_info_dict().get("default")
    is_shown = default not in (None, "", ()) and not option.is_flag and "UNSET" not in str(default).upper()
    required = " Must be given." if option.required else ""
    return name, (option.help or "") + required, f"`{default}`" if is_shown else ""
