"""``boneage-desk demo``: the bundled study, in the window or into files."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from boneage_desk.cli import output, read, second
from boneage_desk.cli.app import ENGINE_DIR, App
from boneage_desk.cli.films import Facts, analyse
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.document import document
from boneage_desk.reading.summary import summarise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="no window: write JSON, PDF and pictures")
    parser.add_argument("--out", default="out", metavar="DIR", help="where --headless writes (default: out)")


def run(options: argparse.Namespace, app: App) -> int:
    if not options.headless:
        services = app.services(options.data_dir)
        try:
            return app.run_window(services, [], True)
        finally:
            services.close()
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder '{out}' cannot be made ({error.strerror}).", code="disk") from error
    # nobody's work list: the reading is made anew each time, and the user's cases are not in the picture
    with tempfile.TemporaryDirectory(prefix="boneage-demo-", dir=options.data_dir) as folder:
        return _headless(app, Path(folder), options.data_dir / ENGINE_DIR, out)


def _headless(app: App, folder: Path, engine_dir: Path, out: Path) -> int:
    services = app.services(folder, engine_dir)
    try:
        services.engine().start()
        path = services.demo_film()
        film = services.films().open(str(path))
        session, _ = analyse(services, film, Facts(), engines=second.usual(services))
        reading = session.reading
        output.write_json(document(reading), str(out / "reading.json"))
        read.write_png(film, reading, out / "film.png")
        services.reports().write(reading, film.frame, out / "report.pdf", paper=services.settings.paper)
        app.screenshot(services, path, out / "window.png")
        print(read.describe(reading, summarise(reading)))
        print(f"written to {out}: reading.json, report.pdf, film.png, window.png")
        return 0
    finally:
        services.close()
