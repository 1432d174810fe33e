"""Stage `plan`: what labels, pixels, cameras and networks are worth, on simulated animals.

writes  out/plan.yaml     the settings, first
        out/films/        films to learn from and to be tested on (`stages.plan_world`)
        out/pilots/       what a step of a network costs
        out/runs/         a training for every point of a curve (`stages.plan_jobs`)
        out/space/        poses in space by some of the cameras (`stages.plan_space`)
        out/table.csv, out/report.html   the curves, and what follows from them
        out/result.json   the same, last

One thing is varied at a time: from the most labels, the most pixels, the first network and all
cameras downwards. What seems to be enough of each is then tried together.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from gambol.core.config import Config
from gambol.core.instances import body_length
from gambol.core.progress import Progress, silent
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.pose import planning
from gambol.stages import (
    begun,
    bench_jobs,
    bench_networks,
    plan_jobs,
    plan_report,
    plan_space,
    plan_world,
)
from gambol.stages.plan_jobs import Arm, Bench
from gambol.stages.plan_report import Planned, Point, Ruler, Series
from gambol.stages.plan_world import SettingConfig
from gambol.stages.train import TrainConfig

LEAST = 10  # labelled frames: fewer leave one or two to choose the weights
MISSED = 0.5  # of the animal's length: how far off a keypoint counts that was not found
NEAR = 0.1  # of the animal's length: a keypoint that is nearer is where it should be


class PlanConfig(Config):
    """Settings of the stage."""

    world: SettingConfig = SettingConfig()
    labels: tuple[PositiveInt, ...] = Field((20, 40, 80, 160), min_length=1)
    # labelled frames, of all cameras together; a seventh of them choose the weights
    widths: tuple[PositiveInt, ...] = Field((320, 640), min_length=1)  # of the pictures, px
    cameras: tuple[PositiveInt, ...] = Field((2, 3, 4), min_length=1)  # 1 alone: none in space
    networks: tuple[str, ...] = Field(("usual", "unet(rate=1.5)"), min_length=1)
    # each NAME, or NAME(key=value,…) with settings of gambol train
    minutes: PositiveFloat = 10.0  # of one core (on a GPU: of the clock) for every training
    steps: PositiveInt | None = None  # of every training, instead of minutes
    goal: PositiveFloat | None = None  # mm that are near enough; null: near the best found
    close: NonNegativeFloat = 0.1  # so much more than the least error is near the best

    @model_validator(mode="after")
    def _can_be_done(self) -> "PlanConfig":
        if min(self.labels) < LEAST:
            raise ValueError(f"labels is {min(self.labels)}; take {LEAST} or more")
        if max(self.cameras) > 12:
            raise ValueError(f"cameras is {max(self.cameras)}; take 12 or fewer")
        for key in ("labels", "widths", "cameras", "networks"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} names {', '.join(map(str, values))}; once will do")
        return self


def run(
    cfg: PlanConfig,
    out: Path,
    *,
    device: str = "auto",
    workers: int = 0,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Planned:
    """Film, train and test what is missing in `out`, and write what follows.

    Args:
        cfg: settings.
        out: folder; what was begun there goes on.
        device: auto, cpu, cuda, cuda:1 or mps.
        workers: trainings at a time, each on one core; 0 is one a core, on a GPU 1.
        progress: hears how far films and trainings are.
        say: hears what will be done.

    Raises:
        InputError: settings do not do, the folder holds something else, or a training failed.
    """
    for spelled in cfg.networks:
        bench_networks.read(spelled, TrainConfig())
    plan_world.check(cfg.world)
    begun.begin(cfg, out, "plan", "a plan")
    at_once = workers or bench_jobs.at_a_time(device)
    swept = _swept(cfg)
    arms = list(dict.fromkeys(arm for some in swept.values() for arm in some))
    say(_said(cfg, len(arms), at_once))
    films = {
        width: plan_world.film(
            cfg.world, max(cfg.cameras), max(cfg.labels), width, out, at_once, progress
        )
        for width in sorted(cfg.widths)
    }
    bench = Bench(films, out, cfg.minutes, cfg.steps, cfg.world.seed, device, at_once, progress)
    look = Look(cfg, bench, _ruler(bench), plan_jobs.train_all(bench, arms))
    curves = [look.pictures(name, some) for name, some in swept.items()]
    several = tuple(count for count in sorted(cfg.cameras) if count > 1)
    if several:
        curves.append(look.space("cameras", _base(cfg), several))
    chosen = {one.name: one.amounts[one.enough(cfg.goal, cfg.close)] for one in curves}
    last = Arm(*(chosen[name] for name in Arm._fields))
    look.runs.update(plan_jobs.train_all(bench, [last]))
    together = [look.pictures("network", [last])]
    if several:
        together.append(look.space("cameras", last, (chosen["cameras"],)))
    log = [line["val_px"] for line in io_run.read_log(look.runs[_base(cfg)])]
    findings = plan_report.Findings(
        curves, chosen, together, cfg.goal, cfg.close, planning.falling(log), look.ruler
    )
    return plan_report.write(findings, _words(cfg), cfg.yaml(), out)


def describe(values: dict[str, Any]) -> str:
    """Say in words what came out."""
    return "\n".join([*values["sentences"], f"report: {values['report']}"])


class Look(NamedTuple):
    """What scores are made of."""

    cfg: PlanConfig
    bench: Bench
    ruler: Ruler
    runs: dict[Arm, Path]

    def pictures(self, name: str, arms: list[Arm]) -> Series:
        """Return how far runs err in pictures, in mm where the animals are."""
        points = []
        for arm in arms:
            seen = plan_jobs.tested(self.runs[arm])
            points.append(self._point(seen.far * self.ruler.mm[arm.width], seen.moment))
        return Series(name, tuple(getattr(arm, name) for arm in arms), tuple(points))

    def space(self, name: str, arm: Arm, counts: tuple[int, ...]) -> Series:
        """Return how far a run errs in space by so many cameras."""
        world = self.cfg.world
        found = plan_space.errors(
            self.runs[arm], self.bench.films[arm.width].test, counts, world.animals,
            self.bench.out / "space" / self.runs[arm].name, device=self.bench.device,
            progress=self.bench.progress,
        )  # fmt: skip
        points = []
        for count in counts:
            second = np.arange(len(found[count])) // round(world.fps * world.animals)
            points.append(self._point(found[count], second))
        return Series(name, counts, tuple(points))

    def _point(self, far: Float[np.ndarray, "N J"], groups: Int[np.ndarray, " N"]) -> Point:
        return Point(
            planning.error(far, MISSED * self.ruler.body, groups, seed=self.cfg.world.seed),
            planning.within(far, NEAR * self.ruler.body),
        )


def _base(cfg: PlanConfig) -> Arm:
    """Return the most of everything, from which one thing at a time is taken away."""
    return Arm(max(cfg.labels), max(cfg.widths), cfg.networks[0])


def _swept(cfg: PlanConfig) -> dict[str, list[Arm]]:
    """Return the trainings of each curve."""
    base = _base(cfg)
    return {
        "labels": [base._replace(labels=count) for count in sorted(cfg.labels)],
        "width": [base._replace(width=width) for width in sorted(cfg.widths)],
        "network": [base._replace(network=name) for name in cfg.networks],
    }


def _said(cfg: PlanConfig, trainings: int, at_once: int) -> str:
    each = f"{cfg.steps} steps" if cfg.steps else f"{cfg.minutes:g} core-minutes"
    return (
        f"{trainings} trainings of {each} each, and perhaps one of what is recommended, "
        f"{at_once} at a time; what is finished is taken"
    )


def _words(cfg: PlanConfig) -> str:
    """Say what was simulated."""
    world = cfg.world
    several = {"mouse": "mice", "fly": "flies"}[world.animal]
    who = f"one {world.animal}" if world.animals == 1 else f"{world.animals} {several}"
    return (
        f"Simulated: {who} before {max(cfg.cameras)} cameras, {world.fps:g} frames/s. One "
        "thing at a time is taken away from the most of everything. Errors are mean "
        "distances of keypoints on films that training never saw, in mm where the animals are; "
        "a keypoint that was not found counts as half an animal's length away."
    )


def _ruler(bench: Bench) -> Ruler:
    """Measure pixels and animals in mm."""
    mm = {width: plan_world.millimetres(films.test) for width, films in bench.films.items()}
    widest = max(mm)
    seen = io_labels.load(bench.labels(widest).test)
    return Ruler(mm, body_length(seen.xy) * mm[widest])
