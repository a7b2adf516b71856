"""Protocols that adapters fulfil. wiring.py joins them; ui and cli know nothing else.

All calls block the thread that makes them and must not be made on the window's thread unless the
docstring says 'quick'. They raise BoneAgeError subclasses for expected failures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.common.settings import Settings
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, ModelRef, WholeHandResult
from boneage_desk.reading.codec import Unread
from boneage_desk.reading.exports import MakeExporter
from boneage_desk.reading.film import Film, Frame, Voi
from boneage_desk.reading.film_map import FilmMap
from boneage_desk.reading.findings import Box, GradeOpinion
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.knee import KneeQuestion, KneeReading, KneeResult
from boneage_desk.reading.people import Person
from boneage_desk.reading.session import AuditEvent, Reading
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.station import StationKeeper
from boneage_desk.standards.types import Sex

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class FilmEntry:
    """A film found by scanning: where it is, how many frames, and short facts for a list."""

    path: str
    member: str = ""
    frame_count: int = 1
    patient_id: str = ""
    patient_name: str = ""
    study_uid: str = ""
    study_date: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class FilmProblem:
    """A file that was looked at and is no film; ``code`` and ``message`` as of the FilmError."""

    path: str
    code: str
    message: str
    member: str = ""


class FilmReader(Protocol):
    """Opens files (imaging)."""

    def open(self, path: str, *, frame: int | None = None, member: str = "") -> Film:
        """The film at ``path``. A multi-frame file needs ``frame`` (1-based): else FilmError
        'choose-frame'."""

    def scan(
        self, paths: Sequence[str], *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> Iterator[FilmEntry | FilmProblem]:
        """Films in files, folders (recursive), DICOMDIRs and zips, in a stable order. Files that are
        plainly not films (text, csv ...) in a folder are passed over silently; a file named
        directly that is no film yields a FilmProblem."""


class AnalysisEngine(Protocol):
    """The inference process (engines)."""

    def start(self) -> None:
        """Quick: begin to bring the process up; safe to call twice."""

    def state(self) -> str:
        """Quick: 'stopped', 'starting', 'ready: cpu', 'ready: cuda', 'busy', 'failed: why'."""

    def analyse(
        self, frame: Frame, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> AnalysisResult:
        """Detect and grade 13 bones. Raises Cancelled, EngineError, FilmError. A film without a
        readable hand is no error: the result has a blocking flag and empty bones."""

    def regrade(
        self, frame: Frame, bone: str, box: Box, angle_deg: float, *, cancel: CancelToken | None = None
    ) -> BoneResult:
        """Grade and measure one bone on a box that a person drew or moved; the result has no region."""

    def grade_crops(
        self, crops: Sequence[npt.NDArray[np.uint8 | np.uint16]], bone: str
    ) -> list[GradeOpinion]:
        """Grade ready-cut crops (rows, columns), distal up, of one bone, in order."""

    def saliency(
        self,
        frame: Frame,
        bone: str,
        box: Box,
        angle_deg: float,
        *,
        method: str = "grad-cam",
        cancel: CancelToken | None = None,
    ) -> npt.NDArray[np.float32]:
        """Where the grader looked for the bone's grade, by 'grad-cam' or 'occlusion' (InputError otherwise), as
        (height, width) float32 0..1 over the *box* in film orientation, at most 256 px a side."""

    def whole_hand(
        self,
        frame: Frame,
        sex: Sex | None,
        *,
        engines: Sequence[str] = ("whole-hand",),
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> WholeHandResult:
        """Second opinions from the whole film, for each of ``engines`` one or a flag with the reason why not: no
        model installed, no sex (where the model needs it), no hand or several, an age outside its training.
        Asked for after `analyse`, never instead. Raises Cancelled, EngineError, FilmError."""

    def whole_hand_saliency(
        self, frame: Frame, engine: str, sex: Sex | None, *, sha256: str, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """Where the model of a second opinion looked: (height, width) float32 0..1 over the *whole film*, at most
        256 px a side. ``sha256``: of the weights that gave the opinion (`second_opinion.weights_of`). Raises EngineError
        'whole-hand-unavailable' where it can give no opinion, or where other weights are installed now."""

    def knee(
        self, frame: Frame, question: KneeQuestion, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> KneeResult:
        """The bone age of a knee film by a site's own model, or a blocking flag with the reason why there is none; quick
        where no model is installed. Raises Cancelled, EngineError."""

    def knee_saliency(
        self, frame: Frame, question: KneeQuestion, *, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """Where the knee model looked: as `whole_hand_saliency`. Raises EngineError 'knee-unavailable'."""

    def whole_hand_engines(self) -> tuple[str, ...]:
        """Quick: ids of the second opinions whose model is installed, the default first."""

    def models(self) -> tuple[ModelRef, ...]:
        """Quick: the models that would run, from their cards."""

    def stop(self) -> None:
        """End the process; safe to call twice."""


class ReadingStore(Protocol):
    """The data base (archive). Every save is one transaction with its audit event."""

    def add(self, reading: Reading, event: AuditEvent) -> None:
        """A new reading. Raises StoreError 'exists' when the id is taken."""

    def save(self, reading: Reading, event: AuditEvent, *, report: bytes | None = None) -> None:
        """The reading's new value and the event that made it, on disk when this returns. ``report``: the sealed PDF that
        belongs to the reading's last signature, kept in the same transaction; a reading that gains a signature needs
        it (ValueError), and its SHA-256 must be the signature's."""

    def report(self, reading_id: str, number: int | None = None) -> bytes:
        """The sealed PDF after signature ``number`` (None: the newest). Raises StoreError 'not-found'."""

    def get(self, reading_id: str) -> Reading:
        """The last saved value; StoreError 'not-found'."""

    def find_by_film(self, sha256: str, frame_number: int) -> Reading | None:
        """The newest reading of the same film, so that opening it twice does not make two."""

    def list(self) -> Sequence[Reading]:
        """All readings, newest first."""

    def page(self, count: int, before: str | None = None) -> Sequence[Reading | Unread]:
        """The newest ``count`` readings, or those that came before the reading ``before``; newest first. For long lists:
        other calls need not wait until all of it is read, and one that cannot be decoded costs the others nothing."""

    def every_of_patient(self, patient_id: str) -> Sequence[Reading]:
        """All readings of a patient id, drafts too, newest first."""

    def events(self, reading_id: str | None = None) -> Sequence[AuditEvent]:
        """Audit events, oldest first; of ``reading_id`` '' those of the station (`reading.station`)."""

    def verify(self) -> Sequence[str]:
        """Broken links of the audit chain, in words; empty when whole."""

    def people(self) -> Sequence[Person]:
        """The profiles of this station, by account."""

    def person(self, account: str) -> Person | None:
        """The profile of an account; None where there is none yet."""

    def set_person(self, person: Person, *, at: datetime, who: str) -> None:
        """Make or change a profile; the change is in the audit chain. The station's first profile may be made by
        anybody, later ones and changes only by an administrator (InputError 'role'); while the station has none,
        anybody may make one."""

    def close(self) -> None:
        """Close the file; safe to call twice."""


