"""Commands of the operator: accounts, migrations, checks, the index, the cache, settings."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import attrs
import click

from coachhub_cli.options import data_option, settings_for
from coachhub_cli.progress import counting
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import environment_names
from coachhub_core.domain.accounts import SYSTEM, Suspend, canonical_email
from coachhub_core.errors import NotFound, Unavailable
from coachhub_core.strict_json import loads


@click.group()
def accounts() -> None:
    """Make administrators, suspend and reinstate accounts."""


@accounts.command("create-admin")
@data_option
@click.option("--email", required=True, help="The address to log in with.")
@click.option("--name", default="Administrator", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
def create_admin(data: Path | None, email: str, name: str, password_stdin: bool) -> None:
    """Make an administrator: the only way there is."""
    settings = settings_for(data)
    password = sys.stdin.readline().rstrip("\n") if password_stdin else getpass.getpass("Password: ")
    with bootstrap(settings) as hub:
        view = hub.accounts.create_admin(email=email, password=password, name=name)
    click.echo(f"administrator {view.email} made, id {view.id}")


def _find(hub: Any, who: str) -> UUID:
    try:
        return UUID(who)
    except ValueError:
        pass
    try:
        key = canonical_email(who)
    except ValueError:
        raise NotFound(kind="account", id=who) from None
    with hub.storage.begin(read_only=True) as work:
        account = work.accounts.find_by_email_key(key)
    if account is None:
        raise NotFound(kind="account", id=who)
    found: UUID = account.id
    return found


@accounts.command("suspend")
@data_option
@click.argument("who")
@click.option("--reason", required=True, help="Told to the owner.")
def suspend(data: Path | None, who: str, reason: str) -> None:
    """Suspend WHO (an id or an address): sessions and sockets end at once."""
    with bootstrap(settings_for(data)) as hub:
        view = hub.admin.suspend(SYSTEM, Suspend(account_id=_find(hub, who), reason=reason))
    click.echo(f"{view.id} is {view.status}")


@accounts.command("reinstate")
@data_option
@click.argument("who")
def reinstate(data: Path | None, who: str) -> None:
    """Let WHO (an id or an address) log in again."""
    with bootstrap(settings_for(data)) as hub:
        view = hub.admin.reinstate(SYSTEM, _find(hub, who))
    click.echo(f"{view.id} is {view.status}")


@click.group()
def exercises() -> None:
    """Look after the exercises that everybody may use."""


@exercises.command("import")
@data_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_exercises(data: Path | None, file: Path) -> None:
    """Import FILE, in the JSON format of free-exercise-db; doing it again changes nothing."""
    document = loads(file.read_bytes())
    with bootstrap(settings_for(data)) as hub:
        done = hub.exercises.import_free_exercise_db(SYSTEM, document)
    click.echo(f"{done.n_new} added, {done.n_known} were here already")
    for row in done.not_taken:
        click.echo(f"not taken: {row}", err=True)


@click.command()
@data_option
def migrate(data: Path | None) -> None:
    """Bring the database to this version's schema; safe to run anywhere, any number of times."""
    with bootstrap(settings_for(data)) as hub:
        click.echo(f"the schema is at {hub.schema_version}")


@click.command()
@data_option
def check(data: Path | None) -> int:
    """Count rows, orphans and wrong counters, compare the search index; exit 1 when something is wrong."""
    with bootstrap(settings_for(data)) as hub:
        report = hub.storage.check()
        problems = [*report.problems, *_index_problems(hub)]
    for table, n in report.n_rows.items():
        click.echo(f"{table:24} {n:>10}")
    for problem in problems:
        click.echo(f"wrong: {problem}", err=True)
    click.echo(f"schema {report.schema_version}, {len(problems)} problems")
    return 1 if problems else 0


def _index_problems(hub: CoachHub) -> list[str]:
    """Compare every id and version of the search index with the database."""
    try:
        difference = hub.index.compare()
    except Unavailable as exc:
        return [f"search: {exc}"]
    return [] if difference.is_equal else [f"search: {difference}; `coachhub search reindex` builds it anew"]


@click.group()
def search() -> None:
    """Look after the search index."""


@search.command("reindex")
@data_option
def reindex(data: Path | None) -> None:
    """Write every coach into a new index while searches go on, and let it take the place of the old one."""
    with bootstrap(settings_for(data)) as hub, counting("Indexing coaches") as progress:
        done = hub.admin.reindex(SYSTEM, progress)
    click.echo(f"{done.n_coaches} coaches indexed")


_PROBE: Final = "clear:probe"


@click.group()
def cache() -> None:
    """Look after the cache."""


@cache.command("clear")
@data_option
def clear(data: Path | None) -> None:
    """Forget the cached copy of every coach; the next reads come from the database."""
    with bootstrap(settings_for(data)) as hub:
        with hub.storage.begin(read_only=True) as work:
            ids = [record.coach.id for record in work.coaches.all_records()]
        # a cache that is away is one where every key is a miss: ask for one that was put there just now
        keys = [f"coach:{id}" for id in ids]
        hub.cache.set(_PROBE, b"here", ttl_seconds=10)
        is_there = hub.cache.get(_PROBE) is not None
        hub.cache.delete(*keys, _PROBE)
        if not is_there or hub.cache.get_many([*keys, _PROBE]):
            raise Unavailable(what="the cache")
    click.echo(f"{len(ids)} copies forgotten")


@click.command()
@data_option
def settings(data: Path | None) -> None:
    """Show every setting, the name it has in the environment, and its value; secrets stay hidden."""
    found = settings_for(data)
    by_path: dict[str, list[str]] = {}
    for name, path in environment_names().items():
        by_path.setdefault(path, []).append(name)
    for path, names in by_path.items():
        owner: Any = found
        *tables, member = path.split(".")
        for table in tables:
            owner = getattr(owner, table)
        is_secret = not next(f.repr for f in attrs.fields(type(owner)) if f.name == member)
        value = getattr(owner, member)
        shown = ("(given)" if value else "(none)") if is_secret else value
        click.echo(f"{path:34} {shown!s:28} {' '.join(names)}")
