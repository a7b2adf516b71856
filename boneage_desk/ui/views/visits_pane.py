"""The child over visits: bone age against age, its change, each bone's grades, and what went backwards."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.reading.report_growth import BACK
from boneage_desk.ui.presenters.clinical import Clinical
from boneage_desk.ui.presenters.text import typeset
from boneage_desk.ui.views.plain_table import PlainTable


class VisitsPane(QWidget):
    """Follows the reading while it is seen."""

    def __init__(self, clinical: Clinical) -> None:
        super().__init__()
        from boneage_desk.ui.views.growth_chart import VisitsChart, VisitsLegend

        self._clinical = clinical
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        self.title, self.strip_title = QLabel(), QLabel()
        for heading in (self.title, self.strip_title):
            heading.setProperty("heading", True)
            heading.setWordWrap(True)
        self.note = QLabel()
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        self.doubts = QLabel()
        self.doubts.setProperty("attention", True)
        self.doubts.setWordWrap(True)
        self.doubts.setTextFormat(Qt.TextFormat.PlainText)
        self.chart, self.legend = VisitsChart(), VisitsLegend()
        self.steps = PlainTable(tr("Change between visits"), (0.16, 0.16, 0.27, 0.17, 0.24), whole=(0, 1, 3))
        self.strip = PlainTable(tr("Grades over visits"))
        for part in (self.note, self.title, self.chart, self.legend, self.doubts, self.steps, self.strip_title, self.strip):
            column.addWidget(part)
        column.addStretch(1)
        self._answers = (self.title, self.chart, self.legend, self.steps, self.strip_title, self.strip)

    def refresh(self) -> None:
        """Show the reading as it is now."""
        found = self._clinical.growth()
        report = found[1].visits if found is not None and found[1] is not None else None
        for part in self._answers:
            part.setVisible(report is not None)
        visits = self._clinical.visits()
        warnings = visits.warnings if visits is not None else ()
        from boneage_desk.common import i18n

        self.doubts.setText("\n".join(f"! {one.text(i18n.language())}" for one in warnings))
        self.doubts.setVisible(bool(warnings))
        self.note.setVisible(report is None and found is not None)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setText(self._why_not())
        if report is None:
            return
        self.title.setText(report.title)
        self.chart.show_report(report)
        self.legend.show_legend(report.legend)
        self.steps.fill(report.columns, [tuple(map(typeset, row.cells)) for row in report.steps])
        self.steps.setVisible(bool(report.steps))
        self.strip_title.setText(report.strip_title)
        warned = [[cell.startswith(BACK) for cell in row] for row in report.strip]
        self.strip.fill(report.strip_columns, report.strip, warned=warned)

    def _why_not(self) -> str:
        if self._clinical.fetching:
            return tr("Earlier readings are being looked up \N{HORIZONTAL ELLIPSIS}")
        if self._clinical.trouble:
            return tr("Earlier readings could not be looked up: {why}", why=self._clinical.trouble)
        return tr(
            "No earlier reading of this child is kept here: one that is reviewed or signed, of the same patient id, sex, "
            "birth date and method, of an earlier day."
        )
