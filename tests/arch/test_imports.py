"""The import contracts hold, and each of them sees a violation: a rule that names a wrong module passes for ever."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.planting import ALL, LAYERS, REPOSITORY, Copy

QT = ("PySide6", "shiboken6", "pyqtgraph")
MODEL = ("torch", "torchvision", "timm", "ultralytics", "captum", "cv2", "safetensors", "onnxruntime", "openvino")
DICOM = ("pydicom", "pynetdicom", "highdicom", "gdcm")

# contract -> (libraries, the only packages that may import them)
LIBRARIES = {
    "Qt only in ui": (QT, ("ui",)),
    "Model libraries only in engines and training": (MODEL, ("engines", "training")),
    "DICOM libraries only in imaging, pacs and reports": (DICOM, ("imaging", "pacs", "reports")),
    "PDF libraries only in reports": (("reportlab", "pikepdf"), ("reports",)),
    "Signing libraries only in reports": (("pyhanko", "pyhanko_certvalidator", "pkcs11", "asn1crypto"), ("reports",)),
    "SQL only in archive": (("sqlite3",), ("archive",)),
    "appdirs only in common": (("appdirs",), ("common",)),
}
LAYERS_CONTRACT = "Top may import lower; siblings may not import each other"
# Downwards, and forbidden nevertheless. pacs is empty yet: the contract cannot name it before it exists.
NOT_EVEN_DOWN = {
    "ui and cli name no adapter": [(a, b) for a in ("ui", "cli") for b in ("engines", "archive", "reports")],
    "training knows films and networks, not cases or reports": [("training", "archive"), ("training", "reports")],
}
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}


def may_import(importer: str, imported: str) -> bool:
    return LEVEL[importer] < LEVEL[imported]


UPWARD = [(a, b) for a in ALL for b in ALL if a != b and not may_import(a, b)]
FORBIDDEN_DOWN = [pair for pairs in NOT_EVEN_DOWN.values() for pair in pairs]
DOWNWARD = [(a, b) for a in ALL for b in ALL if may_import(a, b) and (a, b) not in FORBIDDEN_DOWN]
MISPLACED = [
    (contract, library, package)
    for contract, (libraries, homes) in LIBRARIES.items()
    for library in libraries
    for package in ALL
    if package not in homes
]


def lint(folder: Path) -> tuple[int, str, dict[str, str]]:
    """Exit code of lint-imports, all it said, and what it said of each broken contract."""
    environment = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1", "PYTHONPATH": str(folder)}
    environment.pop("FORCE_COLOR", None)
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = done.stdout + done.stderr
    _, _, broken = said.partition("Broken contracts\n")
    sections: dict[str, str] = {}
    headings = list(re.finditer(r"^(?P<name>\S.*)\n-{5,}$", broken, re.MULTILINE))
    for number, heading in enumerate(headings, 1):
        end = headings[number].start() if number < len(headings) else len(broken)
        sections[heading["name"]] = broken[heading.end() : end]
    return done.returncode, said, sections


def shows(section: str, importer: str, imported: str) -> bool:
    return re.search(rf"\s{re.escape(importer)} -> {re.escape(imported)} \(", section) is not None


def test_contracts_hold() -> None:
    code, said, _ = lint(REPOSITORY)
    assert code == 0, said


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """What lint says of a copy that holds every violation at once."""
    copy = Copy(tmp_path_factory.mktemp("planted"))
    for importer, imported in UPWARD + FORBIDDEN_DOWN:
        # inside a function: a late import is an import all the same
        copy.plant(importer, f"def to_{imported}():\n    import boneage_desk.{imported}")
    for _, library, package in MISPLACED:
        copy.plant(package, f"def with_{library}():\n    import {library}")
    copy.plant("stray", "", file="__init__")
    code, said, sections = lint(copy.folder)
    assert code == 1, said
    return said, sections


def name_of(package: str) -> str:
    return f"boneage_desk.{package}" if package in ("__main__", "wiring") else f"boneage_desk.{package}.planted"


@pytest.mark.parametrize(("importer", "imported"), UPWARD)
def test_no_import_upward_or_sideways(planted: tuple[str, dict[str, str]], importer: str, imported: str) -> None:
    assert shows(planted[1].get(LAYERS_CONTRACT, ""), name_of(importer), f"boneage_desk.{imported}")


@pytest.mark.parametrize(
    ("contract", "importer", "imported"), [(c, a, b) for c, pairs in NOT_EVEN_DOWN.items() for a, b in pairs]
)
def test_some_imports_downward_are_forbidden_too(
    planted: tuple[str, dict[str, str]], contract: str, importer: str, imported: str
) -> None:
    assert shows(planted[1].get(contract, ""), name_of(importer), f"boneage_desk.{imported}")


@pytest.mark.parametrize(("contract", "library", "package"), MISPLACED)
def test_library_outside_of_its_home(
    planted: tuple[str, dict[str, str]], contract: str, library: str, package: str
) -> None:
    assert shows(planted[1].get(contract, ""), name_of(package), library)


def test_a_package_without_a_layer(planted: tuple[str, dict[str, str]]) -> None:
    assert re.search(r"not listed as layers:\s+- boneage_desk\.stray\n", planted[1][LAYERS_CONTRACT])


def test_a_broken_contract_says_what_to_do_instead(planted: tuple[str, dict[str, str]]) -> None:
    _, sections = planted
    assert set(sections) == {LAYERS_CONTRACT, *LIBRARIES, *NOT_EVEN_DOWN}
    for remedy in ("Let the higher module hand the thing down", "Return a plain value and let ui show it"):
        assert any(remedy in section for section in sections.values())
    for name, section in sections.items():
        last = section.strip().splitlines()[-1]
        assert not last.startswith("-"), f"{name} has no guidance"


def test_what_is_allowed_passes(tmp_path: Path) -> None:
    """The contracts forbid no more than they should."""
    copy = Copy(tmp_path)
    for importer, imported in DOWNWARD:
        copy.plant(importer, f"import boneage_desk.{imported}", file="planted")
    for libraries, homes in LIBRARIES.values():
        for home in homes:
            for library in libraries:
                copy.plant(home, f"import {library}", file="planted")
    code, said, sections = lint(copy.folder)
    assert code == 0, sections or said
