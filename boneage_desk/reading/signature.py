"""What a reading keeps of its seals: who signed what, and what was answered to each doubt before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from boneage_desk.reading.people import Role

REPORT = 1
"""Number of the first signature, the report's own; addenda count on from it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One seal on the report. ``number``: 1 the report, 2 and on the addenda. ``at`` carries a time zone.

    ``text``: what an addendum says; '' for the report. ``certificate_sha256``: of the signer's certificate (DER), in
    hex. ``self_issued``: a key that this station made itself, which proves that nothing was altered but not, to others,
    who signed. ``pdf_sha256``: of the file as it stood after this seal, '' while it is being made.
    """

    number: int
    at: datetime
    account: str
    name: str
    role: Role
    reason: str
    certificate_sha256: str = ""
    self_issued: bool = False
    pdf_sha256: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class FlagAnswer:
    """What the person says of a doubt that the film or a model raised. It holds for this very message only: where the
    doubt changes, it must be answered again."""

    code: str
    message: str
    words: str
