"""A population to look at, and the story of one person played through the real doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.offers import CommandOffer

if TYPE_CHECKING:
    from coachhub_core.bootstrap import CoachHub


def fill(hub: CoachHub, tell: Callable[[str], None]) -> None:
    """Fill an empty instance with coaches, trainees and their past; ``coachhub up --demo`` calls this."""
    from coachhub_demo.filling import fill as fill_now  # names, texts and rich load when somebody asks

    fill_now(hub, tell)


def _demo() -> object:
    from coachhub_demo.command import demo

    return demo


@hookimpl
def coachhub_commands() -> Mapping[str, CommandOffer]:
    """Offer the story."""
    return {"demo": CommandOffer(make=_demo, help="Play one person's story through a server started for it.")}
