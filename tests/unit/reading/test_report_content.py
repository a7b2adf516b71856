"""What the report says, before anything is drawn."""

from __future__ import annotations

import dataclasses
import string
from datetime import date

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading import report_texts
from boneage_desk.reading.analysis import Flag, IntervalTable, WholeHandOpinion
from boneage_desk.reading.film import Laterality, Patient, Study
from boneage_desk.reading.findings import Box
from boneage_desk.reading.people import Role
from boneage_desk.reading.report_content import ReportContent, build
from boneage_desk.reading.report_plain import plain_text
from boneage_desk.reading.report_values import Fact, clean, person
from boneage_desk.reading.session import (
    AcceptGrade,
    MarkReviewed,
    Reading,
    SetAnalysis,
    SetBox,
    SetGrade,
    State,
)
from boneage_desk.reading.signature import FlagAnswer, Signature
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed, analysis, opinion, reading


def facts(content: ReportContent) -> dict[str, Fact]:
    return {
        fact.key: fact
        for fact in (*content.patient, *content.examination, *content.results, *content.provenance, content.headline)
    }


def graded(frac: float, sex: Sex = Sex.FEMALE) -> Reading:
    """Every bone at a share of its last grade."""
    session = analysed(sex=sex)
    grades = {bone: round(rus_chn.max_grade(bone) * frac) for bone in rus_chn.BONES}
    session.do(SetAnalysis(analysis(grades), NOON), at=NOON, who=WHO)
    return session.reading


def row(content: ReportContent, bone: str):
    return next(row for row in content.bones if row.bone == bone)


def test_the_numbers_are_those_of_the_summary() -> None:
    value = analysed().reading
    summary, content = summarise(value), build(value)
    assert summary.score is not None and summary.bone_age is not None
    said = facts(content)
    assert said["score"].value == f"{summary.score} of 1000 points"
    assert said["bone_age"].value == summary.bone_age.text
    assert content.headline_months == f"{summary.bone_age.months:.1f} months"
    assert content.total[1] == str(summary.score)
    assert sum(int(line.score) for line in content.bones) == summary.score
    assert [line.bone for line in content.bones] == list(rus_chn.BONES)
    assert said["chronological"].value.startswith("10 y 4 m (124.")
    assert said["sex"].value == "female" and "table for girls" in said["method"].value
    assert rus_chn.EDITION in said["method"].value


def test_the_interval_says_what_it_is() -> None:
    content = build(analysed().reading)
    assert content.note.startswith("90 % interval ")
    assert "the AI's measured error (held-out films)" in content.note
    assert "not the normal range" in content.note
    assert "without a reader's changes" not in content.note


def test_an_override_is_marked_and_the_machines_grade_stays() -> None:
    session = analysed()
    before = build(session.reading)
    session.do(SetGrade("mc3", 4, "cap is missing"), at=NOON, who=WHO)
    content = build(session.reading)
    changed = row(content, "mc3")
    assert changed.changed and not row(content, "mc5").changed
    assert changed.machine == rus_chn.label("mc3", 6) and changed.probability == "75"
    assert changed.human == changed.final == rus_chn.label("mc3", 4)
    assert changed.score == str(rus_chn.score("mc3", 4, Sex.FEMALE))
    assert changed.note == 'changed by reader; reason: "cap is missing"'
    assert content.headline.value != before.headline.value
    assert facts(content)["machine"].value.startswith(before.headline.value)
    assert facts(content)["verification"].value == "1 of 13 bones looked at, 1 grade changed, 0 boxes corrected"
    assert "without a reader's changes" in content.note


def test_a_moved_box_keeps_what_the_machine_said_first() -> None:
    session = analysed()
    session.do(SetBox("pp5", Box(10, 10, 60, 70), opinion("pp5", 3)), at=NOON, who=WHO)
    content = build(session.reading)
    moved = row(content, "pp5")
    assert moved.machine == rus_chn.label("pp5", 3)
    assert moved.note == f"box corrected by reader; AI on its own box: {rus_chn.label('pp5', 6)}"
    overlay = next(shown for shown in content.overlays if shown.bone == "pp5")
    assert overlay.by_person and overlay.certain and overlay.box == Box(10, 10, 60, 70)


