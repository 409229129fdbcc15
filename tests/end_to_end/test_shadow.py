"""A second matcher beside the live one in real processes: the worker may stand still, and nobody feels it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from running import CURRENT, Answer, Person, Running, freeze, running, until
from test_kill import children

from coachhub_core.bootstrap import bootstrap
from coachhub_core.environment import load_settings
from coachhub_core.services.shadow_report import compare_shadow

N_TRAINEES, N_EACH = 4, 5


def workers(server: Running) -> list[int]:
    """Find the worker's processes."""
    listed = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in children(server.process.pid)}
    return [pid for pid, words in listed.items() if b"worker" in words]


@pytest.mark.timeout(240)
def test_a_shadow_looks_on_over_two_processes_and_a_worker_that_stands_still(tmp_path: Path) -> None:
    """Every list is the live one's and comes while the worker is frozen; thawed, it compares each of them once."""
    folder = tmp_path / "data"
    with running(
        folder, COACHHUB_MATCHING_MATCHER="plain", COACHHUB_MATCHING_SHADOW="duet", COACHHUB_HTTP_WORKERS="2"
    ) as server:
        for tags in (["marathon"], ["yoga"], ["running", "strength"]):
            server.coach(specialties=tags)
        people = [server.trainee() for _ in range(N_TRAINEES)]

        def served(person: Person) -> Answer:
            answer = person.ask("POST", "/api/coaches/match", {"limit": 2})
            assert answer.status == 200, answer
            assert (answer.body["matcher"], answer.body["degraded"]) == ("plain", None), answer
            assert len(answer.body["items"]) == 2
            return answer

        (worker,) = workers(server)
        freeze(worker, folder / "coachhub.db")
        try:
            lists = [served(person).body["set_id"] for person in people for _ in range(N_EACH)]
        finally:
            os.kill(worker, signal.SIGCONT)
        settings = load_settings({**CURRENT, "COACHHUB_DATA": str(folder)}, folder)
        with bootstrap(settings) as hub:
            n = len(lists)
            assert until(lambda: hub.shadow.backlog().n_by_state == {"done": n}, 60), hub.shadow.backlog()
            with hub.storage.begin(read_only=True) as work:
                (pair,) = compare_shadow(work)
                found = work.shadows.since(None, created_from=None, limit=999)
        assert (pair.live, pair.shadow, pair.n_lists, pair.n_compared, pair.failures) == ("plain", "duet", n, n, {})
        assert pair.as_served.share == 1.0
        assert Counter(str(record.shadow.id) for record in found) == Counter(lists)
        assert all(len(record.shadow.shadow_ids) == 2 for record in found)
        assert workers(server) == [worker]  # the same one: it was never lost
