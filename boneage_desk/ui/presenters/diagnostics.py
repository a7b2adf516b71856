"""What the makers need to know of an installation, without anything of a patient."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import re
from pathlib import Path

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.ports import Services

LOG_LINES = 200
LIBRARIES = ("numpy", "pydicom", "pynetdicom", "highdicom", "torch", "onnxruntime", "openvino", "pyqtgraph", "reportlab")
SHOWN = frozenset(
    {
        "language", "theme", "paper", "device", "report_language", "report_map", "report_growth", "growth_reference",
        "conclusion_rule", "site_standard", "second_opinion_engines", "backup_every_hours", "backup_keep", "lock_minutes", "font_points",
        "mouse", "key_profile", "keys",
    }
)  # fmt: skip
"""Settings that are told as they are; of all others only whether they are set: they hold names and paths."""

_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|/|\\\\)[^\s'\"():,;]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_DATE = re.compile(r"\b\d{4}-?\d{2}-?\d{2}\b")
_UID = re.compile(r"\b\d+(?:\.\d+){4,}\b")
_TIMED = re.compile(r"^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d{3}) (\w+) (\S+) ?(.*)$")


def scrubbed(line: str) -> str:
    """A line of the log without what could name a patient: paths, quoted words, dates, DICOM UIDs and long numbers.

    The log holds no patient data by its rule; this is the second lock on the door.
    """
    head, rest = "", line
    if found := _TIMED.match(line):
        head, rest = " ".join(found.groups()[:3]) + " ", found.group(4)
    for pattern, stands in ((_QUOTED, "'...'"), (_PATH, "<path>"), (_UID, "<uid>"), (_DATE, "<date>")):
        rest = pattern.sub(stands, rest)
    return head + re.sub(r"\b\d{5,}\b", "<number>", rest)


def _log(folder: Path) -> list[str]:
    path = folder / "boneage-desk.log"
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 200_000))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return [f"no log ({error.strerror})"]
    return [scrubbed(line) for line in lines[-LOG_LINES:]]


def _settings(chosen: Settings) -> list[str]:
    lines = []
    for field in dataclasses.fields(chosen):
        value = getattr(chosen, field.name)
        lines.append(f"{field.name}: {value!r}" if field.name in SHOWN else f"{field.name}: {'set' if value else 'not set'}")
    return lines


def _models(services: Services) -> list[str]:
    try:
        return [f"{model.name}: {model.tag}, SHA-256 {model.sha256}" for model in services.engine().models()]
    except BoneAgeError as error:
        return [f"none ({error.code})"]


def _versions() -> list[str]:
    lines = []
    for name in LIBRARIES:
        try:
            lines.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name}: not installed")
    return lines


def diagnostics(services: Services, engine_state: str) -> str:
    """All of it as plain English text. Reads files: not on the window's thread."""
    screens = [
        f"{screen.size().width()}x{screen.size().height()} at {screen.devicePixelRatio():g}" for screen in QGuiApplication.screens()
    ]
    parts = (
        ("BoneAge Desk", [__version__, f"Python {platform.python_version()}, {platform.system()} {platform.release()} "
                          f"{platform.machine()}", f"Qt {qVersion()}, PySide6 {pyside_version}, "
                          f"{QGuiApplication.platformName()}", f"{os.cpu_count()} processors",
                          f"screens: {', '.join(screens)}", f"engine: {scrubbed(engine_state)}"]),
        ("Libraries", _versions()),
        ("Models", _models(services)),
        ("Settings", _settings(services.settings)),
        (f"Log, last {LOG_LINES} lines", _log(services.data_dir)),
    )  # fmt: skip
    return "\n\n".join(f"== {title}\n" + "\n".join(lines) for title, lines in parts) + "\n"
