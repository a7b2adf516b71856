"""What crosses between the window's process and the inference process: plain values, and films by memory.

Both ends are the same program, yet every request carries :data:`PROTOCOL`: a frozen application that was
updated in place while it ran would otherwise fail in strange ways. Films go through
``multiprocessing.shared_memory``; where that is too small for the film (a container's 64 MB ``/dev/shm``)
the bytes follow the request through the pipe. Nothing here imports a model library.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import numpy.typing as npt

from boneage_desk.common import errors
from boneage_desk.common.errors import BoneAgeError, EngineError
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, ModelRef, WholeHandResult
from boneage_desk.reading.findings import Box, GradeOpinion
from boneage_desk.reading.knee import KneeQuestion, KneeResult
from boneage_desk.standards.types import Sex

PROTOCOL = 4

Pixels = npt.NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True, slots=True)
class FilmRef:
    """Where the child finds a film.

    ``key`` names the film for the child's one-film memory. ``name``: the shared memory block; '' with
    ``inline``: the bytes come next through the pipe; '' without it: the child still holds the film.
    """

    key: int
    height: int
    width: int
    dtype: str
    padding: int | None
    name: str = ""
    inline: bool = False

    @property
    def held(self) -> bool:
        """The child is expected to have the film already."""
        return not self.name and not self.inline


@dataclass(frozen=True, slots=True)
class Analyse:
    """Detect and grade 13 bones -> AnalysisResult."""

    film: FilmRef


@dataclass(frozen=True, slots=True)
class Regrade:
    """Grade and measure one bone in a given box -> BoneResult."""

    film: FilmRef
    bone: str
    box: Box
    angle_deg: float


@dataclass(frozen=True, slots=True)
class Saliency:
    """Where the grader looked -> float32 map over the box."""

    film: FilmRef
    bone: str
    box: Box
    angle_deg: float
    method: str


@dataclass(frozen=True, slots=True)
class GradeCrops:
    """Grade ready-cut crops of one bone -> list of GradeOpinion."""

    crops: tuple[Pixels, ...]
    bone: str


@dataclass(frozen=True, slots=True)
class WholeHand:
    """Second opinions of the whole film -> WholeHandResult."""

    film: FilmRef
    sex: Sex | None
    engines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WholeHandSaliency:
    """Where the model of a second opinion, of the weights ``sha256``, looked -> float32 map over the film."""

    film: FilmRef
    engine: str
    sex: Sex | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Knee:
    """Bone age of a knee film -> KneeResult; ``saliency``: where the model looked -> float32 map over the film."""

    film: FilmRef
    question: KneeQuestion
    saliency: bool = False


Job = Analyse | Regrade | Saliency | GradeCrops | WholeHand | WholeHandSaliency | Knee
Value = AnalysisResult | BoneResult | list[GradeOpinion] | npt.NDArray[np.float32] | WholeHandResult | KneeResult


@dataclass(frozen=True, slots=True)
class Request:
    """One job for the child."""

    id: int
    job: Job
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Cancel:
    """No one waits for request ``id`` any more; the child looks for it between two steps."""

    id: int


@dataclass(frozen=True, slots=True)
class WireError:
    """An error as text. ``kind`` is a class of common.errors, or 'bug' with the traceback."""

    kind: str
    code: str
    message: str
    remedy: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """The child can take requests."""

    device: str
    backend: str
    models: tuple[ModelRef, ...]
    timing_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class StartFailed:
    """The child gives up; it ends after this."""

    error: WireError


@dataclass(frozen=True, slots=True)
class Accepted:
    """The child has request ``id`` in hand. One that dies before was dead already: the request is sent again."""

    id: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """Share done of request ``id``."""

    id: int
    share: float
    step: str


@dataclass(frozen=True, slots=True)
class Done:
    """Result of request ``id``."""

    id: int
    value: Value


@dataclass(frozen=True, slots=True)
class Failed:
    """Request ``id`` failed; the child lives on."""

    id: int
    error: WireError


Reply = Ready | StartFailed | Accepted | Progressed | Done | Failed


class EngineBug(RuntimeError):
    """The inference process met a fault of the program; the text holds its traceback."""


def to_wire(error: BaseException, trace: str = "") -> WireError:
    """``error`` as text; out of memory is an expected failure, everything unknown is a bug."""
    if isinstance(error, BoneAgeError):
        return WireError(type(error).__name__, error.code, error.message, error.remedy)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return WireError(
            "EngineError",
            "out-of-memory",
            "The models ran out of memory.",
            "Close other programs, or choose the CPU in the settings, and read the film again.",
        )
    return WireError("bug", "bug", f"{type(error).__name__}: {error}", trace=trace)


def from_wire(wire: WireError) -> Exception:
    """The exception to raise for ``wire``."""
    kind = getattr(errors, wire.kind, None)
    if isinstance(kind, type) and issubclass(kind, BoneAgeError):
        return kind(wire.message, wire.remedy, code=wire.code)
    return EngineBug(f"{wire.message}\n{wire.trace}".strip())


def _room(size: int) -> bool:
    """Whether shared memory can hold ``size`` bytes: writing past a full /dev/shm kills the process."""
    if not hasattr(os, "statvfs") or not os.path.isdir("/dev/shm"):
        return True
    with suppress(OSError):
        there = os.statvfs("/dev/shm")
        return there.f_bavail * there.f_frsize > size + 8 * 2**20
    return True


class FilmLoan:
    """A film lent to the child for one request: ``ref`` to send, ``inline`` bytes to send after it."""

    def __init__(self, key: int, pixels: Pixels, padding: int | None, *, shared: bool = True) -> None:
        self._block: SharedMemory | None = None
        self.inline: memoryview | None = None
        height, width = pixels.shape
        shape = (key, height, width, str(pixels.dtype), padding)
        flat = np.ascontiguousarray(pixels)
        if shared and _room(flat.nbytes):
            with suppress(OSError):
                self._block = SharedMemory(create=True, size=flat.nbytes)
        if self._block is None:
            self.inline = memoryview(flat).cast("B")
            self.ref = FilmRef(*shape, inline=True)
            return
        view = self._block.buf
        assert view is not None
        np.frombuffer(view, flat.dtype, flat.size).reshape(flat.shape)[:] = flat
        del view
        self.ref = FilmRef(*shape, name=self._block.name)

    def end(self) -> None:
        """Take the memory back; safe to call twice."""
        block, self._block, self.inline = self._block, None, None
        if block is not None:
            with suppress(BufferError):
                block.close()
            with suppress(FileNotFoundError):
                block.unlink()


def take_film(ref: FilmRef, conn: Connection) -> Pixels:
    """In the child: a copy of the pixels of ``ref`` (2 ms for a usual film)."""
    dtype = np.dtype(ref.dtype)
    count = ref.height * ref.width
    if ref.inline:
        return np.frombuffer(conn.recv_bytes(), dtype, count).reshape(ref.height, ref.width)
    try:
        # Before Python 3.13 attaching registers the block a second time with the tracker that both
        # processes share; that tracker keeps a set, and the window's unlink takes it out again.
        block = SharedMemory(ref.name, track=False) if sys.version_info >= (3, 13) else SharedMemory(ref.name)
    except FileNotFoundError:
        raise EngineError("The film's memory was taken back too early.", "Read it again.") from None
    try:
        view = block.buf
        assert view is not None
        return np.frombuffer(bytes(view[: count * dtype.itemsize]), dtype).reshape(ref.height, ref.width)
    finally:
        block.close()
