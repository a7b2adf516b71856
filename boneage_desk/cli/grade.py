"""``boneage-desk grade``: ready-cut crops of one bone to grades."""

from __future__ import annotations

import argparse
from typing import Any

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.films import split_member
from boneage_desk.common.errors import BoneAgeError, FilmError
from boneage_desk.reading.document import film_path
from boneage_desk.reading.findings import GradeOpinion
from boneage_desk.standards import rus_chn

AT_ONCE = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("crops", nargs="+", metavar="CROP", help="pictures of one bone each: distal end up, thumb side right")
    parser.add_argument("--bone", required=True, metavar="BONE", help=", ".join(rus_chn.BONES))
    parser.add_argument("--json", action="store_true", help="one JSON object a line, in the order given")


def run(options: argparse.Namespace, app: App) -> int:
    from boneage_desk.cli.main import FAILED, OK

    rus_chn.check_bone(options.bone)
    services = app.services(options.data_dir)
    failed = 0
    try:
        services.engine().start()
        reader = services.films()
        for start in range(0, len(options.crops), AT_ONCE):
            names = options.crops[start : start + AT_ONCE]
            opened: list[Any] = []
            for name in names:
                path, member = split_member(name)
                try:
                    opened.append(reader.open(path, member=member).frame.pixels)
                except FilmError as error:
                    opened.append(error)
            crops = [crop for crop in opened if not isinstance(crop, BoneAgeError)]
            opinions = iter(services.engine().grade_crops(crops, options.bone) if crops else [])
            for name, crop in zip(names, opened, strict=True):
                if isinstance(crop, BoneAgeError):
                    failed += 1
                    _print_failure(name, crop, options)
                else:
                    _print_opinion(name, next(opinions), options)
        return FAILED if failed else OK
    finally:
        services.close()


def _print_opinion(path: str, opinion: GradeOpinion, options: argparse.Namespace) -> None:
    label = rus_chn.label(opinion.bone, opinion.grade)
    if not options.json:
        print(f"{path}: {opinion.bone} {label} (index {opinion.grade}), {opinion.probability:.0%}", flush=True)
        return
    output.emit(
        {
            "input": {"path": film_path(path)},
            "bone": opinion.bone,
            "grade": opinion.grade,
            "grade_label": label,
            "probabilities": [round(p, 5) for p in opinion.probabilities],
        }
    )
    options.printed = True


def _print_failure(path: str, error: BoneAgeError, options: argparse.Namespace) -> None:
    output.complain(type(error)(f"{path}: {error.message}", error.remedy, code=error.code))
    if options.json:
        output.emit({"input": {"path": film_path(path)}, "error": {"code": error.code, "message": str(error)}})
        options.printed = True
