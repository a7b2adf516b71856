"""DICOMDIR: the list of a CD. Only files inside the folder that holds it are ever followed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pydicom.multival import MultiValue

from boneage_desk.imaging.dicom_accept import DICOMDIR_CLASS
from boneage_desk.imaging.dicom_file import parse, quiet
from boneage_desk.imaging.dicom_tags import items, text, value
from boneage_desk.imaging.failures import refusal
from boneage_desk.imaging.sniff import Kind
from boneage_desk.imaging.source import load, shown
from boneage_desk.reading.ports import FilmProblem

_MAX_RECORDS = 100_000
_MAX_BYTES, _MAX_READS = 64 << 20, 6_000_000
"""Of a list of so many records."""


def is_dicomdir(first: bytes) -> bool:
    """Whether the meta group in the first bytes names the Media Storage Directory class."""
    return DICOMDIR_CLASS.encode() in first[:1024]


def images_of(path: str) -> Iterator[tuple[str, FilmProblem | None]]:
    """(path of a listed image, or of the DICOMDIR with the problem of one), in the order listed."""
    name = shown(path)
    root = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    with quiet():
        dataset = parse(load(path).data, name, Kind.DICOM, reads=_MAX_READS).dataset
        records = items(dataset, "DirectoryRecordSequence", _MAX_BYTES)[:_MAX_RECORDS]
        listed = [
            (text(record, "DirectoryRecordType").upper(), value(record, "ReferencedFileID")) for record in records
        ]
    if not records:
        raise refusal("damaged", name, "it lists no files")
    listings: dict[str, list[str]] = {}
    for kind, parts in listed:
        if kind != "IMAGE" or not parts:
            continue
        names = [str(part) for part in parts] if isinstance(parts, list | tuple | MultiValue) else [str(parts)]
        words = "/".join(names)
        if any(not part or part in (".", "..") or set(part) & set("/\\:\0") for part in names):
            yield path, _problem(path, "unsafe-path", name, f"'{words}'")
            continue
        target = _resolve(root, names, listings)
        if target is None:
            yield path, _problem(path, "file-not-found", words)
        elif os.path.commonpath([root, os.path.realpath(target)]) != root:
            yield path, _problem(path, "unsafe-path", name, f"'{words}'")
        else:
            yield target, None


def _resolve(root: str, names: list[str], listings: dict[str, list[str]]) -> str | None:
    """The file below ``root``; a disk that changed the case of names is forgiven. ``listings``: folders seen already."""
    place = root
    for name in names:
        direct = os.path.join(place, name)
        if not os.path.lexists(direct):
            if place not in listings:
                try:
                    listings[place] = sorted(os.listdir(place))
                except (OSError, ValueError):
                    return None
            same = next((other for other in listings[place] if other.lower() == name.lower()), "")
            if not same:
                return None
            direct = os.path.join(place, same)
        place = direct
    return place if os.path.isfile(place) else None


def _problem(path: str, code: str, name: str, detail: str = "") -> FilmProblem:
    return FilmProblem(path=path, code=code, message=refusal(code, name, detail).message)
