"""The presentation state: the film shown by it looks as on the screen, boxes and labels are where they belong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.imaging.voi import apply_voi
from boneage_desk.reading.annotating import AddAnnotation
from boneage_desk.reading.annotations import AnnotationKind, words
from boneage_desk.reading.assessment import new_reading
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import SetBox
from boneage_desk.reports.dicom_results.writer import DicomResults
from boneage_desk.standards import rus_chn
from tests.dicom_cases import AT, drawn, open_film, read_strictly, session
from tests.samples import WHO
from tests.unit.imaging.conftest import dataset, ramp


def shown(raw: np.ndarray, state: Any) -> np.ndarray:
    """Grey 0..255 of stored values by the state alone: Modality LUT, VOI LUT, presentation LUT (PS3.4 N.2)."""
    values = raw.astype(np.float64)
    if "ModalityLUTSequence" in state:
        values = through(values, state.ModalityLUTSequence[0])
    elif "RescaleSlope" in state:
        values = values * float(state.RescaleSlope) + float(state.RescaleIntercept)
    (voi,) = state.SoftcopyVOILUTSequence
    if "VOILUTSequence" in voi:
        item = voi.VOILUTSequence[0]
        share = through(values, item) / ((1 << item.LUTDescriptor[2]) - 1)
    else:
        centre, width = float(voi.WindowCenter), float(voi.WindowWidth)
        function = voi.get("VOILUTFunction", "LINEAR")
        if function == "SIGMOID":
            share = 1 / (1 + np.exp(-4 * (values - centre) / width))
        elif function == "LINEAR_EXACT":
            share = np.clip((values - centre) / width + 0.5, 0, 1)
        else:
            share = np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    if state.PresentationLUTShape == "INVERSE":
        share = 1 - share
    return share * 255


def through(values: np.ndarray, item: Any) -> np.ndarray:
    count, first, _ = item.LUTDescriptor
    table = np.frombuffer(item.LUTData, "<u2") if isinstance(item.LUTData, bytes) else np.asarray(item.LUTData)
    assert len(table) == (count or 65536)
    return table[np.clip(values - first, 0, len(table) - 1).astype(int)].astype(np.float64)


def lut(entries: list[int], first: int, bits: int, **more: Any) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "OW", np.array(entries, "<u2").tobytes())
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


CASES: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "plain": (ramp(), {"WindowCenter": 1500, "WindowWidth": 2000, "BitsStored": 12, "HighBit": 11}),
    "no window": (ramp(), {"BitsStored": 12, "HighBit": 11}),
    "monochrome1": (
        ramp(),
        {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 1500, "WindowWidth": 2000, "BitsStored": 12, "HighBit": 11},
    ),
    "rescaled": (ramp(), {"RescaleSlope": 2, "RescaleIntercept": -1024, "WindowCenter": 1500, "WindowWidth": 3000}),
    "rescaled and turned round": (
        ramp(),
        {
            "PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": -1, "RescaleIntercept": 4095, "BitsStored": 12,
            "HighBit": 11, "WindowCenter": 1500, "WindowWidth": 3000,
        },
    ),
    "signed": (
        (ramp().astype(np.int32) - 2000).astype(np.int16), {"WindowCenter": 0, "WindowWidth": 3000, "BitsStored": 16},
    ),
    "sigmoid": (ramp(), {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "SIGMOID"}),
    "exact": (ramp(), {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "LINEAR_EXACT"}),
    "a table": (ramp(), {"VOILUTSequence": [lut([i * 2 for i in range(2000)], 700, 12, LUTExplanation="curve")]}),
    "a table turned round": (
        ramp(),
        {
            "VOILUTSequence": [lut([i * 2 for i in range(2000)], 700, 12)], "PhotometricInterpretation": "MONOCHROME1",
            "BitsStored": 12, "HighBit": 11,
        },
    ),
    "eight bit": (ramp(top=255, dtype=np.uint8), {"WindowCenter": 128, "WindowWidth": 200}),
    "hides itself": (ramp(), {"WindowCenter": 60000, "WindowWidth": 10}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_film_looks_as_on_the_screen(name: str, tmp_path: Path) -> None:
    raw, tags = CASES[name]
    path = tmp_path / "film.dcm"
    dataset(raw, BodyPartExamined="HAND", **tags).save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    made = DicomResults().make(new_reading(film, "r1", AT), film)
    state = next(ds for ds in made if ds.Modality == "PR")
    on_screen = apply_voi(film.frame.pixels, film.frame.vois[0], max_value=film.frame.max_value)
    by_state = shown(raw, state)
    assert np.ptp(on_screen) > 100
    assert np.abs(by_state - on_screen).max() <= 1.01


def test_a_modality_lut_is_copied(tmp_path: Path) -> None:
    entries = [int((i / 4095) ** 0.5 * 4095) for i in range(4096)]
    tags: dict[str, Any] = {
        "ModalityLUTSequence": [lut(entries, 0, 12, ModalityLUTType="US")], "WindowCenter": 2000, "WindowWidth": 3000,
    }  # fmt: skip
    path = tmp_path / "film.dcm"
    dataset(ramp(), BodyPartExamined="HAND", **tags).save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    state = next(ds for ds in DicomResults().make(new_reading(film, "r1", AT), film) if ds.Modality == "PR")
    on_screen = apply_voi(film.frame.pixels, film.frame.vois[0], max_value=film.frame.max_value)
    assert np.abs(shown(ramp(), state) - on_screen).max() <= 1.01


# ---------------------------------------------------------------------------------- boxes and labels
@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    """(hand, film, state) of a hand of real size, one box moved by a person, one bone uncertain."""
    hand = drawn(1400, 1050)
    folder = tmp_path_factory.mktemp("large")
    film = open_film(folder, hand)
    value = session(film, hand)
    value.do(SetBox("pp3", Box(*(v + 4 for v in hand.boxes["pp3"]))), at=AT, who=WHO)
    paths = DicomResults().write(value.reading, film, folder / "out")
    return hand, film, read_strictly(next(path for path in paths if path.name.startswith("PR.")))


def layers(state: Any, keyword: str) -> dict[str, list[Any]]:
    return {str(item.GraphicLayer): list(item.get(keyword, ())) for item in state.GraphicAnnotationSequence}


def rect(text: Any) -> tuple[float, ...]:
    return (*text.BoundingBoxTopLeftHandCorner, *text.BoundingBoxBottomRightHandCorner)


def test_machine_and_human_boxes_have_layers_of_their_own(large: tuple[Any, Any, Any]) -> None:
    hand, film, state = large
    lines = layers(state, "GraphicObjectSequence")
    machine = [tuple(line.GraphicData) for line in lines["MACHINE BOXES"]]
    expected = []
    for bone in rus_chn.BONES:
        x0, y0, x1, y1 = hand.boxes[bone]
        expected.append((x0, y0, x1, y0, x1, y1, x0, y1, x0, y0))
    assert np.allclose(machine, expected, atol=0.01)
    (human,) = lines["HUMAN BOXES"]
    assert list(human.GraphicData)[:2] == pytest.approx([v + 4 for v in hand.boxes["pp3"][:2]], abs=0.01)
    used = {str(item.GraphicLayer) for item in state.GraphicAnnotationSequence}
    order = [(str(item.GraphicLayer), item.GraphicLayerOrder) for item in state.GraphicLayerSequence]
    assert order == [("MACHINE BOXES", 1), ("HUMAN BOXES", 2), ("LABELS", 3)]
    assert used == {name for name, _ in order}
    for objects in lines.values():
        assert {line.GraphicAnnotationUnits for line in objects} <= {"PIXEL"}


def test_measurements_and_notes_have_a_layer_of_their_own_off_the_joints(tmp_path: Path) -> None:
    hand = drawn(1400, 1050)
    film = open_film(tmp_path, hand)
    value = session(film, hand)
    mc3, radius, mp5 = (hand.boxes[bone] for bone in ("mc3", "radius", "mp5"))
    ends = ((mc3[0] + 2.0, mc3[1] + 20.0), (mc3[2] - 2.0, mc3[1] + 24.0))
    arms = ((radius[0] + 5.0, radius[1]), (radius[0] + 5.0, radius[3]), (radius[2], radius[3]))
    spacing = film.frame.spacing
    value.do(AddAnnotation(AnnotationKind.DISTANCE, ends, spacing=spacing), at=AT, who=WHO)
    value.do(AddAnnotation(AnnotationKind.ANGLE, arms, spacing=spacing), at=AT, who=WHO)
    value.do(AddAnnotation(AnnotationKind.NOTE, ((mp5[2] + 3.0, mp5[1]),), "缺如? absent"), at=AT, who=WHO)
    paths = DicomResults().write(value.reading, film, tmp_path / "out")
    state = read_strictly(next(path for path in paths if path.name.startswith("PR.")))
    assert [str(item.GraphicLayer) for item in state.GraphicLayerSequence] == ["MACHINE BOXES", "LABELS", "MEASUREMENTS"]
    texts = layers(state, "TextObjectSequence")["MEASUREMENTS"]
    assert [str(text.UnformattedTextValue) for text in texts] == [words(a) for a in value.reading.annotations]
    assert str(texts[0].UnformattedTextValue).endswith("mm") and str(texts[2].UnformattedTextValue) == "缺如? absent"
    for text in texts:
        assert all(overlap(rect(text), box) == 0 for box in hand.boxes.values())
    lines = [np.reshape(line.GraphicData, (-1, 2)) for line in layers(state, "GraphicObjectSequence")["MEASUREMENTS"]]
    assert any(np.allclose(line, ends, atol=0.01) for line in lines if len(line) == 2)
    assert any(len(line) == 3 and np.allclose(line, arms, atol=0.01) for line in lines)


def test_labels_name_bone_and_grade(large: tuple[Any, Any, Any]) -> None:
    _, _, state = large
    words = [str(text.UnformattedTextValue) for text in layers(state, "TextObjectSequence")["LABELS"]]
    expected = [f"{bone} {rus_chn.label(bone, 6)}" for bone in rus_chn.BONES]
    expected[rus_chn.BONES.index("pp3")] = "pp3 ?"  # moved, and nobody graded the new place
    assert words == expected


def test_labels_are_beside_the_joints_and_off_the_bone(large: tuple[Any, Any, Any]) -> None:
    hand, film, state = large
    grey = apply_voi(film.frame.pixels, film.frame.vois[0], max_value=film.frame.max_value)
    texts = layers(state, "TextObjectSequence")["LABELS"]
    bone = np.percentile([grey[int(y), int(x)] for x, y in hand.centres.values()], 25)
    places = [rect(text) for text in texts]
    for place, own in zip(places, rus_chn.BONES, strict=True):
        x0, y0, x1, y1 = place
        assert 0 <= x0 < x1 <= film.frame.width
        assert 0 <= y0 < y1 <= film.frame.height
        under = grey[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
        assert np.percentile(under, 95) < bone, own
        for other in hand.boxes.values():
            assert overlap(place, other) == 0, own
    for i, place in enumerate(places):
        assert all(overlap(place, other) == 0 for other in places[i + 1 :])


def overlap(a: Any, b: Any) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return across * down if across > 0 and down > 0 else 0.0


def test_it_refers_to_the_film_and_shows_all_of_it(large: tuple[Any, Any, Any]) -> None:
    _, film, state = large
    (series,) = state.ReferencedSeriesSequence
    (image,) = series.ReferencedImageSequence
    assert series.SeriesInstanceUID == film.study.series_uid
    assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID) == (film.study.sop_class_uid, film.study.sop_uid)
    (area,) = state.DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [film.frame.width, film.frame.height]
    assert (state.ContentLabel, str(state.ContentCreatorName)) == ("BONE_AGE", "")
    assert "SYNTHETIC" in state.ContentDescription


def test_boxes_that_reach_over_the_edge_end_there(film: Callable[..., Any], hand: Any, results: Callable[..., Any]) -> None:
    opened = film()
    value = session(opened, hand)
    value.do(SetBox("radius", Box(-20, -30, 60, 70)), at=AT, who=WHO)
    (human,) = layers(results(value.reading, opened)["PR"], "GraphicObjectSequence")["HUMAN BOXES"]
    assert list(human.GraphicData) == [0, 0, 60, 0, 60, 70, 0, 70, 0, 0]


def test_a_colour_film_has_no_greyscale_state(tmp_path: Path) -> None:
    grey = ramp(top=255, dtype=np.uint8)
    path = tmp_path / "film.dcm"
    secondary = "1.2.840.10008.5.1.4.1.1.7"
    made = dataset(np.stack([grey] * 3, -1), SOPClassUID=secondary, BodyPartExamined="HAND", Modality="OT")
    made.save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    kinds = [str(ds.Modality) for ds in DicomResults().make(new_reading(film, "r1", AT), film)]
    assert kinds == ["SR", "OT", "KO"]
