"""A matcher in the climates of the synthetic market, beside what is simple and what is true."""

from __future__ import annotations

import pytest

from coachhub_core.matching.climates import by_climate


def test_learning_shows_and_the_truth_is_above_all() -> None:
    """Where a few stars are wanted by all, a log says so; without a log, learning changes nothing."""
    told: list[tuple[int, int]] = []
    stars, no_log = by_climate(
        climates=("stars", "no_log"), n_trainees=120, n_coaches=24, tell=lambda done, total: told.append((done, total))
    )
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert (stars.climate, no_log.climate) == ("stars", "no_log")
    for found in (stars, no_log):
        assert list(found.ndcg) == ["candidate", "unlearned", "popularity", "content", "truth"]
        assert 100 < found.n_trainees <= 120
        for mean, low, high in found.ndcg.values():
            assert 0 < low < mean < high < 1
        assert max(found.ndcg.values()) == found.ndcg["truth"]
    assert stars.ndcg["candidate"][1] > stars.ndcg["unlearned"][2]
    assert no_log.ndcg["candidate"] == no_log.ndcg["unlearned"]


def test_another_matcher_stands_beside_it_and_the_same_seed_gives_the_same() -> None:
    """Rules that do not learn are what they were; one's own name twice is one engine."""
    (found,) = by_climate("plain", live="duet", climates=("much",), n_trainees=60, n_coaches=12)
    assert set(found.ndcg) == {"candidate", "unlearned", "live", "popularity", "content", "truth"}
    assert found.ndcg["candidate"] == found.ndcg["unlearned"]
    (again,) = by_climate("plain", live="plain", climates=("much",), n_trainees=60, n_coaches=12)
    assert "live" not in again.ndcg
    assert again.ndcg["candidate"] == pytest.approx(found.ndcg["candidate"], abs=0)
