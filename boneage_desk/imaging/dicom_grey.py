"""Stored values -> Frame: bits, padding, Modality LUT, polarity, and the file's VOI transforms carried along.

Polarity is decided here and nowhere else. PS3.3 C.7.6.3.1.2: MONOCHROME1 means that the *minimum* sample
value is to be displayed as white after any VOI transformation. PS3.3 C.8.11.3.1.2 and C.11.6.1.2:
PresentationLUTShape INVERSE means that the output *after inversion* is in P-Values; in the image object it
'shall be used if Photometric Interpretation is MONOCHROME1', and IDENTITY 'if it is MONOCHROME2'. In an
image object the two tags therefore say the same thing twice, and a film is turned round once:

    ============ ===================== ==========================================================
    photometric  PresentationLUTShape  low values are shown
    ============ ===================== ==========================================================
    MONOCHROME2  IDENTITY or absent    black
    MONOCHROME1  INVERSE or absent     white
    MONOCHROME1  IDENTITY              white: IDENTITY is 'other than to account for the value of
                                       Photometric Interpretation'; warning polarity_contradiction
    MONOCHROME2  INVERSE               white: the shape asks for it; warning polarity_contradiction
    ============ ===================== ==========================================================

(In a presentation *state* the shape overrides the photometric interpretation, PS3.4 N.2.1.4; none is
applied here.) A negative RescaleSlope turns the order of values round and is accounted for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.dicom_lut import lut_of
from boneage_desk.imaging.dicom_tags import holder, integer, items, numbers, text, value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from boneage_desk.imaging.assemble import Warnings
    from boneage_desk.imaging.dicom_pixels import Layout


@dataclass(frozen=True, slots=True)
class GreyScale:
    """Frame value v and the sender's modality value m: ``v = gain * m + offset``.

    ``gain`` is negative when the film was turned round.
    """

    gain: float
    offset: float
    max_value: int

    @property
    def inverted(self) -> bool:
        return self.gain < 0


def is_inverted(ds: Dataset, photometric: str, warnings: Warnings) -> bool:
    """Whether low modality values are meant to be white (table in the module's docstring)."""
    shape = text(ds, "PresentationLUTShape").upper()
    mono1, inverse = photometric == "MONOCHROME1", shape == "INVERSE"
    if shape in ("INVERSE", "IDENTITY") and mono1 != inverse:
        warnings.append(
            (
                "polarity_contradiction",
                f"The file says {photometric} and PresentationLUTShape {shape}, which contradict each other: "
                "check that bone is bright (invert if not).",
            )
        )
    return mono1 or inverse


def stored_values(raw: npt.NDArray[Any], layout: Layout, ds: Dataset, warnings: Warnings) -> npt.NDArray[Any]:
    """The ``BitsStored`` bits below ``HighBit``, right-aligned, sign extended: what else is in there goes.

    Bits above the high bit may hold an overlay plane (OverlayBitPosition, retired) or anything else.
    """
    if layout.stored == layout.allocated:
        return raw
    shift = layout.high_bit + 1 - layout.stored
    bits = raw.dtype.itemsize * 8
    if bits < layout.stored:
        return raw
    if layout.signed:
        signed = raw.view(raw.dtype.str.replace("u", "i"))
        return (signed << (bits - layout.high_bit - 1)) >> (bits - layout.stored)
    mask = ((1 << layout.stored) - 1) << shift
    outside = int(np.bitwise_or.reduce(raw, axis=None)) & ~mask
    if outside and not _has_embedded_overlay(ds):
        warnings.append(
            ("bits_outside", f"Pixels use more than the {layout.stored} bits that the file states; the rest is left out.")
        )
    if outside:
        raw = raw & raw.dtype.type(mask)
    return raw >> shift if shift else raw


def _has_embedded_overlay(ds: Dataset) -> bool:
    """An overlay plane of group 60xx without Overlay Data of its own."""
    return any(
        (group, 0x0100) in ds and (group, 0x3000) not in ds for group in range(0x6000, 0x6020, 2)
    )


def to_frame_values(
    stored: npt.NDArray[Any], layout: Layout, ds: Dataset, index: int, warnings: Warnings
) -> tuple[npt.NDArray[Any], GreyScale]:
    """(Frame values as a new uint8/uint16 array, their grey scale); padding is not looked at."""
    inverted = is_inverted(ds, layout.photometric, warnings)
    lowest = -(1 << (layout.stored - 1)) if layout.signed else 0
    table = _modality_table(ds, lowest, warnings)
    if table is not None:
        first, entries, bits = table
        place = np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)
        values = entries[place]
        top = (1 << bits) - 1
        scale = GreyScale(1.0, 0.0, top)
    else:
        slope, intercept = _rescale(ds, index, warnings)
        top = (1 << layout.stored) - 1
        values, squeeze, lowest = _shifted(stored, layout, lowest)
        top = min(top, 65535)
        # m = slope * s + intercept and v = squeeze * (s - lowest)
        scale = GreyScale(squeeze / slope, -squeeze * (intercept / slope + lowest), top)
        if slope < 0:  # ascending stored values are descending modality values
            values, scale = top - values, GreyScale(-scale.gain, top - scale.offset, top)
    dtype = np.uint8 if top <= 255 else np.uint16
    if inverted:
        values = np.subtract(dtype(top), values.astype(dtype, copy=False))
        scale = GreyScale(-scale.gain, top - scale.offset, top)
        return np.ascontiguousarray(values), scale
    return np.array(values, dtype, order="C"), scale  # a copy: the file's bytes may go


