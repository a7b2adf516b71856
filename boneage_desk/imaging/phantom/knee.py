"""Draw a knee from the front: femur, tibia, fibula, patella, their growth plates, soft parts, film.

Bones are drawn as the hand's are (`render.Canvas`), exposure and noise by the same functions (`film`). Nothing of a
person's film went into it.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from boneage_desk.imaging.phantom import fields, film
from boneage_desk.imaging.phantom.fields import Doubles, Floats, affine, smooth
from boneage_desk.imaging.phantom.knee_form import KneeFilm, KneeForm, KneeSpec, knee_form
from boneage_desk.imaging.phantom.render import Canvas, Tissue

W = 0.80
"""W in the units of `render` (L of a hand of the same child, nearly): attenuation is counted in these."""
_TOP, _FOOT = -1.25, 1.35
_PLATE = {"femur": -0.50, "tibia": 0.29, "fibula": 0.50}
_FIBULA_X = 0.42
_DENSITY = 0.46
"""Of bone against the hand's: a knee is taken with a harder beam."""

#: Half widths of a shaft: (distance from the plate, W; share of half the metaphysis' width).
_SHAFT = {
    "femur": ((0.0, 1.0), (0.12, 0.92), (0.30, 0.72), (0.55, 0.55), (0.90, 0.46), (1.4, 0.42), (2.6, 0.42)),
    "tibia": ((0.0, 1.0), (0.10, 0.92), (0.25, 0.74), (0.50, 0.56), (0.80, 0.47), (1.3, 0.43), (2.6, 0.44)),
    "fibula": ((0.0, 1.0), (0.10, 0.92), (0.30, 0.68), (0.60, 0.55), (1.2, 0.52), (2.6, 0.52)),
}
_META = {"femur": 1.0, "tibia": 0.96, "fibula": 0.185}


def draw_knee(spec: KneeSpec) -> KneeFilm:
    """Draw a whole film with its truth."""
    form = knee_form(spec)
    to_film, upright = _to_film(spec)
    canvas = Canvas(spec.size, to_film @ affine([[1 / W, 0.0, 0.0], [0.0, 1 / W, 0.0]]), spec.seed)
    rng = np.random.default_rng([spec.seed, 12])
    wide = {name: 1.0 + 0.03 * rng.standard_normal() for name in ("femur", "tibia", "fibula", "soft")}
    tilt = {name: math.radians(3.0 * rng.standard_normal()) for name in ("femur", "tibia")}
    _bone(canvas, "fibula", form, wide["fibula"], tilt["tibia"])
    _bone(canvas, "femur", form, wide["femur"], tilt["femur"])
    _bone(canvas, "tibia", form, wide["tibia"], tilt["tibia"])
    _patella(canvas, form, 0.05 * rng.standard_normal())
    value = canvas.bone
    value += _soft(spec, to_film, wide["soft"])
    rng = np.random.default_rng([spec.seed, 14])
    value += film.scatter(value, rng)
    picture = film.exposed(film.response(np.float32(0.92) * value), rng)
    film.collimation(picture, rng)
    if spec.marker:
        x = (-0.80 if spec.side == "left" else 0.80) + rng.uniform(-0.05, 0.05)
        size = rng.uniform(0.10, 0.14)
        square = affine([[size, 0.0, x], [0.0, size, rng.uniform(-0.9, 0.9)]])
        film.marker(picture, spec.side[0].upper(), upright @ square, rng.uniform(0.92, 1.0))
    picture = film.sharpen_loss(picture, 0.14)
    film.noise(picture, rng, rng.uniform(0.008, 0.020) * min(1.0, 0.35 + canvas.unit / 900.0))
    if spec.mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
        to_film = affine([[-1.0, 0.0, float(spec.size[1])], [0.0, 1.0, 0.0]]) @ to_film
    places = {"femur": (0.0, _PLATE["femur"]), "tibia": (0.0, _PLATE["tibia"]), "fibula": (_FIBULA_X, _PLATE["fibula"])}
    at = fields.apply(to_film, np.array([(0.0, 0.0), *places.values()]))
    joint, *plates = [(float(x), float(y)) for x, y in at]
    unit = float(np.sqrt(abs(np.linalg.det(to_film[:2, :2]))))
    return KneeFilm(film.stored(picture, spec.bits), joint, dict(zip(places, plates, strict=True)), unit, form, spec)


