"""Which way a bone points on its film."""

from __future__ import annotations

import math

from boneage_desk.reading.session import Reading


def angle_of(reading: Reading, bone: str) -> float:
    """The turn in degrees that brings distal up at ``bone``: its own, else the mean of the others' (a missing
    bone lies as its hand does), else the film's, 0."""
    region = reading.bone(bone).machine_region
    if region is not None:
        return region.angle_deg
    angles = [f.machine_region.angle_deg for f in reading.bones if f.machine_region is not None]
    if not angles:
        return 0.0
    x = sum(math.cos(math.radians(a)) for a in angles)
    y = sum(math.sin(math.radians(a)) for a in angles)
    return math.degrees(math.atan2(y, x)) if x or y else 0.0
