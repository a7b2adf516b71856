"""The table of the work list: narrow with two lines a study, or wide with the columns that were chosen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.models.study_list import PLACE, ReadingIdRole, StudyListModel
from boneage_desk.ui.presenters.list_layout import LEAST, ListLayout
from boneage_desk.ui.presenters.study_texts import COLUMNS, TITLES, Column
from boneage_desk.ui.views.study_delegate import StudyDelegate, row_height

_NARROW = (Column.STATE, Column.NAME)
_NARROW_STATE = 26
_SHARES = {Column.NAME: 2, Column.ID: 1, Column.ACCESSION: 1, Column.DESCRIPTION: 4}
"""How the room that the columns leave free is shared among those whose words may be long."""


class StudyTable(QTableView):
    """Narrow: a click opens a study, as in a list of series. Wide: a click chooses, a double click or Enter opens."""

    opened = Signal(str)
    """Id of the reading to be opened."""
    layout_changed = Signal()
    row_menu_wanted = Signal(str, QPoint)
    """Id of the reading under the pointer, and where on the screen."""

    def __init__(self, model: StudyListModel) -> None:
        super().__init__()
        self._model = model
        self._wide = False
        self._quiet = False
        self._kept = ListLayout()
        self._spare: dict[Column, int] = {}
        """By how much a column is wider than it was kept, since there is room."""
        self._current, self._seen, self._scrolled = "", False, 0
        self.delegate = StudyDelegate()
        self.setAccessibleName(tr("Readings"))
        self.setModel(model)
        self.setItemDelegate(self.delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(LEAST)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsMovable(True)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._header_menu)
        for changed in (header.sectionMoved, header.sortIndicatorChanged):
            changed.connect(self._told)
        header.sectionResized.connect(self._resized)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._come_back)
        self.clicked.connect(lambda index: None if self._wide else self._open(index))
        self.doubleClicked.connect(lambda index: self._open(index) if self._wide else None)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._row_menu)
        self._apply()

    def paintEvent(self, event: QPaintEvent) -> None:
        # the viewport is said to paint all of itself (WA_OpaquePaintEvent): a step of the wheel then moves what is painted
        # already and paints the new rows alone, a tenth of the cells
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), QColor(theme.PANEL))
        painter.end()
        super().paintEvent(event)

    # --- narrow and wide --------------------------------------------------------------------

    @property
    def wide(self) -> bool:
        return self._wide

    def set_wide(self, on: bool) -> None:
        if on != self._wide:
            self._keep()
            self._wide = on
            self._apply()
            if self.currentIndex().isValid():
                self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)

    def set_layout(self, layout: ListLayout) -> None:
        self._kept = layout
        self._apply()
        by = layout.sort
        order = Qt.SortOrder.DescendingOrder if by and by[1] else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(PLACE[by[0]] if by else -1, order)

    def list_layout(self) -> ListLayout:
        """As it is now; the columns of the wide list."""
        self._keep()
        return self._kept

    def _keep(self) -> None:
        kept, header = self._kept, self.horizontalHeader()
        order, shown, widths = kept.order, kept.shown, dict(kept.widths)
        if self._wide:
            order = tuple(COLUMNS[header.logicalIndex(place)] for place in range(len(COLUMNS)))
            shown = frozenset(column for column in COLUMNS if not self.isColumnHidden(PLACE[column]))
            last = next((column for column in reversed(order) if column in shown), None)  # it takes the room that is left
            widths |= {
                column: self._kept_width(column, self.columnWidth(PLACE[column]) - self._spare.get(column, 0))
                for column in shown if column is not last
            }  # fmt: skip
        self._kept = ListLayout(order, shown, widths, self._model.sorted_by, kept.unread_only, kept.paused)

    def _pixels(self, column: Column) -> int:
        """Width of a column on the screen: what was kept is in the design's own font."""
        return round(self._kept.widths[column] * max(1.0, theme.points(1)))

    def _kept_width(self, column: Column, pixels: int) -> int:
        """The same back; as it was kept where nobody changed it."""
        return self._kept.widths[column] if pixels == self._pixels(column) else round(pixels / max(1.0, theme.points(1)))

    def _apply(self) -> None:
        self._quiet = True
        header, wide = self.horizontalHeader(), self._wide
        self.delegate.narrow = not wide
        self.verticalHeader().setDefaultSectionSize(row_height(wide))
        header.setVisible(wide)
        header.setStretchLastSection(wide)
        order = self._kept.order if wide else (*_NARROW, *(c for c in COLUMNS if c not in _NARROW))
        shown = self._kept.shown if wide else frozenset(_NARROW)
        for place, column in enumerate(order):
            header.moveSection(header.visualIndex(PLACE[column]), place)
        for column in COLUMNS:
            number = PLACE[column]
            fixed = not wide and column is Column.STATE
            stretched = not wide and column is Column.NAME
            modes = QHeaderView.ResizeMode
            header.setSectionResizeMode(
                number, modes.Fixed if fixed else modes.Stretch if stretched else modes.Interactive
            )
            self.setColumnHidden(number, column not in shown)
            if not stretched:
                self.setColumnWidth(number, _NARROW_STATE if fixed else self._pixels(column))
        self._spare = {}
        bar = Qt.ScrollBarPolicy.ScrollBarAsNeeded if wide else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setHorizontalScrollBarPolicy(bar)
        self._quiet = False
        self._spread()
        self.viewport().update()

    def _spread(self) -> None:
        """Wide, and no width was chosen by hand: the columns with long words share the room that is left."""
        if not self._wide or self._kept.widths != ListLayout().widths:
            return
        shown = {column: self._pixels(column) for column in COLUMNS if not self.isColumnHidden(PLACE[column])}
        shares = {column: share for column, share in _SHARES.items() if column in shown}
        free = max(0, self.viewport().width() - sum(shown.values()))
        self._quiet = True
        self._spare = {column: free * share // sum(shares.values()) for column, share in shares.items()}
        for column, more in self._spare.items():
            self.setColumnWidth(PLACE[column], shown[column] + more)
        self._quiet = False
        self.updateGeometries()  # at once: the bar of the wider table would stay for a moment

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._spread()

    def _resized(self, number: int, _before: int, _now: int) -> None:
        if self._quiet or not self._wide:
            return
        header = self.horizontalHeader()
        if any(not self.isColumnHidden(at) and header.visualIndex(at) > header.visualIndex(number) for at in PLACE.values()):
            self._spare = {}  # by hand: from now on all widths are as they are seen, whatever room there is
            self._keep()
        self._told()

    def _told(self, *_where: object) -> None:
        if not self._quiet:
            self.layout_changed.emit()

    # --- columns ----------------------------------------------------------------------------

    def fill_columns_menu(self, menu: QMenu) -> None:
        """A line for each column, ticked where it is shown in the wide list."""
        menu.clear()
        layout = self.list_layout()
        for column in COLUMNS:
            action = menu.addAction(tr(TITLES[column]))
            action.setCheckable(True)
            action.setChecked(column in layout.shown)
            action.setEnabled(column is not Column.NAME)
            action.toggled.connect(lambda on, column=column: self.show_column(column, on))
        menu.addSeparator()
        menu.addAction(tr("Columns as at first")).triggered.connect(lambda: self._first_layout())

    def show_column(self, column: Column, on: bool) -> None:
        """Show or hide a column of the wide list."""
        self._keep()
        kept = self._kept
        shown = kept.shown | {column} if on else kept.shown - {column}
        self._kept = ListLayout(kept.order, shown, kept.widths, kept.sort, kept.unread_only, kept.paused)
        if self._wide:
            self._apply()
        self.layout_changed.emit()

    def _first_layout(self) -> None:
        self._keep()
        first = ListLayout()
        self._kept = ListLayout(first.order, first.shown, first.widths, self._kept.sort, self._kept.unread_only, self._kept.paused)
        self._apply()
        self.layout_changed.emit()

    def fill_sort_menu(self, menu: QMenu) -> None:
        """A line for each column; the one that the list is sorted by is ticked, and turned round when chosen again."""
        menu.clear()
        by = self._model.sorted_by
        first = menu.addAction(tr("As they came, the newest first"))
        first.setCheckable(True)
        first.setChecked(by is None)
        first.triggered.connect(lambda: self.sort_by(None, False))
        menu.addSeparator()
        for column in COLUMNS:
            chosen = by is not None and by[0] is column
            arrow = "" if not chosen else " \N{DOWNWARDS ARROW}" if by and by[1] else " \N{UPWARDS ARROW}"
            action = menu.addAction(tr(TITLES[column]) + arrow)
            action.setCheckable(True)
            action.setChecked(chosen)
            down = chosen and by is not None and not by[1]
            action.triggered.connect(lambda _on=False, column=column, down=down: self.sort_by(column, down))

    def sort_by(self, column: Column | None, descending: bool) -> None:
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(-1 if column is None else PLACE[column], order)

    def _header_menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_columns_menu(menu)
        menu.popup(self.horizontalHeader().mapToGlobal(where))

    # --- rows -------------------------------------------------------------------------------

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(index.data(ReadingIdRole))

    def _row_menu(self, where: QPoint) -> None:
        index = self.indexAt(where)
        if index.isValid():
            self.row_menu_wanted.emit(index.data(ReadingIdRole), self.viewport().mapToGlobal(where))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.delegate.forget()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._open(self.currentIndex())
            return
        super().keyPressEvent(event)

    def show_current(self, reading_id: str) -> None:
        """Mark the row of the reading on the desk."""
        self._choose(reading_id)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.EnsureVisible)

    def _choose(self, reading_id: str) -> None:
        row = self._model.row_of(reading_id)
        self._current = reading_id
        if row >= 0:
            self.setCurrentIndex(self._model.index(row, PLACE[Column.NAME]))
        else:
            self.clearSelection()
            self.selectionModel().clearCurrentIndex()

    def _remember(self) -> None:
        index = self.currentIndex()
        self._current = index.data(ReadingIdRole) if index.isValid() else self._current
        self._seen = index.isValid() and self.viewport().rect().intersects(self.visualRect(index))
        self._scrolled = self.verticalScrollBar().value()

    def _come_back(self) -> None:
        if self._current:
            self._choose(self._current)
        if self._model.growing:
            self.verticalScrollBar().setValue(self._scrolled)
        elif self._seen and self.currentIndex().isValid():
            self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.EnsureVisible)
        else:
            self.scrollToTop()
