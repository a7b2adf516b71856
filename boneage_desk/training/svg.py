"""Plots as SVG text: no library, no script, no font file. Every function returns one ``<svg>`` element.

Marks differ in shape as well as in colour; every point and bar has a title that a browser shows on hovering.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

INK, SOFT, GRID, ONE, TWO = "#1c1f24", "#5b6470", "#d9dde3", "#1f6feb", "#d9730d"
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 14, 44


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from ``low`` to ``high``."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / about))
    step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if (high - low) / (s * power) <= about + 1)
    first = math.ceil(low / step - 1e-9)
    out = []
    value = first * step
    while value <= high + 1e-9 * step:
        out.append(round(value, 10))
        value += step
    return out


class Axes:
    """A frame with grid, ticks and words; add marks in data units, then ``str()`` it."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], x_label: str, y_label: str, *,
        width: int = 560, height: int = 360, label: str = "",
        x_ticks: Sequence[float] | None = None, y_ticks: Sequence[float] | None = None,
    ) -> None:
        self.x, self.y = _wide(x), _wide(y)
        self.width, self.height, self.label = width, height, label or f"{y_label} over {x_label}"
        self.parts: list[str] = []
        for v in ticks(*self.x) if x_ticks is None else x_ticks:
            px = self._px(v)
            self.parts.append(f'<line x1="{px:.1f}" x2="{px:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}" stroke="{GRID}"/>')
            self.parts.append(_text(px, height - _BOTTOM + 16, f"{v:g}"))
        for v in ticks(*self.y) if y_ticks is None else y_ticks:
            py = self._py(v)
            self.parts.append(f'<line x1="{_LEFT}" x2="{width - _RIGHT}" y1="{py:.1f}" y2="{py:.1f}" stroke="{GRID}"/>')
            self.parts.append(_text(_LEFT - 6, py + 4, f"{v:g}", "end"))
        self.parts.append(_text((_LEFT + width - _RIGHT) / 2, height - 8, x_label, size=13))
        self.parts.append(_text(-(_TOP + height - _BOTTOM) / 2, 14, y_label, size=13, more=' transform="rotate(-90)"'))

    def _px(self, v: float) -> float:
        return _LEFT + (v - self.x[0]) / (self.x[1] - self.x[0]) * (self.width - _LEFT - _RIGHT)

    def _py(self, v: float) -> float:
        return self.height - _BOTTOM - (v - self.y[0]) / (self.y[1] - self.y[0]) * (self.height - _TOP - _BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], colour: str = ONE, dash: str = "", title: str = "") -> Axes:
        """A line through ``points``."""
        path = " ".join(f"{self._px(x):.1f},{self._py(y):.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashed}>{_title(title)}</polyline>'
        )
        return self

    def level(self, y: float, words: str, colour: str = SOFT, dash: str = "5 4") -> Axes:
        """A horizontal line with its words at the right end."""
        self.line([(self.x[0], y), (self.x[1], y)], colour, dash, words)
        halo = ' stroke="#ffffff" stroke-width="3" paint-order="stroke"'  # readable over marks
        self.parts.append(_text(self.width - _RIGHT - 4, self._py(y) - 4, words, "end", colour=colour, more=halo))
        return self

    def band(self, low: float, high: float, colour: str = SOFT) -> Axes:
        """A light band over the whole width, from ``low`` to ``high``."""
        top, bottom = self._py(min(high, self.y[1])), self._py(max(low, self.y[0]))
        self.parts.append(
            f'<rect x="{_LEFT}" y="{top:.1f}" width="{self.width - _LEFT - _RIGHT}" height="{max(bottom - top, 0.5):.1f}" '
            f'fill="{colour}" fill-opacity="0.13"/>'
        )
        return self

    def dots(
        self, points: Sequence[tuple[float, float]], colour: str, shape: str, titles: Sequence[str], radius: float = 3.2
    ) -> Axes:
        """Marks, shape 'circle' or 'square'."""
        side = radius * 15 / 8  # about the area of the circle
        for (x, y), words in zip(points, titles, strict=True):
            px, py = self._px(x), self._py(y)
            if shape == "circle":
                mark = f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{radius:g}"'
            else:
                mark = f'<rect x="{px - side / 2:.1f}" y="{py - side / 2:.1f}" width="{side:g}" height="{side:g}"'
            self.parts.append(f'{mark} fill="{colour}" fill-opacity="0.65">{_title(words)}</{mark[1:mark.index(" ")]}>')
        return self

    def legend(self, rows: Sequence[tuple[str, str, str]]) -> Axes:
        """(words, colour, shape) rows, top left; shape 'circle', 'square' or 'line'."""
        for k, (words, colour, shape) in enumerate(rows):
            y = _TOP + 14 + 17 * k
            mark = {
                "circle": f'<circle cx="{_LEFT + 14}" cy="{y - 4}" r="4" fill="{colour}"/>',
                "square": f'<rect x="{_LEFT + 10}" y="{y - 8}" width="8" height="8" fill="{colour}"/>',
                "line": f'<line x1="{_LEFT + 6}" x2="{_LEFT + 22}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>',
            }[shape]
            self.parts.append(mark + _text(_LEFT + 28, y, words, "start"))
        return self

    def __str__(self) -> str:
        frame = (
            f'<rect x="{_LEFT}" y="{_TOP}" width="{self.width - _LEFT - _RIGHT}" '
            f'height="{self.height - _TOP - _BOTTOM}" fill="none" stroke="{SOFT}"/>'
        )
        return _svg(self.width, self.height, self.label, [*self.parts, frame])


