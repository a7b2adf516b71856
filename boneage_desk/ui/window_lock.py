"""Joins the lock and the scheduled backups to the window: covers it, and sees whether somebody is at the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QToolTip, QWidget

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui.presenters.backups import Backups
from boneage_desk.ui.presenters.locking import Locking
from boneage_desk.ui.views.lock import LockScreen

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow

TITLE = mark("BoneAge Desk \N{EN DASH} locked")
_SIGNS = frozenset(
    {
        QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove,
        QEvent.Type.Wheel, QEvent.Type.TouchBegin, QEvent.Type.TabletPress,
    }
)  # fmt: skip
"""Events of somebody at the desk. Of a key that is a command's, only the release comes to a window."""


class WindowLock(QObject):
    """While locked, of the window only the lock screen is there: all else is hidden and its commands are off, so that
    neither eye nor key gets at it; other windows of the program are hidden too, and questions are answered with no."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.presenter = Locking(window.desk)
        self.backups = Backups(window.desk)
        self.screen: LockScreen | None = None
        self._hidden: list[QWidget] = []
        self._others: list[QWidget] = []
        self._focus: QWidget | None = None
        self._title = ""
        self.presenter.changed.connect(self._show)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.focusWindowChanged.connect(self._focus_moved)

    def begin(self) -> None:
        """After the first paint, before any work list is read."""
        self.presenter.begin()
        self.backups.begin()
        self._watch(self._w.windowHandle())

    def stop(self) -> None:
        """The window closes."""
        self.presenter.stop()
        self.backups.stop()

    def lock(self) -> None:
        """Lock now."""
        self.presenter.lock()

    # --- somebody at the desk -----------------------------------------------------------------

    def _watch(self, window: QWindow | None) -> None:
        """All keys and pointers of a window pass its QWindow; far fewer events than the application's."""
        if window is not None:
            window.installEventFilter(self)

    def _focus_moved(self, window: QWindow | None) -> None:
        self._watch(window)
        if self.screen is not None:
            self._hide_others()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in _SIGNS:
            self.presenter.active()
        elif self.screen is not None and watched is self._w:
            if kind == QEvent.Type.Resize:
                self.screen.setGeometry(self._w.rect())
            elif kind == QEvent.Type.WindowTitleChange and self._w.windowTitle() != tr(TITLE):
                self._title = self._w.windowTitle()
                self._w.setWindowTitle(tr(TITLE))
        return False

    # --- covering ---------------------------------------------------------------------------

    def _show(self) -> None:
        if self.presenter.locked and self.screen is None:
            self._cover()
        elif not self.presenter.locked and self.screen is not None:
            self._uncover()
        if self.screen is not None:
            self.screen.show_view(self.presenter.view)
            self._hide_others()

    def _cover(self) -> None:
        window = self._w
        window.flush()
        self._focus = window.focusWidget()
        self.screen = LockScreen(window)
        self.screen.pin_given.connect(self.presenter.try_pin)
        self.screen.go_on.connect(self.presenter.go_on)
        self.screen.setGeometry(window.rect())
        parts = window.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        self._hidden = [p for p in parts if p is not self.screen and not p.isWindow() and not p.isHidden()]
        for part in self._hidden:
            part.hide()
        window.setAcceptDrops(False)
        window.actions_.lock(True)
        window.installEventFilter(self)
        self._title = window.windowTitle()
        window.setWindowTitle(tr(TITLE))
        self.screen.show()
        self.screen.raise_()
        self.screen.take_focus()

    def _hide_others(self) -> None:
        """Menus, questions and other windows of the program: what opens while locked too."""
        QToolTip.hideText()
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
            popup.hide()
        for widget in QApplication.topLevelWidgets():
            if widget is self._w or not widget.isVisible():
                continue
            if isinstance(widget, QDialog):
                widget.reject()
            if widget.isVisible():
                self._others.append(widget)
                widget.hide()

    def _uncover(self) -> None:
        window, screen = self._w, self.screen
        assert screen is not None
        self.screen = None
        window.removeEventFilter(self)
        screen.hide()
        screen.deleteLater()
        for part in self._hidden:
            part.show()
        window.setAcceptDrops(True)
        window.setWindowTitle(self._title)
        window.actions_.lock(False)
        window._update_actions()
        for other in self._others:
            other.show()
        self._hidden, self._others = [], []
        (self._focus or window.bones.table).setFocus(Qt.FocusReason.OtherFocusReason)
