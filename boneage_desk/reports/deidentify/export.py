"""Films into a folder without their patients: fulfils :class:`boneage_desk.reading.exports.FilmExporter`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boneage_desk import __version__
from boneage_desk.common import private
from boneage_desk.common.errors import Cancelled, FilmError, InputError, StoreError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.reading.assessment import AuditEvent, Reading
from boneage_desk.reading.exports import DeidentifyOptions, Exported, ExportedFilm, LeftOut, TrainingExported
from boneage_desk.reading.ports import FilmProblem
from boneage_desk.reports.deidentify.names import Names, read_key, write_key

if TYPE_CHECKING:
    from boneage_desk.reading.film import Film

MANIFEST = "manifest.json"
FORMAT = "boneage-desk de-identified export 1"
IDENTITY_NOTE = (
    "Names, numbers and dates in the headers were removed as DICOM PS3.15 says. The pictures were not changed: what is "
    "burned into them is still there. Look at every film before it is given away."
)


@dataclass(frozen=True, slots=True)
class Written:
    """One film as it lies in the export. ``uids``: the new ones of study, series and object; '' of a raster film."""

    film: ExportedFilm
    uids: tuple[str, str, str]
    rows: int
    columns: int


class FilmExports:
    """Safe to call from any thread; holds nothing that changes."""

    def deidentified(
        self, paths: Sequence[str], out: Path, options: DeidentifyOptions, *, at: datetime, key: Path | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> Exported:  # fmt: skip
        """See `FilmExporter.deidentified`."""
        from boneage_desk.imaging.scan import scan

        names = names_of(key, out)
        written: list[Written] = []
        left: list[LeftOut] = []
        seen: set[str] = set()
        with new_folder(out) as part:
            found = list(scan(list(paths), progress=lambda share, words: progress(share * 0.1, words), cancel=cancel))
            for number, entry in enumerate(found):
                _check(cancel)
                progress(0.1 + 0.9 * number / len(found), f"film {number + 1} of {len(found)}")
                if isinstance(entry, FilmProblem):
                    left.append(LeftOut(_source(entry.path, entry.member), entry.code, entry.message))
                    continue
                try:
                    made = write_film(entry.path, entry.member, part, names, options, seen)
                except FilmError as error:
                    left.append(LeftOut(_source(entry.path, entry.member), error.code, error.message))
                    continue
                written.append(made)
            if not written:
                raise InputError(
                    f"There is no film to export ({_counts(left)}).", "Name films, or folders with films.", code="nothing-exported"
                )
            write_manifest(part, FORMAT, at, options, written, left, {})
            finish_key(key, names)
        progress(1.0, "done")
        return Exported(out, tuple(one.film for one in written), tuple(left), out / MANIFEST)

    def training(
        self, readings: Iterable[Reading], events: Iterable[AuditEvent], out: Path, *, at: datetime, key: Path | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> TrainingExported:  # fmt: skip
        """See `FilmExporter.training`."""
        from boneage_desk.reports.deidentify.training_set import write_training_set

        return write_training_set(readings, events, out, at=at, key=key, progress=progress, cancel=cancel)


# ------------------------------------------------------------------------------------------- one film
def write_film(
    path: str, member: str, part: Path, names: Names, options: DeidentifyOptions, seen: set[str], *, sexless: bool = False
) -> Written:
    """One file of ``path`` into a folder of its subject below ``part``. ``seen``: SHA-256 of the files before it.

    Raises FilmError: as opening does, 'twice', 'still-identified'.
    """
    from boneage_desk.imaging.sniff import HEAD, sniff
    from boneage_desk.imaging.source import load

    loaded = load(path, member)
    if loaded.sha256 in seen:
        raise FilmError(f"'{loaded.name}' is the same file as one before it.", code="twice")
    seen.add(loaded.sha256)
    kind = sniff(loaded.data[:HEAD])
    if kind.is_dicom:
        data, subject, uids, shape, warnings = _dicom(loaded, kind, names, options, sexless)
        ending = "dcm"
    else:
        data, subject, uids, shape, warnings = _raster(path, member, loaded.sha256, names)
        ending = "png"
    return place(part, names, data, ending, subject, uids, shape, warnings, _source(path, member), loaded.sha256)


def place(
    part: Path, names: Names, data: bytes, ending: str, subject: str, uids: tuple[str, str, str], shape: tuple[int, int],
    warnings: list[tuple[str, str]], source: str, sha256: str,
) -> Written:  # fmt: skip
    """The bytes under the next free number in the subject's folder."""
    folder = part / subject
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{subject}/{len(os.listdir(folder)) + 1:03d}.{ending}"
        private.write_bytes(part / name, data)
    except OSError as error:
        raise disk(part, error) from error
    film = ExportedFilm(name, source, subject, hashlib.sha256(data).hexdigest(), tuple(warnings))
    names.films[film.sha256] = {"file": name, "source": source, "source_sha256": sha256}
    return Written(film, uids, *shape)


