"""From the pixels of a film to 13 graded bones. Runs in the inference process only.

normalise -> (turn a negative round) -> detect -> fit the hand -> 13 crops -> grades -> measured evidence, each step
timed. The evidence stands beside the grades and changes none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from boneage_desk.common.errors import EngineError, InputError
from boneage_desk.engines import backends, catalogue, hands
from boneage_desk.engines.cards import find_card, find_optional_card
from boneage_desk.engines.measurer import Measurer
from boneage_desk.engines.second import SecondOpinions
from boneage_desk.engines.transport import Pixels
from boneage_desk.imaging.crops import CropSpec, cut
from boneage_desk.imaging.normalise import hand_is_negative, looks_inverted, normalise_film
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, Flag, IntervalTable, ModelRef, WholeHandResult
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.findings import Box, GradeOpinion
from boneage_desk.standards.rus_chn import BONES, bone_name, check_bone
from boneage_desk.standards.types import Sex

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    from boneage_desk.engines.networks.grader import Grader

BLANK_SHARE = 0.25
"""An inferred place with less than this share of the other crops' contrast shows no bone."""

IDLE_S, LONG_IDLE_S = 1.0, 8.0
"""Deferred work begins when no request came for so long: of the 13 bones' models, of the second opinions'."""

Report = Callable[[float, str], None]


def _nothing(_share: float, _step: str) -> None:
    pass


def _never() -> None:
    pass


class _Clock:
    """Milliseconds of each step, in order."""

    def __init__(self) -> None:
        self._last = self._first = time.perf_counter()
        self.ms: dict[str, float] = {}

    def step(self, name: str) -> None:
        now = time.perf_counter()
        self.ms[name] = round((now - self._last) * 1e3, 2)
        self._last = now

    def total(self) -> dict[str, float]:
        return {**self.ms, "total": round((time.perf_counter() - self._first) * 1e3, 2)}


class HeldFilm:
    """The one film that the process holds: normalised, turned to positive, its hand fitted once."""

    def __init__(self, key: int, pixels: Pixels, padding: int | None) -> None:
        self.key = key
        self._raw = pixels
        self._padding = padding
        self._unit: npt.NDArray[np.uint8] | None = None
        self._hand: hands.Hand | None = None
        self.inverted = False

    @property
    def unit(self) -> npt.NDArray[np.uint8]:
        """The film in 8 bits, as far as is known a positive: bright is bone."""
        if self._unit is None:
            self.prepare()
            assert self._unit is not None
        return self._unit

    def prepare(self) -> None:
        """Normalise anew; the polarity is a guess from the greys until :meth:`find`."""
        self._hand, self.inverted = None, False
        self._unit = self._normalise()
        if looks_inverted(self._unit):
            self.turn_round()

    def _normalise(self) -> npt.NDArray[np.uint8]:
        """8 bits, of the film or of its negative: not 255 - x, for the percentiles at the two ends differ."""
        if not self.inverted:
            return normalise_film(self._raw, padding=self._padding)
        top = int(np.iinfo(self._raw.dtype).max)
        return normalise_film(top - self._raw, padding=None if self._padding is None else top - self._padding)

    def turn_round(self) -> None:
        """Take the film for the opposite polarity."""
        self.inverted = not self.inverted
        self._unit = self._normalise()

    def find(self, detect: Callable[[npt.NDArray[np.uint8]], hands.Hand]) -> hands.Hand:
        """The hand, and with it the polarity: bones tell better than the film's greys which it is."""
        if self._hand is not None:
            return self._hand
        hand = detect(self.unit)
        doubt = hand_is_negative(self.unit, hand.centres, hand.length) if hand.found else self.inverted
        if doubt:
            self.turn_round()
            other = detect(self.unit)
            if other.found:
                hand = other
            elif hand.found:
                self.turn_round()
        self._hand = hand
        return hand


