"""``coachhub match cohort`` and ``coachhub match certify``: from the database, from files, and anybody's placement."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from coachhub_cli import coachhub_commands
from coachhub_cli.cohort_files import FileRefused
from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Auth, Settings
from coachhub_core.domain.accounts import SYSTEM, Register
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.cohorts import ListCohortRuns
from coachhub_core.domain.matches import ListMatches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import CohortInfeasible, CohortStale, PluginError

SCORES = "trainee,coach,score\nsam,ana,0.9\nsam,ben,0.4\nkim,ana,0.8\nlee,ana,0.7\njoe,cem,0.5\n"
SEATS = "coach,seats\nana,1\nben,1\ncem,0\n"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``coachhub match …`` in an empty folder with two files."""
    monkeypatch.chdir(tmp_path)
    Path("scores.csv").write_text(SCORES, "utf-8")
    Path("seats.csv").write_text(SEATS, "utf-8")
    group: Any = coachhub_commands()["match"].make()

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(group, list(words), catch_exceptions=False, standalone_mode=False)

    return invoke


FILES = ("--scores", "scores.csv", "--seats", "seats.csv")


# ── files ──


def test_a_cohort_in_files_is_placed_explained_and_shown(run: Run) -> None:
    """Counts, the certificate, who was left out and why, and who got whom."""
    done = run("cohort", *FILES, "--mode", "welfare")
    lines = [line.strip() for line in done.stdout.splitlines()]
    for said in (
        "placed     2  (2 of 2 seats given)",
        "✓ every rule holds: seats, needs, and who may be given to whom",
        "· the scores add up to 1.2000, the worst pair 0.4000",
        "joe  no coach may be given to them",
        "lee  no seat is left with any coach they could have (set 1)",
        "set 1: 1 trainee has all the seats of 1 coach; for 1 more there is none",
        "kim → ana",
        "sam → ben",
        "lee → –",
    ):
        assert said in lines


@pytest.mark.parametrize("mode", ["stable", "welfare", "exact", "worst_first"])
def test_what_is_written_can_be_checked_and_what_is_changed_is_refused(run: Run, mode: str) -> None:
    """Exit code 0, and 1 for each way of giving somebody away."""
    assert run("cohort", *FILES, "--mode", mode, "--out", "made.json").return_value == 0
    checked = run("certify", "made.json")
    assert checked.return_value == 0
    assert "it holds" in checked.stdout
    made = json.loads(Path("made.json").read_text("utf-8"))
    lee_instead = [{"trainee": "lee", "coach": "ana"}, {"trainee": "sam", "coach": "ben"}]
    twice = [*made["placement"], {"trainee": "lee", "coach": "ana"}]
    for changed in ({"placement": lee_instead}, {"placement": []}, {"placement": twice}):
        Path("changed.json").write_text(json.dumps(made | changed), "utf-8")
        if mode == "worst_first" and changed["placement"] == lee_instead:
            continue  # as many pairs with as good a worst one: that is all this mode promises of a placement
        assert run("certify", "changed.json").return_value == 1, changed


def test_two_coaches_each_are_proved_by_what_they_make_together(run: Run) -> None:
    """The written weights are read again and bound the least mean; who is no trainee has no weight."""
    likes = {"kim": {"ana": 0.9, "ben": 0.8, "cem": 0.1}, "sam": {"ana": 0.7, "ben": 0.6, "cem": 0.2}}
    rows = [f"{who},{coach},{score}" for who, scores in likes.items() for coach, score in scores.items()]
    Path("scores.csv").write_text("\n".join(["trainee,coach,score", *rows, ""]), "utf-8")
    Path("seats.csv").write_text("coach,seats\nana,1\nben,1\ncem,2\n", "utf-8")
    done = run("cohort", *FILES, "--mode", "worst_first", "--need", "2", "--out", "made.json")
    assert "· whoever got least has 0.4500 on the mean of what they need" in done.stdout
    made = json.loads(Path("made.json").read_text("utf-8"))
    assert sorted((p["trainee"], p["coach"]) for p in made["placement"]) == [
        ("kim", "ben"), ("kim", "cem"), ("sam", "ana"), ("sam", "cem"),
    ]  # fmt: skip
    checked = run("certify", "made.json")
    assert checked.return_value == 0
    assert "least has 0.4500" in checked.stdout
    Path("changed.json").write_text(json.dumps(made | {"weights": {"lee": 1.0}}), "utf-8")
    with pytest.raises(FileRefused, match="weights: must be an object that gives a weight to every trainee"):
        run("certify", "changed.json")
    del made["weights"]
    Path("changed.json").write_text(json.dumps(made), "utf-8")
    assert run("certify", "changed.json").return_value == 1


