"""Why a file is no film that can be read: every code, its message and what helps, in one table.

The codes are part of the machine interface (``error.code`` in JSON): add, never rename.
"""

from __future__ import annotations

from boneage_desk.common.errors import FilmError

MAX_PIXELS = 178_000_000
"""Pixels of one frame beyond which a file is refused before anything is allocated (Pillow's own limit)."""
MAX_FILE_BYTES = 1 << 30
"""Bytes of one file, or of one unpacked zip member, beyond which it is refused."""
MAX_UNPACKED_BYTES = 512 << 20
"""Bytes of a deflated DICOM data set: the largest picture of 16 bits, and more. 500 kB of zeros unpack to so many."""

REFUSALS: dict[str, tuple[str, str]] = {
    # where the file is
    "file-not-found": ("There is no file '{name}'.", "Check the path and that the disk or share is connected."),
    "is-a-folder": ("'{name}' is a folder, not a film.", "Open one of the films in it, or scan the folder."),
    "no-permission": ("'{name}' may not be read by this account.", "Ask for read permission, or copy the file."),
    "read-failed": ("'{name}' could not be read: {detail}.", "Check the disk or share, then try again."),
    "empty-file": ("'{name}' is empty (0 bytes).", "Copy or export the film again."),
    "too-large": (
        "'{name}' is too large: {detail}.",
        f"Films up to {MAX_PIXELS // 1_000_000} megapixels and 1 GB are opened; export a smaller version.",
    ),
    # zip and DICOMDIR
    "choose-member": ("'{name}' is a zip archive, not a film.", "Name the film in it, or scan the archive."),
    "no-such-member": ("There is no '{detail}' in '{name}'.", "Scan the archive again for the names in it."),
    "zip-damaged": ("The zip archive '{name}' is damaged: {detail}.", "Copy it again, or unpack it first."),
    "zip-encrypted": ("'{detail}' in '{name}' is encrypted.", "Unpack the archive with its password first."),
    "zip-method": (
        "'{detail}' in '{name}' is packed in a way that is not unpacked here.",
        "Unpack the archive first, or pack it with the usual method (deflate).",
    ),
    "unsafe-path": (
        "'{name}' refers to a file outside of its own folder: {detail}.",
        "It was left alone. Open the film itself, if you trust it.",
    ),
    # what kind of file it is
    "not-an-image": (
        "'{name}' is not an image that can be read{detail}.",
        "Give a DICOM film (CR, DX, RG, SC) or a PNG, JPEG, TIFF or WebP picture of one.",
    ),
    "truncated": (
        "'{name}' is cut short or damaged: {detail}.",
        "Copy or export the film again; part of the picture is missing.",
    ),
    "damaged": ("'{name}' is damaged: {detail}.", "Copy or export the film again."),
    "no-pixels": ("'{name}' holds no picture: {detail}.", "Send the image object of the same study."),
    "no-decoder": (
        "'{name}' is compressed as {detail}, which cannot be unpacked here.",
        "Run 'boneage-desk doctor' to see the decoders, or export it uncompressed.",
    ),
    "unsupported-pixels": (
        "'{name}' stores its pixels in a way that is not read: {detail}.",
        "Export it as 8 or 16 bit grey.",
    ),
    "not-hand-film": (
        "'{name}' is not a plain film of the hand: {detail}.",
        "Choose the hand film of the study. A film of the knee has a window of its own, in the menu File.",
    ),
    "not-knee-film": ("'{name}' is not a plain film of the knee: {detail}.", "Choose the knee film of the study."),
    "own-result": (
        "'{name}' is the copy with boxes and grades that this program made of a film.",
        "Choose the film itself; what is drawn on the copy must not be read again.",
    ),
    "not-radiograph": (
        "'{name}' is a colour picture, not a radiograph: {detail}.",
        "Give the film itself, exported as grey, not a photo of a screen.",
    ),
    # which frame
    "choose-frame": ("'{name}' holds {detail} frames.", "Say which one to read: --frame 1 to {detail}."),
    "no-such-frame": ("'{name}' has no frame {detail}.", "Frames are counted from 1."),
}


def refusal(code: str, name: str, detail: str = "") -> FilmError:
    """The error ``code`` for the file called ``name`` (shown as it stands), with the words of the case."""
    message, remedy = REFUSALS[code]
    words = {"name": name, "detail": detail}
    return FilmError(message.format(**words), remedy.format(**words), code=code)
