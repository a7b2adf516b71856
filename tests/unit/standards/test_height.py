"""Adult height: the papers' worked examples, the tables' ends, what is missing, and properties."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import InputError
from boneage_desk.standards import height
from boneage_desk.standards.height import HeightInputs, HeightPrediction, predict, predict_all
from boneage_desk.standards.height_words import NAMES, codes, say
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

BOY = HeightInputs(Sex.MALE, 126, 140, 35, 178, 164, gp=BoneAge(120), tw2_rus=BoneAge(130))
GIRL = dataclasses.replace(BOY, sex=Sex.FEMALE, menarche=False)


def months(text: str) -> int:
    years, rest = text.split("-")
    return int(years) * 12 + int(rest)


def got(made: HeightPrediction) -> float:
    assert made.cm is not None, made.reason()
    return made.cm


# --- worked examples of the papers ---------------------------------------------------------------------
EXAMPLES = load("bayley_pinneau")["worked_examples_of_the_paper"]


@pytest.mark.parametrize("given_", EXAMPLES, ids=lambda e: f"{e['sex']}-{e['sa']}-{e['height_in']}")
def test_bayley_and_pinneaus_examples(given_: dict[str, object]) -> None:
    assert len(EXAMPLES) == 4
    sex = Sex.MALE if given_["sex"] == "male" else Sex.FEMALE
    ca, sa = months(str(given_["ca"])), months(str(given_["sa"]))
    made = predict("bayley-pinneau", HeightInputs(sex, ca, float(str(given_["height_in"])) * 2.54, gp=BoneAge(sa)))
    assert round(got(made) / 2.54, 1) == given_["adult_in"]
    assert height.bayley_pinneau_column(sa, ca) == given_["table"]


def test_roche_wainer_thissen_1975s_example() -> None:
    told = load("rwt")["original_1975"]["example"]
    inputs = HeightInputs(
        Sex.MALE, 75, 107.0, told["weight"], 169.0, 169.0, gp=BoneAge(told["skeletal_age"] * 12), length_cm=told["length"]
    )
    assert round(got(predict("rwt-1975", inputs)), 2) == told["prediction"]
    # without a length: standing height + 1.25 cm, and it is told
    made = predict("rwt-1975", dataclasses.replace(inputs, height_cm=told["length"] - 1.25, length_cm=None))
    assert round(got(made), 2) == told["prediction"]
    assert "recumbent length taken as standing height" in " ".join(one.text() for one in made.limits)


def test_roche_wainer_thissen_1993s_example() -> None:
    told = load("rwt")["amended_1993"]["example"]
    inputs = HeightInputs(
        Sex.MALE, 120, told["stature"], told["weight"], 170, 166, gp=BoneAge(108), length_cm=999  # standing height, not length
    )
    assert round(got(predict("rwt-1993", inputs)), 2) == told["prediction"]


def test_tanner_and_whitehouses_example() -> None:
    told = load("tw_1975_height")["worked_example"]
    inputs = HeightInputs(Sex.FEMALE, 144, told["height_cm"], tw2_rus=BoneAge(168), menarche=False)
    made = predict("tw-mark-1", inputs)
    assert round(got(made), 1) == told["adult_cm"]
    after = predict("tw-mark-1", dataclasses.replace(inputs, menarche=True))
    assert after.cm != made.cm


def test_mid_parental_heights() -> None:
    tanner, chinese = (predict(one, BOY) for one in ("mid-parental", "mid-parental-chinese"))
    assert (tanner.cm, tanner.low_cm, tanner.high_cm) == (177.5, 169.0, 186.0)
    assert got(chinese) == pytest.approx((178 + 164 + 11.94) / 2) and chinese.low_cm is None
    assert predict("mid-parental", GIRL).cm == 164.5
    assert got(predict("mid-parental-chinese", GIRL)) == pytest.approx((178 + 164 - 11.94) / 2)


# --- errors and ends -----------------------------------------------------------------------------------
def test_bayley_pinneaus_range_is_two_sd_of_the_childs_age() -> None:
    made = predict("bayley-pinneau", dataclasses.replace(BOY, ca_months=120))
    assert made.high_cm is not None and got(made) + 2 * 1.33 * 2.54 == pytest.approx(made.high_cm)
    old = predict("bayley-pinneau", dataclasses.replace(BOY, ca_months=200, gp=BoneAge(200)))
    assert got(old) and old.low_cm is None and old.error is not None and "no error at this age" in old.error.text()


@pytest.mark.parametrize(
    ("sex", "ca", "ba", "words"),
    [
        (Sex.MALE, 170, 157, "no table for boys whose bone age is a year or more behind"),
        (Sex.MALE, 84, 83.9, "from 7 y 0 m to 18 y 6 m"),
        (Sex.MALE, 222, 223, "from 7 y 0 m to 18 y 6 m"),
        (Sex.MALE, 192, 204.1, "accelerated bone ages goes from 7 y 0 m to 17 y 0 m"),
        (Sex.FEMALE, 60, 83, "accelerated bone ages goes from 7 y 0 m to 17 y 6 m"),
        (Sex.FEMALE, 220, 205, "retarded bone ages goes from 6 y 0 m to 17 y 0 m"),
    ],
)
def test_bayley_pinneau_ends_where_its_tables_end(sex: Sex, ca: float, ba: float, words: str) -> None:
    made = predict("bayley-pinneau", HeightInputs(sex, ca, 140, gp=BoneAge(ba)))
    assert made.cm is None and words in made.reason()


def test_a_year_off_picks_the_other_table() -> None:
    assert height.bayley_pinneau_column(132, 120) == "accelerated"
    assert height.bayley_pinneau_column(131.99, 120) == "average"
    assert height.bayley_pinneau_column(108, 120) == "retarded"
    assert height.bayley_pinneau_column(108.01, 120) == "average"


def test_a_bound_is_no_bone_age() -> None:
    bound = dataclasses.replace(BOY, gp=BoneAge(216, Qualifier.AT_LEAST), tw2_rus=BoneAge(18.0, Qualifier.BELOW))
    for method in ("bayley-pinneau", "rwt-1975", "rwt-1993", "tw-mark-1"):
        made = predict(method, bound)
        assert made.cm is None and "only a bound" in made.reason(), method


@pytest.mark.parametrize(
    ("method", "sex", "first", "last"),
    [
        ("rwt-1975", Sex.MALE, 12, 192), ("rwt-1975", Sex.FEMALE, 12, 168), ("rwt-1993", Sex.MALE, 36, 210),
        ("rwt-1993", Sex.FEMALE, 36, 210),
    ],
)  # fmt: skip
def test_roche_wainer_thissen_end_where_their_tables_end(method: str, sex: Sex, first: float, last: float) -> None:
    for age in (first, last):
        made = predict(method, dataclasses.replace(BOY, sex=sex, ca_months=age, gp=BoneAge(age), height_cm=60))
        assert "its table" not in made.reason(), (age, made.reason())
    for age in (first - 0.1, last + 0.1):
        made = predict(method, dataclasses.replace(BOY, sex=sex, ca_months=age, gp=BoneAge(age), height_cm=60))
        assert made.cm is None and "its table goes from" in made.reason()


def test_the_mature_are_refused_by_rwt_1975() -> None:
    made = predict("rwt-1975", dataclasses.replace(BOY, mature_share=7 / 13))
    assert made.cm is None and "more than half of the bones are mature (54 %)" in made.reason()
    assert predict("rwt-1975", dataclasses.replace(BOY, mature_share=0.5)).cm is not None


def test_a_bone_age_far_from_the_age_is_told_to_be_outside_of_the_samples() -> None:
    for ba, told in ((126 + 35.9, False), (126 + 36, True), (126 - 36, True), (126 - 35.9, False)):
        for method in ("bayley-pinneau", "rwt-1975", "rwt-1993", "tw-mark-1"):
            made = predict(method, dataclasses.replace(BOY, gp=BoneAge(ba), tw2_rus=BoneAge(ba)))
            assert made.cm is not None
            assert ("limit.far" in [one.code for one in made.limits]) is told, (method, ba)


def test_doubted_cells_are_told() -> None:
    def limits(age: float, sex: Sex) -> str:
        made = predict("rwt-1975", dataclasses.replace(BOY, sex=sex, ca_months=age, gp=BoneAge(age), height_cm=100))
        return " ".join(one.text() for one in made.limits)

    assert "in doubt" in limits(191, Sex.MALE) and "in doubt" in limits(192, Sex.MALE)
    assert "in doubt" not in limits(189, Sex.MALE)
    assert "in doubt" in limits(165, Sex.FEMALE)
    assert "in doubt" not in limits(162, Sex.FEMALE) and "in doubt" not in limits(168, Sex.FEMALE)


# --- Mark I's demands ----------------------------------------------------------------------------------
@pytest.mark.parametrize("others", [("RUS-CHN",), ("RUS-CHN", "TW3 RUS")])
def test_mark_one_takes_tw2_ages_and_no_others(others: tuple[str, ...]) -> None:
    made = predict("tw-mark-1", dataclasses.replace(BOY, tw2_rus=None, other_ages=others))
    assert made.cm is None and "needs a TW2 RUS bone age" in made.reason()
    for one in (*others, "Greulich-Pyle"):
        assert one in made.reason()


def test_mark_one_needs_no_bone_age_of_young_boys_and_says_so() -> None:
    made = predict("tw-mark-1", HeightInputs(Sex.MALE, 72, 115))
    assert got(made) == pytest.approx(1.2 * 115 - 7.3 * 6 + 82) and made.basis is not None
    assert "takes no bone age" in made.basis.text()
    assert predict("tw-mark-1", HeightInputs(Sex.MALE, 96, 125)).cm is None


def test_mark_one_asks_for_menarche_from_11_to_15_only() -> None:
    girl = dataclasses.replace(GIRL, menarche=None, height_cm=150, tw2_rus=BoneAge(150))
    for age, asked in ((131, False), (132, True), (179, True), (180, False)):
        made = predict("tw-mark-1", dataclasses.replace(girl, ca_months=age))
        assert ("menarche" in made.reason()) is asked, age


def test_mark_one_with_parents_adds_a_third_and_in_boys_below_eight_a_half() -> None:
    tall = dataclasses.replace(BOY, father_cm=180, mother_cm=174)  # 9 cm over the sample's 168
    assert got(predict("tw-mark-1-parents", tall)) - got(predict("tw-mark-1", tall)) == pytest.approx(3)
    young = dataclasses.replace(tall, ca_months=72, height_cm=115)
    assert got(predict("tw-mark-1-parents", young)) - got(predict("tw-mark-1", young)) == pytest.approx(4.5)
    girl = dataclasses.replace(young, sex=Sex.FEMALE)
    assert got(predict("tw-mark-1-parents", girl)) - got(predict("tw-mark-1", girl)) == pytest.approx(3)


@pytest.mark.parametrize(("sex", "first", "last"), [(Sex.MALE, 48, 216), (Sex.FEMALE, 48, 192)])
def test_mark_one_ends_where_its_table_ends(sex: Sex, first: float, last: float) -> None:
    for age, inside in ((first, True), (first - 0.1, False), (last - 0.1, True), (last, False)):
        made = predict("tw-mark-1", dataclasses.replace(GIRL, sex=sex, ca_months=age, height_cm=60, tw2_rus=BoneAge(age)))
        assert ("its table goes from" not in made.reason()) is inside, (age, made.reason())


# --- what is missing, what is wrong --------------------------------------------------------------------
def test_every_missing_fact_is_named_and_none_has_a_default() -> None:
    for made in predict_all(HeightInputs(Sex.FEMALE)):
        assert made.cm is None and made.low_cm is None and made.reason().startswith("needs ")
    reason = predict("rwt-1975", HeightInputs(Sex.MALE)).reason()
    for word in ("the height", "the weight", "the father's height", "the mother's height", "chronological", "Greulich-Pyle"):
        assert word in reason
    for one in ("father_cm", "mother_cm"):
        for method in ("mid-parental", "mid-parental-chinese", "rwt-1975", "rwt-1993", "tw-mark-1-parents"):
            assert predict(method, dataclasses.replace(BOY, **{one: None})).cm is None, (method, one)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_impossible_numbers_are_refused(wrong: float) -> None:
    for name in ("height_cm", "weight_kg", "father_cm", "ca_months"):
        with pytest.raises(InputError, match=name):
            dataclasses.replace(BOY, **{name: wrong})


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(InputError, match="bayley-pinneau, rwt-1975"):
        predict("khamis", BOY)


def test_less_than_the_present_height_is_no_prediction() -> None:
    made = predict("rwt-1993", dataclasses.replace(BOY, height_cm=60, ca_months=210, gp=BoneAge(210)))
    assert made.cm is None and "less than the present height" in made.reason()
    assert predict("mid-parental", dataclasses.replace(BOY, height_cm=200)).cm is not None


# --- properties ----------------------------------------------------------------------------------------
@given(st.sampled_from(list(Sex)), st.sampled_from(["average", "accelerated", "retarded"]), st.floats(72, 222), st.floats(0, 12))
def test_percent_of_mature_height_never_falls_with_bone_age(sex: Sex, column: str, age: float, more: float) -> None:
    before, after = (height.percent_of_mature(at, column, sex) for at in (age, age + more))
    if before is not None and after is not None:
        assert 60 < before <= after <= 100


@given(st.floats(72, 204), st.floats(-24, 24), st.floats(100, 180))
def test_the_same_girl_has_more_of_her_height_than_the_boy(ca: float, off: float, cm: float) -> None:
    """At one bone age girls are nearer to the end: a swapped table would be seen."""
    boy, girl = (predict("bayley-pinneau", HeightInputs(sex, ca, cm, gp=BoneAge(max(1, ca + off)))) for sex in Sex)
    if boy.cm is not None and girl.cm is not None:
        assert girl.cm <= boy.cm


@given(st.sampled_from([BOY, GIRL]), st.floats(48, 210), st.floats(0.5, 20))
def test_a_taller_child_is_predicted_taller(base: HeightInputs, age: float, more: float) -> None:
    low = dataclasses.replace(base, ca_months=age, gp=BoneAge(age), tw2_rus=BoneAge(age), height_cm=90)
    high = dataclasses.replace(low, height_cm=90 + more)
    for before, after in zip(predict_all(low), predict_all(high), strict=True):
        if before.method.startswith("mid") or before.cm is None or after.cm is None:
            continue
        assert before.cm < after.cm, before.method


def test_words_are_there_in_both_languages_and_english_is_ascii() -> None:
    for code in codes():
        english, chinese = (say_raw(code, language) for language in ("en", "zh"))
        assert english.isascii() and english and chinese, code
    assert tuple(NAMES) == height.METHODS
    reason = predict("bayley-pinneau", HeightInputs(Sex.MALE, 84, 120, gp=BoneAge(80))).reason("zh")
    assert "平均型" in reason


def say_raw(code: str, language: str) -> str:
    import string

    from boneage_desk.standards import height_words

    template = height_words._WORDS[code][height_words.LANGUAGES.index(language)]
    fields = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    return say(code, language, **dict.fromkeys(fields, "1"))
