"""Commands of the operator about what is on its way out: how much waits, what was given up, telling it once more."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click

from coachhub_cli.options import data_option, settings_for
from coachhub_core.bootstrap import bootstrap


@click.group()
def outbox() -> None:
    """See what is on its way to plugins, the index and inboxes, and send again what was given up."""


@outbox.command("status")
@data_option
def status(data: Path | None) -> None:
    """Say how many events wait, for how long, and how many were given up."""
    with bootstrap(settings_for(data)) as hub:
        found = hub.due.backlog()
    click.echo(f"waiting {found.n_waiting}, the oldest for {found.oldest_seconds:.0f} s; given up {found.n_dead}")


@outbox.command("dead")
@data_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
def dead(data: Path | None, limit: int) -> None:
    """List events that were given up, the oldest first, with what the last try said."""
    with bootstrap(settings_for(data)) as hub:
        letters = hub.due.dead(limit)
    for letter in letters:
        when = f"{letter.created_at:%Y-%m-%d %H:%M:%S}Z"
        click.echo(f"{letter.id}  {when}  {letter.type}  {letter.n_attempts} tries: {letter.error}")
    click.echo(f"{len(letters)} given up", err=True)


@outbox.command("replay")
@data_option
@click.option("--all", "is_all", is_flag=True, help="All that were given up.")
@click.argument("ids", nargs=-1, type=click.UUID)
def replay(data: Path | None, is_all: bool, ids: tuple[UUID, ...]) -> None:
    """Let events be told once more, by id or all of them; the worker does it."""
    if is_all == bool(ids):
        raise click.UsageError("name the ids of events, or say --all")
    with bootstrap(settings_for(data)) as hub:
        n = hub.due.replay(None if is_all else ids)
    click.echo(f"{n} will be told again")
