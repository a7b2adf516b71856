"""Small stand-ins for the adapters, with switches that make them fail."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from boneage_desk.common.errors import EngineError, FilmError, InputError, StoreError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.common.settings import Settings
from boneage_desk.reading.analysis import (
    AnalysisResult,
    BoneResult,
    FilmArea,
    Flag,
    IntervalRow,
    IntervalTable,
    ModelRef,
    WholeHandOpinion,
    WholeHandResult,
)
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.film import (
    Film,
    FilmSource,
    Frame,
    Laterality,
    Patient,
    Spacing,
    SpacingKind,
    Study,
    Voi,
    VoiKind,
)
from boneage_desk.reading.film_map import FilmMap
from boneage_desk.reading.findings import Box, GradeOpinion, Region
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.people import Person
from boneage_desk.reading.ports import FilmEntry, FilmProblem, SealedReport, Services, Verification
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.reading.session import AuditEvent, Reading
from boneage_desk.reading.signature import Signature
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters.film_pixels import linear_lut

# Where the 13 bones lie on the drawn hand, as shares of width and height
PLACES = {
    "radius": (0.42, 0.86), "ulna": (0.62, 0.87), "mc1": (0.24, 0.66), "mc3": (0.49, 0.52), "mc5": (0.70, 0.57),
    "pp1": (0.15, 0.56), "pp3": (0.49, 0.47), "pp5": (0.745, 0.53), "mp3": (0.49, 0.29), "mp5": (0.81, 0.42),
    "dp1": (0.09, 0.47), "dp3": (0.49, 0.17), "dp5": (0.85, 0.345),
}  # fmt: skip
GRADES = dict(zip(rus_chn.BONES, (8, 6, 7, 6, 6, 7, 7, 7, 7, 6, 7, 7, 7), strict=True))


def draw_hand(width: int = 1000, height: int = 1250, top: int = 4095) -> np.ndarray:
    """Grey blobs for joints and bars for shafts: enough to see that boxes lie right."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.full((height, width), 0.05, np.float32)
    chains = (("ulna",), ("radius",), ("mc1", "pp1", "dp1"), ("mc3", "pp3", "mp3", "dp3"), ("mc5", "pp5", "mp5", "dp5"))
    for chain in chains:
        points = [(0.5, 0.95 if len(chain) == 1 else 0.78), *(PLACES[bone] for bone in chain)]
        for (ax, ay), (bx, by) in zip(points, points[1:], strict=False):
            ax, bx, ay, by = ax * width, bx * width, ay * height, by * height
            length = max(1.0, float(np.hypot(bx - ax, by - ay)))
            along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length**2, 0, 1)
            away = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
            picture = np.maximum(picture, 0.35 * (away < width * 0.045))
            picture = np.maximum(picture, 0.6 * (away < width * 0.02))
    for px, py in PLACES.values():
        picture = np.maximum(picture, 0.95 * (np.hypot(x - px * width, y - py * height) < width * 0.022))
    return (picture * top).astype(np.uint16 if top > 255 else np.uint8)


def make_film(
    path: str = "/films/hand.dcm",
    *,
    size: tuple[int, int] = (1000, 1250),
    patient: Patient | None = None,
    study: Study | None = None,
    pixels: np.ndarray | None = None,
    **source: Any,
) -> Film:
    picture = draw_hand(*size) if pixels is None else pixels
    frame = Frame(
        pixels=picture,
        max_value=4095 if picture.dtype == np.uint16 else 255,
        vois=(Voi("NORMAL", VoiKind.LINEAR, 2048, 4096), Voi("BONE", VoiKind.SIGMOID, 2400, 1800)),
        spacing=Spacing(0.15, 0.15, SpacingKind.AT_DETECTOR),
    )
    return Film(
        source=FilmSource(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), is_dicom=True, **source),
        frame=frame,
        patient=patient
        or Patient(name="LI^Ming", patient_id="0042", sex=Sex.FEMALE, birth_date=date(2014, 3, 2)),
        study=study
        or Study(study_date=date(2024, 7, 11), description="Hand PA left", accession="A77", modality="CR",
                 body_part="HAND", view="PA", laterality=Laterality.LEFT, institution="Test clinic"),
    )  # fmt: skip


