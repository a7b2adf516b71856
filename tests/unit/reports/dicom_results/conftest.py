"""One small drawn hand, and results of it read back strictly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.reading.film import Film
from boneage_desk.reports.dicom_results.writer import DicomResults
from tests.dicom_cases import PDF, by_modality, drawn, open_film


@pytest.fixture(scope="session")
def hand() -> Any:
    return drawn()


@pytest.fixture
def film(tmp_path: Path, hand: Any) -> Callable[..., Film]:
    """``film(sex="M", changes={...})``: a drawn film as DICOM, opened."""
    return lambda **how: open_film(tmp_path, hand, **how)


@pytest.fixture
def results(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """``results(reading, film)``: the objects by modality, strictly read from their files."""

    def run(reading: Any, of: Film, *, report: bytes | None = PDF, settings: Any = None) -> dict[str, Any]:
        return by_modality(DicomResults(settings).write(reading, of, tmp_path / "out", report=report))

    return run
