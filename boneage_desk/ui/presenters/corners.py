"""The four corner texts of the film, as radiologists know them."""

from __future__ import annotations

from boneage_desk.common.i18n import tr
from boneage_desk.reading.film import Film, Frame, Patient, SpacingKind, Study, Voi, VoiKind
from boneage_desk.reading.session import Reading
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters import key_words, text
from boneage_desk.ui.presenters.viewport import Viewport
from boneage_desk.ui.presenters.windows import level_words, name_of


def patient_lines(reading: Reading) -> tuple[str, ...]:
    return person_lines(reading.patient, reading.patient.sex)


def person_lines(patient: Patient, sex: Sex | None) -> tuple[str, ...]:
    facts = " ".join(
        part
        for part in (
            patient.patient_id,
            sex.value if sex else tr("sex ?"),
            f"*{text.day(patient.birth_date)}" if patient.birth_date else tr("born ?"),
        )
        if part
    )
    return (patient.display_name or tr("No name"), facts)


def study_lines(film: Film, study: Study) -> tuple[str, ...]:
    """Date, description, view and place. ``study``: that of the reading, in which a person may have mended what the film's
    file says."""
    lines = [
        " ".join(part for part in (text.day(study.study_date), study.accession) if part),
        study.description,
        " ".join(part for part in (study.modality, study.body_part, study.view) if part),
        study.institution,
    ]
    if study.synthetic:
        lines.append(tr("SYNTHETIC IMAGE"))
    if not film.source.is_dicom:
        lines.append(tr("no DICOM"))
    return tuple(line for line in lines if line)


def image_lines(film: Film, view: Viewport, voi: Voi | None, inverted: bool, pixel_ratio: float = 1.0) -> tuple[str, ...]:
    """Size, spacing, window, zoom. pixel_ratio: pixels of the screen to one of the window; 100% is one to one on the screen."""
    frame, source = film.frame, film.source
    size = tr("{width} \N{MULTIPLICATION SIGN} {height}, {bits} bit", width=frame.width, height=frame.height,
              bits=frame.max_value.bit_length())
    if source.frame_count > 1:
        size += tr(", frame {frame_number} of {frame_count}", frame_number=source.frame_number, frame_count=source.frame_count)
    spacing = _spacing(frame)
    window = ""
    if voi is not None:
        window = name_of(voi) if voi.kind is VoiKind.LUT else level_words(voi)
        if voi.kind is VoiKind.SIGMOID:
            window += "  " + tr("sigmoid")
        if voi.name and voi.kind is not VoiKind.LUT:
            window += f"  {name_of(voi)}"
    state = [tr("zoom {zoom:.0%}", zoom=view.zoom * pixel_ratio)]
    if inverted:
        state.append(tr("INVERTED"))
    if view.orientation:
        state.append(view.orientation)
    return tuple(line for line in (size, spacing, window, ", ".join(state)) if line)


def _spacing(frame: Frame) -> str:
    spacing = frame.spacing
    if spacing.kind is SpacingKind.NONE:
        return tr("no spacing")
    where = tr(" at detector") if spacing.kind is SpacingKind.AT_DETECTOR else ""
    return tr("{row:.3f} mm/px{where}", row=spacing.row, where=where)


def side_letter(reading: Reading) -> str:
    """'L' or 'R' as recorded; nothing is shown where nothing is known."""
    return reading.study.laterality.value


def overlay_line(show: str, drawn: tuple[str, ...], editing: bool) -> tuple[str, ...]:
    """State of the overlay: boxes and labels, and ``drawn``: what else is drawn, '' for nothing."""
    lines = [tr("Overlay: {show}", show=show), *(line for line in drawn if line)]
    if editing:
        key = key_words.key("edit-boxes")
        lines.append(tr("EDITING BOXES ({key} ends)", key=key) if key else tr("EDITING BOXES"))
    return tuple(lines)
