"""
A stand-in for Elasticsearch, for runs without one: the part of its HTTP interface that CoachHub speaks.

It reads requests as the real server does, as far as the tests on the real one
show, and refuses what it does not know, so that a query of a new form fails here.
"""

from __future__ import annotations

import fnmatch
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

Document = dict[str, Any]
JSON_TYPE = "application/vnd.elasticsearch+json;compatible-with=8"


class Refused(Exception):
    """An error as the server words it."""

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(kind)
        self.status = status
        self.body = {"error": {"type": kind, "reason": kind, "root_cause": []}, "status": status}


@attrs.define
class Index:
    """An index: its documents with their versions."""

    mappings: dict[str, Any]
    settings: dict[str, Any]
    aliases: set[str]
    documents: dict[str, tuple[int, Document]] = attrs.field(factory=dict)

    def write(self, id: str, version: int | None, source: Document) -> int:
        """Write a document and return the status."""
        if self.settings.get("blocks", {}).get("write"):
            return 403
        known = self.documents.get(id)
        if version is not None and known is not None and version < known[0]:
            return 409
        if not set(source) <= set(self.mappings.get("properties", {})):
            return 400
        self.documents[id] = (version if version is not None else 1, source)
        return 200 if known else 201


class Cluster:
    """All indices, and what can be asked of them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._indices: dict[str, Index] = {}

    def answer(self, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> Any:
        """Return the answer to one request."""
        for verb, pattern, responder in _ROUTES:
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                with self._lock:
                    return responder(self, *map(unquote, found.groups()), query=query, body=body)
        raise Refused(400, f"the stand-in does not know {method} {path}")

    def _named(self, name: str) -> list[str]:
        return sorted(n for n, index in self._indices.items() if name == n or name in index.aliases)

    def _matching(self, pattern: str) -> list[str]:
        """Names by a pattern, which is held against aliases too."""
        return [n for n, index in self._indices.items() if fnmatch.filter({n, *index.aliases}, pattern)]

    def _one(self, name: str) -> Index:
        found = self._named(name)
        if len(found) != 1:
            raise Refused(404 if not found else 400, "index_not_found_exception" if not found else "several_indices")
        return self._indices[found[0]]

    # ── indices ──

    def health(self, **_: Any) -> Any:
        return {"status": "green", "timed_out": False}

    def get(self, patterns: str, *, query: Mapping[str, list[str]], **_: Any) -> Any:
        names: list[str] = []
        for pattern in patterns.split(","):
            found = self._matching(pattern) if "*" in pattern else self._named(pattern)
            if not found and "*" not in pattern and query.get("ignore_unavailable") != ["true"]:
                raise Refused(404, "index_not_found_exception")
            names += [name for name in found if name not in names]
        return {
            name: {
                "aliases": {alias: {} for alias in self._indices[name].aliases},
                "mappings": {"_meta": self._indices[name].mappings.get("_meta", {})},
                "settings": {"index": _as_texts(self._indices[name].settings)},
            }
            for name in names
        }

    def create(self, name: str, *, body: bytes, **_: Any) -> Any:
        if name in self._indices or self._named(name):
            raise Refused(400, "resource_already_exists_exception")
        asked = json.loads(body or b"{}")
        mappings = asked.get("mappings", {})
        self._indices[name] = Index(mappings, asked.get("settings", {}), set(asked.get("aliases", {})))
        return {"acknowledged": True}

    def remove(self, name: str, *, query: Mapping[str, list[str]], **_: Any) -> Any:
        if name not in self._indices and "ignore_unavailable" not in query:
            raise Refused(404, "index_not_found_exception")
        self._indices.pop(name, None)
        return {"acknowledged": True}

    def aliases(self, *, body: bytes, **_: Any) -> Any:
        actions = [next(iter(action.items())) for action in json.loads(body)["actions"]]
        for kind, asked in actions:
            if asked["index"] not in self._indices:
                raise Refused(404, "index_not_found_exception")
            if kind == "add" and asked["alias"] in self._indices:
                raise Refused(400, "invalid_alias_name_exception")
        for kind, asked in actions:
            known = self._indices[asked["index"]].aliases
            known.add(asked["alias"]) if kind == "add" else known.discard(asked["alias"])
        return {"acknowledged": True}

    def remove_alias(self, pattern: str, alias: str, **_: Any) -> Any:
        for name in fnmatch.filter(self._indices, pattern):
            self._indices[name].aliases.discard(alias)
        return {"acknowledged": True}

    def put_mapping(self, name: str, *, body: bytes, **_: Any) -> Any:
        self._one(name).mappings.update(json.loads(body))
        return {"acknowledged": True}

    def put_settings(self, name: str, *, body: bytes, **_: Any) -> Any:
        self._one(name).settings["blocks"] = {"write": json.loads(body)["index.blocks.write"]}
        return {"acknowledged": True}

    def refresh(self, name: str, **_: Any) -> Any:
        if "*" not in name:
            self._one(name)
        return {"_shards": {"failed": 0}}

    # ── documents ──

    def bulk(self, default: str | None = None, *, body: bytes, **_: Any) -> Any:
        lines = iter(json.loads(line) for line in body.splitlines() if line)
        items = []
        for action in lines:
            ((kind, asked),) = action.items()
            name = asked.get("_index", default)
            found = [self._indices[n] for n in self._named(name)]
            if kind == "delete":
                status = 200 if found and found[0].documents.pop(asked["_id"], None) else 404
            else:
                source = next(lines)
                is_alias = bool(found) and name not in self._indices
                if len(found) != 1 or not (is_alias or not asked.get("require_alias")):
                    status = 404 if len(found) < 2 else 400
                else:
                    if asked.get("version_type") not in (None, "external_gte"):
                        raise Refused(400, "the stand-in does not know this version_type")
                    status = found[0].write(asked["_id"], asked.get("version"), source)
            items.append({kind: {"_index": name, "_id": asked["_id"], "status": status}})
        return {"errors": any(next(iter(i.values()))["status"] >= 300 for i in items), "items": items}

    def write_one(self, name: str, *, body: bytes, **_: Any) -> Any:
        status = self._one(name).write("one", None, json.loads(body))
        if status >= 300:
            raise Refused(status, "strict_dynamic_mapping_exception")
        return {"result": "created"}

    def search(self, name: str, *, body: bytes, **_: Any) -> Any:
        asked = json.loads(body)
        unknown = set(asked) - _SEARCH_MEMBERS
        if unknown:
            raise Refused(400, f"the stand-in does not know {unknown}")
        scored = [
            (document, score)
            for _, document in self._one(name).documents.values()
            if (score := _score(asked["query"], document)) is not None
        ]
        kept = scored
        if "post_filter" in asked:
            kept = [(d, s) for d, s in scored if _score(asked["post_filter"], d) is not None]
        for sort in reversed(asked["sort"]):
            ((field, how),) = sort.items()
            kept = _sorted(kept, field, how)
        total = len(kept)
        if "search_after" in asked:
            kept = [(d, s) for d, s in kept if d["id"] > asked["search_after"][0]]
        start = asked.get("from", 0)
        if start + asked["size"] > 10_200:
            raise Refused(400, "result window is too large")
        hits: list[Any] = []
        for document, _ in kept[start : start + asked["size"]]:
            hit: dict[str, Any] = {"_id": document["id"]}
            if "docvalue_fields" in asked:
                hit["fields"] = {field: [document[field]] for field in asked["docvalue_fields"]}
            hits.append(hit)
        found: dict[str, Any] = {"timed_out": False, "_shards": {"failed": 0}, "hits": {"hits": hits}}
        if asked.get("track_total_hits", True):
            found["hits"]["total"] = {"value": total, "relation": "eq"}
        if "aggs" in asked:
            documents = [d for d, _ in scored]
            found["aggregations"] = {key: _counted(agg, documents) for key, agg in asked["aggs"].items()}
        return found


_SEARCH_MEMBERS = {
    "size", "from", "_source", "track_total_hits", "timeout", "sort", "query", "post_filter", "aggs",
    "docvalue_fields", "search_after",
}  # fmt: skip
_ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", r"/_cluster/health", Cluster.health),
    ("POST", r"/_aliases", Cluster.aliases),
    ("PUT", r"/_bulk", Cluster.bulk),
    ("PUT", r"/([^/_][^/]*)/_bulk", Cluster.bulk),
    ("POST", r"/([^/_][^/]*)/_search", Cluster.search),
    ("POST", r"/([^/_][^/]*)/_refresh", Cluster.refresh),
    ("POST", r"/([^/_][^/]*)/_doc", Cluster.write_one),
    ("PUT", r"/([^/_][^/]*)/_mapping", Cluster.put_mapping),
    ("PUT", r"/([^/_][^/]*)/_settings", Cluster.put_settings),
    ("DELETE", r"/([^/_][^/]*)/_alias/([^/]+)", Cluster.remove_alias),
    ("GET", r"/([^/_][^/]*)", Cluster.get),
    ("PUT", r"/([^/_][^/]*)", Cluster.create),
    ("DELETE", r"/([^/_][^/]*)", Cluster.remove),
)


def _as_texts(settings: Mapping[str, Any]) -> dict[str, Any]:
    blocks = {k: "true" for k, v in settings.get("blocks", {}).items() if v}
    return {"blocks": blocks} if blocks else {}


# ── queries ──


def _score(query: Mapping[str, Any], d: Document) -> float | None:
    """Return the score of a document, or None when it does not match."""
    ((kind, asked),) = query.items()
    if kind == "bool":
        return _bool(asked, d)
    if kind == "constant_score":
        return float(asked["boost"]) if _score(asked["filter"], d) is not None else None
    if kind == "dis_max":
        return max((s for q in asked["queries"] if (s := _score(q, d)) is not None), default=None)
    ((field, value),) = asked.items()
    matches = _LEAVES[kind]
    return 1.0 if any(matches(value, each) for each in _values(d, field)) else None


def _bool(asked: Mapping[str, Any], d: Document) -> float | None:
    if not set(asked) <= {"must", "filter", "should"}:
        raise Refused(400, "the stand-in does not know this bool")
    if any(_score(q, d) is None for q in asked.get("filter", ())):
        return None
    total = 0.0
    for q in asked.get("must", ()):
        score = _score(q, d)
        if score is None:
            return None
        total += score
    return total + sum(_score(q, d) or 0.0 for q in asked.get("should", ()))


def _values(d: Document, field: str) -> list[Any]:
    value = d.get(field)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _in_range(bounds: Mapping[str, Any], value: Any) -> bool:
    return value >= bounds.get("gte", value) and value <= bounds.get("lte", value)


def _fuzzy(asked: Mapping[str, Any], value: str) -> bool:
    if (asked["fuzziness"], asked["rewrite"]) != (1, "constant_score"):
        raise Refused(400, "the stand-in does not know this fuzziness")
    n = asked["prefix_length"]
    return value[:n] == asked["value"][:n] and _edits(asked["value"], value) <= 1


def _edits(a: str, b: str) -> int:
    """Count edits, a swap of neighbours being one: the textbook's table."""
    rows = [list(range(len(b) + 1))]
    for i in range(1, len(a) + 1):
        row = [i]
        for j in range(1, len(b) + 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


_LEAVES: Mapping[str, Callable[[Any, Any], bool]] = {
    "term": lambda asked, value: bool(asked == value),
    "terms": lambda asked, value: value in asked,
    "prefix": lambda asked, value: value.startswith(asked["value"]),
    "range": _in_range,
    "fuzzy": _fuzzy,
}


def _sorted(kept: list[tuple[Document, float]], field: str, how: Any) -> list[tuple[Document, float]]:
    order = how if isinstance(how, str) else how["order"]
    missing = None if isinstance(how, str) else how.get("missing")

    def key(item: tuple[Document, float]) -> Any:
        value = item[1] if field == "_score" else item[0].get(field)
        return missing if value is None else value

    return sorted(kept, key=key, reverse=order == "desc")


def _counted(agg: Mapping[str, Any], documents: list[Document]) -> Any:
    kept = [d for d in documents if _score(agg["filter"], d) is not None]
    ((kind, asked),) = agg["aggs"]["values"].items()
    buckets: Any
    if kind == "terms":
        counts: dict[str, int] = {}
        for d in kept:
            for value in dict.fromkeys(_values(d, asked["field"])):
                counts[value] = counts.get(value, 0) + 1
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: asked["size"]]
        buckets = [{"key": value, "doc_count": n} for value, n in ordered]
    elif kind == "range":
        buckets = [
            {
                "key": each["key"],
                "doc_count": sum(
                    each["from"] <= value < each.get("to", float("inf"))
                    for d in kept
                    for value in _values(d, asked["field"])
                ),
            }
            for each in asked["ranges"]
        ]
    elif kind == "filters":
        buckets = {
            name: {"doc_count": sum(_score(q, d) is not None for d in kept)} for name, q in asked["filters"].items()
        }
    else:
        raise Refused(400, f"the stand-in does not know the aggregation {kind}")
    return {"doc_count": len(kept), "values": {"buckets": buckets}}


# ── the server ──


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = urlsplit(self.path)
        try:
            if "compatible-with=8" not in self.headers.get("Accept", "").replace(" ", ""):
                raise Refused(400, "media_type_header_exception")
            status, answer = 200, self.cluster.answer(self.command, parts.path, parse_qs(parts.query), body)
        except Refused as exc:
            status, answer = exc.status, exc.body
        written = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", JSON_TYPE)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    do_GET = do_POST = do_PUT = do_DELETE = _respond  # noqa: N815 - the names http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    disable_nagle_algorithm = True


@contextmanager
def stand_in() -> Iterator[str]:
    """Serve an empty cluster and give its address."""
    handler = type("Handler", (_Handler,), {"cluster": Cluster(), "wbufsize": -1})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
