"""The page Clinical: facts and impression, and beside them conclusion and standards, growth, visits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.views.clinical_page import ClinicalPage

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.clinical import Clinical

FACTS, STANDARDS, GROWTH, VISITS = range(4)


class ClinicalPanel(QWidget):
    """One pane is seen at a time and only that one follows the reading; each is made when it is first chosen, and the tables
    of standards and growth are loaded with the first of them."""

    command = Signal(object)

    def __init__(self, page: ClinicalPage, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._clinical: Clinical | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.bar = QTabBar()
        self.bar.setAccessibleName(tr("Parts of the clinical page"))
        self.bar.setExpanding(False)
        self.bar.setDrawBase(False)
        self.bar.setUsesScrollButtons(False)
        for title, tip in (
            (tr("Facts"), tr("The child, the film and the impression")),
            (tr("Standards"), tr("Conclusion, its rule, and the bone age by every standard")),
            (tr("Growth"), tr("Heights and weights, the growth chart, adult height")),
            (tr("Visits"), tr("Earlier readings of the child, bone by bone")),
        ):
            at = self.bar.addTab(title)
            self.bar.setTabToolTip(at, tip)
        column.addWidget(self.bar)
        self.stack = QStackedWidget()
        self.stack.addWidget(page)
        column.addWidget(self.stack, 1)
        self.panes: dict[int, QWidget] = {FACTS: page}
        self.bar.currentChanged.connect(self._chosen)

    @property
    def clinical(self) -> Clinical:
        """What the panes show."""
        if self._clinical is None:
            from boneage_desk.ui.presenters.clinical import Clinical

            self._clinical = Clinical(self._desk)
            self._clinical.changed.connect(self._follow)
        return self._clinical

    def flush(self) -> None:
        """What was typed in any pane and not entered yet belongs to the reading on the desk."""
        for pane in self.panes.values():
            if (flush := getattr(pane, "flush", None)) is not None:
                flush()

    def choose(self, at: int) -> None:
        """Show one of FACTS, STANDARDS, GROWTH, VISITS."""
        self.bar.setCurrentIndex(at)

    def _chosen(self, at: int) -> None:
        if at not in self.panes:
            self.panes[at] = self._make(at)
            area = QScrollArea()
            area.setWidget(self.panes[at])
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.stack.addWidget(area)
            self.panes[at].setProperty("area", area)
        pane = self.panes[at]
        self.stack.setCurrentWidget(pane if at == FACTS else pane.property("area"))
        self._follow()

    def _make(self, at: int) -> QWidget:
        if at == STANDARDS:
            from boneage_desk.ui.views.standards_pane import StandardsPane

            pane = StandardsPane(self.clinical)
            pane.command.connect(self.command)
            return pane
        if at == GROWTH:
            from boneage_desk.ui.views.growth_pane import GrowthPane

            growth = GrowthPane(self.clinical)
            growth.command.connect(self.command)
            return growth
        from boneage_desk.ui.views.visits_pane import VisitsPane

        return VisitsPane(self.clinical)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def _follow(self) -> None:
        """The pane that is seen shows the reading as it is."""
        at = self.bar.currentIndex()
        if at == FACTS or not self.isVisible():
            return
        refresh: Callable[[], None] = self.panes[at].refresh  # type: ignore[attr-defined]
        refresh()
