"""A matcher that was chosen by name and is ready to be asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from coachhub_core.errors import ArtefactError, PluginError
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.checks import check_offer
from coachhub_core.matching.manifest import Watch, facts_of, known_as
from coachhub_core.memory import matcher as plain_matcher
from coachhub_core.ports.matcher import Forgetful, Matcher, MatcherOffer, Shortlisting


@attrs.frozen(kw_only=True, eq=False)
class Hosted:
    """A matcher ready to be asked: what was chosen by name, with what it has learned."""

    name: str
    matcher: Matcher
    needs: frozenset[str]
    model_id: str
    is_trusted: bool = False  #: ours: asked on the caller's own thread, without a deadline
    facts: Mapping[str, Any] = attrs.field(factory=dict)  #: what the manifest says of it beside its members
    watch: Watch = attrs.field(init=False)  #: says where it is asked with other columns than it knows

    @watch.default
    def _(self) -> Watch:
        return Watch(self.model_id, self.facts)

    @classmethod
    def of(cls, name: str, offer: MatcherOffer, artefact: ZipArtefactReader | None = None) -> Hosted:
        """
        Make what an offer offers, and load the artefact where there is one.

        Raises:
            PluginError: If the offer is for another api.
            ArtefactError: If the artefact is another matcher's.
        """
        check_offer(name, offer)
        matcher = offer.make()
        if artefact is not None:
            if artefact.manifest.get("matcher") != name:
                theirs = artefact.manifest.get("matcher")
                raise ArtefactError(reason=f"this artefact is one of the matcher {theirs!r}, and {name!r} was chosen")
            facts = facts_of(artefact.manifest)
            return cls._of(name, offer, matcher.load(artefact), known_as(artefact), facts)
        return cls.made(name, offer, matcher)

    @classmethod
    def made(cls, name: str, offer: MatcherOffer, matcher: Matcher, facts: Mapping[str, Any] | None = None) -> Hosted:
        """Give a matcher of this offer that is there already: its model_id is that of what it would save."""
        out = ZipArtefactWriter()
        matcher.save(out)
        said = {**(facts or {}), "matcher": name, "version": offer.version}
        _, model_id = out.to_bytes(**said)
        return cls._of(name, offer, matcher, model_id, said)

    def without(self, ids: Collection[str]) -> Hosted:
        """Let it forget people who were erased, where it can; it is known by the same model_id still."""
        if not ids or not isinstance(self.matcher, Forgetful):
            return self
        return attrs.evolve(self, matcher=self.matcher.without(ids))

    def with_candidates(self, n: int) -> Hosted:
        """Let it look closely at *n* coaches of many, where it looks at some only; others stay as they are."""
        if not isinstance(self.matcher, Shortlisting):
            return self
        return attrs.evolve(self, matcher=self.matcher.with_candidates(n))

    @classmethod
    def _of(cls, name: str, offer: MatcherOffer, matcher: Matcher, model_id: str, facts: Mapping[str, Any]) -> Hosted:
        is_trusted = isinstance(matcher, plain_matcher.PlainMatcher)
        return cls(name=name, matcher=matcher, needs=offer.needs, model_id=model_id, is_trusted=is_trusted, facts=facts)


def preferred(offers: Mapping[str, MatcherOffer], artefact: ZipArtefactReader | None = None) -> str:
    """
    Give the name of the matcher that answers where nobody chose one.

    The artefact's own, where there is one; else ``duet`` where it is installed with its library; else ``plain``.
    """
    if artefact is not None:
        return str(artefact.manifest.get("matcher"))
    if "duet" in offers:
        try:
            offers["duet"].make()
        except PluginError:  # its library is not there; whoever sets it by name is told so
            return "plain"
        return "duet"
    return "plain"


def plain_hosted() -> Hosted:
    """Give the matcher of rules: the last in every chain."""
    return Hosted.of("plain", plain_matcher.offers()["plain"])
