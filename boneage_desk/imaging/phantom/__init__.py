"""A drawn hand phantom: a synthetic hand film for any set of 13 RUS-CHN grades.

Everything here is drawn by rule from the grades; no image or outline of a
person went into it. `draw_hand` gives a film with exact truth for tests and
for the demo study, `draw_bone` one epiphysis for the atlas ladder. Writing
DICOM is in `phantom.dicom`, which alone needs pydicom.
"""

from boneage_desk.imaging.phantom.hand import draw_bone, draw_hand, truth
from boneage_desk.imaging.phantom.spec import BONES, CROP_SHARE, LAST_GRADE, PhantomFilm, PhantomSpec, Truth

__all__ = [
    "BONES",
    "CROP_SHARE",
    "LAST_GRADE",
    "PhantomFilm",
    "PhantomSpec",
    "Truth",
    "draw_bone",
    "draw_hand",
    "truth",
]
