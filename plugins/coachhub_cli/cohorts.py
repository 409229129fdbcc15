"""``coachhub match cohort`` and ``coachhub match certify``: place many trainees at once, and check any placement."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import attrs
import click

from coachhub_cli.cohort_files import (
    Claim,
    Question,
    claim_document,
    read_claim,
    read_placement,
    read_question,
    write,
)
from coachhub_cli.cohort_report import Crowd, LeftOut, Report, show, show_certificate
from coachhub_cli.cohort_runs import dry_run, run
from coachhub_cli.matching import match
from coachhub_cli.options import data_option, settings_for
from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings
from coachhub_core.domain.cohorts import (
    MAX_NEED,
    CreateCohortRun,
)
from coachhub_core.errors import PluginError
from coachhub_core.matching.certifying import Certificate, certify_as
from coachhub_core.matching.conflicting import conflicts
from coachhub_core.matching.placing import place
from coachhub_core.plugins import load_plugins, merge_offers

_MAX_SETS: Final = 20


@match.command("cohort")
@data_option
@click.option("--mode", help="stable, welfare, exact or worst_first [matching.mode].")
@click.option("--need", type=click.IntRange(1, MAX_NEED), help="Coaches for each trainee [1].")
@click.option("--max-per-coach", type=click.IntRange(1), help="Give no coach more than so many.")
@click.option("--trainee", "trainees", multiple=True, type=click.UUID, help="Only this one; may be repeated.")
@click.option("--run", "run_id", type=click.UUID, help="Go on with a run that was made before.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only show what would come out; write nothing.")
@click.option("--apply", "is_applied", is_flag=True, help="Ask the coaches: each placement becomes a request.")
@click.option("--partial", is_flag=True, help="With --apply: also where somebody was left out, or a seat has gone.")
@click.option("--scores", type=click.Path(path_type=Path, dir_okay=False), help="Instead of the database: the pairs.")
@click.option("--seats", type=click.Path(path_type=Path, dir_okay=False), help="With --scores: the coaches' seats.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="With --scores: write what certify reads.")
def cohort(
    data: Path | None,
    mode: str | None,
    need: int | None,
    max_per_coach: int | None,
    trainees: tuple[UUID, ...],
    run_id: UUID | None,
    is_dry: bool,
    is_applied: bool,
    partial: bool,
    scores: Path | None,
    seats: Path | None,
    out: Path | None,
) -> int:
    """
    Place everybody who is without a coach, and show how good that is.

    From the database: everybody active who has said a goal and has neither a
    coach nor an open request. Nothing changes until --apply, and then the
    coaches are asked; nobody has a seat before a coach accepts. With --scores
    and --seats it places whoever stands in two files, CSV or JSON, and touches
    no database.
    """
    if (scores is None) != (seats is None):
        raise click.UsageError("--scores and --seats are given together")
    if scores is not None and seats is not None:
        if is_dry or is_applied or run_id is not None or trainees:
            raise click.UsageError("--dry-run, --apply, --run and --trainee are for the database, not for files")
        return _from_files(settings_for(data), scores, seats, mode, need or 1, max_per_coach, out)
    if out is not None:
        raise click.UsageError("--out goes with --scores and --seats")
    if is_dry and (is_applied or run_id is not None):
        raise click.UsageError("--dry-run writes nothing: it goes with neither --apply nor --run")
    if partial and not is_applied:
        raise click.UsageError("--partial goes with --apply")
    if run_id is not None and (mode or need or max_per_coach or trainees):
        raise click.UsageError("--run goes on with what that run was asked for; leave the other options out")
    with bootstrap(settings_for(data)) as hub:
        command = CreateCohortRun(mode=mode, trainee_ids=trainees or None, need=need or 1, max_per_coach=max_per_coach)
        if is_dry:
            return dry_run(hub, command)
        return run(hub, command, run_id, is_applied=is_applied, partial=partial)


@match.command("certify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--scores", type=click.Path(path_type=Path, dir_okay=False), help="The pairs, where FILE holds none.")
@click.option("--seats", type=click.Path(path_type=Path, dir_okay=False), help="The coaches' seats, likewise.")
@click.option("--need", type=click.IntRange(0, 1_000), help="Coaches for each trainee [what FILE says, or 1].")
@click.option("--mode", help="What it claims to be: stable, welfare, exact or worst_first [what FILE says].")
def certify_(file: Path, scores: Path | None, seats: Path | None, need: int | None, mode: str | None) -> int:
    """
    Check anybody's placement against its scores and seats.

    FILE is what ``coachhub match cohort --out`` wrote, or rows of trainee and
    coach beside --scores and --seats. Shares no code with who placed them.
    Exits with 1 when a rule is broken or what the mode claims does not hold.
    """
    if (scores is None) != (seats is None):
        raise click.UsageError("--scores and --seats are given together")
    if scores is not None and seats is not None:
        claim = read_placement(file, read_question(scores, seats), need)
    else:
        claim = read_claim(file, need)
    mode = mode or claim.mode
    said = _as_said(_certified(claim, mode), claim.question)
    click.echo(
        f"{len(claim.question.trainees)} trainees, {len(claim.question.coaches)} coaches, "
        f"{_n_pairs(claim)} pairs; it claims {'nothing' if mode is None else 'to be ' + mode}"
    )
    holds = show_certificate(mode, said) and _is_proved(mode, said)
    click.echo(click.style("\nit holds" if holds else "\nit does not hold", bold=True))
    return 0 if holds else 1


# ── files ───────────────────────────────────────────────────────────────────


def _from_files(
    settings: Settings,
    scores: Path,
    seats: Path,
    mode: str | None,
    need: int,
    max_per_coach: int | None,
    out: Path | None,
) -> int:
    question = read_question(scores, seats)
    if max_per_coach is not None:
        question = attrs.evolve(question, seats=[min(n, max_per_coach) for n in question.seats])
    mode = mode or settings.matching.mode
    name, offers = _assigner(settings)
    n = len(question.trainees)
    made = place(
        question.lists,
        question.scores,
        question.seats,
        need=[need] * n,
        coach_scores=question.coach_scores,
        mode=mode,
        assigner=name,
        offers=offers,
    )
    claim = Claim(
        question=question,
        coaches=made.coaches.tolist(),
        need=need,
        mode=mode,
        prices=None if made.prices is None else made.prices.tolist(),
        crowd=made.certificate.get("crowd"),
        crowd_at_floor=made.certificate.get("crowd_at_floor"),
        weights=made.certificate.get("weights"),
        weighted_prices=made.certificate.get("weighted_prices"),
    )
    found = _certified(claim, mode)
    left_out, crowds = _conflicts(claim)
    show(
        Report(
            title=f"{mode} by {name}",
            n_trainees=n,
            n_placed=found.n_placed,
            n_pairs=_n_pairs(claim),
            n_seats=sum(question.seats),
            mode=mode,
            certificate=_as_said(found, question),
            left_out=left_out,
            crowds=crowds,
        )
    )
    if out is None:
        click.echo(click.style("\nplacement", bold=True))
        for trainee, row in zip(question.trainees, claim.coaches, strict=True):
            names = ", ".join(question.coaches[c] for c in row if c >= 0)
            click.echo(f"  {trainee} → {names or '–'}")
    else:
        write(claim_document(claim), out)
        click.echo(f"\nwritten to {out}; anybody can check it: coachhub match certify {out}")
    return 0


def _n_pairs(claim: Claim) -> int:
    return sum(coach >= 0 for row in claim.coaches for coach in row)


def _assigner(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Return the assigner of the settings; what ships where nobody chose one and no plugin can."""
    offers = merge_offers("coachhub_assigners", load_plugins().hook.coachhub_assigners(settings=settings))
    name = settings.matching.assigner
    if name == Settings().matching.assigner:
        try:
            offers[name].make()
        except (KeyError, PluginError):
            name = "plain"
    return name, offers


