"""The site's templates for the impression: read from the data folder each time, so that an edit counts at once."""

from __future__ import annotations

import json
from pathlib import Path

from boneage_desk.common.errors import InputError
from boneage_desk.common.files import SETTINGS_BYTES, parse_json, small_text
from boneage_desk.reading.impression import DEFAULTS, FILE_NAME, Template, parse
from boneage_desk.ui.presenters.reporting import put


def templates(folder: Path) -> tuple[Template, ...]:
    """Those of the station's file, else the program's own. Quick. Raises InputError for a file that cannot be used."""
    path = folder / FILE_NAME
    if not path.exists():
        return parse(DEFAULTS)
    try:
        raw = parse_json(small_text(path, SETTINGS_BYTES))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The templates of the impression cannot be read ({error}).", f"Mend or delete {path}.", code="templates"
        ) from error
    return parse(raw)


def own_file(folder: Path) -> Path:
    """The station's file, made from the program's own templates where there is none. Raises OSError."""
    path = folder / FILE_NAME
    if not path.exists():
        put(path, (json.dumps(DEFAULTS, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))
    return path
