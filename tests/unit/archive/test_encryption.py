"""Encryption at rest: nothing of a patient can be read from the file, all is the same for who has the key, and the chain holds."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from boneage_desk.archive import restore, vault
from boneage_desk.archive.migrations import MIGRATIONS
from boneage_desk.archive.schema import strangers
from boneage_desk.archive.station import Station
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading import chain
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.session import AuditEvent, SetGrade, SetImpression
from tests.earlier_schema import as_of, triggers_off
from tests.samples import NOON, WHO, analysed, reading

PDF = b"%PDF-1.7 report on LI Ming 0042"
SECRETS = (b"LI^Ming", "李^明".encode(), b"\\u674e^\\u660e", b"0042", b"2014-03-02", b"films with spaces", b"tell nobody", b"%PDF")
PASSPHRASE = "correct horse battery"


@dataclasses.dataclass
class Keyring:
    """A key store of the system, in memory."""

    secrets: dict[str, str] = dataclasses.field(default_factory=dict)
    there: bool = True

    def available(self) -> bool:
        return self.there

    def kept(self, account: str) -> str | None:
        return self.secrets.get(account) if self.there else None

    def keep(self, account: str, passphrase: str) -> None:
        if not self.there:
            raise InputError("None.", code="keyring")
        self.secrets[account] = passphrase

    def forget(self, account: str) -> None:
        self.secrets.pop(account, None)


@dataclasses.dataclass
class Place:
    path: Path
    ring: Keyring
    asked: str | None = None

    @property
    def keys(self) -> vault.Keys:
        return vault.Keys(lambda: self.ring, lambda: self.asked)

    def store(self) -> SqliteStore:
        return SqliteStore(self.path, keys=self.keys)

    def station(self) -> Station:
        return Station(self.path, self.store, self.keys)

    def encrypt(self, passphrase: str | None = None, **how: bool) -> object:
        return self.station().encrypt(at=NOON + timedelta(days=9), who=WHO, passphrase=passphrase, **how)

    def content(self) -> tuple[object, ...]:
        """All that the store says."""
        with closing(self.store()) as store:
            return (
                store.list(), store.audit_rows(), store.events(), store.people(), store.of_patient("0042"),
                store.every_of_patient("0042"), store.report("signed"), store.report("signed", 1), store.verify(),
            )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A draft with words, a signed reading with its report, and a profile."""
    found = Place(tmp_path / "boneage.sqlite3", Keyring())
    with closing(found.store()) as store:
        store.set_person(Person(WHO, "Dr. A. Reader", Role.ADMINISTRATOR), at=NOON, who=WHO)
        session = analysed("draft")
        store.add(session.reading, AuditEvent("draft", NOON, WHO, "open"))
        for command in (SetGrade("radius", 3, "tell nobody"), SetImpression("tell nobody either")):
            event = session.do(command, at=NOON + timedelta(seconds=5), who=WHO)
            store.save(session.reading, event)
        scripted_signed(store)
    return found


def scripted_signed(store: SqliteStore) -> None:
    from boneage_desk.archive.text import sha256_of
    from tests.dicom_cases import signed

    draft = reading("signed", film="other")
    store.add(draft, AuditEvent("signed", NOON, WHO, "open"))
    value = signed(draft)
    seal = dataclasses.replace(value.signatures[0], pdf_sha256=sha256_of(PDF))
    value = dataclasses.replace(value, signatures=(seal,), revision=1)
    store.save(value, AuditEvent("signed", NOON, WHO, "sign"), report=PDF)


def raw(folder: Path) -> dict[str, list[bytes]]:
    """Which secrets stand in which file."""
    return {
        path.name: found
        for path in sorted(folder.iterdir())
        if path.is_file() and (found := [secret for secret in SECRETS if secret in path.read_bytes()])
    }


def test_the_file_says_nothing_and_the_store_the_same(place: Place) -> None:
    before = place.content()
    assert set(raw(place.path.parent)[place.path.name]) >= {b"LI^Ming", b"0042", b"tell nobody", b"%PDF"}
    done = place.encrypt(delete_clear=True)
    assert raw(place.path.parent) == {}
    after = place.content()
    assert after[0] == before[0] and after[3:] == before[3:]
    assert after[1][:-1] == before[1]  # type: ignore[index]
    assert (after[1][-1].action, after[-1]) == ("encrypt", [])  # type: ignore[index]
    assert chain.broken_rows(after[1]) == [] and chain.continued(before[1], after[1]) == []  # type: ignore[arg-type]
    assert done.kept is None and done.readings == 2  # type: ignore[attr-defined]
    assert place.path.stat().st_mode & 0o077 == 0


