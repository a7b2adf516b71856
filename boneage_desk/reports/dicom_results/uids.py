"""UIDs of results: 2.25. and a UUID that follows from what the object is, so that a resend is no duplicate.

No counter and no chance: the same reading (all that is kept of it, not its revision's number alone: a restored backup
gives a number a second time), the same kind, the same version of the program and the same site name give the same UID on
every machine, and equal UIDs mean equal content (a report's bytes are part of the UID of what holds it).
"""

from __future__ import annotations

import hashlib
import json
import uuid

from boneage_desk import __version__
from boneage_desk.reading.codec import encode_reading
from boneage_desk.reading.session import Reading

NAMESPACE = uuid.UUID("7c0e2f6a-5d43-4b8e-9a57-0d6c1f3b2e84")
"""Made once for this program; it must never change."""


def made(*parts: str) -> str:
    """The UID of these words: a version 5 UUID as PS3.5 B.2 writes it.

    >>> made("a", "b") == made("a", "b") != made("ab")
    True
    """
    return f"2.25.{uuid.uuid5(NAMESPACE, json.dumps(parts)).int}"


def instance(reading: Reading, kind: str, content: str = "", site: str = "") -> str:
    """SOP Instance UID of one result; ``content``: what else tells two of them apart, such as a report's SHA-256;
    ``site``: the station's site name, which is in the result."""
    return made("instance", *_basis(reading, site), kind, content)


def series(reading: Reading, kind: str, content: str = "", site: str = "") -> str:
    """Series Instance UID: each result is a series of its own."""
    return made("series", *_basis(reading, site), kind, content)


def _basis(reading: Reading, site: str) -> tuple[str, ...]:
    """What every result is made of beside the film: the reading by its id, revision and SHA-256, program and site."""
    kept = json.dumps(encode_reading(reading), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(kept.encode("ascii")).hexdigest()
    return reading.reading_id, str(reading.revision), digest, __version__, site


def tracking(reading: Reading, what: str) -> str:
    """Tracking UID of a thing that is measured: the same through all revisions of the reading."""
    return made("tracking", reading.reading_id, what)


def device(version: str) -> str:
    """UID of the device observer: this program in this version (it does not name a station)."""
    return made("device", "BoneAge Desk", version)
