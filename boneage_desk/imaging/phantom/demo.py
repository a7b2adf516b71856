"""The demo study: what it shows. `python -m boneage_desk.imaging.phantom` draws it anew."""

from __future__ import annotations

from types import MappingProxyType

from boneage_desk.imaging.phantom.spec import PhantomSpec

#: A girl of 10.4 years whose bones disagree a little; near 10.5 years by RUS-CHN (511 points).
DEMO_GRADES = MappingProxyType(
    {
        "radius": 7,
        "ulna": 6,
        "mc1": 7,
        "mc3": 7,
        "mc5": 6,
        "pp1": 8,
        "pp3": 8,
        "pp5": 7,
        "mp3": 7,
        "mp5": 6,
        "dp1": 7,
        "dp3": 7,
        "dp5": 7,
    }
)

#: The matrix of an 18 x 24 cm plate at 0.1 mm.
DEMO_SPEC = PhantomSpec(grades=DEMO_GRADES, side="left", sex="F", bits=12, seed=2024, size=(2370, 1770))
DEMO_NAME = "phantom_hand_girl_10y.dcm"
