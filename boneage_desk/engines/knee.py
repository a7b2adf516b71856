"""A site's knee model, loaded and asked. Runs in the inference process only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.cards import ModelCard, card_folders, named_task, read_card
from boneage_desk.engines.knee_check import check
from boneage_desk.imaging.knee_frame import PICTURE, knee_picture
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.reading.analysis import Flag, ModelRef
from boneage_desk.reading.knee import (
    DRAWN_ONLY,
    KNEE,
    NO_AGE,
    NO_SEX,
    OUTSIDE,
    UNAVAILABLE,
    UNTRAINED,
    KneeModelFacts,
    KneeQuestion,
    KneeResult,
    refused,
)
from boneage_desk.standards.types import Sex, years_months

if TYPE_CHECKING:
    import numpy.typing as npt

    from boneage_desk.engines.networks.knee import KneeAnswers, KneeModel

    Unit = npt.NDArray[np.uint8]

SITE_FILMS = "site films"
MEASURED = ("films", "patients", "mae_months", "rmse_months", "bias_months", "guess_mae_months", "leans_on_age")


def find_knee(models_dir: Path) -> ModelCard | None:
    """The card of the installed knee model, the last by folder name; None where there is none.

    Raises EngineError card-broken where one is there and cannot be used.
    """
    folders = [folder for folder in card_folders(models_dir) if named_task(folder) == KNEE]
    return read_card(folders[-1]) if folders else None


def facts_of(card: ModelCard) -> KneeModelFacts:
    """What a card says of its model. Raises EngineError card-broken where its table [knee] is missing or wrong."""
    try:
        table = card.tables["knee"]
        picture = card.tables["preprocessing"]["picture"]
        if picture != PICTURE:
            raise ValueError(f"this version does not know the picture '{picture}'")
        measured = {k: float(v) for k, v in card.tables.get("metrics", {}).items() if k in MEASURED}
        low, high = (float(v) for v in table["age_range_months"])
        if not low <= high:
            raise ValueError("its age range is empty")
        return KneeModelFacts(
            ModelRef(card.name, card.full_tag, card.sha256, KNEE), bool(table["uses_chronological_age"]), int(table["folds"]),
            str(table["trained_on"]), str(table["labels"]), measured, card.limits,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise EngineError(
            f"The model card {card.folder / 'card.toml'} is broken: {what}.", "Train or install the model again.", code="card-broken"
        ) from error


@dataclass(frozen=True, slots=True)
class KneeReader:
    """A loaded knee model. hand_found: whether the hand detector finds a hand on a film [H, W] uint8."""

    card: ModelCard
    facts: KneeModelFacts
    model: KneeModel
    device: str
    hand_found: Callable[[Unit], bool]

    @classmethod
    def load(cls, card: ModelCard, device: str, hand_found: Callable[[Unit], bool]) -> KneeReader:
        """Check the weights and load them. Raises EngineError weights-missing, weights-hash, card-broken."""
        from boneage_desk.engines.networks.knee import load_knee

        facts, weights = facts_of(card), card.verified_weights()
        try:
            model = load_knee(card, weights)
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"The weights of {card.full_tag} are not those of its architecture: {error}", "Train or install the model again.",
                code="weights-broken",
            ) from error  # fmt: skip
        return cls(card, facts, model.to(device), device, hand_found)

    def before(self, asked: KneeQuestion) -> Flag | None:
        """Why the model may not be asked at all: a model of drawings, a fact that it needs and does not have."""
        if self.facts.trained_on != SITE_FILMS and not asked.drawn:
            return _no(DRAWN_ONLY, "The installed knee model was trained on drawings: no number for a patient's film (docs/knee.md).")
        if asked.sex is None:
            return _no(NO_SEX, "The sex is not known, and the knee model needs it.")
        if self.facts.uses_chronological_age and asked.chronological_months is None:
            return _no(NO_AGE, "The chronological age is not known (birth or study date), and the knee model needs it.")
        low, high = (float(v) for v in self.card.tables["knee"]["age_range_months"])
        months = asked.chronological_months
        if months is not None and not low <= months <= high:
            span = f"{years_months(low)} to {years_months(high)}"
            return _no(OUTSIDE, f"The child is {years_months(months)} old; the knee model was trained on {span}.")
        return None

    def read(self, pixels: npt.NDArray[np.uint8 | np.uint16], padding: int | None, asked: KneeQuestion) -> KneeResult:
        """The film's bone age, or why there is none."""
        began = time.perf_counter()
        stop = self.before(asked)
        if stop is not None:
            return KneeResult(None, (stop,), model=self.facts, device=self.device)
        unit = normalise_film(pixels, padding=padding)
        answers = self._answers(unit, asked)
        strange = [float(v) for v in answers.strangeness[0]]
        blank = int(unit.max()) - int(unit.min()) < 2
        flag = check(
            strange, [float(v) for v in answers.strangeness[1]], hand_found=not blank and self.hand_found(unit), blank=blank
        )
        took = {"total": round((time.perf_counter() - began) * 1e3, 2)}
        oddness = round(float(np.median(strange)), 3)
        if flag is not None:
            return KneeResult(None, (flag,), strangeness=oddness, model=self.facts, timing_ms=took, device=self.device)
        months = float(np.clip(answers.months[0].mean(), 0.0, 264.0))
        return KneeResult(
            round(months, 2), (), self._interval(months, asked.sex), self.card.interval_coverage,
            round(float(answers.months[0].std()), 2), oddness, self.facts, took, self.device,
        )  # fmt: skip

    def _answers(self, unit: Unit, asked: KneeQuestion) -> KneeAnswers:
        """Of the film and of its negative."""
        from boneage_desk.engines.networks.knee import read_knees

        size = self.card.input_size
        pictures = np.stack([knee_picture(unit, size), knee_picture(np.asarray(255 - unit, np.uint8), size)])
        male = np.array([asked.sex is Sex.MALE] * 2)
        age = np.nan if asked.chronological_months is None else asked.chronological_months
        return read_knees(self.model, pictures, male, np.array([age] * 2, float))

    def saliency(self, pixels: npt.NDArray[np.uint8 | np.uint16], padding: int | None, asked: KneeQuestion) -> npt.NDArray[np.float32]:
        """Where the networks looked: float32 [height, width] 0..1 over the whole film, at most 256 pixels a side.

        Raises EngineError 'knee-unavailable' where no number may be given.
        """
        from PIL import Image

        from boneage_desk.engines.networks.knee import saliency

        result = self.read(pixels, padding, asked)
        if result.months is None:
            raise EngineError(result.flags[0].message, code="knee-unavailable")
        unit = normalise_film(pixels, padding=padding)
        age = asked.chronological_months if asked.chronological_months is not None else float("nan")
        seen = saliency(self.model, knee_picture(unit, self.card.input_size), asked.sex is Sex.MALE, age)
        height, width = unit.shape
        scale = 256 / max(height, width)
        whole = Image.fromarray(seen).resize((256, 256), Image.Resampling.BILINEAR)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (256 - w) // 2, (256 - h) // 2
        return np.asarray(whole.crop((left, top, left + w, top + h)), np.float32)

    def _interval(self, months: float, sex: Sex | None) -> tuple[float, float] | None:
        for band in self.card.intervals:
            if sex is not None and band.sex == sex.value and band.from_months <= months < band.to_months:
                return max(0.0, round(months - band.half_width_months, 1)), round(months + band.half_width_months, 1)
        return None


