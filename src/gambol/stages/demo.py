"""Stage `demo`: the whole job on simulated mice, one and then two, scored against the truth.

writes  out/sim/            film, truth and labels (`stages.simulate`)
        out/run/            the training run
        out/poses/          poses of a second film, which training never saw
        out/films/          that film with the poses drawn on it
        out/pair/           the same for two mice (`stages.demo_pair`)
        out/report.html     the page to open
        out/demo.yaml       the settings, written first
        out/demo.json       the scores, written last
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from pydantic import NonNegativeInt

from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility, from_positions
from gambol.core.progress import Progress, silent
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io import store
from gambol.pose import calibrate, evaluate
from gambol.pose.train import FitConfig
from gambol.simulate.world import SimulateConfig
from gambol.stages import demo_pair, movies, predict, report, simulate, train
from gambol.viz.html import el, section, table
from gambol.viz.report import ORIGIN

# paws are under the body in five of six frames, where nobody would label them
KEYPOINTS = (
    "nose", "left_ear", "right_ear", "neck", "back", "tail_base", "tail_mid", "tail_tip",
)  # fmt: skip
FEW = 150  # steps of training after which errors are still large


class DemoConfig(Config):
    """How much of it."""

    quick: bool = False
    seed: NonNegativeInt = 0

    def film(self, seed: int) -> simulate.FilmConfig:
        """Return what to film."""
        seconds = 12.0 if self.quick else 40.0
        world = SimulateConfig(seconds=seconds, seed=seed)
        labelled = 40 if self.quick else 60
        return simulate.FilmConfig(world=world, labelled=labelled, keypoints=KEYPOINTS)

    def training(self) -> train.TrainConfig:
        """Return how to train."""
        minutes = 0.6 if self.quick else 3.0
        return train.TrainConfig(fit=FitConfig(minutes=minutes, seed=self.seed))

    def pair(self) -> demo_pair.PairConfig:
        """Return how much of the part about two animals."""
        seconds, labelled, minutes = (4.0, 40, 0.15) if self.quick else (10.0, 80, 0.9)
        return demo_pair.PairConfig(seconds, labelled, minutes, self.seed)


class Demo(NamedTuple):
    """What came out."""

    report: str
    mean_px: float  # on the second film, every visible keypoint of every frame
    median_px: float
    p95_px: float
    coverage90: float  # share of visible keypoints within their 90 % region
    predict_fps: float
    steps: int  # of training
    seconds: float
    pair: dict[str, Any]  # what `demo_pair.Pair` names


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
    _begin(cfg, out)
    say("1/6 filming a simulated mouse, twice: one film to learn from, one to be tested on")
    learn = simulate.run(cfg.film(2 * cfg.seed), out / "sim", progress)
    test = simulate.run(cfg.film(2 * cfg.seed + 1), out / "sim-test", progress)
    say("2/6 training on the labelled frames of the first film")
    trained = train.run(
        cfg.training(), learn.labels, out / "run", threads=threads, progress=progress, say=say
    )
    say("3/6 predicting the second film")
    predicted = predict.run(
        predict.PredictConfig(), trained, [test.video], out / "poses",
        threads=threads, progress=progress,
    )[0]  # fmt: skip
    say("4/6 drawing the poses on the film")
    movies.run(movies.MoviesConfig(), [predicted.poses], out / "films", progress=progress)
    say("5/6 scoring against the truth and writing the report")
    scores, coverage = _score(trained, predicted.poses, test.truth)
    page = report.run(
        trained,
        out / "report.html",
        poses=[predicted.poses],
        truth={**scores.summary(), "coverage90": coverage},
    )
    say("6/6 the same for two mice that meet: finding, following and scoring both")
    pair = demo_pair.run(cfg.pair(), out, threads=threads, progress=progress)
    _add_pair(page, pair)
    summary = scores.summary()
    speed = json.loads(io_poses.read(predicted.poses).attrs["speed"])
    result = Demo(
        str(page), summary["mean_px"], summary["median_px"], summary["p95_px"], coverage,
        speed["fps"], io_run.read_log(trained)[-1]["step"], time.monotonic() - start,
        pair._asdict(),
    )  # fmt: skip
    store.write_json(store.nulls(result._asdict()), out / "demo.json")
    return result


def _begin(cfg: DemoConfig, out: Path) -> None:
    """Refuse a folder of other things, or of a demo with other settings."""
    settings = out / "demo.yaml"
    if settings.is_file():
        there = DemoConfig.from_yaml(settings)
        if there != cfg:
            raise InputError(
                f"{out} holds a demo with quick={there.quick} and seed={there.seed}; delete it "
                "or choose another --out"
            )
    elif out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty and holds no demo; choose another --out")
    store.write_text(cfg.yaml(), settings)


def describe(values: dict[str, Any]) -> str:
    """Say in words what came out."""
    few = (
        f"Only {values['steps']} steps of training fitted into its time, which is too few: "
        "this machine is slow or busy.\n"
    )
    return (
        f"The second film was predicted with a mean error of {values['mean_px']:.2f} px "
        f"(median {values['median_px']:.2f}, 95 % under {values['p95_px']:.2f} px); "
        f"{values['coverage90']:.0%} of the points lie in their 90 % region.\n"
        f"{few if values['steps'] < FEW else ''}"
        f"Prediction ran at {values['predict_fps']:.0f} frames/s.\n"
        f"{demo_pair.describe(values['pair'])}\n"
        f"Everything took {values['seconds']:.0f} s.\n"
        f"Open {values['report']}"
    )


def _add_pair(page: Path, pair: demo_pair.Pair) -> None:
    """Tell on the page about one mouse what became of two, and where there is more."""
    rows = [
        (name, "–" if value is None else f"{value:.3f}".rstrip("0").rstrip("."), meaning)
        for name, value, meaning in (
            ("OKS mAP, strict", pair.oks_map, "how well both animals were found"),
            ("IDF1", pair.idf1, "share of animals that kept their name"),
            ("HOTA", pair.hota, "both in one number"),
            ("MOTA", pair.mota, "1 minus misses, inventions and switches"),
            ("identity switches", pair.id_switches, "each to be found in the review queue"),
            ("events to review", pair.events, "moments at which names may be wrong"),
        )
    ]
    more = el("a", "The page about two animals", href=demo_pair.PAGE)
    film = el("a", "the film with names", href="pair/films/")
    told = section(
        "Two animals",
        el("p", "A second network looked for two mice in every frame of a film of their own, "
           "and they were followed through their contacts; scored against the truth:"),
        el("div", table(("score", "value", "meaning"), rows), class_="scores"),
        el("p", more, " and ", film, "."),
    )  # fmt: skip
    text = store.read_text(page)
    after = ORIGIN if ORIGIN in text else "</main>"
    store.write_text(text.replace(after, f"{told}{after}"), page)


def _score(trained: Path, predicted: Path, truth: Path) -> tuple[evaluate.Evaluation, float]:
    """Score every visible keypoint of every frame."""
    model = io_run.load(trained).model
    labels = _visible(store.read_dataset(truth), predicted)
    found = io_poses.read(predicted)
    xy = core_poses.xy(found)[:, 0].astype(np.float64)
    confidence, presence = (
        core_poses.points(found, name)[:, 0].astype(np.float64)
        for name in ("confidence", "presence")
    )
    scores = evaluate.evaluate(labels, xy, confidence, presence=presence)
    inside = calibrate.inside(
        calibrate.Calibration.from_dict(model.calibration),
        xy - labels.xy,
        core_poses.covariance(found)[:, 0].astype(np.float64),
        0.9,
    )
    return scores, float(inside[labels.labelled].mean())


def _visible(truth: xr.Dataset, predicted: Path) -> Labels:
    """The true positions of what is in sight, as labels of every frame."""
    seen = core_poses.points(truth, "visibility")[:, 0] == Visibility.VISIBLE
    xy = np.where(seen[..., None], core_poses.xy(truth)[:, 0], np.nan)
    rows = np.arange(len(xy))
    return from_positions(
        core_poses.skeleton(truth),
        (predicted.stem,),
        np.zeros(len(rows), np.int64),
        rows,
        xy,
        nan_means=Visibility.UNLABELLED,
    )
