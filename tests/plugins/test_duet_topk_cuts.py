"""Exact top-k over catalogues that are turned and cut: the same bits as sorting everything, for all sorts of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_scipy import scan_one
from coachhub_scipy.arithmetic import dots
from coachhub_scipy.catalogue import Catalogue, Turn
from coachhub_scipy.scan_many import BLOCK
from coachhub_scipy.topk import top_k

K = 12
EVERY = 7
N = 6_000

Made = tuple[NDArray[np.float32], NDArray[np.float32]]  # rows and queries


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut from 2,000 rows on, in lines from nine queries on: more would only take longer."""
    monkeypatch.setattr("coachhub_scipy.catalogue.WORTH", 2_000)
    monkeypatch.setattr("coachhub_scipy.scan_many.LINES", 9)
    monkeypatch.setattr("coachhub_scipy.scan_one.SEEDS", 4)
    monkeypatch.setattr("coachhub_scipy.scan_one.EVERY", EVERY)


def decaying(n: int, d: int, rate: float, seed: int) -> NDArray[np.float64]:
    """Rows whose columns decay, in directions of their own."""
    rng = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
    made: NDArray[np.float64] = rng.normal(size=(n, d)) * rate ** np.arange(d) @ directions
    return made


def _decays(scale: float = 1.0, d: int = 24, n: int = N) -> Made:
    made = decaying(n + 9, d, 0.8, 1) * scale
    made[:n:50] = made[7]
    return made[:n].astype(np.float32), made[n:].astype(np.float32)


def _is_flat() -> Made:
    made = np.random.default_rng(2).normal(size=(N + 9, 24))
    return made[:N].astype(np.float32), made[N:].astype(np.float32)


def _has_rank(rank: int) -> Made:
    rng = np.random.default_rng(3)
    made = rng.normal(size=(N + 9, rank)) @ rng.normal(size=(rank, 24))
    return made[:N].astype(np.float32), made[N:].astype(np.float32)


def _is_one_row_again_and_again() -> Made:
    rows, queries = _decays()
    return np.repeat(rows[:1], N, axis=0), queries


def _is_nothing() -> Made:
    rows, queries = _decays()
    return np.zeros_like(rows), queries


def _is_half_nothing() -> Made:
    rows, queries = _decays()
    rows[::2] = 0.0
    queries[3] = 0.0
    return rows, queries


def _is_of_many_lengths() -> Made:
    rows, queries = _decays()
    lengths = 10.0 ** np.random.default_rng(4).uniform(-6, 6, N)
    return (rows * lengths[:, None]).astype(np.float32), queries


def _hides_the_best_in_the_tail() -> Made:
    """What a few rows and queries are lies almost wholly behind the cuts."""
    rows, queries = _decays()
    tail = np.linalg.eigh(rows.T.astype(np.float64) @ rows)[1][:, :3].T
    rng = np.random.default_rng(5)
    rows[rng.choice(N, 40, replace=False)] = (rng.normal(size=(40, 3)) @ tail).astype(np.float32)
    queries[:4] = (rng.normal(size=(4, 3)) @ tail).astype(np.float32)
    queries[4:6] += 3 * tail[:2].astype(np.float32)
    return rows, queries


def _nearly_ties(every: int, scale: float = 1.0) -> Made:
    """One row again and again, but for what single precision just sees."""
    rows, queries = _decays(scale)
    n = len(rows[::every])
    rows[::every] = rows[0] * (1 + np.random.default_rng(6).normal(size=(n, 24)) * 1e-7)
    queries[0] = rows[0]
    return rows, queries


CASES: dict[str, tuple[Callable[[], Made], bool]] = {  # rows and queries, and whether they are to be cut
    "decaying": (_decays, True),
    "huge": (lambda: _decays(1e15), True),
    "tiny": (lambda: _decays(1e-15), True),
    "sixteen dimensions": (lambda: _decays(d=16), True),
    "few dimensions": (lambda: _decays(d=9), False),
    "few rows": (lambda: _decays(n=1_999), False),
    "flat": (_is_flat, False),
    "of rank 1": (lambda: _has_rank(1), True),
    "of rank 5": (lambda: _has_rank(5), True),
    "equal": (_is_one_row_again_and_again, True),
    "zero": (_is_nothing, False),
    "half zero": (_is_half_nothing, True),
    "of many lengths": (_is_of_many_lengths, False),
    "the best in the tail": (_hides_the_best_in_the_tail, True),
    "nearly tied": (lambda: _nearly_ties(10), True),
    "nearly equal": (lambda: _nearly_ties(1), True),
    "nearly equal and huge": (lambda: _nearly_ties(1, 1e12), True),
    "nearly equal and tiny": (lambda: _nearly_ties(1, 1e-12), True),
}


