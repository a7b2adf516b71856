"""Does what the detector found make a hand? Pure numpy.

A template (mean places of the 13 epiphyses in units of L and their joint covariance, learned from the
training films' points) is laid over the detections by a robust search over similarities and reflections.
It names the hand, throws out what lies where no such bone can be, fills a bone that was not seen with the
place the others predict ('uncertain'), and tells rotation, handedness on the film, and the number of hands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import SIDE_SHARE

BONES: tuple[str, ...] = tuple(SIDE_SHARE)
Box = tuple[float, float, float, float]
Detection = tuple[str, Box, float]

MIN_BONES = 7  # fewer bones in their places are not called a hand
MIN_MEAN_CONFIDENCE = 0.30
MIN_CONFIDENCE = 0.25  # a bone seen more weakly is uncertain
_REACH = 0.22  # how far from the template, in L, a detection may lie in the coarse search
# Limits on the squared Mahalanobis distance to the place that the other bones predict, for a bone seen with
# confidence p: base + gain * p. Measured on 394 held-out films: clear detections of thumbs held far out reach
# 64 and are right; wrong ones above 40 are faint.
_FAR = (40.0, 80.0)  # beyond: no such hand, thrown out
_ODD = (12.0, 16.0)  # beyond: uncertain
# Clear detections may lie further off: on 400 training films none of 23 seen with p >= .7 beyond 20 was wrong.
_CLEAR = (0.7, 60.0)
_NOISE = 0.02**2  # variance of a detected centre, L^2


@dataclass(frozen=True, slots=True)
class HandTemplate:
    """mean: [13, 2] in L, x right, y down, fingers up, thumb on the right. covariance: [26, 26]."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoneFit:
    """One bone of a fitted hand. box: film pixels. certain: seen clearly where the other bones say that it
    is; else reason says why not. found: the box is a detection (False: filled in from the other bones)."""

    bone: str
    box: Box
    confidence: float
    certain: bool
    found: bool
    reason: str = ""

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, film pixels."""
        return ((self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2)


@dataclass(frozen=True, slots=True)
class HandFit:
    """The hand on a film. n_hands 0: no hand, the rest is empty.

    bones: all 13 in table order. mirror: the thumb lies on the image's LEFT when the fingers point up
    (crops are mirrored then). rotation_deg: turn of the hand on the film, clockwise, 0 = fingers up.
    length: L (mc3 to dp3) in film pixels. residual: root mean square distance of the found bones to where
    the others predict them, in L.
    """

    n_hands: int = 0
    bones: tuple[BoneFit, ...] = ()
    mirror: bool = False
    rotation_deg: float = 0.0
    length: float = 0.0
    residual: float = 0.0
    missing: tuple[str, ...] = field(default=())

    @property
    def thumb_on_right(self) -> bool:
        """Whether the thumb lies on the image's right when the fingers point up."""
        return not self.mirror

    def centres(self) -> dict[str, tuple[float, float]]:
        """Bone -> centre in film pixels."""
        return {b.bone: b.centre for b in self.bones}


@cache
def template() -> HandTemplate:
    """The packaged template."""
    text = resources.files(__package__).joinpath("hand_template.json").read_text()
    data = json.loads(text)
    if tuple(data["bones"]) != BONES:
        raise ValueError("the hand template lists other bones than the program")
    return HandTemplate(np.array(data["mean"]), np.array(data["covariance"]))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """All detections as arrays: bone [N], centre as a complex number [N], confidence [N], L implied [N]."""

    bone: NDArray[np.intp]
    z: NDArray[np.complex128]
    confidence: NDArray[np.float64]
    length: NDArray[np.float64]

    def keep(self, mask: NDArray[np.bool_]) -> _Candidates:
        return _Candidates(self.bone[mask], self.z[mask], self.confidence[mask], self.length[mask])


def _gather(detections: Sequence[Detection]) -> _Candidates:
    bone = np.array([BONES.index(d[0]) for d in detections], np.intp)
    boxes = np.array([d[1] for d in detections], np.float64).reshape(-1, 4)
    z = (boxes[:, 0] + boxes[:, 2]) / 2 + 1j * (boxes[:, 1] + boxes[:, 3]) / 2
    side = np.sqrt(np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-6))
    share = np.array(list(SIDE_SHARE.values()))[bone]
    return _Candidates(bone, z, np.array([d[2] for d in detections], np.float64), side / share)


