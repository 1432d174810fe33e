"""The demo from films to tracks: two networks that find mice, and who is who in every camera.

writes  out/run/             the training run, with its page beside it
        out/detections/      what was found in the films that training never saw
        out/tracks/          who is who in each of them
        out/films/CAMERA.mp4 one of these films, with poses and names
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core.progress import Progress
from gambol.io import run as io_run
from gambol.nn.backbones.unet import UNetSpec
from gambol.pose.train import FitConfig
from gambol.stages import evaluate, movies, predict, report, track, train
from gambol.stages.demo_world import MICE
from gambol.stages.predicted import Predicted
from gambol.stages.simulate_views import Filmed
from gambol.stages.train_many import ManyConfig

PAGE = "learning.html"
SHOWN_S = 8.0  # of the film
POSES = ("mean_px", "median_px", "p95_px", "oks_map")
NAMES = ("idf1", "hota", "id_switches")


class Found(NamedTuple):
    """What came out."""

    tracks: dict[Path, Path]  # of each camera, and the truth about them
    film: Path
    each: list[dict[str, Any]]  # scores of each camera, of `stages.evaluate`
    steps: int  # of training
    fps: float | None  # of prediction; None where it was done before


def training(minutes: float, seed: int) -> train.TrainConfig:
    """Return how to train: small networks that learn fast, as there are minutes, not hours."""
    loop = FitConfig(
        minutes=minutes, batch=4, rate=3e-3, warm_up=20, evaluate_every=100, ema=0.98, seed=seed
    )
    return train.TrainConfig(
        approach="top-down",
        backbone=UNetSpec(depth=3, filters=12, rate=1.5),
        scale=0.75,
        many=ManyConfig(centroid_scale=0.375, centroid_share=0.45),
        fit=loop,
    )


def learn(
    cfg: train.TrainConfig, films: Filmed, out: Path, threads: int, progress: Progress
) -> Path:
    """Train on the labels of films, and write the page about it."""
    assert films.labels is not None
    made = train.run(cfg, films.labels, out / "run", threads=threads, progress=progress)
    report.run(made, out / PAGE)
    return made


def follow(run: Path, films: Filmed, out: Path, threads: int, progress: Progress) -> Found:
    """Find and follow mice in films, and score both against the truth."""
    assert films.videos is not None
    videos = sorted(films.videos.glob("*.mp4"))
    found = predict.run(
        predict.PredictConfig(), run, videos, out / "detections",
        threads=threads, progress=progress,
    )  # fmt: skip
    tracked = track.run(
        track.TrackConfig(animals=MICE), [one.poses for one in found], out / "tracks",
        progress=progress,
    )  # fmt: skip
    truth = films.truth.parent / "truth"
    pairs = {one.tracks: truth / f"{one.tracks.stem}.nc" for one in tracked}
    shown = movies.MoviesConfig(stop=SHOWN_S)
    film = movies.run(shown, [tracked[0].tracks], out / "films", progress=progress)[0]
    each = [evaluate.run(evaluate.EvaluateConfig(), *pair) for pair in pairs.items()]
    return Found(pairs, film, each, io_run.read_log(run)[-1]["step"], _fps(found))


def scores(found: Found) -> dict[str, dict[str, float | None]]:
    """Return the scores of each stage: means over the cameras, sums of switches."""
    of = {name: [one[name] for one in found.each] for name in (*POSES, *NAMES)}
    mean = {
        name: None if None in values else float(np.mean(values)) for name, values in of.items()
    }
    switches = of["id_switches"]
    return {
        "train": {"steps": float(found.steps)},
        "predict": {**{name: mean[name] for name in POSES}, "fps": found.fps},
        "track": {
            **{name: mean[name] for name in NAMES},
            "id_switches": None if None in switches else float(sum(switches)),
        },
    }


def _fps(found: list[Predicted]) -> float | None:
    """Return how fast films were predicted; None where an earlier sitting did."""
    seconds = sum(one.seconds for one in found)
    return sum(one.fresh for one in found) / seconds if seconds else None
