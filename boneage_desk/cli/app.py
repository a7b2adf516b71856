"""What the command line is handed: the rest of the program, as callables. wiring.py fills it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from boneage_desk.common.jobs import CancelToken, Progress
    from boneage_desk.reading.ports import AnalysisEngine, Services


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """One model in ``models/``: whether its weights are there and are those of its card.

    ``task``: 'detector', 'grader', 'whole-hand' ... ``engine``: of a whole-hand model, the second opinion it gives.
    """

    task: str
    name: str
    tag: str
    sha256: str
    ok: bool
    problem: str = ""
    engine: str = ""


class MakeServices(Protocol):
    """Builds the services on a data folder."""

    def __call__(self, data_dir: Path, engine_dir: Path | None = None, *, passphrase: str | None = None) -> Services:
        """``engine_dir``: where the engine keeps what it may keep between runs; else in ``data_dir``. ``passphrase``: of an
        encrypted data base whose key is not in the key store; None: a person is asked, where one is there."""


class Train(Protocol):
    """Trains from a recipe; returns the main figures and where the model and its report lie."""

    def __call__(
        self, task: str, recipe_path: Path, *, resume: bool, tell: Callable[[str], None], progress: Progress, cancel: CancelToken
    ) -> dict[str, Any]:
        """``task``: 'detector' or 'grader'. ``tell`` gets lines for the person. Raises BoneAgeError, Cancelled."""


class Evaluate(Protocol):
    """Measures a model on a recipe's films; returns the main figures and where the report lies."""

    def __call__(
        self, task: str, recipe_path: Path, *, model: str, every: bool, out: Path, tell: Callable[[str], None],
        progress: Progress, cancel: CancelToken,
    ) -> dict[str, Any]:  # fmt: skip
        """``model``: 'shipped' or a folder. ``every``: all films, not only those held out. Raises as `Train`."""


class EvaluateFilms(Protocol):
    """Measures a whole system on films with a known bone age; returns the main figures and where the report lies."""

    def __call__(
        self, services: Services, *, films: Path, labels: Path, model: str, out: Path, report: Path, split: Path | None,
        compare: tuple[Path, ...], limit: int, retry: bool, sizes: Path | None, source: str, command: str,
        tell: Callable[[str], None], show: Callable[[int, int, str], None], cancel: CancelToken,
    ) -> dict[str, Any]:  # fmt: skip
        """See `boneage_desk.training.evaluate_films.Order`. ``show`` gets the films behind, all of them, and the name of
        the one in work. Raises BoneAgeError, Cancelled."""


@dataclass(frozen=True, slots=True)
class App:
    """Nothing here does work before it is called.

    ``run_window(services, paths, demo)`` returns the exit code. ``screenshot(services, film, out)`` draws
    the window with the film read. ``check_models`` hashes the weights of all models.
    ``engines(engine_dir, device)``: fresh engines by backend name, for bench. ``train``, ``evaluate``: a
    site's own detector or grader. ``evaluate_films``: any system on whole films. ``bench_window(what, services, film,
    studies)``: figures of the window, see `boneage_desk.cli.bench.OF_THE_WINDOW`.
    """

    services: MakeServices
    run_window: Callable[[Services, Sequence[str], bool], int]
    screenshot: Callable[[Services, Path, Path], None]
    check_models: Callable[[], list[ModelCheck]]
    engines: Callable[[Path, str], dict[str, Callable[[], AnalysisEngine]]]
    train: Train
    evaluate: Evaluate
    evaluate_films: EvaluateFilms
    bench_window: Callable[[str, Services, Path | None, int], dict[str, Any]]


ENGINE_DIR = "engine"
"""Where below a data folder the engine keeps its log and converted models."""
