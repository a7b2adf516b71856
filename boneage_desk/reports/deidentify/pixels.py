"""The pixels of a film for an export: unpacked, with nothing in them but pixels; and marks that look like text.

Compressed pixels are written unpacked, for their streams have room for comments of their own; bits above those that
the header states go, for an overlay may lie in them. What is drawn into the picture itself stays: it is looked for and
told, and no film is ever called free of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.dicom_grey import stored_values
from boneage_desk.imaging.dicom_pixels import check_present, decode, layout_of
from boneage_desk.imaging.dicom_tags import text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from boneage_desk.imaging.dicom_file import Parsed

BORDER = 0.25
"""Share of the height and width at each edge that is looked at: there devices print names; bone has fine detail too."""
_TILE = (12, 160)
_STEP = 0.3
"""Of the picture's range: an edge of a letter, from one pixel to the next but one, is steeper than bone or noise."""
_EDGES = 6
_ROWS = 5


def copy_pixels(parsed: Parsed, made: Dataset, name: str) -> npt.NDArray[Any]:
    """Write the pixels of ``parsed`` into ``made``; the first frame as it was written. Raises FilmError."""
    check_present(parsed, name)
    layout = layout_of(parsed.dataset, name)
    frames = []
    for index in range(layout.frames):
        raw = decode(parsed, layout, index, name)
        frames.append(raw if layout.samples > 1 else stored_values(raw, layout, parsed.dataset, []))
    whole = np.ascontiguousarray(np.stack(frames))
    data = whole.astype(whole.dtype.newbyteorder("<")).tobytes()
    made.Rows, made.Columns = layout.rows, layout.columns
    made.SamplesPerPixel = layout.samples
    made.BitsAllocated, made.BitsStored = whole.dtype.itemsize * 8, layout.stored
    made.HighBit = layout.stored - 1
    made.PixelRepresentation = int(layout.signed)
    made.PhotometricInterpretation = layout.photometric
    if layout.samples > 1:
        made.PhotometricInterpretation, made.PlanarConfiguration = "RGB", 0
    if layout.frames > 1 or "NumberOfFrames" in parsed.dataset:
        made.NumberOfFrames = layout.frames
    made.add_new(0x7FE00010, "OB" if made.BitsAllocated == 8 else "OW", data + b"\0" * (len(data) % 2))
    return np.asarray(whole[0])


def burned_in(ds: Dataset, picture: npt.NDArray[Any]) -> list[tuple[str, str]]:
    """Warnings about what may be burned into the picture: what the header says, what kind of object it is, and what the
    border looks like. None of them absent means that the film is clean."""
    found = []
    said = text(ds, "BurnedInAnnotation").upper()
    if said == "YES":
        found.append(("burned-in", "The header says that text is burned into the picture."))
    elif said != "NO":
        found.append(("burned-in-unknown", "The header does not say whether text is burned into the picture."))
    if text(ds, "RecognizableVisualFeatures").upper() == "YES":
        found.append(("recognizable", "The header says that the person can be recognised in the picture."))
    modality, sop_class = text(ds, "Modality").upper(), text(ds, "SOPClassUID")
    if modality in ("SC", "OT", "US", "XC", "ES") or sop_class.startswith("1.2.840.10008.5.1.4.1.1.7"):
        found.append(("secondary-capture", "It is a secondary capture: these often show the screen with the name."))
    return found + text_marks(picture)


def text_marks(picture: npt.NDArray[Any]) -> list[tuple[str, str]]:
    """A warning where the border shows marks like letters; ``picture``: (rows, columns[, 3])."""
    grey = picture.max(axis=2) if picture.ndim == 3 else picture
    found = text_tiles(np.asarray(grey))
    if not found:
        return []
    place = ", ".join(dict.fromkeys(found))
    return [("text-like", f"Marks that look like text are at the {place} of the picture.")]


def text_tiles(grey: npt.NDArray[Any]) -> list[str]:
    """Where in the border (e.g. 'top left') rows change from dark to bright as often and as steeply as in lettering."""
    height, width = grey.shape
    values = grey.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if high <= low or height < _TILE[0] or width < 8:
        return []
    values = (values - low) / (high - low)
    steps = values[:, 2:] - values[:, :-2]
    rising, falling = _begins(steps > _STEP), _begins(steps < -_STEP)
    tall, wide = _TILE[0], min(_TILE[1], width - 2)
    found = []
    for top in range(0, height - tall + 1, tall // 2):
        rows = slice(top, top + tall)
        far_row = top + tall / 2
        for left in range(0, max(1, width - 2 - wide + 1), wide // 2):
            middle = (far_row / height, (left + wide / 2) / width)
            if all(BORDER <= share <= 1 - BORDER for share in middle):
                continue
            up = rising[rows, left : left + wide].sum(axis=1)
            down = falling[rows, left : left + wide].sum(axis=1)
            if int(np.count_nonzero((up >= _EDGES) & (down >= _EDGES))) >= _ROWS:
                found.append(_words(*middle))
    return found


def _begins(steep: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where a run of steep steps along a row begins: an edge counts once, however wide it is."""
    first = steep.copy()
    first[:, 1:] &= ~steep[:, :-1]
    return first


def _words(down: float, across: float) -> str:
    vertical = "top" if down < 1 / 3 else "bottom" if down > 2 / 3 else "middle"
    horizontal = "left" if across < 1 / 3 else "right" if across > 2 / 3 else ""
    return f"{vertical} {horizontal}".strip()
