"""The segmenter and the geometry together: 13 crops in, measured evidence out. Runs in the inference process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from boneage_desk.engines.measure import evidence_of, measure, upright
from boneage_desk.imaging.crops import CropSpec
from boneage_desk.reading.evidence import Evidence

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn


class Measurer:
    """Measures bones on crops of ``size`` pixels a side. ``model`` may be replaced by a faster one."""

    def __init__(self, model: nn.Module, size: int) -> None:
        self.model = model
        self.size = size

    def warm_up(self) -> None:
        """Pay for the first call now."""
        from boneage_desk.engines.networks.segmenter import segment

        segment(self.model, np.zeros((2, self.size, self.size), np.uint8))

    def evidence(
        self, crops: npt.NDArray[np.uint8], bones: Sequence[str], specs: Sequence[CropSpec]
    ) -> dict[str, Evidence]:
        """By bone what was measured on its crop [size, size] (distal up, thumb side on the right).

        specs: where each crop lies on the film. A bone of which nothing can be said is left out.
        """
        from boneage_desk.engines.networks.segmenter import segment

        if not len(crops):
            return {}
        turned = np.stack([np.asarray(upright(crop, bone)) for crop, bone in zip(crops, bones, strict=True)])
        outlines = segment(self.model, turned)
        found = {}
        for bone, spec, crop, outline in zip(bones, specs, turned, outlines, strict=True):
            evidence = evidence_of(bone, measure(crop, outline), spec, self.size)
            if evidence is not None:
                found[bone] = evidence
        return found
