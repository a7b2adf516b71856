"""``boneage-desk gui``: the window."""

from __future__ import annotations

import argparse

from boneage_desk.cli.app import App


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="films, folders or zips to open")
    parser.add_argument("--demo", action="store_true", help="open the bundled demo study")


def run(options: argparse.Namespace, app: App) -> int:
    services = app.services(options.data_dir)
    try:
        return app.run_window(services, list(options.paths), options.demo)
    finally:
        services.close()
