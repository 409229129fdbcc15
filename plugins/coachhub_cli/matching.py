"""``coachhub match``: learn from what became of suggestions, and let what was learned serve."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs
import click
import msgspec

from coachhub_cli.benching import bench
from coachhub_cli.evaluation_report import show_evaluation
from coachhub_cli.explaining import explain
from coachhub_cli.options import data_option, settings_for
from coachhub_cli.plots import check_plots, draw
from coachhub_cli.progress import counting, lasting
from coachhub_cli.promoting import figures_of
from coachhub_cli.promoting import promote as put_live
from coachhub_cli.resuming import Resuming
from coachhub_cli.shadow import shadow
from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings
from coachhub_core.errors import Invalid
from coachhub_core.matching import CoachMatcher, CoachTable
from coachhub_core.matching.climates import by_climate
from coachhub_core.matching.evaluated import Evaluation, as_document
from coachhub_core.matching.evaluating import evaluate
from coachhub_core.ports.matcher import Deadline, Stages
from coachhub_core.services.training import TrainingData, training_data


@click.group()
def match() -> None:
    """Train the matcher on what became of suggestions, and look into it."""


match.add_command(explain)
match.add_command(bench)
match.add_command(shadow)


@match.command()
@data_option
@click.option("--matcher", default="duet", show_default=True, help="A matcher an installed plugin offers.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The artefact to write.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out what happened before (UTC).")
@click.option("--seed", type=int, default=0, show_default=True, help="The same log and seed give the same model.")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Learn no longer; with --promote, each of the two times.",
)
@click.option(
    "--prior",
    "prior_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A model that learned elsewhere, to lean on where the log tells little.",
)
@click.option("--restart", is_flag=True, help="Begin anew, even where a training was ended that could go on.")
@click.option("--promote", is_flag=True, help="First do what eval does; when it passes, let the model become live.")
@click.pass_context
def train(
    ctx: click.Context,
    data: Path | None,
    matcher: str,
    to: Path | None,
    since: datetime | None,
    seed: int,
    deadline: float | None,
    prior_file: Path | None,
    restart: bool,
    promote: bool,
) -> None:
    """
    Learn from the log and write an artefact; prints the model's id.

    Nothing is served by it until ``matching.artefact`` names the file. Without
    ``--to`` it is written to ``model.zip`` in the data folder.

    With ``--promote`` it takes the place of the file ``matching.artefact`` names,
    whose former content is kept beside it as ``.previous``; servers take it up
    within seconds. A model worse than the live one beyond the interval, one that too
    few trainees can speak for, or one the deadline cut short is not promoted:
    nothing is written, and the exit code is 1.

    With ``--prior`` what columns say is drawn towards what they said in that model,
    the more the less the log tells. Give one that learned from other people: with
    ``--promote``, one that learned from the newest part of this log favours itself.

    A training that was ended, by Ctrl-C, a kill or the deadline, goes on from its
    last finished stage when the same command is given again within a week: with
    the log as it was when it began, and to the same model. What it needs for that
    lies in a folder beside the artefact, ``.training``, until the model is written.
    """
    settings = settings_for(data)
    target = to if to is not None else (settings.data or Path()) / "model.zip"
    if promote:
        if to is not None:
            raise click.UsageError("--promote writes where matching.artefact points; leave --to out")
        if settings.matching.matcher not in ("", matcher):
            raise click.UsageError(f"matching.matcher is {settings.matching.matcher!r}, which cannot load {matcher!r}")
        target = Path(settings.matching.artefact or target)
    target = target.absolute()
    prior = None if prior_file is None else CoachMatcher.load(prior_file)
    if prior is not None and prior.name != matcher:
        raise click.UsageError(f"--prior is a model of {prior.name!r}, and {matcher!r} is to learn")
    of = None if prior is None else prior.model_id
    resuming = Resuming.of(settings, target, matcher=matcher, since=since, seed=seed, prior=of)
    if restart:
        resuming.done()
    found = _learned_from(settings, since, resuming)
    click.echo(f"{len(found.log)} events of {len(found.trainees)} trainees and {len(found.coaches)} coaches", err=True)
    figures: dict[str, float] | None = None
    if promote:
        try:
            made = _evaluated(settings, found, matcher, seed, deadline, stages=resuming.stages("eval"), prior=prior)
        except Invalid:  # the log is too short to say anything: that is no training that could go on
            resuming.done()
            raise
        show_evaluation(made)
        if why := _refusal(made):
            if not made.is_partial:
                resuming.done()
            click.echo(f"not promoted: {why}", err=True)
            ctx.exit(1)
        figures = figures_of(made)
    with _learning("Learning", deadline) as until:
        model = CoachMatcher.fit(
            found.log,
            found.coaches,
            found.trainees,
            matcher=matcher,
            seed=seed,
            deadline=until,
            consent=settings.matching.sensitive_columns,
            prior=prior,
            metrics=figures,
            stages=resuming.stages(),
        )
        is_cut_short = until.is_over()
    if promote and is_cut_short:
        click.echo("not promoted: the deadline was over before learning was", err=True)
        ctx.exit(1)
    if is_cut_short:
        click.echo("the deadline is over: this is the best so far; the same command goes on from here", err=True)
    if not promote:
        model_id = model.save(target)
        if not is_cut_short:
            resuming.done()
        click.echo(f"{target}\nmodel_id {model_id}")
        return
    put_live(model, target)
    resuming.done()
    click.echo(f"promoted {target}\nmodel_id {model.model_id}")
    if settings.matching.artefact:
        click.echo("servers that run take it within seconds of the next question; no restart is needed")
    else:
        click.echo(f'serve it by [matching] artefact = "{target}" in coachhub.toml, and a restart')


def _learned_from(settings: Settings, since: datetime | None = None, resuming: Resuming | None = None) -> TrainingData:
    with bootstrap(settings) as hub:

        def read() -> TrainingData:
            first = None if since is None else since.replace(tzinfo=UTC)
            found = training_data(hub.storage, hub.clock, hub.vocabulary, since=first)
            served = hub.suggestions.host.with_features  # what a model is asked with, it has to have learned from
            return attrs.evolve(found, coaches=served(found.coaches), trainees=served(found.trainees))

        return read() if resuming is None else resuming.data(hub, read)


def live_model(settings: Settings, coaches: CoachTable) -> CoachMatcher:
    """Open what the settings serve: the artefact, or the matcher before it has learned anything."""
    chosen = settings.matching
    return CoachMatcher(
        Path(chosen.artefact) if chosen.artefact else None,
        coaches=coaches,
        matcher=chosen.matcher or None,
        consent=chosen.sensitive_columns,
    )


def _evaluated(
    settings: Settings,
    found: TrainingData,
    matcher: str,
    seed: int,
    deadline: float | None = None,
    stages: Callable[[str], Stages] | None = None,
    prior: CoachMatcher | None = None,
) -> Evaluation:
    live = live_model(settings, found.coaches)
    with _learning("Evaluating", deadline) as until:
        return evaluate(
            found.log,
            found.coaches,
            found.trainees,
            live=live,
            matcher=matcher,
            seed=seed,
            deadline=until,
            consent=settings.matching.sensitive_columns,
            stages=stages,
            prior=prior,
        )


def _refusal(made: Evaluation) -> str | None:
    """Say why nothing may be promoted; None where it may."""
    if made.is_partial:
        return "the deadline was over before learning was"
    return "it is worse than the live one" if made.is_worse else None


@contextmanager
def _learning(what: str, seconds: float | None) -> Iterator[Deadline]:
    """Give a deadline that shows how long the matcher has been at it whenever the matcher looks at it."""
    started = time.monotonic()
    with lasting(what, seconds) as progress:

        def clock() -> float:
            now = time.monotonic()
            progress(now - started)
            return now

        yield Deadline(math.inf if seconds is None else started + seconds, clock)


@match.command("eval")
@data_option
@click.option("--matcher", default="duet", show_default=True, help="A matcher an installed plugin offers.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same log and seed give the same figures.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Draw pictures there.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, for programs.")
@click.pass_context
def evaluate_(
    ctx: click.Context, data: Path | None, matcher: str, seed: int, plots: Path | None, as_json: bool
) -> None:
    """
    Say whether training would make lists better.

    Learns from the older four fifths of the log and orders coaches for those who
    asked one in the newest fifth, beside what is live (``matching.artefact``, or
    what answers without one), popularity, and content alone: the words and labels
    both sides share. Exits with 1 when it is worse than the live one beyond the
    95 % interval.

    A table for everybody, one for new coaches and one for new trainees, of whom
    the model had no event: nDCG@10, recall@10 and MAP of the lists; success@3, the
    share of the first three places with whom both said yes; of the pairs that
    answered, by step and for both sides together, AUC, log loss, and how far the
    probabilities are off. "none" is said of a difference whose interval holds 0, and
    a figure that cannot be had is said to be n/a, with the reason below.

    Then what the lists do to people: the share of all places that the most shown
    tenth of the coaches has, the share of coaches on a list at all, and, when each
    trainee in turn takes the first on the list with a seat, the seats used, the
    lowest place anybody ended with, and how many got nobody. At last how long
    learning and a list took here.

    With ``--plots`` the same as pictures, and beside them how well the matcher does
    in the nine climates of the synthetic market; needs ``coachhub[plots]``.
    """
    if plots is not None:
        check_plots()
    settings = settings_for(data)
    found = _learned_from(settings)
    made = _evaluated(settings, found, matcher, seed)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(as_document(made))).decode())
    else:
        show_evaluation(made)
    if plots is not None:
        with counting("Climates") as tell:
            climates = by_climate(matcher, live=live_model(settings, found.coaches).name, seed=seed, tell=tell)
        for path in draw(made, climates, plots):
            click.echo(f"drawn {path}", err=as_json)
    if made.is_worse:
        ctx.exit(1)
