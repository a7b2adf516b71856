"""A DICOM file -> Film: refusals first, then pixels, grey scale, windows and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.assemble import Warnings, finished, frame_number
from boneage_desk.imaging.dicom_accept import BodyPart, check_body_part, check_knee, check_object
from boneage_desk.imaging.dicom_facts import (
    check_body,
    check_dates,
    mend_charset,
    patient_of,
    spacing_of,
    study_of,
)
from boneage_desk.imaging.dicom_file import PIXEL_DATA, Parsed, parse, quiet
from boneage_desk.imaging.dicom_grey import padding_mask, stored_values, to_frame_values
from boneage_desk.imaging.dicom_lut import vois_of
from boneage_desk.imaging.dicom_pixels import Layout, check_present, decode, layout_of
from boneage_desk.imaging.dicom_tags import text
from boneage_desk.imaging.failures import refusal
from boneage_desk.imaging.grey import grey_of_colour
from boneage_desk.imaging.sniff import Kind
from boneage_desk.reading.film import Film, FilmSource, Frame, Spacing

if TYPE_CHECKING:
    from boneage_desk.imaging.source import Loaded


def read_dicom(loaded: Loaded, path: str, member: str, kind: Kind, frame: int | None, *, knee: bool = False) -> Film:
    """The film in ``loaded``, of a hand or (``knee``) of a knee; ``frame`` counts from 1. Raises FilmError."""
    name = loaded.name
    with quiet():
        parsed = parse(loaded.data, name, kind)
        ds = parsed.dataset
        if not len(ds):
            raise refusal("truncated", name, "nothing follows its first bytes")
        if parsed.cut_short and PIXEL_DATA not in ds:  # before anything that a cut value could mislead
            raise refusal("truncated", name, "it ends in the middle of its header")
        warnings: Warnings = []
        check_object(ds, name)
        body_part = BodyPart.OPEN
        if knee:
            check_knee(ds, name)
        else:
            body_part = check_body_part(ds, name)
        check_present(parsed, name)
        layout = layout_of(ds, name)
        number = frame_number(frame, layout.frames, name)
        mend_charset(ds, warnings)
        spacing = spacing_of(ds, number - 1, warnings)
        picture = _frame(parsed, layout, number - 1, spacing, name, warnings)
        patient = patient_of(ds, warnings)
        study = study_of(ds, number - 1, warnings)
    check_dates(patient, study, warnings)
    check_body(study, warnings)
    if body_part is BodyPart.FOOT:
        warnings.append(("foot", f"The file says that it shows a foot ('{study.body_part}'), not a hand."))
    if study.sop_class_uid == "1.2.840.10008.5.1.4.1.1.1.1.1":
        warnings.append(("for_processing", "This is raw detector data ('for processing'), not the finished film."))
    source = FilmSource(
        path=path,
        sha256=loaded.sha256,
        is_dicom=True,
        frame_number=number,
        frame_count=layout.frames,
        member=member,
        transfer_syntax=str(parsed.transfer_syntax),
    )
    return Film(source, picture, patient, study, tuple(dict.fromkeys(warnings)))


def _frame(
    parsed: Parsed, layout: Layout, index: int, spacing: Spacing, name: str, warnings: Warnings
) -> Frame:
    ds = parsed.dataset
    raw = decode(parsed, layout, index, name)
    if not layout.is_grey:
        values, top = grey_of_colour(_rgb(raw, parsed, layout, name), name)
        values = np.ascontiguousarray(values)
        return finished(values, top, [], spacing, None, warnings)
    stored = stored_values(raw, layout, ds, warnings)
    values, scale = to_frame_values(stored, layout, ds, index, warnings)
    padding = None
    mask = padding_mask(stored, layout, ds)
    if mask is not None:
        values[mask] = 0  # black on the screen whatever the polarity
        padding = 0
    vois = vois_of(ds, index, scale, layout.signed, warnings)
    return finished(values, scale.max_value, vois, spacing, padding, warnings)


def _rgb(raw: npt.NDArray[Any], parsed: Parsed, layout: Layout, name: str) -> npt.NDArray[Any]:
    if layout.photometric == "PALETTE COLOR" and layout.samples == 1:
        from pydicom.pixels.processing import apply_color_lut

        try:
            raw = apply_color_lut(raw, parsed.dataset)
        except Exception as error:
            raise refusal("unsupported-pixels", name, "a colour palette that is not complete") from error
    if raw.ndim != 3 or raw.shape[2] != 3:
        raise refusal("unsupported-pixels", name, text(parsed.dataset, "PhotometricInterpretation") or "unknown")
    return raw
