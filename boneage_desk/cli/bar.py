"""A bar of progress over films, on stderr: shared by batch and evaluate."""

from __future__ import annotations

import sys
import time

WIDE = 30
EVERY_S = 10.0
"""Seconds between two lines where they do not overwrite each other."""


class Bar:
    """A bar that is written over on a terminal, else a line every ten seconds; nothing when ``quiet``."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._began = self._shown = time.monotonic()
        self._first: int | None = None
        self._tty = sys.stderr.isatty()

    def show(self, done: int, of: int, name: str) -> None:
        """``done`` of ``of`` films are behind; ``name`` is in work."""
        if self._quiet:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = done
        elif not self._tty and now - self._shown < EVERY_S:
            return
        self._shown = now
        left = ""
        if done > self._first:
            seconds = (now - self._began) / (done - self._first) * (of - done)
            left = f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"
        filled = round(WIDE * done / of)
        bar = "#" * filled + "." * (WIDE - filled)
        text = f"[{bar}] {done}/{of}{left}  {name[-40:]}"
        print(f"\r\x1b[K{text}" if self._tty else text, end="" if self._tty else "\n", file=sys.stderr, flush=True)

    def end(self, of: int) -> None:
        """All ``of`` films are done."""
        if self._tty and not self._quiet:
            print(f"\r\x1b[K[{'#' * WIDE}] {of}/{of}", file=sys.stderr, flush=True)
