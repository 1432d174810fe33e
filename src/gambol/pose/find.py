"""Finding every animal of a frame: top-down through crops, or bottom-up through fields.

Both take a video frame at network scale and give the animals in network pixels, with the raw
height and covariance of every peak; `pose.judge` learns on validation what they are worth.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import map_coordinates

from gambol.core import pixels
from gambol.kernels.maxima import maxima
from gambol.kernels.peaks import Peaks
from gambol.nn.engine import Engine
from gambol.nn.outputs.base import Positions
from gambol.nn.outputs.classes import Classes
from gambol.nn.outputs.confidence import Confidence
from gambol.nn.outputs.fields import Fields
from gambol.pose import crops, dataset, posing, relabel, upright
from gambol.pose.group import Candidates, Links, group
from gambol.pose.predict import Net, first, to_video

FEWEST = 2  # keypoints of an animal; a peak that no link joins to another is none
SEEN = 0.2  # height of a peak that says something of how its animal lies
ASTRAY = np.radians(10.0)  # between a crop and its pose: the crop is cut out anew
APART = 0.3  # body lengths within which two centroids are one animal
LOW = 0.1  # height from which a local maximum may be a keypoint of a group


class Found(NamedTuple):
    """I animals of one frame."""

    xy: Float[np.ndarray, "I J 2"]  # NaN where a keypoint was not found
    height: Float[np.ndarray, "I J"]  # of the peak; NaN where there is none
    cov: Float[np.ndarray, "I J 2 2"]  # raw; NaN where there is none
    whole: Float[np.ndarray, " I"]  # evidence for one animal: centroid's height or mean link
    looks: Float[np.ndarray, "I A"]  # log-probability of each class; A = 0 without classes
    several: Peaks | None = None  # (I, J, C), where more than the highest peak is kept
    margin: Float[np.ndarray, "I J"] | None = None
    # nats that the best other explanation costs more in which a keypoint is elsewhere; None
    # where none are weighed

    def moved(self, matrix: Float[np.ndarray, "2 3"]) -> "Found":
        """Return the animals in other pixels."""
        several = self.several
        return self._replace(
            xy=pixels.apply(matrix, self.xy),
            cov=pixels.apply_covariance(matrix, self.cov),
            several=None if several is None else to_video(several, matrix),
        )


class TopDown(NamedTuple):
    """A network that finds animals, and one for the keypoints of the animal in a crop."""

    centroid: Net  # its scale is relative to the frames that come in
    pose: Net
    side: int  # of a crop, network pixels
    threshold: float  # height from which a local maximum is an animal
    apart: float  # network pixels within which two centroids are one
    limit: int  # animals that go on
    classes: int = 0  # individuals that the network of the crops knows
    heading: Fields | None = None  # of the first network: crops are turned, heads up
    shape: upright.Shape | None = None  # of the animals: says of a pose how its animal lies
    candidates: int = 1  # peaks per keypoint that are kept
    poser: posing.Poser | None = None  # chooses among the peaks of a keypoint


class BottomUp(NamedTuple):
    """A network of confidence maps and fields, and how peaks are linked."""

    engine: Engine
    confidence: Positions  # by confidence maps
    fields: Fields
    links: Links
    multiple: int
    limit: int  # peaks per keypoint that go on
    classes: Classes | None = None  # that say who an animal is
    sides: relabel.Sides | None = None  # weighed anew where both show in one place


Finder = TopDown | BottomUp


class Grouping(NamedTuple):
    """How the peaks of a frame make animals."""

    links: Links
    keypoints: int  # of an animal; peaks of another one are centroids
    stride: int  # of the fields
    classes: int = 0  # individuals that are known by their looks
    class_stride: int = 1  # of their maps
    sides: relabel.Sides | None = None  # weighed anew where both show in one place


def find(finder: Finder, frame: UInt8[np.ndarray, "h w C"]) -> Found:
    """Find the animals of a frame at network scale, in network pixels."""
    if isinstance(finder, TopDown):
        return _top_down(finder, frame)
    return _bottom_up(finder, frame)


class Spots(NamedTuple):
    """I places of a frame where animals are."""

    xy: Float[np.ndarray, "I 2"]  # pixels of the frame that came in
    height: Float[np.ndarray, " I"]  # of the peak
    turn: Float[np.ndarray, " I"] | None  # rad, turns the animal head up; None: not known


def centroids(
    net: Net,
    frame: UInt8[np.ndarray, "h w C"],
    threshold: float,
    apart: float,
    limit: int,
    heading: Fields | None = None,
) -> Spots:
    """Return where animals are, and how they lie if the network draws a field of `heading`.

    Of two that are nearer than `apart`, the higher one stays.
    """
    position = net.position
    assert isinstance(position, Confidence)
    tiny = dataset.shrink(frame, net.scale)
    maps, *others = (m[0] for m in net.engine(dataset.letterbox(tiny, net.multiple)[None]))
    h, w = -(-tiny.shape[0] // position.stride), -(-tiny.shape[1] // position.stride)
    sigma = position.sigma / position.stride
    peaks = maxima(np.ascontiguousarray(maps[0, :h, :w]), sigma, threshold, limit)
    n = int(peaks.n)
    matrix = pixels.compose(
        pixels.cells(position.stride),
        pixels.invert(dataset.from_video_map(frame.shape[1], frame.shape[0], net.scale)),
    )
    xy = pixels.apply(matrix, peaks.xy[:n])
    kept: list[int] = []
    for i in range(n):  # by falling height
        if all(np.linalg.norm(xy[i] - xy[k]) >= apart for k in kept):
            kept.append(i)
    turn = None
    if heading is not None:
        at = pixels.apply(pixels.cells(position.stride), peaks.xy[:n][kept])
        turn = _turns(others[0], pixels.apply(pixels.invert(pixels.cells(heading.stride)), at))
    return Spots(xy[kept], peaks.height[kept], turn)


def _turns(
    field: Float[np.ndarray, "2 h w"], cells: Float[np.ndarray, "I 2"]
) -> Float[np.ndarray, " I"]:
    """Angles that turn the arrows of a field at these cells so that they point up."""
    x, y = (map_coordinates(part, cells.T[::-1], order=1, mode="nearest") for part in field)
    return np.asarray(np.arctan2(-x, -y), np.float64)


def _top_down(finder: TopDown, frame: UInt8[np.ndarray, "h w C"]) -> Found:
    """Find animals, then their keypoints; crops that were turned badly are cut out again.

    The pose that was found says how its animal lies; of two, the one of higher peaks stays.
    """
    spots = centroids(
        finder.centroid, frame, finder.threshold, finder.apart, finder.limit, finder.heading
    )
    if not len(spots.xy):
        return nobody(finder)
    found = _in_crops(finder, frame, spots)
    if spots.turn is None or finder.shape is None:
        return _posed(finder, found)
    sure = (found.height > SEEN)[..., None]
    said = upright.turns(finder.shape, np.where(sure, found.xy, np.nan))
    off = np.angle(np.exp(1j * (said - spots.turn)))
    astray = np.flatnonzero(np.abs(off) > ASTRAY)
    if not len(astray):
        return _posed(finder, found)
    better = Spots(spots.xy[astray], spots.height[astray], said[astray])
    again = _in_crops(finder, frame, better)
    surer = again.height.mean(axis=1) > found.height[astray].mean(axis=1)
    pairs = [*zip(found[:5], again[:5], strict=True)]
    if found.several is not None and again.several is not None:
        pairs += [*zip(found.several, again.several, strict=True)]
    for part, new in pairs:
        part[astray[surer]] = new[surer]
    return _posed(finder, found)


def _posed(finder: TopDown, found: Found) -> Found:
    """Let other peaks count, if the finder weighs poses and they are better by them."""
    if finder.poser is None or found.several is None:
        return found
    peaks, *_, margin = posing.choose(finder.poser, found.several, finder.pose.scale)
    top, kept = first(peaks), Peaks(*(part[:, :, : finder.candidates] for part in peaks))
    several = kept if finder.candidates > 1 else None
    return found._replace(
        xy=top.xy, height=top.height, cov=top.cov, several=several, margin=margin
    )


def _in_crops(finder: TopDown, frame: UInt8[np.ndarray, "h w C"], spots: Spots) -> Found:
    """Read the keypoints of each animal in its own crop."""
    turns = [None] * len(spots.xy) if spots.turn is None else spots.turn.tolist()
    cuts = [
        crops.crop(frame, middle, finder.side, turn)
        for middle, turn in zip(spots.xy, turns, strict=True)
    ]
    maps = finder.pose.engine(np.stack([image for image, _ in cuts]))
    limit = finder.candidates if finder.poser is None else posing.CANDIDATES
    seen = finder.pose.find(maps[0], (finder.side, finder.side), limit)
    back = [pixels.invert(matrix) for _, matrix in cuts]
    xy = np.stack([pixels.apply(m, p) for m, p in zip(back, seen.xy, strict=True)])
    cov = np.stack([pixels.apply_covariance(m, c) for m, c in zip(back, seen.cov, strict=True)])
    seen = Peaks(xy, seen.height, cov)
    found = first(seen)
    looks = maps[1][..., 0, 0] if len(maps) > 1 else np.zeros((len(xy), 0))
    several = seen if limit > 1 else None
    return Found(*found[:2], found.cov, spots.height, _log_softmax(looks), several)


def _bottom_up(finder: BottomUp, frame: UInt8[np.ndarray, "h w C"]) -> Found:
    return grouped(grouping(finder), *candidates(finder, frame))


def grouping(finder: BottomUp) -> Grouping:
    """Return how a finder puts peaks together."""
    known, own = finder.classes, finder.confidence.keypoints
    classes = (0, 1) if known is None else (len(known.classes), known.stride)
    return Grouping(finder.links, own, finder.fields.stride, *classes, finder.sides)


def grouped(
    how: Grouping, found: Candidates, maps: list[Float[np.ndarray, "_F _h _w"]]
) -> Found:
    """Put the peaks of a frame together to animals, in the pixels of the peaks.

    Args:
        how: links and what the maps are.
        found: peaks, pixels of the network's input.
        maps: fields of the links; class maps, if there are any.
    """
    groups = group(found, maps[0], how.links, how.stride, how.sides)
    member = groups.member[:, : how.keypoints]  # a centroid is only a joint
    own = (member >= 0).sum(axis=1) >= FEWEST
    member = member[own]
    some = member >= 0
    if not len(member):
        return _nobody(how.keypoints, how.classes)
    return Found(
        np.where(some[..., None], found.xy[member], np.nan),
        np.where(some, found.height[member], np.nan),
        np.where(some[..., None, None], found.cov[member], np.nan),
        groups.link[own],
        _looks(how, found, maps, member),
        margin=groups.margin[own][:, : how.keypoints],
    )


def _looks(
    how: Grouping, found: Candidates, maps: list[np.ndarray], member: np.ndarray
) -> Float[np.ndarray, "I A"]:
    """Mean log-probability of each class at the peaks of each animal."""
    if len(maps) < 2 or not how.classes:
        return np.zeros((len(member), 0))
    cells = pixels.apply(pixels.invert(pixels.cells(how.class_stride)), found.xy)
    h, w = maps[1].shape[-2:]
    column, row = np.clip(np.rint(cells), 0, (w - 1, h - 1)).astype(np.int64).T
    at = _log_softmax(maps[1][:, row, column].T)  # (P, A)
    some = (member >= 0)[..., None]
    total = np.where(some, at[member], 0.0).sum(axis=1)
    return total / np.maximum(some.sum(axis=1), 1)


def _log_softmax(logits: Float[np.ndarray, "N A"]) -> Float[np.ndarray, "N A"]:
    logits = logits.astype(np.float64)
    if not logits.shape[1]:
        return logits
    top = logits.max(axis=1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))


def candidates(
    finder: BottomUp, frame: UInt8[np.ndarray, "h w C"]
) -> tuple[Candidates, list[Float[np.ndarray, "_F _h _w"]]]:
    """Return the peaks of all animals, in network pixels, and the other maps of the frame.

    Those of a keypoint behind the last are centroids, if the network draws any. The first of
    the other maps are the fields of the finder's links, the second, if any, class maps.
    """
    maps, *others = finder.engine(dataset.letterbox(frame, finder.multiple)[None])
    confidence = finder.confidence
    h = -(-frame.shape[0] // confidence.stride)
    w = -(-frame.shape[1] // confidence.stride)
    found = confidence.crowd(maps[0, :, :h, :w], LOW, finder.limit)
    keypoint, place = np.nonzero(np.arange(finder.limit) < found.n[:, None])
    grid = pixels.cells(confidence.stride)
    return (
        Candidates(
            pixels.apply(grid, found.xy[keypoint, place]),
            keypoint,
            found.height[keypoint, place],
            pixels.apply_covariance(grid, found.cov[keypoint, place]),
        ),
        [_linked(finder, others[0][0]), *(group[0] for group in others[1:])],
    )


def _linked(
    finder: BottomUp, fields: Float[np.ndarray, "_F _h _w"]
) -> Float[np.ndarray, "_L _h _w"]:
    """Return the fields of the edges that are linked; a learned graph does without some."""
    drawn = finder.fields.edges
    used = [drawn.index((a, b)) for a, b in finder.links.edges.tolist()]
    if used == list(range(len(drawn))):
        return fields
    return fields[[2 * e + axis for e in used for axis in (0, 1)]]


def of_peaks(found: Peaks) -> Candidates:
    """Make one list of peaks (J, P); those without height are none."""
    keypoint, place = np.nonzero(found.height > 0)
    xy, height, cov = (part[keypoint, place].astype(np.float64) for part in found)
    return Candidates(xy, keypoint, height, cov)


def nobody(finder: Finder) -> Found:
    """No animal, in the shape of what the finder finds."""
    if isinstance(finder, TopDown):
        keypoints, classes = finder.pose.position.keypoints, finder.classes
        return _nobody(keypoints, classes, finder.candidates, finder.poser is not None)
    how = grouping(finder)
    return _nobody(how.keypoints, how.classes)


def _nobody(keypoints: int, classes: int, candidates: int = 1, weighed: bool = True) -> Found:
    several = None
    if candidates > 1:
        shape = (0, keypoints, candidates)
        several = Peaks(np.zeros((*shape, 2)), np.zeros(shape), np.zeros((*shape, 2, 2)))
    return Found(
        np.zeros((0, keypoints, 2)),
        np.zeros((0, keypoints)),
        np.zeros((0, keypoints, 2, 2)),
        np.zeros(0),
        np.zeros((0, classes)),
        several,
        np.zeros((0, keypoints)) if weighed else None,
    )