class ReportWriter(Protocol):
    """Writes the PDF (reports)."""

    def write(
        self,
        reading: Reading,
        frame: Frame | None,
        out: Path,
        *,
        paper: str = "A4",
        detail: bool = True,
        film_map: FilmMap | None = None,
        growth: bool | None = None,
    ) -> Path:
        """PDF of the reading; ``paper`` 'A4' or 'Letter'. ``detail``: with the page of the 13 bones. ``film_map``: with a
        page of where the second opinion's model looked; InputError 'other-map' where it is another opinion's. ``growth``:
        with the growth page (and a page of the visits), None: as the site has set it; there is none where nothing of the
        child's growth is known. Earlier readings of the child that are kept at this station are compared in it."""

    def addendum(self, reading: Reading, signature: Signature, *, paper: str = "A4") -> bytes:
        """The page of an addendum as a PDF of its own, with the place of its signature free; ``reading`` is the signed one.
        Raises InputError 'too-long' for words that no page holds."""

    def text(self, reading: Reading, *, growth: bool | None = None) -> str:
        """The same report as plain text, for a RIS; ``growth`` as in `write`."""

    def history(self, reading: Reading) -> tuple[Measurement, ...]:
        """Heights and weights of earlier readings of the same child that the station keeps, as the report uses them."""
        ...

    def flat(self, pdf: bytes) -> bytes:
        """A copy of a sealed ``pdf`` with its signatures' boxes drawn into the pages, for the eye and the printer; the seals
        do not hold in it. Raises FilmError 'damaged'."""

    def trouble(self) -> str:
        """Quick: what of the site's settings cannot be used and is left out of reports (the logo); '' when all is well."""


