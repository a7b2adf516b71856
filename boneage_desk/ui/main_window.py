"""The one window: banner, work list, film, bones, messages. Only joins views to presenters."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QLabel,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.reading.ports import FilmEntry, Services
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.reading.session import SetPatient, SetStudy, State
from boneage_desk.ui import theme
from boneage_desk.ui.actions import ActionSet, Scope, UiState
from boneage_desk.ui.jobs import JobRunner
from boneage_desk.ui.presenters import numbers, overlay, text
from boneage_desk.ui.presenters.crops import Crops
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.library import Library
from boneage_desk.ui.presenters.opinion_rows import opinion_view
from boneage_desk.ui.presenters.reading_work import engine_words
from boneage_desk.ui.presenters.reporting import Preview, Reporting
from boneage_desk.ui.presenters.saving import Saving
from boneage_desk.ui.views.banner import FlagStrip, PatientBanner
from boneage_desk.ui.views.bones_page import BonesPage
from boneage_desk.ui.views.clinical_page import ClinicalPage
from boneage_desk.ui.views.clinical_panel import ClinicalPanel
from boneage_desk.ui.views.docks import DockArea
from boneage_desk.ui.views.elided import ElidedLabel
from boneage_desk.ui.views.empty_page import EmptyPage
from boneage_desk.ui.views.message_bar import MessageBar
from boneage_desk.ui.views.progress_row import ProgressRow
from boneage_desk.ui.views.report_page import ReportPage
from boneage_desk.ui.views.waiting import wait_until
from boneage_desk.ui.views.work_list import WorkList
from boneage_desk.ui.window_application import WindowApplication
from boneage_desk.ui.window_bones import WindowBones
from boneage_desk.ui.window_commands import WindowCommands
from boneage_desk.ui.window_layout import WindowLayout
from boneage_desk.ui.window_lists import WindowLists
from boneage_desk.ui.window_lock import WindowLock
from boneage_desk.ui.window_signoff import WindowSignOff
from boneage_desk.ui.window_start import WindowStart

if TYPE_CHECKING:
    from boneage_desk.ui.views.film_panel import FilmPanel

CLOSE_WAIT_MS = 4000


class MainWindow(QMainWindow):
    """Shown at once; :meth:`complete` adds what is heavy after the first paint."""

    painted = Signal()
    """The first paint is on the screen."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.setWindowTitle("BoneAge Desk")
        self.setAcceptDrops(True)
        self.runner = JobRunner(self)
        self.desk = Desk(services, self.runner, self)
        self.library = Library(self.desk)
        self.reporting = Reporting(self.desk)
        self.preview = Preview(self.desk)
        self.crops = Crops(self.desk)
        self.film_panel: FilmPanel | None = None
        self.widths = self.regions = True
        self._painted = False
        self._build()
        self.lists = WindowLists(self)
        self.bone_joins = WindowBones(self)
        self.layout_, self.program = WindowLayout(self), WindowApplication(self)
        self.commands = WindowCommands(self)
        self.signoff = WindowSignOff(self)
        self.start_ = WindowStart(self)
        self.lock = WindowLock(self)
        self.actions_ = ActionSet(
            self, {Scope.READING: (self.bones,), Scope.FILM: ()}, self.commands.handlers()
        )  # fmt: skip
        self.commands.fill_menus(self.actions_)
        self.bone_joins.show_keys()
        self._connect()
        self._show_case()
        self._restore_layout()
        self.bones.table.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def services(self) -> Services:
        """The program's parts, with the settings in force."""
        return self.desk.services

    # --- building ---------------------------------------------------------------------------

    def _build(self) -> None:
        self.banner, self.flags = PatientBanner(), FlagStrip()
        self.work_list, self.bones = WorkList(), BonesPage()
        self.clinical, self.report = ClinicalPage(), ReportPage()
        self.messages, self.empty = MessageBar(), EmptyPage()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.clinic = ClinicalPanel(self.clinical, self.desk)
        for page, title in ((self.bones, tr("Bones")), (self.clinic, tr("Clinical")), (self.report, tr("Report"))):
            self.tabs.addTab(page, title)
        self.tabs.setMinimumWidth(400)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.stack, 1)
        self.progress = ProgressRow()
        column.addWidget(self.progress)
        self.docks = DockArea(self.work_list, middle, self.tabs)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part, stretch in ((self.banner, 0), (self.flags, 0), (self.docks, 1), (self.messages, 0)):
            column.addWidget(part, stretch)
        self.setCentralWidget(whole)
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        self._engine, self._queue, self._done, self.hint = ElidedLabel(least=120), QLabel(), QLabel(), QLabel()
        for label in (self._engine, self._queue, self._done):
            label.setContentsMargins(8, 0, 8, 0)
            bar.addWidget(label)
        self.hint.setContentsMargins(0, 0, 8, 0)
        bar.addPermanentWidget(self.hint)

    def _connect(self) -> None:
        desk, library = self.desk, self.library
        desk.leaving.connect(self.flush)
        desk.case_changed.connect(self._show_case)
        desk.reading_changed.connect(self._show_reading)
        desk.work_changed.connect(self._show_work)
        desk.message.connect(self.messages.show_message)
        library.busy_changed.connect(self._show_opening)
        library.choose_frame.connect(self._ask_frame)
        self.messages.frame_chosen.connect(library.open_frame)
        self.reporting.written.connect(self.commands.report_written)
        self.banner.sex_given.connect(lambda sex: desk.do(SetPatient(sex=sex)))
        self.banner.birth_date_given.connect(lambda born: desk.do(SetPatient(birth_date=born)))
        self.flags.dismissed.connect(desk.dismiss_flag)
        self.banner.side_given.connect(lambda side: desk.do(SetStudy(laterality=side)))
        self.banner.save_again.connect(desk.saver.retry)
        for given in (self.banner.sex_given, self.banner.birth_date_given, self.banner.side_given):
            given.connect(lambda _value: self.bones.table.setFocus(Qt.FocusReason.OtherFocusReason))  # keys read on
        self.progress.cancel_wanted.connect(desk.cancel_reading)
        self.progress.read_wanted.connect(desk.read)
        self.empty.open_wanted.connect(self.commands.open_files)
        self.empty.demo_wanted.connect(self.commands.open_demo)
        self.work_list.open_wanted.connect(self.commands.open_files)
        desk.opinions.changed.connect(self._show_opinion)
        desk.comment_wanted.connect(self.commands.comment_difference)
        for changed in (desk.heat.changed, desk.whole_map.changed):
            changed.connect(self._update_actions)
        desk.look.changed.connect(lambda: self._settings().setValue("map_opacity", desk.look.opacity))
        self.clinical.command.connect(desk.do)
        self.clinic.command.connect(desk.do)
        self.clinical.templates.menu().aboutToShow.connect(self.commands.fill_templates)
        self.preview.changed.connect(self.report.show_sheet)
        self.tabs.currentChanged.connect(self._page_chosen)
        self.report.write_wanted.connect(self.commands.write_report)
        self.report.write_as_wanted.connect(self.commands.write_report_as)
        self.report.print_wanted.connect(self.commands.print_report)
        self.report.copy_wanted.connect(self.commands.copy_report)
        self.report.export_wanted.connect(self.commands.export_report)
        self.reporting.copied.connect(lambda words: QGuiApplication.clipboard().setText(words))
        self.report.reviewed_wanted.connect(desk.mark_reviewed)
        self.report.reopen_wanted.connect(desk.reopen)

    def complete_later(self) -> None:
        """:meth:`complete`, in pieces between which the window answers."""
        self.start_.begin()

    def complete(self) -> None:
        """The film view, once the window is painted: it brings pyqtgraph and numpy."""
        if self.film_panel is not None:
            return
        from boneage_desk.ui.views.film_panel import FilmPanel

        theme.add_fonts()
        self.film_panel = FilmPanel(self.desk, self.actions_)
        self.film_panel.show_widths(self.widths)
        self.film_panel.show_regions(self.regions)
        self.actions_.add_to(self.film_panel, Scope.READING)
        self.actions_.add_to(self.film_panel.film, Scope.FILM)
        self.stack.addWidget(self.film_panel)
        self.program.apply_mouse()
        self._show_case()

    # --- showing ----------------------------------------------------------------------------

    def _show_case(self) -> None:
        self.bones.forget_figures()
        self.bones.strip.reason.forget()
        self.bones.opinion.comment.forget()
        self.report.show_words("")
        reading = self.desk.reading
        self.messages.keep_to(reading.reading_id if reading is not None else "")
        if reading is None:
            self.banner.show_nothing()
        else:
            for topic in ("go-on", "refused", "undo", "pass"):  # what was said of the last case
                self.messages.clear_topic(topic)
            self.work_list.show_current(reading.reading_id)
            if self.desk.film_error:
                self.empty.show_trouble(self.desk.film_error)
            elif self.desk.film is None:
                self.empty.show_waiting(tr("Opening the film"))
        self.show_film()
        self._show_reading()
        if reading is not None and self.lists.keys_to_bones(reading.reading_id):
            self.bones.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_film(self) -> None:
        """The film, or what stands for it while there is none."""
        there = self.desk.film is not None and self.film_panel is not None
        self.stack.setCurrentWidget((self.layout_.place if there else None) or self.empty)

    def _show_reading(self) -> None:
        reading, summary = self.desk.reading, self.desk.summary
        self.clinical.show_reading(reading)
        self.bones.show_foot(reading is not None)
        if reading is None or summary is None:
            self.flags.show_flags(())
        else:
            self.banner.show_banner(numbers.banner(reading, summary))
            stored = frozenset(flag.code for flag in reading.flags) if self.desk.editable else frozenset()
            self.flags.show_flags(numbers.strip_flags(summary), stored)
        self.bone_joins.show_rows()
        self._show_opinion()
        self.bone_joins.show_bone()
        self._show_work()

    def _show_opinion(self) -> None:
        desk, reading, summary = self.desk, self.desk.reading, self.desk.summary
        if reading is None or summary is None:
            self.bones.opinion.show_opinion(None)
            return
        view = opinion_view(
            reading, summary, chosen=desk.opinions.chosen, asked=desk.opinions.asked_of(reading.reading_id),
            trouble=desk.opinions.trouble(reading), film=desk.film is not None, editable=desk.editable,
        )  # fmt: skip
        self.bones.opinion.show_opinion(view, reading.reading_id, desk.editable)
        self.bones.share_height()

    def show_widths(self, on: bool) -> None:
        """Draw the measured widths on crop and film, or not; kept for the next start."""
        self.widths = on
        self._settings().setValue("widths", int(on))
        self.actions_.check("widths", on)
        self.bones.strip.crop.show_lines(self.bone_joins.crop_lines())
        if self.film_panel is not None:
            self.film_panel.show_widths(on)

    def show_regions(self, on: bool) -> None:
        """Outline the regions of the cascade, or not; kept for the next start."""
        self.regions = on
        self._settings().setValue("regions", int(on))
        self.actions_.check("regions", on)
        if self.film_panel is not None:
            self.film_panel.show_regions(on)

    def _show_work(self) -> None:
        desk, reading = self.desk, self.desk.reading
        self._engine.setText(tr("engine: {state}", state=engine_words(desk.work.state)))
        self._done.setText(numbers.progress_line(reading) if reading is not None else "")
        job = desk.job
        unread = reading is not None and reading.analysed_at is None and desk.film is not None
        self.progress.show_job(job, unread)
        self._show_state()
        self._update_actions()

    def show_queue(self, words: str) -> None:
        """Counts of the work list and its queue."""
        self._queue.setText(words)

    def _show_state(self) -> None:
        reading, saver = self.desk.reading, self.desk.saver
        if reading is None:
            self.banner.show_state("", False)
            return
        failed = saver.state is Saving.FAILED
        if failed:
            saved = tr("NOT SAVED ({counted})", counted=text.plural(saver.unsaved, 'change'))
        elif saver.unsaved_of(reading.reading_id):
            saved = tr("saving \N{HORIZONTAL ELLIPSIS}")
        else:
            saved = tr("saved {time}", time=text.clock(reading.changed_at))
        self.banner.show_state(f"{tr(numbers.STATE_NAMES[reading.state])} \N{MIDDLE DOT} {saved}", failed)

    def _show_opening(self, what: str) -> None:
        if self.desk.film is None:
            self.empty.show_waiting(what)
        self.statusBar().showMessage(what)

    def _ask_frame(self, entry: FilmEntry) -> None:
        self.messages.ask_frame(entry, PurePath(entry.member or entry.path).name)

    def ui_state(self) -> UiState:
        """What the commands' 'may be used' is decided on."""
        desk, reading = self.desk, self.desk.reading
        finding = reading.bone(desk.bone) if reading else None
        session = desk.session
        return UiState(
            reading=reading is not None,
            film=desk.film is not None and self.film_panel is not None,
            editable=desk.editable,
            reviewed=reading is not None and reading.state is State.REVIEWED,
            reading_job=desk.job is not None,
            box=finding is not None and finding.box is not None,
            human_box=finding is not None and (finding.human_box is not None or finding.box_removed),
            overridden=finding is not None and finding.overridden,
            can_undo=session is not None and session.can_undo,
            can_redo=session is not None and session.can_redo,
            unsaved=desk.saver.state is Saving.FAILED,
            analysed=reading is not None and reading.analysed_at is not None,
            opinion=reading is not None and bool(reading.whole_hand),
            opinion_job=reading is not None and desk.opinions.job_of(reading.reading_id) is not None,
            opinion_engines=desk.opinions.installed,
            comment=reading is not None and self.bones.opinion.asks_comment,
            regions=reading is not None and bool(overlay.regions(reading)),
            blind=desk.blind_first.hidden,
            flagged=len(desk.bone_pass.flagged),
            left=desk.bone_pass.left,
            map=desk.heat.wanted or desk.whole_map.wanted,
            **self.film_panel.ui_state() if self.film_panel is not None else {},
        )

    def _update_actions(self) -> None:
        state = self.ui_state()
        self.actions_.update(state)
        for engine in ENGINE_NAMES:
            name = text.engine(engine)
            there = engine in state.opinion_engines or self.desk.work.state in ("stopped", "starting")
            self.actions_[f"opinion-{engine}"].setText(name if there else tr("{name} (not installed)", name=name))
            self.actions_.check(f"opinion-{engine}", engine in self.desk.opinions.chosen)
        self.report.show_state(state.reading, state.reviewed, state.reading and state.editable)

    def flush(self) -> None:
        """What was typed and not entered yet belongs to the reading on the desk."""
        self.clinic.flush()
        self.bones.strip.reason.flush()
        self.bones.opinion.comment.flush()
        if self.film_panel is not None:
            self.film_panel.flush()

    def _page_chosen(self) -> None:
        """The preview is drawn only while it is looked at; what was typed on the other page is in it."""
        self.flush()
        self.preview.watch(self.tabs.currentWidget() is self.report)

    # --- input ------------------------------------------------------------------------------

    def open_reading(self, reading_id: str) -> None:
        self.flush()
        self.library.open_reading(reading_id)

    def open_paths(self, paths: list[str]) -> None:
        self.flush()
        self.library.open_paths(paths)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            (self.lists.import_paths if self.work_list.wide else self.open_paths)(paths)

    # --- life -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.painted.emit)

    def _settings(self) -> QSettings:
        return QSettings(str(Path(self.services.data_dir) / "window.ini"), QSettings.Format.IniFormat)

    def _restore_layout(self) -> None:
        kept = self._settings()
        self.layout_.restore()
        self.bone_joins.restore()
        self.desk.heat.remember(kept.value("saliency_method"))
        self.desk.look.remember(kept.value("map_opacity"))
        self.show_widths(str(kept.value("widths", 1)) != "0")
        self.show_regions(str(kept.value("regions", 1)) != "0")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.layout_.shown()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.flush()
        if not self._saved_or_given_up():
            event.ignore()
            return
        self.layout_.bring_back()
        self.lists.stop()
        self.layout_.keep()
        self.docks.hide_floating()
        self.program.stop()
        self.start_.stop()
        self.preview.watch(False)
        self.lock.stop()
        self.desk.work.close()
        self.commands.close_knee()
        self.runner.close()
        event.accept()

    def _saved_or_given_up(self) -> bool:
        """Wait for what is on its way to the disk; ask only when it cannot get there."""
        saver = self.desk.saver
        saver.retry()
        wait_until(lambda: not saver.busy, CLOSE_WAIT_MS)
        if not saver.unsaved:
            return True
        answer = QMessageBox.warning(
            self,
            tr("Not saved"),
            tr("{counted} could not be saved and will be lost.", counted=text.plural(saver.unsaved, "change")),
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Discard
