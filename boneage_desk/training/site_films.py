"""A site's films, opened as the program opens them: the 13 crops of each with its reader's grades, or its boxes.

Faults that only the films show (unreadable, no hand, a box outside, sex against the file's own) are told together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.common.errors import FilmError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.engines import hands
from boneage_desk.engines.pipeline import BLANK_SHARE, HeldFilm
from boneage_desk.imaging.crops import CropSpec, cut
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film
from boneage_desk.standards.rus_chn import BONES, bone_name
from boneage_desk.training.grader_crops import MARGIN, STORED
from boneage_desk.training.site_data import TRAIN, Faults, Picture, Site, Tell, check_ids, check_patients, split_of

Detect = Callable[[NDArray[np.uint8]], list[tuple[str, tuple[float, float, float, float], float]]]
Doubt = dict[str, Any]
"""A row to look at again: row, bone, words."""


@dataclass(slots=True)
class Opener:
    """Opens the pictures of a site one by one and gathers what is wrong with them. ``patients``, ``file_ids``: picture
    name -> patient as told apart, PatientID of the file. ``left_out``: row -> reason."""

    site: Site
    skip_bad: bool
    tell: Tell
    progress: Progress
    cancel: CancelToken
    faults: Faults
    patients: dict[str, str]
    file_ids: dict[str, str]
    left_out: dict[int, str]

    @classmethod
    def of(cls, site: Site, skip_bad: bool, tell: Tell, progress: Progress, cancel: CancelToken) -> Opener:
        """Nothing is opened yet."""
        return cls(site, skip_bad, tell, progress, cancel, Faults(site.table), {}, {}, {})

    def films(self) -> Iterator[tuple[Picture, Film]]:
        """Every picture that opens, in the table's order."""
        reader, seen = FilmFiles(), dict[str, Picture]()
        column = "crop" if self.site.layout == "crops" else "film"
        for k, picture in enumerate(self.site.pictures):
            self.cancel.check()
            self.progress(k / len(self.site.pictures), f"film {k + 1} of {len(self.site.pictures)}")
            try:
                film = reader.open(str(picture.path))
            except FilmError as error:
                self.bad(picture, f"'{picture.name}' cannot be used: {error.message}")
                continue
            same = seen.setdefault(film.source.sha256, picture)
            if same is not picture:
                self.faults.add(picture.row, column, f"'{picture.name}' is the same file as row {same.row}'s '{same.name}'")
                continue
            recorded = film.patient.sex
            if picture.sex is not None and recorded is not None and recorded is not picture.sex:
                self.faults.add(picture.row, "sex", f"is {picture.sex}, but the file of '{picture.name}' says {recorded}")
            self.patients[picture.name] = picture.patient or film.patient.patient_id
            self.file_ids[picture.name] = film.patient.patient_id
            self._boxes(picture, film)
            yield picture, film

    def bad(self, picture: Picture, words: str) -> None:
        """A picture that cannot be used: a fault, or left out and told where the recipe allows it."""
        if self.skip_bad:
            self.left_out[picture.row] = words
            self.tell(f"{self.site.table.name}, row {picture.row}: left out: {words}")
        else:
            self.faults.add(picture.row, "", f"{words} (data.skip_bad_films = true leaves such films out)")

    def _boxes(self, picture: Picture, film: Film) -> None:
        for bone, (x0, y0, x1, y1) in picture.boxes.items():
            if x0 < 0 or y0 < 0 or x1 > film.frame.width or y1 > film.frame.height:
                self.faults.add(
                    picture.box_rows[bone], "",
                    f"the box of {bone} reaches outside of '{picture.name}' ({film.frame.width} x {film.frame.height} pixels)",
                )  # fmt: skip

    def split(self, used: Sequence[Picture], share: float) -> list[str]:
        """'train' or 'val' of each picture in ``used``. Refuses where anything was at fault."""
        check_patients(used, self.patients, self.faults)
        check_ids(((p.row, self.patients[p.name], self.file_ids[p.name]) for p in used), self.faults)
        self.faults.refuse(self.tell)
        sides = split_of(used, self.patients, share)
        return [sides[p.name] for p in used]


