"""The window of a knee film, beside that of the hands: film, facts, answer, map, report. Brings pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from PySide6.QtCore import QByteArray, QSettings, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSlider,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.findings import Box
from boneage_desk.reading.ports import FilmEntry, Services
from boneage_desk.ui import theme
from boneage_desk.ui.jobs import JobRunner
from boneage_desk.ui.presenters import corners, key_words
from boneage_desk.ui.presenters.knee_desk import KneeDesk
from boneage_desk.ui.presenters.knee_view import NOTICE, knee_banner, knee_lacks, knee_view, waiting_words
from boneage_desk.ui.presenters.whole_map import OPACITIES
from boneage_desk.ui.views.banner import PatientBanner
from boneage_desk.ui.views.film_overlay import Corners, SaliencyPicture, saliency_picture
from boneage_desk.ui.views.film_view import FilmView
from boneage_desk.ui.views.key_tip import KeyWords, opacity_words
from boneage_desk.ui.views.knee_answer import KneeAnswer, words
from boneage_desk.ui.views.knee_facts import KneeFactsForm
from boneage_desk.ui.views.message_bar import MessageBar
from boneage_desk.ui.views.progress_row import ProgressRow

MAP_NAME = mark("Where the knee model looked")
SAME = {
    "presets": "auto-window", "fainter": "map-fainter", "stronger": "map-stronger", "again": "read-again", "invert": "invert",
    "fit": "fit", "one-to-one": "one-to-one", "reset-view": "reset-view", "saliency": "saliency", "open": "open",
    "report": "report",
}  # fmt: skip
"""The command of the main window whose keys a command has here too."""


class KneeWindow(QMainWindow):
    """Non-modal; one for the program's life. Closing it lets go of the film."""

    open_wanted = Signal()
    """The person wants to choose a film."""

    def __init__(
        self, services: Services, runner: JobRunner, open_pdf: Callable[[Path], bool], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Knee film \N{EN DASH} BoneAge Desk"))
        self.setAcceptDrops(True)
        self._data_dir, self._open_pdf = Path(services.data_dir), open_pdf
        self.desk = KneeDesk(services, runner, self)
        self.film = FilmView(services.voi_lut)
        self._actions = self._make_actions()
        key_words.told.changed.connect(self._show_keys)
        self._show_keys()
        self._build()
        desk = self.desk
        desk.film_changed.connect(self._show_film)
        desk.changed.connect(self._show_state)
        desk.map_changed.connect(self._show_map)
        desk.message.connect(self.messages.show_message)
        desk.choose_frame.connect(self._ask_frame)
        desk.written.connect(self._written)
        self.messages.frame_chosen.connect(desk.open_frame)
        self.facts.given.connect(lambda field, value: desk.give(**{field: value}))
        self.film.view_changed.connect(self._show_corners)
        self.progress.cancel_wanted.connect(desk.cancel)
        self.progress.read_wanted.connect(self._read_again)
        kept = self._settings()
        geometry, opacity = kept.value("knee_geometry"), kept.value("map_opacity")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(1180, 860)
        desk.look.remember(opacity)
        self._show_film()
        self._show_map()

    # --- building ---------------------------------------------------------------------------

    def _make_actions(self) -> dict[str, QAction]:
        """Keys as in the main window (``keys`` where there is none); those without Ctrl only while the film has the keys."""
        film, desk = self.film, self.desk
        found: dict[str, QAction] = {}
        self._first_keys: dict[str, str] = {}
        for id, title, keys, act, on_film in (
            ("open", tr("Open a knee film\N{HORIZONTAL ELLIPSIS}"), "Ctrl+O", self.open_wanted.emit, False),
            ("presets", tr("Auto window"), "0", film.auto_window, True),
            ("invert", tr("Invert"), "I", lambda: film.set_inverted(not film.inverted), True),
            ("fit", tr("Fit the film"), "=", film.fit, True),
            ("one-to-one", tr("One film pixel on one screen pixel"), "Ctrl+0", film.one_to_one, False),
            ("reset-view", tr("Reset the view"), "Ctrl+R", film.reset_view, False),
            ("saliency", tr(MAP_NAME), "G", lambda: desk.show_map(not desk.map_wanted), True),
            ("fainter", tr("Map fainter"), ",", lambda: desk.look.step(-1), True),
            ("stronger", tr("Map stronger"), ".", lambda: desk.look.step(+1), True),
            ("again", tr("Read again"), "F5", self._read_again, False),
            ("report", tr("Write the report (PDF)"), "Ctrl+E", self._write, False),
        ):  # fmt: skip
            action = QAction(title, self)
            action.setObjectName(f"knee-{id}")
            self._first_keys[id] = keys
            whole = Qt.ShortcutContext.WindowShortcut, Qt.ShortcutContext.WidgetWithChildrenShortcut
            action.setShortcutContext(whole[on_film])
            action.setCheckable(id in ("saliency", "invert"))
            action.triggered.connect(lambda _checked=False, act=act: act())
            (film if on_film else self).addAction(action)
            found[id] = action
        return found

    def _show_keys(self) -> None:
        """The keys in force of the main window's commands."""
        for id, action in self._actions.items():
            keys = key_words.keys(SAME[id])
            own = [QKeySequence(key) for key in ((self._first_keys[id],) if keys is None else keys)]
            action.setShortcuts(own)
            told = ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in own)
            action.setToolTip(f"{action.text()} ({told})" if told else action.text())

    def _build(self) -> None:
        self.banner, self.messages, self.progress = PatientBanner(), MessageBar(), ProgressRow()
        self.facts, self.answer = KneeFactsForm(), KneeAnswer()
        left, right = QWidget(), QWidget()
        for side, parts in (
            (left, ((self._bar(), 0), (self.film, 1), (self.progress, 0))),
            (right, ((self.facts, 0), (self._scrolled(), 1), (self._foot(), 0))),
        ):
            column = QVBoxLayout(side)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            for part, stretch in parts:
                column.addWidget(part, stretch)
        right.setMinimumWidth(380)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(4)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setSizes([760, 420])
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part, stretch in ((self.banner, 0), (split, 1), (self.messages, 0)):
            column.addWidget(part, stretch)
        self.setCentralWidget(whole)

    def _bar(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(4, 3, 8, 3)
        row.setSpacing(3)
        for id in ("open", "", "presets", "invert", "", "fit", "one-to-one", "reset-view", "", "saliency"):
            if not id:
                row.addSpacing(8)
                continue
            button = QToolButton()
            button.setDefaultAction(self._actions[id])
            if id != "open":
                self._actions[id].setIcon(theme.icon(id))
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setAccessibleName(self._actions[id].text())
            row.addWidget(button)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Opacity of the map"))
        KeyWords(self.slider, opacity_words)
        self.slider.setRange(round(OPACITIES[0] * 10), round(OPACITIES[1] * 10))
        self.slider.setPageStep(1)
        self.slider.setFixedWidth(110)
        self.slider.valueChanged.connect(lambda tenths: self.desk.look.set_opacity(tenths / 10))
        row.addSpacing(6)
        row.addWidget(self.slider)
        row.addStretch(1)
        return bar

    def _scrolled(self) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.answer)
        return area

    def _foot(self) -> QWidget:
        """Stands whatever is shown: the notice, and the way to the report."""
        foot = QFrame()
        foot.setObjectName("numbers")
        column = QVBoxLayout(foot)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(8)
        notice = words(muted=True)
        notice.setText(tr(NOTICE))
        column.addWidget(notice)
        row = QHBoxLayout()
        self.write = QPushButton(self._actions["report"].text())
        self.write.setToolTip(self._actions["report"].toolTip())
        self.write.clicked.connect(self._write)
        self.write_as = QPushButton("as\N{HORIZONTAL ELLIPSIS}")
        self.write_as.setAccessibleName(tr("Write the report to a place of your choice"))
        self.write_as.clicked.connect(self._write_as)
        row.addWidget(self.write, 1)
        row.addWidget(self.write_as)
        column.addLayout(row)
        self.lies = QLabel()
        self.lies.setTextFormat(Qt.TextFormat.PlainText)
        self.lies.setProperty("muted", True)
        self.lies.setWordWrap(True)
        self.lies.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.lies)
        return foot

    # --- from the desk ----------------------------------------------------------------------

    def _show_film(self) -> None:
        opened = self.desk.opened
        self.messages.clear_topic("read")
        if opened is not None:
            self.messages.clear_topic("open")
        self.lies.hide()
        self.film.set_frame(self.desk.frame)
        self.facts.show_lacks(knee_lacks(opened) if opened is not None else None)
        self._show_state()
        field = self.facts.first() if opened is not None else None
        (field or self.film).setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_state(self) -> None:
        desk = self.desk
        film, question, reading, job = desk.film, desk.question, desk.reading, desk.job
        if film is None or question is None:
            self.banner.show_nothing()
            self.banner.show_state("", False)
        else:
            self.banner.show_banner(knee_banner(film, question))
            self.banner.show_state(tr("KNEE \N{MIDDLE DOT} research, not verified"), False)
        if reading is not None:
            self.answer.show_view(knee_view(reading))
            self.messages.clear_topic("read")
        else:
            self.answer.show_waiting(
                waiting_words(film=film is not None, job=job.title if job else "", failed=desk.failed)
            )
        self.progress.show_job(job, film is not None and reading is None)
        for id in ("presets", "invert", "fit", "one-to-one", "reset-view"):
            self._actions[id].setEnabled(film is not None)
        self._actions["again"].setEnabled(film is not None and job is None)
        self._actions["report"].setEnabled(reading is not None)
        self.write.setEnabled(reading is not None)
        self.write_as.setEnabled(reading is not None)
        self._show_map()

    def _show_map(self) -> None:
        desk = self.desk
        self._actions["saliency"].setEnabled(desk.can_map)
        self._actions["saliency"].setChecked(desk.map_wanted and desk.can_map)
        for id in ("fainter", "stronger"):
            self._actions[id].setEnabled(desk.map_wanted)
        self.slider.setVisible(desk.map_wanted and desk.can_map)
        self.slider.setValue(round(desk.look.opacity * 10))
        self.film.set_saliency(self._map_picture())
        self._show_corners()

    def _map_picture(self) -> SaliencyPicture | None:
        values, frame = self.desk.map, self.desk.frame
        if values is None or frame is None:
            return None
        return saliency_picture(values, Box(0, 0, frame.width, frame.height), self.desk.look.opacity)

    def _show_corners(self) -> None:
        film, question = self.desk.film, self.desk.question
        self._actions["invert"].setChecked(self.film.inverted)
        if film is None or question is None:
            self.film.set_corners(Corners())
            return
        self.film.set_corners(
            Corners(
                top_left=corners.person_lines(film.patient, question.sex),
                top_right=corners.study_lines(film, film.study),
                bottom_left=corners.image_lines(film, self.film.view, self.film.voi, self.film.inverted, self.film.devicePixelRatioF()),
                bottom_right=self._map_lines(),
                side=film.study.laterality.value,
                key=self.desk.look.opacity if self.desk.map is not None else 0.0,
            )
        )

    def _map_lines(self) -> tuple[str, ...]:
        if self.desk.map is not None:
            return (tr("Grad-CAM knee model, opacity {opacity:.0%}", opacity=self.desk.look.opacity),)
        return (tr("Grad-CAM knee model \N{HORIZONTAL ELLIPSIS}"),) if self.desk.map_wanted and self.desk.can_map else ()

    def _ask_frame(self, entry: FilmEntry) -> None:
        self.messages.ask_frame(entry, PurePath(entry.member or entry.path).name, "knee")

    # --- commands ---------------------------------------------------------------------------

    def _read_again(self) -> None:
        self.facts.flush()
        self.desk.ask()

    def _write(self) -> None:
        self.facts.flush()
        if self.desk.reading is None:
            self.desk.tell(tr("There is no answer to report yet."), topic="report")
        self.desk.write_report()

    def _write_as(self) -> None:
        suggested, film = self.desk.report_path(), self.desk.opened
        if suggested is None:
            return
        path, _ = QFileDialog.getSaveFileName(self, tr("Write the knee report"), str(Path.home() / suggested.name), "PDF (*.pdf)")
        if path and self.desk.opened is not film:
            words = tr("Another study came onto the desk meanwhile: nothing was written.")
            self.desk.tell(words, "warning", topic="report")
        elif path:
            self.desk.write_report(Path(path if path.lower().endswith(".pdf") else f"{path}.pdf"))

    def _written(self, path: Path) -> None:
        self.lies.setText(tr("Written: {path}", path=path))
        self.lies.show()
        if not self._open_pdf(path):
            words = tr("No program of this computer opens PDF files. The report lies at {path}.", path=path)
            self.desk.tell(words, "warning", topic="report")

    # --- life -------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.desk.open_paths(paths)

    def _settings(self) -> QSettings:
        return QSettings(str(self._data_dir / "window.ini"), QSettings.Format.IniFormat)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings().setValue("knee_geometry", self.saveGeometry())
        self.desk.close_film()
        event.accept()
