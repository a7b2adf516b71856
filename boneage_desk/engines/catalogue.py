"""The models of system 1 as the reading names them, from their cards. No model library is imported."""

from __future__ import annotations

from pathlib import Path

from boneage_desk.engines.cards import ModelCard, find_card, find_optional_card
from boneage_desk.reading.analysis import IntervalRow, IntervalTable, ModelRef
from boneage_desk.standards.types import Sex

SYSTEM_1 = ("detector", "grader")
MEASURING = "segmenter"
"""Measures beside the grades; a reading does without it."""


def model_ref(card: ModelCard) -> ModelRef:
    """What a reading records of a model."""
    return ModelRef(card.name, card.full_tag, card.sha256)


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
