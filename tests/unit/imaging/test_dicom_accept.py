"""Objects that are no plain film of a hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.dicom_accept import BodyPart, body_part_of
from boneage_desk.imaging.reader import FilmFiles

from .conftest import ramp

Make = Callable[..., Path]
S = "1.2.840.10008.5.1.4.1.1."


def refused(path: Path) -> FilmError:
    with pytest.raises(FilmError) as caught:
        FilmFiles().open(str(path))
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("sop_class", "modality", "words"),
    [
        (S + "2", "CT", "CT"),
        (S + "2.1", "CT", "CT"),  # enhanced
        (S + "4", "MR", "MR"),
        (S + "6.1", "US", "ultrasound"),
        (S + "1.2", "MG", "mammogram"),
        (S + "7", "CT", "CT"),  # a secondary capture of one
        (S + "12.2", "RF", "fluoroscopy"),
        (S + "128", "PT", "PET"),
        (S + "77.1.4", "XC", "photograph"),
        (S + "13.1.3", "", "Breast Tomosynthesis"),
        (S + "66.4", "SEG", "segmentation"),
    ],
)
def test_other_kinds_of_image(make: Make, sop_class: str, modality: str, words: str) -> None:
    error = refused(make(ramp(), SOPClassUID=sop_class, Modality=modality))
    assert error.code == "not-hand-film"
    assert words in error.message


@pytest.mark.parametrize(
    ("sop_class", "modality", "words"),
    [
        (S + "88.33", "SR", "report"),
        (S + "104.1", "DOC", "document"),
        (S + "481.3", "RTSTRUCT", "structure set"),
        (S + "11.1", "PR", "presentation state"),
        (S + "9.1.1", "ECG", "waveform"),
    ],
)
def test_objects_without_pixels_say_what_they_are(make: Make, sop_class: str, modality: str, words: str) -> None:
    error = refused(make(None, SOPClassUID=sop_class, Modality=modality))
    assert error.code == "no-pixels"
    assert words in error.message


@pytest.mark.parametrize("part", ["CHEST", "KNEE", "Thorax", "SKULL"])
@pytest.mark.parametrize("sop_class", [S + "1", S + "1.1"])
def test_chest_and_other_films(make: Make, part: str, sop_class: str) -> None:
    error = refused(make(ramp(), SOPClassUID=sop_class, Modality="DX", BodyPartExamined=part))
    assert error.code == "not-hand-film"
    assert part in error.message


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chest_in_chinese(make: Make, encoding: str) -> None:
    path = make(ramp(), BodyPartExamined="XXXXXXXX")
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", "胸部".encode(encoding).ljust(8)))
    error = refused(path)
    assert error.code == "not-hand-film" and "胸部" in error.message


@pytest.mark.parametrize("sop_class", [S + "1", S + "1.1", S + "1.1.1", S + "7", S + "7.3", ""])
@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT", ""])
def test_plain_films_of_every_kind_open(make: Make, sop_class: str, modality: str) -> None:
    FilmFiles().open(str(make(ramp(), SOPClassUID=sop_class or None, Modality=modality, BodyPartExamined="HAND")))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("HAND", BodyPart.HAND),
        ("WRIST", BodyPart.HAND),
        ("LEFT_HAND_BONE_AGE", BodyPart.HAND),
        ("METACARPUS", BodyPart.HAND),
        ("左手", BodyPart.HAND),
        ("FOOT", BodyPart.FOOT),
        ("METATARSAL", BodyPart.FOOT),
        ("TOE", BodyPart.FOOT),
        ("CHEST", BodyPart.ELSEWHERE),
        ("LSPINE", BodyPart.ELSEWHERE),
        ("CSPINE", BodyPart.ELSEWHERE),
        ("LOWER LEG", BodyPart.ELSEWHERE),
        ("EXTREMITY", BodyPart.OPEN),
        ("", BodyPart.OPEN),
        ("ROOM 7", BodyPart.OPEN),
    ],
)
def test_body_part_words(words: str, part: BodyPart) -> None:
    assert body_part_of(words) is part
