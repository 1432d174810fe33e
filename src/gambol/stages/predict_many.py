"""Prediction of several animals a frame: detections of each video, still without names.

writes  out/NAME.detections.nc   every animal found in every frame (`io.detections`)

`stages.predict` calls this for runs that were trained on several animals; `stages.track` gives
the detections their identities.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core.instances import Candidates, Detections, join
from gambol.core.progress import Progress, Step
from gambol.core.video import Video
from gambol.io import detections as io_detections
from gambol.io import run as io_run
from gambol.io.video.ahead import read_ahead
from gambol.pose import calibrate, dataset, find, judge
from gambol.stages import shards, structure

CHUNK = 16  # frames that are decoded together


class _Rows(NamedTuple):
    """The animals of a frame."""

    rows: Detections
    candidates: Candidates | None  # their peaks, where the finder keeps several
    margin: Float[np.ndarray, "D J"] | None  # nats, where it weighs other explanations


def predict(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    video: Video,
    kept: io_detections.Pieces,
    numbers: Iterable[int],
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
        numbers: of the pieces that are wanted.
        clock: tells the time in seconds.
        progress: hears of every piece.
        name: of the video, for people.
    """
    total, fresh, waited = len(video), 0, 0.0
    for number in numbers:
        if kept.read(number) is not None:
            continue
        wanted = list(shards.frames(number, total))
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
    return _found(finder, judged, scale, image, frame).rows


def _found(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    image: UInt8[np.ndarray, "H W C"],
    frame: int,
) -> _Rows:
    small = dataset.shrink(image, scale)
    matrix = pixels.invert(dataset.from_video_map(image.shape[1], image.shape[0], scale))
    return _rows(find.find(finder, small).moved(matrix), judged, frame)


def _rows(found: find.Found, judged: judge.Judged, frame: int) -> _Rows:
    rows, several = judge.detections(frame, found, judge.value(found, judged)), None
    if found.several is not None:
        score = calibrate.scores(judged.calibration, found.several.height, found.several.cov)
        several = Candidates(found.several.xy, score)
    return _Rows(rows, several, found.margin)


def _piece(
    finder: find.Finder,
    judged: judge.Judged,
    scale: float,
    video: Video,
    wanted: list[int],
    clock: Callable[[], float],
) -> tuple[io_detections.Piece, float]:
    rows = [_rows(find.nobody(finder), judged, wanted[0])]
    readable: list[bool] = []
    waited, before = 0.0, clock()
    for frame, image, fine in _frames(video, wanted):
        waited += clock() - before
        readable.append(fine)
        if fine:
            rows.append(_found(finder, judged, scale, image, frame))
        before = clock()
    several = [one.candidates for one in rows if one.candidates is not None]
    margin = [one.margin for one in rows if one.margin is not None]
    piece = io_detections.Piece(
        wanted[0],
        np.array(readable, bool),
        join([one.rows for one in rows]),
        Candidates(*map(np.concatenate, zip(*several, strict=True))) if several else None,
        np.concatenate(margin) if margin else None,
    )
    return piece, waited


def _frames(video: Video, wanted: list[int]) -> Iterator[tuple[int, np.ndarray, bool]]:
    for part in read_ahead(video, wanted, chunk=CHUNK):
        yield from zip(part.indices.tolist(), part.frames, part.readable.tolist(), strict=True)
