"""What a second matcher would have changed: lists, times, failures, and who was right in the end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.shadows import ShadowList, ShadowRecord
from coachhub_core.domain.suggestions import Outcome
from coachhub_core.ports.storage import UnitOfWork

VERDICTS: Final = ("contacted", "accepted", "declined")
_PAGE: Final = 1_000
_Z: Final = 1.959964  # of a 95 % interval


@attrs.frozen(kw_only=True)
class Share:
    """A share of *n*, with its 95 % interval (Wilson); None where there is nothing to take a share of."""

    n: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, n_yes: int, n: int) -> Share:
        """Count."""
        if n == 0:
            return cls(n=0, share=None, low=None, high=None)
        middle = (n_yes / n + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(n_yes / n * (1 - n_yes / n) / n + _Z**2 / (4 * n * n))
        return cls(n=n, share=n_yes / n, low=max(0.0, middle - half), high=min(1.0, middle + half))


@attrs.frozen(kw_only=True)
class Mean:
    """A mean over *n* lists, with its 95 % interval (normal); None where there are none."""

    n: int
    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Take it."""
        n = len(values)
        if n == 0:
            return cls(n=0, mean=None, low=None, high=None)
        mean = math.fsum(values) / n
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / max(1, n - 1))
        half = _Z * spread / math.sqrt(n)
        return cls(n=n, mean=mean, low=mean - half, high=mean + half)


@attrs.frozen(kw_only=True)
class Latency:
    """Milliseconds of the same questions, in the worker."""

    n: int
    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Latency:
        """Take the nearest ranks."""
        ordered = sorted(values)
        if not ordered:
            return cls(n=0, p50_ms=None, p95_ms=None, max_ms=None)

        def at(part: float) -> float:
            return ordered[max(0, math.ceil(part * len(ordered)) - 1)]

        return cls(n=len(ordered), p50_ms=at(0.5), p95_ms=at(0.95), max_ms=ordered[-1])


@attrs.frozen(kw_only=True)
class Verdict:
    """
    Which of the two put those higher of whom something was said later.

    ``shadow`` is the share of lists, of those where the two differ, in which the
    shadow put that coach higher (for ``declined``: lower, since that is better).
    """

    event: str
    n_live: int  #: lists in which the live one was better
    n_shadow: int
    n_level: int
    shadow: Share


@attrs.frozen(kw_only=True)
class ShadowComparison:
    """One pair of models over all their lists."""

    live: str
    live_model_id: str
    shadow: str | None
    shadow_model_id: str | None
    first_at: datetime
    last_at: datetime
    n_lists: int
    n_compared: int
    k: int
    overlap: Mean  #: of the first k of both: how many are on both, as a part of the longer
    rank_correlation: Mean  #: Kendall's tau over those on both lists, where there are two of them
    first_changed: Share  #: lists whose first coach differs
    as_served: Share  #: lists the live one gave again exactly as they were served
    live_latency: Latency
    shadow_latency: Latency
    failures: Mapping[str, int]  #: the shadow's, by reason
    dropped: Mapping[str, int]  #: lists that were not compared through no fault of the shadow's, by reason
    verdicts: tuple[Verdict, ...]


def compare_shadow(
    work: UnitOfWork, *, created_from: datetime | None = None, k: int = 10
) -> tuple[ShadowComparison, ...]:
    """
    Compare each pair of models that has met, the newest first.

    Args:
        created_from: Leave out lists that were served before.
        k: How many places of each list count.
    """
    pairs: dict[tuple[str, str, str | None, str | None], list[ShadowList]] = {}
    after: UUID | None = None
    while page := work.shadows.since(after, created_from=created_from, limit=_PAGE):
        for record in page:
            pairs.setdefault(_pair(record), []).append(record.shadow)
        after = page[-1].shadow.id
    compared = {shadow.id: shadow for lists in pairs.values() for shadow in lists if shadow.state == "done"}
    verdicts = _verdicts(work, compared)
    found = [_compared(pair, lists, verdicts, k) for pair, lists in pairs.items()]
    return tuple(sorted(found, key=lambda one: one.last_at, reverse=True))


def _pair(record: ShadowRecord) -> tuple[str, str, str | None, str | None]:
    return record.live_matcher, record.live_model_id, record.shadow.matcher, record.shadow.model_id


