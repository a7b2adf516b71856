"""Second opinions: whole-hand models, loaded when they are first asked. Runs in the inference process only.

A model that is not installed, broken, or may not answer on this film costs a flag with the reason, never an exception:
the 13 bones stand without it. The hand's picture is cut from the same fit of the hand that the 13 bones came from.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from boneage_desk.common.errors import Cancelled, EngineError
from boneage_desk.engines import catalogue
from boneage_desk.engines.catalogue import WholeHandCard
from boneage_desk.engines.hands import Hand
from boneage_desk.imaging.crops import CropSpec, crop_to_film
from boneage_desk.imaging.hand_frame import PICTURE, hand_picture, hand_spec
from boneage_desk.reading.analysis import FilmArea, Flag, ModelRef, WholeHandOpinion, WholeHandResult
from boneage_desk.reading.findings import Box
from boneage_desk.reading.second_opinion import ENGINE_NAMES, UNAVAILABLE, outside_training
from boneage_desk.reading.summary import sex_mismatch
from boneage_desk.standards.types import Sex, years_months

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    from boneage_desk.engines.networks.whole_hand import Answers, WholeHand

UNKNOWN_SEX = 0.5


class NoOpinion(Exception):
    """Why a model gives no number, in words that follow its name, or as a whole flag."""

    def __init__(self, why: str, flag: Flag | None = None) -> None:
        super().__init__(why)
        self.flag = flag


@dataclass(slots=True)
class _Loaded:
    """A model in memory: PyTorch's own until a faster one is there, by sex where a file holds a network for each."""

    sha256: str
    eager: WholeHand | None
    fast: dict[float, nn.Module]


