"""Where the model of a second opinion looked on the film, as a value that cannot be shown beside another opinion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError
from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.second_opinion import default_opinion

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class FilmMap:
    """The map of one second opinion. ``values``: (height, width) float32 0..1 over the whole film."""

    opinion: WholeHandOpinion
    values: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise ValueError(f"a map has rows and columns, not {self.values.shape}")


def check_map(reading: Reading, film_map: FilmMap) -> None:
    """Raises InputError 'other-map' where ``film_map`` is not of the opinion that ``reading`` tells: another model, other
    weights, another sex, or an opinion that was dropped."""
    if film_map.opinion != default_opinion(reading):
        raise InputError(
            "The map is of another second opinion than the reading's.",
            "Ask for the map of the reading as it is now.", code="other-map",
        )  # fmt: skip