@dataclass(frozen=True, slots=True)
class SealedReport:
    """A signed PDF, and whose certificate sealed it (SHA-256 of its DER, hex; self-issued by this station or not)."""

    pdf: bytes
    certificate_sha256: str
    self_issued: bool


class MakeSigner(Protocol):
    """Makes the signer of this station."""

    def __call__(self, settings: Settings | None = None) -> ReportSigner:
        """``settings``: with another key than this station's settings name; None: those."""


class ReportSigner(Protocol):
    """Seals reports and checks seals (reports). Passphrases are never kept in clear nor logged."""

    def asks(self, signature: Signature) -> str:
        """What the person must be asked before `seal`: '' nothing, 'passphrase' of the key, 'pin' of the token, or
        'new-passphrase', for the key that this station is about to make (ask twice)."""

    def keep(self, signature: Signature, passphrase: str) -> None:
        """Keep a passphrase with which `seal` worked in the system's key store. Raises InputError 'keyring'."""

    def seal(
        self, pdf: bytes, signature: Signature, *, passphrase: str | None = None, page: bytes | None = None
    ) -> SealedReport:
        """``pdf`` with a PAdES signature and a visible box: name, role, time, reason. Its field is named by the number.

        An addendum (``signature.text``) is added as a page of its own in an incremental update, under which earlier
        signatures still verify. ``passphrase`` of the key or token; None: the one that the system's key store keeps.
        ``page``: the addendum's page as a PDF of its own, with the box's place free; None: a plain page with the words.

        Raises InputError 'passphrase' (wrong, or none is kept: ask the person), 'certificate' (expired, not for
        signing), 'altered' (the earlier signatures do not hold), 'state' (not the next number), 'too-long', StoreError for
        a key file or token that cannot be read, BoneAgeError 'time-stamp', FilmError for a PDF that cannot be signed.
        """

    def verify(self, pdf: bytes) -> Verification:
        """What each signature covers, by whom, whether anything changed since; offline. Raises FilmError 'not-a-pdf'
        for a file that is none."""


