"""Second opinions by the real model process: the shipped detector finds a drawn hand, networks with random weights
answer, and the 13 bones stand whatever happens to them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.common.errors import Cancelled, EngineError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.engines.service import InferenceService
from boneage_desk.imaging.phantom import PhantomSpec, draw_hand
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.standards.types import Sex

pytestmark = pytest.mark.slow
MEMORY_MB = 1500

DIRECT = """
import json, sys
from pathlib import Path
import numpy as np
from boneage_desk.engines.cards import find_card, read_card
from boneage_desk.engines.hands import fit
from boneage_desk.engines.networks.detector import detect, load_detector
from boneage_desk.engines.networks.whole_hand import load_whole_hand, read_pictures
from boneage_desk.imaging.hand_frame import hand_picture, hand_spec
from boneage_desk.imaging.normalise import normalise_film
models = Path(sys.argv[1])
finder, card = find_card(models, "detector"), read_card(models / "tf_efficientnet_lite0.random")
detector = load_detector(finder, finder.verified_weights())
network = load_whole_hand(card, card.verified_weights())
found = []
for path in sys.argv[2:]:
    unit = normalise_film(np.load(path))
    hand = fit(detect(detector, unit), unit.shape[1], unit.shape[0])
    picture = hand_picture(unit, hand_spec(hand.centres, hand.length), card.input_size)
    found.append([float(read_pictures(network, picture[None], np.array([male])).months[0]) for male in (1.0, 0.0)])
print(json.dumps(found))
"""
"""Each film's age as a boy's and as a girl's; the side of the hand is told by its bones, not handed over."""


