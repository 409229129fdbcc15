"""Backups that were read back: made under load, restored whole, refused when anything in them is not as written."""

from __future__ import annotations

import json
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from losable import Losable

from coachhub_backup import journal, restoring
from coachhub_core import CoachHub, Settings, bootstrap
from coachhub_core.config import Auth, Database, Matching
from coachhub_core.domain.accounts import SYSTEM, EraseAccount, Login, Refresh, Register
from coachhub_core.domain.backups import CreateBackup, ListBackups
from coachhub_core.domain.chat import PostMessage, ReadHistory
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.matches import AcceptMatch, RequestMatch
from coachhub_core.errors import BackupError, Busy, SettingsError, TokenExpired, Unavailable
from coachhub_core.memory.archive import seal
from coachhub_core.security import new_secret
from coachhub_core.services.backups import BackupService
from coachhub_core.services.units import Context

PASSWORD = "three green bicycles at dawn"
FILE = "exports/plan.json"


def settings_of(folder: Path) -> Settings:
    return Settings(data=folder, auth=Auth(bcrypt_cost=10))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[CoachHub]:
    with bootstrap(settings_of(tmp_path / "first")) as hub:
        hub.files.put(FILE, b"squat, bench, deadlift " * 500)
        yield hub


def an_account(hub: CoachHub, name: str, role: Any = "trainee") -> Any:
    made = hub.accounts.register(
        Register(email=f"{name.lower()}@example.org", password=PASSWORD, role=role, name=name, city="Zürich")
    )
    return hub.act_as(made.account.id)


def a_match(hub: CoachHub) -> Any:
    kim, sam = an_account(hub, "Kim", "coach"), an_account(hub, "Sam")
    coach = hub.coaches.create(kim, CreateCoach(specialties=("strength",)))
    kim = hub.act_as(kim.account_id)
    match = hub.matches.request(sam, RequestMatch(coach_id=coach.id))
    return sam, hub.matches.accept(kim, AcceptMatch(match_id=match.id))


def a_backup(hub: CoachHub, kind: Any = "all") -> Path:
    made = hub.backups.create(SYSTEM, CreateBackup(kind=kind))
    assert hub.settings.data is not None
    return hub.settings.data / "backups" / made.file


def backups_of(hub: CoachHub, *, storage: Any = None, files: Any = None) -> BackupService:
    """The service as another process has it, on what the test gives it."""
    context = Context(
        storage=storage or hub.storage,
        clock=hub.clock,
        new_id=hub.new_id,
        settings=hub.settings,
        vocabulary=hub.vocabulary,
    )
    assert hub.settings.data is not None
    return BackupService(context, files or hub.files, hub.settings.data / "backups", "1")


class LostAfterTheCopy(Losable):
    """Its database goes away when the copy has been taken, and takes its time to come back."""

    def dump(self, target: Path) -> Any:
        found = self._storage.dump(target)
        self.is_away = True
        return found


def test_a_backup_whose_end_the_database_did_not_hear_of_holds_nobody_up(hub: CoachHub) -> None:
    """It says that it failed; the next one is made as soon as the database is back, and tells the first for lost."""
    storage = LostAfterTheCopy(hub.storage)
    service = backups_of(hub, storage=storage)
    with pytest.raises(Unavailable):
        service.create(SYSTEM, CreateBackup())
    (before,) = hub.backups.list(SYSTEM, ListBackups()).items
    assert before.state == "running"  # all that could be written
    made = hub.backups.create(SYSTEM, CreateBackup())
    states = {b.id: (b.state, b.reason) for b in hub.backups.list(SYSTEM, ListBackups()).items}
    assert states == {made.id: ("done", None), before.id: ("failed", "its process ended")}
    assert hub.settings.data is not None
    assert list((hub.settings.data / "backups").glob(".*.lock")) == []


def test_while_one_is_made_another_is_refused(hub: CoachHub) -> None:
    """It is alive, whatever its row says; the refusal leaves nothing behind."""
    met: list[BaseException] = []

    class Meeting:
        def __getattr__(self, name: str) -> Any:
            return getattr(hub.files, name)

        def names(self) -> Iterator[str]:
            try:
                hub.backups.create(SYSTEM, CreateBackup(kind="files"))
            except Busy as exc:
                met.append(exc)
            return hub.files.names()

    service = backups_of(hub, files=Meeting())
    assert service.create(SYSTEM, CreateBackup(kind="files")).state == "done"
    assert [str(exc) for exc in met] == ["a backup is running already"]
    assert [b.state for b in hub.backups.list(SYSTEM, ListBackups()).items] == ["done"]
    assert hub.settings.data is not None
    assert list((hub.settings.data / "backups").glob(".*.lock")) == []


