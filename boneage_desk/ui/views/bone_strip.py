"""The selected bone: its crop with the measured widths, the criteria ladder, and what was measured."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.measured import AGAINST, LEGEND_HELP, Measured, WidthLine
from boneage_desk.ui.presenters.rows import BoneRow, Step
from boneage_desk.ui.views.bone_ladder import BoneLadder
from boneage_desk.ui.views.clipped_text import ClippedText
from boneage_desk.ui.views.key_tip import key_tip

MEASURED_LINES = (1, 3, 4)
"""Lines of text at most for what was measured, in a low, a middling and a high strip."""
HIGHER_FROM = (230, 290)
STACKED_FROM, LADDER_BELOW = 680, 290
"""Height of the strip from which the ladder stands below the crop, and the ladder's height there at least."""


def draw_width(painter: QPainter, line: WidthLine, start: QPointF, end: QPointF) -> None:
    """A measured width between two points of the painter: end marks, and between them a line thin and faint
    enough to see the bone through. The epiphysis is solid, the shaft dashed."""
    length = max(1.0, ((end.x() - start.x()) ** 2 + (end.y() - start.y()) ** 2) ** 0.5)
    across = QPointF(-(end.y() - start.y()) / length * 4, (end.x() - start.x()) / length * 4)
    value = theme.SHAFT if line.shaft else theme.EPIPHYSIS
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, wide, alpha in (("#000000", 2.6, 110), (value, 1.5, 235)):
        painter.setPen(QPen(theme.colour(colour, alpha), wide))
        for point in (start, end):
            painter.drawLine(point - across, point + across)
        pen = QPen(theme.colour(colour, alpha), wide)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if line.shaft and colour == value:
            pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.drawLine(start, end)


class CropPicture(QWidget):
    """The selected bone as the grader sees it, enlarged, with the two measured widths."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Crop of the selected bone"))
        self._image: QImage | None = None
        self._lines: tuple[WidthLine, ...] = ()
        self.setMinimumSize(72, 72)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(150, 150)

    def show_image(self, image: QImage | None) -> None:
        self._image = image
        self.update()

    def show_lines(self, lines: tuple[WidthLine, ...]) -> None:
        """Measured widths in shares of the picture's side."""
        self._lines = lines
        self.setToolTip(tr(LEGEND_HELP) if lines else "")
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(theme.FILM))
        if self._image is None:
            painter.setPen(theme.colour(theme.DARK["MUTED"]))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("no box"))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = min(self.width(), self.height())
        x, y = (self.width() - side) / 2, (self.height() - side) / 2
        painter.drawImage(QRectF(x, y, side, side), self._image)
        for line in self._lines:
            ends = (QPointF(x + px * side, y + py * side) for px, py in (line.start, line.end))
            draw_width(painter, line, *ends)


