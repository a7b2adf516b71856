"""Logging to a rotating file in the data folder; no patient data is ever logged."""

from __future__ import annotations

import logging
import logging.handlers
from io import TextIOWrapper
from pathlib import Path

from boneage_desk.common import private

LOGGER_NAME = "boneage_desk"


class _OwnersFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner may read."""

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        private.tighten(Path(self.baseFilename))
        return stream


def configure(folder: Path, *, verbose: bool = False) -> logging.Logger:
    """Send the program's log to ``folder/boneage-desk.log`` (3 files of 1 MB). Idempotent."""
    logger = logging.getLogger(LOGGER_NAME)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    target = folder / "boneage-desk.log"
    for handler in list(logger.handlers):
        if isinstance(handler, logging.handlers.RotatingFileHandler):
            if Path(handler.baseFilename) == target.resolve():
                return logger
            logger.removeHandler(handler)
            handler.close()
    handler = _OwnersFile(
        target, maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    return logger
