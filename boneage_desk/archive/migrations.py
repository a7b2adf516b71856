"""The shape of the data base, as named steps. A step that was ever released is never edited.

Each step runs in one transaction with its record in ``schema_migrations``; a file that was not new is
copied beside itself before the first step that is missing (``backup.before_migrating``).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boneage_desk import __version__
from boneage_desk.archive.text import clean
from boneage_desk.archive.vault import vault_of
from boneage_desk.common.errors import StoreError

APPLICATION_ID = 0x424F4E45  # 'BONE'


@dataclass(frozen=True, slots=True)
class Migration:
    """A step: its name, which is its identity, and its statements: SQL, or a function where the values are sealed."""

    name: str
    statements: tuple[str | Callable[[sqlite3.Connection], None], ...]


# `assessments.document` is the reading (reading/codec.py) and the truth. The columns beside it, studies
# and findings are copies of parts of it, written in the same transaction, for work lists and questions.
FIRST = Migration(
    "0001-studies-assessments-findings-audit",
    (
        """
        CREATE TABLE studies (
            study_id INTEGER PRIMARY KEY,
            study_key TEXT NOT NULL UNIQUE,
            study_uid TEXT NOT NULL,
            patient_id TEXT NOT NULL,
            patient_name TEXT NOT NULL,
            patient_name_ideographic TEXT NOT NULL,
            sex TEXT CHECK (sex IN ('M', 'F')),
            birth_date TEXT,
            study_date TEXT,
            accession TEXT NOT NULL,
            description TEXT NOT NULL,
            modality TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX studies_by_patient ON studies (patient_id)",
        "CREATE INDEX studies_by_date ON studies (study_date)",
        """
        CREATE TABLE assessments (
            assessment_id INTEGER PRIMARY KEY AUTOINCREMENT,
            reading_id TEXT NOT NULL UNIQUE,
            study_id INTEGER NOT NULL REFERENCES studies (study_id),
            film_sha256 TEXT NOT NULL,
            frame_number INTEGER NOT NULL,
            laterality TEXT NOT NULL,
            standard TEXT NOT NULL,
            state TEXT NOT NULL,
            revision INTEGER NOT NULL CHECK (revision >= 0),
            created_at TEXT NOT NULL,
            changed_at TEXT NOT NULL,
            analysed_at TEXT,
            document TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX assessments_by_film ON assessments (film_sha256, frame_number)",
        "CREATE INDEX assessments_by_study ON assessments (study_id)",
        """
        CREATE TABLE findings (
            reading_id TEXT NOT NULL REFERENCES assessments (reading_id),
            bone TEXT NOT NULL,
            machine_grade INTEGER,
            human_grade INTEGER,
            final_grade INTEGER,
            reviewed INTEGER NOT NULL CHECK (reviewed IN (0, 1)),
            comment TEXT NOT NULL,
            x0 REAL, y0 REAL, x1 REAL, y1 REAL,
            PRIMARY KEY (reading_id, bone)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE audit (
            seq INTEGER PRIMARY KEY,
            reading_id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            detail TEXT NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            software TEXT NOT NULL,
            document_sha256 TEXT NOT NULL,
            previous TEXT NOT NULL,
            hash TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX audit_by_reading ON audit (reading_id, seq)",
        """
        CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
        """,
        """
        CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END
        """,
        # also refuses INSERT OR REPLACE over a row, which fires no delete trigger
        """
        CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
        BEGIN SELECT RAISE(ABORT, 'audit rows are only added at the end'); END
        """,
        """
        CREATE TRIGGER assessments_are_kept BEFORE DELETE ON assessments
        BEGIN SELECT RAISE(ABORT, 'assessments are never deleted'); END
        """,
    ),
)

_SEALED = "('signed', 'amended')"
_LAST_EVENT = "(SELECT action || ' ' || detail FROM audit WHERE reading_id = '' AND seq = (SELECT max(seq) FROM audit))"

# Sealed reports, profiles, and what a signed assessment still takes: a signed addendum and nothing else. Triggers refuse
# INSERT OR REPLACE and UPDATE OR REPLACE too, which fire no delete trigger in a program that does not ask for it.
SECOND = Migration(
    "0002-reports-people-seals",
    (
        """
        CREATE TABLE reports (
            reading_id TEXT NOT NULL REFERENCES assessments (reading_id),
            number INTEGER NOT NULL CHECK (number >= 1),
            pdf BLOB NOT NULL,
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            at TEXT NOT NULL,
            PRIMARY KEY (reading_id, number)
        ) STRICT
        """,
        """
        CREATE TRIGGER reports_refuse_update BEFORE UPDATE ON reports
        BEGIN SELECT RAISE(ABORT, 'signed reports are never changed'); END
        """,
        """
        CREATE TRIGGER reports_refuse_delete BEFORE DELETE ON reports
        BEGIN SELECT RAISE(ABORT, 'signed reports are never deleted'); END
        """,
        """
        CREATE TRIGGER reports_only_grow BEFORE INSERT ON reports
        WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM reports WHERE reading_id = NEW.reading_id)
        BEGIN SELECT RAISE(ABORT, 'signed reports are only added, in order'); END
        """,
        """
        CREATE TABLE people (
            account TEXT NOT NULL PRIMARY KEY CHECK (account <> ''),
            name TEXT NOT NULL CHECK (name <> ''),
            role TEXT NOT NULL CHECK (role IN ('radiologist', 'endocrinologist', 'technologist', 'administrator')),
            pin TEXT NOT NULL DEFAULT ''
        ) STRICT, WITHOUT ROWID
        """,
        f"""
        CREATE TRIGGER people_come_with_their_audit_row BEFORE INSERT ON people
        WHEN coalesce({_LAST_EVENT}, '') NOT IN ('set-person ' || NEW.account, 'set-pin ' || NEW.account)
        BEGIN SELECT RAISE(ABORT, 'a profile is made together with its audit row'); END
        """,
        f"""
        CREATE TRIGGER people_change_with_their_audit_row BEFORE UPDATE ON people
        WHEN NEW.account IS NOT OLD.account
            OR coalesce({_LAST_EVENT}, '') NOT IN ('set-person ' || NEW.account, 'set-pin ' || NEW.account)
        BEGIN SELECT RAISE(ABORT, 'a profile changes together with its audit row'); END
        """,
        """
        CREATE TRIGGER people_are_kept BEFORE DELETE ON people
        BEGIN SELECT RAISE(ABORT, 'profiles are never deleted'); END
        """,
        f"""
        CREATE TRIGGER assessments_begin_unsigned BEFORE INSERT ON assessments
        WHEN NEW.state IN {_SEALED}
            OR EXISTS (SELECT 1 FROM assessments WHERE reading_id = NEW.reading_id OR assessment_id = NEW.assessment_id)
        BEGIN SELECT RAISE(ABORT, 'an assessment is added once, and signed later'); END
        """,
        """
        CREATE TRIGGER assessments_keep_their_ids BEFORE UPDATE ON assessments
        WHEN NEW.reading_id IS NOT OLD.reading_id OR NEW.assessment_id IS NOT OLD.assessment_id
        BEGIN SELECT RAISE(ABORT, 'an assessment keeps its id'); END
        """,
        f"""
        CREATE TRIGGER signed_assessments_stay BEFORE UPDATE ON assessments
        WHEN OLD.state IN {_SEALED} AND (
            NEW.state <> 'amended' OR NEW.revision <= OLD.revision OR NEW.study_id IS NOT OLD.study_id
            OR NEW.film_sha256 IS NOT OLD.film_sha256 OR NEW.frame_number IS NOT OLD.frame_number
            OR NEW.laterality IS NOT OLD.laterality OR NEW.standard IS NOT OLD.standard
            OR NEW.created_at IS NOT OLD.created_at OR NEW.analysed_at IS NOT OLD.analysed_at)
        BEGIN SELECT RAISE(ABORT, 'a signed assessment takes nothing but a signed addendum'); END
        """,
        f"""
        CREATE TRIGGER assessments_are_signed_with_a_report BEFORE UPDATE ON assessments
        WHEN NEW.state IN {_SEALED} AND (SELECT coalesce(max(number), 0) FROM reports WHERE reading_id = NEW.reading_id)
            < CASE NEW.state WHEN 'amended' THEN 2 ELSE 1 END
        BEGIN SELECT RAISE(ABORT, 'an assessment is signed together with its report'); END
        """,
        *(
            f"""
            CREATE TRIGGER signed_findings_refuse_{verb.lower()} BEFORE {verb} ON findings
            WHEN (SELECT state FROM assessments WHERE reading_id = {row}.reading_id) IN {_SEALED}
            BEGIN SELECT RAISE(ABORT, 'findings of a signed assessment are never changed'); END
            """
            for verb, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
        ),
    ),
)

# Whether the patients' words are sealed, and by which key; no row: they are in clear (archive/vault.py)
THIRD = Migration(
    "0003-encryption",
    (
        """
        CREATE TABLE encryption (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            cipher TEXT NOT NULL,
            key_id TEXT NOT NULL,
            wrapped TEXT NOT NULL,
            at TEXT NOT NULL
        ) STRICT
        """,
    ),
)



def _patients_of_readings(connection: sqlite3.Connection) -> None:
    """`assessments.patient_id` as each document says; one that cannot be read keeps what its study's row says."""
    vault = vault_of(connection)
    for (reading_id,) in connection.execute("SELECT reading_id FROM assessments").fetchall():
        stored = connection.execute("SELECT document FROM assessments WHERE reading_id = ?", (reading_id,)).fetchone()[0]
        try:
            document = json.loads(vault.unseal(stored, "assessments", "document", reading_id))
            patient_id = str(document["reading"]["patient"].get("patient_id", ""))
        except (StoreError, AttributeError, KeyError, TypeError, ValueError):  # named by `audit verify`
            continue
        token = vault.token(clean(patient_id.strip()))
        connection.execute("UPDATE assessments SET patient_id = ? WHERE reading_id = ?", (token, reading_id))


_LAST = "(SELECT {} FROM audit WHERE reading_id = '' AND seq = (SELECT max(seq) FROM audit))"
# in a sealed data base the row's `detail` cannot be read here: `audit verify` ties the profile to it
_NO_ROW_OF_IT = f"""coalesce({_LAST.format("action")}, '') NOT IN ('set-person', 'set-pin')
            OR (NOT EXISTS (SELECT 1 FROM encryption) AND {_LAST.format("detail")} IS NOT NEW.account)"""

# Profiles can be made where the audit's words are sealed; a reading is found by its own patient id, not by that of the
# study's row, which the newest change of any reading of the study overwrites.
FOURTH = Migration(
    "0004-sealed-profiles-patients",
    (
        "DROP TRIGGER IF EXISTS people_come_with_their_audit_row",
        "DROP TRIGGER IF EXISTS people_change_with_their_audit_row",
        f"""
        CREATE TRIGGER people_come_with_their_audit_row BEFORE INSERT ON people
        WHEN {_NO_ROW_OF_IT}
        BEGIN SELECT RAISE(ABORT, 'a profile is made together with its audit row'); END
        """,
        f"""
        CREATE TRIGGER people_change_with_their_audit_row BEFORE UPDATE ON people
        WHEN NEW.account IS NOT OLD.account OR {_NO_ROW_OF_IT}
        BEGIN SELECT RAISE(ABORT, 'a profile changes together with its audit row'); END
        """,
        "DROP TRIGGER IF EXISTS signed_assessments_stay",
        "DROP TRIGGER IF EXISTS assessments_are_signed_with_a_report",
        "ALTER TABLE assessments ADD COLUMN patient_id TEXT NOT NULL DEFAULT ''",
        "UPDATE assessments SET patient_id = (SELECT patient_id FROM studies WHERE study_id = assessments.study_id)",
        _patients_of_readings,
        "CREATE INDEX assessments_by_patient ON assessments (patient_id)",
        f"""
        CREATE TRIGGER signed_assessments_stay BEFORE UPDATE ON assessments
        WHEN OLD.state IN {_SEALED} AND (
            NEW.state <> 'amended' OR NEW.revision <= OLD.revision OR NEW.study_id IS NOT OLD.study_id
            OR NEW.film_sha256 IS NOT OLD.film_sha256 OR NEW.frame_number IS NOT OLD.frame_number
            OR NEW.laterality IS NOT OLD.laterality OR NEW.standard IS NOT OLD.standard
            OR NEW.patient_id IS NOT OLD.patient_id
            OR NEW.created_at IS NOT OLD.created_at OR NEW.analysed_at IS NOT OLD.analysed_at)
        BEGIN SELECT RAISE(ABORT, 'a signed assessment takes nothing but a signed addendum'); END
        """,
        f"""
        CREATE TRIGGER assessments_are_signed_with_a_report BEFORE UPDATE ON assessments
        WHEN NEW.state IN {_SEALED} AND (SELECT coalesce(max(number), 0) FROM reports WHERE reading_id = NEW.reading_id)
            < CASE NEW.state WHEN 'amended' THEN 2 ELSE 1 END
        BEGIN SELECT RAISE(ABORT, 'an assessment is signed together with its report'); END
        """,
    ),
)

MIGRATIONS: tuple[Migration, ...] = (FIRST, SECOND, THIRD, FOURTH)

_RECORDS = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    applied_at TEXT NOT NULL,
    software TEXT NOT NULL
) STRICT
"""


def applied(connection: sqlite3.Connection) -> list[str]:
    """Names of the steps that the file has, in order. Writes nothing.

    Raises StoreError 'not-ours' for a data base of another program.
    """
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    if not tables and mark == 0:
        return []
    if mark != APPLICATION_ID or "schema_migrations" not in tables:
        raise StoreError(
            "The data base was made by another program.",
            "Choose another data folder, or move that file away.",
            code="not-ours",
        )
    return [row[0] for row in connection.execute("SELECT name FROM schema_migrations ORDER BY number")]


def pending(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """The steps that the file lacks. Raises StoreError 'newer' when it has steps that we do not know."""
    done = applied(connection)
    known = [migration.name for migration in migrations]
    if done != known[: len(done)]:
        unknown = ", ".join(name for name in done if name not in known) or "steps in another order"
        raise StoreError(
            f"The data base was written by a newer version of BoneAge Desk ({unknown}).",
            "Update the program; the file was not touched.",
            code="newer",
        )
    return list(migrations[len(done) :])


def migrate(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration],
    now: Callable[[], str],
    told: Callable[[str, str], None] | None = None,
) -> list[str]:
    """Run the missing steps, each in one transaction with its record; the names of those that ran.

    ``told(before, after)`` is called in the transaction of a step on a file that had steps already, with the names of
    the last one that it had and of this one: it writes the audit row.
    """
    ran = []
    while todo := pending(connection, migrations):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # another process may have been quicker
            todo = pending(connection, migrations)
            if todo:
                step = todo[0]
                connection.execute(_RECORDS)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                for statement in step.statements:
                    if isinstance(statement, str):
                        connection.execute(statement)
                    else:
                        statement(connection)
                connection.execute(
                    "INSERT INTO schema_migrations (name, applied_at, software) VALUES (?, ?, ?)",
                    (step.name, now(), __version__),
                )
                if told is not None and len(todo) < len(migrations):
                    told(migrations[len(migrations) - len(todo) - 1].name, step.name)
                ran.append(step.name)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return ran
