"""Second opinions in a reading: beside the 13 bones, dropped with the fact that they rest on, explained where unusual."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading.analysis import FilmArea, Flag, ModelRef, WholeHandOpinion, WholeHandResult
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.second_opinion import OUTSIDE, difference, needs_comment, wanted
from boneage_desk.reading.session import (
    AcceptGrade,
    MarkReviewed,
    ReadingSession,
    SetAnalysis,
    SetDifferenceComment,
    SetGrade,
    SetPatient,
    SetWholeHand,
    State,
)
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed, analysis, reading, sha

LATER = NOON + timedelta(seconds=5)


def bones_read(sex: Sex | None = Sex.FEMALE, flags: tuple[Flag, ...] = ()) -> ReadingSession:
    session = ReadingSession(reading(sex=sex))
    result = dataclasses.replace(analysis(flags=flags), whole_hand=())
    session.do(SetAnalysis(result, NOON), at=NOON, who=WHO)
    return session


def answers(*engines: str, sex: Sex | None = Sex.FEMALE, flags: tuple[Flag, ...] = (), **changes: Any) -> WholeHandResult:
    opinions = []
    for engine in engines:
        values: dict[str, Any] = {"bone_age_months": 120.0, "sex": None if engine == "dual" else sex, **changes}
        if engine == "dual":
            values = {"male_probability": 0.02, "sex_limit": 0.95, **values}
        opinions.append(WholeHandOpinion(f"{engine}.x", engine=engine, **values))
    models = tuple(ModelRef(engine, f"{engine}.x", sha(engine), engine) for engine in engines)
    return WholeHandResult(tuple(opinions), flags, models, {e: 1.0 for e in engines})


def do(session: ReadingSession, *commands: Any) -> None:
    for command in commands:
        session.do(command, at=LATER, who=WHO)


def engines(session: ReadingSession) -> list[str]:
    return [opinion.engine for opinion in session.reading.whole_hand]


def codes(session: ReadingSession) -> set[str]:
    return {flag.code for flag in summarise(session.reading).flags}


def test_opinions_come_beside_the_bones_in_one_order_and_the_audit_names_them() -> None:
    session = bones_read()
    before = session.reading
    assert wanted(before, ("dual", "whole-hand")) == ("dual", "whole-hand")
    do(session, SetWholeHand(answers("dual"), LATER))
    event = session.do(SetWholeHand(answers("whole-hand"), LATER), at=LATER, who=WHO)
    after = session.reading
    assert engines(session) == ["whole-hand", "dual"]
    assert after.bones == before.bones and after.interval == before.interval
    assert [m.engine for m in after.models] == ["", "", "dual", "whole-hand"]
    assert event.action == "set-whole-hand" and sha("whole-hand")[:12] in event.detail
    assert (event.before, event.after) == ("dual=120.0", "whole-hand=120.0 dual=120.0")
    assert wanted(after, ("dual", "whole-hand", "cascade")) == ("cascade",)
    do(session, SetWholeHand(answers("dual", bone_age_months=99.0), LATER))
    assert [o.bone_age_months for o in session.reading.whole_hand] == [120.0, 99.0]
    assert len(session.reading.models) == 4


def test_another_sex_drops_what_used_it_and_its_comment() -> None:
    session = bones_read()
    unavailable = Flag("whole_hand_unavailable", "Regression: none.", engine="regression")
    do(session, SetWholeHand(answers("whole-hand", "dual", flags=(unavailable,)), LATER), SetDifferenceComment("known"))
    do(session, SetPatient(sex=Sex.MALE))
    assert engines(session) == ["dual"]
    assert [m.engine for m in session.reading.models] == ["", "", "dual"]
    assert session.reading.difference_comment == ""
    assert wanted(session.reading, ("whole-hand", "dual", "regression")) == ("whole-hand", "regression")


def test_an_answer_for_the_old_sex_that_comes_late_is_no_number() -> None:
    session = bones_read()
    do(session, SetPatient(sex=Sex.MALE), SetWholeHand(answers("whole-hand", sex=Sex.FEMALE), LATER))
    assert engines(session) == []
    assert "whole_hand_unavailable" in codes(session)


def test_the_films_sex_is_held_against_the_record_as_it_stands() -> None:
    session = bones_read(sex=None)
    do(session, SetWholeHand(answers("dual"), LATER))
    assert "sex_mismatch" not in codes(session), "it never speaks of a sex that is not known"
    assert session.reading.patient.sex is None
    do(session, SetPatient(sex=Sex.MALE))
    assert "sex_mismatch" in codes(session)
    assert not any(flag.blocking for flag in summarise(session.reading).flags)
    do(session, SetPatient(sex=Sex.FEMALE))
    assert "sex_mismatch" not in codes(session)
    do(session, SetPatient(sex=Sex.MALE), SetWholeHand(answers("dual", male_probability=0.06), LATER))
    assert "sex_mismatch" not in codes(session), "94 % is below the limit"


def test_a_blocked_film_gets_no_second_opinion() -> None:
    session = bones_read(flags=(Flag("several_hands", "2 hands.", blocking=True),))
    assert wanted(session.reading, ("whole-hand",)) == ()
    do(session, SetWholeHand(answers("whole-hand"), LATER))
    assert engines(session) == []
    assert "2 hands." in [f.message for f in session.reading.flags if f.code == "whole_hand_unavailable"][0]


def test_a_child_outside_the_training_gets_a_flag_and_no_number() -> None:
    session = bones_read()  # 124.3 months old
    do(session, SetWholeHand(answers("whole-hand", age_range_months=(12.0, 120.0)), LATER))
    assert engines(session) == [] and "outside_training" in codes(session)
    assert wanted(session.reading, ("whole-hand",)) == ()
    do(session, SetPatient(birth_date=date(2015, 3, 2)))
    assert "outside_training" not in codes(session)
    assert wanted(session.reading, ("whole-hand",)) == ("whole-hand",), "a corrected birth date: ask again"
    do(session, SetWholeHand(answers("whole-hand", age_range_months=(12.0, 120.0)), LATER))
    assert engines(session) == ["whole-hand"]
    do(session, SetPatient(birth_date=date(2014, 3, 2)))
    assert engines(session) == [] and "outside_training" in codes(session)


def test_undo_passes_over_an_opinion_and_keeps_it() -> None:
    session = bones_read()
    do(session, SetGrade("radius", 8), SetWholeHand(answers("whole-hand"), LATER))
    assert session.undo_action == "set-grade"
    session.undo(at=LATER, who=WHO)
    assert session.reading.bone("radius").human_grade is None and engines(session) == ["whole-hand"]
    session.redo(at=LATER, who=WHO)
    assert session.reading.bone("radius").human_grade == 8 and engines(session) == ["whole-hand"]


def test_undo_of_a_sex_brings_no_opinion_of_the_other() -> None:
    session = bones_read()
    do(session, SetPatient(sex=Sex.MALE), SetWholeHand(answers("whole-hand", sex=Sex.MALE), LATER))
    session.undo(at=LATER, who=WHO)
    assert session.reading.patient.sex is Sex.FEMALE and engines(session) == []
    assert wanted(session.reading, ("whole-hand",)) == ("whole-hand",)


def test_reading_the_film_again_asks_again() -> None:
    session = bones_read()
    do(session, SetWholeHand(answers("whole-hand"), LATER))
    do(session, SetAnalysis(dataclasses.replace(analysis(), whole_hand=()), LATER))
    assert engines(session) == [] and wanted(session.reading, ("whole-hand",)) == ("whole-hand",)
    assert all(not model.engine for model in session.reading.models)


@pytest.mark.parametrize(("off", "refused"), [(12.4, False), (12.6, True), (-12.6, True)])
def test_an_unusual_difference_needs_a_comment_before_sign_off(off: float, refused: bool) -> None:
    session = bones_read()
    for bone in rus_chn.BONES:
        do(session, AcceptGrade(bone))
    age = summarise(session.reading).bone_age
    assert age is not None
    do(session, SetWholeHand(answers("whole-hand", bone_age_months=age.months - off, usual_difference_months=12.5), LATER))
    found = difference(session.reading)
    assert found is not None and found.months == pytest.approx(off) and found.beyond is refused
    assert needs_comment(session.reading) is refused
    if refused:
        for text in ("", "  "):
            do(session, SetDifferenceComment(text))
            with pytest.raises(InputError) as caught:
                do(session, MarkReviewed())
            assert caught.value.code == "difference-comment"
        do(session, SetDifferenceComment("Endocrine disease: wrist lags."))
    do(session, MarkReviewed())
    assert session.reading.state == "reviewed"


def test_at_a_tables_end_only_what_speaks_against_it_counts() -> None:
    session = bones_read()
    for bone in rus_chn.BONES:
        do(session, SetGrade(bone, rus_chn.max_grade(bone)))
    end = summarise(session.reading).bone_age
    assert end is not None and end.qualifier == ">="
    do(session, SetWholeHand(answers("whole-hand", bone_age_months=end.months + 9, usual_difference_months=5.0), LATER))
    assert difference(session.reading) is None
    do(session, SetWholeHand(answers("whole-hand", bone_age_months=end.months - 9, usual_difference_months=5.0), LATER))
    found = difference(session.reading)
    assert found is not None and found.at_least and found.beyond


def test_everything_survives_the_store() -> None:
    session = bones_read()
    area = FilmArea("carpal", ((1.5, 2.0), (3.0, 2.0), (3.0, 4.0), (1.5, 4.25)))
    result = answers("cascade", "dual", flags=(Flag("whole_hand_unavailable", "none", engine="regression"),), areas=(area,),
                     interval_months=(100.0, 140.5), usual_difference_months=12.5, age_range_months=(0.0, 228.0))  # fmt: skip
    do(session, SetWholeHand(result, LATER), SetDifferenceComment("左 wrist"))
    again = decode_reading(encode_reading(session.reading))
    assert again == session.reading
    assert again.whole_hand[1].areas == (area,)
    old = encode_reading(session.reading)
    for row in old["reading"]["whole_hand"]:
        for name in set(row) - {"model", "bone_age_months", "interval_months"}:
            del row[name]
    assert [o.engine for o in decode_reading(old).whole_hand] == ["whole-hand"] * 2, "as written before there were engines"


def test_undo_of_an_age_brings_back_what_it_had_dropped() -> None:
    """A slip in the birth date, undone, leaves no false flag and no reading without its second opinion."""
    session = analysed(sex=Sex.FEMALE)
    given = WholeHandOpinion(
        "m.tag", 160.0, engine="whole-hand", usual_difference_months=10.0, age_range_months=(12.0, 228.0), sex=Sex.FEMALE
    )
    session = ReadingSession(dataclasses.replace(session.reading, whole_hand=(given,), flags=()))

    def outside() -> bool:
        return any(flag.code == OUTSIDE for flag in session.reading.flags)

    assert needs_comment(session.reading)
    session.do(SetPatient(birth_date=date(1924, 3, 2)), at=LATER, who=WHO)
    assert not session.reading.whole_hand and outside()
    for step, there in (("undo", True), ("redo", False), ("undo", True)):
        getattr(session, step)(at=LATER, who=WHO)
        assert (session.reading.whole_hand == (given,)) is there and outside() is not there
    assert needs_comment(session.reading) and wanted(session.reading, ("whole-hand",)) == ()


def test_done_again_marks_nothing_reviewed_that_asks_for_a_comment_meanwhile() -> None:
    session = analysed(sex=Sex.FEMALE)
    session = ReadingSession(dataclasses.replace(session.reading, whole_hand=(), flags=()))
    for finding in session.reading.bones:
        session.do(AcceptGrade(finding.bone), at=LATER, who=WHO)
    session.do(MarkReviewed(), at=LATER, who=WHO)
    session.undo(at=LATER, who=WHO)
    given = WholeHandOpinion(
        "m.tag", 220.0, engine="whole-hand", usual_difference_months=10.0, age_range_months=(12.0, 228.0), sex=Sex.FEMALE
    )
    session._reading = dataclasses.replace(session.reading, whole_hand=(given,))
    with pytest.raises(InputError) as caught:
        session.redo(at=LATER, who=WHO)
    assert caught.value.code == "difference-comment"
    assert session.reading.state is State.DRAFT and session.redo_action == "mark-reviewed"


def test_a_comment_goes_where_the_difference_is_to_the_other_side_or_of_other_models() -> None:
    session = bones_read()
    given = answers("whole-hand")
    young = dataclasses.replace(given.opinions[0], bone_age_months=60.0, usual_difference_months=10.0)
    low = dataclasses.replace(given, opinions=(young,))
    session.do(SetWholeHand(low, LATER), at=LATER, who=WHO)
    session.do(SetDifferenceComment("late maturer, accepted"), at=LATER, who=WHO)
    session.do(SetWholeHand(low, LATER), at=LATER, who=WHO)
    assert session.reading.difference_comment == "late maturer, accepted", "the same answer again"
    high = dataclasses.replace(low, opinions=(dataclasses.replace(low.opinions[0], bone_age_months=215.0),))
    session.do(SetWholeHand(high, LATER), at=LATER, who=WHO)
    assert session.reading.difference_comment == "" and needs_comment(session.reading)
    session.do(SetDifferenceComment("seen"), at=LATER, who=WHO)
    again = dataclasses.replace(analysis(), whole_hand=())
    session.do(SetAnalysis(again, LATER), at=LATER, who=WHO)
    assert session.reading.difference_comment == "seen"
    other = dataclasses.replace(again, models=tuple(dataclasses.replace(m, sha256="f" * 64) for m in again.models))
    session.do(SetAnalysis(other, LATER), at=LATER, who=WHO)
    assert session.reading.difference_comment == ""
