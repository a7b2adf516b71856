"""What belongs to the program and not to a case: settings in force, first steps, diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from boneage_desk.common.i18n import tr
from boneage_desk.ui import key_maps, theme
from boneage_desk.ui.presenters.preferences import Preferences

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.guide import Guide
    from boneage_desk.ui.views.settings_dialog import SettingsDialog

GUIDED = "guided"
"""Key of window.ini: the first steps were shown, or put away."""


class WindowApplication(QObject):
    """Joins the settings to what shows them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.preferences = Preferences(window.desk)
        self.preferences.changed.connect(self._apply)
        self.dialog: SettingsDialog | None = None
        self.guide: Guide | None = None
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.styleHints().colorSchemeChanged.connect(self._scheme_changed)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """Of the commands that are the program's."""
        return {
            "settings": self.show_settings,
            "film-window": self._w.layout_.toggle_film_window,
            "pages-window": self._w.layout_.toggle_pages_window,
            "move-panels": self._w.layout_.unlock_panels,
            "reset-layout": self._w.layout_.reset,
            "guide": self.show_guide,
            "copy-diagnostics": self.copy_diagnostics,
        }

    # --- settings ---------------------------------------------------------------------------

    def show_settings(self) -> None:
        """The dialog; it stays beside the work."""
        from boneage_desk.ui.views.settings_dialog import SettingsDialog

        if self.dialog is None:
            self.dialog = SettingsDialog(self._w, self.preferences)
        if self.dialog.isVisible():
            self.dialog.raise_()
        self.dialog.show()
        self.dialog.activateWindow()
        self.dialog.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def _apply(self, field: str) -> None:
        chosen = self.preferences.settings
        if field == "theme":
            self._repaint()
        elif field == "keys":
            self._w.actions_.set_keys(chosen.keys)
            self._w.bone_joins.show_keys()
        elif field == "mouse":
            self.apply_mouse()
        elif field == "lock_minutes":
            self._w.lock.presenter.set_idle()

    def _repaint(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        theme.repaint(application, self.preferences.settings.theme)

    def _scheme_changed(self) -> None:
        if self.preferences.settings.theme == "system":
            self._repaint()

    def apply_mouse(self) -> None:
        """What buttons and wheel do on the film, once it is there."""
        panel = self._w.film_panel
        if panel is None:
            return
        wanted = key_maps.mouse_map(self.preferences.settings.mouse)
        panel.film.input.mouse = wanted
        if panel.film.tool in ("window", "pan", "zoom") and panel.film.tool != wanted["left"]:
            panel.choose_tool(f"{wanted['left']}-tool")

    # --- help -------------------------------------------------------------------------------

    def show_guide(self) -> None:
        """The first steps, beside the work."""
        from boneage_desk.ui.views.guide import Guide

        if self.guide is None:
            self.guide = Guide(self._w)
            self.guide.demo_wanted.connect(self._w.commands.open_demo)
        self._w._settings().setValue(GUIDED, 1)
        self.guide.begin()

    def first_time(self) -> bool:
        """Whether nobody saw the first steps on this station yet."""
        return str(self._w._settings().value(GUIDED, 0)) == "0"

    def copy_diagnostics(self) -> None:
        """Versions, models, settings and the log, without anything of a patient, into the clipboard."""
        from boneage_desk.ui.presenters.diagnostics import diagnostics

        services, state = self._w.services, self._w.desk.work.state

        def work(_token: object, _progress: object) -> str:
            return diagnostics(services, state)

        def done(words: str) -> None:
            QGuiApplication.clipboard().setText(words)
            self._w.desk.tell(tr("The diagnostics are in the clipboard, without names, ids, dates or paths of patients."),
                              topic="diagnostics")  # fmt: skip

        self._w.desk.run_later("diagnostics", tr("Collecting the diagnostics"), work, done,
                               tr("The diagnostics could not be collected"))  # fmt: skip

    def stop(self) -> None:
        """The window closes."""
        for part in (self.dialog, self.guide):
            if part is not None:
                part.close()
