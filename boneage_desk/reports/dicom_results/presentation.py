"""Boxes, labels and what a reader measured and noted, as a Grayscale Softcopy Presentation State in layers to hide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from boneage_desk.imaging.annotated import Rect, label_place
from boneage_desk.reading import annotations
from boneage_desk.reading.annotations import AnnotationKind
from boneage_desk.reading.findings import BoneFinding, Box
from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results import base
from boneage_desk.reports.dicom_results.groups import outline
from boneage_desk.standards import rus_chn

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from boneage_desk.reports.dicom_results.display import Display
    from boneage_desk.reports.dicom_results.origin import Origin

MACHINE, HUMAN, LABELS, MEASURED = "MACHINE BOXES", "HUMAN BOXES", "LABELS", "MEASUREMENTS"
_LAYERS = (
    # name, what it holds, CIELab as PS3.3 C.10.7.1.1 scales it (L 0..100, a and b -128..127 over 0..65535)
    (MACHINE, "Regions that the machine found", (44000, 32000, 19000)),
    (HUMAN, "Regions that a reader drew", (47000, 40000, 48000)),
    (LABELS, "Bones and grades in force; ? where it is doubtful", (60000, 32896, 32896)),
    (MEASURED, "Distances, angles and notes of a reader", (54000, 36000, 46000)),
)
LABEL_SHARE = 75
"""A label's height is the film's longer side over this, as in the annotated film."""
LETTER = 0.58
"""Width of a letter over its height, with room: viewers choose the font."""
LEADER_FROM = 1.5
"""Heights of a label between it and its joint from which a line joins them."""


def state(origin: Origin, reading: Reading, grey: npt.NDArray[np.uint8]) -> Dataset | None:
    """The presentation state; ``grey``: the film as shown, for places off the bone. None for a colour object, to
    which a greyscale state may not refer."""
    if origin.display is None:
        return None
    made = base.begin(origin, reading, base.STATE)
    made.Laterality = reading.study.laterality.value
    made.ContentLabel = "BONE_AGE"
    made.ContentDescription = base.description(reading, "boxes and labels")
    made.ContentCreatorName = base.person_name(reading.signatures[0].name) if reading.signatures else ""
    made.PresentationCreationDate, made.PresentationCreationTime = base.when(reading.changed_at)
    for keyword in ("ContentDate", "ContentTime"):  # this kind has its own two
        delattr(made, keyword)
    made.ReferencedSeriesSequence = [_film(origin)]
    made.DisplayedAreaSelectionSequence = [_area(origin)]
    _show(made, origin, origin.display)
    annotations = _annotations(origin, reading, grey)
    if annotations:
        made.GraphicAnnotationSequence = annotations
        made.GraphicLayerSequence = _layers({item.GraphicLayer for item in annotations})
    return made


def _film(origin: Origin) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = origin.series_uid
    item.ReferencedImageSequence = [origin.reference()]
    return item


def _area(origin: Origin) -> Dataset:
    """The whole film, to fit, with pixels of its own shape."""
    item = Dataset()
    item.ReferencedImageSequence = [origin.reference()]
    item.DisplayedAreaTopLeftHandCorner = [1, 1]
    item.DisplayedAreaBottomRightHandCorner = [origin.columns, origin.rows]
    item.PresentationSizeMode = "SCALE TO FIT"
    item.PresentationPixelAspectRatio = list(origin.aspect)
    return item


def _show(made: Dataset, origin: Origin, display: Display) -> None:
    made.update(display.modality)
    voi = Dataset()
    voi.update(display.voi)
    voi.ReferencedImageSequence = [origin.reference()]
    made.SoftcopyVOILUTSequence = [voi]
    made.PresentationLUTShape = "INVERSE" if display.inverse else "IDENTITY"


def _layers(used: set[str]) -> list[Dataset]:
    found = []
    for name, words, colour in _LAYERS:
        if name in used:
            item = Dataset()
            item.GraphicLayer = name
            item.GraphicLayerOrder = len(found) + 1
            item.GraphicLayerRecommendedDisplayGrayscaleValue = 65535
            item.GraphicLayerRecommendedDisplayCIELabValue = list(colour)
            item.GraphicLayerDescription = words
            found.append(item)
    return found


def _annotations(origin: Origin, reading: Reading, grey: npt.NDArray[np.uint8]) -> list[Dataset]:
    machine = [_outline(origin, f.machine_region.box) for f in reading.bones if f.machine_region is not None]
    human = [_outline(origin, f.human_box) for f in reading.bones if f.human_box is not None]
    texts, leaders, taken = _labels(origin, [finding for finding in reading.bones if finding.box is not None], grey)
    values, drawn = _measured(origin, reading, taken, grey)
    found = []
    for layer, lines, words in (
        (MACHINE, machine, []), (HUMAN, human, []), (LABELS, leaders, texts), (MEASURED, drawn, values),
    ):  # fmt: skip
        if lines or words:
            item = Dataset()
            item.ReferencedImageSequence = [origin.reference()]
            item.GraphicLayer = layer
            if words:
                item.TextObjectSequence = words
            if lines:
                item.GraphicObjectSequence = lines
            found.append(item)
    return found


def _outline(origin: Origin, box: Box) -> Dataset:
    return _polyline(outline(origin, box))


def _polyline(points: list[tuple[float, float]]) -> Dataset:
    item = Dataset()
    item.GraphicAnnotationUnits = "PIXEL"
    item.GraphicDimensions = 2
    item.NumberOfGraphicPoints = len(points)
    item.GraphicData = [value for point in points for value in point]
    item.GraphicType = "POLYLINE"
    item.GraphicFilled = "N"
    return item


def _labels(
    origin: Origin, findings: list[BoneFinding], grey: npt.NDArray[np.uint8]
) -> tuple[list[Dataset], list[Dataset], list[Rect]]:
    """Texts in boxes of their own beside the joints: off the boxes and each other, over dark ground; and lines from
    those that stand far off back to their joint. With the places of joints and texts."""
    high = max(10.0, max(origin.rows, origin.columns) / LABEL_SHARE)
    taken = [_corners(finding.box) for finding in findings if finding.box is not None]
    texts, leaders = [], []
    for finding in findings:
        if finding.box is None:
            continue
        words, own = label(finding), _corners(finding.box)
        place = _inside(label_place(own, len(words) * high * LETTER, high, taken, grey), origin)
        taken.append(place)
        texts.append(_text(words, place, leftwards=place[2] <= own[0]))
        start, end = _near(own, place), _near(place, own)
        if math.dist(start, end) > LEADER_FROM * high:
            leaders.append(_polyline([start, end]))
    return texts, leaders, taken


def _measured(
    origin: Origin, reading: Reading, taken: list[Rect], grey: npt.NDArray[np.uint8]
) -> tuple[list[Dataset], list[Dataset]]:
    """Texts and lines of what a reader drew: the value with its unit, or the note, beside it and off the joints."""
    high = max(10.0, max(origin.rows, origin.columns) / LABEL_SHARE)
    values, lines = [], []
    for annotation in reading.annotations:
        points = [(min(max(x, 0.0), float(origin.columns)), min(max(y, 0.0), float(origin.rows))) for x, y in annotation.points]
        x, y = points[1] if annotation.kind is AnnotationKind.ANGLE else max(points)
        own, said = (x - high / 4, y - high / 4, x + high / 4, y + high / 4), annotations.words(annotation)
        place = _inside(label_place(own, len(said) * high * LETTER, high, taken, grey), origin)
        taken.append(place)
        values.append(_text(said, place, leftwards=place[2] <= own[0]))
        if len(points) > 1:
            lines.append(_polyline(points))
        start, end = _near(own, place), _near(place, own)
        if len(points) == 1 or math.dist(start, end) > LEADER_FROM * high:
            lines.append(_polyline([(x, y), end]))
    return values, lines


def _inside(place: Rect, origin: Origin) -> Rect:
    x0, x1 = (min(max(x, 0.0), float(origin.columns)) for x in (place[0], place[2]))
    y0, y1 = (min(max(y, 0.0), float(origin.rows)) for y in (place[1], place[3]))
    return x0, y0, x1, y1


def _near(rect: Rect, other: Rect) -> tuple[float, float]:
    """The point of ``rect`` that is nearest to the middle of ``other``."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return min(max(x, rect[0]), rect[2]), min(max(y, rect[1]), rect[3])


def label(finding: BoneFinding) -> str:
    """'radius 7(0)'; with '?' where the machine doubts or there is no grade."""
    final = finding.final_grade
    grade = "" if final is None else f" {rus_chn.label(finding.bone, final)}"
    return f"{finding.bone}{grade}{' ?' if final is None or finding.uncertain else ''}"


def _corners(box: Box) -> Rect:
    return box.x0, box.y0, box.x1, box.y1


def _text(words: str, place: Rect, *, leftwards: bool) -> Dataset:
    """A text that begins, or (left of its joint) ends, at the side of the joint."""
    item = Dataset()
    item.BoundingBoxAnnotationUnits = "PIXEL"
    item.UnformattedTextValue = words
    item.BoundingBoxTopLeftHandCorner = [place[0], place[1]]
    item.BoundingBoxBottomRightHandCorner = [place[2], place[3]]
    item.BoundingBoxTextHorizontalJustification = "RIGHT" if leftwards else "LEFT"
    return item
