"""``coachhub plugin new``: what it writes, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from coachhub_cli.plugin import plugin


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*words: str) -> Result:
    return CliRunner().invoke(plugin, ["new", *words], catch_exceptions=False)


def run(package: Path, *command: str) -> None:
    """Run Python in the package's folder, with the package found; nothing of it may fail."""
    environment = {**os.environ, "PYTHONPATH": str(package / "src")}
    done = subprocess.run(
        [sys.executable, *command], cwd=package, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_writes_a_package_and_says_what_is_next(here: Path) -> None:
    """All files, the name in each place it belongs, and the commands in the order they are needed."""
    made = new("my-matcher")
    assert made.exit_code == 0
    package = here / "my-matcher"
    files = {str(path.relative_to(package)): path.read_text("utf-8") for path in package.rglob("*") if path.is_file()}
    assert set(files) == {
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/my_matcher/__init__.py",
        "src/my_matcher/py.typed",
        "src/my_matcher/scorer.py",
        "tests/test_my_matcher.py",
    }
    assert '[project.entry-points.coachhub]\nmy-matcher = "my_matcher"\n' in files["pyproject.toml"]
    assert 'return {"my-matcher": offer}' in files["src/my_matcher/__init__.py"]
    assert "class TestMyMatcher(MatcherContract):" in files["tests/test_my_matcher.py"]
    assert "$" not in "".join(files.values())
    said = made.stdout.partition("Next:\n")[2].split("\n")
    assert [line.split()[0] for line in said if line] == ["cd", "pip", "pytest", "COACHHUB_MATCHING_MATCHER=my-matcher"]


def test_what_it_writes_is_clean(here: Path) -> None:
    """Ruff has nothing to say, by the rules that the package itself lays down."""
    pytest.importorskip("ruff")
    new("my-matcher")
    run(here / "my-matcher", "-m", "ruff", "check", ".")
    run(here / "my-matcher", "-m", "ruff", "format", "--check", ".")


def test_its_own_kit_is_green(here: Path) -> None:
    """As written, in a process of its own; with another name too, the module and class following it."""
    new("near-2-you", "--to", "elsewhere")
    run(here / "elsewhere", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error")


@pytest.mark.parametrize("name", ["My-Matcher", "my_matcher", "2fast", "a--b", "-a", "a-", "", "é", "a" * 51, "../x"])
def test_a_bad_name_is_refused(here: Path, name: str) -> None:
    """One sentence says what a name may be, and nothing is written."""
    refused = new("--", name)
    assert refused.exit_code == 2
    assert f"{name!r} is no name: small letters, digits and single hyphens" in " ".join(refused.stderr.split())
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("plain", "a matcher 'plain' is offered already"),
        ("class", "would be the module 'class', and Python has one"),
        ("json", "would be the module 'json', and Python has one"),
        ("coachhub", "a package 'coachhub' is installed already"),
        ("demo", "a plugin 'demo' is installed already"),
        ("coachhub-core", "would be the module 'coachhub_core', and Python has one"),
    ],
)
def test_a_taken_name_is_refused(here: Path, name: str, why: str) -> None:
    """A package of that name would hide another's, or stop the start."""
    refused = new(name)
    assert refused.exit_code == 2
    assert why in " ".join(refused.stderr.split())
    assert list(here.iterdir()) == []


def test_what_is_there_is_left_alone(here: Path) -> None:
    """A folder, full or empty, or a file: refused by name, and untouched; the same where there is no place for one."""
    (here / "my-matcher").mkdir()
    refused = new("my-matcher")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Error: my-matcher is there already; name another one with --to\n",
    )
    assert list((here / "my-matcher").iterdir()) == []
    (here / "file").write_text("mine")
    assert new("my-matcher", "--to", "file").exit_code == 1
    assert (here / "file").read_text() == "mine"
    nowhere = new("my-matcher", "--to", "no/where")
    assert (nowhere.exit_code, nowhere.stderr) == (1, "Error: no/where cannot be made: No such file or directory\n")
