"""A training that was ended goes on from its last finished stage, to the same bytes."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.sparse import csr_array

from coachhub_cli import matching, resuming
from coachhub_cli.matching import match
from coachhub_cli.resuming import Resuming
from coachhub_core.domain.accounts import EraseAccount
from coachhub_core.matching import CoachMatcher, OutcomeLog
from coachhub_core.matching.columns import Number
from coachhub_core.matching.kept_input import keep_input, kept_input
from coachhub_core.matching.market import make_market, take_events
from coachhub_core.matching.stages import FileStages
from coachhub_core.matching.tables import TraineeTable
from coachhub_core.ports.matcher import ArtefactWriter, Deadline
from coachhub_core.services.training import TrainingData
from coachhub_core.testing.story import PASSWORD, House, house
from coachhub_scipy.staged import Staged

__all__ = ["house"]

MARKET = make_market("one_sided", n_trainees=110, n_coaches=24, seed=4)
SMALL = make_market("much", n_trainees=60, n_coaches=20, seed=4)
CHOICES = take_events(MARKET.log, np.flatnonzero([event == "contacted" for event in MARKET.log.event]))


class Ending(FileStages):
    """Ends the training as soon as it has finished one more stage."""

    ended: str | None = None

    def keep(self, name: str, save: Callable[[ArtefactWriter], None]) -> None:
        super().keep(name, save)
        self.ended = name
        raise KeyboardInterrupt


class Telling(FileStages):
    """Notes which stages were done, and what was said."""

    def __init__(self, folder: Path, of: str) -> None:
        self.lines: list[str] = []
        self.done: list[str] = []
        super().__init__(folder, of, self.lines.append)

    def keep(self, name: str, save: Callable[[ArtefactWriter], None]) -> None:
        super().keep(name, save)
        self.done.append(name)


def learned(log: OutcomeLog, market: Any = MARKET, **how: Any) -> CoachMatcher:
    return CoachMatcher.fit(log, market.coaches, market.trainees, **how)


@cache
def of_small(seed: int = 0) -> CoachMatcher:
    """Learn from the small market once, as nobody ends it."""
    return learned(SMALL.log, SMALL, seed=seed)


def told(log: OutcomeLog, folder: Path, market: Any = MARKET, **how: Any) -> tuple[CoachMatcher, Telling]:
    made: list[Telling] = []

    def stages(of: str) -> Telling:
        made.append(Telling(folder, of))
        return made[-1]

    return learned(log, market, stages=stages, **how), made[-1]


def saved(model: CoachMatcher, path: Path) -> bytes:
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("log", [MARKET.log, CHOICES], ids=["answers", "choices"])
def test_ended_at_every_stage_it_comes_to_the_same_bytes(log: OutcomeLog, tmp_path: Path) -> None:
    """Each run finishes one stage and is ended; the last one gives what a run that nobody ended gives."""
    whole, all_at_once = told(log, tmp_path / "whole")
    ended: list[str] = []
    model: CoachMatcher | None = None
    while model is None:
        runs: list[Ending] = []

        def stages(of: str, runs: list[Ending] = runs) -> Ending:
            runs.append(Ending(tmp_path / "ended", of, lambda _: None))
            return runs[-1]

        try:
            model = learned(log, stages=stages)
        except KeyboardInterrupt:
            assert runs[0].ended is not None
            ended.append(runs[0].ended)
    assert ended == all_at_once.done  # no stage twice, and none left out
    assert len(ended) >= 8
    assert saved(model, tmp_path / "b.zip") == saved(whole, tmp_path / "a.zip")


def test_a_damaged_stage_is_found_and_done_again(tmp_path: Path) -> None:
    """One byte of any of them, or one in the place of another: a line, and the same model."""
    whole, (_, first) = of_small(), told(SMALL.log, tmp_path / "t", SMALL)
    files = {path.name[17:-6]: path for path in (tmp_path / "t").iterdir()}
    assert sorted(files) == sorted(name.replace("/", ".") for name in first.done)
    rng = np.random.Generator(np.random.PCG64(1))
    for path in files.values():
        data = bytearray(path.read_bytes())
        data[int(rng.integers(len(data)))] ^= 0x10
        path.write_bytes(data)
    files["accepts"].write_bytes(b"")
    model, again = told(SMALL.log, tmp_path / "t", SMALL)
    assert model.model_id == whole.model_id
    assert again.done == first.done
    assert len([line for line in again.lines if line.endswith("done again")]) == len(files)
    files["wants"].write_bytes(files["accepts"].read_bytes())
    model, third = told(SMALL.log, tmp_path / "t", SMALL)
    assert model.model_id == whole.model_id
    assert third.done == ["wants"]
    assert any("is not this stage" in line for line in third.lines)


def test_another_input_begins_anew_and_says_so(tmp_path: Path) -> None:
    """Another seed, another log, one value in a table: what was kept of the former is not used, and goes."""
    told(SMALL.log, tmp_path / "t", SMALL)
    shorter = take_events(SMALL.log, np.arange(len(SMALL.log) - 1))
    changed = {**SMALL.trainees.columns, "extra": Number([1.0] * len(SMALL.trainees))}
    others = TraineeTable.build(ids=SMALL.trainees.ids, **changed)
    wider = TrainingData(SMALL.log, SMALL.coaches, others)
    for log, market, seed in ((SMALL.log, SMALL, 7), (shorter, SMALL, 0), (SMALL.log, wider, 0)):
        before = {path.name for path in (tmp_path / "t").iterdir()}
        model, stages = told(log, tmp_path / "t", market, seed=seed)
        assert (model.model_id == of_small(7).model_id) is (seed == 7)
        assert stages.lines == ["another training was ended here, of another input: this one begins anew"]
        assert before.isdisjoint(path.name for path in (tmp_path / "t").iterdir())


def test_what_a_deadline_cut_short_is_not_kept(tmp_path: Path) -> None:
    """The best so far is given; asked again without one, it is what it would have been."""
    looks = iter(range(10**9))
    cut, stages = told(SMALL.log, tmp_path / "t", SMALL, deadline=Deadline(3.0, lambda: float(next(looks))))
    whole = of_small()
    assert cut.model_id != whole.model_id
    assert len(stages.done) < 3
    model, _ = told(SMALL.log, tmp_path / "t", SMALL)
    assert model.model_id == whole.model_id


def test_a_value_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    """Numbers that are none, types, the order in memory, and cells in the order they were in."""
    rng = np.random.Generator(np.random.PCG64(2))
    turned = np.asfortranarray(rng.normal(size=(5, 3)))
    cells = csr_array((rng.normal(size=4), np.array([2, 0, 1, 0], np.int32), np.array([0, 2, 4], np.int32)), (2, 3))
    value = {
        "floats": (0.1, -0.0, math.inf, math.nan, 5e-324),
        "arrays": [turned, rng.normal(size=(2, 2)).astype(np.float32), np.zeros((0, 3)), np.arange(3)],
        "cells": cells,
        "rest": (None, True, 2**40, "a"),
    }
    kept = Staged(FileStages(tmp_path / "t", "0" * 64, lambda _: None), lambda: True)
    kept("one", lambda: value)
    found = kept("one", lambda: pytest.fail("it was kept"))
    assert list(found) == list(value)
    assert [float(one).hex() for one in found["floats"]] == [float(one).hex() for one in value["floats"]]
    for one, other in zip(found["arrays"], value["arrays"], strict=True):
        assert (one.dtype, one.shape, one.tobytes("A")) == (other.dtype, other.shape, other.tobytes("A"))
        assert one.flags.c_contiguous == other.flags.c_contiguous
        assert one.flags.writeable
    parts = [(np.asarray(getattr(c, part)).tobytes()) for c in (found["cells"], cells) for part in ("data", "indices")]
    assert parts[:2] == parts[2:]
    assert found["rest"] == value["rest"]
    with pytest.raises(TypeError, match="cannot keep object"):
        kept("two", object)


def test_a_folder_that_cannot_be_written_costs_the_way_back_only(tmp_path: Path) -> None:
    """Where nothing can be kept it says so, and learns all the same."""
    (tmp_path / "t").write_text("in the way")
    model, stages = told(SMALL.log, tmp_path / "t", SMALL)
    assert model.model_id == of_small().model_id
    assert "cannot be kept" in stages.lines[0]


def test_what_it_began_with_comes_back_as_it_was(tmp_path: Path) -> None:
    """Log and tables to the last bit; of sensitive columns only those it may learn from."""
    rows = len(MARKET.trainees)
    more = {"age": Number([30.0] * rows, is_sensitive=True), "gender": Number([1.0] * rows, is_sensitive=True)}
    trainees = TraineeTable.build(ids=MARKET.trainees.ids, **MARKET.trainees.columns, **more)
    keep_input(tmp_path / "input.zip", MARKET.log, MARKET.coaches, trainees, {"a": 1}, consent=("age",))
    found = kept_input(tmp_path / "input.zip")
    assert found.facts == {"a": 1}
    assert found.log.content_hash == MARKET.log.content_hash
    assert found.coaches.content_hash == MARKET.coaches.content_hash
    assert "gender" not in found.trainees
    assert found.trainees["age"].is_sensitive
    seen = {"consent": ("age",)}
    assert found.trainees.select({"*"}, **seen).content_hash == trainees.select({"*"}, **seen).content_hash


# ── the command ─────────────────────────────────────────────────────────────

_KILLED = """
import os, signal, sys
from coachhub_cli import matching
from coachhub_core.matching.market import make_market
from coachhub_core.matching.stages import FileStages

