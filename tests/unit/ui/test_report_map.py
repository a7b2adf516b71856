"""The report's map is of the weights that gave the opinion, or there is none and the reason is told."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from boneage_desk.common.errors import EngineError
from boneage_desk.reading.analysis import ModelRef, WholeHandOpinion
from boneage_desk.reading.second_opinion import weights_of
from boneage_desk.reading.session import Reading
from boneage_desk.ui.presenters.report_map import ReportMaps
from tests.samples import analysed

INSTALLED, EARLIER = "a" * 64, "b" * 64


class Pixels(np.ndarray):
    """Can be referred to weakly."""


FRAME: Any = SimpleNamespace(pixels=np.zeros((4, 4), np.uint8).view(Pixels))


class Engine:
    """Holds the weights INSTALLED."""

    def whole_hand_saliency(self, frame: Any, engine: str, sex: Any, *, sha256: str) -> np.ndarray:
        if sha256 != INSTALLED:
            raise EngineError("Whole hand: no map, the opinion was made by a model that is no longer installed.")
        return np.eye(4, dtype=np.float32)


def read_by(*shas: str, tag: str = "lite0.v1") -> Reading:
    value = analysed().reading
    refs = tuple(ModelRef("w", tag, sha, "whole-hand") for sha in shas)
    return dataclasses.replace(value, whole_hand=(WholeHandOpinion("lite0.v1", 120.0),), models=(*value.models, *refs))


def asked(maps: ReportMaps, value: Reading) -> Any:
    services: Any = SimpleNamespace(settings=SimpleNamespace(report_map=True), engine=Engine)
    return maps.get(services, value, FRAME)


def test_an_opinion_of_earlier_weights_has_no_map_and_the_reason_is_told() -> None:
    maps = ReportMaps()
    assert asked(maps, read_by(INSTALLED)).opinion.model == "lite0.v1" and not maps.trouble
    assert asked(maps, read_by(EARLIER)) is None, "the map kept is of other weights"
    assert "no longer installed" in maps.trouble
    assert asked(maps, read_by(INSTALLED)) is not None and not maps.trouble


def test_a_reading_that_does_not_tell_its_weights_names_none() -> None:
    for value in (read_by(), read_by(INSTALLED, tag="lite0.v2"), read_by(INSTALLED, EARLIER)):
        assert weights_of(value, value.whole_hand[0]) == "" and asked(ReportMaps(), value) is None
