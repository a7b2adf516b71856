"""One fast way to run the networks on a CPU, behind the same call as PyTorch.

:func:`fast_module` gives a module with the outputs of the one handed in, run by OpenVINO or ONNX Runtime.
The converted network is kept in the scratch folder under the hash of the weights; conversion takes seconds,
a later start reads the file. It is kept only if it says what PyTorch says of drawn inputs, with its own SHA-256 beside
it; a file that is not of that hash is not read but made anew. The hash tells a damaged or exchanged file, not one who
writes both. Both run in float32: results agree with PyTorch to 1e-3 of a logit (tested).
Whatever goes wrong here leads back to PyTorch, with a line in the engine's log. Child process only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn

FAST = ("openvino", "onnxruntime")
_NEEDS = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx"), "torch": ("torch",)}
_OLD_S = 3 * 24 * 3600.0  # files of other weights are left for so long
_KEPT_VERSIONS = 2  # changes when a converted file of an older program must not be read
APART = 1e-3
"""How far a network just converted may be from PyTorch's on drawn inputs: share of the largest value, at least of 1."""

SEAL = ".sha256"
"""Suffix of the file beside a converted network that holds the hashes of its parts."""

Files = dict[str, bytes]
Run = Callable[["list[npt.NDArray[np.float32]]"], "list[npt.NDArray[np.float32]]"]


def installed(backend: str) -> bool:
    """Whether the libraries of ``backend`` are there (not whether they work)."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDS[backend])


def choose(wanted: str, device: str) -> str:
    """The backend to use: 'torch' on a GPU; for 'auto' and 'fast' the first fast one installed."""
    if wanted not in ("auto", "fast", *_NEEDS):
        raise InputError(f"There is no backend '{wanted}'.", f"Use auto, fast, {', '.join(_NEEDS)}.")
    if device != "cpu":
        return "torch"
    if wanted in _NEEDS:
        return wanted
    return next((name for name in FAST if installed(name)), "torch")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kept(backend: str, cache: Path, key: str) -> Path:
    """Where the converted network lies or would lie."""
    name = f"{key}-v{_KEPT_VERSIONS}"
    if backend == "openvino":
        return cache / f"{name}-openvino-{_version('openvino')}.xml"
    return cache / f"{name}.onnx"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def fast_module(
    module: nn.Module, *example: Tensor, backend: str, cache: Path, key: str, threads: int, compare: bool = True
) -> nn.Module | None:
    """``module`` (tensors in, tensor or tuple out) run by ``backend``; None where that fails.

    ``example``: its inputs; their first dimension stays free. ``key``: names weights and network in the cache.
    ``compare``: a network just converted is used and kept only if it agrees with PyTorch (`APART`); False where the
    caller compares at each load.
    """
    if backend not in FAST:
        return None
    module = module.eval()  # the ONNX exporter hands a module back as it came, with all that is in it
    make, load = (_make_openvino, _load_openvino) if backend == "openvino" else (_make_onnx, _load_onnx)
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = kept(backend, cache, key)
        with warnings.catch_warnings():  # tracing is called deprecated; its successor needs a compiler
            warnings.simplefilter("ignore")
            files = sealed(path)
            if files is not None:
                try:
                    return _wrap(load(files, threads))
                except Exception:  # of another build of the library: made again
                    sys.stderr.write(traceback.format_exc())
            files = make(module, example, path)
            fast = _wrap(load(files, threads))
            apart = disagreement(module, fast, example) if compare else ""
            if apart:
                sys.stderr.write(f"{backend} is not used for {key}: {apart}\n")
                return None
            _keep(files, path)
            return fast
    except Exception:
        sys.stderr.write(f"{backend} is not used for {key}:\n{traceback.format_exc()}")
        return None


def disagreement(module: nn.Module, fast: nn.Module, example: tuple[Tensor, ...]) -> str:
    """'' where both say the same of three drawn pictures of the size of ``example``, else what differs. Other inputs are
    the example's first row."""
    import torch
    from torch.nn import functional as F

    coarse = torch.linspace(-1, 1, 3 * 9 * 9).sin().mul(37).sin().view(3, 1, 9, 9)
    inputs = [
        F.interpolate(coarse, given.shape[2:], mode="bilinear").repeat(1, given.shape[1], 1, 1)
        if given.ndim == 4
        else given[:1].expand(3, *given.shape[1:])
        for given in example
    ]
    with torch.inference_mode():
        told, found = module(*inputs), fast(*inputs)
    pairs = [(told,), (found,)] if torch.is_tensor(told) and torch.is_tensor(found) else [told, found]
    if len(pairs[0]) != len(pairs[1]):
        return f"it gives {len(pairs[1])} answers"
    for ours, its in zip(*pairs, strict=True):
        if ours.shape != its.shape:
            return f"it gives {tuple(its.shape)} numbers"
        off, limit = float((ours - its).abs().max()), APART * max(1.0, float(ours.abs().max()))
        if not off <= limit:
            return f"it is up to {off:.4f} off, {limit:.4f} is allowed"
    return ""