# ── whole ───────────────────────────────────────────────────────────────────


def test_a_backup_under_load_holds_all_that_was_acknowledged_before_it(hub: CoachHub, tmp_path: Path) -> None:
    """Writers go on while it is taken; what they were told before is in it, in order and without a hole."""
    sam, match = a_match(hub)
    stop = threading.Event()
    acknowledged: list[int] = []
    failures: list[BaseException] = []

    def write() -> None:
        try:
            while not stop.is_set():
                said = PostMessage(conversation_id=match.conversation_id, client_id=uuid.uuid4(), body="on we go 🏃")
                acknowledged.append(hub.chat.post(sam, said).seq)
        except BaseException as exc:
            failures.append(exc)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    taken: list[tuple[int, Path]] = []
    try:
        while len(taken) < 2:
            before = len(acknowledged)
            if before > 20 * (len(taken) + 1):
                taken.append((before, a_backup(hub)))
            assert not failures
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not failures

    for number, (before, file) in enumerate(taken):
        into = tmp_path / f"again-{number}"
        done = restoring.restore([file], settings_of(into))
        assert done.problems == ()
        with bootstrap(settings_of(into)) as again:
            kept = again.chat.history(again.act_as(sam.account_id), ReadHistory(conversation_id=match.conversation_id))
            last = kept.events[-1].seq
            assert last >= before
            assert [event.seq for event in kept.events] == list(range(last - len(kept.events) + 1, last + 1))
            assert {event.body for event in kept.events} == {"on we go 🏃"}


def test_people_log_in_after_a_restore_and_files_are_back(hub: CoachHub, tmp_path: Path) -> None:
    """Passwords and files are as they were; a login of that time is over, since it may have been ended since."""
    sam = an_account(hub, "Sam")
    former = hub.accounts.login(Login(email="sam@example.org", password=PASSWORD))
    file = a_backup(hub)
    into = tmp_path / "again"
    done = restoring.restore([file], settings_of(into))
    assert (done.n_sessions_ended, done.n_erased_again, done.problems) == (2, 0, ())
    with bootstrap(settings_of(into)) as again:
        assert again.accounts.login(Login(email="SAM@example.org", password=PASSWORD)).account.id == sam.account_id
        with again.files.open(FILE) as kept:
            assert kept.read() == b"squat, bench, deadlift " * 500
        with pytest.raises(TokenExpired):
            again.accounts.refresh(Refresh(refresh_token=former.refresh_token))


def test_logins_go_on_where_the_operator_wants_it(hub: CoachHub, tmp_path: Path) -> None:
    """With ``keep_sessions`` a refresh token of the time of the backup is good."""
    an_account(hub, "Sam")
    former = hub.accounts.login(Login(email="sam@example.org", password=PASSWORD))
    restoring.restore([a_backup(hub)], settings_of(tmp_path / "again"), keep_sessions=True)
    with bootstrap(settings_of(tmp_path / "again")) as again:
        renewed = again.accounts.refresh(Refresh(refresh_token=former.refresh_token))
        assert renewed.account.name == "Sam"


def test_who_was_erased_since_stays_erased(hub: CoachHub, tmp_path: Path) -> None:
    """An older backup brings nobody back: the list beside the backups names who was erased after it."""
    sam, lee = an_account(hub, "Sam"), an_account(hub, "Lee")
    older = a_backup(hub)
    hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    with hub.storage.begin(read_only=True) as work:
        assert journal.extend(older.parent / journal.NAME, work.erasures.all()) == 1
    into = tmp_path / "again"
    done = restoring.restore([older], settings_of(into))
    assert done.n_erased_again == 1
    with bootstrap(settings_of(into)) as again, again.storage.begin(read_only=True) as work:
        assert work.accounts.find_by_email_key("sam@example.org") is None
        assert work.accounts.get(sam.account_id).name == "Erased account"
        assert work.accounts.get(lee.account_id).name == "Lee"
        assert [erasure.account_id for erasure in work.erasures.all()] == [sam.account_id]


