"""ruff, mypy and tools/arch_rules.py pass on the tree, and each of their rules sees a planted violation."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.arch.planting import REPOSITORY, Copy

HEAVY = (
    "torch", "torchvision", "timm", "ultralytics", "captum",
    "reportlab", "highdicom", "pynetdicom", "cv2", "scipy", "pandas", "pikepdf",
    "pyhanko", "pyhanko_certvalidator", "pkcs11", "keyring", "asn1crypto",
)  # fmt: skip
EVERYWHERE_ELSE = ("__main__", "wiring", "ui", "cli", "engines", "archive", "imaging", "reading", "standards", "common")


# -------------------------------------------------------------------------------------------- ruff
def ruff(folder: Path) -> dict[str, set[tuple[str, str]]]:
    """File -> (code, message) of all that ruff finds in the package."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "json", "."],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, set[tuple[str, str]]] = {}
    for finding in json.loads(done.stdout):
        name = Path(finding["filename"]).resolve().relative_to(folder.resolve()).as_posix()
        found.setdefault(name, set()).add((finding["code"], finding["message"]))
    return found


def test_ruff_passes() -> None:
    found = ruff(REPOSITORY)
    assert not found, "\n".join(f"{file}: {code} {message}" for file, all_ in found.items() for code, message in all_)


