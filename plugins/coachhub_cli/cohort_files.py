"""Scores, seats and placements in files, CSV or JSON: read with a sentence for what is wrong, written to be checked."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from coachhub_core.errors import Refusal

FORMAT: Final = "coachhub-placement/1"
_MAX_BYTES: Final = 1 << 30


@attrs.define
class FileRefused(Refusal):
    """Raised when a file cannot be read as what it should be; names the place and the rule."""

    where: str
    rule: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}"


@attrs.frozen(eq=False)
class Question:
    """Who may be given to whom, how well that is, and how many seats there are."""

    trainees: tuple[str, ...]
    coaches: tuple[str, ...]
    lists: Sequence[Sequence[int]]  #: per trainee as many coaches, by number; padded with -1
    scores: Sequence[Sequence[float]]  #: beside them; -inf where there is none
    coach_scores: Sequence[Sequence[float]] | None
    seats: Sequence[int]


@attrs.frozen(kw_only=True, eq=False)
class Claim:
    """A placement, and what its author says of it."""

    question: Question
    coaches: Sequence[Sequence[int]]  #: per trainee, by number; -1 = none
    need: int
    mode: str | None
    prices: Sequence[float] | None
    crowd: Sequence[int] | None
    crowd_at_floor: Sequence[int] | None
    weights: Sequence[float] | None = None  #: of trainees, and
    weighted_prices: Sequence[float] | None = None  #: of coaches: what bounds the least mean


# ── reading ─────────────────────────────────────────────────────────────────


def read_question(scores: Path, seats: Path) -> Question:
    """
    Read two files.

    Args:
        scores: Rows of ``trainee``, ``coach``, ``score`` and, where coaches have their own, ``coach_score``.
        seats: Rows of ``coach`` and ``seats``; as JSON also an object of coach to seats.
    """
    return _question(list(_rows(scores, ("trainee", "coach", "score"), ("coach_score",))), _seats(seats), str(scores))


def read_placement(file: Path, question: Question, need: int | None) -> Claim:
    """Read rows of ``trainee`` and ``coach``."""
    pairs = [(where, row["trainee"], row["coach"]) for where, row in _rows(file, ("trainee", "coach"), ())]
    return _claim(question, pairs, need, {})


def read_claim(file: Path, need: int | None) -> Claim:
    """Read one JSON document that holds all of it, as ``coachhub match cohort --out`` writes it."""
    said = _json(file)
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        rule = f'must be an object whose "format" is "{FORMAT}"; or name --scores and --seats beside a list of pairs'
        raise FileRefused(str(file), rule)
    where = f"{file}, scores"
    rows = list(_objects(said.get("scores"), where, ("trainee", "coach", "score"), ("coach_score",)))
    seats = _seats_of(said.get("seats"), f"{file}, seats")
    question = _question(rows, seats, where)
    made = list(_objects(said.get("placement"), f"{file}, placement", ("trainee", "coach"), ()))
    return _claim(question, [(at, row["trainee"], row["coach"]) for at, row in made], need, said, str(file))


def _rows(file: Path, needed: tuple[str, ...], extra: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    if file.suffix.lower() == ".json":
        yield from _objects(_json(file), str(file), needed, extra)
        return
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            names = reader.fieldnames or []
            _check_names(f"{file}, line 1", names, needed, extra)
            for row in reader:
                where = f"{file}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise FileRefused(where, f"must have {len(names)} values, as the first line has")
                yield where, {name: value for name, value in row.items() if value != "" or name in needed}
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise FileRefused(str(file), f"cannot be read as CSV in UTF-8: {exc}") from exc


def _objects(
    said: Any, where: str, needed: tuple[str, ...], extra: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        raise FileRefused(where, f"must be a list of objects with {', '.join(needed)}")
    for number, row in enumerate(said):
        at = f"{where}[{number}]"
        _check_names(at, list(row), needed, extra)
        yield at, row


def _check_names(where: str, names: Sequence[str], needed: tuple[str, ...], extra: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in names]
    unknown = [str(name) for name in names if name not in (*needed, *extra)]
    if missing or unknown:
        known = ", ".join((*needed, *(f"[{name}]" for name in extra)))
        raise FileRefused(where, f"must name {known}; {'missing' if missing else 'unknown'}: {(missing or unknown)[0]}")


def _json(file: Path) -> Any:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise FileRefused(str(file), f"is larger than {_MAX_BYTES >> 20} MiB")
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as exc:
        raise FileRefused(str(file), f"cannot be read as JSON: {exc}") from exc


def _seats(file: Path) -> dict[str, int]:
    if file.suffix.lower() == ".json":
        return _seats_of(_json(file), str(file))
    return _distinct(_rows(file, ("coach", "seats"), ()))


def _seats_of(said: Any, where: str) -> dict[str, int]:
    if isinstance(said, dict):
        return _distinct((f"{where}.{coach}", {"coach": coach, "seats": n}) for coach, n in said.items())
    return _distinct(_objects(said, where, ("coach", "seats"), ()))


def _distinct(rows: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for where, row in rows:
        coach = _name(where, "coach", row["coach"])
        if coach in found:
            raise FileRefused(where, f"coach {coach!r} stands there twice")
        found[coach] = _whole(where, "seats", row["seats"])
    return found


def _name(where: str, member: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FileRefused(where, f"{member} must be a name or an id, not {value!r}")
    return value.strip()


def _whole(where: str, member: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or isinstance(value, bool | float) or number > 1_000_000:
        raise FileRefused(where, f"{member} must be a whole number from 0 to 1000000, not {value!r}")
    return number


def _number(where: str, member: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise FileRefused(where, f"{member} must be a number, not {value!r}; leave out a pair that must not be")
    return number


def _question(rows: Sequence[tuple[str, dict[str, Any]]], seats: Mapping[str, int], file: str) -> Question:
    """Put trainees and coaches into the order of their names: it is what decides between equal scores."""
    pairs: dict[tuple[str, str], tuple[float, float | None]] = {}
    for where, row in rows:
        key = (_name(where, "trainee", row["trainee"]), _name(where, "coach", row["coach"]))
        if key in pairs:
            raise FileRefused(where, f"trainee {key[0]!r} and coach {key[1]!r} stand there twice")
        if key[1] not in seats:
            raise FileRefused(where, f"coach {key[1]!r} is not in the seats")
        own = row.get("coach_score")
        score = _number(where, "score", row["score"])
        pairs[key] = (score, None if own is None else _number(where, "coach_score", own))
    if not pairs:
        raise FileRefused(file, "holds no pair of a trainee and a coach")
    is_mutual = any(own is not None for _, own in pairs.values())
    if is_mutual and (lonely := next((key for key, (_, own) in pairs.items() if own is None), None)):
        rule = f"coach_score must stand at every pair or at none; trainee {lonely[0]!r} and coach {lonely[1]!r} lack it"
        raise FileRefused(file, rule)
    trainees, coaches = sorted({t for t, _ in pairs}), sorted(seats)
    number = {coach: c for c, coach in enumerate(coaches)}
    of: dict[str, list[tuple[int, float, float]]] = {trainee: [] for trainee in trainees}
    for (trainee, coach), (score, own) in pairs.items():
        of[trainee].append((number[coach], score, 0.0 if own is None else own))
    width = max((len(row) for row in of.values()), default=0)
    missing = (-1, -math.inf, -math.inf)
    full = [[*sorted(of[trainee]), *[missing] * (width - len(of[trainee]))] for trainee in trainees]
    lists, mine, theirs = ([[pair[part] for pair in row] for row in full] for part in range(3))
    return Question(
        tuple(trainees),
        tuple(coaches),
        lists,  # type: ignore[arg-type]  # the first of the three is of numbers of coaches
        mine,
        theirs if is_mutual else None,
        [seats[coach] for coach in coaches],
    )


def _claim(
    question: Question,
    pairs: Sequence[tuple[str, Any, Any]],
    need: int | None,
    said: Mapping[str, Any],
    file: str = "",
) -> Claim:
    row_of = {name: i for i, name in enumerate(question.trainees)}
    coach_of = {name: c for c, name in enumerate(question.coaches)}
    got: list[list[int]] = [[] for _ in question.trainees]
    for where, trainee, coach in pairs:
        for name, known, noun in ((trainee, row_of, "trainee"), (coach, coach_of, "coach")):
            if name not in known:
                raise FileRefused(where, f"{noun} {name!r} is not in the scores or seats")
        got[row_of[trainee]].append(coach_of[coach])
    stated = said.get("need", 1) if need is None else need
    needed = _whole(f"{file}, need", "need", stated)

    def numbers(name: str, noun: str, of: str, names: Sequence[str]) -> list[float] | None:
        given = said.get(name)
        if given is None:
            return None
        if not isinstance(given, dict) or set(given) != set(names):
            raise FileRefused(f"{file}, {name}", f"must be an object that gives a {noun} to every {of}")
        return [_number(f"{file}, {name}.{one}", f"the {noun}", given[one]) for one in names]

    def members(name: str) -> list[int] | None:
        listed = said.get(name)
        if listed is None:
            return None
        if not isinstance(listed, list) or not all(isinstance(t, str) and t in row_of for t in listed):
            raise FileRefused(f"{file}, {name}", "must be a list of trainees who are in the scores")
        return [row_of[t] for t in listed]

    mode = said.get("mode")
    if mode is not None and not isinstance(mode, str):
        raise FileRefused(f"{file}, mode", "must be a text")
    return Claim(
        question=question,
        coaches=got,
        need=needed,
        mode=mode,
        prices=numbers("prices", "price", "coach", question.coaches),
        crowd=members("crowd"),
        crowd_at_floor=members("crowd_at_floor"),
        weights=numbers("weights", "weight", "trainee", question.trainees),
        weighted_prices=numbers("weighted_prices", "price", "coach", question.coaches),
    )


# ── writing ─────────────────────────────────────────────────────────────────


def claim_document(claim: Claim) -> dict[str, Any]:
    """Return the document of a placement with all that a stranger needs to check it."""
    q = claim.question
    rows = []
    for i, trainee in enumerate(q.trainees):
        for at, coach in enumerate(q.lists[i]):
            if coach >= 0:
                row = {"trainee": trainee, "coach": q.coaches[coach], "score": q.scores[i][at]}
                if q.coach_scores is not None:
                    row["coach_score"] = q.coach_scores[i][at]
                rows.append(row)
    made = [
        {"trainee": trainee, "coach": q.coaches[coach]}
        for trainee, got in zip(q.trainees, claim.coaches, strict=True)
        for coach in got
        if coach >= 0
    ]
    said: dict[str, Any] = {"format": FORMAT, "mode": claim.mode, "need": claim.need, "placement": made}
    for name, names, numbers in (
        ("prices", q.coaches, claim.prices),
        ("weights", q.trainees, claim.weights),
        ("weighted_prices", q.coaches, claim.weighted_prices),
    ):
        if numbers is not None:
            said[name] = dict(zip(names, numbers, strict=True))
    for name, members in (("crowd", claim.crowd), ("crowd_at_floor", claim.crowd_at_floor)):
        if members is not None:
            said[name] = [q.trainees[i] for i in members]
    return {**said, "seats": dict(zip(q.coaches, q.seats, strict=True)), "scores": rows}


def write(document: Mapping[str, Any], file: Path, dump: Callable[..., str] = json.dumps) -> None:
    """Write whole before it has its name."""
    temporary = file.with_name(f".{file.name}.writing")
    try:
        temporary.write_text(dump(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(file)
    except OSError as exc:
        raise FileRefused(str(file), f"cannot be written: {exc.strerror}") from exc
