"""``boneage-desk read``: one film to JSON, PDF and a picture."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from boneage_desk.cli import age, growth, knee, output, second
from boneage_desk.cli.app import App
from boneage_desk.cli.films import Facts, analyse, ask_sex, open_one, save_new
from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError, StoreError
from boneage_desk.reading import results
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.dicom_study import check_study
from boneage_desk.reading.document import document, error_document
from boneage_desk.reading.film import Film, Laterality
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.report_fhir import bundle
from boneage_desk.reading.second_opinion import ENGINE_NAMES, difference
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex, years_months

if TYPE_CHECKING:
    from boneage_desk.reading.film_map import FilmMap
    from boneage_desk.reading.ports import Services


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("film", nargs="?", metavar="FILE|FOLDER", help="a film, or a folder or zip that holds one")
    parser.add_argument("--sex", metavar="M|F", help="picks the table; needed where the file does not say")
    parser.add_argument("--birth-date", metavar="D", help="e.g. 2014-03-02")
    age.add_arguments(parser)
    growth.add_arguments(parser)
    parser.add_argument("--frame", type=int, metavar="N", help="frame of a multi-frame file, from 1")
    parser.add_argument("--side", choices=["L", "R"], help="which hand")
    parser.add_argument(
        "--json", nargs="?", const=output.STDOUT, metavar="OUT", help="JSON to a file; without a name to stdout"
    )
    parser.add_argument("--pdf", metavar="OUT", help="report as PDF")
    parser.add_argument("--text", metavar="OUT", help="report as plain text, for a RIS")
    parser.add_argument("--fhir", metavar="OUT", help="FHIR R4 Bundle: DiagnosticReport with its Observations")
    parser.add_argument("--png", metavar="OUT", help="the film with the boxes")
    parser.add_argument(
        "--dicom-out", metavar="DIR",
        help="DICOM results: structured report, boxes as a presentation state, annotated film, report PDF, key object",
    )  # fmt: skip
    parser.add_argument("--paper", choices=["A4", "Letter"], help="paper of the report (else as set)")
    parser.add_argument(
        "--with-map", action="store_true", help="the report with a page of where the second opinion's model looked (else as set)"
    )
    parser.add_argument("--no-detail", action="store_true", help="the report without its page of the 13 bones")
    parser.add_argument(
        "--engines", metavar="NAMES",
        help="second opinions: whole-hand,dual,cascade,regression or none (else as set, where installed); "
        "knee: the film is a knee, by a site's own model",
    )  # fmt: skip
    parser.add_argument("--save", action="store_true", help="put the reading into the window's work list")


def run(options: argparse.Namespace, app: App) -> int:
    if options.film is None and options.json and Path(options.json).exists():
        # 'read --json FILE': the film was taken for the output's name
        options.film, options.json = options.json, output.STDOUT
    if options.film is None:
        raise InputError("No film was named.", "See: boneage-desk read --help", code="usage")
    for target, suffix in ((options.json, ".json"), (options.pdf, ".pdf"), (options.png, ".png"),
                           (options.text, ".txt"), (options.fhir, ".json")):  # fmt: skip
        output.check_target(target, suffix, [options.film])
    output.check_folder(options.dicom_out, [options.film])
    facts = Facts(
        Sex.parse(options.sex) if options.sex else None,
        parse_date(options.birth_date) if options.birth_date else None,
        Laterality(options.side) if options.side else None,
        age.basis(options),
        options.rule or "",
        growth.commands(options),
    )
    of_knee = knee.asked_for(options.engines)
    asked = None if of_knee or options.engines is None else second.named(options.engines)
    services = app.services(options.data_dir)
    if of_knee and (options.text or options.fhir):
        raise InputError("A knee film has no text report and no FHIR.", "Use --json or --pdf.", code="usage")
    if of_knee and growth.given(options):
        raise InputError("A knee film is read without height, weight and parents.", "Leave them out.", code="usage")
    if of_knee:
        return knee.run(options, facts, services)
    written = False
    try:
        services.engine().start()
        film = open_one(services.films(), options.film, options.frame)
        if options.dicom_out:
            check_study(film)
        if facts.sex is None and film.patient.sex is None:
            facts = dataclasses.replace(facts, sex=ask_sex())
        engines = second.usual(services) if asked is None else asked
        session, steps = analyse(services, film, facts, engines=engines)
        reading = session.reading
        written_results: list[Path] = []
        history = _history(services, reading)
        film_map = second.looked(services, reading, film.frame, options) if options.pdf or options.dicom_out else None
        if options.dicom_out:
            written_results = write_results(services, reading, film, Path(options.dicom_out), options, film_map)
        if options.json:
            told = {"dicom_results": [str(path) for path in written_results]} if options.dicom_out else {}
            output.write_json({**document(reading, history), **told}, options.json)
            written = options.printed = True
        if options.png:
            write_png(film, reading, Path(options.png))
        if options.pdf:
            paper = options.paper or services.settings.paper
            services.reports().write(
                reading, film.frame, Path(options.pdf), paper=paper, detail=not options.no_detail, film_map=film_map,
                growth=options.growth or None,
            )  # fmt: skip
            if left_out := services.reports().trouble():
                output.note(f"{left_out} It was left out.")
        if options.text:
            output.write_bytes(services.reports().text(reading, growth=options.growth or None).encode("utf-8"), Path(options.text))
        if options.fhir:
            output.write_json(bundle(reading, history), options.fhir)
        if options.save and not save_new(services, steps):
            output.note("The film is in the work list already; that reading was left as it is.")
        summary = summarise(reading)
        if options.json != output.STDOUT:
            grown = growth.lines(reading, services.settings.growth_reference, history)
            print("\n".join((describe(reading, summary), *grown, *(f"wrote {path}" for path in written_results))))
        return _verdict(summary, reading)
    except Cancelled:
        raise
    except BoneAgeError as error:
        if options.json and not written:
            output.write_json(error_document(options.film, error), options.json)
            options.printed = True
        raise
    finally:
        services.close()


def _verdict(summary: Summary, reading: Reading) -> int:
    """0 with a bone age; 3 without one, with a line that says why."""
    from boneage_desk.cli.main import NO_AGE, OK

    if summary.bone_age is not None:
        return OK
    blocking = [flag for flag in summary.flags if flag.blocking]
    if blocking:
        code, remedy = blocking[0].code.replace("_", "-"), ""
    elif reading.patient.sex is None:
        code, remedy = "sex-missing", "Give --sex M or --sex F."
    else:
        code, remedy = "no-bone-age", ""
    output.complain(BoneAgeError(f"No bone age: {summary.why_not}", remedy, code=code))
    return NO_AGE


def write_png(film: Film, reading: Reading, out: Path) -> None:
    from boneage_desk.imaging.annotated import annotated_png

    output.write_bytes(annotated_png(film.frame, reading), out)


def write_results(
    services: Services,
    reading: Reading,
    film: Film,
    out: Path,
    options: argparse.Namespace,
    film_map: FilmMap | None = None,
) -> list[Path]:
    """The DICOM results, with the report inside where it can be made."""
    made = results.write_results(services, reading, film, out, draw=lambda: _report(services, reading, film, options, film_map))
    if made.trouble:
        output.note(f"The DICOM results have no report inside: {made.trouble}")
    return list(made.paths)


def _history(services: Services, reading: Reading) -> tuple[Measurement, ...]:
    """Heights and weights of the child's earlier readings; none, and a word, where the data base cannot be read: what was
    read of the film is not lost for that."""
    try:
        return services.reports().history(reading)
    except StoreError as error:
        output.note(f"Earlier heights and weights are left out: {error.message}")
        return ()


def _report(
    services: Services, reading: Reading, film: Film, options: argparse.Namespace, film_map: FilmMap | None
) -> bytes:
    paper = options.paper or services.settings.paper
    with TemporaryDirectory(prefix="read-", dir=services.data_dir) as folder:
        path = services.reports().write(
            reading,
            film.frame,
            Path(folder) / "report.pdf",
            paper=paper,
            detail=not options.no_detail,
            film_map=film_map,
            growth=options.growth or None,
        )
        return path.read_bytes()


def _second_opinions(reading: Reading) -> list[str]:
    lines = []
    for opinion in reading.whole_hand:
        low, high = opinion.interval_months or (None, None)
        between = "" if low is None or high is None else f" ({years_months(low)} to {years_months(high)})"
        name = ENGINE_NAMES.get(opinion.engine, opinion.engine).lower()
        lines.append(f"{name} ({opinion.model}): {years_months(opinion.bone_age_months)}{between}")
    found = difference(reading)
    if found is not None:
        usual = "" if found.usual_months is None else f"; 95 of 100 films differ by at most {found.usual_months:.0f}"
        bound = "" if not found.at_least else "at least " if found.months >= 0 else "at most "
        name = ENGINE_NAMES.get(found.opinion.engine, found.opinion.engine).lower()
        lines.append(f"{'!' if found.beyond else ' '} 13 bones minus {name}: {bound}{found.months:+.0f} months{usual}")
    return lines


def describe(reading: Reading, summary: Summary) -> str:
    """A few lines for a person."""
    lines = []
    for finding in reading.bones:
        opinion = finding.opinion
        if opinion is None:
            lines.append(f"{finding.bone:<7} -")
        else:
            label = rus_chn.label(finding.bone, opinion.grade)
            lines.append(f"{finding.bone:<7} {label:<6} {opinion.probability:4.0%}")
    if summary.bone_age is None:
        lines.append(f"no bone age: {summary.why_not}")
    else:
        interval = summary.interval_months
        end = " or more" if summary.interval_open else ""
        between = f" ({years_months(interval[0])} to {years_months(interval[1])}{end})" if interval else ""
        lines.append(f"{rus_chn.NAME} score {summary.score}, bone age {summary.bone_age.text}{between}")
    if summary.chronological_months is not None:
        lines.append(f"chronological age {years_months(summary.chronological_months)}{age.corrected_words(summary)}")
    lines += age.conclusion_lines(reading, summary)
    lines += _second_opinions(reading)
    lines += [f"{'!' if flag.blocking else '?'} {flag.code}: {flag.message}" for flag in summary.flags]
    return "\n".join(lines)
