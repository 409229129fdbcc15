"""Who was erased leaves nothing in a model's file, and nobody else's list changes by it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from coachhub_cli.worker import worker
from coachhub_core.bootstrap import bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Matching, Settings
from coachhub_core.domain.accounts import EraseAccount
from coachhub_core.domain.coaches import ChangeCoach
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import ArtefactError
from coachhub_core.hosting import matcher_host
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.forgetting import forget, forgot_of
from coachhub_core.matching.kept_input import keep_input
from coachhub_core.matching.manifest import known_as
from coachhub_core.matching.market import make_market, take_events
from coachhub_core.matching.offered import matcher_of
from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.scores import matcher_from_scores
from coachhub_core.matching.stages import folder_of
from coachhub_core.matching.tables import Category, CoachTable, Labels, Texts, TraineeTable
from coachhub_core.plugins import Asker, load_plugins
from coachhub_core.ports.matcher import ArtefactReader, ArtefactWriter, MatcherOffer
from coachhub_core.services.forgetting import AGAIN, LOOK, TRAIN_WITHIN, ForgettingWork
from coachhub_core.services.snapshot import table_of_trainees
from coachhub_core.services.training import TrainingData, training_data
from coachhub_core.testing.story import PASSWORD, House
from coachhub_scipy.duet import DuetMatcher

MARKET = make_market("much", n_trainees=60, n_coaches=20, seed=4)
CLICKS = make_market("one_sided", n_trainees=110, n_coaches=24, seed=4)
CHOICES = take_events(CLICKS.log, np.flatnonzero([event == "contacted" for event in CLICKS.log.event]))
AT = datetime(2026, 1, 5, tzinfo=UTC)


def duet_of(name: str) -> MatcherOffer:
    return matcher_of(None, name)


@pytest.fixture(scope="module", params=["answers", "choices"])
def learned(request: pytest.FixtureRequest) -> tuple[CoachMatcher, Any]:
    """A model with effects and tastes of people, and one with histories and words."""
    market, log = (MARKET, MARKET.log) if request.param == "answers" else (CLICKS, CHOICES)
    return CoachMatcher.fit(log, market.coaches, market.trainees), market


def some_of(table: CoachTable | TraineeTable) -> frozenset[str]:
    return frozenset(table.ids[1::4])


def of_the_rest(path: Path, market: Any, gone: frozenset[str], **how: Any) -> tuple[Any, ...]:
    """Ask for everybody who is still there."""
    stay = [[row for row, id_ in enumerate(t.ids) if id_ not in gone] for t in (market.coaches, market.trainees)]
    coaches, trainees = market.coaches.take(stay[0]), market.trainees.take(stay[1])
    model = CoachMatcher.load(path, coaches=coaches, **how)
    ranking = model.rank(trainees, 10)
    index = model.model.index(coaches)
    said = index.explain(trainees, ranking.rows)
    return ranking.rows.tolist(), ranking.scores.tolist(), index.upper(trainees, ranking.rows).tolist(), said  # type: ignore[attr-defined]


def test_the_file_loses_them_and_nobody_elses_list_changes(learned: tuple[CoachMatcher, Any], tmp_path: Path) -> None:
    """No id stays; rows, scores, bounds and reasons of all others are the same to the last bit."""
    model, market = learned
    path = tmp_path / "model.zip"
    known = model.save(path, with_coaches=True)
    path.chmod(0o640)
    gone = some_of(market.coaches) | some_of(market.trainees)
    before = of_the_rest(path, market, gone)
    assert of_the_rest(path, market, gone, without=gone) == before  # as a server opens it
    made = forget(path, dict.fromkeys(sorted(gone), AT), duet_of)
    assert (made.n_people, made.since) == (len(gone), AT)
    data = path.read_bytes()
    assert [id_ for id_ in gone if f'"{id_}"'.encode() in data] == []
    kept = {*market.coaches.ids, *market.trainees.ids} - gone
    assert [id_ for id_ in kept if f'"{id_}"'.encode() not in data] == []
    assert of_the_rest(path, market, gone) == before
    again = CoachMatcher.load(path)
    assert again.model_id == known  # the same draws, the same place in reports
    assert again.coaches.ids == tuple(id_ for id_ in market.coaches.ids if id_ not in gone)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["model.zip"]


def test_what_one_person_alone_said_is_in_no_model(tmp_path: Path) -> None:
    """A town, a label or a word of one person's stands for that person, so it is not kept in the first place."""

    def with_own(table: Any) -> Any:
        towns = ["berlin" if row % 2 else "bonn" for row in range(len(table))]
        said = [[town, "common"] for town in towns]
        towns[3], said[3] = f"{WORDS}one", [f"{WORDS}two", "common"]
        more = {"town": Category(towns), "ways": Labels(said), "told": Texts([[" ".join(each)] for each in said])}
        return type(table).build(ids=table.ids, **table.columns, **more)

    CoachMatcher.fit(MARKET.log, with_own(MARKET.coaches), with_own(MARKET.trainees)).save(tmp_path / "m.zip")
    data = (tmp_path / "m.zip").read_bytes()
    assert all(word in data for word in (b"berlin", b"common"))
    assert WORDS.encode() not in data


