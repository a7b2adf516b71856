"""The partial results of an evaluation: JSON lines, a first line that says what is measured, then one a film.

A kill costs at most the line in hand. Another model, table or set of films is never mixed in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boneage_desk.common.errors import InputError, StoreError


class FilmRows:
    """The open file. ``rows``: by the film's path, in the order read.

    ``identity``: what must be the same for the rows to belong together. ``retry``: rows with a ``reason`` are read anew.
    Raises InputError 'bad-output' for a file that is none of this kind or of another identity, StoreError.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, retry: bool = False) -> None:
        self._path = path
        self.rows: dict[str, dict[str, Any]] = {}
        self._identity = json.loads(json.dumps(identity))
        content = self._read()
        whole = content[: content.rfind(b"\n") + 1]  # a last line without its end was cut off by a kill
        if whole:
            self._load(whole)
        if retry:
            self.rows = {path_: row for path_, row in self.rows.items() if not row["reason"]}
        kept = b"".join(self._line(value) for value in ({"evaluation": self._identity}, *self.rows.values()))
        try:
            if kept != content:
                part = path.with_name(f".{path.name}.{os.getpid()}.part")
                part.write_bytes(kept)
                os.replace(part, path)
            self._file = open(path, "ab")
        except OSError as error:
            raise self._trouble(error) from error

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise self._trouble(error) from error

    def _load(self, whole: bytes) -> None:
        try:
            first, *rest = [json.loads(line) for line in whole.splitlines()]
            found = first["evaluation"]
            for row in rest:
                self.rows[str(row["path"])] = row
                row["reason"], row["months"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"'{self._path}' is in the way: it holds no films of an evaluation.", "Name another file with --json.",
                code="bad-output",
            ) from error  # fmt: skip
        differ = sorted(k for k in {*found, *self._identity} if found.get(k) != self._identity.get(k))
        if differ:
            raise InputError(
                f"'{self._path}' holds films of another evaluation: {', '.join(differ)} differ.",
                "Name another file with --json, or delete this one to begin anew.",
                code="bad-output",
            )

    def add(self, row: Mapping[str, Any]) -> None:
        """One film, on disk when this returns."""
        try:
            self._file.write(self._line(row))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._trouble(error) from error
        self.rows[str(row["path"])] = dict(row)

    def close(self) -> None:
        """Close the file; its rows stay."""
        try:
            self._file.close()
        except OSError as error:
            raise self._trouble(error) from error

    @staticmethod
    def _line(value: Mapping[str, Any]) -> bytes:
        return (json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")

    def _trouble(self, error: OSError) -> StoreError:
        return StoreError(
            f"'{self._path}' could not be written ({error.strerror}).",
            "Check disk space and rights, then run the same command again: it goes on where it stopped.",
            code="disk",
        )