def test_a_moved_box_that_was_not_graded_again_has_no_grade() -> None:
    session = analysed()
    session.do(SetBox("pp5", Box(10, 10, 60, 70)), at=NOON, who=WHO)
    content = build(session.reading)
    assert row(content, "pp5").cells == ("-", "-", "-", "-", "-")
    assert "no grade" in row(content, "pp5").note
    assert content.headline.value == "not given" and not content.headline.known
    assert content.note == (
        "No bone age: 1 of 13 bones have no grade (Proximal phalanx 5); a missing bone is not scored as zero"
    )
    assert content.total[1] == "-"


def test_an_uncertain_bone_says_why() -> None:
    value = analysed().reading
    bones = list(value.bones)
    region = dataclasses.replace(bones[2].machine_region, certain=False, reason="filled in")
    bones[2] = dataclasses.replace(bones[2], machine_region=region)
    content = build(dataclasses.replace(value, bones=tuple(bones)))
    assert content.bones[2].uncertain and content.bones[2].note == "AI uncertain: filled in"
    assert [shown.certain for shown in content.overlays].count(False) == 1


def test_unknown_facts_are_said_to_be_unknown() -> None:
    value = dataclasses.replace(reading(), patient=Patient(), study=Study(), flags=())
    said = facts(build(value))
    for key in (
        "name", "patient_id", "sex", "birth_date", "referrer", "study_date", "accession", "study", "view", "side",
        "institution", "models",
    ):  # fmt: skip
        assert said[key].value == "not recorded" and not said[key].known, key
    assert said["chronological"].value == "not known: birth date not recorded"
    assert said["machine"].value == said["analysed"].value == "not read by the AI"
    assert build(value).note == "No bone age: the film was not read yet"
    assert all(fact.value for fact in said.values())


@pytest.mark.parametrize(
    ("facts_of", "expected"),
    [
        (dict(birth_date=date(2014, 3, 2)), "not known: study date not recorded"),
        (dict(birth_date=date(2025, 3, 2), on=date(2024, 7, 11)), "not given: the birth date lies after"),
    ],
)
def test_an_age_that_cannot_be_had_says_why(facts_of: dict[str, date], expected: str) -> None:
    value = dataclasses.replace(
        reading(),
        patient=Patient(birth_date=facts_of["birth_date"]),
        study=Study(study_date=facts_of.get("on")),
    )
    assert facts(build(value))["chronological"].value.startswith(expected)


def test_a_sex_that_is_neither_is_quoted_and_no_table_is_picked() -> None:
    value = analysed(sex=None).reading
    value = dataclasses.replace(value, patient=dataclasses.replace(value.patient, sex_as_recorded="O"))
    content = build(value)
    assert facts(content)["sex"].value == "not recorded as M or F (film says 'O')"
    assert content.note == "No bone age: the sex is not recorded; it picks the table"
    assert "girls" not in facts(content)["method"].value and "boys" not in facts(content)["method"].value
    assert all(line.score == "-" and line.final != "-" for line in content.bones)


def test_a_blocking_flag_is_the_reason_and_comes_first() -> None:
    value = analysed().reading
    value = dataclasses.replace(
        value,
        flags=(Flag("low_quality", "Low contrast."), Flag("several_hands", "Two hands on the film.", blocking=True)),
    )
    content = build(value)
    assert content.note == "No bone age: Two hands on the film"
    assert content.flags[0].blocking and content.flags[0].text == "PREVENTS A BONE AGE: Two hands on the film."
    assert content.flags[1].text == "Low contrast."


def test_the_top_of_the_table_is_a_bound() -> None:
    content = build(graded(1.0))
    assert content.headline.value == ">= 17 y 0 m"
    assert "bound, not a value" in content.note and "interval" not in content.note
    assert content.headline_months == ""
    assert facts(content)["difference"].value == "not given: the bone age is a bound"
    assert facts(content)["score"].value == "1000 of 1000 points"


