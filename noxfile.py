"""
Every check a contributor needs: ``nox`` alone runs them all.

Each session makes its own environment with pip; nothing has to be installed
beforehand but nox. Warnings are errors everywhere.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests", "services", "docs", "package"]
nox.options.error_on_missing_interpreters = True
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")  # use the Python that is here, or say that it is missing

PROJECT = nox.project.load_toml("pyproject.toml")
CODE = (
    "coachhub_core", "coachhub_http", "coachhub_ws", "plugins", "tests", "benchmarks", "noxfile.py",
    "deploy", "docs/conf.py", "docs/generate.py", "docs/generating",
)  # fmt: skip


ROOMS_WITH_DATA = ("tests/core", "tests/http", "tests/ws", "tests/end_to_end", "--ignore", "tests/core/matching")


def group(name: str) -> list[str]:
    """Return the packages of a dependency group, without needing a pip that knows groups."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and form with ruff, its security rules among them."""
    session.install(*group("lint"))
    session.run("ruff", "check", *[path for path in CODE if Path(path).exists()])
    session.run("ruff", "format", "--check", *[path for path in CODE if Path(path).exists()])


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy --strict."""
    session.install("-e", ".[all]", *group("types"))
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests on the embedded default, and the contracts also on the services that are there."""
    session.install("-e", ".[all]", *group("test"))
    args = session.posargs or ["-n", "auto", "--dist", "loadgroup"]
    session.run("pytest", *args)


@nox.session
def services(session: nox.Session) -> None:
    """
    Run what a house does on MariaDB, Redis and Elasticsearch: the same tests, with every instance kept there.

    ``python deploy/services.py run -- nox`` starts them; where they are absent, this session is skipped by name.
    """
    if not os.environ.get("TEST_MYSQL_URL") or not os.environ.get("TEST_REDIS_URL"):
        session.skip("no services: python deploy/services.py run -- nox -s services")
    session.install("-e", ".[all]", *group("test"))
    args = session.posargs or ["-n", "auto", "--dist", "loadgroup", *ROOMS_WITH_DATA]
    session.run("pytest", "--on", "services", *args)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; the tests session runs its snippets."""
    session.install("-e", ".[all]", *group("docs"))
    with tempfile.TemporaryDirectory() as out:
        session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", out)


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, install it into an empty environment and play the demo from there."""
    session.install("build")
    with tempfile.TemporaryDirectory() as name:
        session.run("python", "-m", "build", "--wheel", "--outdir", name, ".", silent=True)
        (wheel,) = Path(name).glob("coachhub-*.whl")
        session.install(f"{wheel}[all]")
        with session.chdir(name):  # away from the checkout: only what the wheel holds is there
            session.run("coachhub", "--version")
            session.run("coachhub", "demo")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Let schemathesis loose on a server started for it, as both roles; slower than the rest, so not run by default."""
    session.install("-e", ".[all]", *group("test"))
    session.run("pytest", "tests/end_to_end/test_schemathesis.py", *(session.posargs or ["--fuzz", "200"]))
