"""schemathesis, all checks, all phases, both roles, against a server as it is started by an operator."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running import running

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = 4  # more by hand: --fuzz 200
PHASES = "examples,coverage,fuzzing,stateful"


@pytest.mark.timeout(1_800)
@pytest.mark.xdist_group("schemathesis")
@pytest.mark.parametrize("role", ["trainee", "coach"])
def test_no_request_it_can_think_of_breaks_the_contract(
    tmp_path: Path, role: str, request: pytest.FixtureRequest
) -> None:
    """No 5xx, no answer that differs from the document, no refusal of what the document allows."""
    more = request.config.getoption("--fuzz")
    # what a document allows depends neither on where the data are nor on who asks: it is walked through once
    is_short = not more and (role == "coach" or request.config.getoption("--on") == "services")
    phases = PHASES.replace("coverage,", "") if is_short else PHASES
    shutil.copy(ROOT / "schemathesis.toml", tmp_path)
    with running(tmp_path / "data") as server:
        person = server.coach() if role == "coach" else server.trainee()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"http://127.0.0.1:{server.port}/api/openapi.json",
                *("--checks", "all", "--phases", phases),
                *("-n", str(more or EXAMPLES), "--seed", "1", "--no-color"),
                *("-H", f"Authorization: Bearer {person.token}"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6_000:]
    assert "passed" in done.stdout
