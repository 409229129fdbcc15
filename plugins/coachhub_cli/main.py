"""The root of the command line: finds commands by hook, turns refusals into one sentence and an exit code."""

from __future__ import annotations

import sys
from typing import Any

import click

from coachhub_cli.options import settings_for
from coachhub_core import __version__
from coachhub_core.errors import CoachHubError, PluginError, SettingsError
from coachhub_core.plugins import load_plugins, merge_offers
from coachhub_core.ports.offers import CommandOffer

EXIT_REFUSED = 1
EXIT_SETTINGS = 2


class Commands(click.Group):
    """A group whose commands are offered by plugins; one is imported only when it is run."""

    _offers: dict[str, CommandOffer] | None = None

    def _offered(self) -> dict[str, CommandOffer]:
        if self._offers is None:
            self._offers = merge_offers("coachhub_commands", load_plugins().hook.coachhub_commands())
        return self._offers

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._offered())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        offer = self._offered().get(cmd_name)
        if offer is None:
            return None
        command = offer.make()
        if not isinstance(command, click.Command):
            raise PluginError(reason=f"the command {cmd_name!r} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List names and help without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, offer.help) for name, offer in sorted(self._offered().items())])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="coachhub")
@click.pass_context
def coachhub(ctx: click.Context) -> None:
    """Bring trainees and coaches together: run CoachHub and look after it."""
    ctx.obj = settings_for  # commands of other packages, which may not import this one, read settings through it


def run(arguments: list[str] | None = None) -> None:
    """
    Run the command line and exit.

    Exit codes: 0 done, 1 refused, 2 a wrong setting or wrong words, 130 interrupted.
    """
    try:
        result: Any = coachhub.main(args=arguments, standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.Abort:
        print("coachhub: interrupted", file=sys.stderr)
        sys.exit(130)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (SettingsError, PluginError) as exc:
        print(f"coachhub: {exc}", file=sys.stderr)
        sys.exit(EXIT_SETTINGS)
    except CoachHubError as exc:
        for said in (exc, *getattr(exc, "__notes__", ())):  # notes are for whoever runs it: why a server lets nobody in
            print(f"coachhub: {said}", file=sys.stderr)
        sys.exit(EXIT_REFUSED)
    except BrokenPipeError:
        sys.exit(0)
