"""Stage `bench-models`: several networks on the same labels, splits and budget, side by side.

reads   labels                       project, label file or foreign project; one animal a frame
writes  out/labels/                  a copy of the labels, which all jobs read
        out/runs/NETWORK/COUNT/FOLD/ an ordinary training run of every network, number of labels
                                     and fold, with predictions of its test block
        out/pilots/, out/costs/      what a step costs; size and speed of every network
        out/table.csv                a line for every network and number of labels
        out/result.json              the same with folds and curves, and where it came from
        out/report.html              the figures

Test parts are contiguous blocks of frames. Validation chooses the weights of a run; its test
block only reports. Killed and started again with the same command, it goes on; with other
networks, numbers of labels or budgets in the same folder, it takes the runs that are there.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

import gambol
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.progress import Progress, silent
from gambol.io import store
from gambol.nn import engine
from gambol.pose import splits
from gambol.stages import (
    bench_jobs,
    bench_labels,
    bench_networks,
    bench_results,
    bench_runs,
    train,
)
from gambol.stages.bench_networks import Network

# narrowed where the published width learns little on one core in minutes
DEFAULT = (
    "usual",
    "unet(rate=1.5)",
    "leap(filters=32)",
    "stacked-densenet",
    "resnet(layers=18)",
    "efficientnet",
)


class BenchConfig(Config):
    """Settings of the stage."""

    networks: tuple[str, ...] = Field(DEFAULT, min_length=1)
    # each NAME, or NAME(key=value,…) with settings of gambol train; the first is the reference
    labels: tuple[PositiveInt, ...] = ()  # numbers of frames to train on; none: all of a fold
    minutes: PositiveFloat = 10.0  # of one core (on a GPU: of the clock) for every training
    steps: PositiveInt | None = None  # of every training, instead of minutes
    folds: int = Field(5, ge=2)  # contiguous blocks, each tested by networks of the others
    tested: int | None = Field(None, ge=1)  # so many of the folds, spread evenly; null: all
    val: float = Field(0.15, gt=0, lt=1)  # share of what is not tested that chooses weights
    gap_s: PositiveFloat = 1.0  # frames nearer than this are not on both sides
    seed: NonNegativeInt = 0  # of splits, of the frames drawn, and of every training
    common: train.TrainConfig = train.TrainConfig()

    @model_validator(mode="after")
    def _is_not_said_twice(self) -> "BenchConfig":
        """Refuse what would have no effect, as something else says it."""
        mine, usual = self.common.model_dump(), train.TrainConfig().model_dump()
        for key, instead in bench_networks.EQUAL.items():
            if key != "augment" and _at(mine, key) != _at(usual, key):
                raise ValueError(f"common.{key} has no effect here; it is said by {instead}")
        if self.tested is not None and self.tested > self.folds:
            raise ValueError(f"tested is {self.tested}, but there are {self.folds} folds")
        return self


class Made(NamedTuple):
    """What was made."""

    out: Path
    table: Path
    report: Path
    rows: list[dict[str, Any]]  # of the table
    reading: list[str]  # what follows from it
    failed: dict[str, str]  # network: why


def run(
    cfg: BenchConfig,
    labels: Path,
    out: Path,
    *,
    device: str = "auto",
    workers: int = 0,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Made:
    """Train what is missing in `out`, measure, and write table and page.

    Args:
        cfg: settings.
        labels: project, label file or foreign project.
        out: folder; what was begun there goes on.
        device: auto, cpu, cuda, cuda:1 or mps.
        workers: trainings at a time, each on one core; 0 is one a core, on a GPU 1.
        progress: hears how far the trainings are.
        say: hears what will be done.

    Raises:
        InputError: labels, settings or folder do not do, or every network failed.
    """
    source = bench_labels.place(labels, out)
    known, plan = _plan(cfg, source, out, device, workers)
    if bench_labels.is_new(out):
        source = bench_labels.freeze(labels, out)
        known, plan = _plan(cfg, source, out, device, workers)
    _begin(cfg, plan)
    if source != labels and bench_labels.changed(labels, out):
        say(
            f"{labels} changed since this comparison began; it goes on with the labels of its "
            f"start, of which {source} is a copy"
        )
    say(_said(plan))
    done = bench_runs.work(plan, progress)
    if not done.runs:
        raise InputError(
            f"{out}: no network could be trained; {next(iter(done.failed.values()))}"
        )
    return Made(*bench_results.write(plan, done, known, cfg.yaml()))


def _plan(
    cfg: BenchConfig, labels: Path, out: Path, device: str, workers: int
) -> tuple[bench_jobs.Settled, bench_runs.Plan]:
    """Read labels and settle what is to be done on them, or say why it cannot be."""
    known = bench_jobs.settled(labels)
    _check_alone(known.labels)
    common = cfg.common.override([f"fit.seed={cfg.seed}"])
    plan = bench_runs.Plan(
        labels=labels.resolve(),
        labels_hash=known.labels.content_hash(),
        out=out,
        device=device,
        workers=workers or bench_jobs.at_a_time(device),
        networks=_networks(cfg.networks, common, known.labels),
        counts=tuple(sorted(set(cfg.labels))) or (None,),
        folds=_folds(cfg, known),
        minutes=cfg.minutes,
        steps=cfg.steps,
        seed=cfg.seed,
    )
    _check_counts(plan)
    return known, plan


def describe(values: dict[str, Any]) -> str:
    """Show the table, what follows from it, and where the page is."""
    lines = bench_results.lines(values["rows"]) + values["reading"]
    lines += [f"{name} failed: {why}" for name, why in values["failed"].items()]
    return "\n".join([*lines, f"report: {values['report']}"])


def _at(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def _networks(
    spelled: tuple[str, ...], common: train.TrainConfig, labels: Labels
) -> list[Network]:
    """Read the networks, and refuse what cannot be trained."""
    found = [bench_networks.read(text, common) for text in spelled]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:  # their runs would lie in one folder
            raise InputError(f"networks: {name} is named twice; once will do")
    for one in found:
        bench_networks.check(one, labels)
    return found


def _check_alone(labels: Labels) -> None:
    counts = np.unique(labels.pairs, axis=0, return_counts=True)[1]
    if crowded := int((counts > 1).sum()):
        raise InputError(
            f"{crowded} frames have several labelled animals, but bench-models compares "
            "networks for one; give labels of one animal a frame"
        )
    if not labels.labelled.any():
        raise InputError("no keypoint has a position; label some frames first")


def _folds(cfg: BenchConfig, known: bench_jobs.Settled) -> dict[int, splits.Split]:
    """Draw the folds, and take those that are tested; rows of the label file."""
    gap = train.gaps(known.labels, cfg.gap_s)
    drawn = splits.folds(known.labels, cfg.folds, val=cfg.val, gap=gap, seed=cfg.seed)
    some = np.linspace(0, cfg.folds - 1, cfg.tested or cfg.folds).round().astype(int)
    return {int(f): splits.Split(*(known.rows[part] for part in drawn[f])) for f in some}


def _check_counts(plan: bench_runs.Plan) -> None:
    least = min(len(split.train) for split in plan.folds.values())
    if (most := max(count or 0 for count in plan.counts)) > least:
        raise InputError(
            f"labels: {most} frames to train on were asked for, but a fold has {least}; ask "
            "for fewer, or raise folds"
        )


def _begin(cfg: BenchConfig, plan: bench_runs.Plan) -> None:
    """Go on in the folder if labels, splits, settings and device are the same."""
    out, device = plan.out, engine.choose_device(plan.device)
    parts = [gambol.__version__, plan.labels_hash, cfg.common.fingerprint()]
    # steps within minutes, minutes and speeds are those of a device
    parts += [device.kind, device.torch_name.removesuffix(":0")]
    parts += [f"{name}={getattr(cfg, name)}" for name in ("folds", "val", "gap_s", "seed")]
    made = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
    bench_labels.settle(out, made)
    store.write_text(cfg.yaml(), out / "settings.yaml")


def _said(plan: bench_runs.Plan) -> str:
    n = len(plan.networks) * len(plan.counts) * len(plan.folds)
    each = f"{plan.steps} steps" if plan.steps else f"{plan.minutes:g} core-minutes"
    total = "" if plan.steps else f", {n * plan.minutes:g} core-minutes in all"
    return (
        f"{n} trainings of {each} each{total}, {plan.workers} at a time; what is finished in "
        f"{plan.out} is taken"
    )
