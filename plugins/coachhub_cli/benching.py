"""``coachhub match bench``: how long suggestions take here, on this hub's own coaches and people."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from coachhub_cli.options import data_option, settings_for
from coachhub_core.bootstrap import bootstrap
from coachhub_core.errors import Invalid
from coachhub_core.services.training import training_data

BATCH = 256


@click.command()
@data_option
@click.option("--profiles", default=200, show_default=True, type=click.IntRange(10, 100_000), help="How many to ask.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100), help="How long each list is.")
def bench(data: Path | None, profiles: int, limit: int) -> None:
    """
    Measure the chosen matcher on this machine and this hub: one suggestion, the share of its reasons, a batch.

    Asks for those who were shown a list before, in turn, until there are as many
    as --profiles. Nothing is kept of it.
    """
    from coachhub_core.matching.pairs import AllowedPairs
    from coachhub_core.ports.matcher import NEVER

    with bootstrap(settings_for(data)) as hub:
        found = training_data(hub.storage, hub.clock, hub.vocabulary)
        coaches, people = found.coaches, found.trainees
        if not len(people) or not len(coaches):
            raise Invalid.at("/log", "nobody was shown a list yet, so there is nobody to ask for")
        host = hub.suggestions.host
        matcher = host.state().matcher
        click.echo(f"{_machine()}; {len(coaches)} coaches, {len(people)} trainees, matcher {matcher}")
        ready = _timed(lambda: host.prepare(coaches))
        click.echo(f"made ready in {1e3 * ready:.0f} ms")
        asked = [people.take([n % len(people)]) for n in range(profiles)]
        host.suggest(coaches, asked[0], limit=limit)  # what is made once is not counted
        times: list[float] = []
        n_degraded = 0
        for one in asked:
            start = time.perf_counter()
            made = host.suggest(coaches, one, limit=limit)
            times.append(time.perf_counter() - start)
            n_degraded += made.degraded is not None
        times.sort()
        click.echo(
            f"a suggestion of {limit} with reasons, {profiles} profiles: "
            f"p50 {1e3 * _share(times, 0.5):.2f} ms, p99 {1e3 * _share(times, 0.99):.2f} ms"
        )
        if n_degraded:
            click.echo(f"{n_degraded} of them came from the fallback: the chosen matcher was too slow, or failed")
        index, everyone = host.index(coaches), AllowedPairs.everyone()
        ranked = explained = 0.0
        for one in asked:
            seen = host.seen(one)
            start = time.perf_counter()
            ranking = index.rank(seen, limit, everyone.bound_to(coaches, one), deadline=NEVER)
            middle = time.perf_counter()
            index.explain(seen, ranking.rows)
            ranked, explained = ranked + middle - start, explained + time.perf_counter() - middle
        click.echo(f"reasons cost {explained / ranked:.0%} of the ranking")
        batch = people.take([n % len(people) for n in range(BATCH)])
        pairs = everyone.bound_to(coaches, batch)
        taken = _timed(lambda: index.rank(host.seen(batch), limit, pairs, deadline=NEVER))
        click.echo(f"a batch of {BATCH}: {1e3 * taken:.0f} ms, {1e3 * taken / BATCH:.2f} ms each")


def _timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _share(times: list[float], share: float) -> float:
    """Give the smallest time that this share of them does not exceed; *times* ascend."""
    return times[min(int(share * len(times)), len(times) - 1)]


def _machine() -> str:
    """Name the processor, how many there are, and the Python."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}"
