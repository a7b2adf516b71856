"""Where the window's parts lie: kept for the next start, put back as at first, and the film in a window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QScreen
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.actions import Scope
from boneage_desk.ui.views.waiting import columns_for

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow

FIRST_SIZE = QSize(1600, 1000)


class FilmWindow(QWidget):
    """The film alone, for a second monitor. Closing it brings the film back."""

    closed = Signal()

    def __init__(self, panel: QWidget) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setWindowTitle(tr("Film \N{EN DASH} BoneAge Desk"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(panel)
        panel.show()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit()
        event.accept()


class _Elsewhere(QWidget):
    """Stands where the film was."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.addStretch(1)
        words = QLabel(tr("The film is in a window of its own."))
        words.setFont(theme.ui_font(13))
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words.setWordWrap(True)
        column.addWidget(words)
        self.back = QPushButton(tr("Bring it back"))
        column.addWidget(self.back, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(1)


class WindowLayout(QObject):
    """Geometry and columns of the main window, and the film's own window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self._split: QByteArray | None = None
        self._split_done = False
        self.film_window: FilmWindow | None = None
        self._elsewhere: _Elsewhere | None = None

    # --- kept -------------------------------------------------------------------------------

    def restore(self) -> None:
        """As it was left, on a screen that is there; else the first size."""
        kept = self._w._settings()
        geometry, split = kept.value("geometry"), kept.value("splitter")
        if not isinstance(geometry, QByteArray) or not self._w.restoreGeometry(geometry):
            self._first_size()
        self._split = split if isinstance(split, QByteArray) else None

    def shown(self) -> None:
        """A splitter takes sizes only once it has one itself."""
        if not self._split_done:
            self._split_done = True
            if self._split is None or not self._w.splitter.restoreState(self._split):
                self._w.splitter.setSizes(columns_for(self._w.width()))

    def keep(self) -> None:
        """For the next start."""
        kept = self._w._settings()
        kept.setValue("geometry", self._w.saveGeometry())
        kept.setValue("splitter", self._w.splitter.saveState())

    def _first_size(self) -> None:
        screen = self._w.screen()
        room = screen.availableSize() if screen is not None else FIRST_SIZE
        self._w.resize(FIRST_SIZE.boundedTo(room))

    def reset(self) -> None:
        """Sizes and places as at the first start."""
        self.bring_back()
        window = self._w
        window.setWindowState(Qt.WindowState.WindowNoState)
        self._first_size()
        window.actions_.check("full-screen", False)
        window.lists.set_wide(False)
        window.tabs.setCurrentWidget(window.bones)
        window.splitter.setSizes(columns_for(window.width()))
        kept = window._settings()
        for key in ("geometry", "splitter"):
            kept.remove(key)
        window.desk.tell(tr("The layout is as at first."), topic="layout")

    # --- the film elsewhere -------------------------------------------------------------------

    def toggle_film_window(self) -> None:
        """The film in a window of its own, or back."""
        if self.film_window is None:
            self.send_away()
        else:
            self.bring_back()

    def _other_screen(self) -> QScreen | None:
        """A screen that the main window is not on."""
        own = self._w.screen()
        return next((screen for screen in QGuiApplication.screens() if screen is not own), None)

    def send_away(self) -> None:
        """Film and tool bar to a window of their own: full screen on another monitor, where there is one."""
        window, panel = self._w, self._w.film_panel
        if panel is None or self.film_window is not None:
            return
        self._elsewhere = _Elsewhere()
        self._elsewhere.back.clicked.connect(self.bring_back)
        window.stack.addWidget(self._elsewhere)
        window.stack.removeWidget(panel)
        self.film_window = FilmWindow(panel)
        window.actions_.add_to(self.film_window, Scope.WINDOW)
        self.film_window.closed.connect(self.bring_back)
        window.stack.setCurrentWidget(self._elsewhere)
        other = self._other_screen()
        if other is not None:
            self.film_window.setGeometry(other.availableGeometry())
            self.film_window.showFullScreen()
        else:
            self.film_window.resize(900, 1000)
            self.film_window.show()
        window.actions_.check("film-window", True)

    def bring_back(self) -> None:
        """The film in its place in the main window."""
        film, panel = self.film_window, self._w.film_panel
        if film is None or panel is None:
            return
        self.film_window = None
        window = self._w
        window.stack.addWidget(panel)
        if self._elsewhere is not None:
            window.stack.removeWidget(self._elsewhere)
            self._elsewhere.deleteLater()
            self._elsewhere = None
        film.hide()
        film.deleteLater()
        window.actions_.check("film-window", False)
        window.show_film()

    @property
    def place(self) -> QWidget | None:
        """What stands for the film in the main window: the film, or the note that it is elsewhere."""
        return self._elsewhere if self.film_window is not None else self._w.film_panel
