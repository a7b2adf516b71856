"""The window at the sizes of reading rooms: no clipped word, nothing outside, everything has a name and a place in the tab order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTabBar,
    QTableWidget,
    QWidget,
)

from boneage_desk.common import i18n
from boneage_desk.ui import theme
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.views.elided import ElidedLabel
from tests.gui.conftest import settle
from tests.gui.test_clinical_panel import earlier

pytestmark = pytest.mark.gui

SIZES = ((1280, 720), (1366, 768), (1920, 1080), (2560, 1440), (1440, 2560))
"""In the window's own pixels: a scale of the system divides a screen's. 2560x1440 at 200 % is 1280x720."""

HEAD_SIDE = 4
"""Pixels that the style sheet leaves at each side of a head's words."""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    i18n.use("en")
    theme.use()


def _in_scroll_area(widget: QWidget) -> bool:
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            return True
        above = above.parentWidget()
    return False


def clipped(root: QWidget) -> list[str]:
    """Words that have no room: of labels and buttons that do not end them with an ellipsis themselves."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisibleTo(root) or widget.size().isEmpty():
            continue
        if isinstance(widget, QLabel) and not isinstance(widget, ElidedLabel) and widget.text():
            room = widget.contentsRect()
            if widget.wordWrap():
                needed = widget.heightForWidth(widget.width())
                if needed > widget.height() + 1:
                    found.append(f"QLabel {widget.width()}x{widget.height()} (needs {needed} high): {widget.text()}")
            elif widget.sizeHint().width() > widget.width() + 1:
                found.append(f"QLabel {room.width()} of {widget.sizeHint().width()} wide: {widget.text()}")
        elif isinstance(widget, QPushButton) and widget.text():
            needed = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", "")) + 10
            if needed > widget.width():
                found.append(f"QPushButton {widget.width()} of {needed} wide: {widget.text()}")
        elif isinstance(widget, QHeaderView) and widget.orientation() is Qt.Orientation.Horizontal:
            found += cut_heads(widget)
        elif isinstance(widget, QTabBar):
            for tab in range(widget.count()):
                if widget.tabRect(tab).right() > widget.width() + 1:
                    found.append(f"QTabBar: {widget.tabText(tab)}")
    return found


def cut_heads(header: QHeaderView) -> list[str]:
    """Titles of a table that have no room in their sections, in one line or wrapped where the header wraps."""
    found, wraps = [], bool(header.defaultAlignment() & Qt.TextFlag.TextWordWrap)
    for section in range(header.count()):
        words = str(header.model().headerData(section, header.orientation()) or "")
        if header.isSectionHidden(section) or not words:
            continue
        flags = int(Qt.TextFlag.TextWordWrap) if wraps else 0
        room = QRect(0, 0, header.sectionSize(section) - 2 * HEAD_SIDE, 10_000)
        needed = header.fontMetrics().boundingRect(room, flags, words)
        if needed.width() > room.width() + 1 or needed.height() > header.height():
            found.append(f"{type(header.parentWidget()).__name__} {room.width()} of {needed.width()} wide: {words}")
    return found


def outside(root: QWidget) -> list[str]:
    """Widgets that reach over the window's edge."""
    area = root.rect().adjusted(-1, -1, 1, 1)
    found = []
    for widget in root.findChildren(QWidget):
        if widget.isVisibleTo(root) and not widget.isWindow() and not _in_scroll_area(widget) and not widget.size().isEmpty():
            corner = widget.mapTo(root, QPoint(0, 0))
            shown = widget.visibleRegion().boundingRect()
            if not shown.isEmpty() and not area.contains(corner):
                found.append(f"{type(widget).__name__} at {corner.x()},{corner.y()}")
    return found


def every_page(window: MainWindow, qtbot) -> list[str]:
    found = []
    for page in range(window.tabs.count()):
        window.tabs.setCurrentIndex(page)
        bars = window.tabs.widget(page).findChildren(QTabBar)
        for part in range(bars[0].count() if bars else 1):
            if bars:
                bars[0].setCurrentIndex(part)
            settle(qtbot, window)
            qtbot.wait(30)
            found += [f"{window.tabs.tabText(page)} {part}: {words}" for words in (*clipped(window), *outside(window))]
    return sorted(set(found))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_word_is_clipped(qtbot, desk_window, fakes, size, language):
    i18n.use(language)
    window = desk_window(fakes.path, size=size)
    settle(qtbot, window)
    assert (window.width(), window.height()) == size, "it can be made that small"
    assert every_page(window, qtbot) == []


FONTS = [(points, "en", "dark", (1920, 1080)) for points in (8, 12)] + [
    (14, language, colours, size)
    for language, colours, size in (("en", "dark", (1366, 768)), ("zh", "light", (1366, 768)), ("en", "light", (1920, 1080)),
                                    ("zh", "dark", (1920, 1080)))
]  # fmt: skip


@pytest.mark.parametrize(("points", "language", "colours", "size"), FONTS)
def test_larger_words_have_room(qtbot, desk_window, fakes, qapp, points, language, colours, size):
    i18n.use(language)
    theme.use(colours, points)
    theme.apply(qapp)
    window = desk_window(fakes.path, size=size)
    theme.apply(qapp)
    settle(qtbot, window)
    fakes.store.readings["earlier"] = earlier(window.desk.reading)  # the page of the visits has its tables
    window.clinic.clinical._of = None
    window.clinic.clinical._follow()
    settle(qtbot, window)
    assert window.width() <= size[0] and window.height() <= size[1]
    assert every_page(window, qtbot) == []
    window.actions_["work-list"].trigger()
    settle(qtbot, window)
    assert clipped(window) == []


def test_the_walk_finds_a_clipped_word(qtbot):
    box = QWidget()
    qtbot.addWidget(box)
    label = QLabel("Words that are much too long", box)
    label.setFixedWidth(40)
    box.show()
    assert clipped(box) == [f"QLabel 40 of {label.sizeHint().width()} wide: Words that are much too long"]


def test_the_walk_finds_a_cut_head(qtbot):
    table = QTableWidget(1, 2)
    qtbot.addWidget(table)
    table.setHorizontalHeaderLabels(["Bone", "Change of the bone age"])
    table.setColumnWidth(1, 100)
    table.show()
    assert [words.rpartition(": ")[2] for words in clipped(table)] == ["Change of the bone age"]
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap)
    table.horizontalHeader().setFixedHeight(200)
    assert clipped(table) == []


def test_what_takes_keys_has_a_name(qtbot, read):
    """For screen readers: the accessible name, else the words on it, else its buddy's."""
    buddies = {label.buddy() for label in read.findChildren(QLabel) if label.buddy() is not None}
    nameless = []
    for page in range(read.tabs.count()):
        read.tabs.setCurrentIndex(page)
        settle(qtbot, read)
        for widget in read.findChildren(QWidget):
            if not widget.isVisibleTo(read) or widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
                continue
            named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()) or widget in buddies
            kinds = (QAbstractButton, QLineEdit, QComboBox)
            if isinstance(widget, kinds) and not named and widget.parentWidget().accessibleName() == "":
                nameless.append(f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}")
    assert nameless == []


def test_tab_goes_through_banner_list_film_and_bones_in_the_order_of_the_screen(qtbot, read):
    """From left to right: work list before the bones; each can be reached."""
    seen: list[QWidget] = []
    at = read
    for _ in range(400):
        at = at.nextInFocusChain()
        if at is read:
            break
        seen.append(at)
    order = [seen.index(part) for part in (read.work_list.filter, read.bones.table)]
    assert order == sorted(order)
    assert read.film_panel.film in seen and read.clinical.name in seen
