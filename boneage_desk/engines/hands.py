"""What the consistency step says of a hand, put as regions, crops and flags of the reading. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from boneage_desk.engines.networks.consistency import Detection, HandFit, fit_hand
from boneage_desk.imaging.crops import CropSpec, crop_specs
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.findings import Box, Region
from boneage_desk.standards.rus_chn import bone_name

SHORT_HAND_PX = 60.0
"""mc3 to dp3 below this: a crop of the fifth distal phalanx has fewer than 17 pixels a side."""
FAINT_CONFIDENCE = 0.45
MANY_UNSEEN = 3


@dataclass(frozen=True, slots=True)
class Hand:
    """A film's hand. Without one hand, ``specs`` is empty and a blocking flag says why.

    ``regions``, ``specs``: by bone, for bones whose middle is on the film. ``unseen``: of those, the ones
    whose place is only inferred. ``side``: 'L', 'R' or '', for a PA film. ``mirror``: crops are mirrored.
    ``centres``: all 13, film pixels; ``length``: mc3 to dp3, film pixels.
    """

    flags: tuple[Flag, ...]
    regions: dict[str, Region] = field(default_factory=dict)
    specs: dict[str, CropSpec] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    side: str = ""
    mirror: bool = False
    rotation_deg: float = 0.0
    centres: dict[str, tuple[float, float]] = field(default_factory=dict)
    length: float = 0.0

    @property
    def found(self) -> bool:
        """At least one hand is there."""
        return bool(self.centres)


def spec_of(box: Box, angle_deg: float, *, mirror: bool) -> CropSpec:
    """The crop for a region: ``angle_deg`` as Region has it, the turn that brings distal up."""
    x, y = box.centre
    return CropSpec(x, y, box.side, -angle_deg, mirror)


def fit(detections: Sequence[Detection], width: int, height: int) -> Hand:
    """The hand of a film of ``width`` x ``height`` pixels."""
    found = fit_hand(detections)
    if found.n_hands == 0:
        text = "No hand was found on this film. Nothing is graded."
        return Hand((Flag("no_hand", text, blocking=True),))
    return _describe(found, width, height)


def _describe(found: HandFit, width: int, height: int) -> Hand:
    specs = crop_specs(found.centres(), found.length, mirror=found.mirror)
    flags: list[Flag] = []
    if found.n_hands > 1:
        text = f"{found.n_hands} hands were found on this film. Give a film, or a part of it, with one hand."
        flags.append(Flag("several_hands", text, blocking=True))
    regions: dict[str, Region] = {}
    unseen = []
    for bone in found.bones:
        x, y = bone.centre
        name = bone_name(bone.bone)
        if not (0 <= x < width and 0 <= y < height):
            flags.append(Flag("bone_missing", f"{name} lies outside the film; grade it by hand.", bone=bone.bone))
            del specs[bone.bone]
            continue
        regions[bone.bone] = Region(
            Box(*bone.box), min(1.0, bone.confidence), bone.certain, bone.reason, -specs[bone.bone].angle_deg
        )
        if not bone.found:
            unseen.append(bone.bone)
        if not bone.certain:
            flags.append(Flag("bone_uncertain", f"{name}: {bone.reason}.", bone=bone.bone))
    flags += _quality(found, len(found.bones) - len(regions) + len(unseen))
    return Hand(
        tuple(flags),
        regions,
        specs,
        tuple(unseen),
        side="R" if found.mirror else "L",
        mirror=found.mirror,
        rotation_deg=found.rotation_deg,
        centres=found.centres(),
        length=found.length,
    )


def _quality(found: HandFit, not_seen: int) -> list[Flag]:
    """At most one low_quality flag, with its reasons."""
    reasons = []
    if found.length < SHORT_HAND_PX:
        reasons.append(f"the hand is small on the film (middle finger {found.length:.0f} pixels)")
    seen = [bone.confidence for bone in found.bones if bone.found]
    if seen and sum(seen) / len(seen) < FAINT_CONFIDENCE:
        reasons.append("the bones are hard to see")
    if not_seen >= MANY_UNSEEN:
        reasons.append(f"{not_seen} of 13 bones were not seen")
    if not reasons:
        return []
    return [Flag("low_quality", f"Look closely: {', '.join(reasons)}.")]
