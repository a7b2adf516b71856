"""Messages: whose fault it is, in words, and what can be done. The one place where errors become text."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import language, said, tr

LOG = logging.getLogger("boneage_desk.ui")


@dataclass(frozen=True, slots=True)
class Choice:
    """A button in a message."""

    title: str
    act: Callable[[], object]
    reading_id: str = ""
    """The reading on which it acts (`Desk.choice`): with another one on the desk it is gone; '' for any."""


@dataclass(frozen=True, slots=True)
class Message:
    """``kind``: 'info' (goes by itself), 'warning', 'error' (expected) or 'bug'."""

    kind: str
    text: str
    remedy: str = ""
    details: str = ""
    choices: tuple[Choice, ...] = field(default=())
    topic: str = ""
    """A newer message of the same topic takes the older one's place."""
    original: str = ""
    """The English words of an error, for a search or a report to the makers; '' where they are shown already."""

    @property
    def lasting(self) -> bool:
        return self.kind in ("warning", "error", "bug") or bool(self.choices)


def of_error(error: BaseException, *, doing: str = "", choices: tuple[Choice, ...] = (), topic: str = "") -> Message:
    """A BoneAgeError as its message and remedy; anything else is a bug of the program and says so."""
    if isinstance(error, BoneAgeError):
        LOG.info("told: %s, code %s", type(error).__name__, error.code)  # the words may name a file or a child
        text, remedy = said(error.message), said(error.remedy)
        if doing:
            text = f"{doing}: {text}"
        original = str(error) if (text, remedy) != (error.message, error.remedy) and language() != "en" else ""
        return Message("error", text, remedy, choices=choices, topic=topic, original=original)
    details = "".join(traceback.format_exception(error))
    # The log never holds patient data; a traceback's message might, so only where it happened goes there.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    LOG.error("bug: %s at %s", type(error).__name__, place)
    return Message(
        "bug",
        tr("Something went wrong in the program ({doing}).", doing=doing) if doing else tr("Something went wrong in the program."),
        tr("Your reading is kept. Please send the details to the makers."),
        details=details,
        choices=choices,
        topic=topic,
    )
