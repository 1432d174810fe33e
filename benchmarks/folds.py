"""Train and test on the folds of a labelled set, each fold a process on one core."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.record import WORK
from gambol.core.labels import Labels
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import splits
from gambol.stages import evaluate, train


class Tested(NamedTuple):
    """Predictions of every frame by the network that never saw its block."""

    labels: Labels  # rows in the order of the arrays below
    fold: np.ndarray  # (N,)
    xy: np.ndarray  # (N, J, 2) video pixels
    confidence: np.ndarray  # (N, J)
    presence: np.ndarray  # (N, J)
    inside90: np.ndarray  # (N, J) bool: within the 90 % region
    minutes_to_3px: list[float]  # of each fold, on its validation frames
    core_minutes: list[float]  # of each fold: processor time of the whole process
    runs: list[Path]


def test(source: Path, name: str, steps: int, k: int = 5) -> Tested:
    """Train k networks, two at a time on a core each, and test each on its block."""
    labels = io_labels.load(source)
    drawn = splits.folds(labels, k)
    runs = [WORK / name / f"fold{i}" for i in range(k)]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda i: _train(source, runs[i], i, k, steps), range(k)))
    parts = [
        evaluate.see(io_run.load(run), labels.select(split.test))
        for run, split in zip(runs, drawn, strict=True)
    ]
    rows = np.concatenate([split.test for split in drawn])
    fold = np.repeat(np.arange(k), [len(split.test) for split in drawn])
    stacked = [
        np.concatenate([getattr(p, f) for p in parts])
        for f in ("xy", "confidence", "presence", "inside90")
    ]
    passed = [_passed(run, 3.0) for run in runs]
    spent = [json.loads((run / "fold.json").read_text())["core_minutes"] for run in runs]
    return Tested(labels.select(rows), fold, *stacked, passed, spent, runs)


def _train(source: Path, run: Path, fold: int, k: int, steps: int) -> None:
    core = fold % (os.cpu_count() or 1)
    command = [
        sys.executable,
        "-m",
        "benchmarks.folds",
        str(source),
        str(run),
        str(fold),
        str(k),
        str(steps),
    ]
    if Path("/usr/bin/taskset").exists():
        command = ["taskset", "-c", str(core), *command]
    subprocess.run(command, check=True)


def _passed(run: Path, px: float) -> float:
    """Minutes until validation was first under this; NaN if never."""
    for line in io_run.read_log(run):
        if line["val_px"] <= px:
            return line["minutes"]
    return float("nan")


def main() -> None:
    """Train one fold; the process that `_train` starts."""
    source, run, fold, k, steps = sys.argv[1:]
    labels = io_labels.load(Path(source))
    split = splits.folds(labels, int(k))[int(fold)]
    cfg = train.TrainConfig().override([f"fit.steps={steps}"])
    note = Path(run) / "fold.json"
    if io_run.is_finished(Path(run)):  # looked at again, which is no training
        train.run(cfg, Path(source), Path(run), threads=1, rows=split)
        return
    before = json.loads(note.read_text())["core_minutes"] if note.exists() else 0.0
    try:
        train.run(cfg, Path(source), Path(run), threads=1, rows=split)
    finally:
        spent = before + time.process_time() / 60
        values = {"fold": int(fold), "of": int(k), "steps": int(steps), "core_minutes": spent}
        store.write_json(values, note)


if __name__ == "__main__":
    main()
