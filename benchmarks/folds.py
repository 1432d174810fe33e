"""Train on parts of a labelled set and test on the rest, each training a process on one core.

A training that is finished is kept, one that was killed goes on, and one that was made from
other settings, labels or another split is made anew.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

import gambol
from benchmarks.record import WORK
from gambol.core.labels import Labels
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import splits
from gambol.stages import evaluate, train

Some = TypeVar("Some")
VAL = 0.15  # share of what is not tested that chooses the best weights
NOTE = "fold.json"  # beside what training writes: what it was made from, time it took
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class Task(NamedTuple):
    """One training."""

    source: Path  # labels
    run: Path
    drawn: str  # "fold": contiguous block number `part` of `of`; "block": one anywhere
    part: int  # the fold, or the seed that places the block
    of: int  # a test block is one part of so many
    settings: tuple[str, ...]  # changes of the settings of `gambol train`


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


def test(
    source: Path, name: str, steps: int, k: int = 5, settings: Sequence[str] = ()
) -> Tested:
    """Train k networks, each on all but one contiguous block, and test each on its block."""
    changes = (f"fit.steps={steps}", *settings)
    tasks = [Task(source, WORK / name / f"fold{i}", "fold", i, k, changes) for i in range(k)]
    return test_all(tasks)


def test_all(tasks: Sequence[Task]) -> Tested:
    """Train two at a time on a core each and test each on the frames it never saw."""
    labels = io_labels.load(tasks[0].source)
    drawn = [divide(labels, task) for task in tasks]
    train_all(tasks)
    parts = [
        evaluate.see(io_run.load(task.run), labels.select(split.test))
        for task, split in zip(tasks, drawn, strict=True)
    ]
    rows = np.concatenate([split.test for split in drawn])
    fold = np.repeat(np.arange(len(tasks)), [len(split.test) for split in drawn])
    stacked = [
        np.concatenate([getattr(p, f) for p in parts])
        for f in ("xy", "confidence", "presence", "inside90")
    ]
    runs = [task.run for task in tasks]
    passed = [_passed(run, 3.0) for run in runs]
    spent = [json.loads((run / NOTE).read_text())["core_minutes"] for run in runs]
    return Tested(labels.select(rows), fold, *stacked, passed, spent, runs)


def divide(labels: Labels, task: Task) -> splits.Split:
    """Draw the split of a task; its test part is contiguous in time."""
    if task.drawn == "fold":
        return splits.folds(labels, task.of, val=VAL)[task.part]
    held = splits.Fractions(val=VAL * (1 - 1 / task.of), test=1 / task.of)
    return splits.blocks(labels, held, seed=task.part)


def by_fold(seen: Tested) -> list[float]:
    """Mean distance of each test part, px."""
    error = np.linalg.norm(seen.xy - seen.labels.xy, axis=-1)
    return [float(np.nanmean(error[seen.fold == f])) for f in np.unique(seen.fold)]


def train_all(tasks: Sequence[Task]) -> None:
    """Run the trainings."""
    on_cores(tasks, _train)


def on_cores(tasks: Sequence[Some], work: Callable[[Some, int], None]) -> None:
    """Work on tasks, each on a core of its own; two at a time at most."""
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    cores = _cores()[:2]
    for core in cores:
        free.put(core)

    def one(task: Some) -> None:
        core = free.get()
        try:
            work(task, core)
        finally:
            free.put(core)

    with ThreadPoolExecutor(len(cores)) as pool:
        list(pool.map(one, tasks))


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _train(task: Task, core: int) -> None:
    said = json.dumps([str(task.source), str(task.run), *task[2:]])
    command = [sys.executable, "-m", "benchmarks.folds", said]
    if Path("/usr/bin/taskset").exists():
        command = ["taskset", "-c", str(core), *command]
    subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})


def _passed(run: Path, px: float) -> float:
    """Minutes until validation was first under this; NaN if never."""
    for line in io_run.read_log(run):
        if line["val_px"] <= px:
            return float(line["minutes"])
    return float("nan")


def main() -> None:
    """Do one task; the process that `_train` starts."""
    source, run, *rest, settings = json.loads(sys.argv[1])
    task = Task(Path(source), Path(run), *rest, tuple(settings))
    labels = io_labels.load(task.source)
    split = divide(labels, task)
    cfg = train.TrainConfig().override(task.settings)
    made = [
        gambol.__version__,
        cfg.fingerprint(),
        labels.content_hash(),
        splits.split_hash(splits.to_rows(labels, split)),
    ]
    before = _before(task.run, made)
    if io_run.is_finished(task.run):
        return

    def note(_: Any = None) -> None:
        spent = before + time.process_time() / 60
        values = {"made_from": made, "settings": task.settings, "core_minutes": spent}
        if (task.run / "config.yaml").exists():  # else it is not the run's folder yet
            store.write_json(values, task.run / NOTE)

    try:
        train.run(cfg, task.source, task.run, threads=1, rows=split, progress=note)
    finally:
        note()


def _before(run: Path, made: list[str]) -> float:
    """Core-minutes of earlier sittings; what was made from something else is removed."""
    if not run.exists():
        return 0.0
    kept = json.loads((run / NOTE).read_text()) if (run / NOTE).exists() else {}
    if kept.get("made_from") == made:
        return float(kept["core_minutes"])
    shutil.rmtree(run)
    return 0.0


if __name__ == "__main__":
    main()
