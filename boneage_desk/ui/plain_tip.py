"""Tool tips with words from a film: never taken for HTML.

Qt takes a tool tip for rich text when it looks like it. A patient called '<img src=//host/x>' would make Windows log on to
that host, and one called '<b>...' would be shown under another name.
"""

from __future__ import annotations

from PySide6.QtGui import Qt


def plain_tip(text: str) -> str:
    """``text`` so that a tool tip shows it as it stands."""
    return Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text
