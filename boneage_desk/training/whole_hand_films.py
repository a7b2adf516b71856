"""The store that every whole-hand network is trained from: each film's hand as one uint8 picture, cut once.

``python -m boneage_desk.training.whole_hand_films --data D --out FOLDER --size S [--split models/split.csv]`` writes
``films.npy`` [N, S, S] and ``films.json`` (a row each: id, source, sex, months, validation, fitted). Sources: ``299``
(the 299 px films, their squash undone) and ``half`` (1,200 of the same ids at half size; sharper, like the films of a
reading station). The picture is `imaging.hand_frame`'s, as at inference. Its square is told by the data's 21 points; where
these are no plausible hand, with ``--models FOLDER`` by the detector that lies there, as the program itself tells it. A film
without either is kept whole, as it lies, and marked ``fitted: false``. ``--shrink FILE`` writes the half-size films small instead, so
that all that training needs can be carried to another machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import CropSpec
from boneage_desk.imaging.hand_frame import PICTURE, hand_picture, hand_spec, whole_film_spec
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_hand
from boneage_desk.training.dataset import (
    BONES,
    IN21,
    FilmPoints,
    is_validation,
    plausible,
    read_labels,
    read_points,
    shape_model,
)
from boneage_desk.training.targets import sex_of, share_target

ARCHIVES = {"299": ("rsna299.zip",), "half": ("rsna_half.zip", "rsna_half_small.zip")}
"""Source -> names under which its films may lie in the data folder, the better first."""
TRUE_SIDE = 420
"""Longest side, pixels, to which a squashed 299 px film is brought back."""
SHRUNK_SIDE, SHRUNK_QUALITY = 480, 80
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Films:
    """A store in memory or on disk: pictures [N, S, S] uint8; ids, sources [N] (text), male [N] float32 (1 or 0),
    months [N] float32, validation and fitted [N] bool."""

    pictures: NDArray[np.uint8]
    ids: NDArray[np.str_]
    sources: NDArray[np.str_]
    male: NDArray[np.float32]
    months: NDArray[np.float32]
    validation: NDArray[np.bool_]
    fitted: NDArray[np.bool_]

    def training(self) -> NDArray[np.intp]:
        """Rows that may be trained on."""
        return np.flatnonzero(~self.validation)

    def held_out(self, source: str | None = None) -> NDArray[np.intp]:
        """Rows never trained on, of one source or all."""
        return np.flatnonzero(self.validation & ((self.sources == source) if source else True))


def load_films(folder: Path) -> Films:
    """Open what `build` or `draw_films` wrote; pictures stay on disk."""
    facts = json.loads((folder / "films.json").read_text())
    if facts["picture"] != PICTURE:
        raise ValueError(f"the store's pictures are '{facts['picture']}', this program cuts '{PICTURE}': build it anew")
    rows = facts["rows"]
    return Films(
        np.load(folder / "films.npy", mmap_mode="r"),
        np.array([r["id"] for r in rows]),
        np.array([r["source"] for r in rows]),
        np.array([r["sex"] == "M" for r in rows], np.float32),
        np.array([r["months"] for r in rows], np.float32),
        np.array([r["validation"] for r in rows], bool),
        np.array([r["fitted"] for r in rows], bool),
    )


def write_store(out: Path, size: int, count: int, films: Iterable[tuple[Row, NDArray[np.uint8]]]) -> None:
    """Write ``count`` (row, picture [size, size]) pairs as a store; the rows last, so that half a store has none."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "films.json").unlink(missing_ok=True)
    store = np.lib.format.open_memmap(out / "films.npy", "w+", np.uint8, (count, size, size))
    rows = []
    for k, (row, picture) in enumerate(films):
        store[k] = picture
        rows.append(row)
    if len(rows) != count:
        raise ValueError(f"{len(rows)} films came, {count} were promised")
    store.flush()
    (out / "films.json").write_text(json.dumps({"picture": PICTURE, "size": size, "rows": rows}))


