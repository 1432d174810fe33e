"""Whether unlabelled frames and ensembles help: paired differences on frames not learnt from.

`semi` trains each loss beside plain training, on the same folds, seeds and budget; `ensemble`
weighs single networks, their mean and the smoother on a simulated recording of its own.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import folds
from benchmarks.record import WORK, budget, data, record
from gambol.core import poses as core_poses
from gambol.io import poses as io_poses
from gambol.nn.backbones.unet import UNetSpec
from gambol.pose import eks
from gambol.pose.ensemble import Combined, combine
from gambol.pose.train import FitConfig
from gambol.simulate.world import SimulateConfig
from gambol.stages import accept, ensemble, imports, predict, simulate, train

STEPS = budget(500, 8)  # about five minutes of one core for plain training
FOLDS = budget(3, 2)
PAIRS = [
    [f"{name}_top", f"{name}_bot"]
    for name in (
        *("paw1LH", "paw2LF", "paw3RF", "paw4RH"),
        *("tailBase", "tailMid", "nose"),
    )
]
VIEWS = f"{{kind: pca-many-views, points: {PAIRS}}}".replace("'", "")
ARMS = {
    "plain": [],
    "temporal": ["{kind: temporal}"],
    "views": [VIEWS],
    "temporal_views": ["{kind: temporal}", VIEWS],
    "consistency": ["{kind: consistency}"],
}
NETWORKS = budget(5, 2)
FILM_STEPS = budget(1200, 8)
NAMES = ("nose", "left_ear", "right_ear", "tail_base")
ACCEPT = accept.AcceptConfig()


def run() -> None:
    """Measure unlabelled losses on the mouse in the mirror."""
    source = data("mouse_mirror")
    if source is None:
        return
    project = WORK / "mirror" / "project"
    cfg = imports.ImportConfig(nan_means="absent")
    imports.run(cfg, source / "CollectedData.csv", project)
    film = source / "videos" / "test_vid.mp4"
    seen = {arm: _arm(project, arm, film) for arm in ARMS}
    unrest = {arm: _unrest(one.runs[0], film) for arm, one in seen.items()}
    for arm, one in seen.items():
        if arm == "plain":
            continue
        base = seen["plain"]
        off = np.stack([np.linalg.norm(s.xy - s.labels.xy, axis=-1) for s in (one, base)])
        told = accept.compare(ACCEPT, off, np.arange(off.shape[1]))
        record(
            f"semi.{arm}.gain_px",
            -told["difference_px"],
            "px",
            data=f"mouse_mirror, 68 frames, {FOLDS} contiguous-block folds",
            goal="interval above 0",
            met=told["accepted"],
            interval=[-x for x in told["interval"][::-1]],
            note=f"{told['candidate_px']:.2f} px against {told['base_px']:.2f} px of plain "
            f"training at {STEPS} steps; steps on the unlabelled film {unrest[arm]:.2f} px "
            f"against {unrest['plain']:.2f} px; "
            f"{sum(one.core_minutes):.0f} core-minutes against {sum(base.core_minutes):.0f}",
        )


def _arm(project: Path, arm: str, film: Path) -> folds.Tested:
    """Train every fold with some losses."""
    losses = ", ".join(ARMS[arm])
    changes = [f"unlabelled.losses=[{losses}]", f"unlabelled.videos=[{film}]"]
    return folds.test(project, f"semi/{arm}", STEPS, FOLDS, changes if ARMS[arm] else [])


def _unrest(run_folder: Path, film: Path) -> float:
    """Mean step of a keypoint from one frame to the next, where both ends are seen, px."""
    (made,) = predict.run(predict.PredictConfig(), run_folder, [film], run_folder / "poses")
    found = io_poses.read(made.poses)
    xy, sure = core_poses.xy(found)[:, 0], core_poses.points(found, "confidence")[:, 0]
    steps = np.linalg.norm(np.diff(xy, axis=0), axis=-1)
    both = (sure[1:] >= 0.5) & (sure[:-1] >= 0.5)
    return float(steps[both].mean()) if both.any() else float("nan")


def together() -> None:
    """Measure ensembles on a simulated recording, and how fast they are smoothed."""
    folder = WORK / "ensemble"
    learnt, other = (_film(folder / f"film{seed}", seed) for seed in (0, 5))
    cfg = train.TrainConfig(
        backbone=UNetSpec(depth=3, filters=8, rate=1.5), scale=0.5,
        fit=FitConfig(steps=FILM_STEPS, batch=4, rate=3e-3, warm_up=10, evaluate_every=100),
    )  # fmt: skip
    poses = []
    for seed in range(NETWORKS):
        one = cfg.override([f"fit.seed={seed}"])
        made = train.run(one, learnt.labels, folder / f"run{seed}", threads=1)
        poses.append(folder / f"poses{seed}")
        predict.run(predict.PredictConfig(), made, [other.video], poses[-1], threads=1)
    base = poses[0]
    for name, changes in {
        "median": {"combine": "median", "smooth": False},
        "mean": {"smooth": False},
        "eks": {},
    }.items():
        settings = ensemble.EnsembleConfig.from_values(changes, "benchmark")
        out = folder / name
        ensemble.run(settings, poses, out)
        told = _against(out, base, other.labels)
        record(
            f"ensemble.{name}.gain_px",
            -told["difference_px"],
            "px",
            data=f"simulated mouse, {NETWORKS} networks of {FILM_STEPS} steps, another film",
            goal="interval above 0",
            met=told["accepted"],
            interval=[-x for x in told["interval"][::-1]],
            note=f"{told['candidate_px']:.2f} px against {told['base_px']:.2f} of one network",
        )
    _speed()


def _film(folder: Path, seed: int) -> simulate.Filmed:
    world = SimulateConfig(
        width=160, height=120, body_length=45, seconds=40, fps=15, seed=seed, moods=False
    )
    cfg = simulate.FilmConfig(world=world, labelled=60, keypoints=NAMES)
    return simulate.run(cfg, folder)


def _against(out: Path, base: Path, labels: Path) -> dict[str, Any]:
    return accept.run(ACCEPT, out, base, labels)


def _speed() -> None:
    """Frames a second of combining and smoothing 10 keypoints, all learning included."""
    rng = np.random.default_rng(0)
    frames, keypoints = 10_000, 10
    true = rng.standard_normal((frames, keypoints, 2)).cumsum(axis=0)
    said = true + 2 * rng.standard_normal((5, *true.shape))
    cov, sure = np.full((*said.shape, 2), np.nan), np.ones(said.shape[:-1])
    groups = [(j,) for j in range(keypoints)]

    def work(n: int) -> None:
        seen = combine(said[:, :n], cov[:, :n], sure[:, :n])
        firsts = np.linspace(0, n - n // 20, ensemble.STRETCHES).astype(int)
        parts = [
            Combined(*(p[a : a + min(ensemble.LENGTH, n // 20)] for p in seen)) for a in firsts
        ]
        courses = eks.fit(parts, groups)
        eks.smooth(courses, seen, eks.begin(courses), eks.end(courses))

    work(400)  # compiled
    start = time.process_time()
    work(frames)
    seconds = time.process_time() - start
    record(
        "ensemble.frames_per_s",
        frames / seconds,
        "frames/s",
        data="10,000 frames, 10 keypoints, 5 networks, one core",
        goal=">= 10000",
        met=frames / seconds >= 10_000,
    )


PARTS = {"semi": run, "ensemble": together}
