"""What Elasticsearch answers, as far as it is read: an answer of another shape is no answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec


class Hit(msgspec.Struct):
    """One document found."""

    id: UUID = msgspec.field(name="_id")


class Total(msgspec.Struct):
    """How many there are."""

    value: int


class Hits(msgspec.Struct):
    """A page of documents."""

    hits: list[Hit]
    total: Total | None = None


class Shards(msgspec.Struct):
    """How many parts of the index have answered."""

    failed: int


class Bucket(msgspec.Struct):
    """A value and how many documents have it."""

    doc_count: int
    key: str = ""


class Buckets(msgspec.Struct):
    """Counts by value, as a list or by name."""

    buckets: list[Bucket] | dict[str, Bucket]

    def counts(self) -> dict[str, int]:
        """Return the counts by value."""
        if isinstance(self.buckets, dict):
            return {key: bucket.doc_count for key, bucket in self.buckets.items()}
        return {bucket.key: bucket.doc_count for bucket in self.buckets}


class Facet(msgspec.Struct):
    """Counts under a filter."""

    values: Buckets


class Found(msgspec.Struct):
    """The answer to a search."""

    timed_out: bool
    shards: Shards = msgspec.field(name="_shards")
    hits: Hits
    aggregations: dict[str, Facet] = {}

    @property
    def is_partial(self) -> bool:
        """Whether parts of the index have not answered."""
        return self.timed_out or self.shards.failed > 0


class VersionFields(msgspec.Struct):
    """The one field asked of each document."""

    view_rev: list[int]


class VersionedHit(msgspec.Struct):
    """A document and its version."""

    fields: VersionFields
    id: UUID = msgspec.field(name="_id")

    @property
    def view_rev(self) -> int:
        """The version."""
        return self.fields.view_rev[0]


class VersionedHits(msgspec.Struct):
    """A page of them."""

    hits: list[VersionedHit]


class Versions(msgspec.Struct):
    """The answer to a walk over all documents."""

    timed_out: bool
    shards: Shards = msgspec.field(name="_shards")
    hits: VersionedHits

    @property
    def is_partial(self) -> bool:
        """Whether parts of the index have not answered."""
        return self.timed_out or self.shards.failed > 0


class BulkItem(msgspec.Struct):
    """What became of one write."""

    status: int


class BulkAnswer(msgspec.Struct):
    """What became of many."""

    items: list[dict[str, BulkItem]]

    def results(self) -> list[BulkItem]:
        """Return them in the order of the request."""
        return [item for each in self.items for item in each.values()]


class Meta(msgspec.Struct):
    """What an index of ours says of itself: its form, and when its builder was last heard of."""

    schema: int = 0
    beat: float = 0.0


class Mappings(msgspec.Struct):
    """The part of a mapping that is read."""

    meta: Meta = msgspec.field(name="_meta", default_factory=Meta)


class IndexSettings(msgspec.Struct):
    """The part of an index's settings that is read."""

    blocks: dict[str, Any] = {}


class AllSettings(msgspec.Struct):
    """Settings as they are nested."""

    index: IndexSettings = msgspec.field(default_factory=IndexSettings)


class IndexInfo(msgspec.Struct):
    """An index: its aliases, its form, whether it may be written."""

    aliases: dict[str, Any] = {}
    mappings: Mappings = msgspec.field(default_factory=Mappings)
    settings: AllSettings = msgspec.field(default_factory=AllSettings)

    @property
    def schema(self) -> int:
        """The number of its form."""
        return self.mappings.meta.schema

    @property
    def is_blocked(self) -> bool:
        """Whether anything keeps it from being written."""
        return any(str(value) == "true" for value in self.settings.index.blocks.values())


Indices = dict[str, IndexInfo]


class Health(msgspec.Struct):
    """How the cluster is."""

    status: str
    timed_out: bool
