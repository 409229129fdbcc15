"""``coachhub match shadow``: what a second matcher would have changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs
import click
import msgspec

from coachhub_cli.options import data_option, settings_for
from coachhub_core import deadline
from coachhub_core.bootstrap import bootstrap
from coachhub_core.services.shadow_report import Latency, Mean, ShadowComparison, Share, compare_shadow

_SAID: Final = {"contacted": "asked", "accepted": "accepted", "declined": "declined"}
_REPORT_SECONDS: Final = 600.0


@click.command("shadow")
@data_option
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out lists that were served before (UTC).")
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(1, 100), help="Places that count.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, for programs.")
def shadow(data: Path | None, since: datetime | None, k: int, as_json: bool) -> None:
    """
    Compare the lists that were served with those of the second matcher, ``matching.shadow``.

    A section for each pair of models that has met, the newest first: how much
    of the lists is the same, how long both take, what failed, and, once people
    have asked and coaches have answered, which of the two had put them higher.
    """
    settings = settings_for(data)
    with bootstrap(settings) as hub, deadline.within(_REPORT_SECONDS), hub.storage.begin(read_only=True) as work:
        first = None if since is None else since.replace(tzinfo=UTC)
        found = compare_shadow(work, created_from=first, k=k)
        n_waiting = work.shadows.n_by_state().get("waiting", 0)
    if as_json:
        said = {"n_waiting": n_waiting, "pairs": [attrs.asdict(pair) for pair in found]}
        click.echo(msgspec.json.format(msgspec.json.encode(said)).decode())
        return
    if not found:
        hint = "" if settings.matching.shadow else "; matching.shadow names nobody"
        click.echo(f"nothing has been compared yet, {n_waiting} lists wait{hint}")
    for pair in found:
        _show(pair)
    if found and n_waiting:
        click.echo(f"{n_waiting} lists wait")


def _show(pair: ShadowComparison) -> None:
    click.echo(click.style(f"{_model(pair.live, pair.live_model_id)} serves", bold=True))
    click.echo(click.style(f"{_model(pair.shadow or 'a shadow', pair.shadow_model_id)} is its shadow", bold=True))
    when = f"{pair.first_at:%Y-%m-%d} to {pair.last_at:%Y-%m-%d}"
    _line("lists", f"{pair.n_compared} of {pair.n_lists} compared, {when}")
    if pair.n_compared:
        _line("on both", f"{_mean(pair.overlap, percent=True)} of the first {pair.k}")
        _line("order", f"Kendall's tau {_mean(pair.rank_correlation)} over who is on both")
        _line("first", f"another one in {_share(pair.first_changed)} of the lists")
        _line("replay", f"{_share(pair.as_served)} of the lists came out again as they were served")
        _line("live", _latency(pair.live_latency))
        _line("shadow", _latency(pair.shadow_latency))
    for name, reasons in (("failed", pair.failures), ("dropped", pair.dropped)):
        for reason, n in reasons.items():
            _line(name, f"{n}: {reason}")
    for verdict in pair.verdicts:
        n = verdict.n_live + verdict.n_shadow + verdict.n_level
        if n:
            way = "lower" if verdict.event == "declined" else "higher"
            _line(
                _SAID[verdict.event],
                f"of {n} lists the live one had them {way} in {verdict.n_live}, the shadow in {verdict.n_shadow}, "
                f"level {verdict.n_level}: {_verdict(verdict.shadow)}",
            )
    click.echo()


def _model(name: str, model_id: str | None) -> str:
    return name if model_id is None else f"{name} {model_id[:12]}"


def _line(name: str, said: str) -> None:
    click.echo(f"  {name:<9} {said}")


def _mean(found: Mean, *, percent: bool = False) -> str:
    if found.mean is None or found.low is None or found.high is None:
        return "–"
    if percent:
        return f"{found.mean:.1%} [{found.low:.1%} {found.high:.1%}]"
    return f"{found.mean:+.2f} [{found.low:+.2f} {found.high:+.2f}]"


def _share(found: Share) -> str:
    if found.share is None or found.low is None or found.high is None:
        return "–"
    return f"{found.share:.1%} [{found.low:.1%} {found.high:.1%}]"


def _latency(found: Latency) -> str:
    if found.p50_ms is None or found.p95_ms is None or found.max_ms is None:
        return "–"
    return f"half within {found.p50_ms:.1f} ms, 95 % within {found.p95_ms:.1f} ms, the longest {found.max_ms:.1f} ms"


def _verdict(found: Share) -> str:
    if found.low is None or found.high is None:
        return "the two do not differ"
    word = "better" if found.low > 0.5 else "worse" if found.high < 0.5 else "no different"
    return f"the shadow is {word} ({_share(found)} of those that differ)"
