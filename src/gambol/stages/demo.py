"""Stage `demo`: the whole job on simulated mice, from films to states, against the truth.

writes  out/demo.yaml     the settings, first
        out/learn, test, long    films, labels, poses and truth (`stages.demo_world`)
        out/run, detections, tracks   networks and what they found (`stages.demo_pixels`)
        out/rig.toml, mice.nc, minutes.nc   mice in space (`stages.demo_space`)
        out/map, syllables, states, again   what they do (`stages.demo_behavior`)
        out/films/        films of all this
        out/report.html   the page to open
        out/demo.json     the scores, last
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import NonNegativeInt

from gambol.core.config import Config
from gambol.core.progress import Progress, silent
from gambol.io import store
from gambol.multiview.windows import cores
from gambol.stages import begun, demo_behavior, demo_pixels, demo_report, demo_space, demo_world
from gambol.stages.demo_behavior import Seen
from gambol.stages.demo_report import Scores
from gambol.stages.train import TrainConfig

FEW = 300  # steps of training after which errors are still large


class DemoConfig(Config):
    """How much of it."""

    quick: bool = False
    seed: NonNegativeInt = 0

    def world(self) -> demo_world.Size:
        """Return what is simulated."""
        if self.quick:
            return demo_world.Size(3, (384, 320), 20.0, 48, 6.0, 14, 150.0, self.seed)
        return demo_world.Size(3, (448, 360), 60.0, 80, 30.0, 20, 900.0, self.seed)

    def training(self) -> TrainConfig:
        """Return how to train."""
        return demo_pixels.training(0.5 if self.quick else 3.5, self.seed)

    def space(self) -> dict[str, Any]:
        """Return how poses in space are found."""
        return {"tier": {"kind": "robust" if self.quick else "distance"}}

    def behavior(self) -> demo_behavior.Size:
        """Return how much is learned of what mice do."""
        if self.quick:
            sticky = 0.06 * demo_world.MICE * demo_world.FPS * self.world().long_s
            return demo_behavior.Size(1000, 50, 0, 15, 1000.0, (sticky,), (5,), 1)
        return demo_behavior.Size(6000, 300, 1, 60, "auto", (), (3, 5, 8), 2)


class Demo(NamedTuple):
    """What came out."""

    report: str
    scores: Scores  # of each stage, by name
    seconds: float  # of this sitting


def run(
    cfg: DemoConfig,
    out: Path,
    *,
    threads: int = 0,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Demo:
    """Run everything; steps that are finished are kept."""
    start = time.monotonic()
    begun.begin(cfg, out, "demo", "a demo")
    size, workers = cfg.world(), threads or cores()
    say(f"1/9 filming two simulated mice by {size.cameras} cameras: films to learn from")
    learn = demo_world.learn(size, out, workers, progress)
    say("2/9 filming them again: films to be tested on, and a board before the cameras")
    test = demo_world.test(size, out, workers, progress)
    say("3/9 training on the labelled frames")
    trained = demo_pixels.learn(cfg.training(), learn, out, threads, progress)
    say("4/9 finding and following both mice in every camera")
    found = demo_pixels.follow(trained, test, out, threads, progress)
    flaws = demo_world.flaws(found.tracks)
    say("5/9 calibrating the cameras by the board")
    rig = demo_space.rig(test, out, progress)
    say("6/9 putting the views together: mice in space")
    placed = demo_space.place(
        [*found.tracks], cfg.space(), rig.calibration, test.truth, out / "mice.nc", progress
    )
    shown = demo_space.show(placed.poses, test, out, progress)
    say(f"7/9 {size.long_s / 60:.0f} minutes of poses, as wrong as those, into space")
    long = demo_world.long(size, flaws, out, progress)
    minutes = demo_space.place(
        [long.views], {**cfg.space(), "match": "names"}, rig.calibration, long.truth,
        out / "minutes.nc", progress,
    )  # fmt: skip
    say("8/9 what mice do: a map, syllables, and states above them")
    demo_behavior.fit(cfg.behavior(), minutes.poses, out, threads, progress)
    demo_behavior.again(placed.poses, out, threads, progress)
    did = demo_behavior.score(Seen(minutes.poses, long), Seen(placed.poses, test), out)
    say("9/9 writing the report")
    scores: Scores = {
        **demo_pixels.scores(found),
        "calibrate": {"corners_px": rig.corners_px, "camera_mm": rig.camera_mm},
        "triangulate": demo_space.scores(placed),
        **{name: dict(score._asdict()) for name, (score, _) in did.items()},
    }
    made = Demo(str(out / demo_report.PAGE), scores, time.monotonic() - start)
    courses = {name: course for name, (_, course) in did.items()}
    demo_report.write(scores, courses, {"pixels": found.film, "space": shown}, out)
    store.write_json(store.nulls(made._asdict()), out / "demo.json")
    return made


def describe(values: dict[str, Any]) -> str:
    """Say in words what came out."""
    steps = values["scores"]["train"]["steps"]
    few = (
        f"Only {steps:.0f} steps of training fitted into its time, which is too few: this "
        "machine is slow or busy.\n"
    )
    rows = [f"  {stage:<12} {said}" for stage, said in demo_report.sentences(values["scores"])]
    return (
        "Scored against the truth:\n"
        + "\n".join(rows)
        + f"\n{few if steps < FEW else ''}"
        + f"Everything took {values['seconds']:.0f} s.\nOpen {values['report']}"
    )
