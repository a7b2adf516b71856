"""Finds films in files, folders, DICOMDIRs and zip archives, from headers only.

Inside a folder or archive, files that are plainly no films are passed over; a file that was named, or that
calls itself a film (``.dcm``, ``.png`` ...) or a DICOM image that cannot be read, yields a FilmProblem.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from boneage_desk.common.errors import FilmError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.imaging import dicom_dir
from boneage_desk.imaging.dicom_accept import check_body_part, check_knee, check_object
from boneage_desk.imaging.dicom_facts import mend_charset, patient_of, study_of
from boneage_desk.imaging.dicom_file import parse, quiet
from boneage_desk.imaging.dicom_pixels import layout_of
from boneage_desk.imaging.failures import refusal
from boneage_desk.imaging.sniff import HEAD, Kind, sniff
from boneage_desk.imaging.source import archive, check_member_name, disk, head, shown, unpack
from boneage_desk.reading.ports import FilmEntry, FilmProblem

if TYPE_CHECKING:
    from pydicom import Dataset

Found = FilmEntry | FilmProblem
Read = Callable[[int], bytes]
"""The first so many bytes of a file."""

_HEADER_STEPS = (256 << 10, 8 << 20)
"""Bytes read to see the whole header: nearly always the first is enough."""
_FILM_ENDINGS = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
_PICTURE_STEPS = (1 << 20, 256 << 20)
_MAX_FILES = 200_000
_MAX_DEPTH = 64
"""Folders in each other; Python's own walk fails some hundreds deep."""
_UNPACKED_SHARE = 20
_UNPACKED_BYTES = 1 << 30
"""An archive is looked through until so many bytes, and so many times its own size, were unpacked for it."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: str
    member: str = ""
    named: bool = False
    problem: FilmProblem | None = None


def scan(
    paths: Sequence[str], *, knee: bool = False, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> Iterator[Found]:
    """Films of hands, or (``knee``) of knees, below ``paths``, each once, in the order given and sorted within folders.
    Raises Cancelled."""
    progress(0.0, "looking for films")
    candidates: list[_Candidate] = []
    for path in paths:
        candidates.extend(_candidates(os.fspath(path), cancel))
    seen: set[tuple[str, str]] = set()
    for number, candidate in enumerate(candidates):
        _check(cancel)
        key = (os.path.realpath(candidate.path), candidate.member)
        if candidate.problem is None and key in seen:
            continue
        seen.add(key)
        yield from _look_at(candidate, knee, cancel)
        progress((number + 1) / len(candidates), shown(candidate.path, candidate.member))
    progress(1.0, "done")


def _check(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.check()


def _candidates(path: str, cancel: CancelToken | None) -> Iterator[_Candidate]:
    """The files that ``path`` stands for."""
    if os.path.isdir(path):
        for file in _files_below(path, cancel):
            yield _Candidate(file)
        return
    try:
        first = head(path, HEAD)
        kind = sniff(first)
        if kind is Kind.DICOM and dicom_dir.is_dicomdir(first):
            for target, problem in dicom_dir.images_of(path):
                yield _Candidate(target, named=True, problem=problem)
            return
    except FilmError as error:
        yield _Candidate(path, named=True, problem=_problem(path, "", error))
        return
    yield _Candidate(path, named=True)


def _files_below(folder: str, cancel: CancelToken | None) -> Iterator[str]:
    """Files in sorted order, hidden ones left out; links to folders are followed once, `_MAX_DEPTH` folders deep."""
    visited: set[tuple[int, int]] = set()
    waiting = [(folder, 0)]
    count = 0
    while waiting:
        _check(cancel)
        place, depth = waiting.pop()
        try:
            status = os.stat(place)
            mark = (status.st_dev, status.st_ino)
            if mark in visited and status.st_ino:
                continue
            visited.add(mark)
            names = sorted(name for name in os.listdir(place) if not _is_hidden(name))
        except OSError:
            continue
        folders = []
        for name in names:
            path = os.path.join(place, name)
            if os.path.isdir(path):
                folders.append((path, depth + 1))
            elif os.path.isfile(path):  # no link to nowhere, pipe or device
                count += 1
                if count > _MAX_FILES:
                    return
                yield path
        if depth < _MAX_DEPTH:
            waiting.extend(reversed(folders))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _look_at(candidate: _Candidate, knee: bool, cancel: CancelToken | None) -> Iterator[Found]:
    if candidate.problem is not None:
        yield candidate.problem
        return
    try:
        first = head(candidate.path, HEAD)
        if sniff(first) is Kind.ZIP:
            yield from _zip_members(candidate.path, knee, cancel)
            return
        found = _entry(candidate, first, knee)
    except FilmError as error:
        if candidate.named or not _is_silent(error):
            yield _problem(candidate.path, "", error)
        return
    if found is not None:
        yield found


def _is_silent(error: FilmError) -> bool:
    """Things beside the films in a folder that nobody wants to hear of: reports, links, documents, own results."""
    return error.code == "own-result" or (error.code == "no-pixels" and " it is " in error.message)


def _zip_members(path: str, knee: bool, cancel: CancelToken | None) -> Iterator[Found]:
    try:
        with archive(path) as opened:
            members = sorted(opened.infolist(), key=lambda info: info.filename)[:_MAX_FILES]
            with disk(path):
                size = os.path.getsize(path)
            budget = _Budget(_UNPACKED_BYTES + _UNPACKED_SHARE * size)
            for info in members:
                _check(cancel)
                if budget.left <= 0:
                    raise refusal("too-large", shown(path), "more than a gigabyte was unpacked and not all was looked at")
                if info.is_dir() or any(_is_hidden(part) for part in info.filename.replace("\\", "/").split("/") if part != ".."):
                    continue
                found = _member(opened, info, path, knee, budget)
                if found is not None:
                    yield found
    except FilmError as error:
        yield _problem(path, "", error)


@dataclass(slots=True)
class _Budget:
    """Bytes that may still be unpacked of an archive: each member is bounded, but there may be very many."""

    left: int

    def spent(self, data: bytes) -> bytes:
        self.left -= len(data)
        return data


def _member(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, knee: bool, budget: _Budget) -> Found | None:
    """One member of an archive; never more of it is unpacked than a header needs."""
    member = info.filename
    try:
        check_member_name(path, member)
        try:

            def read(size: int) -> bytes:
                return budget.spent(unpack(opened, info, path, size, whole=False))

            return _entry(_Candidate(path, member), read(HEAD), knee, read)
        except OSError as error:
            raise refusal("zip-damaged", shown(path, member), str(error) or type(error).__name__) from error
    except FilmError as error:
        return None if _is_silent(error) else _problem(path, member, error)


def _problem(path: str, member: str, error: FilmError) -> FilmProblem:
    return FilmProblem(path=path, code=error.code, message=error.message, member=member)


def _entry(candidate: _Candidate, first: bytes, knee: bool, read: Read | None = None) -> FilmEntry | None:
    """The list entry of one file; None for what is passed over. Raises FilmError."""
    path, member = candidate.path, candidate.member
    name = shown(path, member)
    kind = sniff(first)
    if not (kind.is_dicom or kind.is_raster):
        calls_itself_film = (member or path).lower().endswith(_FILM_ENDINGS)
        if not candidate.named and not calls_itself_film:
            return None
        if not first:
            raise refusal("empty-file", name)
        raise refusal("not-an-image", name, f" (it is a {kind} file)" if kind is not Kind.OTHER else "")
    if read is None:
        read = partial(head, path)
    if kind.is_dicom:
        if dicom_dir.is_dicomdir(first):
            return None
        return _dicom_entry(path, member, name, kind, read, check_knee if knee else check_body_part)
    return _raster_entry(path, member, name, kind, read)


def _dicom_entry(
    path: str, member: str, name: str, kind: Kind, read: Read, check_part: Callable[[Dataset, str], object]
) -> FilmEntry:
    for size in _HEADER_STEPS:
        data = read(size)
        complete = len(data) < size
        try:
            with quiet():
                parsed = parse(data, name, kind, header_only=True, part=not complete)
                ds = parsed.dataset
                if parsed.cut_short and complete:
                    raise refusal("truncated", name, "it ends in the middle of its header")
                if parsed.cut_short and "Rows" not in ds:
                    continue
                check_object(ds, name)
                check_part(ds, name)
                layout = layout_of(ds, name)
                mend_charset(ds, [])
                patient, study = patient_of(ds, []), study_of(ds, 0, [])
        except FilmError as error:
            if error.code in ("truncated", "damaged") and not complete and size != _HEADER_STEPS[-1]:
                continue
            raise
        return FilmEntry(
            path=path,
            member=member,
            frame_count=layout.frames,
            patient_id=patient.patient_id,
            patient_name=patient.display_name,
            study_uid=study.study_uid,
            study_date=study.study_date.isoformat() if study.study_date else "",
            description=study.description,
        )
    raise refusal("damaged", name, "its header does not end")


def _raster_entry(path: str, member: str, name: str, kind: Kind, read: Read) -> FilmEntry:
    from boneage_desk.imaging.hush import collected_warnings
    from boneage_desk.imaging.raster import open_image, pages_of

    with collected_warnings():
        if member or kind is Kind.WEBP:
            frames = _frames_in(read, name, kind)
        else:
            with disk(path), open(path, "rb") as stream:
                frames = len(pages_of(open_image(stream, name, kind), name))
    return FilmEntry(path=path, member=member, frame_count=frames)


def _frames_in(read: Read, name: str, kind: Kind) -> int:
    """Pages of a picture that can only be read from its start: of a PNG or JPEG the first bytes tell them."""
    from boneage_desk.imaging.raster import open_image, pages_of

    if kind in (Kind.PNG, Kind.JPEG):
        try:
            return len(pages_of(open_image(read(_PICTURE_STEPS[0]), name, kind), name))
        except FilmError as error:
            if error.code != "truncated":
                raise
    data = read(_PICTURE_STEPS[1])  # the directory of pages may stand at the end of the file
    return len(pages_of(open_image(data, name, kind), name))
