"""The work of a comparison of networks, each piece in a process of its own on one core.

reads   labels                the labels
writes  RUN/                  an ordinary training run, and in it
        RUN/bench.json        processor time, at the end and at every evaluation
        RUN/tested.npz        predictions of the frames of the test block; written last
        PILOT.json            what a step costs, measured on a few
        COST.json             size and speed of a network
"""

import shutil
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core import regions
from gambol.core.cores import usable_cores
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.progress import Step
from gambol.io import frames as io_frames
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.nn import engine
from gambol.nn.cost import flops
from gambol.nn.model import parameter_count
from gambol.pose import predict, splits
from gambol.pose import train as loop
from gambol.stages import evaluate, learning, train

NOTE, TESTED = "bench.json", "tested.npz"
PILOT_STEPS = 24
BATCHES = (1, 16)  # frames at once, whose speed is measured
TIMED_S = 2.0  # of each


class Training(NamedTuple):
    """One network that learns on one split."""

    labels: str
    labels_hash: str  # of those outside of regions
    run: str
    settings: dict[str, Any]
    rows: tuple[list[int], ...]  # parts of the split, rows of the labels
    device: str
    steps: int | None  # None: the network has one optimum


class Costs(NamedTuple):
    """A network whose speed is measured."""

    labels: str
    labels_hash: str  # of those outside of regions
    run: str  # finished
    row: int  # of the label file: the frame that is predicted
    out: str
    device: str


class Clock:
    """Minutes that this process has spent on a device, those of earlier sittings included."""

    def __init__(self, device: str, before: float = 0.0) -> None:
        kind = engine.choose_device(device).torch_name
        self.now: Callable[[], float] = (
            time.process_time if kind == "cpu" else time.monotonic
        )  # what a GPU does is no time of the processor
        self.start = 0.0 if kind == "cpu" else self.now()
        self.before = before

    def minutes(self) -> float:
        """Return the time so far."""
        return self.before + (self.now() - self.start) / 60


def train_one(job: Training) -> None:
    """Train, or go on, and predict the test block.

    Raises:
        InputError: training failed or was stopped, or the labels are no longer those that the
            rows of the job are of.
    """
    run, truth = Path(job.run), _known(job)
    cfg = train.TrainConfig.from_values(job.settings, job.run)
    note = store.read_json(run / NOTE) if (run / NOTE).exists() else {}
    clock = Clock(job.device, float(note.get("core_minutes", 0.0)))
    at = dict(note.get("at", []))

    def keep() -> None:
        if (run / "config.yaml").exists():  # else it is not the run's folder yet
            told = {"core_minutes": clock.minutes(), "at": sorted(at.items())}
            store.write_json(told, run / NOTE)

    def hear(step: Step) -> None:
        at[step.done] = clock.minutes()
        keep()

    parts = split(job)
    if not io_run.is_finished(run):
        try:
            train.run(
                cfg, Path(job.labels), run,
                device=job.device, threads=1, rows=parts, progress=hear,
            )  # fmt: skip
        except loop.Stopped as stopped:
            raise InputError(str(stopped)) from stopped
        finally:
            keep()
    if store.read_json(run / "provenance.json")["labels_hash"] != job.labels_hash:
        raise _changed(job)  # between our look and that of the training
    seen = evaluate.see(io_run.load(run), truth.select_rows(parts.test))
    with store.atomic(run / TESTED) as partial, partial.open("wb") as file:
        np.savez(file, rows=parts.test, xy=seen.xy, confidence=seen.confidence)


def pilot(job: Training) -> None:
    """Train a few steps and write what one costs, and an evaluation; the run is thrown away."""
    run, _ = Path(job.run), _known(job)
    shutil.rmtree(run, ignore_errors=True)  # of a pilot that was killed
    clock = Clock(job.device)
    watch = _Watch(clock)
    cfg = train.TrainConfig.from_values(job.settings, job.run)
    cfg = cfg.override([f"fit.steps={PILOT_STEPS}", f"fit.evaluate_every={PILOT_STEPS // 8}"])
    try:
        train.run(
            cfg, Path(job.labels), run,
            device=job.device, threads=1, rows=split(job), watch=watch,
        )  # fmt: skip
    except loop.Stopped as stopped:
        raise InputError(str(stopped)) from stopped
    shutil.rmtree(run)
    store.write_json(watch.costs(), run.with_suffix(".json"))


