"""What a process is told from outside: where its settings file lies, and whose child it is. One rule for every door."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coachhub_core.config import Settings

PARENT: Final = "COACHHUB_PARENT_PID"
"""Set for its children by who supervises them: when that process is gone, they end. It is no setting."""

FILE_NAME: Final = "coachhub.toml"
_DATA: Final = "coachhub-data"


def load_settings(environ: Mapping[str, str], folder: Path) -> Settings:
    """
    Read the settings: ``coachhub.toml`` in *folder*, else in the data folder, and then *environ*.

    An empty name counts as absent, as it does in :meth:`Settings.load`.

    Raises:
        SettingsError: Naming every wrong setting.
    """
    known = {name: value for name, value in environ.items() if name != PARENT}
    places = (folder, folder / (known.get("COACHHUB_DATA") or _DATA))
    file = next((place / FILE_NAME for place in places if (place / FILE_NAME).is_file()), None)
    return Settings.load(file, known)


def parent_of(environ: Mapping[str, str]) -> int | None:
    """Return the process whose end is this one's, or None."""
    said = environ.get(PARENT, "")
    return int(said) if said.isdigit() and int(said) > 0 else None
