"""Starts BoneAge Desk: the window, or a command. Nothing heavy is imported here."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> int:
    """``boneage-desk``: without a command the window, else the command line."""
    from boneage_desk.cli.main import main as command_line
    from boneage_desk.common import private
    from boneage_desk.wiring import build_app

    private.by_default()  # reports, exports, logs: for who made them
    for stream in (sys.stdout, sys.stderr):  # None in a windowed program; a name the terminal lacks is escaped
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return command_line(sys.argv[1:], build_app())


def main_gui() -> int:
    """``boneage-desk-gui``: the window, with the films named on the command line."""
    words = sys.argv[1:]
    if words[:1] != ["gui"]:
        sys.argv[1:] = ["gui", *words]
    return main()


if __name__ == "__main__":
    if getattr(sys, "frozen", False):  # the engine's process of a packaged program starts here
        from multiprocessing import freeze_support

        freeze_support()
    sys.exit(main())
