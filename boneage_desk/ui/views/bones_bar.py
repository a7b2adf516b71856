"""The line above the 13 rows: their order, blind reading, and accepting all that are left."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton

from boneage_desk.common.i18n import tr
from boneage_desk.ui.actions import ActionSet
from boneage_desk.ui.presenters import key_words
from boneage_desk.ui.presenters.bone_order import NAMES, Order
from boneage_desk.ui.views.elided import ElidedLabel


class BonesBar(QFrame):
    """Its buttons are the commands of the action table; the label says what 'accept all' waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("bones-bar")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 3, 6, 3)
        row.setSpacing(6)
        self.order, self.blind, self.accept = QToolButton(), QToolButton(), QToolButton()
        self.order.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.order.setAccessibleName(tr("Order of the bones"))
        self.waits = ElidedLabel(least=40)
        self.waits.setProperty("muted", True)
        for button in (self.order, self.blind, self.accept):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        row.addWidget(self.order)
        row.addWidget(self.blind)
        row.addStretch(1)
        row.addWidget(self.waits)
        row.addWidget(self.accept)
        self._actions: ActionSet | None = None
        self._words = ""

    def set_actions(self, actions: ActionSet) -> None:
        """The commands behind the buttons, once they are made."""
        self._actions = actions
        menu = QMenu(self.order)
        menu.setToolTipsVisible(True)
        for mode in Order:
            menu.addAction(actions[f"order-{mode}"])
        self.order.setMenu(menu)
        self.accept.clicked.connect(actions["accept-all"].trigger)
        key_words.told.changed.connect(self._show_tips)
        self.show_state(Order.ANATOMY, False, 0, 0, "", "", False)

    def show_state(self, order: Order, hidden: bool, left: int, flagged: int, short: str, words: str, editable: bool) -> None:
        """``left``: bones that nobody looked at; ``flagged``: those of them that close 'accept all'."""
        if self._actions is None:
            return
        self.order.setText(tr(NAMES[order]))
        action = self._actions["reveal" if hidden else "blind-first"]
        if self.blind.defaultAction() is not action:
            if self.blind.defaultAction() is not None:
                self.blind.removeAction(self.blind.defaultAction())
            self.blind.setDefaultAction(action)
        self.blind.setText(tr("Show the AI") if hidden else tr("Blind first"))
        shown = left > 0 and editable and not hidden
        self.accept.setVisible(shown)
        self.waits.setVisible(shown and bool(short))
        self.waits.setText(short)
        self.waits.setToolTip(words)
        self.accept.setText(tr("Accept all ({count})", count=left))
        self.accept.setEnabled(shown and not flagged)
        self._words = words
        self._show_tips()

    def _show_tips(self) -> None:
        """Tool tips with the keys in force, and what 'accept all' waits for."""
        if self._actions is None:
            return
        self.order.setToolTip(self._actions["next-order"].toolTip())
        self.accept.setToolTip("\n".join(part for part in (self._actions["accept-all"].toolTip(), self._words) if part))
