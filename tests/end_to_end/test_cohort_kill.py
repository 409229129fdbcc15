"""``kill -9`` of the worker in the middle of a cohort run and of its requests: another goes on, and seats hold."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from running import CURRENT, PASSWORD, Running, running, until
from test_kill import children

from coachhub_core import deadline
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.domain.matches import AcceptMatch
from coachhub_core.environment import load_settings
from coachhub_core.testing.builders import a_coach, a_trainee, an_account

N_TRAINEES, N_COACHES, SEATS = 160, 20, 3
GOALS = ("my first marathon", "yoga for a stiff back", "get strong again", "ten kilometres in spring")
TAGS = (("marathon", "running"), ("yoga",), ("strength",), ("running",))


def a_hub(folder: Path) -> CoachHub:
    """A hub on the data of the server."""
    return bootstrap(
        load_settings({**CURRENT, "COACHHUB_DATA": str(folder), "COACHHUB_AUTH_BCRYPT_COST": "10"}, folder)
    )


def fill(folder: Path) -> None:
    """More trainees than seats, written as they are: nobody has to wait for so many passwords."""
    with a_hub(folder) as hub:
        hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root")
        with deadline.within(120), hub.storage.begin() as work:
            for number in range(N_COACHES):
                owner = an_account(role="coach", email=f"coach{number}@example.org", name=f"Coach {number}")
                work.accounts.add(owner)
                work.coaches.add(a_coach(owner.id, capacity=SEATS, specialties=TAGS[number % 4]))
            for number in range(N_TRAINEES):
                account = an_account(email=f"trainee{number}@example.org", name=f"Trainee {number}")
                work.accounts.add(account)
                work.trainees.add(a_trainee(account.id, goal=GOALS[number % 4]))
            work.commit()


def kill_worker(server: Running) -> None:
    """End it as the kernel would."""
    for pid in children(server.process.pid):
        if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGKILL)
            return
    raise LookupError("no worker runs")


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("kills")
def test_a_cohort_survives_the_death_of_its_worker(tmp_path: Path) -> None:
    """Once while it is placed, once between two requests; then each trainee was asked for once, within the seats."""
    folder = tmp_path / "data"
    fill(folder)
    with running(folder, COACHHUB_HTTP_WORKERS="1") as server:
        said = {"email": "root@example.org", "password": PASSWORD}
        token = server.ask("POST", "/api/auth/login", said).body["access_token"]

        def ask(method: str, path: str, body: Any = None) -> Any:
            headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
            answer = server.ask(method, f"/api/cohort-runs{path}", body, token=token, headers=headers)
            assert answer.status in (200, 202), answer
            return answer.body

        run = f"/{ask('POST', '', {'mode': 'welfare'})['id']}"
        assert until(lambda: ask("GET", run)["state"] == "running", 30)
        kill_worker(server)
        assert ask("GET", run)["state"] == "running"
        assert until(lambda: ask("GET", run)["state"] == "done", 90, pause=0.5)
        found = ask("GET", run)
        assert (found["n_trainees"], found["n_placed"]) == (N_TRAINEES, N_COACHES * SEATS)
        assert found["certificate"]["gap"] <= 1e-4
        assert found["certificate"]["is_whole"] is True
        assert found["unplaced"] == {"no_seat": N_TRAINEES - N_COACHES * SEATS}

        ask("POST", f"{run}/apply", {"partial": True})
        assert until(lambda: ask("GET", run)["n_requested"] >= 20, 30)
        kill_worker(server)
        between = ask("GET", run)
        assert between["state"] == "applying"
        assert 20 <= between["n_requested"] < found["n_pairs"]
        assert until(lambda: ask("GET", run)["state"] == "applied", 120, pause=0.5)
        found = ask("GET", run)
        assert (found["n_requested"], found["n_refused"]) == (N_COACHES * SEATS, 0)
    with a_hub(folder) as hub, hub.storage.begin(read_only=True) as work:
        coaches = work.coaches.all_records()
        asked = [match for record in coaches for match in work.matches.open_of_coach(record.coach.id)]
        assert Counter(match.coach_id for match in asked) == {record.coach.id: SEATS for record in coaches}
        assert len({match.trainee_id for match in asked}) == len(asked) == N_COACHES * SEATS
        assert {match.initiator for match in asked} == {"system"}
    with a_hub(folder) as hub:
        for record in coaches[:3]:
            for match in (m for m in asked if m.coach_id == record.coach.id):
                hub.matches.accept(hub.act_as(record.account.id), AcceptMatch(match_id=match.id))
        with hub.storage.begin(read_only=True) as work:
            now = work.coaches.records([record.coach.id for record in coaches[:3]])
        assert [record.coach.seats_left for record in now.values()] == [0, 0, 0]
        assert hub.storage.check().problems == ()
