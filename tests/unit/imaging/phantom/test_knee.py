"""The drawn knee: same seed same film, plates that narrow and close, girls ahead of boys, a DICOM that says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_dicom import write_knee_dicom
from boneage_desk.imaging.phantom.knee_form import KneeFilm, KneeSpec, boys_years, knee_form, sign_names
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.standards.types import Sex

SIZE = (240, 180)


def drawn(years: float, sex: str = "M", **more: object) -> KneeFilm:
    return draw_knee(KneeSpec(years * 12, sex, size=SIZE, bits=8, scatter=0.0, marker=False, **more))  # type: ignore[arg-type]


def gap_of(film: KneeFilm, plate: str) -> float:
    """How much darker than the bone on either side the darkest row across a plate is, over columns off its middle."""
    x, y = film.plates[plate]
    reach, half = int(0.14 * film.unit_px), int(0.2 * film.unit_px)
    part = film.pixels[int(y) - reach : int(y) + reach, int(x) - half : int(x) + half].astype(float).mean(1)
    middle = len(part) // 2
    return float(min(part[: middle // 2].max(), part[-middle // 2 :].max()) - part.min())


def test_the_same_spec_gives_the_same_pixels_and_another_seed_others() -> None:
    one, same, other = (drawn(8, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.pixels, same.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("plate", ["femur", "tibia"])
def test_a_plate_is_open_in_a_child_and_closed_when_grown(plate: str) -> None:
    for seed in (3, 4, 5):
        open_gap, closed = (gap_of(drawn(years, seed=seed), plate) for years in (7, 19))
        assert open_gap > closed + 8, (seed, open_gap, closed)


def test_plates_narrow_and_centres_grow_from_year_to_year() -> None:
    forms = [knee_form(KneeSpec(12.0 * y, "M", scatter=0)) for y in range(19)]
    for name in ("femur_gap", "tibia_gap", "fibula_gap"):
        values = [getattr(f, name) for f in forms]
        assert all(a >= b for a, b in zip(values, values[1:], strict=False)), name
    for name in sign_names():
        if not name.endswith("_gap"):
            values = [getattr(f, name) for f in forms]
            assert all(a <= b for a, b in zip(values, values[1:], strict=False)), name
            assert values[-1] > values[0], name
    assert forms[2].fibula == 0 < forms[5].fibula
    assert forms[18].femur_fused == 1.0


def test_girls_are_ahead_of_boys_of_the_same_bone_age() -> None:
    assert all(boys_years(12 * y, "F") > y for y in range(1, 18))
    girl, boy = (knee_form(KneeSpec(14.6 * 12, sex, scatter=0)) for sex in ("F", "M"))  # type: ignore[arg-type]
    assert girl.femur_fused > 0.5 > boy.femur_fused == 0
    assert not np.array_equal(drawn(10, "F").pixels, drawn(10, "M").pixels)


def test_a_right_knee_has_its_fibula_on_the_images_left() -> None:
    left, right = drawn(9, side="left"), drawn(9, side="right")
    assert left.plates["fibula"][0] > left.joint[0] and right.plates["fibula"][0] < right.joint[0]
    mirrored = drawn(9, mirrored=True)
    assert mirrored.plates["fibula"][0] < mirrored.joint[0]
    assert np.array_equal(mirrored.pixels, left.pixels[:, ::-1])


def test_the_truth_follows_a_turn() -> None:
    film = drawn(9, rotation_deg=90.0)
    x, y = np.subtract(film.plates["femur"], film.joint)
    assert abs(y) < 1e-6 and x < 0  # a quarter turn counter-clockwise takes what is above to the left


def test_what_cannot_be_drawn_is_refused() -> None:
    for wrong in ({"bone_age_months": -1}, {"sex": "X"}, {"side": "middle"}, {"bits": 9}, {"size": (10, 10)}, {"scatter": 9}):
        with pytest.raises(ValueError):
            KneeSpec(**({"bone_age_months": 100.0, "sex": "F"} | wrong))  # type: ignore[arg-type]


def test_the_dicom_says_that_it_is_a_drawn_knee(tmp_path: Path) -> None:
    write_knee_dicom(drawn(9, "F"), tmp_path / "knee.dcm")
    film = FilmFiles(knee=True).open(str(tmp_path / "knee.dcm"))
    assert film.study.synthetic and film.study.body_part == "KNEE" and film.patient.sex is Sex.FEMALE
    assert film.frame.pixels.shape == SIZE


def test_a_knee_is_no_hand_film_and_a_hand_no_knee_film(tmp_path: Path) -> None:
    write_knee_dicom(drawn(9), tmp_path / "knee.dcm")
    with pytest.raises(FilmError) as caught:
        FilmFiles().open(str(tmp_path / "knee.dcm"))
    assert caught.value.code == "not-hand-film"
    for part in ("HAND", "FOOT", "CHEST", "TIBIA"):
        write_knee_dicom(drawn(9), tmp_path / "other.dcm", changes={"BodyPartExamined": part})
        with pytest.raises(FilmError) as caught:
            FilmFiles(knee=True).open(str(tmp_path / "other.dcm"))
        assert caught.value.code == "not-knee-film", part
    for part in ("EXTREMITY", "PATELLA", ""):
        write_knee_dicom(drawn(9), tmp_path / "silent.dcm", changes={"BodyPartExamined": part or None})
        FilmFiles(knee=True).open(str(tmp_path / "silent.dcm"))
