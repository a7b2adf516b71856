"""Start of the window, in this order: QApplication and theme -> empty window painted -> film view
(pyqtgraph) -> work list and films -> model process. Nothing later may be imported by anything earlier.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLibraryInfo, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from boneage_desk import __version__
from boneage_desk.common import i18n, logs
from boneage_desk.common.errors import BoneAgeError, EngineError
from boneage_desk.common.i18n import tr
from boneage_desk.common.paths import packaged_dir
from boneage_desk.common.settings import Settings
from boneage_desk.reading.ports import Services
from boneage_desk.standards import rus_chn
from boneage_desk.ui import theme
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.models.bone_table import RowRole as _ROW_ROLE
from boneage_desk.ui.slices import Collector
from boneage_desk.ui.views.waiting import wait_until

FIRST_PAINT_ENV = "BONEAGE_DESK_FIRST_PAINT"
SCREENSHOT_WAIT_MS = 180_000


def run(services: Services, paths: Sequence[str], demo: bool = False) -> int:
    """Open the window and stay until it is closed.

    Garbage is collected on this thread alone: a collection begun by a job's thread could destroy a closed view's
    Qt objects there, and Qt crashes.
    """
    app = _application(services.settings)
    gc.disable()
    window = MainWindow(services)
    previous = sys.excepthook
    sys.excepthook = _bug_hook(window)
    collectors: list[object] = []

    def begin() -> None:
        logs.configure(services.data_dir).info("window %s", __version__)
        window.start_.completed.connect(gc.freeze)
        go_on(window, paths, demo)
        if window.program.first_time():
            window.program.show_guide()
        gc.freeze()  # what start-up made stays: no collection need look at it again; nor at the film view
        collectors.append(Collector())

    try:
        if os.environ.get(FIRST_PAINT_ENV):
            window.painted.connect(lambda: _tell_first_paint(app))
        else:
            window.painted.connect(lambda: QTimer.singleShot(0, window, begin))
        window.show()
        return app.exec()
    finally:
        sys.excepthook = previous
        window.runner.close()
        window.deleteLater()
        collectors.clear()
        gc.unfreeze()
        gc.enable()


def go_on(window: MainWindow, paths: Sequence[str], demo: bool) -> None:
    """What follows the first paint. The lock first: what was locked is locked before a work list is read."""
    window.lock.begin()
    window.complete_later()
    window.services.films()  # begins to load the decoders, in a thread of its own
    wanted = list(paths)
    if demo:
        try:
            wanted.append(str(window.services.demo_film()))
        except BoneAgeError as error:
            window.desk.report(error)
    if wanted:
        window.open_paths(wanted)
    window.lists.begin()
    window.desk.work.start(lambda error: window.desk.report(error, tr("The models are not available"), topic="engine"))


def screenshot(
    services: Services, film_path: str | os.PathLike[str], out_png: str | os.PathLike[str],
    size: tuple[int, int] = (1600, 1000),
) -> None:  # fmt: skip
    """Open the window on a film without a display, read it to the end, pick a bone, save a picture.

    Raises BoneAgeError with the first error the window showed when the film could not be read.
    """
    if QApplication.instance() is None and not os.environ.get("DISPLAY") and sys.platform.startswith("linux"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    _application(services.settings)
    window = MainWindow(services)
    try:
        window.resize(*size)
        window.show()
        go_on(window, [os.fspath(film_path)], demo=False)
        desk = window.desk

        def settled() -> bool:
            failed = any(message.kind in ("error", "bug") for message in window.messages.messages)
            read = desk.reading is not None and desk.reading.analysed_at is not None
            return failed or (read and window.film_panel is not None and not window.runner.jobs)

        if not wait_until(settled, SCREENSHOT_WAIT_MS):
            raise EngineError("The film was not read in time.", "Try again with fewer programs open.")
        for message in window.messages.messages:
            if message.kind in ("error", "bug") and (desk.reading is None or desk.reading.analysed_at is None):
                raise EngineError(message.text, message.remedy)
        desk.select(_worth_showing(window))
        for _ in range(3):  # the drawings of its grades are asked for a moment later
            wait_until(lambda: False, 200)
            wait_until(lambda: not window.runner.jobs, 10_000)
        if not window.grab().save(str(Path(out_png))):
            raise BoneAgeError(f"The picture could not be written to {out_png}.", "Choose another folder.")
    finally:
        window.close()
        window.deleteLater()


def _worth_showing(window: MainWindow) -> str:
    """A bone whose next grade would change most: a telling one for a picture."""
    rows = [window.bones.model.index(i, 1).data(_ROW_ROLE) for i in range(window.bones.model.rowCount())]
    graded = [row for row in rows if row.up is not None or row.down is not None]
    best = max(graded, key=lambda row: max(abs(row.up or 0), abs(row.down or 0)), default=None)
    return best.bone if best else rus_chn.BONES[0]


def _application(chosen: Settings) -> QApplication:
    i18n.use(chosen.language)
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("BoneAge Desk")
    app.setDesktopFileName("boneage-desk")
    _use_qt_words(app, chosen.language)
    theme.use(chosen.theme, chosen.font_points)
    if chosen.language != "en":
        theme.add_fonts()  # the first paint has words in them
    theme.apply(app)
    return app


def _use_qt_words(app: QApplication, language: str) -> None:
    """Qt's own words (OK, Cancel, Copy ...) in the language of the window; English where its file is missing."""
    for old in app.findChildren(QTranslator):
        app.removeTranslator(old)
        old.deleteLater()
    if language != "en":
        own = packaged_dir("resources") / "translations"  # what Qt's file lacks
        folders = (("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)), ("qt_more", str(own)))
        for name, folder in folders:
            words = QTranslator(app)
            if words.load(f"{name}_{i18n.CATALOGUES[language]}", folder):
                app.installTranslator(words)


def _tell_first_paint(app: QApplication) -> None:
    sys.stdout.write(f"first_paint {time.time()}\n")
    sys.stdout.flush()
    app.quit()


def _bug_hook(window: MainWindow):  # type: ignore[no-untyped-def]
    """What no code caught is a bug: shown like every error, and the window lives on."""

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        window.desk.report(value.with_traceback(trace))

    return hook
