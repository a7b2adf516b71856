"""One fast way to run the networks on a CPU, behind the same call as PyTorch.

:func:`fast_module` gives a module with the outputs of the one handed in, run by OpenVINO or ONNX Runtime.
The converted network is kept in the scratch folder under the hash of the weights; conversion takes seconds,
a later start reads the file. Both run in float32: results agree with PyTorch to 1e-3 of a logit (tested).
Whatever goes wrong here leads back to PyTorch, with a line in the engine's log. Child process only.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn

FAST = ("openvino", "onnxruntime")
_NEEDS = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx"), "torch": ("torch",)}
_OLD_S = 3 * 24 * 3600.0  # files of other weights are left for so long
_KEPT_VERSIONS = 1  # changes when a converted file of an older program must not be read

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
    module: nn.Module, *example: Tensor, backend: str, cache: Path, key: str, threads: int
) -> nn.Module | None:
    """``module`` (tensors in, tensor or tuple out) run by ``backend``; None where that fails.

    ``example``: its inputs; their first dimension stays free. ``key``: names weights and network in the cache.
    """
    build = {"openvino": _openvino, "onnxruntime": _onnxruntime}.get(backend)
    if build is None:
        return None
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with warnings.catch_warnings():  # tracing is called deprecated; its successor needs a compiler
            warnings.simplefilter("ignore")
            return _wrap(build(module, example, kept(backend, cache, key), threads))
    except Exception:
        sys.stderr.write(f"{backend} is not used for {key}:\n{traceback.format_exc()}")
        return None


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
        traced = torch.jit.trace(module.eval(), example, check_trace=False)
        return torch.jit.freeze(traced)


def _openvino(module: nn.Module, example: tuple[Tensor, ...], path: Path, threads: int) -> Run:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # it reports to its maker
    import openvino as ov

    core = ov.Core()
    model = None
    if path.exists():
        try:
            model = core.read_model(path)
        except RuntimeError:  # cut short or of another build: made again
            sys.stderr.write(traceback.format_exc())
    if model is None:
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        # ov.convert_model does the same with several more passes over the graph: 17 s where this takes 4
        front = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(_traced(module, example))  # must outlive the conversion
        loaded = front.load(decoder)
        for place, given in zip(loaded.get_inputs(), example, strict=True):  # known types leave no open promotions
            loaded.set_element_type(place, ov.Type.f32)
            loaded.set_partial_shape(place, ov.PartialShape([-1, *given.shape[1:]]))
        model = front.convert(loaded)
        temporary = path.with_name(f"{path.stem}-{os.getpid()}.xml")
        ov.save_model(model, temporary, compress_to_fp16=False)
        _publish(temporary.with_suffix(".bin"), path.with_suffix(".bin"))
        _publish(temporary, path)
    compiled = core.compile_model(
        model,
        "CPU",
        {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"},
    )

    def run(inputs: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        return list(compiled(inputs).values())

    return run


def _onnxruntime(module: nn.Module, example: tuple[Tensor, ...], path: Path, threads: int) -> Run:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    names = ["pixels", *(f"input{k}" for k in range(1, len(example)))]
    if not path.exists():
        temporary = path.with_name(f"{path.stem}-{os.getpid()}.onnx")
        with torch.no_grad():
            torch.onnx.export(
                module,
                example,
                temporary,
                dynamo=False,
                input_names=names,
                dynamic_axes={name: {0: "n"} for name in names},
            )
        _publish(temporary, path)
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(inputs: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        return list(session.run(None, dict(zip(names, inputs, strict=True))))

    return run
