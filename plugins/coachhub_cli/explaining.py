"""``coachhub match explain``: why a trainee gets the coaches they get, and why not another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import attrs
import click

from coachhub_cli.options import data_option, settings_for
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.domain.accounts import canonical_email
from coachhub_core.errors import MatcherTimeout, NotFound
from coachhub_core.ports.matcher import Deadline
from coachhub_core.ports.storage import UnitOfWork

#: What each hard constraint that ships asks of a coach; a plugin's is shown by its name alone.
ASKS: Final = {
    "seats": "takes requests and has a seat left",
    "price": "costs no more than the budget, in its currency",
    "hours": "shares an hour of the week",
    "language": "speaks a language in common",
    "modality": "works in a way that is wanted, where in person in the same city",
}


@attrs.frozen
class _Asking:
    """A trainee as the matcher sees them, and who is out of the question."""

    name: str
    locale: str
    zone: str | None  # in which the trainee has stated hours
    row: Any
    coaches: Any
    asked_already: tuple[str, ...]
    prices: Any  # of demand, by coach; None where nobody has one


@click.command()
@data_option
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100), help="How long the list is.")
@click.option(
    "--deadline",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="With COACH, search no longer.",
)
@click.argument("trainee")
@click.argument("coach", required=False)
def explain(data: Path | None, limit: int, deadline: float, trainee: str, coach: str | None) -> None:
    """
    Say why TRAINEE gets the list they get; with COACH, where that one stands and why, or what keeps them out.

    Both are ids or addresses. Nothing is kept of it: no list, no event. The list
    is the matcher's own, less the prices of demand and before the little that exploration moves.

    Of a COACH who is not first it also says what TRAINEE could say otherwise, one thing at a time and the
    smallest change first, so that this coach would be in the list, or first: a budget up to the price, more
    free hours, a language, a way of working, a level or a city of the coach's. Each was verified by ranking
    again. Where nothing that was tried makes this coach the first, the best of it is told; where the deadline
    ended the search, that is said, too.
    """
    with bootstrap(settings_for(data)) as hub:
        with hub.storage.begin(read_only=True) as work:
            asking = _asking(hub, work, trainee)
            wanted = None if coach is None else _coach_id(work, coach)
            names = {str(record.coach.id): record.account.name for record in work.coaches.all_records()}
        if wanted is None:
            _show_list(hub, asking, names, limit)
        else:
            _show_one(hub, asking, names, wanted, Deadline.after(deadline, time.monotonic))


# ── who is meant ────────────────────────────────────────────────────────────


def _account_id(work: UnitOfWork, kind: str, who: str) -> UUID | None:
    """Find the account of an address; None where *who* is an id."""
    try:
        UUID(who)
    except ValueError:
        pass
    else:
        return None
    try:
        account = work.accounts.find_by_email_key(canonical_email(who))
    except ValueError:
        account = None
    if account is None:
        raise NotFound(kind=kind, id=who)
    return account.id


def _asking(hub: CoachHub, work: UnitOfWork, who: str) -> _Asking:
    from coachhub_core.services.snapshot import Snapshot, trainee_row

    account_id = _account_id(work, "trainee", who)
    if account_id is None:
        found = work.trainees.find(UUID(who)) or work.trainees.find_by_account(UUID(who))
    else:
        found = work.trainees.find_by_account(account_id)
    if found is None:
        raise NotFound(kind="trainee", id=who)
    account = work.accounts.get(found.account_id)
    week = work.availability.find(account.id)
    now = hub.clock()
    coaches = Snapshot(hub.clock).table(work)
    return _Asking(
        name=account.name,
        locale=account.locale,
        zone=None if week is None else week.zone,
        row=trainee_row(found, city=account.city, week=week, now=now, vocabulary=hub.vocabulary),
        coaches=coaches,
        asked_already=tuple(str(match.coach_id) for match in work.matches.open_of_trainee(found.id)),
        prices=hub.suggestions.demand.of(work, coaches),
    )


def _coach_id(work: UnitOfWork, who: str) -> str:
    account_id = _account_id(work, "coach", who)
    if account_id is None:
        found = work.coaches.find(UUID(who)) or work.coaches.find_by_account(UUID(who))
    else:
        found = work.coaches.find_by_account(account_id)
    if found is None:
        raise NotFound(kind="coach", id=who)
    return str(found.id)


# ── what is said ────────────────────────────────────────────────────────────


def _show_list(hub: CoachHub, asking: _Asking, names: dict[str, str], limit: int) -> None:
    found = hub.suggestions.host.suggest(
        asking.coaches, asking.row, limit=limit, without=asking.asked_already, prices=asking.prices
    )
    click.echo(f"{asking.name}: {found.n_eligible} of {len(asking.coaches)} coaches could be proposed")
    _say_who_answered(found)
    for item in found:
        click.echo(f"\n{item.rank:>3}. {names.get(item.coach_id, '?')}  {item.score:.3f}  {item.coach_id}")
        _say_reasons(hub, item.reasons, asking.locale)
    costs = {name: n for name, n in found.relaxations.items() if n}
    if costs:
        click.echo("\nWithout one constraint alone there would be more:")
        for name, n in costs.items():
            click.echo(f"  {name:10} {n:+} coaches")
    if asking.asked_already:
        click.echo(
            f"\nLeft out, for they are asked already or coach this trainee: {_named(names, asking.asked_already)}"
        )


def _show_one(hub: CoachHub, asking: _Asking, names: dict[str, str], wanted: str, until: Deadline) -> None:
    name = names.get(wanted, wanted)
    row = asking.coaches.row_of(wanted)
    if row is None:
        click.echo(f"{name} is kept out: the account is not active, so no list holds them")
        return
    rules = hub.suggestions.host.rules(asking.coaches)
    trainee = asking.row.row(0)
    failed = rules.failed(trainee, row)
    if wanted in asking.asked_already:
        click.echo(f"{name} is kept out: {asking.name} asked them already, or is coached by them")
    for rule in failed:
        what = f": only who {ASKS[rule]} may be proposed" if rule in ASKS else ""
        click.echo(f"{name} is kept out by {rule}{what}")
    if wanted in asking.asked_already:
        return
    if failed:
        _show_changes(hub, asking, name, wanted, until)
        return
    place, n, score, reasons, matcher = _where(hub, asking, row, until)
    if place is None:
        click.echo(f"{name} passes every constraint, and the matcher {matcher} gives no score: never")
        _show_changes(hub, asking, name, wanted, until)
        return
    click.echo(f"{name} stands at {place} of {n} for {asking.name}, with {score:.3f} by {matcher}")
    _say_reasons(hub, reasons, asking.locale)
    if place > 1:
        _show_changes(hub, asking, name, wanted, until)


def _show_changes(hub: CoachHub, asking: _Asking, name: str, wanted: str, until: Deadline) -> None:
    """Say what the trainee could say otherwise: each change was tried, and is told only for what came of it."""
    from coachhub_core.matching.counterfactuals import counterfactuals

    try:
        found = counterfactuals(
            hub.suggestions.host,
            asking.coaches,
            asking.row,
            wanted,
            without=asking.asked_already,
            prices=asking.prices,
            deadline=until,
        )
    except MatcherTimeout:
        click.echo("\nNo change was tried: the deadline is over")
        return
    told = [*found.lets_in, *(one for one in found.puts_first if one not in found.lets_in)]
    none = "None of the single changes tried would"
    if told:
        click.echo(f"\nWhat {asking.name} could say otherwise, one at a time:")
    elif found.rank is None:
        click.echo(f"\n{none} bring {name} into the list")
    _say_changes(hub, asking, told)
    if not found.puts_first and (told or found.rank is not None):
        rest = [] if found.best is None or found.best in told else [found.best]
        click.echo(f"\n{none} put {name} first" + ("; the best of them:" if rest else ""))
        _say_changes(hub, asking, rest)
    if not found.is_complete:
        click.echo(f"\nNot everything was tried: the search ended at ranking {found.n_rankings}")


def _say_changes(hub: CoachHub, asking: _Asking, changes: Sequence[Any]) -> None:
    now = hub.clock()
    monday = (now - timedelta(days=now.weekday())).date()
    for change in changes:
        click.echo(f"  {hub.suggestions.texts.change(change, asking.locale, zone=asking.zone, monday=monday)}")


def _where(hub: CoachHub, asking: _Asking, row: int, until: Deadline) -> tuple[int | None, int, float, Any, str]:
    """Rank everybody who may be proposed, and find one of them."""
    from coachhub_core.matching.demand import with_reason
    from coachhub_core.matching.pairs import AllowedPairs

    rules = hub.suggestions.host.rules(asking.coaches)
    eligible = rules.eligible(asking.row.row(0), without=asking.asked_already)
    index = hub.suggestions.host.index(asking.coaches, prices=asking.prices)
    seen = hub.suggestions.host.seen(asking.row)
    allowed = AllowedPairs.shared(eligible.mask, len(asking.coaches))
    ranking = index.rank(seen, eligible.count, allowed, deadline=until)
    rows = ranking.rows[0]
    places = (rows == row).nonzero()[0]
    matcher = hub.suggestions.host.state().matcher
    if not len(places):
        return None, eligible.count, 0.0, (), matcher
    place = int(places[0])
    one = rows[None, place : place + 1].copy()
    score, reasons = float(index.score(seen, one)[0, 0]), index.explain(seen, one)[0][0]
    if asking.prices is not None:
        price = asking.prices[rows[: place + 1]]
        whole = ranking.scores[0, : place + 1] + price
        reasons = with_reason(reasons, float(price[place]), int((whole[:place] < whole[place]).sum()))
    return place + 1, eligible.count, score, sorted(reasons, key=lambda r: -abs(r.contribution)), matcher


def _say_who_answered(found: Any) -> None:
    by = f"by {found.matcher}, model {found.model_id[:12]}"
    click.echo(by if found.degraded is None else f"{by}, in place of the chosen matcher: {found.degraded}")


def _say_reasons(hub: CoachHub, reasons: Sequence[Any], locale: str) -> None:
    if not reasons:
        click.echo("      no reasons: this matcher gives none")
    for reason in reasons:
        text = hub.suggestions.texts.text(reason.code, reason.contribution, reason.evidence, locale)
        click.echo(f"     {reason.contribution:+7.3f}  {text}")


def _named(names: dict[str, str], ids: Sequence[str]) -> str:
    return ", ".join(names.get(id_, id_) for id_ in ids)