class SecondOpinions:
    """The whole-hand models of ``models_dir``.

    bones: SHA-256 of the weights of the detector and the grader here; a usual difference to others counts as none.
    device: 'cpu' or 'cuda'. backend: 'torch', or a fast one of `backends`, kept in ``cache``. wait: convert at once
    and not later. later: takes work for idle moments.
    """

    def __init__(
        self,
        models_dir: Path,
        *,
        device: str,
        backend: str,
        cache: Path,
        threads: int,
        wait: bool = False,
        later: Callable[[Callable[[], object]], None],
        bones: tuple[str, ...] = (),
    ) -> None:
        self._models_dir, self._bones = models_dir, bones
        self._device, self._backend, self._cache, self._threads = device, backend, cache, threads
        self._wait, self._later = wait, later
        self._models: dict[str, _Loaded] = {}
        self._spare: tuple[str, WholeHand] | None = None

    # ------------------------------------------------------------------------------- reading
    def read(
        self,
        unit: npt.NDArray[np.uint8],
        hand: Hand,
        sex: Sex | None,
        engines: Sequence[str],
        *,
        report: Callable[[float, str], None],
        check: Callable[[], None],
    ) -> WholeHandResult:
        """See AnalysisEngine.whole_hand. unit: the film [H, W] in 8 bits, a positive; check: raises Cancelled."""
        cards, problems = catalogue.whole_hand_cards(self._models_dir)
        opinions: list[WholeHandOpinion] = []
        flags: list[Flag] = []
        models: list[ModelRef] = []
        timing: dict[str, float] = {}
        for number, engine in enumerate(dict.fromkeys(engines)):
            report(number / max(1, len(engines)), ENGINE_NAMES.get(engine, engine).lower())
            check()
            began = time.perf_counter()
            key = engine.replace("-", "_")
            try:
                card = _installed(cards, problems, engine)
                spec = _place(hand, card, sex)
                model = self._model(card, _male(card, sex))
                timing[f"{key}_load"] = _since(began)
                check()
                began = time.perf_counter()
                models.append(catalogue.model_ref(card.card, engine))
                picture = hand_picture(unit, spec, card.card.input_size)
                opinion = _opinion(card, model, picture, spec, sex, card.usual_difference(self._bones))
                opinions.append(opinion)
                mismatch = sex_mismatch(opinion, sex)
                flags += [mismatch] if mismatch else []
            except Exception as error:
                flags.append(_flag(engine, error))
            timing[key] = _since(began)
        report(1.0, "done")
        return WholeHandResult(tuple(opinions), tuple(flags), tuple(models), timing, f"{self._device}/{self._backend}")

    def saliency(
        self, unit: npt.NDArray[np.uint8], hand: Hand, engine: str, sex: Sex | None, sha256: str
    ) -> npt.NDArray[np.float32]:
        """See AnalysisEngine.whole_hand_saliency."""
        from boneage_desk.engines.saliency import over_box
        from boneage_desk.engines.second_saliency import cells

        cards, problems = catalogue.whole_hand_cards(self._models_dir)
        try:
            card = _installed(cards, problems, engine)
            if card.card.sha256 != sha256:
                raise NoOpinion("no map, the opinion was made by a model that is no longer installed.")
            spec = _place(hand, card, sex)
        except NoOpinion as error:
            raise EngineError(_flag(engine, error).message, code="whole-hand-unavailable") from error
        picture = hand_picture(unit, spec, card.card.input_size)
        height, width = unit.shape
        coarse = cells(self._eager(card), card.card.architecture, picture, _male(card, sex))
        return over_box(coarse, spec, Box(0.0, 0.0, float(width), float(height)))

    # -------------------------------------------------------------------------------- models
    def _model(self, card: WholeHandCard, male: float) -> nn.Module:
        """The model that answers fastest; loaded, its weights checked, where it is not there yet."""
        held = self._models.get(card.engine)
        if held is None or held.sha256 != card.card.sha256:
            held = self._models[card.engine] = _Loaded(card.card.sha256, self._load(card), {})
            self._spare = None
        key = _fast_key(card, male)
        if key in held.fast:
            return held.fast[key]
        if held.eager is None:  # the fast one is of the other sex
            held.eager = self._load(card)
        if self._backend != "torch":
            self._plan(card, held, male)
        return held.fast.get(key, held.eager)

    def _load(self, card: WholeHandCard) -> WholeHand:
        weights = card.card.verified_weights()
        from boneage_desk.engines.networks.whole_hand import load_whole_hand

        return load_whole_hand(card.card, weights).to(self._device)

    def _eager(self, card: WholeHandCard) -> WholeHand:
        """PyTorch's own model, for gradients: the one that answers, else the last that was loaded for a map."""
        held = self._models.get(card.engine)
        if held is not None and held.sha256 == card.card.sha256 and held.eager is not None:
            return held.eager
        if self._spare is None or self._spare[0] != card.card.sha256:
            self._spare = None
            self._spare = (card.card.sha256, self._load(card))
        return self._spare[1]

    def _plan(self, card: WholeHandCard, held: _Loaded, male: float) -> None:
        """The fast path: now where its files are kept (or with ``wait``), else in an idle moment."""
        from boneage_desk.engines.networks import whole_hand_fast

        eager, key = held.eager, _fast_key(card, male)
        assert eager is not None

        def convert() -> None:
            if held.eager is None:  # the other sex' network took its place
                held.fast.pop(key, None)
                return
            fast = whole_hand_fast.faster(
                held.eager, card.card, card.engine, male,
                backend=self._backend, cache=self._cache, threads=self._threads,
            )  # fmt: skip
            held.fast[key] = held.eager if fast is None else fast
            if fast is not None:
                held.eager = None  # its memory; a saliency map loads it again

        where = {"backend": self._backend, "cache": self._cache}
        if self._wait or whole_hand_fast.kept(eager, card.card, card.engine, male, **where):
            convert()
        else:
            held.fast[key] = eager  # planned once
            self._later(convert)


# ------------------------------------------------------------------------------------ one model
def _installed(cards: dict[str, WholeHandCard], problems: list[EngineError], engine: str) -> WholeHandCard:
    card = cards.get(engine)
    if card is None:
        if engine not in ENGINE_NAMES:
            raise NoOpinion(f"there is no engine of this name; known: {', '.join(ENGINE_NAMES)}.")
        more = f" {problems[0].message}" if problems else ""
        raise NoOpinion(f"no model is installed.{more}")
    if card.picture != PICTURE:
        raise NoOpinion(f"its card asks for a picture ('{card.picture}') that this version does not cut.")
    return card


def _place(hand: Hand, card: WholeHandCard, sex: Sex | None) -> CropSpec:
    """The hand's square on the film; NoOpinion where the model may not answer."""
    blocking = [flag for flag in hand.flags if flag.blocking]
    if blocking or not hand.found:
        raise NoOpinion(f"no second opinion. {blocking[0].message if blocking else 'No hand was found on this film.'}")
    if card.needs_sex and sex is None:
        raise NoOpinion("no second opinion, the sex is not known and this model needs it.")
    return hand_spec(hand.centres, hand.length, mirror=hand.mirror)


def _male(card: WholeHandCard, sex: Sex | None) -> float:
    """What the model is told: 1 male, 0 female; UNKNOWN_SEX where it does not need the sex, known or not."""
    if not card.needs_sex or sex is None:
        return UNKNOWN_SEX
    return 1.0 if sex is Sex.MALE else 0.0


