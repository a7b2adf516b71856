"""The bone age of a reading as it stands, and everything that speaks against trusting it."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.common.errors import InputError, StandardError
from boneage_desk.reading.ages import age_months, age_span, corrected_months
from boneage_desk.reading.analysis import Flag, WholeHandOpinion
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.blind import shown
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.interval import bone_age_interval
from boneage_desk.standards import rules, rus_chn
from boneage_desk.standards.types import BoneAge, Qualifier, Sex


@dataclass(frozen=True, slots=True)
class Summary:
    """What the numbers strip shows.

    ``score``/``bone_age``: of the grades in force (person's, else machine's); None when not to be had,
    and then ``why_not`` says why. ``machine_score``/``machine_bone_age``: of the machine's grades alone.
    ``interval_months``: (low, high) around ``bone_age``, from the machine's doubt about each grade and its measured
    error on held-out films (`reading.interval`); None where nothing was measured or the table ends. ``difference_months``: bone age minus
    ``compared_months``, None at a table's end. ``missing``: bones without any grade. ``corrected_months``: the age counted
    from term, None where it is not to be corrected. ``age_span_months``: least and greatest age that an estimated birth
    date allows, of the age in use; None where the date is known. ``rule``: of the conclusion.
    ``flags``: stored flags and those that follow from the facts as they stand.
    """

    score: int | None
    bone_age: BoneAge | None
    interval_months: tuple[float, float] | None
    machine_score: int | None
    machine_bone_age: BoneAge | None
    missing: tuple[str, ...]
    chronological_months: float | None
    difference_months: float | None
    flags: tuple[Flag, ...]
    why_not: str
    corrected_months: float | None = None
    age_span_months: tuple[float, float] | None = None
    rule: rules.Rule = rules.DEFAULT
    interval_open: bool = False
    """The interval's upper end is the table's end: the age may lie beyond it."""

    @property
    def compared_months(self) -> float | None:
        """The age that the bone age is compared with: corrected for a premature birth where that was asked for."""
        return self.chronological_months if self.corrected_months is None else self.corrected_months

    @property
    def change_months(self) -> float | None:
        """Bone age in force minus the machine's, in months; None when either is no point."""
        if self.bone_age is None or self.machine_bone_age is None:
            return None
        if self.bone_age.qualifier or self.machine_bone_age.qualifier:
            return None
        return self.bone_age.months - self.machine_bone_age.months


def summarise(reading: Reading) -> Summary:
    """Scores, bone age, chronological age and flags of the reading's present value; of a blind one (`reading.blind`) what
    may be shown: the machine's grades play no part until they are."""
    reading = shown(reading)
    flags = all_flags(reading)
    final = {f.bone: f.final_grade for f in reading.bones if f.final_grade is not None}
    machine = {f.bone: f.opinion.grade for f in reading.bones if f.opinion is not None}
    missing = tuple(bone for bone in rus_chn.BONES if bone not in final)
    score, age, why_not = _score(reading, final, flags)
    machine_score, machine_age, _ = _score(reading, machine, flags)
    chronological = chronological_months(reading)
    corrected = None if chronological is None else corrected_months(chronological, reading.age_basis)
    compared = chronological if corrected is None else corrected
    difference = None
    if age is not None and compared is not None and age.qualifier is Qualifier.POINT:
        difference = age.months - compared
    interval = _interval(reading, age)
    return Summary(
        score=score,
        bone_age=age,
        interval_months=interval,
        machine_score=machine_score,
        machine_bone_age=machine_age,
        missing=missing,
        chronological_months=chronological,
        difference_months=difference,
        flags=flags,
        why_not=why_not,
        corrected_months=corrected,
        age_span_months=_age_span(reading, chronological, corrected),
        rule=reading.rule,
        interval_open=interval is not None and reading.patient.sex is not None
        and interval[1] >= rus_chn.knots(reading.patient.sex)[-1][0],
    )


def _age_span(reading: Reading, chronological: float | None, corrected: float | None) -> tuple[float, float] | None:
    """Ages that the estimated birth date allows, both corrected where the age is (none below 0, which is term)."""
    birth, on = reading.patient.birth_date, reading.study.study_date
    if chronological is None or birth is None or on is None:
        return None
    span = age_span(birth, on, reading.age_basis.birth_precision)
    if span is None:
        return None
    early = 0.0 if corrected is None else chronological - corrected
    return max(0.0, span[0] - early), span[1] - early


def _score(
    reading: Reading, grades: dict[str, int], flags: tuple[Flag, ...]
) -> tuple[int | None, BoneAge | None, str]:
    blocking = [flag for flag in flags if flag.blocking]
    if blocking:
        return None, None, blocking[0].message
    if not grades:
        return None, None, "Not read yet."
    if reading.patient.sex is None:
        return None, None, "The sex is not known. Boys and girls have tables of their own: choose male or female."
    try:
        score = rus_chn.total_score(grades, reading.patient.sex)
    except StandardError as error:
        return None, None, str(error)
    return score, rus_chn.bone_age(score, reading.patient.sex), ""


