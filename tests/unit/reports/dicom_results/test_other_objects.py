"""Secondary capture, encapsulated PDF, key object; UIDs; what they take from the film."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boneage_desk.common.errors import Cancelled, FilmError, InputError, StoreError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.common.settings import Settings
from boneage_desk.imaging.annotated import annotated
from boneage_desk.imaging.dicom_file import quiet
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.annotating import SetKeyImage
from boneage_desk.reading.assessment import Blind, new_reading
from boneage_desk.reading.session import SetGrade, SetPatient, SetStudy
from boneage_desk.reports.dicom_results import capture, uids, writer
from boneage_desk.reports.dicom_results.base import person_name
from boneage_desk.reports.dicom_results.writer import DicomResults
from boneage_desk.standards import rus_chn
from tests.dicom_cases import AT, PDF, by_modality, groups, name_of, open_film, session, signed, walk
from tests.samples import WHO
from tests.unit.imaging.conftest import dataset, ramp

Results = Callable[..., dict[str, Any]]
Film = Callable[..., Any]
MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.7.3"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, hand: Any) -> tuple[Any, Any, dict[str, Any], list[Path]]:
    """(film, reading, results by modality, their files) of a draft."""
    folder = tmp_path_factory.mktemp("made")
    film = open_film(folder, hand, name="左手.dcm", changes={"PatientName": "Li^Ming=李^明"})
    reading = session(film, hand).reading
    paths = list(DicomResults().write(reading, film, folder / "out 出", report=PDF))
    return film, reading, by_modality(paths), paths


Made = tuple[Any, Any, dict[str, Any], list[Path]]


# ----------------------------------------------------------------------------------- what all share
def test_all_are_in_the_films_study_each_in_a_series_of_its_own(made: Made) -> None:
    film, _, found, _ = made
    assert list(found) == ["SR", "PR", "OT", "DOC", "KO"]
    for ds in found.values():
        assert ds.StudyInstanceUID == film.study.study_uid
        assert (ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID) == ("20240711", "093000", "DEMO0001", "1")
        assert str(ds.PatientName) == "Li^Ming=李^明"
        assert ds.PatientName.ideographic == "李^明"
        assert (ds.PatientID, ds.PatientBirthDate, ds.PatientSex) == ("PHANTOM-0001", "20140215", "F")
        assert ds.SpecificCharacterSet == "ISO_IR 192"
        assert (ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions) == ("BoneAge Desk", "BoneAge Desk", "0.1.0")
        assert "DeviceSerialNumber" not in ds
        assert "SYNTHETIC" in ds.SeriesDescription
        assert ds.SeriesInstanceUID != film.study.series_uid
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID
    assert len({ds.SeriesInstanceUID for ds in found.values()}) == 5
    assert len({ds.SOPInstanceUID for ds in found.values()}) == 5
    assert len({int(ds.SeriesNumber) for ds in found.values()}) == 5


def test_a_film_of_a_patient_is_not_called_synthetic(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    dataset(ramp(), BodyPartExamined="HAND", ImageType=["ORIGINAL", "PRIMARY"]).save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    for ds in DicomResults().make(new_reading(film, "r", AT), film):
        assert "SYNTHETIC" not in str(ds).upper()


def test_the_same_reading_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    film, reading, _, paths = made
    again = DicomResults().write(reading, film, tmp_path / "again", report=PDF)
    assert [path.name for path in again] == [path.name for path in paths]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_uids_differ_with_reading_revision_and_report(made: Made, hand: Any) -> None:
    film, reading, found, _ = made
    results = DicomResults()

    def of(value: Any, report: bytes | None = PDF) -> dict[str, str]:
        return {str(ds.Modality): str(ds.SOPInstanceUID) for ds in results.make(value, film, report=report)}

    first = {kind: str(ds.SOPInstanceUID) for kind, ds in found.items()}
    later = session(film, hand)
    later.do(SetGrade("radius", 5), at=AT, who=WHO)
    for other in (of(later.reading), of(dataclasses.replace(reading, reading_id="r2"))):
        assert set(first.values()) & set(other.values()) == set()
    other = of(reading, PDF + b" ")
    assert {kind for kind in first if first[kind] != other[kind]} == {"DOC", "KO"}
    assert set(of(reading, None)) == {"SR", "PR", "OT", "KO"}
    assert of(reading, None)["KO"] != first["KO"]


def test_equal_uids_mean_equal_content(made: Made, hand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    film, reading, found, _ = made

    def of(value: Any, **settings: str) -> set[str]:
        results = DicomResults(Settings(**settings)).make(value, film, report=PDF)  # type: ignore[arg-type]
        return {str(uid) for ds in results for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID)}

    first = {str(uid) for ds in found.values() for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID)}
    assert of(reading) >= first, "a resend"
    restored = session(film, hand, grades={"radius": 3})  # a backup came back, and the same revision with another grade
    assert (restored.reading.reading_id, restored.reading.revision) == (reading.reading_id, reading.revision)
    assert of(restored.reading) & first == set()
    assert of(reading, site_name="Other hospital") & first == set(), "its name is in every object"
    monkeypatch.setattr(uids, "__version__", "99.0")
    assert of(reading) & first == set(), "so is the version"


def test_uids_are_legal_and_come_from_a_uuid(made: Made) -> None:
    _, reading, found, _ = made
    for ds in found.values():
        for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID):
            number = int(str(uid).removeprefix("2.25."))
            assert str(uid) == f"2.25.{number}"
            assert len(str(uid)) <= 64
            assert number >> 76 & 0xF == 5  # a version 5 UUID
            assert number >> 62 & 3 == 2
    # written down once, so that no later version makes other ones of the same reading
    assert uids.made("a", "b") == "2.25.315798712718574808474257347041846393234"
    assert uids.tracking(reading, "radius") == uids.tracking(dataclasses.replace(reading, revision=9), "radius")


# --------------------------------------------------------------------------------- secondary capture
def test_the_capture_is_the_annotated_film(made: Made) -> None:
    film, reading, found, _ = made
    ds = found["OT"]
    picture = annotated(film.frame, reading, lines=["draft; BoneAge Desk 0.1.0", "SYNTHETIC film, not of a patient"])
    assert np.array_equal(ds.pixel_array, np.asarray(picture))
    assert (ds.PhotometricInterpretation, ds.BitsStored, ds.SamplesPerPixel) == ("RGB", 8, 3)
    assert (ds.BurnedInAnnotation, ds.ConversionType, list(ds.ImageType[:2])) == ("YES", "WSD", ["DERIVED", "SECONDARY"])
    assert ds.ImageType[3] == "SYNTHETIC"
    assert "not for diagnosis" in ds.DerivationDescription
    assert "synthetic" in ds.DerivationDescription
    (source,) = ds.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == film.study.sop_uid
    assert "PixelSpacing" not in ds
    assert ds.Laterality == "L"


def test_a_large_film_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand: Any) -> None:
    monkeypatch.setattr(capture, "LONGER_SIDE", 250)
    film = open_film(tmp_path, hand)
    ds = next(ds for ds in DicomResults().make(session(film, hand).reading, film) if ds.Modality == "OT")
    assert (ds.Rows, ds.Columns) == (250, 200)
    assert len(ds.PixelData) == 250 * 200 * 3


# ----------------------------------------------------------------------------------------------- PDF
def test_the_report_comes_out_byte_for_byte(made: Made) -> None:
    film, _, found, _ = made
    ds = found["DOC"]
    assert len(PDF) % 2 == 1
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == PDF
    assert ds.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert (ds.BurnedInAnnotation, ds.VerificationFlag) == ("YES", "UNVERIFIED")
    assert "Bone age" in ds.DocumentTitle
    assert ds.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    assert ds.SourceInstanceSequence[0].ReferencedSOPInstanceUID == film.study.sop_uid


def test_a_signed_report_is_verified(film: Film, hand: Any, results: Results) -> None:
    opened = film()
    found = results(signed(session(opened, hand).reading, "李医生"), opened)
    assert found["DOC"].VerificationFlag == "VERIFIED"
    assert str(found["PR"].ContentCreatorName) == "李医生=李医生"


def test_other_bytes_are_no_report(made: Made, tmp_path: Path) -> None:
    film, reading, _, _ = made
    with pytest.raises(InputError) as caught:
        DicomResults().write(reading, film, tmp_path / "out", report=b"hello")
    assert caught.value.code == "not-a-pdf"
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------------------- key object
def test_the_key_object_names_film_and_results(made: Made) -> None:
    film, _, found, _ = made
    ds = found["KO"]
    named = {
        str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID): str(item.ValueType)
        for item in walk(ds)
        if item.ValueType in ("IMAGE", "COMPOSITE")
    }
    others = {kind: str(found[kind].SOPInstanceUID) for kind in ("SR", "PR", "OT", "DOC")}
    assert named == {
        film.study.sop_uid: "IMAGE", others["SR"]: "COMPOSITE", others["PR"]: "COMPOSITE", others["OT"]: "IMAGE",
        others["DOC"]: "COMPOSITE",
    }  # fmt: skip
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    evidence = {
        str(series.SeriesInstanceUID): [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence]
        for series in study.ReferencedSeriesSequence
    }
    expected = {film.study.series_uid: [film.study.sop_uid]}
    expected.update({str(found[kind].SeriesInstanceUID): [uid] for kind, uid in others.items()})
    assert evidence == expected
    shown = next(item for item in walk(ds) if item.ValueType == "IMAGE").ReferencedSOPSequence[0]
    assert shown.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == others["PR"]
    assert title(ds) == ("113030", "Manifest"), "nobody said that the film is of interest"


def title(ds: Any) -> tuple[str, str]:
    code = ds.ConceptNameCodeSequence[0]
    return str(code.CodeValue), str(code.CodeMeaning)


def key_objects(film: Any, reading: Any, report: bytes | None = PDF) -> dict[str, Any]:
    """Key Object Selections by their title."""
    made = DicomResults().make(reading, film, report=report)
    return {title(ds)[1]: ds for ds in made if ds.Modality == "KO"}


def test_a_key_image_is_named_alone_as_of_interest(film: Film, hand: Any) -> None:
    opened = film()
    value = session(opened, hand)
    assert set(key_objects(opened, value.reading)) == {"Manifest"}
    value.do(SetKeyImage(True), at=AT, who=WHO)
    found = key_objects(opened, value.reading)
    assert set(found) == {"Manifest", "Of Interest"}
    marked, manifest = found["Of Interest"], found["Manifest"]
    assert title(marked)[0] == "113000"
    (shown,) = [item for item in walk(marked) if item.ValueType in ("IMAGE", "COMPOSITE")]
    assert shown.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == opened.study.sop_uid
    (study,) = marked.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == opened.study.series_uid
    assert marked.SeriesInstanceUID != manifest.SeriesInstanceUID and marked.SOPInstanceUID != manifest.SOPInstanceUID
    assert "key image" in marked.SeriesDescription and "draft" in marked.SeriesDescription
    named = {str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for item in walk(manifest) if "ReferencedSOPSequence" in item}
    assert marked.SOPInstanceUID in named, "the manifest names all results"
    assert key_objects(opened, value.reading, None)["Of Interest"].SOPInstanceUID == marked.SOPInstanceUID
    value.do(SetKeyImage(False), at=AT, who=WHO)
    assert set(key_objects(opened, value.reading)) == {"Manifest"}


# ------------------------------------------------------------------------------- frames of many frames
def test_the_frame_of_a_multi_frame_film_is_named(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    pixels = np.stack([ramp(), ramp()[::-1]])
    ds = dataset(pixels, SOPClassUID=MULTI_FRAME, BodyPartExamined="HAND", Modality="OT")
    ds.save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path), frame=2)
    marked = dataclasses.replace(new_reading(film, "r", AT), key_image=True)
    (item,) = [item for item in walk(key_objects(film, marked)["Of Interest"]) if item.ValueType == "IMAGE"]
    assert item.ReferencedSOPSequence[0].ReferencedFrameNumber == 2
    hand = type("Hand", (), {"boxes": {b: (5.0, 6.0, 25.0, 26.0) for b in rus_chn.BONES}})
    found = by_modality(DicomResults().write(session(film, hand).reading, film, tmp_path / "out", report=PDF))
    frames = [
        item.ReferencedSOPSequence[0].get("ReferencedFrameNumber")
        for item in walk(found["SR"])
        if item.ValueType == "IMAGE"
    ]
    assert len(frames) == 14
    assert set(frames) == {2}
    state = found["PR"]
    assert state.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber == 2
    assert {a.ReferencedImageSequence[0].ReferencedFrameNumber for a in state.GraphicAnnotationSequence} == {2}
    assert state.SoftcopyVOILUTSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber == 2
    assert found["OT"].SourceImageSequence[0].ReferencedFrameNumber == 2
    assert "ReferencedFrameNumber" not in found["DOC"].SourceInstanceSequence[0]  # its macro knows none
    first = next(item for item in walk(found["KO"]) if item.ValueType == "IMAGE")
    assert first.ReferencedSOPSequence[0].ReferencedFrameNumber == 2


# -------------------------------------------------------------------------------- what the film lacks
def test_what_the_film_lacks_is_empty_and_not_invented(tmp_path: Path) -> None:
    gone = dict.fromkeys(
        ("PatientName", "PatientID", "PatientSex", "PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
         "ReferringPhysicianName", "Manufacturer", "SpecificCharacterSet", "SeriesNumber", "InstanceNumber", "Laterality"),
        None,
    )  # fmt: skip
    path = tmp_path / "film.dcm"
    dataset(ramp(), BodyPartExamined="HAND", **gone).save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    found = by_modality(DicomResults().write(new_reading(film, "r1", AT), film, tmp_path / "out", report=PDF))
    for ds in found.values():
        for keyword in ("PatientName", "PatientID", "PatientSex", "PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber"):
            assert not ds[keyword].value, keyword
    names = {name_of(item) for item in groups(found["SR"])["Bone age by RUS-CHN, grades in force"].ContentSequence}
    assert "121033" not in names
    assert "111028" not in names


def test_illegal_values_are_left_out_but_what_is_matched_by_stays(tmp_path: Path) -> None:
    from pydicom.config import disable_value_validation

    path = tmp_path / "film.dcm"
    odd = {"AccessionNumber": "A" * 20, "PatientAge": "10 years", "StudyTime": "half past nine", "EthnicGroup": "x" * 40}
    with quiet(), disable_value_validation():
        dataset(ramp(), BodyPartExamined="HAND", PatientBirthDate="2014.03.02", **odd).save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    for ds in DicomResults().make(new_reading(film, "r1", AT), film):
        assert ds.AccessionNumber == "A" * 20
        assert ds.StudyTime is None or ds.StudyTime == ""
        assert "PatientAge" not in ds
        assert "EthnicGroup" not in ds
        assert ds.PatientBirthDate == "20140302"


def test_names_in_another_character_set_are_written_in_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    made = dataset(ramp(), BodyPartExamined="HAND", SpecificCharacterSet="GB18030", PatientName="Wang^XiaoDong=王^小东",
                   InstitutionName="儿童医院", StudyDescription="骨龄")  # fmt: skip
    made.save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    found = by_modality(DicomResults().write(signed(new_reading(film, "r1", AT)), film, tmp_path / "out", report=PDF))
    for ds in found.values():
        assert ds.PatientName.ideographic == "王^小东"
        assert ds.StudyDescription == "骨龄"
    assert "王^小东".encode() in next((tmp_path / "out").glob("SR.*")).read_bytes()
    assert found["SR"].VerifyingObserverSequence[0].VerifyingOrganization == "儿童医院"


def test_a_recorded_sex_of_other_stays(film: Film, hand: Any, results: Results) -> None:
    opened = film(sex="O")
    assert {ds.PatientSex for ds in results(session(opened, hand).reading, opened).values()} == {"O"}


def test_facts_that_a_person_gave_stand_in_place_of_the_films(tmp_path: Path, hand: Any, results: Results) -> None:
    opened = open_film(tmp_path, hand, changes={"PatientAge": "010Y", "PatientName": ""})
    value = session(opened, hand)
    value.do(SetPatient(name="Zhao^Lei", patient_id="77", birth_date=date(2014, 1, 31)), at=AT, who=WHO)
    for ds in results(value.reading, opened).values():
        assert (str(ds.PatientName), ds.PatientID, ds.PatientBirthDate) == ("Zhao^Lei", "77", "20140131")
        assert "PatientAge" not in ds


def test_an_age_goes_with_the_study_date_that_it_followed_from(tmp_path: Path, hand: Any, results: Results) -> None:
    opened = open_film(tmp_path, hand, changes={"PatientAge": "010Y"})
    value = session(opened, hand)
    assert {str(ds.PatientAge) for ds in results(value.reading, opened).values()} == {"010Y"}
    value.do(SetStudy(study_date=date(2022, 7, 11)), at=AT, who=WHO)
    assert all("PatientAge" not in ds for ds in results(value.reading, opened).values())


def test_a_signers_name_is_a_legal_person_name() -> None:
    assert person_name("Dr. A. Reader") == "Dr. A. Reader"
    assert person_name("王医生") == "王医生=王医生"
    assert person_name("A\\B=C^D\n") == "A B C D"


# ------------------------------------------------------------------------------------------ refusals
def test_a_picture_without_dicom_is_refused(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "film.png"
    Image.fromarray(ramp(top=255, dtype=np.uint8)).save(path)
    film = FilmFiles().open(str(path))
    with pytest.raises(FilmError) as caught:
        DicomResults().write(new_reading(film, "r1", AT), film, tmp_path / "out")
    assert caught.value.code == "no-dicom"
    assert caught.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_a_film_without_uids_is_refused(film: Film, hand: Any, tmp_path: Path, keyword: str) -> None:
    opened = film(changes={keyword: None})
    with pytest.raises(FilmError) as caught:
        DicomResults().write(session(opened, hand).reading, opened, tmp_path / "out")
    assert caught.value.code == "no-dicom"


def test_a_film_that_was_changed_meanwhile_is_refused(film: Film, hand: Any, tmp_path: Path) -> None:
    opened = film()
    Path(opened.source.path).write_bytes(Path(opened.source.path).read_bytes() + b"\0\0")
    with pytest.raises(FilmError) as caught:
        DicomResults().write(session(opened, hand).reading, opened, tmp_path / "out")
    assert caught.value.code == "film-changed"


def test_a_reading_of_another_film_is_refused(film: Film, hand: Any, tmp_path: Path) -> None:
    opened = film()
    reading = session(opened, hand).reading
    other = dataclasses.replace(reading, source=dataclasses.replace(reading.source, sha256="0" * 64))
    with pytest.raises(InputError) as caught:
        DicomResults().write(other, opened, tmp_path / "out")
    assert caught.value.code == "other-film"


def test_a_disk_that_refuses_one_leaves_none(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, reading, _, paths = made
    out = tmp_path / "out"
    out.mkdir()
    (out / paths[0].name).write_bytes(paths[0].read_bytes())  # one that was there before
    write = writer.write_whole

    def refuse(path: Path, data: bytes) -> None:
        if path.name.startswith("DOC."):
            raise StoreError("No room.", "Free some space.", code="report")
        write(path, data)

    monkeypatch.setattr(writer, "write_whole", refuse)
    with pytest.raises(StoreError, match=r"DOC\..* could not be written\. Free some space"):
        DicomResults().write(reading, film, out, report=PDF)
    assert [path.name for path in out.iterdir()] == [paths[0].name]


def test_a_cancelled_writing_leaves_nothing(made: Made, tmp_path: Path) -> None:
    film, reading, _, _ = made
    token, shares = CancelToken(), []

    def progress(share: float, step: str) -> None:
        shares.append(share)
        if step == "annotated film":
            token.cancel()

    with pytest.raises(Cancelled):
        DicomResults().write(reading, film, tmp_path / "out", report=PDF, progress=progress, cancel=token)
    assert not (tmp_path / "out").exists()
    assert shares == sorted(shares) and len(shares) == 3


def test_while_it_is_blind_nothing_is_written(film: Film, hand: Any, tmp_path: Path) -> None:
    opened = film()
    blind = dataclasses.replace(session(opened, hand).reading, blind=Blind.HIDDEN)
    with pytest.raises(InputError) as caught:
        DicomResults().write(blind, opened, tmp_path / "out")
    assert (caught.value.code, bool(caught.value.remedy)) == ("blind", True)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_told(made: Made, tmp_path: Path) -> None:
    film, reading, _, _ = made
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        DicomResults().write(reading, film, tmp_path / "file" / "out")
    assert caught.value.remedy




# ---------------------------------------------------------------------------- results beside the film
def test_results_are_never_read_as_films(made: Made) -> None:
    film, _, _, paths = made
    for path in paths:
        with pytest.raises(FilmError) as caught:
            FilmFiles().open(str(path))
        assert caught.value.code == ("own-result" if path.name.startswith("OT.") else "no-pixels")
        assert caught.value.remedy
    found = list(FilmFiles().scan([str(Path(film.source.path).parent)]))
    assert [entry.path for entry in found] == [film.source.path]
