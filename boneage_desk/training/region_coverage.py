"""On how many held-out films system 3's two regions really lie on the carpals and on the MCP joints:
``python -m boneage_desk.training.region_coverage --data DIR --films STORE --weights FILE --out JSON``.

STORE is what `whole_hand_films` wrote, FILE the cascade's weights (or its locator's alone, after stage 1). Three sources
of places, each reported for itself: key points set by hand (keypoints21), boxes drawn by hand (roi17), and the
heat-map centres of the epiphyses (points21), which every film has. What counts as covered stands in COUNTED and in the
report. Films of the sources are read from the store, whose squares are found again from the same points.
"""

from __future__ import annotations

import argparse
import csv
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from boneage_desk.engines.cards import file_sha256
from boneage_desk.engines.networks.cascade import REGION_SIDES, REGIONS, Locator, find_peaks, named_regions
from boneage_desk.engines.networks.packed import unpacked
from boneage_desk.engines.networks.whole_hand import to_input
from boneage_desk.imaging.crops import film_to_crop
from boneage_desk.training.dataset import POINTS21, FilmPoints, read_points
from boneage_desk.training.metrics import wilson
from boneage_desk.training.runs import write_json
from boneage_desk.training.whole_hand_films import Films, film_spec, load_films
from boneage_desk.training.whole_hand_run import plain_pictures

Places = NDArray[np.float64]
CARPAL_WAY = 0.175
"""Middle of the carpus on the way from the wrist joint to the third MCP joint: half of c / (1 + c), with the carpal
height ratio c = 0.54 (carpus over third metacarpal; Youm et al., J Bone Joint Surg Am 1978)."""
BOX_SHARE = 0.75
FIXED_PLACES = ((0.457, 0.761), (0.442, 0.439))
"""Mean places of carpus and of the second to fifth MCP joints on 413 films with key points. Two squares that stand there
on every film, with no network, are what the found ones are to be compared with: the pictures are cut alike."""
FINGERS = ("mcp2", "mcp3", "mcp4", "mcp5")
COUNTED = {
    "carpal": {
        "keypoints21": "the wrist's key point, the thumb's carpometacarpal joint and the carpus' middle "
        f"({CARPAL_WAY} of the way from the wrist to the third MCP joint) all lie in the region",
        "roi17": f"the centre of the drawn box of the carpus ('Wrist') lies in the region, and {BOX_SHARE:.0%} of its area",
        "points21": "the middle of the distal radius' and ulna's epiphyses, the base of the first metacarpal and the "
        "carpus' middle (as above) all lie in the region",
    },
    "metacarpophalangeal": "the MCP joints of the second to fifth fingers all lie in the region (key point, box's centre, "
    "or the middle between the epiphyses of metacarpal and proximal phalanx); with_thumb: the thumb's too",
}
"""What counts as covered. All places are in the upright picture's own coordinates, and a region is closed."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Where one hand's parts are, in shares of its picture: [2] each. joints: mcp1 (the thumb's) to mcp5.

    carpal: named places that all must lie in the carpal region. box: the drawn box (x0, y0, x1, y1) of the carpus, whose
    area counts besides, or None.
    """

    carpal: Mapping[str, Places]
    joints: Mapping[str, Places]
    box: tuple[float, float, float, float] | None = None


def holds(region: NDArray[np.floating], place: Places) -> bool:
    """Whether a place (x, y) lies in a region (x0, y0, x1, y1), its edge included."""
    return bool(region[0] <= place[0] <= region[2] and region[1] <= place[1] <= region[3])


def box_share(region: NDArray[np.floating], box: tuple[float, float, float, float]) -> float:
    """Share of a box's area that lies in the region."""
    across = max(0.0, min(region[2], box[2]) - max(region[0], box[0]))
    down = max(0.0, min(region[3], box[3]) - max(region[1], box[1]))
    return float(across * down / max((box[2] - box[0]) * (box[3] - box[1]), 1e-12))


def covered(regions: NDArray[np.floating], hand: Anatomy) -> dict[str, bool]:
    """What of one hand its regions [2, 4] (order of REGIONS) cover: each place by name, and each region as COUNTED."""
    found = {name: holds(regions[0], place) for name, place in hand.carpal.items()}
    carpal = all(found.values()) and (hand.box is None or box_share(regions[0], hand.box) >= BOX_SHARE)
    joints = {name: holds(regions[1], place) for name, place in hand.joints.items()}
    fingers = all(joints[name] for name in FINGERS)
    return found | joints | {
        "carpal": carpal, "metacarpophalangeal": fingers, "with_thumb": fingers and joints["mcp1"],
        "both": carpal and fingers,
    }  # fmt: skip


