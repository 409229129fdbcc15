"""How a command gets its settings: the file, then the environment, then its own options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from coachhub_core.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

FILE_NAME: Final = "coachhub.toml"
INTERNAL: Final = ("COACHHUB_PARENT_PID",)  # told to children, no setting


def data_option(command: F) -> F:
    """Add ``--data DIR``."""
    return click.option(
        "--data", type=click.Path(path_type=Path), metavar="DIR", help="The data folder [COACHHUB_DATA]."
    )(command)


def environment(**overrides: object) -> dict[str, str]:
    """Return the environment with *overrides* laid on top; None leaves a name as it is."""
    found = {name: value for name, value in os.environ.items() if name not in INTERNAL}
    found.update({name: str(value) for name, value in overrides.items() if value is not None})
    return found


def load(environ: Mapping[str, str]) -> Settings:
    """
    Read the settings a child process would read: the file here or in the data folder, then the environment.

    Raises:
        SettingsError: Naming every wrong one.
    """
    here = Path(FILE_NAME)
    if here.is_file():
        return Settings.load(here, environ)
    data = Path(environ.get("COACHHUB_DATA") or "coachhub-data") / FILE_NAME
    return Settings.load(data if data.is_file() else None, environ)


def settings_for(data: Path | None) -> Settings:
    """Return the settings for a command that takes ``--data`` alone."""
    return load(environment(COACHHUB_DATA=data))
