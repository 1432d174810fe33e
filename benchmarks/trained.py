"""Train a network on a split that is given, in a process of its own on one core.

As in `benchmarks.folds`, a training that is finished is kept, one that was killed goes on, and
one that was made from other things is made anew.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gambol
from benchmarks import folds
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import splits
from gambol.stages import train


class Job(NamedTuple):
    """One training."""

    source: Path  # labels
    run: Path
    settings: tuple[str, ...]  # changes of the settings of `gambol train`
    split: splits.Split | None = None  # None: as `gambol train` draws it


def train_all(jobs: Sequence[Job]) -> list[float]:
    """Train two at a time on a core each; return the core-minutes of each."""
    folds.on_cores(jobs, _train)
    return [json.loads((job.run / folds.NOTE).read_text())["core_minutes"] for job in jobs]


def _train(job: Job, core: int) -> None:
    rows = None if job.split is None else [part.tolist() for part in job.split]
    said = json.dumps([str(job.source), str(job.run), job.settings, rows])
    command = [sys.executable, "-m", "benchmarks.trained", said]
    if shutil.which("taskset"):
        command = ["taskset", "-c", str(core), *command]
    subprocess.run(command, check=True, env={**os.environ, **folds.ONE_THREAD})


def main() -> None:
    """Do one job; the process that `_train` starts."""
    source, run, settings, rows = json.loads(sys.argv[1])
    job = Job(Path(source), Path(run), tuple(settings))
    labels = io_labels.load(job.source)
    split = None if rows is None else splits.Split(*(np.array(r, np.int64) for r in rows))
    drawn = "" if split is None else splits.split_hash(splits.to_rows(labels, split))
    cfg = train.TrainConfig().override(job.settings)
    made = [gambol.__version__, cfg.fingerprint(), labels.content_hash(), drawn]
    before = folds._before(job.run, made)
    if io_run.is_finished(job.run):
        return

    def note(_: Any = None) -> None:
        spent = before + time.process_time() / 60
        values = {"made_from": made, "settings": job.settings, "core_minutes": spent}
        if (job.run / "config.yaml").exists():  # else it is not the run's folder yet
            store.write_json(values, job.run / folds.NOTE)

    try:
        train.run(cfg, job.source, job.run, threads=1, rows=split, progress=note, say=print)
    finally:
        note()


if __name__ == "__main__":
    main()
