"""Speed and memory of `gambol predict` on one core, as users run it, against decoding."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import openfield
from benchmarks.record import WORK, data, record
from gambol.core import poses as core_poses
from gambol.io import poses as io_poses
from gambol.stages import predict as stage

PEER = "SLEAP-NN, small U-Net, one core"
VIDEO = "mouse_openfield/videos/m3v1mp4.mp4, 2330 frames, 640×480"


class Done(NamedTuple):
    """One run of the command."""

    said: dict[str, Any]  # what it reports of the video
    wall: float  # seconds of the whole process
    peak: float  # MB


def run() -> None:
    """Measure with a network of the benchmark `openfield`, on the video of another mouse."""
    source = data("mouse_openfield")
    if source is None:
        return
    video, trained = source / "videos" / "m3v1mp4.mp4", openfield.network()
    out = WORK / "predict" / f"poses-{time.time_ns()}"
    runs = [one_core(trained, video, out / str(n)) for n in range(3)]
    runs.sort(key=lambda done: done.wall)  # others use the machine, too
    said, wall, peak = runs[1]
    fps = said["frames"] / wall
    decode = _decode_rate(video)
    rest = 1 - said["decode_share"] - said["network_share"]
    record(
        "predict.openfield_fps_1core",
        fps,
        "frames/s",
        data=VIDEO,
        goal="≥ 150",
        met=fps >= 150,
        peer=PEER,
        peer_value=22.0,
        note=f"the median of three whole processes, start-up included; {said['fps']:.0f} "
        f"frames/s without it; of the time {said['decode_share']:.0%} waits for frames, "
        f"{said['network_share']:.0%} is network and peaks, {rest:.0%} the rest; "
        f"{said['searched']} frames searched whole",
    )
    record(
        "predict.fraction_of_decode",
        said["fps"] / decode,
        "share",
        data=VIDEO,
        goal="report",
        note=f"decoding alone: {decode:.0f} frames/s, grey, same reader, one core",
    )
    _follow_against_whole(trained, video, Path(said["poses"]))
    record("predict.peak_mb", peak, "MB", data=VIDEO, goal="< 1200", met=peak < 1200)


def one_core(trained: Path, video: Path, out: Path, *flags: str) -> Done:
    """Run `gambol predict` on one core."""
    gambol = str(Path(sys.executable).with_name("gambol"))
    one = ["taskset", "-c", "0"] if Path("/usr/bin/taskset").exists() else []
    command = [gambol, "predict", str(trained), str(video), "--out", str(out)]
    command = [*one, *command, "--threads", "1", "--json", *flags]
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    text = child.stdout.read() if child.stdout else ""
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status:
        sys.exit(f"predict failed with status {os.waitstatus_to_exitcode(status)}")
    return Done(json.loads(text)["videos"][0], wall, usage.ru_maxrss / 1024)


def _follow_against_whole(trained: Path, video: Path, followed: Path) -> None:
    """How far poses move when a window follows the animal instead of searching whole frames."""
    cfg = stage.PredictConfig(window="whole")
    whole = stage.run(cfg, trained, [video], WORK / "predict" / "whole")[0].poses
    one, other = (core_poses.xy(io_poses.read(path)) for path in (followed, whole))
    moved = np.linalg.norm(one - other, axis=-1)
    record(
        "predict.follow_median_px",
        float(np.median(moved)),
        "px",
        data="mouse_openfield/videos/m3v1mp4.mp4",
        goal="report",
        note=f"distance of poses by window and by whole frame; 99 % of points within "
        f"{np.quantile(moved, 0.99):.2f} px, {(moved > 5).mean():.2%} beyond 5 px",
    )


def _decode_rate(path: Path) -> float:
    """Frames a second of reading alone, on one core."""
    code = (
        "import sys, time\n"
        "from gambol.io.video.open import open_video\n"
        "v = open_video(sys.argv[1], grey=True)\n"
        "t = time.monotonic()\n"
        "for i in range(0, len(v), 32):\n"
        "    v.read(list(range(i, min(i + 32, len(v)))))\n"
        "print(len(v) / (time.monotonic() - t))\n"
    )
    one = ["taskset", "-c", "0"] if Path("/usr/bin/taskset").exists() else []
    told = subprocess.run(
        [*one, sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout)