def film_spec(film: FilmPoints, height: int, width: int) -> CropSpec:
    """The hand's square on a film of height x width pixels, from its points (normalised)."""
    points = film.xy[IN21] * np.array([width, height])
    centres = {b: (float(x), float(y)) for b, (x, y) in zip(BONES, points, strict=True)}
    return hand_spec(centres, float(np.hypot(*(points[BONES.index("dp3")] - points[BONES.index("mc3")]))))


def _film(archive: zipfile.ZipFile, film: FilmPoints, squashed: bool) -> NDArray[np.uint8]:
    """A film's own greys, in its true shape."""
    raw = cv2.imdecode(np.frombuffer(archive.read(f"{film.film_id}.webp"), np.uint8), cv2.IMREAD_GRAYSCALE)
    pixels = np.asarray(raw, np.uint8)
    if not squashed:
        return pixels
    scale = TRUE_SIDE / max(film.height, film.width)
    size = (round(scale * film.width), round(scale * film.height))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def open_archives(data: Path) -> dict[str, zipfile.ZipFile]:
    """The zips of films that are there, by source."""
    found = {}
    for source, names in ARCHIVES.items():
        for name in names:
            if source not in found and (data / name).is_file():
                found[source] = zipfile.ZipFile(data / name)
    return found


@dataclass(frozen=True, slots=True)
class _Job:
    """A film to cut: where it comes from, its points, whether they are a plausible hand, side of the picture."""

    source: str
    film: FilmPoints
    fitted: bool
    size: int


_archives: dict[str, zipfile.ZipFile] = {}
_find: list[HandFinder] = []
"""Of a process that cuts; each opens its own."""


def _open(data: Path, models: Path | None = None, threads: int = 1) -> None:
    _archives.update(open_archives(data))
    if models is not None:
        _find.append(HandFinder(models, threads))


def _cut(job: _Job) -> tuple[NDArray[np.uint8], bool]:
    """The picture, and whether it was cut by a hand."""
    pixels = _film(_archives[job.source], job.film, job.source == "299")
    if not job.fitted and _find and (seen := _find[0](pixels)) is not None:
        return hand_picture(*seen, job.size), True
    unit = normalise_film(pixels)
    spec = film_spec(job.film, *unit.shape) if job.fitted else whole_film_spec(*unit.shape)
    return hand_picture(unit, spec, job.size), job.fitted


class HandFinder:
    """A hand's square told by a detector, with the steps of the program's own reading (about half a second a film)."""

    def __init__(self, models: Path, threads: int) -> None:
        """``models``: folder of model folders, of which the detector is taken."""
        import torch

        from boneage_desk.engines.cards import find_card
        from boneage_desk.engines.networks.detector import load_detector

        torch.set_num_threads(threads)
        card = find_card(models, "detector")
        self._detector = load_detector(card, card.verified_weights())

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], CropSpec] | None:
        """A film's own greys [H, W] -> the film on the cards' scale, bright bone, and the square; None: no single hand."""
        from boneage_desk.engines.hands import Hand, fit
        from boneage_desk.engines.networks.detector import detect
        from boneage_desk.engines.pipeline import HeldFilm

        def hand_of(unit: NDArray[np.uint8]) -> Hand:
            return fit(detect(self._detector, unit), unit.shape[1], unit.shape[0])

        held = HeldFilm(0, pixels, None)
        hand = held.find(hand_of)
        if not hand.found or any(flag.blocking for flag in hand.flags):
            return None
        return held.unit, hand_spec(hand.centres, hand.length, mirror=hand.mirror)


