"""Signing the reading on the desk: what stands against it, the seal, and addenda, off the window's thread.

The file is drawn as it will stand once it is signed, sealed, and then kept together with the change of state in one
transaction. Until the store has both, the window does not say 'signed'.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.common.i18n import tr
from boneage_desk.reading.assessment import SEALED, Command, State
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.ports import SealedReport
from boneage_desk.reading.session import MarkReviewed, Reading, ReadingSession
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.signing import (
    AddAddendum,
    AnswerFlag,
    Problem,
    Sign,
    as_signed,
    draft_signature,
    signoff_problems,
)
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.saving import Saving

REASON = "I read this film and approve the report."
"""What a signature says where the reader writes no other reason."""


@dataclass(frozen=True, slots=True)
class SignView:
    """What the panel shows. ``problems``: what stands against signing; ``person``: who would sign, None where nobody
    is known yet; ``busy``: a seal is being made or kept; ``ready``: the sign button works. ``reading_id``: of what all that
    is said."""

    state: State | None = None
    problems: tuple[Problem, ...] = ()
    signatures: tuple[Signature, ...] = ()
    person: Person | None = None
    busy: bool = False
    ready: bool = False
    reading_id: str = ""


class SignOff(QObject):
    """``changed``: a new :class:`SignView` is to be shown. ``profile_wanted``: nobody is registered for this account.
    ``passphrase_wanted``: (what is asked: 'passphrase', 'pin', 'new-passphrase', why): give it with :meth:`go_on`."""

    changed = Signal()
    profile_wanted = Signal()
    passphrase_wanted = Signal(str, str)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.person: Person | None = None
        self._asked_person = False
        self._job: Job | None = None
        self._wanted: tuple[str, str, str] | None = None  # reading, reason, addendum's words
        self._waits = False  # for the store, before the seal
        self._passphrase: str | None = None
        self._keep = False
        self._question = "passphrase"  # what the key asked for last; asked again in the same form when it was refused
        self._done: tuple[str, str] | None = None  # reading that was sealed and is on its way to the disk, what to say
        desk.case_changed.connect(self.follow)
        desk.reading_changed.connect(self.changed)
        desk.saver.changed.connect(self._on_disk)

    # --- what is shown ----------------------------------------------------------------------

    def view(self) -> SignView:
        """What stands against a signature now."""
        reading = self._desk.reading
        if reading is None:
            return SignView()
        busy = self._job is not None or self._waits or (reading.state in SEALED and self._desk.saver.unsaved_of(reading.reading_id))
        problems = () if reading.state in SEALED else signoff_problems(reading, self.person)
        return SignView(
            reading.state, problems, reading.signatures, self.person, busy,
            ready=not busy and not problems and reading.state in (State.DRAFT, State.REVIEWED),
            reading_id=reading.reading_id,
        )  # fmt: skip

    def follow(self) -> None:
        """Another case; who sits here is looked up once."""
        if not self._asked_person and self._desk.reading is not None:
            self._asked_person = True
            services = self._desk.services

            def work(_token: object, _progress: object) -> Person | None:
                return services.store().person(services.who())

            self._desk.run_later("store", tr("Looking up the profile"), work, self._known, tr("The profile could not be read"))
        self.changed.emit()

    def _known(self, person: Person | None) -> None:
        self.person = person
        self.changed.emit()

    # --- who ----------------------------------------------------------------------------------

    def set_person(self, name: str, role: Role) -> None:
        """The profile of this account; kept in the store, then a signature that waited for it goes on."""
        services = self._desk.services
        try:
            person = Person(services.who(), name.strip(), role)
        except BoneAgeError as error:
            self._desk.report(error, topic="sign")
            return

        def work(_token: object, _progress: object) -> Person:
            services.store().set_person(person, at=services.now(), who=services.who())
            return person

        def done(kept: Person) -> None:
            self._known(kept)
            if self._wanted is not None:
                self.go_on()

        self._desk.run_later("store", tr("Keeping the profile"), work, done, tr("The profile was not kept"))

    # --- answers ------------------------------------------------------------------------------

    def answer(self, code: str, words: str) -> None:
        """What the person makes of a doubt that stands against signing."""
        for problem in self.view().problems:
            if problem.code == "flag" and problem.key == code:
                self._desk.do(AnswerFlag(code, problem.message, words))
                return

    # --- signing ------------------------------------------------------------------------------

    def sign(self, reason: str = "") -> None:
        """Seal the report of the reading shown; a draft without problems is marked reviewed first."""
        reading = self._desk.reading
        if reading is None or self._job is not None:
            return
        if reading.state is State.DRAFT:
            problems = signoff_problems(reading, self.person)
            if problems:
                self._desk.report(InputError(problems[0].message, problems[0].remedy), topic="sign")
                return
            if not self._desk.do(MarkReviewed()):
                return
        self._wanted = (reading.reading_id, reason.strip() or REASON, "")
        self.go_on()

    def addendum(self, words: str) -> None:
        """Add a numbered, signed part to the signed report."""
        reading = self._desk.reading
        if reading is None or self._job is not None:
            return
        if not words.strip():
            self._desk.report(InputError("An addendum needs words.", "Write what has to be said."), topic="sign")
            return
        self._wanted = (reading.reading_id, tr("Addendum"), words)
        self.go_on()

    def verify(self) -> None:
        """Check the kept file of the reading shown: every seal, and that nothing came after the last."""
        desk, services, reading = self._desk, self._desk.services, self._desk.reading
        if reading is None or services.signer is None:
            return
        signer, seals = services.signer, reading.signatures

        def work(_token: object, _progress: object) -> tuple[str, ...]:
            pdf = services.store().report(reading.reading_id)
            found = list(signer().verify(pdf).problems)
            if hashlib.sha256(pdf).hexdigest() != seals[-1].pdf_sha256:
                found.append(tr("The kept file is not the one that was signed."))
            return tuple(found)

        def done(problems: tuple[str, ...]) -> None:
            if problems:
                desk.tell(tr("The signed report does not hold:") + " " + " ".join(problems), "error", topic="sign")
            else:
                count = tr("The signature holds") if len(seals) == 1 else tr("All {count} signatures hold", count=len(seals))
                desk.tell(tr("{count}: the file is as it was signed.", count=count), topic="sign")

        desk.run_later("sign", tr("Checking the signatures"), work, done, tr("The signatures could not be checked"))

    def forget(self) -> None:
        """The person gave up (no profile, no passphrase): nothing is signed."""
        self._wanted, self._waits, self._passphrase, self._question = None, False, None, "passphrase"
        self.changed.emit()

    def go_on(self, passphrase: str | None = None, keep: bool = False) -> None:
        """Seal what was wanted, with the passphrase that was asked for. ``keep``: where it is right, the system's key
        store keeps it."""
        desk, services, session, wanted = self._desk, self._desk.services, self._desk.session, self._wanted
        if session is None or wanted is None or session.reading.reading_id != wanted[0] or self._job is not None:
            return
        if self.person is None:
            self.profile_wanted.emit()
            return
        if services.signer is None:
            desk.report(InputError("This program was put together without signatures."), topic="sign")
            return
        reading, film = session.reading, desk.frame
        if film is None and not wanted[2] and not desk.film_error:
            desk.report(InputError("The film is still being opened.", "Try again in a moment."), topic="sign")
            return
        if desk.saver.unsaved_of(reading.reading_id):
            self._passphrase, self._keep, self._waits = passphrase, keep, True  # goes on from _on_disk
            self.changed.emit()
            return
        try:
            signature = draft_signature(reading, self.person, wanted[1], services.now(), wanted[2])
        except BoneAgeError as error:
            desk.report(error, topic="sign")
            return
        make, paper = services.signer, services.settings.paper

        def work(_token: object, _progress: object) -> SealedReport | str:
            signer, page = make(), None
            question = "" if passphrase is not None else signer.asks(signature)
            if question:
                return question
            if signature.text:
                pdf = services.store().report(reading.reading_id)
                page = services.reports().addendum(reading, signature, paper=paper)
            else:
                with tempfile.TemporaryDirectory(prefix="sign-", dir=services.data_dir) as folder:
                    out = Path(folder) / "report.pdf"
                    shown = as_signed(reading, signature)
                    film_map = desk.report_maps.get(services, shown, film)
                    pdf = services.reports().write(shown, film, out, paper=paper, film_map=film_map).read_bytes()
            sealed = signer.seal(pdf, signature, passphrase=passphrase, page=page)
            if keep and passphrase is not None:
                signer.keep(signature, passphrase)
            return sealed

        self._job = desk.runner.submit(
            "sign", tr("Signing"), work,
            on_result=partial(self._sealed, session, reading, signature), on_failed=self._failed,
        )  # fmt: skip
        self.changed.emit()

    def _sealed(
        self, session: ReadingSession, reading: Reading, signature: Signature, sealed: SealedReport | str
    ) -> None:
        self._job = None
        if isinstance(sealed, str):
            self._question = sealed
            self.passphrase_wanted.emit(sealed, "")
            self.changed.emit()
            return
        self._wanted, self._question = None, "passphrase"
        if session.reading.revision != reading.revision:
            words = tr("The reading was changed while it was being signed; nothing was signed.")
            self._desk.report(InputError(words, "Look at it and sign again."), topic="sign")
            self.changed.emit()
            return
        done = dataclasses.replace(
            signature, certificate_sha256=sealed.certificate_sha256, self_issued=sealed.self_issued,
            pdf_sha256=hashlib.sha256(sealed.pdf).hexdigest(),
        )  # fmt: skip
        command: Command = AddAddendum(done) if done.text else Sign(done)
        if self._desk.apply(session, command, report=sealed.pdf):
            what = tr("The report is signed and closed for changes.")
            if done.text:
                what = tr("Addendum {number} is signed.", number=done.number - 1)
            key = ""
            if done.self_issued:
                key = " " + tr("The key was made by this station itself: others cannot tell from it who signed.")
            self._done = (session.reading.reading_id, what + key)
            self._on_disk()
        self.changed.emit()

    def _on_disk(self) -> None:
        """'Signed' is said once the file and the reading are kept."""
        if self._done is not None and not self._desk.saver.unsaved_of(self._done[0]):
            words, self._done = self._done[1], None
            self._desk.tell(words, topic="sign")
        if self._waits and self._wanted is not None:
            if not self._desk.saver.unsaved_of(self._wanted[0]):
                passphrase, self._passphrase, self._waits = self._passphrase, None, False
                self.go_on(passphrase, self._keep)
            elif self._desk.saver.state is Saving.FAILED:
                self._passphrase, self._waits, self._wanted = None, False, None
                error = InputError("Nothing was signed: a change of this reading is not on disk.", "Save it first.")
                self._desk.report(error, topic="sign")
        self.changed.emit()

    def _failed(self, error: BaseException) -> None:
        self._job = None
        if isinstance(error, InputError) and error.code == "passphrase" and self._wanted is not None:
            self.passphrase_wanted.emit(self._question, str(error))
        else:
            self._wanted = None
            self._desk.report(error, tr("Nothing was signed"), topic="sign")
        self.changed.emit()
