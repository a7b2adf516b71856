"""A site's knee films: knees.csv checked row by row, the films opened as the program opens them, and the folds.

docs/knee.md describes the columns. Every fault is told with its row and column; nothing is filled in. A row has its
bone age from a reader, or from a hand model's reading of a paired hand film (`training.knee_labels` writes it).
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.common.errors import BoneAgeError, FilmError, InputError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.imaging.knee_frame import knee_picture
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.ages import age_months
from boneage_desk.reading.film import Film
from boneage_desk.standards.types import Sex
from boneage_desk.training.runs import write_json
from boneage_desk.training.site_data import OLDEST_MONTHS, Faults, Tell, cell_sex, check_ids, film_path, read_rows

TABLE = "knees.csv"
NEEDED = ("film", "sex")
OTHERS = (
    "patient", "chronological_age_months", "bone_age_months", "hand_film", "days_between", "label", "label_model",
    "label_sha256", "excluded",
)  # fmt: skip
READER, HAND_MODEL = "reader", "hand-model"
AGE_TOLERANCE_MONTHS = 1.0
"""Table and DICOM header may differ by so much in the chronological age."""


@dataclass(frozen=True, slots=True)
class KneeRow:
    """One row of knees.csv. ca_months, months: None where the table leaves them empty (the DICOM file may tell the
    first). label: 'reader' or 'hand-model', whose model and hash follow. excluded: why it is not used, or ''."""

    row: int
    film: str
    path: Path
    sex: Sex
    patient: str
    ca_months: float | None
    months: float | None
    hand_film: str
    hand_path: Path | None
    days_between: float | None
    label: str
    label_model: str
    label_sha256: str
    excluded: str


@dataclass(frozen=True, slots=True)
class KneeTable:
    """A checked table; sha256 of its text. columns: as the file has them."""

    path: Path
    rows: tuple[KneeRow, ...]
    columns: tuple[str, ...]
    cells: tuple[dict[str, str], ...]
    sha256: str


def read_table(folder: Path, name: str, tell: Tell) -> KneeTable:
    """knees.csv (or ``name``) in ``folder``; raises InputError 'site-data' after telling every fault."""
    path = folder / (name or TABLE)
    if not path.is_file():
        raise InputError(f"There is no {path.name} in '{folder}'.", "docs/knee.md shows one.", code="site-data")
    faults = Faults(path)
    rows, text = read_rows(path, faults)
    columns = tuple(rows[0][1]) if rows else ()
    for column in NEEDED:
        if column not in columns:
            faults.add(0, column, f"is missing; the header must have {', '.join(NEEDED)}")
    if not {"bone_age_months", "hand_film"} & set(columns):
        faults.add(0, "", "it has neither bone_age_months nor hand_film: nothing says a bone age")
    if not rows[1:]:
        faults.add(0, "", "it holds no row below its header")
    unused = [c for c in columns if c and c not in (*NEEDED, *OTHERS)]
    if unused:
        tell(f"{path.name}: columns that are not used: {', '.join(unused)}")
    if faults.lines:
        faults.refuse(tell)
    found, seen = [], dict[Path, int]()
    for number, cells in rows[1:]:
        row = _row(folder, number, cells, faults)
        if row is None:
            continue
        if row.path in seen:
            faults.add(number, "film", f"'{row.film}' is there already, in row {seen[row.path]}")
        seen.setdefault(row.path, number)
        found.append(row)
    sexes: dict[str, KneeRow] = {}
    for row in found:
        first = sexes.setdefault(row.patient, row) if row.patient else row
        if first.sex is not row.sex:
            faults.add(row.row, "sex", f"is {row.sex}, but row {first.row} of the same patient says {first.sex}")
    faults.refuse(tell)
    return KneeTable(path, tuple(found), columns, tuple(c for _, c in rows[1:]), hashlib.sha256(text.encode()).hexdigest())


def _row(folder: Path, number: int, cells: dict[str, str], faults: Faults) -> KneeRow | None:
    path, sex = film_path(folder, number, "film", cells["film"], faults), cell_sex(number, cells["sex"], faults)
    hand = cells.get("hand_film", "")
    hand_path = film_path(folder, number, "hand_film", hand, faults) if hand else None
    ca, months = (_number(number, c, cells.get(c, ""), OLDEST_MONTHS, faults) for c in ("chronological_age_months", "bone_age_months"))
    days = _number(number, "days_between", cells.get("days_between", ""), 36_525.0, faults)
    label = cells.get("label", "").lower()
    if label not in ("", READER, HAND_MODEL):
        faults.add(number, "label", f"is '{label}'; it must be {READER}, {HAND_MODEL} or empty")
    excluded = cells.get("excluded", "")
    if months is None and not hand and not excluded:
        faults.add(number, "", "has neither a bone age nor a hand film")
    if label == HAND_MODEL and months is not None and not (cells.get("label_model") and cells.get("label_sha256")):
        faults.add(number, "label_model", "a bone age from a hand model needs the model's name and SHA-256")
    if path is None or sex is None:
        return None
    return KneeRow(
        number, cells["film"], path, sex, cells.get("patient", ""), ca, months, hand, hand_path, days,
        label or (READER if months is not None else ""), cells.get("label_model", ""), cells.get("label_sha256", ""), excluded,
    )  # fmt: skip


def _number(number: int, column: str, text: str, high: float, faults: Faults) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value <= high:
        faults.add(number, column, f"is '{text}'; it must be a number from 0 to {high:g}, or empty")
        return None
    return value


# ----------------------------------------------------------------------------------------- folds
def fold_of(patient: str, folds: int) -> int:
    """The fold that holds a patient out, by SHA-256 of the patient alone: the same in every table and run."""
    return int.from_bytes(hashlib.sha256(f"boneage-desk:knee:{patient}".encode()).digest()[:8]) % folds


# ----------------------------------------------------------------------------------------- films
@dataclass(frozen=True, slots=True)
class KneeFilms:
    """Opened films. pictures [N, S, S] uint8 (`imaging.knee_frame`); months, ca_months [N] (bone age, chronological);
    male, drawn [N]; patients, rows, labels [N] (label: 'reader', a drawing's own, or 'hand-model: tag @ hash'); left_out: row -> why."""

    pictures: NDArray[np.uint8]
    months: NDArray[np.float64]
    ca_months: NDArray[np.float64]
    male: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    patients: tuple[str, ...]
    rows: tuple[int, ...]
    labels: tuple[str, ...]
    left_out: dict[int, str]

    def folds(self, count: int) -> NDArray[np.intp]:
        """The fold of each film [N]. Raises InputError where a fold has no patient or leaves fewer than two."""
        fold = np.array([fold_of(p, count) for p in self.patients], np.intp)
        for k in range(count):
            inside = {p for p, f in zip(self.patients, fold, strict=True) if f == k}
            if not inside or len(set(self.patients) - inside) < 2:
                raise InputError(
                    f"{len(set(self.patients))} patients are too few for {count} folds: fold {k + 1} holds {len(inside)} of them.",
                    "Give films of more patients, or fewer folds (knee.folds).", code="site-data",
                )  # fmt: skip
        return fold

    @property
    def trained_on(self) -> str:
        """For the card: 'drawn phantoms' where a film's header says so, else 'site films'."""
        return DRAWN if self.drawn.any() else SITE


DRAWN, SITE = "drawn phantoms", "site films"


@dataclass(frozen=True, slots=True)
class Opening:
    """How films are opened: what to do with bad ones, whom to tell."""

    skip_bad: bool
    tell: Tell
    progress: Progress
    cancel: CancelToken


def open_films(table: KneeTable, size: int, how: Opening) -> KneeFilms:
    """Every usable row's film. Raises InputError 'site-data' naming each row at fault: unreadable, no patient, no
    chronological age, header against table, the same film twice, drawn films among real ones."""
    faults, reader, left_out = Faults(table.path), FilmFiles(knee=True), dict[int, str]()
    used: list[tuple[KneeRow, Film, float, str]] = []
    pictures: list[NDArray[np.uint8]] = []
    seen: dict[str, KneeRow] = {}
    for k, row in enumerate(table.rows):
        how.cancel.check()
        how.progress(k / len(table.rows), f"film {k + 1} of {len(table.rows)}")
        if row.excluded:
            left_out[row.row] = f"excluded by the table: {row.excluded}"
            continue
        if row.months is None:
            faults.add(row.row, "bone_age_months", "is empty: label the hand films first (docs/knee.md), or exclude the row")
            continue
        try:
            film = reader.open(str(row.path))
        except FilmError as error:
            words = f"'{row.film}' cannot be used: {error.message}"
            if how.skip_bad:
                left_out[row.row] = words
                how.tell(f"{table.path.name}, row {row.row}: left out: {words}")
            else:
                faults.add(row.row, "film", f"{words} (data.skip_bad_films = true leaves such films out)")
            continue
        same = seen.setdefault(film.source.sha256, row)
        if same is not row:
            faults.add(row.row, "film", f"'{row.film}' is the same file as row {same.row}'s '{same.film}'")
        patient, ca = row.patient or film.patient.patient_id, _age(row, film, faults)
        if not patient:
            faults.add(row.row, "patient", "is empty and the file names none: folds must not share a patient")
        if film.patient.sex not in (None, row.sex):
            faults.add(row.row, "sex", f"is {row.sex}, but the file of '{row.film}' says {film.patient.sex}")
        if ca is not None and patient:
            used.append((row, film, ca, patient))
            pictures.append(knee_picture(normalise_film(film.frame.pixels, padding=film.frame.padding), size))
    drawn = np.array([film.study.synthetic for _, film, _, _ in used], bool)
    if drawn.any() and not drawn.all():
        faults.add(0, "", f"{int(drawn.sum())} of {len(drawn)} films say that they are drawn: drawings and patients' films are not mixed")
    check_ids(((row.row, patient, film.patient.patient_id) for row, film, _, patient in used), faults)
    faults.refuse(how.tell)
    if not used:
        raise InputError(f"No row of '{table.path.name}' can be used.", code="site-data")
    return KneeFilms(
        np.stack(pictures), np.array([row.months for row, *_ in used], float), np.array([ca for _, _, ca, _ in used], float),
        np.array([row.sex is Sex.MALE for row, *_ in used], bool), drawn, tuple(p for *_, p in used),
        tuple(row.row for row, *_ in used), tuple(_label(row, film) for row, film, *_ in used), left_out,
    )  # fmt: skip


def _label(row: KneeRow, film: Film) -> str:
    plain = "the drawing's own bone age" if film.study.synthetic else READER
    return plain if row.label != HAND_MODEL else f"{HAND_MODEL}: {row.label_model} @ {row.label_sha256[:12]}"


def _age(row: KneeRow, film: Film, faults: Faults) -> float | None:
    """Chronological age in months: the table's, checked against the header's dates, or theirs."""
    told = None
    if film.patient.birth_date and film.study.study_date:
        try:
            told = age_months(film.patient.birth_date, film.study.study_date)
        except BoneAgeError as error:
            faults.add(row.row, "film", f"'{row.film}': {error.message}")
    if row.ca_months is None:
        if told is None:
            faults.add(row.row, "chronological_age_months", "is empty and the file does not tell it")
        return told
    if told is not None and abs(told - row.ca_months) > AGE_TOLERANCE_MONTHS:
        faults.add(row.row, "chronological_age_months", f"is {row.ca_months:g}, but the file's dates say {told:.1f}")
    return row.ca_months


# --------------------------------------------------------------------------------------- storing
def keep(films: KneeFilms, folder: Path) -> None:
    """Write to ``folder``: knees.npy and knees.json (pieces of patients' films)."""
    np.save(folder / "knees.npy", films.pictures)
    facts = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(films).items() if k != "pictures"}
    write_json(folder / "knees.json", facts)


def kept(folder: Path) -> KneeFilms | None:
    """What `keep` wrote, or None."""
    if not (folder / "knees.json").is_file():
        return None
    facts: dict[str, Any] = json.loads((folder / "knees.json").read_text(encoding="utf-8"))
    return KneeFilms(
        np.load(folder / "knees.npy"), np.array(facts["months"]), np.array(facts["ca_months"]), np.array(facts["male"], bool),
        np.array(facts["drawn"], bool), tuple(facts["patients"]), tuple(facts["rows"]), tuple(facts["labels"]),
        {int(k): v for k, v in facts["left_out"].items()},
    )  # fmt: skip
