"""Words and figures as the window writes them."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import PurePath

from boneage_desk.common.i18n import language, mark, said, tr
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.reading.session import Reading
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import BoneAge, Sex, whole_months, years_months

SHORT_NAMES = {
    "radius": mark("Radius"), "ulna": mark("Ulna"), "mc1": mark("MC 1"), "mc3": mark("MC 3"), "mc5": mark("MC 5"),
    "pp1": mark("PP 1"), "pp3": mark("PP 3"), "pp5": mark("PP 5"), "mp3": mark("MP 3"), "mp5": mark("MP 5"),
    "dp1": mark("DP 1"), "dp3": mark("DP 3"), "dp5": mark("DP 5"),
}  # fmt: skip
SEX_NAMES = {Sex.MALE: mark("Male"), Sex.FEMALE: mark("Female")}
SIDE_NAMES = {
    Laterality.LEFT: mark("LEFT hand"), Laterality.RIGHT: mark("RIGHT hand"), Laterality.UNKNOWN: mark("side unknown"),
}  # fmt: skip
_ENGINES = (mark("Whole hand"), mark("Dual output"), mark("Region cascade"), mark("Regression"))
_COUNTED = {
    "change": (mark("{count} change"), mark("{count} changes")),
    "file": (mark("{count} file"), mark("{count} files")),
    "film": (mark("{count} film"), mark("{count} films")),
    "further film": (mark("{count} further film"), mark("{count} further films")),
    "more film": (mark("{count} more film"), mark("{count} more films")),
    "page": (mark("{count} page"), mark("{count} pages")),
    "reading": (mark("{count} reading"), mark("{count} readings")),
}
MINUS = "\N{MINUS SIGN}"
_AGE = re.compile(r"(-?)(\d+) y (\d+) m")
_MINUS = re.compile(r"(?<![\w.)])-(?=\d)")
"""A hyphen that stands for minus: before a figure, after no word, figure or bracket."""
_MONTHS = (mark("{months} month"), mark("{months} months"))


def signed(value: float, digits: int = 1) -> str:
    """'+2.7', a true minus sign, and '0.0' without a sign."""
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def typeset(words: str) -> str:
    """Words of the report as a screen writes them: true minus and plus-minus signs, a dash between values.

    The report keeps to the signs that its fonts, the RIS and plain text have.
    """
    if words == "-":
        return "\N{EN DASH}"
    words = words.replace("+-", "\N{PLUS-MINUS SIGN}")
    return _MINUS.sub(MINUS, words.replace(" - ", " \N{EN DASH} "))


def months(value: float) -> str:
    """'10 y 6 m', with a true minus sign."""
    found = _AGE.fullmatch(years_months(value))
    assert found is not None
    sign, years, rest = found.groups()
    return tr("{sign}{years} y {months} m", sign=MINUS if sign else "", years=years, months=rest)


def bone_age(value: BoneAge) -> str:
    """'10 y 6 m', and the sign of a bound before it where the table ends."""
    return said(value.text)


def bone(name: str) -> str:
    """A bone's name, 'Metacarpal 1'."""
    return rus_chn.bone_name(name, language())


def short(name: str) -> str:
    """A bone's short name, 'MC 1'."""
    return tr(SHORT_NAMES[name])


def engine(id: str) -> str:
    """'Whole hand' for 'whole-hand'; an unknown id as it is."""
    return tr(ENGINE_NAMES.get(id, id))


def month_steps(down: float | None, up: float | None) -> str:
    """What one grade less / more would change, '-3.1 / +2.7'; an en dash where it has no answer."""
    return " / ".join("\N{EN DASH}" if value is None else signed(value) for value in (down, up))


def difference(value: float) -> str:
    """A difference in whole months, e.g. '+14 months', 'none'."""
    whole = whole_months(value)
    if not whole:
        return tr("none")
    words = "{months} month" if abs(whole) == 1 else "{months} months"
    return tr(words, months=signed(whole, 0))


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
    """'1 reading', '7 readings'; ``word`` is one of `_COUNTED`."""
    return tr(_COUNTED[word][count != 1], count=count)
