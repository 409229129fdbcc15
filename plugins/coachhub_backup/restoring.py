"""
Restoring: everything is read and compared first, then an empty folder is filled, or nothing happens.

Whoever was erased after the backup was taken is erased again, and every login
has to be made anew: a session that was ended since must not come back to life.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs

from coachhub_backup import journal
from coachhub_core import deadline
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import Clock, system_clock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import SYSTEM, Erasure
from coachhub_core.errors import BackupError, SettingsError, Unavailable
from coachhub_core.memory.archive import Manifest
from coachhub_core.plugins import load_plugins, merge_offers
from coachhub_core.ports.storage import Keyset
from coachhub_core.services import backups
from coachhub_core.signing import with_secret

MAY_BE_THERE: Final = frozenset({"coachhub.toml", "jwt-secret", "backups", "lost+found"})
"""What an empty data folder may hold: settings and secrets, which no backup has, and the backups themselves."""

_PATIENCE_SECONDS: Final = 3_600


@attrs.frozen(kw_only=True)
class Restored:
    """What a restore did."""

    manifests: tuple[Manifest, ...]
    n_erased_again: int
    n_sessions_ended: int
    problems: tuple[str, ...]


def restore(
    files: Sequence[Path],
    settings: Settings,
    *,
    erasures: Path | None = None,
    keep_sessions: bool = False,
    clock: Clock = system_clock,
) -> Restored:
    """
    Fill the empty instance of *settings* from one backup, or from one of the database and one of the files.

    Args:
        erasures: The list of who was erased; by default the one beside each backup.
        keep_sessions: Whether logins of the time of the backup go on.
    Raises:
        BackupError: If a backup is damaged, does not fit this version, or the folder is not empty.
        SettingsError: If there is no data folder to restore into, or a start would refuse the settings; no row was
            written then.
    """
    lists = [erasures] if erasures is not None else [file.parent / journal.NAME for file in files]
    if erasures is not None and not erasures.is_file():
        raise BackupError(reason=f"there is no list of erasures {erasures}")
    entries = {entry.account_id: entry for each in lists for entry in journal.read(each)}
    folder = settings.data
    if folder is None:
        raise SettingsError.of(["COACHHUB_DATA (--data) must name the folder to restore into"])
    require_empty(folder)
    if len(files) > 1:
        _check_together([backups.check_backup(file) for file in files])
    with _all_or_nothing(folder):
        _require_startable(settings)  # a server's database is not emptied again: what is refused is refused before
        manifests = tuple(_fill(file, settings) for file in files)
        with bootstrap(settings, clock=clock) as hub:
            chain = [Erasure(account_id=e.account_id, at=e.at, hash=b"") for e in entries.values()]
            n_erased = sum(1 for erasure in chain if hub.own_data.replay(erasure))
            n_erased += backups.replay_erasures(hub.own_data, hub.storage)
            backups.settle_running(hub.storage, hub.clock())
            n_ended = 0 if keep_sessions else _end_sessions(hub)
            if settings.engines["search"] != "database":  # an index of its own knows nothing of what came back
                with suppress(Unavailable):  # what is restored stays: the worker builds the index when it can
                    hub.admin.reindex(SYSTEM)
            problems = hub.storage.check().problems
    return Restored(manifests=manifests, n_erased_again=n_erased, n_sessions_ended=n_ended, problems=problems)


def rehearse(file: Path, settings: Settings) -> Manifest:
    """
    Read a backup back: restore it into a temporary folder and look at every row's references and counters.

    Raises:
        BackupError: If anything in it is not as it was written, or would not restore here.
    """
    with tempfile.TemporaryDirectory(prefix="coachhub-verify-") as name:
        elsewhere = _elsewhere(settings, Path(name))
        manifest = _fill(file, elsewhere)
        if manifest.database is not None:
            storage = _made("coachhub_storages", elsewhere.database_scheme, elsewhere)
            try:
                problems = storage.check().problems
            finally:
                storage.close()
            if problems:
                raise BackupError(reason=f"{file.name} restores, but {'; '.join(problems)}")
    return manifest


def _elsewhere(settings: Settings, folder: Path) -> Settings:
    """Return the settings with everything that is kept in *folder*, and nothing on a server."""
    database = attrs.evolve(settings.database, url="", host="", read_host="")
    return attrs.evolve(settings, data=folder, files="", database=database)


def _require_startable(settings: Settings) -> None:
    """
    Start once, with the same settings, on an empty database beside the one to fill.

    Raises:
        SettingsError, PluginError: If a start would be refused once the rows are there, as without a secret.
    """
    with tempfile.TemporaryDirectory(prefix="coachhub-restore-") as name:
        kept = attrs.evolve(settings, auth=with_secret(settings))  # read, or made, where it stays
        bootstrap(_elsewhere(kept, Path(name))).close()


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds anything a restore would mix with."""
    if folder.exists() and not folder.is_dir():
        raise SettingsError.of([f"COACHHUB_DATA (--data): {folder} is no folder"])
    found = sorted(path.name for path in _foreign(folder))
    if found:
        shown = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
        raise BackupError(reason=f"{folder} is not empty (it holds {shown}); restore into a new folder")


def _foreign(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            is_empty_folder = path.is_dir() and next(path.iterdir(), None) is None
            if path.name not in MAY_BE_THERE and not is_empty_folder:
                yield path


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    """Take away what the block wrote if it does not end well: the folder was empty before."""
    existed = folder.exists()
    before = {path.name for path in folder.iterdir()} if existed else set()
    try:
        yield
    except BaseException:
        for path in list(folder.iterdir()) if folder.is_dir() else []:
            if path.name not in before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif path.is_dir() and path.name not in MAY_BE_THERE:  # was empty
                for inner in path.iterdir():
                    shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
        if not existed and folder.is_dir():
            folder.rmdir()
        raise


def _check_together(manifests: Sequence[Manifest]) -> None:
    if sum(1 for m in manifests if m.database is not None) > 1 or sum(1 for m in manifests if m.kind != "database") > 1:
        raise BackupError(reason="of several backups one may hold the database and one the files")


def _fill(file: Path, settings: Settings) -> Manifest:
    """Restore into storage and file store as the settings choose them, without starting anything on them first."""
    storage = _made("coachhub_storages", settings.database_scheme, settings)
    try:
        store = _made("coachhub_file_stores", settings.files_url.partition(":")[0], settings)
        return backups.restore(file, storage, store)
    finally:
        storage.close()


def _made(hook: str, name: str, settings: Settings) -> Any:
    offers = merge_offers(hook, getattr(load_plugins().hook, hook)(settings=settings))
    if name not in offers:
        raise SettingsError.of([f"no installed plugin offers {name!r}; offered: {', '.join(sorted(offers))}"])
    return offers[name].make(settings)


def _end_sessions(hub: CoachHub) -> int:
    """End every login that the backup brought back; return how many."""
    n = 0
    now = hub.clock()
    with deadline.within(_PATIENCE_SECONDS), hub.storage.begin() as work:
        keyset: Keyset | None = None
        while True:
            page = work.accounts.page(role=None, status=None, keyset=keyset, limit=500)
            for account in page.items:
                good = work.sessions.of_account(account.id, now=now)
                if good:
                    work.sessions.revoke_all(account.id, at=now, reason="restored from a backup")
                    n += len(good)
            if not page.has_more:
                break
            keyset = Keyset(values=(page.items[-1].id,))
        work.commit()
    return n