class KneeDesk:
    """The knee model of the inference process, loaded when it is first asked for, and the film in hand."""

    def __init__(self, models_dir: Path, device: str, hand_found: Callable[[Unit], bool]) -> None:
        self._models_dir, self._device, self._hand_found = models_dir, device, hand_found
        self._reader: KneeReader | None = None
        self._film: tuple[npt.NDArray[np.uint8 | np.uint16], int | None] | None = None

    def hold(self, pixels: npt.NDArray[np.uint8 | np.uint16], padding: int | None) -> None:
        """Take a film; the one before is dropped."""
        self._film = (pixels, padding)

    def read(self, asked: KneeQuestion) -> KneeResult:
        """See AnalysisEngine.knee."""
        missing = unavailable(self._models_dir)
        return missing or self._loaded().read(*self._in_hand(), asked)

    def saliency(self, asked: KneeQuestion) -> npt.NDArray[np.float32]:
        """See AnalysisEngine.knee_saliency."""
        missing = unavailable(self._models_dir)
        if missing is not None:
            raise EngineError(missing.flags[0].message, code="knee-unavailable")
        return self._loaded().saliency(*self._in_hand(), asked)

    def _in_hand(self) -> tuple[npt.NDArray[np.uint8 | np.uint16], int | None]:
        if self._film is None:
            raise EngineError("No film is in the engine.", "Read it again.", code="film-not-held")
        return self._film

    def _loaded(self) -> KneeReader:
        card = find_knee(self._models_dir)
        assert card is not None  # `unavailable` has looked
        if self._reader is None or self._reader.card.sha256 != card.sha256:
            self._reader = KneeReader.load(card, self._device, self._hand_found)
        return self._reader


def _no(code: str, text: str) -> Flag:
    return Flag(code, text, blocking=True, engine=KNEE)


def unavailable(models_dir: Path) -> KneeResult | None:
    """The answer where no usable model is installed, None where one is."""
    try:
        card = find_knee(models_dir)
        if card is None:
            return refused(UNAVAILABLE, UNTRAINED)
        facts_of(card)
    except EngineError as error:
        return refused(UNAVAILABLE, str(error))
    return None
