"""The child process that reads mutants: it may write no byte, start no program and take no more than its memory.

Where the operating system can (Linux), the kernel holds it to that: no file may grow, and its memory has an end.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from boneage_desk.common.errors import BoneAgeError, FilmError

READ, REFUSED, WRONG, WROTE = "read", "refused", "wrong-exception", "wrote-outside"
MEMORY = 5 << 30
"""Bytes of address space that the child may take."""
_AT_MOST = 4
"""Films of one mutant that are opened."""
Look = Callable[[str], tuple[str, str]]
_AT = datetime(2024, 7, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``detail``: code of a refusal, or what went wrong where. ``peak``: bytes of memory, 0 where not known."""

    kind: str
    detail: str = ""
    seconds: float = 0.0
    peak: int = 0


def serve(conn: Connection, quiet: bool, look: Look) -> None:
    """Target of the child process: answers paths with outcomes until told to end.

    ``quiet``: what libraries print goes. ``look``: what reads a path; `probe`, but in a test of the faults that are seen.
    """
    from boneage_desk.imaging.reader import warm_up

    if quiet:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
    else:
        import faulthandler

        faulthandler.enable()
    warm_up()
    from boneage_desk.imaging import voi  # noqa: F401 - with numpy's parts, before the watch begins
    from boneage_desk.reading import codec  # noqa: F401

    sys.dont_write_bytecode = True
    watch = Watch()
    _hold(quiet)
    warnings.simplefilter("error")
    peak = _Peak()
    conn.send("ready")
    with suppress(EOFError, OSError):
        while path := conn.recv():
            watch.seen.clear()
            peak.begin()
            began = time.process_time()
            try:
                kind, detail = look(path)
            except BaseException as error:  # not Exception alone: a codec that panics raises past it
                kind, detail = WRONG, _words(error)
            if watch.seen:
                kind, detail = WROTE, "; ".join(watch.seen[:3])
            conn.send(Outcome(kind, detail, time.process_time() - began, peak.bytes()))


def probe(path: str) -> tuple[str, str]:
    """(kind, detail) after looking for films at ``path``, opening them and using them as the program does.

    Raises what the readers must not let through.
    """
    from boneage_desk.imaging.reader import FilmFiles

    try:
        reader = FilmFiles()
        opened, code = 0, "nothing-found"
        places: list[tuple[str, str, int]] = [(path, "", 1)]
        for found in reader.scan([path]):
            places.append((found.path, found.member, getattr(found, "frame_count", 1)))
        for file, member, frames in list(dict.fromkeys(places))[: _AT_MOST + 1]:
            for knee in (False, True):
                try:
                    use(FilmFiles(knee=knee).open(file, member=member, frame=frames if frames > 1 else None))
                    opened += 1
                except FilmError as error:
                    code = error.code if code == "nothing-found" else code
    except BoneAgeError as error:
        return REFUSED, error.code
    return (READ, "") if opened else (REFUSED, code)


def _words(error: BaseException) -> str:
    """What was raised, where in this program and where behind it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "boneage_desk" in frame.filename] or frames
    places = " ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in (ours[-1], frames[-1]))
    return f"{type(error).__name__} at {places}: {str(error)[:120]}"


def use(film: Any) -> None:
    """Each window on the screen's greys, and the reading as it would be stored and exported."""
    from boneage_desk.imaging.voi import apply_voi
    from boneage_desk.reading.assessment import new_reading
    from boneage_desk.reading.codec import decode_reading, encode_reading

    frame = film.frame
    for voi in frame.vois[:4]:
        apply_voi(frame.pixels, voi, max_value=frame.max_value)
    stored = json.dumps(encode_reading(new_reading(film, "fuzz", _AT)), allow_nan=False)
    decode_reading(json.loads(stored))


class Watch:
    """Notes every file opened for writing and everything made, moved, linked or started, from now on."""

    _CHANGES = frozenset(
        "os.mkdir os.rename os.remove os.rmdir os.link os.symlink os.truncate os.chmod os.chown os.utime os.system os.exec "
        "os.fork os.forkpty os.posix_spawn os.spawn os.startfile subprocess.Popen shutil.copyfile shutil.move shutil.rmtree "
        "shutil.unpack_archive tempfile.mkstemp tempfile.mkdtemp socket.connect socket.bind pickle.find_class "
        "ctypes.dlopen webbrowser.open".split()
    )

    def __init__(self) -> None:
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = (*arguments, None, None, None)[:3]
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            if writes and path != os.devnull:
                self.seen.append(f"open {path!r} {mode}")
        elif event in self._CHANGES:
            self.seen.append(f"{event} {arguments!r}"[:200])


def _hold(silent: bool) -> None:
    """Ask the kernel to hold this process to no writing and so much memory. Not on Windows.

    ``silent``: nothing is to be printed either; else that may go into a file.
    """
    try:
        import resource
    except ImportError:
        return
    import signal

    if silent:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # a byte written to a file ends the process
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class _Peak:
    """Most memory taken since `begin`; 0 where the kernel does not tell."""

    def __init__(self) -> None:
        self._reset = -1
        with suppress(OSError):
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def begin(self) -> None:
        if self._reset >= 0:
            with suppress(OSError):
                os.write(self._reset, b"5")

    def bytes(self) -> int:
        try:
            with open("/proc/self/status", encoding="ascii") as status:
                return next((int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:")), 0)
        except OSError:
            return 0
