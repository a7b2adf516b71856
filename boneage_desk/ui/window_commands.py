"""What each command of the action table does in the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog

from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.ui.actions import ACTIONS, MENUS, NEW_GROUP, SUBMENUS, ActionSet
from boneage_desk.ui.film_commands import film_handlers
from boneage_desk.ui.presenters import key_words
from boneage_desk.ui.presenters.bone_order import Order
from boneage_desk.ui.presenters.reporting import Kind, report_name
from boneage_desk.ui.views.help import CommandPalette, ShortcutSheet
from boneage_desk.ui.window_exports import WindowExports
from boneage_desk.ui.window_key import WindowKey
from boneage_desk.ui.window_results import WindowResults

if TYPE_CHECKING:
    from boneage_desk.reading.impression import Template
    from boneage_desk.reading.session import Reading
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.film_panel import FilmPanel
    from boneage_desk.ui.views.knee_window import KneeWindow

FILM_FILTER = mark("Films (*.dcm *.dicom *.png *.jpg *.jpeg *.tif *.tiff *.webp *.zip DICOMDIR);;All files (*)")

EXPORT_FOLDER = "export_folder"


class WindowCommands(QObject):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self._sheet: ShortcutSheet | None = None
        self.knee: KneeWindow | None = None
        self.key = WindowKey(window)
        key_words.told.changed.connect(self._fresh_sheet)
        self.exports = WindowExports(window, open_externally, lambda: tr(FILM_FILTER))
        self.results = WindowResults(window, open_externally)

    def handlers(self) -> dict[str, Callable[[], object]]:
        desk, film = self._w.desk, self._film
        table: dict[str, Callable[[], object]] = {
            "open": self.open_files,
            "open-folder": self.open_folder,
            "demo": self.open_demo,
            "open-knee": self.open_knee,
            "save-again": lambda: desk.saver.retry(),
            "report": self.write_report,
            "report-as": self.write_report_as,
            "print": self.print_report,
            "copy-report": self.copy_report,
            "export-text": lambda: self.export_report("TEXT"),
            "export-json": lambda: self.export_report("JSON"),
            "export-fhir": lambda: self.export_report("FHIR"),
            "export-dicom": self.results.ask,
            **self.exports.handlers(),
            "lock": lambda: self._w.lock.lock(),
            **self._w.program.handlers(),
            "quit": self._w.close,
            "undo": desk.undo,
            "redo": desk.redo,
            "edit-boxes": lambda: film().toggle_editing(),
            "reset-box": desk.reset_box,
            "previous-bone": lambda: desk.move(-1),
            "next-bone": lambda: desk.move(+1),
            "grade-down": lambda: desk.step_grade(-1),
            "grade-up": lambda: desk.step_grade(+1),
            "accept": desk.accept,
            "next-unreviewed": self._next_unreviewed,
            "next-flagged": desk.bone_pass.next_flagged,
            "accept-all": desk.bone_pass.accept_all,
            "pick-reason": self._w.bone_joins.pick_reason,
            "next-order": desk.order.next,
            "blind-first": desk.blind_first.toggle,
            "reveal": desk.blind_first.ask,
            "machine-grade": lambda: desk.set_grade(None),
            "reason": self._w.bone_joins.type_reason,
            "zoom-bone": lambda: film().zoom_to_bone(),
            "mark-reviewed": desk.mark_reviewed,
            "sign": lambda: self._w.signoff.sign(),
            "reopen": desk.reopen,
            "read-again": desk.read,
            "cancel": desk.cancel_reading,
            "ask-again": desk.opinions.again,
            "comment-difference": self.comment_difference,
            "invert": lambda: film().toggle_invert(),
            "flip-h": lambda: film().flip(True),
            "flip-v": lambda: film().flip(False),
            "rotate-right": lambda: film().turn(True),
            "rotate-left": lambda: film().turn(False),
            "fit": lambda: film().film.fit(),
            "one-to-one": lambda: film().film.one_to_one(),
            "reset-view": lambda: film().reset(),
            "overlays": lambda: film().next_overlay(),
            "widths": self._toggle_widths,
            "saliency": desk.heat.toggle,
            "grad-cam": lambda: self._look_by("grad-cam"),
            "occlusion": lambda: self._look_by("occlusion"),
            "whole-map": desk.whole_map.toggle,
            "map-fainter": lambda: desk.look.step(-1),
            "map-stronger": lambda: desk.look.step(+1),
            "regions": lambda: self._w.show_regions(not self._w.regions),
            "auto-window": lambda: film().film.auto_window(),
            "full-screen": self._full_screen,
            "work-list": self._w.lists.toggle_wide,
            "side-list": self._w.lists.toggle_side,
            "next-unread": self._w.lists.next_unread,
            "queue": self._w.lists.show_queue,
            "pause-queue": self._w.lists.toggle_pause,
            "watch-folder": self._w.lists.choose_watched,
            "paste": self._w.lists.paste,
            "find": self._find,
            "palette": self._palette,
            "shortcuts": self.show_shortcuts,
            "about": self.show_about,
        }
        table |= film_handlers(self._w, film)
        for mode in Order:
            table[f"order-{mode}"] = lambda mode=mode: self._w.bone_joins.choose_order(mode)  # type: ignore[misc]
        for engine in ENGINE_NAMES:
            table[f"opinion-{engine}"] = lambda engine=engine: desk.opinions.toggle(engine)  # type: ignore[misc]
        for number in range(1, 10):
            table[f"preset-{number}"] = lambda number=number: film().preset(number)  # type: ignore[misc]
        return table

    def _film(self) -> FilmPanel:
        """Film commands are enabled only once the film view is there."""
        panel = self._w.film_panel
        assert panel is not None
        return panel

    def fill_menus(self, actions: ActionSet) -> None:
        bar = self._w.menuBar()
        menus = {title: bar.addMenu(tr(title)) for title in MENUS}
        for menu in menus.values():
            menu.setToolTipsVisible(True)
        for spec in ACTIONS:
            if spec.menu not in menus:  # a menu within a menu stands where its first command would
                above = menus[SUBMENUS[spec.menu]]
                if spec.menu in NEW_GROUP:
                    above.addSeparator()
                menus[spec.menu] = above.addMenu(tr(spec.menu))
                menus[spec.menu].setToolTipsVisible(True)
            if spec.id in NEW_GROUP:
                menus[spec.menu].addSeparator()
            menus[spec.menu].addAction(actions[spec.id])
        actions.check("side-list", True)

    # --- files ------------------------------------------------------------------------------

    def open_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self._w, tr("Open films"), self._folder(), tr(FILM_FILTER))
        self._open(paths)

    def open_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self._w, tr("Open a folder of films"), self._folder())
        self._open([path] if path else [])

    def _open(self, paths: list[str]) -> None:
        if paths:
            first = Path(paths[0])
            self._w._settings().setValue("folder", str(first if first.is_dir() else first.parent))
            self._w.open_paths(paths)

    def _folder(self) -> str:
        kept = self._w._settings().value("folder")
        return kept if isinstance(kept, str) and Path(kept).is_dir() else str(Path.home())

    def _export_folder(self) -> str:
        """Where a report was last written to; the films' folder until then."""
        kept = self._w._settings().value(EXPORT_FOLDER)
        return kept if isinstance(kept, str) and Path(kept).is_dir() else self._folder()

    def open_demo(self) -> None:
        try:
            self._w.open_paths([str(self._w.services.demo_film())])
        except BoneAgeError as error:
            self._w.desk.report(error)

    def open_knee(self) -> None:
        """Choose a knee film; it is shown in the window of the knees."""
        paths, _ = QFileDialog.getOpenFileNames(self.knee or self._w, tr("Open a knee film"), self._folder(), tr(FILM_FILTER))
        if paths:
            self._w._settings().setValue("folder", str(Path(paths[0]).parent))
            self.show_knee(paths)

    def show_knee(self, paths: list[str]) -> None:
        """The knee window with the film at ``paths``; made at first use."""
        from boneage_desk.ui.views.knee_window import KneeWindow

        if self.knee is None:
            self.knee = KneeWindow(self._w.services, self._w.runner, open_externally, self._w)
            self.knee.open_wanted.connect(self.open_knee)
        self.knee.show()
        self.knee.raise_()
        self.knee.activateWindow()
        self.knee.desk.open_paths(paths)

    def close_knee(self) -> None:
        """The main window closes, and the jobs of both with it."""
        if self.knee is not None:
            self.knee.close()

    # --- report -----------------------------------------------------------------------------

    def write_report(self) -> None:
        self._w.flush()
        self._w.reporting.write()

    def write_report_as(self) -> None:
        reading = self._w.desk.reading
        if reading is None:
            return
        self._w.flush()
        suggested = str(Path(self._export_folder()) / report_name(reading))
        path, _ = QFileDialog.getSaveFileName(self._w, tr("Write the report"), suggested, "PDF (*.pdf)")
        if path and self.still(reading):
            self._w._settings().setValue(EXPORT_FOLDER, str(Path(path).parent))
            self._w.reporting.write(Path(path if path.lower().endswith(".pdf") else f"{path}.pdf"), open_it=False)

    def still(self, reading: Reading) -> bool:
        """Whether a question was answered while its reading was on the desk; another one must not go out under its name."""
        now = self._w.desk.reading
        if now is not None and now.reading_id == reading.reading_id:
            return True
        self._w.desk.tell(tr("Another study came onto the desk meanwhile: nothing was written."), "warning", topic="report")
        return False

    def export_report(self, name: str) -> None:
        """Ask for a place and write text, JSON or FHIR there; 'DICOM': the DICOM results."""
        if name == "DICOM":
            self.results.ask()
            return
        reading, kind = self._w.desk.reading, Kind[name]
        if reading is None:
            return
        self._w.flush()
        suggested = str(Path(self._export_folder()) / report_name(reading, kind))
        path, _ = QFileDialog.getSaveFileName(self._w, tr("Export"), suggested, f"{name} (*{kind.value})")
        if path and self.still(reading):
            self._w._settings().setValue(EXPORT_FOLDER, str(Path(path).parent))
            whole = path if Path(path).suffix else f"{path}{kind.value}"
            self._w.reporting.write(Path(whole), open_it=False, kind=kind)

    def copy_report(self) -> None:
        self._w.flush()
        self._w.reporting.copy_text()

    def print_report(self) -> None:
        self._w.flush()
        self._w.reporting.to_print(self._ask_printer)

    def _ask_printer(self, reading: Reading, pdf: bytes) -> None:
        from PySide6.QtPrintSupport import QPrintDialog, QPrinter

        from boneage_desk.ui.presenters.printing import prepare

        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        prepare(printer, self._w.services.settings.paper, report_name(reading))
        dialog = QPrintDialog(printer, self._w)
        dialog.setWindowTitle(tr("Print the report"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowModality(Qt.WindowModality.WindowModal)
        dialog.finished.connect(lambda result: self._w.reporting.print(reading, pdf, printer) if result else None)
        dialog.show()

    def fill_templates(self) -> None:
        """The menu beside the impression, made anew from the station's file."""
        from boneage_desk.ui.presenters.templates import templates

        services, menu = self._w.services, self._w.clinical.templates.menu()
        menu.clear()
        try:
            found = templates(services.data_dir)
        except BoneAgeError as error:
            found = ()
            menu.addAction(tr("The templates cannot be used")).setEnabled(False)
            self._w.desk.report(error, topic="templates")
        for template in found:
            action = menu.addAction(template.title(services.settings.language))
            action.triggered.connect(lambda _checked=False, template=template: self._insert(template))
        menu.addSeparator()
        menu.addAction(tr("Edit the templates\N{HORIZONTAL ELLIPSIS}")).triggered.connect(lambda: self.edit_templates())

    def _insert(self, template: Template) -> None:
        from boneage_desk.reading.impression import filled

        reading = self._w.desk.reading
        if reading is None:
            return
        try:
            self._w.clinical.insert(filled(template, reading, self._w.services.settings.of_report))
        except BoneAgeError as error:
            self._w.desk.report(error, topic="templates")

    def edit_templates(self) -> None:
        """Open the station's file, made first where there is none."""
        from boneage_desk.ui.presenters.templates import own_file

        try:
            path = own_file(self._w.services.data_dir)
        except OSError as error:
            self._w.desk.report(InputError(f"The templates could not be written ({error.strerror})."), topic="templates")
            return
        if open_externally(path):
            self._w.desk.tell(tr("The templates lie at {path}.", path=path), topic="templates")
        else:
            self._w.desk.report(InputError("No program opens the file.", f"It lies at {path}."), topic="templates")

    def report_written(self, reading_id: str, path: Path, open_it: bool) -> None:
        shown = self._w.desk.reading
        if shown is not None and shown.reading_id == reading_id:
            self._w.report.show_words(tr("Written: {path}", path=path))
            self._w.tabs.setCurrentWidget(self._w.report)
        if open_it and not open_externally(path):
            self._w.desk.report(
                InputError("No program of this computer opens PDF files.", f"The report lies at {path}."),
                topic="report",
            )

    def comment_difference(self) -> None:
        """Give the keys to the comment on an unusual difference."""
        self._w.tabs.setCurrentWidget(self._w.bones)
        self._w.bones.opinion.comment.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # --- view -------------------------------------------------------------------------------

    def _next_unreviewed(self) -> None:
        if not self._w.desk.next_unreviewed():
            self._w.desk.tell(tr("All 13 bones were looked at."), topic="pass")

    def _toggle_widths(self) -> None:
        self._w.show_widths(not self._w.widths)

    def _look_by(self, method: str) -> None:
        self._w.desk.heat.choose(method)
        self._w._settings().setValue("saliency_method", self._w.desk.heat.method)

    def _full_screen(self) -> None:
        on = not self._w.isFullScreen()
        self._w.setWindowState(self._w.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._w.actions_.check("full-screen", on)

    def _find(self) -> None:
        if self._w.docks.list.isHidden():
            self._w.lists.toggle_side()
        self._w.work_list.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._w.work_list.filter.selectAll()

    def _palette(self) -> None:
        palette = CommandPalette(self._w, self._w.actions_)
        palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        palette.move(self._w.mapToGlobal(self._w.rect().center()) - palette.rect().center())
        palette.show()
        palette.typed.setFocus(Qt.FocusReason.PopupFocusReason)

    def show_shortcuts(self) -> None:
        if self._sheet is None:
            self._sheet = ShortcutSheet(self._w, self._w.actions_)
        self._sheet.show()
        self._sheet.raise_()

    def _fresh_sheet(self) -> None:
        """Other keys: the sheet is made anew, at once where it is looked at."""
        old, self._sheet = self._sheet, None
        if old is not None:
            shown = old.isVisible()
            old.close()
            old.deleteLater()
            if shown:
                self.show_shortcuts()

    def show_about(self) -> None:
        from boneage_desk.ui.views.about import AboutBox

        box = AboutBox(self._w, self._w.services)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def open_externally(path: Path) -> bool:
    """Hand a file to the system's program for it; not where there is no screen."""
    if QApplication.platformName() in ("offscreen", "minimal"):
        return True
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
