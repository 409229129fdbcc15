"""``coachhub match train``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from coachhub_cli.matching import match
from coachhub_core.matching import CoachMatcher


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