class Pipeline:
    """The loaded models and the film in hand."""

    def __init__(
        self,
        detector: nn.Module,
        grader: Grader,
        *,
        crop_size: int,
        refs: tuple[ModelRef, ...],
        interval: IntervalTable | None,
        device: str,
        measurer: Measurer | None = None,
    ) -> None:
        self._measurer = measurer
        self._detector = detector
        self._grader = grader
        self._eager_grader = grader  # PyTorch's own trunk stays: Grad-CAM needs gradients
        self._crop_size = crop_size
        self.refs = refs
        self._interval = interval
        self.device = device
        self.backend = "torch"
        self.timing_ms: dict[str, float] = {}
        self._film: HeldFilm | None = None
        self._later: list[Callable[[], object]] = [_import_captum]  # work for idle moments, in order
        self._much_later: list[Callable[[], object]] = []  # of second opinions: for longer ones
        self._second: SecondOpinions | None = None

    # ------------------------------------------------------------------------------ loading
    @classmethod
    def load(
        cls,
        models_dir: Path,
        *,
        scratch: Path,
        device: str = "auto",
        backend: str = "auto",
        threads: int | None = None,
        began: float | None = None,
    ) -> Pipeline:
        """Check the weights, import the libraries, load and warm the models.

        Raises EngineError weights-missing, weights-hash, no-cuda.
        """
        clock = _Clock()
        detector_card, grader_card = find_card(models_dir, "detector"), find_card(models_dir, "grader")
        segmenter_card = find_optional_card(models_dir, catalogue.MEASURING)
        detector_weights, grader_weights = detector_card.verified_weights(), grader_card.verified_weights()
        segmenter_weights = segmenter_card.verified_weights() if segmenter_card else None
        clock.step("check_weights")
        import torch

        from boneage_desk.engines.networks.detector import load_detector
        from boneage_desk.engines.networks.grader import load_grader

        clock.step("import")
        threads = threads or backends.usable_cores()
        torch.set_num_threads(threads)
        if device == "cuda" and not torch.cuda.is_available():
            raise EngineError("There is no CUDA device.", "Choose 'auto' or 'cpu' in the settings.", code="no-cuda")
        where = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        chosen = backends.choose(backend, where)
        detector = load_detector(detector_card, detector_weights)
        grader = load_grader(grader_card, grader_weights)
        measurer = None
        if segmenter_card is not None and segmenter_weights is not None:
            from boneage_desk.engines.networks.segmenter import load_segmenter

            measurer = Measurer(load_segmenter(segmenter_card, segmenter_weights).to(where), segmenter_card.input_size)
        else:
            sys.stderr.write("no segmenter is installed: bones are graded but not measured\n")
        clock.step("load")
        if where == "cuda":
            detector, grader = detector.to("cuda"), grader.to("cuda")
        pipeline = cls(
            detector,
            grader,
            crop_size=grader_card.input_size,
            refs=tuple(catalogue.model_ref(card) for card in (detector_card, grader_card, segmenter_card) if card),
            interval=catalogue.interval_table(grader_card),
            device=where,
            measurer=measurer,
        )
        if chosen != "torch":
            pipeline._plan(chosen, scratch / "converted", threads, wait=backend != "auto")
        pipeline._second = SecondOpinions(
            models_dir, device=where, backend=chosen, cache=scratch / "converted", threads=threads,
            wait=backend != "auto", later=pipeline._much_later.append, bones=tuple(ref.sha256 for ref in pipeline.refs[:2]),
        )  # fmt: skip
        clock.step("convert")
        pipeline._warm_up()
        clock.step("warm_up")
        if began is not None:
            clock.ms["since_process_start"] = round((time.perf_counter() - began) * 1e3, 2)
        pipeline.timing_ms = clock.total()
        sys.stderr.write(f"ready: {where}, {pipeline.backend}, {pipeline.timing_ms}\n")
        return pipeline

    def _warm_up(self) -> None:
        from boneage_desk.engines.networks.detector import detect
        from boneage_desk.engines.networks.grader import grade

        detect(self._detector, np.zeros((320, 256), np.uint8))
        grade(self._grader, np.zeros((len(BONES), self._crop_size, self._crop_size), np.uint8), list(BONES))
        if self._measurer is not None:
            self._measurer.warm_up()

    # ------------------------------------------------------------------------ the fast path
    def _plan(self, backend: str, cache: Path, threads: int, *, wait: bool) -> None:
        """Take the fast path now where its files are there (or with ``wait``), else in idle moments.

        Converting takes seconds, once for each set of weights; the first start should not wait for it.
        """
        from boneage_desk.engines.networks.detector import DETECTOR_PASS_SIZE

        detector_hash, grader_hash = (ref.sha256[:16] for ref in self.refs[:2])
        detector_key = f"detector-{detector_hash}-{DETECTOR_PASS_SIZE}"
        grader_key = f"grader-{grader_hash}-{self._crop_size}"

        def detector() -> bool:
            import torch

            from boneage_desk.engines.networks.detector import Raw

            example = torch.zeros(1, 1, DETECTOR_PASS_SIZE, DETECTOR_PASS_SIZE)
            raw = Raw(self._detector)
            fast = backends.fast_module(raw, example, backend=backend, cache=cache, key=detector_key, threads=threads)
            if fast is not None:
                self._detector = fast
            return fast is not None

        def grader() -> bool:
            import copy

            import torch

            example = torch.zeros(2, 1, self._crop_size, self._crop_size)
            trunk = backends.fast_module(
                self._eager_grader.trunk, example, backend=backend, cache=cache, key=grader_key, threads=threads
            )
            if trunk is not None:  # the small heads stay in PyTorch
                fast = copy.copy(self._eager_grader)
                fast._modules = {**self._eager_grader._modules, "trunk": trunk}
                self._grader = fast
                self.backend = backend
            return trunk is not None

        keys, makers = [detector_key, grader_key], [detector, grader]
        measurer = self._measurer
        if measurer is not None:
            segmenter_key = f"segmenter-{self.refs[2].sha256[:16]}-{measurer.size}"
            keys.append(segmenter_key)

            def segmenter() -> bool:
                import torch

                example = torch.zeros(2, 1, measurer.size, measurer.size)
                fast = backends.fast_module(
                    measurer.model, example, backend=backend, cache=cache, key=segmenter_key, threads=threads
                )
                if fast is not None:
                    measurer.model = fast
                return fast is not None

            makers.append(segmenter)

        def all_of_them() -> bool:
            return all(make() for make in makers)

        if wait or all(backends.kept(backend, cache, key).exists() for key in keys):
            all_of_them()
        else:
            self._later[:0] = [all_of_them]

    def work_ahead(self) -> bool:
        """Do the next piece of deferred work, some seconds at most; False when there is none."""
        work = self._later or self._much_later
        if not work:
            return False
        work.pop(0)()
        return True

    def idle_s(self) -> float | None:
        """How long no request should have come before `work_ahead`; None where there is nothing to do."""
        if self._later:
            return IDLE_S
        return LONG_IDLE_S if self._much_later else None

    # ---------------------------------------------------------------------------- the film
    def holds(self, key: int) -> bool:
        """Whether film ``key`` is here already."""
        return self._film is not None and self._film.key == key

    def hold(self, key: int, pixels: Pixels, padding: int | None) -> None:
        """Take a film; the one before is dropped."""
        self._film = HeldFilm(key, pixels, padding)

    def _in_hand(self) -> HeldFilm:
        if self._film is None:
            raise EngineError("No film is in the engine.", "Read it again.", code="film-not-held")
        return self._film

    # -------------------------------------------------------------------------------- jobs
    def analyse(self, report: Report = _nothing) -> AnalysisResult:
        """See AnalysisEngine."""
        from boneage_desk.engines.networks.grader import grade

        film, clock = self._in_hand(), _Clock()
        report(0.02, "contrast")
        film.prepare()
        clock.step("normalise")
        report(0.1, "finding the bones")
        hand = film.find(self._fit)
        unit = film.unit
        clock.step("detect")
        flags = [*hand.flags]
        if film.inverted:
            flags.append(Flag("inverted", "The film looks like a negative; it was turned round for the models."))
        opinions: dict[str, GradeOpinion] = {}
        evidence: dict[str, Evidence] = {}
        if hand.specs and not any(flag.blocking for flag in flags):
            report(0.4, "cutting out")
            bones = list(hand.specs)
            crops = np.stack([self._cut(unit, hand.specs[bone]) for bone in bones])
            clock.step("crop")
            report(0.5, "grading")
            rows = grade(self._grader, crops, bones)
            opinions = {bone: _opinion(bone, row) for bone, row in zip(bones, rows, strict=True)}
            for bone in _blank(crops, bones, hand.unseen):
                del opinions[bone]
                flags.append(Flag("bone_missing", f"{bone_name(bone)}: nothing to be seen in its place.", bone=bone))
            clock.step("grade")
            if self._measurer is not None:
                report(0.9, "measuring")
                evidence = self._evidence(unit, crops, {bone: hand.specs[bone] for bone in bones}, set(opinions))
                clock.step("measure")
        report(1.0, "done")
        return AnalysisResult(
            bones=tuple(
                BoneResult(bone, hand.regions.get(bone), opinions.get(bone), evidence.get(bone)) for bone in BONES
            ),
            flags=tuple(flags),
            models=self.refs,
            interval=self._interval,
            hand_mirror=hand.side,
            rotation_deg=hand.rotation_deg,
            timing_ms=clock.total(),
            device=f"{self.device}/{self.backend}",
        )

    def regrade(self, bone: str, box: Box, angle_deg: float) -> BoneResult:
        """See AnalysisEngine."""
        from boneage_desk.engines.networks.grader import grade

        check_bone(bone)
        spec, crop = self._crop_of(box, angle_deg)
        opinion = _opinion(bone, grade(self._grader, crop[None], [bone])[0])
        evidence = self._evidence(self._in_hand().unit, crop[None], {bone: spec}, {bone})
        return BoneResult(bone, None, opinion, evidence.get(bone), self.refs)

    def grade_crops(self, crops: Sequence[Pixels], bone: str) -> list[GradeOpinion]:
        """See AnalysisEngine."""
        from boneage_desk.engines.networks.grader import grade

        check_bone(bone)
        if not crops:
            return []
        cut_crops = [self._ready_crop(crop, number) for number, crop in enumerate(crops, 1)]
        return [_opinion(bone, row) for row in grade(self._grader, np.stack(cut_crops), [bone] * len(cut_crops))]

    def saliency(self, bone: str, box: Box, angle_deg: float, method: str) -> npt.NDArray[np.float32]:
        """See AnalysisEngine."""
        from boneage_desk.engines.saliency import over_box, saliency_map

        check_bone(bone)
        spec, crop = self._crop_of(box, angle_deg)
        return over_box(saliency_map(self._eager_grader, crop, bone, method), spec, box)

    def whole_hand(
        self, sex: Sex | None, engines: Sequence[str], report: Report = _nothing, check: Callable[[], None] = _never
    ) -> WholeHandResult:
        """See AnalysisEngine; ``check`` raises Cancelled."""
        film = self._in_hand()
        hand = film.find(self._fit)
        return self._opinions().read(film.unit, hand, sex, engines, report=report, check=check)

    def whole_hand_saliency(self, engine: str, sex: Sex | None, sha256: str) -> npt.NDArray[np.float32]:
        """See AnalysisEngine."""
        film = self._in_hand()
        hand = film.find(self._fit)
        return self._opinions().saliency(film.unit, hand, engine, sex, sha256)

    def finds_hand(self, unit: npt.NDArray[np.uint8]) -> bool:
        """Whether the detector finds a hand on a film [H, W] in 8 bits."""
        return self._fit(unit).found

    def _opinions(self) -> SecondOpinions:
        if self._second is None:
            raise EngineError("This engine was made without whole-hand models.", code="whole-hand-unavailable")
        return self._second

    # ------------------------------------------------------------------------------- parts
    def _fit(self, unit: npt.NDArray[np.uint8]) -> hands.Hand:
        from boneage_desk.engines.networks.detector import detect

        height, width = unit.shape
        return hands.fit(detect(self._detector, unit), width, height)

    def _crop_of(self, box: Box, angle_deg: float) -> tuple[CropSpec, npt.NDArray[np.uint8]]:
        """The crop for a box that a person may have moved; side and polarity from the film's own hand."""
        film = self._in_hand()
        spec = hands.spec_of(box, angle_deg, mirror=film.find(self._fit).mirror)
        crop = self._cut(film.unit, spec)
        _check_content(crop, "The box")
        return spec, crop

    def _evidence(
        self, unit: npt.NDArray[np.uint8], crops: npt.NDArray[np.uint8], specs: dict[str, CropSpec], graded: set[str]
    ) -> dict[str, Evidence]:
        """What is measured on the bones that have a grade; crops: the grader's, in the order of ``specs``."""
        measurer = self._measurer
        if measurer is None or not graded:
            return {}
        wanted = [(k, bone) for k, bone in enumerate(specs) if bone in graded]
        if measurer.size == self._crop_size:
            squares = crops[[k for k, _ in wanted]]
        else:
            squares = np.stack([np.asarray(cut(unit, specs[bone], measurer.size), np.uint8) for _, bone in wanted])
        return measurer.evidence(squares, [bone for _, bone in wanted], [specs[bone] for _, bone in wanted])

    def _cut(self, unit: npt.NDArray[np.uint8], spec: CropSpec) -> npt.NDArray[np.uint8]:
        return np.asarray(cut(unit, spec, self._crop_size), np.uint8)

    def _ready_crop(self, crop: Pixels, number: int) -> npt.NDArray[np.uint8]:
        name = f"Crop {number}"
        if crop.ndim != 2 or min(crop.shape) < 1:
            raise InputError(f"{name} has no pixels.", "Give a grey picture of one bone.", code="empty-crop")
        _check_content(crop, name)
        height, width = crop.shape
        unit = normalise_film(np.ascontiguousarray(crop)) if crop.dtype != np.uint8 else crop
        return self._cut(unit, CropSpec(width / 2, height / 2, float(max(height, width))))


