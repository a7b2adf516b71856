"""The window's parts at the film's sides as docks: moved from side to side, laid over one another as tabs, or in windows of
their own. While they are locked, which they are at first, nothing of this is seen and no room is spent on it."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QTabWidget, QToolButton, QWidget

from boneage_desk.common.i18n import tr

_Area = Qt.DockWidgetArea
_STATE_VERSION = 1
LIST, PAGES = "work-list", "pages"


class DockTitle(QWidget):
    """Bar by which a dock is dragged; of no height while it is locked in its place."""

    float_wanted = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 4, 2)
        self.name = QLabel(name)
        row.addWidget(self.name, 1)
        self.button = QToolButton()
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self.float_wanted)
        row.addWidget(self.button)
        self._shown = True

    def show_bar(self, on: bool, floating: bool) -> None:
        """The bar, or nothing."""
        self.button.setText(tr("Back into the window") if floating else tr("Window of its own"))
        if on != self._shown:
            self._shown = on
            self.setVisible(on)
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        return super().sizeHint() if self._shown else QSize(0, 0)

    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint() if self._shown else QSize(0, 0)


class Dock(QDockWidget):
    """One part. In a window of its own, closing brings it back."""

    def __init__(self, id: str, name: str, part: QWidget, areas: Qt.DockWidgetArea) -> None:
        super().__init__(name)
        self.setObjectName(id)
        self.setAllowedAreas(areas)
        self.title = DockTitle(name)
        self.title.float_wanted.connect(self.toggle_floating)
        self.setTitleBarWidget(self.title)
        self.setWidget(part)
        self._unlocked = False
        self.topLevelChanged.connect(self._show_title)

    def unlock(self, on: bool) -> None:
        """Let it be moved by its title."""
        self._unlocked = on
        self._show_title()

    def toggle_floating(self) -> None:
        """To a window of its own, or back."""
        self.setFloating(not self.isFloating())

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.setFloating(False)

    def _show_title(self) -> None:
        loose = self._unlocked or self.isFloating()
        wanted = QDockWidget.DockWidgetFeature
        self.setFeatures(wanted.DockWidgetMovable | wanted.DockWidgetFloatable if loose else wanted.NoDockWidgetFeatures)
        self.title.show_bar(loose, self.isFloating())


class DockArea(QMainWindow):
    """``film`` in the middle, ``work_list`` to its left and ``pages`` (bones, clinical, report) to its right, at first."""

    floated = Signal()
    """A dock went to a window of its own, or came back."""

    def __init__(self, work_list: QWidget, film: QWidget, pages: QWidget) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks)
        self.setCorner(Qt.Corner.BottomLeftCorner, _Area.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, _Area.RightDockWidgetArea)
        self.setTabPosition(_Area.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # Qt's own names and hides docks
        self.film = film
        self.setCentralWidget(film)
        sides = _Area.LeftDockWidgetArea | _Area.RightDockWidgetArea
        self.list = Dock(LIST, tr("Work list"), work_list, sides)
        self.pages = Dock(PAGES, tr("Bones, clinical, report"), pages, sides | _Area.BottomDockWidgetArea)
        self._docks = (self.list, self.pages)
        for dock in self._docks:
            dock.topLevelChanged.connect(self.floated)
        self._put()
        self.unlock(False)

    def _put(self, below: bool = False) -> None:
        self.addDockWidget(_Area.LeftDockWidgetArea, self.list)
        self.addDockWidget(_Area.BottomDockWidgetArea if below else _Area.RightDockWidgetArea, self.pages)

    def unlock(self, on: bool) -> None:
        """Title bars to drag the docks by, or none."""
        for dock in self._docks:
            dock.unlock(on)

    def widths(self) -> list[int]:
        """Of work list, film and pages [px]; 0: hidden."""
        return [0 if part.isHidden() else part.width() for part in (self.list, self.film, self.pages)]

    def set_widths(self, listed: int, pages: int) -> None:
        """Of the work list and the pages [px], where they lie beside the film."""
        self.resizeDocks([self.list, self.pages], [listed, pages], Qt.Orientation.Horizontal)

    def give_pages(self, left: int) -> None:
        """All room but ``left`` px of the film's place to the pages, where they lie beside or under it."""
        if self.pages.isFloating() or self.pages.isHidden():
            return
        room = self.film.size()
        if self.dockWidgetArea(self.pages) == _Area.BottomDockWidgetArea:
            self.set_height(self.pages.height() + max(0, room.height() - left))
        else:
            self.resizeDocks([self.pages], [self.pages.width() + max(0, room.width() - left)], Qt.Orientation.Horizontal)

    def take_back(self, size: QSize) -> None:
        """The pages at ``size`` again."""
        if not self.pages.isFloating():
            self.resizeDocks([self.pages], [size.width()], Qt.Orientation.Horizontal)
            self.set_height(size.height())

    def reset(self, below: bool = False) -> None:
        """Both docks in the places that they have at first; below: the pages under the film, for an upright screen."""
        for dock in self._docks:
            dock.setFloating(False)
            self.removeDockWidget(dock)
        self._put(below)
        for dock in self._docks:
            dock.show()

    def set_height(self, pages: int) -> None:
        """Of the pages [px], where they lie under the film."""
        self.resizeDocks([self.pages], [pages], Qt.Orientation.Vertical)

    def save(self) -> QByteArray:
        """Places and sizes of the docks."""
        return self.saveState(_STATE_VERSION)

    def restore(self, state: QByteArray) -> bool:
        """What :meth:`save` gave; False where it is of another program."""
        if not self.restoreState(state, _STATE_VERSION):
            return False
        self.pages.show()
        return True

    def hide_floating(self) -> None:
        """With the main window."""
        for dock in self._docks:
            if dock.isFloating():
                dock.hide()
