"""Finds plugins, asks what they offer, and finds who hears of what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, TypeVar
from uuid import UUID

import pluggy

from coachhub_core import memory
from coachhub_core.config import Settings
from coachhub_core.domain.events import Event
from coachhub_core.errors import PluginError, SettingsError
from coachhub_core.hookspecs import PROJECT, Hooks
from coachhub_core.ports.listeners import Listener, Tell

T = TypeVar("T")


def load_plugins(plugins: Sequence[object] | None = None) -> pluggy.PluginManager:
    """
    Return a manager with the built-in plugin and *plugins*, or with every installed one.

    Raises:
        PluginError: If a plugin cannot be imported, or implements a hook that does not exist.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(memory, "memory")
    if plugins is None:
        for point in entry_points(group=PROJECT):
            if point.value == memory.__name__:
                continue
            try:
                manager.register(point.load(), point.name)
            except Exception as exc:
                raise PluginError(reason=f"the plugin {point.name!r} cannot be loaded: {exc}") from exc
    else:
        for number, plugin in enumerate(plugins):
            manager.register(plugin, getattr(plugin, "__name__", f"plugin-{number}"))
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        raise PluginError(reason=str(exc)) from exc
    return manager


class Asker:
    """Asks offering hooks once each and refuses a name offered twice."""

    def __init__(self, manager: pluggy.PluginManager, settings: Settings) -> None:
        self._manager = manager
        self._settings = settings
        self._answers: dict[str, dict[str, Any]] = {}

    def merged(self, hook: str, **arguments: Any) -> dict[str, Any]:
        """Return everything that is offered, by name."""
        if hook not in self._answers:
            given = arguments or {"settings": self._settings}
            self._answers[hook] = merge_offers(hook, getattr(self._manager.hook, hook)(**given))
        return self._answers[hook]

    def features(self) -> dict[str, Any]:
        """Return the blocks of extra columns that are offered."""
        from coachhub_core.matching.schema import hub_schema

        return self.merged("coachhub_features", schema=hub_schema())

    def chosen(self, hook: str, name: str, setting: str) -> Any:
        """Return one offer; ``SettingsError`` naming *setting* when there is none of this name."""
        return pick(self.merged(hook), name, setting)

    def made(self, hook: str, name: str, setting: str) -> Any:
        """Return what that offer makes."""
        return self.chosen(hook, name, setting).make(self._settings)


def merge_offers(hook: str, answers: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """Merge what plugins offer; ``PluginError`` when a name is offered twice."""
    merged: dict[str, T] = {}
    for answer in answers:
        for name, offer in answer.items():
            if name in merged:
                raise PluginError(reason=f"{hook}: the name {name!r} is offered by two plugins")
            merged[name] = offer
    return merged


def pick(offers: Mapping[str, T], name: str, setting: str) -> T:
    """Return one of what was offered; ``SettingsError`` naming *setting* when it is not there."""
    if name not in offers:
        known = ", ".join(sorted(offers)) or "none"
        raise SettingsError.of([f"{setting}: no installed plugin offers {name!r}; offered: {known}"])
    return offers[name]


class Notices:
    """Finds who hears of an event: the implementations of the hook of its name, each under its plugin's name."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager

    def of(self, type: str) -> tuple[Listener, ...]:
        """Return who hears of events of this type."""
        hook = getattr(self._manager.hook, f"coachhub_{type}")
        return tuple(Listener(name=found.plugin_name, tell=_telling(found)) for found in hook.get_hookimpls())


def _telling(implementation: pluggy.HookImpl) -> Tell:
    def tell(event: Event, event_id: UUID) -> None:
        offered = {"event": event, "event_id": event_id}
        implementation.function(**{name: offered[name] for name in implementation.argnames})

    return tell
