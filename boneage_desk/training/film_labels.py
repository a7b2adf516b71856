"""The table of an evaluation on whole films: which film, sex, reference bone age; and which row a film belongs to.

Columns (any order, upper or lower case; others are ignored and told):

- ``film``, ``id``, ``file`` or ``image``: the film's path inside the folder or zip, its file name, the name without its
  ending, or the PatientID of the DICOM file, tried in this order.
- ``sex`` or ``gender``, or ``male``, or ``female`` (yes/no). Empty: not known.
- ``bone_age_months``, ``bone_age`` or ``boneage``: a number of months.
- ``height`` and ``width``: pixels of the true film, where the picture at hand was squashed to another shape.

Nothing is guessed: a code for the sex that is written differently in different places ('H', '1') is a fault.
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from boneage_desk.common.errors import InputError
from boneage_desk.common.files import TABLE_BYTES, small_text
from boneage_desk.reading.ports import FilmEntry
from boneage_desk.standards.types import Sex
from boneage_desk.training.site_data import OLDEST_MONTHS, Faults, Tell

_FILM = ("film", "id", "file", "image", "image id", "case id")
_SEX = ("sex", "gender", "male", "female")
_MONTHS = ("bone_age_months", "bone_age", "boneage", "bone age (months)")
_SIZE = ("height", "width")
LEAST_SIDE, LONGEST_SIDE = 16, 65_535
_WORDS = {
    Sex.MALE: {"m", "male", "man", "boy", "男", "男性", "男孩", "masculin", "masculino", "mann", "junge", "maschio"},
    Sex.FEMALE: {"f", "female", "woman", "girl", "女", "女性", "女孩", "féminin", "feminin", "femenino", "frau", "w", "weiblich"},
}
_YES, _NO = {"1", "true", "yes", "t", "y"}, {"0", "false", "no", "n"}


@dataclass(frozen=True, slots=True)
class FilmLabel:
    """One row. line: as a text editor counts. sex: None where the table does not know. size: (height, width) of the
    true film, or None."""

    film: str
    line: int
    sex: Sex | None
    months: float
    size: tuple[int, int] | None = None


class Labels(NamedTuple):
    """The rows by film, and the SHA-256 of the table's text."""

    rows: Mapping[str, FilmLabel]
    sha256: str


def sex_of_words(column: str, text: str) -> Sex | None:
    """'M', 'female', 'True' in a column 'male' ... to a sex; None for nothing. Raises ValueError saying what is allowed."""
    word = text.strip().lower()
    if not word:
        return None
    if column in ("male", "female"):
        if word not in _YES | _NO:
            raise ValueError("it must be true or false (1 or 0)")
        return Sex.MALE if (word in _YES) == (column == "male") else Sex.FEMALE
    for sex, words in _WORDS.items():
        if word in words:
            return sex
    raise ValueError(
        "it must be M or F (male, female, boy, girl, 男, 女), or empty; for 1 and 0 name the column 'male' or 'female'"
    )


def read_labels(path: Path, tell: Tell) -> Labels:
    """The table at ``path``. Every fault is told with its line. Raises InputError 'site-data'."""
    text = _text(path)
    faults = Faults(path)
    rows: dict[str, FilmLabel] = {}
    columns: dict[str, str] = {}
    try:
        reader = csv.DictReader(text.splitlines(), delimiter=_mark(text), skipinitialspace=True, strict=True)
        reader.fieldnames = [(name or "").strip().lower() for name in reader.fieldnames or []]
        columns = _columns(reader.fieldnames, faults, tell)
        for cells in reader if columns else ():
            if not any((v or "").strip() for k, v in cells.items() if k is not None):
                continue
            label = _row(reader.line_num, cells, columns, faults)
            if label is None:
                continue
            if label.film in rows:
                faults.add(label.line, columns["film"], f"'{label.film}' is there already, on line {rows[label.film].line}")
            rows.setdefault(label.film, label)
    except csv.Error as error:
        faults.add(reader.line_num, "", str(error))
    if columns and not rows and not faults.lines:
        faults.add(0, "", "it holds no row below its header")
    faults.refuse(tell)
    return Labels(rows, hashlib.sha256(text.encode()).hexdigest())


def read_split(path: Path) -> set[str]:
    """Film ids with a 1 (true, yes) in the column ``validation`` of a table ``id,validation``. Raises InputError."""
    rows = _rows(path, _text(path))
    if not {"id", "validation"} <= set(next(rows, (0, {}))[1]):
        raise InputError(f"The split '{path}' has no columns 'id' and 'validation'.", code="site-data")
    held = set()
    for line, row in rows:
        word = row["validation"].strip().lower()
        if word not in _YES | _NO:
            raise InputError(f"The split '{path}', line {line}: validation is '{word}', not 1 or 0.", code="site-data")
        if word in _YES:
            held.add(row["id"].strip())
    return held