@dataclass(frozen=True, slots=True)
class SealCheck:
    """One signature of a file. ``intact``: what it covers is as it was signed; ``whole``: it covers all of its
    revision; ``trusted``: by a certificate that this station trusts, its own included. ``problem``: '' or what is wrong.
    ``text``: of an addendum. ``time_stamp``: '' or when and by which authority it was stamped."""

    number: int
    name: str
    role: str
    at: datetime | None
    reason: str
    certificate_sha256: str
    certificate_subject: str
    self_issued: bool
    intact: bool
    whole: bool
    trusted: bool
    problem: str = ""
    text: str = ""
    time_stamp: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a signed report says of itself. ``unsigned_changes``: something was added or changed after the last
    signature. ``reading``: the attached JSON document (`reading.document`), None where it is missing or damaged.
    ``problems``: everything that is wrong with the file, in words; empty means that it is as it was signed."""

    seals: tuple[SealCheck, ...]
    unsigned_changes: bool
    reading: dict[str, Any] | None
    problems: tuple[str, ...]


class ResultsWriter(Protocol):
    """Writes DICOM results (reports)."""

    def write(
        self, reading: Reading, film: Film, out: Path, *, report: bytes | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> Sequence[Path]:  # fmt: skip
        """SR, GSPS, secondary capture, encapsulated PDF (``report``: the signed or printed PDF, left out where None), the
        reader's mark of a key image, where he set it, and a key object that names them all into the folder ``out``, as a
        new series each in the film's study. All of them, or none that was not there before. UIDs are the same for the same
        reading, program version and site name, and for nothing else. Raises FilmError 'no-dicom' for a film that has no study
        to put them in, InputError 'blind' while the machine's grades are hidden, Cancelled. Who wants the rules of state too
        calls `reading.results`."""


class KneeReportWriter(Protocol):
    """Writes the PDF of a knee film (reports)."""

    def __call__(self, reading: KneeReading, out: Path, *, paper: str = "A4") -> Path:
        """PDF of the knee reading; ``paper`` 'A4' or 'Letter'."""


@dataclass(frozen=True, slots=True)
class KneeServices:
    """What knee films need beside the engine: a reader that takes them, and their report."""

    films: Callable[[], FilmReader]
    report: Callable[[], KneeReportWriter]


class VoiLut(Protocol):
    """The one place that turns a display transform into grey (imaging)."""

    def __call__(
        self, voi: Voi, max_value: int, dtype: npt.DTypeLike, *, invert: bool = False
    ) -> npt.NDArray[np.uint8]:
        """Grey 0..255 for every value of ``dtype`` (256 or 65,536 entries)."""


@dataclass(frozen=True)
class Services:
    """What wiring hands to ui and cli. Factories make heavy adapters on first use, once.

    ``now`` gives a time-zone-aware time; ``who`` the reader's account name; ``new_id`` a fresh id.
    """

    data_dir: Path
    settings: Settings
    films: Callable[[], FilmReader]
    engine: Callable[[], AnalysisEngine]
    store: Callable[[], ReadingStore]
    reports: Callable[[], ReportWriter]
    cut_crop: Callable[[Frame, Box, float, int], npt.NDArray[np.uint8]]
    """(frame, box, angle_deg, size) -> (size, size) uint8 crop, distal up, contrast stretched."""
    voi_lut: VoiLut
    """Grey table of a display transform; quick enough for every step of a drag."""
    demo_film: Callable[[], Path]
    now: Callable[[], datetime]
    who: Callable[[], str]
    new_id: Callable[[], str]
    close: Callable[[], None]
    knee: KneeServices | None = None
    """Knee films; None where the program is put together without them."""
    signer: MakeSigner | None = None
    """Seals reports with the key of this station's settings; None where the program is put together without."""
    draw_bone: Callable[[str, int, int, str], npt.NDArray[np.uint8]] | None = None
    """(bone, grade index, size, side 'left' or 'right') -> (size, size) uint8 drawing of that grade for the atlas ladder, at
    the scale of the bone's crop; blocks some 0.1 s. None where the program is put together without."""
    draw_hand: Callable[[Mapping[str, int], Sex, tuple[int, int], str], npt.NDArray[np.uint8]] | None = None
    """(grade index of each of the 13 bones, sex, (rows, columns), side 'left' or 'right') -> (rows, columns) uint8 drawing of an
    upright hand; blocks some 0.5 s. None where the program is put together without."""
    results: Callable[[], ResultsWriter] | None = None
    """DICOM results; None where the program is put together without."""
    station: Callable[[], StationKeeper] | None = None
    """The station's events, PINs and backups; None where the program is put together without."""
    exports: MakeExporter | None = None
    """Films and training sets without names; None where the program is put together without."""