def _to_film(spec: KneeSpec) -> tuple[Doubles, Doubles]:
    """3x3 maps knee frame (W) -> pixels of the unmirrored film: for bones, and for the marker."""
    rows, cols = spec.size
    angle = math.radians(spec.rotation_deg)
    c, s = math.cos(angle), math.sin(angle)
    turn = affine([[c, s, 0.0], [-s, c, 0.0]])  # counter-clockwise as seen, y down
    scale = spec.knee_fraction * rows / (_FOOT - _TOP)
    rng = np.random.default_rng([spec.seed, 13])
    dx, dy = rng.uniform(-0.06, 0.06, 2) * (cols, rows)
    middle = -scale * (_TOP + _FOOT) / 2
    place = affine([[scale, 0.0, cols / 2 + dx], [0.0, scale, rows / 2 + dy + middle]])
    flip = affine([[1.0 if spec.side == "left" else -1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return place @ turn @ flip, place @ turn


def _frame(name: str, tilt: float) -> Doubles:
    """Bone's own frame (units of `render`) -> the canvas' frame: origin in its plate, t from the joint to the shaft."""
    up = -1.0 if name == "femur" else 1.0
    x = _FIBULA_X if name == "fibula" else 0.0
    c, s = math.cos(tilt), math.sin(tilt)
    turn = affine([[c, -s, 0.0], [s, c, 0.0]])
    return turn @ affine([[1.0, 0.0, x * W], [0.0, up, _PLATE[name] * W]])


def _shaft(name: str, wide: float, dip: float) -> Doubles:
    """Outline of the shaft, t from the plate on, units of `render`."""
    half = _META[name] * wide * W / 2
    side = [(share * half, 0.02 * W + t * W) for t, share in _SHAFT[name]]
    border = [(-0.86 * half, 0.004 * W), (-0.4 * half, dip * W), (0.0, 0.4 * dip * W), (0.4 * half, dip * W), (0.86 * half, 0.004 * W)]
    return smooth(np.array(border + side + [(-s, t) for s, t in reversed(side)]))


def _egg(half: float, near: float, far: float) -> Doubles:
    """A rounded block from t = near (joint) to t = far (plate)."""
    u = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 25))
    end = (1 - np.abs(u) ** 2.4) ** (1 / 2.4)
    middle = (near + far) / 2
    low = np.stack([u * half, middle + (near - middle) * end], 1)
    high = np.stack([u * half, middle + (far - middle) * end], 1)[::-1]
    return np.concatenate([low, high[1:-1]])


def _epiphysis(name: str, form: KneeForm, wide: float) -> Doubles | None:
    """Outline of the epiphysis in the bone's frame (t < 0 toward the joint); None before ossification."""
    u = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 41))
    if name == "fibula":
        if form.fibula <= 0:
            return None
        half = form.fibula * _META[name] * wide * W / 2
        tall = (0.07 + 0.11 * form.fibula) * W
        return _egg(half, -form.fibula_gap * W - tall, -form.fibula_gap * W)
    half = (form.femur_width if name == "femur" else form.tibia_width) * _META[name] * wide * W / 2
    tall = (form.femur_height if name == "femur" else form.tibia_height) * W
    far = -(form.femur_gap if name == "femur" else form.tibia_gap) * W
    near = far - tall
    if name == "femur":
        egg = _egg(half, near, far)
        end = (1 - np.abs(u) ** 5) ** 0.2
        notch = 0.42 * np.exp(-((u / 0.20) ** 2)) + 0.10 * (np.abs(u) - 0.55) ** 2
        down = 0.30 + 0.70 * np.clip(end * (1 - notch), 0.0, 1.0) * (1 - 0.03 * u)
        low = np.stack([u * half, far + (near - far) * down], 1)
        high = np.stack([u * half, far - 0.30 * tall * (1 - end) + 0.05 * tall * np.cos(5 * u) * end], 1)[::-1]
        grown = np.concatenate([low, high[1:-1]])
        return _blend(egg, grown, form.femur_shape)
    square = 2.4 + 4.0 * form.femur_shape
    end = (1 - np.abs(u) ** square) ** (1 / square)
    peaks = np.exp(-(((u + 0.13) / 0.075) ** 2)) + 0.85 * np.exp(-(((u - 0.13) / 0.075) ** 2))
    hollow = 0.10 * tall * form.femur_shape * (np.exp(-(((np.abs(u) - 0.55) / 0.25) ** 2)))
    middle = (near + far) / 2
    low = np.stack([u * half, middle + (near - middle) * end + hollow * end - form.spines * W * peaks], 1)
    high = np.stack([u * half, middle + (far - middle) * end], 1)[::-1]
    return np.concatenate([low, high[1:-1]])


def _blend(a: Doubles, b: Doubles, share: float) -> Doubles:
    """Between two outlines, both sampled anew to equal numbers of points round from their first."""

    def even(points: Doubles) -> Doubles:
        ring = np.concatenate([points, points[:1]])
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
        at = np.linspace(0, along[-1], 121)[:-1]
        return np.stack([np.interp(at, along, ring[:, k]) for k in (0, 1)], 1)

    return np.asarray((1 - share) * even(a) + share * even(b))


