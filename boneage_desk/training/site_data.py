"""A site's own tables: grades.csv, crops.csv, boxes.csv. Every fault of a table is told, by row and column.

docs/training.md describes the columns. Nothing is filled in: an empty grade means 'not graded', never grade 0.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.common.files import TABLE_BYTES, small_text
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.standards.types import Sex

Tell = Callable[[str], None]
TRAIN, HELD_OUT = "train", "val"
OLDEST_MONTHS = 264.0
_SHOWN = 4


@dataclass(slots=True)
class Faults:
    """Collects what is wrong with one table, so that a person mends it in one go."""

    table: Path
    lines: list[str] = field(default_factory=list)

    def add(self, row: int, column: str, text: str) -> None:
        """``row`` as a spreadsheet counts it, the header being row 1; 0 for the table as a whole."""
        where = f"{self.table.name}, row {row}" if row else self.table.name
        self.lines.append(f"{where}, column '{column}': {text}" if column else f"{where}: {text}")

    def refuse(self, tell: Tell) -> None:
        """Tell every fault on a line of its own and raise InputError 'site-data'; nothing if there is none."""
        if not self.lines:
            return
        for line in self.lines:
            tell(line)
        more = len(self.lines) - _SHOWN
        shown = "; ".join(self.lines[:_SHOWN]) + (f"; and {more} more, listed above" if more > 0 else "")
        raise InputError(
            f"{len(self.lines)} fault{'s' * (len(self.lines) > 1)} in '{self.table}': {shown}.",
            "Mend the table; docs/training.md says what each column may hold.",
            code="site-data",
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """One film or one crop and what the site knows of it.

    rows: where it stands in the table. patient: '' where the table names none (the DICOM file may).
    split: 'train', 'val' or ''. months: bone age that a reader gave, or None. grades: bone -> index.
    boxes: bone -> (x0, y0, x1, y1) film pixels; box_rows: bone -> row.
    """

    name: str
    path: Path
    rows: tuple[int, ...]
    sex: Sex | None = None
    patient: str = ""
    split: str = ""
    months: float | None = None
    grades: Mapping[str, int] = field(default_factory=dict)
    boxes: Mapping[str, tuple[float, float, float, float]] = field(default_factory=dict)
    box_rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def row(self) -> int:
        """The first row that names it."""
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class Site:
    """A checked table. layout: 'films', 'crops' or 'boxes'. sha256: of the table's bytes."""

    table: Path
    layout: str
    pictures: tuple[Picture, ...]
    sha256: str


def read_site(folder: Path, table: str, task: str, grades: str, tell: Tell) -> Site:
    """The site's table for ``task``; raises InputError after telling every fault.

    table: its name, or '' for the usual ones. grades: 'index' or 'label'.
    """
    path = _find(folder, table, task)
    faults = Faults(path)
    rows, text = read_rows(path, faults)
    columns = list(rows[0][1]) if rows else []
    layout = "boxes" if task == "detector" else ("crops" if {"crop", "bone"} & set(columns) else "films")
    _check_columns(columns, layout, faults, tell)
    if not rows[1:]:
        faults.add(0, "", "it holds no row below its header")
    if not set(_COLUMNS[layout][0]) <= set(columns):
        faults.refuse(tell)  # without its columns, the rows' faults would only repeat this one
    read = {"films": _films, "crops": _crops, "boxes": _boxes}[layout]
    pictures = tuple(read(path.parent, rows[1:], grades, faults))
    _check_split(pictures, faults)
    faults.refuse(tell)
    return Site(path, layout, pictures, hashlib.sha256(text.encode()).hexdigest())


def add_boxes(site: Site, tell: Tell) -> Site:
    """A grader's films with the boxes of a boxes.csv beside the table, where there is one."""
    path = site.table.parent / "boxes.csv"
    if site.layout != "films" or not path.is_file():
        return site
    boxes = {p.name: p for p in read_site(path.parent, path.name, "detector", "", tell).pictures}
    from dataclasses import replace

    joined = tuple(
        replace(p, boxes=boxes[p.name].boxes, box_rows=boxes[p.name].box_rows) if p.name in boxes else p
        for p in site.pictures
    )
    return Site(site.table, site.layout, joined, site.sha256)


