"""Colours, fonts and the style sheet: near-black neutral greys for a dark reading room, and a light one for a bright office.

Machine = blue, person = orange, attention = yellow. None of them is told by colour alone: the machine's
boxes are plain, a person's have corner marks and the letter H, what needs a look is dashed and has '!'.

The names in capitals are the colours in use: `use` changes them. What is drawn over the film has colours of its own
(``ON_FILM_...``), the same in both themes, since the film is black in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QImageReader,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from boneage_desk.common.paths import packaged_dir

DARK: Mapping[str, str] = {
    "BACKGROUND": "#141414", "PANEL": "#1b1b1b", "RAISED": "#262626", "FIELD": "#101010", "LINE": "#383838",
    "TEXT": "#e4e4e4", "MUTED": "#a3a3a3", "DISABLED": "#6f6f6f", "FAINT": "#2c2c2c", "HOVER": "#555555", "ICON": "#d2d2d2",
    "ACCENT": "#4f8fd6", "PRIMARY": "#2c5f99", "PRIMARY_TEXT": "#f2f2f2", "SELECTION": "#26384d",
    "MACHINE": "#6fb1ff", "HUMAN": "#ff9f45", "ATTENTION": "#ffd84a", "ERROR": "#ff7a70", "GOOD": "#8fce8f",
    "FLAG": "#2e2a16", "FLAG_LINE": "#6b5e1f", "STOP": "#3b1c1a", "STOP_TEXT": "#ffb3ac", "WARN": "#29261a", "FAULT": "#2c1f1e",
}  # fmt: skip
LIGHT: Mapping[str, str] = {
    "BACKGROUND": "#e9ebee", "PANEL": "#f7f8f9", "RAISED": "#ffffff", "FIELD": "#ffffff", "LINE": "#c2c7cd",
    "TEXT": "#1b1d1f", "MUTED": "#565c63", "DISABLED": "#787e85", "FAINT": "#d8dce0", "HOVER": "#9aa1a9", "ICON": "#3c4146",
    "ACCENT": "#1f6ab8", "PRIMARY": "#1f5fa8", "PRIMARY_TEXT": "#ffffff", "SELECTION": "#cfe2f7",
    "MACHINE": "#0d57a6", "HUMAN": "#8f4300", "ATTENTION": "#6f5200", "ERROR": "#a8201a", "GOOD": "#1b6a2b",
    "FLAG": "#fff4cf", "FLAG_LINE": "#c9a93a", "STOP": "#fde1de", "STOP_TEXT": "#8c1a14", "WARN": "#fff4cf", "FAULT": "#fde9e7",
}  # fmt: skip
PALETTES: Mapping[str, Mapping[str, str]] = {"dark": DARK, "light": LIGHT}

BACKGROUND, PANEL, RAISED, FIELD, LINE = DARK["BACKGROUND"], DARK["PANEL"], DARK["RAISED"], DARK["FIELD"], DARK["LINE"]
TEXT, MUTED, DISABLED, SELECTION = DARK["TEXT"], DARK["MUTED"], DARK["DISABLED"], DARK["SELECTION"]
ACCENT, MACHINE, HUMAN, ATTENTION = DARK["ACCENT"], DARK["MACHINE"], DARK["HUMAN"], DARK["ATTENTION"]
ERROR, GOOD, ICON = DARK["ERROR"], DARK["GOOD"], DARK["ICON"]

FILM = "#000000"
ON_FILM_MACHINE, ON_FILM_HUMAN, ON_FILM_ATTENTION = DARK["MACHINE"], DARK["HUMAN"], DARK["ATTENTION"]
ON_FILM_ACCENT = DARK["ACCENT"]
EPIPHYSIS = "#3fe0d0"
SHAFT = "#f09ad2"
"""The two measured widths; told apart by solid and dashed too."""
CARPAL = "#62d96b"
METACARPAL = "#ff6f61"
"""The two regions of the cascade; told apart by solid and dashed and by their labels too."""

BASE_POINTS = 10.0
ICON_SIZE = 20
SMALLEST_POINTS, LARGEST_POINTS = 8, 18
_in_use: Mapping[str, str] = DARK
_scale = 1.0
_system: list[str] = []
"""The fonts that were there before this program's."""


def colour(value: str, alpha: int = 255) -> QColor:
    """A named colour of this module with an opacity 0..255."""
    result = QColor(value)
    result.setAlpha(alpha)
    return result


def current(value: str) -> str:
    """The colour in use that has the part of ``value``, a colour of either theme: for what was given one when it was made."""
    for palette in PALETTES.values():
        for name, known in palette.items():
            if known == value:
                return _in_use[name]
    return value


def points(size: float) -> float:
    """A font size of the design in points, as large as the person wants it."""
    return size * _scale