def look(job: Costs) -> None:
    """Measure how large a network is and how fast it finds an animal in frames in memory."""
    truth = _known(job).select_rows(np.array([job.row]))
    trained = io_run.load(Path(job.run))
    net, scale = trained.net, trained.model.scale
    frame = next(io_frames.labelled(truth, grey=trained.model.grey))
    small = predict.shrink(frame[None], scale)
    sides = [-(-side // net.multiple) * net.multiple for side in small.shape[1:3]]
    parameters, work = parameter_count(net), flops(net, *sides)
    device = engine.choose_device(job.device)
    run_by = engine.build(net, device, "float32", 1)
    ready = predict.Net(run_by, net.position, net.multiple, scale)
    fields = store.read_json(Path(job.run) / "provenance.json")["field_px"]
    side = np.nan if fields["side"] is None else fields["side"]  # none: sees the whole picture
    found: dict[str, Any] = {
        "parameters": parameters,
        "gflops": work / 1e9,
        "scale": scale,
        "frame": list(frame.shape[:2]),
        "field_px": side / scale,
        "effective_px": fields["radius"] / scale,
        "engine": run_by.name,
    }

    def answer(frames: np.ndarray) -> Any:
        return predict.whole(ready, predict.shrink(frames, scale))

    for batch in BATCHES:
        frames = np.repeat(frame[None], batch, axis=0)
        found[f"ms_{batch}"] = _milliseconds(partial(answer, frames), batch)
    store.write_json(store.nulls(found), Path(job.out))


def at_a_time(device: str) -> int:
    """Return how many trainings run at a time: one a core, or one on a GPU."""
    on_gpu = engine.choose_device(device).torch_name != "cpu"
    return 1 if on_gpu else usable_cores()


def is_tested(run: Path) -> bool:
    """Tell whether a training is over and its test block predicted."""
    return (run / TESTED).exists()


class Settled(NamedTuple):
    """Labels outside of all regions, and which rows of the file they are."""

    labels: Labels
    rows: np.ndarray

    def select_rows(self, rows: np.ndarray) -> Labels:
        """Return rows of the file."""
        return self.labels.select(np.searchsorted(self.rows, rows))


def settled(path: Path) -> Settled:
    """Read labels; what lies in regions is neither learnt nor tested."""
    return Settled(*regions.settle(io_labels.load(path)))


def _known(job: Training | Costs) -> Settled:
    """Read the labels of a job, and refuse others, in which its rows are other frames."""
    found = settled(Path(job.labels))
    if found.labels.content_hash() != job.labels_hash:
        raise _changed(job)
    return found


def _changed(job: Training | Costs) -> InputError:
    return InputError(
        f"{job.labels} changed while networks were compared; undo the change, or compare on a "
        "copy that nobody labels (gambol export) with another --out"
    )


def split(job: Training) -> splits.Split:
    """Return the rows of each part."""
    return splits.Split(*(np.array(rows, np.int64) for rows in job.rows))


class _Watch:
    """Remembers what steps and evaluations of each network took, in minutes."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.since = clock.minutes()
        self.steps: dict[str, list[float]] = {}
        self.evaluations: dict[str, list[float]] = {}

    def enough(self) -> bool:
        return False

    def heard(self, job: learning.Job, seen: loop.Seen) -> None:
        self.steps.setdefault(job.name, []).append(self._taken())

    def evaluated(self, job: learning.Job, line: loop.Evaluated, off: np.ndarray) -> None:
        self.evaluations.setdefault(job.name, []).append(self._taken())

    def _taken(self) -> float:
        before, self.since = self.since, self.clock.minutes()
        return self.since - before

    def costs(self) -> dict[str, float]:
        """Return seconds of a step and of an evaluation; first ones make a process ready."""
        steps = np.concatenate([taken[2:] for taken in self.steps.values()])
        each = [np.median(taken[1:] or taken) for taken in self.evaluations.values()]
        return {"step_s": 60 * float(steps.mean()), "evaluation_s": 60 * float(np.sum(each))}


def _milliseconds(work: Callable[[], Any], batch: int) -> float:
    """Return the median time of a frame, after a first go that makes ready."""
    work()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < TIMED_S:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken) / batch