def bars(rows: Sequence[tuple[str, Sequence[float | None]]], names: Sequence[str], label: str, high: float = 1.0) -> str:
    """Horizontal bars, one group a row, from 0 to ``high``; None is written as 'not measured'."""
    colours, bar, gap, left = (ONE, TWO, SOFT), 11, 8, 92
    group = len(names) * bar + gap
    width, height = 560, 34 + group * len(rows) + 22
    scale = (width - left - 56) / high
    parts = []
    for k, name in enumerate(names):
        parts.append(f'<rect x="{left + 150 * k}" y="8" width="10" height="10" fill="{colours[k]}"/>')
        parts.append(_text(left + 150 * k + 15, 17, name, "start"))
    for r, (words, values) in enumerate(rows):
        y = 30 + r * group
        parts.append(_text(left - 8, y + len(names) * bar / 2 + 4, words, "end"))
        for k, value in enumerate(values):
            top = y + k * bar
            if value is None:
                parts.append(_text(left + 4, top + 9, "not measured", "start", size=10, colour=SOFT))
                continue
            long = max(0.0, min(value, high)) * scale
            parts.append(
                f'<rect x="{left}" y="{top}" width="{long:.1f}" height="{bar - 2}" fill="{colours[k]}">'
                f"{_title(f'{words}, {names[k]}: {value:.3f}')}</rect>"
            )
            parts.append(_text(left + long + 4, top + 9, f"{value:.2f}", "start", size=10))
    return _svg(width, height, label, parts)


def heat(matrix: Sequence[Sequence[int]], labels: Sequence[str], label: str) -> str:
    """A confusion matrix: rows the reader, columns the model; darker is more of the row, the counts inside."""
    n, cell, left, top = len(matrix), 25, 58, 40
    width, height = left + n * cell + 10, top + n * cell + 8
    parts = [
        _text(left + n * cell / 2, 13, "model", size=12),
        _text(-(top + n * cell / 2), 13, "reader", size=12, more=' transform="rotate(-90)"'),
    ]
    for k, words in enumerate(labels):
        parts.append(_text(left + (k + 0.5) * cell, top - 6, words, size=10))
        parts.append(_text(left - 5, top + (k + 0.5) * cell + 4, words, "end", size=10))
    for r, row in enumerate(matrix):
        total = sum(row)
        for c, count in enumerate(row):
            share = count / total if total else 0.0
            fill = f"rgb({round(255 - 224 * share)},{round(255 - 144 * share)},{round(255 - 20 * share)})"
            edge = INK if r == c else GRID
            parts.append(
                f'<rect x="{left + c * cell}" y="{top + r * cell}" width="{cell - 1}" height="{cell - 1}" fill="{fill}" '
                f'stroke="{edge}" stroke-width="{1.2 if r == c else 0.6}">'
                f"{_title(f'reader {labels[r]}, model {labels[c]}: {count} of {total}')}</rect>"
            )
            if count:
                colour = "#ffffff" if share > 0.55 else INK
                parts.append(_text(left + (c + 0.5) * cell - 0.5, top + (r + 0.5) * cell + 4, str(count), size=11, colour=colour))
    return _svg(width, height, label, parts)


def _wide(of: tuple[float, float]) -> tuple[float, float]:
    return of if of[1] > of[0] else (of[0] - 1.0, of[0] + 1.0)


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""


def _text(
    x: float, y: float, words: str, anchor: str = "middle", *, size: int = 11, colour: str = INK, more: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{more}>{escape(words)}</text>'
    )


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(label, quote=True)}" '
        f'font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">{"".join(parts)}</svg>'
    )
