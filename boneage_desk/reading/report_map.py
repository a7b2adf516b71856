"""The report's picture of where the second opinion's model looked, in words."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_values import clean


@dataclass(frozen=True, slots=True)
class MapText:
    """Words around the picture. ``alt``: for those who do not see it. ``less``, ``more``: ends of the colour key."""

    title: str
    caption: str
    alt: str
    less: str
    more: str


def map_text(opinion: WholeHandOpinion, words: Words) -> MapText:
    """Which model looked, what it said, and what such a picture does not show."""
    name = words(f"second_opinion.{opinion.engine}")
    return MapText(
        title=words("map.title"),
        caption=words("map.caption", name=name, model=clean(opinion.model), age=words.years_months(opinion.bone_age_months)),
        alt=words("map.alt", name=name),
        less=words("map.less"),
        more=words("map.more"),
    )
