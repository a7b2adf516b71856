"""One reading by every standard: rows, what is not given and why, the line of the difference, plates, speed, report."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import jsonschema
import pytest

from boneage_desk.common.paths import packaged_dir
from boneage_desk.reading.all_standards import READER, SHOWN, WHOLE_HAND, all_standards
from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.document import document
from boneage_desk.reading.growing import SetAtlasAge, SetMenarche
from boneage_desk.reading.growth import Growth
from boneage_desk.reading.report_content import build
from boneage_desk.reading.report_plain import plain_text
from boneage_desk.reading.session import SetGrade, SetPatient
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import Qualifier, Sex
from tests.samples import NOON, WHO, analysed


def test_rows_of_a_reading() -> None:
    found = all_standards(analysed().reading)
    assert tuple(row.standard for row in found.rows) == SHOWN
    ages = {row.standard: (row.score, row.bone_age.text if row.bone_age else None, row.why_not) for row in found.rows}
    assert ages == {
        "rus-chn": (416, "9 y 8 m", ""), "tw3-rus": (445, "9 y 3 m", ""), "tw3-c-rus": (445, "9 y 3 m", ""),
        "greulich-pyle": (None, "10 y 1 m", ""), "chn-1988": (None, None, "other-bones"),
    }  # fmt: skip
    assert found.row("rus-chn").difference_months == pytest.approx(summarise(analysed().reading).difference_months)
    assert found.apart is not None and found.apart.reason == "atlas" and found.apart.older == "greulich-pyle"
    assert [plate.months for plate in found.plates] == [106, 120]


def test_it_follows_every_override() -> None:
    session = analysed()
    before = all_standards(session.reading)
    session.do(SetGrade("radius", rus_chn.max_grade("radius")), at=NOON, who=WHO)
    after = all_standards(session.reading)
    for name in ("rus-chn", "tw3-rus", "tw3-c-rus"):
        old, new = before.row(name).bone_age, after.row(name).bone_age
        assert old is not None and new is not None and new.months > old.months, name
    assert before.row("greulich-pyle") == after.row("greulich-pyle")


def test_without_a_fact_nothing_is_given() -> None:
    reading = analysed().reading
    bare = dataclasses.replace(reading, patient=dataclasses.replace(reading.patient, sex=None))
    assert all(row.bone_age is None for row in all_standards(bare).rows)
    bones = tuple(dataclasses.replace(f, machine_grade=None) if f.bone == "ulna" else f for f in reading.bones)
    missing = all_standards(dataclasses.replace(reading, bones=bones))
    assert [row.why_not for row in missing.rows] == ["no-grades", "no-grades", "no-grades", "", "other-bones"]
    alone = all_standards(dataclasses.replace(reading, whole_hand=()))
    assert alone.row("greulich-pyle").why_not == "no-model"
    assert alone.apart is not None and {alone.apart.older, alone.apart.younger} == {"rus-chn", "tw3-c-rus"}
    assert alone.apart.reason == "points"


def test_while_the_machine_is_hidden_nothing_of_it_is_told() -> None:
    reading = dataclasses.replace(analysed().reading, blind=Blind.HIDDEN)
    found = all_standards(reading)
    assert all(row.bone_age is None for row in found.rows) and found.plates == () and found.apart is None
    bones = tuple(dataclasses.replace(f, human_grade=5) for f in reading.bones)
    own = all_standards(dataclasses.replace(reading, bones=bones))
    assert own.row("rus-chn").bone_age is not None and own.row("greulich-pyle").bone_age is None


def test_a_mature_hand_has_bounds_and_neither_difference_nor_plates() -> None:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(SetGrade(bone, rus_chn.max_grade(bone)), at=NOON, who=WHO)
    found = all_standards(session.reading)
    for row in found.rows[:3]:
        assert row.bone_age is not None and row.bone_age.qualifier is Qualifier.AT_LEAST and row.difference_months is None
    assert found.plates == () and found.apart is None
    oldest = dataclasses.replace(session.reading.whole_hand[0], bone_age_months=230.0, interval_months=None)
    past = all_standards(dataclasses.replace(session.reading, whole_hand=(oldest,))).row("greulich-pyle").bone_age
    assert past is not None and past.text == ">= 18 y 0 m"


def test_it_is_quick_enough_to_follow_a_hand() -> None:
    reading = analysed().reading
    summary = summarise(reading)
    all_standards(reading, summary)
    times = []
    for _ in range(50):
        began = time.perf_counter()
        all_standards(reading, summary)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.002


def test_the_report_has_the_table() -> None:
    for language in ("en", "zh", "en+zh"):
        detail = build(analysed().reading, language=language).detail
        assert detail is not None and detail.standards is not None
        assert [row.standard for row in detail.standards.rows] == list(SHOWN)
        assert [row.known for row in detail.standards.rows] == [True, True, True, True, False]
    told = plain_text(build(analysed().reading))
    assert told.isascii() or "李" in told
    lines = told[told.index("THE SAME READING BY OTHER STANDARDS") :].splitlines()
    assert lines[3].startswith("TW3 RUS, Tanner, Healy, Goldstein, Cameron 2001") and lines[3].endswith("-1 y 1 m, normal")
    assert "445" in lines[3] and "9 y 3 m" in lines[3]
    assert "Greulich-Pyle and TW3-C RUS are 10 months apart" in told
    assert "Greulich-Pyle plates nearest to the RUS-CHN bone age: 8 y 10 m; 10 y 0 m." in told


def test_the_document_has_the_table() -> None:
    found = document(analysed().reading)["standards_table"]
    by_name = {row["standard"]: row for row in found["rows"]}
    assert by_name["tw3-rus"]["bone_age_months"] == 111.09 and by_name["chn-1988"]["why_not"] == "other-bones"
    assert found["apart"]["months"] == pytest.approx(10.18) and found["nearest_plates"][0] == {"number": 17, "months": 106.0}


def test_each_row_is_judged_by_the_rule_of_the_reading() -> None:
    """At 10 y 4 m: RUS-CHN 8 months, TW3 13 months, the whole hand 3 months behind."""
    reading = dataclasses.replace(analysed().reading, rule=Rule.RUS_CHN_YEARS)
    told = {row.standard: (row.conclusion, row.degree) for row in all_standards(reading).rows}
    assert told == {
        "rus-chn": ("normal", ""), "tw3-rus": ("delayed", "slight"), "tw3-c-rus": ("delayed", "slight"),
        "greulich-pyle": ("normal", ""), "chn-1988": ("", ""),
    }  # fmt: skip
    assert document(reading)["standards_table"]["rows"][1]["degree"] == "slight"
    assert "slightly delayed" in plain_text(build(reading))


def read_by_atlas(months: float, **facts: object) -> Reading:
    return dataclasses.replace(analysed().reading, growth=Growth(atlas_months=months), **facts)  # type: ignore[arg-type]


def test_the_readers_own_atlas_reading_is_a_row_beside_the_models() -> None:
    plain, found = all_standards(analysed().reading), all_standards(read_by_atlas(106.0))
    assert plain.own is None and [row.origin for row in found.rows[3:5]] == [WHOLE_HAND, READER]
    assert tuple(row for row in found.rows if row.origin != READER) == plain.rows and found.apart == plain.apart
    assert found.own is not None and found.own.bone_age is not None and found.own.bone_age.text == "8 y 10 m"
    assert found.own.difference_months == pytest.approx(106 - summarise(analysed().reading).compared_months)
    assert found.row("greulich-pyle") == plain.row("greulich-pyle"), "asked by its name, the model's"
    last = all_standards(read_by_atlas(216.0)).own
    assert last is not None and last.bone_age is not None and last.bone_age.text == ">= 18 y 0 m" and last.difference_months is None


def test_a_person_sees_his_own_atlas_reading_while_the_machine_is_hidden_and_none_without_a_sex() -> None:
    hidden = all_standards(read_by_atlas(106.0, blind=Blind.HIDDEN))
    assert hidden.own is not None and all(row.bone_age is None for row in hidden.rows if row is not hidden.own)
    patient = dataclasses.replace(analysed().reading.patient, sex=None)
    assert all_standards(read_by_atlas(106.0, patient=patient)).own is None


def test_report_and_document_tell_whose_it_is() -> None:
    told = plain_text(build(read_by_atlas(106.0)))
    (line,) = [one for one in told.splitlines() if "read by the reader" in one]
    assert "8 y 10 m" in line and line.startswith("Greulich-Pyle")
    assert "read by the reader" not in plain_text(build(analysed().reading))
    found = document(read_by_atlas(106.0))
    (row,) = [one for one in found["standards_table"]["rows"] if one["origin"] == "reader"]
    assert row["bone_age_months"] == 106.0 and found["growth"]["atlas_bone_age_months"] == 106.0
    schema = Path(packaged_dir("resources")) / "schema" / "reading-v1.schema.json"
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))


def test_another_sex_takes_an_atlas_reading_and_menarche_away_and_undo_gives_them_back() -> None:
    session = analysed()
    session.do(SetAtlasAge(106.0), at=NOON, who=WHO)
    session.do(SetMenarche(False), at=NOON, who=WHO)
    event = session.do(SetPatient(sex=Sex.MALE), at=NOON, who=WHO)
    assert session.reading.growth.atlas_months is None and session.reading.growth.menarche is None
    assert "Greulich-Pyle=8 y 10 m" in event.before and "Greulich" not in event.after
    session.undo(at=NOON, who=WHO)
    assert session.reading.growth.atlas_months == 106.0 and session.reading.growth.menarche is False
    session.do(SetPatient(name="B"), at=NOON, who=WHO)
    assert session.reading.growth.atlas_months == 106.0
