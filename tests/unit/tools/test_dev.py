"""tools/dev.py decides right on machines that are not this one: no root, no display, other Pythons."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


class Calls(list[list[str]]):
    """Stands in for dev.call: keeps the commands, answers with 0 or what is given for their first word."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, int] = {}

    def __call__(self, command: list[str], **options: object) -> int:
        self.append(command)
        return self.codes.get(command[0], 0)


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a tree of its own and nothing of this machine."""
    specification = importlib.util.spec_from_file_location("dev_under_test", REPOSITORY / "tools" / "dev.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt", "hatch_build.py"):
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "stamp")
    monkeypatch.setattr(module, "OUT", tmp_path / "out")
    monkeypatch.setattr(module, "LINUX", True)
    monkeypatch.setattr(module, "WINDOWS", False)
    monkeypatch.setattr(module, "call", Calls())
    monkeypatch.setattr(module, "version_of", lambda python: (3, 12))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return module


def have(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *, programs: set[str], user: int) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}" if name in programs else None)
    monkeypatch.setattr(module.os, "geteuid", lambda: user, raising=False)


def lacks(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    monkeypatch.setattr(module, "loads", lambda library: library not in libraries)
    monkeypatch.setattr(module, "has_fonts", lambda: True)


# ------------------------------------------------------------------------------------------ system
def test_a_library_that_is_not_there_is_seen(dev: ModuleType) -> None:
    assert not dev.loads("libno-such-thing-boneage.so.9")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for a library of Linux")
def test_a_library_that_is_there_is_seen(dev: ModuleType) -> None:
    assert dev.loads("libc.so.6")


def test_window_libraries_are_asked_for_only_with_a_display(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    lacks(dev, monkeypatch, "libEGL.so.1", "libxcb-cursor.so.0")
    assert dev.missing_packages(display=False) == ["libegl1"]
    assert dev.missing_packages(display=True) == ["libegl1", "libxcb-cursor0"]


def test_a_system_without_fonts_gets_one(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dev, "loads", lambda library: True)
    monkeypatch.setattr(dev, "FONT_FOLDERS", (str(tmp_path / "fonts"),))
    assert dev.missing_packages(display=False) == ["fonts-dejavu-core"]
    (tmp_path / "fonts" / "truetype").mkdir(parents=True)
    (tmp_path / "fonts" / "truetype" / "Some.TTF").touch()
    assert dev.missing_packages(display=False) == []


def test_root_installs_what_is_missing(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    have(dev, monkeypatch, programs={"apt-get"}, user=0)
    answers = iter([["libegl1"], []])
    monkeypatch.setattr(dev, "missing_packages", lambda display: next(answers))
    dev.install_system_libraries()
    assert dev.call == [
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "--no-install-recommends", "libegl1"],
    ]


def test_root_whose_apt_fails_is_told(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    have(dev, monkeypatch, programs={"apt-get"}, user=0)
    lacks(dev, monkeypatch, "libEGL.so.1")
    dev.call.codes["apt-get"] = 100
    with pytest.raises(dev.Stop, match="apt-get install -y --no-install-recommends libegl1"):
        dev.install_system_libraries()


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("apt-get", "sudo apt-get update && sudo apt-get install -y --no-install-recommends libegl1"),
        ("dnf", "sudo dnf install mesa-libEGL"),
        ("pacman", "sudo pacman -S --needed libglvnd"),
        ("zypper", "sudo zypper install Mesa-libEGL1"),
        ("none", "libegl1"),
    ],
)
def test_others_get_the_exact_command_and_nothing_is_run(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, program: str, command: str
) -> None:
    have(dev, monkeypatch, programs={program}, user=1000)
    lacks(dev, monkeypatch, "libEGL.so.1")
    with pytest.raises(dev.Stop) as stop:
        dev.install_system_libraries()
    assert command in str(stop.value)
    assert dev.call == []


# ------------------------------------------------------------------------------------------- .venv
@pytest.mark.parametrize(
    ("version", "fits"), [(None, False), ((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_which_pythons_fit(dev: ModuleType, version: tuple[int, int] | None, fits: bool) -> None:
    assert dev.fits(version) is fits


def test_the_pythons_that_fit_are_those_of_pyproject(dev: ModuleType) -> None:
    import tomllib

    asked = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"]
    assert asked == f">={dev.OLDEST[0]}.{dev.OLDEST[1]},<{dev.NEWEST[0]}.{dev.NEWEST[1] + 1}"


def test_another_python_is_looked_for(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    have(dev, monkeypatch, programs={"python3.11", "python3.12"}, user=1000)
    versions = {sys.executable: (3, 9), "python3.12": (3, 12), "python3.11": (3, 11)}
    monkeypatch.setattr(dev, "version_of", lambda python: versions.get(python[0]))
    assert dev.find_python() == ["python3.12"]
    have(dev, monkeypatch, programs=set(), user=1000)
    with pytest.raises(dev.Stop, match=r"Python 3\.11 to 3\.13 \(64-bit\) is needed"):
        dev.find_python()


def test_packages_are_installed_once_and_again_when_the_project_changes(
    dev: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    dev.VENV.mkdir()
    dev.install_packages()
    assert len(dev.call) == 1
    assert dev.call[0][1:4] == ["-m", "pip", "install"]
    assert dev.call[0][-4:] == ["--constraint", "constraints.txt", "--editable", ".[dev,fast]"]

    dev.install_packages()
    assert len(dev.call) == 1
    assert "up to date" in capsys.readouterr().out

    with (dev.ROOT / "pyproject.toml").open("a") as stream:
        stream.write("\n# a comment, or a setting of a linter, needs no new packages\n")
    dev.install_packages()
    assert len(dev.call) == 1

    with (dev.ROOT / "constraints.txt").open("a") as stream:
        stream.write("newcomer==1.0\n")
    dev.install_packages()
    assert len(dev.call) == 2


def test_a_failed_installation_is_tried_again(dev: ModuleType) -> None:
    dev.VENV.mkdir()
    dev.call.codes[str(dev.venv_python())] = 1
    for turn in (1, 2):
        with pytest.raises(dev.Stop, match="pip could not install"):
            dev.install_packages()
        assert len(dev.call) == turn


# ---------------------------------------------------------------------------------------- commands
@pytest.fixture
def ready(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(dev, "setup", lambda: None)
    return dev


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_run_opens_the_window_on_a_display(ready: ModuleType, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, ":0")
    assert ready.run() == 0
    assert [command[1:] for command in ready.call] == [["-m", "boneage_desk", "demo"]]


def test_run_opens_the_window_on_windows_and_macos(ready: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "LINUX", False)
    ready.run()
    assert ready.call[0][1:] == ["-m", "boneage_desk", "demo"]


def test_run_without_a_display_writes_to_out_and_says_so(
    ready: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def demo(command: list[str], **options: object) -> int:
        assert command[1:] == ["-m", "boneage_desk", "demo", "--headless", "--out", str(ready.OUT)]
        assert options["env"]["QT_QPA_PLATFORM"] == "offscreen"  # type: ignore[index]
        (ready.OUT / "reading.json").write_text("{}")
        return 0

    monkeypatch.setattr(ready, "call", demo)
    assert ready.run() == 0
    said = capsys.readouterr().out
    assert "no display" in said
    assert str(Path("out", "reading.json")) in said


def test_a_demo_that_fails_is_a_run_that_fails(ready: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    ready.call.codes[str(ready.venv_python())] = 3
    assert ready.run() == 3
    assert "was not read" in capsys.readouterr().out


def test_test_leaves_the_slow_ones_out_and_test_all_does_not(ready: ModuleType) -> None:
    ready.test(["-k", "scores"], everything=False)
    ready.test([], everything=True)
    assert ready.call[0][1:] == ["-m", "pytest", "-m", "not slow", "-k", "scores"]
    assert ready.call[1][1:] == ["-m", "pytest"]


def test_test_fails_when_pytest_does(ready: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.call.codes[str(ready.venv_python())] = 1
    monkeypatch.setattr(sys, "argv", ["dev.py", "test"])
    assert ready.main() == 1


def test_lint_runs_all_checks_and_fails_when_one_does(ready: ModuleType) -> None:
    assert ready.lint() == 0
    assert len(ready.call) == 4
    ready.call.codes[str(ready.VENV / "bin" / "lint-imports")] = 1
    assert ready.lint() == 1
    assert len(ready.call) == 8


def test_a_stop_is_said_and_ends_with_2(
    ready: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop() -> None:
        raise ready.Stop("install this")

    monkeypatch.setattr(ready, "setup", stop)
    monkeypatch.setattr(sys, "argv", ["dev.py", "setup"])
    assert ready.main() == 2
    assert "install this" in capsys.readouterr().err


def test_clean_keeps_the_environment_unless_told(ready: ModuleType) -> None:
    for name in (".venv", "out", "build", "boneage_desk/__pycache__", "boneage_desk/kept"):
        (ready.ROOT / name).mkdir(parents=True)
    ready.clean(everything=False)
    assert sorted(p.name for p in ready.ROOT.rglob("*") if p.is_dir()) == [".venv", "boneage_desk", "kept"]
    ready.clean(everything=True)
    assert not ready.VENV.exists()


def test_the_script_starts_by_itself() -> None:
    """With no package of ours or others on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(REPOSITORY / "tools" / "dev.py"), "--help"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "test-all" in done.stdout
