"""Seeded tables for the matcher's kit: believable, awkward, and the same in every run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from coachhub_core.matching.sample import Draws, sample_rows
from coachhub_core.matching.schema import coach_table, trainee_table
from coachhub_core.matching.tables import Category, CoachTable, Labels, Number, TraineeTable, Vector
from coachhub_core.ports.matcher import OutcomeLog

GOALS = (
    "run my first marathon",
    "lose weight after a long winter",
    "get stronger and learn the deadlift",
    "back pain from my desk job",
    "postpartum, careful start",
    "first pull-up",
    "yoga for stress relief",
    "triathlon in summer, olympic distance",
    "build muscle, three evenings a week",
    "boxing, but no sparring",
    "stay mobile at seventy",
    "bouldering without hurting my elbows",
    "something completely different",
    "быть в форме 🏃",
    "",
)


@attrs.frozen(kw_only=True)
class Case:
    """Two tables of one seed."""

    coaches: CoachTable
    trainees: TraineeTable


def a_case(seed: str = "kit", *, n_coaches: int = 60, n_trainees: int = 64, canaries: bool = False) -> Case:
    """
    Draw coaches and trainees.

    Every sixth coach has a twin that differs in the id alone, and the smaller id
    may stand in either row. Both sides have values missing, a column of their
    own, one that is compared, and a sensitive one. With *canaries*, everybody's
    texts hold a word that nobody else uses: ``zqcoach7x``, ``zqtrainee3x``.
    """
    draws = Draws(f"case.{seed}")
    n_twins = n_coaches // 6
    rows = sample_rows(n_coaches - n_twins, seed=seed)
    for i in range(n_twins):
        rows.append({**rows[i], "id": f"{'a' if i % 2 else 'z'}-twin-of-{i}"})
    tastes: list[Any] = [_taste(draws, 4) for _ in range(n_coaches - n_twins)]
    tastes += tastes[:n_twins]
    order = draws.some(range(n_coaches), n_coaches)
    rows, tastes = [dict(rows[i]) for i in order], [tastes[i] for i in order]
    if canaries:
        for r, row in enumerate(rows):
            row["bio"] = [*row["bio"], f"zqcoach{r}x"]
    coaches = coach_table(rows).with_columns(
        taste=Vector(tastes),
        shirt=Category(["red" if len(r["id"]) % 2 else None for r in rows]),
        secret=Number([float(i) for i in order], is_sensitive=True),
    )
    return Case(coaches=coaches, trainees=_trainees(draws, n_trainees, canaries=canaries))


def _taste(draws: Draws, d: int) -> list[float]:
    if draws.chance(10):
        return [float("nan")] * d
    return [draws.below(2_001) / 1_000 - 1 for _ in range(d)]


def _trainees(draws: Draws, n: int, *, canaries: bool) -> TraineeTable:
    rows: list[dict[str, Any]] = []
    for i in range(n):
        row: dict[str, Any] = {"id": f"trainee-{i:03}", "goal": GOALS[i % len(GOALS)]}
        if canaries:
            row["goal"] = f"{row['goal']} zqtrainee{i}x"
        optional = {
            "fitness_level": draws.pick(("beginner", "intermediate", "advanced")),
            "budget": 20 + 5 * draws.below(16),
            "currency": draws.pick(("EUR", "GBP")),
            "languages": draws.pick((["en"], ["de", "en"], ["es"], [])),
            "modalities": draws.pick((["online"], ["in_person"], ["online", "in_person"], ["hybrid"])),
            "hours": [24 * draws.below(7) + 6 + draws.below(16) for _ in range(1 + draws.below(12))],
            "city": draws.pick(("Berlin", "Madrid", "london", "Nowhere")),
            "goal_kinds": draws.pick((["strength"], ["race", "endurance"], [])),
            "equipment": draws.pick((["dumbbell"], ["none"], [])),
        }
        rows.append({**row, **{name: value for name, value in optional.items() if draws.chance(60)}})
    return trainee_table(rows).with_columns(
        taste=Vector([_taste(draws, 4) for _ in rows]) if rows else Vector(np.empty((0, 4))),
        clubs=Labels([["north"] if draws.chance(50) else None for _ in rows]),
        health=Category(["private"] * len(rows), is_sensitive=True),
    )


# ── made from them ──────────────────────────────────────────────────────────


def names(case: Case) -> list[str]:
    """Give the columns of either side."""
    return sorted({*case.coaches.columns, *case.trainees.columns})


def copies(coaches: CoachTable, ids: Sequence[str]) -> CoachTable:
    """Give the first coach under several ids."""
    rows = np.zeros(len(ids), np.int64)
    return CoachTable.build(ids=ids, **{name: column.take(rows) for name, column in coaches.columns.items()})


def without(table: Any, name: str) -> Any:
    """Give the table without a column."""
    return type(table)(table.ids, {n: column for n, column in table.columns.items() if n != name})


def history(case: Case, *, loved: int | None = None) -> OutcomeLog:
    """Give a log in which every trainee was shown ten coaches; *loved* always accepts, others now and then."""
    records: list[dict[str, Any]] = []
    n = len(case.coaches)
    for i, trainee in enumerate(case.trainees.ids):
        shown = [(i * 7 + j * 3) % n for j in range(9)] + ([loved] if loved is not None else [])
        for position, row in enumerate(dict.fromkeys(shown), 1):
            at = (i * 100 + position) * 1_000_000
            said = {"trainee": trainee, "coach": case.coaches.ids[row], "position": position, "shown_with": f"s{i}"}
            records.append({**said, "at": at, "event": "shown"})
            if row == loved or (i + row) % 11 == 0:
                records.append({**said, "at": at + 1, "event": "contacted", "value": 1.0})
                is_yes = row == loved or row % 2 == 0
                records.append({**said, "at": at + 2, "event": "accepted" if is_yes else "declined"})
    return OutcomeLog.build(records)