def opinion(bone: str, grade: int, sure: float = 0.72) -> GradeOpinion:
    """One that is sure shares the rest between the neighbours, as a trained grader does; an unsure one
    spreads it over all grades."""
    names = len(rus_chn.labels(bone))
    others = [i for i in range(names) if i != grade]
    near = [i for i in others if abs(i - grade) == 1] if sure >= 0.5 else others
    return GradeOpinion(
        bone, grade, tuple(sure if i == grade else (1 - sure) / len(near) if i in near else 0.0 for i in range(names))
    )


def make_evidence(bone: str, box: Box, ratio: float = 1.02) -> Evidence | None:
    """Made-up measurements: radius caps, pp3 is too narrow for its grade, dp5 shows no centre, ulna has none."""
    if bone == "ulna":
        return None
    if bone == "dp5":
        return Evidence(bone, present=False, quality=0.9)
    ratio = 0.7 if bone == "pp3" else ratio
    (x, y), half = box.centre, box.side / 4
    return Evidence(
        bone, True, 0.9, width_ratio=ratio, gap=0.06,
        caps_thumb_side=False, caps_little_side=bone == "radius",
        epiphysis_line=((x - half * ratio, y - half / 2), (x + half * ratio, y - half / 2)),
        metaphysis_line=((x - half, y + half / 2), (x + half, y + half / 2)),
    )  # fmt: skip


def make_result(frame: Frame, **changes: Any) -> AnalysisResult:
    bones = []
    for bone in rus_chn.BONES:
        x, y = PLACES[bone][0] * frame.width, PLACES[bone][1] * frame.height
        half = frame.width * (0.055 if bone in ("radius", "ulna") else 0.035)
        certain = bone != "mp5"
        region = Region(
            Box(x - half, y - half, x + half, y + half), 0.9, certain, "" if certain else "Fingers overlap here."
        )
        sure = 0.41 if bone == "ulna" else 0.72
        bones.append(BoneResult(bone, region, opinion(bone, GRADES[bone], sure), make_evidence(bone, region.box)))
    values: dict[str, Any] = {
        "bones": tuple(bones),
        "models": (ModelRef("detector", "yolov8n.fake", "ab" * 32), ModelRef("grader", "b3.fake", "cd" * 32)),
        "interval": IntervalTable(0.9, (IntervalRow(Sex.FEMALE, 0, 240, 8.0), IntervalRow(Sex.MALE, 0, 240, 9.0))),
        "hand_mirror": "L",
        "device": "cpu",
    }
    return AnalysisResult(**{**values, **changes})


def make_whole_hand(
    engines: Sequence[str], sex: Sex | None, installed: Sequence[str], **changes: Any
) -> WholeHandResult:
    """An opinion of each engine that is installed and has its sex, a flag of the others; ``changes``: of the opinions."""
    opinions, flags, models = [], [], []
    for engine in engines:
        told = None if engine == "dual" else sex
        if engine not in installed or (told is None and engine != "dual"):
            why = "no model is installed" if engine not in installed else "the sex is not known"
            flags.append(Flag("whole_hand_unavailable", f"{ENGINE_NAMES[engine]}: {why}.", engine=engine))
            continue
        values: dict[str, Any] = {"interval_months": (112.0, 132.0), "usual_difference_months": 15.0}
        if engine == "dual":
            values |= {"male_probability": 0.03, "sex_limit": 0.95}
        if engine == "cascade":
            square = ((350.0, 700.0), (650.0, 700.0), (650.0, 1000.0), (350.0, 1000.0))
            values["areas"] = (
                FilmArea("carpal", square),
                FilmArea("metacarpophalangeal", tuple((x, y - 300.0) for x, y in square)),
            )
        values |= {"bone_age_months": 122.0, "sex": told, **changes}
        opinions.append(WholeHandOpinion(f"{engine}.fake", engine=engine, **values))
        models.append(ModelRef(engine, f"{engine}.fake", "ef" * 32, engine))
    return WholeHandResult(tuple(opinions), tuple(flags), tuple(models), {"whole hand": 90.0}, "cpu")


