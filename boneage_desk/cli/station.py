"""What the commands of the station share."""

from __future__ import annotations

import os
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.ports import Services
from boneage_desk.reading.station import StationKeeper


def keeper(services: Services) -> StationKeeper:
    """The station's events and backups."""
    if services.station is None:
        raise BoneAgeError("This program was put together without a store.", "Install BoneAge Desk again.", code="installation")
    return services.station()


def private_bytes(content: bytes, path: Path) -> None:
    """As `output.write_bytes`, for the owner's eyes only."""
    output.write_bytes(content, path)
    if os.name == "posix":
        path.chmod(0o600)
