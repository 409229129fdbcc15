"""``coachhub match train``: an artefact, and the gate before it becomes live."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from coachhub_cli import matching, promoting
from coachhub_cli.matching import match
from coachhub_cli.progress import lasting
from coachhub_core import hookimpl
from coachhub_core.errors import ArtefactError, Invalid
from coachhub_core.matching import CoachMatcher, CoachTable
from coachhub_core.matching.artefact import ZipArtefactReader
from coachhub_core.matching.columns import Column, Number
from coachhub_core.matching.market import make_market
from coachhub_core.plugins import load_plugins
from coachhub_core.ports.matcher import FeatureBlock

MARKET = make_market("much", n_trainees=150, n_coaches=30, seed=4)
ELSEWHERE = make_market("much", n_trainees=60, n_coaches=20, seed=5)


def test_an_empty_hub_trains_to_the_prior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The artefact is written, its id printed, and it answers; the same again has the same id."""
    monkeypatch.chdir(tmp_path)
    ids = []
    for _ in range(2):
        done = CliRunner().invoke(match, ["train", "--data", str(tmp_path / "d")], catch_exceptions=False)
        assert done.exit_code == 0
        assert "0 events of 0 trainees and 0 coaches" in done.stderr
        ids.append(done.stdout.split("model_id ")[1].strip())
    assert ids[0] == ids[1]
    model = CoachMatcher.load(tmp_path / "d" / "model.zip")
    assert model.model_id == ids[0]
    found = model.find_matches({"goal": "first marathon"}, limit=3)
    assert (found.matcher, len(found)) == ("duet", 3)


@attrs.frozen
class Cheapness:
    side: str = "coaches"
    kinds: Mapping[str, str] = attrs.field(factory=lambda: {"cheap": "number"})

    def fill(self, table: CoachTable) -> Mapping[str, Column]:
        return {"cheap": Number([-1.0] * len(table))}


class OffersCheapness:
    """A plugin that adds a column."""

    @hookimpl
    def coachhub_features(self) -> Mapping[str, FeatureBlock]:
        return {"cheapness": Cheapness()}  # type: ignore[dict-item]  # its members are the protocol's properties


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log in which people chose, in the place of an empty hub's."""
    monkeypatch.setattr(matching, "training_data", lambda *_, **__: MARKET)


def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artefact: str = "", matcher: str = "") -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHHUB_DATA", str(tmp_path / "d"))
    monkeypatch.setenv("COACHHUB_MATCHING_ARTEFACT", artefact)
    monkeypatch.setenv("COACHHUB_MATCHING_MATCHER", matcher)


@pytest.mark.usefixtures("market")
def test_it_learns_from_what_it_will_be_asked_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns of plugins are filled in for training, too, and consent holds for both."""
    in_folder(tmp_path, monkeypatch)
    monkeypatch.setenv("COACHHUB_MATCHING_FEATURES", "cheapness")
    monkeypatch.setenv("COACHHUB_MATCHING_SENSITIVE_COLUMNS", "gender")
    plugins = load_plugins()
    plugins.register(OffersCheapness(), "cheapness")
    monkeypatch.setattr(sys.modules["coachhub_core.bootstrap"], "load_plugins", lambda *_: plugins)
    seen: list[tuple[bool, frozenset[str]]] = []

    def fit(log: object, coaches: CoachTable, *_: object, consent: Collection[str], **__: object) -> None:
        seen.append(("cheap" in coaches.columns, frozenset(consent)))
        raise Invalid.at("/log", "seen enough")

    monkeypatch.setattr(CoachMatcher, "fit", fit)
    assert isinstance(CliRunner().invoke(match, ["train"]).exception, Invalid)
    assert seen == [(True, frozenset({"gender"}))]


@pytest.mark.usefixtures("market")
def test_a_model_that_passes_becomes_live_and_the_former_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first says how to serve it; the next takes its place, and what it was is still there."""
    in_folder(tmp_path, monkeypatch)
    first = CliRunner().invoke(match, ["train", "--promote"], catch_exceptions=False)
    assert first.exit_code == 0, first.output
    assert "no different from live" in first.stdout  # which is duet before it has learned: level is good enough
    assert "top tenth shown" in first.stdout
    live = tmp_path / "d" / "model.zip"
    assert f'artefact = "{live}"' in first.stdout
    said = ZipArtefactReader.open(live).manifest
    assert said["prior"] == "duet-prior/1"
    gate = said["metrics"]  # the gate's own figures
    assert re.search(rf"nDCG@10 +{gate['eval.all.candidate.ndcg_at_10']:.3f}", first.stdout), first.stdout
    assert gate["eval.all.gain_over_live.ndcg_at_10.high"] >= 0
    assert not [name for name in gate if name.startswith("eval.costs.")]  # other in every run
    before = live.read_bytes()
    in_folder(tmp_path, monkeypatch, str(live))
    again = CliRunner().invoke(match, ["train", "--promote", "--seed", "1"], catch_exceptions=False)
    assert again.exit_code == 0, again.output
    assert live.with_name("model.zip.previous").read_bytes() == before
    assert CoachMatcher.load(live).model_id in again.stdout


