"""Words of a widget that name the key in force of a command: they follow when the key is changed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui.presenters import key_words


class KeyWords(QObject):
    """``make`` gives the words, ``setter`` names the method of a widget or action that takes them. It lives as long as that."""

    def __init__(self, widget: QObject, make: Callable[[], str], setter: str = "setToolTip") -> None:
        super().__init__(widget)
        self._make, self._setter = make, setter
        key_words.told.changed.connect(self.show)
        self.show()

    def show(self) -> None:
        """The words with the key that is in force now."""
        getattr(self.parent(), self._setter)(self._make())


def key_tip(widget: QWidget, words: str, id: str) -> None:
    """A tool tip of ``words`` and, in brackets, the key of the command ``id``."""
    KeyWords(widget, lambda: key_words.with_key(words, id))


def key_entry(action: QAction, words: str, id: str) -> None:
    """The text of a menu's entry with the key of the command ``id`` at its right, where it has one."""
    KeyWords(action, lambda: "\t".join(filter(None, (words, key_words.key(id)))), "setText")


def opacity_words() -> str:
    """The name of the slider of a map's opacity, with the keys that change it."""
    fainter, stronger = key_words.key("map-fainter"), key_words.key("map-stronger")
    if not fainter or not stronger:
        return tr("Opacity of the map")
    return tr("Opacity of the map ({fainter} and {stronger})", fainter=fainter, stronger=stronger)
