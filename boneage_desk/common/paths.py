"""Where the program's own files and the user's data lie."""

from __future__ import annotations

import os
from pathlib import Path

from boneage_desk.common.errors import BoneAgeError

APP_NAME = "BoneAgeDesk"
DATA_ENV = "BONEAGE_DESK_DATA"
MODELS_ENV = "BONEAGE_DESK_MODELS"


def data_dir(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the store, settings and logs; made with owner-only rights if missing.

    ``given`` wins over the environment variable ``BONEAGE_DESK_DATA``, which wins over the
    operating system's place for application data (appdirs).
    """
    if given:
        folder = Path(given)
    elif os.environ.get(DATA_ENV):
        folder = Path(os.environ[DATA_ENV])
    else:
        import appdirs

        folder = Path(appdirs.user_data_dir(APP_NAME, appauthor=False))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def packaged_dir(name: str) -> Path:
    """Folder ``models`` or ``resources``: at the top of a checkout, or inside the installed package."""
    if name not in ("models", "resources"):
        raise ValueError(f"unknown packaged folder {name!r}")
    if name == "models" and os.environ.get(MODELS_ENV):
        return Path(os.environ[MODELS_ENV])
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise BoneAgeError(
        f"The program's folder '{name}' is missing.", "Install BoneAge Desk again.", code="installation"
    )
