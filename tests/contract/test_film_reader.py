"""What every FilmReader owes its callers (protocol in reading/ports.py), shown on FilmFiles."""

from __future__ import annotations

import hashlib
import inspect
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage_desk.common.errors import BoneAgeError, Cancelled, FilmError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film, Laterality, SpacingKind
from boneage_desk.reading.ports import FilmEntry, FilmProblem, FilmReader

READERS = [FilmFiles]


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> FilmReader:
    return request.param()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "手 片" / "film.png"
    path.parent.mkdir()
    Image.fromarray((np.arange(3000).reshape(50, 60) % 251).astype(np.uint8)).save(path)
    return path


def write_dicom(path: Path, pixels: np.ndarray, **tags: object) -> Path:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.Modality, ds.PatientSex, ds.ImageLaterality, ds.BodyPartExamined = "CR", "M", "L", "HAND"
    ds.Rows, ds.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        ds.NumberOfFrames = len(pixels)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelSpacing = [0.1, 0.1]
    ds.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in tags.items():
        setattr(ds, keyword, value)
    ds.save_as(path, enforce_file_format=True)
    return path


def test_signatures_are_those_of_the_protocol(reader: FilmReader) -> None:
    for name in ("open", "scan"):
        assert list(inspect.signature(getattr(reader, name)).parameters) == [
            p for p in inspect.signature(getattr(FilmReader, name)).parameters if p != "self"
        ]


def test_a_film_is_complete(reader: FilmReader, tmp_path: Path) -> None:
    pixels = np.arange(2400, dtype=np.uint16).reshape(40, 60)
    path = write_dicom(tmp_path / "f.dcm", pixels)
    film = reader.open(str(path))
    assert isinstance(film, Film)
    assert np.array_equal(film.frame.pixels, pixels)
    assert film.frame.max_value == 4095 and film.frame.vois and not film.frame.pixels.flags.writeable
    assert film.frame.spacing.kind is SpacingKind.PIXEL
    assert film.study.laterality is Laterality.LEFT
    source = film.source
    assert (source.path, source.member, source.frame_number, source.frame_count) == (str(path), "", 1, 1)
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(len(warning) == 2 and all(warning) for warning in film.warnings)


def test_raster_says_that_it_is_no_dicom(reader: FilmReader, picture: Path) -> None:
    film = reader.open(str(picture))
    assert not film.source.is_dicom
    assert film.patient.sex is None and film.study.laterality is Laterality.UNKNOWN


def test_multi_frame_asks(reader: FilmReader, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "m.dcm", np.zeros((2, 8, 8), np.uint16))
    with pytest.raises(FilmError) as caught:
        reader.open(str(path))
    assert caught.value.code == "choose-frame"
    assert reader.open(str(path), frame=2).source.frame_number == 2


def test_failures_are_film_errors_with_a_remedy(reader: FilmReader, tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("no film")
    for path in (tmp_path, tmp_path / "none", tmp_path / "text.dcm"):
        with pytest.raises(BoneAgeError) as caught:
            reader.open(str(path))
        assert isinstance(caught.value, FilmError)
        assert caught.value.code != "film" and caught.value.message and caught.value.remedy


def test_scan_yields_values_that_open(reader: FilmReader, tmp_path: Path, picture: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.zeros((8, 8), np.uint16), PatientID="7")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(tmp_path / "a.dcm", "in/a.dcm")
    (tmp_path / "notes.txt").write_text("x")
    found = list(reader.scan([str(tmp_path)]))
    assert all(isinstance(one, FilmEntry) for one in found) and len(found) == 3
    assert found == list(reader.scan([str(tmp_path)]))
    for entry in found:
        assert reader.open(entry.path, member=entry.member).source.member == entry.member
    assert [type(one) for one in reader.scan([str(tmp_path / "notes.txt")])] == [FilmProblem]


def test_scan_cancels(reader: FilmReader, picture: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(reader.scan([str(picture.parent)], cancel=token))


def test_open_is_fast(reader: FilmReader, tmp_path: Path) -> None:
    """2000 x 2500, 16 bit, uncompressed: to a Frame in a quarter second once the library is loaded."""
    rng = np.random.default_rng(0)
    path = write_dicom(tmp_path / "big.dcm", rng.integers(0, 4095, (2500, 2000), dtype=np.uint16), WindowCenter=2048,
                       WindowWidth=4096, PhotometricInterpretation="MONOCHROME1")
    reader.open(str(path))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        reader.open(str(path))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.25, times