def test_database_and_files_may_come_from_two_backups(hub: CoachHub, tmp_path: Path) -> None:
    """One of each fills one instance; two of the same are refused before anything is touched."""
    an_account(hub, "Sam")
    database, files = a_backup(hub, "database"), a_backup(hub, "files")
    into = tmp_path / "again"
    with pytest.raises(BackupError, match="one may hold the database and one the files"):
        restoring.restore([database, database], settings_of(into))
    assert not into.exists()
    done = restoring.restore([database, files], settings_of(into))
    assert [(m.kind, m.n_files) for m in done.manifests] == [("database", 0), ("files", 1)]
    with bootstrap(settings_of(into)) as again:
        assert again.accounts.login(Login(email="sam@example.org", password=PASSWORD)).account.name == "Sam"
        assert list(again.files.names()) == [FILE]


# ── not whole ───────────────────────────────────────────────────────────────


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write the backup anew with other members, sealed as if it had been written so."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
        archive.comment = b"0" * 64
    seal(file)


def changed_manifest(**members: Any) -> Callable[[Path], object]:
    def damage(file: Path) -> None:
        def change(found: dict[str, bytes]) -> None:
            manifest = json.loads(found["manifest.json"])
            for name, value in members.items():
                owner = manifest["database"] if name in manifest["database"] else manifest
                owner[name] = value(owner[name]) if callable(value) else value
            found["manifest.json"] = json.dumps(manifest).encode()

        rewritten(file, change)

    return damage