market = make_market("much", n_trainees=60, n_coaches=20, seed=4)
matching.training_data = lambda *_, **__: market
kept, keep = [], FileStages.keep

def and_die(self, name, save):
    keep(self, name, save)
    kept.append(name)
    if len(kept) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

FileStages.keep = and_die
matching.match(["train", "--seed", "7"])
"""


def test_killed_without_warning_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 leaves no model and a folder; the hub lives on, and the model is still the one it was to be."""
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path / "d"))
    monkeypatch.chdir(tmp_path)
    died = subprocess.run(
        [sys.executable, "-c", _KILLED], capture_output=True, text=True, check=False, env=dict(os.environ), timeout=120
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    target, folder = tmp_path / "d" / "model.zip", tmp_path / "d" / "model.zip.training"
    assert not target.exists()
    assert len(list(folder.glob("*.stage"))) == 3
    assert (folder.stat().st_mode & 0o077, (folder / "input.zip").stat().st_mode & 0o077) == (0, 0)
    monkeypatch.setattr(matching, "training_data", lambda *_, **__: MARKET)  # much has happened since
    done = CliRunner().invoke(match, ["train", "--seed", "7"], catch_exceptions=False)
    assert "going on with the training that began at" in done.stderr
    assert "it goes on, 3 stages are done" in done.stderr
    expected = of_small(7).model_id
    assert f"model_id {expected}" in done.stdout
    assert CoachMatcher.load(target).model_id == expected
    assert not folder.exists()
    later = CliRunner().invoke(match, ["train", "--seed", "7"], catch_exceptions=False)  # nothing is left to go on with
    assert "going on" not in later.stderr
    assert expected not in later.stdout


@pytest.mark.parametrize("options", [["--restart"], ["--seed", "1"], ["--since", "2020-01-01"]])
def test_another_command_begins_anew(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --restart, or other options, it reads the log anew."""
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reads: list[Any] = [SMALL, SMALL]
    monkeypatch.setattr(matching, "training_data", lambda *_, **__: reads.pop())

    def ended(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(CoachMatcher, "fit", ended)
        assert CliRunner().invoke(match, ["train"]).exit_code == 1
    assert (tmp_path / "model.zip.training" / "input.zip").exists()
    done = CliRunner().invoke(match, ["train", *options, "--matcher", "duet"], catch_exceptions=False)
    assert reads == []
    assert ("begins anew" in done.stderr) == (options != ["--restart"])


def test_a_deadline_leaves_what_the_next_run_goes_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best so far is written; the folder stays until the whole is."""
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(matching, "training_data", lambda *_, **__: SMALL)
    cut = CliRunner().invoke(match, ["train", "--deadline", "0.001"], catch_exceptions=False)
    assert "goes on from here" in cut.stderr
    assert (tmp_path / "model.zip.training").is_dir()
    done = CliRunner().invoke(match, ["train"], catch_exceptions=False)
    assert "going on" in done.stderr
    assert f"model_id {of_small().model_id}" in done.stdout
    assert not (tmp_path / "model.zip.training").exists()


def test_promoting_goes_on_too_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended in the second learning, the first is not done again."""
    market = make_market("much", n_trainees=100, n_coaches=20, seed=4)
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(matching, "training_data", lambda *_, **__: market)
    with monkeypatch.context() as patched:
        keep = FileStages.keep

        def and_end(self: FileStages, name: str, save: Any) -> None:
            keep(self, name, save)
            if self._folder.name != "eval":
                raise KeyboardInterrupt

        patched.setattr(FileStages, "keep", and_end)
        assert CliRunner().invoke(match, ["train", "--promote"]).exit_code == 1
    again: list[str] = []
    monkeypatch.setattr(FileStages, "keep", lambda self, name, save: again.append(f"{self._folder.name}/{name}"))
    done = CliRunner().invoke(match, ["train", "--promote"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert again
    assert not [name for name in again if name.startswith("eval/")]
    assert "model.zip.training/columns" not in again
    assert [path.name for path in tmp_path.glob("model.zip*")] == ["model.zip"]


@pytest.mark.parametrize("why", ["erased", "old", "damaged"])
def test_what_it_began_with_is_not_used_any_more(
    why: str, house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody was erased meanwhile, it is too long ago, or the file is damaged: it begins anew and says why."""
    ours = Resuming.of(house.hub.settings, tmp_path / "m.zip", matcher="duet", since=None, seed=0)
    sam = house.a_trainee()
    ours.data(house.hub, lambda: TrainingData(SMALL.log, SMALL.coaches, SMALL.trainees))
    again = ours.data(house.hub, lambda: pytest.fail("it was to go on"))
    assert again.log.content_hash == SMALL.log.content_hash
    if why == "erased":
        house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    elif why == "old":
        house.clock.advance(1, days=resuming.KEEP.days)
    else:
        kept = tmp_path / "m.zip.training" / "input.zip"
        kept.write_bytes(kept.read_bytes()[:-1])
    other = TrainingData(CHOICES, MARKET.coaches, MARKET.trainees)
    assert ours.data(house.hub, lambda: other) is other
    assert re.search(r"begins anew\n$", capsys.readouterr().err)
