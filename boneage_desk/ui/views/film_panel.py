"""The middle of the window: the film with its tool bar, fed from the desk."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from boneage_desk.common.i18n import tr
from boneage_desk.reading.annotations import AnnotationKind
from boneage_desk.reading.film import Frame, Voi, VoiKind
from boneage_desk.reading.findings import Box
from boneage_desk.ui import theme
from boneage_desk.ui.actions import ActionSet
from boneage_desk.ui.film_commands import TOOLS
from boneage_desk.ui.presenters import corners, key_words, overlay, text, windows
from boneage_desk.ui.presenters.compare import Compare
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.film_marks import KINDS, Drawn, words_of
from boneage_desk.ui.presenters.filtering import DisplayFilter, Filtering
from boneage_desk.ui.presenters.heat import METHODS
from boneage_desk.ui.presenters.marking import Marking
from boneage_desk.ui.presenters.measured import LEGEND, WidthLine, film_lines, lines_on_screen
from boneage_desk.ui.presenters.viewport import Point
from boneage_desk.ui.presenters.whole_map import OPACITIES
from boneage_desk.ui.views.compare_pane import ComparePane
from boneage_desk.ui.views.film_overlay import Corners, SaliencyPicture, saliency_picture
from boneage_desk.ui.views.film_view import FilmView
from boneage_desk.ui.views.flow import FlowLayout
from boneage_desk.ui.views.key_tip import KeyWords, opacity_words
from boneage_desk.ui.views.note_line import NoteLine

_TOOLS = {id: id.removesuffix("-tool") for id in TOOLS}
_BAR = (
    "window-tool", "pan-tool", "zoom-tool", "lens", "", "distance-tool", "angle-tool", "note-tool", "", "presets", "invert",
    "rotate-right", "", "fit", "one-to-one", "reset-view", "", "overlays", "widths", "saliency", "edit-boxes", "", "compare",
)  # fmt: skip
_MENUS = {
    "rotate-right": ("rotate-left", "flip-h", "flip-v", "", "rotate-tool", "turn-right-little", "turn-left-little"),
    "note-tool": ("key-image", "remove-annotation"),
    "edit-boxes": ("reset-box", "remove-box", "", "machine-boxes"),
    "compare": ("compare-other", "compare-link"),
}
"""What stands in the menu beside a button of the bar."""


class FilmPanel(QWidget):
    """Tool bar and film. Made after the first paint, since it brings pyqtgraph."""

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
        groups = FlowLayout(bar, spacing=11, lines=3)
        groups.setContentsMargins(4, 3, 4, 3)
        row = self._group(groups)
        self._presets = QToolButton()
        self._presets.setIcon(theme.icon("presets"))
        self._presets.setProperty("icon_name", "presets")
        self._presets.setToolTip(tr("Window presets; their keys work while the film has the focus"))
        self._presets.setAccessibleName(tr("Window presets"))
        self._presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._presets.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._presets.setMenu(self._told_menu(self._presets))
        for id in _BAR:
            if id:
                button = self._presets if id == "presets" else self._button(actions[id])
                if id == "saliency":
                    self._add_methods(button)
                elif id in _MENUS:
                    self._add_menu(button, _MENUS[id])
                row.addWidget(button)
            else:
                row = self._group(groups)
        column.addWidget(bar)
        self.film = FilmView(desk.services.voi_lut)
        self.marking, self.filtering, self.compare = Marking(desk), Filtering(desk), Compare(desk)
        self.beside = ComparePane(desk, self.compare, self.film)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.film)
        self._split.addWidget(self.beside)
        column.addWidget(self._split, 1)
        self._machine_boxes = False
        self._windows: tuple[Voi, ...] = ()
        self.film.bone_clicked.connect(desk.select)
        self.film.bone_double_clicked.connect(self._zoom_to)
        self.film.box_edited.connect(desk.set_box)
        self.film.view_changed.connect(self._show_corners)
        self.film.menu_wanted.connect(self._menu)
        self.film.box_removed.connect(desk.remove_box)
        self.film.annotation_drawn.connect(self._drawn)
        self.film.annotation_chosen.connect(lambda _number: desk.work_changed.emit())
        self.film.annotation_opened.connect(self._reword)
        self.film.annotation_refused.connect(self.marking.refused)
        self.film.note_wanted.connect(self._note)
        self.filtering.changed.connect(self._show_filter)
        self.compare.changed.connect(self._show_beside)
        desk.case_changed.connect(self.compare.follow)
        desk.case_changed.connect(self.show_case)
        desk.reading_changed.connect(self.show_marks)
        desk.bone_changed.connect(lambda _bone: self.show_marks())
        for changed in (desk.heat.changed, desk.whole_map.changed, desk.look.changed):
            changed.connect(self.show_saliency)
        key_words.told.changed.connect(self._show_corners)
        actions.check("window-tool", True)
        self.show_case()
        self.show_saliency()

    @staticmethod
    def _told_menu(parent: QWidget) -> QMenu:
        """A menu whose commands have their tool tips."""
        menu = QMenu(parent)
        menu.setToolTipsVisible(True)
        return menu

    @staticmethod
    def _group(bar: FlowLayout) -> QHBoxLayout:
        """Buttons that stay together when the bar goes on in a second line."""
        group = QWidget()
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        bar.addWidget(group)
        return row

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
        menu = self._told_menu(button)
        menu.addActions([self._actions[id] for id in (*METHODS, "whole-map", "regions")])
        menu.addSeparator()
        menu.addAction(self._opacity_slider(menu))
        button.setMenu(menu)

    def _add_menu(self, button: QToolButton, ids: tuple[str, ...]) -> None:
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        menu = self._told_menu(button)
        for id in ids:
            if id:
                menu.addAction(self._actions[id])
            else:
                menu.addSeparator()
        button.setMenu(menu)

    def _opacity_slider(self, menu: QMenu) -> QWidgetAction:
        """The opacity of the maps, in the menu: the bar has no room for it on a small screen."""
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(24, 2, 12, 4)
        words = QLabel()
        KeyWords(words, opacity_words, "setText")
        row.addWidget(words)
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

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.window().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window closes: a box that was nudged is handed on before the jobs end."""
        if event.type() == QEvent.Type.Close:
            self.film.input.hand_on()
        return bool(super().eventFilter(watched, event))

    # --- from the desk ----------------------------------------------------------------------

    def show_case(self) -> None:
        frame = self._desk.frame
        if frame is not self._frame:
            self._frame = frame
            self.film.set_frame(frame)
            self.filtering.begin(self.film.pixels)
            self._windows = windows.presets(self.film.pixels) if self.film.pixels is not None else ()
            self._fill_presets()
            self._actions.check("invert", False)
        self.show_marks()

    def show_marks(self) -> None:
        reading = self._desk.reading
        marks = overlay.marks(reading) if reading is not None and self._desk.frame is not None else ()
        edited = self.film.input.edited
        waits = edited is not None and self._desk.grading_box(edited[0])
        self.film.set_marks(marks, self._desk.bone, frozenset({edited[0]}) if edited is not None and waits else frozenset())
        self.film.set_lines(self._lines())
        self.film.set_regions(self._region_marks())
        there = reading is not None and self._desk.frame is not None
        self.film.set_annotations(reading.annotations if there and reading else (), self._desk.editable)
        self.film.set_machine_boxes(overlay.machine_boxes(reading) if there and reading and self._machine_boxes else ())
        self._actions.check("key-image", there and reading is not None and reading.key_image)
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
            tr("the machine's own boxes, dotted") if there and self._machine_boxes and overlay.machine_boxes(reading) else "",
            words_of(reading.annotations, there),
            tr("KEY IMAGE") if reading.key_image else "",
            self.filtering.words,
            self.marking.hint(KINDS.get(f"{self.film.tool}-tool")),
            tr("magnifier {power:.1f}\N{MULTIPLICATION SIGN}", power=self.film.lens.power) if self.film.lens.on else "",
        )
        self._actions.check("sigmoid", self.film.voi is not None and self.film.voi.kind is VoiKind.SIGMOID)
        mapped = there and (self._desk.heat.value or self._desk.whole_map.value) is not None
        self.film.set_corners(
            Corners(
                top_left=corners.patient_lines(reading),
                top_right=corners.study_lines(film, reading.study),
                bottom_left=corners.image_lines(film, self.film.view, self.film.voi, self.film.inverted, self.film.devicePixelRatioF()),
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
        self.film.set_tool(_TOOLS[id])
        self.beside.film.set_tool("window" if id in KINDS else _TOOLS[id])  # nothing is drawn on the film beside
        for other in _TOOLS:
            self._actions.check(other, other == id)
        if id in KINDS and self.film.editing:
            self.toggle_editing()

    def turn_little(self, degrees: int) -> None:
        self.film.set_view(self.film.view.rotated(degrees))

    def toggle_sigmoid(self) -> None:
        """Sigmoid or linear, the window as it is."""
        voi = self.film.voi
        if voi is not None:
            self.film.set_shape(VoiKind.LINEAR if voi.kind is VoiKind.SIGMOID else VoiKind.SIGMOID)

    def toggle_lens(self) -> None:
        self.film.set_lens(not self.film.lens.on)
        self._actions.check("lens", self.film.lens.on)

    def choose_filter(self, name: str) -> None:
        self.filtering.choose(DisplayFilter[name])

    def _show_filter(self) -> None:
        self.film.set_filtered(self.filtering.pixels)
        self._actions.check("sharpen", self.filtering.kind is DisplayFilter.SHARPEN)
        self._actions.check("clahe", self.filtering.kind is DisplayFilter.CLAHE)
        self._show_corners()

    def toggle_machine_boxes(self) -> None:
        self._machine_boxes = not self._machine_boxes
        self._actions.check("machine-boxes", self._machine_boxes)
        if self._machine_boxes and self.film.show_state is overlay.Show.NONE:
            self.film.set_show(overlay.Show.BOXES)
        self.show_marks()

    def _show_beside(self) -> None:
        self._actions.check("compare", self.compare.wanted)
        self._actions.check("compare-link", self.compare.linked)
        if self.compare.wanted and self.beside.width() < 160:
            half = max(1, self._split.width() // 2)
            self._split.setSizes([half, half])
        self._desk.work_changed.emit()

    def ui_state(self) -> dict[str, Any]:
        """What this panel adds to `UiState`."""
        return {"presets": len(self._windows), "annotation": self.film.chosen != 0, "beside": self.compare.wanted}

    # --- annotations ------------------------------------------------------------------------

    def _drawn(self, drawn: Drawn) -> None:
        number = self.marking.draw(drawn)
        if number:
            self.film.choose_annotation(number)

    def _note(self, at: Point) -> None:
        place = self.film.view.to_screen(*at)

        def keep(words: str) -> None:
            number = self.marking.note(at, words)
            if number:
                self.film.choose_annotation(number)

        NoteLine(self.film, QPoint(round(place[0]), round(place[1])), "", self._desk.on_this(keep))

    def _reword(self, number: int) -> None:
        """Change the words of a note; of a measurement nothing can be written."""
        found = next((a for a in self.film.annotations if a.number == number), None)
        if found is None or found.kind is not AnnotationKind.NOTE:
            return
        if not self._desk.editable:
            self.marking.refused()
            return
        x, y = self.film.view.to_screen(*found.points[0])
        keep = self._desk.on_this(lambda words: self.marking.reword(number, words))
        NoteLine(self.film, QPoint(round(x), round(y)), found.text, keep)

    def flush(self) -> None:
        """A note that is being written and a box that is being nudged belong to the film that is shown."""
        for line in self.film.findChildren(NoteLine):
            line.finish()
        self.film.input.hand_on()

    def remove_annotation(self) -> None:
        self.marking.remove(self.film.chosen)

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
        """Window ``number`` (1-based): the file's first, then bone and soft tissue."""
        if number <= len(self._windows):
            self.film.set_voi(self._windows[number - 1])

    def next_overlay(self) -> None:
        self.film.set_show(self.film.show_state.next())

    def toggle_editing(self) -> None:
        on = not self.film.editing
        self.film.set_editing(on)
        self._actions.check("edit-boxes", on)
        if on:
            self.film.setFocus(Qt.FocusReason.OtherFocusReason)  # the arrows are the box's now
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
        for number in range(1, 10):
            action, there = self._actions[f"preset-{number}"], number <= len(self._windows)
            name = windows.menu_name(self._windows[number - 1]) if there else ""
            action.setText(name.replace("&", "&&") or tr("Window preset {number}", number=number))
            if there:
                menu.addAction(action)
        menu.addSeparator()
        menu.addActions([self._actions[id] for id in ("sigmoid", "sharpen", "clahe")])
        self._presets.setEnabled(self._frame is not None)

    def _menu(self, at: QPoint) -> None:
        menu = self._told_menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen = ("remove-annotation", "") if self.film.chosen else ()
        for id in (*chosen, "edit-boxes", "reset-box", "remove-box", "machine-boxes", "zoom-bone", "overlays", "widths", *METHODS,
                   "whole-map", "regions", "", "key-image", "compare", "compare-other", "", "lens", "invert",
                   "flip-h", "flip-v", "rotate-left", "rotate-right", "", "fit", "one-to-one", "reset-view", ""):  # fmt: skip
            if id:
                menu.addAction(self._actions[id])
            else:
                menu.addSeparator()
        presets = menu.addMenu(tr("Window presets"))
        presets.addActions(self._presets.menu().actions())
        menu.popup(at)
