"""The map of the second opinion for the report, where the settings want one: asked for when a report is drawn."""

from __future__ import annotations

import threading
import weakref

from boneage_desk.common.errors import EngineError, FilmError
from boneage_desk.common.i18n import said
from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.film import Frame
from boneage_desk.reading.film_map import FilmMap
from boneage_desk.reading.ports import Services
from boneage_desk.reading.second_opinion import default_opinion, weights_of
from boneage_desk.reading.session import Reading


class ReportMaps:
    """Keeps the last map, since a preview is drawn after every change. Not for the window's thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._film: weakref.ref[object] | None = None
        self._map: FilmMap | None = None
        self._of: tuple[WholeHandOpinion, str] | None = None
        self.trouble = ""
        """Why the last report has no map although one was wanted; '' when all is well."""

    def get(self, services: Services, reading: Reading, frame: Frame | None) -> FilmMap | None:
        """The map of ``reading`` as it is; None where none is wanted, there is no second opinion or no film, or the model
        process failed (see ``trouble``). Blocks until the model process has answered."""
        opinion = default_opinion(reading)
        if not services.settings.report_map or opinion is None or frame is None:
            return None
        sha256 = weights_of(reading, opinion)
        with self._turn:
            of = opinion, sha256
            if self._map is None or self._of != of or self._film is None or self._film() is not frame.pixels:
                self._map = None
                try:
                    values = services.engine().whole_hand_saliency(
                        frame, opinion.engine, reading.patient.sex, sha256=sha256
                    )
                except (EngineError, FilmError) as error:
                    self.trouble = said(str(error))
                    return None
                self._film, self._map, self._of = weakref.ref(frame.pixels), FilmMap(opinion, values), of
            self.trouble = ""
            return self._map
