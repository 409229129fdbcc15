"""``coachhub backup``: create, verify, list, restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from coachhub_backup import journal, restoring
from coachhub_backup.progress import size_text, working
from coachhub_backup.pruning import superfluous
from coachhub_core import __version__
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.backups import BACKUP_KINDS, BackupKind, BackupView, CreateBackup, ListBackups
from coachhub_core.errors import BackupError
from coachhub_core.memory.archive import Manifest, fingerprint, write_archive

LoadSettings = Callable[[Path | None], Settings]
"""What the command line gives every command as its context's object."""

EXIT_PROBLEMS: Final = 1

_data = click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="The data folder [COACHHUB_DATA].")
_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def backup() -> None:
    """
    Make, verify, list and restore backups.

    A backup is one file with the database, the files, or both, and the checksum
    of each. It may be made while everything runs.
    """


@backup.command()
@_data
@click.option("--kind", type=click.Choice(BACKUP_KINDS), default="all", show_default=True, help="What to back up.")
@click.option("--to", type=_file, metavar="FILE", help="Write FILE instead of a file of its own in DIR/backups.")
@click.pass_obj
def create(load: LoadSettings, data: Path | None, kind: BackupKind, to: Path | None) -> None:
    """Make a backup and read it back; nobody is held up meanwhile."""
    settings = load(data)
    folder = require_instance(settings)
    with bootstrap(settings) as hub:
        target_folder = to.absolute().parent if to is not None else folder / "backups"
        with working(f"Backing up {_KINDS[kind]}", lambda: _unfinished(target_folder)):
            if to is None:
                made = hub.backups.create(SYSTEM, CreateBackup(kind=kind))
                file = target_folder / made.file
            else:
                file = to.absolute()
                _write(hub, file, kind)
            with hub.storage.begin(read_only=True) as work:
                journal.extend(file.parent / journal.NAME, work.erasures.all())
        with working("Reading it back", lambda: 0):
            manifest = restoring.rehearse(file, settings)
            if to is None:
                hub.backups.verify(SYSTEM, made.id)
    n_bytes, sha256 = fingerprint(file)
    click.echo(f"{file}\n{_says(manifest)}\n{size_text(n_bytes)}, SHA-256 {sha256}, read back: whole")


def _write(hub: CoachHub, file: Path, kind: BackupKind) -> None:
    write_archive(
        file,
        kind=kind,
        made_at=hub.clock().isoformat(),
        version=__version__,
        storage=hub.storage,
        files=hub.files,
    )


def _unfinished(folder: Path) -> int:
    return sum(p.stat().st_size for part in folder.glob(".backup-*") for p in part.rglob("*") if p.is_file())


@backup.command()
@click.argument("file", type=_file)
@click.pass_obj
def verify(load: LoadSettings, file: Path) -> None:
    """Read FILE back: compare every checksum, restore it into a temporary folder, look at every row."""
    settings = load(None)
    with working(f"Reading {file.name}", lambda: 0):
        manifest = restoring.rehearse(file, settings)
    n_bytes, sha256 = fingerprint(file)
    click.echo(f"{_says(manifest)}\n{size_text(n_bytes)}, SHA-256 {sha256}: whole, and it restores")


@backup.command()
@click.argument("files", type=_file, nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", required=True, help="The new folder, empty or not there."
)
@click.option("--erasures", type=_file, metavar="FILE", help="Who was erased since [erasures.jsonl beside each FILE].")
@click.option("--keep-sessions", is_flag=True, help="Let logins of that time go on; ended ones come back too.")
@click.pass_obj
def restore(load: LoadSettings, files: tuple[Path, ...], data: Path, erasures: Path | None, keep_sessions: bool) -> int:
    """
    Fill an empty folder from FILE, or from a backup of the database and one of the files.

    Everything is read and compared before anything is touched. Who was erased
    since is erased again; passwords are good as they were, logins are made anew.
    """
    settings = load(data)
    with working(f"Restoring into {data}", lambda: _written(data)):
        done = restoring.restore(files, settings, erasures=erasures, keep_sessions=keep_sessions)
    for manifest in done.manifests:
        click.echo(_says(manifest))
    click.echo(f"{done.n_erased_again} erased again, {done.n_sessions_ended} logins ended")
    for problem in done.problems:
        click.echo(f"wrong: {problem}", err=True)
    click.echo(f"restored into {data}, {len(done.problems)} problems; start it with: coachhub up --data {data}")
    return EXIT_PROBLEMS if done.problems else 0


