"""What a comparison of networks has to do, done: pilots, trainings, sizes and speeds.

writes  out/pilots/*.json  what a step of a network costs
        out/runs/…         the trainings, see `bench_jobs`
        out/costs/*.json   size and speed of a network
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gambol.core.progress import Progress, Step
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import rivals, splits
from gambol.pose.train import FitConfig
from gambol.stages import bench_jobs, bench_networks, workers
from gambol.stages.bench_jobs import Costs, Training
from gambol.stages.bench_networks import Network

EVALUATIONS = 20  # of a run, which draw its curve; more where steps are many
OFTEN = 200  # steps after which an evaluation is due, at most
USUAL_EVERY = FitConfig().evaluate_every

Some = TypeVar("Some", Training, Costs)


class Key(NamedTuple):
    """One training."""

    network: str
    frames: int | None  # to train on; None: all of the fold
    fold: int


class Plan(NamedTuple):
    """Everything that is settled before the first training."""

    labels: Path
    labels_hash: str  # of those outside of regions
    out: Path
    device: str
    workers: int
    networks: list[Network]
    counts: tuple[int | None, ...]  # rising
    folds: dict[int, splits.Split]  # that are tested; rows of the label file
    minutes: float
    steps: int | None  # instead of minutes
    seed: int


class Done(NamedTuple):
    """What there is in the end."""

    runs: dict[Key, Path]  # of the networks that did not fail
    steps: dict[str, int | None]  # None: one optimum, no budget
    costs: dict[str, dict[str, Any]]  # as `bench_jobs.look` writes
    failed: dict[str, str]  # network: why


def work(plan: Plan, progress: Progress) -> Done:
    """Do what is missing; a network of which something fails is left out from then on."""
    steps, failed = _settle_steps(plan, progress)
    jobs = {
        Key(one.name, count, fold): _training(plan, one, steps[one.name], count, fold)
        for one in plan.networks if one.name not in failed
        for count in plan.counts for fold in plan.folds
    }  # fmt: skip
    missing = {k: job for k, job in jobs.items() if not bench_jobs.is_tested(Path(job.run))}
    failed |= _do(bench_jobs.train_one, missing, plan.workers, progress, "train", len(jobs))
    left = {k: Path(job.run) for k, job in jobs.items() if k.network not in failed}
    costs, more = _look(plan, left, progress)
    failed |= more
    left = {key: run for key, run in left.items() if key.network not in failed}
    return Done(left, steps, costs, failed)


def steps_within(minutes: float, step_s: float, evaluation_s: float, every: int | None) -> int:
    """Return how many steps fit into minutes, evaluations included; 1 at least.

    Args:
        minutes: of training.
        step_s: of a step.
        evaluation_s: of an evaluation.
        every: steps between two; None: as `every_steps` says.
    """
    budget = 60 * minutes
    if every is not None:
        return max(int(budget / (step_s + evaluation_s / every)), 1)
    # where evaluations cost more than half, they are what has to be short
    steps = max(budget - EVALUATIONS * evaluation_s, budget / 2) / step_s
    if steps > OFTEN * EVALUATIONS:
        steps = budget / (step_s + evaluation_s / OFTEN)
    return max(int(steps), 1)


def every_steps(steps: int) -> int:
    """Return after how many steps a run looks at validation."""
    return min(max(steps // EVALUATIONS, 1), OFTEN)


def _settle_steps(
    plan: Plan, progress: Progress
) -> tuple[dict[str, int | None], dict[str, str]]:
    """Return the steps of every network: as asked, or what the minutes hold by a pilot."""
    convex = [one for one in plan.networks if bench_networks.convex(one)]
    steps: dict[str, int | None] = dict.fromkeys(one.name for one in convex)
    others = [one for one in plan.networks if one.name not in steps]
    if plan.steps is not None:
        return steps | dict.fromkeys((one.name for one in others), plan.steps), {}
    fold, split = next(iter(plan.folds.items()))
    places = {one.name: plan.out / "pilots" / slug(one) for one in others}
    jobs = {
        Key(one.name, None, fold): _job(plan, one, split, places[one.name], None)
        for one in others if not places[one.name].with_suffix(".json").exists()
    }  # fmt: skip
    failed = _do(bench_jobs.pilot, jobs, plan.workers, progress, "pilot", len(others))
    for one in others:
        if one.name not in failed:
            cost = store.read_json(places[one.name].with_suffix(".json"))
            own = one.cfg.fit.evaluate_every
            every = None if own == USUAL_EVERY else own
            steps[one.name] = steps_within(plan.minutes, every=every, **cost)
    return steps, failed


def _training(
    plan: Plan, network: Network, steps: int | None, count: int | None, fold: int
) -> Training:
    """Return the job of a network, a number of labels and a fold."""
    if steps is not None:
        said = [f"fit.steps={steps}"]
        if network.cfg.fit.evaluate_every == USUAL_EVERY:
            said.append(f"fit.evaluate_every={every_steps(steps)}")
        network = network._replace(cfg=network.cfg.override(said))
    split = plan.folds[fold]
    some = split._replace(train=rivals.nested(split.train, count, (plan.seed, fold)))
    where = plan.out / "runs" / slug(network) / ("all" if count is None else str(count))
    return _job(plan, network, some, where / f"fold{fold + 1}", steps)


def _job(
    plan: Plan, network: Network, split: splits.Split, run: Path, steps: int | None
) -> Training:
    rows = tuple(part.tolist() for part in split)
    settings = network.cfg.model_dump(mode="json")
    return Training(
        str(plan.labels), plan.labels_hash, str(run.resolve()), settings, rows, plan.device,
        steps,
    )  # fmt: skip


def slug(network: Network) -> str:
    """Return the name of a folder, which changes when a setting of the network does."""
    plain = re.sub(r"[^\w]+", "-", network.name).strip("-")[:48]
    return f"{plain}-{network.cfg.fingerprint()[:6]}"


def _look(
    plan: Plan, runs: Mapping[Key, Path], progress: Progress
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Measure size and speed, one network at a time; each run of it would say the same."""
    fold, split = next(iter(plan.folds.items()))
    names = list(dict.fromkeys(key.network for key in runs))
    own = {name: runs[Key(name, plan.counts[-1], fold)] for name in names}
    places = {
        name: plan.out / "costs" / f"{run.parent.parent.name}.json" for name, run in own.items()
    }
    jobs = {
        Key(name, None, fold): Costs(
            str(plan.labels), plan.labels_hash, str(own[name]), int(split.test[0]),
            str(place.resolve()), plan.device,
        )
        for name, place in places.items() if not place.exists()
    }  # fmt: skip
    failed = _do(bench_jobs.look, jobs, 1, progress, "measure", len(names))
    found = {name: store.read_json(p) for name, p in places.items() if name not in failed}
    return found, failed