def _bone(canvas: Canvas, name: str, form: KneeForm, wide: float, tilt: float) -> None:
    """One bone: apart while its plate is open, one piece with what is still open cut out while it closes."""
    frame = _frame(name, tilt)
    gap: float = getattr(form, f"{name}_gap")
    fused: float = getattr(form, f"{name}_fused")
    half = _META[name] * wide * W / 2
    shaft, cap = _shaft(name, wide, 0.014 if name != "fibula" else 0.004), _epiphysis(name, form, wide)
    thick = 0.30 * W if name != "fibula" else 0.085 * W
    bone = Tissue(
        thickness=thick, cortex=0.008, shaft_cortex=0.045 * W if name != "fibula" else 0.03 * W, middle=1.3 * W, spread=0.75 * W,
        marrow=0.45, grain=0.34, stretch=2.2, density=_DENSITY,
    )  # fmt: skip
    if cap is None or fused <= 0.0:
        canvas.solid([shaft], frame, bone)
        if cap is not None:
            young = 1.0 - min(1.0, form.femur_width)
            canvas.solid([cap], frame, Tissue(
                thickness=thick * (0.95 - 0.4 * young), cortex=0.007, grain=0.34, density=_DENSITY * 1.08, blur=0.012 * young,
            ))  # fmt: skip
    else:
        canvas.solid([shaft, cap, _bridge(cap, half, gap)], frame, bone, _open_plate(half, gap, fused))
    s = np.linspace(-0.9, 0.9, 21) * half
    dense = 0.016 if name != "fibula" else 0.01
    if fused < 1.0:  # dense zone of the metaphysis beside the plate
        canvas.line(np.stack([s, 0.024 * W + 0.006 * W * np.cos(s / half * 5)], 1), frame, dense, 0.10 * (1 - 0.7 * fused))
    else:  # the scar
        canvas.line(np.stack([s[2:-2], -0.005 * W + 0.008 * W * np.cos(s[2:-2] / half * 5)], 1), frame, 0.006, 0.035)


def _bridge(cap: Doubles, half: float, gap: float) -> Doubles:
    """The block that joins epiphysis and shaft over the plate."""
    top, low = float(cap[:, 0].max()) * 0.985, half * 0.93
    return np.array([(-top, -(gap + 0.12) * W), (top, -(gap + 0.12) * W), (low, 0.13 * W), (-low, 0.13 * W)])


def _open_plate(half: float, gap: float, fused: float) -> list[tuple[Doubles, float]]:
    """What is still open of a closing plate: from both edges inward, as (polyline, half width)."""
    if fused >= 1.0:
        return []
    out = []
    for side in (-1.0, 1.0):
        s = side * np.linspace(1.3 * half, fused * half, 17)
        out.append((np.stack([s, -0.5 * gap * W + 0.006 * W * np.cos(5 * s / half)], 1), max(0.004, 0.42 * gap * W)))
    return out


def _patella(canvas: Canvas, form: KneeForm, shift: float) -> None:
    """A faint disc before the femur."""
    if form.patella <= 0:
        return
    half, tall = form.patella * W / 2, form.patella * W * 0.52
    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    rim = np.stack([half * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8, tall * np.sin(angle)], 1)
    frame = affine([[1.0, 0.0, shift * W], [0.0, 1.0, -0.30 * W - 0.10 * W * form.femur_shape]])
    canvas.solid([rim], frame, Tissue(thickness=0.07 * W, cortex=0.006, grain=0.3, density=0.40 * _DENSITY / 0.46))


def _soft(spec: KneeSpec, to_film: Doubles, wide: float) -> Floats:
    """Attenuation of thigh, knee and calf: fat round muscle, a little uneven; float32 [rows, cols]."""
    rows, cols = spec.size
    box = fields.Box(0, 0, cols, rows)
    x, y = fields.local_axis(to_film, box, 0), fields.local_axis(to_film, box, 1)
    rng = np.random.default_rng([spec.seed, 15])
    plump = rng.uniform(0.92, 1.16) * wide
    at, half = (-3.0, -1.3, -0.6, 0.0, 0.35, 0.95, 1.6, 3.0), (1.08, 0.93, 0.78, 0.69, 0.67, 0.74, 0.68, 0.55)
    skin = np.interp(y, at, np.array(half) * plump).astype(np.float32)
    aside = np.float32(0.03) * np.sin(np.float32(1.3) * y)
    u = (x - aside) / skin
    value = np.float32(0.34) * np.sqrt(np.clip(1 - u * u, 0, 1))
    fat = np.float32(rng.uniform(0.74, 0.90))
    value += np.float32(0.16) * np.sqrt(np.clip(1 - (u / fat) ** 2, 0, 1))
    small = rng.standard_normal((12, 9)).astype(np.float32)  # muscle bellies
    wave = np.asarray(Image.fromarray(small).resize((cols, rows), Image.Resampling.BICUBIC), np.float32)
    return np.asarray(value * (np.float32(1.0) + np.float32(0.03) * wave), dtype=np.float32)
