"""A folder that is watched: films that come into it come into the list, once their files are whole.

Looked at every few seconds and not by the system's notices, which network folders do not give. A file is whole when its
size and time have not changed between two looks and it has not been written for a moment. What was taken is remembered by
size and time (`FILE_NAME`, paths as hashes), so that a new start takes nothing twice; what is written anew is taken anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common import private
from boneage_desk.common.i18n import said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.ports import FilmProblem
from boneage_desk.ui.presenters.importing import UNSEEN, Report, import_words
from boneage_desk.ui.presenters.messages import Message

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk
    from boneage_desk.ui.presenters.library import Library

FILE_NAME = "watched.json"
EVERY_MS = 3000
REST_S = 2.0
"""A file that was written less long ago may still grow."""
AT_ONCE = 40
"""Files that are taken at one look; the next ones at the next."""
TRIES = 3
"""Looks at which a file is tried over which something breaks; a folder of the network may be away for a moment."""
MOST = 200_000
_FILMS = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".zip")

Mark = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def look(folder: str, cancel: CancelToken | None = None) -> dict[str, Mark]:
    """The files below ``folder``, hidden ones left out. Raises OSError where the folder cannot be read."""
    found: dict[str, Mark] = {}
    os.listdir(folder)  # os.walk passes over a folder that is not there
    for place, folders, files in os.walk(folder):
        if cancel is not None:
            cancel.check()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or name in ("Thumbs.db", "desktop.ini"):
                continue
            path = os.path.join(place, name)
            try:
                status = os.stat(path)
            except OSError:  # gone meanwhile, or a link to nowhere
                continue
            if os.path.isfile(path):
                found[path] = (status.st_size, status.st_mtime_ns)
            if len(found) >= MOST:
                return found
    return found


def whole(now: Mapping[str, Mark], before: Mapping[str, Mark], taken: Mapping[str, Mark], clock_ns: int) -> list[str]:
    """The files that have not changed since the look before, rest for a moment, and were not taken as they are."""
    ready = []
    for path, mark in now.items():
        if taken.get(key(path)) == mark or before.get(path) != mark or mark[0] == 0:
            continue
        if clock_ns - mark[1] >= REST_S * 1e9 or mark[1] > clock_ns:  # a clock of another computer may be ahead
            ready.append(path)
    return ready


def key(path: str) -> str:
    """How a path is remembered."""
    return hashlib.sha256(os.path.realpath(path).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def load_taken(folder: Path) -> dict[str, Mark]:
    """What was taken before; empty where nothing is kept or it cannot be used: films are then found in the list again."""
    try:
        raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {
        name: (mark[0], mark[1])
        for name, mark in raw.items()
        if isinstance(mark, list) and len(mark) == 2 and all(type(part) is int for part in mark)
    }


def save_taken(folder: Path, taken: Mapping[str, Mark]) -> None:
    """Write whole or not at all. Raises OSError."""
    path = folder / FILE_NAME
    temporary = path.with_suffix(".tmp")
    private.write_bytes(temporary, json.dumps({name: list(mark) for name, mark in taken.items()}).encode())
    os.replace(temporary, path)


class FolderWatch(QObject):
    """Watches one folder, or none."""

    changed = Signal()
    """The folder, or whether it is there."""

    def __init__(self, desk: Desk, library: Library) -> None:
        super().__init__(desk)
        self._desk, self._library = desk, library
        self._folder = ""
        self._before: dict[str, Mark] = {}
        self._taken: dict[str, Mark] | None = None
        self._tries: dict[str, int] = {}
        """How often something broke over a file, by path."""
        self._busy = False
        self.missing = ""
        """Why the folder cannot be read, '' while it can."""
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look_now)

    @property
    def folder(self) -> str:
        return self._folder

    def set_folder(self, folder: str) -> None:
        """Watch this folder from now on; '' none."""
        self._folder, self._before, self.missing = folder, {}, ""
        if folder:
            self._timer.start()
            self.look_now()
        else:
            self._timer.stop()
        self.changed.emit()

    def stop(self) -> None:
        """The window closes."""
        self._timer.stop()

    def look_now(self) -> None:
        """One look; passed over while the look before or its import is not done."""
        folder, data = self._folder, self._desk.services.data_dir
        if not folder or self._busy or self._desk.runner.closed:
            return
        self._busy = True
        known = self._taken

        def work(token: CancelToken, _progress: Progress) -> tuple[str, dict[str, Mark] | str, dict[str, Mark]]:
            taken = load_taken(data) if known is None else known
            try:
                return folder, look(folder, token), taken
            except OSError as error:
                return folder, error.strerror or str(error), taken

        self._desk.runner.submit(
            "watch", tr("Looking into the watched folder"), work, on_result=self._looked, on_failed=self._failed,
            on_cancelled=self._rest,
        )  # fmt: skip

    def _rest(self) -> None:
        self._busy = False

    def _failed(self, error: BaseException) -> None:
        self._busy = False
        self._desk.report(error, tr("The watched folder could not be looked at"), topic="watch")

    def _looked(self, found: tuple[str, dict[str, Mark] | str, dict[str, Mark]]) -> None:
        folder, files, self._taken = found
        self._busy = False
        if folder != self._folder:
            return
        if isinstance(files, str):
            if not self.missing:
                self._tell("warning", tr(
                    "The watched folder {folder} cannot be read ({why}). It is tried again every few seconds.",
                    folder=folder, why=files,
                ))  # fmt: skip
            self.missing, self._before = files, {}
            self.changed.emit()
            return
        if self.missing:
            self.missing = ""
            self._tell("info", tr("The watched folder {folder} is there again.", folder=folder))
            self.changed.emit()
        ready = whole(files, self._before, self._taken, time.time_ns())[:AT_ONCE]
        self._before = files
        if not ready:
            return
        self._take(folder, files, {path: files[path] for path in ready}, {})

    def _take(self, folder: str, files: dict[str, Mark], marks: dict[str, Mark], rest: dict[str, Mark]) -> None:
        """``rest``: files that are taken after these, each by itself."""
        self._busy = True
        self._library.import_paths(list(marks), done=lambda report: self._imported(folder, files, marks, rest, report))

    def _imported(
        self, folder: str, files: dict[str, Mark], marks: dict[str, Mark], rest: dict[str, Mark], report: Report
    ) -> None:
        self._busy = False
        assert self._taken is not None
        if any(problem.code == UNSEEN for problem in report.problems):
            self._not_looked_at(folder, files, marks, rest, report)
            return
        if report.stopped:
            return  # broken off, or the store failed, which was told: taken at a later look
        self._took(folder, files, marks, report)
        self._go_on(folder, files, rest)

    def _not_looked_at(
        self, folder: str, files: dict[str, Mark], marks: dict[str, Mark], rest: dict[str, Mark], report: Report
    ) -> None:
        """Something broke over one of the files, and none was taken. Each by itself then, so that the others come in; the one
        over which it breaks is tried at some later looks and then told and left."""
        if len(marks) > 1:
            self._go_on(folder, files, marks)
            return
        path = next(iter(marks))
        self._tries[path] = self._tries.get(path, 0) + 1
        if self._tries[path] >= TRIES:
            del self._tries[path]
            self._took(folder, files, marks, report)
        self._go_on(folder, files, rest)

    def _go_on(self, folder: str, files: dict[str, Mark], rest: dict[str, Mark]) -> None:
        """The first of those that are taken one by one."""
        if rest and folder == self._folder:
            path, *_others = rest
            self._take(folder, files, {path: rest[path]}, {other: mark for other, mark in rest.items() if other != path})

    def _took(self, folder: str, files: dict[str, Mark], marks: dict[str, Mark], report: Report) -> None:
        """These are not taken again as they are; what became of them is told."""
        assert self._taken is not None
        there = {key(path) for path in files}
        self._taken = {name: mark for name, mark in self._taken.items() if name in there}
        self._taken |= {key(path): mark for path, mark in marks.items()}
        taken, data = dict(self._taken), self._desk.services.data_dir
        self._desk.run_later(
            "watch", tr("Keeping what was taken from the watched folder"),
            lambda _token, _progress: save_taken(data, taken), lambda _done: None,
            tr("What was taken from the watched folder could not be kept"),
        )  # fmt: skip
        self._tell_report(folder, report)

    def _tell_report(self, folder: str, report: Report) -> None:
        refused = [problem for problem in report.problems if _worth_telling(problem)]
        if refused:
            first = refused[0]
            name = PurePath(first.member or first.path).name
            words = tr("Refused from the watched folder: {name}: {why}", name=name, why=said(first.message))
            if len(refused) > 1:
                words = tr(
                    "{count} files were refused from the watched folder. First: {name}: {why}",
                    count=len(refused), name=name, why=said(first.message),
                )  # fmt: skip
            details = "\n".join(f"{p.path}{' / ' + p.member if p.member else ''}: {said(p.message)}" for p in refused)
            message = Message("warning", words, details=details if len(refused) > 1 else "", topic="watch-refused")
            self._desk.message.emit(message)
        if report.new:
            self._tell("info", tr("Watched folder: {words}", words=import_words(report)))

    def _tell(self, kind: str, words: str) -> None:
        self._desk.message.emit(Message(kind, words, topic="watch"))


def _worth_telling(problem: FilmProblem) -> bool:
    """Not a letter or a table beside the films, and not a file that was taken away again."""
    if problem.code == "not-an-image" and not (problem.member or problem.path).lower().endswith(_FILMS):
        return False
    return os.path.exists(problem.path)
