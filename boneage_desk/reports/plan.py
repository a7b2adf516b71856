"""The page as planned: every text broken into lines at one scale, and the height of every block.

Where the page does not fit, everything shrinks; where the smallest size does not do, the longest texts
are cut and say so (:func:`fitted`); a person's words in a signed report never are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from boneage_desk.common.errors import InputError
from boneage_desk.reading.report_content import FlagLine, ReportContent
from boneage_desk.reading.report_values import Fact
from boneage_desk.reports import fonts, table

SCALES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
LIMITS = (4000, 1200, 600, 300, 160, 90, 50)
FILM_SHARE = 0.47
LEAST_FILM = 150.0
SEAL_HIGH, SEAL_WIDE = 46.0, 250.0
"""Size in points of the place of a visible signature at the foot of a signed page; nothing is drawn there but the seal."""
LOGO_HIGH, LOGO_WIDE = 40.0, 130.0


@dataclass(slots=True)
class Plan:
    """Wrapped lines of every block at one scale, and the height of each."""

    content: ReportContent
    scale: float
    wide: float
    logo: tuple[float, float] = (0.0, 0.0)
    """Width and height of the logo's pixels, 0 without one."""
    comparison: list[list[str]] = field(default_factory=list)
    addenda: list[tuple[str, bool]] = field(default_factory=list)
    """Lines, and whether one is a heading."""
    patient: list[list[str]] = field(default_factory=list)
    examination: list[list[str]] = field(default_factory=list)
    results: list[list[str]] = field(default_factory=list)
    note: list[str] = field(default_factory=list)
    impression: list[str] = field(default_factory=list)
    flags: list[list[str]] = field(default_factory=list)
    provenance: list[list[str]] = field(default_factory=list)
    legend: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    rows: table.TablePlan | None = None

    # sizes ------------------------------------------------------------------------------------
    @property
    def body(self) -> float:
        return 8.6 * self.scale

    @property
    def small(self) -> float:
        return 6.8 * self.scale

    @property
    def gap(self) -> float:
        return 7.0 * self.scale

    @property
    def half(self) -> float:
        return (self.wide - 14) / 2

    @property
    def label_wide(self) -> float:
        facts = (*self.content.patient, *self.content.examination)
        return max(fonts.width(fact.label, self.small) for fact in facts) + 6

    @property
    def result_left(self) -> float:
        return self.wide * 0.36

    @property
    def result_label(self) -> float:
        return max(fonts.width(fact.label, self.small) for fact in self.content.results) + 6

    @property
    def film_wide(self) -> float:
        return self.wide * FILM_SHARE

    @property
    def table_wide(self) -> float:
        return self.wide * (1 - FILM_SHARE) - 12

    def line(self, size: float) -> float:
        return size * fonts.LEADING

    # heights ----------------------------------------------------------------------------------
    @property
    def header_high(self) -> float:
        return max(self.name_high, self.logo_size[1]) + self.notices_high + self.gap

    @property
    def name_high(self) -> float:
        """Title, site, and the site's lines."""
        lines = len(self.content.header) * self.line(self.small)
        return (31 if self.content.site else 24) * self.scale + lines

    @property
    def notices_high(self) -> float:
        return len(self.content.notices) * self.line(self.body)

    @property
    def logo_size(self) -> tuple[float, float]:
        """In points on the page; (0, 0) without a logo."""
        if not self.logo[0]:
            return 0.0, 0.0
        share = min(LOGO_WIDE / self.logo[0], LOGO_HIGH / self.logo[1]) * self.scale
        return self.logo[0] * share, self.logo[1] * share

    @property
    def name_left(self) -> float:
        """How far title and site stand to the right, for the logo."""
        return self.logo_size[0] + 10 if self.logo[0] else 0.0

    @property
    def comparison_high(self) -> float:
        lines = sum(len(lines) for lines in self.comparison)
        return (lines + 1) * self.line(self.body) + self.gap if lines else 0.0

    @property
    def addenda_high(self) -> float:
        return (len(self.addenda) + 1) * self.line(self.body) + self.gap if self.addenda else 0.0

    @property
    def prior_label(self) -> float:
        return max((fonts.width(fact.label, self.body) for fact in self.content.comparison), default=0.0) + 8

    @property
    def facts_high(self) -> float:
        rows = max(len(self.patient), len(self.examination))
        return sum(self.fact_row_high(i) for i in range(rows)) + self.gap

    def fact_row_high(self, i: int) -> float:
        sides = [side[i] for side in (self.patient, self.examination) if i < len(side)]
        return max(len(lines) for lines in sides) * self.line(self.body) + 1.5 * self.scale

    @property
    def result_high(self) -> float:
        left = 44 * self.scale + len(self.note) * self.line(self.small * 1.08)
        right = sum(len(lines) for lines in self.results) * self.line(self.body) + 1
        return max(left, right) + 12 * self.scale

    @property
    def words_high(self) -> float:
        """Comparison, impression, flags, addenda."""
        flags = sum(len(lines) for lines in self.flags) or 1
        lines = len(self.impression) + flags + 2
        return lines * self.line(self.body) + 2 * self.gap + self.comparison_high + self.addenda_high

    @property
    def provenance_high(self) -> float:
        lines = sum(len(lines) for lines in self.provenance)
        return lines * self.line(self.small) + 1.6 * self.gap + self.sign_high

    @property
    def legend_high(self) -> float:
        return len(self.legend) * self.line(self.small) + self.gap * 0.4

    @property
    def sign_high(self) -> float:
        return 22 * self.scale if self.content.sign else 0.0

    @property
    def footer_high(self) -> float:
        return (len(self.limits) + len(self.content.footer)) * self.line(self.small) + 8

    @property
    def seal_high(self) -> float:
        return SEAL_HIGH + 6 if self.content.signed else 0.0

    @property
    def fixed_high(self) -> float:
        """Everything but film and table."""
        return (
            self.header_high
            + self.facts_high
            + self.result_high
            + self.gap
            + self.words_high
            + self.legend_high
            + self.provenance_high
            + self.footer_high
            + self.seal_high
        )

    @property
    def middle_least(self) -> float:
        """The least height for film and table."""
        assert self.rows is not None
        return max(self.rows.least_high, LEAST_FILM) + self.gap


