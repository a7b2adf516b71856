#!/usr/bin/env python3
"""Set-up, start, tests and checks: the same commands on Linux, macOS and Windows. Standard library only.

    python tools/dev.py setup              make .venv and install everything into it
    python tools/dev.py run                set up, then open the window with the demo study read;
                                           without a display: the same job into out/
    python tools/dev.py test [PYTEST...]   set up, then the tests that are quick
    python tools/dev.py test-all [PYTEST...]  set up, then all tests
    python tools/dev.py lint               ruff, mypy, import-linter, tools/arch_rules.py
    python tools/dev.py screenshots        draw the pictures of the window in docs/images again, in both themes and languages
    python tools/dev.py translations       bring the catalogues of the window's words in step with the source
    python tools/dev.py clean [--all]      remove what was made here; --all: .venv too

`make setup`, `make run` and so on call this file. It never changes anything outside this folder, except
that it installs missing system libraries of Qt with apt-get where it runs as root.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".boneage-desk-installed"
OUT = ROOT / "out"
WINDOWS = sys.platform == "win32"
LINUX = sys.platform.startswith("linux")
EXTRAS = "dev,fast"
OLDEST, NEWEST = (3, 11), (3, 13)

# Shared libraries that the PySide6 wheels expect from the system: file -> package of Debian and Ubuntu.
QT_ALWAYS = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
QT_ON_A_DISPLAY = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
FONT_PACKAGE = "fonts-dejavu-core"
OTHER_SYSTEMS = {
    "dnf": "sudo dnf install mesa-libEGL mesa-libGL dbus-libs fontconfig freetype glib2 libxkbcommon libxkbcommon-x11 "
    "xcb-util-cursor xcb-util-image xcb-util-keysyms xcb-util-renderutil xcb-util-wm dejavu-sans-fonts",
    "zypper": "sudo zypper install Mesa-libEGL1 Mesa-libGL1 libdbus-1-3 fontconfig libfreetype6 libglib-2_0-0 "
    "libxkbcommon0 libxkbcommon-x11-0 libxcb-cursor0 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 "
    "libxcb-icccm4 dejavu-fonts",
    "pacman": "sudo pacman -S --needed libglvnd mesa dbus fontconfig freetype2 glib2 libxkbcommon "
    "libxkbcommon-x11 xcb-util-cursor xcb-util-image xcb-util-keysyms xcb-util-renderutil xcb-util-wm ttf-dejavu",
}


class Stop(Exception):
    """Ends the command with a message that says what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def call(command: list[str], **options: object) -> int:
    """Run a command in the tree's folder, its output straight to the terminal."""
    return subprocess.run(command, cwd=ROOT, **options).returncode  # type: ignore[call-overload]


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


# ------------------------------------------------------------------------------------------ system
def has_display() -> bool:
    return not LINUX or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_fonts() -> bool:
    for folder in FONT_FOLDERS:
        for _, _, files in os.walk(os.path.expanduser(folder)):
            if any(name.lower().endswith((".ttf", ".otf", ".ttc")) for name in files):
                return True
    return False


def missing_packages(display: bool) -> list[str]:
    """Debian packages of the libraries (and a font) that Qt needs and this system lacks."""
    wanted = {**QT_ALWAYS, **(QT_ON_A_DISPLAY if display else {})}
    packages = [package for library, package in wanted.items() if not loads(library)]
    if not has_fonts():
        packages.append(FONT_PACKAGE)
    return packages