@dataclass(frozen=True, slots=True)
class _Pose:
    """film = scale * (template or its mirror image) + shift, as complex numbers."""

    scale: complex
    shift: complex
    mirror: bool

    def to_film(self, t: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return self.scale * (-t.conj() if self.mirror else t) + self.shift

    def to_template(self, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
        t = (z - self.shift) / self.scale
        return -t.conj() if self.mirror else t


def _spread() -> NDArray[np.float64]:
    """How much each bone's place varies between hands [13], in L."""
    out: NDArray[np.float64] = np.sqrt(np.diag(template().covariance).reshape(-1, 2).sum(1) + _NOISE)
    return out


def _chosen(c: _Candidates, pose: _Pose, reach: float) -> NDArray[np.intp]:
    """For each of the 13 bones the index of its best candidate within ``reach`` of its place, or -1."""
    t = template().mean @ np.array([1, 1j])
    d = np.abs(pose.to_template(c.z) - t[c.bone]) / (reach + 2 * _spread()[c.bone])
    merit = np.where(d < 1, c.confidence * (1 - d**2), 0)
    out = np.full(len(BONES), -1, np.intp)
    for b in range(len(BONES)):
        of = np.flatnonzero((c.bone == b) & (merit > 0))
        if len(of):
            out[b] = of[np.argmax(merit[of])]
    return out


def _search(c: _Candidates) -> _Pose | None:
    """The pose under which most confidence lies in its place: every pair of strong detections, both mirrors."""
    t = template().mean @ np.array([1, 1j])
    strong = np.argsort(-c.confidence)[:40]
    i, j = (a.ravel() for a in np.meshgrid(strong, strong))
    apart = np.abs(t[c.bone[i]] - t[c.bone[j]])
    ok = (i < j) & (c.bone[i] != c.bone[j]) & (apart > 0.35) & (np.abs(c.z[i] - c.z[j]) > 1e-6)
    i, j = i[ok], j[ok]
    if not len(i):
        return None
    best: tuple[float, _Pose] | None = None
    for mirror in (False, True):
        tt = -t.conj() if mirror else t
        scale = (c.z[i] - c.z[j]) / (tt[c.bone[i]] - tt[c.bone[j]])
        ratio = np.abs(scale) / np.sqrt(c.length[i] * c.length[j])
        fits = (ratio > 0.65) & (ratio < 1.55)  # the boxes' size agrees with their distance
        scale, a = scale[fits], i[fits]
        if not len(scale):
            continue
        shift = c.z[a] - scale * tt[c.bone[a]]
        back = (c.z[None, :] - shift[:, None]) / scale[:, None]
        d = np.abs(back - tt[c.bone][None, :]) / _REACH
        merit = np.where(d < 1, c.confidence * (1 - d**2), 0)
        total = np.zeros(len(scale))
        for b in range(len(BONES)):
            of = c.bone == b
            if of.any():
                total += merit[:, of].max(1)
        k = int(np.argmax(total))
        if best is None or total[k] > best[0]:
            best = (float(total[k]), _Pose(complex(scale[k]), complex(shift[k]), mirror))
    return best[1] if best else None


def _refine(c: _Candidates, pose: _Pose, reach: float) -> tuple[_Pose, NDArray[np.intp]]:
    """Least squares on the chosen candidates, a few times."""
    t = template().mean @ np.array([1, 1j])
    spread = _spread()
    chosen = _chosen(c, pose, reach)
    for _ in range(3):
        b = np.flatnonzero(chosen >= 0)
        if len(b) < 3:
            break
        z, w = c.z[chosen[b]], c.confidence[chosen[b]] / spread[b] ** 2
        tt = (-t.conj() if pose.mirror else t)[b]
        z0, t0 = np.average(z, weights=w), np.average(tt, weights=w)
        scale = complex(np.sum(w * (z - z0) * (tt - t0).conj()) / np.sum(w * np.abs(tt - t0) ** 2))
        pose = _Pose(scale, complex(z0 - scale * t0), pose.mirror)
        chosen = _chosen(c, pose, reach)
    return pose, chosen


def _predict(known: NDArray[np.float64], which: NDArray[np.intp], bone: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Place [2] of ``bone`` and its covariance [2, 2] given the places ``known`` [K, 2] of bones ``which``."""
    mean, cov = template().mean, template().covariance
    a = np.array([2 * bone, 2 * bone + 1])
    b = np.stack([2 * which, 2 * which + 1], 1).ravel()
    inner = cov[np.ix_(b, b)] + _NOISE * np.eye(len(b))
    gain = np.linalg.solve(inner, cov[np.ix_(b, a)]).T
    place = mean[bone] + gain @ (known - mean[which]).ravel()
    return place, cov[np.ix_(a, a)] - gain @ cov[np.ix_(b, a)]


def _is_hand(c: _Candidates, chosen: NDArray[np.intp]) -> bool:
    found = chosen[chosen >= 0]
    strong = c.confidence[found] >= MIN_CONFIDENCE
    return int(strong.sum()) >= MIN_BONES and float(c.confidence[found].mean()) >= MIN_MEAN_CONFIDENCE


def fit_hand(detections: Sequence[Detection]) -> HandFit:
    """Lay the template over detections (bone, box in film pixels, confidence), several a bone allowed."""
    c = _gather(detections)
    if len(np.unique(c.bone)) < MIN_BONES:
        return HandFit()
    pose = _search(c)
    if pose is None:
        return HandFit()
    pose, chosen = _refine(c, pose, 1.6 * _REACH)
    if not _is_hand(c, chosen):
        return HandFit()
    n_hands = 1 + _more_hands(c, pose)
    return _judge(c, pose, chosen, n_hands)


def _more_hands(c: _Candidates, pose: _Pose) -> int:
    """How many hands the detections outside the first one make."""
    t = template().mean @ np.array([1, 1j])
    here = np.abs(pose.to_template(c.z) - t[c.bone]) < 2 * _REACH
    rest = c.keep(~here)
    count = 0
    while count < 3 and len(np.unique(rest.bone)) >= MIN_BONES:
        other = _search(rest)
        if other is None:
            break
        other, chosen = _refine(rest, other, 1.3 * _REACH)
        away = abs(other.to_film(t).mean() - pose.to_film(t).mean()) / abs(pose.scale)
        alike = 0.5 < abs(other.scale) / abs(pose.scale) < 2.0
        if not _is_hand(rest, chosen) or away < 0.6 or not alike:
            break
        count += 1
        rest = rest.keep(np.abs(other.to_template(rest.z) - t[rest.bone]) >= 2 * _REACH)
    return count


def _odd(confidence: float) -> float:
    """Squared Mahalanobis distance beyond which a bone seen with ``confidence`` lies oddly."""
    return _ODD[0] + _ODD[1] * confidence + _CLEAR[1] * max(0.0, confidence - _CLEAR[0])


def _judge(c: _Candidates, pose: _Pose, chosen: NDArray[np.intp], n_hands: int) -> HandFit:
    """Check every bone against the others, drop the impossible, fill the unseen."""
    chosen = chosen.copy()
    places = np.zeros((len(BONES), 2))
    for b in np.flatnonzero(chosen >= 0):
        z = pose.to_template(c.z[chosen[b] : chosen[b] + 1])[0]
        places[b] = z.real, z.imag
    reasons = [""] * len(BONES)
    for _ in range(len(BONES)):  # the worst goes first, then the rest is looked at anew
        seen = np.flatnonzero(chosen >= 0)
        distance = np.zeros(len(BONES))
        for b in seen:
            others = seen[seen != b]
            place, cov = _predict(places[others], others, int(b))
            d = places[b] - place
            distance[b] = d @ np.linalg.solve(cov + _NOISE * np.eye(2), d)
        confidence = np.where(chosen >= 0, c.confidence[chosen], 1.0)
        worst = int(np.argmax(distance / (_FAR[0] + _FAR[1] * confidence)))
        if distance[worst] < _FAR[0] + _FAR[1] * confidence[worst] or len(seen) <= MIN_BONES:
            break
        chosen[worst] = -1
        reasons[worst] = "what was seen lies where this bone cannot be; its place is taken from the others"
    seen = np.flatnonzero(chosen >= 0)
    lengths = np.concatenate([c.length[chosen[seen]], [abs(pose.scale)]])
    length = float(np.median(lengths))
    squares, bones = [], []
    for b, bone in enumerate(BONES):
        others = seen[seen != b]
        place, _cov = _predict(places[others], others, b)
        if chosen[b] >= 0:
            z, seen_with = complex(c.z[chosen[b]]), float(c.confidence[chosen[b]])
            squares.append(float(((places[b] - place) ** 2).sum()))
            if seen_with < MIN_CONFIDENCE:
                reasons[b] = "seen only faintly"
            elif distance[b] > _odd(seen_with):
                reasons[b] = "lies oddly to the other bones"
        else:
            z, seen_with = complex(pose.to_film(np.array([place[0] + 1j * place[1]]))[0]), 0.0
            reasons[b] = reasons[b] or "not seen; its place is taken from the other bones"
        half = SIDE_SHARE[bone] * length / 2
        box = (z.real - half, z.imag - half, z.real + half, z.imag + half)
        bones.append(BoneFit(bone, box, seen_with, not reasons[b], bool(chosen[b] >= 0), reasons[b]))
    return HandFit(
        n_hands=n_hands,
        bones=tuple(bones),
        mirror=pose.mirror,
        rotation_deg=float(np.degrees(np.angle(pose.scale))),
        length=length,
        residual=float(np.sqrt(np.mean(squares))),
        missing=tuple(b.bone for b in bones if not b.found),
    )
