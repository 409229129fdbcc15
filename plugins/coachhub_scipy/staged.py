"""
The stages of a training: what one has made is kept bit for bit, so that a training that was ended can go on.

A value comes back as it was made: numbers to the last bit, arrays with their type and their order in memory (a
product of matrices may differ in its last bit by that), sparse matrices in the order of their cells. What cannot be
read is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.sparse import csr_array

from coachhub_core.errors import ArtefactError
from coachhub_core.ports.matcher import ArtefactReader, ArtefactWriter, Stages
from coachhub_core.version import __version__
from coachhub_scipy.choice_parts import AskedFit, How
from coachhub_scipy.crossed_parts import Crossed
from coachhub_scipy.encode import ColumnCode, Encoder
from coachhub_scipy.parts import Asked, LinearPart, Side, SparseRows, StepModel

T = TypeVar("T")

_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (AskedFit, How, Crossed, ColumnCode, Encoder, Asked, LinearPart, Side, SparseRows, StepModel)
}
_MADE_WITH = {"coachhub": __version__, "scipy": scipy.__version__}
_UNREADABLE = (ArtefactError, KeyError, TypeError, ValueError, IndexError, AttributeError)


class Staged:
    """Does each stage once: makes it, or gives what was kept of it."""

    def __init__(self, stages: Stages | None, go_on: Callable[[], bool], prefix: str = "") -> None:
        """
        Args:
            stages: Keeps them; None: each is made.
            go_on: Whether there is time left; what was made when there was none is not kept.
        """
        self._stages, self._go_on, self._prefix = stages, go_on, prefix

    def within(self, name: str) -> Staged:
        """Give the same for the stages of a part, whose names begin with its own."""
        return Staged(self._stages, self._go_on, f"{self._prefix}{name}/")

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """Give a stage's value."""
        if self._stages is None:
            return make()
        named = self._prefix + name
        found = self._stages.kept(named)
        if found is not None:
            try:
                return _unpacked(found)  # type: ignore[no-any-return]  # what was kept is what make() gave
            except _UNREADABLE:
                pass  # of another version, whatever its name says: made again
        made = make()
        if self._go_on():
            self._stages.keep(named, lambda out: _pack(out, made))
        return made


def _pack(out: ArtefactWriter, value: Any) -> None:
    arrays: list[NDArray[Any]] = []
    document = _described(value, arrays)
    for number, array in enumerate(arrays):
        out.put_array(str(number), array)
    out.put_json("value", {"made_with": _MADE_WITH, "value": document})


def _unpacked(source: ArtefactReader) -> Any:
    document = source.json("value")
    if document["made_with"] != _MADE_WITH:
        raise ValueError("made with another version")
    return _made(document["value"], source)


def _described(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Say in JSON what a value is; its arrays are collected, and named by their number."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return {"int": int(value)}
    if isinstance(value, float):
        return {"float": float(value).hex()}  # to the last bit, and whatever is no number
    if isinstance(value, np.ndarray):
        is_turned = value.flags.f_contiguous and not value.flags.c_contiguous
        arrays.append(value.T if is_turned else value)
        return {"array": len(arrays) - 1, "turned": is_turned}
    if isinstance(value, csr_array):
        parts = [_described(part, arrays) for part in (value.data, value.indices, value.indptr)]
        return {"csr": parts, "shape": list(value.shape)}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_described(one, arrays) for one in value]}
    if isinstance(value, Mapping):
        return {"dict": [[name, _described(one, arrays)] for name, one in value.items()]}
    kind = type(value).__name__
    if _KINDS.get(kind) is not type(value):
        raise TypeError(f"a stage cannot keep {kind}")
    members = {one.name: _described(getattr(value, one.name), arrays) for one in attrs.fields(type(value))}
    return {"kind": kind, "members": members}


def _made(said: Any, source: ArtefactReader) -> Any:
    if said is None or isinstance(said, bool | str):
        return said
    if "int" in said:
        return int(said["int"])
    if "float" in said:
        return float.fromhex(said["float"])
    if "array" in said:
        array = np.array(source.array(str(said["array"])))  # ours to write to, as what was made is
        return array.T if said["turned"] else array
    if "csr" in said:
        data, indices, indptr = (_made(part, source) for part in said["csr"])
        return csr_array((data, indices, indptr), shape=tuple(said["shape"]))
    if "tuple" in said:
        return tuple(_made(one, source) for one in said["tuple"])
    if "list" in said:
        return [_made(one, source) for one in said["list"]]
    if "dict" in said:
        return {name: _made(one, source) for name, one in said["dict"]}
    members = {name: _made(one, source) for name, one in said["members"].items()}
    return _KINDS[said["kind"]](**members)
