"""The middle of the window: the film with its tool bar, fed from the desk."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget, QWidgetAction

from boneage_desk.common.i18n import tr
from boneage_desk.reading.film import Frame
from boneage_desk.reading.findings import Box
from boneage_desk.ui import theme
from boneage_desk.ui.actions import ActionSet
from boneage_desk.ui.presenters import corners, overlay, text
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.heat import METHODS
from boneage_desk.ui.presenters.measured import LEGEND, WidthLine, film_lines, lines_on_screen
from boneage_desk.ui.presenters.whole_map import OPACITIES
from boneage_desk.ui.views.film_overlay import Corners, SaliencyPicture, saliency_picture
from boneage_desk.ui.views.film_view import FilmView

_TOOLS = {"window-tool": "window", "pan-tool": "pan", "zoom-tool": "zoom"}
_BAR = (
    "window-tool", "pan-tool", "zoom-tool", "", "presets", "invert", "flip-h", "flip-v", "rotate-left", "rotate-right", "",
    "fit", "one-to-one", "reset-view", "", "overlays", "widths", "saliency", "edit-boxes",
)  # fmt: skip


class FilmPanel(QWidget):
    """Tool bar and film. Made after the first paint, since it brings pyqtgraph."""

    box_edited = Signal(str, object)

    def __init__(self, desk: Desk, actions: ActionSet) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._frame: Frame | None = None
        self._map_wanted = False
        self._widths = self._regions = True
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(4, 3, 4, 3)
        row.setSpacing(3)
        self._presets = QToolButton()
        self._presets.setIcon(theme.icon("presets"))
        self._presets.setToolTip(tr("Window presets of the file (figures while the film has the keys)"))
        self._presets.setAccessibleName(tr("Window presets"))
        self._presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._presets.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._presets.setMenu(QMenu(self._presets))
        for id in _BAR:
            if id:
                button = self._presets if id == "presets" else self._button(actions[id])
                if id == "saliency":
                    self._add_methods(button)
                row.addWidget(button)
            else:
                row.addSpacing(8)
        row.addStretch(1)
        column.addWidget(bar)
        self.film = FilmView(desk.services.voi_lut)
        column.addWidget(self.film, 1)
        self.film.bone_clicked.connect(desk.select)
        self.film.bone_double_clicked.connect(self._zoom_to)
        self.film.box_edited.connect(desk.set_box)
        self.film.view_changed.connect(self._show_corners)
        self.film.menu_wanted.connect(self._menu)
        desk.case_changed.connect(self.show_case)
        desk.reading_changed.connect(self.show_marks)
        desk.bone_changed.connect(lambda _bone: self.show_marks())
        for changed in (desk.heat.changed, desk.whole_map.changed, desk.look.changed):
            changed.connect(self.show_saliency)
        actions.check("window-tool", True)
        self.show_case()
        self.show_saliency()

    @staticmethod
    def _button(action: QAction) -> QToolButton:
        action.setIcon(theme.icon(action.objectName()))
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setAccessibleName(action.text())
        return button

    def _add_methods(self, button: QToolButton) -> None:
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        menu = QMenu(button)
        menu.addActions([self._actions[id] for id in (*METHODS, "whole-map", "regions")])
        menu.addSeparator()
        menu.addAction(self._opacity_slider(menu))
        button.setMenu(menu)

    def _opacity_slider(self, menu: QMenu) -> QWidgetAction:
        """The opacity of the maps, in the menu: the bar has no room for it on a small screen."""
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(24, 2, 12, 4)
        row.addWidget(QLabel(tr("Opacity of the map (, and .)")))
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName(tr("Opacity of the map"))
        self._slider.setRange(round(OPACITIES[0] * 10), round(OPACITIES[1] * 10))
        self._slider.setPageStep(1)
        self._slider.setFixedWidth(110)
        self._slider.valueChanged.connect(lambda tenths: self._desk.look.set_opacity(tenths / 10))
        row.addWidget(self._slider)
        action = QWidgetAction(menu)
        action.setDefaultWidget(box)
        return action

    # --- from the desk ----------------------------------------------------------------------

    def show_case(self) -> None:
        frame = self._desk.frame
        if frame is not self._frame:
            self._frame = frame
            self.film.set_frame(frame)
            self._fill_presets()
            self._actions.check("invert", False)
        self.show_marks()

    def show_marks(self) -> None:
        reading = self._desk.reading
        marks = overlay.marks(reading) if reading is not None and self._desk.frame is not None else ()
        self.film.set_marks(marks, self._desk.bone)
        self.film.set_lines(self._lines())
        self.film.set_regions(self._region_marks())
        self._show_corners()

    def show_regions(self, on: bool) -> None:
        """Outline the regions of the cascade, or not."""
        self._regions = on
        self.show_marks()

    def _region_marks(self) -> tuple[overlay.RegionMark, ...]:
        reading = self._desk.reading
        if reading is None or self._desk.frame is None or not self._regions:
            return ()
        return overlay.regions(reading)

    def show_widths(self, on: bool) -> None:
        """Draw the measured widths of the bone chosen, or not."""
        self._widths = on
        self.show_marks()

    def _lines(self) -> tuple[WidthLine, ...]:
        reading = self._desk.reading
        if reading is None or self._desk.frame is None or not self._widths:
            return ()
        return film_lines(reading, self._desk.bone)

    def show_saliency(self) -> None:
        """The map that is wanted: of the bone chosen or of the whole hand."""
        heat, whole = self._desk.heat, self._desk.whole_map
        if (heat.wanted or whole.wanted) and not self._map_wanted and self.film.show_state is overlay.Show.NONE:
            self.film.set_show(overlay.Show.BOXES)  # what was asked for is seen
        self._map_wanted = heat.wanted or whole.wanted
        self._slider.setValue(round(self._desk.look.opacity * 10))
        self.film.set_saliency(self._map_picture())
        self._actions.check("saliency", heat.wanted)
        self._actions.check("whole-map", whole.wanted)
        for method in METHODS:
            self._actions.check(method, heat.wanted and heat.method == method)
        self._show_corners()

    def _show_corners(self) -> None:
        film, reading = self._desk.film, self._desk.reading
        if film is None or reading is None:
            self.film.set_corners(Corners())
            return
        there = self.film.show_state is not overlay.Show.NONE
        widths = there and lines_on_screen(self._lines(), self.film.view)
        drawn = (
            f"{text.short(self._desk.bone)} {tr(LEGEND)}" if widths else "",
            tr(overlay.REGION_LEGEND) if there and self._region_marks() else "",
            self._map_words() if there else "",
        )
        mapped = there and (self._desk.heat.value or self._desk.whole_map.value) is not None
        self.film.set_corners(
            Corners(
                top_left=corners.patient_lines(reading),
                top_right=corners.study_lines(film),
                bottom_left=corners.image_lines(film, self.film.view, self.film.voi, self.film.inverted),
                bottom_right=corners.overlay_line(tr(self.film.show_state.value), drawn, self.film.editing),
                side=corners.side_letter(reading),
                key=self._desk.look.opacity if mapped else 0.0,
            )
        )

    def _map_picture(self) -> SaliencyPicture | None:
        opacity, frame = self._desk.look.opacity, self._frame
        if (bone := self._desk.heat.value) is not None:
            return saliency_picture(bone.values, bone.box, opacity)
        if (whole := self._desk.whole_map.value) is not None and frame is not None:
            return saliency_picture(whole.values, Box(0, 0, frame.width, frame.height), opacity)
        return None

    def _map_words(self) -> str:
        """What map is drawn, or being made; '' for none."""
        heat, whole = self._desk.heat, self._desk.whole_map
        opacity = tr("opacity {opacity:.0%}", opacity=self._desk.look.opacity)
        if heat.value is not None:
            return f"{tr(METHODS[heat.value.method])} {text.short(heat.value.bone)}, {opacity}"
        if heat.wanted:
            return f"{heat.name} {text.short(self._desk.bone)} \N{HORIZONTAL ELLIPSIS}"
        if whole.value is not None:
            return f"Grad-CAM {text.engine(whole.value.engine).lower()}, {opacity}"
        return tr("Grad-CAM whole hand \N{HORIZONTAL ELLIPSIS}") if whole.wanted else ""

    # --- commands ---------------------------------------------------------------------------

    def choose_tool(self, id: str) -> None:
        self.film.tool = _TOOLS[id]
        for other in _TOOLS:
            self._actions.check(other, other == id)

    def toggle_invert(self) -> None:
        self.film.set_inverted(not self.film.inverted)
        self._actions.check("invert", self.film.inverted)

    def flip(self, horizontal: bool) -> None:
        self.film.set_view(self.film.view.flipped(horizontal))

    def turn(self, clockwise: bool) -> None:
        self.film.set_view(self.film.view.turned(clockwise))
        self.film.fit()

    def reset(self) -> None:
        self.film.reset_view()
        self._actions.check("invert", False)

    def preset(self, number: int) -> None:
        """Window ``number`` (1-based) of the file."""
        if self._frame is not None and number <= len(self._frame.vois):
            self.film.set_voi(self._frame.vois[number - 1])

    def next_overlay(self) -> None:
        self.film.set_show(self.film.show_state.next())

    def toggle_editing(self) -> None:
        on = not self.film.editing
        self.film.set_editing(on)
        self._actions.check("edit-boxes", on)
        if on and self.film.show_state is overlay.Show.NONE:
            self.film.set_show(overlay.Show.ALL)

    def zoom_to_bone(self) -> None:
        self._zoom_to(self._desk.bone)

    def _zoom_to(self, bone: str) -> None:
        reading = self._desk.reading
        box: Box | None = reading.bone(bone).box if reading else None
        if box is not None:
            self.film.zoom_to(box)

    def _fill_presets(self) -> None:
        menu = self._presets.menu()
        menu.clear()
        menu.addAction(self._actions["auto-window"])
        for number, voi in enumerate(self._frame.vois if self._frame else (), 1):
            if number <= 9:
                action = self._actions[f"preset-{number}"]
                action.setText(voi.name or tr("Window preset {number}", number=number))
                menu.addAction(action)
        self._presets.setEnabled(self._frame is not None)

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for id in ("edit-boxes", "reset-box", "zoom-bone", "overlays", "widths", *METHODS, "whole-map", "regions", "", "invert",
                   "flip-h", "flip-v", "rotate-left", "rotate-right", "", "fit", "one-to-one", "reset-view", ""):  # fmt: skip
            if id:
                menu.addAction(self._actions[id])
            else:
                menu.addSeparator()
        presets = menu.addMenu(tr("Window presets"))
        presets.addActions(self._presets.menu().actions())
        menu.popup(at)
