"""Who looks on while a network learns: its curve, what it sees of validation, queued frames.

writes  previews/N.jpg     validation frames at network scale, once
        previews.json      their labels and what the network sees, again and again
        out/*.detections.nc  queued frames by the best weights so far

Nothing here changes what is learnt: no random number is drawn, and looks take at most a seventh
of the time.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch

from gambol.io import store
from gambol.nn import engine
from gambol.nn.model import PoseNet
from gambol.pose import infer, train
from gambol.stages import predict_frames
from gambol.stages.learning import Job

FIRST_S = 2.0  # of learning, before the first look
OFTEN_S = 5.0  # between two looks, at least
SHARE = 6  # times as long as the last look took are learnt before the next
PICTURES = 6


class OnStep(Protocol):
    """Takes in a step of training."""

    def __call__(self, net: str, number: int, /, **values: Any) -> None:
        """Take in what is known of it."""


class Onlooker:
    """Implements `learning.Watch`."""

    def __init__(
        self,
        folder: Path,
        step: OnStep,
        stopped: Callable[[], bool],
        say: Callable[[str], None],
        wanted: Callable[[], list[predict_frames.Wanted]],
    ) -> None:
        """Look on.

        Args:
            folder: gets what is written.
            step: hears of steps.
            stopped: whether somebody wants what there is now.
            say: hears what went wrong with a look, which ends no training.
            wanted: returns the queued frames.
        """
        self._folder, self._step, self._say, self._wanted = folder, step, say, wanted
        self.enough = stopped
        self._net: PoseNet | None = None
        self._due = time.monotonic() + FIRST_S
        self._queue_due = 0.0
        self._drawn: set[str] = set()
        self._best: dict[str, float] = {}

    def heard(self, job: Job, seen: train.Seen) -> None:
        """Write down the step; look at validation when it is time."""
        self._net = seen.net
        if time.monotonic() < self._due:
            self._note(job, seen.step, seen.minutes, seen.loss)
            return
        start = time.monotonic()
        off = job.judge(seen.net, next(seen.net.parameters()).device)
        self._note(job, seen.step, seen.minutes, seen.loss, off)
        self._show(job, seen.step)
        self._rest(start)

    def evaluated(self, job: Job, line: train.Evaluated, off: np.ndarray) -> None:
        """Write down what validation said; the best so far looks at the queued frames."""
        start = time.monotonic()
        self._note(job, line.step, line.minutes, line.loss, off)
        self._show(job, line.step)
        if line.val_px <= self._best.get(job.name, np.inf):
            self._best[job.name] = line.val_px
            self._predict(job)
        self._rest(start)

    def _rest(self, start: float) -> None:
        now = time.monotonic()
        self._due = now + max(OFTEN_S, SHARE * (now - start))

    def _note(
        self, job: Job, number: int, minutes: float, loss: float, off: np.ndarray | None = None
    ) -> None:
        more = {}
        if off is not None:
            known = off[np.isfinite(off)]
            if known.size:
                p50, p95 = np.quantile(known, [0.5, 0.95])
                more = {"val_px": round(float(p50), 4), "p95_px": round(float(p95), 4)}
        self._step(
            job.name, number, seconds=round(60 * minutes, 3), loss=round(loss, 6), **more
        )

    def _show(self, job: Job, number: int) -> None:
        """Write what the network sees of some validation frames."""
        if job.held is None or self._net is None:
            return
        frames, places = job.held.frames, job.held.places
        rows = _some(len(frames.images))
        if job.name not in self._drawn:
            self._drawn.add(job.name)
            for n in rows:
                _draw(frames.images[n], self._folder / "previews" / f"{n}.jpg")
        device = next(self._net.parameters()).device
        shown = []
        for n in rows:
            found = infer.forward(self._net, frames.images[n], device)
            height, width = frames.images[n].shape[:2]
            video, frame = places[n] if places else (None, None)
            shown.append(
                {
                    "number": n,
                    "video": video,
                    "frame": frame,
                    "width": width,
                    "height": height,
                    # of crops that are turned, too: the length of a pixel's side
                    "video_px": float(np.linalg.norm(frames.to_video[n, 0, :2])),
                    "truth": _points(frames.xy[n, 0]),
                    "guess": _points(found.xy),
                }
            )
        names, edges = list(job.skeleton.keypoints), [list(e) for e in job.skeleton.drawn]
        told = {"step": number, "keypoints": names, "edges": edges, "shown": shown}
        store.write_json(told, self._folder / "previews.json")

    def _predict(self, job: Job) -> None:
        """Look at the queued frames; what hinders it hinders no training."""
        start = time.monotonic()
        if job.model is None or self._net is None or start < self._queue_due:
            return
        try:
            if not (wanted := self._wanted()):
                return
            with torch.no_grad():
                model = job.model(self._net)
                where = engine.Device("torch", str(next(model.net.parameters()).device))
                predict_frames.by(model, wanted, self._folder / "out", where)
        except (OSError, ValueError) as error:
            self._say(f"queued frames were not looked at: {error}")
        now = time.monotonic()
        self._queue_due = now + SHARE * (now - start)


def _some(count: int) -> list[int]:
    """Return rows spread over all."""
    return (
        np.unique(np.linspace(0, count - 1, min(count, PICTURES)).round()).astype(int).tolist()
    )


def _points(xy: np.ndarray) -> list[list[float] | None]:
    """Return positions, network pixels; None where there is none."""
    return [
        [round(float(x), 2), round(float(y), 2)] if np.isfinite([x, y]).all() else None
        for x, y in xy
    ]


def _draw(image: np.ndarray, path: Path) -> None:
    """Write a picture, RGB or grey."""
    picture = image[..., ::-1] if image.shape[-1] == 3 else image
    good, data = cv2.imencode(".jpg", np.ascontiguousarray(picture))
    if good:
        store.write_bytes(data.tobytes(), path)
