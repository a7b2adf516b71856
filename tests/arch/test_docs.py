"""What the pages of the project point at exists, and the commands they name are real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("**/*.md"), *(REPOSITORY / "models").glob("**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link and link[0] != "#"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_links_are_seen() -> None:
    assert "docs/architecture.md" in links(REPOSITORY / "README.md")
    assert "docs/images/window.png" in links(REPOSITORY / "README.md")


def test_the_commands_of_the_pages_exist() -> None:
    usage = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "dev.py"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.search(r"\{([a-z,-]+)\}", usage)[1].split(","))  # type: ignore[index]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    assert targets == known
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"tools/dev\.py ([a-z-]+)", text))
        assert named
        assert named <= known, name


def test_the_guide_names_every_key() -> None:
    from boneage_desk.ui.actions import ACTIONS

    guide = (REPOSITORY / "docs" / "user-guide.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", guide.partition("## All keys")[2], re.MULTILINE))
    named = {command: keys for keys, command in rows.items()}
    for spec in ACTIONS:
        keys = [key for key in spec.keys if not key.endswith("Enter")]
        if keys and not spec.id.startswith("preset-"):
            assert named.get(spec.title) == ", ".join(keys), spec.id
    titles = {spec.title for spec in ACTIONS if spec.keys and not spec.id.startswith("preset-")}
    assert set(named) == titles | {"command", "Window preset 1 to 9"}


OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")


def programs(page: Path) -> list[tuple[str, set[str]]]:
    """(module, options) of each ``python -m boneage_desk....`` of a page that names an option."""
    text = re.sub(r"(?<=\S)\n(?=--|[A-Z]+ --|models )", " ", page.read_text(encoding="utf-8"))  # broken in the middle
    found = re.findall(r"python -m (boneage_desk[\w.]*)([^\n`]*)", text)
    return [(name, set(OPTION.findall(rest))) for name, rest in found if OPTION.search(rest)]


@pytest.mark.parametrize("page", [p for p in PAGES if programs(p)], ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_programs_take_the_options_that_pages_give_them(page: Path) -> None:
    """Read from the sources: all that an ``ArgumentParser`` knows, and all that it requires."""
    for module, options in programs(page):
        source = (REPOSITORY / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        calls = re.findall(r'add_argument\(\s*"(--[a-z-]+)"([^\n]*)', source)
        known, required = {name for name, _ in calls}, {name for name, rest in calls if "required=True" in rest}
        known |= {f"--no-{name[2:]}" for name, rest in calls if "BooleanOptionalAction" in rest}
        assert known, module
        assert options <= known, f"{module} has no {options - known}"
        assert required <= options, f"{module} needs {required - options}"