def test_the_bottom_of_the_table_is_a_bound() -> None:
    content = build(graded(0.0))
    assert content.headline.value == "< 1 y 0 m"
    assert "below the table's first year" in content.note


def test_no_measured_error_gives_no_interval() -> None:
    for table in (None, IntervalTable(0.9, ())):
        content = build(dataclasses.replace(analysed().reading, interval=table))
        assert content.note.startswith("Interval not given")


@pytest.mark.parametrize(
    ("birth", "sign", "band"),
    [
        (date(2014, 3, 2), "", "within 1 year"),
        (date(2004, 3, 2), "-", "more than 2 years behind"),
        (date(2022, 3, 2), "+", "more than 2 years ahead"),
    ],
)
def test_the_difference_has_a_sign_and_words(birth: date, sign: str, band: str) -> None:
    value = analysed().reading
    summary = summarise(value)
    assert summary.bone_age is not None
    if band == "within 1 year":  # born so that both ages agree to some days
        months = int(2024 * 12 + 6 - summary.bone_age.months)
        birth = date(months // 12, months % 12 + 1, 11)
    value = dataclasses.replace(value, patient=dataclasses.replace(value.patient, birth_date=birth))
    said = facts(build(value))["difference"].value
    assert said.endswith(band) and said.startswith(sign)


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (12.4, "within 1 year"),
        (12.6, "1 to 2 years ahead"),
        (-12.6, "1 to 2 years behind"),
        (24.4, "1 to 2 years ahead"),
        (24.6, "more than 2 years ahead"),
        (-0.02, "+0.0"),
    ],
)
def test_the_band_agrees_with_the_months_that_are_printed(months: float, words: str) -> None:
    value = analysed().reading
    summary = dataclasses.replace(summarise(value), difference_months=months)
    said = facts(build(value, summary))["difference"].value
    if words == "+0.0":
        assert said == "0 y 0 m (0.0 months), within 1 year"
    else:
        assert said.endswith(words)


def test_second_opinions_stand_beside_the_bone_age() -> None:
    content = build(analysed().reading)
    opinions = [fact.value for fact in content.results if fact.key == "second_opinion"]
    assert len(opinions) == 2
    assert opinions[0].startswith("Whole hand 10 y 1 m [9 y 2 m to 11 y 1 m]") and "(whole-hand)" in opinions[0]
    assert opinions[1].startswith("Dual output 10 y 0 m;") and "[" not in opinions[1]
    assert "difference_comment" not in facts(content)


def opinions_of(content: ReportContent) -> list[Fact]:
    return [fact for fact in content.results if fact.key == "second_opinion"]


def second(months: float, usual: float | None = 12.0, **facts_of: object) -> Reading:
    """A reading whose second opinion lies ``months`` below the 13 bones."""
    value = analysed().reading
    age = summarise(value).bone_age
    assert age is not None
    one = WholeHandOpinion("lite2.v1", age.months - months, engine="whole-hand", usual_difference_months=usual)
    return dataclasses.replace(value, whole_hand=(one,), **facts_of)


def test_an_unusual_difference_is_said_with_its_sign_its_limit_and_the_comment() -> None:
    usual, beyond = build(second(11.9)), build(second(-12.1))
    assert "; the 13 bones differ by +11.9 months, usual is up to 12.0 (lite2.v1)" in opinions_of(usual)[0].value
    assert "difference_comment" not in facts(usual) and "does not see these grades" in usual.legend
    said = opinions_of(beyond)[0].value
    assert "-12.1 months, BEYOND the usual, up to 12.0" in said
    assert not facts(beyond)["difference_comment"].known and "needed" in facts(beyond)["difference_comment"].value
    written = build(second(-12.1, difference_comment="wrist turned,\nread twice"))
    assert facts(written)["difference_comment"].value == "wrist turned, read twice"
    assert "On that difference:" in plain_text(written) and "wrist turned, read twice" in plain_text(written)
    assert "was not measured" in opinions_of(build(second(40, usual=None)))[0].value
    chinese = build(second(-12.1), language="zh")
    assert "-12.1 个月，超出通常范围（不超过 12.0 个月）" in opinions_of(chinese)[0].value
    assert opinions_of(chinese)[0].value.startswith("全手 ")