def sorted_all(
    rows: NDArray[np.float32], query: NDArray[np.float32], order: NDArray[np.int64], flags: NDArray[np.bool_]
) -> tuple[list[int], list[float]]:
    """What sorting everything gives, padded."""
    score = dots(query.astype(np.float64), rows.T.astype(np.float64))
    allowed = np.flatnonzero(flags)
    best = allowed[np.lexsort((order[allowed], -score[allowed]))][:K]
    missing = K - len(best)
    return best.tolist() + [-1] * missing, score[best].tolist() + [-np.inf] * missing


@pytest.mark.parametrize("case", CASES)
def test_it_finds_what_sorting_finds(case: str) -> None:
    """The same rows and the same bits, alone and together, with filters of each kind, by the given order."""
    make, is_cut = CASES[case]
    rows, queries = make()
    if case == "of many lengths":
        is_cut = Catalogue.of(rows).turn is not None  # a few rows make the spectrum: as it comes
    rng = np.random.default_rng(8)
    order = rng.permutation(len(rows))
    catalogue = Catalogue.of(rows, order)
    assert (catalogue.turn is not None) == is_cut
    everyone = np.ones(len(rows), np.bool_)
    shared = rng.random(len(rows)) < 0.4
    own = [rng.random(len(rows)) < share for share in (0.4, 0.3, 0.2, 0.5, 0.9, 0.0, 0.001, 1.0, 0.3)]
    for flags, given in (
        ([everyone] * 9, {}),
        ([shared] * 9, {"shared": shared}),
        (own, {"own": own}),
    ):
        wanted = [sorted_all(rows, query, order, mine) for query, mine in zip(queries, flags, strict=True)]
        found, scores = top_k(catalogue, queries, K, **given)
        assert found.tolist() == [ids for ids, _ in wanted]
        assert scores.tolist() == [values for _, values in wanted]
        for i in range(len(queries)):
            alone = {"own": [own[i]]} if "own" in given else given
            one, its = top_k(catalogue, queries[i : i + 1], K, **alone)
            assert one.tobytes() == found[i].tobytes()
            assert its.tobytes() == scores[i].tobytes()


@pytest.mark.parametrize("case", [case for case, (_, is_cut) in CASES.items() if is_cut])
def test_what_is_read_is_never_below_the_score(case: str) -> None:
    """Within half of the margin, at each cut; and behind the last it is the score."""
    rows, queries = CASES[case][0]()
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-30)
    catalogue = Catalogue.of(rows)
    scores = queries.astype(np.float64) @ rows.T.astype(np.float64)
    room = catalogue.margin / 2
    *parts, whole = catalogue.parts(queries)
    assert len(parts) == (0 if catalogue.turn is None else 1 + len(catalogue.turn.cuts)) > 1
    for part in parts:
        assert (part.factors @ catalogue.columns[part.lines] >= scores - room).all()
    assert (np.abs(whole.factors @ catalogue.columns[whole.lines] - scores) <= room).all()


