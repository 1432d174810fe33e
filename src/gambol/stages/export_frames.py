"""Frames of a run as its network sees them, read from the videos anew.

Those of training show int8 the ranges of values, and none of validation: what calibrates a
network must not judge it. Those of validation check bottom-up networks, of which a run keeps
no whole frames.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np
from jaxtyping import UInt8

from gambol.core import pixels
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
    _require(model, videos, "int8 is calibrated on training frames", ", or leave int8 out")
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


def validation(
    model: io_run.Trained, places: list[tuple[str, int]]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return whole frames (H, W, C) of validation at network scale, and their ways to video.

    Args:
        model: the run.
        places: video and number of each.

    Raises:
        InputError: a video is gone.
    """
    videos = tuple(sorted({video for video, _ in places}))
    why = "what finds animals bottom-up is checked on whole frames of validation"
    _require(model, videos, why, "")
    pairs = np.array([(videos.index(v), frame) for v, frame in places], np.int64).reshape(-1, 2)
    scale, images, back = model.model.scale, [], []
    for image in io_frames.at(videos, pairs, grey=model.model.grey):
        images.append(dataset.shrink(image, scale))
        here = dataset.from_video_map(image.shape[1], image.shape[0], scale)
        back.append(pixels.invert(here))
    return images, back


def usual(images: list[np.ndarray]) -> tuple[tuple[int, int], list[int]]:
    """Return the most frequent (width, height), and which pictures have it."""
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    size = Counter(sizes).most_common(1)[0][0]
    return size, [i for i, one in enumerate(sizes) if one == size]


def _require(model: io_run.Trained, videos: tuple[str, ...], why: str, rather: str) -> None:
    gone = next((video for video in videos if not split_ref(video)[0].exists()), None)
    if gone is not None:
        raise InputError(
            f"{model.folder}: {why}, and {gone} is not there any more; put it back, or export "
            f"where it is{rather}"
        )


def _pictures(
    model: io_run.Trained, videos: tuple[str, ...], pairs: np.ndarray, threads: int
) -> Iterator[UInt8[np.ndarray, "H W C"]]:
    """Yield frames, or the crops in them, as the network takes them."""
    finder: find.TopDown | None = None
    if model.model.approach == "top-down":
        made = finders.of_run(model, engine.choose_device("cpu"), threads=threads)
        assert isinstance(made, find.TopDown)
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
