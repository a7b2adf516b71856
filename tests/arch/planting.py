"""A temporary copy of the package in which a test plants violations."""

from __future__ import annotations

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = "boneage_desk"

MODULES = ("__main__", "wiring")
# From the top down, as docs/architecture.md has it. Written here again on purpose: the contracts in
# pyproject.toml are what is tested.
LAYERS = (
    ("__main__",),
    ("wiring",),
    ("ui", "cli", "training"),
    ("engines", "archive", "pacs", "reports"),
    ("imaging",),
    ("reading",),
    ("standards",),
    ("common",),
)
ALL = tuple(name for layer in LAYERS for name in layer)


class Copy:
    """The package, copied; layers that are still missing are there as empty packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / PACKAGE
        shutil.copytree(
            REPOSITORY / PACKAGE, self.package, ignore=lambda _, names: [n for n in names if n == "__pycache__"]
        )
        shutil.copy(REPOSITORY / "pyproject.toml", folder)
        for name in ALL:
            if name in MODULES:
                (self.package / f"{name}.py").touch()
            else:
                (self.package / name).mkdir(exist_ok=True)
                (self.package / name / "__init__.py").touch()

    def plant(self, where: str, source: str, file: str = "planted") -> str:
        """Put ``source`` into the layer ``where``; returns the dotted name of the module that holds it."""
        if where in MODULES:
            path = self.package / f"{where}.py"
            name = f"{PACKAGE}.{where}"
        else:
            path = self.package / where / f"{file}.py"
            name = ".".join([PACKAGE, *Path(where).parts, file])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"\n{source}\n")
        return name
