"""Stage `compare`: top-down and bottom-up trained on one split, and the better one kept.

reads   labels               as stage `train` does
writes  out/top-down/        a run of each, in folders that `io.run` describes
        out/bottom-up/
        out/comparison.json  scores on validation, cost, the choice and why
        out/                 copies of the files of the chosen run: `out` is a run itself

Killed at any moment and started again with the same command, it goes on where it was.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int

from gambol.core import regions
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin
from gambol.core.progress import Progress, silent
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import compare_many, splits
from gambol.pose.choose_many import Approach
from gambol.pose.instances import InstanceScoring
from gambol.stages import evaluate_many, train

APPROACHES: tuple[Approach, Approach] = ("top-down", "bottom-up")
LEAST = 100  # labelled animals from which two approaches can be told apart
BLOCK_S = 10.0  # frames so near to each other are drawn together, where they are many
FEWEST = 5  # such blocks; where there are fewer, they are shorter


def run(
    cfg: train.TrainConfig,
    labels: Path,
    out: Path,
    *,
    device: str = "auto",
    threads: int = 0,
    tensorboard: bool = False,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Train both approaches, or go on, and return the folder, which is a run like any other.

    Args:
        cfg: settings of both; each has the whole budget.
        labels: project, label file or foreign project.
        out: folder of the comparison; a finished one made from the same things is kept.
        device: auto, cpu, cuda, cuda:1 or mps.
        threads: cores to use on a CPU; 0 means all.
        tensorboard: also write TensorBoard event files into the run folders.
        progress: hears of every evaluation.
        say: hears what was chosen and why.
    """
    loaded = io_labels.load(labels)
    _check(cfg, loaded)
    made_from = train.origin(cfg, loaded)
    chosen = _chosen(out, made_from)
    if chosen is not None and io_run.is_finished(out):
        say(f"{out} is finished and current")
        return out
    if chosen is None:
        store.write_json({"made_from": made_from, "chosen": None}, out / io_run.COMPARISON)
        for approach in reversed(APPROACHES):  # what cannot be learned bottom-up is said first
            train.run(
                cfg.model_copy(update={"approach": approach}), labels, out / approach,
                device=device, threads=threads, tensorboard=tensorboard,
                progress=_of(approach, progress), say=say,
            )  # fmt: skip
        values = {"made_from": made_from, **_judge(cfg, loaded, out)}
        store.write_json(values, out / io_run.COMPARISON)
        chosen = values["chosen"]
    io_run.adopt(out / chosen, out)
    return out


def read(out: Path) -> dict[str, Any]:
    """Return what a comparison wrote: scores, cost, choice."""
    path = out / io_run.COMPARISON
    values = store.read_json(path)
    if not isinstance(values, dict) or not {"made_from", "chosen"} <= values.keys():
        raise InputError(f"{path} is no comparison; choose another --out")
    return values


class Told(NamedTuple):
    """A comparison for people."""

    table: list[tuple[str, ...]]  # its head first
    notes: list[str]  # what it rests on, and the choice last


def tell(values: dict[str, Any]) -> Told:
    """Lay a comparison out as a table, and say what follows from it."""
    rows: list[tuple[str, ...]] = [
        ("", "OKS AP", "p95 px", "p95 px if both found", "core-minutes")
    ]
    for name, one in values["approaches"].items():
        spent = one["core_minutes"]
        cost = f"{one['minutes']:.1f} min" if spent is None else f"{spent:.1f}"
        rows.append((name, *_cells(one["scores"]), cost))
    rows.append(("difference", *_cells(values["difference"]), ""))
    drawn = values["bootstrap"]
    blocks = f"{drawn['groups']} single frames"
    if drawn["block_s"] is not None:
        blocks = f"{drawn['groups']} blocks of {drawn['block_s']:g} s"
    notes = [
        f"{values['n_frames']} validation frames, {values['n_animals']} animals; in brackets "
        f"95 % intervals, from {blocks}{'; too narrow' if drawn['too_narrow'] else ''}"
    ]
    if values["overlap"]["oks_map"]:
        notes.append("the intervals of OKS AP overlap; that of the difference tells more")
    return Told(rows, [*notes, f"chosen: {values['chosen']}, since {values['why']}"])


def describe(values: dict[str, Any]) -> str:
    """Show a comparison as a short table, and what follows from it."""
    rows, notes = tell(values)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    run = [f"run: {values['run']}"] if "run" in values else []
    return "\n".join([*lines, *notes, *run])


def _check(cfg: train.TrainConfig, labels: Labels) -> None:
    """Refuse what cannot be compared."""
    if cfg.approach is not None:
        raise InputError(
            f"--compare trains both approaches, but the settings say approach={cfg.approach}; "
            "leave one of the two out"
        )
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("--compare trains in one process; leave out torchrun")
    seen = labels.labelled.any(axis=1)
    frames, counts = np.unique(labels.pairs[seen], axis=0, return_counts=True)
    if counts.max(initial=0) < 2:
        raise InputError(
            "--compare is for several animals a frame, but none of the "
            f"{len(frames)} labelled frames shows more than one; leave it out"
        )
    n = int((seen & (labels.origin != Origin.MODEL)).sum())
    if n < LEAST:
        raise InputError(
            f"--compare needs {LEAST} labelled animals to tell two approaches apart, but there "
            f"are {n}; label more, or leave it out"
        )
    if cfg.many.anchor is not None:
        labels.skeleton.index(cfg.many.anchor)  # refused before hours of the other approach


