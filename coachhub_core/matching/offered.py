"""What plugins offer to who uses the library without a hub."""

from __future__ import annotations

from collections.abc import Sequence

from coachhub_core.config import Settings
from coachhub_core.errors import PluginError
from coachhub_core.ports.matcher import AssignerOffer, MatcherOffer


def matchers(plugins: Sequence[object] | None) -> dict[str, MatcherOffer]:
    """Give what is offered by these plugins, or by those installed, beside the one that ships."""
    from coachhub_core.plugins import load_plugins, merge_offers  # whoever only scores tables needs no plugin manager

    hook = load_plugins(plugins).hook
    return merge_offers("coachhub_matchers", hook.coachhub_matchers(settings=Settings()))


def matcher_of(plugins: Sequence[object] | None, name: str) -> MatcherOffer:
    """
    Give one of them.

    Raises:
        PluginError: If nobody offers it.
    """
    offers = matchers(plugins)
    if name not in offers:
        raise PluginError(reason=f"nobody offers the matcher {name!r}; known: {', '.join(sorted(offers))}")
    return offers[name]


def assigners(plugins: Sequence[object] | None) -> dict[str, AssignerOffer]:
    """Give the assigners that these plugins, or those installed, offer beside the one that ships."""
    from coachhub_core.plugins import load_plugins, merge_offers

    hook = load_plugins(plugins).hook
    return merge_offers("coachhub_assigners", hook.coachhub_assigners(settings=Settings()))
