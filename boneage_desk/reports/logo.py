"""The site's logo from a PNG or JPEG file. One that cannot be used is told and left out; it never stops a report."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

MOST_BYTES = 8_000_000
MOST_PIXELS = 40_000_000
PRINTED = 900
"""Pixels of the longer side to which a larger logo is reduced: 40 points high on paper need no more."""


@dataclass(frozen=True, slots=True)
class Logo:
    """``data``: PNG of the flattened picture (RGB, no transparency), ``columns`` x ``rows`` pixels."""

    data: bytes
    columns: int
    rows: int

    def reader(self) -> Any:
        """For ``Canvas.drawImage``."""
        from reportlab.lib.utils import ImageReader

        return ImageReader(io.BytesIO(self.data))


def load(path: str) -> tuple[Logo | None, str]:
    """The logo, or None and why it cannot be used; (None, '') where none was chosen."""
    if not path.strip():
        return None, ""
    file = Path(path.strip()).expanduser()
    try:
        stat = file.stat()
    except (OSError, ValueError):
        return None, f"The report's logo is not at '{path}'."
    return _load(str(file), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _load(path: str, _changed: int, size: int) -> tuple[Logo | None, str]:
    from PIL import Image

    if size > MOST_BYTES:
        return None, f"The report's logo '{path}' is larger than {MOST_BYTES // 1_000_000} MB."
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MOST_PIXELS:
                return None, f"The report's logo '{path}' has more than {MOST_PIXELS // 1_000_000} million pixels."
            image.draft("RGB", (PRINTED, PRINTED))
            image.load()
            seen = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None, f"The report's logo '{path}' is no PNG or JPEG that can be read."
    seen.thumbnail((PRINTED, PRINTED), Image.Resampling.LANCZOS)
    flat = Image.new("RGB", seen.size, "white")
    flat.paste(seen, mask=seen.getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "PNG")
    return Logo(buffer.getvalue(), flat.width, flat.height), ""
