"""The simple face of whichever matcher an artefact names: the original system's ``CoachMatcher``, working."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from coachhub_core.errors import Invalid, MatcherError, PluginError
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter, get_table, put_table
from coachhub_core.matching.checks import check_offer, check_ranking, leaving_is_a_fault
from coachhub_core.matching.counterfactuals import MAX_RANKINGS, Counterfactuals, counterfactuals
from coachhub_core.matching.entries import name_of, per_row
from coachhub_core.matching.given import check_allowed, check_kind, check_learning, check_pairs, check_rows, whole, wide
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.hosted import Hosted, preferred
from coachhub_core.matching.manifest import origin
from coachhub_core.matching.offered import assigners, matcher_of, matchers
from coachhub_core.matching.placing import place
from coachhub_core.matching.rank_together import least_share, rank_within, rank_within_share
from coachhub_core.matching.sample import sample_coaches
from coachhub_core.matching.schema import profile_table
from coachhub_core.matching.stages import input_of
from coachhub_core.matching.suggestions import SuggestionSet
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import (
    NEVER,
    AllowedPairs,
    Deadline,
    Matcher,
    OutcomeLog,
    Placements,
    Ranking,
    Stages,
)

_BATCH = 64  # trainees scored at once by place: bounds what is held beside the matrix itself


class CoachMatcher:
    """
    Proposes coaches for a trainee: the simple face of whichever matcher the artefact names.

    ::

        for suggestion in CoachMatcher().find_matches({"goal": "first marathon", "budget": 60}, limit=5):
            print(suggestion.rank, suggestion.coach_id, suggestion.score, suggestion.reasons)

    Nothing is opened until the first question; :meth:`load` opens and checks at once.
    """

    def __init__(
        self,
        artefact: Path | None = None,
        *,
        coaches: CoachTable | None = None,
        plugins: Sequence[object] | None = None,
        matcher: str | None = None,
        consent: Collection[str] = (),
        without: Collection[str | int | UUID] = (),
    ) -> None:
        """
        Args:
            artefact: What a matcher has learned; None: what ships answers, which is ``duet`` before it has learned
                anything, or ``plain`` where ``coachhub[matching]`` is not installed.
            matcher: Without an artefact, the one that answers, by name, before it has learned anything.
            coaches: Who is proposed; None: the artefact's own snapshot, else the packaged sample of 200.
            plugins: Exactly these beside the built-in one; None: every installed one.
            consent: Sensitive columns the matcher may see, by name.
            without: Ids of people the model is to know nothing of, because they were erased since it was trained.
        """
        self._consent = frozenset(consent)
        self._without = frozenset(name_of(id_, "without") for id_ in per_row(without, "without"))
        self._path = None if artefact is None else Path(artefact)
        self._given = coaches
        self._plugins = plugins
        self._name = matcher
        self._hosted: Hosted | None = None
        self._host: MatcherHost | None = None
        self._coaches: CoachTable | None = None

    @classmethod
    def load(cls, artefact: Path | None = None, **same: Any) -> CoachMatcher:
        """
        Make one as the constructor does, and open and check the artefact at once.

        Raises:
            ArtefactError: If the file is damaged, or not a model.
            PluginError: If nobody offers the matcher it names.
        """
        made = cls(artefact, **same)
        made._load_model()
        return made

    @classmethod
    def fit(
        cls,
        log: OutcomeLog,
        coaches: CoachTable,
        trainees: TraineeTable,
        *,
        matcher: str = "duet",
        seed: int = 0,
        pairs: Mapping[str, tuple[str, str]] | None = None,
        plugins: Sequence[object] | None = None,
        deadline: Deadline = NEVER,
        consent: Collection[str] = (),
        prior: CoachMatcher | None = None,
        metrics: Mapping[str, float] | None = None,
        stages: Callable[[str], Stages] | None = None,
    ) -> CoachMatcher:
        """
        Learn from a log, and give a matcher for these coaches.

        Any columns will do, and any of them may be missing; columns of one name and kind on both sides are compared.

        Args:
            log: What became of suggestions, or clicks, ratings, answers: see :class:`OutcomeLog`; may be empty.
            coaches: Who is ranked. Those the log does not know are ranked by their columns.
            trainees: Who acted in the log. Others may be ranked for later.
            matcher: A name an installed plugin offers.
            pairs: Name -> (trainee's column, coach's column), both in the tables: compared too; for matchers that
                take them.
            deadline: When it is over, the best so far is given.
            consent: Sensitive columns it may learn from, by name; of all others it sees nothing.
            prior: A model of the same matcher that learned elsewhere, or before: what this log does not tell stays
                near it. None: what the matcher ships with.
            metrics: Figures to keep in the manifest instead of those of the training.
            stages: Gives what keeps the stages of a training of this input (a hash of it), so that one that was
                ended can go on; for matchers that take them. Others begin anew each time.
        Raises:
            PluginError: If nobody offers the matcher, or it takes no pairs.
            Invalid: If the prior is a model of another matcher, an argument is not of its kind, or a pair names a
                column that its table lacks or the matcher may not see.
        """
        seed = check_learning(log, coaches, trainees, seed)
        made = cls(coaches=coaches, plugins=plugins, consent=consent)
        offer = matcher_of(plugins, matcher)
        check_offer(matcher, offer)
        seen = coaches.select(offer.needs, consent=consent), trainees.select(offer.needs, consent=consent)
        with leaving_is_a_fault(matcher):
            untrained: Any = offer.make()
        more: dict[str, Any] = {}
        if pairs:
            if "pairs" not in signature(untrained.fit).parameters:
                raise PluginError(reason=f"the matcher {matcher!r} takes no pairs of columns")
            more["pairs"] = pairs = check_pairs(pairs, coaches, trainees, consent=consent)
        if prior is not None:
            check_kind(prior, CoachMatcher, "prior")
            if prior.name != matcher:
                raise Invalid.at("prior", f"is a model of {prior.name!r}, and {matcher!r} is to learn")
            more["prior"] = prior.model
        of = None if prior is None else prior.model_id
        if stages is not None and "stages" in signature(untrained.fit).parameters:
            more["stages"] = stages(input_of(matcher, offer.version, log, *seen, seed=seed, pairs=pairs, prior=of))
        with leaving_is_a_fault(matcher):
            fitted = untrained.fit(log, *seen, seed=seed, deadline=deadline, **more)
            facts = origin(fitted, log, *seen, seed=seed, prior=of, metrics=metrics)
            made._open(Hosted.made(matcher, offer, fitted, facts), None)
        return made

    # ── opening ──

    def _load_model(self) -> Matcher:
        """Open the artefact, check it, and give the matcher it names; without one, what ships."""
        if self._hosted is None:
            source = None if self._path is None else ZipArtefactReader.open(self._path)
            name = self._name or preferred(matchers(self._plugins), source)
            offer = matcher_of(self._plugins, name)
            with leaving_is_a_fault(name):
                self._open(Hosted.of(name, offer, source).without(self._without), source)
        assert self._hosted is not None  # noqa: S101 - opened just now
        return self._hosted.matcher

    def _open(self, hosted: Hosted, source: ZipArtefactReader | None) -> None:
        if self._given is not None:
            self._coaches = self._given
        elif source is not None and "coaches/table" in source.names:
            kept = get_table(source, "coaches", CoachTable)
            rows = [row for row, id_ in enumerate(kept.ids) if id_ not in self._without]
            self._coaches = kept.take(rows) if len(rows) < len(kept) else kept
        self._host = MatcherHost(hosted, consent=self._consent)
        self._hosted = hosted

    @property
    def model(self) -> Matcher:
        """What :meth:`_load_model` gave: the matcher itself."""
        return self._load_model()

    @property
    def model_id(self) -> str:
        """What the model is known by: the sha256 of its manifest."""
        return self._opened()[0].model_id

    @property
    def name(self) -> str:
        """The name under which the matcher is offered."""
        return self._opened()[0].name

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the model's manifest says of it: see :mod:`coachhub_core.matching.manifest`."""
        return self._opened()[0].facts

    @property
    def coaches(self) -> CoachTable:
        """The coaches who are proposed."""
        self._load_model()
        return sample_coaches() if self._coaches is None else self._coaches

    def _opened(self) -> tuple[Hosted, MatcherHost]:
        self._load_model()
        if self._hosted is None or self._host is None:
            raise MatcherError(reason="the model was not loaded")
        return self._hosted, self._host

    # ── one trainee ──

    def find_matches(self, trainee_profile: Mapping[str, Any], limit: int = 10) -> SuggestionSet:
        """
        Propose coaches to the trainee a profile describes.

        Args:
            trainee_profile: ``goal`` in their own words, and whatever else is known: ``goal_kinds specialties
                fitness_level budget currency languages modalities hours city equipment``.
            limit: At most so many, 1 to 100.
        Returns:
            Who has a seat and fits, best first, with reasons; ``degraded`` is ``"sample"`` where the coaches are
            the packaged ones.
        Raises:
            ProfileIncomplete: If there is no goal.
            Invalid: If a member is unknown, naming those known, or has a wrong value.
        """
        _check_profile(trainee_profile)
        if isinstance(limit, bool) or not isinstance(limit, int | np.integer):
            raise Invalid.at("limit", "must be a whole number from 1 to 100")
        hosted, host = self._opened()
        with leaving_is_a_fault(hosted.name):
            host.wait_for(self.coaches)
            found = host.suggest(self.coaches, profile_table(trainee_profile), limit=int(limit))
        is_sample = self._coaches is None
        return attrs.evolve(found, degraded=found.degraded or "sample") if is_sample else found

    def counterfactuals(
        self,
        trainee_profile: Mapping[str, Any] | TraineeTable,
        coach_id: str | int | UUID,
        *,
        limit: int = 3,
        pairs: Mapping[str, tuple[str, str]] | None = None,
        columns: Collection[str] | None = None,
        deadline: Deadline = NEVER,
        max_rankings: int = MAX_RANKINGS,
    ) -> Counterfactuals:
        """
        Say which single changes of what a trainee said would let a coach in, or make them first.

        Each one told was verified by ranking again; :func:`~coachhub_core.matching.counterfactuals.counterfactuals`
        says how they are found. The profile is not changed.

        Args:
            trainee_profile: As in :meth:`find_matches`; or, for data that is not CoachHub's, a table of one row.
                Hard constraints hold for both.
            coach_id: One of :attr:`coaches`; a number and its text are one id.
            limit: Of each, at most so many.
            pairs: Name -> (trainee's column, coach's column): compared beside those of one name, as in :meth:`fit`.
            columns: The trainee's that may change; None: all that are compared.
            deadline: When it is over, what was found so far is given.
            max_rankings: The whole list is ranked at most so often.
        Returns:
            Where the coach stands, and the changes, the smallest first.
        Raises:
            NotFound: If there is no such coach.
            ProfileIncomplete: If there is no goal.
            Invalid: If the profile has a member that is unknown or wrong, or the table more rows than one.
            MatcherTimeout: If the deadline is over before it is known where the coach stands.
        """
        if isinstance(trainee_profile, TraineeTable):
            trainee = trainee_profile
        else:
            _check_profile(trainee_profile)
            trainee = profile_table(trainee_profile)
        hosted, host = self._opened()
        with leaving_is_a_fault(hosted.name):
            host.wait_for(self.coaches)
            return counterfactuals(
                host,
                self.coaches,
                trainee,
                coach_id,
                limit=limit,
                pairs=pairs,
                columns=columns,
                deadline=deadline,
                max_rankings=max_rankings,
            )

    # ── many, and data that is not CoachHub's ──

    def rank(self, trainees: TraineeTable, k: int, *, allowed: AllowedPairs | None = None) -> Ranking:
        """
        Rank coaches for many trainees at once; no hard constraint is applied but *allowed*.

        Returns:
            Rows of :attr:`coaches` and scores, as :class:`~coachhub_core.ports.matcher.Ranking` says.
        Raises:
            MatcherFault: If the matcher's answer breaks its contract, or it would end the program.
        """
        check_kind(trainees, TraineeTable, "trainees")
        hosted, host = self._opened()
        coaches = self.coaches
        k = wide(k, "k", len(coaches))
        pairs = check_allowed(allowed, coaches, trainees)
        with leaving_is_a_fault(hosted.name):
            ranking = host.index(coaches).rank(host.seen(trainees), k, pairs, deadline=NEVER)
        check_ranking(ranking, coaches, pairs, len(trainees), k)
        return ranking

    def score(self, trainees: TraineeTable, rows: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
        """Score coaches for each trainee: *rows* (b, c), or every coach when None; float64 of the same shape."""
        hosted, host = self._opened()
        with leaving_is_a_fault(hosted.name):
            wanted = self._rows(trainees, rows)
            return host.index(self.coaches).score(host.seen(trainees), wanted)

    def probabilities(self, trainees: TraineeTable, rows: NDArray[np.int32] | None = None) -> Mapping[str, Any]:
        """
        Give the probability of each step for these coaches, or all.

        Returns:
            ``wants``, ``accepts``, ``goes_well``, those the matcher knows: float64 of the shape of *rows*, (b, c).
            Empty where it knows none.
        """
        hosted, host = self._opened()
        with leaving_is_a_fault(hosted.name):
            wanted = self._rows(trainees, rows)
            return host.index(self.coaches).probabilities(host.seen(trainees), wanted)

    def rank_together(
        self,
        trainees: TraineeTable,
        k: int,
        *,
        max_shown: int | None = None,
        top_tenth_share: float | None = None,
        allowed: AllowedPairs | None = None,
    ) -> Ranking:
        """
        Choose the lists of many trainees jointly, under one of two limits on what is shown.

        The sum of all scores is nearly as large as the limit allows. A list may be shorter than *k* where it
        leaves nobody.

        Args:
            max_shown: Lists one coach may stand on.
            top_tenth_share: Of all that is shown, what the most shown tenth of the coaches (rounded up) may have
                together: from what lists as even as can be give it, to 1. It never costs more than a cap for each
                that leads to the same share.
        Returns:
            Rows and scores, each list best first.
        """
        check_kind(trainees, TraineeTable, "trainees")
        coaches = self.coaches
        k = wide(k, "k", len(coaches))
        if (max_shown is None) == (top_tenth_share is None):
            raise Invalid.at("max_shown", "give either max_shown or top_tenth_share")
        max_shown = None if max_shown is None else min(whole(max_shown, "max_shown"), len(trainees))
        if top_tenth_share is not None and not isinstance(top_tenth_share, float | int):
            raise Invalid.at("top_tenth_share", "must be a number")
        least = least_share(len(coaches), len(trainees), k)
        if top_tenth_share is not None and not least <= top_tenth_share <= 1:
            sentence = f"must be from {least:.3g}, the least for {len(trainees)} lists of {k} and these coaches, to 1"
            raise Invalid.at("top_tenth_share", sentence)
        pairs = check_allowed(allowed, coaches, trainees)
        scores = self._all_scores(trainees)
        for i in range(len(trainees)):
            forbidden = np.ones(len(coaches), np.bool_)
            forbidden[pairs.rows(i)] = False
            scores[i, forbidden] = -np.inf
        if max_shown is not None:
            ranking = rank_within(scores, k, max_shown, coaches.id_order)
        else:
            ranking = rank_within_share(scores, k, float(top_tenth_share or 1), coaches.id_order)
        check_ranking(ranking, coaches, pairs, len(trainees), k)
        return ranking

    def _rows(self, trainees: TraineeTable, rows: NDArray[np.int32] | None) -> NDArray[np.int32]:
        check_kind(trainees, TraineeTable, "trainees")
        if rows is None:
            every = np.arange(len(self.coaches), dtype=np.int32)
            return np.ascontiguousarray(np.broadcast_to(every, (len(trainees), len(every))))
        return check_rows(rows, len(trainees), len(self.coaches))

    def _all_scores(self, trainees: TraineeTable) -> NDArray[np.float64]:
        scores = np.empty((len(trainees), len(self.coaches)), np.float64)
        for start in range(0, len(trainees), _BATCH):
            batch = trainees.take(range(start, min(start + _BATCH, len(trainees))))
            scores[start : start + len(batch)] = self.score(batch)
        return scores

    def place(
        self,
        trainees: TraineeTable,
        *,
        mode: str = "stable",
        assigner: str | None = None,
        seats: ArrayLike | None = None,
        need: ArrayLike | None = None,
    ) -> Placements:
        """
        Place many trainees at once, within the seats and the hard constraints.

        Args:
            mode: ``stable``, or another one that an assigner offers: ``duet`` has ``welfare``, ``worst_first`` and
                ``exact``.
            assigner: Its name; None: ``plain``, which ships, where it has the mode, else the first that has it.
            seats: (m,), places per coach; None: the table's ``seats_left``, one where it has none.
            need: (n,), coaches per trainee; None: one each.
        Returns:
            Rows of :attr:`coaches`; equal scores go to the smaller id.
        Raises:
            Invalid: If shapes or values do not fit together; names the argument.
            PluginError: If no such assigner is offered, or none with that mode.
        """
        check_kind(trainees, TraineeTable, "trainees")
        offers = assigners(self._plugins)
        if assigner is None:
            assigner = next((name for name in ("plain", *sorted(offers)) if mode in offers[name].modes), "plain")
        _, host = self._opened()
        coaches = self.coaches
        by_id = np.argsort(coaches.id_order)  # an assigner breaks ties by number, so the numbers follow the ids
        if seats is None:
            left = coaches.number("seats_left")
            seats = np.where(np.isnan(left), 1, np.maximum(left, 0)).astype(np.int64)
        try:
            free = np.asarray(seats)
        except ValueError:
            raise Invalid.at("seats", "needs whole numbers, 0 or more") from None
        if free.shape != (len(coaches),):
            raise Invalid.at("seats", f"has the shape {free.shape} for {len(coaches)} coaches")
        rules = host.rules(coaches)
        scores = self._all_scores(trainees)
        pairs = AllowedPairs.each([rules.eligible(trainee).mask for trainee in trainees.rows()], len(coaches))
        for i in range(len(trainees)):
            forbidden = np.ones(len(coaches), np.bool_)
            forbidden[pairs.rows(i)] = False
            scores[i, forbidden] = -np.inf
        with leaving_is_a_fault(assigner):
            made = place(None, scores[:, by_id], free[by_id], need=need, mode=mode, assigner=assigner, offers=offers)
        placed = np.full(made.coaches.shape, -1, np.int32)
        placed[made.coaches >= 0] = by_id[made.coaches[made.coaches >= 0]]
        return attrs.evolve(made, coaches=placed)

    # ── keeping ──

    def save(self, path: Path, *, with_coaches: bool = False) -> str:
        """
        Write what the matcher has learned as one file.

        Args:
            with_coaches: Whether the coaches go in too, without sensitive columns.
        Returns:
            The model_id; of what was loaded ``without`` somebody, that of the new file.
        """
        hosted, _ = self._opened()
        out = ZipArtefactWriter()
        with leaving_is_a_fault(hosted.name):
            hosted.matcher.save(out)
        if with_coaches:
            put_table(out, "coaches", self.coaches)
        return out.write(Path(path), **{**hosted.facts, "version": matcher_of(self._plugins, hosted.name).version})


def _check_profile(given: Any) -> None:
    if not isinstance(given, Mapping):
        raise Invalid.at("trainee_profile", "must be a mapping, such as {'goal': 'a first marathon'}")
