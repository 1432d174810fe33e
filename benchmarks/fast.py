"""What `gambol predict --precision fast` gains over float32 and what it costs in accuracy."""

import shutil
import statistics
from pathlib import Path

import numpy as np

from benchmarks import openfield
from benchmarks.predict import VIDEO, one_core
from benchmarks.record import WORK, budget, data, record
from gambol.core import poses as core_poses
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io import run as io_run

REPEATS = budget(3, 1)  # of each, in turn, so that a busy minute meets both
PRECISIONS = ("float32", "fast")


def run() -> None:
    """Measure with the network of fold 0 of `openfield`."""
    source = data("mouse_openfield")
    if source is None:
        return
    video, trained = source / "videos" / "m3v1mp4.mp4", openfield.network()
    out = WORK / "fast"
    shutil.rmtree(out, ignore_errors=True)  # what is there already would not be measured
    whole, inner, poses = _turns(trained, video, out)
    fps = {p: statistics.median(whole[p]) for p in PRECISIONS}
    error = {p: _test_error(trained, source, out, p) for p in PRECISIONS}
    moved = np.linalg.norm(poses["fast"] - poses["float32"], axis=-1)
    record(
        "predict.fast_fps_1core",
        fps["fast"],
        "frames/s",
        data=VIDEO,
        goal="report",
        peer="float32, in turn with it",
        peer_value=round(fps["float32"], 2),
        note=f"the whole process, start-up and the check against float32 included; mean error "
        f"on the {error['fast'][1]} test frames of fold 0 {error['fast'][0]:.3f} px, with "
        f"float32 {error['float32'][0]:.3f} px; on the video poses differ by "
        f"{np.nanmedian(moved):.3f} px (median) and {np.nanquantile(moved, 0.99):.2f} px "
        "(99 % of points)",
    )
    ratio = statistics.median(inner["fast"]) / statistics.median(inner["float32"])
    record(
        "predict.fast_ratio",
        ratio,
        "times float32",
        data=VIDEO,
        goal="report",
        note=f"medians of {REPEATS} runs of each in turn, start-up left out: "
        + " and ".join(f"{statistics.median(inner[p]):.0f}" for p in PRECISIONS[::-1])
        + " frames/s",
    )


def _turns(
    trained: Path, video: Path, out: Path
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, np.ndarray]]:
    """Frames a second with and without start-up, and poses (T, J, 2), by precision."""
    whole: dict[str, list[float]] = {p: [] for p in PRECISIONS}
    inner: dict[str, list[float]] = {p: [] for p in PRECISIONS}
    poses = {}
    for repeat in range(REPEATS):
        for precision in PRECISIONS:
            place = out / f"{precision}-{repeat}"
            done = one_core(trained, video, place, "--precision", precision)
            whole[precision].append(done.said["frames"] / done.wall)
            inner[precision].append(done.said["fps"])
            poses[precision] = core_poses.xy(io_poses.read(Path(done.said["poses"])))[:, 0]
    return whole, inner, poses


def _test_error(trained: Path, source: Path, out: Path, precision: str) -> tuple[float, int]:
    """Mean error on the frames that training never saw, px, and their number.

    The labelled images are predicted as a video, whole, by the command that is measured.
    """
    labels = io_labels.load(source)
    test = {(v, f) for part, v, f, _ in io_run.read_split(trained) if part == "test"}
    rows = [r for r, f in enumerate(labels.frame) if (labels.videos[0], int(f)) in test]
    images = Path(labels.videos[0])  # one folder
    done = one_core(trained, images, out / f"images-{precision}", "--precision", precision)
    found = core_poses.xy(io_poses.read(Path(done.said["poses"])))[:, 0]
    error = np.linalg.norm(found[labels.frame[rows]] - labels.xy[rows], axis=-1)
    return float(np.nanmean(error)), len(rows)
