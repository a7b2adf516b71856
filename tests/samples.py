"""Readings with known content, for tests of several parts."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

from boneage_desk.reading.analysis import (
    AnalysisResult,
    BoneResult,
    Flag,
    IntervalRow,
    IntervalTable,
    ModelRef,
    WholeHandOpinion,
)
from boneage_desk.reading.film import FilmSource, Laterality, Patient, Study
from boneage_desk.reading.findings import Box, GradeOpinion, Region
from boneage_desk.reading.session import Reading, ReadingSession, SetAnalysis
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex

NOON = datetime(2024, 7, 12, 12, 0, tzinfo=UTC)
WHO = "reader"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def opinion(bone: str, grade: int, probability: float = 0.75) -> GradeOpinion:
    count = len(rus_chn.labels(bone))
    rest = (1 - probability) / (count - 1)
    return GradeOpinion(bone, grade, tuple(probability if i == grade else rest for i in range(count)))


def analysis(grades: dict[str, int] | None = None, flags: tuple[Flag, ...] = ()) -> AnalysisResult:
    """13 boxes and grades (6 for each bone unless given), two models, a measured interval."""
    grades = grades or {}
    bones = tuple(
        BoneResult(
            bone,
            Region(Box(100.5 + 40 * i, 200.25, 160.5 + 40 * i, 262.75), 0.9, angle_deg=3.5),
            opinion(bone, grades.get(bone, 6)),
        )
        for i, bone in enumerate(rus_chn.BONES)
    )
    interval = IntervalTable(
        0.9, tuple(IntervalRow(sex, 0.0, 240.0, 11.5) for sex in (Sex.MALE, Sex.FEMALE)), "held-out films"
    )
    return AnalysisResult(
        bones=bones,
        flags=flags,
        models=(ModelRef("detector", "yolov8n.test", sha("d")), ModelRef("grader", "b3.test", sha("g"))),
        interval=interval,
        whole_hand=(WholeHandOpinion("whole-hand", 121.25, (110.0, 132.5)), WholeHandOpinion("other", 120.0, engine="dual")),
        hand_mirror="L",
        rotation_deg=2.0,
        timing_ms={"detect": 41.25, "grade": 120.5},
        device="cpu",
    )


def reading(
    reading_id: str = "r1", *, film: str = "film", sex: Sex | None = Sex.FEMALE, name: str = "LI^Ming"
) -> Reading:
    """A draft, not analysed."""
    return Reading(
        reading_id=reading_id,
        source=FilmSource(
            f"C:/films with spaces/左手 {film}.dcm", sha(film), True, transfer_syntax="1.2.840.10008.1.2.1"
        ),
        width=2000,
        height=2500,
        patient=Patient(name, "李^明", "0042", sex, date(2014, 3, 2)),
        study=Study(
            study_uid=f"1.2.3.{film}" if film.isdigit() else "",
            study_date=date(2024, 7, 11),
            modality="CR",
            laterality=Laterality.LEFT,
        ),
        created_at=NOON,
        changed_at=NOON,
        flags=(Flag("low_quality", "Low contrast."),),
    )


def analysed(reading_id: str = "r1", **facts: object) -> ReadingSession:
    """A session of a reading with the machine's result in."""
    session = ReadingSession(reading(reading_id, **facts))  # type: ignore[arg-type]
    session.do(SetAnalysis(analysis(), NOON + timedelta(seconds=2)), at=NOON + timedelta(seconds=2), who=WHO)
    return session