def install_system_libraries() -> None:
    if not LINUX:
        say("[1/3] system libraries: nothing to do on this system")
        return
    missing = missing_packages(has_display())
    if not missing:
        say("[1/3] system libraries of Qt: all there")
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if shutil.which("apt-get") and os.geteuid() == 0:
        say(f"[1/3] system libraries of Qt: installing {' '.join(missing)}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        call(["apt-get", "update", "-q"], env=environment)
        if call(install, env=environment) == 0 and not missing_packages(has_display()):
            return
        raise Stop("apt-get could not install them (see above). Run again when this works:\n    " + shlex.join(install))
    if shutil.which("apt-get"):
        raise Stop(
            "Qt needs system libraries that are missing here. Install them, then run this again:\n"
            "    sudo apt-get update && sudo " + shlex.join(install)
        )
    for manager, command in OTHER_SYSTEMS.items():
        if shutil.which(manager):
            raise Stop(
                f"Qt needs system libraries that are missing here. Install them, then run this again:\n    {command}"
            )
    raise Stop(
        "Qt needs system libraries that are missing here. Their names on Debian are:\n    " + " ".join(missing) +
        "\nInstall what they are called on this system, then run this again."
    )  # fmt: skip


# ------------------------------------------------------------------------------------------- .venv
def version_of(python: list[str]) -> tuple[int, int] | None:
    """(major, minor) of an interpreter, None if it does not start or is not 64-bit."""
    code = "import sys; print(sys.version_info[0], sys.version_info[1], sys.maxsize > 2**32)"
    try:
        answer = subprocess.run([*python, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.split()
    if answer.returncode or len(words) != 3 or words[2] != "True":
        return None
    return int(words[0]), int(words[1])


def fits(version: tuple[int, int] | None) -> bool:
    return version is not None and OLDEST <= version <= NEWEST


def find_python() -> list[str]:
    """An interpreter that this program supports: the one that runs this, else one on the path."""
    if fits(version_of([sys.executable])):
        return [sys.executable]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for candidate in ([f"python3.{minor}"], ["py", f"-3.{minor}"] if WINDOWS else []):
            if candidate and shutil.which(candidate[0]) and fits(version_of(candidate)):
                return candidate
    raise Stop(
        f"Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} (64-bit) is needed; this one is "
        f"{sys.version_info[0]}.{sys.version_info[1]} and no other was found.\n"
        "Install one from https://www.python.org/downloads/, then run this again."
    )


def make_venv() -> None:
    if venv_python().exists() and fits(version_of([str(venv_python())])):
        say("[2/3] .venv: there")
        return
    python = find_python()
    say(f"[2/3] .venv: making it with {shlex.join(python)}")
    if VENV.exists():
        shutil.rmtree(VENV)
    if call([*python, "-m", "venv", str(VENV)]) == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    version = version_of(python)
    package = f"python{version[0]}.{version[1]}-venv" if version else "python3-venv"
    if LINUX and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", package]
        if os.geteuid() == 0 and call(install) == 0 and call([*python, "-m", "venv", str(VENV)]) == 0:
            return
        raise Stop("Python's venv module is missing. Install it, then run this again:\n    sudo " + shlex.join(install))
    raise Stop("Python could not make a virtual environment (see above).")


def wanted_state() -> str:
    """A digest of everything that decides what belongs into .venv."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = {
        "build-system": project["build-system"],
        "project": project["project"],
        "hatch": project["tool"]["hatch"],
        "constraints": (ROOT / "constraints.txt").read_text(encoding="utf-8"),
        "hook": (ROOT / "hatch_build.py").read_text(encoding="utf-8"),
        "extras": EXTRAS,
        "place": str(ROOT),
        "python": version_of([str(venv_python())]),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def install_packages() -> None:
    if sys.version_info < OLDEST:  # no tomllib here: go on with the interpreter that was found
        raise SystemExit(call([str(venv_python()), str(Path(__file__).resolve()), *sys.argv[1:]]))
    wanted = wanted_state()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8").strip() == wanted:
        say("[3/3] packages: up to date")
        return
    say(
        "[3/3] packages: installing the versions of constraints.txt\n"
        "      The first time this downloads PyTorch, on Linux with its GPU libraries: some gigabytes, many minutes."
    )
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    code = call(
        [
            str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check",
            "--constraint", "constraints.txt", "--editable", f".[{EXTRAS}]",
        ]
    )  # fmt: skip
    if code:
        raise Stop("pip could not install the packages (see above). Check network and disk, then run this again.")
    STAMP.write_text(wanted + "\n", encoding="utf-8")
    say(f"[3/3] packages: installed in {time.monotonic() - started:.0f} s")


def setup() -> None:
    install_system_libraries()
    make_venv()
    install_packages()


# ---------------------------------------------------------------------------------------- commands
def headless_demo() -> int:
    OUT.mkdir(exist_ok=True)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return call([str(venv_python()), "-m", "boneage_desk", "demo", "--headless", "--out", str(OUT)], env=environment)


def run() -> int:
    setup()
    if has_display():
        say("opening the window with the demo study")
        return call([str(venv_python()), "-m", "boneage_desk", "demo"])
    say("no display (DISPLAY and WAYLAND_DISPLAY are not set): reading the demo study without a window")
    started = time.time()
    code = headless_demo()
    if code:
        say(f"the demo study was not read (exit code {code})")
        return code
    written = [path for path in sorted(OUT.iterdir()) if path.is_file() and path.stat().st_mtime >= started - 2]
    say("written, since there is no display to open a window on:")
    for path in written:
        say(f"    {path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB")
    return 0


def test(arguments: list[str], everything: bool) -> int:
    setup()
    selection = [] if everything else ["-m", "not slow"]
    return call([str(venv_python()), "-m", "pytest", *selection, *arguments])


def lint() -> int:
    setup()
    scripts = venv_python().parent
    failed = []
    for name, command in (
        ("ruff", [str(venv_python()), "-m", "ruff", "check", "."]),
        ("mypy", [str(venv_python()), "-m", "mypy"]),
        ("import-linter", [str(scripts / ("lint-imports.exe" if WINDOWS else "lint-imports"))]),
        ("architecture rules", [str(venv_python()), "tools/arch_rules.py"]),
    ):
        say(f"--- {name}")
        if call(command):
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def screenshots() -> int:
    setup()
    code = headless_demo()
    if code:
        return code
    target = ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(OUT / "window.png", target / "window.png")
    say("docs/images/window.png: drawn again; look at it before you commit it")
    return call([str(venv_python()), "tools/screenshots.py"])


def translations() -> int:
    """The catalogues in step with the source, and compiled; what lacks a translation is told."""
    setup()
    for command in ("update", "compile", "missing"):
        code = call([str(venv_python()), "tools/translations.py", command])
    return code


def clean(everything: bool) -> int:
    caches = [".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"]
    doomed = [ROOT / name for name in ["build", "dist", "out", *caches]]
    for folder in ("boneage_desk", "tests", "tools"):
        doomed.extend((ROOT / folder).rglob("__pycache__"))
    if everything:
        doomed.append(VENV)
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path)
            say(f"removed {path.relative_to(ROOT)}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py", description="Set-up, start, tests, checks.", allow_abbrev=False)
    parser.add_argument("command", choices=["setup", "run", "test", "test-all", "lint", "screenshots", "translations", "clean"])
    parser.add_argument("--all", action="store_true", help="clean: remove .venv too")
    options, rest = parser.parse_known_args()
    if rest and options.command not in ("test", "test-all"):
        parser.error(f"unknown: {' '.join(rest)}")
    rest = [word for word in rest if word != "--"]
    try:
        if options.command == "setup":
            setup()
            return 0
        if options.command == "run":
            return run()
        if options.command in ("test", "test-all"):
            return test(rest, options.command == "test-all")
        if options.command == "lint":
            return lint()
        if options.command == "screenshots":
            return screenshots()
        if options.command == "translations":
            return translations()
        return clean(options.all)
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
