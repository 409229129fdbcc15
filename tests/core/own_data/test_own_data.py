"""Everything to take along, and everything to be forgotten."""

from __future__ import annotations

import json
from uuid import uuid4

import attrs
import pytest
import sqlalchemy as sa

from coachhub_core.domain.accounts import Actor, EraseAccount, RequestKey
from coachhub_core.domain.chat import PostMessage, ReadHistory
from coachhub_core.domain.coaches import ChangeCoach
from coachhub_core.domain.matches import AcceptMatch, EndMatch, RequestMatch
from coachhub_core.domain.reviews import WriteReview
from coachhub_core.domain.trainees import ChangeTrainee, Constraint, SetConstraints
from coachhub_core.errors import ActiveMatch, BadCredentials, ExportRunning, NotFound
from coachhub_core.testing.story import PASSWORD, House

SECRETS = ("zebra-name", "zebra-city", "zebra-goal", "zebra-knee", "zebra-words", "zebra-review", "zebra@example.org")


def a_life(house: House) -> tuple[Actor, Actor]:
    """A trainee who left a trace in every room."""
    coach = house.a_coach()
    sam = house.a_trainee(name="zebra-name", city="zebra-city", email="zebra@example.org")
    house.hub.trainees.change(sam, ChangeTrainee(goal="zebra-goal"))
    constraints = (Constraint(kind="injury", value="zebra-knee"),)
    house.hub.trainees.set_constraints(sam, SetConstraints(constraints=constraints))
    match = house.matched(sam, coach)
    assert match.conversation_id is not None
    message = PostMessage(conversation_id=match.conversation_id, client_id=uuid4(), body="zebra-words")
    house.hub.chat.post(sam, message)
    house.hub.matches.end(sam, EndMatch(match_id=match.id))
    house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=4, text="zebra-review"))
    return coach, sam


def everything(house: House) -> str:
    """Every byte of the database, as text."""
    engine = house.hub.storage.engine  # type: ignore[attr-defined]  # of the storage over SQLAlchemy
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        return " ".join(str(row) for t in tables for row in connection.exec_driver_sql(f"SELECT * FROM {t}"))


def test_an_export_holds_every_trace_and_nobody_elses(house: House) -> None:
    """Made by due work, read by its owner alone."""
    coach, sam = a_life(house)
    asked = house.hub.own_data.ask_export(sam)
    assert asked.state == "running"
    with pytest.raises(ExportRunning):
        house.hub.own_data.ask_export(sam)
    assert house.hub.run_due().done["exports"] == 1
    done = house.hub.own_data.export(sam, asked.id)
    assert done.state == "done"
    text = json.dumps(done.document, ensure_ascii=False)
    for secret in SECRETS:
        assert secret in text, secret
    assert "password" not in text
    assert "p1@example.org" not in text
    with pytest.raises(NotFound):
        house.hub.own_data.export(coach, asked.id)
    assert [e.id for e in house.hub.own_data.exports(sam).items] == [asked.id]


def test_an_erased_person_is_found_in_no_table_and_no_file(house: House) -> None:
    """Their words are blank, their numbers stay, and the chain says that it was done."""
    coach, sam = a_life(house)
    house.hub.own_data.ask_export(sam)
    house.hub.run_due()
    assert all(secret in everything(house) for secret in ("zebra-name", "zebra-words"))
    with pytest.raises(BadCredentials):
        house.hub.own_data.erase(sam, EraseAccount(password="wrong"))
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    left = everything(house)
    assert [secret for secret in SECRETS if secret in left] == []
    assert list(house.hub.files.names()) == []
    assert house.hub.coaches.get(coach.coach_id).n_reviews == 1
    talk = house.hub.chat.conversations(coach).items[0]
    events = house.hub.chat.history(coach, ReadHistory(conversation_id=talk.id)).events
    assert [(e.seq, e.body) for e in events] == [(1, "")]
    with pytest.raises(NotFound):
        house.hub.act_as(sam.account_id)
    with house.hub.storage.begin(read_only=True) as work:
        assert [e.account_id for e in work.erasures.all()] == [sam.account_id]
    assert house.hub.storage.check().problems == ()


