"""``coachhub plugin``: begin a package of one's own."""

from __future__ import annotations

import keyword
import re
import shutil
import sys
from importlib.metadata import distributions, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from coachhub_cli.plugin_files import plugin_files
from coachhub_core.config import Settings
from coachhub_core.hookspecs import PROJECT
from coachhub_core.plugins import load_plugins, merge_offers

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME_CHARS: Final = 50


@click.group()
def plugin() -> None:
    """Begin a plugin: a package that CoachHub finds by itself."""


def _name(ctx: click.Context, parameter: click.Parameter, name: str) -> str:
    """Refuse a name that could be no package, no module, or is somebody else's."""
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} is no name: small letters, digits and single hyphens, a letter first, "
            f"at most {MAX_NAME_CHARS} characters; such as my-matcher"
        )
    module = name.replace("-", "_")
    offered = merge_offers("coachhub_matchers", load_plugins().hook.coachhub_matchers(settings=Settings()))
    if name in offered:
        raise click.BadParameter(f"a matcher {name!r} is offered already, and a name is given once")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or find_spec(module) is not None:
        raise click.BadParameter(f"{name!r} would be the module {module!r}, and Python has one of that name already")
    if name in {re.sub(r"[-_.]+", "-", installed.name).lower() for installed in distributions() if installed.name}:
        raise click.BadParameter(f"a package {name!r} is installed already, and yours would take its place")
    if name in entry_points(group=PROJECT).names:  # by this name a plugin is registered, and once
        raise click.BadParameter(f"a plugin {name!r} is installed already, and a name is given once")
    return name


@plugin.command("new")
@click.argument("name", callback=_name)
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="DIR", help="The folder to make [NAME, in the current folder]."
)
def new(name: str, to: Path | None) -> None:
    """
    Write a package that offers the matcher NAME: fifteen lines of idea, the hook, a test with the kit.

    What is written installs, passes its test and is selected by NAME; the idea
    in it is yours to change. A folder that is there already is left alone.
    """
    folder = to if to is not None else Path(name)
    try:
        folder.mkdir()
    except FileExistsError:
        raise click.ClickException(f"{folder} is there already; name another one with --to") from None
    except OSError as exc:
        raise click.ClickException(f"{folder} cannot be made: {exc.strerror}") from None
    try:
        for path, text in plugin_files(name).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            click.echo(f"{folder / path}")
    except OSError as exc:
        shutil.rmtree(folder, ignore_errors=True)
        raise click.ClickException(f"{folder} cannot be written: {exc.strerror}") from None
    click.echo(
        f"\nNext:\n  cd {folder}\n  pip install -e '.[test]'\n  pytest\n"
        f"  COACHHUB_MATCHING_MATCHER={name} coachhub up --data studio --demo"
    )
