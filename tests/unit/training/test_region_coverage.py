"""What counts as covered by system 3's regions, on made-up hands and regions; and the report on real films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from boneage_desk.engines.networks.cascade import Cascade, Locator, named_regions
from boneage_desk.engines.networks.packed import packed
from boneage_desk.training import region_coverage as rc
from boneage_desk.training.dataset import IN21, POINTS21, FilmPoints
from boneage_desk.training.region_coverage import FIXED_PLACES, Anatomy, covered, report
from boneage_desk.training.train_detector import save_half
from boneage_desk.training.whole_hand_films import Films, build, film_spec, load_films

JOINTS = {f"mcp{k}": np.array([x, y]) for k, x, y in [(1, 0.8, 0.6), (2, 0.6, 0.4), (3, 0.5, 0.4), (4, 0.4, 0.4), (5, 0.3, 0.4)]}
HAND = Anatomy({"wrist": np.array([0.45, 0.84]), "carpus": np.array([0.46, 0.76])}, JOINTS)
CARPAL, FINGERS = (0.3, 0.6, 0.6, 0.9), (0.25, 0.2, 0.65, 0.6)


def test_every_place_counts() -> None:
    good = covered(np.array([CARPAL, FINGERS]), HAND)
    assert good["carpal"] and good["metacarpophalangeal"] and good["both"]
    assert not good["mcp1"] and not good["with_thumb"]  # the thumb's joint lies outside, and is asked for only there
    assert covered(np.array([CARPAL, (0.25, 0.2, 0.85, 0.6)]), HAND)["with_thumb"]
    one_less = {
        "wrist": ((0.3, 0.6, 0.6, 0.83), FINGERS), "carpus": ((0.3, 0.77, 0.6, 0.9), FINGERS),
        "mcp2": (CARPAL, (0.25, 0.2, 0.59, 0.6)), "mcp5": (CARPAL, (0.31, 0.2, 0.65, 0.6)),
    }  # fmt: skip
    for name, regions in one_less.items():
        found = covered(np.array(regions), HAND)
        lost = "carpal" if name in HAND.carpal else "metacarpophalangeal"
        kept = {"carpal", "metacarpophalangeal"} - {lost}
        assert not found[name] and not found[lost] and not found["both"] and found[kept.pop()]
    swapped = covered(np.array([FINGERS, CARPAL]), HAND)
    assert not swapped["carpal"] and not swapped["metacarpophalangeal"], "each region is for its own parts"


def test_a_drawn_carpus_counts_by_its_area() -> None:
    def says(box: tuple[float, float, float, float]) -> bool:
        return covered(np.array([CARPAL, FINGERS]), Anatomy(HAND.carpal, JOINTS, box))["carpal"]

    assert says((0.35, 0.65, 0.55, 0.85)) and says((0.25, 0.65, 0.55, 0.85))  # 5 of 6 parts
    assert not says((0.20, 0.65, 0.50, 0.85))  # 2 of 3
    assert rc.box_share(np.array(CARPAL), (0.0, 0.0, 0.2, 0.2)) == 0


def hand_on_film(mirrored: bool, angle: float) -> FilmPoints:
    """A hand of the mean shape, on a film 900 wide and 1200 high."""
    from boneage_desk.imaging.hand_frame import TEMPLATE

    near = {"mc2": "mc3", "mc4": "mc5", "pp2": "pp3", "pp4": "pp5", "mp2": "mp3", "mp4": "mp5", "dp2": "dp3", "dp4": "dp5"}
    points = np.array([TEMPLATE[near.get(b, b)] for b in POINTS21])
    points[POINTS21.index("mc2"), 0] += 0.25
    points[POINTS21.index("pp2"), 0] += 0.25
    points = points * [-1.0 if mirrored else 1.0, 1.0]
    c, s = np.cos(angle), np.sin(angle)
    film = points @ np.array([[c, s], [-s, c]]) * 300 + [450, 650]
    return FilmPoints("1", (film / [900, 1200]).astype(np.float32), np.ones(21, np.float32), np.ones(21, bool), 1200, 900)


@pytest.mark.parametrize(("mirrored", "angle"), [(False, 0.0), (True, 0.4), (False, -2.5)])
def test_places_are_told_in_the_upright_picture(mirrored: bool, angle: float) -> None:
    """Either hand, however it lies on the film: the same places, the thumb on the right, the wrist below."""
    straight, turned = hand_on_film(False, 0.0), hand_on_film(mirrored, angle)
    one, other = (rc.point_anatomy(f, rc.placer(f)) for f in (straight, turned))
    for of in ("carpal", "joints"):
        a, b = getattr(one, of), getattr(other, of)
        assert all(np.allclose(a[n], b[n], atol=1e-5) for n in a)
    assert other.joints["mcp1"][0] > other.joints["mcp2"][0] > other.joints["mcp5"][0]
    assert other.carpal["wrist"][1] > other.carpal["carpus"][1] > other.joints["mcp3"][1]
    assert film_spec(turned, 1200, 900).mirror == mirrored
    # drawn boxes, which have no names, find the same joints
    at = turned.xy.astype(float)
    boxes = {
        "Wrist": [np.array([*at[IN21[0]], 0.1, 0.05])],
        "MCP": [np.array([*(at[POINTS21.index(f"mc{k}")] + at[POINTS21.index(f"pp{k}")]) / 2, 0.02, 0.02]) for k in (4, 2, 5, 3)],
    }
    boxes["MCP"].append(np.array([*at[POINTS21.index("pp1")], 0.02, 0.02]))
    drawn = rc.box_anatomy(boxes, rc.placer(turned))
    assert drawn is not None
    assert all(np.allclose(drawn.joints[n], other.joints[n], atol=1e-6) for n in drawn.joints)
    boxes["MCP"].pop()
    assert rc.box_anatomy(boxes, rc.placer(turned)) is None, "a film with a box too few has no say"


def test_the_report_counts_films() -> None:
    good, bad = np.array([CARPAL, FINGERS]), np.array([CARPAL, (0.0, 0.0, 0.2, 0.2)])
    found = report({"1": good, "2": bad, "3": good}, {"a": {"1": HAND, "2": HAND, "9": HAND}, "b": {}})
    assert found["a"]["films"] == 2 and found["b"] == {"films": 0}
    assert found["a"]["carpal"]["hits"] == 2 and found["a"]["metacarpophalangeal"]["share"] == 0.5
    low, high = found["a"]["metacarpophalangeal"]["interval"]
    assert 0 < low < 0.5 < high < 1


def test_one_fitted_picture_of_each_held_out_film() -> None:
    films = Films(
        np.zeros((6, 8, 8), np.uint8), np.array(list("aabbcd")), np.array(["299", "half"] * 3), np.zeros(6, np.float32),
        np.zeros(6, np.float32), np.array([1, 1, 1, 1, 1, 0], bool), np.array([1, 1, 1, 0, 0, 1], bool),
    )  # fmt: skip
    assert rc.held_out_rows(films).tolist() == [1, 2]
    assert rc.held_out_rows(films, 1).tolist() == [1]


def test_weights_of_the_cascade_and_of_its_locator_alone(tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = Cascade().eval()
    save_half(model, tmp_path / "both.safetensors")
    save_file(packed(model.state_dict()), tmp_path / "small.safetensors")
    save_half(model.locator, tmp_path / "one.safetensors")
    one, other = (rc.load_locator(tmp_path / f"{n}.safetensors") for n in ("both", "one"))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert torch.allclose(one.head.weight, model.locator.head.weight.half().float())
    small = rc.load_locator(tmp_path / "small.safetensors").head.weight.detach()
    assert torch.allclose(small, model.locator.head.weight, atol=float(small.abs().max()) / 127)


@pytest.mark.needs_data
def test_fixed_squares_stand_on_most_films(shared_data: Path) -> None:
    """The places of three sources agree with each other and with the picture's frame."""
    ids = [k for k in list(rc.from_keypoints(shared_data)) + list(rc.from_boxes(shared_data))][::8]
    hands = rc.anatomies(shared_data, ids)
    fixed = named_regions(torch.tensor([FIXED_PLACES]))[0].numpy()
    found = report(dict.fromkeys(ids, fixed), hands)
    for source in ("keypoints21", "roi17", "points21"):
        assert found[source]["films"] > 20 and found[source]["both"]["share"] > 0.8, (source, found[source])
    fingertips = report(dict.fromkeys(ids, fixed - 0.3), hands)
    assert all(fingertips[s]["carpal"]["share"] < 0.05 for s in hands)


