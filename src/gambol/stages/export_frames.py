"""Training frames as the network of a run sees them, which show int8 the ranges of values.

Not those of validation: what calibrates a network must not judge it.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from jaxtyping import UInt8

from gambol.core.errors import InputError
from gambol.io import frames as io_frames
from gambol.io import run as io_run
from gambol.io.video.open import split_ref
from gambol.nn import engine
from gambol.pose import crops, dataset, find
from gambol.stages import finders

SEED = 0  # of the order in which training frames are looked at


def training(
    model: io_run.Trained, size: tuple[int, int], most: int, threads: int = 1
) -> list[UInt8[np.ndarray, "H W C"]]:
    """Return pictures of a run's training frames, without augmentation, drawn at random.

    Args:
        model: the run; of a top-down one, pictures are crops where it finds animals.
        size: width and height that pictures shall have; frames of others are passed over.
        most: pictures, fewer where there are no more.
        threads: of the CPU; 0: all.

    Raises:
        InputError: a video is gone, or no training frame gives such a picture.
    """
    rows = io_run.read_split(model.folder)
    places = sorted({(video, frame) for part, video, frame, _ in rows if part == "train"})
    videos = tuple(sorted({video for video, _ in places}))
    gone = next((video for video in videos if not split_ref(video)[0].exists()), None)
    if gone is not None:
        raise InputError(
            f"{model.folder}: int8 is calibrated on training frames, and {gone} is not there "
            "any more; put it back, export where it is, or leave int8 out"
        )
    pairs = np.array([(videos.index(v), frame) for v, frame in places], np.int64).reshape(-1, 2)
    pairs = np.random.default_rng(SEED).permutation(pairs)
    fitting = (
        p for p in _pictures(model, videos, pairs, threads) if (p.shape[1], p.shape[0]) == size
    )
    found = list(islice(fitting, most))
    if not found:
        raise InputError(
            f"{model.folder}: int8 is calibrated on training frames, none of which gives a "
            f"picture of {size[0]} x {size[1]} px, as those of validation; leave int8 out"
        )
    return found


def _pictures(
    model: io_run.Trained, videos: tuple[str, ...], pairs: np.ndarray, threads: int
) -> Iterator[UInt8[np.ndarray, "H W C"]]:
    """Yield frames, or the crops in them, as the network takes them."""
    finder: find.TopDown | None = None
    if model.model.many is not None:
        made = finders.of_run(model, engine.choose_device("cpu"), threads=threads)
        assert isinstance(made, find.TopDown)  # nothing else is exported
        finder = made
    for image in io_frames.at(videos, pairs, grey=model.model.grey):
        small = dataset.shrink(image, model.model.scale)
        if finder is None:
            yield small
        else:
            yield from _crops(finder, small)


def _crops(
    finder: find.TopDown, frame: UInt8[np.ndarray, "h w C"]
) -> Iterator[UInt8[np.ndarray, "s s C"]]:
    """Yield a crop around each animal that is found."""
    spots = find.centroids(
        finder.centroid, frame, finder.threshold, finder.apart, finder.limit, finder.heading
    )
    turns = [None] * len(spots.xy) if spots.turn is None else spots.turn.tolist()
    for middle, turn in zip(spots.xy, turns, strict=True):
        yield crops.crop(frame, middle, finder.side, turn)[0]
