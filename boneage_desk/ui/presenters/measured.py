"""What was measured on a bone, as the window shows it: a figure, words, what speaks against the grade, two lines."""

from __future__ import annotations

import math
from dataclasses import dataclass

from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.evidence import CLOSED, TRUSTED, Evidence, Point, contradiction, evidence_words
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import Reading
from boneage_desk.ui.presenters.viewport import Viewport

NOT_MEASURED = mark("not measured")
DASH = "\N{EN DASH}"
DOT = " \N{MIDDLE DOT} "
AGAINST = "\N{NOT EQUAL TO}"
"""The sign of a measurement that speaks against the grade in force."""
LEAST_ON_FILM = 60.0
"""Screen pixels that a width takes at least where it is drawn on the film: on a smaller joint it would hide it."""
LEGEND = mark("widths: epiphysis solid, shaft dashed")
LEGEND_HELP = mark("Where the widths were measured: turquoise, solid = the epiphysis; pink, dashed = the end of the shaft")


@dataclass(frozen=True, slots=True)
class Measured:
    """``figure``: for a narrow column ('1.02', 'none', an en dash). ``phrases``: the standard's words, the most
    telling first. ``against``: one sentence where they speak against the grade in force, else ''."""

    figure: str = ""
    phrases: tuple[str, ...] = ()
    against: str = ""

    @property
    def words(self) -> str:
        return DOT.join(self.phrases)

    @property
    def sentence(self) -> str:
        """'Measured: as wide as ...', 'Not measured'."""
        if self.words.startswith(tr(NOT_MEASURED)):
            return self.words[0].upper() + self.words[1:]
        return tr("Measured: {words}", words=self.words) if self.phrases else ""

    @property
    def tip(self) -> str:
        """All of it, for a tool tip."""
        return "\n".join(part for part in (self.sentence, self.against) if part)


@dataclass(frozen=True, slots=True)
class WidthLine:
    """One of the two lines; ``shaft`` False: the epiphysis. Ends (x, y) in whatever plane the maker says."""

    start: Point
    end: Point
    shaft: bool


def measured(reading: Reading, bone: str) -> Measured:
    """Of one bone, against the grade that counts: the person's, else the machine's. Empty before the reading, and while the machine's
    grades are hidden."""
    if reading.analysed_at is None or reading.blind is Blind.HIDDEN:
        return Measured()
    finding = reading.bone(bone)
    evidence, final = finding.evidence, finding.final_grade
    if evidence is None:
        return Measured(DASH, (tr(NOT_MEASURED),))
    against = contradiction(evidence, final) if final is not None else ""
    return Measured(_figure(evidence), tuple(map(said, evidence_words(evidence))), said(against))


def _figure(evidence: Evidence) -> str:
    if evidence.quality < TRUSTED:
        return DASH
    if not evidence.present:
        return tr("none")
    if evidence.fused_share is not None and evidence.fused_share >= CLOSED:
        return tr("fused")
    return DASH if evidence.width_ratio is None else f"{evidence.width_ratio:.2f}"


def film_lines(reading: Reading, bone: str) -> tuple[WidthLine, ...]:
    """The lines of a bone in film pixels; none of an outline that cannot be trusted."""
    evidence = reading.bone(bone).evidence
    if evidence is None or evidence.quality < TRUSTED:
        return ()
    both = ((evidence.epiphysis_line, False), (evidence.metaphysis_line, True))
    return tuple(WidthLine(line[0], line[1], shaft) for line, shaft in both if line is not None)


def lines_on_screen(lines: tuple[WidthLine, ...], view: Viewport) -> tuple[WidthLine, ...]:
    """Lines of the film in screen pixels; none where the joint is too small on the screen to be drawn over."""
    placed = tuple(WidthLine(view.to_screen(*line.start), view.to_screen(*line.end), line.shaft) for line in lines)
    large = all(math.dist(line.start, line.end) >= LEAST_ON_FILM for line in placed if line.shaft or len(placed) == 1)
    return placed if large else ()


def crop_lines(lines: tuple[WidthLine, ...], box: Box, angle_deg: float) -> tuple[WidthLine, ...]:
    """Lines of the film on the crop picture of ``box``: shares 0..1 of its side from its top-left corner.

    The crop is the square around the box turned by ``angle_deg`` (clockwise), as Services.cut_crop makes it.
    """
    (cx, cy), turn = box.centre, math.radians(angle_deg)
    cos, sin = math.cos(turn) / box.side, math.sin(turn) / box.side

    def place(point: Point) -> Point:
        dx, dy = point[0] - cx, point[1] - cy
        return 0.5 + dx * cos - dy * sin, 0.5 + dx * sin + dy * cos

    return tuple(WidthLine(place(line.start), place(line.end), line.shaft) for line in lines)
