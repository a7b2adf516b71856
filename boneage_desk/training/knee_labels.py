"""Pseudo-labels for knee films: the bone age that this program reads on the hand film of the same child and day.

    python -m boneage_desk.training.knee_labels --data site [--table knees.csv] [--out knees.labelled.csv] [--max-days 30]

Reads every row that has a hand film and no bone age, through the same engine as ``boneage-desk read`` (13 bones,
Chinese-05 RUS-CHN). Written beside the table: the bone age, 'hand-model', the models' tags and hashes; or why the row is
excluded: no single hand, a bone missing, a bone age that is only a bound, films too far apart, another sex in the file.
A pseudo-label carries the hand model's errors: a knee model trained on them learns these too, and its figures against
them say nothing of the truth.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from boneage_desk.common.errors import BoneAgeError, FilmError
from boneage_desk.common.jobs import no_progress
from boneage_desk.common.paths import packaged_dir
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import AnalysisEngine
from boneage_desk.reading.session import ReadingSession, SetAnalysis, SetPatient, new_reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.types import Qualifier
from boneage_desk.training.knee_data import HAND_MODEL, KneeRow, KneeTable, read_table
from boneage_desk.training.site_data import Tell

MAX_DAYS = 30.0
WRITTEN = ("bone_age_months", "label", "label_model", "label_sha256", "excluded")


def label_row(row: KneeRow, engine: AnalysisEngine, max_days: float) -> dict[str, str]:
    """The cells of `WRITTEN` for a row with a hand film: a bone age, or why it is excluded."""
    try:
        hand = FilmFiles().open(str(row.hand_path))
        why = _apart(row, hand, max_days) or _other_child(row, hand)
        if why:
            return _excluded(why)
        now = datetime.now(UTC)
        session = ReadingSession(new_reading(hand, "knee-label", now))
        session.do(SetPatient(sex=row.sex), at=now, who="knee labels")
        session.do(SetAnalysis(engine.analyse(hand.frame, progress=no_progress), now), at=now, who="knee labels")
    except FilmError as error:
        return _excluded(error.message)
    reading = session.reading
    summary = summarise(reading)
    if summary.bone_age is None:
        return _excluded(f"no bone age on the hand film: {summary.why_not}")
    if summary.bone_age.qualifier is not Qualifier.POINT:
        return _excluded(f"the hand film's bone age is only a bound ({summary.bone_age.text})")
    return {
        "bone_age_months": f"{summary.bone_age.months:.2f}", "label": HAND_MODEL,
        "label_model": "+".join(model.tag for model in reading.models),
        "label_sha256": "+".join(model.sha256 for model in reading.models), "excluded": "",
    }  # fmt: skip


def _excluded(why: str) -> dict[str, str]:
    return dict.fromkeys(WRITTEN, "") | {"excluded": " ".join(why.split())}


def _apart(row: KneeRow, hand: Film, max_days: float) -> str:
    days = row.days_between
    if days is None:
        try:
            knee = FilmFiles(knee=True).open(str(row.path))
        except FilmError as error:
            return f"the knee film: {error.message}"
        if knee.study.study_date and hand.study.study_date:
            days = abs((knee.study.study_date - hand.study.study_date).days)
    if days is None:
        return "nothing tells the days between knee and hand film (column days_between, or study dates)"
    return f"knee and hand film are {days:g} days apart, {max_days:g} are allowed" if days > max_days else ""


def _other_child(row: KneeRow, hand: Film) -> str:
    if hand.patient.sex not in (None, row.sex):
        return f"the hand film says {hand.patient.sex}, the table {row.sex}"
    if row.patient and hand.patient.patient_id and hand.patient.patient_id != row.patient:
        return f"the hand film is of patient '{hand.patient.patient_id}', the table says '{row.patient}'"
    return ""


def label_table(table: KneeTable, engine: AnalysisEngine, out: Path, max_days: float, tell: Tell) -> Mapping[str, int]:
    """Write ``out`` with every row of the table; returns how many were labelled, excluded, and kept as they were.

    The table itself is not touched; ``out`` is there whole or not at all.
    """
    columns = [*table.columns, *(c for c in WRITTEN if c not in table.columns)]
    counts = {"labelled": 0, "excluded": 0, "kept": 0}
    part = out.with_name(out.name + ".part")
    with open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for k, (row, cells) in enumerate(zip(table.rows, table.cells, strict=True), 1):
            if row.excluded or row.months is not None or row.hand_path is None:
                counts["kept"] += 1
                writer.writerow(cells)
                continue
            written = label_row(row, engine, max_days)
            counts["excluded" if written["excluded"] else "labelled"] += 1
            tell(f"row {row.row} ({k} of {len(table.rows)}): {written['excluded'] or written['bone_age_months'] + ' months'}")
            writer.writerow({**cells, **written})
    os.replace(part, out)
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    from boneage_desk.engines.service import InferenceService

    p = argparse.ArgumentParser(prog="python -m boneage_desk.training.knee_labels", description=__doc__)
    p.formatter_class = argparse.RawDescriptionHelpFormatter
    p.add_argument("--data", type=Path, required=True, help="the site's folder")
    p.add_argument("--table", default="", help="its table, else knees.csv")
    p.add_argument("--out", default="knees.labelled.csv", help="name of the table to write, in the same folder")
    p.add_argument("--max-days", type=float, default=MAX_DAYS, help="between knee and hand film")
    a = p.parse_args(arguments)

    def tell(text: str) -> None:
        sys.stderr.write(text + "\n")

    try:
        table = read_table(a.data, a.table, tell)
        out = a.data / Path(a.out).name
        if out == table.path:
            raise BoneAgeError("The table itself is not written over.", "Give another --out.")
        with tempfile.TemporaryDirectory(prefix="boneage-desk-") as scratch:
            engine = InferenceService(packaged_dir("models"), scratch=Path(scratch))
            try:
                counts = label_table(table, engine, out, a.max_days, tell)
            finally:
                engine.stop()
    except BoneAgeError as error:
        tell(str(error))
        return 1
    tell(f"{out}: {counts['labelled']} labelled, {counts['excluded']} excluded, {counts['kept']} kept as they were")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
