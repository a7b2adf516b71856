"""Owner-only rights: patients' data is for the account that made it.

POSIX: files 0600, folders 0700. On Windows there are no such bits: there the access list of the user's profile, which
other accounts (administrators apart) cannot read, is what protects; a folder elsewhere has the rights of its parent.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
from pathlib import Path

OTHERS = 0o077
OURS = (
    "boneage.sqlite3*", "boneage.*.sqlite3*", ".boneage.sqlite3.*", "settings.json", "settings.tmp", "boneage-desk.log*",
    "engine", "signing", ".doctor-*", "window.ini*", "work-list.json*", "impressions.json", "reports", "pasted", "boneage-bench-*",
    "report-*", "sign-*", "read-*",
)  # fmt: skip
"""What the program puts into its data folder."""
PASSING = ("report-", "sign-", "read-")
"""Beginnings of the names of folders in which a report is made; they go with it unless the program is killed."""
PASSED_S = 3600.0
"""So old they are left over."""


def enforced() -> bool:
    """Whether rights are bits that this program can set."""
    return os.name == "posix"


def by_default() -> None:
    """From now on this process and its children make files and folders for their owner alone."""
    if enforced():
        os.umask(OTHERS)


def wide(path: Path) -> bool:
    """Whether accounts other than the owner have any right on ``path``; False where that cannot be seen."""
    if not enforced():
        return False
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return not stat.S_ISLNK(status.st_mode) and bool(status.st_mode & OTHERS)


def tighten(path: Path) -> bool:
    """Take all rights of others away; False where they are still there (the file is another account's)."""
    if not wide(path):
        return True
    try:
        path.chmod(stat.S_IMODE(os.lstat(path).st_mode) & ~OTHERS)
    except OSError:
        return False
    return not wide(path)


def ours(name: str) -> bool:
    """Whether an entry of the data folder is the program's."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in OURS)


def tighten_data(folder: Path) -> None:
    """The program's own files in the data folder, and the folder itself where it holds nothing else.

    A folder with other things in it is somebody's (a home, a share): it stays as it is, and ``doctor`` tells.
    """
    if not enforced():
        return
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if ours(name):
            tighten(folder / name)
    if all(ours(name) for name in names):
        tighten(folder)
    signing = folder / "signing"
    if signing.is_dir():
        for entry in signing.iterdir():
            tighten(entry)


def sweep(folder: Path, now_s: float) -> int:
    """Take away folders that a killed program left behind with a report in clear; how many. ``now_s``: seconds since the epoch."""
    swept = 0
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name.startswith(PASSING)]
    except OSError:
        return 0
    for entry in found:
        try:
            if entry.is_dir(follow_symlinks=False) and now_s - entry.stat(follow_symlinks=False).st_mtime > PASSED_S:
                shutil.rmtree(entry.path)
                swept += 1
        except OSError:
            continue  # another program's, or gone meanwhile
    return swept


def wide_data(folder: Path) -> list[Path]:
    """The folder and the program's files in it on which others have rights."""
    found = [folder] if wide(folder) else []
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return found
    return found + [entry for entry in entries if ours(entry.name) and wide(entry)]


def write_bytes(path: Path, content: bytes) -> None:
    """A new file for the owner alone, from its first byte on; one that is there is written over. Raises OSError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
        if enforced():
            os.fchmod(file.fileno(), 0o600)
        file.write(content)
