"""What a reading's growth comes to: which height, which bone age, which doubts."""

from __future__ import annotations

import dataclasses
import time
from datetime import date, timedelta

import pytest

from boneage_desk.reading import growing
from boneage_desk.reading.ages import AgeBasis, BirthPrecision
from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.growth_texts import Doubt, doubt_codes
from boneage_desk.reading.growth_view import GrowthView, growth_view
from boneage_desk.reading.report_growth import growth_report
from boneage_desk.reading.session import SetStudy
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import growth, tw3
from boneage_desk.standards.growth import GrowthReference, Measure
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed

FILM = date(2024, 7, 11)


def with_growth(*measurements: Measurement, sex: Sex | None = Sex.FEMALE, **facts: object) -> Reading:
    value = analysed(sex=sex).reading
    return dataclasses.replace(value, growth=Growth(measurements, **facts))  # type: ignore[arg-type]


def codes(view: GrowthView) -> list[str]:
    return [one.code for one in view.doubts]


def predicted(view: GrowthView, method: str) -> float | None:
    return next(one for one in view.predictions if one.method == method).cm


def test_height_at_chronological_age_and_at_bone_age() -> None:
    reading = with_growth(Measurement(FILM, 140.0, 35.0))
    view = growth_view(reading)
    summary = summarise(reading)
    assert view.height is not None and view.ca_months == summary.chronological_months and view.height.age_months == view.ca_months
    assert summary.bone_age is not None and view.ba_months == summary.bone_age.months
    for age, score in ((view.ca_months, view.height.sds), (view.ba_months, view.height_sds_at_ba)):
        assert age is not None
        assert score == growth.sds(GrowthReference.CHINA_2009, Measure.HEIGHT, 140.0, age, Sex.FEMALE)
    assert view.height.sds != view.height_sds_at_ba
    assert view.weight is not None and view.weight.sds is not None
    assert codes(view) == []
    who = growth_view(reading, "who2007")
    assert who.height is not None and who.height.sds != view.height.sds
    assert codes(who) == ["no-weight-reference"] and who.weight is not None and who.weight.sds is None


def test_each_method_gets_the_bone_age_it_was_made_with() -> None:
    reading = with_growth(Measurement(FILM, 140.0, 35.0), father_cm=178.0, mother_cm=165.0, menarche=False)
    view = growth_view(reading)
    by = {one.method: one for one in view.predictions}
    basis = {key: one.basis.text() if one.basis is not None else one.reason() for key, one in by.items()}
    assert "10 y 1 m (Greulich-Pyle, whole-hand model)" in basis["bayley-pinneau"]
    grades = {f.bone: f.final_grade for f in reading.bones if f.final_grade is not None}
    tw2 = tw3.bone_age(tw3.total_of_grades(grades, Sex.FEMALE), Sex.FEMALE, tw3.TW2_RUS)
    assert f"TW2 RUS bone age {tw2.text} (from the 13 grades" in basis["tw-mark-1"]
    assert tw2.months != view.ba_months
    own = growth_view(dataclasses.replace(reading, growth=dataclasses.replace(reading.growth, atlas_months=126)))
    said = next(one for one in own.predictions if one.method == "bayley-pinneau").basis
    assert said is not None and "10 y 6 m (Greulich-Pyle, the reader's)" in said.text()


def test_a_rus_chn_age_alone_is_no_greulich_pyle_age() -> None:
    reading = dataclasses.replace(with_growth(Measurement(FILM, 140.0)), whole_hand=(WholeHandOpinion("x", 120.0, engine="dual"),))
    (made,) = (one for one in growth_view(reading).predictions if one.method == "bayley-pinneau")
    assert made.cm is None and "needs a Greulich-Pyle bone age; at hand is only RUS-CHN" in made.reason()


def test_while_the_reading_is_blind_the_machines_ages_play_no_part() -> None:
    reading = dataclasses.replace(with_growth(Measurement(FILM, 140.0)), blind=Blind.HIDDEN)
    view = growth_view(reading)
    assert view.ba_months is None and view.height_sds_at_ba is None
    assert predicted(view, "bayley-pinneau") is None and predicted(view, "tw-mark-1") is None


