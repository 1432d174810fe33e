"""SLEAP-NN's tracker on frozen detections: `PYTHON benchmarks/peer.py IN OUT [SETTING…]`.

Runs in an environment of its own, where SLEAP-NN is installed; nothing here is imported by
gambol. What goes in (NumPy archive): `scene`, `frame`, `xy`, `score` of all detections and
`animals`, `frames`, `joints` of every scene. What comes out (JSON): tracks of all detections
under several settings, and the seconds of processor time spent in the tracker itself.
"""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

UNTRACKED = -1


def main() -> None:
    """Track every scene under every setting."""
    frozen = np.load(sys.argv[1])
    film = str(frozen["film"])  # of the first scene; for settings that look
    made: dict[str, Any] = {}
    for name in sys.argv[3:] or settings(1):
        track = np.full(len(frozen["frame"]), UNTRACKED)
        seconds = []
        for scene, n in enumerate(frozen["animals"].tolist()):
            looks = "flow" in name
            if looks and (scene or not film):
                seconds.append(None)
                continue
            rows = np.flatnonzero(frozen["scene"] == scene)
            told = {part: frozen[part][rows] for part in ("frame", "xy", "score")}
            told["xy"] = told["xy"][:, : int(frozen["joints"][scene])]  # the rest is padding
            images = frames_of(film, int(frozen["frames"][scene])) if looks else None
            track[rows], spent = follow(told, settings(n)[name], images)
            seconds.append(spent)
            print(name, scene, f"{spent:.2f} s", flush=True)
        made[name] = {"track": track.tolist(), "seconds": seconds}
    Path(sys.argv[2]).write_text(json.dumps(made))


def settings(n: int) -> dict[str, dict[str, Any]]:
    """Return what the tracker is made with, by name: its defaults, and n animals known."""
    known = {"candidates_method": "local_queues", "max_tracks": n}
    return {
        "default": {},
        "known": known,
        "known, centroids": {
            **known, "features": "centroids", "scoring_method": "euclidean_dist"
        },
        "known, Kalman": {
            **known, "use_kalman": True, "tracking_target_instance_count": n
        },
        "known, flow": {**known, "use_flow": True},
    }  # fmt: skip


def follow(
    told: dict[str, np.ndarray], asked: dict[str, Any], images: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """Track one scene; return the tracks of its detections and the tracker's seconds."""
    import sleap_io as sio
    from sleap_nn.tracking.tracker import Tracker

    tracker = Tracker.from_config(**asked)
    joints = told["xy"].shape[1]
    skeleton = sio.Skeleton([f"k{i}" for i in range(joints)])
    track = np.full(len(told["frame"]), UNTRACKED)
    number: dict[str, int] = {}
    spent = 0.0
    for frame in np.unique(told["frame"]).tolist():
        rows = np.flatnonzero(told["frame"] == frame)
        found = [
            sio.PredictedInstance.from_numpy(
                told["xy"][r], skeleton=skeleton, score=float(told["score"][r]),
                point_scores=np.ones(joints),
            )
            for r in rows
        ]  # fmt: skip
        image = None if images is None else images[frame]
        start = time.process_time()
        tracker.track(found, frame, image)
        spent += time.process_time() - start
        for row, one in zip(rows, found, strict=True):
            if one.track is not None:
                track[row] = number.setdefault(one.track.name, len(number))
    twice = Counter(zip(told["frame"].tolist(), track.tolist(), strict=True))
    assert max(n for (_, t), n in twice.items() if t != UNTRACKED) == 1
    return track, spent


def frames_of(film: str, count: int) -> np.ndarray:
    """Read the images of a film, as the tracker is given them."""
    import sleap_io as sio

    video = sio.load_video(film)
    return np.stack([video[i] for i in range(min(count, len(video)))])


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
