"""
Seeded faults under a write load.

    python -m tests.faults --seed 1 --faults 1000
    python -m tests.faults --seed 1 --faults 100 --on sqlite

Slices of 50, each with an instance of its own, are written to a file as they
end; called again with the same seed it goes on after the last of them, and the
counts add up. Ends with the criterion point by point, and with 0 when all of it
holds: nothing lost, doubled or invented, all says the same, all was well again
within 30 s, and every answer came within 5 s.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from .servers import why_absent
from .slices import merged, run_slice

SLICE = 50
WHOLE = 1_000  # two hundred of each kind
ON = {"services": ("mariadb", "redis", "elasticsearch"), "sqlite": ()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").strip().split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="draws every fault and its moment (%(default)s)")
    parser.add_argument("--faults", type=int, default=SLICE, help="how many in all (%(default)s)")
    parser.add_argument("--on", choices=list(ON), default="services", help="what it runs on (%(default)s)")
    parser.add_argument("--file", type=Path, default=None, help="where slices are kept (faults-SEED-ON.jsonl)")
    options = parser.parse_args(arguments)
    file = options.file or Path(f"faults-{options.seed}-{options.on}.jsonl")
    engines = tuple(kind for kind in ON[options.on] if why_absent(kind) is None)
    for kind in ON[options.on]:
        if (why := why_absent(kind)) is not None:
            print(f"without {kind}: {why}")
    if options.on == "services" and "mariadb" not in engines:
        print("nothing to break: python -m tests.faults --on sqlite runs without servers")
        return 2
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    first = sum(sum(each["faults"].values()) for each in done)
    while first < options.faults:
        numbers = range(first, min(first + SLICE, options.faults))
        print(
            f"faults {numbers.start} to {numbers.stop - 1} of seed {options.seed} on {', '.join(engines) or 'sqlite'}"
        )
        found = attrs.asdict(run_slice(engines, options.seed, numbers, lambda line: print(line, flush=True)))
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(found) + "\n")
        done.append(found)
        first = numbers.stop
        show(merged(done[-1:]))
    return show(merged(done))


def show(found: dict[str, Any]) -> int:
    """Print the table; return the exit code."""
    counts = found["counts"]
    rows = [(f"faults: {kind}", n) for kind, n in found["faults"].items()]
    for name in (
        "acknowledged",
        "refused",
        "unknown",
        "told as unknown",
        "unknown and settled",
        "lost",
        "doubled",
        "invented",
        "differs",
        "unsettled",
        "not healed",
        "answers",
        "answers over 5 s",
    ):
        rows.append((name, counts.get(name, 0)))
    rows += [(f"  {name}", n) for name, n in sorted(counts.items()) if name.startswith("acknowledged: ")]
    for name, n in rows:
        print(f"{name:40} {n:9}")
    print(f"{'slowest answer, seconds':40} {found['slowest']:9.2f}")
    print(f"{'longest healing, seconds':40} {found['longest_healing']:9.2f}")
    for line in found["wrong"][:40]:
        print(f"  {line}")
    points = criterion(found)
    for holds, line in points:
        print(f"{'yes' if holds else 'NO':4}{line}")
    n_done = sum(found["faults"].values())
    holds_all = all(holds for holds, _ in points)
    of_what = "the whole thousand" if n_done >= WHOLE else f"the {n_done} so far"
    print(f"of {of_what}: {'all of it holds' if holds_all else 'NOT all of it holds'}")
    return 0 if holds_all else 1


def criterion(found: dict[str, Any]) -> list[tuple[bool, str]]:
    """Say point by point what must be so after any number of faults, whether it is, and the figure that says so."""
    counts = Counter[str](found["counts"])
    per_kind = found["faults"]
    lost, doubled, invented = counts["lost"], counts["doubled"], counts["invented"]
    late, unhealed = counts["answers over 5 s"], counts["not healed"]
    return [
        (
            max(per_kind.values()) - min(per_kind.values()) <= 1,
            "as many faults of each kind: " + ", ".join(f"{kind} {n}" for kind, n in per_kind.items()),
        ),
        (
            not (lost or doubled or invented),
            f"of {counts['acknowledged']} acknowledged 0 lost, 0 doubled, 0 invented: {lost}, {doubled}, {invented}",
        ),
        (not counts["differs"], f"database, index and copies say the same afterwards: {counts['differs']} differ"),
        (not counts["unsettled"], f"every unknown outcome is settled by its key: {counts['unsettled']} are not"),
        (
            not late,
            f"every answer within 5 s: {late} of {counts['answers']} later, slowest {found['slowest']:.2f} s",
        ),
        (
            not unhealed,
            f"well again within 30 s of each: {unhealed} were not, longest {found['longest_healing']:.1f} s",
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
