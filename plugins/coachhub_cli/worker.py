"""``coachhub worker``: does due work until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import click

from coachhub_cli.options import data_option, settings_for
from coachhub_cli.structured import configure
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.environment import parent_of
from coachhub_core.errors import Unavailable
from coachhub_core.patience import started

log = logging.getLogger("coachhub.worker")

IDLE_SECONDS: Final = 0.5
SHADOW_SECONDS: Final = 2.0  # few transactions of many lists: they wait for the same disk as answers do


@click.command()
@data_option
@click.option("--once", is_flag=True, help="Do what is due now and exit.")
def worker(data: Path | None, once: bool) -> int:
    """Do due work: expiry, reminders, exports, scheduled days, cohort runs, demand, models, the outbox."""
    parent = parent_of(os.environ)
    settings = settings_for(data)
    configure(settings.log_level)
    stop = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    hub = started(partial(bootstrap, settings), lambda text: log.warning("waiting to start: %s", text), stop)
    if hub is None:
        return 0
    with hub:
        if once:
            done = hub.run_due()
            click.echo(", ".join(f"{name} {n}" for name, n in done.done.items()))
            return 0
        log.info("worker started")
        # a cohort or an auction may take minutes, and what is due meanwhile must not wait for it
        apart = [threading.Thread(target=_place, args=(hub, stop), name="coachhub-cohorts")]
        if hub.shadow.is_on:  # nor for a matcher that nobody is answered by
            apart.append(threading.Thread(target=_shadow, args=(hub, stop), name="coachhub-shadow"))
        for thread in apart:
            thread.start()
        while not stop.is_set() and (not parent or os.getppid() == parent):
            if _work(hub) == 0:
                stop.wait(IDLE_SECONDS)
        stop.set()
        for thread in apart:
            thread.join()
    log.info("worker stopped")
    return 0


def _work(hub: CoachHub) -> int:
    try:
        return hub.run_due(limit=200, without=("cohorts", "demand", "models", "shadow")).total
    except Unavailable as exc:
        log.warning("due work waits: %s", exc)
    except Exception:  # whatever one round met, the next must still come
        log.exception("due work failed and will be tried again")
    return 0


def _place(hub: CoachHub, stop: threading.Event) -> None:
    """
    Do cohort runs and the day's auction, one after the other, and see that models forget who was erased.

    A run that is not done at the end is given back.
    """
    while not stop.is_set():
        try:
            if hub.cohort_work.work_one(stop.is_set) or hub.demand_work.work_one(stop.is_set):
                continue
            hub.forgetting_work.work_one()
        except Unavailable as exc:
            log.warning("cohort runs wait: %s", exc)
        except Exception:  # whatever one round met, the next must still come
            log.exception("a cohort run failed and will be tried again")
        stop.wait(IDLE_SECONDS)


def _shadow(hub: CoachHub, stop: threading.Event) -> None:
    """
    Compare the lists that were served with those of the second matcher, resting three times as long as it took.

    So it never has more than a quarter of one processor. Where that is too little
    for the traffic the oldest lists are dropped, and it sees the newest.
    """
    while not stop.is_set():
        started = time.monotonic()
        try:
            hub.shadow.work_one()
        except Unavailable as exc:
            log.warning("the shadow waits: %s", exc)
        except Exception:  # whatever one round met, the next must still come
            log.exception("the shadow failed and will be asked again")
        stop.wait(max(SHADOW_SECONDS, 3 * (time.monotonic() - started)))
