"""The report as plain text, for a RIS."""

from __future__ import annotations

import unicodedata

from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_detail import Detail
from boneage_desk.reading.report_growth import GrowthReport
from boneage_desk.reading.report_standards import StandardsBlock
from boneage_desk.reading.report_values import Fact


def plain_text(content: ReportContent) -> str:
    """The report as text for a RIS; columns are padded with spaces, lines end with a newline."""
    lines = [*content.title.upper().split("\n"), *([content.site] if content.site else []), *content.header]
    said = (content.state_text, *content.notices)
    lines += [f"*** {line} ***" for text in said for line in text.split("\n")]
    for title, facts in (
        (content.patient_title, content.patient),
        (content.examination_title, content.examination),
    ):
        lines += ["", title.upper(), *_fact_lines(facts)]
    months = f" ({content.headline_months})" if content.headline_months else ""
    lines += ["", f"{content.headline.label.upper()}: {content.headline.value}{months}", content.note]
    lines += _fact_lines(content.results)
    if content.comparison:
        lines += ["", content.comparison_title.upper(), *_fact_lines(content.comparison)]
    lines += ["", content.impression_title.upper(), content.impression, "", content.flags_title.upper()]
    lines += [f"- {flag.text}" for flag in content.flags] or [content.flags_none]
    lines += ["", content.bones_title.upper(), *_bone_lines(content), content.legend]
    if content.detail is not None:
        lines += ["", content.detail.title.upper(), *_detail_lines(content.detail)]
        if content.detail.standards is not None:
            lines += ["", content.detail.standards.title.upper(), *_standards_lines(content.detail.standards)]
    if content.growth is not None:
        lines += ["", content.growth.title.upper(), *_growth_lines(content.growth)]
    if content.signed:
        lines += ["", content.signed]
    if content.addenda:
        lines += ["", content.addenda_title.upper()]
        lines += [line for one in content.addenda for line in (one.heading, one.text)]
    lines += ["", content.provenance_title.upper(), *_fact_lines(content.provenance), "", content.limits]
    lines += content.footer
    return "\n".join(lines) + "\n"


def _fact_lines(facts: tuple[Fact, ...]) -> list[str]:
    wide = max((_columns(fact.label) for fact in facts), default=0)
    lines = []
    for fact in facts:
        first, *more = fact.value.split("\n")
        lines += [f"{_pad(fact.label + ':', wide + 1)} {first}", *(" " * (wide + 2) + line for line in more)]
    return lines


def _bone_lines(content: ReportContent) -> list[str]:
    titles = tuple(column.replace("\n", " ") for column in content.columns)
    table = [titles, *((f"{row.name} ({row.code})", *row.cells) for row in content.bones)]
    table.append((content.total[0], "", "", "", "", content.total[1]))
    widths = [max(_columns(line[i]) for line in table) for i in range(len(content.columns))]
    lines = ["  ".join(_pad(cell, widths[i]) for i, cell in enumerate(line)).rstrip() for line in table]
    notes = {i + 1: row.note for i, row in enumerate(content.bones) if row.note}
    return [f"{line}  {' '.join(notes[i].split(chr(10)))}" if i in notes else line for i, line in enumerate(lines)]


def _detail_lines(detail: Detail) -> list[str]:
    names = [f"{row.row.name} ({row.row.code}):" for row in detail.rows]
    wide = max(_columns(name) for name in names)
    lines = []
    for name, row in zip(names, detail.rows, strict=True):
        first, *more = row.measured.split("\n")
        lines += [f"{_pad(name, wide)} {first}", *(" " * (wide + 1) + line for line in more)]
        lines += [" " * (wide + 1) + detail.against_label + " ".join(row.against.split("\n"))] if row.against else []
    return lines


def _standards_lines(block: StandardsBlock) -> list[str]:
    cells = [block.columns, *((row.name, row.score, row.bone_age, row.difference) for row in block.rows)]
    table = [[" ".join(cell.split("\n")) for cell in line] for line in cells]
    widths = [max(_columns(line[i]) for line in table) for i in range(len(block.columns))]
    lines = ["  ".join(_pad(cell, widths[i]) for i, cell in enumerate(line)).rstrip() for line in table]
    return lines + [line for note in block.notes for line in note.split("\n")]


def _growth_lines(growth: GrowthReport) -> list[str]:
    lines = [*_fact_lines(growth.facts), "", growth.table_title] if growth.measured else []
    for row in growth.rows if growth.measured else ():
        figures = f"{row.cm} cm ({row.span})" if row.known and row.span != "-" else f"{row.cm} cm" if row.known else "-"
        lines += _fact_lines((Fact("method", row.name.replace("\n", " / "), f"{figures}\n{row.basis}"),))
    lines += [f"- {text}" for text in growth.doubts]
    if growth.visits is not None:
        visits = growth.visits
        lines += ["", visits.title, *("  ".join(cells) for cells in (visits.columns, *(row.cells for row in visits.steps)))]
        lines += [f"- {text}" for text in visits.warnings]
        lines += ["", visits.strip_title, *("  ".join(row) for row in (visits.strip_columns, *visits.strip))]
    return [*lines, growth.note] if growth.measured else lines


def _columns(text: str) -> int:
    """Columns that a text takes in a fixed-width font: a Han character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
