"""
What a fitted step is made of: parts that each give a number per pair, and how much each counts.

A linear part is a product of a trainee's vector and a coach's. Each vector comes
from features, from the person's own history, or from the history once there is
enough of it and from features until then. Everything else is a comparison of
columns, a look at whom the trainee chose before, or a look at who was chosen after
words like these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import ArtefactError
from coachhub_core.ports.matcher import ArtefactReader, ArtefactWriter
from coachhub_scipy.arithmetic import Floats

ENOUGH = 5  #: events after which somebody's own history counts in full


def trust(counts: NDArray[np.int64]) -> Floats:
    """Give how much a history of so many events counts: 0 for none, 1 from five on."""
    made: Floats = np.minimum(counts / ENOUGH, 1.0)
    return made


@attrs.frozen(eq=False)
class Side:
    """How one side's vectors of a linear part are made, as a sum: (d,), (p, d) or none, (n, d) or none."""

    constant: Floats
    map: Floats | None = None
    own: NDArray[Any] | None = None  # float64, or float32 as an artefact has it

    @property
    def width(self) -> int:
        """Count the dimensions."""
        return len(self.constant)

    def vectors(self, features: Floats, rows: NDArray[np.int64]) -> Floats:
        """
        Give the vectors of some people.

        Args:
            features: (b, p).
            rows: (b,), their rows when the model was fitted, -1 for whom it never met.
        """
        made = np.tile(self.constant, (len(rows), 1))
        if self.map is not None:
            made += features @ self.map
        if self.own is not None:
            known = rows >= 0
            made[known] += self.own[rows[known]]
        return made

    def save(self, out: ArtefactWriter, prefix: str) -> None:
        """Put everything :meth:`load` needs."""
        out.put_json(f"{prefix}.side", {"map": self.map is not None, "own": self.own is not None})
        out.put_array(f"{prefix}.constant", self.constant)
        if self.map is not None:
            out.put_array(f"{prefix}.map", self.map.astype(np.float32))
        if self.own is not None:
            out.put_array(f"{prefix}.own", self.own.astype(np.float32))

    @classmethod
    def load(cls, source: ArtefactReader, prefix: str) -> Side:
        """Give what was saved."""
        said = source.json(f"{prefix}.side")
        return cls(
            constant=source.array(f"{prefix}.constant"),
            map=source.array(f"{prefix}.map").astype(np.float64) if said["map"] else None,
            # of everybody, and asked for row by row: it stays in the file, in single precision as it was kept
            own=source.array(f"{prefix}.own") if said["own"] else None,
        )

    def kept(self) -> Side:
        """Give the side as it comes back from an artefact: in single precision."""
        return attrs.evolve(
            self,
            map=None if self.map is None else self.map.astype(np.float32).astype(np.float64),
            own=None if self.own is None else self.own.astype(np.float32).astype(np.float64),
        )


@attrs.frozen(eq=False)
class LinearPart:
    """One product of vectors."""

    name: str
    left: Side
    right: Side

    def kept(self) -> LinearPart:
        """Give the part as it comes back from an artefact."""
        return LinearPart(self.name, self.left.kept(), self.right.kept())


@attrs.frozen(eq=False)
class SparseRows:
    """A sparse matrix by rows, in plain arrays."""

    starts: NDArray[np.int64]
    places: NDArray[np.int64]
    values: Floats

    @classmethod
    def of(cls, matrix: Any) -> SparseRows:
        """Take scipy's csr, in single precision and with sorted places, as an artefact keeps it."""
        matrix.sort_indices()
        values = np.asarray(matrix.data, np.float32).astype(np.float64)
        return cls(np.asarray(matrix.indptr, np.int64), np.asarray(matrix.indices, np.int64), values)

    def row(self, row: int) -> tuple[NDArray[np.int64], Floats]:
        """Give places and values of one row."""
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return self.places[part], self.values[part]

    def save(self, out: ArtefactWriter, prefix: str) -> None:
        """Put everything :meth:`load` needs."""
        out.put_array(f"{prefix}.starts", self.starts)
        out.put_array(f"{prefix}.places", self.places.astype(np.int32))
        out.put_array(f"{prefix}.values", self.values.astype(np.float32))

    @classmethod
    def load(cls, source: ArtefactReader, prefix: str) -> SparseRows:
        """Give what was saved."""
        return cls(
            source.array(f"{prefix}.starts"),
            source.array(f"{prefix}.places").astype(np.int64),
            source.array(f"{prefix}.values").astype(np.float64),
        )


@attrs.frozen(eq=False)
class Asked:
    """Who was chosen after words like these: per term, coaches and weights."""

    columns: tuple[str, ...]  #: of the trainees' texts
    terms: tuple[str, ...]
    idf: Floats
    weights: SparseRows  # (terms, coaches)