@pytest.mark.parametrize(("share", "words"), [(1.0, "+24.0 at least"), (0.0, "-24.0 at most")])
def test_at_a_tables_end_the_difference_is_a_bound(share: float, words: str) -> None:
    value = analysed().reading
    bones = tuple(dataclasses.replace(b, human_grade=round(rus_chn.max_grade(b.bone) * share)) for b in value.bones)
    value = dataclasses.replace(value, bones=bones)
    age = summarise(value).bone_age
    assert age is not None and age.qualifier
    one = WholeHandOpinion("lite2.v1", age.months - (24 if share else -24))
    said = opinions_of(build(dataclasses.replace(value, whole_hand=(one,))))[0].value
    assert words in said


def test_an_opinion_that_was_not_given_says_why_in_its_place_and_not_among_the_points_to_check() -> None:
    flag = Flag("whole_hand_unavailable", "Whole hand: no model is installed.", engine="whole-hand")
    value = dataclasses.replace(analysed().reading, whole_hand=(), flags=(flag,))
    content = build(value)
    assert opinions_of(content)[0] == Fact("second_opinion", "Second opinion", flag.message, known=False)
    assert all("installed" not in line.text for line in content.flags) and "no model is installed" in plain_text(content)
    assert opinions_of(build(value, language="zh"))[0].value == "全手：模型未给出结果。"
    assert "independent" not in content.legend


def test_the_films_sex_against_the_record_is_a_point_to_check() -> None:
    one = WholeHandOpinion("dual.v1", 120.0, engine="dual", male_probability=0.99, sex_limit=0.95)
    value = dataclasses.replace(analysed().reading, whole_hand=(one,))
    assert any("looks like a male hand (99%)" in line.text for line in build(value).flags)
    assert any("性别与记录不符" in line.text for line in build(value, language="zh").flags)


def test_states_are_said_plainly_and_only_a_reviewed_one_is_there_to_sign() -> None:
    session = analysed()
    draft = build(session.reading)
    assert draft.state_text == "DRAFT - not verified by a reader" and draft.sign == ""
    assert draft.headline.label == "Bone age (draft)"
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    reviewed = build(session.reading)
    assert reviewed.state is State.REVIEWED and "DRAFT" not in plain_text(reviewed)
    assert reviewed.sign and reviewed.headline.label == "Bone age"


def test_a_synthetic_film_says_so() -> None:
    value = reading()
    assert build(value).notices == ()
    value = dataclasses.replace(value, study=dataclasses.replace(value.study, synthetic=True))
    assert build(value).notices[0].startswith("SYNTHETIC FILM")


def test_origin_names_models_hashes_software_and_revision() -> None:
    value = analysed("case-7").reading
    said = facts(build(value))
    for model in value.models:
        assert f"{model.tag} @ {model.sha256[:12]}" in said["models"].value
        assert model.sha256 not in said["models"].value
    assert value.source.sha256[:16] in said["film"].value
    assert said["reading"].value == f"case-7, revision {value.revision}"
    assert said["printed"].value == "2024-07-12 12:00 +00:00"
    assert said["software"].value.startswith("BoneAge Desk ")


def test_the_path_of_the_film_is_nowhere() -> None:
    """It may hold a name, or the name of a person's folder."""
    assert "films with spaces" not in plain_text(build(analysed().reading))


def test_a_frame_number_is_said_only_where_there_are_several() -> None:
    value = reading()
    assert "frame" not in facts(build(value))["film"].value
    value = dataclasses.replace(value, source=dataclasses.replace(value.source, frame_number=2, frame_count=5))
    assert "frame 2 of 5" in facts(build(value))["film"].value


def test_side_view_and_referrer_print_as_words() -> None:
    study = Study(laterality=Laterality.RIGHT, view="PA", referrer="WANG^Fang^^Dr", modality="DX", body_part="HAND")
    said = facts(build(dataclasses.replace(reading(), study=study)))
    assert said["side"].value == "right" and said["view"].value == "PA"
    assert said["referrer"].value == "WANG Fang Dr" and said["study"].value == "DX, HAND"


