"""Drawn DICOM films with readings of known content, for tests of the DICOM results; and how they are read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boneage_desk.imaging.phantom import draw_hand
from boneage_desk.imaging.phantom.demo import DEMO_SPEC
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.analysis import (
    AnalysisResult,
    BoneResult,
    IntervalRow,
    IntervalTable,
    ModelRef,
    WholeHandOpinion,
)
from boneage_desk.reading.assessment import State, new_reading
from boneage_desk.reading.blind import Reveal, StartBlind
from boneage_desk.reading.film import Film
from boneage_desk.reading.findings import Box, Region
from boneage_desk.reading.people import Role
from boneage_desk.reading.session import Reading, ReadingSession, SetAnalysis, SetGrade
from boneage_desk.reading.signature import Signature
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import WHO, opinion, sha

AT = datetime(2024, 7, 12, 12, 0, 5, tzinfo=UTC)
PDF = b"%PDF-1.7\nnot much of a report, of an odd length\n%%EOF"
EXPLICIT = "1.2.840.10008.1.2.1"
MODELS = (
    ModelRef("Finder", "yolov8n.test", sha("d")),
    ModelRef("Grader", "b3.test", sha("g")),
    ModelRef("Whole hand", "convnext.test", sha("w"), "whole-hand"),
)


def drawn(rows: int = 500, columns: int = 400) -> Any:
    """The demo hand at that size."""
    return draw_hand(dataclasses.replace(DEMO_SPEC, size=(rows, columns)))


def open_film(
    folder: Path, hand: Any, name: str = "film.dcm", *, photometric: Any = "MONOCHROME2", frame: int | None = None,
    laterality: str | None = None, changes: Mapping[str, object] | None = None, **patient: str,
) -> Film:  # fmt: skip
    """A film written and opened again."""
    path = folder / name
    write_dicom(
        hand, path, photometric=photometric, transfer_syntax=EXPLICIT, laterality=laterality,
        patient=PhantomPatient(**patient), changes=changes,
    )  # fmt: skip
    return FilmFiles().open(str(path), frame=frame)


def session(
    film: Film, hand: Any, *, grades: Mapping[str, int] | None = None, without: tuple[str, ...] = (), reading_id: str = "r1",
    second: bool = True,
) -> ReadingSession:  # fmt: skip
    """The machine's result on the true boxes: grade 6 for each bone unless given; ``without``: bones not found."""
    made = ReadingSession(new_reading(film, reading_id, AT))
    made.do(SetAnalysis(_result(hand, grades, without, second), AT), at=AT, who=WHO)
    return made


def blind(film: Film, hand: Any, reading_id: str = "r1") -> ReadingSession:
    """All bones graded 6 but radius 5 before the machine (6) was shown, then radius 6 and mc3 7."""
    made = ReadingSession(new_reading(film, reading_id, AT))
    given = [SetGrade(bone, 5 if bone == "radius" else 6) for bone in rus_chn.BONES]
    later = [Reveal(), SetGrade("radius", 6), SetGrade("mc3", 7)]
    for command in (StartBlind(), SetAnalysis(_result(hand, None, (), True), AT), *given, *later):
        made.do(command, at=AT, who=WHO)
    return made


def _result(hand: Any, grades: Mapping[str, int] | None, without: tuple[str, ...], second: bool) -> AnalysisResult:
    bones = tuple(
        BoneResult(bone, None, None)
        if bone in without
        else BoneResult(bone, Region(Box(*hand.boxes[bone]), 0.9), opinion(bone, (grades or {}).get(bone, 6)))
        for bone in rus_chn.BONES
    )
    return AnalysisResult(
        bones=bones,
        models=MODELS if second else MODELS[:2],
        interval=IntervalTable(0.9, tuple(IntervalRow(sex, 0.0, 240.0, 11.5) for sex in Sex), "held-out films"),
        whole_hand=(WholeHandOpinion("convnext.test", 121.25, (110.0, 132.5), usual_difference_months=9.0),) if second else (),
    )


def all_grades(index: Callable[[str], int]) -> dict[str, int]:
    """A grade for every bone."""
    return {bone: index(bone) for bone in rus_chn.BONES}


def signed(reading: Reading, name: str = "Dr. A. Reader", *addenda: str) -> Reading:
    """The reading as it stands with seals, without the checks before them."""
    seals = tuple(
        Signature(i, AT, "reader", name, Role.RADIOLOGIST, "signed", sha("c"), False, sha(f"p{i}"), text)
        for i, text in enumerate(("", *addenda), 1)
    )
    state = State.AMENDED if addenda else State.SIGNED
    return dataclasses.replace(reading, state=state, signatures=seals, revision=reading.revision + 1)


# ------------------------------------------------------------------------------------- reading back
@contextmanager
def strictly() -> Iterator[None]:
    """pydicom refuses every value that breaks a rule of DICOM."""
    from pydicom import config

    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        yield
    finally:
        config.settings.reading_validation_mode = before


def read_strictly(path: Path) -> Any:
    """The file's data set, every value of it looked at."""
    from pydicom import dcmread

    with strictly():
        found = dcmread(path)
        for element in found.iterall():
            assert element.value is not element
    return found


def by_modality(paths: Any) -> dict[str, Any]:
    """Strictly read results by modality: SR, PR, OT, DOC, KO."""
    found = [read_strictly(path) for path in paths]
    return {str(ds.Modality): ds for ds in found}


def name_of(item: Any) -> str:
    """Code value of an item's concept name."""
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def walk(item: Any) -> Iterator[Any]:
    """All items below, in order."""
    for child in item.get("ContentSequence", ()):
        yield child
        yield from walk(child)


def groups(report: Any) -> dict[str, Any]:
    """Measurement groups by their tracking identifier."""
    found = {}
    for item in walk(report):
        if name_of(item) == "125007":
            tracked = next(child.TextValue for child in item.ContentSequence if name_of(child) == "112039")
            found[str(tracked)] = item
    return found


def number(group: Any, code: str) -> float | None:
    """The one NUM of that name in the group; None where it has no value. Raises KeyError where there is none."""
    found = [item for item in group.ContentSequence if item.ValueType == "NUM" and name_of(item) == code]
    if len(found) != 1:
        raise KeyError(f"{len(found)} of {code}")
    values = found[0].MeasuredValueSequence
    return float(values[0].NumericValue) if values else None


def coded(group: Any, code: str) -> list[str]:
    """Code values under that name."""
    return [
        str(item.ConceptCodeSequence[0].CodeValue)
        for item in group.ContentSequence
        if item.ValueType == "CODE" and name_of(item) == code
    ]


def said(report: Any, code: str) -> list[str]:
    """Texts under that name, anywhere."""
    return [str(item.TextValue) for item in walk(report) if item.ValueType == "TEXT" and name_of(item) == code]
