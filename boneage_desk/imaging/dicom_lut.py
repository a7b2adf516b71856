"""Look-up tables of DICOM (LUTDescriptor, LUTData), and VOI transforms in Frame values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.dicom_tags import holder, items, numbers, text, value
from boneage_desk.reading.film import Voi, VoiKind

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from boneage_desk.imaging.assemble import Warnings
    from boneage_desk.imaging.dicom_grey import GreyScale


@dataclass(frozen=True, slots=True)
class Lut:
    """``entries`` are for input values ``first``, ``first + 1`` ...; inputs outside take the end entries."""

    first: int
    entries: npt.NDArray[np.uint16]
    bits: int


def lut_of(item: Dataset, *, signed: bool) -> Lut | None:
    """The table in a sequence item, or None when it makes no sense.

    Known faults are mended: 0 entries means 65,536; the first input value is signed when the pixels are;
    8-bit entries may be packed two to a word; the stated bits may be too few or far too many.
    """
    descriptor, data = numbers(item, "LUTDescriptor"), value(item, "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    count, first, bits = (int(v) for v in descriptor)
    count = count or 65536
    if count < 0:  # pydicom read the descriptor as signed numbers
        count += 65536
    if signed and first >= 32768:
        first -= 65536
    elif not signed and first < 0:
        first += 65536
    if isinstance(data, bytes):
        packed = len(data) in (count, count + count % 2)
        entries = np.frombuffer(data[: len(data) // 2 * 2] if not packed else data, "u1" if packed else "<u2")
    else:
        try:
            entries = np.asarray(list(data) if hasattr(data, "__iter__") else [data], np.int64) & 0xFFFF
        except (TypeError, ValueError, OverflowError):
            return None
        if len(entries) == (count + 1) // 2 and count > 2 and bits == 8:  # two entries to a word
            entries = np.asarray(entries, "<u2").view(np.uint8)
    entries = entries[:count].astype(np.uint16)
    if len(entries) < 2 or len(entries) < count // 2:
        return None
    needed = max(int(entries.max()).bit_length(), 1)
    if not 8 <= bits <= 16 or needed > bits or needed <= bits - 3:
        bits = min(max(needed, 8), 16)
    return Lut(first, entries, bits)


def vois_of(
    ds: Dataset, index: int, scale: GreyScale, signed: bool, warnings: Warnings
) -> list[Voi]:
    """The file's VOI LUTs, then its windows, in Frame values and with their own names."""
    source = holder(ds, index, "FrameVOILUTSequence", "WindowCenter", "VOILUTSequence")
    found: list[Voi] = []
    for number, item in enumerate(items(source, "VOILUTSequence"), 1):
        lut = lut_of(item, signed=signed)
        if lut is None:
            warnings.append(("voi_lut_invalid", f"VOI LUT {number} of the file is not readable and was left out."))
            continue
        found.append(_table_voi(text(item, "LUTExplanation") or f"VOI LUT {number}", lut, scale))
    found += _windows(source, scale, warnings)
    return _with_own_names(found)


def _windows(ds: Dataset, scale: GreyScale, warnings: Warnings) -> list[Voi]:
    if value(ds, "WindowCenter") is None and value(ds, "WindowWidth") is None:
        return []
    centres, widths = numbers(ds, "WindowCenter"), numbers(ds, "WindowWidth")
    names = text(ds, "WindowCenterWidthExplanation").split("\\")
    function = text(ds, "VOILUTFunction").upper()
    kind = VoiKind(function) if function in ("LINEAR_EXACT", "SIGMOID") else VoiKind.LINEAR
    invalid = len(centres) != len(widths) or not centres
    found = []
    for number, (centre, width) in enumerate(zip(centres, widths, strict=False), 1):
        if width < 1 if kind is VoiKind.LINEAR else width <= 0:
            invalid = True
            continue
        name = names[number - 1].strip() if number <= len(names) else ""
        found.append(window_voi(name or f"Window {number}", kind, centre, width, scale))
    if invalid:
        warnings.append(("window_invalid", "A window of the file is incomplete or impossible and was left out."))
    return found


def window_voi(name: str, kind: VoiKind, centre: float, width: float, scale: GreyScale) -> Voi:
    """A window on modality values as one on Frame values.

    LINEAR has its half: PS3.3 C.11.2.1.2.1 works with centre - 0.5 and width - 1, and these are what the
    scale maps. Turned round this gives centre' = max - centre + 1, so that every grey is the exact mirror.
    """
    factor = abs(scale.gain)
    if kind is VoiKind.LINEAR:
        middle = scale.gain * (centre - 0.5) + scale.offset
        return Voi(name, kind, centre=middle + 0.5, width=factor * (width - 1) + 1)
    return Voi(name, kind, centre=scale.gain * centre + scale.offset, width=factor * width)


def _table_voi(name: str, lut: Lut, scale: GreyScale) -> Voi:
    """A VOI LUT on modality values as an 8-bit table over Frame values."""
    ends = [scale.gain * m + scale.offset for m in (lut.first, lut.first + len(lut.entries) - 1)]
    low = int(np.clip(np.floor(min(ends)), 0, scale.max_value))
    high = int(np.clip(np.ceil(max(ends)), low, scale.max_value))
    modality = (np.arange(low, high + 1) - scale.offset) / scale.gain
    place = np.clip(np.rint(modality - lut.first), 0, len(lut.entries) - 1).astype(np.int64)
    grey = np.rint(lut.entries[place] * (255.0 / ((1 << lut.bits) - 1)))
    grey = np.clip(255 - grey if scale.inverted else grey, 0, 255)
    return Voi(name, VoiKind.LUT, first=low, table=grey.astype(np.uint8).tobytes())


def _with_own_names(vois: list[Voi]) -> list[Voi]:
    """Equal names get numbers; identical transforms are offered once."""
    from dataclasses import replace

    once: list[Voi] = []
    for voi in vois:
        if any(replace(voi, name=other.name) == other for other in once):
            continue
        name, number = voi.name, 2
        while any(other.name == name for other in once):
            name, number = f"{voi.name} ({number})", number + 1
        once.append(replace(voi, name=name))
    return once