# --- words -------------------------------------------------------------------------------------------


def test_english_is_ascii_so_that_an_old_ris_prints_it() -> None:
    value = analysed(name="LI^Ming").reading
    value = dataclasses.replace(value, patient=dataclasses.replace(value.patient, name_ideographic=""))
    for reading_value in (value, graded(1.0), graded(0.0), reading()):
        reading_value = dataclasses.replace(
            reading_value, patient=dataclasses.replace(reading_value.patient, name_ideographic="")
        )
        assert plain_text(build(reading_value)).isascii()


def test_both_languages_take_the_same_values() -> None:
    formatter = string.Formatter()
    for key in report_texts.keys():
        fields = [
            {name for _, name, _, _ in formatter.parse(report_texts._TEXTS[key][i]) if name is not None}
            for i in range(len(report_texts.LANGUAGES))
        ]
        if key.startswith("flag."):
            assert report_texts.has("zh", key) and not fields[1], key
            continue
        assert fields[1] <= fields[0] and fields[0] - fields[1] <= {"plural", "es"}, key
        assert report_texts.has("en", key) and report_texts.has("zh", key), key


def test_chinese_says_the_same_numbers() -> None:
    value = dataclasses.replace(analysed().reading, flags=(Flag("low_quality", "Low contrast."),))
    english, chinese = build(value), build(value, language="zh")
    assert chinese.title == "骨龄评估报告" and chinese.state_text.startswith("草稿")
    assert [line.cells for line in chinese.bones] == [line.cells for line in english.bones]
    assert facts(chinese)["sex"].value == "女"
    assert row(chinese, "mc3").name == "第三掌骨"
    assert [flag.text for flag in chinese.flags] == ["影像质量低。"]
    assert chinese.headline.value.replace(" 岁 ", " y ").replace(" 个月", " m") == english.headline.value


def test_a_flag_without_chinese_words_is_shown_as_it_is() -> None:
    value = dataclasses.replace(reading(), flags=(Flag("brand_new", "Something new.", bone="mc3"),))
    assert build(value, language="zh").flags[0].text == "第三掌骨：Something new."


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="'fr'"):
        build(reading(), language="fr")


def test_text_of_files_cannot_reorder_or_break_the_page() -> None:
    assert clean("a\u202eb\x00c\u200b\td\r\ne") == "ab c d e"
    assert clean(" a  b \r\n\x0b c ", lines=True) == "a b\nc"
    assert clean("e\u0301") == "é"
    assert person("DOE^Jane^^Dr=多^珍") == "DOE Jane Dr 多珍"
    assert person("Dr Jane Doe") == "Dr Jane Doe"


def test_plain_text_lines_up_and_holds_everything() -> None:
    session = analysed()
    session.do(SetGrade("mc3", 4, "cap is missing"), at=NOON, who=WHO)
    value = dataclasses.replace(session.reading, impression="In keeping.\nAgain in a year.")
    content = build(value, site_name="Site", reader_name="Dr. Who")
    text = plain_text(content)
    for fact in facts(content).values():
        assert fact.value in text
    assert "*** DRAFT - not verified by a reader ***" in text and "Dr. Who" in text
    assert "In keeping.\nAgain in a year." in text
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("Bone  "))
    radius = next(line for line in lines if line.startswith("Radius"))
    assert head.index("Final") == radius.index(row(content, "radius").final, head.index("Reader") + 1)
    assert text.count(content.limits) == 1 and text.endswith(content.limits + "\n")


# --- both languages, seals, answers ------------------------------------------------------------------


