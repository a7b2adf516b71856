"""The models as the reading names them, from their cards. No model library is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boneage_desk.common.errors import EngineError
from boneage_desk.common.settings import SECOND_OPINIONS
from boneage_desk.engines.cards import ModelCard, card_folders, find_card, find_optional_card, named_task, read_card
from boneage_desk.reading.analysis import IntervalRow, IntervalTable, ModelRef
from boneage_desk.standards.types import Sex

SYSTEM_1 = ("detector", "grader")
MEASURING = "segmenter"
"""Measures beside the grades; a reading does without it."""


WHOLE_HAND_TASK = "whole-hand"
SEX_LIMIT = 0.95
"""Probability of the other sex from which a film disagrees with the record, where a card gives no ``sex_limit``."""


@dataclass(frozen=True, slots=True)
class WholeHandCard:
    """A card with its table [whole_hand]: ``engine``, the id of the second opinion that the model gives; ``needs_sex``;
    ``age_range_months`` of its training; ``usual_difference_months``: see `WholeHandOpinion`; ``usual_difference_to``:
    SHA-256 of the detector's and the grader's weights to which it was measured, () where the card does not tell;
    ``sex_limit``."""

    card: ModelCard
    engine: str
    needs_sex: bool
    age_range_months: tuple[float, float]
    usual_difference_months: float | None
    sex_limit: float
    picture: str
    usual_difference_to: tuple[str, ...] = ()

    def usual_difference(self, bones: tuple[str, ...]) -> float | None:
        """``usual_difference_months`` to the 13 bones of a detector and a grader of these SHA-256; None where it was
        not measured to them."""
        return self.usual_difference_months if bones and bones == self.usual_difference_to else None


def whole_hand_card(card: ModelCard) -> WholeHandCard:
    """Raises EngineError card-broken where the table [whole_hand] is missing or wrong."""
    table = card.tables.get("whole_hand", {})
    try:
        low, high = (float(v) for v in table["age_range_months"])
        usual = table.get("usual_difference_months")
        found = WholeHandCard(
            card=card,
            engine=str(table["engine"]),
            needs_sex=bool(table["needs_sex"]),
            age_range_months=(low, high),
            usual_difference_months=None if usual is None else float(usual),
            sex_limit=float(table.get("sex_limit", SEX_LIMIT)),
            picture=str(card.tables["preprocessing"]["picture"]),
            usual_difference_to=tuple(str(v).lower() for v in table.get("usual_difference_to", ())),
        )
        if found.engine not in SECOND_OPINIONS:
            raise ValueError(f"there is no engine '{found.engine}'")
        if not 0.5 < found.sex_limit <= 1 or not low < high or (usual is not None and usual <= 0):
            raise ValueError("a limit is out of range")
    except (KeyError, TypeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise EngineError(
            f"The model card {card.folder / 'card.toml'} is broken: {what}.", "Install the model again.", code="card-broken"
        ) from error
    return found


def whole_hand_cards(models_dir: Path) -> tuple[dict[str, WholeHandCard], list[EngineError]]:
    """By engine, the default first: the last by folder name; and what is wrong with cards that cannot be used."""
    by_engine, problems = {}, []
    for folder in card_folders(models_dir):
        try:
            card = read_card(folder)
            if card.task == WHOLE_HAND_TASK:
                found = whole_hand_card(card)
                by_engine[found.engine] = found
        except EngineError as error:
            if named_task(folder) == WHOLE_HAND_TASK:
                problems.append(error)
    return {engine: by_engine[engine] for engine in SECOND_OPINIONS if engine in by_engine}, problems


def model_ref(card: ModelCard, engine: str = "") -> ModelRef:
    """What a reading records of a model; ``engine``: the second opinion that it gave."""
    return ModelRef(card.name, card.full_tag, card.sha256, engine)


def model_refs(models_dir: Path) -> tuple[ModelRef, ...]:
    """The detector, the grader and, where installed, the segmenter that would run.

    Raises EngineError when a card is missing or broken.
    """
    segmenter = find_optional_card(models_dir, MEASURING)
    needed = [find_card(models_dir, task) for task in SYSTEM_1]
    return tuple(model_ref(card) for card in (*needed, *([segmenter] if segmenter else [])))


def interval_table(card: ModelCard) -> IntervalTable | None:
    """The grader's prediction interval, or None where its card measured none."""
    if not card.intervals:
        return None
    rows = tuple(
        IntervalRow(Sex(band.sex), band.from_months, band.to_months, band.half_width_months, band.factor)
        for band in card.intervals
    )
    source = f"held-out films of the card of {card.full_tag}"
    return IntervalTable(
        card.interval_coverage, rows, source, card.interval_correlation, card.interval_floor_months
    )
