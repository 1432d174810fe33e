"""Stage `demo`: the whole job on simulated mice, one, two and in 3D, scored against the truth.

writes  out/sim/            film, truth and labels (`stages.simulate`)
        out/run/            the training run
        out/poses/          poses of a second film, which training never saw
        out/films/          that film with the poses drawn on it
        out/pair/           the same for two mice (`stages.demo_pair`)
        out/views/          a mouse in several cameras (`stages.demo_views`)
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
from gambol.stages import (
    demo_pair,
    demo_views,
    movies,
    predict,
    report,
    simulate,
    structure,
    train,
)
from gambol.viz.html import Markup, el, section, table
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
        minutes = 0.45 if self.quick else 2.75
        return train.TrainConfig(fit=FitConfig(minutes=minutes, seed=self.seed))

    def views(self) -> demo_views.ViewsConfig:
        """Return how much of the part about several cameras."""
        cameras, seconds, boards = (3, 3.0, 10) if self.quick else (4, 8.0, 14)
        tier = "distance" if self.quick else "gimbal"
        return demo_views.ViewsConfig(cameras, seconds, boards, tier, self.seed)

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
    views: dict[str, Any]  # what `demo_views.Views` names


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
    say("1/7 filming a simulated mouse, twice: one film to learn from, one to be tested on")
    learn = simulate.run(cfg.film(2 * cfg.seed), out / "sim", progress)
    test = simulate.run(cfg.film(2 * cfg.seed + 1), out / "sim-test", progress)
    say("2/7 training on the labelled frames of the first film")
    trained = train.run(
        cfg.training(), learn.labels, out / "run", threads=threads, progress=progress, say=say
    )
    say("3/7 predicting the second film")
    predicted = predict.run(
        predict.PredictConfig(), trained, [test.video], out / "poses",
        threads=threads, progress=progress,
    )[0]  # fmt: skip
    say("4/7 drawing the poses on the film")
    movies.run(movies.MoviesConfig(), [predicted.poses], out / "films", progress=progress)
    say("5/7 scoring against the truth and writing the report")
    scores, coverage = _score(trained, predicted.poses, test.truth)
    page = report.run(
        trained,
        out / "report.html",
        poses=[predicted.poses],
        truth={**scores.summary(), "coverage90": coverage},
    )
    say("6/7 the same for two mice that meet: finding, following and scoring both")
    pair = demo_pair.run(cfg.pair(), out, threads=threads, progress=progress)
    say("7/7 a mouse in several cameras: calibrating them, and its poses in space")
    views = demo_views.run(cfg.views(), out, progress=progress)
    _add(page, _pair(pair), _views(views))
    summary = scores.summary()
    speed = json.loads(io_poses.read(predicted.poses).attrs["speed"])
    result = Demo(
        str(page), summary["mean_px"], summary["median_px"], summary["p95_px"], coverage,
        speed["fps"], io_run.read_log(trained)[-1]["step"], time.monotonic() - start,
        pair._asdict(), views._asdict(),
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
        f"{demo_views.describe(values['views'])}\n"
        f"Everything took {values['seconds']:.0f} s.\n"
        f"Open {values['report']}"
    )


def _add(page: Path, *told: Markup) -> None:
    """Tell on the page about one mouse what else was done, and where there is more."""
    text = store.read_text(page)
    after = ORIGIN if ORIGIN in text else "</main>"
    store.write_text(text.replace(after, f"{''.join(told)}{after}"), page)


def _views(views: demo_views.Views) -> Markup:
    """Tell what became of the mouse in several cameras."""
    rows = [
        (
            "calibration",
            f"{views.calibration_px:.2f} px",
            "what is left of the board's corners",
        ),
        ("cameras", f"{views.camera_mm:.1f} mm", "from where they truly are"),
        ("mean error in 3D", f"{views.mpe_mm:.2f} mm", f"of all keypoints, tier {views.tier}"),
        ("after turning each frame", f"{views.mpe_rpa_mm:.2f} mm", "the error of the posture"),
        ("linear triangulation", f"{views.dlt_mm:.2f} mm", "the error of the plainest way"),
        ("in their 95 % region", f"{views.coverage95:.0%}", "of the true points"),
    ]
    pages = [
        el("a", "the page about the poses", href=demo_views.PAGE),
        el("a", "the page about the cameras", href=demo_views.CALIBRATION),
        el("a", "the film", href="views/films/"),
    ]
    return section(
        "In space",
        el("p", "Several simulated cameras saw a printed board, then a mouse whose keypoints "
           "were found with noise, gaps and mistakes; scored against the truth:"),
        el("div", table(("score", "value", "meaning"), rows), class_="scores"),
        el("p", "More: ", pages[0], ", ", pages[1], " and ", pages[2], "."),
    )  # fmt: skip


def _pair(pair: demo_pair.Pair) -> Markup:
    """Tell what became of two mice."""
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
    return section(
        "Two animals",
        el("p", "A second network looked for two mice in every frame of a film of their own, "
           "and they were followed through their contacts; scored against the truth:"),
        el("div", table(("score", "value", "meaning"), rows), class_="scores"),
        el("p", more, " and ", film, "."),
    )  # fmt: skip


def _score(trained: Path, predicted: Path, truth: Path) -> tuple[evaluate.Evaluation, float]:
    """Score every visible keypoint of every frame."""
    labels = _visible(store.read_dataset(truth), predicted)
    found = io_poses.read(predicted)
    xy = core_poses.xy(found)[:, 0].astype(np.float64)
    confidence, presence = (
        core_poses.points(found, name)[:, 0].astype(np.float64)
        for name in ("confidence", "presence")
    )
    scores = evaluate.evaluate(labels, xy, confidence, presence=presence)
    inside = calibrate.inside(
        structure.calibration(io_run.load(trained)),
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
