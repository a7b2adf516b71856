"""Windows that the program offers beside the file's own: found from the film's histogram; and their shape."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import numpy.typing as npt

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.film import Voi, VoiKind
from boneage_desk.ui.presenters.film_pixels import FilmPixels, as_window

BONE, SOFT_TISSUE = mark("Bone, by histogram"), mark("Soft tissue, by histogram")
BINS = 128
NUMBERED = {"Window": mark("Window {number}"), "VOI LUT": mark("VOI LUT {number}")}
"""Names that `imaging` gives to what the file leaves without one."""
AUTO = mark("Auto")


def presets(pixels: FilmPixels) -> tuple[Voi, ...]:
    """The file's windows and VOI LUTs in its order, then bone and soft tissue where the histogram tells them apart."""
    return (*pixels.frame.vois, *tissue_windows(pixels))


def name_of(voi: Voi) -> str:
    """A window's name in the language in use; one that the file gives itself as it stands."""
    found = re.fullmatch(r"(Window|VOI LUT) (\d+)", voi.name)
    return tr(NUMBERED[found.group(1)], number=found.group(2)) if found else tr(voi.name)


def menu_name(voi: Voi) -> str:
    """The same with width and level, which tell two windows of one name apart; a LUT has none."""
    name = name_of(voi)
    if voi.kind is VoiKind.LUT:
        return name
    return f"{name}   {level_words(voi)}".strip()


def level_words(voi: Voi) -> str:
    """Width and level, 'W 4096  L 2048'."""
    return tr("W {width:.0f}  L {centre:.0f}", width=voi.width, centre=voi.centre)


def tissue_windows(pixels: FilmPixels) -> tuple[Voi, ...]:
    """Windows over bone and over soft tissue; none for a film of nearly one grey.

    The greys of the film are split into air, soft tissue and bone by the two thresholds that leave the least variance
    within the three (Otsu). Bone: from the darker half of the soft tissue to all but the brightest bone (metal letters and
    the white of an edge are no bone); soft tissue: from the brightest air to the darkest bone at most, soft tissue itself a
    middle grey, so that the skin line is seen.
    """
    values = pixels.inside()
    if values.size < 256:
        return ()
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.8)))
    if high - low < 8:
        return ()
    counts, edges = np.histogram(values, BINS, (low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    first, second = _thresholds(counts.astype(np.float64), middles)
    air, soft, bone = (
        float(np.average(middles[part], weights=np.maximum(counts[part], 1e-9)))
        for part in (slice(0, first), slice(first, second), slice(second, BINS))
    )
    skin, cortex = float(edges[first]), float(edges[second])
    dark = skin - 0.35 * (skin - air)
    bright = min(cortex + 0.35 * (bone - cortex), soft + 1.2 * (soft - dark))
    dense = values[values >= cortex]
    middle, top = (float(v) for v in np.percentile(dense, (50, 90))) if dense.size else (bone, high)
    return _window(BONE, (skin + soft) / 2, max(top, 2 * middle - cortex)), _window(SOFT_TISSUE, dark, bright)


def _window(name: str, low: float, high: float) -> Voi:
    # LINEAR maps centre - 0.5 -+ (width - 1) / 2 to black and white
    return Voi(tr(name), VoiKind.LINEAR, (low + high) / 2 + 0.5, max(2.0, high - low + 1))


def _thresholds(counts: npt.NDArray[np.float64], middles: npt.NDArray[np.float64]) -> tuple[int, int]:
    """First bins of the second and third class."""
    number, total = np.concatenate(([0.0], counts.cumsum())), np.concatenate(([0.0], (counts * middles).cumsum()))
    i, j = np.triu_indices(len(counts), 1)
    i, j = i[i > 0], j[i > 0]
    spread = np.zeros(len(i))
    for start, end in ((np.zeros_like(i), i), (i, j), (j, np.full_like(j, len(counts)))):
        n = number[end] - number[start]
        spread += np.where(n > 0, (total[end] - total[start]) ** 2 / np.maximum(n, 1e-9), 0.0)
    best = int(np.argmax(spread))
    return int(i[best]), int(j[best])


def reshaped(voi: Voi, kind: VoiKind, max_value: int) -> Voi:
    """The same window as ``kind`` (LINEAR or SIGMOID), centre and width kept; a LUT is taken by the span of its greys."""
    base = as_window(voi, max_value)
    return base if base.kind is kind else dataclasses.replace(base, kind=kind)
