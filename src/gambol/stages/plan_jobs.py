"""The trainings of a plan, each in a process of its own on one core, tested on other films.

writes  out/pilots/*.json        what a step of a network costs
        out/runs/RUN/            an ordinary training run, and in it
        out/runs/RUN/tested.npz  how far it errs on the labels of the films that it never saw
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.errors import InputError
from gambol.core.instances import body_length
from gambol.core.labels import Labels
from gambol.core.progress import Progress, Step
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import evaluate as scoring
from gambol.pose import judge, splits
from gambol.pose import train as loop
from gambol.stages import (
    bench_jobs,
    bench_networks,
    bench_runs,
    evaluate,
    evaluate_many,
    train,
    workers,
)
from gambol.stages.bench_jobs import TESTED, Training
from gambol.stages.plan_world import Films

VAL_EVERY = 7  # of the labelled frames one chooses the weights


class Arm(NamedTuple):
    """One training."""

    labels: int
    width: int  # of the pictures, px
    network: str


class Texts(NamedTuple):
    """Where the labels of films are."""

    learn: Path
    test: Path


class Bench(NamedTuple):
    """What trainings need."""

    films: dict[int, Films]  # by width
    out: Path
    minutes: float
    steps: int | None  # instead of minutes
    seed: int
    device: str
    at_once: int
    progress: Progress

    def labels(self, width: int) -> Texts:
        """Return the labels of the films of a width."""
        learn, test = (film.labels for film in self.films[width])
        assert learn is not None and test is not None
        return Texts(learn, test)


class Job(NamedTuple):
    """One training, and what it is tested on."""

    training: Training
    test: str  # labels of other films


class Tested(NamedTuple):
    """How far a run errs on labelled frames, px of its films."""

    far: Float[np.ndarray, "N J"]  # infinite where not found, NaN where not labelled
    moment: Int[np.ndarray, " N"]  # the frame, the same in all cameras


def train_all(bench: Bench, arms: Sequence[Arm]) -> dict[Arm, Path]:
    """Train and test what is missing, and return all runs.

    Raises:
        InputError: a training failed.
    """
    steps = _settle_steps(bench, arms)
    jobs = {
        arm: _job(bench, arm, _place(bench, arm), steps[arm._replace(labels=0)]) for arm in arms
    }
    missing = {
        arm: job for arm, job in jobs.items()
        if not bench_jobs.is_tested(Path(job.training.run))
    }  # fmt: skip
    _do(bench, train_one, missing, "train", len(jobs))
    return {arm: Path(job.training.run) for arm, job in jobs.items()}


def split(labels: Labels, count: int, seed: int) -> splits.Split:
    """Draw so many labelled frames to learn from, a seventh of which choose the weights.

    With an equal seed, fewer are among more. No frame is left to test on: that is done on
    other films.
    """
    drawn = np.random.default_rng(seed).permutation(len(labels.frames))[:count]
    choosing = drawn[VAL_EVERY // 2 :: VAL_EVERY]
    learning = np.setdiff1d(drawn, choosing)
    places = np.stack([labels.video, labels.frame], axis=1)
    train_rows, val = (_rows(places, labels.frames[part]) for part in (learning, choosing))
    none = np.zeros(0, np.int64)
    return splits.Split(train_rows, val, none, none)


def train_one(job: Job) -> None:
    """Train, or go on, and test.

    Raises:
        InputError: training failed or was stopped.
    """
    one = job.training
    run = Path(one.run)
    cfg = train.TrainConfig.from_values(one.settings, one.run)
    try:
        train.run(
            cfg, Path(one.labels), run,
            device=one.device, threads=1, rows=bench_jobs.split(one),
        )  # fmt: skip
    except loop.Stopped as stopped:
        raise InputError(str(stopped)) from stopped
    truth = io_labels.load(Path(job.test))
    far = _far(io_run.load(run), truth)
    with store.atomic(run / TESTED) as partial, partial.open("wb") as file:
        np.savez(file, far=far, moment=truth.frame)


def pilot_one(job: Job) -> None:
    """Measure what a step costs."""
    bench_jobs.pilot(job.training)


def tested(run: Path) -> Tested:
    """Read how far a run errs."""
    with np.load(run / TESTED, allow_pickle=False) as file:
        return Tested(file["far"], file["moment"])


def _settle_steps(bench: Bench, arms: Sequence[Arm]) -> dict[Arm, int | None]:
    """Return how many steps each network has at each width; Arms with no labels name them."""
    kinds = {arm._replace(labels=0): arm for arm in sorted(arms)}  # of the most labels
    nets = {kind: bench_networks.read(kind.network, train.TrainConfig()) for kind in kinds}
    convex = {kind: None for kind, net in nets.items() if bench_networks.convex(net)}
    if bench.steps is not None:
        return {kind: bench.steps for kind in kinds} | convex
    others = {kind: arm for kind, arm in kinds.items() if kind not in convex}
    places = {
        kind: bench.out / "pilots" / f"{kind.width}-{bench_runs.slug(nets[kind])}"
        for kind in others
    }
    jobs = {
        arm: _job(bench, arm, places[kind], None) for kind, arm in others.items()
        if not places[kind].with_suffix(".json").exists()
    }  # fmt: skip
    _do(bench, pilot_one, jobs, "pilot", len(others))
    costs = {kind: store.read_json(at.with_suffix(".json")) for kind, at in places.items()}
    found = {
        kind: bench_runs.steps_within(bench.minutes, every=None, **cost)
        for kind, cost in costs.items()
    }
    return {**found, **convex}


def _place(bench: Bench, arm: Arm) -> Path:
    network = bench_networks.read(arm.network, train.TrainConfig())
    return bench.out / "runs" / f"{arm.labels}-{arm.width}-{bench_runs.slug(network)}"


def _job(bench: Bench, arm: Arm, run: Path, steps: int | None) -> Job:
    """Return a training of so many steps; None: a pilot, or a network with one optimum."""
    said = [f"fit.seed={bench.seed}"]
    if steps is not None:
        said += [f"fit.steps={steps}", f"fit.evaluate_every={bench_runs.every_steps(steps)}"]
    cfg = bench_networks.read(arm.network, train.TrainConfig()).cfg.override(said)
    path, test = bench.labels(arm.width)
    labels = io_labels.load(path)
    rows = split(labels, arm.labels, bench.seed)
    training = Training(
        str(path), labels.content_hash(), str(run.resolve()), cfg.model_dump(mode="json"),
        tuple(part.tolist() for part in rows), bench.device, steps,
    )  # fmt: skip
    return Job(training, str(test))


def _do(
    bench: Bench,
    work: Callable[[Job], None],
    jobs: Mapping[Arm, Job],
    stage: str,
    total: int,
) -> None:
    """Do jobs; progress is in hundredths of one."""
    done = total - len(jobs)
    arms = {job.training.run: arm for arm, job in jobs.items()}

    def tell(running: list[Job]) -> None:
        shares = sum(bench_runs.share(job.training) for job in running)
        names = ", ".join(_said(arms[job.training.run]) for job in running)
        bench.progress(Step(stage, int(100 * (done + shares)), 100 * total, names))

    for job, why in workers.each(work, list(jobs.values()), bench.at_once, tell):
        done += 1
        name = _said(arms[job.training.run])
        if why is not None:
            raise InputError(f"{name}: {why}")
        bench.progress(Step(stage, 100 * done, 100 * total, name))


def _said(arm: Arm) -> str:
    return f"{arm.network}, {arm.labels} labels, {arm.width} px"


def _far(trained: io_run.Trained, truth: Labels) -> Float[np.ndarray, "N J"]:
    if trained.model.many is None:
        return scoring.distances(truth.xy, evaluate.see(trained, truth).xy)
    found = evaluate_many.see(trained, truth)
    place = np.stack([found.video, found.rows.frame], axis=1)
    at = np.stack([truth.video, truth.frame], axis=1)
    who = judge.match_all(found.rows.xy, place, truth.xy, at, body_length(truth.xy))
    xy = np.full(truth.xy.shape, np.nan)
    xy[who >= 0] = found.rows.xy[who[who >= 0]]
    return scoring.distances(truth.xy, xy)


def _rows(
    places: Int[np.ndarray, "N 2"], frames: Int[np.ndarray, "F 2"]
) -> Int[np.ndarray, " n"]:
    """Return the rows that lie in frames."""
    return np.flatnonzero((places[:, None] == frames[None]).all(axis=2).any(axis=1))
