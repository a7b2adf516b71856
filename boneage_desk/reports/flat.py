"""A sealed report for the eye: the boxes of its signatures drawn into the pages, for programs that show no form fields."""

from __future__ import annotations

import io

from boneage_desk.common.errors import FilmError


def flattened(pdf: bytes) -> bytes:
    """A copy of ``pdf`` in which what is printed of its signatures and notes is part of the pages; no signature holds in it.

    Qt's PDF part and some printers draw no signature fields. Raises FilmError 'damaged' for what cannot be read.
    """
    import pikepdf

    out = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(pdf)) as file:
            file.flatten_annotations("print")
            file.save(out)
    except pikepdf.PdfError as error:
        raise FilmError("The report's PDF is damaged.", "Restore a backup.", code="damaged") from error
    return out.getvalue()
