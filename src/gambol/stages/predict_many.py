"""Prediction of several animals a frame: detections of each video, still without names.

writes  out/NAME.detections.nc   every animal found in every frame (`io.detections`)

`stages.predict` calls this for runs that were trained on several animals; `stages.track` gives
the detections their identities.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import UInt8

from gambol.core import pixels
from gambol.core.instances import Candidates, Detections, join
from gambol.core.progress import Progress, Step
from gambol.core.video import Video
from gambol.io import detections as io_detections
from gambol.io import run as io_run
from gambol.io.video.ahead import read_ahead
from gambol.kernels.peaks import Peaks
from gambol.pose import calibrate, dataset, find, judge
from gambol.stages import structure

CHUNK = 16  # frames that are decoded together


def predict(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    video: Video,
    kept: io_detections.Pieces,
    shard: int,
    clock: Callable[[], float],
    progress: Progress,
    name: str,
) -> tuple[int, float]:
    """Fill in the missing pieces; return the frames that were searched and seconds of waiting.

    Args:
        finder: the networks.
        judged: what their run learned about the worth of finds.
        scale: network pixels per video pixel.
        video: what is searched.
        kept: finished pieces.
        shard: frames a piece.
        clock: tells the time in seconds.
        progress: hears of every piece.
        name: of the video, for people.
    """
    total, fresh, waited = len(video), 0, 0.0
    for number in range(-(-total // shard)):
        if kept.read(number) is not None:
            continue
        wanted = list(range(number * shard, min((number + 1) * shard, total)))
        piece, wait = _piece(finder, judged, scale, video, wanted, clock)
        kept.write(number, piece)
        fresh, waited = fresh + len(wanted), waited + wait
        progress(Step("predict", wanted[-1] + 1, total, name))
    return fresh, waited


def judged_by(trained: io_run.Trained, weight: float | None = None) -> judge.Judged:
    """What the run learned about the worth of its finds.

    Args:
        trained: the run.
        weight: λ of bones in place of the run's.
    """
    many = trained.model.many
    assert many is not None
    calibration = structure.calibration(trained, weight)
    return judge.Judged(calibration, np.array(many.real), many.temperature)


def in_frame(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    image: UInt8[np.ndarray, "H W C"],
    frame: int,
) -> Detections:
    """Find the animals of one video frame, in video pixels."""
    return _found(finder, judged, scale, image, frame)[0]


def _found(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    image: UInt8[np.ndarray, "H W C"],
    frame: int,
) -> tuple[Detections, Candidates | None]:
    """Return the animals of a frame, and their peaks where the finder keeps several."""
    small = dataset.shrink(image, scale)
    matrix = pixels.invert(dataset.from_video_map(image.shape[1], image.shape[0], scale))
    found = find.find(finder, small).moved(matrix)
    rows = judge.detections(frame, found, judge.value(found, judged))
    return rows, _candidates(found.several, judged)


def _candidates(several: Peaks | None, judged: judge.Judged) -> Candidates | None:
    if several is None:
        return None
    score = calibrate.scores(judged.calibration, several.height, several.cov)
    return Candidates(several.xy, score)


def _piece(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    video: Video,
    wanted: list[int],
    clock: Callable[[], float],
) -> tuple[io_detections.Piece, float]:
    nobody = find.nobody(finder)
    rows = [judge.detections(wanted[0], nobody, judge.value(nobody, judged))]
    several = [one for one in [_candidates(nobody.several, judged)] if one is not None]
    readable: list[bool] = []
    waited, before = 0.0, clock()
    for frame, image, fine in _frames(video, wanted):
        waited += clock() - before
        readable.append(fine)
        if fine:
            animals, peaks = _found(finder, judged, scale, image, frame)
            rows.append(animals)
            several += [] if peaks is None else [peaks]
        before = clock()
    joined = Candidates(*map(np.concatenate, zip(*several, strict=True))) if several else None
    return io_detections.Piece(wanted[0], np.array(readable, bool), join(rows), joined), waited


def _frames(video: Video, wanted: list[int]) -> Iterator[tuple[int, np.ndarray, bool]]:
    for part in read_ahead(video, wanted, chunk=CHUNK):
        yield from zip(part.indices.tolist(), part.frames, part.readable.tolist(), strict=True)
