"""What there is to say of a height prediction, English (ASCII) and Chinese, by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boneage_desk.standards.types import years_months

LANGUAGES = ("en", "zh")

NAMES: Mapping[str, tuple[str, str]] = {
    "bayley-pinneau": ("Bayley-Pinneau 1952", "Bayley-Pinneau 1952"),
    "rwt-1975": ("Roche-Wainer-Thissen 1975", "Roche-Wainer-Thissen 1975"),
    "rwt-1993": ("Roche-Wainer-Thissen, amended 1993", "Roche-Wainer-Thissen（1993 修订）"),
    "tw-mark-1": ("Tanner-Whitehouse Mark I 1975", "Tanner-Whitehouse Mark I 1975"),
    "tw-mark-1-parents": ("Tanner-Whitehouse Mark I, with parents", "Tanner-Whitehouse Mark I（含父母身高）"),
    "mid-parental": ("Mid-parental height (Tanner)", "父母中值身高（Tanner）"),
    "mid-parental-chinese": ("Mid-parental height, Chinese (CMH-C)", "父母中值身高（中国 CMH-C）"),
}
"""Names of the methods by id, in the order in which they are shown."""

_WORDS: Mapping[str, tuple[str, str]] = {
    # what a method lacks
    "missing": ("needs {what}", "需要{what}"),
    "what.height": ("the height", "身高"),
    "what.weight": ("the weight", "体重"),
    "what.father": ("the father's height", "父亲身高"),
    "what.mother": ("the mother's height", "母亲身高"),
    "what.ca": ("the chronological age", "生活年龄"),
    "what.gp": ("a Greulich-Pyle bone age", "Greulich-Pyle 骨龄"),
    "what.tw2": ("a TW2 RUS bone age", "TW2 RUS 骨龄"),
    "what.menarche": ("whether menarche has been", "是否已初潮"),
    "join": (", ", "、"),
    "only": ("; at hand is only {ages}, which its figures are not made for", "；现有仅 {ages}，该方法的数据不适用"),
    "bound.gp": ("the Greulich-Pyle bone age is only a bound ({age})", "Greulich-Pyle 骨龄仅为界限（{age}）"),
    "bound.tw2": ("the TW2 RUS bone age is only a bound ({age})", "TW2 RUS 骨龄仅为界限（{age}）"),
    "outside.bp": (
        "its table for {column} bone ages goes from {low} to {high} of bone age; this is {age}",
        "其{column}表的骨龄范围为 {low} 至 {high}；本例为 {age}",
    ),
    "no-table.bp": (
        "there is no table for boys whose bone age is a year or more behind from 13 y 0 m on",
        "骨龄落后 1 岁及以上的男孩，13 岁 0 月之后没有表",
    ),
    "outside.age": ("its table goes from {low} to {high} of age; this is {age}", "其表的年龄范围为 {low} 至 {high}；本例为 {age}"),
    "mature": (
        "more than half of the bones are mature ({share}), for which the equation does not hold",
        "超过一半的骨已成熟（{share}），方程不适用",
    ),
    "below-present": (
        "the equation gives {cm} cm, less than the present height: it does not fit this child",
        "方程得出 {cm} cm，低于现身高：不适用于该儿童",
    ),
    # what it was made of
    "column.average": ("average", "平均型"),
    "column.accelerated": ("accelerated", "早熟型"),
    "column.retarded": ("retarded", "晚熟型"),
    "basis.bp": ("{percent} % of adult height at bone age {age} ({source}), table '{column}'",
                 "骨龄 {age}（{source}）对应成年身高的 {percent} %，{column}表"),
    "basis.rwt": ("bone age {age} ({source}), weight {weight} kg, mid-parent {mid} cm",
                  "骨龄 {age}（{source}），体重 {weight} kg，父母平均 {mid} cm"),
    "basis.tw": ("TW2 RUS bone age {age} ({source})", "TW2 RUS 骨龄 {age}（{source}）"),
    "basis.tw-no-age": ("at this age the equation takes no bone age", "该年龄段方程不使用骨龄"),
    "basis.parents": ("father {father} cm, mother {mother} cm", "父亲 {father} cm，母亲 {mother} cm"),
    "source.gp": ("Greulich-Pyle", "Greulich-Pyle"),
    "source.atlas": ("Greulich-Pyle, the reader's", "Greulich-Pyle，医师判读"),
    "source.whole-hand": ("Greulich-Pyle, whole-hand model", "Greulich-Pyle，全手模型"),
    "source.tw2": ("TW2 RUS", "TW2 RUS"),
    "source.grades": ("from the 13 grades by their TW3 stages", "由 13 块骨等级经 TW3 分期换算"),
    # how far off
    "error.bp": ("+-2 SD of the paper's validation sample at this age", "论文验证样本该年龄的 ±2 SD"),
    "error.bp-none": ("the paper gives no error at this age (8 to 16 y only)", "论文未给出该年龄的误差（仅 8 至 16 岁）"),
    "error.rwt-1975": ("error at this age is not in our tables (paper's example, boy 6 y 3 m: +-4.7 cm in 90 %)",
                       "本程序表中无该年龄误差（论文示例，男孩 6 岁 3 月：90 % 为 ±4.7 cm）"),
    "error.rwt-1993": ("the paper's error is not in our tables", "本程序表中无论文误差"),
    "error.tw": ("+-2 residual SD of the paper", "论文残差的 ±2 SD"),
    "error.mid": ("+-8.5 cm, about 2 SD (P3 to P97 of the family)", "±8.5 cm，约 2 SD（家庭 P3 至 P97）"),
    "error.cmh-c": ("no error was published", "未公布误差"),
    # limits
    "limit.healthy": (
        "for healthy untreated children; not with precocious puberty, endocrine disease or dysplasia",
        "适用于健康未治疗儿童；不适用于性早熟、内分泌疾病或骨发育不良",
    ),
    "limit.far": (
        "bone age and age are {apart} apart: hardly a child that the method was made with",
        "骨龄与生活年龄相差 {apart}：该方法的样本几乎不含此类儿童",
    ),
    "limit.length": ("recumbent length taken as standing height + 1.25 cm, as the paper allows",
                     "按论文规定，以身高 + 1.25 cm 代替卧位身长"),
    "limit.gp-median": (
        "the paper asks for the median of bone-specific Greulich-Pyle ages; one age of the whole hand is used",
        "论文要求各骨 Greulich-Pyle 骨龄的中位数；此处使用全手骨龄",
    ),
    "limit.cell": ("a figure of its table near this age is in doubt", "该年龄附近的表值存疑"),
    "limit.tw2": (
        "TW3 and RUS-CHN bone ages are not TW2 ages and must not stand in",
        "TW3 与 RUS-CHN 骨龄不是 TW2 骨龄，不可代用",
    ),
    "limit.tw2-one-source": ("TW2 RUS ages are from one source", "TW2 RUS 骨龄仅一个来源"),
    "limit.allowance": ("the error is that without parents", "误差为不含父母身高时的误差"),
    "limit.family": ("says nothing of the child's own growth", "不反映儿童自身生长"),
    "limit.one-source": ("one source only (vendor's text)", "仅一个来源（厂商资料）"),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence by its code with the values to fill in; values that begin with '@' are codes themselves, those that begin
    with '#' are ages in months ('#>=216')."""

    code: str
    values: tuple[tuple[str, str], ...] = ()

    def text(self, language: str = "en") -> str:
        """The sentence in 'en' or 'zh'."""
        return say(self.code, language, **dict(self.values))


def remark(code: str, **values: object) -> Remark:
    return Remark(code, tuple((key, str(value)) for key, value in values.items()))


def say(code: str, language: str = "en", **values: str) -> str:
    """The words of ``code``; KeyError for one that is not in the table."""
    at = LANGUAGES.index(language)
    filled = {key: _filled(value, language) for key, value in values.items()}
    return _WORDS[code][at].format(**filled)


def _filled(value: str, language: str) -> str:
    if value.startswith("#"):
        return age_words(value, language)
    if not value.startswith("@"):
        return value
    return say("join", language).join(say(code.removeprefix("@"), language) for code in value.split(" "))


def age_words(value: str, language: str = "en") -> str:
    """'#126' as '10 y 6 m' or '10 岁 6 月', '#>=216' with its sign."""
    sign = next((one for one in (">=", "<") if value[1:].startswith(one)), "")
    told = years_months(float(value[1 + len(sign) :]))
    if language == "zh":
        told = told.replace(" y ", " 岁 ").replace(" m", " 月")
    return f"{sign} {told}" if sign else told


def codes() -> tuple[str, ...]:
    """All codes of the table."""
    return tuple(_WORDS)