def ui_font(size: float = BASE_POINTS, *, bold: bool = False) -> QFont:
    """The window's font with tabular figures, so that columns of numbers line up."""
    font = QFont(QApplication.font())
    font.setPointSizeF(points(size))
    font.setBold(bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def icon(name: str) -> QIcon:
    """An icon of resources/icons in the colour in use; its disabled look is a fainter one."""
    return _icon(name, _in_use["ICON"])


@cache
def _icon(name: str, stroke: str) -> QIcon:
    drawn = (_icons() / f"{name}.svg").read_text(encoding="utf-8")
    data = QByteArray(drawn.replace(DARK["ICON"], stroke).encode())
    buffer = QBuffer(data)
    reader = QImageReader(buffer, b"svg")
    reader.setScaledSize(QSize(2 * ICON_SIZE, 2 * ICON_SIZE))
    sharp = QPixmap.fromImage(reader.read())
    sharp.setDevicePixelRatio(2)
    faint = QPixmap(sharp)
    painter = QPainter(faint)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.fillRect(0, 0, ICON_SIZE, ICON_SIZE, QColor(0, 0, 0, 80))
    painter.end()
    picture = QIcon(sharp)
    picture.addPixmap(faint, QIcon.Mode.Disabled)
    return picture


@cache
def _icons() -> Path:
    return Path(packaged_dir("resources")) / "icons"


def add_fonts() -> None:
    """The fonts that travel with the program, so that a Chinese name can be read on any computer. After
    the first paint: the Han font has some megabytes."""
    if _system:
        return
    _system.append(QApplication.font().family())
    for path in sorted((Path(packaged_dir("resources")) / "fonts").glob("*Han*.ttf")):
        QFontDatabase.addApplicationFont(str(path))


def style_sheet() -> str:
    """resources/styles/window.qss with the colours in use in place of ``@NAME@`` and sizes as large as wanted."""
    text = (Path(packaged_dir("resources")) / "styles" / "window.qss").read_text(encoding="utf-8")
    for name, value in (*_in_use.items(), ("FILM", FILM), ("ICONS", _icons().as_posix())):
        text = text.replace(f"@{name}@", value)
    return re.sub(r"\b(\d+(?:\.\d+)?)pt\b", lambda size: f"{points(float(size.group(1))):g}pt", text)


def of_system() -> str:
    """'dark' or 'light', as the desktop says; dark where it says nothing."""
    application = QGuiApplication.instance()
    assert isinstance(application, QGuiApplication)
    light = application.styleHints().colorScheme() is Qt.ColorScheme.Light
    return "light" if light else "dark"


def use(wanted: str = "dark", font_points: float = 0) -> None:
    """The colours of ``wanted`` ('dark', 'light' or 'system') and the font size from now on; `apply` shows them.

    ``font_points``: 0 is the design's own size.
    """
    global _in_use, _scale
    _in_use = PALETTES[of_system() if wanted == "system" else wanted]
    _scale = (font_points or BASE_POINTS) / BASE_POINTS
    globals().update({name: value for name, value in _in_use.items() if name in globals()})


def _palette() -> QPalette:
    palette, roles, now = QPalette(), QPalette.ColorRole, _in_use
    for role, name in (
        (roles.Window, "BACKGROUND"), (roles.WindowText, "TEXT"), (roles.Base, "PANEL"), (roles.AlternateBase, "RAISED"),
        (roles.Text, "TEXT"), (roles.Button, "RAISED"), (roles.ButtonText, "TEXT"), (roles.BrightText, "ATTENTION"),
        (roles.Highlight, "SELECTION"), (roles.HighlightedText, "TEXT"), (roles.ToolTipBase, "RAISED"),
        (roles.ToolTipText, "TEXT"), (roles.PlaceholderText, "MUTED"), (roles.Link, "MACHINE"), (roles.Accent, "ACCENT"),
        (roles.Light, "RAISED"), (roles.Midlight, "RAISED"), (roles.Mid, "LINE"), (roles.Dark, "LINE"), (roles.Shadow, "LINE"),
    ):  # fmt: skip
        palette.setColor(role, QColor(now[name]))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(now["DISABLED"]))
    return palette


def apply(app: QApplication) -> None:
    """Give the application the palette, font and style sheet in use."""
    app.setStyle("Fusion")
    app.setPalette(_palette())
    font = app.font()
    font.setPointSizeF(points(BASE_POINTS))
    font.setFeature(QFont.Tag("tnum"), 1)
    app.setFont(font)
    app.setStyleSheet(style_sheet())


def repaint(app: QApplication, wanted: str, font_points: float = 0) -> None:
    """Change the theme of windows that are there: palette, style sheet, icons, and what took a colour when it was made.

    The font size changes with the next start: labels have taken theirs.
    """
    use(wanted, font_points)
    app.setStyleSheet("")  # to go from sheet to sheet takes Qt five times as long as from none to one
    app.setPalette(_palette())
    app.setStyleSheet(style_sheet())
    known = sorted({value for palette in PALETTES.values() for value in palette.values()})
    pattern = re.compile("|".join(map(re.escape, known)))
    for widget in app.allWidgets():
        own = widget.styleSheet()
        if own and pattern.search(own):
            widget.setStyleSheet(pattern.sub(lambda found: current(found.group()), own))
        if isinstance(widget, QToolButton) and not widget.icon().isNull():
            _fresh_icon(widget)
        if isinstance(widget, QWidget):
            widget.update()


def _fresh_icon(button: QToolButton) -> None:
    action = button.defaultAction()
    name = action.objectName() if action is not None else str(button.property("icon_name") or "")
    if name and (_icons() / f"{name}.svg").exists():
        picture = icon(name)
        if action is not None:
            action.setIcon(picture)
        button.setIcon(picture)
