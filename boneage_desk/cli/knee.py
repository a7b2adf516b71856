"""``boneage-desk read --engines knee``: one knee film by a site's own model, to JSON, PDF and a picture. docs/knee.md."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.films import Facts, ask_sex, open_one
from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError
from boneage_desk.reading.film import Film
from boneage_desk.reading.knee import KNEE, KneeFacts, KneeQuestion, KneeReading, document, question_of, with_facts
from boneage_desk.reading.ports import Services
from boneage_desk.standards.types import years_months


def asked_for(engines: str | None) -> bool:
    """Whether --engines names the knee; InputError 'usage' where it names a hand's engines beside it."""
    names = [name.strip() for name in (engines or "").split(",") if name.strip()]
    if KNEE in names and len(names) > 1:
        raise InputError("A film is a knee or a hand: --engines knee stands alone.", code="usage")
    return names == [KNEE]


def run(options: argparse.Namespace, facts: Facts, services: Services) -> int:
    """0 with a bone age, 3 without one, with a line that says why."""
    if options.save:
        raise InputError("Knee readings have no work list.", "Leave --save out; --json and --pdf write files.", code="usage")
    if options.dicom_out:
        raise InputError(
            "DICOM results are of hand films.", "Leave --dicom-out out; --json and --pdf write files.", code="usage"
        )
    if services.knee is None:
        raise InputError("This program is put together without knee films.", code="usage")
    written = False
    try:
        film = open_one(services.knee.films(), options.film, options.frame)
        if facts.sex is None and film.patient.sex is None:
            facts = dataclasses.replace(facts, sex=ask_sex())
        film = with_facts(film, KneeFacts(facts.sex, facts.birth_date, side=facts.side))
        question, flags = question_of(film, facts.sex)
        result = services.engine().knee(film.frame, question)
        result = dataclasses.replace(result, flags=(*result.flags, *flags))
        reading = KneeReading(film, question, result, services.now())
        if options.json:
            output.write_json(document(reading), options.json)
            written = options.printed = True
        if options.png:
            write_png(services, film, question, result.months is not None, Path(options.png))
        if options.pdf:
            services.knee.report()(reading, Path(options.pdf), paper=options.paper or services.settings.paper)
        if options.json != output.STDOUT:
            print(describe(reading))
        return _verdict(reading)
    except Cancelled:
        raise
    except BoneAgeError as error:
        if options.json and not written:
            output.write_json({"film": {"path": options.film}, "error": {"code": error.code, "message": str(error)}}, options.json)
            options.printed = True
        raise
    finally:
        services.close()


def write_png(services: Services, film: Film, question: KneeQuestion, answered: bool, out: Path) -> None:
    """The film, with the map of where the model looked in orange where there is a bone age."""
    import io

    import numpy as np
    from PIL import Image

    frame = film.frame
    grey = services.voi_lut(frame.vois[0], frame.max_value, frame.pixels.dtype)[frame.pixels]
    rgb = np.repeat(grey[:, :, None], 3, 2).astype(np.float32)
    if answered:
        seen = services.engine().knee_saliency(frame, question)
        share = np.asarray(Image.fromarray(seen).resize((frame.width, frame.height), Image.Resampling.BILINEAR), np.float32)
        rgb += 0.5 * share[:, :, None] * (np.array([255.0, 150.0, 0.0], np.float32) - rgb)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    output.write_bytes(buffer.getvalue(), out)


def describe(reading: KneeReading) -> str:
    """A few lines for a person."""
    result, asked, lines = reading.result, reading.question, []
    if result.months is None:
        lines.append("no bone age from the knee")
    else:
        low, high = result.interval_months or (None, None)
        between = "" if low is None or high is None else f" ({years_months(low)} to {years_months(high)})"
        lines.append(f"knee bone age {years_months(result.months)}{between}")
    if asked.chronological_months is not None:
        lines.append(f"chronological age {years_months(asked.chronological_months)}")
    if result.model is not None:
        told = "was told" if result.model.uses_chronological_age else "was not told"
        lines.append(f"model {result.model.ref.tag}, trained on {result.model.trained_on}; it {told} the chronological age")
    lines += [f"{'!' if flag.blocking else '?'} {flag.code}: {flag.message}" for flag in result.flags]
    return "\n".join(lines)


def _verdict(reading: KneeReading) -> int:
    from boneage_desk.cli.main import NO_AGE, OK

    if reading.result.months is not None:
        return OK
    blocking = next(flag for flag in reading.result.flags if flag.blocking)
    output.complain(BoneAgeError(f"No bone age: {blocking.message}", code=blocking.code.replace("_", "-")))
    return NO_AGE
