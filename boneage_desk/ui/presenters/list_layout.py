"""Which columns the work list shows, in which order, how wide, and how it is sorted: kept in the data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boneage_desk.common import private
from boneage_desk.ui.presenters.study_texts import COLUMNS, Column

FILE_NAME = "work-list.json"
WIDTHS = {
    Column.STATE: 104, Column.NAME: 190, Column.ID: 96, Column.SEX: 44, Column.AGE: 88, Column.DATE: 96,
    Column.ACCESSION: 104, Column.DESCRIPTION: 190, Column.MACHINE: 128, Column.BONE_AGE: 112, Column.SIDE: 52,
    Column.ADDED: 128, Column.CHANGED: 128, Column.MODALITY: 80, Column.FILE: 160,
}  # fmt: skip
"""Pixels of the first start."""
FIRST_SHOWN = (
    Column.STATE, Column.NAME, Column.ID, Column.SEX, Column.AGE, Column.DATE, Column.ACCESSION, Column.DESCRIPTION,
    Column.MACHINE, Column.BONE_AGE,
)  # fmt: skip
LEAST, MOST = 24, 1200


@dataclass(frozen=True, slots=True)
class ListLayout:
    """``order``: all columns from left to right; ``shown``: those that are not hidden; ``widths`` in pixels;
    ``sort``: column and whether descending, None as the readings came."""

    order: tuple[Column, ...] = COLUMNS
    shown: frozenset[Column] = frozenset(FIRST_SHOWN)
    widths: Mapping[Column, int] = field(default_factory=lambda: dict(WIDTHS))
    sort: tuple[Column, bool] | None = None
    unread_only: bool = False
    paused: bool = False
    """The queue of the background."""


def load(folder: Path) -> ListLayout:
    """What was kept; the first layout where nothing was, or what was kept cannot be used. Columns that a newer or older
    version does not know are passed over."""
    try:
        raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ListLayout()
    return _decoded(raw) if isinstance(raw, dict) else ListLayout()


def _decoded(raw: dict[str, Any]) -> ListLayout:
    first = ListLayout()
    listed = raw.get("order")
    known = [Column(name) for name in _texts(listed) if name in set(COLUMNS)]
    order = (*dict.fromkeys(known), *(column for column in COLUMNS if column not in known))
    shown = frozenset(Column(name) for name in _texts(raw.get("shown")) if name in set(COLUMNS)) or first.shown
    widths = dict(WIDTHS)
    kept = raw.get("widths")
    for name, width in kept.items() if isinstance(kept, dict) else ():
        if name in set(COLUMNS) and isinstance(width, int) and LEAST <= width <= MOST:
            widths[Column(name)] = width
    sort = raw.get("sort")
    by = None
    if isinstance(sort, list) and len(sort) == 2 and sort[0] in set(COLUMNS) and isinstance(sort[1], bool):
        by = (Column(sort[0]), sort[1])
    return ListLayout(order, shown, widths, by, raw.get("unread_only") is True, raw.get("paused") is True)


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def save(folder: Path, layout: ListLayout) -> None:
    """Write whole or not at all. Raises OSError."""
    value = {
        "order": list(layout.order),
        "shown": [column for column in layout.order if column in layout.shown],
        "widths": dict(layout.widths),
        "sort": list(layout.sort) if layout.sort else None,
        "unread_only": layout.unread_only,
        "paused": layout.paused,
    }
    path = folder / FILE_NAME
    temporary = path.with_suffix(".tmp")
    private.write_bytes(temporary, json.dumps(value, indent=1).encode())
    os.replace(temporary, path)
