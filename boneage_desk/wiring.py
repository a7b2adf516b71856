"""Joins the adapters. The one module that knows them all; every import of one is inside a function,
so that building the services costs nothing and each part is loaded when it is first used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from boneage_desk.cli.app import ENGINE_DIR, App, ModelCheck
from boneage_desk.common import paths, settings
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.ports import (
    AnalysisEngine,
    FilmReader,
    KneeReportWriter,
    KneeServices,
    ReportSigner,
    ReportWriter,
    ResultsWriter,
    Services,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from boneage_desk.archive.store import SqliteStore
    from boneage_desk.archive.vault import Keys, KeyStore
    from boneage_desk.reading.analysis import ModelRef
    from boneage_desk.reading.assessment import Reading
    from boneage_desk.reading.exports import FilmExporter
    from boneage_desk.reading.film import Frame, Voi
    from boneage_desk.reading.findings import Box
    from boneage_desk.reading.station import StationKeeper
    from boneage_desk.standards.types import Sex

T = TypeVar("T")
BACKENDS = ("fast", "torch")


class _Once(Generic[T]):
    """A value that is made at the first call, in whichever thread that is, and only once."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self.value: T | None = None

    def __call__(self) -> T:
        with self._lock:
            if self.value is None:
                self.value = self._make()
            return self.value


def build(data_dir: Path, engine_dir: Path | None = None, *, passphrase: str | None = None) -> Services:
    """Services on a data folder that exists. Quick: no adapter is made before it is used.

    ``engine_dir``: where the engine keeps its log and converted models; else below ``data_dir``.
    """
    chosen = settings.load(data_dir)
    films: _Once[FilmReader] = _Once(_films)
    engine: _Once[AnalysisEngine] = _Once(lambda: _engine(engine_dir or data_dir / ENGINE_DIR, chosen.device, "auto"))
    keys: _Once[Keys] = _Once(lambda: _keys(passphrase))
    store: _Once[SqliteStore] = _Once(lambda: _store(data_dir, keys()))
    reports: _Once[ReportWriter] = _Once(lambda: _reports(chosen, lambda patient_id: _kept(data_dir, store, patient_id)))

    def close() -> None:
        if engine.value is not None:
            engine.value.stop()
        if store.value is not None:
            store.value.close()

    return Services(
        data_dir=data_dir,
        settings=chosen,
        films=films,
        engine=engine,
        store=store,
        reports=reports,
        cut_crop=cut_crop,
        draw_bone=draw_bone,
        draw_hand=draw_hand,
        voi_lut=voi_lut,
        demo_film=demo_film,
        now=_now,
        who=_who,
        new_id=_new_id,
        close=close,
        signer=partial(_signer, chosen, data_dir),
        knee=KneeServices(_Once(_knee_films), _Once(lambda: _knee_reports(chosen))),
        results=_Once(lambda: _results(chosen)),
        station=_Once(lambda: _station(data_dir, store, keys())),
        exports=_Once(_exports),
    )


def build_app() -> App:
    """What the command line is handed."""
    return App(
        services=build,
        run_window=run_window,
        screenshot=screenshot,
        check_models=check_models,
        engines=engines,
        train=train,
        evaluate=evaluate,
        evaluate_films=evaluate_films,
        bench_window=bench_window,
    )


# --------------------------------------------------------------------------------------- adapters
def _films() -> FilmReader:
    from boneage_desk.imaging.reader import FilmFiles

    return FilmFiles()


def _engine(scratch: Path, device: str, backend: str) -> AnalysisEngine:
    from boneage_desk.engines.service import InferenceService

    return InferenceService(paths.packaged_dir("models"), scratch=scratch, device=device, backend=backend)


def _store(data_dir: Path, keys: Keys) -> SqliteStore:
    from boneage_desk.archive.store import FILE_NAME, SqliteStore

    return SqliteStore(data_dir / FILE_NAME, who=_who, keys=keys)


