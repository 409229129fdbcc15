"""Units of work that are run again: when, how often, and what is told when it is not known what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

import attrs
import pytest

from coachhub_core import deadline
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor, Register, RequestKey
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.plans import CreatePlan, ListPlans
from coachhub_core.errors import Contended, OutcomeUnknown, Unavailable
from coachhub_core.ports.storage import Duplicate
from coachhub_core.services.units import Replayed, rerun
from coachhub_sqlalchemy import unit_of_work
from coachhub_sqlalchemy.errors import Lost

Answer = Exception | str


def answering(answers: Sequence[Answer]) -> tuple[Callable[[], str], list[Answer]]:
    """Return a use case that gives these answers one after the other, and those that are left."""
    left = list(answers)

    @rerun
    def use_case() -> str:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return use_case, left


@pytest.mark.parametrize(
    "race", [Contended(), Duplicate(constraint="t.c"), OutcomeUnknown(is_settled_by_key=True), Lost()]
)
def test_what_lost_a_race_is_run_again(race: Exception) -> None:
    use_case, left = answering([race, "done"])
    assert use_case() == "done"
    assert left == []


@pytest.mark.parametrize("refusal", [Unavailable(), OutcomeUnknown()])
def test_what_is_away_or_not_known_is_not(refusal: Exception) -> None:
    """Without a key a second run could do it twice."""
    use_case, left = answering([refusal, "done"])
    with pytest.raises(type(refusal)):
        use_case()
    assert left == ["done"]


def test_nothing_is_run_again_after_the_deadline() -> None:
    use_case, left = answering([Contended(), "done"])
    with deadline.within(-1), pytest.raises(Contended):
        use_case()
    assert left == ["done"]


def test_an_outcome_that_is_not_known_stays_so_when_the_second_run_cannot_tell() -> None:
    """The second run says that nothing was changed, which is not true of the first."""
    use_case, _ = answering([OutcomeUnknown(is_settled_by_key=True), Unavailable()])
    with pytest.raises(OutcomeUnknown):
        use_case()


class Breaking:
    """Lets the connection break in the next COMMIT, before or after it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.after: bool | None = None
        commit = unit_of_work.Connection.commit

        def breaking(connection: unit_of_work.Connection) -> None:
            after, self.after = self.after, None
            if after is None:
                commit(connection)
                return
            if after:
                commit(connection)
            raise Lost(what="the database")

        monkeypatch.setattr(unit_of_work.Connection, "commit", breaking)


@pytest.fixture
def hub() -> Iterator[CoachHub]:
    with bootstrap(Settings.in_memory()) as made:
        yield made


@pytest.fixture
def coach(hub: CoachHub) -> Actor:
    signed_in = hub.accounts.register(
        Register(email="c@example.org", password="lift heavy things 77", role="coach", name="Kim"), source="test"
    )
    hub.coaches.create(hub.act_as(signed_in.account.id), CreateCoach())
    return hub.accounts.authenticate(hub.tokens.verify(signed_in.access_token))


@pytest.mark.parametrize("after", [False, True], ids=["it was not done", "it was done"])
def test_a_broken_commit_is_settled_by_the_key(
    hub: CoachHub, coach: Actor, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Done once, whichever it was."""
    breaking = Breaking(monkeypatch)
    key = RequestKey(key=uuid4().hex, operation="plans.create", request_hash=b"h" * 32)
    actor = attrs.evolve(coach, key=key)
    breaking.after = after
    if after:
        with pytest.raises(Replayed):
            hub.plans.create(actor, CreatePlan(title="once"))
    else:
        assert hub.plans.create(actor, CreatePlan(title="once")).title == "once"
    with pytest.raises(Replayed):
        hub.plans.create(actor, CreatePlan(title="once"))
    assert [plan.title for plan in hub.plans.list(coach, ListPlans()).items] == ["once"]


def test_a_broken_commit_without_a_key_says_that_it_is_not_known(
    hub: CoachHub, coach: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking = Breaking(monkeypatch)
    breaking.after = True
    with pytest.raises(OutcomeUnknown, match="did not say"):
        hub.plans.create(coach, CreatePlan(title="perhaps"))
    assert [plan.title for plan in hub.plans.list(coach, ListPlans()).items] == ["perhaps"]


def test_no_commit_begins_after_the_deadline(hub: CoachHub) -> None:
    """What is answered as too late must not be done afterwards."""
    with deadline.within(30) as _, hub.storage.begin() as work:
        token = deadline._until.set(0.0)
        with pytest.raises(Unavailable):
            work.commit()
        deadline._until.reset(token)
