"""The figures of a comparison, by hand."""

from __future__ import annotations

from uuid import UUID

import pytest

from coachhub_core.services.shadow_report import Latency, Mean, Share, overlap, rank_correlation

A, B, C, D = (UUID(int=n) for n in range(4))


@pytest.mark.parametrize(
    ("live", "shadow", "share", "tau"),
    [
        ([A, B, C], [A, B, C], 1.0, 1.0),
        ([A, B, C], [C, B, A], 1.0, -1.0),
        ([A, B, C], [B, A, C], 1.0, pytest.approx(1 / 3)),
        ([A, B], [C, D], 0.0, None),
        ([A, B, C], [D, A], pytest.approx(1 / 3), None),
        ([A, B, D], [B, C, A], pytest.approx(2 / 3), -1.0),
        ([], [], 1.0, None),
    ],
)
def test_lists_are_compared(live: list[UUID], shadow: list[UUID], share: float, tau: float | None) -> None:
    """How many are on both, of the longer; and their order, where two of them have one."""
    assert overlap(live, shadow) == share
    assert rank_correlation(live, shadow) == tau


def test_shares_and_means_carry_their_intervals() -> None:
    """Wilson's: 0 of 10 ends at .278; of no list there is no share; one value has no spread."""
    assert Share.of(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert Share.of(5, 10) == Share(
        n=10, share=0.5, low=pytest.approx(0.2366, abs=1e-4), high=pytest.approx(0.7634, abs=1e-4)
    )
    assert Share.of(0, 0) == Share(n=0, share=None, low=None, high=None)
    found = Mean.of([0.0, 1.0])
    assert (found.mean, found.high) == (0.5, pytest.approx(0.5 + 1.959964 * 0.5))
    assert Mean.of([]) == Mean(n=0, mean=None, low=None, high=None)
    assert Mean.of([2.0]) == Mean(n=1, mean=2.0, low=2.0, high=2.0)


def test_times_are_nearest_ranks() -> None:
    """Of a hundred, the fiftieth and the ninety-fifth."""
    assert Latency.of([float(n) for n in range(1, 101)]) == Latency(n=100, p50_ms=50.0, p95_ms=95.0, max_ms=100.0)
    assert Latency.of([]) == Latency(n=0, p50_ms=None, p95_ms=None, max_ms=None)