_Made = tuple[bytes, str, tuple[str, str, str], tuple[int, int], list[tuple[str, str]]]


def _dicom(loaded: Any, kind: Any, names: Names, options: DeidentifyOptions, sexless: bool) -> _Made:
    from boneage_desk.imaging.dicom_facts import mend_charset, patient_of, study_of
    from boneage_desk.imaging.dicom_file import parse, quiet
    from boneage_desk.reports.deidentify.dataset import cleaned, identity_of, leftovers
    from boneage_desk.reports.deidentify.pixels import burned_in, copy_pixels

    with quiet():
        parsed = parse(loaded.data, loaded.name, kind)
        ds = parsed.dataset
        mend_charset(ds, [])
        patient, study = patient_of(ds, []), study_of(ds, 0, [])
        who = identity_of(ds, loaded.sha256, patient.birth_date, study.study_date)
        made = cleaned(ds, who, names, options)
        if sexless:  # the table beside the films holds the sex that counts
            made.PatientSex = ""
        picture = copy_pixels(parsed, made, loaded.name)
        named = leftovers(made, who)
        if named:
            raise FilmError(
                f"'{loaded.name}' would still name its patient ({', '.join(named)}).", "It was left out.", code="still-identified"
            )
        warnings = burned_in(ds, picture)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            if not made.get(keyword):  # the file lacks it: one that is as good as random
                setattr(made, keyword, names.uid(f"{keyword} {loaded.sha256}"))
        data = _file(made)
        uids = (str(made.StudyInstanceUID), str(made.SeriesInstanceUID), str(made.SOPInstanceUID))
        subject, shape = str(made.PatientID), (int(made.Rows), int(made.Columns))
    return data, subject, uids, shape, warnings


