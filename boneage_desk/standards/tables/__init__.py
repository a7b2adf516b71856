"""Checked loading of the packaged JSON tables."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import Any

from boneage_desk.common.errors import StandardError


def load_table(file_name: str, sha256: str) -> dict[str, Any]:
    """The table ``file_name`` as parsed JSON; raises StandardError if missing or altered."""
    try:
        raw = (resources.files(__package__) / file_name).read_bytes()
    except OSError as error:
        raise StandardError(
            f"The table {file_name} is missing.", "Install BoneAge Desk again.", code="table-missing"
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise StandardError(
            f"The table {file_name} was altered (SHA-256 {found[:12]}, expected {sha256[:12]}).",
            "Install BoneAge Desk again; no bone age is computed from an altered table.",
            code="table-altered",
        )
    table = json.loads(raw)
    if not isinstance(table, dict):
        raise StandardError(f"The table {file_name} is not a JSON object.", code="table-altered")
    return table
