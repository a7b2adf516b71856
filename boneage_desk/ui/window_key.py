"""Asks for the passphrase of an encrypted data base whose key is not in the key store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import tr
from boneage_desk.ui.presenters.messages import Choice, Message

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.signoff_panel import PassphraseDialog


class WindowKey(QObject):
    """Gives the list's failure a way out; a passphrase is kept nowhere but, where the person says so, as the key in the
    key store of the account."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.dialog: PassphraseDialog | None = None
        window.library.ways_out = self.ways_out

    def ways_out(self, error: BaseException) -> tuple[Choice, ...]:
        """For a data base that a passphrase opens: to enter it."""
        locked = isinstance(error, BoneAgeError) and error.code in ("encrypted", "passphrase")
        if not locked or self._w.services.station is None:
            return ()
        return (Choice(tr("Enter the passphrase"), self.ask),)

    def ask(self) -> None:
        """Ask, and try again with the answer."""
        from boneage_desk.ui.views.signoff_panel import PassphraseDialog

        dialog = PassphraseDialog(self._w, "store", "")
        dialog.accepted.connect(lambda: self._unlock(*dialog.take()))
        dialog.rejected.connect(self._stays_closed)
        dialog.finished.connect(lambda _result: setattr(self, "dialog", None))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog = dialog
        dialog.open()

    def _stays_closed(self) -> None:
        """The question was put away: the way to it stays in sight."""
        way = Choice(tr("Enter the passphrase"), self.ask)
        self._w.desk.message.emit(Message("warning", tr("The data base stays closed"), choices=(way,), topic="store"))

    def _unlock(self, passphrase: str, keep: bool) -> None:
        window = self._w
        keeper = window.services.station
        assert keeper is not None
        window.runner.submit(
            "store", tr("Opening the data base"), lambda _t, _p: keeper().unlock(passphrase, keep=keep),
            on_result=lambda _done: self._opened(),
            on_failed=lambda error: window.desk.report(
                error, tr("The data base stays closed"), self.ways_out(error), topic="store"
            ),
        )  # fmt: skip

    def _opened(self) -> None:
        self._w.messages.clear_topic("store")
        self._w.library.load()
