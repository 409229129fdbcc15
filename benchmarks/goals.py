"""Goals Q1 to Q4, held against what was measured: in how many climates each holds, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
from measured import STEPS, Measured

from coachhub_core.matching.ranking_figures import Each, interval

OURS = "duet"
Found = Mapping[str, Measured]  # by engine, one climate
Interval = tuple[float, float, float]


@attrs.frozen
class Compared:
    """One comparison in one climate; the gain is duet's figure less the peer's, turned so that more is better."""

    climate: str
    what: str
    gain: Interval
    is_asked: bool = True  #: what else the goal asks, that no interval says
    note: str = ""

    @property
    def is_below(self) -> bool:
        """Tell whether it is below beyond the interval."""
        return self.gain[2] < 0

    @property
    def is_above(self) -> bool:
        """Tell whether the interval is clear of 0 on the good side."""
        return self.gain[1] > 0

    def __str__(self) -> str:
        mean, low, high = self.gain
        said = "above" if self.is_above else "BELOW" if self.is_below else "level"
        return f"{self.climate:10s} {self.what:62s} {mean:+.3f} [{low:+.3f} {high:+.3f}] {said}{self.note}"


@attrs.frozen(kw_only=True)
class Goal:
    """A goal of the design: what is compared in each climate, and when it counts as reached."""

    name: str
    asks: str
    compared: Sequence[Compared]
    must_be_above: bool = False  #: clear of 0 everywhere; else below nowhere, and above in most if *most*
    most: bool = False
    lists_above: bool = True  #: whether comparisons that are above are told one by one

    @property
    def climates(self) -> dict[str, list[Compared]]:
        """The comparisons by climate."""
        made: dict[str, list[Compared]] = {}
        for one in self.compared:
            made.setdefault(one.climate, []).append(one)
        return made

    @property
    def n_held(self) -> int:
        """In how many climates everything that is asked holds."""
        return sum(all(map(self._holds, some)) for some in self.climates.values())

    def _holds(self, one: Compared) -> bool:
        return one.is_asked and (one.is_above if self.must_be_above else not one.is_below)

    @property
    def is_reached(self) -> bool:
        """Tell whether it holds in every climate, and is above in most of the comparisons where that is asked."""
        n_above = sum(one.is_above for one in self.compared)
        return self.n_held == len(self.climates) and (not self.most or 2 * n_above > len(self.compared))

    def lines(self) -> Iterator[str]:
        """Say it."""
        if not self.compared:
            yield f"{self.name} {self.asks}: nothing to compare with here"
            return
        counts = [sum(test(one) for one in self.compared) for test in (_above, _level, _below)]
        said = "{} above, {} level, {} below".format(*counts)
        yield (
            f"{self.name} {self.asks}: holds in {self.n_held} of {len(self.climates)} climates"
            f" ({said}): {'reached' if self.is_reached else 'missed'}"
        )
        yield from (f"  {one}" for one in self.compared if self.lists_above or not one.is_above)


def _above(one: Compared) -> bool:
    return one.is_above


def _below(one: Compared) -> bool:
    return one.is_below


def _level(one: Compared) -> bool:
    return not one.is_above and not one.is_below


def goals(climates: Mapping[str, Found]) -> list[Goal]:
    """Hold Q1 to Q4 against what was found in these climates."""
    every = [(name, found) for name, found in climates.items() if OURS in found]
    return [
        Goal(
            name="Q1",
            asks="people with a history, nDCG@10 less the best peer's",
            compared=[one for name, found in every for one in _beside_best(name, found, ["old.ndcg_at_10"])],
            most=True,
        ),
        Goal(
            name="Q2",
            asks="new people and new coaches, nDCG@10 and AUC less the better of lightfm and popularity",
            compared=[
                one
                for name, found in every
                for one in _beside_best(
                    name,
                    {peer: found[peer] for peer in (OURS, "lightfm", "popularity") if peer in found},
                    ["new.ndcg_at_10", "new.auc", "coaches.ndcg_at_10", "coaches.auc"],
                )
            ],
            most=True,
        ),
        Goal(
            name="Q3a",
            asks="AUC and log loss of each side and of both, beside both scikit-learn models",
            compared=[one for name, found in every for one in _beside_classifiers(name, found)],
            lists_above=False,
        ),
        Goal(
            name="Q3b",
            asks="success@3 of lists chosen together less own wish's, with at most half its share for the top tenth",
            compared=[one for name, found in every for one in _together(name, found[OURS])],
            must_be_above=True,
        ),
        Goal(
            name="Q4",
            asks="text only, nDCG@10 of everybody less the cosine's and popularity's",
            compared=[one for name, found in every if name == "text_only" for one in _of_texts(name, found)],
            must_be_above=True,
        ),
    ]


def _beside_best(climate: str, found: Found, figures: Sequence[str]) -> Iterator[Compared]:
    for figure in figures:
        peers = {name: one.eaches[figure] for name, one in found.items() if name != OURS and figure in one.eaches}
        if peers and figure in found[OURS].eaches:
            best = max(peers, key=lambda name: float(peers[name].mean()))
            yield Compared(climate, f"{figure} less {best}", interval(found[OURS].eaches[figure] - peers[best]))


def _beside_classifiers(climate: str, found: Found) -> Iterator[Compared]:
    for peer in ("sklearn-logistic", "sklearn-trees"):
        for figure, sign in (("auc", 1), ("log_loss", -1)):
            for step in STEPS:
                name = f"{figure}_{step}"
                if peer in found and name in found[peer].eaches and name in found[OURS].eaches:
                    gain = sign * (found[OURS].eaches[name] - found[peer].eaches[name])
                    yield Compared(climate, f"{name} {'less' if sign > 0 else 'below'} {peer}", interval(gain))


def _together(climate: str, ours: Measured) -> Iterator[Compared]:
    if "together.success_at_3" not in ours.eaches:
        return
    wish, share = ours.values["wish.top_tenth"], ours.values["together.top_tenth"]
    is_half = share <= 0.5 * wish + 1e-9
    said = (
        f"success@3 {ours.eaches['together.success_at_3'].mean():.3f} and {ours.eaches['wish.success_at_3'].mean():.3f}"
        f", top tenth {share:.3f} and {wish:.3f}"
    )
    gain, expected, at_best = (
        interval(one)
        for one in (
            ours.eaches["together.success_at_3"] - ours.eaches["wish.success_at_3"],
            ours.eaches["together.expected_gain"],
            ours.eaches["together.expected_at_best"],
        )
    )
    note = "; by the truth {:+.3f} [{:+.3f} {:+.3f}]".format(*expected) + f", at best {at_best[0]:+.3f}"
    yield Compared(climate, said, gain, is_half, note)


def _of_texts(climate: str, found: Found) -> Iterator[Compared]:
    def everybody(one: Measured) -> Each:
        return np.concatenate([one.eaches["old.ndcg_at_10"], one.eaches["new.ndcg_at_10"]])

    for peer in ("content", "popularity"):
        if peer in found:
            yield Compared(climate, f"nDCG@10 less {peer}", interval(everybody(found[OURS]) - everybody(found[peer])))
