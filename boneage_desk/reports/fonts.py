"""The fonts of the report and text set in them: choice of font per character, width, line breaking.

reportlab is imported inside the functions. Fonts lie in resources/fonts; see its README.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.paths import packaged_dir

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

REGULAR = "BoneAgeDesk"
BOLD = "BoneAgeDesk-Bold"
HAN = "BoneAgeDesk-Han"
FILES = {
    REGULAR: "DejaVuSansCondensed.ttf",
    BOLD: "DejaVuSansCondensed-Bold.ttf",
    HAN: "DroidSansFallbackHan.ttf",
}
LEADING = 1.28
"""Line height over font size."""

_NO_LINE_START = frozenset("，。、；：？！）》】」』”’…·,.;:?!)]}%")
_NO_LINE_END = frozenset("（《【「『“‘([{")
_lock = threading.Lock()


def font(name: str) -> Any:
    """The reportlab font, read from its file on first use (the Han font takes some 60 ms)."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    with _lock:
        if name not in pdfmetrics.getRegisteredFontNames():
            path = packaged_dir("resources") / "fonts" / FILES[name]
            try:
                pdfmetrics.registerFont(TTFont(name, str(path)))
            except (OSError, TTFError) as error:
                raise BoneAgeError(
                    f"The report's font {FILES[name]} cannot be read ({error}).",
                    "Install BoneAge Desk again.",
                    code="installation",
                ) from error
        return pdfmetrics.getFont(name)


@lru_cache(maxsize=8192)
def _place(char: str, bold: bool) -> tuple[str, str]:
    """(font, text) for one character; '[U+20BB7]' in the Latin font when no font holds it. A line break where
    there is but one line is a space."""
    latin = BOLD if bold else REGULAR
    if char == "\n":
        return latin, " "
    if char == " " or ord(char) in font(latin).face.charToGlyph:
        return latin, char
    if ord(char) in font(HAN).face.charToGlyph:
        return HAN, char
    return latin, f"[U+{ord(char):04X}]"


def runs(text: str, bold: bool = False) -> list[tuple[str, str]]:
    """``text`` as (font, text) pieces. What no font holds is shown by its code, never dropped."""
    pieces: list[tuple[str, str]] = []
    for char in text:
        name, shown = _place(char, bold)
        if pieces and pieces[-1][0] == name:
            pieces[-1] = (name, pieces[-1][1] + shown)
        else:
            pieces.append((name, shown))
    return pieces


@lru_cache(maxsize=8192)
def _advance(char: str, bold: bool) -> float:
    """Width of one character at size 1."""
    name, shown = _place(char, bold)
    return float(font(name).stringWidth(shown, 1))


def width(text: str, size: float, bold: bool = False) -> float:
    """Width of ``text`` in points."""
    return sum(_advance(char, bold) for char in text) * size


def _is_han(char: str) -> bool:
    return ord(char) >= 0x2E80


def _atoms(text: str) -> list[str]:
    """Pieces between which a line may break: words with the space after them, single Han characters."""
    atoms: list[str] = []
    for char in text:
        last = atoms[-1] if atoms else ""
        joins = (
            bool(last)
            and not last.endswith(" ")
            and not (last[-1] == "-" and char.isalpha() and last[-2:-1].isalpha())
            and (char in _NO_LINE_START or last[-1] in _NO_LINE_END or not (_is_han(char) or _is_han(last[-1])))
        )
        if joins or (char == " " and last):
            atoms[-1] = last + char
        else:
            atoms.append(char)
    return atoms


def wrap(text: str, size: float, room: float, bold: bool = False) -> list[str]:
    """Lines of ``text`` no wider than ``room``; a word that is wider than a line is broken."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        used = 0.0
        for atom in _atoms(paragraph):
            need = width(atom.rstrip(), size, bold)
            if line and used + need > room:
                lines.append(line.rstrip())
                line, used = "", 0.0
            if need > room:
                for char in atom:
                    step = _advance(char, bold) * size
                    if line and used + step > room:
                        lines.append(line)
                        line, used = "", 0.0
                    line += char
                    used += step
                continue
            line += atom
            used += width(atom, size, bold)
        lines.append(line.rstrip())
    return lines


def fitting_size(text: str, size: float, room: float, bold: bool = False, least: float = 5.0) -> float:
    """The largest size up to ``size`` at which ``text`` takes one line of ``room``, not below ``least``."""
    wide = width(text, size, bold)
    return size if wide <= room else max(least, size * room / wide)


def one_line(text: str, size: float, room: float, bold: bool = False) -> tuple[str, float]:
    """``text`` and a size at which it takes one line: shrunk, and cut with '...' where that is not enough."""
    size = fitting_size(text, size, room, bold)
    if width(text, size, bold) <= room + 0.01:
        return text, size
    while text and width(text + "...", size, bold) > room:
        text = text[:-1]
    return text + "...", size


def draw(canvas: Canvas, x: float, y: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0) -> None:
    """One line of text with its base line at ``y``. Bold Han is the regular form with a thin outline."""
    if not text:
        return
    line = canvas.beginText(x, y)
    line.setFillGray(grey)
    for name, piece in runs(text, bold):
        outlined = bold and name == HAN
        if outlined:
            canvas.setLineWidth(size * 0.018)
            line.setStrokeGray(grey)
        line.setTextRenderMode(2 if outlined else 0)
        line.setFont(name, size)
        line.textOut(piece)
    line.setTextRenderMode(0)
    canvas.drawText(line)