class MeasuredText(QWidget):
    """What was measured, and below it, in yellow, what speaks against the grade. The second goes first for room."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.against = ClippedText(theme.TEXT), ClippedText(theme.ATTENTION)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.words, self.against):
            part.setFont(theme.ui_font(9))
            column.addWidget(part)
        column.addStretch(1)
        self._step = self.words.fontMetrics().lineSpacing()
        self._most = MEASURED_LINES[0]

    def most_high(self, strip: int) -> int:
        """The height in pixels that this may come to in a ``strip`` of so many."""
        self._most = MEASURED_LINES[sum(strip >= least for least in HIGHER_FROM)]
        self._share()
        return self._step * self._most + 2

    def show_measured(self, value: Measured) -> None:
        self.words.setText(value.sentence)
        self.against.setText(f"{AGAINST} {value.against}" if value.against else "")
        self._share()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        below = min(max(1, self._most - 1), self.against.lines_at(self.width()))
        above = min(self._most - below, self.words.lines_at(self.width()))
        self.words.setFixedHeight(above * self._step)
        self.against.setFixedHeight(below * self._step)
        self.setFixedHeight((above + below) * self._step + 2)


class ReasonField(QLineEdit):
    """Why the person says otherwise than the machine, of a bone or of the whole. While it has the keys, no key is a
    command."""

    left = Signal()
    """Return or Escape: the keys go back to the bones."""
    given = Signal(str, str)
    """(bone, reason) that was typed."""

    def __init__(self, hint: str = "", name: str = "") -> None:
        super().__init__()
        self.hint = hint or tr("Reason for your grade")
        self.show_key("")
        self.setAccessibleName(name or tr("Reason for your grade"))
        self.setMaxLength(200)
        self._bone, self._kept = "", ""
        self.editingFinished.connect(self.flush)

    def show_key(self, key: str) -> None:
        """The key that leads here, '' for none, beside the hint."""
        self.setPlaceholderText(f"{self.hint} ({key})" if key else self.hint)

    def show_reason(self, bone: str, reason: str) -> None:
        """The bone chosen and its reason; what was typed for another bone is given first."""
        if bone != self._bone:
            self.flush()
        if (bone, reason) != (self._bone, self._kept):
            self._bone, self._kept = bone, reason
            self.setText(reason)

    def forget(self) -> None:
        """Another case: what was typed for the last one is given or void."""
        self._bone = self._kept = ""
        self.clear()

    def flush(self) -> None:
        """Give what was typed."""
        words = self.text().strip()
        if self._bone and words != self._kept:
            self._kept = words
            self.given.emit(self._bone, words)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            if event.key() == Qt.Key.Key_Escape:
                self.setText(self._kept)
            self.flush()
            self.left.emit()
            return
        super().keyPressEvent(event)


class BoneStrip(QFrame):
    """The selected bone: name and doubt or reason, crop, the grades below, this and above, what was measured."""

    pick_wanted = Signal()
    """A reason is to be picked from the list."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("strip")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(5)
        self._title = QLabel()
        self._title.setFont(theme.ui_font(11, bold=True))
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._doubt = ClippedText(theme.ATTENTION)
        self._doubt.setFixedHeight(self._doubt.fontMetrics().height() + 2)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._title)
        head.addWidget(self._doubt, 1)
        self.reason = ReasonField()
        self.reason.hide()
        head.addWidget(self.reason, 1)
        self.pick = QToolButton()
        self.pick.setText("\N{BLACK DOWN-POINTING SMALL TRIANGLE}")
        self.pick.setAccessibleName(tr("Pick a reason"))
        key_tip(self.pick, tr("Pick a reason"), "pick-reason")
        self.pick.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.pick.clicked.connect(self.pick_wanted)
        self.pick.hide()
        head.addWidget(self.pick)
        head.setSpacing(6)
        column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.crop = CropPicture()
        row.addWidget(self.crop, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._row = row
        self.ladder = BoneLadder()
        row.addWidget(self.ladder, 1)
        column.addLayout(row, 1)
        self.measured = MeasuredText()
        column.addWidget(self.measured)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        told = self.measured.most_high(self.height())
        room = self.height() - self._title.sizeHint().height() - told - 22
        stacked = self.height() >= STACKED_FROM
        if stacked:
            side = min(self.width() - 16, room - LADDER_BELOW)
        else:
            side = max(72, min(room, round(self.width() * 0.34)))
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if stacked else QBoxLayout.Direction.LeftToRight)
        self.crop.setFixedSize(side, side)

    def show_bone(
        self,
        row: BoneRow | None,
        steps: tuple[Step, Step, Step] | None,
        image: QImage | None,
        lines: tuple[WidthLine, ...] = (),
        editable: bool = False,
        drawn: str = "",
    ) -> None:
        """``drawn``: how the ladder's drawings lie, for their tool tip."""
        self.crop.show_image(image)
        self.crop.show_lines(lines)
        if row is None or steps is None:
            self._title.setText("")
            self._doubt.setText("")
            self._show_reason(None, False)
            self.measured.show_measured(Measured())
            self.ladder.show_steps(None)
            return
        self._title.setText(row.name)
        self._doubt.setText(f"! {row.doubt}" if row.doubt else "")
        self._show_reason(row, editable)
        self.measured.show_measured(row.measured)
        self.ladder.show_steps(steps, drawn)

    def _show_reason(self, row: BoneRow | None, editable: bool) -> None:
        """The field stands where the doubt does: a grade that a person changed has none."""
        there = row is not None and row.overridden
        self.reason.show_reason(row.bone if row is not None and there else "", row.reason if row is not None else "")
        self.reason.setVisible(there)
        self.pick.setVisible(there and editable)
        self.reason.setReadOnly(not editable)
        self._doubt.setVisible(not there)
