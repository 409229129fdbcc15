"""The matcher author's tutorial, followed to the letter: its files, its kit, its name in the settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "tutorial" / "matcher-author.md"
FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SELECTED_BY_NAME = """
import attrs
from coachhub_core import Settings, bootstrap
from coachhub_core.domain.accounts import Register
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.suggestions import SuggestCoaches, WhatIfProfile

chosen = Settings.load(None, {"COACHHUB_MATCHING_MATCHER": "nearby"})
with bootstrap(attrs.evolve(Settings.in_memory(), matching=chosen.matching)) as hub:
    def register(role, name):
        command = Register(email=f"{name}@example.org", password="correct horse 42 staple", role=role, name=name,
                           city="Berlin")
        return hub.act_as(hub.accounts.register(command).account.id)

    hub.coaches.create(register("coach", "kim"), CreateCoach(specialties=("marathon",)))
    found = hub.suggestions.suggest(register("trainee", "toni"),
                                    SuggestCoaches(profile=WhatIfProfile(goal="first marathon")))
    assert (found.matcher, found.degraded) == ("nearby", None), found
    assert [item.coach.name for item in found.items] == ["kim"], found
    assert {reason.code for reason in found.items[0].reasons} == {"nearby.field", "nearby.city"}, found
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of the tutorial, with every file it shows, and found by Python as if it were installed."""
    files = dict(FILE.findall(PAGE.read_text("utf-8")))
    assert set(files) == {
        "pyproject.toml",
        "src/nearby_coaches/__init__.py",
        "src/nearby_coaches/scorer.py",
        "tests/test_nearby.py",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    metadata = tmp_path / "src" / "nearby_coaches-0.1.dist-info"  # what an installer leaves behind
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nearby-coaches\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text("[coachhub]\nnearby = nearby_coaches\n")
    return tmp_path


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(package / "src")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=package, env=environment, capture_output=True, text=True, check=False
    )


def test_its_kit_is_green(package: Path) -> None:
    """The matcher of the page keeps every promise of the port, in a process of its own."""
    done = run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_it_is_selected_by_name_and_answers(package: Path) -> None:
    """Found by its entry point, named in the environment, asked through the hub's own service."""
    done = run(package, "-c", SELECTED_BY_NAME)
    assert done.returncode == 0, done.stdout + done.stderr
