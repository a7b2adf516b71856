"""How the film is shown, in a presentation state's terms: Modality LUT, VOI LUT, shape of the presentation LUT.

A Frame's values have polarity and offset settled; a presentation state speaks of the file's own values, so that the
window is brought back through the same grey scale that brought it here (`imaging.dicom_grey`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset

from boneage_desk.imaging.dicom_grey import GreyScale, stored_values, to_frame_values
from boneage_desk.imaging.dicom_lut import Lut, lut_of
from boneage_desk.imaging.dicom_pixels import decode
from boneage_desk.imaging.dicom_tags import holder, items, numbers, text
from boneage_desk.reading.film import Voi, VoiKind

if TYPE_CHECKING:
    from boneage_desk.imaging.dicom_file import Parsed
    from boneage_desk.imaging.dicom_pixels import Layout


@dataclass(frozen=True, slots=True, eq=False)
class Display:
    """Attributes of the modules Modality LUT, Softcopy VOI LUT (one item) and Softcopy Presentation LUT."""

    modality: Dataset
    voi: Dataset
    inverse: bool


def display_of(parsed: Parsed, layout: Layout, index: int, voi: Voi, name: str) -> Display:
    """Of frame ``index`` (from 0), with the display transform ``voi`` of its Frame."""
    ds = parsed.dataset
    scale = _grey_scale(parsed, layout, index, name)
    return Display(_modality(ds, layout, index), _voi(ds, index, voi, scale, layout), scale.inverted)


def _grey_scale(parsed: Parsed, layout: Layout, index: int, name: str) -> GreyScale:
    """The film's own. Only pixels of more than 16 bits are looked at: their range is squeezed."""
    ds = parsed.dataset
    if layout.stored <= 16:
        raw = np.zeros((1, 1), np.int16 if layout.signed else np.uint16)
        return to_frame_values(raw, layout, ds, index, [])[1]
    raw = stored_values(decode(parsed, layout, index, name), layout, ds, [])
    return to_frame_values(raw, layout, ds, index, [])[1]


def _modality(ds: Dataset, layout: Layout, index: int) -> Dataset:
    """A presentation state without a Modality LUT means none, so the film's is copied."""
    made = Dataset()
    for item in items(ds, "ModalityLUTSequence"):
        lut = lut_of(item, signed=layout.signed)
        if lut is not None:
            copied = _lut_item(lut, layout.signed)
            copied.ModalityLUTType = text(item, "ModalityLUTType")[:16] or "US"
            made.ModalityLUTSequence = [copied]
            return made
    source = holder(ds, index, "PixelValueTransformationSequence", "RescaleSlope", "RescaleIntercept")
    slope, intercept = numbers(source, "RescaleSlope"), numbers(source, "RescaleIntercept")
    usable = bool(slope) and slope[0] != 0 and 1e-9 < abs(slope[0]) < 1e9
    if usable or intercept:
        made.RescaleIntercept = _decimal(intercept[0] if intercept else 0.0)
        made.RescaleSlope = _decimal(slope[0] if usable else 1.0)
        made.RescaleType = text(source, "RescaleType")[:16] or "US"
    return made


def _voi(ds: Dataset, index: int, voi: Voi, scale: GreyScale, layout: Layout) -> Dataset:
    made = Dataset()
    if voi.kind is VoiKind.LUT:
        source = holder(ds, index, "FrameVOILUTSequence", "WindowCenter", "VOILUTSequence")
        luts = [lut for item in items(source, "VOILUTSequence") if (lut := lut_of(item, signed=layout.signed)) is not None]
        item = _lut_item(luts[0], layout.signed)
        item.LUTExplanation = voi.name[:64]
        made.VOILUTSequence = [item]
        return made
    factor = abs(scale.gain)
    if voi.kind is VoiKind.LINEAR:  # the half that imaging.dicom_lut.window_voi explains
        centre = (voi.centre - 0.5 - scale.offset) / scale.gain + 0.5
        width = (voi.width - 1) / factor + 1
    else:
        centre, width = (voi.centre - scale.offset) / scale.gain, voi.width / factor
        made.VOILUTFunction = voi.kind.value
    made.WindowCenter = _decimal(centre)
    made.WindowWidth = _decimal(width)
    made.WindowCenterWidthExplanation = voi.name[:64]
    return made


def _lut_item(lut: Lut, signed: bool) -> Dataset:
    item = Dataset()
    count = len(lut.entries)
    if signed:
        item.add_new("LUTDescriptor", "SS", [count - 65536 if count > 32767 else count, lut.first, lut.bits])
    else:
        item.add_new("LUTDescriptor", "US", [count % 65536, lut.first, lut.bits])
    item.add_new("LUTData", "OW", lut.entries.astype("<u2").tobytes())
    return item


def _decimal(number: float) -> str:
    """A DS: at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(number))
