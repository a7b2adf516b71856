"""Whole-hand models asked in this process: the numbers are the network's, and everything that stands in their way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boneage_desk.common.errors import Cancelled, EngineError
from boneage_desk.engines import backends
from boneage_desk.engines.cards import find_card, read_card
from boneage_desk.engines.catalogue import model_refs, whole_hand_cards
from boneage_desk.engines.hands import Hand
from boneage_desk.engines.second import SecondOpinions
from boneage_desk.imaging.hand_frame import hand_picture, hand_spec
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.phantom import PhantomSpec, draw_hand
from boneage_desk.reading.analysis import Flag, WholeHandResult
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.standards.types import Sex
from tests.whole_hand_models import BONES_WEIGHTS, HALF_WIDTH, write_whole_hand

BROKEN = '[model]\ntask = "whole-hand"\nname = '


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a default model and of system 4, with random weights."""
    models = tmp_path_factory.mktemp("models")
    write_whole_hand(models, "whole-hand")
    write_whole_hand(models, "dual", sex_limit=0.501)
    return models


@pytest.fixture
def models(installed: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(installed, tmp_path / "models"))


@dataclass
class Drawn:
    """A drawn film, normalised, with its hand as the truth has it."""

    unit: np.ndarray
    hand: Hand


def drawn(**spec: Any) -> Drawn:
    film = draw_hand(PhantomSpec(dict.fromkeys(BONES, 6), **{"size": (420, 340), **spec}))
    centres = {bone: (float(film.centres[bone][0]), float(film.centres[bone][1])) for bone in BONES}
    length = float(np.hypot(*np.subtract(centres["dp3"], centres["mc3"])))
    mirror = (spec.get("side") == "right") != bool(spec.get("mirrored"))
    return Drawn(normalise_film(np.ascontiguousarray(film.pixels)), Hand((), centres=centres, length=length, mirror=mirror))


@pytest.fixture(scope="module")
def film() -> Drawn:
    return drawn()


@dataclass
class Asked:
    """Engines of a folder; ``later``: work put off."""

    models: Path
    cache: Path
    backend: str = "torch"
    wait: bool = False
    bones: tuple[str, ...] = BONES_WEIGHTS
    later: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engines = SecondOpinions(
            self.models, device="cpu", backend=self.backend, cache=self.cache, threads=1, wait=self.wait,
            later=self.later.append, bones=self.bones,
        )  # fmt: skip

    def read(self, film: Drawn, sex: Sex | None, *names: str, check: Callable[[], None] = lambda: None) -> WholeHandResult:
        return self.engines.read(film.unit, film.hand, sex, names, report=lambda *_: None, check=check)


def directly(folder: Path, film: Drawn, male: float) -> Any:
    """The answer of the network of a folder, asked without anything between."""
    from boneage_desk.engines.networks.whole_hand import load_whole_hand, read_pictures

    card = read_card(folder)
    spec = hand_spec(film.hand.centres, film.hand.length, mirror=film.hand.mirror)
    picture = hand_picture(film.unit, spec, card.input_size)
    return read_pictures(load_whole_hand(card, card.verified_weights()), picture[None], np.array([male]))


def sha_of(models: Path, engine: str) -> str:
    """Of the weights installed for ``engine``."""
    return whole_hand_cards(models)[0][engine].card.sha256


def why(result: WholeHandResult) -> str:
    assert not result.opinions and [flag.code for flag in result.flags] == ["whole_hand_unavailable"], result
    assert not result.flags[0].blocking and result.flags[0].engine
    return result.flags[0].message


