"""Elasticsearch for searching coaches: ranked by the engine, on the words that the database's own search folds too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from coachhub_core.config import Settings
from coachhub_core.errors import PluginError, SettingsError
from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.offers import Probe, SearchOffer
from coachhub_core.ports.storage import Storage

if TYPE_CHECKING:
    from coachhub_elasticsearch.client import Link
    from coachhub_elasticsearch.search import ElasticsearchSearch


def _link(settings: Settings) -> Link:
    try:
        from coachhub_elasticsearch.client import Link
    except ImportError as exc:
        raise PluginError(
            reason="Elasticsearch is chosen and its library is missing: install coachhub[elasticsearch]"
        ) from exc
    try:
        return Link(settings.elasticsearch_url, connections=settings.http.threads + 4)
    except ValueError as exc:
        said = "ELASTICSEARCH_URL must have a scheme, a host, and with http a port: http://host:9200"
        raise SettingsError.of([said]) from exc


def _search(settings: Settings, _: Storage) -> ElasticsearchSearch:
    link = _link(settings)
    from coachhub_elasticsearch.search import ElasticsearchSearch

    return ElasticsearchSearch(link, prefix=settings.elasticsearch.prefix)


@hookimpl
def coachhub_searches() -> Mapping[str, SearchOffer]:
    """Offer Elasticsearch."""
    return {"elasticsearch": SearchOffer(make=_search, version="1")}


@hookimpl
def coachhub_probes(settings: Settings) -> Mapping[str, Probe]:
    """Ask whether Elasticsearch answers and has a whole index that can be written, where it is in use."""
    if settings.engines["search"] != "elasticsearch":
        return {}
    link = _link(settings)  # its own: a breaker that is open must not keep the probe from looking
    from coachhub_elasticsearch.search import ElasticsearchSearch

    return {
        "elasticsearch": Probe(
            service="elasticsearch", ask=ElasticsearchSearch(link, prefix=settings.elasticsearch.prefix).probe
        )
    }