class FakeFilms:
    def __init__(self) -> None:
        self.films: dict[str, Film] = {}
        self.entries: dict[str, list[FilmEntry | FilmProblem]] = {}
        self.opened: list[tuple[str, int | None]] = []

    def put(self, film: Film) -> str:
        self.films[film.source.path] = film
        return film.source.path

    def open(self, path: str, *, frame: int | None = None, member: str = "") -> Film:
        self.opened.append((path, frame))
        if path not in self.films:
            raise FilmError(f"{path} is not there.", "Choose another file.", code="not-found")
        return self.films[path]

    def scan(
        self, paths: Sequence[str], *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> Iterator[FilmEntry | FilmProblem]:
        for path in paths:
            if path in self.entries:
                yield from self.entries[path]
            elif path in self.films:
                yield FilmEntry(path, frame_count=self.films[path].source.frame_count)
            elif not path.endswith("/"):
                yield FilmProblem(path, "not-an-image", "This file is no picture.")


class FakeEngine:
    def __init__(self) -> None:
        self.result: AnalysisResult | None = None
        self.error: Exception | None = None
        self.regrade_error: Exception | None = None
        self.saliency_error: Exception | None = None
        self.maps_made: list[str] = []
        self.saliency_gate: threading.Event | None = None
        self.gate: threading.Event | None = None
        self.started = 0
        self.calls: list[tuple[str, str]] = []
        self.words = "ready: cpu"
        self.installed: tuple[str, ...] = ("whole-hand",)
        self.whole_hand_error: Exception | None = None
        self.whole_hand_gate: threading.Event | None = None
        self.saliency_of: list[str] = []
        self.regrade_models: tuple[ModelRef, ...] = ()
        self.whole_hand_changes: dict[str, Any] = {}

    def start(self) -> None:
        self.started += 1

    def state(self) -> str:
        return self.words

    def analyse(
        self, frame: Frame, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> AnalysisResult:
        self.calls.append(("analyse", ""))
        progress(0.2, "finding bones")
        while self.gate is not None and not self.gate.wait(0.01):
            if cancel is not None:
                cancel.check()
        if self.error is not None:
            raise self.error
        progress(1.0, "done")
        return self.result or make_result(frame)

    def regrade(
        self, frame: Frame, bone: str, box: Box, angle_deg: float, *, cancel: CancelToken | None = None
    ) -> BoneResult:
        self.calls.append(("regrade", bone))
        if self.regrade_error is not None:
            raise self.regrade_error
        models = self.regrade_models or (self.result or make_result(frame)).models
        return BoneResult(bone, None, opinion(bone, GRADES[bone] - 1, 0.8), models=models)

    def grade_crops(self, crops: Sequence[Any], bone: str) -> list[GradeOpinion]:
        return [opinion(bone, GRADES[bone]) for _ in crops]

    def saliency(
        self,
        frame: Frame,
        bone: str,
        box: Box,
        angle_deg: float,
        *,
        method: str = "grad-cam",
        cancel: CancelToken | None = None,
    ) -> np.ndarray:
        self.calls.append((method, bone))
        while self.saliency_gate is not None and not self.saliency_gate.wait(0.01):
            if cancel is not None:
                cancel.check()
        self.maps_made.append(bone)
        if self.saliency_error is not None:
            raise self.saliency_error
        y, x = np.mgrid[-1:1:64j, -1:1:64j]
        return np.exp(-3 * (x**2 + y**2)).astype(np.float32)

    def whole_hand(
        self,
        frame: Frame,
        sex: Sex | None,
        *,
        engines: Sequence[str] = ("whole-hand",),
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> WholeHandResult:
        self.calls.append(("whole-hand", ",".join(engines)))
        while self.whole_hand_gate is not None and not self.whole_hand_gate.wait(0.01):
            if cancel is not None:
                cancel.check()
        if self.whole_hand_error is not None:
            raise self.whole_hand_error
        return make_whole_hand(engines, sex, self.installed, **self.whole_hand_changes)

    def whole_hand_saliency(
        self, frame: Frame, engine: str, sex: Sex | None, *, sha256: str, cancel: CancelToken | None = None
    ) -> np.ndarray:
        self.calls.append(("whole-hand-saliency", engine))
        self.saliency_of.append(sha256)
        while self.saliency_gate is not None and not self.saliency_gate.wait(0.01):
            if cancel is not None:
                cancel.check()
        if self.saliency_error is not None:
            raise self.saliency_error
        scale = 256 / max(frame.height, frame.width)
        y, x = np.mgrid[-1 : 1 : round(frame.height * scale) * 1j, -1 : 1 : round(frame.width * scale) * 1j]
        return np.exp(-6 * (x**2 + (y - 0.3) ** 2)).astype(np.float32)

    def whole_hand_engines(self) -> tuple[str, ...]:
        return self.installed

    def models(self) -> tuple[ModelRef, ...]:
        return ()

    def stop(self) -> None:
        pass


class FakeStore:
    """A dictionary; ``broken`` makes every save fail, as a full disk does; ``unreadable`` a look for a child's readings."""

    def __init__(self) -> None:
        self.unreadable: Exception | None = None
        self.readings: dict[str, Reading] = {}
        self.log: list[AuditEvent] = []
        self.broken: Exception | None = None
        self.files: dict[str, list[bytes]] = {}
        self.profiles: dict[str, Person] = {}

    def add(self, reading: Reading, event: AuditEvent) -> None:
        self._check()
        self.readings[reading.reading_id] = reading
        self.log.append(event)

    def save(self, reading: Reading, event: AuditEvent, *, report: bytes | None = None) -> None:
        self._check()
        if reading.revision != self.readings[reading.reading_id].revision + 1:
            raise StoreError("Another program changed this reading.", code="conflict")
        if len(reading.signatures) > len(self.readings[reading.reading_id].signatures):
            if report is None or hashlib.sha256(report).hexdigest() != reading.signatures[-1].pdf_sha256:
                raise ValueError("the report is not the one that was signed")
            self.files.setdefault(reading.reading_id, []).append(report)
        self.readings[reading.reading_id] = reading
        self.log.append(event)

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken

    def get(self, reading_id: str) -> Reading:
        if reading_id not in self.readings:
            raise StoreError("There is no such reading.", code="not-found")
        return self.readings[reading_id]

    def find_by_film(self, sha256: str, frame_number: int) -> Reading | None:
        for reading in reversed(self.readings.values()):
            if (reading.source.sha256, reading.source.frame_number) == (sha256, frame_number):
                return reading
        return None

    def list(self) -> list[Reading]:
        return list(reversed(self.readings.values()))

    def page(self, count: int, before: str | None = None) -> list[Reading]:
        every = self.list()
        start = 0 if before is None else next(i for i, r in enumerate(every) if r.reading_id == before) + 1
        return every[start : start + count]

    def every_of_patient(self, patient_id: str) -> list[Reading]:
        if self.unreadable is not None:
            raise self.unreadable
        return [reading for reading in self.list() if reading.patient.patient_id == patient_id]

    def events(self, reading_id: str | None = None) -> Sequence[AuditEvent]:
        return [event for event in self.log if reading_id in (None, event.reading_id)]

    def verify(self) -> list[str]:
        return []

    def report(self, reading_id: str, number: int | None = None) -> bytes:
        if reading_id not in self.files:
            raise StoreError("There is no signed report.", code="not-found")
        return self.files[reading_id][-1 if number is None else number - 1]

    def people(self) -> Sequence[Person]:
        return [self.profiles[account] for account in sorted(self.profiles)]

    def person(self, account: str) -> Person | None:
        return self.profiles.get(account)

    def set_person(self, person: Person, *, at: datetime, who: str) -> None:
        self._check()
        self.profiles[person.account] = person

    def close(self) -> None:
        pass


class FakeSigner:
    """Puts a line at the file's end; asks for ``passphrase`` where one is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.passphrase: str | None = None
        self.gate: threading.Event | None = None
        self.entered = threading.Event()
        self.question = ""
        self.kept: list[str] = []

    def asks(self, signature: Signature) -> str:
        return self.question

    def keep(self, signature: Signature, passphrase: str) -> None:
        self.kept.append(passphrase)

    def seal(
        self, pdf: bytes, signature: Signature, *, passphrase: str | None = None, page: bytes | None = None
    ) -> SealedReport:
        assert bool(signature.text) == (page is not None)
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        if passphrase != self.passphrase:
            raise InputError("The key needs its passphrase.", code="passphrase")
        return SealedReport(pdf + f"%sealed {signature.number} {signature.name}\n".encode(), "c" * 64, True)

    def verify(self, pdf: bytes) -> Verification:
        problems = () if pdf.rstrip().rpartition(b"\n")[2].startswith(b"%sealed") else ("Something was added.",)
        return Verification((), bool(problems), None, problems)


def pdf_of(reading: Reading) -> bytes:
    """A PDF of one empty page whose title is the reading's id and revision."""
    parts = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        f"<</Title({reading.reading_id} {reading.revision})>>",
    )
    body = "".join(f"{n} 0 obj{part}endobj\n" for n, part in enumerate(parts, 1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R/Info 4 0 R>>\n%%EOF\n".encode()


class FakeReports:
    """``maps``, ``papers``: of each report that was drawn, the map that was handed over and the paper. ``flattened``: the
    sealed files of which a copy for the eye was asked."""

    error: Exception | None = None
    left_out = ""

    def __init__(self) -> None:
        self.maps: list[FilmMap | None] = []
        self.papers: list[str] = []
        self.flattened: list[bytes] = []

    def addendum(self, reading: Reading, signature: Signature, *, paper: str = "A4") -> bytes:
        return pdf_of(reading)

    def write(
        self, reading: Reading, frame: Frame | None, out: Path, *, paper: str = "A4", detail: bool = True,
        film_map: FilmMap | None = None,
    ) -> Path:  # fmt: skip
        if self.error is not None:
            raise self.error
        self.maps.append(film_map)
        self.papers.append(paper)
        out.write_bytes(pdf_of(reading))
        return out

    def history(self, reading: Reading) -> tuple[Measurement, ...]:
        return ()

    def text(self, reading: Reading) -> str:
        if self.error is not None:
            raise self.error
        return f"Report {reading.reading_id} {reading.revision}\n"

    def flat(self, pdf: bytes) -> bytes:
        self.flattened.append(pdf)
        return pdf

    def trouble(self) -> str:
        return self.left_out


class Fakes:
    """All of them together, and the Services made of them."""

    def __init__(self, folder: Path) -> None:
        self.films, self.engine, self.store, self.reports = FakeFilms(), FakeEngine(), FakeStore(), FakeReports()
        self.signer = FakeSigner()
        self.film = make_film()
        self.path = self.films.put(self.film)
        ids = count(1)
        self.services = Services(
            data_dir=folder,
            settings=Settings(),
            films=lambda: self.films,
            engine=lambda: self.engine,
            store=lambda: self.store,
            reports=lambda: self.reports,
            cut_crop=cut_crop,
            draw_bone=draw_bone,
            draw_hand=draw_plate,
            voi_lut=lut,
            demo_film=lambda: Path(self.path),
            now=lambda: datetime.now(UTC),
            who=lambda: "reader",
            new_id=lambda: f"r{next(ids)}",
            close=lambda: None,
            signer=lambda: self.signer,
        )


def draw_bone(bone: str, grade: int, size: int, side: str) -> np.ndarray:
    """As bright as the grade is high."""
    return np.full((size, size), 40 + 12 * grade, np.uint8)


def draw_plate(grades: Any, _sex: Any, size: tuple[int, int], side: str) -> np.ndarray:
    """As bright as the hand is mature; the thumb's side is black."""
    picture = np.full(size, 40 + sum(grades.values()), np.uint8)
    picture[:, -8:] = 0
    return picture if side == "left" else np.ascontiguousarray(picture[:, ::-1])


def cut_crop(frame: Frame, box: Box, _angle: float, size: int) -> np.ndarray:
    ys = np.clip(np.linspace(box.y0, box.y1, size).astype(int), 0, frame.height - 1)
    xs = np.clip(np.linspace(box.x0, box.x1, size).astype(int), 0, frame.width - 1)
    return (frame.pixels[ys][:, xs].astype(np.float32) * 255 / frame.max_value).astype(np.uint8)


def lut(voi: Voi, max_value: int, dtype: Any, *, invert: bool = False) -> np.ndarray:
    table = linear_lut(voi, max_value, np.dtype(dtype))
    return 255 - table if invert else table


def engine_died() -> EngineError:
    return EngineError("The model process ended.", "Read the film again.", code="engine-crashed")