def with_sizes(labels: Labels, path: Path) -> Labels:
    """The rows with the true sizes of a table ``id,height,width``; a row's own size stays. Raises InputError."""
    text = _text(path)
    table = _rows(path, text)
    if not {"id", *_SIZE} <= set(next(table, (0, {}))[1]):
        raise InputError(f"The sizes '{path}' have no columns id, height and width.", code="site-data")
    sizes = {}
    for line, row in table:
        height, width = (_number(row[name]) for name in _SIZE)
        if not _possible(height, width):
            raise InputError(f"The sizes '{path}', line {line}: height and width must be pixels.", code="site-data")
        sizes[row["id"].strip()] = round(height or 0), round(width or 0)
    rows = {film: row if row.size else replace(row, size=sizes.get(film)) for film, row in labels.rows.items()}
    return Labels(rows, hashlib.sha256((labels.sha256 + text).encode()).hexdigest())


def _possible(height: float | None, width: float | None) -> bool:
    return None not in (height, width) and LEAST_SIDE <= min(height or 0, width or 0) <= max(height or 0, width or 0) <= LONGEST_SIDE


def rows_of_films(
    entries: Sequence[FilmEntry], labels: Labels, top: Path
) -> tuple[list[tuple[FilmEntry, FilmLabel]], list[FilmEntry], list[tuple[FilmEntry, FilmLabel]]]:
    """(films with their row, films without a row, films that share a row and so are all left out).

    top: the folder (or zip) that the films were found in; paths in the table are relative to it.
    """
    found: list[tuple[FilmEntry, FilmLabel]] = []
    without: list[FilmEntry] = []
    owners: dict[str, int] = {}
    for entry in entries:
        inside = entry.member or (os.path.relpath(entry.path, top) if top.is_dir() else os.path.basename(entry.path))
        name = PurePosixPath(inside.replace("\\", "/"))
        keys = (str(name), name.name, name.stem, entry.patient_id.strip())
        key = next((k for k in keys if k and k in labels.rows), None)
        if key is None:
            without.append(entry)
            continue
        owners[key] = owners.get(key, 0) + 1
        found.append((entry, labels.rows[key]))
    return (
        [pair for pair in found if owners[pair[1].film] == 1], without, [pair for pair in found if owners[pair[1].film] > 1],
    )  # fmt: skip


# ------------------------------------------------------------------------------------- the file
def _rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of a table, its header first. Raises InputError where it is no CSV."""
    reader = csv.reader(text.splitlines())
    header: list[str] = []
    try:
        for cells in reader:
            header = header or cells
            yield reader.line_num, dict(zip(header, [*cells, *[""] * len(header)], strict=False))
    except csv.Error as error:
        raise InputError(f"The table '{path}', line {reader.line_num}: {error}.", code="site-data") from None


def _text(path: Path) -> str:
    try:
        return small_text(path, TABLE_BYTES, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text; save it as 'CSV UTF-8'"
        raise InputError(f"The table '{path}' cannot be read ({reason}).", code="site-data") from None


def _mark(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _columns(header: Sequence[str], faults: Faults, tell: Tell) -> dict[str, str]:
    """What each column is called here; empty after a fault that makes every row wrong."""
    chosen: dict[str, str] = {}
    for what, names in (("film", _FILM), ("sex", _SEX), ("months", _MONTHS)):
        there = [name for name in names if name in header]
        if len(there) != 1 or header.count(there[0]) > 1:
            said = f"several columns say the {what}: {', '.join(there)}" if there else f"no column {' or '.join(names)}"
            faults.add(1, "", said)
        else:
            chosen[what] = there[0]
    chosen |= {name: name for name in _SIZE if name in header}
    if len(set(chosen) & set(_SIZE)) == 1:
        faults.add(1, "", "height and width belong together; one is missing")
    ignored = [name for name in header if name and name not in chosen.values()]
    if ignored:
        tell(f"{faults.table.name}: columns that are not used: {', '.join(ignored)}")
    return {} if faults.lines else chosen


def _row(line: int, cells: Mapping[str, str | None], columns: Mapping[str, str], faults: Faults) -> FilmLabel | None:
    before = len(faults.lines)
    value = {what: (cells.get(name) or "").strip() for what, name in columns.items()}
    if None in cells:
        faults.add(line, "", "has more cells than the header")
    if not value["film"]:
        faults.add(line, columns["film"], "is empty; it must name a film")
    sex = None
    try:
        sex = sex_of_words(columns["sex"], value["sex"])
    except ValueError as error:
        faults.add(line, columns["sex"], f"is '{value['sex']}'; {error}")
    months = _number(value["months"])
    if months is None or months > OLDEST_MONTHS:
        faults.add(line, columns["months"], f"is '{value['months']}'; it must be a number of months from 0 to {OLDEST_MONTHS:g}")
    size = None
    if "height" in columns and (value["height"] or value["width"]):
        height, width = (_number(value[name]) for name in _SIZE)
        if not _possible(height, width):
            faults.add(line, "height", f"and width are '{value['height']}' and '{value['width']}'; they must be pixels of the film")
        else:
            size = round(height or 0), round(width or 0)
    if len(faults.lines) > before or months is None:
        return None
    return FilmLabel(value["film"], line, sex, months, size)


def _number(text: str) -> float | None:
    """A number from 0, with point or comma; None for anything else."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
