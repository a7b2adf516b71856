"""Backups by schedule: looked at some time after the start and then by the clock, one at a time, never in the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from boneage_desk.common.errors import StoreError
from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.station import BackupMade, backup_due
from boneage_desk.ui.jobs import BACKGROUND, Job
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.messages import Choice

FIRST_MS = 30_000
EVERY_MS = 10 * 60_000
AGAIN_AFTER = timedelta(minutes=30)


class Backups(QObject):
    """Makes a copy in the folder of the settings whenever one is due. On a lane of its own: saves do not wait for it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._job: Job | None = None
        self._not_before: datetime | None = None
        self._failed = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._ticked)

    def begin(self) -> None:
        """Look for the first time in a while: the start of the window is busy enough."""
        if self._desk.services.settings.backup_folder and self._desk.services.station is not None:
            self._timer.start(FIRST_MS)

    def stop(self) -> None:
        """The window closes; a copy under way is given up, and nothing of it stays."""
        self._timer.stop()

    def _ticked(self) -> None:
        self._timer.setInterval(EVERY_MS)
        self.look()

    def look(self) -> None:
        """Make a backup if one is due and none is under way; after a failure not again for a while."""
        if self._not_before is not None and self._desk.services.now() < self._not_before:
            return
        self.try_now()

    def try_now(self) -> None:
        """The same, without the pause after a failure."""
        services = self._desk.services
        settings, keeper = services.settings, services.station
        if self._job is not None or keeper is None or not settings.backup_folder:
            return

        def work(token: CancelToken, _progress: Progress) -> BackupMade | None:
            folder, now = Path(settings.backup_folder), services.now()
            if not folder.is_dir():
                raise StoreError(
                    f"The backup folder '{folder}' is not there.", "Connect its disk, or set another in the settings.",
                    code="backup-folder",
                )  # fmt: skip
            station = keeper()
            if not backup_due(station.newest_backup(folder, now), now, settings.backup_every_hours):
                return None
            return station.backup(folder, at=now, who=services.who(), keep=settings.backup_keep, cancel=token)

        self._job = self._desk.runner.submit(
            "backup", tr("Making a backup"), work, on_result=self._done, on_failed=self._not_done, priority=BACKGROUND,
            on_cancelled=self._ended,
        )  # fmt: skip

    def _ended(self) -> None:
        self._job = None

    def _done(self, made: BackupMade | None) -> None:
        self._job, self._not_before = None, None
        if made is not None and self._failed:
            self._failed = False
            self._desk.tell(tr("The backup was made: {name}.", name=made.path.name), topic="backup")

    def _not_done(self, error: BaseException) -> None:
        self._job, self._failed = None, True
        self._not_before = self._desk.services.now() + AGAIN_AFTER
        self._desk.report(error, tr("No backup was made"), (Choice(tr("Try again"), self.try_now),), topic="backup")
