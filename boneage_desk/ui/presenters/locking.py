"""The lock: when nobody was at the desk for a while, or on command; who it shows, and what opens it again.

The accounts of an operating system cannot be checked the same way everywhere, so the lock opens with the PIN of the
profile, where it has one, and else with a deliberate click: then it hides the screen and no more, and says so. A lock
outlives the program: what is in the audit chain counts, not what this process remembers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.people import Person
from boneage_desk.reading.station import LOCK, UNLOCK, WRONG_PIN, LockState, pin_delay_s
from boneage_desk.ui.jobs import URGENT
from boneage_desk.ui.presenters.desk import Desk

LOOK_EVERY_MS = 2000
COUNT_EVERY_MS = 250


@dataclass(frozen=True, slots=True)
class LockView:
    """What the locked window shows. ``asks_pin``: None while that is not known yet; ``wait_s``: before the next try."""

    who: str
    asks_pin: bool | None
    wait_s: int = 0
    busy: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class _Facts:
    person: Person | None
    has_pin: bool
    state: LockState
    unnoted: Exception | None = None


class Locking(QObject):
    """Locked or not. Views listen to ``changed``."""

    changed = Signal()

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(desk)
        self._desk, self._clock = desk, clock
        self.locked = False
        self._facts: _Facts | None = None
        self._wrong = 0
        self._until = 0.0
        self._busy = False
        self._trouble = ""
        self._seen, self._seen_wall = clock(), desk.services.now()
        self._look = QTimer(self)
        self._look.setInterval(LOOK_EVERY_MS)
        self._look.timeout.connect(self.look)
        self._count = QTimer(self)
        self._count.setInterval(COUNT_EVERY_MS)
        self._count.timeout.connect(self._counted)

    # --- life -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Count idle time from now on, and lock at once where the last lock was never opened."""
        self.active()
        if self._desk.services.settings.lock_minutes > 0:
            self._look.start()
        if self._desk.services.station is not None:
            self._submit(tr("Looking at the lock"), self._read_facts, self._begun)

    def set_idle(self) -> None:
        """The settings have another time after which it locks."""
        self.active()
        if self._desk.services.settings.lock_minutes > 0:
            self._look.start()
        else:
            self._look.stop()

    def stop(self) -> None:
        """The window closes."""
        self._look.stop()
        self._count.stop()

    def _begun(self, facts: _Facts) -> None:
        if facts.state.locked and not self.locked:
            self._close(facts)

    # --- idle time --------------------------------------------------------------------------

    def active(self) -> None:
        """Somebody is at the desk."""
        self._seen, self._seen_wall = self._clock(), self._desk.services.now()

    def look(self) -> None:
        """Lock when nobody was there for too long. Sleep of the computer counts: its wall clock went on."""
        minutes = self._desk.services.settings.lock_minutes
        idle = max(self._clock() - self._seen, self._since(self._seen_wall))
        if minutes > 0 and not self.locked and idle >= minutes * 60:
            self.lock(f"nobody there for {minutes} min")

    def _since(self, then: datetime) -> float:
        return (self._desk.services.now() - then).total_seconds()

    # --- locking ----------------------------------------------------------------------------

    def lock(self, why: str = "by command") -> None:
        """Lock now; the audit row follows."""
        if self.locked:
            return
        self._close(None)
        if self._desk.services.station is None:
            self._known(_Facts(None, False, LockState(True)))
            return

        def work() -> _Facts:
            return self._read_facts(self._noted(LOCK, why))

        self._submit(tr("Locking"), work, self._known)

    def _close(self, facts: _Facts | None) -> None:
        self.locked, self._trouble, self._busy = True, "", False
        self._facts = None
        if facts is not None:
            self._known(facts)
        else:
            self.changed.emit()

    def _known(self, facts: _Facts) -> None:
        self._facts = facts
        self._wrong = max(self._wrong, facts.state.wrong)
        self._delay()
        if facts.unnoted is not None:
            self._desk.report(facts.unnoted, tr("The lock is not in the audit trail"), topic="lock")
        self.changed.emit()

    @property
    def view(self) -> LockView:
        """What is shown now."""
        account = self._desk.services.who()
        person = self._facts.person if self._facts else None
        who = f"{person.name} ({account}), {tr(person.role.value)}" if person else account
        wait = max(0.0, self._until - self._clock())
        return LockView(
            who, self._facts.has_pin if self._facts else None, int(wait + 0.999), self._busy, self._trouble
        )

    # --- opening ----------------------------------------------------------------------------

    def go_on(self) -> None:
        """Open without a PIN, where the profile has none; try again where that could not be found out."""
        if not self.locked or self._busy:
            return
        if self._facts is None:
            self._trouble = ""
            self._submit(tr("Looking at the lock"), self._read_facts, self._known)
        elif not self._facts.has_pin:
            self._open("without a PIN")

    def try_pin(self, pin: str) -> None:
        """Open with the PIN; each wrong one doubles the time to the next try."""
        if not self.locked or self._busy or not pin or self._clock() < self._until:
            return
        if self._facts is None or not self._facts.has_pin:
            return
        station = self._desk.services.station
        assert station is not None
        services = self._desk.services

        def work() -> tuple[bool, Exception | None]:
            right = station().check_pin(services.who(), pin)
            return right, self._noted(UNLOCK, "by PIN") if right else self._noted(WRONG_PIN, "")

        def done(outcome: tuple[bool, Exception | None]) -> None:
            right, unnoted = outcome
            if right:
                self._opened(unnoted)
                return
            self._wrong += 1
            self._trouble = tr("That is not the PIN.")
            self._delay()
            self.changed.emit()

        self._submit(tr("Unlocking"), work, done)

    def _open(self, how: str) -> None:
        if self._desk.services.station is None:
            self._opened(None)
            return
        self._submit(tr("Unlocking"), lambda: self._noted(UNLOCK, how), self._opened)

    def _opened(self, unnoted: Exception | None) -> None:
        self.locked, self._wrong, self._until, self._trouble = False, 0, 0.0, ""
        self._count.stop()
        self.active()
        if unnoted is not None:
            self._desk.report(unnoted, tr("The unlocking is not in the audit trail"), topic="lock")
        self.changed.emit()

    def _delay(self) -> None:
        self._until = self._clock() + pin_delay_s(self._wrong)
        if self._wrong:
            self._count.start()

    def _counted(self) -> None:
        if self._clock() >= self._until:
            self._count.stop()
        self.changed.emit()

    # --- the store --------------------------------------------------------------------------

    def _noted(self, action: str, detail: str) -> Exception | None:
        """Write the event; what went wrong is told later and holds nobody up: a full disk must not lock a reader out."""
        services = self._desk.services
        assert services.station is not None
        try:
            services.station().note(action, at=services.now(), who=services.who(), detail=detail)
        except Exception as error:
            return error
        return None

    def _read_facts(self, unnoted: Exception | None = None) -> _Facts:
        services = self._desk.services
        assert services.station is not None
        station, account = services.station(), services.who()
        return _Facts(services.store().person(account), station.has_pin(account), station.lock_state(), unnoted)

    def _submit(self, title: str, work: Callable[[], object], then: Callable[..., None]) -> None:
        self._busy = True

        def run(_token: CancelToken, _progress: Progress) -> object:
            return work()

        def result(value: object) -> None:
            self._busy = False
            then(value)
            self.changed.emit()

        def failed(error: BaseException) -> None:
            self._busy = False
            self._trouble = said(str(error))
            if not self.locked and not isinstance(error, BoneAgeError):  # of the store the work list tells
                self._desk.report(error, tr("The lock cannot be looked at"), topic="lock")
            self.changed.emit()

        self._desk.runner.submit("store", title, run, on_result=result, on_failed=failed, priority=URGENT)
        self.changed.emit()
