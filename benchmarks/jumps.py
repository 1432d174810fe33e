"""How often keypoints jump on a video that nobody labelled, against published tracks of it."""

from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks import openfield
from benchmarks.record import WORK, data, record
from gambol.core import poses as core_poses
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.stages import predict as stage

# share of the body length in a thirtieth of a second: faster than anything in the published
# tracks that have no outliers, whose fastest steps are 0.14 and 0.18
JUMP = 0.2
PEER = "three published ResNet-50, mean"
VIDEO = "mouse_openfield/videos/m3v1mp4.mp4"
SECOND = 30  # frames that the bootstrap draws together


def run() -> None:
    """Measure with the network of fold 0 of `openfield`, which never saw this mouse."""
    source = data("mouse_openfield")
    if source is None:
        return
    trained = openfield.network()
    video = source / "videos" / "m3v1mp4.mp4"
    made = stage.run(stage.PredictConfig(), trained, [video], WORK / "jumps")[0].poses
    poses = io_poses.read(made)
    ours, names = core_poses.xy(poses)[:, 0], core_poses.skeleton(poses).keypoints
    paths = sorted((source / "reference_primer").glob("m3v1mp4DLC*.h5"))
    published = [track(path, names, len(ours)) for path in paths]
    body = body_length(source)
    _jump_rate(ours, published, body)
    _agreement(ours, published)


def track(path: Path, names: tuple[str, ...], frames: int) -> np.ndarray:
    """Read a published track: (frames, J, 2), keypoints in the order of `names`."""
    read = io_labels.read(path)
    xy = np.full((frames, len(names), 2), np.nan)
    xy[read.frame] = read.xy[:, [read.skeleton.index(name) for name in names]]
    return xy


def body_length(source: Path) -> float:
    """Median distance of snout and tail base in the hand labels, px."""
    labels = io_labels.load(source)
    ends = [labels.xy[:, labels.skeleton.index(name)] for name in ("snout", "tailbase")]
    return float(np.nanmedian(np.linalg.norm(ends[0] - ends[1], axis=-1)))


def jumps(xy: np.ndarray, px: float) -> np.ndarray:
    """Tell of every step of every keypoint, (T - 1, J), whether it is longer than `px`.

    A step from or to nothing is a jump: a keypoint that is not found helps nobody.
    """
    return np.asarray(~(np.linalg.norm(np.diff(xy, axis=0), axis=-1) <= px))


def _jump_rate(ours: np.ndarray, published: list[np.ndarray], body: float) -> None:
    jumped = jumps(ours, JUMP * body)
    peers = [float(jumps(xy, JUMP * body).mean()) for xy in published]
    seconds = np.arange(len(jumped)) // SECOND
    share = jumped.mean(axis=1)

    def rate(weights: np.ndarray) -> np.ndarray:
        return np.asarray((weights @ share / weights.sum(axis=1))[:, None])

    ends = percentile_interval(resample(rate, seconds, np.random.default_rng(0)))[:, 0]
    step = np.linalg.norm(np.diff(ours, axis=0), axis=-1)
    record(
        "openfield.jump_rate",
        100 * float(jumped.mean()),
        "% of steps",
        data=f"{VIDEO}, {len(ours)} frames",
        goal="report",
        peer=PEER,
        peer_value=round(100 * float(np.mean(peers)), 4),
        interval=[100 * float(end) for end in ends],
        note=f"a jump is a step of a keypoint of more than {JUMP:g} of the body length "
        f"({JUMP * body:.0f} px) from one frame to the next; {int(jumped.sum())} jumps in "
        f"{jumped.size} steps, longest step {np.nanmax(step):.0f} px; each published network: "
        + ", ".join(f"{100 * p:.2f}" for p in peers)
        + " %, no point left out for a low likelihood; interval by bootstrap over seconds",
    )


def _agreement(ours: np.ndarray, published: list[np.ndarray]) -> None:
    apart = [np.linalg.norm(ours - xy, axis=-1) for xy in published]
    among = [np.linalg.norm(a - b, axis=-1) for a, b in combinations(published, 2)]
    record(
        "openfield.agreement_median_px",
        float(np.mean([np.nanmedian(d) for d in apart])),
        "px",
        data=f"{VIDEO}, {len(ours)} frames",
        goal="report",
        peer="published networks among themselves",
        peer_value=round(float(np.mean([np.nanmedian(d) for d in among])), 4),
        note="median distance to the track of each published network: "
        + ", ".join(f"{np.nanmedian(d):.2f}" for d in apart)
        + " px; further than 10 px from it: "
        + ", ".join(f"{(d > 10).mean():.2%}" for d in apart)
        + "; neither is a truth",
    )