def _keys(passphrase: str | None) -> Keys:
    """Where the key of an encrypted data base comes from: the system's key store, else ``passphrase`` or a person at a
    terminal."""
    from boneage_desk.archive.vault import Keys

    def key_store() -> KeyStore:
        from boneage_desk.reports import signing_keystore

        return signing_keystore

    return Keys(key_store, (lambda: passphrase) if passphrase else _passphrase_of_the_store)


def _passphrase_of_the_store() -> str | None:
    """Asked where a person can answer; never from the environment."""
    import getpass
    import sys

    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        return None
    return getpass.getpass("Passphrase of the data base: ", stream=sys.stderr) or None


def _station(data_dir: Path, store: Callable[[], SqliteStore], keys: Keys) -> StationKeeper:
    from boneage_desk.archive.station import Station
    from boneage_desk.archive.store import FILE_NAME

    return Station(data_dir / FILE_NAME, store, keys)


def _knee_films() -> FilmReader:
    from boneage_desk.imaging.reader import FilmFiles

    return FilmFiles(knee=True)


def _knee_reports(chosen: settings.Settings) -> KneeReportWriter:
    from boneage_desk.reports.knee_section import KneePdf

    return KneePdf(chosen)


def _reports(chosen: settings.Settings, kept: Callable[[str], Sequence[Reading]]) -> ReportWriter:
    from boneage_desk.reports.pdf import PdfReports

    return PdfReports(chosen, kept)


def _kept(data_dir: Path, store: Callable[[], SqliteStore], patient_id: str) -> Sequence[Reading]:
    """Earlier readings of a patient id; none, and no file made for it, where the station has no data base yet."""
    from boneage_desk.archive.store import FILE_NAME

    return store().of_patient(patient_id) if (data_dir / FILE_NAME).exists() else ()


def _results(chosen: settings.Settings) -> ResultsWriter:
    from boneage_desk.reports.dicom_results.writer import DicomResults

    return DicomResults(chosen)


def _exports() -> FilmExporter:
    from boneage_desk.reports.deidentify.export import FilmExports

    return FilmExports()


def _signer(chosen: settings.Settings, data_dir: Path, other: settings.Settings | None = None) -> ReportSigner:
    from boneage_desk.reports.signing import Seals

    return Seals(other or chosen, data_dir)


def engines(engine_dir: Path, device: str) -> dict[str, Callable[[], AnalysisEngine]]:
    """Fresh engines by backend, for measurements."""

    def maker(backend: str) -> Callable[[], AnalysisEngine]:
        return lambda: _engine(engine_dir, device, backend)

    return {backend: maker(backend) for backend in BACKENDS}


def check_models() -> list[ModelCheck]:
    """Hash the weights of every model that has a card."""
    from boneage_desk.engines.cards import card_folders, named_task, read_card
    from boneage_desk.engines.catalogue import WHOLE_HAND_TASK, whole_hand_card

    found = []
    for folder in card_folders(paths.packaged_dir("models")):
        problem = engine = ""
        try:
            card = read_card(folder)
        except BoneAgeError as error:
            found.append(ModelCheck(named_task(folder), folder.name, folder.name, "", False, str(error)))
            continue
        try:
            if card.task == WHOLE_HAND_TASK:
                engine = whole_hand_card(card).engine
            card.verified_weights()
        except BoneAgeError as error:
            problem = str(error)
        found.append(ModelCheck(card.task, card.name, card.full_tag, card.sha256, not problem, problem, engine))
    return found


def train(task: str, recipe_path: Path, **how: Any) -> dict[str, Any]:
    """See `boneage_desk.training.site_runs.train`. A recipe's faults are told before the model libraries load."""
    from boneage_desk.training.recipe import read_recipe

    read_recipe(recipe_path, task)
    if task == "knee":
        from boneage_desk.training import train_knee

        return train_knee.train(recipe_path, **how)
    from boneage_desk.training import site_runs

    return site_runs.train(task, recipe_path, **how)


def evaluate(task: str, recipe_path: Path, **how: Any) -> dict[str, Any]:
    """See `boneage_desk.training.site_runs.evaluate`, and `train`."""
    from boneage_desk.training.recipe import read_recipe

    read_recipe(recipe_path, task, to_train=False)
    if task == "knee":
        from boneage_desk.training import train_knee

        return train_knee.evaluate(recipe_path, **how)
    from boneage_desk.training import site_runs

    return site_runs.evaluate(task, recipe_path, **how)


