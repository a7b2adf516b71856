"""Bones and soft tissue to attenuation on a canvas.

Every bone is a shell of compact bone round a spongy core. A ray that meets it
at depth d inside the outline crosses sqrt(d (2 R - d)) of it, R being the half
thickness: this gives the bright cortical rims and the fading ends that a
radiograph shows, without any painting of edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from boneage_desk.imaging.phantom import fields
from boneage_desk.imaging.phantom.anatomy import Anatomy, bone_age_guess
from boneage_desk.imaging.phantom.fields import Box, Doubles, Floats
from boneage_desk.imaging.phantom.forms import Form, family, form_of
from boneage_desk.imaging.phantom.outlines import (
    CARPALS,
    LongBone,
    carpal_outline,
    extents,
    joint_border,
    long_bone,
    plate_border,
)

#: Attenuation per L of compact and of spongy bone.
COMPACT, SPONGY = 10.5, 3.0


@dataclass(frozen=True, slots=True)
class Tissue:
    """How a bone is built: half thickness, cortex at its end and in the shaft (L), texture."""

    thickness: float
    cortex: float
    shaft_cortex: float = 0.0
    middle: float = 0.0  # t where the cortex is thickest
    spread: float = 1.0
    marrow: float = 0.0  # part of the spongy core that a shaft lacks
    grain: float = 0.22
    stretch: float = 1.0
    density: float = 1.0
    blur: float = 0.0


class Canvas:
    """Attenuation of bone, float32 [rows, cols], under an affine map hand -> film pixels."""

    def __init__(self, shape: tuple[int, int], to_film: Doubles, seed: int) -> None:
        self.bone: Floats = np.zeros(shape, np.float32)
        self.to_film = to_film
        self.unit = float(np.sqrt(abs(np.linalg.det(to_film[:2, :2]))))
        self.pixel = 1.0 / self.unit
        self._seed = seed
        self._drawn = 0

    def _phase(self) -> tuple[int, int]:
        self._drawn += 1
        n = fields.TEXTURE_SIDE
        return (self._drawn * 97 + self._seed * 31) % n, (self._drawn * 61 + self._seed * 17) % n

    def solid(
        self,
        outlines: list[Doubles],
        frame: Doubles,
        tissue: Tissue,
        cuts: list[tuple[Doubles, float]] | None = None,
    ) -> None:
        """Add one bone: the union of its outlines less cuts (polyline, half width in L)."""
        to_film = self.to_film @ frame
        box = fields.covered(to_film, np.concatenate(outlines), 2.0, self.bone.shape)
        phase = self._phase()
        if box is None:
            return
        depth: Floats | None = None
        for outline in outlines:
            grid = fields.distance_grid(outline, self.pixel)
            one = fields.carry(grid, to_film, box)
            depth = one if depth is None else np.maximum(depth, one)
        assert depth is not None
        for line, half in cuts or []:
            self._cut(depth, box, to_film, line, half)
        self._add(depth, box, to_film, tissue, phase)

    def _cut(self, depth: Floats, box: Box, to_film: Doubles, line: Doubles, half: float) -> None:
        near = fields.covered(to_film, line, 30.0 * half * self.unit + 2.0, self.bone.shape)
        if near is None:
            return
        part = Box(max(near.x0, box.x0), max(near.y0, box.y0), min(near.x1, box.x1), min(near.y1, box.y1))
        if part.x1 <= part.x0 or part.y1 <= part.y0:
            return
        away = fields.polyline_distance(line, to_film, part) - np.float32(half)
        rows = slice(part.y0 - box.y0, part.y1 - box.y0)
        cols = slice(part.x0 - box.x0, part.x1 - box.x0)
        depth[rows, cols] = np.minimum(depth[rows, cols], away)

    def _add(self, depth: Floats, box: Box, to_film: Doubles, tissue: Tissue, phase: tuple[int, int]) -> None:
        pixel = self.pixel
        half = np.float32(tissue.thickness)
        cortex: Floats | np.float32 = np.float32(tissue.cortex)
        bump: Floats | np.float32 = np.float32(0.0)
        if tissue.shaft_cortex:
            t = fields.local_axis(to_film, box, 1)
            t = (t - np.float32(tissue.middle)) / np.float32(tissue.spread)
            bump = np.exp(-(t * t))
            cortex = np.float32(tissue.cortex) + np.float32(tissue.shaft_cortex) * bump
        d = np.clip(depth + np.float32(0.25 * pixel), 0.0, half)
        outer = np.sqrt(d * (2.0 * half - d))
        room = np.maximum(half - cortex, np.float32(1e-3))
        e = np.clip(d - cortex, 0.0, room)
        # the walls that the ray grazes are thicker than those it crosses
        deep = (half - np.float32(0.38) * cortex) / room
        inner = np.minimum(np.sqrt(e * (2.0 * room - e)) * deep, outer)
        grain = tissue.grain * float(np.clip(0.012 / pixel - 1.0, 0.0, 1.0))
        core = inner * np.float32(SPONGY) * (np.float32(1.0) - np.float32(tissue.marrow) * bump)
        if grain > 0.01:
            core *= 1.0 + np.float32(grain) * fields.carry_texture(to_film, box, tissue.stretch, phase)
        value = np.float32(COMPACT) * (outer - inner) + core
        edge = max(tissue.blur, 0.6 * pixel)
        cover = np.clip(depth / np.float32(edge) * 0.5 + 0.5, 0.0, 1.0)
        value *= cover * np.float32(tissue.density)
        self.bone[box.slices] += value

    def line(self, line: Doubles, frame: Doubles, half: float, amount: float, *, fade: bool = True) -> None:
        """Add a soft bright line (polyline [n, 2] in a bone's frame), half width in L."""
        if amount == 0.0 or len(line) < 2:
            return
        to_film = self.to_film @ frame
        wide = max(half, 0.55 * self.pixel)
        box = fields.covered(to_film, line, 3.0 * wide * self.unit + 1.0, self.bone.shape)
        if box is None:
            return
        away = fields.polyline_distance(line, to_film, box) / np.float32(wide)
        value = np.float32(amount * half / wide) * np.exp(-(away * away))
        if fade:
            s = fields.local_axis(to_film, box, 0)
            mid, reach = line[:, 0].mean(), max(1e-6, float(np.ptp(line[:, 0])) / 2)
            value *= np.clip(1.35 - np.abs((s - np.float32(mid)) / np.float32(reach)), 0.0, 1.0)
        self.bone[box.slices] += value


def shaft_end(anatomy: Anatomy, bone: str) -> float:
    """t of the far end of a bone's shaft: it leaves room for the joint."""
    reach = anatomy.reach[bone]
    row, ray = bone[:2], bone[2:]
    following = {"pp": "mp", "mp": "dp", "mc": "pp"}.get(row)
    if bone == "pp1":
        following = "dp"
    if following is None or (row == "mc" and ray != "1"):
        return reach if row != "mc" else reach - 0.03 * (1.0 - anatomy.maturity)
    bone_next = following + ray
    form = form_of(bone_next, anatomy.grades[bone_next])
    joint = 0.012 + 0.012 * (1.0 - anatomy.maturity)
    taken = max(0.36, form.height + 0.5 * form.gap) if form.height < 0.25 else form.height
    ridge = form.ridge - form.hollow if form.ridge else -form.hollow * 0.6
    return reach - (0.5 * taken + 0.5 * ridge) * anatomy.widths[bone_next] - joint


def _plate_cut(bone: LongBone) -> list[tuple[Doubles, float]]:
    """What is still open of a fusing plate: lines at its height, as (polyline, half width)."""
    form, half = bone.form, bone.half
    width = 2 * half
    t = bone.plate - 0.5 * form.gap * width
    open_width = max(0.0, form.gap * width * 0.42)
    lo, hi = -1.2 * half, 1.2 * half
    waves = np.random.default_rng(int(1e4 * half)).normal(0, 0.006 * width, 25)

    def line(a: float, b: float) -> tuple[Doubles, float]:
        s = np.linspace(a, b, 25)
        arch = min(0.0, bone.dip) * (1.0 - (s / half) ** 2)
        return np.stack([s, t + arch + waves], 1), open_width

    if form.fused >= 1.0:
        return []
    fused = 2 * half * form.fused
    if form.square_medial != 5.0 and form.cap_medial == 0.0 and form.styloid:  # ulna
        return [line(lo, half - fused)]
    if form.facets:  # radius: closes from its medial middle outwards
        start = -0.35 * half
        a, b = start - 0.35 * fused, start + 0.65 * fused
        if a < -half * 0.8:
            a, b = -1.3 * half, -half + fused
            return [line(b, hi)]
        return [line(lo, a), line(b, hi)]
    return [line(lo, -fused / 2), line(fused / 2, hi)]


def _bridge(bone: LongBone) -> Doubles:
    """The block of bone that fills the plate of a fusing bone and smooths its flanks."""
    form, half = bone.form, bone.half
    width = 2 * half
    grown = form.fused >= 1.0
    top = bone.plate - (form.gap + (0.20 if grown else 0.10)) * width
    flare = 0.10 + 0.45 * form.fused  # how far the flanks run on along the shaft
    left, right = extents(form, width)
    shrink = 0.985 if form.fused < 1 else 0.995
    inset = 0.99 if grown else 0.97
    points = [(left * shrink * inset, top), (right * shrink * inset, top)]
    points += [(right * shrink, bone.plate - 0.3 * form.gap * width)]
    side = bone.shaft[bone.shaft[:, 0] > 0.3 * half]
    side = side[np.argsort(side[:, 1])]
    down = [(k, bone.plate + k * flare * width) for k in (0.4, 0.7, 1.0)]
    out = [(float(np.interp(t, side[:, 1], side[:, 0])) * (1.012 - 0.03 * k), t) for k, t in down]
    points += out + [(-s, t) for s, t in reversed(out)]
    points += [(left * shrink, bone.plate - 0.3 * form.gap * width)]
    return np.array(points)


def _lines(canvas: Canvas, frame: Doubles, bone: str, built: LongBone) -> None:
    """Dense borders, second contours, and the scar of a closed plate."""
    form: Form = built.form
    width = 2 * built.half
    fine = 0.0045
    u = np.linspace(-0.93, 0.93, 21)
    # dense zone of the metaphysis beside an open plate
    if form.fused < 1.0:
        s = u * built.half * 0.95
        strength = 0.20 if form.present else 0.11
        t = built.plate + 0.03 * width + min(0.0, built.dip) * (1.0 - u * u)
        canvas.line(np.stack([s, t], 1), frame, fine * 1.6, strength * (1 - 0.6 * form.fused))
    else:
        s = u[3:-3] * built.half
        t = built.plate - 0.5 * form.gap * width + 0.012 * width * np.sin(7 * u[3:-3] + 5 * width)
        t = t + min(0.0, built.dip) * (1.0 - u[3:-3] ** 2)
        canvas.line(np.stack([s, t], 1), frame, fine * 0.9, 0.06 if bone in ("radius", "ulna") else 0.03)
    if not form.present or form.blur:
        return
    lo, hi = extents(form, width)
    mid, half = (lo + hi) / 2, (hi - lo) / 2
    s = mid + u * half
    joint = joint_border(form, width, bone, u)
    plate = plate_border(form, width, bone, u)
    if form.dense:
        canvas.line(np.stack([s, joint + 0.03 * width], 1), frame, fine * 1.8, 0.30 * form.dense)
    kind = family(bone)
    if form.rim and kind == "mc":  # palmar edges: two lengthwise lines
        for at in (-0.52, 0.52):
            t = np.linspace(-0.20, 0.34, 9) * form.height * width
            side = mid + at * half + 0.05 * width * np.sin(np.linspace(0, 2.2, 9)) * np.sign(at)
            canvas.line(np.stack([side, t], 1), frame, fine, 0.075 * form.rim, fade=False)
    elif form.rim and kind == "radius":
        inside = joint + (0.085 + 0.05 * (u + 1) / 2) * width
        canvas.line(np.stack([s, inside], 1)[2:-2], frame, fine, 0.16 * form.rim)
    elif form.rim:
        inside = joint + (0.10 if kind != "mc1" else 0.12) * width
        inside = inside - 0.05 * width * (1 - u * u)
        canvas.line(np.stack([s, inside], 1)[2:-2], frame, fine, 0.18 * form.rim)
    if form.plate_rim:
        wavy = plate - 0.05 * width + 0.008 * width * np.sin(9 * u + 1.0)
        canvas.line(np.stack([s, wavy], 1)[2:-2], frame, fine, 0.12 * form.plate_rim)


def draw_long_bone(canvas: Canvas, anatomy: Anatomy, bone: str) -> None:
    """One long bone with its epiphysis at its grade."""
    form = form_of(bone, anatomy.grades[bone])
    width = anatomy.widths[bone]
    frame = anatomy.poses[bone].matrix()
    end = shaft_end(anatomy, bone)
    young = 1.0 - anatomy.maturity
    built = long_bone(bone, form, width, end, young)
    forearm = bone in ("radius", "ulna")
    length = 1.1 if forearm else end - built.plate
    shaft = Tissue(
        thickness=(0.34 if not forearm else 0.21) * width + 0.008,
        cortex=0.006 if not forearm else 0.008,
        shaft_cortex=(0.12 if not forearm else 0.11 if bone == "radius" else 0.17) * width * (1.0 - 0.25 * young),
        middle=built.plate + (0.56 if not forearm else 0.78) * length,
        spread=(0.30 if not forearm else 0.46) * length,
        marrow=0.50,
        grain=0.42 if not forearm else 0.30,
        stretch=1.9 if not forearm else 2.6,
    )
    if bone[:2] == "dp":
        shaft = Tissue(0.30 * width + 0.006, 0.005, 0.09 * width, shaft.middle, 0.28 * length, 0.4, 0.30, 1.6)
    if form.present:
        thickness = min(0.40 * width, 0.9 * form.height * width) * 0.85 + 0.006
        epiphysis = Tissue(
            thickness=thickness * (0.75 if forearm else 1.0),
            cortex=0.0055,
            grain=0.42,
            density=0.8 if form.blur else 1.15,
            blur=0.009 if form.blur else 0.0,
        )
    if built.epiphysis is not None and form.fused > 0.0:
        canvas.solid([built.epiphysis, built.shaft, _bridge(built)], frame, shaft, _plate_cut(built))
    else:
        canvas.solid([built.shaft], frame, shaft)
        if built.epiphysis is not None:
            canvas.solid([built.epiphysis], frame, epiphysis)
    _lines(canvas, frame, bone, built)


def draw_bones(canvas: Canvas, anatomy: Anatomy) -> None:
    """All bones of the hand, the carpus at the age that the grades suggest."""
    years = bone_age_guess(anatomy.maturity)
    for name in CARPALS:
        drawn = carpal_outline(name, years)
        if drawn is None:
            continue
        outline, growth = drawn
        small = name in ("sesamoid", "pisiform")
        tissue = Tissue(
            thickness=0.010 + (0.022 if small else 0.040) * growth,
            cortex=0.0055 if growth > 0.3 else 0.004,
            grain=0.48,
            density=0.6 + 0.4 * min(1.0, growth * 2),
            blur=0.010 if growth < 0.25 else 0.0,
        )
        middle = outline.mean(0)
        # the near row follows the forearm, which lies farther off in a grown hand
        lower = 0.02 * max(0.0, anatomy.maturity - 0.65) / 0.35 if middle[1] > 0.9 else 0.0
        frame = fields.affine([[1.0, 0.0, middle[0]], [0.0, 1.0, middle[1] + lower]])
        if name == "sesamoid":  # at the ulnar side of the thumb's knuckle, however the thumb is turned
            aside = fields.affine([[1.0, 0.0, -0.066], [0.0, 1.0, anatomy.reach["mc1"] - 0.095]])
            frame = anatomy.poses["mc1"].matrix() @ aside
        canvas.solid([outline - middle], frame, tissue)
    for bone in anatomy.poses:
        draw_long_bone(canvas, anatomy, bone)
