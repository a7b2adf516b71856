"""Joins the work list, the queue of the background, imports and the watched folder to the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu

from boneage_desk.common.i18n import tr
from boneage_desk.reading.session import Reading
from boneage_desk.reading.study_row import ReadState, StudyRow, study_row
from boneage_desk.ui.presenters import list_layout
from boneage_desk.ui.presenters.analysis_queue import AnalysisQueue, queue_words
from boneage_desk.ui.presenters.study_texts import Entry, JobState, JobView, MachineState

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.queue_window import QueueWindow


class WindowLists(QObject):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.queue = AnalysisQueue(window.desk)
        self.queue_window: QueueWindow | None = None
        self._sizes: list[int] = []
        self._importing = ""
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

    def stop(self) -> None:
        """The window closes."""
        self._w.work_list.keep()
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
        self._w.open_reading(reading_id)

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
        self.set_wide(not self._w.work_list.wide or self._w.work_list.isHidden())

    def set_wide(self, on: bool) -> None:
        """The list as wide as the window, in the place of film and bones; or beside them."""
        splitter, work_list = self._w.splitter, self._w.work_list
        if on and not work_list.wide:
            self._sizes = splitter.sizes()
        work_list.setVisible(True)
        for place in (1, 2):
            splitter.widget(place).setVisible(not on)
        work_list.set_wide(on)
        if not on and self._sizes:
            splitter.setSizes(self._sizes)
        self._w.actions_.check("work-list", on)
        self._w.actions_.check("side-list", True)
        (work_list.table if on else self._w.bones.table).setFocus(Qt.FocusReason.OtherFocusReason)

    def toggle_side(self) -> None:
        """The narrow list beside the film, or more room for the film."""
        if self._w.work_list.wide:
            self.set_wide(False)
            return
        on = self._w.work_list.isHidden()
        self._w.work_list.setVisible(on)
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


def _to_be_read(row: StudyRow) -> bool:
    return row.machine is MachineState.NONE and row.state in (ReadState.UNREAD, ReadState.BEGUN)
