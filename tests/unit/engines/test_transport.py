"""Values and films that cross between the two processes."""

from __future__ import annotations

import multiprocessing
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest

from boneage_desk.common.errors import BoneAgeError, Cancelled, EngineError, FilmError, InputError
from boneage_desk.engines import transport as wire


@pytest.fixture
def pixels() -> np.ndarray:
    return np.arange(35 * 21, dtype=np.uint16).reshape(35, 21) * 7


@pytest.mark.parametrize("shared", [True, False])
def test_film_arrives_as_it_was(pixels: np.ndarray, shared: bool) -> None:
    ours, theirs = multiprocessing.Pipe()
    loan = wire.FilmLoan(4, pixels, 9, shared=shared)
    try:
        assert loan.ref.inline is not shared
        assert not loan.ref.held
        if loan.inline is not None:
            ours.send_bytes(loan.inline)
        arrived = wire.take_film(loan.ref, theirs)
    finally:
        loan.end()
        ours.close()
        theirs.close()
    assert arrived.dtype == np.uint16
    np.testing.assert_array_equal(arrived, pixels)


def test_a_turned_view_arrives_in_its_own_order(pixels: np.ndarray) -> None:
    ours, theirs = multiprocessing.Pipe()
    loan = wire.FilmLoan(1, pixels.T[::-1], None)
    try:
        np.testing.assert_array_equal(wire.take_film(loan.ref, theirs), pixels.T[::-1])
    finally:
        loan.end()
        ours.close()
        theirs.close()


def test_memory_is_gone_after_the_loan(pixels: np.ndarray) -> None:
    loan = wire.FilmLoan(1, pixels, None)
    name = loan.ref.name
    loan.end()
    loan.end()
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)


def test_a_film_taken_back_too_early_is_an_engine_error(pixels: np.ndarray) -> None:
    ours, theirs = multiprocessing.Pipe()
    loan = wire.FilmLoan(1, pixels, None)
    loan.end()
    with pytest.raises(EngineError, match="too early"):
        wire.take_film(loan.ref, theirs)
    ours.close()
    theirs.close()


def test_full_shared_memory_sends_the_film_through_the_pipe(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_room", lambda size: False)
    loan = wire.FilmLoan(1, pixels, None)
    assert loan.ref.inline and loan.inline is not None
    assert loan.inline.nbytes == pixels.nbytes
    loan.end()


@pytest.mark.parametrize(
    "error",
    [
        EngineError("gone", "again", code="engine-crashed"),
        FilmError("dark", "brighter"),
        InputError("no", code="empty-crop"),
        Cancelled(),
    ],
)
def test_expected_errors_keep_class_code_message_and_remedy(error: BoneAgeError) -> None:
    again = wire.from_wire(wire.to_wire(error))
    assert type(again) is type(error)
    assert isinstance(again, BoneAgeError)
    assert (again.code, again.message, again.remedy) == (error.code, error.message, error.remedy)


def test_out_of_memory_is_expected() -> None:
    again = wire.from_wire(wire.to_wire(MemoryError()))
    assert isinstance(again, EngineError)
    assert again.code == "out-of-memory"
    assert again.remedy


def test_anything_else_is_a_bug_with_its_traceback() -> None:
    again = wire.from_wire(wire.to_wire(KeyError("x"), "Traceback: here"))
    assert isinstance(again, wire.EngineBug)
    assert not isinstance(again, BoneAgeError)
    assert "Traceback: here" in str(again)
