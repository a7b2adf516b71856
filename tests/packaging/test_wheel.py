"""The wheel by itself reads the demo study: models/ and resources/ travel inside it.

The environment is empty but for the wheel. Its third-party libraries are not installed a second time (PyTorch
alone is gigabytes): one .pth file shows it the site-packages of the environment that runs this test. That
cannot smuggle our own package in: a .pth file inside a folder which came from a .pth file is not obeyed, so
the editable install over there stays unseen. `test_it_is_the_installed_package` proves it on each run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WINDOWS = sys.platform == "win32"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and a folder far from the checkout to work in."""

    environment: Path
    work: Path

    @property
    def scripts(self) -> Path:
        return self.environment / ("Scripts" if WINDOWS else "bin")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        hidden = ("PYTHON", "BONEAGE_DESK_", "VIRTUAL_ENV", "DISPLAY", "WAYLAND_DISPLAY")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
        environment |= {
            "BONEAGE_DESK_DATA": str(self.work / "data"),
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            command, cwd=self.work, env=environment, capture_output=True, text=True, timeout=600
        )  # fmt: skip

    def python(self, code: str) -> str:
        done = self.run(str(self.scripts / "python"), "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(REPOSITORY)],
        check=True, timeout=300,
    )  # fmt: skip
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "environment"
    venv.EnvBuilder(with_pip=True, system_site_packages=False).create(environment)
    there = Installed(environment, folder / "a folder with spaces and 汉字")
    there.work.mkdir()
    pip = there.run(str(there.scripts / "python"), "-m", "pip", "install", "--no-index", "--no-deps", str(wheel))
    assert pip.returncode == 0, pip.stderr
    site = Path(there.python("import sysconfig; print(sysconfig.get_path('purelib'))"))
    assert site.is_relative_to(environment)
    (site / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return there


def test_it_is_the_installed_package(installed: Installed) -> None:
    seen = installed.python("import boneage_desk; print(boneage_desk.__file__)")
    assert Path(seen).is_relative_to(installed.environment)
    path = json.loads(installed.python("import json, sys; print(json.dumps(sys.path))"))
    assert not [entry for entry in path if entry and Path(entry).resolve() == REPOSITORY]


@pytest.mark.parametrize("name", ["models", "resources"])
def test_its_folders_are_found_inside_it(installed: Installed, name: str) -> None:
    code = f"from boneage_desk.common.paths import packaged_dir; print(packaged_dir({name!r}))"
    found = Path(installed.python(code))
    assert found.is_relative_to(installed.environment)
    carried = {p.relative_to(found).as_posix(): p.stat().st_size for p in found.rglob("*") if p.is_file()}
    tracked = subprocess.run(
        ["git", "ls-files", "-z", name], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    wanted = {Path(p).relative_to(name).as_posix(): (REPOSITORY / p).stat().st_size for p in tracked if p}
    assert wanted, f"{name}/ holds nothing that is committed"
    assert {p: carried.get(p) for p in wanted} == wanted


def test_it_reads_the_demo_study(installed: Installed) -> None:
    out = installed.work / "out"
    program = installed.scripts / ("boneage-desk.exe" if WINDOWS else "boneage-desk")
    done = installed.run(str(program), "demo", "--headless", "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr

    (document,) = out.glob("*.json")
    reading = json.loads(document.read_text(encoding="utf-8"))
    assert len(reading["bones"]) == 13
    assert all(bone["grade"] is not None for bone in reading["bones"])
    assert reading["standards"]["rus-chn"]["bone_age_months"] > 0
    assert reading["models"]
    assert all(len(model["sha256"]) == 64 for model in reading["models"])

    (report,) = out.glob("*.pdf")
    assert report.read_bytes().startswith(b"%PDF-")
    pictures = list(out.glob("*.png"))
    assert any(picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20_000 for picture in pictures)


def test_both_programs_are_installed(installed: Installed) -> None:
    suffix = ".exe" if WINDOWS else ""
    for name in ("boneage-desk", "boneage-desk-gui"):
        assert (installed.scripts / f"{name}{suffix}").is_file()