def _interval(reading: Reading, age: BoneAge | None) -> tuple[float, float] | None:
    if age is None or reading.interval is None or reading.patient.sex is None:
        return None
    return bone_age_interval(reading.interval, age, reading.patient.sex, reading.bones)


def chronological_months(reading: Reading) -> float | None:
    """Age on the study date in months; None when a date is missing or they contradict."""
    birth, on = reading.patient.birth_date, reading.study.study_date
    if birth is None or on is None:
        return None
    try:
        return age_months(birth, on)
    except InputError:
        return None


_DERIVED = (
    "sex_missing", "birth_date_missing", "birth_after_study", "laterality_unknown", "laterality_conflict",
    "sex_mismatch",
)  # fmt: skip


def sex_mismatch(opinion: WholeHandOpinion, sex: Sex | None) -> Flag | None:
    """The quiet flag of a film that strongly looks like the other sex; it never fills in a missing sex."""
    male, limit = opinion.male_probability, opinion.sex_limit
    if sex is None or male is None or limit is None:
        return None
    other = 1 - male if sex is Sex.MALE else male
    if other < limit:
        return None
    recorded, seen = ("male", "female") if sex is Sex.MALE else ("female", "male")
    text = f"Recorded as {recorded}, but the film looks like a {seen} hand ({other:.0%}). Check the sex: it picks the table."
    return Flag("sex_mismatch", text, engine=opinion.engine)


def all_flags(reading: Reading) -> tuple[Flag, ...]:
    """Stored flags, without those that new facts have settled, and the derived ones."""
    flags = [flag for flag in reading.flags if flag.code not in _DERIVED]
    patient, study = reading.patient, reading.study
    if patient.sex is None:
        recorded = f" (recorded as '{patient.sex_as_recorded}')" if patient.sex_as_recorded else ""
        flags.append(Flag("sex_missing", f"Sex not known{recorded}: no bone age without it."))
    flags += [flag for o in reading.whole_hand if (flag := sex_mismatch(o, patient.sex)) is not None]
    if patient.birth_date is None:
        flags.append(Flag("birth_date_missing", "Birth date not known: no chronological age."))
    elif study.study_date is not None and patient.birth_date > study.study_date:
        flags.append(Flag("birth_after_study", "The birth date lies after the study date: one is wrong."))
    if study.laterality is Laterality.UNKNOWN:
        flags.append(Flag("laterality_unknown", "Side of the hand not recorded."))
    elif reading.hand_mirror and reading.hand_mirror != study.laterality.value:
        side = {"L": "left", "R": "right"}
        flags.append(
            Flag(
                "laterality_conflict",
                f"Recorded as {side[study.laterality.value]} hand, but the thumb's place speaks for a "
                f"{side[reading.hand_mirror]} hand (or a mirrored or AP film). Check the marker.",
            )
        )
    return tuple(flags)


def step_months(reading: Reading, bone: str, step: int) -> float | None:
    """Months by which the bone age would change if ``bone`` went ``step`` grades up or down.

    None when that grade does not exist, no bone age is to be had, or a table's end is touched.
    """
    sex, grade = reading.patient.sex, reading.bone(bone).final_grade
    if sex is None or grade is None or not 0 <= grade + step <= rus_chn.max_grade(bone):
        return None
    grades = {f.bone: f.final_grade for f in reading.bones if f.final_grade is not None}
    if len(grades) < len(rus_chn.BONES):
        return None
    now = rus_chn.bone_age(rus_chn.total_score(grades, sex), sex)
    then = rus_chn.bone_age(rus_chn.total_score({**grades, bone: grade + step}, sex), sex)
    if now.qualifier or then.qualifier:
        return None
    return then.months - now.months


def doubt_months(reading: Reading, bone: str) -> float | None:
    """Months of bone age that the machine's doubt about ``bone`` is worth.

    The mean over its probabilities of how far the bone age would move from the one with its own grade, all
    other bones as they stand. None without an opinion, a sex, or a grade of every bone. Past a table's end the age
    counts as that end.
    """
    opinion, sex = reading.bone(bone).opinion, reading.patient.sex
    grades = {f.bone: f.final_grade for f in reading.bones if f.final_grade is not None}
    if opinion is None or sex is None or len(grades) < len(rus_chn.BONES):
        return None
    others = rus_chn.total_score(grades, sex) - rus_chn.score(bone, grades[bone], sex)
    ages = [rus_chn.bone_age(others + points, sex).months for points in rus_chn.scores(bone, sex)]
    return sum(p * abs(age - ages[opinion.grade]) for p, age in zip(opinion.probabilities, ages, strict=True))