@dataclass(frozen=True, slots=True)
class SiteCrops:
    """A grader's data, cut once into a folder. N films, or N hands put together of single crops.

    stored [N, 13, 128, 128]: 1.3 times the network's square, for training. exact [N, 13, S, S]: as in use.
    grades [N, 13]: index, NaN = not graded or not used. months [N]: the reference bone age, NaN = none; by what:
    ``reference``. sexes: 'M', 'F' or ''. rows [N][13]: row of the table. split: 'train' or 'val'.
    usable [N, 13]: whether the bone was found and shows something.
    """

    stored: NDArray[np.uint8]
    exact: NDArray[np.uint8]
    grades: NDArray[np.float32]
    months: NDArray[np.float32]
    usable: NDArray[np.bool_]
    sexes: list[str]
    rows: list[list[int]]
    split: list[str]
    layout: str
    doubts: list[Doubt]
    left_out: dict[int, str]

    def where(self, side: str) -> NDArray[np.intp]:
        """Indices of one side of the split."""
        return np.array([k for k, s in enumerate(self.split) if s == side], np.intp)

    def counts(self) -> dict[str, dict[int, int]]:
        """bone -> grade -> number of examples to train on."""
        chosen = self.grades[self.where(TRAIN)]
        out: dict[str, dict[int, int]] = {}
        for b, bone in enumerate(BONES):
            values, numbers = np.unique(chosen[:, b][np.isfinite(chosen[:, b])], return_counts=True)
            out[bone] = {int(v): int(n) for v, n in zip(values, numbers, strict=True)}
        return out

    def save(self, folder: Path) -> None:
        """The parts that are not memory maps of ``folder`` already."""
        facts = {
            "grades": [[None if np.isnan(g) else int(g) for g in hand] for hand in self.grades],
            "months": [None if np.isnan(m) else round(float(m), 3) for m in self.months],
            "usable": self.usable.tolist(), "sexes": self.sexes, "rows": self.rows, "split": self.split,
            "layout": self.layout, "doubts": self.doubts, "left_out": {str(k): v for k, v in self.left_out.items()},
        }  # fmt: skip
        part = folder / "crops.json.part"
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(folder / "crops.json")

    @classmethod
    def load(cls, folder: Path) -> SiteCrops | None:
        """What `cut_site` wrote; None where it did not come to its end."""
        if not (folder / "crops.json").is_file():
            return None
        d = json.loads((folder / "crops.json").read_text(encoding="utf-8"))
        return cls(
            np.load(folder / "stored.npy", mmap_mode="r"), np.load(folder / "exact.npy", mmap_mode="r"),
            np.array(d["grades"], np.float32), np.array(d["months"], np.float32), np.array(d["usable"], bool),
            d["sexes"], d["rows"], d["split"], d["layout"], d["doubts"], {int(k): v for k, v in d["left_out"].items()},
        )  # fmt: skip


def cut_site(opener: Opener, folder: Path, size: int, share: float, detect: Detect) -> SiteCrops:
    """Cut the crops of every film (or take the site's own) into ``folder``; ``size``: the network's input."""
    crops = _cut_crops(opener, folder, size, share) if opener.site.layout == "crops" else _cut_films(opener, folder, size, share, detect)
    crops.save(folder)
    return crops


