"""The keys in force, as messages and hints name them: never a key that does something else now."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence

from boneage_desk.common.i18n import tr

_NATIVE = QKeySequence.SequenceFormat.NativeText
_KEYS: dict[str, tuple[str, ...]] = {}


class _Told(QObject):
    changed = Signal()
    """Other keys are in force."""


told = _Told()


def use(keys: Mapping[str, tuple[str, ...]]) -> None:
    """Keys by a command's id, from now on."""
    _KEYS.clear()
    _KEYS.update(keys)
    told.changed.emit()


def keys(id: str) -> tuple[str, ...] | None:
    """All keys of a command; None where the commands are not made yet."""
    return _KEYS.get(id)


def key(id: str) -> str:
    """The first key of a command as this system writes it, 'Enter' for the large one; '' where it has none."""
    own = _KEYS.get(id, ())
    return QKeySequence(own[0]).toString(_NATIVE).replace("Return", "Enter") if own else ""


def with_key(words: str, id: str) -> str:
    """``words`` with the key of a command behind them in brackets, where it has one."""
    own = key(id)
    return f"{words} ({own})" if own else words


def pass_hint() -> str:
    """How the pass over the bones goes, for the status bar; what has no key is not named."""
    less, more = key("grade-down"), key("grade-up")
    arrows = (less, more) == tuple(QKeySequence(one).toString(_NATIVE) for one in ("Left", "Right"))
    parts = (
        (tr("{key} accept", key=key("accept")), key("accept")),
        (tr("arrows grade") if arrows else tr("{less} {more} grade", less=less, more=more), less and more),
        (tr("{key} next", key=key("next-unreviewed")), key("next-unreviewed")),
        (tr("{key} all keys", key=key("shortcuts")), key("shortcuts")),
    )
    return " \N{MIDDLE DOT} ".join(words for words, there in parts if there)
