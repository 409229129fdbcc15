"""Exact top-k: against sorting everything, with filters, ties, and in any company."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import dots, dots_of_pairs, exponential, logarithm, sigmoid
from coachhub_scipy.scan_many import BLOCK, FIRST, GROUP, LARGE
from coachhub_scipy.topk import Catalogue, top_k


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    """20,000 rows of decaying spectrum, every hundredth the copy of another."""
    rng = np.random.default_rng(4)
    made = rng.normal(size=(20_000, 24)) * np.arange(1, 25) ** -0.5
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    made[::100] = made[7]
    return made.astype(np.float32)


@pytest.fixture(scope="module")
def queries() -> NDArray[np.float32]:
    """Forty queries of the same law, one of which is a planted row."""
    rng = np.random.default_rng(5)
    made = rng.normal(size=(40, 24)) * np.arange(1, 25) ** -0.5
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=[2, 64], ids=["in lines", "by row"])
def _lines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay the products of few queries as those of many, and as those of few."""
    monkeypatch.setattr("coachhub_scipy.scan_many.LINES", request.param)


def sorted_all(
    rows: NDArray[np.float32], query: NDArray[np.float32], order: NDArray[np.int64], flags: NDArray[np.bool_], k: int
) -> list[int]:
    """What sorting everything gives."""
    score = dots(query.astype(np.float64), rows.T.astype(np.float64))
    allowed = np.flatnonzero(flags)
    return allowed[np.lexsort((order[allowed], -score[allowed]))][:k].tolist()


@pytest.mark.usefixtures("_lines")
@pytest.mark.parametrize("kind", ["none", "shared", "own", "few", "nobody"])
def test_it_finds_what_sorting_finds(rows: NDArray[np.float32], queries: NDArray[np.float32], kind: str) -> None:
    """The same rows in the same order, ties by the given order, whatever the filter."""
    rng = np.random.default_rng(6)
    order = rng.permutation(len(rows))
    queries = np.concatenate([queries, rows[:1]])  # its copies tie
    share = {"none": 1.0, "shared": 0.1, "own": 0.1, "few": 0.0005, "nobody": 0.0}[kind]
    flags = [rng.random(len(rows)) < share for _ in queries]
    if kind in ("none", "shared"):
        flags = [flags[0]] * len(queries)
    catalogue = Catalogue.of(rows, order)
    given = {"shared": flags[0]} if kind == "shared" else {} if kind == "none" else {"own": flags}
    found, scores = top_k(catalogue, queries, 20, **given)
    for i, query in enumerate(queries):
        wanted = sorted_all(rows, query, order, flags[i], 20)
        assert [row for row in found[i].tolist() if row >= 0] == wanted
        assert (np.diff(scores[i][: len(wanted)]) <= 0).all()
        assert (scores[i][len(wanted) :] == -np.inf).all()