@pytest.mark.usefixtures("market")
def test_it_leans_on_the_model_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest names it, the gate's candidate leans on it too, and a training without it is another one."""
    in_folder(tmp_path, monkeypatch)
    (tmp_path / "d").mkdir()
    prior = CoachMatcher.fit(ELSEWHERE.log, ELSEWHERE.coaches, ELSEWHERE.trainees)
    prior.save(tmp_path / "prior.zip")
    CoachMatcher(matcher="plain").save(tmp_path / "plain.zip")
    other = CliRunner().invoke(match, ["train", "--prior", str(tmp_path / "plain.zip")])
    assert other.exit_code == 2
    assert "--prior is a model of 'plain', and 'duet' is to learn" in other.stderr
    given: list[str | None] = []
    fit = CoachMatcher.fit

    def leaning(*tables: Any, prior: CoachMatcher | None = None, **how: Any) -> CoachMatcher:
        given.append(None if prior is None else prior.model_id)
        if len(given) == 1:
            raise KeyboardInterrupt  # the first is ended, and could go on
        return fit(*tables, prior=prior, **how)

    monkeypatch.setattr(CoachMatcher, "fit", leaning)
    options = ["train", "--promote", "--prior", str(tmp_path / "prior.zip")]
    assert CliRunner().invoke(match, ["train", "--promote"]).exit_code == 1
    done = CliRunner().invoke(match, options, catch_exceptions=False)
    assert "a training with other settings or options was ended here" in done.stderr
    assert given == [None, prior.model_id, prior.model_id]
    assert ZipArtefactReader.open(tmp_path / "d" / "model.zip").manifest["prior"] == prior.model_id


def test_what_was_live_is_kept_beside_it(tmp_path: Path) -> None:
    """The former, and no older one: whoever goes back has one step to go."""
    live = tmp_path / "model.zip"
    contents = []
    for _ in range(3):
        promoting.promote(CoachMatcher(), live)
        contents.append(live.read_bytes())
        live.write_bytes(live.read_bytes() + b"!")
    assert live.with_name("model.zip.previous").read_bytes() == contents[1] + b"!"
    assert contents[2] == contents[0]