def _compared(
    pair: tuple[str, str, str | None, str | None],
    lists: Sequence[ShadowList],
    verdicts: Mapping[UUID, Mapping[str, tuple[int, ...]]],
    k: int,
) -> ShadowComparison:
    done = [shadow for shadow in lists if shadow.state == "done"]
    tops = [(shadow.live_ids[:k], shadow.shadow_ids[:k]) for shadow in done]
    taus = [tau for live, shadow in tops if (tau := rank_correlation(live, shadow)) is not None]
    return ShadowComparison(
        live=pair[0],
        live_model_id=pair[1],
        shadow=pair[2],
        shadow_model_id=pair[3],
        first_at=min(shadow.created_at for shadow in lists),
        last_at=max(shadow.created_at for shadow in lists),
        n_lists=len(lists),
        n_compared=len(done),
        k=k,
        overlap=Mean.of([overlap(live, shadow) for live, shadow in tops]),
        rank_correlation=Mean.of(taus),
        first_changed=Share.of(sum(live[:1] != shadow[:1] for live, shadow in tops), len(tops)),
        as_served=Share.of(sum(bool(shadow.is_as_served) for shadow in done), len(done)),
        live_latency=Latency.of([shadow.live_ms for shadow in done if shadow.live_ms is not None]),
        shadow_latency=Latency.of([shadow.shadow_ms for shadow in done if shadow.shadow_ms is not None]),
        failures=_reasons(lists, "failed"),
        dropped=_reasons(lists, "dropped"),
        verdicts=tuple(_verdict(event, [verdicts.get(s.id, {}).get(event, ()) for s in done]) for event in VERDICTS),
    )


def _reasons(lists: Iterable[ShadowList], state: str) -> dict[str, int]:
    counted = Counter(shadow.reason or "?" for shadow in lists if shadow.state == state)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def overlap(live: Sequence[UUID], shadow: Sequence[UUID]) -> float:
    """Return the part of the longer list that is on both; 1 where both are empty."""
    most = max(len(live), len(shadow))
    return len(set(live) & set(shadow)) / most if most else 1.0


def rank_correlation(live: Sequence[UUID], shadow: Sequence[UUID]) -> float | None:
    """Return Kendall's tau over those on both lists; None where fewer than two are."""
    place = {id_: n for n, id_ in enumerate(shadow)}
    common = [place[id_] for id_ in live if id_ in place]
    n_pairs = len(common) * (len(common) - 1) // 2
    if not n_pairs:
        return None
    n_turned = sum(first > second for n, first in enumerate(common) for second in common[n + 1 :])
    return 1.0 - 2.0 * n_turned / n_pairs


# ── who was right ───────────────────────────────────────────────────────────


def _verdicts(work: UnitOfWork, compared: Mapping[UUID, ShadowList]) -> dict[UUID, dict[str, tuple[int, ...]]]:
    """Read what became of the coaches on these lists: list -> event -> for each coach who was better, -1 the live."""
    found: dict[UUID, dict[str, tuple[int, ...]]] = {}
    if not compared:
        return found
    said: set[tuple[UUID, UUID, str]] = set()
    after: UUID | None = min(compared)  # ids of lists and of what became of them are made in the order of time
    while page := work.outcomes.since(after, limit=_PAGE):
        for outcome in page:
            shadow = compared.get(outcome.set_id) if outcome.set_id is not None else None
            if shadow is None or outcome.event not in VERDICTS:
                continue
            once = (shadow.id, outcome.coach_id, outcome.event)
            if once not in said:
                said.add(once)
                events = found.setdefault(shadow.id, {})
                events[outcome.event] = (*events.get(outcome.event, ()), _better(shadow, outcome))
        after = page[-1].id
    return found


def _better(shadow: ShadowList, outcome: Outcome) -> int:
    """Return 1 where the shadow put that coach higher, -1 where the live one did; who is not on a list is last."""

    def place(ids: Sequence[UUID]) -> float:
        return ids.index(outcome.coach_id) if outcome.coach_id in ids else math.inf

    live, other = place(shadow.live_ids), place(shadow.shadow_ids)
    higher = (other < live) - (other > live)
    return -higher if outcome.event == "declined" else higher


def _verdict(event: str, said: Iterable[tuple[int, ...]]) -> Verdict:
    """Count lists: one trainee who asks several coaches off one list is one voice."""
    totals = [sum(one) for one in said if one]
    n_live, n_shadow = sum(t < 0 for t in totals), sum(t > 0 for t in totals)
    return Verdict(
        event=event,
        n_live=n_live,
        n_shadow=n_shadow,
        n_level=len(totals) - n_live - n_shadow,
        shadow=Share.of(n_shadow, n_live + n_shadow),
    )
