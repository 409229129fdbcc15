"""What a cohort's placement looks like on a terminal: counts, the certificate, who was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import click
from rich.cells import cell_len

SHOWN: Final = 20  #: people and sets that are listed; the rest is counted

_REASONS: Final[Mapping[str, str]] = {
    "no_seat": "no seat is left with any coach they could have",
    "others_first": "would fit if others moved, and the mode does not move them",
    "no_coach": "no coach may be given to them",
    "match.coach_full": "the coach is full by now",
    "match.not_accepting": "the coach takes no requests any more",
    "match.already_matched": "has a coach by now",
    "match.open_request_exists": "has asked this coach by now",
    "match.too_many_open": "has too many open requests by now",
    "not_found": "is gone by now",
}


@attrs.frozen
class LeftOut:
    """Somebody who was left out."""

    name: str
    reason: str
    conflict: int | None = None


@attrs.frozen
class Crowd:
    """Who has the seats that others lack."""

    number: int
    n_left_out: int
    trainees: Sequence[str]
    coaches: Sequence[str]


@attrs.frozen(kw_only=True)
class Report:
    """All that is printed; ``certificate`` has the members of ``CohortCertificate``."""

    title: str
    n_trainees: int
    n_placed: int
    n_pairs: int
    n_seats: int | None
    mode: str
    certificate: Mapping[str, Any]
    left_out: Sequence[LeftOut]
    crowds: Sequence[Crowd]


def why(reason: str) -> str:
    """Say a reason in words."""
    if reason.startswith("no_coach."):
        return f"no coach may be given to them; without the rule {reason.partition('.')[2]!r} there would be some"
    if reason.startswith("no_longer."):
        return f"the rule {reason.partition('.')[2]!r} keeps them and the coach apart by now"
    return _REASONS.get(reason, reason)


def show(report: Report) -> None:
    """Print it."""
    click.echo(click.style(report.title, bold=True))
    seats = "" if report.n_seats is None else f" of {report.n_seats} seats"
    rows = [
        ("trainees", f"{report.n_trainees}"),
        ("placed", f"{report.n_placed}  ({report.n_pairs}{seats} given)"),
        ("left out", f"{report.n_trainees - report.n_placed}"),
    ]
    for name, said in rows:
        click.echo(f"  {name:<10} {said}")
    show_certificate(report.mode, report.certificate)
    if report.left_out:
        _left_out(report.left_out)
    for crowd in report.crowds[:SHOWN]:
        _crowd(crowd)
    if len(report.crowds) > SHOWN:
        click.echo(f"\n… and {len(report.crowds) - SHOWN} more sets")


def show_certificate(mode: str | None, said: Mapping[str, Any]) -> bool:
    """Print what holds and what does not, a line each; True when all of it holds."""
    click.echo(click.style("\ncertificate", bold=True) + ", by a check that shares no code with who placed them")
    lines = list(_certified(mode, said))
    for holds, text in lines:
        mark = "·" if holds is None else click.style("✓", fg="green") if holds else click.style("✗", fg="red")
        click.echo(f"  {mark} {text}")
    return all(holds is not False for holds, _ in lines)


def _certified(mode: str | None, said: Mapping[str, Any]) -> Sequence[tuple[bool | None, str]]:
    broken = said["broken"]
    lines: list[tuple[bool | None, str]] = [(False, rule) for rule in broken[:SHOWN]]
    if not broken:
        lines.append((True, "every rule holds: seats, needs, and who may be given to whom"))
    if said["n_blocking"] is not None and mode in (None, "stable"):
        n = said["n_blocking"]
        text = "no pair would both rather have each other" if n == 0 else f"{n} pairs would both rather have each other"
        lines.append(((n == 0) if mode == "stable" else None, text))
    worst = "" if said["worst"] is None else f", the worst pair {said['worst']:.4f}"
    lines.append((None, f"the scores add up to {said['value']:.4f}{worst}"))
    bound = said.get("least_mean_bound")
    if bound is not None and said["least_mean"] is not None:
        text = f"whoever got least has {said['least_mean']:.4f} on the mean of what they need"
        close = bound - said["least_mean"] <= 1e-3 * abs(bound)
        lines.append((None, text + ("; no placement has much more" if close else f"; none has above {bound:.4f}")))
    if said.get("worst_place") is not None:  # not in runs made before it was counted
        text = f"{said['seats_used']:.0%} of the seats that could be filled are, {said['top_tenth']:.0%} of the pairs"
        text += f" with the tenth of the coaches who have most; nobody got lower than place {said['worst_place']}"
        lines.append((None, f"{text} of their own list"))
    if said["gap"] is not None and mode in (None, "welfare", "exact", "worst_first"):
        beside = " with a worst pair as good" if mode == "worst_first" and bound is None else ""
        missing = "nothing" if said["gap"] < 1e-9 else f"at most {said['gap']:.4%}"
        text = f"no placement{beside} adds up to more than {said['bound']:.4f}: {missing} is missing"
        lines.append((None if mode in (None, "worst_first") else said["gap"] <= 1e-4, text))
    if said["is_most"] is not None:
        text = "no more pairs can be made" if said["is_most"] else "it is not proved that no more pairs can be made"
        lines.append((said["is_most"] if mode == "worst_first" else None, text))
    if said["is_worst_best"] is not None:
        good = "as many pairs cannot all be better than the worst of these"
        text = good if said["is_worst_best"] else "it is not proved that the worst pair could not be better"
        lines.append((said["is_worst_best"] if mode == "worst_first" else None, text))
    if said.get("n_outside"):
        lines.append((False, f"for {said['n_outside']} trainees a coach outside of their list could change this"))
    return lines


def _left_out(people: Sequence[LeftOut]) -> None:
    click.echo(click.style("\nleft out", bold=True))
    width = max(cell_len(person.name) for person in people[:SHOWN])
    for person in people[:SHOWN]:
        conflict = "" if person.conflict is None else f" (set {person.conflict})"
        gap = " " * (width - cell_len(person.name))  # some letters are two columns wide, some none
        click.echo(f"  {person.name}{gap}  {why(person.reason)}{conflict}")
    if len(people) > SHOWN:
        click.echo(f"  … and {len(people) - SHOWN} more")


def _crowd(crowd: Crowd) -> None:
    has = "1 trainee has" if len(crowd.trainees) == 1 else f"{len(crowd.trainees)} trainees have"
    of = "1 coach" if len(crowd.coaches) == 1 else f"{len(crowd.coaches)} coaches"
    more = "1 more there is none" if crowd.n_left_out == 1 else f"{crowd.n_left_out} more there is none"
    head = click.style(f"\nset {crowd.number}", bold=True)
    click.echo(f"{head}: {has} all the seats of {of}; for {more}")
    click.echo(f"  trainees  {_listed(crowd.trainees)}")
    click.echo(f"  coaches   {_listed(crowd.coaches)}")


def _listed(names: Sequence[str]) -> str:
    more = f" … and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
