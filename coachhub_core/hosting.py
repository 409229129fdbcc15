"""Makes the matchers and the assigner that the settings choose; numpy loads when the first of them is made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from coachhub_core.config import Settings
from coachhub_core.domain.vocabulary import Vocabulary
from coachhub_core.errors import PluginError, SettingsError
from coachhub_core.plugins import Asker, pick

log = logging.getLogger("coachhub")


def matcher_host(
    settings: Settings,
    vocabulary: Vocabulary,
    ask: Asker,
    closers: list[Callable[[], None]],
    erased: Callable[[], Collection[str]],
) -> Any:
    """
    Return who answers suggestions: the chosen matcher, and who stands in for it.

    Args:
        erased: Gives the ids of who was erased; asked where there is a model that may know them.
    """
    from coachhub_core.matching.artefact import ZipArtefactReader  # numpy loads here
    from coachhub_core.matching.host import MatcherHost
    from coachhub_core.matching.hosted import Hosted, preferred
    from coachhub_core.matching.renewing import Renewal
    from coachhub_core.memory.matcher import offers as plain_offers

    chosen = settings.matching
    offers = {**ask.merged("coachhub_matchers"), **plain_offers(vocabulary)}  # plain reads the extended words

    def opened() -> Hosted:
        artefact = ZipArtefactReader.open(Path(chosen.artefact)) if chosen.artefact else None
        matcher = chosen.matcher or preferred(offers, artefact)
        hosted = Hosted.of(matcher, pick(offers, matcher, "matching.matcher"), artefact)
        if artefact is not None:
            hosted = hosted.without(erased())
        return hosted.with_candidates(chosen.n_candidates)

    renewal = Renewal(Path(chosen.artefact), opened) if chosen.artefact else None
    fallback = Hosted.of(chosen.fallback, pick(offers, chosen.fallback, "matching.fallback"))
    host = MatcherHost(
        opened(),
        fallback=fallback.with_candidates(chosen.n_candidates),
        renewal=renewal,
        **_hosting(settings, ask),
    )
    closers.insert(0, host.close)
    return host


def shadow_of(
    settings: Settings, vocabulary: Vocabulary, ask: Asker, erased: Callable[[], Collection[str]]
) -> Callable[[], Any] | None:
    """Return what opens the second matcher, which only a worker does; None where there is none."""
    chosen = settings.matching
    shadow = chosen.shadow
    if not shadow:
        return None
    from coachhub_core.matching.artefact import ZipArtefactReader
    from coachhub_core.matching.host import MatcherHost
    from coachhub_core.matching.hosted import Hosted
    from coachhub_core.memory.matcher import offers as plain_offers

    offers = {**ask.merged("coachhub_matchers"), **plain_offers(vocabulary)}
    how = _hosting(settings, ask)

    def make() -> Any:
        artefact = None if shadow in offers else ZipArtefactReader.open(Path(shadow))
        name = shadow if artefact is None else str(artefact.manifest.get("matcher"))
        hosted = Hosted.of(name, pick(offers, name, "matching.shadow"), artefact)
        if artefact is not None:
            hosted = hosted.without(erased())
        return MatcherHost(hosted.with_candidates(chosen.n_candidates), **how)

    return make


def matcher_offers(vocabulary: Vocabulary, ask: Asker) -> Callable[[str], Any]:
    """Return what gives the offer of a matcher by name, whatever the settings choose."""
    from coachhub_core.memory.matcher import offers as plain_offers

    offers = {**ask.merged("coachhub_matchers"), **plain_offers(vocabulary)}
    return lambda name: pick(offers, name, "the matcher of a model")


def _hosting(settings: Settings, ask: Asker) -> dict[str, Any]:
    """Return what holds for every matcher: rules, features, consent, time."""
    from coachhub_core.matching.constraints import built_in

    chosen = settings.matching
    known = {**built_in(), **ask.merged("coachhub_constraints")}
    # whatever is chosen, who has no seat is not proposed
    names = dict.fromkeys(("seats", *chosen.constraints))
    return {
        "constraints": {name: pick(known, name, "matching.constraints") for name in names},
        "features": [pick(ask.features(), name, "matching.features") for name in chosen.features],
        "consent": chosen.sensitive_columns,
        "timeout_seconds": chosen.timeout_ms / 1000,
    }


def assigner_of(settings: Settings, ask: Asker) -> tuple[str, Any]:
    """Return the assigner's name and offer; the default falls back on what ships where no plugin offers it."""
    offers = ask.merged("coachhub_assigners")
    name = settings.matching.assigner
    if name == Settings().matching.assigner and not _has(offers, name):
        name = "plain"
    offer = pick(offers, name, "matching.assigner")
    if settings.matching.mode not in offer.modes:
        known = ", ".join(sorted(offer.modes))
        raise SettingsError.of([f"matching.mode: the assigner {name!r} has no such mode; known: {known}"])
    return name, offer


def _has(offers: Mapping[str, Any], name: str) -> bool:
    """Tell whether an assigner is offered and its library is there."""
    if name not in offers:
        return False
    try:
        offers[name].make()
    except PluginError as exc:
        log.info("the assigner %s cannot be used: %s", name, exc)
        return False
    return True