def test_a_placement_of_ones_own_is_checked_beside_scores_and_seats(run: Run) -> None:
    """With names in the sentences; a mode it claims needs what proves it."""
    Path("mine.csv").write_text("trainee,coach\nkim,ana\nsam,ana\n", "utf-8")
    refused = run("certify", "mine.csv", *FILES)
    assert refused.return_value == 1
    assert "coach ana has 2 trainees and 1 seats" in refused.stdout
    Path("mine.csv").write_text("trainee,coach\nsam,ana\n", "utf-8")
    assert run("certify", "mine.csv", *FILES).return_value == 0
    assert run("certify", "mine.csv", *FILES, "--mode", "stable").return_value == 0
    unproved = run("certify", "mine.csv", *FILES, "--mode", "welfare")
    assert unproved.return_value == 1
    assert "nothing in the file proves welfare" in unproved.stdout


def test_json_files_and_scores_of_both_sides_are_read(run: Run) -> None:
    """The coach's own wish decides between two who both want them."""
    rows = [
        {"trainee": "sam", "coach": "ana", "score": 0.9, "coach_score": 0.1},
        {"trainee": "kim", "coach": "ana", "score": 0.2, "coach_score": 0.8},
    ]
    Path("s.json").write_text(json.dumps(rows), "utf-8")
    Path("n.json").write_text('{"ana": 1}', "utf-8")
    done = run("cohort", "--scores", "s.json", "--seats", "n.json", "--out", "made.json")
    assert "placed     1  (1 of 1 seats given)" in done.stdout
    assert json.loads(Path("made.json").read_text("utf-8"))["placement"] == [{"trainee": "kim", "coach": "ana"}]
    assert run("certify", "made.json").return_value == 0


