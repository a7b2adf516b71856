"""The odd files that come with pydicom: each one opens or is refused in words; nothing else may happen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.dicom_file import parse, quiet
from boneage_desk.imaging.dicom_pixels import decode, layout_of
from boneage_desk.imaging.failures import REFUSALS
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.imaging.sniff import Kind
from boneage_desk.reading.ports import FilmEntry, FilmProblem

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(p.name for p in FOLDER.glob("*.dcm"))


def test_the_corpus_is_there() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("name", FILES)
def test_opens_or_is_refused_in_words(name: str) -> None:
    try:
        film = FilmFiles().open(str(FOLDER / name), frame=1)
    except FilmError as error:
        assert error.code in REFUSALS
        assert error.message and error.remedy and "{" not in error.message
    else:
        assert film.frame.pixels.size


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CT_small.dcm", "not-hand-film"),
        ("MR_small.dcm", "not-hand-film"),
        ("rtstruct.dcm", "no-pixels"),
        ("reportsi.dcm", "no-pixels"),
        ("rtplan_truncated.dcm", "truncated"),
        ("SC_rgb_jpeg_dcmtk.dcm", "not-radiograph"),
        ("SC_rgb_rle_16bit.dcm", "not-radiograph"),
        ("SC_rgb_rle_32bit.dcm", "unsupported-pixels"),
    ],
)
def test_what_is_no_hand_film(name: str, code: str) -> None:
    with pytest.raises(FilmError) as caught:
        FilmFiles().open(str(FOLDER / name))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("JPGExtended.dcm", 0, 4095), ("JPEGLSNearLossless_16.dcm", 0, 65535), ("JPEG2000.dcm", -32768, 32767)],
)
def test_syntaxes_that_no_encoder_here_writes(name: str, low: int, high: int) -> None:
    """12-bit JPEG Extended above all."""
    with quiet():
        parsed = parse((FOLDER / name).read_bytes(), name, Kind.DICOM)
        layout = layout_of(parsed.dataset, name)
        values = decode(parsed, layout, 0, name)
    assert values.shape == (layout.rows, layout.columns)
    assert low <= values.min() < values.max() <= high
    assert len(np.unique(values)) >= 10


def test_scanning_the_corpus_says_something_of_every_image() -> None:
    found = list(FilmFiles().scan([str(FOLDER)]))
    assert {type(one) for one in found} == {FilmEntry, FilmProblem}
    assert all(one.code in REFUSALS for one in found if isinstance(one, FilmProblem))
    paths = {Path(one.path).name for one in found}
    assert "CT_small.dcm" in paths and "README.txt" not in paths
    assert "rtstruct.dcm" not in paths  # no image: nobody wants to hear of it