@pytest.mark.usefixtures("market")
def test_a_worse_model_is_not_promoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that know nothing of this market do not replace what has learned it, and nothing is written."""
    in_folder(tmp_path, monkeypatch)
    (tmp_path / "d").mkdir()
    live = tmp_path / "d" / "live.zip"
    CoachMatcher.fit(MARKET.log, MARKET.coaches, MARKET.trainees).save(live)
    before = live.read_bytes()
    in_folder(tmp_path, monkeypatch, str(live))
    done = CliRunner().invoke(match, ["train", "--promote", "--matcher", "plain"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "worse than live" in done.stdout
    assert "not promoted: it is worse than the live one" in done.stderr
    assert live.read_bytes() == before
    assert [path.name for path in (tmp_path / "d").glob("*.zip*")] == ["live.zip"]
    gate = CliRunner().invoke(match, ["eval", "--matcher", "plain", "--json"], catch_exceptions=False)
    assert gate.exit_code == 1
    said = json.loads(gate.stdout)
    assert said["is_worse"] is True
    figures = said["slices"]["all"]["figures"]
    assert figures["ndcg_at_10"]["live"]["candidate_less"]["verdict"] == "worse"
    assert figures["log_loss_wants"]["candidate"] == {"why_not": "it says no probability of this"}
    for name, words in (("map", "MAP"), ("log_loss_wants", "log loss, the trainee asks")):  # the same figures in print
        shown = re.search(rf"^{words} .* {figures[name]['live']['value']:.3f}\b", done.stdout, re.M)
        assert shown, (name, done.stdout)


@pytest.mark.usefixtures("market")
def test_what_is_live_is_what_the_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an artefact, the matcher that is chosen answers: the same rules on both sides are no different."""
    in_folder(tmp_path, monkeypatch, matcher="plain")
    done = CliRunner().invoke(match, ["eval", "--matcher", "plain"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "no different from live: +0.000 [+0.000 +0.000]" in done.stdout
    assert re.search(r"^success@3 +0\.\d{3} +0\.\d{3} none \+0\.000 \[\+0\.000 \+0\.000\]", done.stdout, re.M)
    assert "n/a, it says no probability of this: log loss; off by" in done.stdout
    assert "new trainees chose somebody, and 30 are needed: nDCG@10; recall@10; MAP; success@3" in done.stdout
    assert "n/a of live, it was there already, and not fitted here: learning, s" in done.stdout
    assert not re.search(r"\bnan\b", done.stdout)


def test_too_few_cannot_promote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty hub has nobody who could say whether a model is better."""
    in_folder(tmp_path, monkeypatch)
    with pytest.raises(Invalid, match="only 0 trainees chose somebody"):
        CliRunner().invoke(match, ["train", "--promote"], catch_exceptions=False)
    assert not list((tmp_path / "d").glob("*.zip*"))


@pytest.mark.usefixtures("market")
def test_a_deadline_ends_learning_and_hinders_promotion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best so far is written on request, and never becomes live."""
    in_folder(tmp_path, monkeypatch)
    done = CliRunner().invoke(match, ["train", "--deadline", "0.001"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "the deadline is over: this is the best so far" in done.stderr
    model = tmp_path / "d" / "model.zip"
    assert CoachMatcher.load(model).model_id in done.stdout
    model.unlink()
    done = CliRunner().invoke(match, ["train", "--promote", "--deadline", "0.001"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "not promoted" in done.stderr
    assert not model.exists()


def test_promotion_has_one_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is written is the setting's to say, and the matcher there must be able to load it."""
    in_folder(tmp_path, monkeypatch)
    done = CliRunner().invoke(match, ["train", "--promote", "--to", "x.zip"])
    assert (done.exit_code, "leave --to out" in done.output) == (2, True)
    in_folder(tmp_path, monkeypatch, matcher="plain")
    done = CliRunner().invoke(match, ["train", "--promote"])
    assert (done.exit_code, "cannot load 'duet'" in done.output) == (2, True)


def test_time_is_shown_as_it_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """A line every two seconds of work, with the most where there is one; silence for what is quick."""
    with lasting("Learning", 10) as progress:
        for second in range(6):
            progress(second)
    assert capsys.readouterr().err.splitlines() == ["Learning: 2 s of at most 10", "Learning: 4 s of at most 10"]


DYING = """
import os, sys
from pathlib import Path
from coachhub_cli.promoting import promote, previous
from coachhub_core.errors import ArtefactError
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.artefact import ZipArtefactReader
from coachhub_core.memory.matcher import PlainMatcher, offers
from coachhub_core.memory.points import Weights
from coachhub_core.matching.hosted import Hosted

STEPS = ("link", "replace", "fsync", "unlink", "fchmod")


def model(goal):
    made = CoachMatcher(plugins=[])
    made._open(Hosted.made("plain", offers()["plain"], PlainMatcher(Weights(base=goal))), None)
    return made


def dying(at, is_after):
    # the process is gone before, or after, its at-th call of the system, and cleans nothing up
    calls = [0]

    def wrap(real):
        def call(*args, **kwargs):
            calls[0] += 1
            if calls[0] == at and not is_after:
                os._exit(9)
            try:
                return real(*args, **kwargs)
            finally:
                if calls[0] == at:
                    os._exit(9)

        return call

    for name in STEPS:
        setattr(os, name, wrap(getattr(os, name)))


live = Path(sys.argv[1])
old, new, oldest = model(1.0), model(2.0), model(3.0)
n_killed = 0
for is_after in (False, True):
    for at in range(1, 50):
        oldest.save(previous(live))
        old.save(live)
        pid = os.fork()
        if pid == 0:
            dying(at, is_after)
            promote(new, live)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        now = ZipArtefactReader.open(live).model_id
        before = ZipArtefactReader.open(previous(live)).model_id
        assert now in (old.model_id, new.model_id), (at, now)
        assert before in (oldest.model_id, old.model_id), (at, before)
        assert (now, before) != (new.model_id, oldest.model_id), "what was live is lost"
        if status == 0:
            assert (now, before) == (new.model_id, old.model_id)
            break
        n_killed += 1
        promote(new, live)  # whoever starts again gets there
        assert ZipArtefactReader.open(live).model_id == new.model_id
print(n_killed)
"""


def test_a_kill_in_the_middle_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """Before and after every call of the system: what is live opens, and what was live before it too."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path / "model.zip")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 14  # seven calls, before and after each


def test_promotion_needs_no_links_and_keeps_who_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without them has the former copied; a failing disk is said in a sentence, with the old one live."""
    live = tmp_path / "model.zip"
    CoachMatcher().save(live)
    live.chmod(0o640)
    before = live.read_bytes()

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    promoting.promote(CoachMatcher(matcher="plain"), live)
    assert (promoting.previous(live).read_bytes(), live.stat().st_mode & 0o777) == (before, 0o640)
    after = live.read_bytes()
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(ArtefactError, match="cannot be written: Operation not permitted"):
        promoting.promote(CoachMatcher(), live)
    assert live.read_bytes() == after
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.zip", "model.zip.previous"]