# ------------------------------------------------------------------------------------ numbers
@pytest.mark.parametrize(("sex", "male"), [(Sex.MALE, 1.0), (Sex.FEMALE, 0.0)])
def test_the_number_is_the_networks(installed: Path, film: Drawn, tmp_path: Path, sex: Sex, male: float) -> None:
    result = Asked(installed, tmp_path).read(film, sex, "whole-hand")
    (opinion,) = result.opinions
    months = float(directly(installed / "tf_efficientnet_lite0.random", film, male).months[0])
    assert opinion.bone_age_months == pytest.approx(months, abs=1e-3)
    assert opinion.interval_months == pytest.approx((months - HALF_WIDTH[sex], months + HALF_WIDTH[sex]), abs=1e-3)
    assert (opinion.sex, opinion.usual_difference_months) == (sex, 12.5)
    assert (opinion.male_probability, opinion.areas) == (None, ())
    assert [(m.engine, m.tag) for m in result.models] == [("whole-hand", "tf_efficientnet_lite0.random")]
    assert result.models[0].sha256 == read_card(installed / "tf_efficientnet_lite0.random").sha256
    assert result.timing_ms["whole_hand"] > 0 and not result.flags


@pytest.mark.parametrize("bones", [(BONES_WEIGHTS[0], "f" * 64), BONES_WEIGHTS[::-1], BONES_WEIGHTS[:1], ()])
def test_to_an_exchanged_grader_no_usual_difference_was_measured(
    installed: Path, film: Drawn, tmp_path: Path, bones: tuple[str, ...]
) -> None:
    (opinion,) = Asked(installed, tmp_path, bones=bones).read(film, Sex.MALE, "whole-hand").opinions
    assert opinion.usual_difference_months is None


def test_a_card_that_does_not_say_to_which_models_has_no_usual_difference(models: Path, film: Drawn, tmp_path: Path) -> None:
    (card,) = [p for p in models.glob("*/card.toml") if 'engine = "whole-hand"' in p.read_text(encoding="utf-8")]
    lines = [line for line in card.read_text(encoding="utf-8").splitlines() if "usual_difference_to" not in line]
    card.write_text("\n".join(lines), encoding="utf-8")
    (opinion,) = Asked(models, tmp_path / "c").read(film, Sex.MALE, "whole-hand").opinions
    assert opinion.usual_difference_months is None


def test_the_shipped_models_are_a_pair(repository: Path) -> None:
    cards, problems = whole_hand_cards(repository / "models")
    bones = tuple(ref.sha256 for ref in model_refs(repository / "models")[:2])
    assert not problems and cards["whole-hand"].usual_difference(bones) == 12.6


def test_the_sex_is_handed_to_the_network(installed: Path, film: Drawn, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path)
    boy, girl = (asked.read(film, sex, "whole-hand").opinions[0].bone_age_months for sex in (Sex.MALE, Sex.FEMALE))
    assert abs(boy - girl) > 0.05


def test_another_weights_file_gives_another_number(installed: Path, film: Drawn, tmp_path: Path) -> None:
    one = Asked(installed, tmp_path).read(film, Sex.MALE, "whole-hand").opinions[0]
    write_whole_hand(tmp_path / "other", "whole-hand", seed=9)
    other = Asked(tmp_path / "other", tmp_path).read(film, Sex.MALE, "whole-hand").opinions[0]
    assert abs(one.bone_age_months - other.bone_age_months) > 0.05


def test_system_4_tells_the_sex_needs_none_and_disagrees_quietly(installed: Path, film: Drawn, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path)
    result = asked.read(film, None, "whole-hand", "dual")
    (opinion,) = result.opinions
    male = float(directly(installed / "inception_v3_se.random", film, 0.5).male_probability[0])
    assert opinion.engine == "dual" and opinion.sex is None
    assert opinion.male_probability == pytest.approx(male, abs=1e-4)
    wide = max(HALF_WIDTH.values())
    assert opinion.interval_months is not None
    assert opinion.interval_months[1] == pytest.approx(opinion.bone_age_months + wide)
    assert [(f.code, f.engine) for f in result.flags] == [("whole_hand_unavailable", "whole-hand")]
    assert "sex is not known" in result.flags[0].message
    seen, other = (Sex.MALE, Sex.FEMALE) if male > 0.5 else (Sex.FEMALE, Sex.MALE)
    assert abs(male - 0.5) > 0.001, "the limit of this card is 0.501"
    assert [f.code for f in asked.read(film, other, "dual").flags] == ["sex_mismatch"]
    assert [f.code for f in asked.read(film, seen, "dual").flags] == []
    told = [asked.read(film, sex, "dual").opinions[0].bone_age_months for sex in (None, seen, other)]
    assert len({round(months, 6) for months in told}) == 1, "it is not told the sex"