def _maps(folder: Path, n: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    folder.mkdir(parents=True, exist_ok=True)
    return (
        np.lib.format.open_memmap(folder / "stored.npy", "w+", np.uint8, (n, len(BONES), STORED, STORED)),
        np.lib.format.open_memmap(folder / "exact.npy", "w+", np.uint8, (n, len(BONES), size, size)),
    )


# ---------------------------------------------------------------------------------------- films
def _cut_films(opener: Opener, folder: Path, size: int, share: float, detect: Detect) -> SiteCrops:
    stored, exact = _maps(folder, len(opener.site.pictures), size)
    used: list[Picture] = []
    usable, doubts = [], list[Doubt]()
    for picture, film in opener.films():
        here = len(used)
        bones = _hand(opener, picture, film, detect, stored[here], exact[here], doubts)
        if bones is not None:
            used.append(picture)
            usable.append(bones)
    split = opener.split(used, share)
    n = len(used)
    seen = np.array(usable, bool)
    grades = np.array([[p.grades.get(b, np.nan) for b in BONES] for p in used], np.float32)
    grades[~seen] = np.nan
    months = np.array([np.nan if p.months is None else p.months for p in used], np.float32)
    return SiteCrops(
        stored[:n], exact[:n], grades, months, seen, [str(p.sex) for p in used], [[p.row] * len(BONES) for p in used],
        split, "films", doubts, opener.left_out,
    )  # fmt: skip


def _hand(
    opener: Opener, picture: Picture, film: Film, detect: Detect,
    stored: NDArray[np.uint8], exact: NDArray[np.uint8], doubts: list[Doubt],
) -> list[bool] | None:  # fmt: skip
    """Cut one film's crops into ``stored`` and ``exact`` [13, ...]; which bones may be used, or None."""
    held = HeldFilm(0, film.frame.pixels, film.frame.padding)
    hand = held.find(lambda unit: hands.fit(detect(unit), unit.shape[1], unit.shape[0]))
    stop = next((flag for flag in hand.flags if flag.blocking), None)
    if stop is not None:
        opener.bad(picture, f"'{picture.name}': {stop.message}")
        return None
    size = exact.shape[-1]
    for b, bone in enumerate(BONES):
        spec = hand.specs.get(bone)
        stored[b] = 0 if spec is None else cut(held.unit, replace(spec, side=spec.side * MARGIN), STORED)
        exact[b] = 0 if spec is None else cut(held.unit, spec, size)
    low, high = np.percentile(exact.reshape(len(BONES), -1), [2, 98], axis=1)
    span = high - low
    usual = float(np.median(span))
    out = []
    for b, bone in enumerate(BONES):
        words = ""
        if bone not in hand.specs:
            words = "lies outside the film"
        elif span[b] < 2 or (bone in hand.unseen and span[b] < BLANK_SHARE * usual):
            words = "nothing is to be seen in its place"
        elif bone in hand.unseen:
            words = "was not seen by the detector, its place is only inferred"
        else:
            words = _against_box(picture, bone, hand.centres)
        out.append(not words)
        if words and bone in picture.grades:
            doubts.append({"row": picture.row, "bone": bone, "words": f"{words}: its grade is not used"})
            opener.tell(f"{opener.site.table.name}, row {picture.row}, {bone_name(bone)}: {words}; its grade is not used")
    return out


def _against_box(picture: Picture, bone: str, centres: Mapping[str, tuple[float, float]]) -> str:
    """What is wrong where the site's own box of the bone and the detector's place differ; '' if nothing."""
    if bone not in picture.boxes:
        return ""
    x0, y0, x1, y1 = picture.boxes[bone]
    x, y = centres[bone]
    if x0 <= x <= x1 and y0 <= y <= y1:
        return ""
    other = [b for b, (bx, by) in centres.items() if x0 <= bx <= x1 and y0 <= by <= y1]
    found = f"finds {other[0]}" if other else "finds no bone of the 13"
    return f"the detector {found} in the site's box (boxes.csv, row {picture.box_rows[bone]})"


# ---------------------------------------------------------------------------------- single crops
def _cut_crops(opener: Opener, folder: Path, size: int, share: float) -> SiteCrops:
    """Single crops, put together to hands by side of the split, so that the loop sees whole hands."""
    pools: list[tuple[Picture, NDArray[np.uint8], NDArray[np.uint8]]] = []
    for picture, film in opener.films():
        pixels = film.frame.pixels
        if int(pixels.max()) - int(pixels.min()) < 2:
            opener.faults.add(picture.row, "crop", f"'{picture.name}' is empty: it shows one grey only")
            continue
        unit = pixels if pixels.dtype == np.uint8 else normalise_film(np.ascontiguousarray(pixels))
        pools.append((picture, *_framed(np.asarray(unit, np.uint8), size)))
    split = opener.split([p for p, _, _ in pools], share)
    cells: dict[tuple[str, int], list[int]] = {}
    for k, ((picture, _, _), side) in enumerate(zip(pools, split, strict=True)):
        (bone,) = picture.grades
        cells.setdefault((side, BONES.index(bone)), []).append(k)
    hands_of = {side: max((len(v) for (s, _), v in cells.items() if s == side), default=0) for side in set(split)}
    n = sum(hands_of.values())
    stored, exact = _maps(folder, n, size)
    grades = np.full((n, len(BONES)), np.nan, np.float32)
    rows = [[0] * len(BONES) for _ in range(n)]
    sides = [side for side, count in sorted(hands_of.items()) for _ in range(count)]
    for (side, b), members in cells.items():
        first = sides.index(side)
        for place, k in enumerate(members):
            picture, wide, plain = pools[k]
            stored[first + place, b], exact[first + place, b] = wide, plain
            grades[first + place, b] = picture.grades[BONES[b]]
            rows[first + place][b] = picture.row
    return SiteCrops(
        stored, exact, grades, np.full(n, np.nan, np.float32), np.isfinite(grades), [""] * n, rows, sides, "crops", [],
        opener.left_out,
    )  # fmt: skip


def _framed(unit: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A site's crop as stored (1.3 squares, its rim drawn outwards) and as in use."""
    height, width = unit.shape
    side = max(height, width)
    exact = np.asarray(cut(unit, CropSpec(width / 2, height / 2, float(side)), size), np.uint8)
    pad = int(np.ceil(side * (MARGIN - 1) / 2)) + 2
    wide = np.pad(unit, ((pad + (side - height) // 2,) * 2, (pad + (side - width) // 2,) * 2), mode="edge")
    middle = CropSpec(wide.shape[1] / 2, wide.shape[0] / 2, side * MARGIN)
    return np.asarray(cut(wide, middle, STORED), np.uint8), exact

