"""The phantom as a DICOM CR file, and the command that draws it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from boneage_desk.imaging.phantom import PhantomFilm, PhantomSpec, draw_hand
from boneage_desk.imaging.phantom.__main__ import main
from boneage_desk.imaging.phantom.demo import DEMO_GRADES, DEMO_NAME, DEMO_SPEC
from boneage_desk.imaging.phantom.dicom import SYNTHETIC, PhantomPatient, write_dicom

SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg 2000": "1.2.840.10008.1.2.4.90",
    "rle": "1.2.840.10008.1.2.5",
}


@pytest.fixture(scope="module", params=[8, 12])
def film(request: pytest.FixtureRequest) -> PhantomFilm:
    return draw_hand(PhantomSpec(grades=DEMO_GRADES, size=(201, 161), bits=request.param))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_come_back_as_drawn(film: PhantomFilm, tmp_path: Path, syntax: str, photometric: str) -> None:
    path = tmp_path / "film.dcm"
    write_dicom(film, path, photometric=photometric, transfer_syntax=SYNTAXES[syntax])  # type: ignore[arg-type]
    ds = pydicom.dcmread(path)
    assert ds.file_meta.TransferSyntaxUID == SYNTAXES[syntax]
    stored = ds.pixel_array.astype(int)
    last = (1 << film.spec.bits) - 1
    assert (ds.BitsStored, ds.HighBit) == (film.spec.bits, film.spec.bits - 1)
    bright_bone = last - stored if photometric == "MONOCHROME1" else stored
    assert np.array_equal(bright_bone, film.pixels)
    # the window shows bone and soft parts in either polarity
    lo = float(ds.WindowCenter) - float(ds.WindowWidth) / 2
    hi = float(ds.WindowCenter) + float(ds.WindowWidth) / 2
    assert lo < np.quantile(stored, 0.4) < hi and lo < np.quantile(stored, 0.95) < hi


def test_the_header_says_what_it_is(film: PhantomFilm, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    write_dicom(film, path)
    ds = pydicom.dcmread(path)
    assert ds.SOPClassUID.name == "Computed Radiography Image Storage"
    assert ds.PatientName == "PHANTOM^DEMO"
    assert ds.DerivationDescription == ds.ImageComments == SYNTHETIC
    assert "SYNTHETIC" in list(ds.ImageType)
    assert (ds.Modality, ds.BodyPartExamined, ds.ViewPosition, ds.Laterality) == ("CR", "HAND", "PA", "L")
    assert (ds.PatientSex, ds.PatientBirthDate, ds.StudyDate) == ("F", "20140215", "20240711")
    assert list(ds.PixelSpacing) == list(ds.ImagerPixelSpacing) == [0.1, 0.1]
    assert ds.AccessionNumber and ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


def test_the_same_film_has_the_same_uids_and_another_others(film: PhantomFilm, tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}.dcm" for k in range(3)]
    write_dicom(film, paths[0])
    write_dicom(film, paths[1])
    write_dicom(film, paths[2], patient=PhantomPatient(patient_id="PHANTOM-0002"))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in paths]
    assert uids[0] != uids[2]


def test_headers_can_lack_or_belie_something(film: PhantomFilm, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    write_dicom(film, path, laterality="R", changes={"PatientSex": None, "PixelSpacing": None, "Modality": "CT"})
    ds = pydicom.dcmread(path)
    assert ds.Laterality == "R" and ds.Modality == "CT"
    assert "PatientSex" not in ds and "PixelSpacing" not in ds


def test_lossy_syntax_is_refused(film: PhantomFilm, tmp_path: Path) -> None:
    with pytest.raises((ValueError, NotImplementedError)):
        write_dicom(film, tmp_path / "film.dcm", transfer_syntax="1.2.840.10008.1.2.4.51")
    assert not (tmp_path / "film.dcm").exists()


def test_command_draws_dicom_and_png_with_truth(tmp_path: Path) -> None:
    dcm, png, truth = tmp_path / "a" / "x.dcm", tmp_path / "x.png", tmp_path / "truth.json"
    small = ["--rows", "240", "--cols", "200"]
    assert (
        main(["--out", str(dcm), "--grades", "radius=9,ulna=7", "--side", "right", "--truth", str(truth), *small]) == 0
    )
    ds = pydicom.dcmread(dcm)
    assert ds.Laterality == "R" and ds.pixel_array.shape == (240, 200)
    told = json.loads(truth.read_text(encoding="utf-8"))
    assert told["grades"]["radius"] == 9 and len(told["boxes"]) == 13
    assert main(["--out", str(png), *small]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_command_refuses_what_cannot_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "x.png"), "--grades", "radius=99"]) == 2
    assert "radius" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_bundled_demo_is_what_the_code_draws(repository: Path) -> None:
    path = repository / "resources" / "demo" / DEMO_NAME
    assert path.stat().st_size < 6_000_000
    ds = pydicom.dcmread(path)
    assert ds.PatientName == "PHANTOM^DEMO" and ds.DerivationDescription == SYNTHETIC
    drawn = draw_hand(DEMO_SPEC).pixels.astype(int)
    # another processor may round otherwise, a changed drawing differs plainly
    assert np.abs(ds.pixel_array - drawn).mean() < 0.5