@pytest.fixture(scope="module")
def models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped models, and beside them a default second opinion and a system 4 of random weights."""
    if len(list((repository / "models").glob("*/weights.safetensors"))) < 2:
        pytest.skip("needs the trained models")
    folder = tmp_path_factory.mktemp("models") / "models"
    folder.mkdir()
    for task in ("yolov8n*", "efficientnet_b3*", "unet*"):
        for place in (repository / "models").glob(task):
            shutil.copytree(place, folder / place.name)
    command = [sys.executable, "-m", "tests.whole_hand_models", str(folder), "whole-hand", "dual"]
    subprocess.run(command, check=True, cwd=repository, timeout=300)
    return folder


@pytest.fixture(scope="module")
def engine(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceService]:
    scratch = tmp_path_factory.mktemp("engine")
    service = InferenceService(models, scratch=scratch, threads=1, backend="torch", device="cpu", cancel_grace_s=60.0)
    yield service
    service.stop()


def film(**spec: object) -> Frame:
    pixels = np.ascontiguousarray(draw_hand(PhantomSpec(dict.fromkeys(BONES, 6), **{"size": (700, 560), **spec})).pixels)
    pixels.flags.writeable = False
    return Frame(pixels, int(pixels.max()), (Voi("as is"),))


@pytest.fixture(scope="module")
def hand() -> Frame:
    return film()


def pid(service: InferenceService) -> int:
    child = service.keeper._child
    assert child is not None and child.process.pid is not None
    return child.process.pid


def test_the_numbers_are_those_of_the_network_asked_directly(
    engine: InferenceService, models: Path, hand: Frame, tmp_path: Path, repository: Path
) -> None:
    bones = engine.analyse(hand)
    assert not bones.whole_hand and all(bone.grade is not None for bone in bones.bones)
    steps: list[str] = []
    result = engine.whole_hand(hand, Sex.MALE, progress=lambda _share, step: steps.append(step))
    assert "whole hand" in steps and result.device == "cpu/torch"
    assert result.models[0].engine == "whole-hand" and not any(model.engine for model in bones.models)
    assert engine.whole_hand_engines() == ("whole-hand", "dual")
    films = [hand, film(mirrored=True), film(rotation_deg=90.0, size=(700, 700)), film(side="right", bits=16)]
    said = [[engine.whole_hand(f, sex).opinions[0].bone_age_months for sex in (Sex.MALE, Sex.FEMALE)] for f in films]
    paths = [str(tmp_path / f"{k}.npy") for k in range(len(films))]
    for path, each in zip(paths, films, strict=True):
        np.save(path, each.pixels)
    direct = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIRECT, str(models), *paths],
        check=True, cwd=repository, capture_output=True, text=True, timeout=300,
        env={**os.environ, "YOLO_CONFIG_DIR": str(tmp_path), "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"},
    ).stdout  # fmt: skip
    np.testing.assert_allclose(said, json.loads(direct.splitlines()[-1]), atol=0.01)
    assert said[0][0] != pytest.approx(said[0][1], abs=0.02)


def test_what_gives_no_number_gives_a_reason(engine: InferenceService, hand: Frame) -> None:
    result = engine.whole_hand(hand, None, engines=("whole-hand", "dual", "cascade"))
    assert [o.engine for o in result.opinions] == ["dual"]
    assert {f.engine: f.code for f in result.flags} == dict.fromkeys(("whole-hand", "cascade"), "whole_hand_unavailable")
    noise = np.random.default_rng(0).integers(0, 4000, (500, 400)).astype(np.uint16)
    noise.flags.writeable = False
    empty = engine.whole_hand(Frame(noise, 4000, (Voi("as is"),)), Sex.MALE, engines=("whole-hand", "dual"))
    assert not empty.opinions and len(empty.flags) == 2 and "hand" in empty.flags[0].message


def test_two_hands_give_no_number(engine: InferenceService, hand: Frame) -> None:
    two = np.ascontiguousarray(np.hstack([film(side="right").pixels, hand.pixels]))
    two.flags.writeable = False
    result = engine.whole_hand(Frame(two, hand.max_value, hand.vois), Sex.MALE)
    assert not result.opinions and "2 hands" in result.flags[0].message


def test_the_map_covers_the_film(engine: InferenceService, hand: Frame) -> None:
    (ref,) = engine.whole_hand(hand, Sex.MALE).models
    values = engine.whole_hand_saliency(hand, "whole-hand", Sex.MALE, sha256=ref.sha256)
    assert values.shape == (256, 205) and values.dtype == np.float32 and 0.5 < values.max() <= 1
    with pytest.raises(EngineError) as caught:
        engine.whole_hand_saliency(hand, "cascade", Sex.MALE, sha256=ref.sha256)
    assert caught.value.code == "whole-hand-unavailable"
    with pytest.raises(EngineError, match="no longer installed"):
        engine.whole_hand_saliency(hand, "whole-hand", Sex.MALE, sha256="9" * 64)


def test_cancel_stops_between_two_models_and_the_process_lives(engine: InferenceService, hand: Frame) -> None:
    engine.analyse(hand)
    before, token, seen = pid(engine), CancelToken(), []

    def progress(_share: float, step: str) -> None:
        seen.append(step)
        token.cancel()

    with pytest.raises(Cancelled):
        engine.whole_hand(hand, Sex.MALE, engines=("whole-hand", "dual", "whole-hand"), progress=progress, cancel=token)
    bones = engine.analyse(hand)
    assert pid(engine) == before and all(bone.grade is not None for bone in bones.bones)
    assert len(engine.whole_hand(hand, Sex.MALE, engines=("whole-hand", "dual")).opinions) == 2


def test_a_process_that_dies_costs_the_opinion_and_not_the_next_reading(
    models: Path, hand: Frame, tmp_path: Path
) -> None:
    service = InferenceService(models, scratch=tmp_path, threads=1, backend="torch", device="cpu")
    try:
        service.analyse(hand)
        doomed = pid(service)

        def kill(_share: float, _step: str) -> None:
            os.kill(doomed, 9)

        with pytest.raises(EngineError) as caught:
            service.whole_hand(hand, Sex.MALE, progress=kill)
        assert caught.value.code == "engine-crashed"
        assert all(bone.grade is not None for bone in service.analyse(hand).bones)
        assert pid(service) != doomed
    finally:
        service.stop()


def test_broken_second_opinions_leave_the_bones(models: Path, hand: Frame, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(models, tmp_path / "models"))
    (spoilt / "tf_efficientnet_lite0.random" / "card.toml").write_text('[model]\ntask = "whole-hand"\nname =', encoding="utf-8")
    (spoilt / "inception_v3_se.random" / "weights.safetensors").write_bytes(b"not weights")
    service = InferenceService(spoilt, scratch=tmp_path / "scratch", threads=1, backend="torch", device="cpu")
    try:
        assert all(bone.grade is not None for bone in service.analyse(hand).bones)
        result = service.whole_hand(hand, Sex.MALE, engines=("whole-hand", "dual"))
        assert not result.opinions and len(result.flags) == 2
        assert "card" in result.flags[0].message and "not those of its card" in result.flags[1].message
        assert all(bone.grade is not None for bone in service.analyse(hand).bones)
    finally:
        service.stop()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_memory_with_the_default_set(models: Path, hand: Frame, tmp_path: Path) -> None:
    """The fast path, as the window has it; the most that the process ever held."""
    service = InferenceService(models, scratch=tmp_path, threads=2, backend="fast", device="cpu")

    def megabytes(which: str) -> float:
        for line in Path(f"/proc/{pid(service)}/status").read_text().splitlines():
            if line.startswith(which):
                return float(line.split()[1]) / 1024
        raise AssertionError(which)

    try:
        service.analyse(hand)
        service.whole_hand(hand, Sex.MALE)
        service.stop()
        service.start()  # converted now, as on every later start
        service.analyse(hand)
        service.whole_hand(hand, Sex.MALE)
        print(f"memory of the engine process: {megabytes('VmRSS'):.0f} MB now, {megabytes('VmHWM'):.0f} MB at most")
        assert megabytes("VmHWM") < MEMORY_MB
    finally:
        service.stop()


def test_a_reading_asked_while_an_opinion_runs_waits_its_turn(engine: InferenceService, hand: Frame) -> None:
    done: list[str] = []

    def opinions() -> None:
        engine.whole_hand(hand, Sex.MALE, engines=("whole-hand", "dual"))
        done.append("opinions")

    thread = threading.Thread(target=opinions)
    thread.start()
    time.sleep(0.02)
    assert all(bone.grade is not None for bone in engine.analyse(hand).bones)
    thread.join(60)
    assert done == ["opinions"]
