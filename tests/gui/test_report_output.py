"""What leaves the report page: print, files, clipboard; and that a signed report is always the sealed file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtPdf import QPdfDocument

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, SetDifferenceComment, State
from boneage_desk.reading.signing import AnswerFlag, Sign, as_signed, draft_signature, flags_to_answer
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters.printing import prepare, print_pdf
from boneage_desk.ui.presenters.reporting import Kind, report_pdf
from tests.gui.conftest import settle, texts
from tests.gui.fakes import pdf_of

pytestmark = pytest.mark.gui
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def real_pdf(paper: str = "A4") -> bytes:
    from boneage_desk.reports.pdf import PdfReports
    from tests.samples import analysed

    return PdfReports(Settings()).render(analysed().reading, None, paper=paper)


def to_file(path: Path, paper: str = "A4"):
    from PySide6.QtPrintSupport import QPrinter

    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(path))
    printer.setResolution(150)
    prepare(printer, paper, "report")
    return printer


def sealed(qtbot, window, fakes) -> bytes:
    """Sign the reading on the desk with a kept file that is not what would be drawn now."""
    desk = window.desk
    for bone in rus_chn.BONES:
        desk.do(AcceptGrade(bone))
    desk.do(SetDifferenceComment("seen"))
    for flag in flags_to_answer(desk.reading):
        desk.do(AnswerFlag(flag.code, flag.message, "seen"))
    desk.do(MarkReviewed())
    kept = pdf_of(dataclasses.replace(desk.reading, revision=999))
    person = Person("reader", "Dr Reader", Role.RADIOLOGIST)
    drawn = draft_signature(desk.reading, person, "read", datetime.now(UTC))
    signature = dataclasses.replace(drawn, certificate_sha256="a" * 64, pdf_sha256=hashlib.sha256(kept).hexdigest())
    assert desk.apply(desk.session, Sign(signature), report=kept)
    settle(qtbot, window)
    return kept


# --- print ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("paper", "points"), [("A4", (595, 842)), ("Letter", (612, 792))])
def test_every_page_is_printed_whole_on_its_own_paper(qapp, tmp_path, paper, points):
    from PIL import Image

    out = tmp_path / "printed.pdf"
    assert print_pdf(real_pdf(paper), to_file(out, paper)) == 2
    told = subprocess.run(["pdfinfo", out], capture_output=True, text=True, check=True).stdout
    assert "Pages:           2" in told
    size = next(line for line in told.splitlines() if line.startswith("Page size")).split()
    assert abs(float(size[2]) - points[0]) < 1 and abs(float(size[4]) - points[1]) < 1
    # the printed picture is the page: same darkness in the same places
    (tmp_path / "report.pdf").write_bytes(real_pdf(paper))
    shown = []
    for name in ("report", "printed"):
        subprocess.run(["pdftoppm", "-r", "40", "-gray", "-singlefile", tmp_path / f"{name}.pdf", tmp_path / name], check=True)
        shown.append(Image.open(tmp_path / f"{name}.pgm").resize((40, 56)).tobytes())
    assert max(abs(a - b) for a, b in zip(*shown, strict=True)) < 60
    assert min(shown[1]) < 160, "there is ink on the page"


def test_a_chosen_range_and_foreign_paper(qapp, tmp_path):
    out = tmp_path / "second.pdf"
    printer = to_file(out, "Letter")
    printer.setFromTo(2, 2)
    assert print_pdf(real_pdf("A4"), printer) == 1
    told = subprocess.run(["pdfinfo", out], capture_output=True, text=True, check=True).stdout
    assert "Pages:           1" in told and "612 x 792" in told


@pytest.mark.qt_log_ignore("QPainter::begin")
def test_a_printer_that_takes_nothing_is_told(qapp, tmp_path):
    with pytest.raises(InputError) as caught:
        print_pdf(real_pdf(), to_file(tmp_path / "no such folder" / "x.pdf"))
    assert caught.value.code == "printer"
    printer = to_file(tmp_path / "x.pdf")
    printer.setFromTo(7, 9)
    with pytest.raises(InputError, match="2 pages"):
        print_pdf(real_pdf(), printer)


def test_ctrl_p_asks_for_the_printer_and_prints_off_the_windows_thread(qtbot, read, tmp_path, monkeypatch):
    from PySide6.QtPrintSupport import QPrintDialog, QPrinter

    out = tmp_path / "printed.pdf"

    def choose(dialog) -> None:
        printer = dialog.printer()
        printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
        printer.setOutputFileName(str(out))
        printer.setResolution(100)
        dialog.done(1)  # accept() would set up the printer that the dialog shows, and there is none here

    monkeypatch.setattr(QPrintDialog, "show", choose)
    qtbot.keyClick(read, Qt.Key.Key_P, CTRL)
    qtbot.waitUntil(lambda: any("sent to the printer" in line for line in texts(read)), timeout=10000)
    assert out.read_bytes().startswith(b"%PDF")


def test_a_print_that_was_given_up_prints_nothing(qtbot, read, monkeypatch):
    from PySide6.QtPrintSupport import QPrintDialog

    monkeypatch.setattr(QPrintDialog, "show", lambda dialog: dialog.reject())
    read.commands.print_report()
    settle(qtbot, read)
    assert not any("printer" in line for line in texts(read))


# --- clipboard and files ----------------------------------------------------------------------------------


def test_the_text_goes_to_the_clipboard(qtbot, read):
    QGuiApplication.clipboard().setText("before")
    qtbot.keyClick(read, Qt.Key.Key_C, CTRL | SHIFT)
    wanted = f"Report {read.desk.reading.reading_id} {read.desk.reading.revision}"
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text().strip() == wanted)
    assert any("in the clipboard" in line for line in texts(read))


def test_a_copy_that_fails_leaves_the_clipboard_and_says_so(qtbot, read, fakes):
    QGuiApplication.clipboard().setText("before")
    fakes.reports.error = StoreError("The disk is full.")
    read.commands.copy_report()
    settle(qtbot, read)
    assert QGuiApplication.clipboard().text() == "before"
    assert any("disk is full" in line for line in texts(read))


@pytest.mark.parametrize(("name", "ending"), [("TEXT", ".txt"), ("JSON", ".json"), ("FHIR", ".fhir.json")])
def test_files_are_exported_where_the_person_says(qtbot, read, tmp_path, monkeypatch, name, ending):
    from PySide6.QtWidgets import QFileDialog

    asked = []

    def where(_window, _title, suggested, _filter):
        asked.append(suggested)
        return str(tmp_path / "out"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", where)
    read.report.export_wanted.emit(name)
    settle(qtbot, read)
    assert asked[0].endswith(ending)
    data = (tmp_path / f"out{ending}").read_text(encoding="utf-8")
    if name == "TEXT":
        assert data.startswith("Report ")
    else:
        made = json.loads(data)
        assert made.get("resourceType") == "Bundle" if name == "FHIR" else made["schema_version"] == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_an_export_into_a_folder_that_is_a_file_is_told(qtbot, read, tmp_path):
    (tmp_path / "taken").write_text("x")
    read.reporting.write(tmp_path / "taken" / "out.json", open_it=False, kind=Kind.JSON)
    settle(qtbot, read)
    assert any("could not be written" in line for line in texts(read))


def test_a_logo_that_cannot_be_used_is_told_beside_the_written_report(qtbot, read, fakes, tmp_path):
    fakes.reports.left_out = "The report's logo is not at '/x.png'."
    read.reporting.write(tmp_path / "r.pdf", open_it=False)
    settle(qtbot, read)
    assert (tmp_path / "r.pdf").exists() and any("left out" in line for line in texts(read))


# --- signed -----------------------------------------------------------------------------------------------


def test_of_a_signed_reading_the_sealed_file_is_shown_written_and_printed(qtbot, read, fakes, tmp_path):
    kept = sealed(qtbot, read, fakes)
    read.tabs.setCurrentWidget(read.report)
    qtbot.waitUntil(lambda: read.report.pages > 0)
    title = read.report._document.metaData(QPdfDocument.MetaDataField.Title)
    assert title.endswith("999"), "what would be drawn now has another title"
    read.reporting.write(tmp_path / "r.pdf", open_it=False)
    settle(qtbot, read)
    assert (tmp_path / "r.pdf").read_bytes() == kept
    assert report_pdf(fakes.services, read.desk.report_maps, read.desk.reading, None) == kept
    assert fakes.reports.flattened == [kept], "the preview alone shows a copy"
    printed = []
    read.reporting.to_print(lambda _reading, pdf: printed.append(pdf))
    qtbot.waitUntil(lambda: bool(printed))
    assert fakes.reports.flattened == [kept, kept], "and so does the printer"


def test_a_reading_that_was_amended_elsewhere_still_has_the_file_of_its_own_seal(qtbot, read, fakes):
    kept = sealed(qtbot, read, fakes)
    fakes.store.files[read.desk.reading.reading_id].append(b"%PDF-1.7 with an addendum")
    assert report_pdf(fakes.services, read.desk.report_maps, read.desk.reading, None) == kept


def test_the_visible_signature_is_printed_where_its_place_is(qapp, tmp_path, monkeypatch):
    import keyring
    from PIL import Image

    from boneage_desk.reports.pdf import PdfReports
    from boneage_desk.reports.signing import Seals
    from boneage_desk.reports.signing_box import place
    from tests import signers
    from tests.samples import analysed

    monkeypatch.setattr(keyring.core, "_keyring_backend", signers.MemoryKeyring())
    reports, drawn = PdfReports(Settings()), signers.signature()
    reading = as_signed(dataclasses.replace(analysed().reading, state=State.REVIEWED), drawn)
    kept = Seals(Settings(), tmp_path).seal(reports.render(reading, None), drawn).pdf
    ink = {}
    for name, pdf in (("sealed", kept), ("flat", reports.flat(kept))):
        print_pdf(pdf, to_file(tmp_path / f"{name}.pdf"))
        subprocess.run(
            ["pdftoppm", "-r", "100", "-gray", "-singlefile", tmp_path / f"{name}.pdf", tmp_path / name], check=True
        )
        page = Image.open(tmp_path / f"{name}.pgm")
        x0, y0, x1, y1 = (round(v * 100 / 72) for v in place(595.28, 841.89))
        box = page.crop((x0, page.height - y1, x1, page.height - y0))
        ink[name] = sum(value < 128 for value in box.tobytes())
    assert ink["flat"] > 300, ink
    assert ink["sealed"] < 30, "Qt draws signature fields by now: no copy is needed"


def test_a_signed_reading_whose_file_is_lost_is_never_drawn_anew(qtbot, read, fakes, tmp_path):
    sealed(qtbot, read, fakes)
    fakes.store.files.clear()
    read.tabs.setCurrentWidget(read.report)
    qtbot.waitUntil(lambda: "could not be drawn" in read.report.notice.text())
    assert read.report.pages == 0
    read.reporting.write(tmp_path / "r.pdf", open_it=False)
    settle(qtbot, read)
    assert not (tmp_path / "r.pdf").exists()
    assert any("no signed report" in line for line in texts(read))
