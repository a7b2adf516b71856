"""Words of a film on the screen: shown as they stand, never taken for HTML."""

from __future__ import annotations

import pytest
from PySide6.QtGui import Qt, QTextDocument
from pytestqt.qtbot import QtBot

from boneage_desk.ui.plain_tip import plain_tip
from boneage_desk.ui.views.clipped_text import ClippedText
from boneage_desk.ui.views.elided import ElidedLabel

TRICKS = ("<img src=//host/share/x.png>", "<b>LI^Ming</b>", '<a href="file:///etc/passwd">x</a>', "<qt>x")

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("words", TRICKS)
def test_a_tool_tip_shows_the_words_themselves(qtbot: QtBot, words: str) -> None:
    assert Qt.mightBeRichText(words), "Qt would take it for HTML"
    for widget in (ElidedLabel(), ClippedText("text")):
        qtbot.addWidget(widget)
        widget.setText(words)
        shown = QTextDocument()
        shown.setHtml(widget.toolTip())
        assert shown.toPlainText() == words
    assert plain_tip("LI^Ming < 3 months & more") == "LI^Ming < 3 months & more"