def _chosen(out: Path, made_from: str) -> str | None:
    """What an earlier sitting chose; anything else in the folder is never overwritten."""
    if not (out / io_run.COMPARISON).exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out} exists and holds no comparison; choose another --out")
        return None
    values = read(out)
    if values["made_from"] != made_from:
        raise InputError(
            f"{out} holds a comparison with other settings or labels; choose another --out"
        )
    return next((name for name in APPROACHES if name == values["chosen"]), None)


def _of(approach: str, progress: Progress) -> Progress:
    """Say of which approach a step is."""
    return lambda step: progress(step._replace(stage=f"{approach}, {step.stage}"))


def _judge(cfg: train.TrainConfig, labels: Labels, out: Path) -> dict[str, Any]:
    """Score both on validation and choose."""
    labels = regions.settle(labels).labels
    entries = [splits.Entry(*row) for row in io_run.read_split(out / APPROACHES[0])]
    split = splits.from_rows(labels, entries)
    empty = splits.negatives(labels, split, train.gaps(labels, cfg.split.gap_s))["val"]
    frames = np.concatenate([labels.pairs[split.val], empty])
    truth = labels.select(split.val).within(frames)
    sides = []
    for approach in APPROACHES:
        found = evaluate_many.see(io_run.load(out / approach), truth)
        sides.append(compare_many.Entrant(approach, found.rows, found.video))
    groups, block_s = _blocks(cfg, truth)
    scoring = InstanceScoring()
    compared = compare_many.compare(truth, sides[0], sides[1], groups, scoring)
    choice = compare_many.choose(compared)
    one, two = compared.scores
    films = (train.gaps(truth, 1.0)[truth.video] > 1).any()
    return {
        "chosen": choice.name,
        "settled": choice.settled,
        "why": choice.reason,
        "split": "val",
        "n_frames": compared.n_frames,
        "n_animals": compared.n_animals,
        "approaches": {
            name: {"scores": _plain(scores), **_cost(out / name)}
            for name, scores in zip(APPROACHES, compared.scores, strict=True)
        },
        "difference": _plain(compared.difference),  # top-down minus bottom-up
        "overlap": {name: one[name].meets(two[name]) for name in one},
        "bootstrap": {
            "groups": len(np.unique(groups)),
            "block_s": block_s,
            "too_narrow": bool(films and block_s is None),
            **scoring.model_dump(include={"resamples", "level", "seed"}),
        },
        "labels_hash": labels.content_hash(),
        "split_hash": splits.split_hash(entries),
        "settings_hash": cfg.fingerprint(),
        "settings": cfg.model_dump(mode="json"),
    }


def _blocks(
    cfg: train.TrainConfig, truth: Labels
) -> tuple[Int[np.ndarray, " F"], float | None]:
    """Group frames that look alike: long blocks where they are many, else shorter ones.

    The second is their length in seconds; None where every frame stands for itself.
    """
    frames = truth.frames
    for seconds in (BLOCK_S, cfg.split.gap_s):
        length = train.gaps(truth, seconds)[frames[:, 0]]
        pairs = np.stack([frames[:, 0], frames[:, 1] // length], axis=1)
        names, groups = np.unique(pairs, axis=0, return_inverse=True)
        if len(names) >= FEWEST and (length > 1).any():
            return groups.ravel(), seconds
    return np.arange(len(frames)), None


def _cost(run: Path) -> dict[str, Any]:
    """Time of learning: minutes of the wall clock, and times the cores that worked."""
    logs = [io_run.read_log(folder) for folder in (run / io_run.CENTROID, run)]
    minutes = sum(log[-1]["minutes"] for log in logs if log)
    origin = store.read_json(run / "provenance.json")
    cores = torch.get_num_threads() if origin["device"] == "cpu" else None
    return {
        "run": run.name,
        "weights_hash": origin["weights_hash"],
        "device": origin["device"],
        "minutes": minutes,
        "cores": cores,
        "core_minutes": None if cores is None else cores * minutes,
    }


def _plain(scores: dict[compare_many.Score, compare_many.Interval]) -> dict[str, Any]:
    """Write intervals for JSON, which knows no infinity."""
    return {
        name: {
            key: value if math.isfinite(value) else None
            for key, value in interval._asdict().items()
        }
        for name, interval in scores.items()
    }


def _cells(scores: dict[str, dict[str, float | None]]) -> list[str]:
    """Show numbers with their intervals; what is infinite or undefined as a dash."""
    cells = []
    for name, one in scores.items():
        digits = 3 if name == "oks_map" else 2
        value, low, high = ("–" if v is None else f"{v:.{digits}f}" for v in one.values())
        cells.append(f"{value} ({low} to {high})" if value != "–" or low != "–" else "–")
    return cells
