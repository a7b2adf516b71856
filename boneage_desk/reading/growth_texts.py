"""What is told of a child's growth beside the figures, English (ASCII) and Chinese, by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boneage_desk.standards import rus_chn
from boneage_desk.standards.height_words import LANGUAGES, age_words

_WORDS: Mapping[str, tuple[str, str]] = {
    "height-far": (
        "The height of {on} ({value} cm) is {sds} SD from the median ({reference}): look at the figure, its unit and its day.",
        "{on} 身高（{value} cm）距中位数 {sds} SD（{reference}）：请核对数值、单位与日期。",
    ),
    "weight-far": (
        "The weight of {on} ({value} kg) is {sds} SD from the median ({reference}): look at the figure, its unit and its day.",
        "{on} 体重（{value} kg）距中位数 {sds} SD（{reference}）：请核对数值、单位与日期。",
    ),
    "file-left-out": (
        "The file's height or weight is unlikely for this child and is not used; enter it by hand if it is right.",
        "影像文件所载身高或体重与该儿童不符，未采用；如确属正确请手工输入。",
    ),
    "parents-swapped": (
        "The mother ({mother} cm) is taller than the father ({father} cm): were the two swapped?",
        "母亲（{mother} cm）高于父亲（{father} cm）：是否填反？",
    ),
    "after-study": (
        "The measurement of {on} is later than the film and is not used.", "{on} 的测量晚于影像检查，未采用。",
    ),
    "before-birth": (
        "The measurement of {on} lies before the birth date and is not used.", "{on} 的测量早于出生日期，未采用。",
    ),
    "height-fell": (
        "The height of {on} ({value} cm) is less than that of {earlier} ({before} cm): one of the two is wrong.",
        "{on} 身高（{value} cm）低于 {earlier}（{before} cm）：其中之一有误。",
    ),
    "height-old": (
        "The height was measured {days} days before the film.", "身高测于影像检查前 {days} 天。",
    ),
    "height-too-old": (
        "The last height was measured {days} days before the film: too long ago for a prediction (at most {most}).",
        "最近一次身高测于影像检查前 {days} 天：过久，不用于预测（至多 {most} 天）。",
    ),
    "weight-too-old": (
        "The last weight was measured {days} days before the film: too long ago for a prediction (at most {most}).",
        "最近一次体重测于影像检查前 {days} 天：过久，不用于预测（至多 {most} 天）。",
    ),
    "no-study-date": (
        "The study date is not known: no height can be tied to the film.", "检查日期未知：无法将身高与影像对应。",
    ),
    "no-age": ("No SD score of {on}: the child's age is not known.", "{on} 无 SD 值：生活年龄未知。"),
    "no-sex": ("No SD scores and no prediction: the sex is not known.", "无 SD 值与预测：性别未知。"),
    "outside-reference": (
        "{reference} has no heights at {age}: it goes from {low} to {high}.",
        "{reference} 无 {age} 的身高数据：其范围为 {low} 至 {high}。",
    ),
    "gap-reference": (
        "China 2009 goes over from lying length to standing height between 2 y 6 m and 3 y 0 m; it has no value at {age}.",
        "中国 2009 在 2 岁 6 月至 3 岁 0 月间由卧位身长转为立位身高；{age} 无数据。",
    ),
    "no-weight-reference": ("{reference} has no weights in this program.", "本程序中 {reference} 无体重数据。"),
    "birth-estimated": (
        "The birth date is an estimate; all ages here rest on it.", "出生日期为估计值；此处各年龄均以其为准。",
    ),
    "grade-back": (
        "{bone}: grade {now} on {on}, but {before} on {earlier}. A bone does not go back: one of the two readings is wrong.",
        "{bone}：{on} 为 {now} 级，但 {earlier} 为 {before} 级。骨成熟不会倒退：其中一次判读有误。",
    ),
    "age-back": (
        "The bone age of {on} is lower than that of {earlier}, by {months}: look at both readings.",
        "{on} 骨龄低于 {earlier}，差 {months}：请复核两次判读。",
    ),
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence by its code with the values to fill in; those that begin with '#' are ages in months, with '%' bones."""

    code: str
    values: tuple[tuple[str, str], ...] = ()

    def text(self, language: str = "en") -> str:
        """The sentence in 'en' or 'zh'."""
        filled = {key: _filled(value, language) for key, value in self.values}
        return _WORDS[self.code][LANGUAGES.index(language)].format(**filled)


def _filled(value: str, language: str) -> str:
    if value.startswith("#"):
        return age_words(value, language)
    return rus_chn.bone_name(value[1:], language) if value.startswith("%") else value


def doubt(code: str, **values: object) -> Doubt:
    return Doubt(code, tuple((key, str(value)) for key, value in values.items()))


def doubt_codes() -> tuple[str, ...]:
    """All codes of the table."""
    return tuple(_WORDS)