def _shifted(
    stored: npt.NDArray[Any], layout: Layout, lowest: int
) -> tuple[npt.NDArray[Any], float, int]:
    """Stored values from 0 up in at most 16 bits: (values, factor, stored value of 0)."""
    if layout.stored <= 16:
        if not layout.signed:
            return stored, 1.0, 0
        return stored.astype(np.int32) - lowest, 1.0, lowest
    low, high = int(stored.min()), int(stored.max())
    if high - low < 65536:
        return stored.astype(np.int64) - low, 1.0, low
    factor = 65535.0 / (high - low)
    return np.rint((stored.astype(np.float64) - low) * factor), factor, low


def _modality_table(
    ds: Dataset, lowest: int, warnings: Warnings
) -> tuple[int, npt.NDArray[np.uint16], int] | None:
    for item in items(ds, "ModalityLUTSequence"):
        found = lut_of(item, signed=lowest < 0)
        if found is not None:
            return found.first, found.entries, max(found.bits, 2)
        warnings.append(("modality_lut_invalid", "The file's Modality LUT is not readable and was left out."))
    return None


def _rescale(ds: Dataset, index: int, warnings: Warnings) -> tuple[float, float]:
    source = holder(ds, index, "PixelValueTransformationSequence", "RescaleSlope", "RescaleIntercept")
    if value(source, "RescaleSlope") is None:
        return 1.0, 0.0 if value(source, "RescaleIntercept") is None else (numbers(source, "RescaleIntercept") or [0.0])[0]
    slope, intercept = numbers(source, "RescaleSlope"), numbers(source, "RescaleIntercept") or [0.0]
    if not slope or slope[0] == 0 or not 1e-9 < abs(slope[0]) < 1e9:
        warnings.append(("rescale_invalid", "The file's rescale slope is no possible number and was left out."))
        return 1.0, 0.0
    return slope[0], intercept[0]


def padding_mask(stored: npt.NDArray[Any], layout: Layout, ds: Dataset) -> npt.NDArray[np.bool_] | None:
    """Pixels that are no image: PixelPaddingValue (to PixelPaddingRangeLimit) in one run from an edge.

    Pixels of that value inside the picture stay: many files name a padding value that also occurs in it.
    """
    if value(ds, "PixelPaddingValue") is None:
        return None
    first = _wrapped(integer(ds, "PixelPaddingValue"), layout)
    last = _wrapped(integer(ds, "PixelPaddingRangeLimit", integer(ds, "PixelPaddingValue")), layout)
    low, high = min(first, last), max(first, last)
    mask = stored == low if low == high else (stored >= low) & (stored <= high)
    if not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()):
        return None
    runs = np.zeros_like(mask)
    for axis in (0, 1):
        runs |= np.logical_and.accumulate(mask, axis=axis)
        runs |= np.flip(np.logical_and.accumulate(np.flip(mask, axis), axis=axis), axis)
    return runs


def _wrapped(number: int, layout: Layout) -> int:
    """A padding value in the range of stored values (written as US where SS was meant, or with more bits)."""
    number &= (1 << layout.stored) - 1
    if layout.signed and number >> (layout.stored - 1):
        number -= 1 << layout.stored
    return number