# ---------------------------------------------------------------------------- where the parts are
def _carpus(wrist: Places, mcp3: Places) -> Places:
    return wrist + CARPAL_WAY * (mcp3 - wrist)


def from_keypoints(data: Path) -> dict[str, dict[str, Places]]:
    """Film id -> key point -> (x, y) in shares of the film, of those that can be seen."""
    with open(data / "keypoints21.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [k[:-2] for k in rows[0] if k.endswith("_v")]
    return {
        r["id"]: {n: np.array([float(r[f"{n}_x"]), float(r[f"{n}_y"])]) for n in names if float(r[f"{n}_v"] or 0) > 0}
        for r in rows
    }


def keypoint_anatomy(points: dict[str, Places], place: Callable[[Places], Places]) -> Anatomy | None:
    """A film's key points; ``place``: from shares of the film to shares of the picture. None where one is missing."""
    names = ("thumb2", "forefinger1", "middle_finger1", "ring_finger1", "pinky_finger1")
    if any(n not in points for n in ("wrist", "thumb1", *names)):
        return None
    joints = {f"mcp{k}": place(points[n]) for k, n in enumerate(names, 1)}
    wrist = place(points["wrist"])
    carpal = {"wrist": wrist, "carpus": _carpus(wrist, joints["mcp3"]), "thumb_cmc": place(points["thumb1"])}
    return Anatomy(carpal, joints)


def from_boxes(data: Path) -> dict[str, dict[str, list[Places]]]:
    """Film id -> class -> boxes [4] (x, y, width, height of the drawn boxes, in shares of the film; x, y: centre)."""
    found: dict[str, dict[str, list[Places]]] = {}
    with zipfile.ZipFile(data / "roi17_yolo.zip") as archive:
        classes = archive.read("classes.txt").decode().split()
        for name in archive.namelist():
            stem = Path(name).stem
            if not stem.isdigit():
                continue
            for line in archive.read(name).decode().splitlines():
                kind, *box = line.split()
                found.setdefault(stem, {}).setdefault(classes[int(kind)], []).append(np.array(box, float))
    return found


def box_anatomy(boxes: dict[str, list[Places]], place: Callable[[Places], Places]) -> Anatomy | None:
    """A film's drawn boxes. None where the carpus' box or one of five MCP boxes is missing.

    The MCP boxes have no names: in the picture, whose thumb is on the right, they are ordered from the right. A drawn box
    lies straight on the film; on a turned hand its corners' own bounding box in the picture counts.
    """
    if len(boxes.get("Wrist", [])) != 1 or len(boxes.get("MCP", [])) != 5:
        return None
    middles = sorted((place(b[:2]) for b in boxes["MCP"]), key=lambda p: -p[0])
    wrist = boxes["Wrist"][0]
    corners = np.array([place(wrist[:2] + wrist[2:] * np.array([a, b]) / 2) for a in (-1, 1) for b in (-1, 1)])
    (x0, y0), (x1, y1) = corners.min(0).tolist(), corners.max(0).tolist()
    joints = {f"mcp{k}": p for k, p in enumerate(middles, 1)}
    return Anatomy({"carpus": place(wrist[:2])}, joints, (x0, y0, x1, y1))


def point_anatomy(film: FilmPoints, place: Callable[[Places], Places]) -> Anatomy:
    """A film's epiphyses."""
    at = {b: place(film.xy[k].astype(np.float64)) for k, b in enumerate(POINTS21)}
    joints = {f"mcp{k}": (at[f"mc{k}"] + at[f"pp{k}"]) / 2 for k in range(2, 6)} | {"mcp1": at["pp1"]}
    wrist = (at["radius"] + at["ulna"]) / 2
    carpal = {"wrist": wrist, "carpus": _carpus(wrist, joints["mcp3"]), "mc1": at["mc1"]}
    return Anatomy(carpal, dict(sorted(joints.items())))


def placer(film: FilmPoints) -> Callable[[Places], Places]:
    """From shares of the film to shares of the hand's picture."""
    spec, scale = film_spec(film, film.height, film.width), np.array([film.width, film.height], np.float64)
    return lambda share: film_to_crop((share * scale)[None], spec, 1)[0]


def anatomies(data: Path, ids: list[str]) -> dict[str, dict[str, Anatomy]]:
    """Source -> film id -> `Anatomy`, of ``ids`` that the source knows in full."""
    films, points, boxes = read_points(data), from_keypoints(data), from_boxes(data)
    found: dict[str, dict[str, Anatomy]] = {"keypoints21": {}, "roi17": {}, "points21": {}}
    for film_id in ids:
        place = placer(films[film_id])
        each = {
            "keypoints21": keypoint_anatomy(points.get(film_id, {}), place),
            "roi17": box_anatomy(boxes.get(film_id, {}), place),
            "points21": point_anatomy(films[film_id], place),
        }
        for source, hand in each.items():
            if hand is not None:
                found[source][film_id] = hand
    return found


# -------------------------------------------------------------------------------------- the report
def load_locator(path: Path) -> Locator:
    """The locator out of a cascade's weights, or of its own; evaluation mode."""
    state, model = unpacked(load_file(path)), Locator()
    model.load_state_dict({k.removeprefix("locator."): v for k, v in state.items() if not k.startswith("reader.")})
    return model.eval().to(memory_format=torch.channels_last)


def held_out_rows(films: Films, limit: int = 0) -> NDArray[np.intp]:
    """One picture of each held-out film with a fitted hand, the sharper where there are two; at most ``limit``."""
    best: dict[str, int] = {}
    for row in films.held_out():
        film_id = str(films.ids[row])
        if films.fitted[row] and (film_id not in best or films.sources[row] == "half"):
            best[film_id] = int(row)
    rows = np.array(sorted(best.values()), np.intp)
    return rows[:: max(1, len(rows) // limit)][:limit] if limit and len(rows) > limit else rows


def read_regions(
    model: Locator, films: Films, rows: NDArray[np.intp], size: int, batch: int = 16
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Regions [N, 2, 4] of pictures, and [N] whether the first peak was the lower one, which is called carpal."""
    device = next(model.parameters()).device
    regions, first = [np.zeros((0, 2, 4))], [np.zeros(0, bool)]
    for k in range(0, len(rows), batch):
        pictures = torch.from_numpy(plain_pictures(films, rows[k : k + batch], size))
        places = find_peaks(model, to_input(pictures.to(device)))
        regions.append(named_regions(places).double().cpu().numpy())
        first.append((places[:, 0, 1] >= places[:, 1, 1]).cpu().numpy())
    return np.concatenate(regions), np.concatenate(first)


def shares(found: list[dict[str, bool]]) -> dict[str, Any]:
    """Films, and of each thing that may be covered: hits, share, 95 % interval (Wilson)."""
    names = list(found[0]) if found else []
    hits = {n: sum(f[n] for f in found) for n in names}
    return {"films": len(found)} | {
        n: {"hits": h, "share": round(h / len(found), 4), "interval": wilson(h, len(found))} for n, h in hits.items()
    }  # fmt: skip


def report(regions: Mapping[str, NDArray[np.floating]], hands: Mapping[str, Mapping[str, Anatomy]]) -> dict[str, Any]:
    """Shares by source. regions: film id -> [2, 4]; hands: see `anatomies`. A film without regions is left out."""
    return {s: shares([covered(regions[k], a) for k, a in of.items() if k in regions]) for s, of in hands.items()}


def measure(a: argparse.Namespace) -> dict[str, Any]:
    """The report; see the module's head."""
    device = torch.device("cuda" if torch.cuda.is_available() and not a.cpu else "cpu")
    films, model = load_films(a.films), load_locator(a.weights).to(device)
    rows, size = held_out_rows(films, a.limit), a.size or films.pictures.shape[-1]
    ids = [str(films.ids[r]) for r in rows]
    found, first = read_regions(model, films, rows, size)
    hands, fixed = anatomies(a.data, ids), named_regions(torch.tensor([FIXED_PLACES]))[0].numpy()
    held_out = {str(films.ids[r]) for r in films.held_out()}
    command = "python -m boneage_desk.training.region_coverage --data DIR --films STORE --weights FILE --out JSON"
    return {
        "command": f"{command} --size {size}" + (f" --limit {a.limit}" if a.limit else ""),
        "sha256": file_sha256(a.weights), "regions": dict(zip(REGIONS, REGION_SIDES, strict=True)), "counted": COUNTED,
        "held_out_films": len(held_out), "read": len(rows),
        "without_a_fitted_hand": len(held_out - {str(films.ids[r]) for r in held_out_rows(films)}),
        "first_peak_is_carpal": round(float(first.mean()), 4) if len(first) else None,
        **report(dict(zip(ids, found, strict=True)), hands), "fixed_squares": report(dict.fromkeys(ids, fixed), hands),
    }  # fmt: skip


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--films", type=Path, required=True, help="the store of whole_hand_films")
    p.add_argument("--weights", type=Path, required=True, help="weights.safetensors of the cascade, or of its locator")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--size", type=int, default=0, help="side of the pictures; 0: the store's. Use the card's input_size")
    p.add_argument("--limit", type=int, default=0, help="at most so many films, for trials")
    p.add_argument("--cpu", action="store_true")
    a = p.parse_args()
    found = measure(a)
    write_json(a.out, found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
