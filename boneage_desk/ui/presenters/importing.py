"""Many films at once: opened, filed and listed in small batches, so that the list fills while it goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.ports import FilmEntry, FilmProblem
from boneage_desk.reading.session import Reading
from boneage_desk.ui.jobs import BACKGROUND, Job
from boneage_desk.ui.presenters import opening

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

BATCH = 8
UNSEEN = "failed"
"""Code of a problem that is none of one film: looking for films broke, and none of the paths was looked at."""


@dataclass(slots=True)
class Report:
    """What became of an import: readings that are new, films that were there already, films that were refused."""

    new: int = 0
    known: int = 0
    problems: list[FilmProblem] = field(default_factory=list)
    stopped: int = 0
    """Films that were not looked at, since the person broke it off or the disk failed."""


@dataclass(slots=True, eq=False)
class _Import:
    entries: deque[FilmEntry]
    total: int
    done: Callable[[Report], None]
    report: Report = field(default_factory=Report)
    job: Job | None = None
    broken_off: bool = False


class Importer(QObject):
    """Imports run one after the other."""

    filed = Signal(object, bool)
    """A Reading that the store holds, and whether it was there before."""
    progress_changed = Signal(int, int)
    """Films looked at and films in all; (0, 0) when nothing is imported."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._waiting: deque[_Import] = deque()
        self._now: _Import | None = None

    @property
    def busy(self) -> bool:
        return self._now is not None

    def add(self, entries: Sequence[FilmEntry], done: Callable[[Report], None]) -> None:
        """``done`` is told what became of them."""
        self._waiting.append(_Import(deque(entries), len(entries), done))
        if self._now is None:
            self._next()

    def cancel(self) -> None:
        """Break off what is imported now; what was filed stays."""
        if self._now is not None:
            self._now.broken_off = True
            if self._now.job is not None:
                self._now.job.cancel()

    def _next(self) -> None:
        self._now = self._waiting.popleft() if self._waiting else None
        if self._now is None:
            self.progress_changed.emit(0, 0)
            return
        self._batch(self._now)

    def _batch(self, now: _Import) -> None:
        if now.broken_off or not now.entries:
            self._end(now)
            return
        self.progress_changed.emit(now.total - len(now.entries), now.total)
        batch = [now.entries.popleft() for _ in range(min(BATCH, len(now.entries)))]
        services = self._desk.services

        def work(token: CancelToken, progress: Progress) -> tuple[list[Reading], list[FilmProblem]]:
            return opening.import_films(services, batch, token, progress)

        now.job = self._desk.runner.submit(
            "import", tr("Importing films"), work,
            on_result=lambda found: self._file(now, found), on_failed=lambda error: self._failed(now, error, len(batch)),
            on_cancelled=lambda: self._broken_off(now, len(batch)),
        )  # fmt: skip

    def _file(self, now: _Import, found: tuple[list[Reading], list[FilmProblem]]) -> None:
        drafts, problems = found
        now.report.problems += problems
        services = self._desk.services
        now.job = None  # filing is quick and is not broken off

        def filed(results: list[opening.Filed]) -> None:
            for item in results:
                now.report.known += item.existed
                now.report.new += not item.existed
                self.filed.emit(self._desk.knows(item.reading.reading_id) or item.reading, item.existed)
            self._batch(now)

        self._desk.runner.submit(
            "store", tr("Filing films"),
            lambda _token, _progress: [opening.file_draft(services, draft) for draft in drafts],
            on_result=filed, on_failed=lambda error: self._failed(now, error, len(drafts)), priority=BACKGROUND,
        )  # fmt: skip

    def _broken_off(self, now: _Import, count: int) -> None:
        now.report.stopped += count
        now.broken_off = True
        self._end(now)

    def _failed(self, now: _Import, error: BaseException, count: int) -> None:
        """Not one film's fault, which is a problem in the report: the disk or the program."""
        now.report.stopped += count
        self._desk.report(error, tr("The other films could not be filed"), topic="import")
        self._end(now)

    def _end(self, now: _Import) -> None:
        now.report.stopped += len(now.entries)
        now.entries.clear()
        now.done(now.report)
        self._next()


def import_words(report: Report) -> str:
    """What became of an import, in one line; '' where nothing came of it."""
    parts = []
    if report.new:
        parts.append(tr("1 film came into the list") if report.new == 1 else tr("{count} films came into the list", count=report.new))
    if report.known:
        parts.append(tr("{count} were there already", count=report.known))
    if report.stopped:
        parts.append(tr("{count} were not looked at", count=report.stopped))
    return "; ".join(parts) + ("." if parts else "")