@pytest.fixture(scope="module")
def found_by_ruff(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    copy = Copy(tmp_path_factory.mktemp("ruff"))
    for package in EVERYWHERE_ELSE:
        for library in HEAVY:
            where, file = (package, "x") if package in ("__main__", "wiring") else (package, f"heavy_{library}")
            copy.plant(where, f"import {library}.something as planted_{library}", file=file)
    for library in HEAVY:
        late = f"def f() -> None:\n    import {library} as x\n\n    x.do()\n"
        copy.plant("ui", late, file=f"late_{library}")
        copy.plant("training", f"import {library} as x\n\nx.do()", file=f"home_{library}")
        copy.plant("engines/networks", f"import {library} as x\n\nx.do()", file=f"home_{library}")
    copy.plant("imaging", "import pickle\n\npickle.loads(b'')", file="bad_pickle")
    copy.plant("training", "import cv2\n\ncv2.imread('x')", file="bad_imread")
    copy.plant("archive", "import datetime\n\ndatetime.datetime.utcnow()", file="bad_clock")
    copy.plant("imaging", "from ..common import paths\n\npaths.x()", file="bad_relative")
    copy.plant("imaging", "print('x')", file="bad_print")
    copy.plant("imaging", "x = 1  # noqa", file="bad_noqa")
    copy.plant("imaging", "x: int = ''  # type: ignore", file="bad_ignore")
    return ruff(copy.folder)


@pytest.mark.parametrize("package", EVERYWHERE_ELSE)
@pytest.mark.parametrize("library", HEAVY)
def test_heavy_import_at_module_level(
    found_by_ruff: dict[str, set[tuple[str, str]]], package: str, library: str
) -> None:
    file = f"{package}.py" if package in ("__main__", "wiring") else f"{package}/heavy_{library}.py"
    messages = [message for code, message in found_by_ruff[f"boneage_desk/{file}"] if code == "TID253"]
    assert any(f"`{library}`" in message for message in messages)


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_import_where_it_is_allowed(found_by_ruff: dict[str, set[tuple[str, str]]], library: str) -> None:
    for file in (f"ui/late_{library}.py", f"training/home_{library}.py", f"engines/networks/home_{library}.py"):
        codes = {code for code, _ in found_by_ruff.get(f"boneage_desk/{file}", set())}
        assert "TID253" not in codes, file


@pytest.mark.parametrize(
    ("file", "code", "remedy"),
    [
        ("imaging/bad_pickle.py", "TID251", "Use JSON, TOML or safetensors"),
        ("training/bad_imread.py", "TID251", "Use boneage_desk.imaging"),
        ("archive/bad_clock.py", "TID251", "Use datetime.now(UTC)"),
        ("imaging/bad_relative.py", "TID252", "absolute imports"),
        ("imaging/bad_print.py", "T201", "print"),
        ("imaging/bad_noqa.py", "PGH004", "specific rule codes"),
        ("imaging/bad_ignore.py", "PGH003", "specific rule codes"),
    ],
)
def test_ruff_sees(found_by_ruff: dict[str, set[tuple[str, str]]], file: str, code: str, remedy: str) -> None:
    messages = [message for found, message in found_by_ruff[f"boneage_desk/{file}"] if found == code]
    assert any(remedy in message for message in messages), found_by_ruff[f"boneage_desk/{file}"]


# -------------------------------------------------------------------------------------------- mypy
def mypy(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-color-output", "--no-error-summary"],
        cwd=folder, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_mypy_passes() -> None:
    code, said = mypy(REPOSITORY)
    assert code == 0, said


def test_mypy_sees_an_untyped_function_in_each_strict_package(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    for package in ("common", "standards", "reading"):
        copy.plant(package, "def untyped(x):\n    return x")
        copy.plant(package, "months: int = 'ten'", file="planted_value")
    code, said = mypy(copy.folder)
    assert code == 1, said
    for package in ("common", "standards", "reading"):
        assert f"boneage_desk/{package}/planted.py:2: error: Function is missing a type annotation" in said
        assert f"boneage_desk/{package}/planted_value.py:2: error: Incompatible types" in said


# ------------------------------------------------------------------------------ tools/arch_rules.py
@pytest.fixture(scope="module")
def rules() -> ModuleType:
    specification = importlib.util.spec_from_file_location("arch_rules", REPOSITORY / "tools" / "arch_rules.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules["arch_rules"] = module
    specification.loader.exec_module(module)
    return module


def test_architecture_rules_hold(rules: ModuleType) -> None:
    assert [str(breach) for breach in rules.breaches(REPOSITORY)] == []


PLANTS = [
    ("common", "import numpy", "standard-library-only"),
    ("standards", "import numpy", "standard-library-only"),
    ("standards", "import appdirs", "standard-library-only"),
    ("standards", "def f():\n    import yaml.reader", "standard-library-only"),
    ("reading", "from numpy import array", "standard-library-only"),
    ("reading", "try:\n    import torch\nexcept ImportError:\n    pass", "standard-library-only"),
    ("reading", "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import numpy", "standard-library-only"),
    ("reading", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import numpy",
     "standard-library-only"),
    ("reading", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", "standard-library-only"),
    ("reading", "import os", "pure"),
    ("reading", "from time import monotonic", "pure"),
    ("reading", "import urllib.request", "pure"),
    ("reading", "import datetime\ndef f():\n    return datetime.date.today()", "pure"),
    ("reading", "from datetime import datetime, UTC\nx = datetime.now(UTC)", "pure"),
    ("reading", "import uuid\nx = uuid.uuid4()", "pure"),
    ("reading", "def f(p):\n    return open(p)", "pure"),
    ("reading", "def f(p):\n    return p.read_text()", "pure"),
    ("training", "import torch\nx = torch.load('a.pt')", "weights"),
    ("engines", "def f(p):\n    import torch\n    return torch.load(p, weights_only=False)", "weights"),
    ("ui", "x = 1\n" * 501, "length"),
]  # fmt: skip


@pytest.fixture(scope="module")
def found_by_rules(rules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Planted file -> the rules that it breaks."""
    copy = Copy(tmp_path_factory.mktemp("rules"))
    for number, (package, source, _) in enumerate(PLANTS):
        copy.plant(package, source, file=f"planted_{number}")
    found: dict[str, list[str]] = {}
    for breach in rules.breaches(copy.folder):
        found.setdefault(breach.path.stem, []).append(breach.rule)
    return found


@pytest.mark.parametrize("number", range(len(PLANTS)), ids=lambda n: f"{PLANTS[n][0]}-{PLANTS[n][2]}-{n}")
def test_architecture_rule_sees(found_by_rules: dict[str, list[str]], number: int) -> None:
    assert found_by_rules.get(f"planted_{number}") == [PLANTS[number][2]]


def test_architecture_rules_let_pass_what_is_allowed(rules: ModuleType, tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    copy.plant("common", "def f():\n    import appdirs")
    copy.plant("standards", "import json\nimport boneage_desk.common")
    copy.plant("reading", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy as np")
    copy.plant("reading", "from datetime import date\nx = date(2020, 1, 1)", file="planted_date")
    copy.plant("archive", "import time\nx = time.time()\nopen('x')")
    copy.plant("training", "import torch\nx = torch.load('a.pt', weights_only=True)")
    assert [str(b) for b in rules.breaches(tmp_path) if b.path.name.startswith("planted")] == []


def test_architecture_rules_end_with_1(rules: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Copy(tmp_path)
    copy.plant("reading", "import os")
    assert rules.main([str(tmp_path)]) == 1
    assert "boneage_desk/reading/planted.py:2: pure: reading/ may not import os" in capsys.readouterr().out
