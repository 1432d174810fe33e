"""A film of two flies from end to end with the commands that users type: its speed, identities.

The network learns from two other films; the tracks that it is compared with are predictions of
SLEAP, proofread or not, so identity is judged, not pose.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import flies, folds, trained
from benchmarks.record import WORK, data, record
from gambol.core.instances import Tracks
from gambol.io import tracks as io_tracks
from gambol.tracking import evaluate

FILM = "20190128_113421.120s.mp4"
WHERE = "flies_courtship, 3000 frames of 1024×1024, 2 flies, 13 keypoints"
LIMIT = 15  # core-minutes of training


def run() -> None:
    """Train on flies_tracks, predict and track the film, compare with its tracks."""
    source, known = data("flies_tracks"), data("flies_courtship")
    if source is None or known is None:
        return
    folder = WORK / "courtship"
    _, drawn = flies.splitting(source)
    job = flies.job("top-down", flies.PICK, drawn[flies.PICK])
    swift = tuple(one for one in job.settings if one != "mirror=true")  # which doubles the work
    job = job._replace(run=folder / "run", settings=swift)
    spent = trained.train_all([job])[0]
    target = speed(folder, job.run, known / FILM)
    identities(target, known / "predictions.slp", spent)


def speed(folder: Path, run: Path, film: Path) -> Path:
    """Record frames/s of prediction and tracking on two cores; return the tracks."""
    for name in ("poses", "tracks"):
        shutil.rmtree(folder / name, ignore_errors=True)
    said, predicting = command("predict", run, film, "--out", folder / "poses")
    video = said["videos"][0]
    told, tracking = command(
        "track", video["poses"], "--animals", 2, "--out", folder / "tracks"
    )
    recording = told["recordings"][0]
    frames = video["frames"]
    fps = frames / (predicting + tracking)
    inside = video["seconds"] + max(tracking - _start_up(), 0.0)
    approach = json.loads((run / "model.json").read_text())["approach"]
    rest = 1 - video["decode_share"] - video["network_share"]
    record(
        "courtship.fps",
        fps,
        "frames/s",
        data=WHERE,
        goal="≥ 25",
        met=fps >= 25,
        note=f"{approach}; `gambol predict` ({predicting:.1f} s) and `gambol track` "
        f"({tracking:.1f} s), both whole processes on {min(len(folds._cores()), 2)} cores; "
        f"{frames / inside:.1f} frames/s without start-up; prediction alone "
        f"{video['fps']:.1f} frames/s, {video['decode_share']:.0%} of its time waiting for "
        f"frames, {video['network_share']:.0%} networks and peaks"
        + (f", {rest:.0%} the rest" if rest > 0.005 else "")
        + f"; {recording['untracked']} of {recording['detections']} detections untracked, "
        f"{recording['events']} events to review, {recording['doubtful']} doubtful",
    )
    return Path(recording["tracks"])


def identities(target: Path, known: Path, spent: float) -> None:
    """Record IDF1 against the supplied tracks, on the frames that have them."""
    ours, theirs = io_tracks.load(target), io_tracks.load(known)
    truth = evaluate.Known(theirs.found.frame, theirs.id, theirs.found.xy)
    tracks = Tracks(ours.id, ours.confidence, len(ours.names))
    assert ours.times is not None  # our files have a clock
    fps = float((len(ours.times) - 1) / np.ptp(ours.times))
    scores = {}
    for name, cfg in (
        ("centre", evaluate.TrackScoring(similarity="centroid")),
        ("OKS, σ = .025", evaluate.TrackScoring()),
        ("OKS, σ = .1", evaluate.TrackScoring(sigma=0.1)),
    ):
        aligned = evaluate.align(truth, ours.found, tracks, fps=fps, cfg=cfg)
        scores[name] = evaluate.evaluate_tracks(aligned, cfg).summary()
    best = scores["centre"]
    other = "; ".join(
        f"{name}: {s['idf1']:.4f}, {s['id_switches']} switches"
        for name, s in scores.items()
        if name != "centre"
    )
    record(
        "courtship.idf1",
        best["idf1"],
        "IDF1",
        data="flies_courtship, frames 0 to 2299, against the two supplied tracks",
        goal="≥ 0.99",
        met=best["idf1"] >= 0.99 and spent <= LIMIT,
        interval=best["intervals"]["idf1"],
        note="an animal is met where centres lie within half a body length; "
        f"{best['id_switches']} identity switches, MOTA {best['mota']:.4f}, HOTA "
        f"{best['hota']:.4f}, {best['n_tracks']} names. With poses compared, too: {other}. "
        f"Trained on two other films for {spent:.1f} core-minutes; the supplied tracks are "
        "predictions of SLEAP",
    )


def command(verb: str, *words: Any) -> tuple[dict[str, Any], float]:
    """Run a command on two cores; return what it says and its seconds."""
    gambol = str(Path(sys.executable).with_name("gambol"))
    cores = ",".join(map(str, folds._cores()[:2]))
    pinned = ["taskset", "-c", cores] if shutil.which("taskset") else []
    start = time.monotonic()
    done = subprocess.run(
        [*pinned, gambol, verb, *map(str, words), "--json"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout), time.monotonic() - start


def _start_up() -> float:
    """Seconds to load what `gambol track` needs."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import gambol.stages.track"], check=True)
    return time.monotonic() - start
