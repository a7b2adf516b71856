"""Settings, keys, layout, guide, diagnostics, the watchdog: what belongs to the program and not to a case."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QApplication, QComboBox, QKeySequenceEdit, QLabel, QTabBar, QWidget

from boneage_desk.common import i18n, settings
from boneage_desk.common.errors import FilmError
from boneage_desk.ui import key_maps, theme
from boneage_desk.ui.actions import ACTIONS, SPECS
from boneage_desk.ui.presenters.diagnostics import scrubbed
from boneage_desk.ui.presenters.opening import draft_of
from boneage_desk.ui.presenters.preferences import OPTIONS, SECTIONS, found
from boneage_desk.ui.views.settings_dialog import SettingsDialog
from tests.gui.conftest import settle, texts
from tests.gui.watchdog import Watchdog

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def dark() -> Iterator[None]:
    yield
    theme.use()
    i18n.use("en")


def dialog_of(window) -> SettingsDialog:
    window.actions_["settings"].trigger()
    assert window.program.dialog is not None and window.program.dialog.isVisible()
    return window.program.dialog


def row_of(dialog: SettingsDialog, key: str):
    return next(row for row in dialog.rows if row.option.key == key)


def kept(window) -> settings.Settings:
    return settings.load(Path(window.services.data_dir))


# --- settings -------------------------------------------------------------------------------


def test_the_settings_open_at_their_first_section_and_are_made_complete(qtbot, window):
    window.program.show_settings()
    dialog = window.program.dialog
    assert 0 < len(dialog._rows) < len(OPTIONS), "the others are made after the window was shown"
    qtbot.waitUntil(lambda: not dialog._slices.active)
    assert [row.option for row in dialog._rows] == [option for section in SECTIONS for option in OPTIONS if option.section == section]


def test_who_goes_to_a_section_at_once_gets_there(qtbot, window):
    window.program.show_settings()
    dialog = window.program.dialog
    dialog.sections.setCurrentRow(len(SECTIONS) - 1)
    assert len(dialog._rows) == len(OPTIONS) and not dialog._slices.active
    heading = dialog._headings[SECTIONS[-1]]
    seen = heading.mapTo(dialog._area.viewport(), heading.rect().topLeft()).y()
    assert 0 <= seen < dialog._area.viewport().height()


def test_a_choice_counts_at_once_and_is_kept(qtbot, window):
    box = row_of(dialog_of(window), "theme").control
    assert isinstance(box, QComboBox)
    box.activated.emit(1)
    settle(qtbot, window)
    assert theme.TEXT == theme.LIGHT["TEXT"] and kept(window).theme == "light"
    assert window.palette().windowText().color().name() == theme.LIGHT["TEXT"]


def test_a_refused_value_says_why_and_is_not_kept(qtbot, window):
    dialog = dialog_of(window)
    row = row_of(dialog, "signing_tsa")
    row.control.setText("ftp://stamps")
    row.control.editingFinished.emit()
    settle(qtbot, window)
    assert "https://" in row.note.text() and row.note.property("wrong")
    assert window.services.settings.signing_tsa == "" and kept(window).signing_tsa == ""
    row.control.setText("https://stamps.example")
    row.control.editingFinished.emit()
    settle(qtbot, window)
    assert not row.note.property("wrong") and kept(window).signing_tsa == "https://stamps.example"


def test_what_needs_a_restart_says_so(window):
    dialog = dialog_of(window)
    for row in dialog.rows:
        later = "after restart" in row.note.text()
        assert later == (not row.option.live and row.option.kind != "fact"), row.option.key


def test_what_counts_at_once_is_read_when_it_is_needed(qtbot, read, fakes):
    """Paper: the next report has it. The report's other settings went to its writer at the start: they say so."""
    live = {option.key for option in OPTIONS if option.live}
    assert {"paper", "report_map", "site_standard", "backup_every_hours", "backup_keep"} <= live
    assert not live & {"site_name", "report_language", "report_header", "report_footer", "report_logo", "report_growth"}
    read.program.preferences.put(paper="Letter", site_standard="tw3-rus")
    read.commands.write_report()
    settle(qtbot, read)
    assert fakes.reports.papers[-1] == "Letter"
    assert read.desk.reading.site_standard == "rus-chn", "a reading that is there keeps its own"
    film = read.desk.film
    assert film is not None and draft_of(read.services, film).site_standard == "tw3-rus"


