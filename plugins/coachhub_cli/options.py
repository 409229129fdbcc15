"""How a command gets its settings: the file, then the environment, then its own options."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from coachhub_core.config import Settings
from coachhub_core.environment import PARENT, load_settings

F = TypeVar("F", bound=Callable[..., Any])


def data_option(command: F) -> F:
    """Add ``--data DIR``."""
    return click.option(
        "--data", type=click.Path(path_type=Path), metavar="DIR", help="The data folder [COACHHUB_DATA]."
    )(command)


def environment(**overrides: object) -> dict[str, str]:
    """Return the environment with *overrides* laid on top; None leaves a name as it is."""
    found = {name: value for name, value in os.environ.items() if name != PARENT}
    found.update({name: str(value) for name, value in overrides.items() if value is not None})
    return found


def settings_for(data: Path | None) -> Settings:
    """Return the settings for a command that takes ``--data`` alone."""
    return load_settings(environment(COACHHUB_DATA=data), Path())