def test_what_is_saved_later_is_sealed_too(place: Place) -> None:
    place.encrypt(delete_clear=True)
    with closing(place.store()) as store:
        session = analysed("new", name="WEI^Secret")
        store.add(session.reading, AuditEvent("new", NOON, WHO, "open"))
        event = session.do(SetImpression("tell nobody again"), at=NOON + timedelta(seconds=5), who=WHO)
        store.save(session.reading, event)
        in_use = raw(place.path.parent)  # with the log beside it
        assert store.get("new") == session.reading
        assert store.verify() == []
        assert [found.reading_id for found in store.every_of_patient("0042")] == ["new", "signed", "draft"]
    assert in_use == {} and raw(place.path.parent) == {}
    assert b"WEI^Secret" not in place.path.read_bytes()


def test_off_gives_the_same_file_content_again(place: Place) -> None:
    def tables() -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(place.path)) as connection:
            names = ("assessments", "findings", "reports", "people")
            found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
            found["audit"] = connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()
            columns = "study_key, patient_id, patient_name, sex, birth_date, study_date"
            found["studies"] = connection.execute(f"SELECT {columns} FROM studies ORDER BY 1").fetchall()
            found["schema"] = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()
        found["assessments"] = [row[:2] + row[3:] for row in found["assessments"]]  # the study's number is another
        return found

    before = tables()
    place.encrypt()
    place.station().decrypt(at=NOON + timedelta(days=10), who=WHO)
    after = tables()
    assert [row[5] for row in after["audit"][-2:]] == ["encrypt", "decrypt"]
    after["audit"] = after["audit"][:-2]
    assert after == before
    assert place.content()[-1] == []


@pytest.mark.parametrize("lost", ["all", "another key"])
def test_a_lost_key_is_a_clear_refusal_and_nothing_is_touched(place: Place, lost: str) -> None:
    place.encrypt(delete_clear=True)
    (name,) = place.ring.secrets
    if lost == "all":
        place.ring.secrets.clear()
    else:
        place.ring.secrets[name] = "ab" * 32
    before = place.path.read_bytes()
    with pytest.raises(StoreError) as caught:
        place.store()
    assert caught.value.code == "encrypted"
    assert name.removeprefix("data ") in caught.value.message and "nobody can read" in caught.value.remedy
    with pytest.raises(StoreError):
        place.station().decrypt(at=NOON, who=WHO)
    assert place.path.read_bytes() == before
    assert sorted(path.name for path in place.path.parent.iterdir()) == ["boneage.sqlite3"]


def test_a_passphrase_opens_it_where_there_is_no_key_store(place: Place) -> None:
    place.ring.there = False
    with pytest.raises(InputError) as caught:
        place.encrypt()
    assert caught.value.code == "passphrase"
    with pytest.raises(InputError):
        place.encrypt("too short")
    place.encrypt(PASSPHRASE, delete_clear=True)
    with pytest.raises(StoreError, match="encrypt unlock"):
        place.store()
    place.asked = "another passphrase"
    with pytest.raises(InputError):
        place.store()
    place.asked = PASSPHRASE
    assert place.content()[-1] == []
    assert PASSPHRASE.encode() not in place.path.read_bytes()
    # on an account with a key store the passphrase is given once
    place.asked, place.ring.there = None, True
    place.station().unlock(PASSPHRASE)
    assert place.content()[-1] == []
    with pytest.raises(InputError):
        place.station().unlock("wrong wrong wrong")


def test_backups_are_sealed_and_restored_with_the_key(place: Place, tmp_path: Path) -> None:
    clear = tmp_path / "clear.sqlite3"
    with closing(place.store()) as store:
        Station(place.path, lambda: store, place.keys).backup(clear, at=NOON, who=WHO)
    place.encrypt(delete_clear=True)
    target = tmp_path / "copy.sqlite3"
    with closing(place.store()) as store:
        Station(place.path, lambda: store, place.keys).backup(target, at=NOON, who=WHO)
    assert set(raw(tmp_path)) == {"clear.sqlite3"}
    before = place.content()
    place.station().restore(target, at=NOON + timedelta(days=11), who=WHO)
    assert place.content()[0] == before[0] and place.content()[-1] == []
    kept = dict(place.ring.secrets)
    place.ring.secrets.clear()
    with pytest.raises(StoreError) as caught:
        place.station().restore(target, at=NOON, who=WHO)
    assert caught.value.code == "encrypted"
    place.ring.secrets.update(kept)
    assert place.content()[-1] == []