def _import_captum() -> None:
    """So that the first saliency map comes at once; failure is told when one is asked for."""
    try:
        import captum.attr  # noqa: F401
    except ImportError as error:
        sys.stderr.write(f"captum: {error}\n")


def _check_content(crop: Pixels, what: str) -> None:
    """Refuse a crop of one grey: a grade of nothing would look like any other."""
    if int(crop.max()) - int(crop.min()) < 2:
        raise InputError(
            f"{what} is empty: it shows one grey only.",
            "Put it on the bone; a bone that is not on the film stays without a grade.",
            code="empty-crop",
        )


def _blank(crops: npt.NDArray[np.uint8], bones: list[str], unseen: Sequence[str]) -> list[str]:
    """Bones of ``unseen`` in whose place the film is empty: they get no grade (a missing finger)."""
    low, high = np.percentile(crops.reshape(len(crops), -1), [2, 98], axis=1)
    span = dict(zip(bones, high - low, strict=True))
    usual = float(np.median([v for bone, v in span.items() if bone not in unseen] or [0.0]))
    return [bone for bone in unseen if bone in span and span[bone] < BLANK_SHARE * usual]


def _opinion(bone: str, row: Sequence[float]) -> GradeOpinion:
    """The middle grade; probabilities checked by the value itself."""
    from boneage_desk.engines.networks.grader import middle_grade

    values = tuple(float(p) for p in row)
    return GradeOpinion(bone, middle_grade(values), values)
