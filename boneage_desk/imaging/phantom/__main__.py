"""Draw a phantom film into a file: the bundled demo study, or any other hand.

python -m boneage_desk.imaging.phantom --out resources/demo/phantom_hand_girl_10y.dcm
python -m boneage_desk.imaging.phantom --out hand.png --grades radius=9,ulna=7 --side right
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from boneage_desk.imaging.phantom import BONES, PhantomFilm, draw_hand
from boneage_desk.imaging.phantom.demo import DEMO_NAME, DEMO_SPEC

_SYNTAXES = {
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "j2k": "1.2.840.10008.1.2.4.90",
    "rle": "1.2.840.10008.1.2.5",
    "explicit": "1.2.840.10008.1.2.1",
}


def _grades(text: str) -> dict[str, int]:
    try:
        pairs = dict(part.split("=") for part in text.split(",") if part)
        return {bone.strip(): int(grade) for bone, grade in pairs.items()}
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not bone=grade,bone=grade...: {text}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m boneage_desk.imaging.phantom", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=Path("resources/demo") / DEMO_NAME, help=".dcm or .png")
    parser.add_argument("--grades", type=_grades, default={}, help=f"over the demo's; bones: {', '.join(BONES)}")
    parser.add_argument("--side", choices=("left", "right"), default=DEMO_SPEC.side)
    parser.add_argument("--sex", choices=("M", "F"), default=DEMO_SPEC.sex)
    parser.add_argument("--rotation", type=float, default=0.0, help="degrees, counter-clockwise")
    parser.add_argument("--mirrored", action="store_true")
    parser.add_argument("--fingers-together", action="store_true")
    parser.add_argument("--seed", type=int, default=DEMO_SPEC.seed)
    parser.add_argument("--bits", type=int, default=DEMO_SPEC.bits, choices=(8, 10, 12, 14, 16))
    parser.add_argument("--rows", type=int, default=DEMO_SPEC.size[0])
    parser.add_argument("--cols", type=int, default=DEMO_SPEC.size[1])
    parser.add_argument("--photometric", choices=("MONOCHROME1", "MONOCHROME2"), default="MONOCHROME2")
    parser.add_argument("--syntax", choices=sorted(_SYNTAXES), default="rle")
    parser.add_argument("--truth", type=Path, help="JSON file for grades, boxes and centres")
    return parser


def _save_png(film: PhantomFilm, path: Path) -> None:
    from PIL import Image

    Image.fromarray((film.pixels >> (film.spec.bits - 8)).astype("uint8")).save(path)


def main(arguments: list[str] | None = None) -> int:
    """Draw as the command line says; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        spec = replace(
            DEMO_SPEC,
            grades={**DEMO_SPEC.grades, **options.grades},
            side=options.side,
            sex=options.sex,
            rotation_deg=options.rotation,
            mirrored=options.mirrored,
            fingers_together=options.fingers_together,
            seed=options.seed,
            bits=options.bits,
            size=(options.rows, options.cols),
        )
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    film = draw_hand(spec)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.out.suffix.lower() == ".png":
        _save_png(film, options.out)
    else:
        from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom

        write_dicom(
            film,
            options.out,
            photometric=options.photometric,
            transfer_syntax=_SYNTAXES[options.syntax],
            patient=PhantomPatient(sex=options.sex),
        )
    if options.truth:
        truth = {"grades": dict(spec.grades), "boxes": dict(film.boxes), "centres": dict(film.centres)}
        options.truth.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