# ------------------------------------------------------------------------------------- the file
_NAMES = {"grader": ("grades.csv", "crops.csv"), "detector": ("boxes.csv",)}
_COLUMNS = {
    "films": (("film", "sex"), ("patient", "split", "bone_age_months", *BONES)),
    "crops": (("crop", "bone", "grade"), ("patient", "split", "sex")),
    "boxes": (("film", "bone", "x0", "y0", "x1", "y1"), ("patient", "split")),
}


def _find(folder: Path, table: str, task: str) -> Path:
    names = (table,) if table else _NAMES[task]
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise InputError(
            f"There is no {' or '.join(names)} in '{folder}'.", "docs/training.md shows one.", code="site-data"
        )
    if len(found) > 1:
        raise InputError(
            f"'{folder}' holds both {' and '.join(f.name for f in found)}.",
            "Name one with data.table in the recipe.",
            code="site-data",
        )
    return found[0]


def read_rows(path: Path, faults: Faults) -> tuple[list[tuple[int, dict[str, str]]], str]:
    """(row number, cells by column) of the table, its header first (as itself), blank rows left out."""
    try:
        text = small_text(path, TABLE_BYTES, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text; save it as 'CSV UTF-8'"
        raise InputError(f"The table '{path}' cannot be read ({reason}).", code="site-data") from None
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=mark, strict=True, skipinitialspace=True)
    rows: list[tuple[int, dict[str, str]]] = []
    header: list[str] = []
    try:
        for number, cells in enumerate(reader, 1):
            cells = [c.strip() for c in cells]
            if not header:
                header = [c.lower() for c in cells]
                rows.append((number, dict.fromkeys(header, "")))
                for name in {c for c in header if c and header.count(c) > 1}:
                    faults.add(number, name, "stands twice in the header")
            elif any(cells):
                if any(cells[len(header) :]):
                    faults.add(number, "", f"has {len(cells)} cells, the header has {len(header)}")
                rows.append((number, dict(zip(header, cells + [""] * len(header), strict=False))))
    except csv.Error as error:
        faults.add(reader.line_num, "", str(error))
    return rows, text


def _check_columns(columns: list[str], layout: str, faults: Faults, tell: Tell) -> None:
    needed, others = _COLUMNS[layout]
    for name in needed:
        if name not in columns:
            faults.add(0, name, f"is missing; the header must have {', '.join(needed)}")
    ignored = []
    for name in columns:
        if not name or name in needed or name in others:
            continue
        near = difflib.get_close_matches(name, [*needed, *others], 1, 0.75)
        if near:
            faults.add(1, name, f"is not known; is '{near[0]}' meant?")
        else:
            ignored.append(name)
    if layout == "films" and not set(columns) & set(BONES):
        faults.add(1, "", f"no column names a bone; bones are {', '.join(BONES)}")
    if ignored:
        tell(f"{faults.table.name}: columns that are not used: {', '.join(ignored)}")


# -------------------------------------------------------------------------------------- columns
def film_path(folder: Path, number: int, column: str, text: str, faults: Faults) -> Path | None:
    if not text:
        faults.add(number, column, "is empty; it must name a file, from the table's folder")
        return None
    path = folder / Path(text.replace("\\", "/"))
    if not path.is_file():
        faults.add(number, column, f"there is no file '{text}' below '{folder}'")
        return None
    return path


def cell_sex(number: int, text: str, faults: Faults) -> Sex | None:
    if not text:
        faults.add(number, "sex", "is empty; it must be M or F: it picks the table of scores")
        return None
    try:
        return Sex.parse(text)
    except BoneAgeError:
        faults.add(number, "sex", f"is '{text}'; it must be M or F")
        return None


def _split(number: int, text: str, faults: Faults) -> str:
    if text and text.lower() not in (TRAIN, HELD_OUT):
        faults.add(number, "split", f"is '{text}'; it must be {TRAIN} or {HELD_OUT}, or empty in every row")
    return text.lower()


def _months(number: int, text: str, faults: Faults) -> float | None:
    if not text:
        return None
    try:
        months = float(text.replace(",", "."))
    except ValueError:
        months = math.nan
    if not 0 <= months <= OLDEST_MONTHS:
        faults.add(number, "bone_age_months", f"is '{text}'; it must be a number of months from 0 to {OLDEST_MONTHS:g}")
        return None
    return months