def test_what_cannot_win_is_not_read() -> None:
    """What lies behind the cuts is no number, and is not missed: behind the first for one query, the last for many."""
    made = decaying(5 * BLOCK + 9, 32, 0.8, 9).astype(np.float32)
    rows, queries = made[:-9], made[-9:]
    catalogue = Catalogue.of(rows)
    assert catalogue.turn is not None
    first, last = catalogue.turn.cuts
    filters = [np.random.default_rng(i).random(len(rows)) < 0.5 for i in range(9)]
    alone = [top_k(catalogue, queries[i : i + 1], K)[0].tolist() for i in range(9)]
    together = top_k(catalogue, queries, K)[0].tolist()
    filtered = top_k(catalogue, queries, K, own=filters)[0].tolist()
    catalogue.columns[last + 3 :, BLOCK:] = np.nan  # of a batch the first block is read whole
    assert top_k(catalogue, queries, K)[0].tolist() == together
    assert top_k(catalogue, queries, K, own=filters)[0].tolist() == filtered
    catalogue.columns[first + 2 :] = np.nan
    assert [top_k(catalogue, queries[i : i + 1], K)[0].tolist() for i in range(9)] == alone


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_with_a_filter_less_is_read(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies behind the early cut is no number, and is not missed by one query that may find a part of the rows."""
    made = decaying(3 * BLOCK + 9, 32, 0.93, 9).astype(np.float32)
    rows, queries = made[:-9], made[-9:]
    catalogue = Catalogue.of(rows)
    assert catalogue.turn is not None
    assert catalogue.turn.early < catalogue.turn.cuts[0]
    own = np.random.default_rng(7).random(len(rows)) < share
    wanted = [sorted_all(rows, query, catalogue.order, own)[0] for query in queries]
    catalogue.columns[catalogue.turn.early + 1 :] = np.nan
    fetched: list[int] = []
    fetch = scan_one._fetched

    def watched(searched: Catalogue, query: NDArray[np.float32], some: NDArray[np.int64]) -> NDArray[np.float32]:
        fetched.append(len(some))
        return fetch(searched, query, some)

    monkeypatch.setattr("coachhub_scipy.scan_one._fetched", watched)
    for i in range(9):
        assert top_k(catalogue, queries[i : i + 1], K, shared=own)[0][0].tolist() == wanted[i]
    assert sum(fetched) < 9 * np.count_nonzero(own) / 2


@pytest.mark.parametrize("is_never_enough", [False, True])
def test_who_cannot_stop_reads_on(is_never_enough: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query unlike the rows, or too many who can win at every cut: the answer is that of a catalogue without cuts."""
    if is_never_enough:
        monkeypatch.setattr("coachhub_scipy.scan_one.FETCHED", N + 1)
    rows, queries = _hides_the_best_in_the_tail()
    catalogue = Catalogue.of(rows)
    assert catalogue.turn is not None
    plain = Catalogue(np.ascontiguousarray(rows.T), len(rows), catalogue.order, catalogue.scale, catalogue.rows)
    for i in range(9):
        found, scores = top_k(catalogue, queries[i : i + 1], K)
        wanted, exact = top_k(plain, queries[i : i + 1], K)
        assert (found.tobytes(), scores.tobytes()) == (wanted.tobytes(), exact.tobytes())


@pytest.mark.parametrize("n_allowed", [1, 2, 5])
def test_who_is_not_allowed_bounds_nothing(n_allowed: int) -> None:
    """Those who would be best of all, and all who are asked to tell what has to be reached, are left out."""
    rows, queries = _decays()
    place = np.arange(len(rows)) % EVERY
    rows[place == EVERY - 1] = queries[0] * 2
    for own in ((place > 0) & (place <= n_allowed), (place < n_allowed)):
        found, _ = top_k(Catalogue.of(rows), queries[:1], K, own=[own])
        assert found[0].tolist() == sorted_all(rows, queries[0], np.arange(len(rows)), own)[0]


def test_fewer_look_best_than_are_asked_for() -> None:
    """All that look best are among the rows that tell, and fewer than the list is long: they bound nothing."""
    rows, queries = _decays()
    rows[: 8 * EVERY : EVERY] = queries[0] * 2
    everyone = np.ones(len(rows), np.bool_)
    found, _ = top_k(Catalogue.of(rows), queries[:1], K)
    assert found[0].tolist() == sorted_all(rows, queries[0], np.arange(len(rows)), everyone)[0]


@pytest.mark.parametrize("share", [0.0, 0.03, 0.07, 0.15, 0.5, 1.0])
def test_a_filter_is_what_it_is_wherever_it_begins(share: float) -> None:
    """Its places are found however many they are; one that begins late seems to allow few, and is read all the same."""
    rows, queries = _decays()
    flags = np.random.default_rng(9).random(len(rows)) < share
    assert scan_one._places(flags, int(np.count_nonzero(flags))).tolist() == np.flatnonzero(flags).tolist()
    catalogue = Catalogue.of(rows)
    for own in (flags, np.arange(len(rows)) >= (1 - share) * len(rows)):
        for i in (0, 5):
            found, scores = top_k(catalogue, queries[i : i + 1], K, own=[own])
            wanted = sorted_all(rows, queries[i], catalogue.order, own)
            assert (found[0].tolist(), scores[0].tolist()) == wanted


def test_more_are_asked_for_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists longer than the rows, than a group and than the seeds, and catalogues smaller than a group."""
    monkeypatch.setattr("coachhub_scipy.catalogue.WORTH", 65)
    rows, queries = _decays()
    for n in (1, 63, 65, 130):
        catalogue = Catalogue.of(rows[:n])
        assert (catalogue.turn is not None) == (n >= 65)
        for k in (1, 64, n, n + 3):
            together = top_k(catalogue, queries, k)
            for i, query in enumerate(queries):
                score = dots(query.astype(np.float64), rows[:n].T.astype(np.float64))
                wanted = np.lexsort((np.arange(n), -score))[:k].tolist()
                assert together[0][i].tolist() == wanted + [-1] * (k - len(wanted))
                assert top_k(catalogue, queries[i : i + 1], k)[1].tobytes() == together[1][i].tobytes()
    head, longer = top_k(Catalogue.of(rows), queries, 20)[0], top_k(Catalogue.of(rows), queries, 200)[0]
    assert (longer[:, :20] == head).all()


def test_a_turn_needs_something_to_turn() -> None:
    """Nothing, and what is no number, is left as it is."""
    assert Turn.of(np.zeros((20, 20))) is None
    assert Turn.of(np.full((20, 20), np.nan)) is None
    assert Turn.of(np.diag(np.full(20, 3.0))) is None
    turn = Turn.of(np.diag(0.5 ** np.arange(20.0)))
    assert turn is not None
    assert (turn.early, turn.cuts) == (4, (4,))
