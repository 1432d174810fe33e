"""Stage `predict_frames`: what a network sees in a few frames, such as those queued to label.

reads   run/                    a finished training, or a network that still learns
        videos                  of a project
writes  out/NAME.detections.nc  the animals of these frames; the others count as not read

A single animal is a detection, too, so that a file costs what its frames cost, however long
the video is.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import Detections, join
from gambol.core.progress import Progress, Step, silent
from gambol.core.video import Video
from gambol.io import detections as io_detections
from gambol.io import run as io_run
from gambol.io.project import Project
from gambol.io.video.open import open_video
from gambol.kernels.peaks import Peaks
from gambol.nn import engine
from gambol.pose import dataset, infer, posing
from gambol.stages import finders, predict_many, structure


class PredictFramesConfig(Config):
    """Settings of the stage: none yet, as all that matters was settled by the training."""


class Wanted(NamedTuple):
    """Frames of one video."""

    name: str  # of the result
    ref: str
    frames: tuple[int, ...]  # increasing


class Seen(NamedTuple):
    """What a stage found."""

    paths: list[Path]
    frames: int
    animals: int


def queued(project: Path, frames: list[tuple[int, int]] | None = None) -> list[Wanted]:
    """Return the frames of a project that wait for a label: suggested and not done.

    Args:
        project: its folder.
        frames: video and number of those to take instead.
    """
    with Project.open(project) as opened:
        known = {row.id for row in opened.videos()}
        places = frames
        if places is None:
            places = [(s.video, s.frame) for s in opened.suggestions() if not s.done]
        if lost := [video for video, _ in places if video not in known]:
            raise InputError(f"{project} has no video {lost[0]}; gambol info lists them")
        found = []
        for video in sorted({video for video, _ in places}):
            some = tuple(sorted({frame for v, frame in places if v == video}))
            found.append(Wanted(f"video{video}", opened.locate(video), some))
    return found


def run(
    cfg: PredictFramesConfig,
    trained: Path,
    wanted: list[Wanted],
    out: Path,
    *,
    device: str = "auto",
    threads: int = 0,
    progress: Progress = silent,
) -> Seen:
    """Predict frames by a finished training.

    Args:
        cfg: settings.
        trained: its folder.
        wanted: the frames, video by video.
        out: folder of the results.
        device: auto, cpu, cuda …
        threads: of a CPU; 0: all.
        progress: hears of every frame.
    """
    model = io_run.load(trained)
    where = engine.choose_device(device)
    model.net.to(where.torch_name)
    if model.centroid is not None:
        model.centroid.to(where.torch_name)
    return by(model, wanted, out, where, threads=threads, progress=progress)


def by(
    model: io_run.Trained,
    wanted: list[Wanted],
    out: Path,
    where: engine.Device,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Seen:
    """Predict frames by a network that is in memory; it may still learn afterwards."""
    see = _Single(model) if model.model.many is None else _Several(model, where, threads)
    paths, done, animals = [], 0, 0
    total = sum(len(one.frames) for one in wanted)
    for one in wanted:
        video = open_video(one.ref, grey=model.model.grey)
        try:
            inside = [frame for frame in one.frames if frame < len(video)]
            if not inside:
                continue
            rows = []
            for frame in inside:
                rows.append(see(video.read([frame])[0], frame))
                done += 1
                progress(Step("predict", done, total, f"{Path(one.ref).name} frame {frame}"))
            found = join(rows)
            animals += len(found.frame)
            paths.append(_write(model, video, one, inside, found, out))
        finally:
            video.close()
    return Seen(paths, done, animals)


class _Single:
    """Sees the single animal of a frame."""

    def __init__(self, model: io_run.Trained) -> None:
        self._model = model
        self._device = next(model.net.parameters()).device
        self._calibration, self._by = structure.calibration(model), structure.poser(model)

    def __call__(self, image: np.ndarray, frame: int) -> Detections:
        scale = self._model.model.scale
        small = dataset.shrink(image, scale)
        limit = 1 if self._by is None else posing.CANDIDATES
        size = image.shape[1], image.shape[0]
        matrix = pixels.invert(dataset.from_video_map(*size, scale))
        grid = structure.grid(self._model)
        several = infer.several(self._model.net, small, self._device, limit, grid)
        several = Peaks(*(part[None] for part in several))
        _, found, sure, _ = posing.read(several, matrix, self._calibration, self._by)
        return Detections(
            np.array([frame]),
            found.xy.astype(np.float64),
            sure.covariance.astype(np.float64),
            sure.confidence.astype(np.float64),
            sure.confidence.astype(np.float64).mean(axis=1),
            np.zeros((1, 0)),
            np.zeros((1, 0)),
        )


class _Several:
    """Sees all animals of a frame."""

    def __init__(self, model: io_run.Trained, where: engine.Device, threads: int) -> None:
        self._finder = finders.of_run(model, where, "float32", threads)
        self._judged = predict_many.judged_by(model)
        self._scale = model.model.scale

    def __call__(self, image: np.ndarray, frame: int) -> Detections:
        return predict_many.in_frame(self._finder, self._judged, self._scale, image, frame)


def _write(
    model: io_run.Trained,
    video: Video,
    one: Wanted,
    inside: list[int],
    found: Detections,
    out: Path,
) -> Path:
    """Write a result up to its last frame; a reader expects nothing after that."""
    target, last = out / f"{one.name}.detections.nc", inside[-1] + 1
    looked = np.zeros(last, bool)
    looked[inside] = True
    kept = io_detections.Pieces(target, "frames")
    kept.write(0, io_detections.Piece(0, looked, found))
    attrs = {
        "made_from": model.weights_hash,
        "source_file": str(Path(one.ref).resolve()),
        "body_px": model.model.body_px,
        "chosen_frames": len(inside),
    }
    many = model.model.many
    io_detections.assemble(
        kept, 1, video.times[:last], model.model.bones, video.fps, attrs,
        many.classes if many else (),
    )  # fmt: skip
    return target