def test_a_persons_height_stands_before_the_files_and_both_are_kept() -> None:
    both = (Measurement(FILM, 139.0, 35.0, Origin.FILE), Measurement(FILM, 140.0))
    view = growth_view(with_growth(*both))
    assert view.height is not None and (view.height.value, view.height.origin) == (140.0, Origin.PERSON)
    assert view.weight is not None and (view.weight.value, view.weight.origin) == (35.0, Origin.FILE)


def test_an_unlikely_figure_of_the_file_is_left_out_and_a_persons_is_told() -> None:
    """1.00 m at ten years: possible, but hardly."""
    of_file = growth_view(with_growth(Measurement(FILM, 100.0, None, Origin.FILE)))
    assert of_file.height is None and codes(of_file) == ["file-left-out"]
    of_person = growth_view(with_growth(Measurement(FILM, 100.0)))
    assert of_person.height is not None and codes(of_person) == ["height-far"]
    assert "100 cm" in of_person.doubts[0].text() and "SD from the median (China 2009)" in of_person.doubts[0].text()
    heavy = growth_view(with_growth(Measurement(FILM, 140.0, 200.0)), "cdc2000")
    assert "weight-far" in codes(heavy)  # by the Chinese table: this one has no weights


@pytest.mark.parametrize(("days", "used", "told"), [(0, True, []), (30, True, []), (31, True, ["height-old"]), (92, True, ["height-old"]),
                                                   (93, False, ["height-too-old"])])  # fmt: skip
def test_an_old_height_does_not_stand_for_todays(days: int, used: bool, told: list[str]) -> None:
    view = growth_view(with_growth(Measurement(FILM - timedelta(days=days), 138.0)))
    assert (view.height is not None) is used and codes(view) == told
    assert (predicted(view, "bayley-pinneau") is not None) is used
    assert len(view.heights) == 1


def test_a_measurement_later_than_a_corrected_study_date_is_not_used() -> None:
    session = analysed()
    session.do(growing.SetMeasurement(FILM, 140), at=NOON, who=WHO)
    session.do(SetStudy(study_date=date(2024, 7, 1)), at=NOON, who=WHO)
    view = growth_view(session.reading)
    assert view.height is None and codes(view) == ["after-study"]
    # the file's goes with the film
    moved = dataclasses.replace(session.reading, growth=Growth((Measurement(FILM, 140.0, None, Origin.FILE),)))
    assert growth_view(moved).height is not None


def test_velocity_is_from_the_height_nearest_to_a_year_before() -> None:
    heights = [Measurement(FILM - timedelta(days=d), cm) for d, cm in ((800, 127.0), (380, 133.5), (150, 137.0), (40, 139.6), (0, 140.0))]
    view = growth_view(with_growth(*heights))
    assert view.velocity is not None and view.velocity_from == FILM - timedelta(days=380)
    assert view.velocity.cm_per_year == pytest.approx(6.5 / 380 * 365.25)
    assert growth_view(with_growth(*heights[-2:])).velocity is None
    assert growth_view(with_growth(*heights[2:])).velocity.short  # type: ignore[union-attr]


def test_doubts_that_a_reader_should_see() -> None:
    swapped = growth_view(with_growth(Measurement(FILM, 140.0), father_cm=160.0, mother_cm=178.0))
    assert codes(swapped) == ["parents-swapped"] and "were the two swapped?" in swapped.doubts[0].text()
    fell = growth_view(with_growth(Measurement(FILM - timedelta(days=200), 142.0), Measurement(FILM, 140.0)))
    assert codes(fell) == ["height-fell"]
    within = growth_view(with_growth(Measurement(FILM - timedelta(days=200), 140.8), Measurement(FILM, 140.0)))
    assert codes(within) == []
    guessed = dataclasses.replace(
        with_growth(Measurement(FILM, 140.0)), age_basis=AgeBasis(birth_precision=BirthPrecision.YEAR)
    )
    assert codes(growth_view(guessed)) == ["birth-estimated"]