def _written(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


@backup.command("list")
@_data
@click.pass_obj
def list_(load: LoadSettings, data: Path | None) -> None:
    """List the backups made here, newest first."""
    settings = load(data)
    folder = require_instance(settings) / "backups"
    _show(_all(settings), folder)


def _all(settings: Settings) -> list[BackupView]:
    found: list[BackupView] = []
    with bootstrap(settings) as hub:
        page = hub.backups.list(SYSTEM, ListBackups(limit=100))
        found += page.items
        while page.next is not None:
            page = hub.backups.list(SYSTEM, ListBackups(limit=100, cursor=page.next))
            found += page.items
    return found


@backup.command()
@_data
@click.option("--daily", type=click.IntRange(1), required=True, metavar="N", help="Keep one for each of N days.")
@click.option("--monthly", type=click.IntRange(0), required=True, metavar="M", help="And one for each of M months.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and take nothing away.")
@click.pass_obj
def prune(load: LoadSettings, data: Path | None, daily: int, monthly: int, dry_run: bool) -> None:
    """
    Take away the files of old backups in DIR/backups.

    Of each kind the newest backup of each of the last N days and M months stays
    (days that have one, in UTC), always the newest, and the newest read back.
    """
    settings = load(data)
    folder = require_instance(settings) / "backups"
    there = [each for each in _all(settings) if (folder / each.file).is_file()]
    going = superfluous(there, daily=daily, monthly=monthly)
    for each in going:
        click.echo(str(folder / each.file))
        if not dry_run:
            (folder / each.file).unlink(missing_ok=True)
    n_bytes = sum(each.n_bytes or 0 for each in going)
    done = "would go" if dry_run else "gone"
    click.echo(f"{len(going)} {done} ({size_text(n_bytes)}), {len(there) - len(going)} kept")


def _show(found: list[BackupView], folder: Path) -> None:
    rows = [
        (
            f"{b.created_at:%Y-%m-%d %H:%M}",
            b.kind,
            b.state if b.state in ("running", "failed") or (folder / b.file).is_file() else "gone",
            size_text(b.n_bytes) if b.n_bytes is not None else "",
            str(sum(b.n_rows.values())),
            str(b.n_files),
            b.reason or b.file,
        )
        for b in found
    ]
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(row))
    elif rows:
        table = Table("made (UTC)", "of", "state", "size", "rows", "files", f"file in {folder}")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    click.echo(f"{len(rows)} backups", err=console.is_terminal is False)


def require_instance(settings: Settings) -> Path:
    """
    Return the data folder of an instance that is there.

    Raises:
        BackupError: If it is not: making an empty one and backing that up would be of no use.
    """
    if settings.data is None:
        raise BackupError(reason="an instance in memory has nothing to back up")
    url: Any = settings.database_url.removeprefix("sqlite:///")
    if settings.database_scheme == "sqlite" and not Path(url).is_file():
        raise BackupError(reason=f"there is no instance in {settings.data}")
    return settings.data.absolute()


_KINDS: Final[dict[str, str]] = {"all": "database and files", "database": "the database", "files": "the files"}


def _says(manifest: Manifest) -> str:
    rows = f", {sum(manifest.n_rows.values())} rows" if manifest.database is not None else ""
    files = f", {manifest.n_files} files" if manifest.kind != "database" else ""
    made = f"made {manifest.made_at[:19].replace('T', ' ')} UTC by CoachHub {manifest.coachhub}"
    return f"{_KINDS.get(manifest.kind, manifest.kind)}{rows}{files}, {made}"