def test_altered_sealed_values_are_found(place: Place) -> None:
    place.encrypt(delete_clear=True)
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection, triggers_off(connection):
        one, two = (row[0] for row in connection.execute("SELECT document FROM assessments ORDER BY assessment_id"))
        # each sealed well, but the other reading's
        connection.execute("UPDATE assessments SET document = ? WHERE reading_id = 'draft'", (two,))
        connection.execute("UPDATE reports SET pdf = CAST(substr(pdf, 1, length(pdf) - 1) || x'00' AS BLOB)")
    with closing(place.store()) as store:
        problems = store.verify()
        with pytest.raises(StoreError, match="altered"):
            store.get("draft")
    assert any("draft is not as audit row" in words for words in problems)
    assert any("is not the file that was signed" in words for words in problems)
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection, triggers_off(connection):
        connection.execute("UPDATE assessments SET document = ? WHERE reading_id = 'draft'", (one,))
        connection.execute("UPDATE audit SET after = (SELECT after FROM audit WHERE seq = 1) WHERE seq = 2")
    with closing(place.store()) as store:
        assert store.verify() == ["A sealed value of the data base was altered (audit after 2)."]


def test_open_elsewhere_is_refused_and_nothing_changes(place: Place) -> None:
    with closing(place.store()), pytest.raises(StoreError) as caught:
        place.encrypt()
    assert caught.value.code == "locked"
    assert place.ring.secrets == {}
    assert place.station().encryption().on is False


def test_only_an_administrator_switches(place: Place) -> None:
    with pytest.raises(InputError) as caught:
        place.station().encrypt(at=NOON, who="somebody", passphrase=None)
    assert caught.value.code == "role"
    assert place.ring.secrets == {}


def test_state_and_clear_copies_are_told(place: Place) -> None:
    done = place.encrypt()
    state = place.station().encryption()
    assert (state.on, state.kept, state.passphrase, state.clear_copies) == (True, True, False, (done.kept,))  # type: ignore[attr-defined]
    assert set(raw(place.path.parent)) == {done.kept.name}  # type: ignore[attr-defined]
    with pytest.raises(InputError) as caught:
        place.encrypt()
    assert caught.value.code == "state"
    (key,) = place.ring.secrets.values()
    assert key.encode() not in place.path.read_bytes() and bytes.fromhex(key) not in place.path.read_bytes()


def test_a_signed_reading_of_a_sealed_store_is_as_locked_as_ever(place: Place) -> None:
    place.encrypt()
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        for statement in (
            "UPDATE audit SET who = 'x'", "DELETE FROM audit", "UPDATE reports SET at = ''", "DELETE FROM assessments",
            "UPDATE assessments SET state = 'draft' WHERE reading_id = 'signed'",
        ):  # fmt: skip
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)


def test_profiles_and_pins_are_made_and_changed_in_a_sealed_store(place: Place) -> None:
    place.encrypt()
    with closing(place.store()) as store:
        store.set_person(Person("li", "Dr. Li", Role.TECHNOLOGIST), at=NOON, who=WHO)
        store.set_person(Person("li", "Dr. Li Ming", Role.RADIOLOGIST), at=NOON, who=WHO)
        store.set_pin(WHO, "123456", at=NOON, who=WHO)
        assert [person.name for person in store.people()] == ["Dr. Li Ming", "Dr. A. Reader"]
        assert store.check_pin(WHO, "123456")
        store.note(AuditEvent("", NOON, WHO, "lock"))
        assert store.verify() == []
    # without an audit row before it the data base still refuses
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        for statement in (
            "INSERT INTO people VALUES ('thief', 'Thief', 'administrator', '')", "UPDATE people SET role = 'administrator'",
            "UPDATE people SET account = 'thief' WHERE account = 'li'",
        ):  # fmt: skip
            with pytest.raises(sqlite3.IntegrityError, match="together with its audit row"):
                connection.execute(statement)
    place.station().decrypt(at=NOON + timedelta(days=10), who=WHO)
    with closing(place.store()) as store:
        store.set_person(Person("li", "Dr. Li", Role.RADIOLOGIST), at=NOON, who=WHO)
        assert store.verify() == []


