"""``boneage-desk height``: adult height by every published method or one of them, with no film."""

from __future__ import annotations

import argparse
from typing import Any

from boneage_desk.cli import growth as options_of_growth
from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import GROWTH_REFERENCES
from boneage_desk.reading.growth import (
    ATLAS_MONTHS,
    HEIGHT_CM,
    PARENT_CM,
    WEIGHT_KG,
    check_range,
    parse_age,
    parse_length,
    parse_weight,
)
from boneage_desk.reading.growth_document import prediction_document
from boneage_desk.reading.report_growth import sds_text
from boneage_desk.standards import growth
from boneage_desk.standards.gp import on_the_ladder
from boneage_desk.standards.growth import GrowthReference, Measure
from boneage_desk.standards.height import METHODS, HeightInputs, HeightPrediction, predict_all
from boneage_desk.standards.types import BoneAge, Sex

ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", choices=[ALL, *METHODS], default=ALL, help="one of them, or all side by side")
    parser.add_argument("--sex", required=True, metavar="M|F", help="picks the table")
    parser.add_argument("--age", metavar="AGE", help="chronological age, e.g. 10y4m")
    options_of_growth.add_child(parser)
    parser.add_argument("--length", metavar="H", help="recumbent length, for Roche-Wainer-Thissen 1975")
    parser.add_argument("--gp-bone-age", metavar="AGE", help="Greulich-Pyle bone age, e.g. 10y6m")
    parser.add_argument("--tw2-bone-age", metavar="AGE", help="TW2 RUS bone age; a TW3 or RUS-CHN bone age is another thing")
    parser.add_argument("--reference", choices=GROWTH_REFERENCES, help="of the height's SD score (else as set)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    inputs = _inputs(options)
    methods = METHODS if options.method == ALL else (options.method,)
    made = predict_all(inputs, methods)
    if options.json:
        output.emit(
            {"sex": inputs.sex.value, "inputs": _told(inputs), "height_sds": _scores(inputs), "adult_height": [
                prediction_document(one) for one in made
            ]}
        )  # fmt: skip
        options.printed = True
    else:
        print("\n".join(_lines(inputs, made, options.reference or _set(options, app))))
    if options.method != ALL and made[0].cm is None:
        from boneage_desk.cli.main import NO_AGE

        output.complain(InputError(f"{made[0].name()}: {made[0].reason()}.", code="not-available"))
        return NO_AGE
    return 0


def _inputs(options: argparse.Namespace) -> HeightInputs:
    sex = Sex.parse(options.sex)
    if options.menarche and sex is not Sex.FEMALE:
        raise InputError("Menarche is asked of girls only.", "Look at the sex.", code="menarche")

    def length(text: str | None, name: str, ends: tuple[float, float]) -> float | None:
        cm = parse_length(text) if text else None
        check_range(name, cm, ends, "cm")
        return cm

    def bone_age(text: str | None, name: str, by_plates: bool = False) -> BoneAge | None:
        months = parse_age(text) if text else None
        check_range(name, months, ATLAS_MONTHS, "months")
        if months is None:
            return None
        return on_the_ladder(months, sex) if by_plates else BoneAge(months)

    weight = parse_weight(options.weight) if options.weight else None
    check_range("weight", weight, WEIGHT_KG, "kg")
    age = parse_age(options.age) if options.age else None
    if age is not None and not 0 < age <= 300:
        raise InputError(f"An age of {options.age} is no child's.", "Write it as 10y4m.", code="implausible")
    return HeightInputs(
        sex=sex,
        ca_months=age,
        height_cm=length(options.height, "height", HEIGHT_CM),
        weight_kg=weight,
        father_cm=length(options.father, "father's height", PARENT_CM),
        mother_cm=length(options.mother, "mother's height", PARENT_CM),
        gp=bone_age(options.gp_bone_age, "Greulich-Pyle bone age", by_plates=True),
        tw2_rus=bone_age(options.tw2_bone_age, "TW2 RUS bone age"),
        menarche=None if options.menarche is None else options.menarche == "yes",
        length_cm=length(options.length, "length", HEIGHT_CM),
    )


def _set(options: argparse.Namespace, app: App) -> str:
    from boneage_desk.common import settings

    return settings.load(options.data_dir).growth_reference


def _told(inputs: HeightInputs) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 3)

    return {
        "age_months": rounded(inputs.ca_months),
        "height_cm": rounded(inputs.height_cm),
        "length_cm": rounded(inputs.length_cm),
        "weight_kg": rounded(inputs.weight_kg),
        "father_cm": rounded(inputs.father_cm),
        "mother_cm": rounded(inputs.mother_cm),
        "gp_bone_age_months": rounded(inputs.gp.months if inputs.gp is not None else None),
        "tw2_bone_age_months": rounded(inputs.tw2_rus.months if inputs.tw2_rus is not None else None),
        "menarche": inputs.menarche,
    }


def _scores(inputs: HeightInputs) -> dict[str, float | None]:
    """SD score of the height by each reference; null where it has no answer."""
    found: dict[str, float | None] = {}
    for one in GrowthReference:
        score = None
        if inputs.height_cm is not None and inputs.ca_months is not None:
            score = growth.sds(one, Measure.HEIGHT, inputs.height_cm, inputs.ca_months, inputs.sex)
        found[one.value] = None if score is None else round(score, 2)
    return found


def _lines(inputs: HeightInputs, made: tuple[HeightPrediction, ...], reference: str) -> list[str]:
    lines = []
    chosen = GrowthReference.parse(reference)
    score = _scores(inputs)[chosen.value]
    if inputs.height_cm is not None and score is not None:
        lines.append(f"height {inputs.height_cm:.1f} cm: {sds_text(score)} SD by {chosen.print_name}")
    wide = max(len(one.name()) for one in made)
    for one in made:
        if one.cm is None:
            lines.append(f"{one.name():{wide}}  not available: {one.reason()}")
            continue
        span = f" ({one.low_cm:.1f} to {one.high_cm:.1f})" if one.low_cm is not None and one.high_cm is not None else ""
        said = "; ".join(part.text() for part in (one.basis, one.error, *one.limits) if part is not None)
        lines.append(f"{one.name():{wide}}  {one.cm:.1f} cm{span}: {said}")
    if inputs.father_cm and inputs.mother_cm and inputs.mother_cm > inputs.father_cm:
        lines.append("The mother is taller than the father: were the two swapped?")
    return lines