def test_every_option_is_a_setting_and_has_a_section(window):
    fields = {field.name for field in dataclasses.fields(settings.Settings)}
    for option in OPTIONS:
        assert option.section in SECTIONS
        head = option.key.partition(".")[0]
        assert head in fields | {"opinion", "data_dir", "standard"}, option.key
        assert window.program.preferences.value(option) is not None


def test_search_finds_by_title_note_choice_and_key(window):
    dialog = dialog_of(window)
    for typed, key in (("light", "theme"), ("pkcs", "signing_pkcs12"), ("who 2007", "growth_reference"), ("backup keep", "backup_keep")):
        dialog.search.setText(typed)
        assert row_of(dialog, key).isVisibleTo(dialog), typed
        assert sum(row.isVisibleTo(dialog) for row in dialog.rows) <= 4, typed
    dialog.search.setText("f11")
    assert dialog.keys.shown() == ["full-screen", "film-window", "pages-window"]
    dialog.search.setText("no such words at all")
    assert dialog.none.isVisibleTo(dialog)
    dialog.search.clear()
    assert all(row.isVisibleTo(dialog) for row in dialog.rows)
    assert found(OPTIONS[0], "appearance colours")


def test_lock_time_counts_at_once(qtbot, window):
    window.program.preferences.put(lock_minutes=1)
    settle(qtbot, window)
    presenter = window.lock.presenter
    presenter._clock = lambda: time.monotonic() + 61
    presenter.look()
    qtbot.waitUntil(lambda: presenter.locked, timeout=3000)
    assert next(option for option in OPTIONS if option.key == "lock_minutes").live, "its row does not say 'after restart'"


# --- keys and mouse -----------------------------------------------------------------------------


