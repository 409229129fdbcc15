"""What a hub gives a matcher to learn from."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from coachhub_core.domain.accounts import EraseAccount
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.suggestions import ReportOutcome, SuggestCoaches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.matching import CoachMatcher
from coachhub_core.services.training import training_data
from coachhub_core.testing.story import PASSWORD, House


def test_what_became_of_suggestions_is_learned_from(house: House) -> None:
    """Lists that were shown and a coach who was opened: events in order, and both tables, from the database."""
    hub = house.hub
    ana = house.a_person("coach", name="Ana")
    hub.coaches.create(ana, CreateCoach(specialties=("marathon",), pricing=Decimal(50)))
    ben = house.a_person("coach", name="Ben")
    hub.coaches.create(ben, CreateCoach(specialties=("yoga",)))
    sam = house.a_trainee()
    hub.trainees.change(sam, ChangeTrainee(goal="run my first marathon", budget=Decimal(60)))
    made = hub.suggestions.suggest(sam, SuggestCoaches())
    hub.suggestions.report(sam, ReportOutcome(set_id=made.set_id, coach_id=made.items[0].coach.id, event="opened"))

    found = training_data(hub.storage, hub.clock, hub.vocabulary)
    assert found.log.event == ("shown", "shown", "opened")
    assert found.log.coach[2] == str(made.items[0].coach.id)
    assert found.log.position.tolist() == [1, 2, 1]
    assert set(found.log.trainee) == set(found.trainees.ids) == {str(made.trainee_id)}
    assert found.trainees.row(0)["goal"] == ("run my first marathon",)
    assert set(found.coaches.ids) == {str(item.coach.id) for item in made.items}

    later = training_data(hub.storage, hub.clock, hub.vocabulary, since=hub.clock() + timedelta(days=1))
    assert len(later.log) == len(later.trainees) == 0
    model = CoachMatcher.fit(found.log, found.coaches, found.trainees)
    best = model.find_matches({"goal": "a marathon"}, limit=1)[0]
    assert best.coach_id == str(made.items[0].coach.id)

    hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    left = training_data(hub.storage, hub.clock, hub.vocabulary)
    assert (len(left.log), left.trainees.ids) == (len(found.log), ())  # the log keeps ids that lead to nobody
