#!/usr/bin/env python3
"""Draws each screen of the window in both themes and both languages into out/screens, on the demo study, and copies
those that the docs show into docs/images.

    python tools/screenshots.py [--out FOLDER] [--only PART] [--size 1600x1000]

The demo study is a drawing: no patient is in any picture. It is read once by the models; the pictures follow from the store.
Look at what it made before it is committed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
OUT, DOCS = ROOT / "out" / "screens", ROOT / "docs" / "images"
IN_DOCS = ("standards-en-dark", "settings-en-light", "bones-zh-light", "list-en-light", "guide-en-dark")
"""Pictures that pages of the docs show; none of them shows a path of this computer."""
LANGUAGES, THEMES = ("en", "zh"), ("dark", "light")
WAIT_MS = 240_000

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from boneage_desk.ui.main_window import MainWindow


def settle(window: MainWindow, at_least_ms: int = 250) -> None:
    """Until no job runs, and a moment for the paint."""
    from boneage_desk.ui.views.waiting import wait_until

    quiet = 0
    while quiet < 3:  # a page that was turned to asks for its pictures a little later
        wait_until(lambda: False, at_least_ms)
        idle = not window.runner.jobs and not window.start_.active and not window.desk.saver.busy
        quiet = quiet + 1 if idle else 0


def screens(window: MainWindow) -> dict[str, Callable[[], QWidget]]:
    """By name: what brings a screen up and returns what is to be drawn."""

    def run(id: str) -> None:
        window.actions_[id].trigger()
        settle(window)

    def page(which: int) -> QWidget:
        window.tabs.setCurrentIndex(which)
        settle(window, 500)
        return window

    def bones() -> QWidget:
        window.messages.clear_topic("go-on")
        window.desk.select("radius")
        return page(0)

    def part(which: int) -> QWidget:
        from PySide6.QtWidgets import QTabBar

        page(1)
        window.tabs.widget(1).findChildren(QTabBar)[0].setCurrentIndex(which)
        settle(window, 700)
        return window

    def map_() -> QWidget:
        page(0)
        run("saliency")
        settle(window, 600)
        return window

    def list_() -> QWidget:
        run("work-list")
        settle(window, 400)
        return window

    def settings() -> QWidget:
        run("settings")
        dialog = window.program.dialog
        assert dialog is not None
        return dialog

    def keys() -> QWidget:
        dialog = settings()
        dialog.sections.setCurrentRow(1)  # type: ignore[attr-defined]
        settle(window)
        return dialog

    def sheet() -> QWidget:
        run("shortcuts")
        found = window.commands._sheet
        assert found is not None
        return found

    def guide() -> QWidget:
        run("guide")
        return window

    def about() -> QWidget:
        from boneage_desk.ui.views.about import AboutBox

        run("about")
        return next(iter(window.findChildren(AboutBox)))

    return {
        "bones": bones, "map": map_, "clinical": lambda: part(0), "standards": lambda: part(1), "growth": lambda: part(2),
        "report": lambda: page(2),
               "guide": guide, "list": list_, "settings": settings, "keys": keys, "shortcuts": sheet, "about": about,
    }  # fmt: skip


def put_away(window: MainWindow, name: str) -> None:
    """Back to the plain window after a screen."""
    if name == "map":
        window.actions_["saliency"].trigger()
    elif name == "list":
        window.actions_["work-list"].trigger()
    elif name == "guide" and window.program.guide is not None:
        window.program.guide.close()
    elif name in ("settings", "keys") and window.program.dialog is not None:
        window.program.dialog.close()
    elif name == "shortcuts" and window.commands._sheet is not None:
        window.commands._sheet.close()
    elif name == "about":
        from boneage_desk.ui.views.about import AboutBox

        for box in window.findChildren(AboutBox):
            box.close()
    settle(window, 100)


def draw(folder: Path, out: Path, only: str, size: tuple[int, int]) -> list[Path]:
    """All pictures; ``folder`` is the data folder of the moment."""
    from boneage_desk import wiring
    from boneage_desk.common import settings
    from boneage_desk.ui import app, theme
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.waiting import wait_until

    written = []
    for language in LANGUAGES:
        chosen = dataclasses.replace(settings.load(folder), language=language, theme=THEMES[0])
        settings.save(folder, chosen)
        services = wiring.build(folder)
        application = app._application(chosen)
        window = MainWindow(services)
        window.resize(*size)
        window.show()
        app.go_on(window, [str(services.demo_film())], demo=False)
        read = wait_until(
            lambda window=window: window.desk.reading is not None and window.desk.reading.analysed_at is not None, WAIT_MS
        )
        if not read:
            raise SystemExit("the demo study was not read in time")
        settle(window, 800)
        for name in THEMES:
            theme.repaint(application, name)
            settle(window)
            for screen, show in screens(window).items():
                if only and only not in screen:
                    continue
                target = out / f"{screen}-{language}-{name}.png"
                show().grab().save(str(target))
                written.append(target)
                put_away(window, screen)
        window.close()
        window.deleteLater()
        services.close()
    return written


def main() -> int:
    parser = argparse.ArgumentParser(prog="screenshots.py", description="Draws each screen in both themes and languages.")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default="", help="screens whose name holds this")
    parser.add_argument("--size", default="1600x1000")
    options = parser.parse_args()
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    width, _, height = options.size.partition("x")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for path in draw(Path(folder), options.out, options.only, (int(width), int(height))):
            print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
            if path.stem in IN_DOCS and options.out == OUT:
                shutil.copyfile(path, DOCS / path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
