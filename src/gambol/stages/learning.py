"""One network's training inside a run folder: state, log, interruption; shared by all models.

writes  out/state.pt             while it is not finished
        out/log.jsonl            one line per evaluation
        out/weights.safetensors  averaged weights, best on validation
        out/last.safetensors     raw weights of the last step
        out/snapshot1.safetensors …  averaged weights at the ends of other cycles of the rate
        out/fitted.json          why it stopped; written last
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch

from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.core.skeleton import Skeleton
from gambol.io import run as io_run
from gambol.io import store
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.pyramid import EncodedSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.transfer import Taken
from gambol.pose import dataset, schedule, train
from gambol.pose.distributed import Team
from gambol.pose.unlabelled import Unlabelled


class Watch(Protocol):
    """Whoever looks on while a network learns, and may say that it is enough."""

    def enough(self) -> bool:
        """Tell whether the run shall end after this step, with the best weights."""

    def heard(self, job: "Job", seen: train.Seen) -> None:
        """Hear of a step."""

    def evaluated(self, job: "Job", line: train.Evaluated, off: np.ndarray) -> None:
        """Hear of an evaluation; `off` are its distances, px, NaN where nothing is known."""


class Sitting(NamedTuple):
    """Where and before whom training happens; nothing of it changes the result."""

    device: str  # of torch
    team: Team
    tensorboard: bool
    progress: Progress
    say: Callable[[str], None]
    watch: Watch | None = None
    at_once: int | None = None  # most samples that go through a network together


class Held(NamedTuple):
    """Validation frames that can be looked at: one animal each, which the network finds."""

    frames: dataset.Frames
    places: tuple[tuple[str, int], ...] = ()  # video and number of each, where that is known


class Job(NamedTuple):
    """What one network learns, and where that is kept."""

    name: str  # for people who watch
    out: Path
    made_from: str  # hash of everything that the result depends on
    spec: ModelSpec
    frames: dataset.Frames
    judge: train.Judge  # px, which people see as they are
    windows: dataset.Windows
    skeleton: Skeleton
    fit: train.FitConfig
    augment: AugmentConfig
    rows: tuple[str, ...] = ()  # what each frame is called in messages
    held: Held | None = None
    start: Callable[[PoseNet], Taken] | None = None  # gives the network weights from elsewhere
    # px, for which a larger error counts when the best weights are chosen: a few keypoints that
    # are taken for others must not choose them
    most: float = np.inf
    # of the averaged weights as they are: a run that predicts whole frames, if one does
    model: Callable[[PoseNet], io_run.Trained] | None = None
    unlabelled: Unlabelled | None = None  # what frames without labels teach


def learn(job: Job, sitting: Sitting) -> train.Fitted:
    """Train, or go on training, or read what was trained already."""
    if (done := _finished(job)) is not None:
        return done
    torch.manual_seed(job.fit.seed)
    net = PoseNet(job.spec)
    taken = Taken({}, ()) if job.start is None else job.start(net)
    anew = isinstance(job.spec.backbone, EncodedSpec) and job.start is None
    first = sitting.team.first
    job.out.mkdir(parents=True, exist_ok=True)
    state = io_run.read_state(job.out)
    if state is not None:
        _check_origin(job, state.pop("made_from"))
    if first:
        history = [] if state is None else state["history"]
        io_run.rewrite_log([train.Evaluated(*e)._asdict() for e in history], job.out)
    with asked_to_stop() as stop, _board(job.out, sitting.tensorboard and first) as board:
        watch, off = sitting.watch, [np.zeros(0)]

        def judge(net: PoseNet, where: torch.device) -> np.ndarray:
            off[0] = job.judge(net, where)
            return np.minimum(off[0], job.most)

        def log(line: train.Evaluated) -> None:
            io_run.append_log(line._asdict(), job.out)
            board(line)
            sitting.progress(_step(job, line))
            if watch is not None:
                watch.evaluated(job, line, off[0])

        fitted = train.fit(
            net,
            job.frames,
            judge,
            job.windows,
            job.skeleton,
            schedule.settle(job.fit, anew),
            job.augment,
            device=sitting.device,
            name=lambda row: job.rows[row] if job.rows else str(row),
            team=sitting.team,
            state=state,
            save=lambda s: io_run.write_state({**s, "made_from": job.made_from}, job.out),
            log=log,
            stop=stop,
            enough=watch.enough if watch else lambda: False,
            heard=partial(watch.heard, job) if watch else lambda seen: None,
            at_once=sitting.at_once,
            borrowed=taken.rates,
            unlabelled=job.unlabelled,
        )
    if first:
        keep(job.out, job.made_from, fitted)
    sitting.team.wait()
    return fitted


def _finished(job: Job) -> train.Fitted | None:
    """What an earlier sitting found."""
    path = job.out / "fitted.json"
    if not path.exists():
        return None
    note = store.read_json(path)
    _check_origin(job, note["made_from"])
    history = [train.Evaluated(**line) for line in io_run.read_log(job.out)]
    weights = io_run.read_weights(job.out / "weights.safetensors")
    last = io_run.read_weights(job.out / "last.safetensors")
    names = [io_run.snapshot(n) for n in range(note.get("snapshots", 0))]
    others = tuple(io_run.read_weights(job.out / name) for name in names)
    return train.Fitted(weights, last, history, note["best"], note["reason"], others)


def _check_origin(job: Job, made_from: str) -> None:
    """Refuse to overwrite what other settings made."""
    if made_from != job.made_from:
        raise InputError(
            f"{job.out} holds an unfinished run with other settings; choose another --out"
        )


def keep(out: Path, made_from: str, fitted: train.Fitted) -> None:
    """Write what was found; the note comes last."""
    io_run.write_weights(fitted.weights, out / "weights.safetensors")
    io_run.write_weights(fitted.last, out / "last.safetensors")
    for n, weights in enumerate(fitted.others):
        io_run.write_weights(weights, out / io_run.snapshot(n))
    note = {"made_from": made_from, "best": fitted.best, "reason": fitted.reason}
    if fitted.others:
        note["snapshots"] = len(fitted.others)
    store.write_json(note, out / "fitted.json")
    (out / io_run.STATE).unlink(missing_ok=True)


def _step(job: Job, line: train.Evaluated) -> Step:
    """Progress of the budget, in its own unit."""
    note = f"step {line.step}, validation {line.val_px:.2f} px"
    fit = job.fit
    if fit.minutes is not None and fit.steps is None:
        total = round(60 * fit.minutes)  # the last step ends a little later
        return Step(job.name, min(round(60 * line.minutes), total), total, note)
    return Step(job.name, line.step, fit.steps or fit.max_steps, note)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Listen for SIGTERM, which clusters send some time before they kill."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _board(out: Path, wanted: bool) -> Iterator[Callable[[train.Evaluated], None]]:
    """Write TensorBoard events where they are wanted."""
    if not wanted:
        yield lambda line: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard is not installed; run `pip install gambol[tensorboard]`"
        ) from error
    writer = SummaryWriter(str(out / "tensorboard"))

    def add(line: train.Evaluated) -> None:
        for name, value in line._asdict().items():
            if name != "step" and isinstance(value, int | float):
                writer.add_scalar(name, value, line.step)

    try:
        yield add
    finally:
        writer.close()
