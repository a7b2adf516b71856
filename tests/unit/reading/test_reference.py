"""Normal range, SD score and conclusion: by hand from the table, at the bounds, and never without a fact."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from boneage_desk.reading.document import document
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.report_content import build
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards.types import BoneAge, Qualifier, Sex
from tests.samples import analysed


def summary(ca: float | None, ba: float | None, qualifier: Qualifier = Qualifier.POINT) -> Summary:
    age = None if ba is None else BoneAge(ba, qualifier)
    point = age is not None and ca is not None and qualifier is Qualifier.POINT
    return dataclasses.replace(
        summarise(analysed().reading), chronological_months=ca, bone_age=age,
        difference_months=age.months - ca if point and age is not None and ca is not None else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sex", "ba", "score", "conclusion"),
    [
        (Sex.MALE, 120.0, 0.0, "normal"), (Sex.MALE, 120 + 19.58, 2.0, "normal"), (Sex.MALE, 120 + 19.7, 2.012, "advanced"),
        (Sex.MALE, 120 - 19.7, -2.012, "delayed"), (Sex.FEMALE, 120 + 22, 1.8755, "normal"), (Sex.MALE, 142.0, 2.247, "advanced"),
    ],
)  # fmt: skip
def test_conclusion_at_ten_years(sex: Sex, ba: float, score: float, conclusion: str) -> None:
    found = reference_of(summary(120.0, ba), sex)
    assert found is not None and found.conclusion == conclusion
    assert found.sd_score == pytest.approx(score, abs=2e-3)
    sd = {Sex.MALE: 9.79, Sex.FEMALE: 11.73}[sex]
    assert (found.low_months, found.high_months) == (pytest.approx(120 - 2 * sd), pytest.approx(120 + 2 * sd))


@pytest.mark.parametrize(
    ("ca", "ba", "qualifier", "conclusion"),
    [
        (150.0, 216.0, Qualifier.AT_LEAST, "advanced"), (200.0, 216.0, Qualifier.AT_LEAST, ""),
        (24.0, 12.0, Qualifier.BELOW, "delayed"), (12.0, 12.0, Qualifier.BELOW, ""),
    ],
)  # fmt: skip
def test_a_bound_concludes_only_where_it_must(ca: float, ba: float, qualifier: Qualifier, conclusion: str) -> None:
    found = reference_of(summary(ca, ba, qualifier), Sex.MALE)
    assert found is not None and found.sd_score is None and found.conclusion == conclusion


def test_no_conclusion_without_a_fact_or_outside_the_table() -> None:
    assert reference_of(summary(None, 120.0), Sex.MALE) is None
    assert reference_of(summary(120.0, 120.0), None) is None
    assert reference_of(summary(193.0, 190.0), Sex.FEMALE) is None
    assert reference_of(summary(193.0, 190.0), Sex.MALE) is not None
    found = reference_of(summary(120.0, None), Sex.MALE)
    assert found is not None and found.conclusion == "" and found.sd_score is None


def test_the_report_names_the_table_and_the_other_standard() -> None:
    reading = analysed().reading
    made = {fact.key: fact for fact in build(reading).results}
    assert "Brush Foundation" in made["reference"].value and "Greulich-Pyle standards" in made["reference"].value
    assert made["conclusion"].value.split(" (")[0] in ("normal", "delayed", "advanced")
    old = dataclasses.replace(reading, patient=dataclasses.replace(reading.patient, birth_date=date(2006, 1, 1)))
    outside = {fact.key: fact for fact in build(old).results}
    assert "conclusion" not in outside and not outside["normal_range"].known
    for language in ("zh", "en+zh"):
        assert any(fact.key == "conclusion" for fact in build(reading, language=language).results)


def test_the_document_has_the_same() -> None:
    reading = analysed().reading
    told = document(reading)["reference"]
    found = reference_of(summarise(reading), reading.patient.sex)
    assert found is not None and told["conclusion"] == (found.conclusion or None)
    assert told["sd_months"] == round(found.sd_months, 2) and told["name"].startswith("Brush")
    bare = dataclasses.replace(reading, patient=dataclasses.replace(reading.patient, birth_date=None))
    assert document(bare)["reference"] is None
