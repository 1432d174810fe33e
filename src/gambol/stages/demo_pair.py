"""The two-animal part of the demo: two mice that meet, found, followed and scored.

writes  out/pair/sim/             a film of two mice, its truth and labels
        out/pair/run/             the training run
        out/pair/detections/      both mice in every frame of a second film
        out/pair/tracks/          who is who in it, and where that is doubtful
        out/pair/films/           that film with poses and names drawn on it
        out/two-animals.html      the page about all of this
"""

from pathlib import Path
from typing import Any, NamedTuple

from gambol.core.progress import Progress, silent
from gambol.io import store
from gambol.nn.backbones.unet import UNetSpec
from gambol.pose.train import FitConfig
from gambol.simulate.world import SimulateConfig
from gambol.stages import evaluate, movies, predict, report, simulate, track, train
from gambol.stages.train_many import ManyConfig

PAGE = "two-animals.html"
# the tail is thin and lies anywhere: it would take most of a minute's learning
KEYPOINTS = ("nose", "left_ear", "right_ear", "neck", "back", "tail_base")
SHOWN = ("oks_map", "idf1", "hota", "mota", "id_switches")


class PairConfig(NamedTuple):
    """How much of it."""

    seconds: float  # of each film
    labelled: int
    minutes: float  # of training
    seed: int

    def film(self, seed: int) -> simulate.FilmConfig:
        """Return what to film."""
        world = SimulateConfig(
            animals=2, seconds=self.seconds, width=320, height=240, body_length=60, seed=seed
        )
        return simulate.FilmConfig(world=world, labelled=self.labelled, keypoints=KEYPOINTS)

    def training(self) -> train.TrainConfig:
        """Return how to train."""
        # small networks that learn fast: there is a minute, not an hour
        loop = FitConfig(
            minutes=self.minutes, batch=4, rate=3e-3, warm_up=20, evaluate_every=100,
            ema=0.98, seed=self.seed,
        )  # fmt: skip
        return train.TrainConfig(
            approach="top-down",
            backbone=UNetSpec(depth=3, filters=12, rate=1.5),
            scale=0.75,
            many=ManyConfig(anchor="back", centroid_scale=0.375, centroid_share=0.4),
            fit=loop,
        )


class Pair(NamedTuple):
    """What came out."""

    report: str
    oks_map: float | None  # strict, over every frame of the second film
    idf1: float | None
    hota: float | None
    mota: float | None
    id_switches: int | None
    events: int  # at which identities may be wrong
    predict_fps: float


def run(
    cfg: PairConfig,
    out: Path,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Pair:
    """Run everything; steps that are finished are kept."""
    base = out / "pair"
    learn = simulate.run(cfg.film(2 * cfg.seed), base / "sim", progress)
    test = simulate.run(cfg.film(2 * cfg.seed + 1), base / "sim-test", progress)
    trained = train.run(
        cfg.training(), learn.labels, base / "run", threads=threads, progress=progress
    )
    found = predict.run(
        predict.PredictConfig(), trained, [test.video], base / "detections",
        threads=threads, progress=progress,
    )[0]  # fmt: skip
    tracked = track.run(
        track.TrackConfig(animals=2), [found.poses], base / "tracks", progress=progress
    )[0]
    movies.run(movies.MoviesConfig(), [tracked.tracks], base / "films", progress=progress)
    scores = evaluate.run(evaluate.EvaluateConfig(), tracked.tracks, test.truth)
    page = report.run(trained, out / PAGE, poses=[tracked.tracks])
    kept = {name: scores[name] for name in SHOWN}
    result = Pair(str(page), **kept, events=tracked.events, predict_fps=found.fps)
    store.write_json(store.nulls({**result._asdict(), "scores": scores}), base / "scores.json")
    return result


def describe(values: dict[str, Any]) -> str:
    """Say in words what came out."""
    kept = values["idf1"]
    names = "no animal kept its name" if kept is None else f"IDF1 {kept:.3f}"
    return (
        f"Two mice in a film of their own: OKS mAP {values['oks_map'] or 0.0:.2f}, {names}, "
        f"{_count(values['id_switches'] or 0, 'identity switch', 'identity switches')}, "
        f"{_count(values['events'], 'event', 'events')} to review; "
        f"{values['predict_fps']:.0f} frames/s."
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
