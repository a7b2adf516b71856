"""The Greulich-Pyle reading aid: the plates around the bone age as a ladder, the ages between them, one drawn large."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.reading.plate_ladder import PlateLadder
from boneage_desk.standards.gp import Plate
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import plates
from boneage_desk.ui.presenters.plates import PlateDrawings
from boneage_desk.ui.views.age_scale import AgeScale, kind_colour
from boneage_desk.ui.views.plate_tile import PlateTile

GAP = 4
FEWEST, USUAL, MOST = 3, 5, 7
WELL_SEEN = 104
"""Width of a tile from which more of them are shown rather than larger ones."""
LARGE = (180, 300)
"""Width and height of the large drawing."""
RANGE_SIGN = "\N{BOX DRAWINGS LIGHT VERTICAL AND RIGHT}\N{BOX DRAWINGS LIGHT VERTICAL AND LEFT}"


def _table(lines: Sequence[tuple[str, str, str]]) -> str:
    """Lines of the legend (sign, its colour, words) as a table of two columns, so that wrapped words stay beside their sign."""
    rows = (
        f"<tr><td style='color:{colour}'>{sign}&nbsp;</td><td>{html.escape(words)}</td></tr>" for sign, colour, words in lines
    )
    return f"<table>{''.join(rows)}</table>"


class PlateLadderView(QWidget):
    """``chosen``: months of the plate that the reader takes for his own reading, None to take it back."""

    chosen = Signal(object)

    def __init__(self, drawings: PlateDrawings) -> None:
        super().__init__()
        self._drawings = drawings
        self._ladder: PlateLadder | None = None
        self._side, self._open = "", False
        self._first = self._current = 0
        self._hovered: int | None = None
        self._begun: object = None
        self.setAccessibleName(tr("Ladder of the Greulich-Pyle plates"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        top = QHBoxLayout()
        self.title = QLabel()
        self.title.setProperty("heading", True)
        top.addWidget(self.title, 1)
        self.younger = self._arrow("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", tr("Younger plates"), -1)
        self.older = self._arrow("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", tr("Older plates"), +1)
        top.addWidget(self.younger)
        top.addWidget(self.older)
        column.addLayout(top)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GAP)
        self.tiles = tuple(PlateTile() for _ in range(MOST))
        for at, tile in enumerate(self.tiles):
            self._row.addWidget(tile, 1, Qt.AlignmentFlag.AlignTop)
            tile.chosen.connect(partial(self._chosen, at))
            tile.focused.connect(partial(self._look, at))
            tile.hovered.connect(partial(self._hover, at))
            tile.step_wanted.connect(self._step)
            tile.end_wanted.connect(self._end)
        column.addLayout(self._row)
        self.scale = AgeScale()
        column.addWidget(self.scale)
        column.addLayout(self._detail())
        self.note = self._words()
        column.addWidget(self.note)
        drawings.changed.connect(self._show_drawings)

    def _arrow(self, sign: str, name: str, step: int) -> QPushButton:
        button = QPushButton(sign)
        button.setFixedWidth(28)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setAutoRepeat(True)
        button.clicked.connect(lambda: self._scroll(self._first + step))
        return button

    @staticmethod
    def _words() -> QLabel:
        label = QLabel()
        label.setProperty("muted", True)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def _detail(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        self.large = QLabel()
        self.large.setFixedSize(*LARGE)
        self.large.setScaledContents(True)
        row.addWidget(self.large, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        self.which = QLabel()
        self.which.setProperty("heading", True)
        self.away = self._words()
        self.take = QPushButton()
        self.take.clicked.connect(lambda: self._record(self._current))
        self.back = QPushButton(tr("Take back"))
        self.back.setToolTip(tr("Take my own reading by the atlas back"))
        self.back.clicked.connect(lambda: self.chosen.emit(None))
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        for part in (self.which, self.away):
            column.addWidget(part)
        for button in (self.take, self.back):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.legend)
        column.addStretch(1)
        row.addLayout(column, 1)
        return row

    # --- showing --------------------------------------------------------------------------------
    def show_ladder(self, ladder: PlateLadder, reading_id: str, side: str, *, open_: bool) -> None:
        """``side``: of the drawings, '' unknown. ``open_``: the reading may be changed. It goes to the plates around the bone
        age when that comes to another plate, and stays where it was led else."""
        start = ladder.start
        begun = (reading_id, ladder.sex, start)
        self._ladder, self._side, self._open = ladder, side, open_
        if begun != self._begun:
            self._begun = begun
            self._current = 0 if start is None else start.number - 1
            self._first = self._current - self.count // 2
        self._fill()

    @property
    def count(self) -> int:
        """Tiles shown: five, three where five ages have no room, seven where seven hands are still seen well."""
        wide = self.width() + GAP
        if wide >= MOST * (WELL_SEEN + GAP):
            return MOST
        return USUAL if wide >= USUAL * (self.tiles[0].least_wide + GAP) else FEWEST

    def shown(self) -> tuple[Plate, ...]:
        """The plates whose tiles are shown."""
        return () if self._ladder is None else self._ladder.plates[self._first : self._first + self.count]

    def _fill(self) -> None:
        ladder = self._ladder
        if ladder is None:
            return
        count = self.count
        self._hovered = None
        self._first = max(0, min(self._first, len(ladder.plates) - count))
        self._current = max(0, min(self._current, len(ladder.plates) - 1))
        wide = (self.width() - (count - 1) * GAP) // count
        for at, tile in enumerate(self.tiles):
            tile.setVisible(at < count)
            tile.setFixedHeight(tile.high(wide))
        self.title.setText(plates.title(ladder))
        self.younger.setEnabled(self._first > 0)
        self.older.setEnabled(self._first + count < len(ladder.plates))
        found = plates.marks(ladder)
        band, normal = plates.band(ladder), plates.normal(ladder)
        self.scale.show_ages(ladder.rung, self._first, count, found, band, normal)
        lines = [(one.kind.value, kind_colour(one.kind), one.words) for one in found]
        lines += [("\N{BLACK MEDIUM SQUARE}", theme.ACCENT, band.words)] if band is not None else []
        lines += [(RANGE_SIGN, theme.TEXT, normal.words)] if normal is not None else []
        lines += [("", theme.MUTED, plates.without_range(ladder))] if normal is None else []
        self.legend.setText(_table(lines))
        self.scale.setAccessibleName(tr("Ages between the plates"))
        self.scale.setAccessibleDescription("; ".join(words for _, _, words in lines))
        self.back.setVisible(ladder.own is not None)
        self.back.setEnabled(self._open)
        self.note.setText(plates.note(self._side))
        self._show_drawings()
        here = self.shown()
        at = min(max(0, self._current - self._first), count - 1)
        wanted = sorted(range(len(here)), key=lambda i: abs(i - at))
        ahead = [ladder.plates[i] for i in (self._first - 1, self._first + count) if 0 <= i < len(ladder.plates)]
        self._drawings.want([ladder.plates[self._current], *(here[i] for i in wanted), *ahead], ladder.sex, self._side)

    def _show_drawings(self) -> None:
        ladder = self._ladder
        if ladder is None:
            return
        nearest = ladder.nearest
        large = self._current if self._hovered is None else self._hovered
        for tile, plate in zip(self.tiles, self.shown(), strict=False):
            image = self._drawings.image(plate, ladder.sex, self._side)
            tile.show_plate(
                plate, image, nearest=plate is nearest, own=self._own(plate), large=plate.number - 1 == large, open_=self._open
            )
            policy = Qt.FocusPolicy.StrongFocus if plate.number - 1 == self._current else Qt.FocusPolicy.ClickFocus
            tile.setFocusPolicy(policy)
        if not any(plate.number - 1 == self._current for plate in self.shown()):
            self.tiles[self.count // 2].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        plate = ladder.plates[large]
        image = self._drawings.image(plate, ladder.sex, self._side)
        self.large.setPixmap(QPixmap() if image is None else QPixmap.fromImage(image))
        self.large.setAccessibleName(tr("Drawing of a hand of {age}", age=plates.plate_age(plate)))
        age = plates.plate_age(plate)
        self.which.setText(tr("Plate {number}, {age}", number=plate.number, age=age))
        away = plates.away(plate, ladder.bone_age)
        self.away.setText(away)
        self.away.setVisible(bool(away))
        self.take.setEnabled(self._open and not self._own(plate))
        self.take.setText(tr("My reading: {age}", age=age) if self._own(plate) else tr("Take {age} as mine", age=age))

    def _own(self, plate: Plate) -> bool:
        """The reader's own reading is this plate's very age."""
        own = self._ladder.own if self._ladder is not None else None
        return own is not None and (own.months, own.qualifier) == (plate.months, plate.bone_age.qualifier)

    # --- going along ----------------------------------------------------------------------------
    def _scroll(self, first: int) -> None:
        """Other tiles; the plate that is drawn large stays where it can be seen."""
        if self._ladder is None:
            return
        self._first = max(0, min(first, len(self._ladder.plates) - self.count))
        self._current = max(self._first, min(self._current, self._first + self.count - 1))
        self._fill()

    def _look(self, at: int) -> None:
        if self._ladder is not None and self._current != self._first + at:
            self._current = self._first + at
            self._show_drawings()

    def _hover(self, at: int, on: bool) -> None:
        """The pointer only shows: what it leaves is again what the keys and the button are about."""
        hovered = self._first + at if on else None
        if hovered != self._hovered:
            self._hovered = hovered
            self._show_drawings()

    def _step(self, step: int) -> None:
        self._go(self._current + step)

    def _end(self, last: bool) -> None:
        self._go(len(self._ladder.plates) - 1 if last and self._ladder is not None else 0)

    def _go(self, to: int) -> None:
        """The keys lead to a plate: its tile comes into view and has the focus."""
        if self._ladder is None:
            return
        self._current = max(0, min(to, len(self._ladder.plates) - 1))
        if self._current < self._first:
            self._first = self._current
        elif self._current >= self._first + self.count:
            self._first = self._current - self.count + 1
        self._fill()
        self.tiles[self._current - self._first].setFocus(Qt.FocusReason.OtherFocusReason)

    def _chosen(self, at: int) -> None:
        self._current = self._first + at
        self._record(self._current)

    def _record(self, number: int) -> None:
        if self._ladder is None or not self._open:
            return
        plate = self._ladder.plates[number]
        if not self._own(plate):
            self.chosen.emit(plate.months)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._ladder is None:
            return
        if self.count != sum(not tile.isHidden() for tile in self.tiles):
            self._first = self._current - self.count // 2
        self._fill()
