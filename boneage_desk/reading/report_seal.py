"""Who signed the report, and what was added afterwards, in words."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_values import clean
from boneage_desk.reading.session import Reading
from boneage_desk.reading.signature import REPORT, Signature


@dataclass(frozen=True, slots=True)
class AddendumLine:
    """One addendum: its heading (number, name, role, time) and what it says, whole."""

    heading: str
    text: str


def report_revision(reading: Reading) -> int:
    """The revision that the report is of: of a signed reading the one whose report was sealed. Each seal that is on made one
    more, and changed nothing of what the report says."""
    return reading.revision - sum(bool(one.pdf_sha256) for one in reading.signatures)


def signed_line(signature: Signature, words: Words) -> str:
    """'Signed by NAME, ROLE, TIME. Reason.', and whether this station made the key itself."""
    said = words(
        "signed_by",
        name=clean(signature.name),
        role=words(f"role.{signature.role.value}"),
        time=words.moment(signature.at),
    )
    reason = clean(signature.reason)
    return said + (words("signed_by.reason", reason=reason) if reason else "")


def signed_by(reading: Reading, words: Words) -> str:
    """The line of the report's own signature; '' where it is not signed."""
    return next((signed_line(one, words) for one in reading.signatures if one.number == REPORT), "")


def addenda(reading: Reading, words: Words) -> tuple[AddendumLine, ...]:
    """Every addendum in order."""
    return tuple(
        AddendumLine(
            words("addendum.heading", number=one.number - REPORT, signed=signed_line(one, words)),
            clean(one.text, lines=True),
        )
        for one in reading.signatures
        if one.number > REPORT
    )
