"""The film with boxes: where lines and labels are."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from boneage_desk.imaging.annotated import DOUBT, EPIPHYSIS, HUMAN, MACHINE, SHAFT, annotated_png
from boneage_desk.reading.analysis import AnalysisResult, BoneResult
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box, Region
from boneage_desk.reading.session import Reading, ReadingSession, SetAnalysis, SetGrade
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, opinion, reading


def frame(width: int = 1000, height: int = 1300) -> Frame:
    pixels = np.zeros((height, width), np.uint16)
    pixels.setflags(write=False)
    return Frame(pixels, 4095, (Voi("Auto", centre=2048, width=4096),))


def boxes() -> dict[str, Box]:
    return {
        bone: Box(x, y, x + 90, y + 90)
        for i, bone in enumerate(rus_chn.BONES)
        for x, y in [(120 + (i % 4) * 210, 120 + (i // 4) * 250)]
    }


def session() -> ReadingSession:
    value = ReadingSession(dataclasses.replace(reading(), width=1000, height=1300))
    bones = tuple(
        BoneResult(bone, Region(box, 0.9, certain=bone != "ulna"), opinion(bone, 6)) for bone, box in boxes().items()
    )
    value.do(SetAnalysis(AnalysisResult(bones), NOON), at=NOON, who=WHO)
    value.do(SetGrade("mc1", 8), at=NOON, who=WHO)
    return value


def drawn(value: Reading, picture: Frame | None = None) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(annotated_png(picture or frame(), value))))


def count(part: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int(np.all(part == np.array(colour), axis=-1).sum())


@pytest.mark.parametrize(("bone", "colour"), [("radius", MACHINE), ("ulna", DOUBT), ("mc1", HUMAN), ("dp5", MACHINE)])
def test_each_box_has_its_colour_at_its_place(bone: str, colour: tuple[int, int, int]) -> None:
    picture = drawn(session().reading)
    assert picture.shape == (1300, 1000, 3)
    box = boxes()[bone]
    edge = picture[int(box.y0), int(box.x0) : int(box.x1)]
    assert count(edge, colour) > 40


def test_what_is_doubted_is_dashed_too() -> None:
    picture = drawn(session().reading)
    filled = {}
    for bone, colour in (("ulna", DOUBT), ("radius", MACHINE)):
        box = boxes()[bone]
        filled[bone] = count(picture[int(box.y0), int(box.x0) : int(box.x1)], colour)
    assert filled["radius"] >= 90
    assert filled["ulna"] <= 70


def test_labels_leave_the_boxes_free() -> None:
    picture = drawn(session().reading)
    for box in boxes().values():
        inside = picture[int(box.y0) + 6 : int(box.y1) - 6, int(box.x0) + 6 : int(box.x1) - 6]
        assert not inside.any()


def measured(quality: float, wide: float = 60.0) -> Reading:
    """The widths of the radius on two level lines, the epiphysis' 30 pixels and the shaft's 50 below its box's top."""
    box = boxes()["radius"]
    x, y = box.x0 + 10, box.y0
    evidence = Evidence(
        "radius", True, quality, width_ratio=0.9,
        epiphysis_line=((x, y + 30), (x + wide, y + 30)), metaphysis_line=((x, y + 50), (x + wide, y + 50)),
    )  # fmt: skip
    value = session().reading
    radius = dataclasses.replace(value.bone("radius"), machine_evidence=evidence)
    return dataclasses.replace(value, bones=(radius, *value.bones[1:]))


def test_measured_widths_are_drawn_where_they_were_taken() -> None:
    picture, box = drawn(measured(0.9)), boxes()["radius"]
    row = {at: picture[int(box.y0) + at, int(box.x0) + 4 : int(box.x1) - 4] for at in (30, 50)}
    assert count(row[30], EPIPHYSIS) >= 58
    assert 20 <= count(row[50], SHAFT) <= 50, "dashed"
    assert count(picture, EPIPHYSIS) + count(picture, SHAFT) == count(row[30], EPIPHYSIS) + count(row[50], SHAFT)
    for untrusted in (measured(0.4), measured(0.9, wide=20.0)):
        assert count(drawn(untrusted), EPIPHYSIS) + count(drawn(untrusted), SHAFT) == 0


def test_a_film_without_boxes_is_drawn_as_it_is() -> None:
    picture = drawn(dataclasses.replace(reading(), width=200, height=260), frame(200, 260))
    assert picture.shape == (260, 200, 3)
