"""The JSONL file of ``batch``: what is in it, and lines added so that a kill costs at most the last."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from boneage_desk.cli import output
from boneage_desk.common.errors import InputError, StoreError


class Results:
    """An open results file. ``done``: keys of films that have a line; ``failed``: those with an error.

    A last line without its end (the program was killed while writing) is cut off.
    ``retry``: lines with an error are dropped, so that those films are read again.
    """

    def __init__(self, path: Path, *, retry: bool = False) -> None:
        self._path = path
        self.done: set[str] = set()
        self.failed: set[str] = set()
        kept, changed = self._load(retry)
        if changed:
            output.write_bytes(kept, path)
        try:
            self._file: BinaryIO = open(path, "ab")
        except OSError as error:
            raise self._trouble(error) from error

    def _load(self, retry: bool) -> tuple[bytes, bool]:
        try:
            content = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise self._trouble(error) from error
        whole = content[: content.rfind(b"\n") + 1]
        kept = []
        for number, line in enumerate(whole.splitlines(keepends=True), 1):
            if not line.strip():
                continue
            key, is_error = self._key(number, line)
            if is_error and retry:
                continue
            self.done.add(key)
            if is_error:
                self.failed.add(key)
            kept.append(line)
        result = b"".join(kept)
        return result, result != content

    def _key(self, number: int, line: bytes) -> tuple[str, bool]:
        try:
            value = json.loads(line)
            return str(value["input"]["path"]), "error" in value
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"'{self._path}' is not a results file: line {number} is no reading.",
                "Name another file with --out; nothing was changed.",
                code="bad-output",
            ) from None

    def add(self, value: Mapping[str, Any]) -> None:
        """One line, on disk when this returns."""
        key = value["input"]["path"]
        try:
            self._file.write((output.line(value) + "\n").encode("ascii"))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._trouble(error) from error
        self.done.add(key)
        if "error" in value:
            self.failed.add(key)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> StoreError:
        return StoreError(
            f"'{self._path}' could not be written ({error.strerror}).",
            "Check disk space and rights, then run the same command again: it goes on where it stopped.",
            code="disk",
        )
