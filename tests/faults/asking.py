"""A cohort run amid its requests when something breaks: it waits, goes on, and asks nobody twice."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any, Self
from uuid import UUID

import attrs

from coachhub_core.bootstrap import CoachHub
from coachhub_core.testing.builders import a_trainee, an_account

from .house import House
from .servers import until

N_TRAINEES = 40
BEGUN = 3  # requests made when the neighbour breaks: the others are still to come
SECONDS = 30.0


@attrs.define(eq=False)
class Asking:
    """One such run; the hub is the test's own, on the database itself."""

    hub: CoachHub
    run_id: UUID
    trainee_ids: tuple[UUID, ...]
    n_begun: int

    @classmethod
    def begin(cls, house: House, hub: CoachHub) -> Self:
        """Let people come, place them, say yes, and return while a worker asks for one after the other."""
        trainee_ids = _some_trainees(hub)
        made = _post(house, "", {"trainee_ids": [str(id_) for id_ in trainee_ids]})
        run_id = UUID(made["id"])
        assert until(lambda: _run(hub, run_id).state == "done", SECONDS), _run(hub, run_id)
        assert _run(hub, run_id).n_placed == N_TRAINEES
        _post(house, f"/{run_id}/apply", {})
        assert until(lambda: _run(hub, run_id).n_requested >= BEGUN, SECONDS), _run(hub, run_id)
        return cls(hub, run_id, trainee_ids, _run(hub, run_id).n_requested)

    def was_in_the_middle(self) -> bool:
        """Whether there was more to ask for when the neighbour broke."""
        return self.n_begun < N_TRAINEES

    def is_over(self) -> bool:
        """Whether it came to its end, without anybody who said so."""
        return bool(_run(self.hub, self.run_id).state == "applied")

    def wrong(self) -> list[str]:
        """Say what was not asked for once."""
        run = _run(self.hub, self.run_id)
        found = [f"the run: {run}"] if (run.n_requested, run.n_refused) != (N_TRAINEES, 0) else []
        with self.hub.storage.begin(read_only=True) as work:
            asked = Counter(match.trainee_id for id_ in self.trainee_ids for match in work.matches.of_trainee(id_))
        return found + [f"trainee {id_}: {asked[id_]} requests" for id_ in self.trainee_ids if asked[id_] != 1]


def _some_trainees(hub: CoachHub) -> tuple[UUID, ...]:
    """Write them as they are: nobody has to wait for their passwords."""
    with hub.storage.begin() as work:
        found = []
        for _ in range(N_TRAINEES):
            account = an_account(email=f"{uuid.uuid4().hex}@example.org", name="Lee")
            work.accounts.add(account)
            trainee = a_trainee(account.id, goal="my first marathon")
            work.trainees.add(trainee)
            found.append(trainee.id)
        work.commit()
    return tuple(found)


def _run(hub: CoachHub, run_id: UUID) -> Any:
    with hub.storage.begin(read_only=True) as work:
        return work.cohorts.get(run_id)


def _post(house: House, path: str, body: Any) -> Any:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answer = house.admin.ask("POST", f"/api/cohort-runs{path}", body, headers=headers)
    assert answer.status == 202, answer
    return answer.body
