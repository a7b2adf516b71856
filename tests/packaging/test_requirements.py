"""constraints.txt and pyproject.toml agree, and name nothing that ties a user to one machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = [
    line
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PINS = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in LINES}
ASKED = [
    requirement
    for text in PROJECT["dependencies"] + [t for extra in PROJECT["optional-dependencies"].values() for t in extra]
    if (requirement := Requirement(text)).name != PROJECT["name"]
]


@pytest.mark.parametrize("requirement", ASKED, ids=lambda r: r.name)
def test_the_tested_version_is_one_that_is_asked_for(requirement: Requirement) -> None:
    assert requirement.specifier.contains(Version(PINS[canonicalize_name(requirement.name)]))


def test_constraints_are_names_and_versions_of_a_public_index() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []


def test_constraints_leave_the_gpu_libraries_to_pytorch() -> None:
    # pinned, they would keep another platform, or another build of PyTorch, from installing
    assert [name for name in PINS if name.startswith(("nvidia-", "cuda-", "triton"))] == []


def test_pyside_stays_below_the_release_that_loses_references() -> None:
    # tests/arch/test_signals.py sees the loss; this keeps the pin from being widened by mistake
    pyside = next(requirement for requirement in ASKED if requirement.name == "PySide6")
    assert not pyside.specifier.contains("6.12.0")
    assert pyside.specifier.contains("6.11.3")


def test_the_licence_is_the_whole_agpl() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert [line.strip() for line in text.splitlines()[:2]] == [
        "GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3, 19 November 2007",
    ]  # fmt: skip
    for section in range(18):
        assert f"\n  {section}. " in text
    assert "13. Remote Network Interaction" in text
    assert text.rstrip().endswith("<https://www.gnu.org/licenses/>.")
    assert PROJECT["license"] == "AGPL-3.0-or-later"
