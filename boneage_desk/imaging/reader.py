"""Opens and finds films (protocol FilmReader). Nothing heavy is imported before the first film is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.imaging.failures import refusal
from boneage_desk.imaging.sniff import HEAD, Kind, sniff
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import FilmEntry, FilmProblem, FilmReader


class FilmFiles(FilmReader):
    """Films in files, folders, DICOMDIRs and zip archives. Holds nothing that changes: safe in several threads.

    ``knee``: takes films of a knee and refuses those whose header says another part, as it else does for hands.
    """

    def __init__(self, *, knee: bool = False) -> None:
        self._knee = knee

    def open(self, path: str, *, frame: int | None = None, member: str = "") -> Film:
        """The film at ``path`` (``member`` of it when it is a zip). Raises FilmError.

        A file with several frames needs ``frame``, counted from 1.
        """
        from boneage_desk.imaging.source import load, shown

        loaded = load(path, member)
        kind = sniff(loaded.data[:HEAD])
        try:
            if kind.is_dicom:
                from boneage_desk.imaging.dicom_film import read_dicom

                return read_dicom(loaded, path, member, kind, frame, knee=self._knee)
            if kind.is_raster:
                from boneage_desk.imaging.raster import read_raster

                return read_raster(loaded, path, member, kind, frame)
        except MemoryError as error:
            raise refusal("too-large", loaded.name, "not enough memory") from error
        if kind is Kind.ZIP and not member:
            raise refusal("choose-member", shown(path))
        raise refusal("not-an-image", loaded.name, f" (it is a {kind} file)" if kind is not Kind.OTHER else "")

    def scan(
        self, paths: Sequence[str], *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> Iterator[FilmEntry | FilmProblem]:
        """Films below ``paths`` in a stable order, from headers only. Raises Cancelled."""
        from boneage_desk.imaging.scan import scan

        return scan(paths, knee=self._knee, progress=progress, cancel=cancel)


def warm_up() -> None:
    """Import the DICOM library and its decoders now, so that the first film opens as fast as the next.

    Takes some tenths of a second; call it in a background thread after the window has painted.
    """
    from boneage_desk.imaging.hush import collected_warnings

    with collected_warnings():
        from boneage_desk.imaging import dicom_film, raster, scan  # noqa: F401
        from boneage_desk.imaging.dicom_pixels import load_decoders

        load_decoders()
