"""Learn the hand template of `engines.networks.consistency` from the training films' points:
``python -m boneage_desk.training.hand_template --data D --out hand_template.json``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from boneage_desk.training.dataset import BONES, IN21, align, is_validation, plausible, read_points, shape_model


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    films = read_points(a.data)
    mean21, cov21 = shape_model(films)
    mean = mean21[IN21] - mean21[IN21].mean(0)
    good = [f for k, f in films.items() if not is_validation(k) and plausible(f, mean21, cov21, 0.35)]
    shapes = np.stack([align(f.pixels()[IN21] / f.hand_length(), mean)[0] for f in good])
    mean = shapes.mean(0)
    d = (shapes - mean).reshape(len(shapes), -1)
    cov = d.T @ d / len(d) + 1e-5 * np.eye(d.shape[1])
    facts = {
        "what": "mean places of 13 epiphyses in units of mc3-dp3 (x right, y down, fingers up, thumb right) "
        "and their covariance (x0 y0 x1 y1 ...)",
        "films": len(good),
        "bones": list(BONES),
        "mean": mean.round(5).tolist(),
        "covariance": cov.round(7).tolist(),
    }
    a.out.write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