def _grade(number: int, column: str, bone: str, text: str, how: str, faults: Faults) -> int | None:
    """A grade's index; how: 'index' or 'label'."""
    if how == "label":
        if text in rus_chn.labels(bone):
            return rus_chn.grade_of_label(bone, text)
        allowed = f"labels of {bone} are {', '.join(rus_chn.labels(bone))}"
    else:
        top = rus_chn.max_grade(bone)
        if text.isascii() and text.isdigit() and int(text) <= top:
            return int(text)
        allowed = f"indices of {bone} are 0 to {top}"
        if text in rus_chn.labels(bone):
            allowed += "; the recipe says data.grades = \"index\", this is a label"
    faults.add(number, column, f"has no grade '{text}': {allowed}; not graded is an empty cell")
    return None


def _bone(number: int, text: str, faults: Faults) -> str:
    bone = text.lower()
    if bone not in BONES:
        faults.add(number, "bone", f"is '{text}'; bones are {', '.join(BONES)}")
        return ""
    return bone


# -------------------------------------------------------------------------------------- layouts
_Rows = list[tuple[int, dict[str, str]]]


def _films(folder: Path, rows: _Rows, how: str, faults: Faults) -> Iterator[Picture]:
    seen: dict[Path, int] = {}
    for number, cells in rows:
        path = film_path(folder, number, "film", cells["film"], faults)
        if path is not None and path in seen:
            faults.add(number, "film", f"'{cells['film']}' is there already, in row {seen[path]}")
        elif path is not None:
            seen[path] = number
        sex = cell_sex(number, cells["sex"], faults)
        split = _split(number, cells.get("split", ""), faults)
        months = _months(number, cells.get("bone_age_months", ""), faults)
        grades = {}
        for bone in BONES:
            if text := cells.get(bone, ""):
                grade = _grade(number, bone, bone, text, how, faults)
                if grade is not None:
                    grades[bone] = grade
        if not any(cells.get(bone) for bone in BONES):
            faults.add(number, "", "has no grade at all")
        if path is not None:
            yield Picture(cells["film"], path, (number,), sex, cells.get("patient", ""), split, months, grades)


def _crops(folder: Path, rows: _Rows, how: str, faults: Faults) -> Iterator[Picture]:
    seen: dict[Path, int] = {}
    for number, cells in rows:
        path = film_path(folder, number, "crop", cells["crop"], faults)
        bone = _bone(number, cells["bone"], faults)
        split = _split(number, cells.get("split", ""), faults)
        grade = None
        if not cells["grade"]:
            faults.add(number, "grade", "is empty; leave the row out if the crop is not graded")
        elif bone:
            grade = _grade(number, "grade", bone, cells["grade"], how, faults)
        if path is not None and path in seen:
            faults.add(number, "crop", f"'{cells['crop']}' is there already, in row {seen[path]}")
        elif path is not None:
            seen[path] = number
            if grade is not None:
                yield Picture(cells["crop"], path, (number,), None, cells.get("patient", ""), split, None, {bone: grade})


def _boxes(folder: Path, rows: _Rows, _how: str, faults: Faults) -> Iterator[Picture]:
    films: dict[str, list[tuple[int, dict[str, str]]]] = {}
    paths: dict[str, Path] = {}
    for number, cells in rows:
        if cells["film"] not in paths:
            path = film_path(folder, number, "film", cells["film"], faults)
            if path is None:
                continue
            paths[cells["film"]] = path
        films.setdefault(cells["film"], []).append((number, cells))
    for name, of in films.items():
        boxes: dict[str, tuple[float, float, float, float]] = {}
        box_rows: dict[str, int] = {}
        for number, cells in of:
            bone, box = _bone(number, cells["bone"], faults), _box(number, cells, faults)
            if bone in boxes:
                faults.add(number, "bone", f"{bone} of '{name}' has a box already, in row {box_rows[bone]}")
            elif bone and box:
                boxes[bone], box_rows[bone] = box, number
        first = of[0][1]
        for column in ("patient", "split"):
            values = {cells.get(column, "") for _, cells in of}
            if len(values) > 1:
                faults.add(of[0][0], column, f"the rows of '{name}' differ: {', '.join(sorted(values))}")
        split = _split(of[0][0], first.get("split", ""), faults)
        yield Picture(
            name, paths[name], tuple(n for n, _ in of), None, first.get("patient", ""), split,
            boxes=boxes, box_rows=box_rows,
        )  # fmt: skip


