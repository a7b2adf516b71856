"""Signing in the window: what stands against it, the questions, the seal, what failed, and addenda."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.session import SetDifferenceComment, State
from boneage_desk.standards import rus_chn
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.views.signoff_panel import PassphraseDialog, ProfileDialog
from tests.gui.conftest import settle, texts
from tests.gui.fakes import Fakes, make_result

pytestmark = pytest.mark.gui

DOCTOR = Person("reader", "Dr Li Hua", Role.RADIOLOGIST)


@pytest.fixture(autouse=True)
def plain_result(fakes: Fakes) -> None:
    """No doubt about the film unless a test brings one."""
    fakes.engine.result = make_result(fakes.film.frame, flags=())


def look_at_all(window: MainWindow) -> None:
    for bone in rus_chn.BONES:
        window.desk.select(bone)
        window.desk.accept()
    window.desk.do(SetDifferenceComment("seen"))


def words(window: MainWindow) -> str:
    return "\n".join(label.text() for label in window.signoff.panel.list.findChildren(QLabel) if label.parent())


def ready(qtbot, window: MainWindow, fakes: Fakes, person: Person | None = DOCTOR) -> None:
    if person is not None:
        fakes.store.profiles["reader"] = person
        window.signoff.presenter.person = person
    window.tabs.setCurrentWidget(window.report)
    look_at_all(window)
    settle(qtbot, window)


def press_sign(qtbot, window: MainWindow) -> None:
    assert window.signoff.panel.sign.isEnabled()
    qtbot.mouseClick(window.signoff.panel.sign, Qt.MouseButton.LeftButton)
    settle(qtbot, window)


def test_the_panel_says_what_is_missing(qtbot, read: MainWindow) -> None:
    read.tabs.setCurrentWidget(read.report)
    assert "13 bones were not looked at" in words(read)
    assert not read.signoff.panel.sign.isEnabled()
    look_at_all(read)
    settle(qtbot, read)
    assert "looked at" in words(read) and "not looked at" not in words(read)
    assert read.signoff.panel.sign.isEnabled()


def test_signed_with_its_file_and_closed(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    press_sign(qtbot, read)
    reading = read.desk.reading
    assert reading is not None and reading.state is State.SIGNED
    stored = fakes.store.readings[reading.reading_id]
    assert stored.signatures == reading.signatures and stored.signatures[0].name == "Dr Li Hua"
    assert fakes.store.report(reading.reading_id).endswith(b"%sealed 1 Dr Li Hua\n")
    assert any("signed and closed" in text and "station itself" in text for text in texts(read))
    assert [event.action for event in fakes.store.log][-2:] == ["mark-reviewed", "sign"]
    read.desk.set_grade(3)
    assert read.desk.reading == reading
    assert "Signed by Dr Li Hua" in words(read)
    assert not read.signoff.panel.sign.isVisible() and read.signoff.panel.add.isVisible()


def test_an_addendum_is_added_and_checked(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    press_sign(qtbot, read)
    panel = read.signoff.panel
    assert not panel.add.isEnabled()
    panel.words.setPlainText("Height 132 cm came in later.")
    qtbot.mouseClick(panel.add, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    reading = read.desk.reading
    assert reading is not None and reading.state is State.AMENDED
    assert reading.signatures[1].text == "Height 132 cm came in later."
    assert fakes.store.report(reading.reading_id).count(b"%sealed") == 2
    assert fakes.store.report(reading.reading_id, 1).count(b"%sealed") == 1
    assert panel.words.toPlainText() == "" and "Addendum 1 by Dr Li Hua" in words(read)
    qtbot.mouseClick(panel.verify, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    assert any("All 2 signatures hold" in text for text in texts(read))
    fakes.store.files[reading.reading_id][-1] += b"x"
    qtbot.mouseClick(panel.verify, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    assert any("does not hold" in text and "not the one that was signed" in text for text in texts(read))


def test_nobody_signs_without_a_profile(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes, person=None)
    press_sign(qtbot, read)
    (dialog,) = read.findChildren(ProfileDialog)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert not ok.isEnabled()
    dialog.name.setText("Dr Wang")
    assert not ok.isEnabled()
    dialog.role.setCurrentIndex(dialog.role.findData(Role.ENDOCRINOLOGIST.value))
    ok.click()
    settle(qtbot, read)
    assert fakes.store.profiles["reader"] == Person("reader", "Dr Wang", Role.ENDOCRINOLOGIST)
    assert read.desk.reading is not None and read.desk.reading.state is State.SIGNED


def test_giving_up_signs_nothing(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes, person=None)
    press_sign(qtbot, read)
    (dialog,) = read.findChildren(ProfileDialog)
    dialog.reject()
    settle(qtbot, read)
    assert read.desk.reading is not None and read.desk.reading.state is State.REVIEWED
    assert read.signoff.panel.sign.isEnabled() and not fakes.store.files


def test_a_technologist_does_not_sign(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes, Person("reader", "Tech", Role.TECHNOLOGIST))
    assert not read.signoff.panel.sign.isEnabled() and "does not sign" in words(read)


def test_the_passphrase_is_asked_for_and_not_kept(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    fakes.signer.passphrase = "open sesame"
    press_sign(qtbot, read)
    (dialog,) = read.findChildren(PassphraseDialog)
    assert dialog.field.echoMode() is QLineEdit.EchoMode.Password
    dialog.field.setText("open sesame")
    dialog.accept()
    settle(qtbot, read)
    assert read.desk.reading is not None and read.desk.reading.state is State.SIGNED
    assert fakes.signer.kept == []
    assert "open sesame" not in repr(fakes.store.log) + repr(vars(read.signoff.presenter))


def test_a_failed_seal_leaves_the_reading_reviewed(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    fakes.signer.error = InputError("The certificate ended in 2020.", "Get a new one.", code="certificate")
    press_sign(qtbot, read)
    assert read.desk.reading is not None and read.desk.reading.state is State.REVIEWED
    assert any("Nothing was signed" in text and "2020" in text for text in texts(read))
    fakes.signer.error = None
    press_sign(qtbot, read)
    assert read.desk.reading.state is State.SIGNED


def test_signed_is_said_only_when_it_is_on_disk(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    fakes.signer.gate = threading.Event()
    qtbot.mouseClick(read.signoff.panel.sign, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(fakes.signer.entered.is_set)
    fakes.store.broken = StoreError("The disk is full.", "Free some space.", code="disk-full")
    fakes.signer.gate.set()
    settle(qtbot, read)
    assert not any("closed for changes" in text for text in texts(read))
    assert read.signoff.presenter.view().busy
    fakes.store.broken = None
    read.desk.saver.retry()
    settle(qtbot, read)
    assert any("closed for changes" in text for text in texts(read))
    assert len(fakes.store.files) == 1


def test_a_reading_that_changed_meanwhile_is_not_signed(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    fakes.signer.gate = threading.Event()
    qtbot.mouseClick(read.signoff.panel.sign, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(fakes.signer.entered.is_set)
    read.desk.reopen()
    read.desk.set_grade(2)
    fakes.signer.gate.set()
    settle(qtbot, read)
    assert read.desk.reading is not None and read.desk.reading.state is State.DRAFT
    assert any("nothing was signed" in text for text in texts(read)) and not fakes.store.files


def test_a_doubt_is_answered_in_place(qtbot, desk_window, fakes: Fakes) -> None:
    doubt = Flag("low_quality", "The film is faint.")
    fakes.engine.result = make_result(fakes.film.frame, flags=(doubt,))
    window = desk_window(fakes.path)
    settle(qtbot, window)
    ready(qtbot, window, fakes)
    panel = window.signoff.panel
    assert "The film is faint." in words(window) and not panel.sign.isEnabled()
    (field,) = (f for f in panel.list.findChildren(QLineEdit) if f.property("code") == "low_quality")
    qtbot.keyClicks(field, "bones can be told apart")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    settle(qtbot, window)
    assert window.desk.reading is not None
    assert [answer.words for answer in window.desk.reading.answers] == ["bones can be told apart"]
    press_sign(qtbot, window)
    assert window.desk.reading.state is State.SIGNED


def test_without_a_signer_it_says_so(qtbot, desk_window, fakes: Fakes) -> None:
    fakes.services = dataclasses.replace(fakes.services, signer=None)
    window = desk_window(fakes.path)
    settle(qtbot, window)
    ready(qtbot, window, fakes)
    press_sign(qtbot, window)
    assert any("without signatures" in text for text in texts(window))


def test_a_new_key_asks_twice_and_may_be_kept(qtbot, read: MainWindow, fakes: Fakes) -> None:
    ready(qtbot, read, fakes)
    fakes.signer.question, fakes.signer.passphrase = "new-passphrase", "long words"
    press_sign(qtbot, read)
    (dialog,) = read.findChildren(PassphraseDialog)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    dialog.field.setText("long words")
    assert not ok.isEnabled()
    dialog.again.setText("long words")
    dialog.keep.setChecked(True)
    ok.click()
    settle(qtbot, read)
    assert read.desk.reading is not None and read.desk.reading.state is State.SIGNED
    assert fakes.signer.kept == ["long words"]


def test_a_refused_new_passphrase_is_asked_twice_again(qtbot, read: MainWindow, fakes: Fakes) -> None:
    """A slip in the passphrase of a key that is about to be made would lock its owner out."""
    ready(qtbot, read, fakes)
    fakes.signer.question, fakes.signer.passphrase = "new-passphrase", "long words"
    press_sign(qtbot, read)
    (first,) = read.findChildren(PassphraseDialog)
    for field in (first.field, first.again):
        field.setText("short")
    first.accept()
    settle(qtbot, read)
    second = [d for d in read.findChildren(PassphraseDialog) if d.isVisible()]
    assert len(second) == 1
    second[0].field.setText("long words")
    assert not second[0].buttons.button(second[0].buttons.StandardButton.Ok).isEnabled()
    second[0].reject()
    settle(qtbot, read)
    assert read.desk.reading is not None and read.desk.reading.state is State.REVIEWED