def test_another_key_works_at_once_and_the_old_one_no_more(qtbot, read):
    put = read.program.preferences.put
    put(keys=key_maps.changed("invert", ("Ctrl+I",), {}))
    settle(qtbot, read)
    assert read.actions_["invert"].shortcuts() == [QKeySequence("Ctrl+I")]
    assert read.actions_["invert"].toolTip().endswith("(Ctrl+I)") and kept(read).keys == {"invert": ("Ctrl+I",)}
    film = read.film_panel.film
    film.setFocus()
    qtbot.keyClick(film, Qt.Key.Key_I)
    assert not film.inverted
    qtbot.keyClick(film, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    assert film.inverted
    put(keys=key_maps.changed("invert", SPECS["invert"].keys, read.services.settings.keys))
    settle(qtbot, read)
    assert kept(read).keys == {}


def test_a_key_is_typed_into_the_table(qtbot, window):
    part = dialog_of(window).keys
    line = part.ids.index("lens")
    part.table.setCurrentCell(line, 1)
    part.table.editItem(part.table.item(line, 1))
    field = part.table.findChild(QKeySequenceEdit)
    qtbot.keyClick(field, Qt.Key.Key_F6)
    field.editingFinished.emit()
    settle(qtbot, window)
    assert window.actions_.keys("lens") == "F6" and part.own.isEnabled()
    part.own.click()
    assert window.actions_.keys("lens") == "X"
    qtbot.keyClick(part.table, Qt.Key.Key_Delete)
    settle(qtbot, window)
    assert window.actions_.keys("lens") == "" and kept(window).keys == {"lens": ()}


def test_a_clash_is_shown(window):
    dialog = dialog_of(window)
    dialog.keys.set_keys("invert", ("H",))
    assert "Invert" in dialog.keys.trouble("flip-h") and "H: " in dialog.keys.clashes.text()
    dialog.keys.set_keys("invert", SPECS["invert"].keys)
    assert not dialog.keys.trouble("flip-h") and "No key" in dialog.keys.clashes.text()


@pytest.mark.parametrize("profile", key_maps.PROFILES, ids=lambda known: known.id or "own")
def test_profiles_name_commands_and_clash_with_nothing(qapp, profile):
    assert set(profile.keys) <= set(SPECS)
    assert not key_maps.conflicts(key_maps.in_force(profile.keys))
    assert profile.note
    for keys in profile.keys.values():
        assert all(QKeySequence(key).count() == 1 for key in keys)


def test_a_profile_is_taken_over_and_put_back(qtbot, window):
    part = dialog_of(window).keys
    part.choose_profile(1)
    settle(qtbot, window)
    assert window.actions_.keys("rotate-right") == "Alt+R" and kept(window).key_profile == "weasis"
    part.choose_profile(0)
    settle(qtbot, window)
    assert all(window.actions_.keys(spec.id) == window.actions_.keys(spec.id) for spec in ACTIONS)
    assert window.actions_.keys("rotate-right") == "R" and kept(window).keys == {}


def drag(film, button: Qt.MouseButton) -> None:
    """Thirty pixels to the right and down."""
    at, to = QPointF(200, 200), QPointF(230, 230)
    for kind, where, held in (
        (QEvent.Type.MouseButtonPress, at, button), (QEvent.Type.MouseMove, to, button),
        (QEvent.Type.MouseButtonRelease, to, Qt.MouseButton.NoButton),
    ):  # fmt: skip
        event = QMouseEvent(kind, where, film.mapToGlobal(where), button, held, Qt.KeyboardModifier.NoModifier)
        {QEvent.Type.MouseButtonPress: film.mousePressEvent, QEvent.Type.MouseMove: film.mouseMoveEvent,
         QEvent.Type.MouseButtonRelease: film.mouseReleaseEvent}[kind](event)  # fmt: skip


def test_the_mouse_does_what_was_chosen(qtbot, read):
    film = read.film_panel.film
    voi, zoom = film.voi, film.view.zoom
    drag(film, Qt.MouseButton.MiddleButton)
    assert film.voi == voi and film.view.zoom == zoom, "as it comes it pans"
    read.program.preferences.put(mouse={"middle": "window", "right": "none"})
    settle(qtbot, read)
    drag(film, Qt.MouseButton.MiddleButton)
    assert film.voi != voi
    drag(film, Qt.MouseButton.RightButton)
    assert film.view.zoom == zoom


# --- layout ---------------------------------------------------------------------------------


def test_the_film_goes_to_a_window_of_its_own_and_comes_back(qtbot, read):
    panel = read.film_panel
    read.actions_["film-window"].trigger()
    away = read.layout_.film_window
    assert away is not None and away.isVisible() and panel.window() is away
    assert read.stack.currentWidget() is read.layout_.place is not panel
    read.desk.select("ulna")
    assert panel.film._selected == "ulna", "it goes on showing the case"
    away.close()
    assert panel.window() is read and read.stack.currentWidget() is panel
    assert read.layout_.film_window is None and not read.actions_["film-window"].isChecked()


def test_the_film_window_is_closed_with_the_main_window(qtbot, read):
    read.actions_["film-window"].trigger()
    away = read.layout_.film_window
    read.close()
    assert not away.isVisible() and read.film_panel.window() is read


def test_columns_are_kept_and_reset(qtbot, desk_window):
    first = desk_window()
    first.docks.set_widths(300, 500)
    QApplication.processEvents()
    sizes = first.docks.widths()
    assert sizes[0] == 300 and sizes[2] == 500
    first.close()
    second = desk_window()
    QApplication.processEvents()
    assert second.docks.widths() == sizes
    second.actions_["side-list"].trigger()
    assert not second.work_list.isVisible()
    second.actions_["reset-layout"].trigger()
    assert second.work_list.isVisible() and second.docks.widths() != sizes


# --- help -----------------------------------------------------------------------------------


def test_the_guide_walks_through_the_window(qtbot, window):
    assert window.program.first_time()
    window.actions_["guide"].trigger()
    guide = window.program.guide
    assert not window.program.first_time() and "Ctrl+O" in guide.words.text()
    titles = []
    while guide.isVisible():
        titles.append(guide.title.text())
        guide.on.click()
    assert titles == ["A film", "The child", "The bones", "The numbers", "The report"]


def test_the_palette_finds_a_command_by_english_words_in_chinese(qtbot, desk_window):
    from boneage_desk.ui.views.help import CommandPalette

    i18n.use("zh")
    window = desk_window()
    palette = CommandPalette(window, window.actions_)
    qtbot.addWidget(palette)
    palette.typed.setText("full screen")
    assert palette.list.count() == 1 and "全屏" in palette.list.item(0).text()
    palette.typed.setText("全屏")
    assert palette.list.count() == 1


def test_diagnostics_hold_nothing_of_a_patient(qtbot, read, fakes):
    log = Path(read.services.data_dir) / "boneage-desk.log"
    log.write_text(
        "2024-07-11 09:00:00,001 INFO boneage_desk.x read '/films/LI Ming/0042.dcm' of 2014-03-02, 1.2.840.113619.2.55.3\n",
        encoding="utf-8",
    )
    read.program.preferences.put(site_name="Clinic of LI Ming")
    settle(qtbot, read)
    read.actions_["copy-diagnostics"].trigger()
    settle(qtbot, read)
    words = QGuiApplication.clipboard().text()
    for part in ("LI", "Ming", "0042", "2014-03-02", "1.2.840", "/films", str(fakes.path)):
        assert not re.search(rf"(?<![A-Za-z]){re.escape(part)}(?![A-Za-z])", words), part
    assert "site_name: set" in words and "pydicom" in words and "engine: ready" in words
    assert any("clipboard" in said for said in texts(read))


def test_a_log_line_is_scrubbed():
    line = "2024-07-11 09:00:00,001 INFO boneage_desk.a took C:\\films\\Li.dcm for \"Li Ming\" 123456"
    assert scrubbed(line) == "2024-07-11 09:00:00,001 INFO boneage_desk.a took <path> for '...' <number>"


# --- all of it in Chinese -------------------------------------------------------------------------

SAME = re.compile(
    r"BoneAge|Desk|RUS-CHN|SDS|DICOM|PNG|JPEG|TIFF|WebP|zip|DICOMDIR|PDF|JSON|FHIR|R4|RIS|Grad-CAM|CLAHE|CPU|GPU|CUDA|AI|"
    r"Greulich-Pyle|Brush|Foundation|Stuart|Weasis|OHIF|RadiAnt|English|WHO|CDC|PEM|PKCS|URL|PIN|SHA-?\d*|TW3?-?C?|CHN|RUS|TW\d|"
    r"Enter|Return|Space|Escape|Backspace|Delete|Shift|Ctrl|Alt|Up|Down|Left|Right|Del|Ins|Tab|BONEAGE_DESK_DATA|data|"
    r"(?:(?:Ctrl|Shift|Alt)\+)+\S+|Letter|A4|LI|Ming|Hand|PA|CR|HAND|Test|clinic|NORMAL|px|mm|mo|cm|kg|in|lb|SD|whole-hand|Hans|boneage-desk\S*|r\d+|"
    r"WORLD|Mark|Bayley|Pinneau|Roche|Wainer|Thissen|Tanner|Whitehouse|Khamis|UID|PS3|sha\d*|bit|"
    r"\S*\.(?:dcm|md|toml|json|fake)\S*|/\S+|detector|grader|[a-f]{8,}\S*"
)


def latin_sentences(root: QWidget) -> list[str]:
    """Texts of widgets that are shown with two or more Latin words that are no names."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        if not widget.isVisibleTo(root):
            continue
        for getter in ("text", "toolTip", "placeholderText", "accessibleName", "title", "windowTitle"):
            value = getattr(widget, getter, None)
            words = value() if callable(value) else ""
            if not isinstance(words, str):
                continue
            plain = re.sub(r"<[^>]*>|&\w+;", " ", words)
            rest = [word for word in re.findall(r"[A-Za-z][A-Za-z.'/-]{2,}[!-~]*", plain) if not SAME.fullmatch(word.strip(".,;:()"))]
            if len(rest) >= 2:
                found.append(f"{type(widget).__name__}.{getter}: {words}")
    return sorted(set(found))


def test_the_window_in_chinese_has_no_english_sentence(qtbot, desk_window, fakes):
    i18n.use("zh")
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert latin_sentences(window) == []
    for page in range(1, window.tabs.count()):
        window.tabs.setCurrentIndex(page)
        bars = window.tabs.widget(page).findChildren(QTabBar)
        for part in range(bars[0].count() if bars else 1):
            if bars:
                bars[0].setCurrentIndex(part)
            settle(qtbot, window)
            assert latin_sentences(window.tabs.widget(page)) == []
    window.actions_["settings"].trigger()
    assert latin_sentences(window.program.dialog) == []
    window.actions_["guide"].trigger()
    assert latin_sentences(window.program.guide) == []
    window.actions_["shortcuts"].trigger()
    assert latin_sentences(window.commands._sheet) == []
    menus = [action.text() for menu in window.menuBar().actions() for action in menu.menu().actions()]
    assert not [words for words in menus if len([w for w in re.findall(r"[A-Za-z]{3,}", words) if not SAME.fullmatch(w)]) > 1]


def test_an_english_sentence_would_be_found(qtbot):
    label = QLabel("These are words")
    qtbot.addWidget(label)
    label.show()
    assert latin_sentences(label) == ["QLabel.text: These are words"]


# --- the watchdog ---------------------------------------------------------------------------


def test_the_watchdog_sees_what_holds_the_window_up(qtbot, window, monkeypatch):
    def slow(*_args: object) -> bool:
        until = time.thread_time() + 0.16
        while time.thread_time() < until:
            pass
        return False

    monkeypatch.setattr(window.bones.model, "row_of", slow)
    monkeypatch.setattr(window.docks, "save", slow)
    with Watchdog() as dog:
        window.layout_.keep()
    assert any("keep" in found.call and found.cpu_s >= 0.1 for found in dog.found), dog.found
    with Watchdog() as quiet:
        time.sleep(0.15)
    assert not quiet.found


def test_grading_opening_and_paging_do_not_hold_the_window_up(qtbot, read, watchdog):
    """Processor time of the window's own thread, so that a busy machine blames nobody."""
    with Watchdog() as dog:
        for _ in range(3):
            for id in ("accept", "grade-up", "undo", "invert", "overlays", "next-bone", "fit", "rotate-right"):
                read.actions_[id].trigger()
                qtbot.wait(20)
        for page in (1, 0):
            read.tabs.setCurrentIndex(page)
            qtbot.wait(50)
        settle(qtbot, read)
    assert not dog.found, "\n".join(map(str, dog.found))


def test_settings_of_another_version_are_no_obstacle(qtbot, desk_window, fakes):
    folder = Path(fakes.services.data_dir)
    (folder / "settings.json").write_text(json.dumps({"keys": {"gone": ["X"]}, "key_profile": "gone"}), encoding="utf-8")
    fakes.services = dataclasses.replace(fakes.services, settings=settings.load(folder))
    window = desk_window()
    assert dialog_of(window).keys.profile.currentIndex() == 0


def test_what_was_told_and_the_engine_stand_in_the_log_without_words(qtbot, window, caplog):
    with caplog.at_level(logging.INFO, logger="boneage_desk"):
        window.desk.report(FilmError("The film of LI Ming is cut short.", "Ask again for /films/li.dcm.", code="truncated"))
        window.desk.work._tell("failed: /home/li/models is not there")
    assert "told: FilmError, code truncated" in caplog.messages and "engine: failed" in caplog.messages
    assert not any("Ming" in line or "/" in line for line in caplog.messages)
