"""``boneage-desk bench fuzz``: mutated films read in a child process, and what came of each.

A mutant must be read or refused with a BoneAgeError. Everything else is a fault: the process ended, it did not come to an
end, another exception, more memory than a film may take, or anything written or started. Each fault is told with its
number: ``bench fuzz --seed S --case N --keep DIR`` makes and reads that one again and leaves its file.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boneage_desk.cli import output
from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.imaging.hostile.probe import WRONG, WROTE, Look, probe, serve

CRASH, HANG, MEMORY = "crash", "hang", "memory"
FAULTS = (CRASH, HANG, WRONG, MEMORY, WROTE)
CPU_S = 20.0
"""Processor time after which a mutant of some kilobytes is a hang; other work on the machine does not count."""
WALL_S = 300.0
MOST_BYTES = 1536 << 20
"""Memory for one mutant: a film of the largest size that is opened takes about this."""
_BATCH = 500
"""Mutants for one child, then a new one."""
_KEPT_FAULTS = 50


@dataclass(slots=True)
class Tally:
    """What came of the mutants so far. ``faults``: number, kind, what was done and what was seen of each."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)

    @property
    def bad(self) -> int:
        return sum(self.outcomes[kind] for kind in FAULTS)


def fuzz(folder: Path, *, films: int, seed: int, case: int | None = None, keep: Path | None = None) -> dict[str, Any]:
    """Reads ``films`` mutants of ``seed``, or ``case`` alone, below ``folder``. ``keep``: where files of faults stay."""
    from boneage_desk.imaging.hostile.forms import all_forms
    from boneage_desk.imaging.hostile.mutate import mutant

    if films < 1 or (case is not None and case < 0):
        raise InputError("--films must be 1 or more, --case 0 or more.", code="usage")
    forms, tally = all_forms(), Tally()
    numbers = range(films) if case is None else range(case, case + 1)
    place = folder / "mutants"
    place.mkdir()
    began = time.perf_counter()
    child = Child(quiet=case is None)
    how = ""
    try:
        for number in numbers:
            made = mutant(forms, seed, number)
            how = made.how
            path = _laid_out(place, made.files, made.opened)
            before = _listing(folder)
            outcome, detail, seconds, peak = child.read(path)
            if _listing(folder) != before:
                outcome, detail = WROTE, "a file in the folder of the mutants was made or changed"
            _count(tally, number, outcome, detail, seconds, peak, how)
            if keep is not None and (outcome in FAULTS or case is not None):
                _laid_out(_made(keep / f"{seed}-{number}"), made.files, made.opened)
            _clear(place)
            if number % _BATCH == _BATCH - 1 and case is None:
                output.note(f"{number + 1} of {films} films, {tally.bad} faults")
            if child.reads >= _BATCH:
                child.end()
                child = Child(quiet=case is None)
    finally:
        child.end()
    return {
        "seed": seed,
        "films": len(numbers),
        "forms": len(forms),
        **({"case": case, "how": how} if case is not None else {}),
        **{kind: tally.outcomes[kind] for kind in ("read", "refused", *FAULTS)},
        "refused_by_code": dict(tally.refusals.most_common()),
        "faults": tally.faults[:_KEPT_FAULTS],
        "most_cpu_s": round(tally.slowest[0], 2), "most_cpu_case": tally.slowest[1],
        "most_memory_mb": tally.largest[0] >> 20, "most_memory_case": tally.largest[1],
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def _count(tally: Tally, number: int, outcome: str, detail: str, seconds: float, peak: int, how: str) -> None:
    tally.outcomes[outcome] += 1
    if outcome == "refused":
        tally.refusals[detail] += 1
    if outcome in FAULTS:
        tally.faults.append({"case": number, "kind": outcome, "how": how, "detail": detail})
    tally.slowest = max(tally.slowest, (seconds, number))
    tally.largest = max(tally.largest, (peak, number))


class Child:
    """The process that reads; a new one takes its place when it ended or hung."""

    def __init__(self, *, quiet: bool, look: Look = probe) -> None:
        self._quiet, self._look = quiet, look
        self.reads = 0
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._conn, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self._quiet, self._look), daemon=True)
        self._process.start()
        theirs.close()
        if not self._conn.poll(WALL_S) or self._receive() != "ready":
            self.end()
            raise BoneAgeError("The process that reads mutants did not start.", code="bench")

    def _receive(self) -> Any:
        try:
            return self._conn.recv()
        except (EOFError, OSError):
            return None

    def read(self, path: Path) -> tuple[str, str, float, int]:
        """(kind, detail, seconds of processor time, bytes of memory)."""
        self.reads += 1
        wall, cpu = time.monotonic(), self._cpu()
        self._conn.send(str(path))
        while not self._conn.poll(0.5):
            spent = self._cpu() - cpu
            if spent > CPU_S or time.monotonic() - wall > WALL_S:
                self.end()
                self._start()
                return HANG, f"{spent:.0f} s of processor time", spent, 0
        outcome = self._receive()
        if outcome is None:
            self._process.join(10)
            code = self._process.exitcode
            self.end()
            self._start()
            return CRASH, f"exit code {code}", 0.0, 0
        if outcome.peak > MOST_BYTES:
            return MEMORY, f"{outcome.peak >> 20} MB", outcome.seconds, outcome.peak
        return outcome.kind, outcome.detail, outcome.seconds, outcome.peak

    def _cpu(self) -> float:
        """Seconds of processor time of the child; 0 where the system does not tell (then the clock decides)."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
        except (OSError, ValueError, IndexError, AttributeError):
            return 0.0

    def end(self) -> None:
        with suppress(OSError):
            self._conn.close()
        self._process.kill()
        self._process.join(10)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _laid_out(folder: Path, files: Mapping[str, bytes], opened: str) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / opened


def _clear(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    """What lies below the folder, with sizes and times."""
    return sorted(_entries(folder))


def _entries(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in folder.rglob("*"):
        status = path.lstat()
        yield str(path), status.st_size if not path.is_dir() else 0, status.st_mtime_ns
