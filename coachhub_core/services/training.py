"""What a hub has to learn from: the log of outcomes, and both tables as they are now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from coachhub_core.clock import Clock
from coachhub_core.domain.vocabulary import Vocabulary
from coachhub_core.ports.storage import Storage, UnitOfWork

if TYPE_CHECKING:
    from coachhub_core.matching.outcomes import OutcomeLog
    from coachhub_core.matching.tables import CoachTable, TraineeTable

_PAGE = 5_000


@attrs.frozen(eq=False)
class TrainingData:
    """The log and both tables; ids are the hub's, and nobody has a name."""

    log: OutcomeLog
    coaches: CoachTable
    trainees: TraineeTable


def training_data(
    storage: Storage, clock: Clock, vocabulary: Vocabulary, *, since: datetime | None = None
) -> TrainingData:
    """
    Read what became of suggestions.

    Args:
        since: Leave out what happened before.
    Returns:
        Coaches of now; the trainees the log speaks of and who are still there. Who was erased is in neither table, and
        a matcher leaves out what it does not find there.
    """
    from coachhub_core.matching.outcomes import OutcomeLog
    from coachhub_core.matching.schema import trainee_table
    from coachhub_core.services.snapshot import Snapshot

    with storage.begin(read_only=True) as work:
        records = _records(work, since)
        coaches = Snapshot(clock).table(work)
        ids = dict.fromkeys(record["trainee"] for record in records)
        facts = [found for id_ in ids if (found := _facts(work, id_, clock(), vocabulary)) is not None]
    return TrainingData(OutcomeLog.build(records), coaches, trainee_table(facts))


def _records(work: UnitOfWork, since: datetime | None) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    after = None
    while page := work.outcomes.since(after, limit=_PAGE):
        records += [
            {
                "at": outcome.at,
                "trainee": outcome.trainee_id,
                "coach": outcome.coach_id,
                "event": outcome.event,
                "value": outcome.value,
                "position": outcome.position,
                "shown_with": outcome.set_id,
                "propensity": outcome.propensity,
            }
            for outcome in page
            if since is None or outcome.at >= since
        ]
        after = page[-1].id
    return records


def _facts(work: UnitOfWork, id_: Any, now: datetime, vocabulary: Vocabulary) -> dict[str, object] | None:
    from coachhub_core.services.snapshot import trainee_facts

    trainee = work.trainees.find(id_)
    account = None if trainee is None else work.accounts.find(trainee.account_id)
    if trainee is None or account is None or account.status == "erased":
        return None
    week = work.availability.find(account.id)
    return trainee_facts(trainee, city=account.city, week=week, now=now, vocabulary=vocabulary)