def sealed(path: Path) -> Files | None:
    """The contents of the network kept at ``path``, by suffix; None where there is none, or where one of its files is
    not of the hash that was written when it was made."""
    suffixes = (".xml", ".bin") if path.suffix == ".xml" else (path.suffix,)
    try:
        files = {suffix: path.with_suffix(suffix).read_bytes() for suffix in suffixes}
        seal = path.with_suffix(SEAL).read_text(encoding="utf-8")
    except (OSError, ValueError):
        if path.exists():
            sys.stderr.write(f"{path.name} has no seal, or a part is missing; it is made again\n")
        return None
    if seal != _seal(files, path):
        sys.stderr.write(f"{path.name} is not the file that was made here; it is made again\n")
        return None
    return files


def _seal(files: Files, path: Path) -> str:
    """A line for each file, as of sha256sum."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {path.stem}{suffix}\n" for suffix, content in files.items())


def _wrap(run: Run) -> nn.Module:
    import numpy as np
    import torch
    from torch import nn

    class FastModule(nn.Module):
        """Calls the fast backend; tensors in and out, CPU, no gradients."""

        def __init__(self) -> None:
            super().__init__()
            self.device_mark = nn.Parameter(torch.empty(0), requires_grad=False)  # callers ask for the device

        def forward(self, *inputs: Tensor) -> Any:
            outputs = run([np.ascontiguousarray(given.detach().numpy(), np.float32) for given in inputs])
            tensors = tuple(torch.from_numpy(np.array(a)) for a in outputs)
            return tensors[0] if len(tensors) == 1 else tensors

    return FastModule().eval()


def _keep(files: Files, path: Path) -> None:
    """Write the parts, the seal last: what is cut off between them is made again."""
    everything = {**files, SEAL: _seal(files, path).encode()}
    last = path.suffix
    for suffix in sorted(everything, key=lambda s: (s == SEAL, s == last)):
        temporary = path.with_name(f"{path.stem}-{os.getpid()}{suffix}")
        temporary.write_bytes(everything[suffix])
        _publish(temporary, path.with_suffix(suffix))


def _publish(temporary: Path, final: Path) -> None:
    """One rename, so that a second program never reads half a file; then old weights' files go."""
    os.replace(temporary, final)
    role = final.name.partition("-")[0]
    for other in final.parent.glob(f"{role}-*"):
        with suppress(OSError):  # another program holds it open, or was faster
            if other.stem != final.stem and time.time() - other.stat().st_mtime > _OLD_S:
                other.unlink()


def _traced(module: nn.Module, example: tuple[Tensor, ...]) -> Any:
    import torch

    with torch.no_grad():
        traced = torch.jit.trace(module, example, check_trace=False)
        return torch.jit.freeze(traced)


def _make_openvino(module: nn.Module, example: tuple[Tensor, ...], path: Path) -> Files:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # it reports to its maker
    import openvino as ov
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    # ov.convert_model does the same with several more passes over the graph: 17 s where this takes 4
    front = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(_traced(module, example))  # must outlive the conversion
    loaded = front.load(decoder)
    for place, given in zip(loaded.get_inputs(), example, strict=True):  # known types leave no open promotions
        loaded.set_element_type(place, ov.Type.f32)
        loaded.set_partial_shape(place, ov.PartialShape([-1, *given.shape[1:]]))
    with TemporaryDirectory(dir=path.parent, prefix=path.name.partition("-")[0] + "_") as folder:
        temporary = Path(folder) / "made.xml"
        ov.save_model(front.convert(loaded), temporary, compress_to_fp16=False)
        return {suffix: temporary.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")}


def _load_openvino(files: Files, threads: int) -> Run:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # it reports to its maker
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(
        core.read_model(files[".xml"], files[".bin"]),
        "CPU",
        {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"},
    )

    def run(inputs: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        return list(compiled(inputs).values())

    return run


def _make_onnx(module: nn.Module, example: tuple[Tensor, ...], path: Path) -> Files:
    import torch

    names = _input_names(len(example))
    made = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            module, example, made, dynamo=False, input_names=names, dynamic_axes={name: {0: "n"} for name in names}
        )
    return {path.suffix: made.getvalue()}


def _input_names(count: int) -> list[str]:
    return ["pixels", *(f"input{k}" for k in range(1, count))]


def _load_onnx(files: Files, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(files[".onnx"], options, providers=["CPUExecutionProvider"])

    def run(inputs: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        return list(session.run(None, dict(zip(_input_names(len(inputs)), inputs, strict=True))))

    return run