def build(data: Path, out: Path, size: int, limit: int = 0, workers: int = 1, models: Path | None = None) -> None:
    """Write the store; limit: at most so many films a source (0: all), for trials. workers: processes that cut. models:
    folder with the detector that is asked where the data's points are no plausible hand; None: none is."""
    labels, films, archives = read_labels(data), read_points(data), open_archives(data)
    mean, cov = shape_model(films)
    jobs = []
    for source, archive in archives.items():
        ids = sorted((Path(n).stem for n in archive.namelist()), key=int)
        ids = [k for k in ids if k in labels and k in films]
        for k in ids[:: max(1, len(ids) // limit)][:limit] if limit else ids:
            jobs.append(_Job(source, films[k], plausible(films[k], mean, cov), size))
    started = time.monotonic()

    def rows(cut: Iterable[tuple[NDArray[np.uint8], bool]]) -> Iterator[tuple[Row, NDArray[np.uint8]]]:
        for n, (job, (picture, fitted)) in enumerate(zip(jobs, cut, strict=True)):
            film_id = job.film.film_id
            if n % 1000 == 0:
                print(f"{n}/{len(jobs)} {time.monotonic() - started:.0f} s", flush=True)
            yield {
                "id": film_id, "source": job.source, "sex": labels[film_id][0], "months": labels[film_id][1],
                "validation": is_validation(film_id), "fitted": fitted,
            }, picture  # fmt: skip

    if workers == 1:
        _open(data, models, threads=2)
        write_store(out, size, len(jobs), rows(map(_cut, jobs)))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_open, initargs=(data, models)) as pool:
        write_store(out, size, len(jobs), rows(pool.map(_cut, jobs, chunksize=64)))


def draw_films(out: Path, count: int, size: int, seed: int = 1, side: int = 200) -> None:
    """A store of drawn hands whose bones are as old as their label says (no scatter), one in four held out."""
    rng = np.random.default_rng(seed)

    def pictures() -> Iterator[tuple[Row, NDArray[np.uint8]]]:
        for k in range(count):
            sex, months = "MF"[k % 2], float(rng.uniform(12, 216))
            grades = np.rint(share_target(months, sex_of(sex)))
            drawn = draw_hand(
                PhantomSpec(
                    grades={b: int(np.clip(g, 0, LAST_GRADE[b])) for b, g in zip(BONES, grades, strict=True)},
                    size=(side, int(0.8 * side)), bits=8, seed=seed * 100_000 + k, sex=sex,
                    rotation_deg=float(rng.normal(0, 8)), side="left" if rng.random() < 0.5 else "right",
                )  # fmt: skip
            )
            unit = normalise_film(np.ascontiguousarray(drawn.pixels))
            picture = hand_picture(unit, hand_spec(dict(drawn.centres), drawn.unit_px), size)
            yield {
                "id": f"drawn-{k}", "source": "drawn", "sex": sex, "months": months,
                "validation": k % 8 in (2, 5), "fitted": True,
            }, picture  # fmt: skip

    write_store(out, size, count, pictures())


def write_split(data: Path, path: Path) -> None:
    """The fixed split, id by id, as a table that anyone can check."""
    with open(path, "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(["id", "validation"])
        writer.writerows((k, int(is_validation(k))) for k in sorted(read_labels(data), key=int))


def shrink_half(data: Path, path: Path) -> None:
    """The half-size films at most SHRUNK_SIDE pixels a side, as a zip of WebP."""
    with zipfile.ZipFile(data / "rsna_half.zip") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            image = cv2.imdecode(np.frombuffer(source.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            scale = min(1.0, SHRUNK_SIDE / max(image.shape))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            done, data_ = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, SHRUNK_QUALITY])
            if not done:
                raise ValueError(f"{name} cannot be written as WebP")
            target.writestr(name, data_.tobytes())


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, help="folder of the store")
    p.add_argument("--size", type=int, default=299)
    p.add_argument("--limit", type=int, default=0, help="at most so many films of a source, for trials")
    p.add_argument("--workers", type=int, default=1, help="processes that cut")
    p.add_argument("--models", type=Path, help="folder of models whose detector finds the hands that the points miss")
    p.add_argument("--split", type=Path, help="write the split as a table")
    p.add_argument("--shrink", type=Path, help="write the half-size films, shrunk, as a zip")
    a = p.parse_args()
    if not (a.out or a.split or a.shrink):
        p.error("nothing to do: give --out, --split or --shrink")
    if a.split:
        write_split(a.data, a.split)
    if a.shrink:
        shrink_half(a.data, a.shrink)
    if a.out:
        build(a.data, a.out, a.size, a.limit, a.workers, a.models)


if __name__ == "__main__":
    main()
