"""``boneage-desk doctor``: is everything there that a reading needs, and which versions."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from boneage_desk import __version__
from boneage_desk.cli import output
from boneage_desk.cli.app import App, ModelCheck
from boneage_desk.cli.films import wait_ready
from boneage_desk.common import private
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.settings import SECOND_OPINIONS
from boneage_desk.reading.ports import Services
from boneage_desk.reading.signature import REPORT, Signature
from boneage_desk.standards import rus_chn
from boneage_desk.standards.tables import PINS, load
from boneage_desk.standards.types import Sex

PACKAGES = (
    "PySide6", "pyqtgraph", "numpy", "pillow", "tifffile", "pydicom", "torch", "torchvision", "ultralytics", "timm",
    "captum", "safetensors", "openvino", "onnxruntime", "reportlab", "pyhanko", "keyring", "python-pkcs11",
)  # fmt: skip
DECODERS = {
    "pylibjpeg": "", "libjpeg": "JPEG baseline, extended and lossless", "openjpeg": "JPEG 2000", "rle": "RLE",
    "jpeg_ls": "JPEG-LS",
}  # fmt: skip
LOW_DISK = 500_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``needed`` False: the program does without."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="do not start the models")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    from boneage_desk.cli.main import FAILED, OK

    models, checks = _models(app)
    checks += _rest(options.data_dir, app, options.quick)
    ok = all(check.ok for check in checks if check.needed)
    versions = package_versions()
    if options.json:
        output.emit(
            {
                "ok": ok,
                "version": __version__,
                "python": platform.python_version(),
                "system": platform.platform(),
                "processors": os.cpu_count(),
                # where the models run; null when they were not started
                "device": _device(checks),
                "packages": versions,
                "data_dir": str(options.data_dir),
                "models": [asdict(model) for model in models],
                "checks": [asdict(check) for check in checks],
            }
        )
        options.printed = True
    else:
        print(f"BoneAge Desk {__version__}, Python {platform.python_version()}, {platform.platform()}")
        print("  " + ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items()))
        for check in checks:
            mark = "ok " if check.ok else "BAD" if check.needed else "-- "
            print(f"{mark} {check.name}: {check.detail}")
    bad = [check for check in checks if check.needed and not check.ok]
    if bad:
        output.complain(
            BoneAgeError(f"Not in order: {'; '.join(f'{c.name}: {c.detail}' for c in bad)}", code="doctor")
        )
    return OK if ok else FAILED


def _device(checks: list[Check]) -> str | None:
    for check in checks:
        if check.name == "engine" and check.ok:
            return check.detail.partition(",")[0].removeprefix("ready: ")
    return None


def package_versions() -> dict[str, str | None]:
    """Versions as installed, with nothing imported."""
    import importlib.metadata

    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _rest(data_dir: Path, app: App, quick: bool) -> Iterator[Check]:
    yield _standard()
    services = app.services(data_dir)
    try:
        yield _writable(data_dir)
        yield _rights(data_dir)
        yield _disk(data_dir)
        yield _store(services)
        yield _encryption(services)
        yield from _decoders()
        yield _display()
        yield _demo(services)
        yield _signing(services)
        if not quick:
            yield _engine(services)
    finally:
        services.close()


def _standard() -> Check:
    try:
        top = {bone: rus_chn.max_grade(bone) for bone in rus_chn.BONES}
        scores = {rus_chn.total_score(top, sex) for sex in Sex}
        for name in PINS:
            load(name)
    except BoneAgeError as error:
        return Check("standard", False, str(error))
    ok = scores == {rus_chn.MAX_SCORE}
    return Check("standard", ok, f"{rus_chn.NAME}, {rus_chn.EDITION}, table {rus_chn.SHA256[:12]}; {len(PINS)} tables unaltered")


def _models(app: App) -> tuple[list[ModelCheck], list[Check]]:
    try:
        models = app.check_models()
    except BoneAgeError as error:
        return [], [Check("model weights", False, str(error))]
    if not models:
        return [], [Check("model weights", False, "no model is installed")]
    checks = [_model(model) for model in models]
    if all(model.task != "segmenter" for model in models):
        checks.append(Check("model segmenter", False, "none installed: bones are graded but not measured", needed=False))
    checks += _several(models)
    checks.append(_second_opinions(models))
    return models, checks


def _several(models: list[ModelCheck]) -> Iterator[Check]:
    """Tasks (and second opinions) for which more than one model is installed: the last of their order is used."""
    by_place: dict[str, list[str]] = {}
    for model in models:
        if model.task:
            by_place.setdefault(_place(model), []).append(model.tag)
    for place, tags in by_place.items():
        if len(tags) > 1:
            detail = f"{len(tags)} are installed ({', '.join(tags)}); {tags[-1]} is used, the last by folder name"
            yield Check(f"models {place}", False, detail, needed=False)


def _model(model: ModelCheck) -> Check:
    """A second opinion that is broken is told; a reading does without it."""
    detail = f"{model.tag} {model.sha256[:12]}" if model.ok else model.problem
    return Check(f"model {_place(model) or model.name}", model.ok, detail, needed=model.task not in ("whole-hand", "knee"))


def _place(model: ModelCheck) -> str:
    """The task, and of whole-hand models the second opinion; '' where a broken card does not tell."""
    return f"{model.task} {model.engine}" if model.engine and model.engine != model.task else model.task


def _second_opinions(models: list[ModelCheck]) -> Check:
    """Which engines can give a second opinion."""
    there = [engine for engine in SECOND_OPINIONS if any(m.engine == engine and m.ok for m in models)]
    missing = [engine for engine in SECOND_OPINIONS if engine not in there]
    parts = ([", ".join(there)] if there else []) + ([f"not installed: {', '.join(missing)}"] if missing else [])
    return Check("second opinions", bool(there), "; ".join(parts), needed=False)


def _writable(folder: Path) -> Check:
    probe = folder / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Check("data folder", False, f"{folder} cannot be written ({error.strerror})")
    return Check("data folder", True, str(folder))


def _rights(folder: Path) -> Check:
    """Whether other accounts of this computer can get at patients' data."""
    if not private.enforced():
        return Check("rights", True, "as the folder's access list says (Windows); keep it inside your profile", needed=False)
    found = private.wide_data(folder)
    if not found:
        return Check("rights", True, "the data folder is its owner's alone", needed=False)
    names = ", ".join(path.name or str(path) for path in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return Check("rights", False, f"other accounts have rights on {names}: chmod -R go-rwx '{folder}'", needed=False)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    return Check("disk", free > LOW_DISK, f"{free / 1e9:.1f} GB free")


def _store(services: Services) -> Check:
    try:
        store = services.store()
        broken = store.verify()
        count = len(store.events())
    except BoneAgeError as error:
        return Check("store", False, str(error))
    return Check("store", not broken, "; ".join(broken[:3]) or f"{count} audit rows, chain whole")


def _encryption(services: Services) -> Check:
    """Whether the patients' words are encrypted, and whether copies in clear lie beside them."""
    from boneage_desk.cli.encrypt import words

    if services.station is None:
        return Check("encryption", False, "this program is put together without", needed=False)
    try:
        station = services.station()
        return Check("encryption", not station.encryption().clear_copies, words(station), needed=False)
    except BoneAgeError as error:
        return Check("encryption", False, str(error), needed=False)


def _signing(services: Services) -> Check:
    """Which key would sign here, and what would be asked; no key is made and no token is opened."""
    chosen = services.settings
    key = "a key file" if chosen.signing_pkcs12 else "a token" if chosen.signing_pkcs11_module else "the station's own key"
    asked = {
        "": "nothing is asked", "passphrase": "its passphrase is asked", "pin": "its PIN is asked",
        "new-passphrase": "it is made at the first signature, with a passphrase that is asked (no key store of the system here)",
    }  # fmt: skip
    try:
        if services.signer is None:
            return Check("signing", False, "this program is put together without", needed=False)
        who = services.who()
        person = services.store().person(who)
        if person is None:
            return Check("signing", True, f"{key}; the account '{who}' has no profile yet", needed=False)
        signature = Signature(REPORT, services.now(), who, person.name, person.role, "")
        able = "" if person.may_sign else f"; a {person.role} does not sign"
        return Check("signing", True, f"{key}, {asked[services.signer().asks(signature)]}{able}", needed=False)
    except BoneAgeError as error:
        return Check("signing", False, str(error), needed=False)


def _decoders() -> Iterator[Check]:
    import importlib.util

    there = [name for name in DECODERS if importlib.util.find_spec(name)]
    missing = [f"{name} ({DECODERS[name]})" for name in DECODERS if name not in there]
    yield Check("decoders", not missing, ", ".join(there) + (f"; missing: {', '.join(missing)}" if missing else ""))


def _display() -> Check:
    if sys.platform in ("win32", "darwin"):
        return Check("display", True, sys.platform, needed=False)
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return Check("display", True, f"{name}={os.environ[name]}", needed=False)
    return Check("display", False, "none (DISPLAY and WAYLAND_DISPLAY are not set): no window, commands work", False)


def _demo(services: Services) -> Check:
    try:
        path = services.demo_film()
        film = services.films().open(str(path))
    except BoneAgeError as error:
        return Check("demo study", False, str(error), needed=False)
    return Check("demo study", True, f"{path.name}, {film.frame.width} x {film.frame.height}", needed=False)


def _engine(services: Services) -> Check:
    engine = services.engine()
    began = time.perf_counter()
    state = wait_ready(engine, 120)
    seconds = time.perf_counter() - began
    ok = state.startswith("ready")
    return Check("engine", ok, f"{state}, up in {seconds:.1f} s" if ok else state)
