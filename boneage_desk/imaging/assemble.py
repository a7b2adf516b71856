"""The last steps that all file formats share: which frame, and the Frame with its windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from boneage_desk.imaging.failures import refusal
from boneage_desk.imaging.voi import auto_window_of, is_nonsense
from boneage_desk.reading.film import Frame, Spacing, Voi

Warnings = list[tuple[str, str]]


def frame_number(asked: int | None, count: int, name: str) -> int:
    """The frame to read, from 1. Raises FilmError 'choose-frame' or 'no-such-frame'."""
    if asked is None:
        if count > 1:
            raise refusal("choose-frame", name, str(count))
        return 1
    if not 1 <= asked <= count:
        raise refusal("no-such-frame", name, f"{asked} (it has {count})")
    return asked


def finished(
    values: npt.NDArray[Any],
    top: int,
    vois: Sequence[Voi] = (),
    spacing: Spacing = Spacing(),  # noqa: B008 - a frozen value
    padding: int | None = None,
    warnings: Warnings | None = None,
) -> Frame:
    """The Frame, with the automatic window last, or first when the file's own hides the picture."""
    auto = auto_window_of(values, padding)
    if vois and is_nonsense(vois[0], auto, top, values.dtype):
        if warnings is not None:
            text = f"The file's window '{vois[0].name}' hides the picture; 'Auto' is shown."
            warnings.append(("window_nonsense", text))
        ordered = (auto, *vois)
    else:
        ordered = (*vois, auto)
    values.setflags(write=False)
    return Frame(values, top, ordered, spacing, padding)
