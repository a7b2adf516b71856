"""Content items of a structured report, on top of highdicom's templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from boneage_desk import __version__
from boneage_desk.reading.analysis import ModelRef
from boneage_desk.reading.report_values import clean
from boneage_desk.reports.dicom_results import coding
from boneage_desk.reports.dicom_results.base import SOFTWARE

if TYPE_CHECKING:
    from highdicom.sr import (
        AlgorithmIdentification,
        CodeContentItem,
        Measurement,
        QualitativeEvaluation,
        TextContentItem,
    )
    from pydicom.sr.coding import Code

DECIMALS = 2
"""Of months and shares: as in the JSON document."""


def text(name: Code, words: str, relationship: str = "CONTAINS") -> TextContentItem:
    """A TEXT item; ``words`` without control characters, line breaks kept."""
    from highdicom.sr import TextContentItem

    plain = clean(words, lines=True) or "-"
    return TextContentItem(name=name, value=plain.replace("\n", "\r\n"), relationship_type=relationship)


def code(name: Code, value: Code, relationship: str = "CONTAINS") -> CodeContentItem:
    from highdicom.sr import CodeContentItem

    return CodeContentItem(name=name, value=value, relationship_type=relationship)


def evaluation(name: Code, value: Code) -> QualitativeEvaluation:
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(name=name, value=value)


def number(
    name: Code, value: float, unit: Code, *, method: Code | None = None, algorithm: AlgorithmIdentification | None = None,
    modifiers: list[Any] | None = None,
) -> Measurement:  # fmt: skip
    """A NUM item, rounded; ``modifiers``: items under it."""
    from highdicom.sr import ContentSequence, Measurement

    rounded = int(value) if isinstance(value, int) else round(float(value), DECIMALS)
    made = Measurement(name=name, value=rounded, unit=unit, method=method, algorithm_id=algorithm)
    if isinstance(rounded, int):  # highdicom writes '416.0'
        made[0].MeasuredValueSequence[0].NumericValue = str(rounded)
    if modifiers:
        if "ContentSequence" not in made[0]:
            made[0].ContentSequence = ContentSequence()
        made[0].ContentSequence.extend(modifiers)
    return made


def no_number(name: Code, why: Code, *, method: Code | None = None, modifiers: list[Any] | None = None) -> Measurement:
    """A NUM item without a value, and with the reason (CID 42): no program can take a bound or a gap for a number."""
    made = number(name, 0, coding.ucum("month"), method=method, modifiers=modifiers)
    made[0].MeasuredValueSequence = []
    made[0].NumericValueQualifierCodeSequence = [coded(why)]
    return made


def add_models(group: Any, refs: Sequence[ModelRef]) -> None:
    """Puts TID 4019 of each model where the template has it: before the measurements."""
    content = group[0].ContentSequence
    place = next((i for i, item in enumerate(content) if item.ValueType == "NUM"), len(content))
    for ref in refs:
        for item in model(ref):
            content.insert(place, item)
            place += 1


def coded(value: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept.from_code(value)


def model(ref: ModelRef) -> AlgorithmIdentification:
    """TID 4019 of one model: its name, its tag as version, the SHA-256 of its weights."""
    from highdicom.sr import AlgorithmIdentification

    return AlgorithmIdentification(name=ref.name, version=ref.tag, parameters=[f"SHA-256 of weights: {ref.sha256}"])


def pipeline(models: tuple[ModelRef, ...]) -> AlgorithmIdentification:
    """TID 4019 of all that worked on one bone: this program, its models as parameters in the order of their work."""
    from highdicom.sr import AlgorithmIdentification

    return AlgorithmIdentification(
        name=f"{SOFTWARE}, 13 bones of RUS-CHN",
        version=__version__,
        parameters=[f"{ref.name}, {ref.tag}, SHA-256 of weights: {ref.sha256}" for ref in models] or None,
    )
