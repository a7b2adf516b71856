"""Words and figures as the window writes them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePath

from boneage_desk.reading.film import Laterality
from boneage_desk.reading.session import Reading
from boneage_desk.standards.types import Sex, years_months

SHORT_NAMES = {
    "radius": "Radius", "ulna": "Ulna", "mc1": "MC 1", "mc3": "MC 3", "mc5": "MC 5", "pp1": "PP 1", "pp3": "PP 3",
    "pp5": "PP 5", "mp3": "MP 3", "mp5": "MP 5", "dp1": "DP 1", "dp3": "DP 3", "dp5": "DP 5",
}  # fmt: skip
SEX_NAMES = {Sex.MALE: "Male", Sex.FEMALE: "Female"}
SIDE_NAMES = {Laterality.LEFT: "LEFT hand", Laterality.RIGHT: "RIGHT hand", Laterality.UNKNOWN: "side unknown"}
MINUS = "\N{MINUS SIGN}"


def signed(value: float, digits: int = 1) -> str:
    """'+2.7', a true minus sign, and '0.0' without a sign."""
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def months(value: float) -> str:
    """'10 y 6 m', with a true minus sign."""
    return years_months(value).replace("-", MINUS)


def month_steps(down: float | None, up: float | None) -> str:
    """What one grade less / more would change, '-3.1 / +2.7'; an en dash where it has no answer."""
    return " / ".join("\N{EN DASH}" if value is None else signed(value) for value in (down, up))


def difference(value: float) -> str:
    """A difference in whole months, e.g. '+14 months', 'none'."""
    whole = round(value)
    if not whole:
        return "none"
    return f"{signed(whole, 0)} month{'s' if abs(whole) != 1 else ''}"


def clock(at: datetime) -> str:
    """Local time of day, 12:04:05."""
    return at.astimezone().strftime("%H:%M:%S")


def day(value: date | None) -> str:
    return value.isoformat() if value else ""


def when(at: datetime, now: datetime) -> str:
    """'12:04' today, else the date and time."""
    local, today = at.astimezone(), now.astimezone()
    return local.strftime("%H:%M") if local.date() == today.date() else local.strftime("%Y-%m-%d %H:%M")


def who(reading: Reading) -> str:
    """The patient's name, else the id, else the file's name: five nameless films stay apart."""
    patient = reading.patient
    return patient.display_name or patient.patient_id or PurePath(reading.source.member or reading.source.path).name


def plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