def evaluate_films(services: Services, **how: Any) -> dict[str, Any]:
    """See `boneage_desk.training.evaluate_films.evaluate`."""
    from boneage_desk.training import evaluate_films as whole

    heard = {name: how.pop(name) for name in ("tell", "show", "cancel")}
    return whole.evaluate(services, whole.Order(**how), installed=second_opinions(how["model"], heard["tell"]), **heard)


def second_opinions(wanted: str, tell: Callable[[str], None]) -> list[ModelRef]:
    """The models that would give second opinions; a card that is broken is told. The weights of the one that is
    ``wanted`` (engine or 'architecture.tag') are hashed: raises EngineError where they are not those of its card."""
    from boneage_desk.engines.catalogue import model_ref, whole_hand_cards

    cards, problems = whole_hand_cards(paths.packaged_dir("models"))
    for problem in problems:
        tell(str(problem))
    for engine, found in cards.items():
        if wanted in (engine, found.card.full_tag):
            found.card.verified_weights()
    return [model_ref(found.card, engine) for engine, found in cards.items()]


# ---------------------------------------------------------------------------------- small services
def draw_bone(bone: str, grade: int, size: int, side: str) -> npt.NDArray[np.uint8]:
    """See Services.draw_bone; blocks."""
    from boneage_desk.imaging import phantom

    return phantom.draw_bone(bone, grade, size, side=side)


def draw_hand(grades: Mapping[str, int], sex: Sex, size: tuple[int, int], side: str) -> npt.NDArray[np.uint8]:
    """See Services.draw_hand; blocks."""
    from boneage_desk.imaging.phantom.small_hand import small_hand

    return small_hand(grades, *size, side=side, sex=sex.value)


def cut_crop(frame: Frame, box: Box, angle_deg: float, size: int) -> npt.NDArray[np.uint8]:
    """The window's picture of a bone: square around the box, distal up, contrast of its own."""
    from boneage_desk.imaging.bone_picture import bone_picture, bone_picture_spec

    return bone_picture(frame.pixels, bone_picture_spec((box.x0, box.y0, box.x1, box.y1), angle_deg), size)


def voi_lut(
    voi: Voi, max_value: int, dtype: npt.DTypeLike, *, invert: bool = False
) -> npt.NDArray[np.uint8]:
    """Grey table of a display transform."""
    from boneage_desk.imaging.voi import voi_lut as table

    return table(voi, max_value, dtype, invert=invert)


def demo_film() -> Path:
    """The bundled study."""
    films = sorted((paths.packaged_dir("resources") / "demo").glob("*.dcm"))
    if not films:
        raise BoneAgeError("The demo study is missing.", "Install BoneAge Desk again.", code="installation")
    return films[0]


def _now() -> Any:
    from datetime import datetime

    return datetime.now().astimezone()


def _who() -> str:
    from boneage_desk.common.accounts import own_account

    return own_account()


def _new_id() -> str:
    import uuid

    return uuid.uuid4().hex


# -------------------------------------------------------------------------------------- the window
def run_window(services: Services, films: Sequence[str], demo: bool = False) -> int:
    from dataclasses import replace

    from boneage_desk.ui.app import run

    return run(replace(services, films=_Once(partial(_films_ready, services))), list(films), demo=demo)


def _films_ready(services: Services) -> FilmReader:
    """The reader, its decoders loading in a thread meanwhile, so that the first film need not wait.

    No daemon: an import that the interpreter's end cuts off prints a fault.
    """
    from boneage_desk.imaging.reader import warm_up

    threading.Thread(target=warm_up, name="film-decoders").start()
    return services.films()


def bench_window(what: str, services: Services, film: Path | None, times: int) -> dict[str, Any]:
    from boneage_desk.ui.bench import measure

    return measure(what, services, film, times)


def screenshot(services: Services, film: Path, out: Path) -> None:
    from boneage_desk.ui.app import screenshot as draw

    draw(services, film, out)
