"""Colours, fonts and the style sheet: near-black neutral greys for a dark reading room.

Machine = blue, person = orange, attention = yellow. None of them is told by colour alone: the machine's
boxes are plain, a person's have corner marks and the letter H, what needs a look is dashed and has '!'.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette
from PySide6.QtWidgets import QApplication

from boneage_desk.common.paths import packaged_dir

BACKGROUND = "#141414"
PANEL = "#1b1b1b"
RAISED = "#262626"
LINE = "#383838"
TEXT = "#e4e4e4"
MUTED = "#a3a3a3"
FILM = "#000000"
ACCENT = "#4f8fd6"
MACHINE = "#6fb1ff"
HUMAN = "#ff9f45"
ATTENTION = "#ffd84a"
ERROR = "#ff7a70"
GOOD = "#8fce8f"
EPIPHYSIS = "#3fe0d0"
SHAFT = "#f09ad2"
"""The two measured widths; told apart by solid and dashed too."""
CARPAL = "#62d96b"
METACARPAL = "#ff6f61"
"""The two regions of the cascade; told apart by solid and dashed and by their labels too."""
SELECTION = "#26384d"

_NAMES = {
    "BACKGROUND": BACKGROUND, "PANEL": PANEL, "RAISED": RAISED, "LINE": LINE, "TEXT": TEXT, "MUTED": MUTED,
    "ACCENT": ACCENT, "MACHINE": MACHINE, "HUMAN": HUMAN, "ATTENTION": ATTENTION, "ERROR": ERROR, "GOOD": GOOD,
    "SELECTION": SELECTION, "FILM": FILM,
}  # fmt: skip


def colour(value: str, alpha: int = 255) -> QColor:
    """A named colour of this module with an opacity 0..255."""
    result = QColor(value)
    result.setAlpha(alpha)
    return result


def ui_font(points: float = 10.0, *, bold: bool = False) -> QFont:
    """The window's font with tabular figures, so that columns of numbers line up."""
    font = QFont(QApplication.font())
    font.setPointSizeF(points)
    font.setBold(bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def icon(name: str) -> QIcon:
    """An icon of resources/icons; its disabled look is a fainter one."""
    picture = QIcon(str(Path(packaged_dir("resources")) / "icons" / f"{name}.svg"))
    faint = picture.pixmap(20, 20)
    painter = QPainter(faint)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.fillRect(faint.rect(), QColor(0, 0, 0, 80))
    painter.end()
    picture.addPixmap(faint, QIcon.Mode.Disabled)
    return picture


def add_fonts() -> None:
    """The fonts that travel with the program, so that a Chinese name can be read on any computer. After
    the first paint: the Han font has some megabytes."""
    for path in sorted((Path(packaged_dir("resources")) / "fonts").glob("*Han*.ttf")):
        QFontDatabase.addApplicationFont(str(path))


def style_sheet() -> str:
    """resources/styles/dark.qss with this module's colours in place of ``@NAME@``."""
    text = (Path(packaged_dir("resources")) / "styles" / "dark.qss").read_text(encoding="utf-8")
    for name, value in _NAMES.items():
        text = text.replace(f"@{name}@", value)
    return text


def apply(app: QApplication) -> None:
    """Give the application its palette, font and style sheet."""
    app.setStyle("Fusion")
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, value in (
        (roles.Window, BACKGROUND), (roles.WindowText, TEXT), (roles.Base, PANEL), (roles.AlternateBase, RAISED),
        (roles.Text, TEXT), (roles.Button, RAISED), (roles.ButtonText, TEXT), (roles.BrightText, ATTENTION),
        (roles.Highlight, SELECTION), (roles.HighlightedText, TEXT), (roles.ToolTipBase, RAISED),
        (roles.ToolTipText, TEXT), (roles.PlaceholderText, MUTED), (roles.Link, MACHINE), (roles.Accent, ACCENT),
    ):  # fmt: skip
        palette.setColor(role, QColor(value))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#6f6f6f"))
    app.setPalette(palette)
    font = app.font()
    font.setPointSizeF(10.0)
    font.setFeature(QFont.Tag("tnum"), 1)
    app.setFont(font)
    app.setStyleSheet(style_sheet())