def test_missing_facts_give_no_figure_and_say_so() -> None:
    measured = Measurement(FILM, 140.0)
    no_sex = growth_view(with_growth(measured, sex=None, father_cm=178.0, mother_cm=165.0))
    assert no_sex.predictions == () and no_sex.height is not None and no_sex.height.sds is None and codes(no_sex) == ["no-sex"]
    assert no_sex.target is None
    reading = with_growth(measured)
    no_birth = dataclasses.replace(reading, patient=dataclasses.replace(reading.patient, birth_date=None))
    view = growth_view(no_birth)
    assert view.height is not None and view.height.age_months is None and codes(view) == ["no-age"]
    assert predicted(view, "bayley-pinneau") is None
    undated = dataclasses.replace(reading, study=dataclasses.replace(reading.study, study_date=None))
    assert growth_view(undated).height is None and codes(growth_view(undated)) == ["no-study-date"]
    grown = dataclasses.replace(reading, patient=dataclasses.replace(reading.patient, birth_date=date(2004, 7, 11)))
    assert codes(growth_view(grown)) == ["outside-reference"]
    toddler = dataclasses.replace(
        with_growth(Measurement(FILM, 94.0)), patient=dataclasses.replace(reading.patient, birth_date=date(2021, 9, 11))
    )
    assert codes(growth_view(toddler)) == ["gap-reference"]
    nothing = growth_view(with_growth())
    assert not nothing.anything and codes(nothing) == [] and nothing.height is None


def test_earlier_readings_measurements_join_in() -> None:
    history = (Measurement(FILM - timedelta(days=365), 133.0), Measurement(FILM, 99.0))
    view = growth_view(with_growth(Measurement(FILM, 140.0)), history=history)
    assert [one.value for one in view.heights] == [133.0, 140.0]
    assert view.velocity is not None


def test_it_is_quick_enough_to_be_made_at_every_key() -> None:
    heights = [Measurement(FILM - timedelta(days=90 * k), 140.0 - k) for k in range(20, -1, -1)]
    reading = with_growth(*heights, father_cm=178.0, mother_cm=165.0, menarche=False)
    growth_view(reading)
    start = time.process_time()
    for _ in range(20):
        growth_view(reading)
    assert (time.process_time() - start) / 20 < 0.02


def test_words_in_both_languages_english_in_ascii() -> None:
    from boneage_desk.reading import growth_texts

    for code in doubt_codes():
        english, chinese = growth_texts._WORDS[code]
        assert english.isascii() and chinese and english != chinese, code
    told = Doubt("grade-back", (("bone", "%mc3"), ("now", "5"), ("on", "a"), ("before", "6"), ("earlier", "b")))
    assert told.text().startswith("Metacarpal 3: grade 5") and told.text("zh").startswith("第三掌骨")


def test_a_bone_age_at_the_last_plate_predicts_nothing() -> None:
    """'>= 18 y' of a girl is a bound; of a boy the ladder goes on to 19."""

    def bound(value: Reading) -> bool:
        made = next(one for one in growth_view(value).predictions if one.method == "bayley-pinneau")
        return made.cm is None and "bound.gp" in [one.code for one in made.why_not]

    reading = with_growth(Measurement(FILM, 160.0, 55.0), atlas_months=216.0)
    made = {one.method: one for one in growth_view(reading).predictions}
    assert made["bayley-pinneau"].cm is None and made["rwt-1993"].cm is None
    assert bound(reading) and not bound(with_growth(Measurement(FILM, 160.0, 55.0), atlas_months=215.0))
    tall = Measurement(FILM, 170.0, 60.0)
    assert not bound(with_growth(tall, sex=Sex.MALE, atlas_months=216.0))
    assert bound(with_growth(tall, sex=Sex.MALE, atlas_months=228.0))


def test_a_weight_of_long_ago_is_told() -> None:
    view = growth_view(with_growth(Measurement(date(2024, 3, 20), 134.0, 30.0), Measurement(FILM, 137.0)))
    assert view.weight is None and "weight-too-old" in codes(view)
    report = growth_report(view, None, "en")
    assert report is not None
    assert {fact.key: fact.value for fact in report.facts}["weight"] == "none near the film's date"