def a_member_with(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda file: rewritten(file, lambda found: found.update({name: change(found[name])}))


def one_bit(raw: bytes) -> bytes:
    at = len(raw) // 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def one_bit_in_the_file(share: float) -> Callable[[Path], object]:
    def damage(file: Path) -> None:
        raw = bytearray(file.read_bytes())
        raw[int((len(raw) - 1) * share)] ^= 4
        file.write_bytes(bytes(raw))

    return damage


def fewer(rows: dict[str, int]) -> dict[str, int]:
    return {**rows, "users": rows["users"] - 1}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3]),
    "cut by one byte": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "a bit in the first byte": one_bit_in_the_file(0),
    "a bit in the middle": one_bit_in_the_file(0.5),
    "a bit in the last byte": one_bit_in_the_file(1),
    "a bit in the manifest": a_member_with("manifest.json", one_bit),
    "a bit in the database": a_member_with("database.sqlite", one_bit),
    "a bit in a file": a_member_with(f"files/{FILE}", one_bit),
    "a member missing": lambda file: rewritten(file, lambda found: found.__delitem__(f"files/{FILE}")),
    "the database missing": lambda file: rewritten(file, lambda found: found.__delitem__("database.sqlite")),
    "the manifest missing": lambda file: rewritten(file, lambda found: found.__delitem__("manifest.json")),
    "a member added": lambda file: rewritten(file, lambda found: found.update({"files/more.txt": b"?"})),
    "a member outside": changed_manifest(members=lambda m: {**m, "files/../../x": {"n_bytes": 1, "sha256": "0"}}),
    "another number of rows": changed_manifest(n_rows=fewer),
    "another schema": changed_manifest(schema_version="9999"),
    "another format": changed_manifest(format="coachhub-backup/9"),
    "not a zip": lambda file: file.write_bytes(b"once upon a time " * 1_000),
    "an empty file": lambda file: file.write_bytes(b""),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup that is whole."""
    settings = settings_of(tmp_path_factory.mktemp("house"))
    with bootstrap(settings) as hub:
        an_account(hub, "Sam")
        hub.files.put(FILE, b"squat, bench, deadlift " * 500)
        file = a_backup(hub)
    assert restoring.rehearse(file, settings).n_rows["users"] == 1
    return file.read_bytes()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_before_anything_is_touched(
    sound: bytes, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """Neither a restore nor a verification takes it, and the folder is as it was: not there."""
    file, into = tmp_path / "backup.zip", tmp_path / "again"
    file.write_bytes(sound)
    damage(file)
    with pytest.raises(BackupError):
        restoring.rehearse(file, settings_of(into))
    with pytest.raises(BackupError):
        restoring.restore([file], settings_of(into))
    assert not into.exists()


def test_rows_that_refer_to_nothing_are_found_by_a_verification(hub: CoachHub) -> None:
    """Reading back means restoring: what a checksum cannot see is seen there."""
    a_match(hub)
    with hub.storage.begin() as work:
        record = work.coaches.all_records()[0]
        work.coaches.add_rating(record.coach.id, n_reviews=1, rating_sum=5, at=hub.clock())
        work.commit()
    with pytest.raises(BackupError, match=r"coaches\.n_reviews"):
        restoring.rehearse(a_backup(hub), hub.settings)


def test_a_folder_that_holds_anything_is_refused(hub: CoachHub, tmp_path: Path) -> None:
    """An instance is never mixed with another; settings, secrets and backups may lie there."""
    an_account(hub, "Sam")
    file = a_backup(hub)
    with pytest.raises(BackupError, match=r"is not empty \(it holds coachhub\.db"):
        restoring.restore([file], hub.settings)
    into = tmp_path / "again"
    (into / "backups").mkdir(parents=True)
    moved = file.rename(into / "backups" / file.name)
    (into / "notes.txt").write_text("mine")
    with pytest.raises(BackupError, match=r"holds notes\.txt"):
        restoring.restore([moved], settings_of(into))
    (into / "notes.txt").rename(into / "coachhub.toml")
    restoring.restore([moved], settings_of(into))
    assert (into / "coachhub.toml").read_text() == "mine"


def test_a_restore_that_fails_halfway_leaves_the_folder_as_it_was(hub: CoachHub, tmp_path: Path) -> None:
    """What was written is taken away again, also when the end comes after the data: here the start is refused."""
    an_account(hub, "Sam")
    file = a_backup(hub)
    into = tmp_path / "again"
    into.mkdir()
    (into / "jwt-secret").write_text("too short")
    with pytest.raises(Exception, match="JWT_SECRET"):
        restoring.restore([file], settings_of(into))
    assert [path.name for path in into.iterdir()] == ["jwt-secret"]


def test_a_start_that_would_be_refused_is_refused_before_the_first_row(hub: CoachHub, tmp_path: Path) -> None:
    """A database that lies elsewhere is not emptied again: the second try, with a secret, must find it empty."""
    an_account(hub, "Sam")
    file = a_backup(hub)
    elsewhere, into = tmp_path / "elsewhere" / "house.db", tmp_path / "again"
    refused = attrs.evolve(settings_of(into), profile="production", database=Database(url=f"sqlite:///{elsewhere}"))
    with pytest.raises(SettingsError, match="JWT_SECRET must be given"):
        restoring.restore([file], refused)
    assert not elsewhere.exists()
    assert not into.exists()
    given = attrs.evolve(refused, auth=attrs.evolve(refused.auth, jwt_secret=new_secret()))
    done = restoring.restore([file], given)
    assert (done.n_sessions_ended, done.problems) == (1, ())
    with pytest.raises(SettingsError, match="nobody"):
        restoring.restore([file], attrs.evolve(given, data=tmp_path / "third", matching=Matching(matcher="nobody")))


# ── the list of erasures ────────────────────────────────────────────────────


def test_the_list_of_erasures_grows_and_shows_what_was_taken_out(hub: CoachHub, tmp_path: Path) -> None:
    """Written twice it is the same; a line that was changed or removed is named by its number."""
    people = [an_account(hub, name) for name in ("Ana", "Bo", "Cy")]
    for person in people:
        hub.own_data.erase(person, EraseAccount(password=PASSWORD))
    with hub.storage.begin(read_only=True) as work:
        chain = work.erasures.all()
    file = tmp_path / journal.NAME
    assert journal.extend(file, chain[:1]) == 1
    assert journal.extend(file, chain) == 2
    assert journal.extend(file, chain) == 0
    assert [e.account_id for e in journal.read(file)] == [p.account_id for p in people]
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], lines[2]]))
    with pytest.raises(BackupError, match="damaged at line 2"):
        journal.read(file)
    file.write_text("".join([lines[0], lines[1].replace(str(people[1].account_id), str(uuid.uuid4())), lines[2]]))
    with pytest.raises(BackupError, match="damaged at line 2"):
        journal.extend(file, chain)


def test_a_damaged_list_of_erasures_stops_a_restore(hub: CoachHub, tmp_path: Path) -> None:
    """Somebody might come back: nothing is touched."""
    file = a_backup(hub)
    (file.parent / journal.NAME).write_text("nobody\n")
    with pytest.raises(BackupError, match="damaged at line 1"):
        restoring.restore([file], settings_of(tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_settings_without_a_folder_have_nowhere_to_restore_to(hub: CoachHub) -> None:
    """An instance in memory is named by its setting."""
    file = a_backup(hub)
    with pytest.raises(Exception, match="COACHHUB_DATA"):
        restoring.restore([file], attrs.evolve(hub.settings, data=None))
