"""Height and weight of a DICOM header: named as the file's, and never taken where no child has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from boneage_desk.reading.film import Film
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.session import new_reading

from .conftest import codes, ramp

Open = Callable[..., Film]
NOON = datetime(2024, 7, 12, 12, 0, tzinfo=UTC)
ON = date(2024, 7, 11)


@pytest.mark.parametrize(
    ("tags", "found", "warned"),
    [
        ({}, Growth(), set()),
        ({"PatientSize": "1.355", "PatientWeight": "32.5"}, Growth((Measurement(ON, 135.5, 32.5, Origin.FILE),)), set()),
        ({"PatientSize": "135.5", "PatientWeight": "32.5"}, Growth((Measurement(ON, None, 32.5, Origin.FILE),)), {"height_invalid"}),
        ({"PatientSize": "1.355", "PatientWeight": "32500"}, Growth((Measurement(ON, 135.5, None, Origin.FILE),)), {"weight_invalid"}),
        ({"PatientSize": "0", "PatientWeight": "0"}, Growth(), set()),
        ({"PatientSize": "-1.3", "PatientWeight": "-3"}, Growth(), {"height_invalid", "weight_invalid"}),
        ({"PatientSize": "", "PatientWeight": ""}, Growth(), set()),
    ],
)  # fmt: skip
def test_the_files_figures(reopen: Open, tags: dict[str, Any], found: Growth, warned: set[str]) -> None:
    film = reopen(ramp(), **tags)
    assert new_reading(film, "r1", NOON).growth == found
    assert codes(film) & {"height_invalid", "weight_invalid"} == warned
    if "PatientSize" in tags and tags["PatientSize"] not in ("", "0"):
        assert film.study.recorded_height_m == float(tags["PatientSize"])


def test_without_a_study_date_there_is_no_day_to_file_it_under(reopen: Open) -> None:
    film = reopen(ramp(), StudyDate=None, AcquisitionDate=None, PatientSize="1.355")
    assert film.study.study_date is None and film.study.recorded_height_m == 1.355
    assert new_reading(film, "r1", NOON).growth == Growth()
