"""The matcher author's tutorial, followed to the letter: its files, its kit, its name in the settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
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

chosen = Settings.load(None, {"COACHHUB_MATCHING_MATCHER": "nearby-coaches"})
with bootstrap(attrs.evolve(Settings.in_memory(), matching=chosen.matching)) as hub:
    def register(role, name):
        command = Register(email=f"{name}@example.org", password="correct horse 42 staple", role=role, name=name,
                           city="Berlin")
        return hub.act_as(hub.accounts.register(command).account.id)

    hub.coaches.create(register("coach", "kim"), CreateCoach(specialties=("marathon",)))
    found = hub.suggestions.suggest(register("trainee", "toni"),
                                    SuggestCoaches(profile=WhatIfProfile(goal="first marathon")))
    assert (found.matcher, found.degraded) == ("nearby-coaches", None), found
    assert [item.coach.name for item in found.items] == ["kim"], found
    assert {reason.code for reason in found.items[0].reasons} == {"nearby.field", "nearby.city"}, found
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder that the page's command makes, the idea of the page in it, found by Python as if it were installed."""
    run(tmp_path, "-m", "coachhub_cli", "plugin", "new", "nearby-coaches")
    package = tmp_path / "nearby-coaches"
    files = dict(FILE.findall(PAGE.read_text("utf-8")))
    (package / "src/nearby_coaches/scorer.py").write_text(files.pop("src/nearby_coaches/scorer.py"), "utf-8")
    assert set(files) == {"src/nearby_coaches/__init__.py", "tests/test_nearby_coaches.py"}
    for name, text in files.items():
        assert (package / name).read_text("utf-8") == text, f"{name} is not as the page shows it"
    metadata = package / "src" / "nearby_coaches-0.1.dist-info"  # what an installer leaves behind
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nearby-coaches\nVersion: 0.1\n")
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    named = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["coachhub"].items())
    (metadata / "entry_points.txt").write_text(f"[coachhub]\n{named}")
    return package


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


def test_its_idea_is_clean(package: Path) -> None:
    """By the rules that the package lays down for itself."""
    pytest.importorskip("ruff")
    for arguments in (("check", "."), ("format", "--check", ".")):
        done = run(package, "-m", "ruff", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
