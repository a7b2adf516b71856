"""What the window imports before the first film costs no decoder."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("boneage_desk.imaging.voi", ["pydicom"]),
        ("boneage_desk.imaging.crops", ["pydicom"]),
        ("boneage_desk.imaging", ["pydicom", "numpy", "PIL"]),
        ("boneage_desk.imaging.reader", ["pydicom", "numpy", "PIL"]),
    ],
)
def test_imports_stay_light(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
