"""From an empty folder to an answer: the afternoon of somebody who writes a matcher, on wheels alone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from running import started

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command that must not fail, away from the checkout and with nothing of ours in the environment."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith(("COACHHUB_", "PYTHON", "COV_"))}
    done = subprocess.run(command, cwd=cwd, env={**inherited, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """
    A new environment with CoachHub in it from its wheel.

    What CoachHub depends on is read from the environment that runs the tests; an
    installation in development mode is not visible through a path, so CoachHub itself is not.
    """
    pytest.importorskip("hatchling")
    wheels = tmp_path / "wheels"
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=ROOT)
    (wheel,) = wheels.glob("coachhub-*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    run(*pip, wheel, cwd=tmp_path)  # before the path below shows pip another installation of the same name
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_a_new_package_answers_over_rest(python: Path, tmp_path: Path) -> None:
    """Written by the command, proved by its kit, installed by pip, selected by name, and asked."""
    where = run(python, "-c", "import coachhub_core; print(coachhub_core.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)

    run(python.with_name("coachhub"), "plugin", "new", "my-matcher", cwd=tmp_path)
    package = tmp_path / "my-matcher"
    build = [python, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "wheels"]
    run(*build, cwd=package)
    (wheel,) = (tmp_path / "wheels").glob("my_matcher-*.whl")
    pip = [python, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    run(*pip, wheel, cwd=tmp_path)
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", cwd=package)
    assert " passed" in said
    assert "failed" not in said

    with started(tmp_path / "data", python=str(python), COACHHUB_MATCHING_MATCHER="my-matcher") as server:
        other = server.coach(specialties=["yoga"], years=30)
        fitting = server.coach(specialties=["marathon"])
        made = server.trainee().ask("POST", "/api/coaches/match", {})
        assert made.status == 200, made
        assert (made.body["matcher"], made.body["degraded"]) == ("my-matcher", None)
        items = made.body["items"]
        assert [item["coach"]["id"] for item in items] == [fitting.profile_id, other.profile_id]
        assert [reason["code"] for reason in items[0]["reasons"]] == ["my_matcher.specialty"]
        assert items[0]["reasons"][0]["evidence"] == {"tags": ["marathon"]}