@pytest.mark.parametrize(
    "spec", [{"rotation_deg": 25.0, "size": (560, 560)}, {"mirrored": True}, {"side": "right"}, {"rotation_deg": 180.0}],
    ids=str,
)  # fmt: skip
def test_a_turned_or_mirrored_film_gives_the_same_picture(film: Drawn, spec: dict[str, Any]) -> None:
    """The picture of the drawn hand upright, of the film as it lies: correlation of the greys."""
    base = drawn(size=spec.get("size", (420, 340)))

    def picture(of: Drawn) -> np.ndarray:
        return hand_picture(of.unit, hand_spec(of.hand.centres, of.hand.length, mirror=of.hand.mirror), 96).astype(float)

    one, other = picture(base), picture(drawn(**spec))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95
    assert np.corrcoef(one.ravel(), other[:, ::-1].ravel())[0, 1] < 0.9, "a picture the other way round is told apart"


# ------------------------------------------------------------------------- what stands in the way
def test_a_model_that_is_not_installed_is_told(installed: Path, film: Drawn, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path)
    assert "Regression: no model is installed." in why(asked.read(film, Sex.MALE, "regression"))
    assert "no engine of this name" in why(asked.read(film, Sex.MALE, "palm"))


def test_altered_weights_are_refused(models: Path, film: Drawn, tmp_path: Path) -> None:
    weights = models / "tf_efficientnet_lite0.random" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    result = Asked(models, tmp_path).read(film, Sex.MALE, "whole-hand", "dual")
    assert [o.engine for o in result.opinions] == ["dual"], "the other one answers"
    assert "not those of its card" in result.flags[0].message


def test_a_broken_card_is_told_and_breaks_no_other_model(models: Path, film: Drawn, tmp_path: Path) -> None:
    (models / "tf_efficientnet_lite0.random" / "card.toml").write_text(BROKEN, encoding="utf-8")
    cards, problems = whole_hand_cards(models)
    assert list(cards) == ["dual"] and len(problems) == 1
    assert "card" in why(Asked(models, tmp_path).read(film, Sex.MALE, "whole-hand"))
    with pytest.raises(EngineError, match="no detector"):  # and not: the broken card
        find_card(models, "detector")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('picture = "hand-upright-1"', 'picture = "hand-upright-99"', "does not cut"),
        ("age_range_months = [0.0, 240.0]", "", "age_range_months"),
        ('engine = "whole-hand"', 'engine = "palm"', "palm"),
        ("flips = false", "flips = false\nsex_limit = 0.2", "out of range"),
    ],
)
def test_a_card_that_asks_for_what_is_not_there_is_told(
    models: Path, film: Drawn, tmp_path: Path, old: str, new: str, said: str
) -> None:
    card = models / "tf_efficientnet_lite0.random" / "card.toml"
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new), encoding="utf-8")
    assert said in why(Asked(models, tmp_path).read(film, Sex.MALE, "whole-hand"))


def test_an_age_outside_its_training_is_a_flag_and_no_number(film: Drawn, tmp_path: Path) -> None:
    write_whole_hand(tmp_path / "m", "whole-hand", age_range=(200.0, 240.0))
    result = Asked(tmp_path / "m", tmp_path).read(film, Sex.MALE, "whole-hand")
    assert not result.opinions and [flag.code for flag in result.flags] == ["outside_training"]


