"""Both themes by the WCAG's ratio of contrast: 4.5 for words (AA), 3 for the marks and edges that carry meaning."""

from __future__ import annotations

import re

import pytest

from boneage_desk.common.paths import packaged_dir
from boneage_desk.ui import theme


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.1 of '#rrggbb'."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("BACKGROUND", "PANEL", "RAISED", "FIELD", "SELECTION")
WORDS = [(word, ground) for word in ("TEXT", "MUTED", "MACHINE", "HUMAN", "ATTENTION", "ERROR", "GOOD") for ground in GROUNDS[:4]]
WORDS += [("TEXT", "SELECTION"), ("MACHINE", "SELECTION"), ("PRIMARY_TEXT", "PRIMARY"), ("ATTENTION", "FLAG"),
          ("STOP_TEXT", "STOP"), ("TEXT", "WARN"), ("TEXT", "FAULT"), ("MUTED", "SELECTION"), ("HUMAN", "SELECTION"),
          ("ATTENTION", "SELECTION")]  # fmt: skip


def test_the_ratio_is_the_standards() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", theme.PALETTES)
@pytest.mark.parametrize(("word", "ground"), WORDS)
def test_words_can_be_read(name: str, word: str, ground: str) -> None:
    palette = theme.PALETTES[name]
    assert contrast(palette[word], palette[ground]) >= 4.5


@pytest.mark.parametrize("name", theme.PALETTES)
@pytest.mark.parametrize("ground", ["BACKGROUND", "PANEL", "RAISED", "FIELD"])
def test_edges_and_marks_can_be_seen(name: str, ground: str) -> None:
    palette = theme.PALETTES[name]
    for mark in ("ACCENT", "ICON", "DISABLED"):
        assert contrast(palette[mark], palette[ground]) >= 3.0, mark


@pytest.mark.parametrize("colour", [theme.ON_FILM_MACHINE, theme.ON_FILM_HUMAN, theme.ON_FILM_ATTENTION, theme.CARPAL,
                                    theme.METACARPAL, theme.EPIPHYSIS, theme.SHAFT])  # fmt: skip
def test_marks_on_the_film(colour: str) -> None:
    assert contrast(colour, theme.FILM) >= 4.5


def test_both_palettes_have_the_same_parts() -> None:
    assert set(theme.DARK) == set(theme.LIGHT)


@pytest.mark.parametrize("name", theme.PALETTES)
def test_the_style_sheet_is_whole(name: str) -> None:
    theme.use(name, 15)
    try:
        sheet = re.sub(r"/\*.*?\*/", "", theme.style_sheet(), flags=re.DOTALL)
        assert "@" not in sheet
        assert "font-size: 22.5pt" in sheet, "15 pt of the design, half as large again"
        assert theme.TEXT == theme.PALETTES[name]["TEXT"]
    finally:
        theme.use()
    raw = (packaged_dir("resources") / "styles" / "window.qss").read_text(encoding="utf-8")
    assert not set(re.findall(r"#[0-9a-f]{6}\b", raw)) - {"#e4e4e4", "#a3a3a3"}, "colours belong into theme.py"


def test_a_colour_finds_its_other_self() -> None:
    theme.use("light")
    try:
        assert theme.current(theme.DARK["ATTENTION"]) == theme.LIGHT["ATTENTION"]
        assert theme.current("#123456") == "#123456"
    finally:
        theme.use()
