"""What a reader measured and noted on the film, as lines of the report."""

from __future__ import annotations

from boneage_desk.reading.annotations import AT_DETECTOR, DEGREES_IN_PIXELS, PIXELS, Annotation, measure
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_values import Fact, clean

_UNITS = {AT_DETECTOR: "unit.at_detector", PIXELS: "unit.pixels", DEGREES_IN_PIXELS: "unit.degrees_in_pixels"}


def annotation_facts(reading: Reading, words: Words) -> tuple[Fact, ...]:
    """One line with all of them by their numbers, and that the film is a key image; none where there is nothing to say."""
    facts = []
    if reading.annotations:
        said = words("join").join(_said(annotation, words) for annotation in reading.annotations)
        facts.append(Fact("annotations", words("annotations"), said))
    if reading.key_image:
        facts.append(Fact("key_image", words("key_image"), words("key_image.value")))
    return tuple(facts)


def _said(annotation: Annotation, words: Words) -> str:
    name = words(f"annotation.{annotation.kind.value}", number=annotation.number)
    found = measure(annotation)
    if found is None:
        return words("annotation.said", name=name, value=clean(annotation.text))
    unit = words(_UNITS[found.unit]) if found.unit in _UNITS else found.unit
    number = f"{found.value:.0f}" if found.unit == PIXELS else f"{found.value:.1f}"
    gap = "" if unit.startswith("\N{DEGREE SIGN}") else " "
    return words("annotation.said", name=name, value=f"{number}{gap}{unit}")