def _fast_key(card: WholeHandCard, male: float) -> float:
    """Where the fast network is kept: a file with a network for each sex has two."""
    from boneage_desk.engines.networks.whole_hand import REGRESSION

    return male if card.card.architecture == REGRESSION else UNKNOWN_SEX


def _opinion(
    card: WholeHandCard, model: nn.Module, picture: npt.NDArray[np.uint8], spec: CropSpec, sex: Sex | None,
    usual: float | None,
) -> WholeHandOpinion:
    if int(picture.max()) - int(picture.min()) < 2:
        raise NoOpinion("no second opinion, there is nothing to be seen in the hand's place.")
    answers, regions = _answers(model, picture, _male(card, sex))
    months = float(answers.months[0])
    if not np.isfinite(months):
        raise NoOpinion("the model gave no number.")
    low, high = card.age_range_months
    if not low <= months <= high:
        flag = outside_training(card.engine, card.age_range_months, f"it would say {years_months(months)}")
        raise NoOpinion(flag.message, flag)
    return WholeHandOpinion(
        model=card.card.full_tag,
        bone_age_months=months,
        interval_months=_interval(card, months, sex),
        engine=card.engine,
        usual_difference_months=usual,
        male_probability=None if answers.male_probability is None else float(answers.male_probability[0]),
        areas=_areas(regions, spec),
        sex=sex if card.needs_sex else None,
        sex_limit=card.sex_limit if answers.male_probability is not None else None,
        age_range_months=card.age_range_months,
    )


def _interval(card: WholeHandCard, months: float, sex: Sex | None) -> tuple[float, float] | None:
    """(low, high) of the card's band; of a child whose sex is not known, the wider of the two sexes'."""
    table = catalogue.interval_table(card.card)
    if table is None:
        return None
    rows = [table.row(each, months) for each in ((sex,) if sex else tuple(Sex))]
    widths = [row.half_width_months for row in rows if row is not None]
    if len(widths) < len(rows):
        return None
    return max(0.0, months - max(widths)), months + max(widths)


def _answers(
    model: nn.Module, picture: npt.NDArray[np.uint8], male: float
) -> tuple[Answers, npt.NDArray[np.float64] | None]:
    """The model's answers, and the regions [R, 4] (shares of the picture) of a cascade, which are found once."""
    import torch

    from boneage_desk.engines.networks.whole_hand import Answers, read_pictures, to_input

    if not hasattr(model, "regions"):
        return read_pictures(model, picture[None], np.array([male])), None
    looks = [picture, picture[:, ::-1]] if getattr(model, "flips", False) else [picture]
    device = next(model.parameters()).device
    pixels = to_input(torch.from_numpy(np.ascontiguousarray(np.stack(looks))).to(device))
    with torch.inference_mode():
        found = cast("WholeHand", model).outputs(pixels, torch.full((len(looks),), male, device=device))
    months = found.months.double().mean(0, keepdim=True).clamp(min=0.0).cpu().numpy()
    return Answers(months), (found.extra or {})["regions"][0].double().cpu().numpy()


def _areas(regions: npt.NDArray[np.float64] | None, spec: CropSpec) -> tuple[FilmArea, ...]:
    """A cascade's regions as turned squares on the film; none of other models."""
    if regions is None:
        return ()
    from boneage_desk.engines.networks.cascade import REGIONS

    areas = []
    for name, (x0, y0, x1, y1) in zip(REGIONS, regions, strict=True):
        corners = crop_to_film(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), spec, 1)
        areas.append(FilmArea(name, tuple((float(x), float(y)) for x, y in corners)))
    return tuple(areas)


def _flag(engine: str, error: Exception) -> Flag:
    """What stands in place of a number. A cancelled request is passed on; a bug is written to the log too."""
    if isinstance(error, Cancelled):
        raise error
    name = ENGINE_NAMES.get(engine, f"'{engine}'")
    if isinstance(error, NoOpinion):
        return error.flag or Flag(UNAVAILABLE, f"{name}: {error}", engine=engine)
    if isinstance(error, EngineError):
        return Flag(UNAVAILABLE, f"{name}: {error}", engine=engine)
    sys.stderr.write("".join(traceback.format_exception(error)))
    what = "memory ran out" if _out_of_memory(error) else f"it failed ({type(error).__name__}: {error})"
    return Flag(UNAVAILABLE, f"{name}: no second opinion, {what}. The engine's log says more.", engine=engine)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1e3, 2)