def rounded(values: Floats) -> Floats:
    """Give numbers as they come back from an artefact: in single precision."""
    return values.astype(np.float32).astype(np.float64)


Gain = tuple[float, float]  #: for people with a history, and without


@attrs.frozen(eq=False)
class StepModel:
    """What was learned of one step: the logit is the sum of all parts, each times its gain."""

    name: str
    base: Gain
    linear: tuple[LinearPart, ...]
    gains: tuple[Gain, ...]  # one per linear part
    compare: Floats  # (f,)
    compare_gain: Gain
    history: SparseRows | None = None  # (coaches, coaches)
    history_gain: Gain = (0.0, 0.0)
    lately_gain: Gain = (0.0, 0.0)  # of the same, each earlier choice by how recent it is
    asked: Asked | None = None
    asked_gain: Gain = (0.0, 0.0)
    doubt: Floats | None = None  # (coaches,), standard deviation of what a coach's own record adds to the logit
    doubt_new: float = 0.0  # of a coach nobody met
    doubt_gain: Gain = (0.0, 0.0)
    held_out: Mapping[str, float] = attrs.field(factory=dict)  # how it did on what it was not fitted on; not saved

    def save(self, out: ArtefactWriter) -> None:
        """Put everything :meth:`load` needs."""
        prefix = f"steps/{self.name}"
        document: dict[str, Any] = {
            "base": list(self.base),
            "linear": [part.name for part in self.linear],
            "gains": [list(gain) for gain in self.gains],
            "compare_gain": list(self.compare_gain),
            "history_gain": list(self.history_gain) if self.history is not None else None,
            "lately_gain": list(self.lately_gain),
            "asked": None,
            "doubt": None if self.doubt is None else {"new": self.doubt_new, "gain": list(self.doubt_gain)},
        }
        if self.asked is not None:
            document["asked"] = {
                "gain": list(self.asked_gain),
                "columns": list(self.asked.columns),
                "terms": list(self.asked.terms),
            }
        out.put_json(f"{prefix}/step", document)
        out.put_array(f"{prefix}/compare", self.compare)
        for part in self.linear:
            part.left.save(out, f"{prefix}/{part.name}.left")
            part.right.save(out, f"{prefix}/{part.name}.right")
        if self.history is not None:
            self.history.save(out, f"{prefix}/history")
        if self.asked is not None:
            out.put_array(f"{prefix}/asked.idf", self.asked.idf)
            self.asked.weights.save(out, f"{prefix}/asked")
        if self.doubt is not None:
            out.put_array(f"{prefix}/doubt", self.doubt.astype(np.float32))

    @classmethod
    def load(cls, source: ArtefactReader, name: str) -> StepModel:
        """Give what was saved."""
        prefix = f"steps/{name}"
        said = source.json(f"{prefix}/step")
        linear = tuple(
            LinearPart(
                part,
                Side.load(source, f"{prefix}/{part}.left"),
                Side.load(source, f"{prefix}/{part}.right"),
            )
            for part in said["linear"]
        )
        asked = None
        if said["asked"] is not None:
            asked = Asked(
                tuple(said["asked"]["columns"]),
                tuple(said["asked"]["terms"]),
                source.array(f"{prefix}/asked.idf"),
                SparseRows.load(source, f"{prefix}/asked"),
            )
        doubt = said.get("doubt")  # a model of before it was kept has none
        return cls(
            name=name,
            base=_gain(said["base"]),
            linear=linear,
            gains=tuple(_gain(gain) for gain in said["gains"]),
            compare=source.array(f"{prefix}/compare"),
            compare_gain=_gain(said["compare_gain"]),
            history=None if said["history_gain"] is None else SparseRows.load(source, f"{prefix}/history"),
            history_gain=_gain(said["history_gain"] or (0.0, 0.0)),
            lately_gain=_gain(said.get("lately_gain", (0.0, 0.0))),  # a model of before it was told apart has none
            asked=asked,
            asked_gain=_gain(said["asked"]["gain"]) if asked is not None else (0.0, 0.0),
            doubt=None if doubt is None else source.array(f"{prefix}/doubt").astype(np.float64),
            doubt_new=0.0 if doubt is None else float(doubt["new"]),
            doubt_gain=(0.0, 0.0) if doubt is None else _gain(doubt["gain"]),
        )


def _gain(pair: Sequence[Any]) -> Gain:
    warm, cold = pair
    if not isinstance(warm, int | float) or not isinstance(cold, int | float):
        raise ArtefactError(reason="a gain of the model is not a number")
    return float(warm), float(cold)


def mixed(gain: Gain, share: float) -> float:
    """Give the gain of somebody whose own history counts by *share*."""
    return share * gain[0] + (1.0 - share) * gain[1]


def terms_of(texts: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Give the texts of several columns as one list."""
    return [text for name in columns for text in texts.get(name) or ()]
