"""``boneage-desk export``: films without their patients, or this station's decisions as a training set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.station import keeper
from boneage_desk.cli.train import shown, stopping
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.exports import DATES, EXPORT, DeidentifyOptions, ExportedFilm, FilmExporter, LeftOut
from boneage_desk.reading.ports import Services

UNFINISHED = ("draft", "no-decision")
"""Readings that every station has and that no training set wants."""
LOOK = "Look at every picture before you give it away: what is burned into it was not removed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    groups = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    films = groups.add_parser("deidentified", help="copies of films without names, numbers and dates (DICOM PS3.15)")
    films.add_argument("films", nargs="+", metavar="FILM", help="files, folders, DICOMDIRs or zips")
    films.add_argument("--keep-sex-age", action="store_true", help="keep sex, and the age in months")
    films.add_argument("--clean-descriptions", action="store_true", help="keep harmless words of study and series description")
    films.add_argument("--dates", choices=DATES, default="remove", help="remove dates (default), or shift each patient's by the same days")
    training = groups.add_parser("training", help="films, boxes and grades that persons decided here, for: train")
    for sub in (films, training):
        sub.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
        sub.add_argument("--key", metavar="FILE", help="keep here what ties new names to old ones; used again if there")
        sub.add_argument("--quiet", action="store_true", help="no lines of progress")
        sub.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    services = app.services(options.data_dir)
    try:
        return {"deidentified": _deidentified, "training": _training}[options.what](options, services)
    finally:
        services.close()


def exporter(services: Services) -> FilmExporter:
    """The station's exports."""
    if services.exports is None:
        raise BoneAgeError("This program was put together without exports.", "Install BoneAge Desk again.", code="installation")
    return services.exports()


def _deidentified(options: argparse.Namespace, services: Services) -> int:
    out, key = Path(options.out), Path(options.key) if options.key else None
    services.store()  # an export that could not be noted is not begun
    chosen = DeidentifyOptions(options.keep_sex_age, options.clean_descriptions, options.dates)
    with stopping() as cancel:
        done = exporter(services).deidentified(
            options.films, out, chosen, at=services.now(), key=key, progress=shown(options.quiet), cancel=cancel
        )
    _note(services, "de-identified", f"{len(done.films)} films", key)
    if options.json:
        output.emit(
            {
                "out": str(done.folder), "manifest": str(done.manifest),
                "films": [_film(film) for film in done.films], "left_out": [_left(one) for one in done.left_out],
            }
        )  # fmt: skip
        options.printed = True
    else:
        print(f"{len(done.films)} films of {len({film.subject for film in done.films})} subjects written to {done.folder}")
    return _end(done.films, done.left_out, key)


def _training(options: argparse.Namespace, services: Services) -> int:
    out, key = Path(options.out), Path(options.key) if options.key else None
    store = services.store()
    with stopping() as cancel:
        done = exporter(services).training(
            store.list(), store.events(), out, at=services.now(), key=key, progress=shown(options.quiet), cancel=cancel
        )
    _note(services, "training set", f"{done.grades} films, {done.decided} grades, {done.overridden} overrides", key)
    if options.json:
        output.emit(
            {
                "out": str(done.folder), "manifest": str(done.manifest), "films": done.grades, "films_with_boxes": done.boxes,
                "decided_bones": done.decided, "overridden_bones": done.overridden,
                "warnings": [_film(film) for film in done.warnings], "left_out": [_left(one) for one in done.left_out],
            }
        )  # fmt: skip
        options.printed = True
    else:
        print(
            f"{done.grades} films with {done.decided} decided bones ({done.overridden} other than the model's), "
            f"{done.boxes} with 13 boxes, written to {done.folder}"
        )
        print(f"next: boneage-desk train grader {done.folder / 'grader.toml'}")
    return _end(done.warnings, done.left_out, key)


def _note(services: Services, what: str, counts: str, key: Path | None) -> None:
    """Patients' pictures left the station: that is an event of it."""
    tied = "with a key" if key is not None else "without a key"
    keeper(services).note(EXPORT, at=services.now(), who=services.who(), detail=f"{what}, {tied}", after=counts)


def _end(films: Sequence[ExportedFilm], left: Sequence[LeftOut], key: Path | None) -> int:
    from boneage_desk.cli.main import FAILED, OK

    for film in films:
        for _, words in film.warnings:
            output.note(f"{film.path}: {words}")
    expected = [one for one in left if one.code in UNFINISHED]
    for one in left:
        if one not in expected:
            output.note(f"left out: {one.source}: {one.message}")
    if expected:
        output.note(f"{len(expected)} readings are left out: drafts, or without any bone that a person decided")
    print(LOOK, file=sys.stderr)
    if key is not None:
        output.note(f"Whoever has {key} can name the patients: keep it as you keep the films.")
    return FAILED if len(left) > len(expected) else OK


def _film(film: ExportedFilm) -> dict[str, object]:
    return {
        "file": film.path, "source": film.source, "subject": film.subject, "sha256": film.sha256,
        "warnings": [{"code": code, "message": words} for code, words in film.warnings],
    }  # fmt: skip


def _left(one: LeftOut) -> dict[str, str]:
    return {"source": one.source, "code": one.code, "message": one.message}
