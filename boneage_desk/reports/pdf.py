"""The report as a PDF of one page, and a second with detail: fulfils :class:`boneage_desk.reading.ports.ReportWriter`."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.settings import Settings
from boneage_desk.reading import report_content
from boneage_desk.reading.document import document
from boneage_desk.reading.film import Frame
from boneage_desk.reading.film_map import FilmMap, check_map
from boneage_desk.reading.follow_up import FollowUp, follow_up
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.growth_view import GrowthView, growth_view
from boneage_desk.reading.priors import known_then, priors
from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_plain import plain_text
from boneage_desk.reading.session import Reading
from boneage_desk.reading.signature import Signature
from boneage_desk.reports import detail_page, film_picture, fonts, growth_page, map_page, page, tagging
from boneage_desk.reports.archival import FileFacts, finish
from boneage_desk.reports.logo import Logo
from boneage_desk.reports.logo import load as load_logo
from boneage_desk.reports.page_head import page_number

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

_lock = threading.Lock()  # reportlab keeps its fonts in module globals
LANGUAGE_TAGS = {"en": "en-GB", "zh": "zh-Hans-CN"}


class PdfReports:
    """Writes reports in the site's language, with its name, lines and logo. Safe to call from any thread.

    Equal readings give equal bytes: the only time in the file is the reading's own.
    """

    def __init__(
        self, settings: Settings | None = None, kept: Callable[[str], Sequence[Reading]] | None = None
    ) -> None:
        """``kept``: the readings of a patient id that the station keeps, for the comparison with earlier ones."""
        self._settings = settings or Settings()
        self._kept = kept

    def content(self, reading: Reading, *, detail: bool = True, growth: bool | None = None) -> ReportContent:
        """What the report says; also for the text copy. ``detail``: with the page of the 13 bones. ``growth``: with the
        growth page; None: as the site has set it."""
        chosen = self._settings
        patient_id = reading.patient.patient_id.strip()
        every = self._kept(patient_id) if self._kept is not None and patient_id else ()
        kept = known_then(reading, every)
        found = priors(reading, kept)
        return report_content.build(
            reading,
            language=chosen.of_report,
            site_name=chosen.site_name,
            reader_name=chosen.reader_name,
            header=chosen.report_header,
            footer=chosen.report_footer,
            with_detail=detail,
            priors=found,
            later=found != priors(reading, every),
            growth=self._growth(reading, kept) if (chosen.report_growth if growth is None else growth) else None,
        )

    def history(self, reading: Reading) -> tuple[Measurement, ...]:
        """See `ReportWriter.history`."""
        patient_id = reading.patient.patient_id.strip()
        kept = self._kept(patient_id) if self._kept is not None and patient_id else ()
        return follow_up(reading, known_then(reading, kept)).measurements

    def _growth(self, reading: Reading, kept: Sequence[Reading]) -> tuple[GrowthView, FollowUp]:
        visits = follow_up(reading, kept)
        return growth_view(reading, self._settings.growth_reference, history=visits.measurements), visits

    def addendum(self, reading: Reading, signature: Signature, *, paper: str = "A4") -> bytes:
        """See `ReportWriter.addendum`."""
        from boneage_desk.reports.addendum_page import addendum_page

        return addendum_page(reading, signature, paper=paper, settings=self._settings)

    def text(self, reading: Reading, *, growth: bool | None = None) -> str:
        """The report as plain text, for a RIS."""
        return plain_text(self.content(reading, growth=growth))

    def flat(self, pdf: bytes) -> bytes:
        """See `ReportWriter.flat`."""
        from boneage_desk.reports.flat import flattened

        return flattened(pdf)

    def trouble(self) -> str:
        """What of the site's settings cannot be used and is left out (the logo); '' when all is well."""
        return load_logo(self._settings.report_logo)[1]

    def write(
        self,
        reading: Reading,
        frame: Frame | None,
        out: Path,
        *,
        paper: str = "A4",
        detail: bool = True,
        film_map: FilmMap | None = None,
        growth: bool | None = None,
    ) -> Path:
        """PDF at ``out``; ``frame`` None: the report says that the film was not at hand.

        Either the whole file is there afterwards or the old one is untouched. Raises InputError for
        an unknown paper, a frame of another film or a map of another opinion, StoreError when the disk refuses.
        """
        data = self.render(reading, frame, paper=paper, detail=detail, film_map=film_map, growth=growth)
        write_whole(Path(out), data)
        return Path(out)

    def render(
        self,
        reading: Reading,
        frame: Frame | None,
        *,
        paper: str = "A4",
        detail: bool = True,
        film_map: FilmMap | None = None,
        growth: bool | None = None,
    ) -> bytes:
        """The PDF's bytes: PDF/A-3b, tagged, with the reading's JSON attached."""
        if film_map is not None:
            check_map(reading, film_map)
        if paper not in page.PAPERS:
            raise InputError(f"No paper '{paper}'.", f"Use one of: {', '.join(page.PAPERS)}.", code="paper")
        if frame is not None and (frame.width, frame.height) != (reading.width, reading.height):
            raise InputError(
                f"The film has {frame.width} x {frame.height} pixels, the reading is of one with "
                f"{reading.width} x {reading.height}.",
                "Open the film that was read.",
                code="other-film",
            )
        content = self.content(reading, detail=detail, growth=growth)
        with _lock:
            canvas, data = _render(content, frame, page.PAPERS[paper], load_logo(self._settings.report_logo)[0], film_map)
        return finish(data, file_facts(content, reading.changed_at), tagging.tree(canvas), attached(reading, self.history(reading)))