@pytest.mark.needs_data
@pytest.mark.slow
def test_the_program_reports_on_real_films(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(shared_data, tmp_path / "store", 139, limit=40)
    torch.manual_seed(1)
    locator = Locator().train()
    films = load_films(tmp_path / "store")
    with torch.no_grad():  # random weights, settled
        for _ in range(20):
            locator(rc.to_input(torch.from_numpy(np.array(films.pictures[:8]))), None)
    save_half(locator, tmp_path / "weights.safetensors")
    words = ["--data", str(shared_data), "--films", str(tmp_path / "store"), "--weights", str(tmp_path / "weights.safetensors")]
    monkeypatch.setattr("sys.argv", ["region_coverage", *words, "--out", str(tmp_path / "r.json"), "--cpu", "--limit", "6"])
    rc.main()
    said = json.loads((tmp_path / "r.json").read_text())
    assert said["read"] == min(6, said["held_out_films"] - said["without_a_fitted_hand"]) > 0
    assert said["points21"]["films"] == said["read"] == said["fixed_squares"]["points21"]["films"]
    assert said["command"].startswith("python -m boneage_desk.training.region_coverage") and "--limit 6" in said["command"]
    assert said["counted"] == rc.COUNTED and str(shared_data) not in json.dumps(said)
    assert said["fixed_squares"]["points21"]["both"]["share"] > 0.5