def test_no_number_of_theirs_stays_that_nobody_else_needs(learned: tuple[CoachMatcher, Any]) -> None:
    """Rows of trainees go; of coaches, all but what those who chose them were taught."""
    matcher, market = learned[0].model, learned[1]
    gone = some_of(market.coaches) | some_of(market.trainees)
    assert isinstance(matcher, DuetMatcher)
    assert matcher.learned is not None
    found = matcher.without(gone).learned
    assert found is not None
    rows = [row for row, id_ in enumerate(market.coaches.ids) if id_ in gone]
    n = len([id_ for id_ in market.trainees.ids if id_ not in gone])
    assert (len(found.trainee_ids), len(found.counts)) == (n, n)
    assert len(found.chosen.starts) in (1, n + 1)
    for step in found.steps:
        assert step.doubt is not None
        assert not step.doubt[rows].any()
        assert {len(part.left.own) for part in step.linear if part.left.own is not None} <= {n}
        assert not [part.name for part in step.linear if part.right.own is not None and part.right.own[rows].any()]
        for cells in (step.history, step.asked.weights if step.asked is not None else None):
            assert cells is None or not np.isin(cells.places, rows).any()
    assert matcher.learned.coach_ids == market.coaches.ids  # itself it is not changed
    if market is CLICKS:
        assert any(step.history is not None for step in found.steps)


def test_step_by_step_comes_to_the_same(learned: tuple[CoachMatcher, Any], tmp_path: Path) -> None:
    """Forgetting twice is forgetting both, it knows since when, and who is unknown changes nothing."""
    model, market = learned
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    for path in (one, two):
        model.save(path)
    assert forget(one, {"nobody": AT}, duet_of).n_people == 0
    assert ZipArtefactReader.open(one).model_id == model.model_id
    trainees, coaches = some_of(market.trainees), some_of(market.coaches)
    later = AT + timedelta(days=1)
    forget(one, dict.fromkeys(trainees | coaches, AT), duet_of)
    forget(two, dict.fromkeys(coaches, AT), duet_of)
    forget(two, dict.fromkeys(trainees, later), duet_of)
    assert one.read_bytes() == two.read_bytes()
    assert known_as(ZipArtefactReader.open(two)) == model.model_id
    assert forgot_of(ZipArtefactReader.open(two).manifest) == AT
    assert forget(two, dict.fromkeys(coaches, later), duet_of).n_people == 0


class KeepsPeople:
    """A matcher of before there was the port: it has learned whom it met."""

    def save(self, out: ArtefactWriter) -> None:
        out.put_json("people", list(MARKET.trainees.ids))

    def load(self, source: ArtefactReader) -> KeepsPeople:
        return self


