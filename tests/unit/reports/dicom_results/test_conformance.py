"""The objects before programs that others wrote: dciodvfy (dicom3tools), dsrdump and dcmpschk (DCMTK), and the PDF out again.

Skipped, with a message, where a tool is absent; `.ci/run` installs them.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.annotating import SetKeyImage
from boneage_desk.reading.assessment import State, new_reading
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import SetBox, SetGrade, SetImpression
from boneage_desk.reading.summary import summarise
from boneage_desk.reports.dicom_results.writer import DicomResults
from boneage_desk.standards import rus_chn
from tests.dicom_cases import AT, PDF, all_grades, blind, open_film, session, signed
from tests.samples import WHO, opinion
from tests.unit.imaging.conftest import dataset, ramp

Case = Callable[[Path, Any], tuple[Any, Any]]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: dcmtk, dicom3tools)")
    return found


def draft(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand)
    return film, session(film, hand).reading


def changed_and_signed(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand, photometric="MONOCHROME1", changes={"PatientName": "Li^Ming=李^明"})
    value = session(film, hand)
    for command in (
        SetGrade("ulna", 7, "帽 on one side"),
        SetBox("pp3", Box(*(v + 3 for v in hand.boxes["pp3"])), opinion("pp3", 7)),
        SetImpression("Delayed.\nSee 附件."),
    ):
        value.do(command, at=AT, who=WHO)
    return film, signed(value.reading, "王医生", "The left hand was meant. 左手")


def no_sex_no_side(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand, sex="", birth_date="", laterality="", changes={"StudyID": None, "ReferringPhysicianName": None})
    return film, session(film, hand).reading


def bone_missing(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand)
    return film, dataclasses.replace(session(film, hand, without=("dp3", "ulna")).reading, state=State.DRAFT)


def tables_end(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand, sex="M")
    return film, session(film, hand, grades=all_grades(rus_chn.max_grade)).reading


def not_read_yet(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand)
    return film, new_reading(film, "r1", AT)


def one_of_two_frames(folder: Path, hand: Any) -> tuple[Any, Any]:
    path = folder / "film.dcm"
    pixels = np.stack([ramp(500, 400), ramp(500, 400)[::-1]])
    tags = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.3", "Modality": "OT", "RescaleSlope": 2, "RescaleIntercept": -100}
    dataset(pixels, BodyPartExamined="HAND", **tags).save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path), frame=2)
    return film, session(film, hand).reading


def blind_and_key_image(folder: Path, hand: Any) -> tuple[Any, Any]:
    film = open_film(folder, hand)
    value = blind(film, hand)
    value.do(SetKeyImage(True), at=AT, who=WHO)
    return film, signed(value.reading)


CASES: tuple[Case, ...] = (
    draft, changed_and_signed, no_sex_no_side, bone_missing, tables_end, not_read_yet, one_of_two_frames,
    blind_and_key_image,
)  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.__name__)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, hand: Any) -> tuple[Any, list[Path]]:
    """(reading, files) of one case."""
    folder = tmp_path_factory.mktemp(request.param.__name__)
    film, reading = request.param(folder, hand)
    return reading, list(DicomResults().write(reading, film, folder / "out", report=PDF))


KNOWN_WARNINGS = (
    "<99BONEAGEDESK>",  # it cannot know a private scheme
    "Retired Person Name form",  # a name typed as one line
    "needed to build DICOMDIR",  # the film has no StudyID or StudyTime
    "only permitted to be empty when actually unknown",  # the side is not known
)
NOT_THE_FILE = ("does not support this Specific Character Set", "Check for template constraints not yet supported")
"""What DCMTK says of itself."""


def complaints(said: str) -> list[str]:
    """Lines of DCMTK that are about the file."""
    lines = [line for line in said.splitlines() if line.startswith(("E:", "W:", "F:"))]
    return [line for line in lines if not any(words in line for words in NOT_THE_FILE)]


def run(*words: object) -> tuple[int, str]:
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=120)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def test_dciodvfy_finds_no_error(written: tuple[Any, list[Path]]) -> None:
    program = tool("dciodvfy")
    for path in written[1]:
        code, said = run(program, path)
        errors = [line for line in said.splitlines() if line.startswith("Error") or "abort" in line.lower()]
        assert (code, errors) == (0, []), path.name
        odd = [line for line in said.splitlines() if line.startswith("Warning") and not any(w in line for w in KNOWN_WARNINGS)]
        assert odd == [], path.name


def test_dsrdump_reads_the_report_and_shows_the_bone_age(written: tuple[Any, list[Path]]) -> None:
    program = tool("dsrdump")
    reading, paths = written
    report = next(path for path in paths if path.name.startswith("SR."))
    code, said = run(program, "+Pl", report)
    assert code == 0, said
    assert complaints(said) == []
    age = summarise(reading).bone_age
    line = next(line for line in said.splitlines() if '"XR Bones Bone age")' in line)
    if age is None:
        assert "(empty)" in line or '=""' in line or "Value unknown" in line, line
    elif age.qualifier:
        assert str(age.months) not in line, line
        assert age.text in said
    else:
        assert f'="{round(age.months, 2):g}' in line, line
        assert age.text in said


def test_dsrdump_reads_the_key_object(written: tuple[Any, list[Path]]) -> None:
    program = tool("dsrdump")
    reading, paths = written
    *marks, manifest = [path for path in paths if path.name.startswith("KO.")]
    code, said = run(program, manifest)
    assert code == 0, said
    assert said.count("<contains") == 6 + len(marks) and ',"Manifest")' in said
    assert complaints(said) == []
    assert len(marks) == int(reading.key_image)
    for mark in marks:
        code, said = run(program, mark)
        assert (code, complaints(said)) == (0, []), said
        assert said.count("<contains") == 2 and ',"Of Interest")' in said


def test_dcmpschk_passes_the_presentation_state(written: tuple[Any, list[Path]]) -> None:
    program = tool("dcmpschk")
    reading, paths = written
    code, said = run(program, next(path for path in paths if path.name.startswith("PR.")))
    assert code == 0, said
    if "Test passed" not in said:
        # DCMTK's checker knows one group of a name: it may complain of names with more, and of nothing else
        assert reading.patient.name_ideographic, said
        faults = said.split("E: Error:")[1:]
        assert faults, said
        for fault in faults:
            assert "Type PN" in fault, said
            assert "=" in fault.partition("Attribute value")[2].partition("]")[0], said


def test_dcm2pdf_takes_the_report_out_again(written: tuple[Any, list[Path]], tmp_path: Path) -> None:
    program = tool("dcm2pdf")
    code, said = run(program, next(path for path in written[1] if path.name.startswith("DOC.")), tmp_path / "out.pdf")
    assert code == 0, said
    assert (tmp_path / "out.pdf").read_bytes().removesuffix(b"\0") == PDF


def test_dcmj2pnm_draws_the_capture(written: tuple[Any, list[Path]], tmp_path: Path) -> None:
    from PIL import Image

    program = tool("dcmj2pnm")
    capture = next(path for path in written[1] if path.name.startswith("OT."))
    code, said = run(program, "--write-png", capture, tmp_path / "out.png")
    assert code == 0, said
    picture = np.asarray(Image.open(tmp_path / "out.png"))
    assert picture.shape == (500, 400, 3)
    assert picture.max() > 100
