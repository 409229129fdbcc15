"""Backups from the command line: make one, read it back, restore it. The use cases are the core's."""

from __future__ import annotations

from collections.abc import Mapping

from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.offers import CommandOffer


def _backup() -> object:
    from coachhub_backup.commands import backup  # click and rich load when somebody asks

    return backup


@hookimpl
def coachhub_commands() -> Mapping[str, CommandOffer]:
    """Offer what keeps an installation from being lost."""
    return {"backup": CommandOffer(make=_backup, help="Make, verify, list and restore backups.")}
