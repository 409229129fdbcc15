"""The page of every hook: its exact signature and its promise, and what the offers hold."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import attrs

from coachhub_core.domain.events import EVENTS
from coachhub_core.hookspecs import PROJECT, Hooks
from coachhub_core.ports import matcher, offers
from generating.markdown import page, prose, sentence, signature, table, type_name

INTRO: Final = """
A plugin is a module, or any object, with functions named after these hooks and marked with `coachhub_core.hookimpl`.
It is found by an entry point in the group `coachhub`, or handed to `bootstrap(settings, plugins=[...])`. How to write
one: [write a plugin](../howto/write-a-plugin.md); for a matcher, [in an afternoon](../tutorial/matcher-author.md).

- Implement a hook with **only the arguments you use**. Arguments may be added in a later version, never renamed.
- What you offer is chosen **by name or URL in the settings**, never by the order of installation. The same name from
  two plugins stops the start; so does a chosen name that nobody offers, or a hook that does not exist.
- Keep the module light. A factory does the heavy imports, and only the chosen factory is called.
"""

OFFERS: Final = (
    offers.Offer,
    offers.SearchOffer,
    offers.Probe,
    offers.CommandOffer,
    matcher.MatcherOffer,
    matcher.AssignerOffer,
    matcher.Schema,
    matcher.SuggestionAudit,
)

PROTOCOLS: Final = (matcher.FeatureBlock, matcher.HardConstraint, matcher.CompiledConstraint)


def all_hooks() -> Iterator[tuple[str, Any]]:
    """Yield name and function of every hook, in their order."""
    for name, value in vars(Hooks).items():
        if hasattr(value, f"{PROJECT}_spec"):
            yield name, value


def hooks_page() -> str:
    """Return the page."""
    notices = {f"coachhub_{name}" for name in EVENTS}
    offering = [f"## `{name}`\n\n{_described(hook)}" for name, hook in all_hooks() if name not in notices]
    parts = [INTRO, *offering, "## Notices\n\n" + _notices(), "## What the offers hold"]
    for cls in OFFERS:
        rows = [(f"`{f.name}`", f"`{type_name(f.type)}`", _default(f)) for f in attrs.fields(cls)]
        shown = table(("member", "type", "default"), rows)
        parts.append(f"### `{cls.__name__}`\n\n{sentence(cls.__doc__)}\n\n{shown}")
    parts.append(
        "`StorageOffer`, `CacheOffer`, `BroadcastOffer`, `RateCountersOffer` and `FileStoreOffer`\n"
        "are `Offer` of the port in their name."
    )
    for protocol in PROTOCOLS:
        lines = [_member(name, value) for name, value in vars(protocol).items() if _is_own(name, value)]
        parts.append(
            f"### `{protocol.__name__}`\n\n{sentence(protocol.__doc__)}\n\n```text\n" + "\n".join(lines) + "\n```"
        )
    return page("Hooks", *parts)


def hook_signature(hook: Any) -> str:
    """Return a hook as its implementation may write it."""
    return "def " + signature(hook)


def _described(hook: Any) -> str:
    return f"```text\n{hook_signature(hook)}\n```\n\n{prose(hook.__doc__)}"


def _notices() -> str:
    text = (
        "One hook per event. A notice is sent from the outbox after the commit, **at least once** and in no promised "
        "order: read the thing anew from its id. Each plugin hears of an event once while nothing fails. One that "
        "raises is logged and hears of it again, alone, after growing pauses, twelve times in all (15 to 30 hours); "
        "then the event is a dead letter, and a replay tells whoever has not heard "
        "([see what failed](../howto/see-what-failed.md)). A worker that dies, or a listener that takes longer than "
        "27 seconds, may make anybody hear of an event twice: `event_id` is the same each time. "
        "Every event carries `at` and `aggregate_id`.\n\n"
    )
    rows = []
    hooks = dict(all_hooks())
    for name, event in EVENTS.items():
        members = [f.name for f in attrs.fields(event) if f.name not in ("at", "aggregate_id")]
        shown = hook_signature(hooks[f"coachhub_{name}"]).removeprefix("def ").replace(": Any", "")
        rows.append((f"`{shown}`", sentence(event.__doc__), ", ".join(f"`{m}`" for m in members)))
    return text + table(("hook", "what happened", "beside `at` and `aggregate_id`"), rows)


def _is_own(name: str, value: Any) -> bool:
    return not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))


def _member(name: str, value: Any) -> str:
    if isinstance(value, property) and value.fget is not None:
        return f"{signature(value.fget, name=name).replace('()', '')}  # {sentence(value.fget.__doc__)}"
    return f"{signature(value, name=name)}  # {sentence(value.__doc__)}"


def _default(f: attrs.Attribute[Any]) -> str:
    if f.default is attrs.NOTHING:
        return ""
    return "`frozenset()`" if f.default == frozenset() else f"`{f.default!r}`"
