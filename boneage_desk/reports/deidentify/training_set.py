"""What persons decided at this station, as a folder that ``boneage-desk train`` reads as it is (docs/training.md).

Ground truth is what a person gave or agreed to, never what only a model said: a bone that nobody looked at has an empty
cell, and a film goes into boxes.csv only where a person looked at all 13 boxes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from boneage_desk.common.errors import FilmError, InputError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.reading.assessment import AuditEvent, Reading
from boneage_desk.reading.exports import (
    DeidentifyOptions,
    LeftOut,
    TrainingExported,
    boxes,
    chosen_for_training,
    decisions,
    readers,
)
from boneage_desk.reports.deidentify.export import (
    MANIFEST,
    Written,
    _check,
    finish_key,
    names_of,
    new_folder,
    picture_of,
    place,
    write,
    write_film,
    write_manifest,
)
from boneage_desk.reports.deidentify.names import Names
from boneage_desk.standards import rus_chn

FORMAT = "boneage-desk training set 1"
_MORE = ("read_by", "state", "by_machine", "overridden", "standard_edition", "models_that_read")
"""Columns beside those that training uses; it tells that it leaves them."""


def write_training_set(
    readings: Iterable[Reading], events: Iterable[AuditEvent], out: Path, *, at: datetime, key: Path | None,
    progress: Progress = no_progress, cancel: CancelToken | None = None,
) -> TrainingExported:  # fmt: skip
    """See `FilmExporter.training`. Raises InputError 'nothing-exported'."""
    names = names_of(key, out)
    chosen, left = chosen_for_training(readings)
    written: list[tuple[Reading, Written]] = []
    with new_folder(out) as part:
        for number, reading in enumerate(chosen):
            _check(cancel)
            progress(number / len(chosen), f"film {number + 1} of {len(chosen)}")
            try:
                written.append((reading, _film(reading, part, names)))
            except FilmError as error:
                source = reading.source.member or reading.source.path
                left.append(LeftOut(source, error.code, error.message))
        if not written:
            why = f"{len(left)} readings could not be used, the first: {left[0].message}" if left else "there is no reading"
            raise InputError(
                f"There is no decision to export ({why}).", "Finish a reading first: look at its bones and mark it reviewed.",
                code="nothing-exported",
            )  # fmt: skip
        write(part / "grades.csv", _grades(written, readers(events), names))
        boxed = [(reading, one) for reading, one in written if len(dict(boxes(reading))) == len(rus_chn.BONES)]
        if boxed:
            write(part / "boxes.csv", _boxes(boxed))
        for task in ("grader", *(["detector"] if boxed else [])):
            write(part / f"{task}.toml", recipe(task).encode())
        decided = sum(len(decisions(reading)) for reading, _ in written)
        changed = sum(finding.overridden and finding.reviewed for reading, _ in written for finding in reading.bones)
        counts = {
            "tables": {"grades.csv": len(written), "boxes.csv": len(boxed)}, "decided_bones": decided, "overridden_bones": changed,
            "grades": "index", "standard": rus_chn.STANDARD_ID, "edition": rus_chn.EDITION,
        }  # fmt: skip
        write_manifest(part, FORMAT, at, DeidentifyOptions(), [one for _, one in written], left, counts)
        finish_key(key, names)
    progress(1.0, "done")
    warned = tuple(one.film for _, one in written if one.film.warnings)
    return TrainingExported(out, len(written), len(boxed), decided, changed, tuple(left), warned, out / MANIFEST)


def _film(reading: Reading, part: Path, names: Names) -> Written:
    """The film of a reading, where it still lies as it was read. Raises FilmError, also 'film-changed'."""
    from boneage_desk.imaging.source import load

    source = reading.source
    loaded = load(source.path, source.member)
    if loaded.sha256 != source.sha256:
        raise FilmError(f"'{loaded.name}' was changed since it was read.", "It was left out.", code="film-changed")
    del loaded
    if source.is_dicom and source.frame_count == 1:
        return write_film(source.path, source.member, part, names, DeidentifyOptions(), set(), sexless=True)
    return _frame(reading, part, names)


def _frame(reading: Reading, part: Path, names: Names) -> Written:
    """One frame of several, or a raster film, as a picture."""
    from boneage_desk.imaging.reader import FilmFiles

    source = reading.source
    film = FilmFiles().open(source.path, frame=source.frame_number, member=source.member)
    data, warnings = picture_of(film)
    patient = reading.patient
    # a raster film has what the person entered; without an id each film stands alone
    identity = f"id {patient.patient_id}" if patient.patient_id else f"film {source.sha256}"
    shape = (film.frame.height, film.frame.width)
    subject = names.subject(identity)
    return place(part, names, data, "png", subject, ("", "", ""), shape, warnings, source.member or source.path, source.sha256)


# -------------------------------------------------------------------------------------------- tables
def _grades(written: Sequence[tuple[Reading, Written]], who: Mapping[str, Sequence[str]], names: Names) -> bytes:
    """grades.csv: the columns of docs/training.md and, for whoever looks at it, who and what stood behind a row."""
    rows: list[list[object]] = [["film", "sex", "patient", *rus_chn.BONES, *_MORE]]
    for reading, one in written:
        decided = decisions(reading)
        machine = {f.bone: f.opinion.grade for f in reading.bones if f.opinion is not None and f.bone in decided}
        changed = [f.bone for f in reading.bones if f.overridden and f.bone in decided]
        sex = reading.patient.sex.value if reading.patient.sex else ""
        rows.append(
            [
                one.film.path, sex, one.film.subject, *(decided.get(bone, "") for bone in rus_chn.BONES),
                " ".join(names.reader(account) for account in who.get(reading.reading_id, ())), reading.state.value,
                " ".join(f"{bone}={grade}" for bone, grade in machine.items()), " ".join(changed), reading.edition,
                " ".join(f"{model.engine or model.name}={model.tag}:{model.sha256[:12]}" for model in reading.models),
            ]
        )  # fmt: skip
    return _table(rows)


def _boxes(written: Sequence[tuple[Reading, Written]]) -> bytes:
    rows: list[list[object]] = [["film", "bone", "x0", "y0", "x1", "y1", "patient"]]
    for reading, one in written:
        width, height = reading.width, reading.height
        for bone, (x0, y0, x1, y1) in boxes(reading):
            # a box that a person drew over the edge of the film ends there
            inside = (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
            rows.append([one.film.path, bone, *(round(v, 2) for v in inside), one.film.subject])
    return _table(rows)


def _table(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode("utf-8")


def recipe(task: str) -> str:
    """A recipe to begin with, beside the tables."""
    grades = 'grades = "index"\n' if task == "grader" else ""
    missing = "allow_missing_bones = true\n" if task == "grader" else ""
    return (
        f"# boneage-desk train {task} {task}.toml      (docs/training.md explains every key)\n"
        f'task = "{task}"\n\n[data]\nfolder = "."\n{grades}{missing}held_out = 0.125\n'
        f'description = "Decisions of readers at one station, exported by BoneAge Desk"\n\n'
        f'[training]\nepochs = 30\n\n[output]\nfolder = "run-{task}"\n'
    )
