"""The command line with real films, a real store and an engine that answers at once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from boneage_desk import wiring
from boneage_desk.cli.app import App, ModelCheck
from boneage_desk.cli.main import main
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.imaging.phantom import draw_hand
from boneage_desk.imaging.phantom.demo import DEMO_SPEC
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.reading.analysis import AnalysisResult, Flag, ModelRef, WholeHandOpinion, WholeHandResult
from boneage_desk.reading.film import Frame
from boneage_desk.reading.findings import GradeOpinion
from boneage_desk.reading.ports import Services
from boneage_desk.standards.types import Sex
from tests.samples import analysis, opinion, sha


@dataclass
class QuickEngine:
    """Answers from ``answers`` in turn (a result or an error), the last for ever."""

    answers: list[AnalysisResult | BaseException] = field(default_factory=lambda: [analysis()])
    calls: int = 0
    crops: list[tuple[int, int]] = field(default_factory=list)
    stopped: int = 0
    said: str = "ready: cpu"
    installed: tuple[str, ...] = ()
    asked: list[tuple[tuple[str, ...], Sex | None]] = field(default_factory=list)
    whole_hand_error: BaseException | None = None
    saliency_error: BaseException | None = None

    def start(self) -> None:
        pass

    def state(self) -> str:
        return self.said

    def analyse(
        self, frame: Frame, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> AnalysisResult:
        time.sleep(0.0005)
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def grade_crops(self, crops: Sequence[Any], bone: str) -> list[GradeOpinion]:
        found = []
        for crop in crops:
            self.crops.append(crop.shape)
            found.append(opinion(bone, len(self.crops) % 10))
        return found

    def whole_hand(
        self,
        frame: Frame,
        sex: Sex | None,
        *,
        engines: Sequence[str] = ("whole-hand",),
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> WholeHandResult:
        self.asked.append((tuple(engines), sex))
        if self.whole_hand_error is not None:
            raise self.whole_hand_error
        there = [engine for engine in engines if engine in self.installed]
        return WholeHandResult(
            tuple(WholeHandOpinion(f"{e}.test", 120.0 + i, (110.0, 130.0), e, sex=sex) for i, e in enumerate(there)),
            tuple(Flag("whole_hand_unavailable", f"{e}: none", engine=e) for e in engines if e not in there),
            tuple(ModelRef(e, f"{e}.test", sha(e), e) for e in there),
            {e: 12.5 for e in there},
        )

    def whole_hand_saliency(
        self, frame: Frame, engine: str, sex: Sex | None, *, sha256: str, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        if self.saliency_error is not None:
            raise self.saliency_error
        assert sha256 == sha(engine), "the map is asked of the weights that gave the opinion"
        values = np.zeros((64, 64), np.float32)
        values[28:36, 28:36] = 1
        return values

    def whole_hand_engines(self) -> tuple[str, ...]:
        return self.installed

    def models(self) -> tuple[ModelRef, ...]:
        return (ModelRef("detector", "d.test", sha("d")),)

    def stop(self) -> None:
        self.stopped += 1


@dataclass
class Program:
    """The program under test: ``run(*words)`` gives exit code, stdout and stderr."""

    app: App
    engine: QuickEngine
    capture: pytest.CaptureFixture[str]
    windows: list[tuple[list[str], bool]]

    def run(self, *words: object) -> tuple[int, str, str]:
        self.capture.readouterr()
        code = main([str(word) for word in words], self.app)
        out, err = self.capture.readouterr()
        return code, out, err


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    engine = QuickEngine()
    monkeypatch.setattr(wiring, "_engine", lambda *_: engine)
    windows: list[tuple[list[str], bool]] = []

    def window(_services: Services, films: Sequence[str], demo: bool) -> int:
        windows.append((list(films), demo))
        return 0

    def screenshot(_services: Services, _film: Path, out: Path) -> None:
        out.write_bytes(b"\x89PNG")

    app = App(
        services=wiring.build,
        run_window=window,
        screenshot=screenshot,
        check_models=lambda: [
            *(ModelCheck(task, task, f"{task}.test", sha(task), True) for task in ("detector", "grader")),
            *(ModelCheck("whole-hand", e, f"{e}.test", sha(e), True, engine=e) for e in engine.installed),
        ],
        engines=lambda _folder, _device: {"fast": lambda: engine, "torch": lambda: engine},
        train=wiring.train,
        evaluate=wiring.evaluate,
        evaluate_films=wiring.evaluate_films,
        bench_window=wiring.bench_window,
    )
    return Program(app, engine, capsys, windows)


@pytest.fixture(scope="session")
def drawn() -> Any:
    return draw_hand(dataclasses.replace(DEMO_SPEC, size=(250, 200)))


@pytest.fixture
def film(tmp_path: Path, drawn: Any) -> Callable[..., Path]:
    """``film("name.dcm", sex="F", ...)`` writes a small drawn film."""

    def write(name: str = "film.dcm", *, changes: dict[str, object] | None = None, **patient: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(drawn, path, patient=PhantomPatient(**patient), changes=changes)
        return path

    return write