def test_no_answer_kept_for_somebody_else_names_an_erased_person(house: House) -> None:
    """An idempotency key keeps a view for a day: the coach's accept shows the trainee's name and words."""
    coach, sam = house.a_coach(), house.a_trainee(name="zebra-name")
    assert coach.coach_id is not None
    asked = house.hub.matches.request(sam, RequestMatch(coach_id=coach.coach_id, message="zebra-words"))
    key = RequestKey(key="k1", operation="accept", request_hash=b"1" * 32)
    house.hub.matches.accept(attrs.evolve(coach, key=key), AcceptMatch(match_id=asked.id))
    assert "zebra-words" in everything(house)
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD, end_matches=True))
    assert [word for word in ("zebra-name", "zebra-words") if word in everything(house)] == []


def test_an_export_leaves_the_other_sides_words_to_them(house: House) -> None:
    """What a trainee asked and noted is in their export and not in their coach's."""
    coach, sam = house.a_coach(), house.a_trainee()
    assert coach.coach_id is not None
    asked = house.hub.matches.request(sam, RequestMatch(coach_id=coach.coach_id, message="zebra-words"))
    house.hub.matches.accept(coach, AcceptMatch(match_id=asked.id))
    house.hub.matches.end(sam, EndMatch(match_id=asked.id, note="zebra-note"))
    texts = {}
    for actor in (coach, sam):
        export = house.hub.own_data.ask_export(actor)
        house.hub.run_due()
        texts[actor.role] = json.dumps(house.hub.own_data.export(actor, export.id).document)
    for word in ("zebra-words", "zebra-note"):
        assert word in texts["trainee"]
        assert word not in texts["coach"]


@pytest.mark.embedded
def test_the_files_of_the_database_hold_no_byte_of_an_erased_person(house: House) -> None:
    """Neither as a deleted row nor in SQLite's log of former pages."""
    _, sam = a_life(house)
    path = house.hub.storage.path  # type: ignore[attr-defined]  # SQLite in a file of its own
    files = [path, path.with_name(f"{path.name}-wal")]
    assert any(b"zebra-words" in file.read_bytes() for file in files)
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    left = b"".join(file.read_bytes() for file in files if file.exists())
    assert [secret for secret in SECRETS if secret.encode() in left] == []


def test_a_running_match_must_be_ended_or_said_to_be(house: House) -> None:
    """A coach who leaves frees nobody silently: their trainees are told."""
    coach, sam = house.a_pair()
    house.hub.coaches.change(coach, ChangeCoach(bio="zebra-bio"))
    with pytest.raises(ActiveMatch):
        house.hub.own_data.erase(coach, EraseAccount(password=PASSWORD))
    house.hub.own_data.erase(coach, EraseAccount(password=PASSWORD, end_matches=True))
    assert house.hub.trainees.get(sam, None).matched_coach_id is None
    assert "zebra-bio" not in everything(house)
    with pytest.raises(NotFound):
        house.hub.coaches.get(coach.coach_id)


def test_an_address_is_free_again_after_its_owner_was_erased(house: House) -> None:
    """Nothing of the old account comes with it."""
    sam = house.a_trainee(email="again@example.org")
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    fresh = house.a_trainee(email="again@example.org")
    assert fresh.account_id != sam.account_id
    assert house.hub.trainees.get(fresh, None).goal is None


def test_an_erasure_is_replayed_once(house: House) -> None:
    """What a restored backup brought back is gone again."""
    sam = house.a_trainee()
    with house.hub.storage.begin(read_only=True) as work:
        before = work.accounts.get(sam.account_id)
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    with house.hub.storage.begin(read_only=True) as work:
        (erasure,) = work.erasures.all()
        erased = work.accounts.get(sam.account_id)
    assert house.hub.own_data.replay(erasure) is False
    with house.hub.storage.begin() as work:
        work.accounts.save(attrs.evolve(before, version=erased.version))
        work.commit()
    assert house.hub.own_data.replay(erasure) is True
