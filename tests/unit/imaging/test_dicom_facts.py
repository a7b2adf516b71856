"""Patient, study, side, dates and spacing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film, Laterality, SpacingKind
from boneage_desk.standards.types import Sex

from .conftest import codes, dataset, ramp

Open = Callable[..., Film]


def item(**tags: Any) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


def test_plain_facts(reopen: Open) -> None:
    film = reopen(ramp(), AccessionNumber="A7", StudyDescription="Bone age", InstitutionName="Clinic", PatientAge="010Y")
    assert film.patient.name == "Li^Ming" and film.patient.display_name == "LI Ming"
    assert film.patient.patient_id == "0042"
    assert film.patient.sex is Sex.FEMALE
    assert film.patient.birth_date == date(2014, 3, 2)
    assert film.study.study_date == date(2024, 7, 11)
    assert (film.study.accession, film.study.description, film.study.institution) == ("A7", "Bone age", "Clinic")
    assert film.study.age_as_recorded == "010Y" and film.study.modality == "CR"
    assert film.study.laterality is Laterality.UNKNOWN
    assert not film.study.synthetic
    assert film.warnings == ()


@pytest.mark.parametrize(("charset", "encoding"), [("ISO_IR 192", "utf-8"), ("GB18030", "gb18030"), ("GBK", "gbk")])
def test_chinese_names(make: Callable[..., Path], charset: str, encoding: str) -> None:
    film = FilmFiles().open(str(make(ramp(), SpecificCharacterSet=charset, PatientName="Wang^XiaoDong=王^小东")))
    assert film.patient.name == "Wang^XiaoDong"
    assert film.patient.name_ideographic == "王^小东"
    assert film.patient.display_name == "WANG XiaoDong 王小东"
    assert "charset_guessed" not in codes(film)


def test_chinese_name_with_escapes_of_iso_2022(make: Callable[..., Path]) -> None:
    """PS3.5 K.2: GB 2312 behind the escape ESC $ ) A."""
    path = make(ramp(), SpecificCharacterSet=["", "ISO 2022 IR 58"], PatientName="X" * 40)
    name = b"Zhang^XiaoDong=\x1b$)A" + "张".encode("gb2312") + b"^\x1b$)A" + "小东".encode("gb2312") + b"="
    path.write_bytes(path.read_bytes().replace(b"X" * 40, name.ljust(40)))
    film = FilmFiles().open(str(path))
    assert film.patient.name_ideographic == "张^小东"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_name_without_a_character_set(make: Callable[..., Path], encoding: str) -> None:
    path = make(ramp(), SpecificCharacterSet=None, PatientName="X" * 20)
    path.write_bytes(path.read_bytes().replace(b"X" * 20, "李明轩".encode(encoding).ljust(20)))
    film = FilmFiles().open(str(path))
    assert film.patient.name == "李明轩"
    assert "charset_guessed" in codes(film)


def test_unknown_character_set_still_opens(make: Callable[..., Path]) -> None:
    path = make(ramp(), SpecificCharacterSet="ISO_IR 192", PatientID="42")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", b"ISO_IR 999"))
    film = FilmFiles().open(str(path))
    assert film.patient.patient_id == "42"


@pytest.mark.parametrize(("recorded", "sex", "kept"), [("M", Sex.MALE, ""), ("", None, ""), ("O", None, "O")])
def test_sex_is_never_assumed(reopen: Open, recorded: str, sex: Sex | None, kept: str) -> None:
    film = reopen(ramp(), PatientSex=recorded)
    assert film.patient.sex is sex
    assert film.patient.sex_as_recorded == kept


def raw_date(make: Callable[..., Path], keyword: str, written: bytes) -> Film:
    path = make(ramp(), **{keyword: "20010203"})
    path.write_bytes(path.read_bytes().replace(b"20010203", written))
    return FilmFiles().open(str(path))


@pytest.mark.parametrize("written", [b"20140231", b"00000000", b"19000101", b"NOTADATE", b"2014    ", b"99991231"])
def test_impossible_birth_date_is_none_and_told(make: Callable[..., Path], written: bytes) -> None:
    film = raw_date(make, "PatientBirthDate", written)
    assert film.patient.birth_date is None
    assert "birth_date_invalid" in codes(film)


def test_old_date_format(tmp_path: Path) -> None:
    from pydicom import config
    from pydicom.dataelem import DataElement

    ds = dataset(ramp())
    ds.add(DataElement("PatientBirthDate", "DA", "2014.03.02", validation_mode=config.IGNORE))
    ds.save_as(tmp_path / "acr.dcm", enforce_file_format=True)
    film = FilmFiles().open(str(tmp_path / "acr.dcm"))
    assert film.patient.birth_date == date(2014, 3, 2)


def test_study_date_falls_back_on_the_acquisition(reopen: Open) -> None:
    film = reopen(ramp(), StudyDate="", AcquisitionDate="20240712")
    assert film.study.study_date == date(2024, 7, 12)
    assert "study_date_from_acquisition" in codes(film)
    film = reopen(ramp(), name="none.dcm", StudyDate="")
    assert film.study.study_date is None


def test_birth_after_study(reopen: Open) -> None:
    film = reopen(ramp(), PatientBirthDate="20250101")
    assert "birth_after_study" in codes(film)
    assert film.patient.birth_date == date(2025, 1, 1)


def test_foot_is_flagged_not_refused(reopen: Open) -> None:
    assert "foot" in codes(reopen(ramp(), BodyPartExamined="FOOT"))
    assert "foot" not in codes(reopen(ramp(), name="hand.dcm", BodyPartExamined="HAND"))


@pytest.mark.parametrize(
    ("tags", "side"),
    [
        ({"ImageLaterality": "L"}, Laterality.LEFT),
        ({"Laterality": "R"}, Laterality.RIGHT),
        ({"ImageLaterality": "L", "Laterality": "L"}, Laterality.LEFT),
        ({"ImageLaterality": "U"}, Laterality.UNKNOWN),
        ({"ImageLaterality": "", "Laterality": ""}, Laterality.UNKNOWN),
        ({"SeriesDescription": "LEFT HAND"}, Laterality.UNKNOWN),
    ],
)
def test_side_from_tags_never_guessed(reopen: Open, tags: dict[str, str], side: Laterality) -> None:
    film = reopen(ramp(), **tags)
    assert film.study.laterality is side
    assert film.warnings == ()


@pytest.mark.parametrize(
    ("scheme", "code", "side"),
    [("SRT", "G-A100", "R"), ("SRT", "G-A101", "L"), ("SCT", "24028007", "R"), ("SCT", "7771000", "L")],
)
def test_side_from_anatomy_modifier(reopen: Open, scheme: str, code: str, side: str) -> None:
    modifier = item(CodeValue=code, CodingSchemeDesignator=scheme, CodeMeaning="side")
    region = item(
        CodeValue="T-D8700",
        CodingSchemeDesignator="SRT",
        CodeMeaning="Hand",
        AnatomicRegionModifierSequence=[modifier],
    )
    film = reopen(ramp(), AnatomicRegionSequence=[region])
    assert film.study.laterality == side
    assert film.study.body_part == "Hand"


def test_side_of_a_frame(reopen: Open) -> None:
    anatomy = item(FrameLaterality="R")
    shared = item(FrameAnatomySequence=[anatomy])
    assert reopen(ramp(), SharedFunctionalGroupsSequence=[shared]).study.laterality is Laterality.RIGHT


def test_sides_that_contradict_are_unknown_and_told(reopen: Open) -> None:
    film = reopen(ramp(), ImageLaterality="L", Laterality="R")
    assert film.study.laterality is Laterality.UNKNOWN
    assert "laterality_tags_disagree" in codes(film)
    both = reopen(ramp(), name="b.dcm", ImageLaterality="B")
    assert both.study.laterality is Laterality.UNKNOWN
    assert "laterality_both" in codes(both)


@pytest.mark.parametrize(
    ("tags", "kind", "row", "column"),
    [
        ({"PixelSpacing": [0.1, 0.1]}, SpacingKind.PIXEL, 0.1, 0.1),
        ({"ImagerPixelSpacing": [0.15, 0.15]}, SpacingKind.AT_DETECTOR, 0.15, 0.15),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, SpacingKind.AT_DETECTOR, 0.2, 0.2),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.11, 0.11]}, SpacingKind.PIXEL, 0.1, 0.1),
        ({"PixelSpacing": [0.15, 0.15], "ImagerPixelSpacing": [0.15, 0.15]}, SpacingKind.AT_DETECTOR, 0.15, 0.15),
        (
            {"PixelSpacing": [0.15, 0.15], "ImagerPixelSpacing": [0.15, 0.15], "PixelSpacingCalibrationType": "FIDUCIAL"},
            SpacingKind.PIXEL,
            0.15,
            0.15,
        ),
        (
            {"ImagerPixelSpacing": [0.15, 0.15], "EstimatedRadiographicMagnificationFactor": 1.1},
            SpacingKind.AT_DETECTOR,
            0.15,
            0.15,
        ),
        ({}, SpacingKind.NONE, 0.0, 0.0),
    ],
)
def test_spacing_and_what_it_is_worth(
    reopen: Open, tags: dict[str, Any], kind: SpacingKind, row: float, column: float
) -> None:
    spacing = reopen(ramp(), **tags).frame.spacing
    assert (spacing.kind, spacing.row, spacing.column) == (kind, pytest.approx(row), pytest.approx(column))


def test_rows_come_first_in_spacing(reopen: Open) -> None:
    film = reopen(ramp(), PixelSpacing=[0.2, 0.1])
    assert (film.frame.spacing.row, film.frame.spacing.column) == (0.2, 0.1)
    assert "aspect_ratio" in codes(film)


@pytest.mark.parametrize("spacing", [[0, 0.1], [-0.1, 0.1], [1000, 1000], [0.1, 0.1, 0.1]])
def test_impossible_spacing_is_none_and_told(reopen: Open, spacing: list[float]) -> None:
    film = reopen(ramp(), PixelSpacing=spacing)
    assert film.frame.spacing.kind is SpacingKind.NONE
    assert "spacing_invalid" in codes(film)


def test_aspect_ratio_without_spacing(reopen: Open) -> None:
    assert "aspect_ratio" in codes(reopen(ramp(), PixelAspectRatio=[1, 2]))
    assert "aspect_ratio" not in codes(reopen(ramp(), name="square.dcm", PixelAspectRatio=[2, 2]))


def test_synthetic_is_said(reopen: Open) -> None:
    assert reopen(ramp(), DerivationDescription="Synthetic hand, drawn by a program").study.synthetic


def test_raw_detector_data_is_told(reopen: Open) -> None:
    assert "for_processing" in codes(reopen(ramp(), SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1.1", Modality="DX"))


def test_odd_values_anywhere_do_not_end_the_reading(make: Callable[..., Path]) -> None:
    """Broken numbers and texts in optional elements: the film opens all the same."""
    path = make(ramp(), WindowCenter="1111", WindowWidth="2222", RescaleSlope="3333", PixelSpacing=[0.1234, 0.1234])
    data = path.read_bytes()
    for good, bad in ((b"1111", b"12,5"), (b"2222", b"wide"), (b"3333", b"NaN "), (b"0.1234", b"0,1234")):
        assert good in data
        data = data.replace(good, bad)
    path.write_bytes(data)
    film = FilmFiles().open(str(path))
    assert np.array_equal(film.frame.pixels, ramp())
    assert {"window_invalid", "rescale_invalid", "spacing_invalid"} <= codes(film)
