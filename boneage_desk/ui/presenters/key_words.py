"""The keys in force, as messages and hints name them: never a key that does something else now."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QKeySequence

from boneage_desk.common.i18n import tr

_NATIVE = QKeySequence.SequenceFormat.NativeText
_KEYS: dict[str, tuple[str, ...]] = {}


def use(keys: Mapping[str, tuple[str, ...]]) -> None:
    """Keys by a command's id, from now on."""
    _KEYS.clear()
    _KEYS.update(keys)


def key(id: str) -> str:
    """The first key of a command as this system writes it, 'Enter' for the large one; '' where it has none."""
    own = _KEYS.get(id, ())
    return QKeySequence(own[0]).toString(_NATIVE).replace("Return", "Enter") if own else ""


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
