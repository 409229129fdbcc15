"""What the benchmark of goal T5 says: one answer in every batch, and what it finds where there are two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
N_ROWS = 2_200  # of which 23 are one and the same, more than a list holds


@pytest.fixture
def same_ids(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import same_ids

    monkeypatch.setattr(same_ids, "N_QUERIES", 40)
    monkeypatch.setattr(same_ids, "TIED_EVERY", 100)
    monkeypatch.setattr(same_ids, "BATCHES", (1, 7, 40))
    return same_ids


def test_ids_are_the_same_in_every_batch(same_ids: Any) -> None:
    """Shuffled too, and ties stand by id."""
    assert same_ids.digest(N_ROWS)["wrong"] == []


def test_an_order_that_depends_on_the_batch_is_found(same_ids: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as scores as the library multiplies them, the last of equals first in a large batch."""

    def careless(rows: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, None]:
        scores = queries @ rows.T
        if len(queries) > 7:
            return scores.shape[1] - 1 - np.argsort(-scores[:, ::-1], axis=1, kind="stable")[:, :k], None
        return np.argsort(-scores, axis=1, kind="stable")[:, :k], None

    monkeypatch.setattr(same_ids.Catalogue, "of", lambda rows: rows)
    monkeypatch.setattr(same_ids, "top_k", careless)
    assert same_ids.digest(N_ROWS)["wrong"] == ["batches of 1", "batches of 7", "shuffled, by 7", "ties not by id"]
