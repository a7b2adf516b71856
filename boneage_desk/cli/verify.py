"""``boneage-desk verify``: what the signatures of a PDF cover, by whom, and whether anything was changed. Offline."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.films import open_one
from boneage_desk.cli.sign import read_pdf, signer_of
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.ports import SealCheck, Services, Verification

ALTERED, UNKNOWN_SIGNER = 1, 4
"""Exit codes: something is not as it was signed (or not signed at all); whole, but by somebody unknown here."""


@dataclass(frozen=True, slots=True)
class ModelSeen:
    """A model of the reading, and what is installed here: 'same', 'changed' (same name, other weights), 'absent'."""

    name: str
    tag: str
    sha256: str
    here: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a signed PDF")
    parser.add_argument("--film", metavar="FILM", help="compare the film that was read with this one")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    pdf = read_pdf(Path(options.file))
    services = app.services(options.data_dir)
    try:
        found = signer_of(services).verify(pdf)
        problems = list(found.problems)
        if not found.seals and not problems:
            problems.append("The file has no signature.")
        film = film_of(found)
        same = None
        if options.film:
            same = _same_film(services, options.film, found)
            if same is None:
                problems.append("No film can be compared: the file says nothing of one.")
            elif not same:
                problems.append(f"'{options.film}' is not the film that was read.")
        models = models_of(found, app)
        problems += [f"The model {m.name} {m.tag} that is installed here has other weights." for m in models if m.here == "changed"]
    finally:
        services.close()
    trusted = bool(found.seals) and all(seal.trusted for seal in found.seals)
    if options.json:
        output.emit(_object(options.file, pdf, found, problems, trusted, film, same, models))
        options.printed = True
    else:
        print("\n".join(describe(options.file, found, problems, film, same, models)))
    if problems:
        output.complain(BoneAgeError(problems[0] if len(problems) == 1 else f"{problems[0]} (and {len(problems) - 1} more)",
                                     code="unsigned" if not found.seals else "altered"))  # fmt: skip
        return ALTERED
    if not trusted:
        output.complain(
            BoneAgeError(
                "Nothing was altered, but who signed is not known here.",
                "Compare the certificate with its owner, then put it into the folder 'signing_trust'.",
                code="unknown-signer",
            )
        )
        return UNKNOWN_SIGNER
    return 0


def film_of(found: Verification) -> str:
    """SHA-256 of the film that was read; '' where the file does not say."""
    source = (found.reading or {}).get("input")
    value = source.get("sha256") if isinstance(source, dict) else None
    return value if isinstance(value, str) else ""


def _same_film(services: Services, path: str, found: Verification) -> bool | None:
    wanted = film_of(found)
    if not wanted:
        return None
    source = (found.reading or {})["input"]
    frame = source.get("frame")
    film = open_one(services.films(), path, frame if isinstance(frame, int) else None)
    return film.source.sha256 == wanted


def models_of(found: Verification, app: App) -> list[ModelSeen]:
    """The reading's models beside those installed; the weights here are hashed, not their cards read."""
    said = (found.reading or {}).get("models")
    named = [m for m in said if isinstance(m, dict)] if isinstance(said, list) else []
    if not named:
        return []
    here = {(m.tag, m.sha256): m.ok for m in app.check_models()}
    tags = {tag for tag, _ in here}
    seen = []
    for model in named:
        name, tag, sha256 = (str(model.get(key, "")) for key in ("name", "tag", "sha256"))
        state = "same" if here.get((tag, sha256)) else "changed" if tag in tags else "absent"
        seen.append(ModelSeen(name, tag, sha256, state))
    return seen


def describe(
    file: str, found: Verification, problems: list[str], film: str, same: bool | None, models: list[ModelSeen]
) -> list[str]:
    """Lines for a person."""
    count = f"{len(found.seals)} signature{'' if len(found.seals) == 1 else 's'}"
    lines = [f"{file}: {count}, {'NOT as it was signed' if problems else 'as it was signed'}"]
    for seal in found.seals:
        lines += _lines(seal)
    if found.reading is not None:
        lines.append(f"reading: attached, {found.reading.get('state') or 'state not said'}")
    if film:
        verdict = {None: "", True: ": the film given is the same", False: ": the film given is ANOTHER"}[same]
        lines.append(f"film: SHA-256 {film}{verdict}")
    words = {"same": "the same is installed here", "changed": "installed here with OTHER WEIGHTS", "absent": "not installed here"}
    lines += [f"model: {model.name} {model.tag} {model.sha256[:12]}: {words[model.here]}" for model in models]
    return lines + [f"! {problem}" for problem in problems]


def _lines(seal: SealCheck) -> list[str]:
    at = "time not said" if seal.at is None else seal.at.isoformat(sep=" ", timespec="seconds")
    kind = "self-issued" if seal.self_issued else "issued by an authority"
    known = "known here" if seal.trusted else "NOT known here"
    lines = [
        f"{seal.number}  {seal.name}{f', {seal.role}' if seal.role else ''}, {at}" + (f": {seal.reason}" if seal.reason else ""),
        f"   certificate {seal.certificate_sha256[:12]}, {kind}, {known}: {seal.certificate_subject}",
        f"   what it covers is {'whole' if seal.intact and seal.whole and not seal.problem else 'NOT whole'}",
    ]
    if seal.time_stamp:
        lines.append(f"   time stamp {seal.time_stamp}")
    lines += [f"   | {line}" for line in seal.text.splitlines()]
    return lines


def _object(
    file: str, pdf: bytes, found: Verification, problems: list[str], trusted: bool, film: str, same: bool | None,
    models: list[ModelSeen],
) -> dict[str, Any]:  # fmt: skip
    return {
        "file": file,
        "sha256": hashlib.sha256(pdf).hexdigest(),
        "whole": bool(found.seals) and not problems,
        "trusted": trusted,
        "unsigned_changes": found.unsigned_changes,
        "problems": problems,
        "signatures": [
            {
                "number": s.number, "name": s.name, "role": s.role, "at": s.at.isoformat() if s.at else None,
                "reason": s.reason, "text": s.text, "certificate_sha256": s.certificate_sha256,
                "certificate_subject": s.certificate_subject, "self_issued": s.self_issued, "intact": s.intact,
                "whole": s.whole, "trusted": s.trusted, "time_stamp": s.time_stamp or None, "problem": s.problem,
            }
            for s in found.seals
        ],
        "reading_state": (found.reading or {}).get("state"),
        "film": {"sha256": film or None, "same": same},
        "models": [{"name": m.name, "tag": m.tag, "sha256": m.sha256, "here": m.here} for m in models],
    }  # fmt: skip
