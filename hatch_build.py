"""Build hook: models/ and resources/ stay at the top of the tree and travel inside the wheel.

They go to boneage_desk/_data/, where boneage_desk.common.paths.packaged_dir looks first. An editable
install needs no copy: there, the same function finds the folders at the top of the tree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("models", "resources")
# What training leaves beside the models that are kept (.gitignore has them too)
LEFT_OUT = {".pt", ".pth", ".ckpt", ".pyc"}


class CarryData(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for name in CARRIED:
            folder = Path(self.root, name)
            if not folder.is_dir():
                raise FileNotFoundError(f"{folder} is missing: a wheel without {name}/ cannot read a film")
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.suffix not in LEFT_OUT:
                    inside = path.relative_to(folder).as_posix()
                    build_data["force_include"][str(path)] = f"boneage_desk/_data/{name}/{inside}"
