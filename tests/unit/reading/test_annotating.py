"""Distances, angles and notes on the film, boxes taken away, the key image: values, commands, audit, undo, document."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import InputError
from boneage_desk.reading.annotating import (
    AddAnnotation,
    ChangeAnnotation,
    RemoveAnnotation,
    RemoveBox,
    SetKeyImage,
)
from boneage_desk.reading.annotations import Annotation, AnnotationKind, angle_between, measure, words
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.document import document
from boneage_desk.reading.film import Spacing, SpacingKind
from boneage_desk.reading.findings import Box
from boneage_desk.reading.report_content import build
from boneage_desk.reading.session import MarkReviewed, ReadingSession, SetAnalysis, SetBox, SetGrade
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed, analysis, opinion

D, A, N = AnnotationKind.DISTANCE, AnnotationKind.ANGLE, AnnotationKind.NOTE
DETECTOR = Spacing(0.2, 0.1, SpacingKind.AT_DETECTOR)


def do(session: ReadingSession, command: object):  # type: ignore[no-untyped-def]
    return session.do(command, at=NOON + timedelta(seconds=9), who=WHO)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spacing", "said"),
    [
        (Spacing(), "50 px"),
        (Spacing(0.1, 0.1, SpacingKind.PIXEL), "5.0 mm"),
        (Spacing(0.1, 0.1, SpacingKind.AT_DETECTOR), "5.0 mm at detector"),
        (Spacing(0.2, 0.1, SpacingKind.PIXEL), "8.5 mm"),  # 3 mm across, 8 mm down
    ],
)
def test_a_distance_says_where_its_unit_is_from(spacing: Spacing, said: str) -> None:
    assert words(Annotation(1, D, ((10, 10), (40, 50)), spacing=spacing)) == said


def test_an_angle_is_that_of_millimetres_where_they_are_known() -> None:
    points = ((10.0, 0.0), (0.0, 0.0), (10.0, 10.0))
    assert words(Annotation(1, A, points)) == "45.0\N{DEGREE SIGN} in pixels"
    found = measure(Annotation(1, A, points, spacing=DETECTOR))
    assert found is not None and found.unit == "\N{DEGREE SIGN}"
    assert found.value == pytest.approx(math.degrees(math.atan2(2, 1)))


@given(st.floats(0, 2 * math.pi), st.floats(0, math.pi), st.floats(1, 500), st.floats(1, 500), st.booleans())
def test_an_angle_does_not_depend_on_turn_or_mirror(turn: float, angle: float, a: float, b: float, mirror: bool) -> None:
    sign = -1 if mirror else 1
    start = (a * math.cos(turn), sign * a * math.sin(turn))
    end = (b * math.cos(turn + angle), sign * b * math.sin(turn + angle))
    assert angle_between(start, (0, 0), end) == pytest.approx(math.degrees(angle), abs=1e-6)


def test_each_is_numbered_audited_and_undone() -> None:
    session = analysed()
    first = do(session, AddAnnotation(D, ((1, 2), (4, 6)), spacing=DETECTOR))
    assert (first.action, first.detail, first.before) == ("add-annotation", "distance 1", "-")
    assert first.after == "0.9 mm at detector (1.0,2.0 4.0,6.0)"
    do(session, AddAnnotation(N, ((5, 5),), "  a   cyst? "))
    assert [(a.number, a.text) for a in session.reading.annotations] == [(1, ""), (2, "a cyst?")]
    moved = do(session, ChangeAnnotation(1, ((1, 2), (4, 2))))
    assert moved.before != moved.after == "0.3 mm at detector (1.0,2.0 4.0,2.0)"
    worded = do(session, ChangeAnnotation(2, ((5, 5),), "a cyst"))
    assert (worded.detail, worded.before, worded.after) == ("note 2", "a cyst? (5.0,5.0)", "a cyst (5.0,5.0)")
    gone = do(session, RemoveAnnotation(1))
    assert (gone.detail, gone.after) == ("distance 1", "-")
    do(session, AddAnnotation(A, ((0, 1), (0, 0), (1, 0))))
    assert [a.name for a in session.reading.annotations] == ["note 2", "angle 3"]
    for _ in range(6):
        session.undo(at=NOON, who=WHO)
    assert session.reading.annotations == ()
    session.redo(at=NOON, who=WHO)
    assert session.reading.annotations[0].points == ((1, 2), (4, 6))


@pytest.mark.parametrize(
    "command",
    [
        AddAnnotation(D, ((1, 2),)),
        AddAnnotation(D, ((1, 2), (1, 2))),
        AddAnnotation(A, ((1, 2), (3, 4), (3, 4))),
        AddAnnotation(N, ((1, 2),), "  "),
        AddAnnotation(N, ((1, 2),), "x" * 201),
        RemoveAnnotation(7),
        ChangeAnnotation(7, ((1, 2), (3, 4))),
    ],
)
def test_what_is_no_annotation_is_refused_and_changes_nothing(command: object) -> None:
    session = analysed()
    before = session.reading
    with pytest.raises(InputError):
        do(session, command)
    assert session.reading is before


def test_no_annotation_on_a_reviewed_reading() -> None:
    session = analysed()
    for bone in rus_chn.BONES:
        do(session, SetGrade(bone, 6))
    do(session, MarkReviewed())
    for command in (AddAnnotation(D, ((1, 2), (4, 6))), SetKeyImage(True), RemoveBox("radius")):
        with pytest.raises(InputError, match="reviewed"):
            do(session, command)


def test_a_key_image_is_marked_and_unmarked() -> None:
    session = analysed()
    event = do(session, SetKeyImage(True))
    assert session.reading.key_image and (event.action, event.before, event.after) == ("set-key-image", "False", "True")
    session.undo(at=NOON, who=WHO)
    assert not session.reading.key_image


def test_a_box_taken_away_leaves_no_opinion_and_no_points() -> None:
    session = analysed()
    do(session, SetBox("dp5", Box(10, 10, 50, 50), opinion("dp5", 4)))
    do(session, RemoveBox("dp5"))
    finding = session.reading.bone("dp5")
    assert finding.box is None and finding.opinion is None and finding.final_grade is None and finding.evidence is None
    assert finding.machine_region is not None and finding.machine_grade is not None, "what the machine said is kept"
    assert finding.uncertain and not finding.overridden
    assert summarise(session.reading).bone_age is None, "a missing bone never scores"
    row = next(row for row in document(session.reading)["bones"] if row["bone"] == "dp5")
    assert (row["box"], row["grade"], row["score"], row["box_removed"]) == (None, None, None, True)
    with pytest.raises(InputError, match="no box"):
        do(session, RemoveBox("dp5"))
    do(session, SetAnalysis(analysis(), NOON))
    assert session.reading.bone("dp5").box is None, "another reading by the machine does not bring it back"
    do(session, SetGrade("dp5", 0))
    assert session.reading.bone("dp5").final_grade == 0, "a person may say: no centre yet"
    do(session, SetBox("dp5", None))
    assert session.reading.bone("dp5").box is not None, "back to the machine's"
    do(session, RemoveBox("dp5"))
    do(session, SetBox("dp5", Box(10, 10, 50, 50)))
    assert session.reading.bone("dp5").box == Box(10, 10, 50, 50)


def test_kept_by_the_store_and_told_in_the_document(repository: Path) -> None:
    session = analysed()
    do(session, AddAnnotation(D, ((1, 2), (4, 6)), spacing=DETECTOR))
    do(session, AddAnnotation(A, ((1, 2), (4, 6), (9, 9))))
    do(session, AddAnnotation(N, ((5, 5.126),), "尺骨"))
    do(session, SetKeyImage(True))
    do(session, RemoveBox("mp3"))
    assert decode_reading(json.loads(json.dumps(encode_reading(session.reading)))) == session.reading
    found = document(session.reading)
    schema = json.loads((repository / "resources" / "schema" / "reading-v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema)
    assert found["key_image"] is True
    assert found["annotations"][0] == {
        "number": 1, "kind": "distance", "points": [[1, 2], [4, 6]], "value": 0.85, "unit": "mm at detector", "text": "",
    }  # fmt: skip
    assert found["annotations"][1]["unit"] == "\N{DEGREE SIGN} in pixels"
    assert found["annotations"][2] == {
        "number": 3, "kind": "note", "points": [[5, 5.13]], "value": None, "unit": "", "text": "尺骨",
    }  # fmt: skip


def test_a_reading_of_an_older_version_has_none() -> None:
    data = encode_reading(analysed().reading)
    for key in ("annotations", "key_image"):
        del data["reading"][key]
    for bone in data["reading"]["bones"]:
        del bone["box_removed"]
    old = decode_reading(data)
    assert old.annotations == () and not old.key_image and not old.bone("radius").box_removed


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "distance 1: 0.9 mm at detector; angle 2: 79.9\N{DEGREE SIGN} in pixels; note 3: a cyst?"),
        ("zh", "距离 1：0.9 mm（探测器平面）；角度 2：79.9\N{DEGREE SIGN}（按像素）；注记 3：a cyst?"),
    ],
)
def test_the_report_says_what_was_measured_and_noted(language: str, said: str) -> None:
    session = analysed()
    assert not {"annotations", "key_image"} & {fact.key for fact in build(session.reading, language=language).results}
    do(session, AddAnnotation(D, ((1, 2), (4, 6)), spacing=DETECTOR))
    do(session, AddAnnotation(A, ((0, 10), (0, 0), (9, 1.6))))
    do(session, AddAnnotation(N, ((5, 5),), "a cyst?"))
    do(session, SetKeyImage(True))
    facts = {fact.key: fact.value for fact in build(session.reading, language=language).results}
    assert facts["annotations"] == said and facts["key_image"] in ("this film", "本片")