def test_a_batch_changes_nothing(rows: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
    """Alone, in sevens, shuffled: the same bits."""
    catalogue = Catalogue.of(rows)
    found, scores = top_k(catalogue, queries, 20)
    for size in (1, 7):
        for start in range(0, len(queries), size):
            part = top_k(catalogue, queries[start : start + size], 20)
            assert part[0].tobytes() == found[start : start + size].tobytes()
            assert part[1].tobytes() == scores[start : start + size].tobytes()
    shuffled = np.random.default_rng(7).permutation(len(queries))
    again = top_k(catalogue, queries[shuffled], 20)
    assert again[1].tobytes() == np.ascontiguousarray(scores[shuffled]).tobytes()


@pytest.mark.usefixtures("_lines")
@pytest.mark.parametrize("n", [1, GROUP - 1, GROUP, GROUP + 1, FIRST + 1, BLOCK, BLOCK + 1, LARGE + 3])
@pytest.mark.parametrize("k", [1, 20, 70])
def test_a_batch_at_the_edges_of_groups_and_blocks(
    rows: NDArray[np.float32], queries: NDArray[np.float32], n: int, k: int
) -> None:
    """One row more or less than a group or a block, and lists longer than there are rows or groups."""
    everyone = np.ones(n, np.bool_)
    order = np.arange(n)
    catalogue = Catalogue.of(rows[:n], order)
    found, _ = top_k(catalogue, queries[:9], k)
    filtered, _ = top_k(catalogue, queries[:9], k, own=[everyone] * 9)
    for i, query in enumerate(queries[:9]):
        wanted = sorted_all(rows[:n], query, order, everyone, k)
        assert found[i].tolist() == filtered[i].tolist() == wanted + [-1] * (k - len(wanted))


@pytest.mark.usefixtures("_lines")
@pytest.mark.parametrize("k", [20, 40, 200])
@pytest.mark.parametrize("n", [1, 9])
def test_long_lists_late_rows_and_nobody(
    rows: NDArray[np.float32], queries: NDArray[np.float32], n: int, k: int
) -> None:
    """Lists longer than the first block's maxima can bound; filters that begin late; scores that only rise; no one."""
    asked, order = queries[:n], np.arange(len(rows))
    rising = rows[np.argsort(rows @ queries[0])]
    everyone, late = np.ones(len(rows), np.bool_), np.arange(len(rows)) > LARGE + 7
    for of in (rows, rising):
        catalogue = Catalogue.of(of, order)
        for flags in (everyone, late):
            wanted = [sorted_all(of, query, order, flags, k) for query in asked]
            assert top_k(catalogue, asked, k, own=[flags] * n)[0].tolist() == wanted
            assert top_k(catalogue, asked, k, shared=flags)[0].tolist() == wanted
        assert top_k(catalogue, asked, k)[0].tolist() == [sorted_all(of, one, order, everyone, k) for one in asked]
        assert (top_k(catalogue, asked, k, shared=~everyone)[0] == -1).all()
        assert (top_k(catalogue, asked, k, shared=~everyone, own=[everyone] * n)[0] == -1).all()


def test_pairs_are_multiplied_as_one_with_many() -> None:
    """The same bits, for one pair too."""
    rng = np.random.default_rng(8)
    left, right = rng.normal(size=(2, 64, 30))
    one_by_one = [dots(left[:, at], right[:, [at]])[0] for at in range(30)]
    assert dots_of_pairs(left, right).tolist() == one_by_one
    assert dots_of_pairs(left[:, :1], right[:, :1]).tolist() == one_by_one[:1]
    assert dots_of_pairs(left[:0], right[:0]).tolist() == [0.0] * 30


@pytest.mark.parametrize("n", [1, 12])
def test_filters_of_both_kinds_go_together(rows: NDArray[np.float32], queries: NDArray[np.float32], n: int) -> None:
    """A filter all share and one of each: what both allow, alone and in a batch, and nobody where they exclude."""
    rng = np.random.default_rng(9)
    shared = rng.random(len(rows)) < 0.5
    own = [rng.random(len(rows)) < 0.3 for _ in range(n)]
    own[-1] = ~shared
    catalogue, order = Catalogue.of(rows), np.arange(len(rows))
    found, _ = top_k(catalogue, queries[:n], 20, shared=shared, own=own)
    for i in range(n):
        wanted = sorted_all(rows, queries[i], order, shared & own[i], 20)
        assert [row for row in found[i].tolist() if row >= 0] == wanted


def test_small_catalogues_are_catalogues(rows: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
    """No row, one row, fewer than asked for, and no query."""
    for n in (0, 1, 5, 65):
        found, _ = top_k(Catalogue.of(rows[:n]), queries[:3], 10)
        assert ((found >= 0).sum(axis=1) == min(n, 10)).all()
    assert top_k(Catalogue.of(rows[:5]), queries[:0], 10)[0].shape == (0, 10)


def test_arithmetic_is_right_and_alone() -> None:
    """Exponential, logarithm and sigmoid agree with the library's, and a column's sum does not see its neighbours."""
    x = np.concatenate([np.linspace(-40, 40, 4_001), [-1_000.0, 1_000.0]])
    assert np.allclose(exponential(x[:-2]), np.exp(x[:-2]), rtol=1e-15)
    assert np.allclose(sigmoid(x), 1 / (1 + np.exp(-np.clip(x, -700, 700))), rtol=1e-14)
    y = np.exp(np.linspace(-30, 30, 2_001))
    assert np.allclose(logarithm(y), np.log(y), rtol=1e-14, atol=1e-15)
    rng = np.random.default_rng(8)
    left, columns = rng.normal(size=300), rng.normal(size=(300, 50))
    together = dots(left, columns)
    for j in range(50):
        slow = 0.0
        for d in range(300):
            slow += columns[d, j] * left[d]
        assert dots(left, columns[:, j : j + 1])[0] == together[j] == slow