@pytest.mark.parametrize("name", ["duet", "plain", "mine"])
def test_a_model_of_nobody_stays_as_it_is(name: str, tmp_path: Path) -> None:
    """The prior, rules and a function know nobody."""
    offer = matcher_from_scores(lambda _, coaches: np.zeros(len(coaches)), name="mine")
    made = (offer if name == "mine" else duet_of(name)).make()
    path = tmp_path / "m.zip"
    out = ZipArtefactWriter()
    made.save(out)
    known = out.write(path, matcher=name, version="1")
    found = forget(path, {"a": AT}, lambda _: offer if name == "mine" else duet_of(name))
    assert (found.n_people, found.can_forget) == (0, True)
    assert ZipArtefactReader.open(path).model_id == known


def test_a_matcher_that_cannot_forget_is_told_of(tmp_path: Path) -> None:
    """The port is optional: without it, the file stays as it is, and whoever asked knows."""
    out = ZipArtefactWriter()
    KeepsPeople().save(out)
    out.write(tmp_path / "m.zip", matcher="old", version="1")
    offer = MatcherOffer(make=KeepsPeople, version="1", needs={"*"})  # type: ignore[arg-type]  # no more than is asked
    assert not forget(tmp_path / "m.zip", {MARKET.trainees.ids[0]: AT}, lambda _: offer).can_forget


@pytest.mark.parametrize(
    "forgot", [{"of": "x", "since": "2026-01-05"}, {"of": "0" * 64}, {"of": "0" * 64, "since": 5}, 1]
)
def test_a_manifest_that_lies_about_it_is_refused(forgot: Any, tmp_path: Path) -> None:
    """What stands there is checked like everything else."""
    out = ZipArtefactWriter()
    CoachMatcher().model.save(out)
    out.write(tmp_path / "m.zip", matcher="duet", version="1", forgot=forgot)
    with pytest.raises(ArtefactError, match="what was forgotten"):
        forget(tmp_path / "m.zip", {"a": AT}, duet_of)


# ── a hub ───────────────────────────────────────────────────────────────────

WORDS = "zweigelbrunnen"  # distinctive: of one person alone


def words_of(n: int) -> str:
    return f"run a marathon {WORDS}{n}"


class Town:
    """A hub in a folder, in which people chose, and a model that learned from it."""

    def __init__(self, folder: Path) -> None:
        self.model = folder / "model.zip"
        settings = Settings.in_memory(matching=Matching(artefact=str(self.model), exploration=False))
        CoachMatcher().save(self.model)
        self.clock = ManualClock()
        self.house = House(bootstrap(settings, clock=self.clock), self.clock)
        self.coaches = [self.house.a_coach() for _ in range(4)]
        self.trainees = [self.house.a_trainee() for _ in range(8)]
        for n, coach in enumerate(self.coaches):
            self.house.hub.coaches.change(coach, ChangeCoach(bio=words_of(100 + n)))
        for n, trainee in enumerate(self.trainees):
            self.house.hub.trainees.change(trainee, ChangeTrainee(goal=words_of(n)))
        self.train()

    def data(self) -> Any:
        hub = self.house.hub
        found = training_data(hub.storage, self.clock, hub.vocabulary)
        events = [
            {"at": n, "trainee": trainee.trainee_id, "coach": self.coaches[k].coach_id, "event": "contacted"}
            for n, trainee in enumerate(self.trainees)
            for k in {n % 4, n % 3}
        ]
        with hub.storage.begin(read_only=True) as work:
            records = work.trainees.records([t.trainee_id for t in self.trainees if t.trainee_id is not None])
            trainees = table_of_trainees(work, records, self.clock(), hub.vocabulary)
        return TrainingData(OutcomeLog.build(events), found.coaches, trainees)

    def train(self) -> None:
        data = self.data()
        CoachMatcher.fit(data.log, data.coaches, data.trainees).save(self.model, with_coaches=True)

    def erase(self, *people: Any) -> None:
        for person in people:
            self.house.hub.own_data.erase(person, EraseAccount(password=PASSWORD, end_matches=True))

    def left(self, id_: UUID, word: str) -> list[str]:
        """Say in which files of the folder there is anything of a person."""
        marks = (str(id_).encode(), id_.hex.encode(), id_.bytes, word.encode())
        return sorted(
            file.name
            for file in self.model.parent.rglob("*")
            if file.is_file() and any(mark in file.read_bytes() for mark in marks)
        )


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    with made.house:
        yield made


