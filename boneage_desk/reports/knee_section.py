"""The knee film's report as a PDF of one page: facts, the bone age with method and limits, the film."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.film import Frame
from boneage_desk.reading.knee import KneeReading
from boneage_desk.reading.report_knee import KneeReport, knee_report
from boneage_desk.reading.report_values import Fact
from boneage_desk.reports import film_picture, fonts
from boneage_desk.reports.page import MARGIN, PAPERS
from boneage_desk.reports.pdf import LANGUAGE_TAGS, _lock, _set_time, write_whole

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

BODY, SMALL = 8.6, 7.2
LEAST_FILM = 150.0
_SCALES = (1.0, 0.94, 0.88, 0.82, 0.76)


class KneePdf:
    """Writes knee reports in the site's language, with its name. Safe to call from any thread."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def __call__(self, reading: KneeReading, out: Path, *, paper: str = "A4") -> Path:
        """PDF at ``out``, whole or not at all. Raises InputError for an unknown paper, StoreError from the disk."""
        if paper not in PAPERS:
            raise InputError(f"No paper '{paper}'.", f"Use one of: {', '.join(PAPERS)}.", code="paper")
        content = knee_report(reading, language=self._settings.language, site_name=self._settings.site_name)
        with _lock:
            data = _render(content, reading, PAPERS[paper])
        write_whole(Path(out), data)
        return Path(out)


def _render(content: KneeReport, reading: KneeReading, paper: tuple[float, float]) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    for name in (fonts.REGULAR, fonts.BOLD):
        fonts.font(name)
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=paper, invariant=1, pageCompression=1, pdfVersion=(1, 7), lang=LANGUAGE_TAGS[content.language],
        initialFontName=fonts.REGULAR,
    )  # fmt: skip
    _set_time(canvas, reading.read_at)
    canvas.setTitle(f"{content.title} - {content.state}")
    canvas.setSubject(content.title)
    wide = paper[0] - 2 * MARGIN
    for scale in _SCALES:  # the page shrinks until the film has room
        if _text(None, content, paper, wide, scale) - MARGIN >= LEAST_FILM:
            break
    y = _text(canvas, content, paper, wide, scale)
    _film(canvas, reading.film.frame, MARGIN, y, wide, max(60.0, y - MARGIN))
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _text(canvas: Canvas | None, content: KneeReport, paper: tuple[float, float], wide: float, scale: float) -> float:
    """Draw everything but the film (only measure it where there is no canvas); the y below it."""
    body, small, x = BODY * scale, SMALL * scale, MARGIN
    y = paper[1] - MARGIN - 15 * scale
    pen = _Pen(canvas)
    pen.draw(x, y, content.title, fonts.fitting_size(content.title, 15 * scale, wide, bold=True), bold=True)
    for line in (content.state, *([content.site] if content.site else ()), *content.notices):
        y -= body * 1.45
        pen.draw(x, y, line, body, bold=line != content.site)
    y = pen.rule(x, y - 6, wide)
    half = wide / 2 - 8
    rows = [content.patient[k : k + 2] for k in range(0, len(content.patient), 2)]
    for pair in rows:
        y = min(_facts(pen, [fact], x + k * (half + 16), y, half, body, small) for k, fact in enumerate(pair))
    y = pen.rule(x, y - 4, wide) - 20 * scale
    pen.draw(x, y, content.headline.label, small, grey=0.38)
    pen.draw(x + 130 * scale, y, content.headline.value, 18 * scale, bold=True, grey=0.0 if content.headline.known else 0.35)
    y -= 5 * scale
    for line in fonts.wrap(content.note, body, wide):
        y -= body * 1.3
        pen.draw(x, y, line, body)
    y = _facts(pen, content.results, x, y - 5 * scale, wide, body, small)
    y = _listed(pen, content.flags_title, content.flags or ((content.flags_none, False),), x, y - 4 * scale, wide, body)
    y = _listed(pen, content.limits_title, tuple((text, False) for text in content.limits), x, y - 2 * scale, wide, small)
    y = _facts(pen, content.provenance, x, y - 3 * scale, wide, small, small)
    return pen.rule(x, y - 4, wide) - 6


class _Pen:
    """Draws, or on no canvas only pretends to."""

    def __init__(self, canvas: Canvas | None) -> None:
        self._canvas = canvas

    def draw(self, x: float, y: float, text: str, size: float, **how: Any) -> None:
        if self._canvas is not None:
            fonts.draw(self._canvas, x, y, text, size, **how)

    def rule(self, x: float, y: float, wide: float) -> float:
        if self._canvas is not None:
            self._canvas.setLineWidth(0.7)
            self._canvas.setStrokeGray(0.2)
            self._canvas.line(x, y, x + wide, y)
        return y


def _facts(pen: _Pen, facts: Sequence[Fact], x: float, y: float, wide: float, body: float, small: float) -> float:
    label = max((fonts.width(fact.label, small) for fact in facts), default=0.0) + 8
    label = max(label, min(0.34 * wide, 110.0))
    for fact in facts:
        lines = fonts.wrap(fact.value, body, wide - label)
        pen.draw(x, y - body * 1.3, fact.label, small, grey=0.38)
        for line in lines:
            y -= body * 1.3
            pen.draw(x + label, y, line, body, grey=0.0 if fact.known else 0.35)
    return y


def _listed(pen: _Pen, title: str, rows: Sequence[tuple[str, bool]], x: float, y: float, wide: float, size: float) -> float:
    y -= size * 1.3
    pen.draw(x, y, title, size, bold=True)
    for text, blocking in rows:
        for k, line in enumerate(fonts.wrap(text, size, wide - 10, blocking)):
            y -= size * 1.3
            if k == 0:
                pen.draw(x, y, "!" if blocking else "-", size, bold=True)
            pen.draw(x + 9, y, line, size, bold=blocking)
    return y


def _film(canvas: Canvas, frame: Frame, x: float, top: float, wide: float, room: float) -> None:
    from reportlab.lib.utils import ImageReader

    shown = film_picture.show(frame, [])
    across, high = film_picture.fit(shown.columns, shown.rows, wide, room)
    picture = shown.picture(across, high)
    canvas.drawImage(ImageReader(io.BytesIO(picture.jpeg)), x, top - high, across, high)
