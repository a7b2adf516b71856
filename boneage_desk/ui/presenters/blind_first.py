"""Blind-first reading in the window: the choice for films to come, and showing the machine's grades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.blind import Reveal, StartBlind
from boneage_desk.reading.session import ReadingSession, State
from boneage_desk.ui.presenters.messages import Message

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk


class BlindFirst(QObject):
    """``on``: films that are read from now on begin blind. Each reading keeps for itself whether it is."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.on = False

    @property
    def hidden(self) -> bool:
        """The machine's grades of the reading shown are hidden now."""
        return self._desk.reading is not None and self._desk.reading.blind is Blind.HIDDEN

    def remember(self, on: object) -> None:
        self.on = str(on) == "1"

    def toggle(self) -> None:
        """Begin films blind from now on, or no longer. What of the film shown was seen or hidden stays so."""
        self.on = not self.on
        session = self._desk.session
        if self.on and session is not None:
            if not self.begin(session) and session.reading.blind in (Blind.NO, Blind.SHOWN):
                self._desk.tell(
                    tr("Blind reading begins with the next film: the machine's grades of this one were shown already."),
                    topic="blind",
                )
        elif not self.on and self.hidden:
            self._desk.message.emit(
                Message("info", tr("Later films are not read blind. This one stays so until you ask for the AI."),
                        choices=(self._desk.choice(tr("Show the AI"), self.reveal),), topic="blind")
            )  # fmt: skip
        self.changed.emit()

    def begin(self, session: ReadingSession) -> bool:
        """Make a reading blind whose machine's result is not in yet, where that is wanted. Before every analysis."""
        reading = session.reading
        fresh = reading.blind is Blind.NO and reading.analysed_at is None and reading.state is State.DRAFT
        return self.on and fresh and self._desk.apply(session, StartBlind())

    def ask(self) -> None:
        """Show the machine's grades; where bones are not graded yet the person is asked first: it cannot be undone."""
        reading = self._desk.reading
        if reading is None or not self.hidden:
            return
        left = sum(finding.human_grade is None for finding in reading.bones)
        if not left:
            self.reveal()
            return
        self._desk.message.emit(
            Message(
                "warning",
                tr("{count} of 13 bones are not graded yet. What is shown once cannot be hidden again.", count=left),
                choices=(self._desk.choice(tr("Show the AI now"), self.reveal),), topic="blind",
            )
        )  # fmt: skip

    def reveal(self) -> None:
        if self.hidden and self._desk.do(Reveal()):
            reading = self._desk.reading
            assert reading is not None
            other = sum(finding.overridden for finding in reading.bones)
            self._desk.tell(
                tr("The AI is shown. It grades {count} of 13 bones otherwise than you.", count=other), topic="blind"
            )
