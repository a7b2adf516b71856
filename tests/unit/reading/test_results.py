"""The rules by which DICOM results leave, whoever asks: window or command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.common.errors import Cancelled, FilmError, InputError, StoreError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.reading.assessment import Blind, State
from boneage_desk.reading.film import Film
from boneage_desk.reading.results import write_results
from boneage_desk.reading.session import Reading
from tests.dicom_cases import drawn, open_film, session, signed

SEALED = b"%PDF-1.7 sealed"


class Writer:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.reports: list[bytes | None] = []

    def write(
        self, reading: Reading, film: Film, out: Path, *, report: bytes | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> Sequence[Path]:  # fmt: skip
        self.reports.append(report)
        for share in (0.0, 0.5, 1.0):
            progress(share, "step")
        return [out / "SR.1.dcm"]


class Store:
    """``asked``: the number of each seal whose file was wanted."""

    def __init__(self, report: bytes | None = SEALED) -> None:
        self.kept = report
        self.asked: list[int | None] = []

    def report(self, reading_id: str, number: int | None = None) -> bytes:
        self.asked.append(number)
        if self.kept is None:
            raise StoreError("There is no report.", code="not-found")
        return self.kept


@dataclasses.dataclass
class Parts:
    """What of the services is asked for."""

    writer: Writer = dataclasses.field(default_factory=Writer)
    kept: Store = dataclasses.field(default_factory=Store)
    there: bool = True

    @property
    def results(self) -> Callable[[], Writer] | None:
        return (lambda: self.writer) if self.there else None

    def store(self) -> Store:
        return self.kept


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Film, Reading]:
    hand = drawn(250, 200)
    film = open_film(tmp_path_factory.mktemp("case"), hand)
    return film, session(film, hand).reading


def write(parts: Parts, case: tuple[Film, Reading], **how: Any) -> Any:
    film, reading = case
    return write_results(parts, how.pop("reading", reading), how.pop("film", film), Path("out"), **how)  # type: ignore[arg-type]


def refused() -> bytes:
    pytest.fail("a report was drawn")


def test_a_signed_reading_takes_the_sealed_file_and_never_a_drawn_one(case: tuple[Film, Reading]) -> None:
    parts = Parts()
    for reading in (signed(case[1]), signed(case[1], "Dr. A. Reader", "More.")):
        made = write(parts, case, reading=reading, draw=refused)
        assert (made.report, made.trouble, made.paths) == (True, "", (Path("out/SR.1.dcm"),))
    assert parts.writer.reports == [SEALED, SEALED]
    assert parts.kept.asked == [1, 2], "not the newest: an addendum may have come in another window since"
    without = Parts(kept=Store(None))
    with pytest.raises(StoreError):
        write(without, case, reading=signed(case[1]))
    assert without.writer.reports == []


@pytest.mark.parametrize("state", [State.DRAFT, State.REVIEWED])
def test_of_others_the_report_is_what_is_drawn_or_none(case: tuple[Film, Reading], state: State) -> None:
    parts, reading = Parts(), dataclasses.replace(case[1], state=state)
    assert write(parts, case, reading=reading, draw=lambda: b"%PDF-").report
    assert not write(parts, case, reading=reading).report
    assert parts.writer.reports == [b"%PDF-", None]


@pytest.mark.parametrize("error", [StoreError("No room."), OSError("gone")])
def test_a_report_that_fails_is_told_and_the_rest_is_written(case: tuple[Film, Reading], error: Exception) -> None:
    def fail() -> bytes:
        raise error

    parts = Parts()
    made = write(parts, case, draw=fail)
    assert (made.report, made.trouble, parts.writer.reports) == (False, str(error), [None])


def test_what_may_not_leave_is_refused_before_anything_is_done(case: tuple[Film, Reading]) -> None:
    film, reading = case
    parts = Parts()
    raster = dataclasses.replace(film, source=dataclasses.replace(film.source, is_dicom=False))
    for how, kind, code in (
        ({"reading": dataclasses.replace(reading, blind=Blind.HIDDEN)}, InputError, "blind"),
        ({"film": raster}, FilmError, "no-dicom"),
    ):
        with pytest.raises(kind) as caught:
            write(parts, case, draw=refused, **how)
        assert (caught.value.code, bool(caught.value.remedy)) == (code, True)
    with pytest.raises(InputError, match="without DICOM results"):
        write(Parts(there=False), case)
    assert parts.writer.reports == []


def test_progress_rises_to_the_end_and_a_cancel_stops_it(case: tuple[Film, Reading]) -> None:
    shares: list[float] = []
    write(Parts(), case, draw=lambda: b"%PDF-", progress=lambda share, _step: shares.append(share))
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0.0, 1.0)
    token, parts = CancelToken(), Parts()
    token.cancel()
    with pytest.raises(Cancelled):
        write(parts, case, cancel=token)
    assert parts.writer.reports == []
