"""Where the window's parts lie: kept for the next start, put back as at first, docks at the film's sides, and the film in a
window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QScreen
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.actions import Scope
from boneage_desk.ui.views.waiting import columns_for

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow

FIRST_SIZE = QSize(1600, 1000)
PAGES_SIZE = QSize(900, 1000)
"""Least size of the pages in a window of their own on another screen."""
UPRIGHT = 1.2
"""Height to width of a window from which on the pages lie under the film at first, where they have the room."""
UNDER_FILM = 0.45
"""Share of such a window's height that they take."""
NOTE_ROOM = 200
"""What is left of the film's place while the film is elsewhere [px]."""


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
    """Geometry and docks of the main window, and the film's own window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self._places: QByteArray | None = None
        self._placed = self._unlocked = False
        self.film_window: FilmWindow | None = None
        self._elsewhere: _Elsewhere | None = None
        self._pages_size = QSize()

    # --- kept -------------------------------------------------------------------------------

    def restore(self) -> None:
        """As it was left, on a screen that is there; else the first size."""
        kept = self._w._settings()
        geometry, places = kept.value("geometry"), kept.value("docks")
        if not isinstance(geometry, QByteArray) or not self._w.restoreGeometry(geometry):
            self._first_size()
        self._places = places if isinstance(places, QByteArray) else None
        self._w.docks.floated.connect(self._show_floating)

    def shown(self) -> None:
        """Docks take sizes only once the window has one itself."""
        if not self._placed:
            self._placed = True
            if self._places is None or not self._w.docks.restore(self._places):
                self._first_columns()
            self._w.actions_.check("side-list", not self._w.docks.list.isHidden())
            self._show_floating()

    def keep(self) -> None:
        """For the next start."""
        kept = self._w._settings()
        kept.setValue("geometry", self._w.saveGeometry())
        kept.setValue("docks", self._w.docks.save())

    def _first_size(self) -> None:
        screen = self._w.screen()
        room = screen.availableSize() if screen is not None else FIRST_SIZE
        upright = room.height() > UPRIGHT * room.width()
        self._w.resize((FIRST_SIZE.transposed() if upright else FIRST_SIZE).boundedTo(room))

    def _first_columns(self) -> None:
        docks, upright = self._w.docks, self._w.height() > UPRIGHT * self._w.width()
        docks.reset(below=upright)
        listed, _, pages = columns_for(self._w.width())
        docks.set_widths(listed, pages)
        if upright:
            docks.set_height(round(UNDER_FILM * self._w.height()))

    def reset(self) -> None:
        """Sizes and places as at the first start."""
        self.bring_back()
        window = self._w
        window.setWindowState(Qt.WindowState.WindowNoState)
        self._first_size()
        window.actions_.check("full-screen", False)
        window.lists.set_wide(False)
        window.tabs.setCurrentWidget(window.bones)
        self.unlock_panels(False)
        self._first_columns()
        kept = window._settings()
        for key in ("geometry", "docks"):
            kept.remove(key)
        window.desk.tell(tr("The layout is as at first."), topic="layout")

    # --- the docks ----------------------------------------------------------------------------

    def unlock_panels(self, on: bool | None = None) -> None:
        """Titles to drag work list and pages by, or none; None: the other of the two."""
        self._unlocked = not self._unlocked if on is None else on
        self._w.docks.unlock(self._unlocked)
        self._w.actions_.check("move-panels", self._unlocked)
        if self._unlocked:
            self._w.desk.tell(tr("Drag the panels by their titles: to the other side, onto one another, or out of the window."),
                              topic="layout")  # fmt: skip

    def toggle_pages_window(self) -> None:
        """Bones, clinical facts and report in a window of their own, or back."""
        pages = self._w.docks.pages
        pages.toggle_floating()
        other = self._other_screen()
        film_there = self.film_window is not None and self.film_window.screen() is other
        if pages.isFloating() and other is not None and not film_there:
            room = other.availableGeometry()
            pages.setGeometry(QRect(room.topLeft(), pages.size().expandedTo(PAGES_SIZE).boundedTo(room.size())))

    def _show_floating(self) -> None:
        self._w.actions_.check("pages-window", self._w.docks.pages.isFloating())

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
        self._pages_size = window.docks.pages.size()
        window.docks.give_pages(NOTE_ROOM)
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
        window.docks.take_back(self._pages_size)

    @property
    def place(self) -> QWidget | None:
        """What stands for the film in the main window: the film, or the note that it is elsewhere."""
        return self._elsewhere if self.film_window is not None else self._w.film_panel
