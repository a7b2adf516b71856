"""The report's detail page as values: each bone with what was measured on it, beside the grades."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from boneage_desk.reading.angles import angle_of
from boneage_desk.reading.evidence import TRUSTED, Evidence, Point, contradiction, evidence_words
from boneage_desk.reading.findings import BoneFinding, Box
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_standards import StandardsBlock, standards_block
from boneage_desk.reading.report_values import BoneRow, clean
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary, summarise


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One bone of the detail page: the row of the first page's table and, in words, what was measured.

    ``against``: what of it speaks against the final grade, else ''. ``reason``: of a changed grade, in the reader's
    words. ``box``: the box in force, cut out turned by ``angle_deg`` so that distal is up. ``epiphysis``, ``shaft``:
    where the widths were taken, ends in film pixels.
    """

    row: BoneRow
    measured: str
    known: bool
    against: str
    reason: str
    box: Box | None
    angle_deg: float
    epiphysis: tuple[Point, Point] | None = None
    shaft: tuple[Point, Point] | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """The detail page: its rows and words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[DetailRow, ...]
    legend: str
    against_label: str
    reason_label: str
    no_box: str
    standards: StandardsBlock | None = None
    """The same reading by all standards."""

    @property
    def against(self) -> tuple[DetailRow, ...]:
        """The rows whose measurement speaks against the final grade."""
        return tuple(row for row in self.rows if row.against)


def detail(
    reading: Reading, rows: Sequence[BoneRow], words: Words, summary: Summary | None = None
) -> Detail | None:
    """The detail page of a reading; ``summary`` is worked out when not given; None where no bone has a box or a grade yet."""
    if all(finding.box is None and finding.final_grade is None for finding in reading.bones):
        return None
    return Detail(
        title=words("detail"),
        columns=tuple(words(f"col.{key}") for key in ("bone", "machine", "probability", "human", "final", "measured")),
        rows=tuple(_row(finding, row, reading, words) for finding, row in zip(reading.bones, rows, strict=True)),
        legend=words("detail.legend"),
        against_label=words("detail.against"),
        reason_label=words("detail.reason"),
        no_box=words("detail.no_box"),
        standards=standards_block(reading, summarise(reading) if summary is None else summary, words),
    )


def _row(finding: BoneFinding, row: BoneRow, reading: Reading, words: Words) -> DetailRow:
    evidence, final = finding.evidence, finding.final_grade
    trusted = evidence is not None and evidence.quality >= TRUSTED
    return DetailRow(
        row=row,
        measured=_measured(evidence, words),
        known=trusted,
        against=translated(contradiction(evidence, final), words) if evidence is not None and final is not None else "",
        reason=clean(finding.comment),
        box=finding.box,
        angle_deg=angle_of(reading, finding.bone),
        epiphysis=evidence.epiphysis_line if evidence is not None and trusted else None,
        shaft=evidence.metaphysis_line if evidence is not None and trusted else None,
    )


def _measured(evidence: Evidence | None, words: Words) -> str:
    if evidence is None:
        return words("detail.not_measured")
    return words("join").join(translated(phrase, words) for phrase in evidence_words(evidence))


# --- the words of reading.evidence in Chinese -----------------------------------------------------
_PARTS = {"thumb": "拇指侧", "little finger": "小指侧", "half": "1/2"}
_CHINESE: tuple[tuple[str, str], ...] = (
    (r"not measured: the outline is unclear", "未测量：轮廓不清"),
    (r"no ossification centre seen", "未见骨化中心"),
    (r"nothing could be measured", "无法测量"),
    (r"less than half the shaft \((.+)\)", "不足干骺端宽度的一半（{0}）"),
    (r"half the shaft or more \((.+)\)", "达干骺端宽度的一半或以上（{0}）"),
    (r"as wide as the shaft \((.+)\)", "与干骺端等宽（{0}）"),
    (r"wider than the shaft \((.+)\)", "宽于干骺端（{0}）"),
    (r"no gap to the shaft is left", "与骨干间已无间隙"),
    (r"gap closed over about (.+) of the width", "约 {0} 宽度内间隙已闭合"),
    (r"caps the shaft on both sides", "两侧覆盖骨干"),
    (r"caps the shaft on the (.+) side", "{0}覆盖骨干"),
    (r"overlaps the shaft", "与骨干重叠"),
    (r"touches the shaft in places", "与骨干部分相接"),
    (r"gap (\S+) of the shaft's width", "间隙为干骺端宽度的 {0}"),
    (r"No ossification centre is seen; grade (\S+) has one\.", "未见骨化中心；等级 {0} 应有。"),
    (r"An ossification centre is seen; grade 0 has none\.", "可见骨化中心；等级 0 应无。"),
    (r"The gap to the shaft is open over (\d+) % of the width; grade (\S+) is fused in part\.",
     "{0}% 的宽度内仍有间隙；等级 {1} 为部分融合。"),
    (r"The gap to the shaft is open over (\d+) % of the width; grade (\S+) is fused\.",
     "{0}% 的宽度内仍有间隙；等级 {1} 为完全融合。"),
    (r"No gap to the shaft is left over (\d+) % of the width; grade (\S+) comes before fusion\.",
     "{0}% 的宽度内已无间隙；等级 {1} 在融合之前。"),
    (r"The epiphysis measures (\S+) of the shaft's width; grade (\S+) asks for the full width\.",
     "骨骺宽度为干骺端的 {0}；等级 {1} 要求等宽。"),
    (r"The epiphysis measures (\S+) of the shaft's width; grade (\S+) asks for half or more\.",
     "骨骺宽度为干骺端的 {0}；等级 {1} 要求一半或以上。"),
    (r"The epiphysis measures (\S+) of the shaft's width, more than half; grade (\S+) is narrower\.",
     "骨骺宽度为干骺端的 {0}，超过一半；等级 {1} 较窄。"),
    (r"The epiphysis caps the shaft on neither side; grade (\S+) caps it\.",
     "骨骺两侧均未覆盖骨干；等级 {0} 要求覆盖。"),
    (r"The epiphysis caps the shaft on both sides; grade (\S+) comes before\.",
     "骨骺两侧均已覆盖骨干；等级 {0} 在此之前。"),
)  # fmt: skip


def translated(phrase: str, words: Words) -> str:
    """A phrase of `reading.evidence` in the report's language; its own where this language has no words for it."""
    if words.language != "zh":
        return phrase
    for pattern, template in _CHINESE:
        found = re.fullmatch(pattern, phrase)
        if found:
            return template.format(*(_PARTS.get(part, part) for part in found.groups()))
    return phrase
