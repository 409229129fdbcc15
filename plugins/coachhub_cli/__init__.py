"""The ``coachhub`` command. Its own commands are offered through the hook that every other package uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.offers import CommandOffer


def main() -> None:
    """Run the command line: the entry point of the ``coachhub`` script."""
    from coachhub_cli.main import run  # click and the plugins load when somebody asks

    run()


def _up() -> object:
    from coachhub_cli.up import up

    return up


def _worker() -> object:
    from coachhub_cli.worker import worker

    return worker


def _outbox() -> object:
    from coachhub_cli.outbox import outbox

    return outbox


def _operations(name: str) -> Callable[[], object]:
    def make() -> object:
        from coachhub_cli import operations

        return getattr(operations, name)

    return make


def _match() -> object:
    from coachhub_cli import cohorts  # noqa: F401 - it adds its commands to the group
    from coachhub_cli.matching import match

    return match


def _plugin() -> object:
    from coachhub_cli.plugin import plugin

    return plugin


@hookimpl
def coachhub_commands() -> Mapping[str, CommandOffer]:
    """Offer what runs and looks after an installation."""
    return {
        "up": CommandOffer(make=_up, help="Start REST, chat and the worker, and keep them running."),
        "worker": CommandOffer(make=_worker, help="Do due work: expiry, reminders, exports, the outbox."),
        "accounts": CommandOffer(make=_operations("accounts"), help="Make administrators, suspend and reinstate."),
        "exercises": CommandOffer(make=_operations("exercises"), help="Import exercises that everybody may use."),
        "migrate": CommandOffer(make=_operations("migrate"), help="Bring the database to this version's schema."),
        "check": CommandOffer(make=_operations("check"), help="Count rows, orphans and wrong counters."),
        "outbox": CommandOffer(make=_outbox, help="See what waits to be told, and send again what was given up."),
        "search": CommandOffer(make=_operations("search"), help="Rebuild the search index."),
        "cache": CommandOffer(make=_operations("cache"), help="Forget cached copies."),
        "match": CommandOffer(make=_match, help="Train the matcher, look into it, place cohorts."),
        "plugin": CommandOffer(make=_plugin, help="Begin a plugin: a package that CoachHub finds by itself."),
        "settings": CommandOffer(make=_operations("settings"), help="Show every setting with its environment name."),
    }
