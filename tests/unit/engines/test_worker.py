"""What the model process does with one request, without the models."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from boneage_desk.common.errors import Cancelled
from boneage_desk.engines import transport as wire
from boneage_desk.engines import worker


class _Pipeline:
    """Holds any film; a reading of three steps, before the second of which its caller cancels."""

    def __init__(self, cancel: Any) -> None:
        self.cancel = cancel
        self.steps: list[str] = []

    def holds(self, key: int) -> bool:
        return True

    def analyse(self, report: Any) -> str:
        for number, step in enumerate(("contrast", "finding the bones", "grading")):
            if number == 1:
                self.cancel()
            report(number / 3, step)
            self.steps.append(step)
        return "read"


@pytest.mark.parametrize(("cancelled", "steps"), [(7, 1), (6, 3)], ids=["this request", "an older one"])
def test_a_reading_ends_between_two_steps_when_nobody_waits_for_it(cancelled: int, steps: int) -> None:
    here, there = multiprocessing.Pipe()
    pipeline = _Pipeline(lambda: there.send(wire.Cancel(cancelled)))
    request = wire.Request(7, wire.Analyse(wire.FilmRef(1, 10, 10, "uint8", None)))
    if cancelled == request.id:
        with pytest.raises(Cancelled):
            worker._answer(here, pipeline, None, request)  # type: ignore[arg-type]
    else:
        assert worker._answer(here, pipeline, None, request) == "read"  # type: ignore[arg-type,comparison-overlap]
    assert len(pipeline.steps) == steps
    here.close()
    there.close()
