"""Where results go: JSON on stdout, files that are whole or not there, one line for each error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boneage_desk.common.errors import BoneAgeError, InputError, StoreError

STDOUT = "-"
FILM_SUFFIXES = frozenset((".dcm", ".dicom", ".zip", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"))


def line(value: Mapping[str, Any]) -> str:
    """One line of JSON, plain ASCII: it survives every terminal and pipe."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def emit(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout, at once."""
    print(line(value), flush=True)


def complain(error: BoneAgeError) -> None:
    """``boneage-desk: code: message remedy`` as one line on stderr."""
    text = " ".join(str(error).split())
    print(f"boneage-desk: {error.code}: {text}", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """A line on stderr that is no error."""
    print(text, file=sys.stderr, flush=True)


def check_target(out: str | None, suffix: str, films: list[str]) -> None:
    """Refuse an output file that is, or looks like, a film; say so before any work is done."""
    if out is None or out == STDOUT:
        return
    path = Path(out)
    same = any(_same_file(path, Path(film)) for film in films)
    if same or path.suffix.lower() in FILM_SUFFIXES or path.is_dir():
        raise InputError(
            f"'{out}' is {'a folder' if path.is_dir() else 'a film, not a place for results'}.",
            f"Name a {suffix} file.",
            code="bad-output",
        )
    if not path.parent.is_dir():
        raise InputError(f"The folder of '{out}' is not there.", "Make it first.", code="bad-output")


def check_folder(out: str | None, films: list[str]) -> None:
    """Refuse a folder for results that is a file, or in which nothing can be made; it need not be there yet."""
    if out is None:
        return
    path = Path(out)
    if path.suffix.lower() in FILM_SUFFIXES or (path.exists() and not path.is_dir()):
        raise InputError(f"'{out}' is a file, not a folder for results.", "Name a folder.", code="bad-output")
    if any(_same_file(path, Path(film)) for film in films):
        raise InputError(
            f"'{out}' is the folder of the films.", "Name another one: results must not lie among films.", code="bad-output"
        )


def _same_file(a: Path, b: Path) -> bool:
    try:
        return a.exists() and b.exists() and os.path.samefile(a, b)
    except OSError:
        return False


def write_json(value: Mapping[str, Any], out: str) -> None:
    """To stdout for '-', else to a file, whole or not at all."""
    if out == STDOUT:
        emit(value)
        return
    write_bytes((json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1) + "\n").encode(), Path(out))


def write_bytes(content: bytes, path: Path) -> None:
    """Write beside the target, then rename: a full disk leaves what was there."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"'{path}' could not be written ({error.strerror}).", "Check disk space and rights.", code="disk"
        ) from error
