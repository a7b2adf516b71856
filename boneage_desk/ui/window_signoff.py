"""Joins signing to the window: the panel on the report's page, and the two questions that signing may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog

from boneage_desk.ui.presenters.signoff import SignOff
from boneage_desk.ui.views.signoff_panel import PassphraseDialog, ProfileDialog, SignoffPanel

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow


class WindowSignOff(QObject):
    """The panel and its presenter; made once the window's pages are there."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.presenter = SignOff(window.desk)
        self.panel = SignoffPanel()
        window.report.put_on_top(self.panel)
        it = self.presenter
        it.changed.connect(self._show)
        it.profile_wanted.connect(self._ask_who)
        it.passphrase_wanted.connect(self._ask_passphrase)
        self.panel.sign_wanted.connect(self.sign)
        self.panel.answered.connect(it.answer)
        self.panel.addendum_wanted.connect(it.addendum)
        self.panel.verify_wanted.connect(it.verify)
        self._show()

    def sign(self, reason: str = "") -> None:
        """Sign the report shown; what was typed elsewhere belongs to it."""
        self._w.flush()
        self._w.tabs.setCurrentWidget(self._w.report)
        self.presenter.sign(reason)

    def _show(self) -> None:
        self.panel.show_view(self.presenter.view())

    def _ask_who(self) -> None:
        services = self._w.services
        dialog = ProfileDialog(self._w, services.who(), services.settings.reader_name)
        dialog.accepted.connect(lambda: self.presenter.set_person(*dialog.chosen()))
        self._ask(dialog)

    def _ask_passphrase(self, what: str, why: str) -> None:
        dialog = PassphraseDialog(self._w, what, why)
        dialog.accepted.connect(lambda: self.presenter.go_on(*dialog.take()))
        self._ask(dialog)

    def _ask(self, dialog: QDialog) -> None:
        """Show a question over the window and go on; saying no signs nothing."""
        dialog.rejected.connect(self.presenter.forget)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
