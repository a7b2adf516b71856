"""The Greulich-Pyle reading aid in words and pictures: what is marked on the ladder, and a drawn hand for each plate.

The hands are drawn by the phantom's renderer from the grades typical of the plate's age (`standards.typical`): no film, no
plate of the atlas. All are drawn at one scale and pose, lying as the film's hand does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QImage

from boneage_desk.common.i18n import tr
from boneage_desk.reading.plate_ladder import PlateLadder
from boneage_desk.standards.gp import Plate
from boneage_desk.standards.types import BoneAge, Sex
from boneage_desk.standards.typical import typical_grades
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.drawings import Drawings, grey_image

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

SIZE = (320, 192)
"""Rows and columns of a drawing."""
_Key = tuple[Sex, float, str]


class Kind(Enum):
    """What a mark on the ladder stands for; each has a sign and a colour of its own."""

    BONE_AGE = "\N{BLACK DOWN-POINTING TRIANGLE}"
    WHOLE_HAND = "\N{WHITE DIAMOND}"
    OWN = "\N{BLACK DIAMOND}"
    AGE = "\N{BOX DRAWINGS LIGHT QUADRUPLE DASH VERTICAL}"


@dataclass(frozen=True, slots=True)
class Mark:
    """One age on the ladder."""

    kind: Kind
    months: float
    words: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of ages on the ladder, months."""

    low: float
    high: float
    words: str


def marks(ladder: PlateLadder) -> tuple[Mark, ...]:
    """Bone age, the whole-hand model's, the reader's own and the child's age, as far as they are known."""
    found: list[Mark] = []
    for kind, age, words in (
        (Kind.BONE_AGE, ladder.bone_age, tr("bone age (RUS-CHN)")),
        (Kind.WHOLE_HAND, ladder.whole_hand, tr("whole hand (AI)")),
        (Kind.OWN, ladder.own, tr("my atlas reading")),
    ):
        if age is not None:
            found.append(Mark(kind, age.months, f"{words} {_kept(text.bone_age(age))}"))
    if ladder.age_months is not None and ladder.age_months >= 0:
        words = tr("corrected age") if ladder.corrected else tr("age")
        found.append(Mark(Kind.AGE, ladder.age_months, f"{words} {_kept(text.months(ladder.age_months))}"))
    return tuple(found)


def band(ladder: PlateLadder) -> Span | None:
    """Mean -+ 2 SD of the named table at the child's age."""
    if ladder.band is None or ladder.reference is None:
        return None
    low, high = ladder.band
    words = tr("{table}, mean \N{PLUS-MINUS SIGN} 2 SD: {low} to {high}", **_ends(low, high), table=ladder.reference.name)
    return Span(low, high, words)


def normal(ladder: PlateLadder) -> Span | None:
    """The normal range of the reading's rule."""
    if ladder.normal is None:
        return None
    low, high = ladder.normal
    return Span(low, high, tr("normal range by the rule: {low} to {high}", **_ends(low, high)))


def without_range(ladder: PlateLadder) -> str:
    """Why no range is marked; '' where one is."""
    if ladder.normal is not None:
        return ""
    if ladder.age_months is None:
        return tr("No normal range: the child's age is not known.")
    return tr("No normal range: the table has no SD at this age.")


def _ends(low: float, high: float) -> dict[str, str]:
    return {"low": _kept(text.months(max(0.0, low))), "high": _kept(text.months(high))}


def _kept(age: str) -> str:
    """An age that is not broken between lines."""
    return age.replace(" ", "\N{NO-BREAK SPACE}")


def title(ladder: PlateLadder) -> str:
    """Whose plates these are."""
    return tr("Greulich-Pyle, plates of boys") if ladder.sex is Sex.MALE else tr("Greulich-Pyle, plates of girls")


def plate_age(plate: Plate) -> str:
    """'10 y 0 m', '>= 18 y 0 m' of the last."""
    return text.bone_age(plate.bone_age)


def away(plate: Plate, age: BoneAge | None) -> str:
    """How far a plate is from the bone age in force; '' without one, or where it is only a bound."""
    if age is None or age.qualifier or plate.last:
        return ""
    months = plate.months - age.months
    if round(abs(months)) == 0:
        return tr("at the bone age")
    gap = text.months(abs(months))
    return tr("{gap} above the bone age", gap=gap) if months > 0 else tr("{gap} below the bone age", gap=gap)


def note(side: str) -> str:
    """What the pictures are, and how they lie."""
    lies = {
        "left": tr("Drawn as a left hand, thumb to the right."), "right": tr("Drawn as a right hand, thumb to the left."),
    }.get(side, tr("Drawn as a left hand: the side of this one is not known."))  # fmt: skip
    return " ".join(
        (
            tr("Drawings by this program, not the atlas's plates: hands with the grades typical of each age by RUS-CHN, as a guide to "
               "the ages. Read by the atlas itself."),
            lies,
        )
    )  # fmt: skip


class PlateDrawings(Drawings):
    """A picture for each plate of a sex, by side."""

    topic = "plates"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, tr("Drawing a hand"), tr("The drawings of the hands cannot be made"))
        self._images: dict[_Key, QImage] = {}

    def image(self, plate: Plate, sex: Sex, side: str) -> QImage | None:
        """The drawing, or None while it is not made."""
        key = (sex, plate.months, side or "left")
        if key not in self._images and key in self._made:
            self._images[key] = grey_image(self._made[key])
        return self._images.get(key)

    def want(self, plates: Sequence[Plate], sex: Sex, side: str) -> None:
        """Draw these, in this order; what was wanted before and is not begun is passed over."""
        if self._desk.services.draw_hand is not None:
            self.ask([(sex, plate.months, side or "left") for plate in plates])

    def worker(self, key: _Key) -> Callable[[], Any]:
        draw = self._desk.services.draw_hand
        assert draw is not None
        sex, months, side = key
        return lambda: draw(typical_grades(months, sex), sex, SIZE, side)