def test_no_hand_and_two_hands_give_no_number(installed: Path, film: Drawn, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path)
    two = Drawn(film.unit, replace(film.hand, flags=(Flag("several_hands", "2 hands were found.", blocking=True),)))
    none = Drawn(film.unit, Hand((Flag("no_hand", "No hand was found.", blocking=True),)))
    assert "2 hands were found." in why(asked.read(two, Sex.MALE, "whole-hand"))
    assert "No hand was found." in why(asked.read(none, Sex.MALE, "dual"))
    with pytest.raises(EngineError) as caught:
        asked.engines.saliency(two.unit, two.hand, "whole-hand", Sex.MALE, sha_of(installed, "whole-hand"))
    assert caught.value.code == "whole-hand-unavailable"


def test_a_cancel_is_heard_between_two_models(installed: Path, film: Drawn, tmp_path: Path) -> None:
    asked, calls = Asked(installed, tmp_path), []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        asked.read(film, Sex.MALE, "whole-hand", "dual", check=check)
    assert list(asked.engines._models) == ["whole-hand"], "the second was not loaded"


# ------------------------------------------------------------------------------- fast and maps
@pytest.mark.skipif(not backends.installed("openvino"), reason="needs openvino")
def test_the_fast_path_agrees_and_is_put_off(installed: Path, film: Drawn, tmp_path: Path) -> None:
    plain = Asked(installed, tmp_path).read(film, Sex.MALE, "whole-hand").opinions[0].bone_age_months
    fast = Asked(installed, tmp_path, "openvino")
    assert fast.read(film, Sex.MALE, "whole-hand").opinions[0].bone_age_months == pytest.approx(plain, abs=1e-3)
    assert len(fast.later) == 1
    fast.later.pop()()
    for sex in Sex:
        model = fast.read(film, sex, "whole-hand").opinions[0].bone_age_months
        assert model == pytest.approx(Asked(installed, tmp_path).read(film, sex, "whole-hand").opinions[0].bone_age_months, abs=0.02)
    held = fast.engines._models["whole-hand"]
    assert held.eager is None and list(held.fast) == [0.5], "one fast network for both sexes, PyTorch's own is gone"
    assert not fast.later
    again = Asked(installed, tmp_path, "openvino")
    again.read(film, Sex.MALE, "whole-hand")
    assert not again.later, "what was converted before is taken at once"


def test_a_fast_network_that_says_something_else_is_not_used(
    installed: Path, film: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(backends, "fast_module", lambda *_a, **_k: lambda pixels, male: torch.full((len(pixels),), 77.0))
    wrong = Asked(installed, tmp_path, "openvino", wait=True)
    plain = Asked(installed, tmp_path).read(film, Sex.MALE, "whole-hand").opinions[0].bone_age_months
    assert wrong.read(film, Sex.MALE, "whole-hand").opinions[0].bone_age_months == pytest.approx(plain)
    assert "months off" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["whole-hand", "dual"])
def test_the_map_lies_on_the_hand_of_the_whole_film(installed: Path, tmp_path: Path, engine: str) -> None:
    small = drawn(size=(600, 900), hand_fraction=0.6)
    values = Asked(installed, tmp_path).engines.saliency(small.unit, small.hand, engine, Sex.MALE, sha_of(installed, engine))
    assert values.dtype == np.float32 and values.shape == (171, 256)
    assert values.min() == 0 and 0.5 < values.max() <= 1
    spec = hand_spec(small.hand.centres, small.hand.length, mirror=small.hand.mirror)
    scale = 256 / 900
    y, x = np.mgrid[: values.shape[0], : values.shape[1]] / scale
    outside = np.hypot(x - spec.cx, y - spec.cy) > spec.side * 0.72
    assert outside.any() and values[outside].max() == 0, "nothing is said of what the model did not see"


