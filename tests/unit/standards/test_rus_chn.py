"""RUS-CHN against its printed worked values, its order, and its refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import InputError, StandardError
from boneage_desk.standards import BoneAge, Qualifier, Sex, rus_chn, tables

SEXES = list(Sex)


def top(sex: Sex) -> dict[str, int]:
    return {bone: rus_chn.max_grade(bone) for bone in rus_chn.BONES}


@pytest.mark.parametrize("sex", SEXES)
def test_a_mature_hand_scores_1000_and_is_a_bound_not_a_point(sex: Sex) -> None:
    assert rus_chn.total_score(top(sex), sex) == 1000
    age = rus_chn.bone_age(1000, sex)
    assert age.qualifier is Qualifier.AT_LEAST
    assert age.months == (216 if sex is Sex.MALE else 204)


@pytest.mark.parametrize("sex", SEXES)
def test_below_the_first_knot_is_under_one_year(sex: Sex) -> None:
    first = rus_chn.knots(sex)[0][1]
    assert rus_chn.bone_age(first - 0.5, sex) == BoneAge(12.0, Qualifier.BELOW)
    assert rus_chn.bone_age(first, sex) == BoneAge(12.0, Qualifier.POINT)


@pytest.mark.parametrize(
    ("sex", "score", "months"),
    [
        (Sex.MALE, 268, 126.0),  # knot 10.5 y
        (Sex.FEMALE, 697, 144.0),  # knot 12.0 y, the repaired digit
        (Sex.MALE, 990, 204 + 6 * 3 / 9),  # between 17.0 y (987) and 17.5 y (996)
        (Sex.FEMALE, 512, 126 + 6 * 2 / 62),
    ],
)
def test_known_ages(sex: Sex, score: int, months: float) -> None:
    assert rus_chn.bone_age(score, sex).months == pytest.approx(months)


def test_known_scores_of_single_bones() -> None:
    # boys' and girls' radius 7(0), and a cell where the sexes differ the other way round
    assert rus_chn.score("radius", 8, Sex.MALE) == 118
    assert rus_chn.score("radius", 8, Sex.FEMALE) == 125
    assert rus_chn.score("ulna", 12, Sex.MALE) == 194
    assert rus_chn.score("ulna", 12, Sex.FEMALE) == 189
    assert rus_chn.label("radius", 8) == "7(0)"
    assert rus_chn.grade_of_label("radius", "7(0)") == 8


@given(st.sampled_from(SEXES), st.floats(0, 1000), st.floats(0, 1000))
def test_age_never_falls_when_the_score_rises(sex: Sex, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert rus_chn.bone_age(low, sex).months <= rus_chn.bone_age(high, sex).months


@given(st.sampled_from(SEXES), st.floats(16, 204))
def test_age_and_score_are_inverse_to_each_other(sex: Sex, months: float) -> None:
    back = rus_chn.bone_age(rus_chn.score_at_age(months, sex), sex)
    assert back.months == pytest.approx(months, abs=1e-6)


@given(st.data(), st.sampled_from(SEXES))
def test_one_grade_up_never_lowers_score_or_age(data: st.DataObject, sex: Sex) -> None:
    grades = {bone: data.draw(st.integers(0, rus_chn.max_grade(bone))) for bone in rus_chn.BONES}
    bone = data.draw(st.sampled_from(rus_chn.BONES))
    if grades[bone] == rus_chn.max_grade(bone):
        grades[bone] -= 1
    before = rus_chn.total_score(grades, sex)
    after = rus_chn.total_score({**grades, bone: grades[bone] + 1}, sex)
    assert after > before
    assert rus_chn.bone_age(after, sex).months >= rus_chn.bone_age(before, sex).months


def test_the_curve_agrees_with_the_published_polynomial_where_that_is_valid() -> None:
    """The tenth-degree polynomial of other programs: valid 27-996 (boys), 64-996 (girls) points."""
    raw = json.loads((Path(tables.__file__).parent / "rus_chn.json").read_text(encoding="utf-8"))
    for sex, low, limit in ((Sex.MALE, 27, 0.31), (Sex.FEMALE, 64, 0.26)):
        terms = raw["polynomial"][sex.table]
        worst = max(
            abs(sum(c * s**i for i, c in enumerate(terms)) - rus_chn.bone_age(s, sex).months / 12)
            for s in range(low, 997)
        )
        assert worst <= limit + 0.005


def test_sexes_are_never_swapped() -> None:
    # at the same score a girl's hand is younger, over the whole middle of the curve
    for score in range(50, 990, 10):
        assert rus_chn.bone_age(score, Sex.FEMALE).months < rus_chn.bone_age(score, Sex.MALE).months


def test_a_missing_bone_is_refused_and_named() -> None:
    grades = top(Sex.MALE)
    del grades["mp5"]
    with pytest.raises(StandardError, match="mp5") as caught:
        rus_chn.total_score(grades, Sex.MALE)
    assert caught.value.code == "missing-bones"


@pytest.mark.parametrize("grade", [-1, 15, True, "7", 3.0])
def test_an_illegal_grade_is_refused(grade: object) -> None:
    with pytest.raises(StandardError) as caught:
        rus_chn.total_score({**top(Sex.MALE), "radius": grade}, Sex.MALE)  # type: ignore[dict-item]
    assert caught.value.code == "illegal-grade"


def test_unknown_bones_labels_and_scores_are_refused() -> None:
    with pytest.raises(StandardError, match="mc2"):
        rus_chn.total_score({**top(Sex.MALE), "mc2": 3}, Sex.MALE)
    with pytest.raises(StandardError, match="9"):
        rus_chn.grade_of_label("radius", "9")
    for score in (-1, 1001):
        with pytest.raises(StandardError):
            rus_chn.bone_age(score, Sex.MALE)


def test_every_grade_has_a_label_and_a_criterion_in_both_languages() -> None:
    for bone in rus_chn.BONES:
        for grade in range(rus_chn.max_grade(bone) + 1):
            assert rus_chn.label(bone, grade)
            assert rus_chn.criterion(bone, grade, "en") != rus_chn.criterion(bone, grade, "zh")
        assert rus_chn.labels(bone)[0] == "0"
        assert len(set(rus_chn.labels(bone))) == len(rus_chn.labels(bone))


def test_an_altered_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(tables.__file__).parent / "rus_chn.json"
    package = tmp_path / "altered_tables"
    package.mkdir()
    (package / "__init__.py").write_text("")
    shutil.copy(source, package / "rus_chn.json")
    original = source.read_text(encoding="utf-8")
    text = original.replace("118", "119", 1)
    assert text != original
    (package / "rus_chn.json").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tables, "__package__", "altered_tables")
    with pytest.raises(StandardError, match="altered") as caught:
        tables.load_table("rus_chn.json", rus_chn.SHA256)
    assert caught.value.code == "table-altered"
    with pytest.raises(StandardError, match="missing"):
        tables.load_table("no_such.json", rus_chn.SHA256)


def test_sex_has_no_default() -> None:
    assert Sex.parse(" female ") is Sex.FEMALE
    assert Sex.parse("男") is Sex.MALE
    for text in ("", "O", "U", "x"):
        with pytest.raises(InputError):
            Sex.parse(text)


def test_the_packaged_tables_are_those_of_the_shared_folder(shared_standards: Path) -> None:
    for name in ("rus_chn.json", "rus_chn_criteria.json"):
        packaged = (Path(tables.__file__).parent / name).read_bytes()
        assert packaged == (shared_standards / name).read_bytes()


@pytest.fixture
def shared_standards() -> Path:
    folder = Path(__file__).resolve().parents[4] / "shared" / "standards"
    if not folder.is_dir():
        pytest.skip("../shared/standards is not here")
    return folder
