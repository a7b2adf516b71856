"""The list of growth references and methods of adult height says what the tables hold."""

from __future__ import annotations

from boneage_desk.standards.growth import GrowthReference
from boneage_desk.standards.growth_catalogue import height_methods, references
from boneage_desk.standards.height import METHODS, HeightInputs, predict
from boneage_desk.standards.tables import PINS
from boneage_desk.standards.types import BoneAge, Sex


def test_all_are_there_with_words_and_a_pinned_table() -> None:
    assert [one.id for one in references()] == [one.value for one in GrowthReference]
    assert [one.id for one in height_methods()] == list(METHODS)
    for one in (*references(), *height_methods()):
        assert one.source and one.certainty and one.needs and one.table in PINS, one.id
    assert "NOT the published LMS table" in references()[2].certainty and references()[2].needs == "height and weight"
    assert "ONE source" in height_methods()[-1].certainty


def test_ranges_are_those_within_which_the_methods_answer() -> None:
    by = {one.id: one for one in height_methods()}
    assert by["bayley-pinneau"].range_text == "boys 7 y 0 m to 18 y 6 m; girls 6 y 0 m to 18 y 0 m"
    assert by["tw-mark-1"].range_text == "boys 4 y 0 m to 18 y 0 m; girls 4 y 0 m to 16 y 0 m"
    assert by["mid-parental"].range_text == "any age"
    for method in ("rwt-1975", "rwt-1993"):
        ages = by[method].ages
        assert ages is not None
        for sex, (low, high) in ages.items():
            for age, inside in ((low, True), (low - 0.1, False), (high, True), (high + 0.1, False)):
                made = predict(method, HeightInputs(sex, age, 60, 30, 178, 164, gp=BoneAge(age)))
                assert ("its table goes from" not in made.reason()) is inside, (method, sex, age)
    assert Sex.MALE in by["rwt-1975"].ages  # type: ignore[operator]