def _file(made: Any) -> bytes:
    """DICOM part 10, explicit VR little endian; preamble and file meta are this program's own, nothing of the old file's."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    from boneage_desk.reports.dicom_results.uids import made as made_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(str(made.get("SOPClassUID") or "1.2.840.10008.5.1.4.1.1.7"))
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(made_uid("device", "BoneAge Desk"))
    meta.ImplementationVersionName = f"BONEAGE_{__version__}"[:16]
    made.file_meta = meta
    made.preamble = bytes(128)
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _raster(path: str, member: str, sha256: str, names: Names) -> _Made:
    from boneage_desk.imaging.reader import FilmFiles

    film = FilmFiles().open(path, member=member, frame=1)
    data, warnings = picture_of(film)
    if film.source.frame_count > 1:
        warnings.append(("first-page", f"Only the first of {film.source.frame_count} pages was exported."))
    return data, names.subject(f"film {sha256}"), ("", "", ""), (film.frame.height, film.frame.width), warnings


def picture_of(film: Film) -> tuple[bytes, list[tuple[str, str]]]:
    """A frame as PNG, grey, bright is bone, with nothing but pixels in it; and its warnings."""
    from PIL import Image

    from boneage_desk.reports.deidentify.pixels import text_marks

    buffer = io.BytesIO()
    Image.fromarray(film.frame.pixels).save(buffer, "PNG")
    unknown = ("burned-in-unknown", "A picture file does not say whether text is burned into it.")
    return buffer.getvalue(), [unknown, *text_marks(film.frame.pixels)]


# ---------------------------------------------------------------------------------- folder, key, manifest
@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes ``out`` when all went well and is gone otherwise.

    Raises InputError 'bad-output' where ``out`` is there and not empty, StoreError 'disk'.
    """
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"'{out}' is there and not empty.", "Name a new folder.", code="bad-output")
        if not out.parent.is_dir():
            raise InputError(f"There is no folder for '{out}'.", "Make it first.", code="bad-output")
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
    except OSError as error:
        raise disk(out, error) from error
    try:
        yield part
        try:
            if out.exists():
                out.rmdir()
            os.replace(part, out)
        except OSError as error:
            raise disk(out, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def names_of(key: Path | None, out: Path) -> Names:
    """Fresh names, or those of a key file that is there. Raises InputError 'key-file', also for one inside ``out``."""
    if key is None:
        return Names()
    if out.resolve() in (key.resolve(), *key.resolve().parents):
        raise InputError(
            f"The key '{key}' would lie in the export itself.", "Keep it apart: whoever has it can name the patients.", code="key-file"
        )
    if not key.parent.is_dir():
        raise InputError(f"There is no folder for '{key}'.", "Make it first.", code="key-file")
    return read_key(key) if key.exists() else Names()


def finish_key(key: Path | None, names: Names) -> None:
    """Keep the names where that was asked for."""
    if key is not None:
        write_key(key, names)


def write_manifest(
    part: Path, kind: str, at: datetime, options: DeidentifyOptions, written: Sequence[Written], left: Sequence[LeftOut],
    more: dict[str, Any],
) -> None:  # fmt: skip
    """What was exported and how; no old name, number, date or path. Films that were left out are counted by reason."""
    from boneage_desk.reports.deidentify import profile

    reasons: dict[str, int] = {}
    for one in left:
        reasons[one.code] = reasons.get(one.code, 0) + 1
    content = {
        "format": kind,
        "software": f"BoneAge Desk {__version__}",
        "exported_at": at.isoformat(timespec="seconds"),
        "profile": f"DICOM PS3.15 {profile.EDITION}, Basic Application Level Confidentiality Profile",
        "options": {
            "keep_sex_age": options.keep_sex_age, "clean_descriptions": options.clean_descriptions, "dates": options.dates,
        },
        "pixels": "not cleaned",
        "note": IDENTITY_NOTE,
        **more,
        "films": [
            {
                "file": one.film.path, "subject": one.film.subject, "sha256": one.film.sha256,
                "study_uid": one.uids[0] or None, "series_uid": one.uids[1] or None, "sop_uid": one.uids[2] or None,
                "rows": one.rows, "columns": one.columns,
                "warnings": [{"code": code, "message": words} for code, words in one.film.warnings],
            }
            for one in written
        ],
        "left_out": reasons,
    }  # fmt: skip
    write(part / MANIFEST, (json.dumps(content, ensure_ascii=True, indent=1) + "\n").encode())


def write(path: Path, data: bytes) -> None:
    """Raises StoreError 'disk'."""
    try:
        private.write_bytes(path, data)
    except OSError as error:
        raise disk(path, error) from error


def disk(path: Path, error: OSError) -> StoreError:
    return StoreError(f"'{path}' could not be written ({error.strerror}).", "Check disk space and rights.", code="disk")


def _source(path: str, member: str) -> str:
    return f"{path}/{member}" if member else path


def _counts(left: Sequence[LeftOut]) -> str:
    return f"{len(left)} could not be used, the first: {left[0].message}" if left else "none was found"


def _check(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.cancelled:
        raise Cancelled("The export was stopped.", "Nothing was written.")
