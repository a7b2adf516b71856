"""The numbers at the foot of the page of the bones: score, bone age, interval, the machine's own, age, difference, SDS."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.numbers import Numbers
from boneage_desk.ui.views.elided import ElidedLabel
from boneage_desk.ui.views.score_curve import ScoreCurve

SHARES = (10, 10, 11, 8)
"""Shares of the width of the four values at the foot."""
CURVE_FROM = 395
"""Pixels from which the curve has room beside the numbers, in the design's own font."""


class NumbersStrip(QFrame):
    """Score to bone age, large, with its interval; below it the machine's own, the age, the difference from it and its SD
    score; the curve with the case on it at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("numbers")
        self.setAccessibleName(tr("Bone age"))
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 6, 8, 6)
        whole.setSpacing(8)
        column = QVBoxLayout()
        column.setSpacing(3)
        whole.addLayout(column, 1)
        self.curve = ScoreCurve()
        whole.addWidget(self.curve)
        head = QHBoxLayout()
        head.setSpacing(10)
        self.score, self.bone_age = QLabel(), QLabel()
        self.interval, self.change = ElidedLabel(), ElidedLabel()
        self.method = QLabel(tr("RUS-CHN"))
        self.score.setFont(theme.ui_font(13))
        self.arrow = QLabel("\N{RIGHTWARDS ARROW}")
        self.arrow.setFont(theme.ui_font(15))
        self.bone_age.setFont(theme.ui_font(19, bold=True))
        self.change.setProperty("human", True)
        for label in (self.method, self.arrow, self.interval):
            label.setProperty("muted", True)
        self.why = QLabel()
        self.why.setProperty("attention", True)
        self.why.setWordWrap(True)
        self.why.setFont(theme.ui_font(11))
        head.addLayout(_pair(self.method, self.score))
        head.addWidget(self.arrow)
        head.addWidget(self.bone_age)
        self.conclusion = ElidedLabel()
        self.conclusion.setFont(theme.ui_font(11))
        head.addWidget(self.conclusion)
        head.addStretch(1)
        head.addWidget(self.why, 1000)
        column.addLayout(head)
        second = QHBoxLayout()
        second.setSpacing(12)
        second.addWidget(self.interval)
        second.addWidget(self.change)
        second.addStretch(1)
        column.addLayout(second)
        foot = QGridLayout()
        foot.setHorizontalSpacing(10)
        foot.setVerticalSpacing(0)
        self.values: dict[str, QLabel] = {}
        titles = {
            "machine": (tr("AI alone"), ""),
            "age": (tr("Age"), ""),
            "difference": (tr("BA \N{MINUS SIGN} age"), tr("Bone age minus the age of the child")),
            "sds": (tr("SDS"), tr("Bone age minus age in standard deviations")),
        }
        for place, (key, (title, tip)) in enumerate(titles.items()):
            name, value = ElidedLabel(), ElidedLabel()
            name.setText(title)
            name.setProperty("muted", True)
            for part in (name, value):
                part.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            if tip:
                name.setToolTip(tip)
            value.setFont(theme.ui_font(10.5))
            foot.addWidget(name, 0, place)
            foot.addWidget(value, 1, place)
            foot.setColumnStretch(place, SHARES[place])
            self.values[key] = value
        self.values["machine"].setProperty("machine", True)
        column.addLayout(foot)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.curve.setVisible(self.width() >= theme.points(CURVE_FROM))

    def show_numbers(self, value: Numbers | None) -> None:
        there = value is not None and bool(value.bone_age)
        for label in (self.method, self.score, self.arrow, self.bone_age, self.interval, self.change):
            label.setVisible(there)
        self.why.setVisible(not there)
        if value is None:
            self.why.setText("")
            self.change.setText("")
            self.conclusion.setText("")
            for label in self.values.values():
                label.setText("")
            return
        self.score.setText(value.score)
        self.bone_age.setText(value.bone_age)
        self.interval.setText(value.interval)
        self.interval.setToolTip(tr("Where the bone age lies by the models' measured error on films held out"))
        self.why.setText(tr("No bone age. {why_not}", why_not=value.why_not) if value.why_not else "")
        self.change.setText(value.change)
        dash = "\N{EN DASH}"
        self.values["machine"].setText(value.machine or dash)
        self.values["age"].setText(value.age)
        self.values["difference"].setText(value.difference or dash)
        self.values["sds"].setText(value.sds or dash)
        self.values["sds"].setToolTip(value.sds_tip)
        self.conclusion.setText(value.conclusion if there else "")
        self.conclusion.setToolTip(value.sds_tip)


def _pair(above: QWidget, below: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(above)
    column.addWidget(below)
    return column
