"""Tolerant access to data elements: outside files break every rule, and none of it may end a reading."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


MAX_VALUE_BYTES = 256 << 10
"""Of one element beside the pixels, not yet looked into; the longest that is needed is a table of 65,536 words. A value of
backslashes becomes an object for each of them."""
MAX_SEQUENCE_BYTES = 8 << 20
MAX_TEXT = 10_240
"""Characters of a text (PS3.5: LT has the most)."""


def value(ds: Dataset, keyword: str, most: int = MAX_VALUE_BYTES) -> Any:
    """The element's value, or None when it is absent, empty, longer than ``most`` bytes or cannot be understood."""
    try:
        if keyword not in ds:
            return None
        stored = getattr(ds.get_item(keyword), "value", None)
        if isinstance(stored, bytes) and len(stored) > most:
            return None
        found = ds.get(keyword)
    except Exception:  # a value that pydicom cannot convert: there is no end of kinds
        return None
    return None if found is None or found == "" else found


def text(ds: Dataset, keyword: str) -> str:
    """The element as one line of text without padding; several values joined by a backslash."""
    found = value(ds, keyword)
    if found is None:
        return ""
    parts = [str(part) for part in found] if _is_list(found) else [str(found)]
    return "\\".join(clean(part[:MAX_TEXT]) for part in parts).strip()[:MAX_TEXT]


_ESCAPES = re.compile(r"\x1b(\$?[()*+\-./][\x20-\x7e]|\$[@AB])")


def clean(words: str) -> str:
    """Text without padding, NULs and the ISO 2022 escapes that decoding may leave behind."""
    return _ESCAPES.sub("", words).replace("\0", "").strip()


def numbers(ds: Dataset, keyword: str) -> list[float]:
    """The element's values as finite numbers; empty when one of them is none."""
    found = value(ds, keyword)
    if found is None:
        return []
    try:
        values = [float(part) for part in (found if _is_list(found) else [found])]
    except (TypeError, ValueError, OverflowError):
        return []
    return values if all(math.isfinite(v) for v in values) else []


def integer(ds: Dataset, keyword: str, default: int = 0) -> int:
    """The element's first value as an integer, or ``default``."""
    found = numbers(ds, keyword)
    return int(found[0]) if found else default


def items(ds: Dataset, keyword: str, most: int = MAX_SEQUENCE_BYTES) -> list[Dataset]:
    """The items of a sequence; empty when there is none, or more than ``most`` bytes of them."""
    found = value(ds, keyword, most)
    if not found:
        return []
    try:
        return list(found)
    except Exception:
        return []


def group_items(ds: Dataset, index: int, macro: str) -> list[Dataset]:
    """Items of a functional group macro for frame ``index`` (from 0): per frame first, then shared."""
    per_frame = items(ds, "PerFrameFunctionalGroupsSequence")
    if index < len(per_frame):
        found = items(per_frame[index], macro)
        if found:
            return found
    shared = items(ds, "SharedFunctionalGroupsSequence")
    return items(shared[0], macro) if shared else []


def holder(ds: Dataset, index: int, macro: str, *keywords: str) -> Dataset:
    """The dataset that holds ``keywords`` for frame ``index``: the top level, else the macro's item."""
    if any(value(ds, keyword) is not None for keyword in keywords):
        return ds
    found = group_items(ds, index, macro)
    return found[0] if found else ds


def _is_list(found: Any) -> bool:
    return not isinstance(found, str | bytes) and hasattr(found, "__iter__") and hasattr(found, "__len__")