@pytest.mark.slow
def test_an_opinion_of_other_weights_gets_no_map(installed: Path, film: Drawn, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="made by a model that is no longer installed") as caught:
        Asked(installed, tmp_path).engines.saliency(film.unit, film.hand, "whole-hand", Sex.MALE, "9" * 64)
    assert caught.value.code == "whole-hand-unavailable"


def test_the_cascades_regions_lie_on_the_film_and_the_fast_parts_agree(tmp_path: Path) -> None:
    write_whole_hand(tmp_path / "m", "cascade")
    film = drawn(rotation_deg=20.0, size=(520, 520))
    (plain,) = Asked(tmp_path / "m", tmp_path).read(film, Sex.FEMALE, "cascade").opinions
    assert [area.name for area in plain.areas] == ["carpal", "metacarpophalangeal"]
    spec = hand_spec(film.hand.centres, film.hand.length, mirror=film.hand.mirror)
    from boneage_desk.engines.networks.cascade import REGION_SIDES

    for area, share in zip(plain.areas, REGION_SIDES, strict=True):
        corners = np.array(area.corners)
        sides = np.hypot(*(corners - np.roll(corners, 1, axis=0)).T)
        np.testing.assert_allclose(sides, share * spec.side, rtol=1e-3)
        assert (np.hypot(*(corners - [spec.cx, spec.cy]).T) < 0.72 * spec.side).all()
        edge = corners[1] - corners[0]
        assert abs(np.degrees(np.arctan2(edge[1], edge[0])) - spec.angle_deg) < 0.1, "turned as the hand is"
    if backends.installed("openvino"):
        fast = Asked(tmp_path / "m", tmp_path, "openvino", wait=True)
        (quick,) = fast.read(film, Sex.FEMALE, "cascade").opinions
        assert fast.engines._models["cascade"].eager is None, "the fast parts are in use"
        assert quick.bone_age_months == pytest.approx(plain.bone_age_months, abs=0.1)
        np.testing.assert_allclose(quick.areas[1].corners, plain.areas[1].corners, atol=0.5)
    sha256 = sha_of(tmp_path / "m", "cascade")
    values = Asked(tmp_path / "m", tmp_path).engines.saliency(film.unit, film.hand, "cascade", Sex.FEMALE, sha256)
    assert values.max() > 0.5


@pytest.mark.slow
def test_regression_asks_the_network_of_the_sex(tmp_path: Path) -> None:
    folder, film = write_whole_hand(tmp_path / "m", "regression"), drawn()
    asked = Asked(tmp_path / "m", tmp_path)
    ages = {sex: asked.read(film, sex, "regression").opinions[0].bone_age_months for sex in Sex}
    for sex, male in ((Sex.MALE, 1.0), (Sex.FEMALE, 0.0)):
        assert ages[sex] == pytest.approx(float(directly(folder, film, male).months[0]), abs=1e-3)
    assert abs(ages[Sex.MALE] - ages[Sex.FEMALE]) > 0.01
    assert json.dumps(sorted(asked.engines._models)) == '["regression"]'
    if backends.installed("openvino"):
        fast = Asked(tmp_path / "m", tmp_path, "openvino", wait=True)
        for sex in (Sex.MALE, Sex.FEMALE):
            assert fast.read(film, sex, "regression").opinions[0].bone_age_months == pytest.approx(ages[sex], abs=0.1)


@pytest.mark.slow
def test_the_cascades_number_is_the_networks(tmp_path: Path) -> None:
    folder, film = write_whole_hand(tmp_path / "m", "cascade"), drawn()
    for sex, male in ((Sex.MALE, 1.0), (Sex.FEMALE, 0.0)):
        (opinion,) = Asked(tmp_path / "m", tmp_path).read(film, sex, "cascade").opinions
        assert opinion.bone_age_months == pytest.approx(float(directly(folder, film, male).months[0]), abs=1e-3)
