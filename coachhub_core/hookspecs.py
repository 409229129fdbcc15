"""
Every door for plugins, in the order in which they are opened.

Offers are chosen by name or by URL in the settings, never by the order of
installation; the same name twice is a :exc:`PluginError`. Arguments may be
added, never renamed. An implementation asks only for the arguments it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pluggy

from coachhub_core.config import Settings
from coachhub_core.ports.offers import (
    BroadcastOffer,
    CacheOffer,
    CommandOffer,
    FileStoreOffer,
    Probe,
    RateCountersOffer,
    SearchOffer,
    StorageOffer,
    Vocabularies,
)

if TYPE_CHECKING:  # numpy is imported only when matching is used
    from coachhub_core.domain import events
    from coachhub_core.ports.matcher import (
        AssignerOffer,
        FeatureBlock,
        HardConstraint,
        MatcherOffer,
        Schema,
        SuggestionAudit,
    )

PROJECT = "coachhub"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The hooks. Each docstring says what it offers, when it is called and which answer wins."""

    # ── at the start, in this order ──

    @hookspec
    def coachhub_vocabularies(self, settings: Settings) -> Vocabularies:  # type: ignore[empty-body]
        """
        Offer more words: specialties, equipment and goal kinds with their synonyms.

        Called once, by :func:`bootstrap`. All answers are added to the shipped
        vocabulary; a tag or synonym that means two things is a :exc:`PluginError`.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_storages(self, settings: Settings) -> Mapping[str, StorageOffer]:  # type: ignore[empty-body]
        """
        Offer storages by URL scheme.

        Called once, by :func:`bootstrap`. All answers are merged; the scheme of
        the database's URL chooses, and only that factory is called.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_searches(self, settings: Settings) -> Mapping[str, SearchOffer]:  # type: ignore[empty-body]
        """
        Offer search engines by name.

        Called once, by :func:`bootstrap`. All answers are merged;
        ``search.engine`` chooses.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_caches(self, settings: Settings) -> Mapping[str, CacheOffer]:  # type: ignore[empty-body]
        """
        Offer caches by name.

        Called once, by :func:`bootstrap`. All answers are merged;
        ``cache.engine`` chooses.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_broadcasts(self, settings: Settings) -> Mapping[str, BroadcastOffer]:  # type: ignore[empty-body]
        """
        Offer buses by name.

        Called once, by :func:`bootstrap`. All answers are merged;
        ``broadcast.engine`` chooses.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_rate_counters(self, settings: Settings) -> Mapping[str, RateCountersOffer]:  # type: ignore[empty-body]
        """
        Offer rate counters by name.

        Called once, by :func:`bootstrap`. All answers are merged;
        ``limits.engine`` chooses.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_file_stores(self, settings: Settings) -> Mapping[str, FileStoreOffer]:  # type: ignore[empty-body]
        """
        Offer file stores by URL scheme.

        Called once, by :func:`bootstrap`. All answers are merged; the scheme of
        ``files`` chooses.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_probes(self, settings: Settings) -> Mapping[str, Probe]:  # type: ignore[empty-body]
        """
        Offer health probes of neighbours, by the service's name in ``/health``.

        Called once, by :func:`bootstrap`. All answers are merged and asked each
        second, in a thread of their own.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_matchers(self, settings: Settings) -> Mapping[str, MatcherOffer]:  # type: ignore[empty-body]
        """
        Offer ranking algorithms by name.

        Called once, by :func:`bootstrap`. All answers are merged;
        ``matching.matcher`` and ``matching.fallback`` name the ones whose
        factory is called.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_assigners(self, settings: Settings) -> Mapping[str, AssignerOffer]:  # type: ignore[empty-body]
        """
        Offer cohort placement by name.

        Called once, by :func:`bootstrap`. All answers are merged;
        who places a cohort chooses one, and the offer lists its modes.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_features(self, schema: Schema) -> Mapping[str, FeatureBlock]:  # type: ignore[empty-body]
        """
        Offer extra columns of trainees, coaches or pairs.

        Called once, by :func:`bootstrap`. All answers are merged; those named in
        ``matching.features`` are computed, in that order.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_constraints(self, settings: Settings) -> Mapping[str, HardConstraint]:  # type: ignore[empty-body]
        """
        Offer rules no score can buy off.

        Called once, by :func:`bootstrap`. All answers are merged; those named in
        ``matching.constraints`` are all applied.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_reason_texts(self, locale: str) -> Mapping[str, str]:  # type: ignore[empty-body]
        """
        Offer a template per reason code, in a language.

        Called once per locale: the locale, its language, then English. The first
        that has a code wins; a code without any shows code and evidence. Names of
        the evidence stand in braces; ``{name:?}`` has to be there and is not
        shown. A code may have a second template, ``<code>.against``, for a negative
        contribution; where the facts fit the other one of the two, that one is
        said, within ``counts.for`` or ``counts.against``.

        What a trainee could say otherwise is told by ``change.<column>``, else by
        ``change.number``, ``change.category``, ``change.labels`` or ``change.hours``
        (``change.hour`` of one), and put as ``{change}`` within ``change.first``,
        ``change.in`` or ``change.up``. Hours are ``{when}``: spans by the template
        ``when``, their days by ``weekday.0``, Monday, to ``weekday.6``.

        .. versionadded:: 0.1
        """

    @hookspec
    def coachhub_commands(self) -> Mapping[str, CommandOffer]:  # type: ignore[empty-body]
        """
        Offer commands of the ``coachhub`` line, by name.

        Called once, by the command line. All answers are merged; the same name
        twice is a :exc:`PluginError`.

        .. versionadded:: 0.1
        """

    # ── notices: sent after the commit; a failing listener is logged, never fatal ──

    @hookspec
    def coachhub_suggestions_made(self, audit: SuggestionAudit) -> None:
        """
        Hear of a list after it was answered.

        Called for each list, with ids and numbers and no profile. A failing
        listener is logged and changes nothing.

        .. versionadded:: 0.1
        """


def _notice(event: type[events.Event]) -> Any:
    def notice(self: Any, event: Any, event_id: UUID) -> None: ...

    notice.__name__ = f"coachhub_{event.type}"
    notice.__qualname__ = f"Hooks.{notice.__name__}"
    notice.__doc__ = f"""
        {(event.__doc__ or "").strip()}

        Called after commit, from the outbox, with the frozen event. Each plugin
        hears of it at least once, and once while nothing fails: one that raises
        is logged and hears of it again, alone, after growing pauses, twelve
        times in all; then the event is a dead letter, which can be replayed to
        whoever has not heard. A worker that dies, or a listener that takes
        longer than 27 seconds, may make anybody hear of it twice.

        Args:
            event: What happened, with ids and no copies: read the thing anew.
            event_id: The same each time this event is told: the key to know it by.

        .. versionadded:: 0.1
        """
    return hookspec(notice)


def _add_notices() -> None:
    from coachhub_core.domain.events import EVENTS

    for name, event in EVENTS.items():
        setattr(Hooks, f"coachhub_{name}", _notice(event))


_add_notices()