def test_a_profile_of_another_account_than_its_audit_row_is_named(place: Place) -> None:
    """In a sealed store the trigger cannot read the row's account: `verify` does."""
    place.encrypt()
    with closing(place.store()) as store:
        store.set_pin(WHO, "123456", at=NOON, who=WHO)
        connection = store._connection
        assert connection is not None
        connection.execute("INSERT INTO people VALUES ('thief', 'Thief', 'administrator', '')")
        assert store.verify() == ["The profile of thief has no audit row."]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_store_of_the_schema_before_goes_on(place: Place, tmp_path: Path, sealed: bool) -> None:
    """Readings that a patient id finds, and profiles, of a store that had neither the column nor the rule."""
    if sealed:
        place.encrypt(delete_clear=True)
    before = place.content()
    place.path.rename(tmp_path / "present.sqlite3")
    as_of(MIGRATIONS[:3], tmp_path / "present.sqlite3", place.path)
    after = place.content()
    assert after[0] == before[0] and after[3:] == before[3:] and after[-1] == []
    assert (after[1][-1].action, after[1][-1].after) == ("migrate", MIGRATIONS[3].name)  # type: ignore[index]
    assert [found.reading_id for found in after[5]] == ["signed", "draft"]  # type: ignore[attr-defined]
    with closing(place.store()) as store:
        store.set_person(Person("li", "Dr. Li", Role.RADIOLOGIST), at=NOON, who=WHO)
        assert store.verify() == []
    with closing(sqlite3.connect(place.path)) as plain:
        assert strangers(plain) == []
        stored = {row[0] for row in plain.execute("SELECT patient_id FROM assessments")}
        assert len(stored) == 1 and ("0042" in stored) is not sealed and stored != {""}


def test_a_reading_that_cannot_be_opened_does_not_stop_the_step(place: Place, tmp_path: Path) -> None:
    place.encrypt(delete_clear=True)
    place.path.rename(tmp_path / "present.sqlite3")
    as_of(MIGRATIONS[:3], tmp_path / "present.sqlite3", place.path)
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.execute("UPDATE assessments SET document = 'bd1:AAAA' WHERE reading_id = 'draft'")
    with closing(place.store()) as store:
        assert store.get("signed").patient.patient_id == "0042"
        assert store.verify() == ["Reading draft is not as audit row 4 left it."]


def test_a_failure_on_the_way_leaves_what_was_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.content()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("boneage_desk.archive.restore.swap", full)
    with pytest.raises(StoreError) as caught:
        place.encrypt()
    assert caught.value.code == "disk-full"
    assert place.content() == before
    assert place.ring.secrets == {}
    assert [path.name for path in place.path.parent.iterdir() if "restore" in path.name] == []


def test_what_cannot_be_deleted_after_the_switch_costs_no_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.content()
    real, swap, swapped = Path.unlink, restore.swap, []

    def noted(part: Path, path: Path, at: datetime) -> Path | None:
        swapped.append(True)
        return swap(part, path, at)

    monkeypatch.setattr("boneage_desk.archive.restore.swap", noted)

    def held_open(self: Path, missing_ok: bool = False) -> None:
        if swapped:
            raise PermissionError(13, "The process cannot access the file", str(self))
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", held_open)
    done = place.encrypt(delete_clear=True)
    monkeypatch.undo()
    left = done.kept  # type: ignore[attr-defined]
    assert left.exists() and place.station().encryption().clear_copies == (left,)
    assert len(place.ring.secrets) == 1
    assert place.content()[0] == before[0] and place.content()[-1] == []


def test_an_interruption_after_the_switch_costs_no_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object) -> None:
        swap(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    swap = restore.swap
    monkeypatch.setattr("boneage_desk.archive.restore.swap", interrupted)
    place.ring.there = False
    with pytest.raises(KeyboardInterrupt):
        keys = place.keys
        Station(place.path, place.store, keys).encrypt(at=NOON, who=WHO, passphrase=PASSPHRASE)
    assert len(keys.held) == 1
    place.asked = PASSPHRASE
    assert place.content()[-1] == []
    place.asked, place.ring.there = None, True
    monkeypatch.setattr("boneage_desk.archive.restore.swap", swap)
    place.station().unlock(PASSPHRASE)
    place.station().decrypt(at=NOON + timedelta(days=10), who=WHO)
    place.ring.secrets.clear()
    monkeypatch.setattr("boneage_desk.archive.restore.swap", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place.encrypt()
    assert len(place.ring.secrets) == 1
    assert place.content()[-1] == []


def test_the_key_store_of_the_system_is_asked_by_its_own_adapter() -> None:
    from boneage_desk.reports import signing_keystore

    store: vault.KeyStore = signing_keystore
    assert store.available() is False  # tests run without one (conftest)
    assert store.kept("data x") is None
