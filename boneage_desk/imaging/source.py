"""The bytes of a film: from a file, or from a member of a zip archive. Every failure of the disk is worded here."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.failures import MAX_FILE_BYTES, refusal

MAX_DIRECTORY_BYTES = 32 << 20
"""Of a zip archive's list of members; 200,000 films with long names take this."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file's bytes with their SHA-256; ``name`` as messages show it."""

    name: str
    data: bytes
    sha256: str


def shown(path: str, member: str = "") -> str:
    """How messages call a file: its own name, with the member of the archive."""
    name = os.path.basename(os.path.normpath(path)) or path
    return f"{name}/{member}" if member else name


def load(path: str, member: str = "") -> Loaded:
    """All bytes of ``path``, or of ``member`` in the zip archive ``path``. Raises FilmError."""
    data = _member_bytes(path, member, MAX_FILE_BYTES, whole=True) if member else _file_bytes(path)
    if not data:
        raise refusal("empty-file", shown(path, member))
    return Loaded(shown(path, member), data, hashlib.sha256(data).hexdigest())


def head(path: str, size: int, member: str = "") -> bytes:
    """The first ``size`` bytes; of a zip member no more than that is unpacked."""
    if member:
        return _member_bytes(path, member, size, whole=False)
    with disk(path), open(path, "rb") as file:
        return file.read(size)


@contextmanager
def disk(path: str) -> Iterator[None]:
    """Turns what the operating system says into FilmErrors that name the file."""
    name = shown(path)
    try:
        if os.path.isdir(path):
            raise refusal("is-a-folder", name)
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for ever, a device never ends
            raise refusal("not-an-image", name, " (it is a pipe or a device)")
        yield
    except FileNotFoundError as error:
        raise refusal("file-not-found", name) from error
    except NotADirectoryError as error:
        raise refusal("file-not-found", name) from error
    except PermissionError as error:
        raise refusal("no-permission", name) from error
    except MemoryError as error:
        raise refusal("too-large", name, "not enough memory") from error
    except OSError as error:
        raise refusal("read-failed", name, error.strerror or type(error).__name__) from error
    except ValueError as error:  # a path with a NUL
        raise refusal("file-not-found", name.replace("\0", "?")) from error


def _file_bytes(path: str) -> bytes:
    with disk(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise refusal("too-large", shown(path), f"{size / 1e9:.1f} GB")
        return file.read(MAX_FILE_BYTES)


@contextmanager
def archive(path: str) -> Iterator[zipfile.ZipFile]:
    """The zip archive ``path``, open; damage inside becomes FilmErrors."""
    with disk(path), open(path, "rb") as file:
        with _zip_words(shown(path)):
            _check_directory(file, path)
            opened = zipfile.ZipFile(file)
        with opened:
            yield opened


@contextmanager
def _zip_words(name: str) -> Iterator[None]:
    """What zipfile says of damage as FilmErrors: numbers that lie also raise struct.error, ValueError and OSError EINVAL."""
    try:
        yield
    except (FilmError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk itself
        raise refusal("zip-damaged", name, str(error) or type(error).__name__) from error


def _check_directory(file: BinaryIO, path: str) -> None:
    """Refuse an archive whose list of members is too long before it is read: each takes half a kilobyte of memory."""
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    size = end[zipfile._ECD_SIZE] if end else 0  # type: ignore[attr-defined]
    if size > MAX_DIRECTORY_BYTES:
        raise refusal("too-large", shown(path), f"{size / 1e6:.0f} MB for the names of what is in it")


def check_member_name(path: str, member: str) -> None:
    """Refuse names that would leave the archive, should anyone ever unpack it under this name."""
    pure = PurePosixPath(member.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or PureWindowsPath(member).drive or "\0" in member:
        raise refusal("unsafe-path", shown(path), f"'{member}'")


def _member_bytes(path: str, member: str, limit: int, *, whole: bool) -> bytes:
    check_member_name(path, member)
    with archive(path) as opened:
        try:
            info = opened.getinfo(member)
        except KeyError as error:
            raise refusal("no-such-member", shown(path), member) from error
        return unpack(opened, info, path, limit, whole=whole)


def unpack(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, limit: int, *, whole: bool) -> bytes:
    """At most ``limit`` bytes of a member; with ``whole`` a longer member is refused.

    Where the archive states too small a size, zipfile stops there and the checksum tells.
    """
    if info.is_dir():
        raise refusal("is-a-folder", shown(path, info.filename))
    if info.flag_bits & 1:
        raise refusal("zip-encrypted", shown(path), info.filename)
    if whole and info.file_size > limit:
        raise refusal("too-large", shown(path, info.filename), f"{info.file_size / 1e9:.1f} GB unpacked")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python unpacks the others without a limit: a kilobyte of bzip2 may become twenty megabytes, and a megabyte 20 GB
        raise refusal("zip-method", shown(path), info.filename)
    with _zip_words(shown(path, info.filename)), opened.open(info) as stream:
        return stream.read(limit)
