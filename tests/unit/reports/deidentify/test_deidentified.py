"""De-identified exports: a patient is planted everywhere in a film, and nothing of it may be in what comes out."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from boneage_desk.common.errors import InputError
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.exports import DeidentifyOptions
from boneage_desk.reports.deidentify import profile
from boneage_desk.reports.deidentify.dataset import months_text
from boneage_desk.reports.deidentify.export import FilmExports, write_film
from boneage_desk.reports.deidentify.names import Names
from boneage_desk.reports.deidentify.pixels import text_tiles
from tests.dicom_cases import drawn, read_strictly

AT = datetime(2024, 7, 12, 12, 0, tzinfo=UTC)
NAME, CHINESE, NUMBER = "ZHUGEKONG^Mingliang", "诸葛孔明", "MRN7788991"
BORN, STUDIED, PLACE, DOCTOR = "20130517", "20240711", "Northgate Infirmary", "QUACKSALBER^Otto"
SECRETS = ("zhugekong", "mingliang", CHINESE, NUMBER, BORN, "2013-05-17", STUDIED, "northgate infirmary", "quacksalber", "ACC55667788")
ENCODINGS = ("utf-8", "gb18030", "utf-16-le")
SCHEMED = {"CodeMeaning", "CodeValue", "CodingSchemeDesignator"}


@pytest.fixture(scope="module")
def hand() -> Any:
    return drawn(250, 200)


def plain_film(folder: Path, hand: Any, name: str = "film.dcm", **how: Any) -> Path:
    path = folder / name
    who = PhantomPatient(
        f"{NAME}={CHINESE}", NUMBER, "F", BORN, STUDIED, "093001", "ACC55667788", DOCTOR, PLACE,
    )  # fmt: skip
    write_dicom(hand, path, patient=who, **{"transfer_syntax": "1.2.840.10008.1.2.1", **how})
    return path


def planted(folder: Path, hand: Any) -> Path:
    """The patient's name in every attribute of the dictionary that takes words, nested, private, in overlays, in the file
    meta group, in the preamble, behind the pixels, in the bits above them and after the data set."""
    from pydicom import dcmread

    from boneage_desk.imaging.dicom_file import quiet

    path = plain_film(folder, hand)
    with quiet():
        return _plant(path, dcmread(path))


def _plant(path: Path, ds: Any) -> Path:
    from pydicom.datadict import DicomDictionary
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    item.PatientName, item.CodeMeaning, item.TextValue = NAME, f"hand of {NAME}", f"{NUMBER} {CHINESE}"
    item.CodeValue, item.CodingSchemeDesignator = "85562004", "SCT"
    inner = Dataset()
    inner.OtherPatientNames = NAME
    inner.add_new(0x00091001, "LO", NUMBER)
    inner.add_new(0x00090010, "LO", NAME)
    item.PatientInsurancePlanCodeSequence = [inner]
    kept = {"SpecificCharacterSet", "PatientName", "PatientID", "PixelData", "TransferSyntaxUID"} | SCHEMED
    for number, (vr, _, _, _, keyword) in DicomDictionary.items():
        if not keyword or keyword in kept or keyword in ds or number >> 16 in (0, 2, 4) or number >= 0x7FE00000:
            continue
        if vr in ("LO", "SH", "LT", "ST", "UT", "UC", "PN", "UR"):
            words = {"PN": NAME, "SH": f"{NUMBER} ZHUG"[:16], "UR": f"http://{NUMBER}.example"}.get(vr, f"{CHINESE} {NAME}")
            ds.add(DataElement(number, vr, words))
        elif vr in ("DA", "DT"):
            ds.add(DataElement(number, vr, BORN))
        elif vr == "CS":
            ds.add(DataElement(number, vr, "ZHUGEKONG"))
        elif vr == "SQ":
            ds.add(DataElement(number, vr, Sequence([item])))
        elif vr in ("OB", "UN"):
            ds.add(DataElement(number, vr, NAME.encode()))
    ds.add_new(0x00110010, "LO", "SOME VENDOR")
    ds.add_new(0x00111001, "UN", NUMBER.encode() + b" ")
    ds.add_new(0x60000010, "US", 8)
    ds.add_new(0x60000022, "LO", NAME)
    ds.add_new(0x60001500, "LO", NAME)
    ds.add_new(0x60003000, "OW", NAME.encode() + b" ")
    ds.add_new(0xFFFCFFFC, "OB", NUMBER.encode())
    ds.file_meta.SourceApplicationEntityTitle = "ZHUGEKONG"
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3"
    ds.file_meta.PrivateInformation = NAME.encode() + b" "
    ds.preamble = (NAME.encode() * 8)[:128]
    pixels = ds.pixel_array.copy()
    pixels[0, :8] |= np.uint16(0xF000)  # bits above the stored 12
    ds.PixelData = pixels.tobytes() + NAME.encode() + b" "
    for keyword in ("Manufacturer", "ManufacturerModelName"):
        setattr(ds, keyword, f"Maker for {NAME}")
    ds.RescaleType, ds.ModalityLUTType = "US", "US"
    ds.save_as(path)
    return path


def secrets_in(data: bytes) -> list[str]:
    lowered = data.lower()
    return [
        secret
        for secret in SECRETS
        if any(secret.lower().encode(encoding) in lowered for encoding in ENCODINGS)
    ]


def export(paths: list[Path], out: Path, key: Path | None = None, **options: Any) -> Any:
    return FilmExports().deidentified([str(path) for path in paths], out, DeidentifyOptions(**options), at=AT, key=key)


ALL = {"keep_sex_age": True, "clean_descriptions": True, "dates": "shift"}


@pytest.mark.parametrize("options", [{}, ALL], ids=["basic", "with all options"])
def test_nothing_of_a_patient_planted_everywhere_is_left(tmp_path: Path, hand: Any, options: dict[str, Any]) -> None:
    (tmp_path / "ZHUGEKONG").mkdir()
    source = planted(tmp_path / "ZHUGEKONG", hand)
    found = secrets_in(source.read_bytes())
    assert set(found) >= {"zhugekong", CHINESE, NUMBER, BORN}  # the plant is there
    done = export([source], tmp_path / "out", **options)
    assert (len(done.films), done.left_out) == (1, ())
    for path in sorted((tmp_path / "out").rglob("*")):
        assert secrets_in(path.name.encode()) == []
        if path.is_file():
            assert secrets_in(path.read_bytes()) == [], path.name
    dump = shutil.which("dcmdump")
    if dump:
        text = subprocess.run([dump, "+L", "-Un", str(tmp_path / "out" / done.films[0].path)], check=True, capture_output=True).stdout
        assert secrets_in(text) == []
    made = read_strictly(tmp_path / "out" / done.films[0].path)
    assert not [e.tag for e in made.iterall() if e.tag.is_private or e.tag.group >> 8 in (0x50, 0x60)]
    assert (made.PatientIdentityRemoved, made.preamble) == ("YES", bytes(128))
    # the picture is the same, without what lay in the bits above it
    stored = np.frombuffer(made.PixelData, "<u2")
    assert stored.size == made.Rows * made.Columns and stored.max() < 1 << made.BitsStored
    before, after = (FilmFiles().open(str(path)) for path in (source, tmp_path / "out" / done.films[0].path))
    assert np.array_equal(before.frame.pixels, after.frame.pixels)


def test_the_table_is_that_of_the_standard() -> None:
    actions = profile.table()
    assert len(actions) > 600
    assert actions[(0x0010, 0x0030)] is profile.Action.EMPTY
    assert actions[(0x0010, 0x1010)] is profile.Action.REMOVE
    assert actions[(0x0020, 0x000D)] is profile.Action.UID
    assert actions[(0x0008, 0x1048)] is profile.Action.REMOVE


def test_what_a_reading_needs_stays(tmp_path: Path, hand: Any) -> None:
    source = plain_film(tmp_path, hand, photometric="MONOCHROME1", transfer_syntax="1.2.840.10008.1.2.4.80", laterality="R")
    done = export([source], tmp_path / "out", **ALL)
    before, after = (FilmFiles().open(str(path)) for path in (source, tmp_path / "out" / done.films[0].path))
    assert np.array_equal(before.frame.pixels, after.frame.pixels)
    window, kept = before.frame.vois[0], after.frame.vois[0]
    assert (window.centre, window.width, before.frame.spacing) == (kept.centre, kept.width, after.frame.spacing)
    assert (after.study.laterality, after.study.view, after.patient.sex, after.study.age_as_recorded) == ("R", "PA", "F", "133M")
    assert (after.patient.birth_date, after.study.synthetic) == (None, True)
    assert after.study.study_date is not None and after.study.study_date < date(2024, 7, 11)
    assert after.study.description == "Bone age hand PA synthetic"
    codes = [item.CodeValue for item in read_strictly(tmp_path / "out" / done.films[0].path).DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113108", "113107"]


def test_by_default_sex_age_dates_and_descriptions_go(tmp_path: Path, hand: Any) -> None:
    done = export([plain_film(tmp_path, hand)], tmp_path / "out")
    made = read_strictly(tmp_path / "out" / done.films[0].path)
    assert (made.PatientSex, made.StudyDate, made.PatientBirthDate, made.AccessionNumber) == ("", "", "", "")
    assert not {"PatientAge", "StudyDescription", "SeriesDescription", "InstitutionName"} & set(made.dir())
    assert made.LongitudinalTemporalInformationModified == "REMOVED"
    assert [item.CodeValue for item in made.DeidentificationMethodCodeSequence] == ["113100"]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not here")
@pytest.mark.parametrize("changes", [{}, {"PatientName": None, "PatientID": None, "StudyID": None, "AccessionNumber": None}])
def test_the_objects_keep_the_rules(tmp_path: Path, hand: Any, changes: dict[str, Any]) -> None:
    done = export([plain_film(tmp_path, hand, changes=changes)], tmp_path / "out", **ALL)
    said = subprocess.run(["dciodvfy", str(tmp_path / "out" / done.films[0].path)], capture_output=True, text=True, check=False)
    assert "CRImage" in said.stderr + said.stdout
    assert [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")] == []


def test_new_names_fit_together_in_an_export_and_with_its_key_in_a_later_one(tmp_path: Path, hand: Any) -> None:
    one = plain_film(tmp_path, hand, "1.dcm")
    two = plain_film(tmp_path, hand, "2.dcm", laterality="R", changes={"SOPInstanceUID": "1.2.3.4"})
    other = tmp_path / "3.dcm"
    write_dicom(hand, other, patient=PhantomPatient("OTHER^Child", "5544332211", study_date="20230101"))
    key = tmp_path / "key.json"
    done = export([one, two, other], tmp_path / "out", key, dates="shift")
    made = [read_strictly(tmp_path / "out" / film.path) for film in done.films]
    subjects = [film.subject for film in done.films]
    assert subjects[0] == subjects[1] != subjects[2]
    assert made[0].SOPInstanceUID != made[1].SOPInstanceUID
    assert made[0].StudyDate == made[1].StudyDate != ""
    again = export([two], tmp_path / "out2", key, dates="shift")
    later = read_strictly(tmp_path / "out2" / again.films[0].path)
    assert (later.PatientID, later.SOPInstanceUID, later.StudyDate) == (subjects[0], made[1].SOPInstanceUID, made[1].StudyDate)
    without = export([two], tmp_path / "out3", dates="shift")
    assert without.films[0].subject != subjects[0]
    assert key.stat().st_mode & 0o077 == 0
    assert NUMBER in key.read_text() and secrets_in((tmp_path / "out" / "manifest.json").read_bytes()) == []


def test_the_manifest_says_what_was_done(tmp_path: Path, hand: Any) -> None:
    broken = tmp_path / "ZHUGEKONG.dcm"
    good = plain_film(tmp_path, hand)
    broken.write_bytes(good.read_bytes()[:3000])
    done = export([good, broken, good], tmp_path / "out")
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [one.code for one in done.left_out] == ["truncated"]
    assert (told["left_out"], told["pixels"], "2026c" in told["profile"]) == ({"truncated": 1}, "not cleaned", True)
    (film,) = told["films"]
    data = (tmp_path / "out" / film["file"]).read_bytes()
    assert film["sha256"] == hashlib.sha256(data).hexdigest()
    assert film["sop_uid"] == read_strictly(tmp_path / "out" / film["file"]).SOPInstanceUID
    assert all(path.stat().st_mode & 0o077 == 0 for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")])


def test_refusals_leave_nothing(tmp_path: Path, hand: Any) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("mine")
    source = plain_film(tmp_path, hand)
    for out, key, code in (
        (full, None, "bad-output"), (tmp_path / "no" / "where", None, "bad-output"),
        (tmp_path / "out", tmp_path / "out" / "key.json", "key-file"), (tmp_path / "out", full / "x", "key-file"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            export([source], out, key)
        assert caught.value.code == code
    with pytest.raises(InputError, match="no film"):
        export([full], tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.dcm", "full"]


def test_what_may_be_burned_in_is_told(tmp_path: Path, hand: Any) -> None:
    said = plain_film(tmp_path, hand, "said.dcm", changes={"BurnedInAnnotation": "YES"})
    silent = plain_film(tmp_path, hand, "silent.dcm", changes={"BurnedInAnnotation": None, "SOPInstanceUID": "1.2.3"})
    changes = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "OT", "ConversionType": "WSD"}
    capture = plain_film(tmp_path, hand, "sc.dcm", changes=changes)
    done = export([said, silent, capture], tmp_path / "out")
    codes = {film.source.rsplit("/")[-1]: [code for code, _ in film.warnings] for film in done.films}
    assert codes == {"said.dcm": ["burned-in"], "silent.dcm": ["burned-in-unknown"], "sc.dcm": ["secondary-capture"]}


@pytest.mark.parametrize("place", ["top left", "bottom right"])
@pytest.mark.parametrize("grey", [255, 0])
def test_letters_in_the_border_are_seen(place: str, grey: int) -> None:
    film = drawn(1000, 800).pixels
    assert text_tiles(film) == []
    image = Image.fromarray((film / film.max() * 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    corner = (10, 10) if place == "top left" else (560, 960)
    if grey == 0:
        pen.rectangle((corner[0] - 5, corner[1] - 5, corner[0] + 220, corner[1] + 30), fill=230)
    pen.text(corner, "ZHUGEKONG Mingliang 17.05.2013", fill=grey, font_size=14)
    assert place in text_tiles(np.asarray(image))


def test_a_picture_loses_what_is_written_beside_its_pixels(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", f"{NAME} {NUMBER}")
    pixels = (np.arange(256 * 200) % 251).astype(np.uint8).reshape(256, 200)
    Image.fromarray(pixels).save(tmp_path / "zhugekong.png", pnginfo=words)
    done = export([tmp_path / "zhugekong.png"], tmp_path / "out")
    data = (tmp_path / "out" / done.films[0].path).read_bytes()
    assert secrets_in(data) == []
    assert np.array_equal(FilmFiles().open(str(tmp_path / "out" / done.films[0].path)).frame.pixels, pixels)
    assert [code for code, _ in done.films[0].warnings][0] == "burned-in-unknown"


@pytest.mark.parametrize(
    ("birth", "study", "text"),
    [
        (date(2014, 3, 2), date(2024, 7, 1), "123M"), (date(2014, 3, 2), date(2024, 7, 2), "124M"), (None, date(2024, 7, 2), ""),
        (date(2024, 7, 3), date(2024, 7, 2), ""), (date(2024, 7, 1), date(2024, 7, 2), "000M"),
    ],
)  # fmt: skip
def test_months(birth: date | None, study: date, text: str) -> None:
    assert months_text(birth, study) == text


@pytest.mark.parametrize("name", ["OPTION^Basic", "HAND^Left", "REMOVED^Subject", "CR^Pa"])
def test_a_name_that_is_a_word_of_the_trade_is_no_reason_to_leave_a_film_out(tmp_path: Path, hand: Any, name: str) -> None:
    write_dicom(hand, tmp_path / "a.dcm", patient=PhantomPatient(name, "776655"))
    done = export([tmp_path / "a.dcm"], tmp_path / "out")
    assert (len(done.films), done.left_out) == (1, ())
    after = FilmFiles().open(str(tmp_path / "out" / done.films[0].path))
    assert (after.study.body_part, after.study.view, after.study.modality) == ("HAND", "PA", "CR")


@pytest.mark.needs_data
def test_real_films_of_other_makers(shared_data: Path, tmp_path: Path) -> None:
    """Nothing of their headers' words is left, and the pixels are the same."""
    from pydicom import dcmread

    films = sorted((shared_data / "dicom").glob("*.dcm"))
    assert films
    for path in films:
        written = write_film(str(path), "", tmp_path, Names(), DeidentifyOptions(), set())
        before, after = dcmread(path), read_strictly(tmp_path / written.film.path)
        for keyword in ("StudyInstanceUID", "SOPInstanceUID", "PatientID"):
            assert after[keyword].value != before[keyword].value
        # two decoders of lossy JPEG round differently
        assert np.abs(before.pixel_array.astype(int) - after.pixel_array).max() <= 2