def _do(
    work: Callable[[Some], None],
    jobs: Mapping[Key, Some],
    many: int,
    progress: Progress,
    stage: str,
    total: int,
) -> dict[str, str]:
    """Do jobs, and return why networks failed; progress is in hundredths of a job."""
    done, most = total - len(jobs), 0
    failed: dict[str, str] = {}
    keys = {job.run: key for key, job in jobs.items()}

    def tell(running: list[Some]) -> None:
        nonlocal most  # what was read of a log while it ran may be more than what counts now
        names = ", ".join(_said(keys[job.run]) for job in running)
        most = max(most, int(100 * (done + sum(map(share, running)))))
        progress(Step(stage, most, 100 * total, names))

    if total:
        tell([])
    for job, why in workers.each(work, list(jobs.values()), many, tell):
        done += 1
        key = keys[job.run]
        if why is not None:
            failed.setdefault(key.network, f"{_said(key)}: {why}")
        most = max(most, 100 * done)
        progress(Step(stage, most, 100 * total, _said(key)))
    return failed


def share(job: Training | Costs) -> float:
    """How much of a job is done, by the log of its run."""
    steps = getattr(job, "steps", None)
    log = io_run.read_log(Path(job.run)) if steps else []
    return min(float(log[-1]["step"]) / steps, 1.0) if log and steps else 0.0


def _said(key: Key) -> str:
    count = "" if key.frames is None else f" {key.frames} labels,"
    return f"{key.network},{count} fold {key.fold + 1}"