@pytest.mark.parametrize(
    ("scores", "seats", "says"),
    [
        ("trainee,coach,score\nsam,ana,x\n", SEATS, "scores.csv, line 2: score must be a number, not 'x'"),
        ("trainee,coach,score\nsam,ana,nan\n", SEATS, "line 2: score must be a number, not 'nan'"),
        ("trainee,coach,score\nsam,ana\n", SEATS, "line 2: must have 3 values, as the first line has"),
        ("trainee,coach\nsam,ana\n", SEATS, "line 1: must name trainee, coach, score, [coach_score]; missing: score"),
        ("trainee,coach,score,x\n", SEATS, "unknown: x"),
        ("trainee,coach,score\n", SEATS, "scores.csv: holds no pair of a trainee and a coach"),
        ("trainee,coach,score\nsam,zoe,1\n", SEATS, "line 2: coach 'zoe' is not in the seats"),
        (
            "trainee,coach,score\nsam,ana,1\nsam,ana,2\n",
            SEATS,
            "line 3: trainee 'sam' and coach 'ana' stand there twice",
        ),
        ("trainee,coach,score\n,ana,1\n", SEATS, "line 2: trainee must be a name or an id, not ''"),
        (
            SCORES,
            "coach,seats\nana,-1\n",
            "seats.csv, line 2: seats must be a whole number from 0 to 1000000",
        ),
        (SCORES, "coach,seats\nana,1.5\n", "seats must be a whole number"),
        (SCORES, "coach,seats\nana,1\nana,2\n", "line 3: coach 'ana' stands there twice"),
        (SCORES, "\xff", "line 1: must name coach, seats"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(run: Run, scores: str, seats: str, says: str) -> None:
    """The file, the line, the member and the rule."""
    Path("scores.csv").write_text(scores, "utf-8")
    Path("seats.csv").write_text(seats, "utf-8")
    with pytest.raises(FileRefused) as refused:
        run("cohort", *FILES)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", 'must be an object whose "format" is "coachhub-placement/1"'),
        ({"scores": 1}, "scores: must be a list of objects with trainee, coach, score"),
        ({"seats": {"ana": True}}, "seats.ana: seats must be a whole number"),
        ({"placement": [{"trainee": "zoe", "coach": "ana"}]}, "placement[0]: trainee 'zoe' is not in the scores"),
        ({"prices": {"ana": 1}}, "prices: must be an object that gives a price to every coach"),
        ({"crowd": ["zoe"]}, "crowd: must be a list of trainees who are in the scores"),
        ({"need": -1}, "need: need must be a whole number"),
    ],
)
def test_what_is_wrong_in_a_claim_is_said(run: Run, document: Any, says: str) -> None:
    """Nobody's file ends in a traceback."""
    run("cohort", *FILES, "--out", "made.json")
    made = json.loads(Path("made.json").read_text("utf-8"))
    text = document if isinstance(document, str) else json.dumps(made | document)
    Path("changed.json").write_text(text, "utf-8")
    with pytest.raises(FileRefused) as refused:
        run("certify", "changed.json")
    assert says in str(refused.value)


def test_a_mode_the_assigner_does_not_have_is_refused(run: Run) -> None:
    """With those it has."""
    with pytest.raises(PluginError, match="known: exact, stable, welfare, worst_first"):
        run("cohort", *FILES, "--mode", "best")


# ── the database ──


def a_studio(folder: Path, *, n_trainees: int = 2) -> None:
    """One coach with one seat, and people who look for one."""
    with bootstrap(Settings(data=folder, auth=Auth(bcrypt_cost=10))) as hub:
        for number in range(n_trainees + 1):
            role: Any = "trainee" if number else "coach"
            command = Register(
                email=f"p{number}@example.org",
                password="three green bicycles at dawn",
                role=role,
                name=f"Person {number}",
            )
            actor = hub.act_as(hub.accounts.register(command, source="test").account.id)
            if number:
                hub.trainees.change(actor, ChangeTrainee(goal="first marathon", budget=Decimal(60)))
            else:
                hub.coaches.create(actor, CreateCoach(specialties=("marathon",), capacity=1))


def test_a_dry_run_shows_everything_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    """Names, not ids; and no run is there afterwards."""
    a_studio(tmp_path / "studio")
    done = run("cohort", "--data", "studio", "--dry-run", "--mode", "stable")
    assert "dry run: stable by duet, scores by duet" in done.stdout
    assert "set 1: 1 trainee has all the seats of 1 coach; for 1 more there is none" in done.stdout
    assert "Person 2  no seat is left with any coach they could have (set 1)" in done.stdout
    assert "coaches   Person 0" in done.stdout
    assert "nothing was written" in done.stdout
    with bootstrap(Settings(data=tmp_path / "studio")) as hub:
        assert hub.cohorts.list(SYSTEM, ListCohortRuns()).items == ()


def test_a_run_is_kept_shown_and_applied_later(run: Run, tmp_path: Path) -> None:
    """Refused as a whole while somebody is left out, applied in part on the operator's word, and then once only."""
    a_studio(tmp_path / "studio")
    done = run("cohort", "--data", "studio")
    assert done.return_value == 0
    assert "placed     1  (1 given)" in done.stdout
    more = done.stdout.rpartition("coachhub match cohort ")[2].split()
    assert more[-2:] == ["--apply", "--partial"]
    with pytest.raises(CohortInfeasible):
        run("cohort", "--data", "studio", *more[:-1])
    applied = run("cohort", "--data", "studio", *more)
    assert "is applied: 1 requests made, 0 refused, 0 to go" in applied.stdout
    again = run("cohort", "--data", "studio", *more)
    assert "is applied: 1 requests made" in again.stdout
    with bootstrap(Settings(data=tmp_path / "studio")) as hub:
        assert [m.initiator for m in hub.matches.list(SYSTEM, ListMatches()).items] == ["system"]


def test_a_stale_run_says_so_and_names_who_was_refused(run: Run, tmp_path: Path) -> None:
    """The seat went to somebody else in between."""
    a_studio(tmp_path / "studio", n_trainees=1)
    done = run("cohort", "--data", "studio")
    more = done.stdout.rpartition("coachhub match cohort ")[2].split()
    with bootstrap(Settings(data=tmp_path / "studio")) as hub, hub.storage.begin() as work:
        (record,) = work.coaches.all_records()
        work.coaches.take_seat(record.coach.id, at=hub.clock())
        work.commit()
    with pytest.raises(CohortStale, match="the coach has 0 seats left by now"):
        run("cohort", "--data", "studio", *more)
    applied = run("cohort", "--data", "studio", *more, "--partial")
    assert "0 requests made, 1 refused" in applied.stdout
    assert "Person 1 with Person 0: the coach is full by now" in applied.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--scores", "scores.csv"),
        (*FILES, "--apply"),
        ("--out", "x.json"),
        ("--dry-run", "--apply"),
        ("--partial",),
        ("--run", "01890a5d-ac96-774b-bcce-b302099a8057", "--mode", "stable"),
    ],
)
def test_words_that_do_not_go_together_are_refused(run: Run, words: tuple[str, ...]) -> None:
    """Before anything is read or written."""
    import click

    with pytest.raises(click.UsageError):
        run("cohort", *words)