def plan(
    content: ReportContent, wide: float, scale: float, trimmed: bool = False, logo: tuple[float, float] = (0.0, 0.0)
) -> Plan:
    """Break every text of the page into lines at one scale."""
    made = Plan(content, scale, wide, logo)
    made.comparison = [fonts.wrap(fact.value, made.body, wide - made.prior_label) for fact in content.comparison]
    for one in content.addenda:
        for text, bold in ((one.heading, True), (one.text, False)):
            made.addenda += [(line, bold) for line in fonts.wrap(text, made.body, wide, bold)]
    value_wide = made.half - made.label_wide
    made.patient = [_wrapped(fact, made.body, value_wide) for fact in content.patient]
    made.examination = [_wrapped(fact, made.body, value_wide) for fact in content.examination]
    made.note = fonts.wrap(content.note, made.small * 1.08, made.result_left - 20)
    room = made.wide - made.result_left - made.result_label - 10
    made.results = [fonts.wrap(fact.value, made.body, room) for fact in content.results]
    made.impression = fonts.wrap(content.impression, made.body, wide)
    made.flags = [fonts.wrap(flag.text, made.body, wide - 9, flag.blocking) for flag in content.flags]
    room = wide - max(fonts.width(fact.label, made.small) for fact in content.provenance) - 6
    made.provenance = [fonts.wrap(fact.value, made.small, room) for fact in content.provenance]
    said = [content.legend, content.film_caption, content.film_trimmed if trimmed else ""]
    made.legend = fonts.wrap(_side_by_side(said), made.small, wide)
    made.limits = fonts.wrap(content.limits, made.small * 1.1, wide)
    made.rows = table.plan(content, made.table_wide, scale)
    return made


def _side_by_side(texts: list[str]) -> str:
    """The texts on one line; of texts in two languages all first lines on the first, all second ones on the second."""
    parts = [text.split("\n") for text in texts if text]
    return "\n".join(" ".join(part[i] for part in parts if i < len(part)) for i in range(max(map(len, parts))))


def _wrapped(fact: Fact, size: float, room: float) -> list[str]:
    return fonts.wrap(fact.value, size, room, bold=fact.key == "name" and fact.known)


def fitted(
    content: ReportContent, wide: float, high: float, trimmed: bool = False, logo: tuple[float, float] = (0.0, 0.0)
) -> Plan:
    """The plan of the largest scale that fits; texts are cut only where the smallest does not.

    Raises InputError 'too-long' for a report that is signed and has no room for what a person wrote: nothing of that is cut.
    """
    for limit in LIMITS:
        short = shortened(content, limit)
        for scale in SCALES:
            made = plan(short, wide, scale, trimmed, logo)
            if made.fixed_high + made.middle_least <= high:
                return made
    if content.signed:
        raise _too_long(content)
    return made


def _too_long(content: ReportContent) -> InputError:
    """Says how long what a person wrote is; the longest of it first."""
    parts = {
        "the impression": len(content.impression) if content.impression_written else 0,
        "the bones' reasons": sum(len(row.note) for row in content.bones),
        "doubts with their answers": sum(len(flag.text) for flag in content.flags),
        "the results' comments": sum(len(fact.value) for fact in content.results),
    }
    said = ", ".join(f"{name} ({parts[name]})" for name in sorted(parts, key=lambda name: -parts[name]) if parts[name])
    return InputError(
        f"What is to be signed has no room on the report's page. Characters: {said}.",
        "Reopen the reading and shorten the longest of these; nothing that is signed is cut.", code="too-long",
    )  # fmt: skip


def shortened(content: ReportContent, limit: int) -> ReportContent:
    """No text of a file or person longer than ``limit`` characters (impression: four times that); of a signed report the
    person's words stay whole, with the lines that they stand in."""
    signed = bool(content.signed)

    def cut(text: str, most: int = limit) -> str:
        return text if len(text) <= most else text[:most].rstrip() + content.cut_mark

    def facts(given: tuple[Fact, ...]) -> tuple[Fact, ...]:
        return tuple(dataclasses.replace(fact, value=cut(fact.value)) for fact in given)

    flags = content.flags if signed else tuple(FlagLine(cut(flag.text), flag.blocking) for flag in content.flags)
    most = max(3, limit // 60)
    if len(flags) > most and not signed:
        flags = (*flags[:most], FlagLine(f"+ {len(flags) - most} {content.cut_mark}", False))
    return dataclasses.replace(
        content,
        site=cut(content.site),
        header=content.header[: max(2, limit // 60)],
        footer=content.footer[: max(2, limit // 60)],
        comparison=facts(content.comparison),
        addenda=tuple(dataclasses.replace(one, text=cut(one.text, limit * 4)) for one in content.addenda),
        patient=facts(content.patient),
        examination=facts(content.examination),
        results=content.results if signed else facts(content.results),
        note=cut(content.note, max(limit, 160)),
        impression=content.impression if signed else cut(content.impression, limit * 4),
        flags=flags,
        bones=content.bones if signed else tuple(dataclasses.replace(row, note=cut(row.note)) for row in content.bones),
        provenance=facts(content.provenance),
    )