def _box(number: int, cells: Mapping[str, str], faults: Faults) -> tuple[float, float, float, float] | None:
    values = []
    for column in ("x0", "y0", "x1", "y1"):
        try:
            value = float(cells[column].replace(",", "."))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            faults.add(number, column, f"is '{cells[column]}'; it must be a number of film pixels")
            return None
        values.append(value)
    x0, y0, x1, y1 = values
    if x1 <= x0 or y1 <= y0:
        faults.add(number, "", f"the box has no area: x0 {x0:g}, y0 {y0:g}, x1 {x1:g}, y1 {y1:g} (x1 > x0, y1 > y0)")
        return None
    return x0, y0, x1, y1


# ---------------------------------------------------------------------------------------- split
def _check_split(pictures: Collection[Picture], faults: Faults) -> None:
    """The table's own patients and splits; patients that only the files name are looked at when these are open."""
    given = [p for p in pictures if p.split]
    check_patients(pictures, {p.name: p.patient for p in pictures}, faults)
    for p in pictures if given else ():
        if not p.split:
            faults.add(p.row, "split", "is empty while other rows have one; give it in every row or in none")
    for side in (TRAIN, HELD_OUT) if given else ():
        if not any(p.split == side for p in pictures):
            faults.add(0, "split", f"no row is '{side}'")


def check_patients(pictures: Collection[Picture], patients: Mapping[str, str], faults: Faults) -> None:
    """A fault for each patient (by picture name; '' is nobody) whose rows differ in split or sex."""
    firsts: dict[str, Picture] = {}
    for p in pictures:
        patient = patients[p.name]
        if not patient:
            continue
        first = firsts.setdefault(patient, p)
        if first.split != p.split:
            faults.add(p.row, "split", f"is '{p.split}', but row {first.row} of the same patient is '{first.split}'")
        if first.sex is not p.sex:
            faults.add(p.row, "sex", f"is {p.sex}, but row {first.row} of the same patient says {first.sex}")


def check_ids(rows: Iterable[tuple[int, str, str]], faults: Faults) -> None:
    """A fault for each of ``rows`` (row, patient as it will be told apart, PatientID of the file or '') whose file shares its
    PatientID with an earlier row's under another name: that child would lie on both sides of a split or fold."""
    firsts: dict[str, tuple[int, str]] = {}
    for row, patient, file_id in rows:
        if not file_id:
            continue
        first_row, first = firsts.setdefault(file_id, (row, patient))
        if first != patient:
            faults.add(
                row, "patient",
                f"makes '{patient}' of a film whose file has the PatientID of row {first_row}'s, there '{first}': one child under "
                "two names would be learned from and tested on. Name it the same; two children need PatientIDs of their own",
            )  # fmt: skip


def split_of(pictures: Collection[Picture], patients: Mapping[str, str], share: float) -> dict[str, str]:
    """Picture name -> 'train' or 'val': as given, else by SHA-256 of the patient ('' = the picture stands alone).

    A patient's pictures stay together. Where the hash would leave a side empty, the patient with the lowest
    (highest) hash goes there. Raises InputError when there is only one patient.
    """
    if all(p.split for p in pictures):
        return {p.name: p.split for p in pictures}
    keys = {p.name: f"patient:{patients[p.name]}" if patients[p.name] else f"film:{p.name}" for p in pictures}
    place = {key: int.from_bytes(hashlib.sha256(f"boneage-desk:{key}".encode()).digest()[:8]) / 2**64 for key in keys.values()}
    if len(place) < 2:
        raise InputError(
            "All rows are of one patient: nothing can be held out.", "Give films of more patients.", code="site-data"
        )
    held = {key for key, at in place.items() if at < share} or {min(place, key=place.__getitem__)}
    if len(held) == len(place):
        held.discard(max(place, key=place.__getitem__))
    return {name: HELD_OUT if key in held else TRAIN for name, key in keys.items()}


def missing_grades(counts: Mapping[str, Mapping[int, int]]) -> dict[str, list[str]]:
    """bone -> labels of the grades of which ``counts`` (bone -> grade -> number) has no example."""
    return {
        bone: [name for k, name in enumerate(rus_chn.labels(bone)) if not counts.get(bone, {}).get(k)] for bone in BONES
    }
