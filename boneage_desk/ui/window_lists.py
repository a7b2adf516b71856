"""Joins the work list, the queue of the background, imports and the watched folder to the window."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu

from boneage_desk.common import private
from boneage_desk.common.errors import FilmError, StoreError
from boneage_desk.common.i18n import tr
from boneage_desk.reading.session import Reading
from boneage_desk.reading.study_row import ReadState, StudyRow, study_row
from boneage_desk.ui.presenters import list_layout
from boneage_desk.ui.presenters.analysis_queue import AnalysisQueue, queue_words
from boneage_desk.ui.presenters.study_texts import Entry, JobState, JobView, MachineState
from boneage_desk.ui.presenters.watching import FolderWatch

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.queue_window import QueueWindow


PASTED_DIR = "pasted"


class WindowLists(QObject):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.queue = AnalysisQueue(window.desk)
        self.queue_window: QueueWindow | None = None
        self.watch = FolderWatch(window.desk, window.library)
        self._sizes: list[int] = []
        self._importing = self._wanted = ""
        work_list, library, desk = window.work_list, window.library, window.desk
        library.listed.connect(self._listed)
        library.updated.connect(work_list.update_reading)
        library.arrived.connect(self._arrived)
        library.importer.progress_changed.connect(self._show_import)
        work_list.reading_chosen.connect(self.open)
        work_list.next_wanted.connect(self.next_unread)
        work_list.wide_wanted.connect(self.toggle_wide)
        work_list.queue_wanted.connect(self.show_queue)
        work_list.row_menu_wanted.connect(self._row_menu)
        work_list.layout_changed.connect(self._keep)
        self.queue.item_changed.connect(self._job_changed)
        self.queue.changed.connect(self._show_words)
        self.queue.pause_changed.connect(work_list.remember_paused)
        work_list.model.counted.connect(self._show_words)
        desk.case_changed.connect(self._prefetch)
        desk.work.restarted.connect(
            lambda: desk.tell(tr("The model process ended while it was idle. It was started again."), "warning", "engine")
        )

    # --- the list ---------------------------------------------------------------------------

    def begin(self) -> None:
        """After the first paint."""
        layout = list_layout.load(self._w.services.data_dir)
        self._w.work_list.restore(layout)
        if layout.paused:
            self.queue.pause()
        self._w.library.load()
        self._w.program.preferences.changed.connect(self._setting_changed)
        self._setting_changed("watch_folder")

    def stop(self) -> None:
        """The window closes."""
        if self._w.work_list.wide:
            self.set_wide(False)  # the window's own layout is kept without it
        self._w.work_list.keep()
        self.watch.stop()
        if self.queue_window is not None:
            self.queue_window.close()

    def _listed(self, entries: list[Entry], whole: bool) -> None:
        """The store's value is older than that of a reading which is on the desk."""
        newer = [(entry, self._w.desk.knows(entry.row.reading_id)) for entry in entries]
        fresh = [Entry(study_row(known)) if known is not None else entry for entry, known in newer]
        self._w.work_list.add_page(fresh, whole)
        if self._w.desk.reading is not None:
            self._w.work_list.show_current(self._w.desk.reading.reading_id)
        self.queue.add(entry.row for entry in fresh if _to_be_read(entry.row))

    def _arrived(self, reading: Reading) -> None:
        row = study_row(reading)
        if _to_be_read(row):
            self.queue.add([row])

    def _job_changed(self, reading_id: str, job: JobView | None) -> None:
        self._w.work_list.set_job(reading_id, job)

    def _keep(self, layout: list_layout.ListLayout) -> None:
        try:
            list_layout.save(self._w.services.data_dir, layout)
        except OSError as error:
            self._w.desk.tell(tr("The columns could not be kept ({why}).", why=error.strerror), "warning", "list")

    def open(self, reading_id: str) -> None:
        """Open a study; from the wide list, back to the film."""
        if self._w.work_list.wide:
            self.set_wide(False)
        self._wanted = reading_id
        self._w.open_reading(reading_id)

    def keys_to_bones(self, reading_id: str) -> bool:
        """Whether the keys go to the bones of a case that is shown now: it was chosen in the list, or nobody uses the list."""
        chosen, focus = self._wanted == reading_id, self._w.focusWidget()
        if chosen:
            self._wanted = ""  # once: who goes back to the list while the film comes stays there
        return chosen or focus is None or not self._w.work_list.isAncestorOf(focus)

    def next_unread(self) -> None:
        """Open the next study in the list that nobody began."""
        shown = self._w.desk.reading
        found = self._w.work_list.model.next_unread(shown.reading_id if shown else "")
        if found:
            self.open(found)
            return
        words = tr("No further unread study in the list.")
        if self._w.work_list.model.filtered and self._w.work_list.model.unread:
            words = tr("No further unread study among those that the filter shows.")
        self._w.desk.tell(words, topic="next")

    def _prefetch(self) -> None:
        """While this study is read, the next one's film is made ready."""
        shown = self._w.desk.reading
        if shown is not None and self._w.desk.film is not None:
            self._w.library.prefetch(self._w.work_list.model.next_unread(shown.reading_id))

    # --- narrow and wide --------------------------------------------------------------------

    def toggle_wide(self) -> None:
        self.set_wide(not self._w.work_list.wide or self._w.docks.list.isHidden())

    def set_wide(self, on: bool) -> None:
        """The list as wide as the window, in the place of film and bones; or beside them."""
        docks, work_list = self._w.docks, self._w.work_list
        if on and not work_list.wide:
            listed, _, pages = docks.widths()
            self._sizes = [listed, pages]
            docks.list.setFloating(False)
        docks.list.show()
        docks.film.setVisible(not on)
        docks.pages.setVisible(not on)
        work_list.set_wide(on)
        if not on and self._sizes and all(self._sizes):
            docks.set_widths(*self._sizes)
        self._w.actions_.check("work-list", on)
        self._w.actions_.check("side-list", True)
        (work_list.table if on else self._w.bones.table).setFocus(Qt.FocusReason.OtherFocusReason)

    def toggle_side(self) -> None:
        """The narrow list beside the film, or more room for the film."""
        if self._w.work_list.wide:
            self.set_wide(False)
            return
        on = self._w.docks.list.isHidden()
        self._w.docks.list.setVisible(on)
        self._w.actions_.check("side-list", on)

    # --- the queue --------------------------------------------------------------------------

    def show_queue(self) -> None:
        from boneage_desk.ui.views.queue_window import QueueWindow

        if self.queue_window is None:
            self.queue_window = QueueWindow(self._w, self.queue)
            self.queue_window.opened.connect(self.open)
        self.queue_window.show()
        self.queue_window.raise_()
        self.queue_window.activateWindow()

    def toggle_pause(self) -> None:
        (self.queue.resume if self.queue.paused else self.queue.pause)()

    def _row_menu(self, reading_id: str, where: QPoint) -> None:
        menu = QMenu(self._w)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_row_menu(menu, reading_id)
        menu.popup(where)

    def fill_row_menu(self, menu: QMenu, reading_id: str) -> None:
        """What can be done with a study of the list."""
        menu.addAction(tr("Open")).triggered.connect(lambda: self.open(reading_id))
        job, row = self.queue.view_of(reading_id), self._w.work_list.row(reading_id)
        if job is None or row is None or row.machine is not MachineState.NONE:
            return
        menu.addSeparator()
        if job.state is not JobState.READING:
            menu.addAction(tr("Read by the machine next")).triggered.connect(lambda: self.queue.first(reading_id))
        if job.state in (JobState.WAITING, JobState.READING):
            menu.addAction(tr("Take out of the queue")).triggered.connect(lambda: self.queue.cancel(reading_id))

    # --- imports ----------------------------------------------------------------------------

    def import_paths(self, paths: list[str]) -> None:
        """Into the list, and none is shown: what is dropped on the wide list."""
        self._w.library.import_paths(paths)

    def choose_watched(self) -> None:
        """Ask for a folder to be watched; when one is watched, end that. Kept in the settings."""
        if self.watch.folder:
            self._w.program.preferences.put(watch_folder="")
            self._w.desk.tell(tr("The folder is no longer watched."), topic="watch")
        else:
            folder = QFileDialog.getExistingDirectory(self._w, tr("Watch a folder of films"), str(Path.home()))
            if folder:
                self._w.program.preferences.put(watch_folder=folder)
                self._w.desk.tell(tr("Films that come into {folder} come into the list.", folder=folder), topic="watch")
        self._w.actions_.check("watch-folder", bool(self.watch.folder))

    def _setting_changed(self, field: str) -> None:
        if field == "watch_folder":
            self.watch.set_folder(self._w.desk.services.settings.watch_folder)
            self._w.actions_.check("watch-folder", bool(self.watch.folder))

    def paste(self) -> None:
        """A film file or a picture on the clipboard; a picture is 'no DICOM' and knows nothing of the child."""
        mime = QGuiApplication.clipboard().mimeData()
        paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()] if mime is not None else []
        if paths:
            self._w.open_paths(paths)
            return
        image = QGuiApplication.clipboard().image()
        if image.isNull():
            self._w.desk.tell(tr("There is no picture on the clipboard."), "warning", topic="open")
            return
        folder = self._w.services.data_dir / PASTED_DIR
        self._w.desk.run_later(
            "import", tr("Taking the picture from the clipboard"), lambda _t, _p: keep_picture(image, folder),
            lambda path: self._w.open_paths([str(path)]), tr("The picture could not be taken from the clipboard"),
        )  # fmt: skip

    # --- words ------------------------------------------------------------------------------

    def _show_import(self, done: int, total: int) -> None:
        self._importing = tr("importing {done} of {total}", done=done, total=total) if total else ""
        self._show_words()

    def words(self) -> str:
        """Counts for the status bar."""
        unread = self._w.work_list.model.unread
        parts = [tr("{count} unread", count=unread) if unread else "", self._importing, queue_words(self.queue)]
        return " \N{MIDDLE DOT} ".join(filter(None, parts))

    def _show_words(self) -> None:
        self._w.show_queue(self.words())


def keep_picture(image: QImage, folder: Path) -> Path:
    """The picture as a PNG file of its own, whose name comes from what it holds: pasted twice, it is one film. Raises
    StoreError."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise FilmError("The picture on the clipboard cannot be read.", "Save it as a file and open that.", code="clipboard")
    content = bytes(buffer.data().data())
    path = folder / f"clipboard-{hashlib.sha256(content).hexdigest()[:12]}.png"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        private.write_bytes(path, content)
    except OSError as error:
        raise StoreError(f"The picture could not be kept ({error.strerror}).", "Check disk space and rights.") from error
    return path


def _to_be_read(row: StudyRow) -> bool:
    return row.machine is MachineState.NONE and row.state in (ReadState.UNREAD, ReadState.BEGUN)