def _certified(claim: Claim, mode: str | None) -> Certificate:
    q = claim.question
    return certify_as(
        mode,
        q.lists,
        q.scores,
        q.seats,
        claim.coaches,
        need=[claim.need] * len(q.trainees),
        coach_scores=q.coach_scores,
        prices=claim.prices,
        crowd=claim.crowd,
        crowd_at_floor=claim.crowd_at_floor,
        weights=claim.weights,
        weighted_prices=claim.weighted_prices,
    )


def _as_said(found: Certificate, question: Question) -> dict[str, Any]:
    """Return the certificate's members, with the names of the files in place of numbers."""
    proofs = ("value", "worst", "n_blocking", "gap", "bound", "is_most", "is_worst_best")
    names = (*proofs, "seats_used", "top_tenth", "worst_place", "least_mean", "least_mean_bound")

    def named(rule: re.Match[str]) -> str:
        listed = question.trainees if rule[1] == "trainee" else question.coaches
        return f"{rule[1]} {listed[int(rule[2])]}"

    broken = [re.sub(r"\b(trainee|coach) (\d+)\b", named, rule) for rule in found.broken]
    return {**{name: getattr(found, name) for name in names}, "broken": broken}


def _is_proved(mode: str | None, said: dict[str, Any]) -> bool:
    """Tell whether there is a proof at all of what the mode claims."""
    missing = {"welfare": said["gap"] is None, "exact": said["gap"] is None}
    missing["worst_first"] = said["is_worst_best"] is None and said["least_mean_bound"] is None
    if missing.get(mode or "", False):
        click.echo(
            f"  {click.style('✗', fg='red')} nothing in the file proves {mode}: it needs prices, a crowd, or weights"
        )
        return False
    return True


def _conflicts(claim: Claim) -> tuple[list[LeftOut], list[Crowd]]:
    q = claim.question
    found = conflicts(
        q.lists,
        q.scores,
        q.seats,
        claim.coaches,
        need=[claim.need] * len(q.trainees),
        coach_scores=q.coach_scores,
    )
    sets: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    left_out = []
    for one in found:
        name = q.trainees[one.trainee]
        if not one.trainees:
            left_out.append(LeftOut(name, "others_first"))
        elif len(one.trainees) == 1:
            left_out.append(LeftOut(name, "no_coach"))
        else:
            key = (tuple(t for t in one.trainees if t != one.trainee), one.coaches)
            if key not in sets and len(sets) >= _MAX_SETS:
                left_out.append(LeftOut(name, "no_seat"))
                continue
            sets.setdefault(key, []).append(one.trainee)
            left_out.append(LeftOut(name, "no_seat", list(sets).index(key) + 1))
    crowds = [
        Crowd(number, len(who), [q.trainees[t] for t in members], [q.coaches[c] for c in coaches])
        for number, ((members, coaches), who) in enumerate(sets.items(), start=1)
    ]
    return left_out, crowds