def file_facts(content: ReportContent, at: datetime) -> FileFacts:
    """What the file says of itself; no name: a window's title would show it to passers-by."""
    title = f"{content.title} - {content.state_text}".replace("\n", " / ")
    return FileFacts(
        title=title,
        author=content.site or report_content.SOFTWARE,
        subject=content.title.replace("\n", " / "),
        program=report_content.SOFTWARE,
        languages=tuple(LANGUAGE_TAGS[one] for one in content.language.split("+")),
        at=at,
    )


def attached(reading: Reading, history: Sequence[Measurement] = ()) -> bytes:
    """The reading's document as it is attached: without the folders of this computer in the film's path."""
    made = document(reading, history)
    made["input"]["path"] = re.split(r"[/\\]", made["input"]["path"])[-1]
    return (json.dumps(made, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")


def _render(
    content: ReportContent,
    frame: Frame | None,
    paper: tuple[float, float],
    logo: Logo | None,
    film_map: FilmMap | None = None,
) -> tuple[Canvas, bytes]:
    from reportlab.pdfgen.canvas import Canvas

    for name in (fonts.REGULAR, fonts.BOLD):
        fonts.font(name)
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=paper, invariant=1, pageCompression=1, pdfVersion=(1, 7), initialFontName=fonts.REGULAR
    )
    tagging.begin(canvas)
    boxes = [overlay.box for overlay in content.overlays]
    film = None if frame is None else film_picture.show(frame, boxes)
    pages: list[Callable[[], None]] = [partial(page.draw, canvas, content, paper, film, logo)]
    if content.detail is not None:
        made = detail_page.plan(content, content.detail, paper, page.MARGIN)
        pages += [partial(detail_page.draw, canvas, made, frame, index) for index in range(len(made.pages))]
    if film_map is not None and content.map is not None and film is not None:
        pages.append(partial(map_page.draw, canvas, content, content.map, film.mapped(film_map.values), paper, page.MARGIN))
    if content.growth is not None:
        pages += growth_page.pages(canvas, content, content.growth, paper, page.MARGIN)
    for number, draw in enumerate(pages, 1):
        draw()
        page_number(canvas, content, paper, page.MARGIN, number, len(pages))
        tagging.end_page(canvas, last=number == len(pages))
    canvas.save()
    return canvas, buffer.getvalue()


def _set_time(canvas: Any, at: datetime) -> None:
    """Creation date = the reading's last change: reportlab's 'invariant' would say 1 January 2000."""
    stamp = canvas._doc._timeStamp
    moment = at.astimezone(UTC) if at.tzinfo else at
    stamp.t = moment.replace(tzinfo=UTC).timestamp()
    stamp.lt = moment.timetuple()
    stamp.YMDhms = tuple(moment.timetuple())[:6]


def write_whole(out: Path, data: bytes) -> None:
    """Write beside ``out``, bring it to the disk, then put it in place; no torn file stays behind."""
    temporary = out.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, out)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StoreError(f"The report could not be saved: {_why(error)}.", _remedy(error), code="report") from error


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".")


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space or choose another disk; nothing was written."
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "Choose a folder that exists."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR):
        return "Choose a folder that you may write to, or close the old report if a viewer holds it open."
    return "Choose another place for the report."
