"""One learned model, the same answers in any company: batches, their order, threads, and other builds of BLAS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import coachhub_scipy
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.market import make_market

ASKED = """
import hashlib, sys
import numpy as np
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.market import make_market
model = CoachMatcher(sys.argv[1])
trainees = make_market("much", n_trainees=200, n_coaches=60, seed=3).trainees
order = np.random.default_rng(1).permutation(200)[:80]
said = set()
for size in (1, 7, 64, 256):
    rows, scores = np.zeros((200, 10), np.int32), np.zeros((200, 10))
    for start in range(0, len(order), size):
        part = order[start:start + size]
        found = model.rank(trainees.take(part.tolist()), 10)
        rows[part], scores[part] = found.rows, found.scores
    said.add(hashlib.sha256(rows.tobytes() + scores.tobytes()).hexdigest())
print(*said)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned, with its coaches."""
    market = make_market("much", n_trainees=200, n_coaches=60, seed=3)
    file = tmp_path_factory.mktemp("model") / "model.zip"
    CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy]).save(
        file, with_coaches=True
    )
    return file


def test_neither_company_nor_processor_changes_an_answer(model: Path) -> None:
    """Ids and scores bit for bit: batches of 1, 7, 64 and 256, shuffled; one thread, two; two kernels of OpenBLAS."""
    said = set()
    for changed in (
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2"},
        {"OPENBLAS_CORETYPE": "PRESCOTT", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512_SKX AVX2"},
    ):
        answer = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", ASKED, str(model)],
            env={**os.environ, **changed},
            check=True,
            capture_output=True,
            text=True,
        )
        said.add(answer.stdout.strip())
    assert len(said) == 1, said
    assert len(said.pop().split()) == 1
