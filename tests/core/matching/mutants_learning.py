"""Mutants that change what they are given, and that learn, keep or load what is not the same."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
from mutants import Asked, Change, Mutants, count, fail, ranking
from reference import Reference, ReferenceIndex

from coachhub_core.errors import ArtefactError
from coachhub_core.ports.matcher import NEVER


def _pops(table: str) -> Change:
    def change(asked: Asked, right: Any) -> Any:
        owner = asked.trainees if table == "trainees" else asked.index.coaches
        owner.columns.pop("goal" if table == "trainees" else "bio", None)
        return right

    return change


class Shrinking(Reference):
    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        made = ReferenceIndex(self, coaches, prices)
        coaches.columns.pop("years", None)
        return made


class FitShrinks(Reference):
    def fit(self, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
        made = super().fit(log, coaches, trainees, **more)
        trainees.columns.pop("goal", None)
        return made


class FitAdds(Reference):
    def fit(self, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
        coaches.columns["fitted"] = coaches.columns.get("years")
        return super().fit(log, coaches, trainees, **more)


def _fitting(fit: Callable[..., Any]) -> type[Reference]:
    return type("Fitting", (Reference,), {"fit": fit})


def _changes_itself(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    self.base += 0.5
    return type(self)(self.lift, self.base)


def _strict(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    for coach in log.coach:
        if coaches.row_of(coach) is None:
            raise KeyError(coach)
    return Reference.fit(self, log, coaches, trainees, **more)


def _strict_of_trainees(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    [trainees.ids[trainees.ids.index(id_)] for id_ in log.trainee]
    return Reference.fit(self, log, coaches, trainees, **more)


def _backwards(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    made = Reference.fit(self, log, coaches, trainees, **more)
    return type(self)({id_: -lift for id_, lift in made.lift.items()}, self.base)


def _by_dice(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    made = Reference.fit(self, log, coaches, trainees, **more)
    return type(self)({id_: lift + random.random() for id_, lift in made.lift.items()}, self.base)


def _needs_a_log(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    log.coach[0]
    return Reference.fit(self, log, coaches, trainees, **more)


def _needs_a_prior(self: Any, log: Any, coaches: Any, trainees: Any, *, prior: Any = None, **more: Any) -> Any:
    return type(self)(prior.lift, prior.base)


def _knows_the_old_only(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    made = Reference.fit(self, log, coaches, trainees, **more)

    class Closed(Reference):
        def index(self, now: Any, *, prices: Any = None) -> Any:
            [coaches.ids.index(id_) for id_ in now.ids]
            return ReferenceIndex(self, now, prices)

    return Closed(made.lift, made.base)


def _keeping(save: Callable[[Any, Any], None]) -> type[Reference]:
    return type("Keeping", (Reference,), {"save": save})


def _loading(load: Callable[[Any, Any], Any]) -> type[Reference]:
    return type("Loading", (Reference,), {"load": load})


def _also(put: Callable[[Any, Any], None]) -> type[Reference]:
    def save(self: Any, out: Any) -> None:
        Reference.save(self, out)
        put(self, out)

    return _keeping(save)


def _loads_into_itself(self: Any, source: Any) -> Any:
    made = Reference.load(self, source)
    self.lift, self.base = made.lift, made.base
    return self


def _either(load: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Load what is there, and do something else where it is not."""

    def either(self: Any, source: Any) -> Any:
        try:
            return Reference.load(self, source)
        except ArtefactError:
            return load(self, source)

    return either


def _forgets_lift(self: Any, out: Any) -> None:
    type(self)({}, self.base).__class__.__mro__[1].save(type(self)({}, self.base), out)


def _saves_rounded(self: Any, out: Any) -> None:
    Reference.save(Reference({id_: round(lift) for id_, lift in self.lift.items()}, self.base), out)


