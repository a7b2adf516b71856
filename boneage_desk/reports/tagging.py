"""Tags in a PDF's pages: what is a heading, a paragraph, a table cell, a figure, and what is only decoration.

Blocks are marked while they are drawn, in the order in which they are read; everything drawn outside a block is an
artifact. :func:`boneage_desk.reports.archival.finish` builds the structure tree from the marks. On a canvas without
marks (:func:`begin` was not called) all of this does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas


@dataclass(slots=True)
class Node:
    """An element of the structure: its ``role``, and children or the marked places (page index, mark) it is made of."""

    role: str
    alt: str = ""
    scope: str = ""
    children: list[Node] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)


class _Marks:
    """The tree so far, and where the page stands."""

    def __init__(self) -> None:
        self.root = Node("Document")
        self.open = [self.root]
        self.page = 0
        self.next = 0


def begin(canvas: Canvas) -> None:
    """From here on the canvas is marked; call once before the first page."""
    canvas._marks = _Marks()  # type: ignore[attr-defined]
    canvas._code.append("/Artifact BMC")  # type: ignore[attr-defined]


def end_page(canvas: Canvas, last: bool = False) -> None:
    """``showPage`` with the marks closed before and, but for the ``last``, opened again after it."""
    marks = _of(canvas)
    if marks is not None:
        canvas._code.append("EMC")  # type: ignore[attr-defined]
    canvas.showPage()
    if marks is not None and not last:
        marks.page, marks.next = marks.page + 1, 0
        canvas._code.append("/Artifact BMC")  # type: ignore[attr-defined]


def tree(canvas: Canvas) -> Node | None:
    """What was marked."""
    marks = _of(canvas)
    return marks.root if marks is not None else None


@contextmanager
def group(canvas: Canvas, role: str) -> Iterator[None]:
    """An element that holds others: Table, TR, Sect."""
    marks = _of(canvas)
    if marks is None:
        yield
        return
    node = Node(role)
    marks.open[-1].children.append(node)
    marks.open.append(node)
    try:
        yield
    finally:
        marks.open.pop()


@contextmanager
def block(canvas: Canvas, role: str, *, alt: str = "", scope: str = "") -> Iterator[None]:
    """An element that is drawn inside: H1, H2, P, TH, TD, Figure. Blocks do not nest."""
    marks = _of(canvas)
    if marks is None:
        yield
        return
    code: list[str] = canvas._code  # type: ignore[attr-defined]
    marks.open[-1].children.append(Node(role, alt, scope, marks=[(marks.page, marks.next)]))
    if code[-1] == "/Artifact BMC":
        code.pop()
    else:
        code.append("EMC")
    code.append(f"/{role} <</MCID {marks.next}>> BDC")
    marks.next += 1
    try:
        yield
    finally:
        code += ["EMC", "/Artifact BMC"]


def _of(canvas: Canvas) -> _Marks | None:
    return getattr(canvas, "_marks", None)
