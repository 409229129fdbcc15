"""What ``coachhub match eval`` prints: quality with intervals, calibration, and what the lists do to people."""

from __future__ import annotations

import click

from coachhub_core.matching.evaluating import Evaluation

_STEPS = {"wants": "the trainee asks", "accepts": "the coach accepts", "goes_well": "it goes well"}


def step_name(step: str) -> str:
    """Say a step in words."""
    return _STEPS.get(step, step)


def show_evaluation(made: Evaluation) -> None:
    """Print it."""
    click.echo(f"nDCG@10 over {made.n_trainees} trainees: " + ", ".join(f"{n} {v:.3f}" for n, v in made.ndcg.items()))
    for name, (mean, low, high) in made.gains.items():
        word = "better than" if low > 0 else "worse than" if high < 0 else "no different from"
        click.echo(f"{word} {name}: {mean:+.3f} [{low:+.3f} {high:+.3f}]")
    for step, engines in made.calibration.items():
        said = ", ".join(f"{name} {found.error:.3f}" for name, found in engines.items())
        n = int(next(iter(engines.values())).n.sum())
        click.echo(f"off by, of {n} probabilities that {step_name(step)}: {said}")
    click.echo(f"{'':12}{'top tenth shown':>16}{'coaches shown':>15}{'seats used':>12}{'worst place':>13}{'nobody':>8}")
    for name, fair in made.fairness.items():
        click.echo(
            f"{name:12}{fair.top_tenth:>16.0%}{fair.coverage:>15.0%}{fair.seats_used:>12.0%}"
            f"{fair.worst_place:>13}{fair.n_without:>8}"
        )
