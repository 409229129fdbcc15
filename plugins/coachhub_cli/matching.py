"""``coachhub match``: learn from what became of suggestions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from coachhub_cli.benching import bench
from coachhub_cli.explaining import explain
from coachhub_cli.options import data_option, settings_for
from coachhub_core.bootstrap import bootstrap
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.evaluating import evaluate
from coachhub_core.services.training import training_data


@click.group()
def match() -> None:
    """Train the matcher on what became of suggestions, and look into it."""


match.add_command(explain)
match.add_command(bench)


@match.command()
@data_option
@click.option("--matcher", default="duet", show_default=True, help="A matcher an installed plugin offers.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The artefact to write.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out what happened before (UTC).")
@click.option("--seed", type=int, default=0, show_default=True, help="The same log and seed give the same model.")
def train(data: Path | None, matcher: str, to: Path | None, since: datetime | None, seed: int) -> None:
    """
    Learn from the log and write an artefact; prints the model's id.

    Nothing is served by it until ``matching.artefact`` names the file. Without
    ``--to`` it is written to ``model.zip`` in the data folder.
    """
    settings = settings_for(data)
    with bootstrap(settings) as hub:
        first = None if since is None else since.replace(tzinfo=UTC)
        found = training_data(hub.storage, hub.clock, hub.vocabulary, since=first)
    target = to if to is not None else (settings.data or Path()) / "model.zip"
    click.echo(f"{len(found.log)} events of {len(found.trainees)} trainees and {len(found.coaches)} coaches", err=True)
    model = CoachMatcher.fit(found.log, found.coaches, found.trainees, matcher=matcher, seed=seed)
    model_id = model.save(target.absolute())
    click.echo(f"{target}\nmodel_id {model_id}")


@match.command("eval")
@data_option
@click.option("--matcher", default="duet", show_default=True, help="A matcher an installed plugin offers.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same log and seed give the same figures.")
@click.pass_context
def evaluate_(ctx: click.Context, data: Path | None, matcher: str, seed: int) -> None:
    """
    Say whether training would make lists better.

    Learns from the older four fifths of the log and orders coaches for those who
    asked one in the newest fifth, beside what is live (``matching.artefact``, or
    what answers without one) and popularity. Exits with 1 when it is worse than the
    live one beyond the 95 % interval.
    """
    settings = settings_for(data)
    with bootstrap(settings) as hub:
        found = training_data(hub.storage, hub.clock, hub.vocabulary)
    artefact = Path(settings.matching.artefact) if settings.matching.artefact else None
    live = CoachMatcher(artefact, coaches=found.coaches)
    made = evaluate(found.log, found.coaches, found.trainees, live=live, matcher=matcher, seed=seed)
    click.echo(f"nDCG@10 over {made.n_trainees} trainees: " + ", ".join(f"{n} {v:.3f}" for n, v in made.ndcg.items()))
    for name, (mean, low, high) in made.gains.items():
        word = "better than" if low > 0 else "worse than" if high < 0 else "no different from"
        click.echo(f"{word} {name}: {mean:+.3f} [{low:+.3f} {high:+.3f}]")
    if made.is_worse:
        ctx.exit(1)
