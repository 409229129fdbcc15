"""A package from outside the repository: found by its entry point, selected by name, answering over REST."""

from __future__ import annotations

from pathlib import Path

from running import running

SOURCE = '''
from coachhub_core import hookimpl
from coachhub_core.matching import matcher_from_scores


def most_specialties_first(trainee, coaches):
    """Score by the number of specialties: silly, and easy to tell apart from any other matcher."""
    import numpy as np

    return np.array([len(tags) / 10 for tags in coaches.values("specialties")])


@hookimpl
def coachhub_matchers():
    return {"count-tags": matcher_from_scores(most_specialties_first, name="count-tags")}
'''


def install(folder: Path) -> None:
    """Put a distribution with an entry point where Python looks, as an installer would."""
    (folder / "coachhub_count_tags.py").write_text(SOURCE)
    metadata = folder / "coachhub_count_tags-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: coachhub-count-tags\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[coachhub]\ncount-tags = coachhub_count_tags\n")


def test_a_strangers_matcher_answers_suggestions(tmp_path: Path) -> None:
    """No change of ours, no configuration but its name."""
    foreign = tmp_path / "site"
    foreign.mkdir()
    install(foreign)
    with running(tmp_path / "data", PYTHONPATH=str(foreign), COACHHUB_MATCHING_MATCHER="count-tags") as server:
        one = server.coach(specialties=["marathon"])
        three = server.coach(specialties=["yoga", "boxing", "golf"])
        made = server.trainee().ask("POST", "/api/coaches/match", {})
        assert made.status == 200, made
        assert (made.body["matcher"], made.body["degraded"]) == ("count-tags", None)
        found = [item["coach"]["id"] for item in made.body["items"]]
        assert found == [three.profile_id, one.profile_id]