def test_the_worker_leaves_nothing_of_them_in_any_file(town: Town) -> None:
    """A trainee and a coach: live model, former one, and what a training had kept."""
    sam, coach = town.trainees[0], town.coaches[1]
    before = town.model.with_name("model.zip.previous")
    before.write_bytes(town.model.read_bytes())
    data = town.data()
    folder = folder_of(town.model)
    folder.mkdir()
    keep_input(folder / "input.zip", data.log, data.coaches, data.trainees, {"at": town.clock().isoformat()})
    assert sam.trainee_id is not None
    assert coach.coach_id is not None
    assert town.left(sam.trainee_id, words_of(0)) == ["input.zip", "model.zip", "model.zip.previous"]
    assert town.left(coach.coach_id, words_of(101)) == ["input.zip", "model.zip", "model.zip.previous"]
    known = CoachMatcher.load(town.model).model_id
    assert town.house.hub.run_due().done["models"] == 0  # nobody was erased
    town.erase(sam, coach)
    assert town.house.hub.run_due().done["models"] == 0  # it looks now and then
    town.clock.advance(LOOK.total_seconds())
    assert town.house.hub.run_due().done["models"] == 1
    assert town.left(sam.trainee_id, words_of(0)) == []
    assert town.left(coach.coach_id, words_of(101)) == []
    assert not folder.exists()
    assert {known_as(ZipArtefactReader.open(path)) for path in (town.model, before)} == {known}
    town.clock.advance(LOOK.total_seconds())
    assert town.house.hub.run_due().done["models"] == 0


def test_a_server_that_runs_takes_what_was_trained_and_what_was_forgotten(town: Town) -> None:
    """It began with the prior; nobody starts it again, neither for the new model nor when somebody was erased."""
    hub, (sam, other) = town.house.hub, town.trainees[:2]
    host = hub.suggestions.host

    def asked() -> Any:
        assert host._renewal is not None
        host._renewal._next_at = 0.0  # as if ten seconds had passed
        hub.suggestions.suggest(other, SuggestCoaches(limit=3))
        for thread in threading.enumerate():
            if thread.name == "matcher-renewal":
                thread.join()
        return hub.suggestions.suggest(other, SuggestCoaches(limit=3))

    learned = asked()
    assert learned.model_id == host.state().model_id == CoachMatcher.load(town.model).model_id
    assert learned.degraded is None
    assert str(sam.trainee_id) in host._chosen.matcher.people  # type: ignore[attr-defined]
    town.erase(sam)
    town.clock.advance(LOOK.total_seconds())
    assert hub.run_due().done["models"] == 1
    again = asked()
    assert str(sam.trainee_id) not in host._chosen.matcher.people  # type: ignore[attr-defined]
    assert [(one.coach.id, one.score) for one in again.items] == [(one.coach.id, one.score) for one in learned.items]
    assert (again.model_id, again.degraded) == (learned.model_id, None)


def test_a_model_written_after_the_erasure_is_looked_at_too(town: Town) -> None:
    """A training that began before it ends after it."""
    sam = town.trainees[0]
    former = town.model.read_bytes()
    town.erase(sam)
    town.clock.advance(LOOK.total_seconds())
    town.house.hub.run_due()
    town.clock.advance(LOOK.total_seconds())
    town.house.hub.run_due()
    town.model.write_bytes(former)
    assert sam.trainee_id is not None
    assert town.left(sam.trainee_id, words_of(0)) == ["model.zip"]
    town.clock.advance(LOOK.total_seconds())
    town.house.hub.run_due()
    assert town.left(sam.trainee_id, words_of(0)) == []


