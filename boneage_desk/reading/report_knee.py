"""What the report of a knee film says, in English and Chinese, as one frozen value; writers only place it.

Its own section with its own method and limits: nothing of it enters the reading of a hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boneage_desk import __version__
from boneage_desk.common.errors import InputError
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.knee import (
    DRAWN_ONLY,
    GIVEN,
    NO_AGE,
    NO_SEX,
    NOT_SEEN,
    OUTSIDE,
    UNAVAILABLE,
    KneeReading,
)
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_texts import LANGUAGES
from boneage_desk.reading.report_values import Fact, clean

_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("Knee film: bone age by a site's own model", "膝关节片：本院自训模型的骨龄"),
    "state": ("RESEARCH - not verified by a reader", "研究用途 - 未经医师核实"),
    "drawn": (
        "SYNTHETIC FILM: drawn by a program, not of a patient",
        "合成图像：由程序绘制，并非患者影像",
    ),
    "bone_age": ("Bone age (knee)", "骨龄（膝关节）"),
    "none": ("not given", "不予给出"),
    "interval": (
        "{percent} % interval {low} to {high}: the model's error on films held out. It is not the normal range.",
        "{percent}% 区间 {low} 至 {high}：为模型在留出影像上的误差，不是正常值范围。",
    ),
    "no_interval": ("Interval not given: too few films were held out to measure one.", "未给出区间：留出影像过少，无法测得。"),
    "side": ("Side", "侧别"),
    "side.L": ("left knee", "左膝"),
    "side.R": ("right knee", "右膝"),
    "difference": ("Bone age - chron. age", "骨龄与生活年龄之差"),
    "difference.value": ("{months} months", "{months} 个月"),
    "difference.leans": (
        " (the model is told the chronological age and is drawn toward it: the true difference may be larger)",
        "（模型已获知生活年龄并受其影响：真实差异可能更大）",
    ),
    "method": ("Method", "方法"),
    "method.value": (
        "ConvNeXt on the whole AP film, with sex{age}; mean of {folds} networks, each trained without a part of the patients",
        "ConvNeXt 读取整张正位片，并输入性别{age}；取 {folds} 个网络的均值，各网络训练时留出一部分患者",
    ),
    "method.age": (" and chronological age", "与生活年龄"),
    "age_used": ("Chronological age as input", "生活年龄作为输入"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "labels": ("Bone ages it learned from", "训练所用骨龄来源"),
    "trained_on": ("Trained on", "训练数据"),
    "trained_on.site films": ("films of a site", "本院影像"),
    "trained_on.drawn phantoms": ("drawings, for a proof of the program", "程序绘制的图像，仅用于验证程序"),
    "measured": ("Measured", "实测"),
    "measured.value": (
        "mean absolute error {mae} months on {films} films held out; 'bone age = chronological age' errs by {guess}",
        "在 {films} 张留出影像上平均绝对误差 {mae} 个月；若以生活年龄为骨龄，误差为 {guess} 个月",
    ),
    "spread": ("Between its networks", "各网络之间"),
    "spread.value": ("standard deviation {months} months", "标准差 {months} 个月"),
    "model": ("Model", "模型"),
    "software": ("Software", "软件"),
    "read_at": ("Read", "读片时间"),
    "flags": ("Points to check", "需核对事项"),
    "flags.none": ("No flags were raised.", "无提示事项。"),
    "limits": ("Limits", "局限"),
    "limits.text": (
        "A research aid, not a cleared medical device. It is no reading by a standard's table and does not replace a hand film. "
        "The check whether the film is a knee finds gross errors only: a person must look at view, side and joint.",
        "研究辅助工具，不是获批的医疗器械。本结果不依据任何标准图谱或评分表，不能替代手部影像。"
        "膝关节影像检查仅能发现明显错误：体位、侧别与关节须由医师核对。",
    ),
    f"flag.{UNAVAILABLE}": ("", "未安装膝关节模型或模型不可用。软件不附带该模型：须由本院用自己的影像训练，见 docs/knee.md。"),
    f"flag.{NOT_SEEN}": ("", "未作为膝关节片读取：影像与训练影像不符、为负像、为手部或无内容。"),
    f"flag.{DRAWN_ONLY}": ("", "已安装的膝关节模型由绘制图像训练：不对患者影像给出数值。"),
    f"flag.{NO_SEX}": ("", "性别未知，膝关节模型需要性别。"),
    f"flag.{NO_AGE}": ("", "生活年龄未知（出生日期或检查日期），膝关节模型需要该值。"),
    f"flag.{GIVEN}": ("", "部分信息（性别、出生日期、检查日期或侧别）并非来自影像文件，由使用者录入。"),
    f"flag.{OUTSIDE}": ("", "患者年龄超出膝关节模型的训练范围。"),
}


def knee_text(language: str, key: str, /, **values: object) -> str:
    """The words of ``key`` in 'en' or 'zh'; KeyError for an unknown key."""
    template = _TEXTS[key][LANGUAGES.index(language)]
    return template.format(**values) if values else template


def knee_keys() -> tuple[str, ...]:
    """All keys of the table."""
    return tuple(_TEXTS)


@dataclass(frozen=True, slots=True)
class KneeReport:
    """All that the knee report says, in order. ``note`` belongs to the headline; flags: (words, blocking)."""

    language: str
    title: str
    state: str
    site: str
    notices: tuple[str, ...]
    patient: tuple[Fact, ...]
    headline: Fact
    note: str
    results: tuple[Fact, ...]
    flags_title: str
    flags: tuple[tuple[str, bool], ...]
    flags_none: str
    limits_title: str
    limits: tuple[str, ...]
    provenance: tuple[Fact, ...]


def knee_report(reading: KneeReading, *, language: str = "en", site_name: str = "") -> KneeReport:
    """The report of a knee reading. Raises InputError for an unknown language."""
    if language not in LANGUAGES:
        raise InputError(f"No report in language '{language}'.", f"Use one of: {', '.join(LANGUAGES)}.")
    words, result = Words(language), reading.result

    def say(key: str, **values: object) -> str:
        return knee_text(language, key, **values)

    return KneeReport(
        language=language,
        title=say("title"),
        state=say("state"),
        site=clean(site_name),
        notices=(say("drawn"),) if reading.question.drawn else (),
        patient=_patient(reading, words),
        headline=_headline(reading, words),
        note=_note(reading, words),
        results=_results(reading, words),
        flags_title=say("flags"),
        flags=tuple((_flag(language, flag.code, flag.message), flag.blocking) for flag in result.flags),
        flags_none=say("flags.none"),
        limits_title=say("limits"),
        limits=(say("limits.text"), *(clean(text) for text in (result.model.limits if result.model else ()))),
        provenance=_provenance(reading, words),
    )


def _headline(reading: KneeReading, words: Words) -> Fact:
    label, months = knee_text(words.language, "bone_age"), reading.result.months
    if months is None:
        return Fact("bone_age", label, knee_text(words.language, "none"), known=False)
    return Fact("bone_age", label, words.years_months(months))


def _flag(language: str, code: str, message: str) -> str:
    known = _TEXTS.get(f"flag.{code}", ("", ""))[LANGUAGES.index(language)]
    return known or clean(message)


def _note(reading: KneeReading, words: Words) -> str:
    result, language = reading.result, words.language
    if result.months is None:
        blocking = next(flag for flag in result.flags if flag.blocking)
        return _flag(language, blocking.code, blocking.message)
    if result.interval_months is None:
        return knee_text(language, "no_interval")
    low, high = (words.years_months(v) for v in result.interval_months)
    return knee_text(language, "interval", percent=f"{result.interval_coverage * 100:.0f}", low=low, high=high)


def _patient(reading: KneeReading, words: Words) -> tuple[Fact, ...]:
    film, asked = reading.film, reading.question
    patient, study = film.patient, film.study
    months = asked.chronological_months
    side = "" if study.laterality is Laterality.UNKNOWN else knee_text(words.language, f"side.{study.laterality.value}")
    return (
        words.fact("name", clean(patient.display_name)),
        words.fact("patient_id", clean(patient.patient_id)),
        words.fact("sex", "" if asked.sex is None else words(f"sex.{asked.sex.value}")),
        words.fact("birth_date", patient.birth_date.isoformat() if patient.birth_date else ""),
        words.fact("chronological", "" if months is None else f"{words.years_months(months)} ({words('months', months=f'{months:.1f}')})"),
        words.fact("study_date", study.study_date.isoformat() if study.study_date else ""),
        words.fact("accession", clean(study.accession)),
        words.fact("view", clean(study.view)),
        Fact("side", knee_text(words.language, "side"), side or words("not_recorded"), bool(side)),
        words.fact("institution", clean(study.institution)),
    )


def _results(reading: KneeReading, words: Words) -> tuple[Fact, ...]:
    result, language = reading.result, words.language
    model = result.model

    def fact(key: str, value: str) -> Fact:
        return Fact(key, knee_text(language, key), value)

    facts = []
    age = reading.question.chronological_months
    if result.months is not None and age is not None:
        value = knee_text(language, "difference.value", months=f"{result.months - age:+.1f}")
        leans = knee_text(language, "difference.leans") if model is not None and model.uses_chronological_age else ""
        facts.append(fact("difference", value + leans))
    if model is None:
        return tuple(facts)
    told = knee_text(language, "method.age") if model.uses_chronological_age else ""
    facts.append(fact("method", knee_text(language, "method.value", age=told, folds=model.folds)))
    facts.append(fact("age_used", knee_text(language, "yes" if model.uses_chronological_age else "no")))
    known = f"trained_on.{model.trained_on}"
    facts.append(fact("trained_on", knee_text(language, known) if known in _TEXTS else clean(model.trained_on)))
    facts.append(fact("labels", clean(model.labels)))
    m = model.measured
    if {"mae_months", "films", "guess_mae_months"} <= m.keys():
        said = {"mae": f"{m['mae_months']:.1f}", "films": f"{m['films']:.0f}", "guess": f"{m['guess_mae_months']:.1f}"}
        facts.append(fact("measured", knee_text(language, "measured.value", **said)))
    if result.spread_months is not None:
        facts.append(fact("spread", knee_text(language, "spread.value", months=f"{result.spread_months:.1f}")))
    return tuple(facts)


def _provenance(reading: KneeReading, words: Words) -> tuple[Fact, ...]:
    model, source = reading.result.model, reading.film.source
    ref = f"{clean(model.ref.name)} {clean(model.ref.tag)} @ {clean(model.ref.sha256)[:12]}" if model else words("none")
    return (
        Fact("model", knee_text(words.language, "model"), ref, model is not None),
        Fact("film", words("film_hash"), f"{source.sha256[:16]}..."),
        Fact("software", knee_text(words.language, "software"), f"BoneAge Desk {__version__}"),
        Fact("read_at", knee_text(words.language, "read_at"), words.moment(reading.read_at)),
    )
