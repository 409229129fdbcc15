"""The page of every error: its code, its status, its class with its exact signature, and when it is raised."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Final

import coachhub_core.ports.storage
import coachhub_core.services.units
import coachhub_http.errors
import coachhub_http.pool
import coachhub_ws.envelope
import coachhub_ws.upgrade
from coachhub_core import errors
from coachhub_core.errors import CoachHubError, Invalid, Overloaded, RateLimited, Refusal, Unavailable
from coachhub_http.errors import status_of
from generating.markdown import code, page, sentence, signature, table

CORE: Final = (errors.base, errors.request, errors.access, errors.state, errors.load, errors.operator)

DOORS: Final = (
    ("Only over REST", (coachhub_http.errors, coachhub_http.pool)),
    ("Only over chat", (coachhub_ws.envelope, coachhub_ws.upgrade)),
    ("Inside the library", (coachhub_core.ports.storage, coachhub_core.services.units)),
)

INTRO: Final = """
Everything CoachHub raises on purpose is a `CoachHubError`. Each has a `code` that is never renamed, carries its facts
as attributes, and says in its `str()` a sentence meant for the person who asked. From the library you catch the
class; over REST and chat you read the code.

Over REST every refusal, on every address, has one body. It is RFC 9457 and the plain `{"error": …}` in one, so a
client may read either:

```json
{
  "type": "urn:coachhub:error:match.coach_full",
  "title": "Coach full",
  "status": 409,
  "detail": "coach 01a2… already has 1 active trainees and no seat left",
  "instance": "/api/matches/01a2…/accept",
  "request_id": "8f0c…",
  "state": "requested",
  "allowed": ["decline"],
  "error": {"message": "coach 01a2… already has 1 active trainees and no seat left", "code": "match.coach_full"}
}
```

`errors`, where fields are wrong, lists `{pointer, code, message}` for each: an RFC 6901 pointer into the body, or the
bare name of a parameter. `state` and `allowed` stand on conflicts. Rate limits and what is away carry `Retry-After`.
Over chat the same code and sentence come in an `error` envelope with `retryable` and, where it is known,
`retry_after_ms` ([the protocol](chat-protocol.md)).

The status is that of the class or its nearest ancestor in the table; 500 has the code `internal` and says nothing
more.
"""

INTERNAL: Final = """
These never reach a client by themselves: a unit of work that lost a race is run again, and an answer given before is
given again. They are here for who writes a storage.
"""


def own_classes(module: object) -> Iterator[type[CoachHubError]]:
    """Yield the error classes that *module* itself defines, in their order there."""
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, CoachHubError) and _home(value) is module:
            yield value


def _home(cls: type) -> object:
    module = inspect.getmodule(cls)
    name = getattr(module, "__name__", "")
    return coachhub_core.ports.storage if name.startswith("coachhub_core.ports.storage") else module


def errors_page() -> str:
    """Return the page."""
    tree = inspect.cleandoc(errors.__doc__ or "").partition("::\n")[2]
    tree = inspect.cleandoc(tree)
    parts = [INTRO, f"## The tree\n\n```text\n{tree}\n```"]
    core = [cls for module in CORE for cls in own_classes(module)]
    refusals = [c for c in core if issubclass(c, Refusal)]
    others = [c for c in core if not issubclass(c, Refusal)]
    parts.append("## What a caller may meet\n\n" + _table(refusals))
    parts.append("## What only the operator or a plugin's author meets\n\n" + _table(others))
    for title, modules in DOORS:
        found = [cls for module in modules for cls in own_classes(module)]
        text = INTERNAL.strip() + "\n\n" if title.startswith("Inside") else ""
        parts.append(f"## {title}\n\n{text}{_table(found)}")
    parts.append("## The classes\n\nAll arguments are keywords; the facts are attributes of the same names.")
    everything = [*core, *(cls for _, modules in DOORS for module in modules for cls in own_classes(module))]
    parts.append("```python\n" + "\n".join(_signature(cls) for cls in everything) + "\n```")
    return page("Errors", *parts).replace("```python\n", "```text\n")


def _table(classes: Sequence[type[CoachHubError]]) -> str:
    rows = [(code(c.code), _status(c), code(c.__name__), sentence(c.__doc__)) for c in classes]
    return table(("code", "status", "class", "when"), rows)


def _status(cls: type[CoachHubError]) -> str:
    if cls in (CoachHubError, Refusal) or not (issubclass(cls, Refusal) or status_of(cls) != 500):
        return ""
    if cls.__module__.startswith("coachhub_ws.envelope"):
        return ""
    more = " + `Retry-After`" if issubclass(cls, RateLimited | Unavailable | Overloaded) else ""
    more = " + `errors`" if issubclass(cls, Invalid) else more
    return f"{status_of(cls)}{more}"


def _signature(cls: type[CoachHubError]) -> str:
    shown = signature(cls) if cls.__init__ is not CoachHubError.__init__ else f"{cls.__name__}()"
    (base,) = cls.__bases__
    return f"{shown}  # {base.__name__}"
