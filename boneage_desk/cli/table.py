"""The CSV table of ``batch``: sex and birth date by film."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from boneage_desk.cli.films import Facts
from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.common.files import TABLE_BYTES, small_text
from boneage_desk.reading.ages import parse_date
from boneage_desk.standards.types import Sex


@dataclass(frozen=True, slots=True)
class Table:
    """Facts by id. A film is found by the name of its file with or without its ending, else by PatientID."""

    rows: Mapping[str, Facts]

    def facts(self, path: str, member: str, patient_id: str) -> Facts | None:
        """The row of a film, or None."""
        name = PurePosixPath((member or path).replace("\\", "/"))
        for key in (name.name, name.stem, patient_id.strip()):
            if key and key in self.rows:
                return self.rows[key]
        return None


def read_table(path: Path) -> Table:
    """Rows of a CSV with a header line ``id,sex`` and perhaps ``birth_date``; other columns are ignored.

    An empty sex or date is 'not known'. Raises InputError 'table' that names the line at fault.
    """
    try:
        text = small_text(path, TABLE_BYTES, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"The table '{path}' cannot be read ({reason}).", code="table") from None
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True, strict=True)
    rows: dict[str, tuple[int, Facts]] = {}
    try:
        header = [(name or "").strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = header
        if "id" not in header or "sex" not in header:
            raise InputError(
                f"The table '{path}' has no columns 'id' and 'sex'.",
                "Its first line must be: id,sex or id,sex,birth_date",
                code="table",
            )
        for row in reader:
            number = reader.line_num
            key = (row["id"] or "").strip()
            if not key:
                raise _at(path, number, "the id is missing")
            facts = _facts(path, number, row)
            if key in rows and rows[key][1] != facts:
                raise _at(path, number, f"'{key}' is there already, on line {rows[key][0]}, with other values")
            rows[key] = (number, facts)
    except csv.Error as error:
        raise _at(path, reader.line_num, str(error)) from None
    return Table({key: facts for key, (_, facts) in rows.items()})


def _facts(path: Path, number: int, row: Mapping[str, str | None]) -> Facts:
    sex = (row.get("sex") or "").strip()
    birth = (row.get("birth_date") or "").strip()
    try:
        return Facts(Sex.parse(sex) if sex else None, parse_date(birth) if birth else None)
    except BoneAgeError as error:
        raise _at(path, number, str(error)) from None


def _at(path: Path, number: int, what: str) -> InputError:
    return InputError(f"The table '{path}', line {number}: {what}", code="table")
