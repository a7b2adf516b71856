"""A reading as rows: its document, and the columns that lists and questions need."""

from __future__ import annotations

import sqlite3

from boneage_desk.archive.text import clean
from boneage_desk.archive.vault import Vault, vault_of
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.reading.session import Reading


def insert(connection: sqlite3.Connection, reading: Reading, document: str) -> None:
    """A new assessment with its study and findings."""
    connection.execute(
        """
        INSERT INTO assessments (reading_id, study_id, film_sha256, frame_number, laterality, standard, state,
                                 revision, created_at, changed_at, analysed_at, document, patient_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            reading.reading_id, study_row(connection, reading), reading.source.sha256, reading.source.frame_number,
            reading.study.laterality.value, reading.standard, reading.state.value, reading.revision,
            reading.created_at.isoformat(), reading.changed_at.isoformat(),
            reading.analysed_at.isoformat() if reading.analysed_at else None,
            sealed_document(connection, reading.reading_id, document),
            patient_token(connection, reading.patient.patient_id),
        ),
    )  # fmt: skip
    findings(connection, reading)


def update(connection: sqlite3.Connection, reading: Reading, document: str) -> None:
    """The present value of an assessment that is there and not signed yet.

    The findings first: once the assessment is signed, a trigger refuses their change.
    """
    findings(connection, reading)
    connection.execute(
        """
        UPDATE assessments SET study_id = ?, laterality = ?, state = ?, revision = ?, changed_at = ?,
                               analysed_at = ?, document = ?, patient_id = ?
        WHERE reading_id = ?
        """,
        (
            study_row(connection, reading), reading.study.laterality.value, reading.state.value, reading.revision,
            reading.changed_at.isoformat(), reading.analysed_at.isoformat() if reading.analysed_at else None,
            sealed_document(connection, reading.reading_id, document),
            patient_token(connection, reading.patient.patient_id), reading.reading_id,
        ),
    )  # fmt: skip


def amend(connection: sqlite3.Connection, reading: Reading, document: str) -> None:
    """A signed assessment with one more signature; all else of it stays as it is."""
    connection.execute(
        "UPDATE assessments SET state = ?, revision = ?, changed_at = ?, document = ? WHERE reading_id = ?",
        (
            reading.state.value, reading.revision, reading.changed_at.isoformat(),
            sealed_document(connection, reading.reading_id, document), reading.reading_id,
        ),
    )  # fmt: skip


def patient_token(connection: sqlite3.Connection, patient_id: str) -> str:
    """What stands for a patient id where readings are looked for by it (``assessments.patient_id``); '' for none."""
    return vault_of(connection).token(clean(patient_id.strip()))


def sealed_document(connection: sqlite3.Connection, reading_id: str, document: str) -> str:
    """A reading's document as it is stored."""
    return vault_of(connection).seal(document, "assessments", "document", reading_id)


def document_of(connection: sqlite3.Connection, reading_id: str, stored: str) -> str:
    """A reading's document again. Raises StoreError 'damaged'."""
    return vault_of(connection).unseal(stored, "assessments", "document", reading_id)


def study_row(connection: sqlite3.Connection, reading: Reading) -> int:
    """The study's row, as the newest change knows it. A file without DICOM is a study of its own."""
    study, patient, vault = reading.study, reading.patient, vault_of(connection)
    key = f"uid:{study.study_uid}" if study.study_uid else f"file:{reading.source.sha256}"
    row = connection.execute(
        """
        INSERT INTO studies (study_key, study_uid, patient_id, patient_name, patient_name_ideographic, sex,
                             birth_date, study_date, accession, description, modality)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (study_key) DO UPDATE SET
            patient_id = excluded.patient_id, patient_name = excluded.patient_name,
            patient_name_ideographic = excluded.patient_name_ideographic, sex = excluded.sex,
            birth_date = excluded.birth_date, study_date = excluded.study_date,
            accession = excluded.accession, description = excluded.description, modality = excluded.modality
        RETURNING study_id
        """,
        (
            vault.token(clean(key)), vault.copy(clean(study.study_uid)), vault.token(clean(patient.patient_id)),
            vault.copy(clean(patient.name)), vault.copy(clean(patient.name_ideographic)),
            vault.copy(patient.sex.value if patient.sex else None, None),
            vault.copy(patient.birth_date.isoformat() if patient.birth_date else None, None),
            vault.copy(study.study_date.isoformat() if study.study_date else None, None),
            vault.copy(clean(study.accession)), vault.copy(clean(study.description)), vault.copy(clean(study.modality)),
        ),
    ).fetchone()  # fmt: skip
    return int(row[0])


def findings(connection: sqlite3.Connection, reading: Reading) -> None:
    """Copies of what was found; a sealed data base has no words in them."""
    vault = vault_of(connection)
    connection.executemany(
        """
        INSERT INTO findings (reading_id, bone, machine_grade, human_grade, final_grade, reviewed, comment,
                              x0, y0, x1, y1)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (reading_id, bone) DO UPDATE SET
            machine_grade = excluded.machine_grade, human_grade = excluded.human_grade,
            final_grade = excluded.final_grade, reviewed = excluded.reviewed, comment = excluded.comment,
            x0 = excluded.x0, y0 = excluded.y0, x1 = excluded.x1, y1 = excluded.y1
        """,
        [_finding(reading.reading_id, finding, vault) for finding in reading.bones],
    )


def _finding(reading_id: str, finding: BoneFinding, vault: Vault) -> tuple[object, ...]:
    box = finding.box.as_list() if finding.box else [None] * 4
    return (
        reading_id, finding.bone, finding.opinion.grade if finding.opinion else None, finding.human_grade,
        finding.final_grade, int(finding.reviewed), vault.copy(clean(finding.comment)), *box,
    )  # fmt: skip
