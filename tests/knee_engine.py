"""Stands in for the model process with switches that make it wait or fail; the real one runs in the slow tests."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from boneage_desk.imaging.phantom.dicom import PhantomPatient
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_dicom import write_knee_dicom
from boneage_desk.imaging.phantom.knee_form import KneeSpec
from boneage_desk.reading.analysis import ModelRef
from boneage_desk.reading.film import Frame
from boneage_desk.reading.knee import NO_AGE, NO_SEX, KneeModelFacts, KneeQuestion, KneeResult, refused

MODEL = KneeModelFacts(
    ModelRef("Knee model", "convnext_tiny.site", "c" * 64, "knee"), True, 5, "site films", "reader (300 films)",
    {"films": 300.0, "mae_months": 9.1, "guess_mae_months": 11.0}, ("Only of one site.",),
)  # fmt: skip


def write_knee(path: Path, *, months: float = 120.0, side: str = "left", **who: str) -> Path:
    """A drawn knee of a girl of 10 years as DICOM; ``who``: what her file says otherwise."""
    facts = {"name": "KNEE^CHILD", "patient_id": "K77", "sex": "F", "birth_date": "20140711", "study_date": "20240711"} | who
    write_knee_dicom(draw_knee(KneeSpec(months, "F", side, size=(240, 180))), path, patient=PhantomPatient(**facts))  # type: ignore[arg-type]
    return path


def write_picture(path: Path, months: float = 120.0) -> Path:
    """A drawn knee as PNG: no fact in the file."""
    from PIL import Image

    Image.fromarray((draw_knee(KneeSpec(months, "F", size=(240, 180), marker=False)).pixels >> 4).astype(np.uint8)).save(path)
    return path


class KneeEngine:
    """Needs sex and age, as a published knee model does; ``gate`` holds every answer back until it is set."""

    def __init__(self) -> None:
        self.asked: list[KneeQuestion] = []
        self.mapped: list[KneeQuestion] = []
        self.gate: threading.Event | None = None
        self.error: Exception | None = None
        self.map_error: Exception | None = None
        self.months = 126.0
        self.words = "ready: cpu"
        self.started = 0

    def start(self) -> None:
        self.started += 1
        self.words = "ready: cpu"

    def state(self) -> str:
        return self.words

    def stop(self) -> None:
        pass

    def whole_hand_engines(self) -> tuple[str, ...]:
        return ()

    def models(self) -> tuple[ModelRef, ...]:
        return ()

    def knee(self, frame: Frame, question: KneeQuestion, *, progress: Any = None, cancel: Any = None) -> KneeResult:
        self.asked.append(question)
        while self.gate is not None and not self.gate.wait(0.01):
            if cancel is not None:
                cancel.check()
        if self.error is not None:
            raise self.error
        if question.sex is None:
            return refused(NO_SEX, "The sex is not known, and the knee model needs it.")
        if question.chronological_months is None:
            return refused(NO_AGE, "The chronological age is not known (birth or study date), and the knee model needs it.")
        return KneeResult(self.months, (), (108.0, 144.0), 0.9, 2.0, 0.6, MODEL, {"total": 5.0}, "cpu")

    def knee_saliency(self, frame: Frame, question: KneeQuestion, *, cancel: Any = None) -> np.ndarray:
        self.mapped.append(question)
        if self.map_error is not None:
            raise self.map_error
        y, x = np.mgrid[-1 : 1 : 256 * 1j, -1 : 1 : 192 * 1j]
        return np.exp(-6 * (x**2 + y**2)).astype(np.float32)
