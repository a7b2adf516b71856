"""Finding films: folders, DICOMDIRs, archives; nothing outside, nothing twice, nothing without end."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from boneage_desk.common.errors import Cancelled
from boneage_desk.common.jobs import CancelToken
from boneage_desk.imaging import scan as scan_module
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.ports import FilmEntry, FilmProblem

from .conftest import dataset, ramp

Make = Callable[..., Path]


def found(*paths: object) -> list[Any]:
    return list(FilmFiles().scan([str(path) for path in paths]))


@pytest.fixture
def study(make: Make, tmp_path: Path) -> Path:
    """Two films of one study without endings, a picture, and things that are none."""
    folder = tmp_path / "study"
    (folder / "b").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    shutil.move(make(ramp(), StudyDescription="Bone age"), folder / "IM2")
    shutil.move(make(ramp()), folder / "IM1")
    shutil.move(make(np.stack([ramp(), ramp()])), folder / "b" / "two.dcm")
    shutil.move(make(ramp()), folder / ".hidden" / "film.dcm")
    Image.fromarray(ramp(top=255, dtype=np.uint8)).save(folder / "picture.bin", "PNG")
    (folder / "notes.txt").write_text("hello")
    (folder / "table.csv").write_text("id,sex")
    (folder / "empty").touch()
    return folder


def test_folder_in_order_by_content(study: Path) -> None:
    entries = found(study)
    assert [Path(e.path).relative_to(study).as_posix() for e in entries] == ["IM1", "IM2", "picture.bin", "b/two.dcm"]
    assert all(isinstance(e, FilmEntry) for e in entries)
    second = entries[1]
    assert (second.patient_id, second.patient_name, second.study_date) == ("0042", "LI Ming", "2024-07-11")
    assert second.description == "Bone age" and second.study_uid
    assert [e.frame_count for e in entries] == [1, 1, 1, 2]


def test_each_film_once(study: Path) -> None:
    assert len(found(study, study / "IM1", study)) == 4


def test_named_files_that_are_none_are_problems(study: Path) -> None:
    problems = found(study / "notes.txt", study / "empty", study / "missing.dcm")
    assert [p.code for p in problems] == ["not-an-image", "empty-file", "file-not-found"]
    assert all(isinstance(p, FilmProblem) and p.message for p in problems)


def test_files_that_call_themselves_films_are_problems_in_a_folder(tmp_path: Path, make: Make) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a.dcm").write_text("no film")
    (folder / "b.png").touch()
    shutil.move(make(ramp(), SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT"), folder / "c")
    shutil.move(make(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", Modality="SR"), folder / "d.dcm")
    cut = make(ramp(), StudyDescription="x" * 200)
    (folder / "e.dcm").write_bytes(cut.read_bytes()[:600])
    assert [(Path(p.path).name, p.code) for p in found(folder)] == [
        ("a.dcm", "not-an-image"),
        ("b.png", "empty-file"),
        ("c", "not-hand-film"),
        ("e.dcm", "truncated"),
    ]
    assert found(folder / "d.dcm")[0].code == "no-pixels"


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_link_loops_end(study: Path) -> None:
    (study / "b" / "loop").symlink_to(study, target_is_directory=True)
    (study / "b" / "self").symlink_to("self")
    assert len(found(study)) == 4
    looked_at = list(scan_module._files_below(str(study), None))
    assert sorted(Path(path).name for path in looked_at) == [
        "IM1",
        "IM2",
        "empty",
        "notes.txt",
        "picture.bin",
        "table.csv",
        "two.dcm",
    ]


def test_pixels_are_not_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(np.zeros((2000, 2500), np.uint16))
    asked: list[int] = []
    real = scan_module.head

    def watched(name: str, size: int, member: str = "") -> bytes:
        asked.append(size)
        return real(name, size, member)

    monkeypatch.setattr(scan_module, "head", watched)
    assert isinstance(found(path)[0], FilmEntry)
    assert max(asked) < 1_000_000 < path.stat().st_size


def test_long_header_is_read_in_a_second_step(make: Make) -> None:
    from pydicom.dataset import Dataset

    block = Dataset()
    block.TextValue = "x"
    ds = dataset(ramp())
    private = ds.private_block(0x0009, "TEST", create=True)
    private.add_new(1, "OB", bytes(400_000))
    path = make(ramp())
    ds.save_as(path, enforce_file_format=True)
    entry = found(path)[0]
    assert isinstance(entry, FilmEntry) and entry.patient_id == "0042"


def test_deflated_film_larger_than_the_first_step(make: Make) -> None:
    noise = np.random.default_rng(4).integers(0, 65535, (800, 800), dtype=np.uint16)
    entry = found(make(noise, syntax="1.2.840.10008.1.2.1.99"))[0]
    assert isinstance(entry, FilmEntry) and entry.patient_id == "0042"


def test_progress_and_cancel(study: Path) -> None:
    shares: list[float] = []
    list(FilmFiles().scan([str(study)], progress=lambda share, _step: shares.append(share)))
    assert shares[0] == 0.0 and shares[-1] == 1.0 and shares == sorted(shares)
    token = CancelToken()
    films = FilmFiles().scan([str(study)], cancel=token)
    next(films)
    token.cancel()
    with pytest.raises(Cancelled):
        next(films)


def test_zip_members(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in ("IM1", "b/two.dcm", "picture.bin", "notes.txt"):
            archive.write(study / file, file)
        archive.write(study / "IM1", "__MACOSX/._IM1")
        archive.writestr("bad.dcm", "no film")
        archive.write(study / "IM1", "../out.dcm")
    entries = found(path)
    assert [(e.member, getattr(e, "code", "film")) for e in entries] == [
        ("../out.dcm", "unsafe-path"),
        ("IM1", "film"),
        ("b/two.dcm", "film"),
        ("bad.dcm", "not-an-image"),
        ("picture.bin", "film"),
    ]
    film = FilmFiles().open(str(path), member="IM1")
    assert film.source.member == "IM1"
    assert film.source.sha256 == FilmFiles().open(str(study / "IM1")).source.sha256
    assert FilmFiles().open(str(path), member="b/two.dcm", frame=2).source.frame_number == 2
    assert np.array_equal(film.frame.pixels, ramp())


def test_zip_bomb_is_not_unpacked(tmp_path: Path, make: Make) -> None:
    """200 MB of zeros behind a film's header: only the header's share is unpacked."""
    import tracemalloc

    path = tmp_path / "bomb.zip"
    head = make(ramp()).read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.dcm", "w") as member:
        member.write(head)
        for _ in range(200):
            member.write(bytes(1 << 20))
    list(FilmFiles().scan([str(path)]))  # imports
    tracemalloc.start()
    entries = found(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(entries[0], FilmEntry)
    assert peak < 20 << 20


def dicomdir(folder: Path, references: list[list[str]]) -> Path:
    """A DICOMDIR with IMAGE records for ``references`` (file ids as lists of components)."""
    from pydicom import config
    from pydicom.dataset import Dataset

    ds = dataset(None, SOPClassUID=None)
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    ds.FileSetID = "CD"
    records = []
    for reference in references:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        with config.disable_value_validation():
            record.ReferencedFileID = reference
        records.append(record)
    patient = Dataset()
    patient.DirectoryRecordType = "PATIENT"
    ds.DirectoryRecordSequence = [patient, *records]
    path = folder / "DICOMDIR"
    with config.disable_value_validation():
        ds.save_as(path, enforce_file_format=True)
    return path


def test_dicomdir(study: Path, make: Make, tmp_path: Path) -> None:
    shutil.copy(make(ramp()), tmp_path / "outside.dcm")
    path = dicomdir(study, [["IM2"], ["B", "TWO.DCM"], ["IM9"], ["..", "outside.dcm"], ["/etc/passwd"], ["IM1"]])
    for name in ("DICOMDIR", "dicomdir", "list.bin"):
        path = path.rename(study / name)
        entries = found(path)
        assert [getattr(e, "code", Path(e.path).name) for e in entries] == [
            "IM2",
            "two.dcm",  # the disk changed the case of the name
            "file-not-found",
            "unsafe-path",
            "unsafe-path",
            "IM1",
        ]
    # in a folder the list itself is no film, and the films are found without it
    assert [Path(e.path).name for e in found(study)] == ["IM1", "IM2", "picture.bin", "two.dcm"]


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_dicomdir_does_not_follow_links_out(study: Path, make: Make, tmp_path: Path) -> None:
    outside = tmp_path / "outside.dcm"
    shutil.copy(make(ramp()), outside)
    (study / "LINK").symlink_to(outside)
    assert [e.code for e in found(dicomdir(study, [["LINK"]]))] == ["unsafe-path"]


def test_real_dicomdir_of_pydicom() -> None:
    import pydicom

    folder = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
    entries = found(folder / "DICOMDIR")
    assert len(entries) > 10
    assert {getattr(e, "code", "film") for e in entries} <= {"film", "not-hand-film", "file-not-found"}


@pytest.mark.needs_data
def test_scanning_is_fast(shared_data: Path) -> None:
    import time

    list(FilmFiles().scan([str(shared_data / "hands")]))
    start = time.perf_counter()
    entries = found(shared_data / "dicom")
    assert len(entries) == 3 and all(isinstance(e, FilmEntry) for e in entries)
    assert time.perf_counter() - start < 1.0


def test_an_archive_that_is_gone_when_it_is_measured_is_one_problem_and_no_crash(
    tmp_path: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(study / "IM1", "x/1.dcm")

    def gone(path: str) -> int:
        raise FileNotFoundError(2, "gone", path)

    monkeypatch.setattr(os.path, "getsize", gone)
    seen = list(FilmFiles().scan([str(packed), str(study / "IM1")]))
    assert [type(item) for item in seen] == [FilmProblem, FilmEntry]
    assert isinstance(seen[0], FilmProblem) and seen[0].code == "file-not-found" and seen[0].path == str(packed)
