"""Options of the child's growth: height, weight, parents, menarche, the reader's own atlas age."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.reading.growing import SetAtlasAge, SetMeasurement, SetMenarche, SetParents
from boneage_desk.reading.growth import Measurement, parse_age, parse_length, parse_weight
from boneage_desk.reading.growth_view import GrowthView, growth_view
from boneage_desk.reading.report_growth import percentile_text, sds_text
from boneage_desk.standards.growth import GrowthReference
from boneage_desk.standards.types import Sex


def add_child(parser: argparse.ArgumentParser) -> None:
    """What `read` and `height` both take."""
    parser.add_argument("--height", metavar="H", help="standing height with its unit, e.g. 138.2cm or 54.4in")
    parser.add_argument("--weight", metavar="W", help="weight with its unit, e.g. 33.4kg or 73.6lb")
    parser.add_argument("--father", metavar="H", help="the father's height, e.g. 176cm")
    parser.add_argument("--mother", metavar="H", help="the mother's height, e.g. 162cm")
    parser.add_argument("--menarche", choices=["yes", "no"], help="whether it has been (girls); not given: not known")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_child(parser)
    parser.add_argument("--measured-on", metavar="D", help="day of height and weight (else the day of the film)")
    parser.add_argument("--atlas-age", metavar="AGE", help="the reader's own Greulich-Pyle bone age, e.g. 10y6m")
    parser.add_argument("--growth", action="store_true", help="the report with its growth page (else as set)")


def given(options: argparse.Namespace) -> bool:
    """Whether any of these options was given."""
    texts = (options.height, options.weight, options.father, options.mother, options.menarche, options.measured_on, options.atlas_age)
    return options.growth or any(texts)


def commands(options: argparse.Namespace) -> Callable[[Reading], Sequence[Command]]:
    """What the options say, as commands on a reading; figures that cannot be are refused before any film is opened."""
    height = parse_length(options.height) if options.height else None
    weight = parse_weight(options.weight) if options.weight else None
    father = parse_length(options.father) if options.father else None
    mother = parse_length(options.mother) if options.mother else None
    atlas = parse_age(options.atlas_age) if options.atlas_age else None
    on = parse_date(options.measured_on) if options.measured_on else None
    if on is not None and height is None and weight is None:
        raise InputError("There is a day of measurement but no height or weight.", "Give --height or --weight.", code="usage")

    def made(reading: Reading) -> Sequence[Command]:
        found: list[Command] = []
        if height is not None or weight is not None:
            day = on or reading.study.study_date
            if day is None:
                raise InputError(
                    "The day of the film is not known, so that of the height is not either.", "Give --measured-on.",
                    code="measured-on",
                )  # fmt: skip
            found.append(SetMeasurement(day, height, weight))
        if father is not None or mother is not None:
            found.append(SetParents(father, mother))
        if options.menarche:
            if reading.patient.sex is not Sex.FEMALE:
                raise InputError("Menarche is asked of girls only.", "Look at the sex.", code="menarche")
            found.append(SetMenarche(options.menarche == "yes"))
        if atlas is not None:
            found.append(SetAtlasAge(atlas))
        return found

    return made


def lines(reading: Reading, reference: str, history: Sequence[Measurement] = ()) -> list[str]:
    """Height with its SD scores, adult height by each method that gives one, and what to look at; empty without any."""
    if not reading.growth.known and not history:
        return []
    view = growth_view(reading, GrowthReference.parse(reference), history=history)
    told = [_height(view)] if view.height is not None else []
    for made in view.predictions:
        if made.cm is not None:
            span = f" ({made.low_cm:.1f} to {made.high_cm:.1f})" if made.low_cm is not None and made.high_cm is not None else ""
            told.append(f"adult height {made.cm:.1f} cm{span} by {made.name()}")
    return [*told, *(one.text() for one in view.doubts)]


def _height(view: GrowthView) -> str:
    assert view.height is not None
    parts = [f"height {view.height.value:.1f} cm"]
    if view.height.sds is not None:
        parts.append(f"{sds_text(view.height.sds)} SD (P{percentile_text(view.height.sds)}) for age")
    if view.height_sds_at_ba is not None:
        parts.append(f"{sds_text(view.height_sds_at_ba)} SD for bone age")
    return f"{', '.join(parts)} by {view.reference.print_name}"
