"""The film beside the one on the desk: another film of the child, to look at only."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.reading.blind import shown
from boneage_desk.reading.findings import Box
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import corners, overlay
from boneage_desk.ui.presenters.compare import Compare, in_millimetres, line_of, linked, person_line
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.film_marks import words_of
from boneage_desk.ui.views.elided import ElidedLabel
from boneage_desk.ui.views.film_overlay import Corners
from boneage_desk.ui.views.film_view import FilmView


class ComparePane(QWidget):
    """Head line (what it is, whose, when) and the film with its boxes. Zoom and place follow the other film when linked."""

    def __init__(self, desk: Desk, compare: Compare, lead: FilmView) -> None:
        super().__init__()
        self._desk, self._compare, self._lead = desk, compare, lead
        self._following = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(8, 3, 4, 3)
        row.setSpacing(8)
        self.title = QLabel()
        self.line = ElidedLabel(least=80)
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.link = QToolButton()
        self.link.setText(tr("Linked"))
        self.link.setCheckable(True)
        self.link.setToolTip(tr("Zoom and place follow the same bone on both films"))
        self.link.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.link.toggled.connect(compare.set_linked)
        self.close_button = QToolButton()
        self.close_button.setText("\N{MULTIPLICATION SIGN}")
        self.close_button.setAccessibleName(tr("Close the film beside"))
        self.close_button.setToolTip(tr("Close the film beside"))
        self.close_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.close_button.clicked.connect(compare.off)
        for part in (self.title, self.line, self.link, self.close_button):
            row.addWidget(part, 1 if part is self.line else 0)
        column.addWidget(head)
        self.film = FilmView(desk.services.voi_lut)
        self.film.setAccessibleName(tr("Film beside"))
        self.film.setMinimumSize(160, 160)
        column.addWidget(self.film, 1)
        self.film.bone_clicked.connect(desk.select)
        self.film.view_changed.connect(self._moved)
        lead.view_changed.connect(self.follow)
        desk.bone_changed.connect(lambda _bone: self._show_bone())
        desk.reading_changed.connect(self._show_head)
        compare.changed.connect(self.show_film)
        self._shown: object = None
        self.hide()

    def show_film(self) -> None:
        """What the presenter holds: nothing, a film on its way, or one."""
        compare = self._compare
        self.setVisible(compare.wanted)
        film = compare.film
        if film is not self._shown:
            self._shown = film
            self.film.set_frame(film.frame if film is not None else None)
            self.film.set_show(self._lead.show_state)
        self.link.setChecked(compare.linked)
        self._show_head()
        self._show_bone()

    def _show_head(self) -> None:
        compare = self._compare
        if compare.reading is None:
            return
        self.title.setText(compare.title)
        colour = theme.ATTENTION if compare.other_child else theme.ACCENT
        self.title.setStyleSheet(f"color: {colour}; font-weight: 600;")
        words = line_of(compare.reading)
        if compare.other_child:
            words = f"{person_line(compare.reading)} \N{MIDDLE DOT} {words}"
        self.line.setText(words if compare.film is not None else f"{words} \N{HORIZONTAL ELLIPSIS}")

    def _show_bone(self) -> None:
        reading = self._compare.reading
        if reading is not None and self._compare.film is not None:
            self.film.set_marks(overlay.marks(shown(reading)), self._desk.bone)
            self.film.set_annotations(reading.annotations, False)
        self.follow()
        self._show_corners()

    def _show_corners(self) -> None:
        film, reading = self._compare.film, self._compare.reading
        if film is None or reading is None:
            self.film.set_corners(Corners())
            return
        drawn = (
            self._scale_words() if self._compare.linked else tr("not linked"),
            words_of(reading.annotations, self.film.show_state is not overlay.Show.NONE),
            tr("KEY IMAGE") if reading.key_image else "",
        )
        self.film.set_corners(
            Corners(
                top_left=corners.patient_lines(reading),
                top_right=corners.study_lines(film, reading.study),
                bottom_left=corners.image_lines(film, self.film.view, self.film.voi, self.film.inverted, self.film.devicePixelRatioF()),
                bottom_right=corners.overlay_line(tr(self.film.show_state.value), drawn, False),
                side=corners.side_letter(reading),
            )
        )

    def _boxes(self) -> tuple[Box | None, Box | None]:
        """The bone chosen on both films."""
        one, other, bone = self._desk.reading, self._compare.reading, self._desk.bone
        return (one.bone(bone).box if one else None), (other.bone(bone).box if other else None)

    def _scale_words(self) -> str:
        frame, film = self._desk.frame, self._compare.film
        if None in self._boxes() or frame is None or film is None:
            return tr("linked: same share of both films")
        if in_millimetres(frame.spacing, film.frame.spacing):
            return tr("linked: same bone, same scale ({unit})", unit=tr("mm") if frame.spacing.kind == "pixel" else tr("mm at detector"))
        return tr("linked: same bone, boxes of one size")

    def follow(self) -> None:
        """Show the same bone as the other film does."""
        frame, film = self._desk.frame, self._compare.film
        if self._following or not self._compare.linked or frame is None or film is None or not self.isVisible():
            return
        here, beside = self._boxes()
        self._following = True
        self.film.set_show(self._lead.show_state)
        self.film.set_view(
            linked(self._lead.view, here, frame.spacing, self.film.view, beside, film.frame.spacing)
        )
        self._following = False
        self._show_corners()

    def _moved(self) -> None:
        """The film beside was moved by hand: the other follows."""
        frame, film = self._desk.frame, self._compare.film
        if self._following or frame is None or film is None:
            return
        if self._compare.linked and self.isVisible():
            here, beside = self._boxes()
            self._following = True
            self._lead.set_view(
                linked(self.film.view, beside, film.frame.spacing, self._lead.view, here, frame.spacing)
            )
            self._following = False
        self._show_corners()
