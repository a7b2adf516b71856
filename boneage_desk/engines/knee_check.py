"""Whether a film is a knee that a model may read. A sober check, and what it cannot do:

- **A hand is found** by the hand detector: refused. Works on hands only.
- **Unlike the training films** in the model's own description of them (`networks.knee.Familiar`), for most of its
  networks: refused. The limit comes from the films held out of each fold; it knows only what those films showed. A film
  that looks like a knee to the network passes: a lateral view, an elbow, a knee with an implant may.
- **More familiar turned round**: where the film's negative is familiar, and more so than itself, it is refused as one.

It never says that a film *is* a good knee film; a person looks. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.knee import KNEE, NOT_SEEN

NEGATIVE_SHARE = 0.8
"""A film whose negative is familiar and so much less strange than itself is taken for a negative."""


def _refuse(text: str) -> Flag:
    return Flag(NOT_SEEN, f"Not read as a knee: {text}", blocking=True, engine=KNEE)


def check(strangeness: Sequence[float], negative: Sequence[float], *, hand_found: bool, blank: bool) -> Flag | None:
    """Why no number may be given, or None. strangeness: of the film, one value a network; negative: of its negative."""
    if blank:
        return _refuse("the film shows one grey only.")
    if hand_found:
        return _refuse("the hand detector finds a hand on this film.")
    strange, turned = median(strangeness), median(negative)
    if turned <= 1 and turned < NEGATIVE_SHARE * strange:
        return _refuse("it looks like a negative (bone dark). Export it with bright bone.")
    if strange > 1:
        return _refuse(f"it looks unlike the films that the model was trained on ({strange:.1f} times the limit).")
    return None
