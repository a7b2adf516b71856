"""What the commands of drawing, filters and the film beside do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.film_panel import FilmPanel

TOOLS = ("window-tool", "pan-tool", "zoom-tool", "rotate-tool", "distance-tool", "angle-tool", "note-tool")


def film_handlers(window: MainWindow, film: Callable[[], FilmPanel]) -> dict[str, Callable[[], object]]:
    """Of the commands that need the film view; they are enabled only once it is there."""
    desk = window.desk

    def other() -> None:
        from boneage_desk.ui.views.compare_picker import ComparePicker

        picker: QDialog = ComparePicker(desk, window)
        picker.chosen.connect(film().compare.show)  # type: ignore[attr-defined]
        picker.show()

    table: dict[str, Callable[[], object]] = {
        "remove-box": lambda: desk.remove_box(desk.bone),
        "machine-boxes": lambda: film().toggle_machine_boxes(),
        "turn-right-little": lambda: film().turn_little(+1),
        "turn-left-little": lambda: film().turn_little(-1),
        "lens": lambda: film().toggle_lens(),
        "sharpen": lambda: film().choose_filter("SHARPEN"),
        "clahe": lambda: film().choose_filter("CLAHE"),
        "sigmoid": lambda: film().toggle_sigmoid(),
        "remove-annotation": lambda: film().remove_annotation(),
        "key-image": lambda: film().marking.toggle_key_image(),
        "compare": lambda: film().compare.toggle(),
        "compare-other": other,
        "compare-link": lambda: film().compare.set_linked(not film().compare.linked),
    }
    for tool in TOOLS:
        table[tool] = lambda tool=tool: film().choose_tool(tool)  # type: ignore[misc]
    return table