def test_a_hub_opens_a_model_without_who_was_erased(town: Town) -> None:
    """Also where no worker came to it yet; by the id the lists know."""
    sam = town.trainees[0]
    known = CoachMatcher.load(town.model)
    town.erase(sam)
    storage = town.house.hub.storage
    settings = town.house.hub.settings
    with storage.begin(read_only=True) as work:
        erased = work.personal.erased_profiles()
    assert list(erased) == [sam.trainee_id]
    assert list(erased.values()) == [town.clock()]
    closers: list[Any] = []
    ask = Asker(load_plugins(), settings)
    host = matcher_host(settings, town.house.hub.vocabulary, ask, closers, lambda: [str(id_) for id_ in erased])
    try:
        opened = host._chosen
    finally:
        for close in closers:
            close()
    assert str(sam.trainee_id) in known.model.people  # type: ignore[attr-defined]
    assert str(sam.trainee_id) not in opened.matcher.people
    assert opened.model_id == known.model_id


def test_who_does_not_train_is_reminded(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Thirty days after an erasure what was learned from that person is to be gone: a line a day."""
    town.erase(town.trainees[0])

    def days(n: int) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "coachhub.forgetting"):
            for _ in range(n):
                town.clock.advance(1, days=1)
                town.house.hub.forgetting_work.work_one()
        return [record.getMessage() for record in caplog.records]

    assert days(TRAIN_WITHIN.days - 1) == []
    lines = days(3)
    assert 1 <= len(lines) <= 3
    assert all(line.endswith("train it anew") for line in lines)
    town.train()
    assert days(2) == []


def test_a_file_that_cannot_be_read_is_told_of_and_tried_again(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing else waits for it, and it is not opened every minute."""
    town.erase(town.trainees[0])
    whole = town.model.read_bytes()
    town.model.write_bytes(whole[:-1])
    work: ForgettingWork = town.house.hub.forgetting_work
    town.clock.advance(LOOK.total_seconds())
    assert not work.work_one()
    assert "may still be in" in caplog.text
    town.model.write_bytes(whole)
    town.clock.advance(LOOK.total_seconds())
    assert not work.work_one()
    town.clock.advance(AGAIN.total_seconds())
    assert work.work_one()


def test_a_model_written_meanwhile_is_not_lost(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who promotes while the former model is being written again wins."""
    town.erase(town.trainees[0])
    write = ZipArtefactWriter.write

    def and_promote(self: ZipArtefactWriter, path: Path, **facts: Any) -> str:
        made = write(self, path, **facts)
        CoachMatcher().save(town.model) if path != town.model else None
        return made

    CoachMatcher().save(town.model.with_name("other.zip"))
    newer = town.model.with_name("other.zip").read_bytes()
    town.clock.advance(LOOK.total_seconds())
    with monkeypatch.context() as patched:
        patched.setattr(ZipArtefactWriter, "write", and_promote)
        assert not town.house.hub.forgetting_work.work_one()
    assert town.model.read_bytes() == newer
    assert sorted(path.name for path in town.model.parent.iterdir()) == ["model.zip", "other.zip"]


def test_the_command_forgets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``coachhub worker --once`` in a folder: the default name is looked for as well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path / "d"))
    settings = Settings(data=tmp_path / "d")
    with House(bootstrap(settings), ManualClock()) as house:
        sam = house.a_trainee()
        assert sam.trainee_id is not None
        ids = [str(sam.trainee_id), *MARKET.trainees.ids[1:]]
        trainees = TraineeTable.build(ids=ids, **MARKET.trainees.columns)
        CoachMatcher.fit(MARKET.log, MARKET.coaches, trainees).save(tmp_path / "d" / "model.zip")
        house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    done = CliRunner().invoke(worker, ["--once"], catch_exceptions=False)
    assert "models 1" in done.stdout
    assert str(sam.trainee_id).encode() not in (tmp_path / "d" / "model.zip").read_bytes()