def test_both_languages_say_what_each_says_and_equal_things_once() -> None:
    session = analysed()
    session.do(SetGrade("mc3", 4, "cap is missing"), at=NOON, who=WHO)
    value = dataclasses.replace(session.reading, flags=(Flag("low_quality", "Low contrast."),), impression="In keeping.")
    english, chinese, made = (build(value, language=language) for language in ("en", "zh", "en+zh"))
    assert made.language == "en+zh"
    assert facts(made)["sex"].label == "Sex 性别" and facts(made)["sex"].value == "female 女"
    assert facts(made)["patient_id"].value == "0042" and made.impression == "In keeping."
    assert made.headline.value == f"{english.headline.value} / {chinese.headline.value}"
    assert made.columns[3] == "Reader\n医师" and made.columns[1] == "AI"
    assert [flag.text for flag in made.flags] == ["Low contrast. 影像质量低。"]
    assert [line.cells for line in made.bones] == [line.cells for line in english.bones]
    assert {line.bone for line in made.bones} == set(rus_chn.BONES)
    text = plain_text(made)
    for content in (english, chinese):
        for fact in facts(content).values():
            assert fact.value in text, fact
    assert made.page.format(number=1, count=2) == "Page 1 of 2 第 1 页，共 2 页"


def test_braces_of_a_person_stay_where_they_are_in_both_languages() -> None:
    session = analysed()
    session.do(SetGrade("mc3", 4, "a {0} b {1}"), at=NOON, who=WHO)
    note = row(build(session.reading, language="en+zh"), "mc3").note
    assert note.split("\n") == ['changed by reader; reason: "a {0} b {1}"', "医师已修改；理由：“a {0} b {1}”"]


def test_a_line_for_the_pen_has_both_labels_before_each_gap() -> None:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    sign = build(session.reading, language="en+zh").sign
    assert sign.count("{0}") == 3 and sign.startswith("Physician: 报告医师：{0}")


def signed(*texts: str) -> Reading:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    seals = tuple(
        Signature(n, NOON, "awis", "Anna Wisniewska", Role.RADIOLOGIST, "read", "a" * 64, False, "b" * 64, text)
        for n, text in enumerate(("", *texts), 1)
    )
    return dataclasses.replace(session.reading, state=State.AMENDED if texts else State.SIGNED, signatures=seals)


def test_a_signed_report_says_who_and_an_amended_one_lists_the_addenda() -> None:
    made = build(signed(), reader_name="Somebody else")
    assert made.signed == "Signed by Anna Wisniewska, radiologist, 2024-07-12 12:00 +00:00. Reason: read"
    assert made.sign == "" and made.addenda == () and "reader" not in facts(made)
    made = build(signed("The birth date was wrong.", "And more."), language="zh")
    assert [one.text for one in made.addenda] == ["The birth date was wrong.", "And more."]
    assert made.addenda[1].heading.startswith("补充说明 2。签名：Anna Wisniewska，放射科医师，")
    text = plain_text(made)
    assert text.index("补充说明 1") < text.index("The birth date was wrong.") < text.index("And more.")
    assert build(analysed().reading).signed == ""


def test_image_quality_with_the_answer_of_the_person() -> None:
    assert facts(build(reading()))["quality"].value == "Low contrast."
    plain = dataclasses.replace(reading(), flags=())
    assert not facts(build(plain))["quality"].known
    assert facts(build(analysed().reading))["quality"].value == "no doubt was raised"
    doubt = Flag("low_quality", "Low contrast.")
    value = dataclasses.replace(
        analysed().reading, flags=(doubt,), answers=(FlagAnswer("low_quality", "Low contrast.", "Good enough."),)
    )
    made = build(value)
    assert facts(made)["quality"].value == 'Low contrast. Reader: "Good enough."'
    assert made.flags[0].text == 'Low contrast. Reader: "Good enough."'
    other = dataclasses.replace(value, answers=(FlagAnswer("low_quality", "Another doubt.", "Good enough."),))
    assert "Good enough" not in plain_text(build(other)), "an answer holds for its own message only"


def test_lines_of_the_site_and_a_reference_from_a_table() -> None:
    value = analysed().reading
    made = build(value, header="Radiology\n\nRoad 1", footer="Telephone 12")
    assert made.header == ("Radiology", "Road 1") and made.footer == ("Telephone 12",)
    assert plain_text(made).endswith(made.limits + "\nTelephone 12\n")
    assert facts(made)["normal_range"].value == "8 y 5 m to 12 y 4 m (age +- 2 SD)"
    named = (Fact("normal_range", "Normal range", "9 y 0 m to 11 y 6 m (a named table)"),)
    assert facts(build(value, reference=named))["normal_range"] == named[0]