def _saves_first_half(self: Any, out: Any) -> None:
    kept = sorted(self.lift)[: len(self.lift) // 2]
    Reference.save(Reference({id_: self.lift[id_] for id_ in kept}, self.base), out)


def _saves_by_coach(self: Any, out: Any) -> None:
    Reference.save(Reference(dict.fromkeys(self.lift, 0.0), self.base), out)


LOADS: dict[str, Callable[[Any, Any], Any]] = {
    "ignores the file": lambda self, source: type(self)(),
    "gives itself": lambda self, source: self,
    "into itself": _loads_into_itself,
    "reads the base only": lambda self, source: type(self)({}, float(source.array("base")[0])),
    "forgets the base": lambda self, source: type(self)(Reference.load(self, source).lift, 0.7),
    "another order": lambda self, source: type(self)(
        dict(zip(source.json("ids")[::-1], source.array("lift").tolist(), strict=True)), float(source.array("base")[0])
    ),
    "takes anything": _either(lambda self, source: type(self)()),
    "KeyError": _either(lambda self, source: fail(KeyError("ids"))),
    "ValueError": _either(lambda self, source: fail(ValueError("ids"))),
    "nothing": _either(lambda self, source: None),
    "twice the base": lambda self, source: type(self)(
        Reference.load(self, source).lift, 2 * float(source.array("base")[0])
    ),
}
SAVES: dict[str, Callable[[Any, Any], None]] = {
    "the clock": lambda self, out: out.put_json("at", time.time()),
    "dice": lambda self, out: out.put_array("dice", np.array([random.random()])),
    "a counter": lambda self, out: out.put_json("n", count(self)),
    "an address": lambda self, out: out.put_json("id", id(self)),
    "a new id": lambda self, out: out.put_json("id", uuid.uuid4().hex),
    "objects": lambda self, out: out.put_array("lift2", np.array([self.lift], dtype=object)),
    "no number": lambda self, out: out.put_json("loss", float("nan")),
    "a path": lambda self, out: out.put_json("../../model", 1),
    "the same twice": lambda self, out: out.put_json("ids", []),
    "a set": lambda self, out: out.put_json("tags", {"yoga"}),
}


def _forgetting(without: Callable[..., Any]) -> type[Reference]:
    return type("Forgetting", (Reference,), {"people": property(lambda self: frozenset(self.lift)), "without": without})


def _forgets(self: Any, ids: Any) -> Any:
    return type(self)({id_: lift for id_, lift in self.lift.items() if id_ not in ids}, self.base)


def _forgets_itself(self: Any, ids: Any) -> Any:
    made = _forgets(self, ids)
    self.lift = made.lift
    return made


def _others_pay(self: Any, ids: Any) -> Any:
    made = _forgets(self, ids)
    return type(self)(dict(zip(made.lift, reversed(made.lift.values()), strict=True)), self.base - 0.5)


FORGETS: dict[str, Callable[..., Any]] = {
    "nobody": lambda self, ids: self,
    "one alone": lambda self, ids: _forgets(self, [next(iter(ids))]),
    "and changes itself": _forgets_itself,
    "at the cost of others": _others_pay,
}


def learning() -> Mutants:
    """Break what it is given, what it learns and what it keeps."""
    yield "trainees lose a column", ranking(_pops("trainees"))
    yield "coaches lose a column", ranking(_pops("coaches"))
    yield "indexing takes a column", Shrinking
    yield "fitting takes a column", FitShrinks
    yield "fitting adds a column", FitAdds
    fits: dict[str, Callable[..., Any]] = {
        "changes itself": _changes_itself,
        "gives itself": lambda self, log, coaches, trainees, **more: self,
        "gives nothing": lambda self, log, coaches, trainees, **more: None,
        "learns nothing": lambda self, log, coaches, trainees, **more: type(self)(self.lift, self.base),
        "learns backwards": _backwards,
        "learns by dice": _by_dice,
        "needs a log": _needs_a_log,
        "needs a prior": _needs_a_prior,
        "needs every coach of the log": _strict,
        "needs every trainee of the log": _strict_of_trainees,
        "knows the old coaches only": _knows_the_old_only,
        "takes no prior": lambda self, log, coaches, trainees, *, seed=0, deadline=NEVER: type(self)(),
        "takes no seed": lambda self, log, coaches, trainees, *, prior=None, deadline=NEVER: type(self)(),
    }
    for what, fit in fits.items():
        yield f"fit: {what}", _fitting(fit)
    for what, put in SAVES.items():
        yield f"save: {what}", _also(put)
    yield "save: no counts", _keeping(_saves_by_coach)
    yield "save: counts rounded", _keeping(_saves_rounded)
    yield "save: the first half", _keeping(_saves_first_half)
    for what, load in LOADS.items():
        yield f"load: {what}", _loading(load)
    for what, without in FORGETS.items():
        yield f"forgets {what}", _forgetting(without)
