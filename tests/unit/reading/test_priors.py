"""Which earlier readings a report is compared with, and what it says of them."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest

from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.priors import change, priors
from boneage_desk.reading.report_content import build
from boneage_desk.reading.report_plain import plain_text
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, Reading, SetAnalysis, State
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Qualifier, Sex
from tests.samples import NOON, WHO, analysed, analysis


def earlier(reading_id: str, on: date, grade: int = 5, **changes: Any) -> Reading:
    """A reviewed reading of the child of the samples, every bone at ``grade``."""
    session = analysed(reading_id, film=reading_id)
    session.do(SetAnalysis(analysis(dict.fromkeys(rus_chn.BONES, grade)), NOON), at=NOON, who=WHO)
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    study = dataclasses.replace(session.reading.study, study_date=on)
    return dataclasses.replace(session.reading, study=study, **changes)


NOW = analysed("now", film="now").reading
YEAR_AGO = earlier("p1", date(2023, 7, 11))


def test_newest_first_with_age_and_bone_age() -> None:
    older = earlier("p0", date(2021, 7, 11), 3)
    found = priors(NOW, [older, YEAR_AGO, NOW])
    assert [prior.reading_id for prior in found] == ["p1", "p0"]
    assert found[0].study_date == date(2023, 7, 11) and found[0].ca_months == pytest.approx(112 + 9 / 31)


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(YEAR_AGO, state=State.DRAFT),
        dataclasses.replace(YEAR_AGO, patient=dataclasses.replace(YEAR_AGO.patient, patient_id="0043")),
        dataclasses.replace(YEAR_AGO, patient=dataclasses.replace(YEAR_AGO.patient, sex=Sex.MALE)),
        dataclasses.replace(YEAR_AGO, patient=dataclasses.replace(YEAR_AGO.patient, birth_date=date(2014, 3, 3))),
        dataclasses.replace(YEAR_AGO, patient=dataclasses.replace(YEAR_AGO.patient, birth_date=None)),
        dataclasses.replace(YEAR_AGO, standard="tw3-rus"),
        dataclasses.replace(YEAR_AGO, edition="another"),
        dataclasses.replace(YEAR_AGO, study=dataclasses.replace(YEAR_AGO.study, synthetic=True)),
        dataclasses.replace(YEAR_AGO, study=dataclasses.replace(YEAR_AGO.study, study_date=NOW.study.study_date)),
        dataclasses.replace(YEAR_AGO, study=dataclasses.replace(YEAR_AGO.study, study_date=date(2025, 1, 1))),
        dataclasses.replace(YEAR_AGO, study=dataclasses.replace(YEAR_AGO.study, study_date=None)),
        dataclasses.replace(YEAR_AGO, flags=(Flag("no_hand", "No hand.", blocking=True),)),
        dataclasses.replace(YEAR_AGO, reading_id="now"),
    ],
    ids=lambda reading: "",
)
def test_what_may_not_be_compared_is_passed_over(other: Reading) -> None:
    assert priors(NOW, [YEAR_AGO]) and priors(NOW, [other]) == ()


@pytest.mark.parametrize("missing", [{"patient_id": " "}, {"sex": None}, {"birth_date": None}])
def test_a_fact_that_is_missing_now_lets_nothing_be_compared(missing: dict[str, Any]) -> None:
    now = dataclasses.replace(NOW, patient=dataclasses.replace(NOW.patient, **missing))
    before = dataclasses.replace(YEAR_AGO, patient=dataclasses.replace(YEAR_AGO.patient, **missing))
    assert priors(now, [before]) == ()


def test_of_one_film_only_the_last_reading_counts() -> None:
    again = dataclasses.replace(YEAR_AGO, reading_id="p2", changed_at=NOON + timedelta(days=9))
    assert [prior.reading_id for prior in priors(NOW, [again, YEAR_AGO])] == ["p2"]


def test_the_change_and_its_rate() -> None:
    (prior,) = priors(NOW, [YEAR_AGO])
    found = change(NOW, prior)
    assert found is not None and found.ca_months == pytest.approx(12.0)
    assert found.rate == pytest.approx(found.ba_months / found.ca_months)
    line = build(NOW, priors=(prior,)).comparison[0]
    assert line.label == "2023-07-11" and "age 9 y 4 m, bone age" in line.value
    assert f"over 1 y 0 m of life = {found.rate:.2f}" in line.value and "(not signed)" in line.value


def test_a_short_time_has_no_rate_and_a_bound_no_change() -> None:
    (near,) = priors(NOW, [earlier("p3", date(2024, 3, 1))])
    assert change(NOW, near).rate is None  # type: ignore[union-attr]
    assert "too short for a rate" in build(NOW, priors=(near,)).comparison[0].value
    top = dataclasses.replace(near, bone_age=dataclasses.replace(near.bone_age, qualifier=Qualifier.AT_LEAST))
    assert change(NOW, top) is None
    said = build(NOW, priors=(top,)).comparison[0].value
    assert "change not given" in said and ">= " in said


def test_nothing_known_says_nothing_and_many_are_counted() -> None:
    assert build(NOW).comparison == () and "COMPARISON" not in plain_text(build(NOW))
    many = priors(NOW, [earlier(f"p{i}", date(2015 + i, 7, 1)) for i in range(7)])
    made = build(NOW, priors=many)
    assert len(made.comparison) == 5 and made.comparison[-1].value == "and 3 earlier"
    assert "COMPARISON WITH EARLIER READINGS" in plain_text(made)
