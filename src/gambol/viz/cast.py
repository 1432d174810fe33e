"""Several animals on a frame: each in its colour with its name, doubts marked, others grey.

Where animals have names, one colour is one animal, in bones, keypoints and name; a name with a
question mark and a dashed ring says that the identity is doubtful. What belongs to nobody is
drawn thin and grey. Where no animal has a name, one colour is one keypoint, as for one animal.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from gambol.core import pixels
from gambol.core.instances import UNTRACKED
from gambol.core.skeleton import Skeleton
from gambol.viz import frames, overlay
from gambol.viz.colours import NOBODY, individual_colours

DOUBT = 0.9  # identity confidence under which an animal is marked
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAP = 21.0  # px, height of a capital at scale 1
_DARK = (20, 20, 20)
_DASHES = 20  # of a ring
_RING, _BESIDE = 0.62, 0.52  # sizes of an animal from its middle to a ring, to a name
Box = tuple[float, float, float, float]  # left, top, right, bottom, px


class Cast(NamedTuple):
    """Who may be on a frame, and how each is drawn."""

    names: tuple[str, ...]  # empty where animals have none
    pens: tuple[overlay.Pen, ...]  # one an animal, or one for all where none has a name
    stranger: overlay.Pen  # for animals that are nobody
    size: float  # of an animal, px
    text: float  # height of a capital, px; 0: no names
    doubt: float


class Scene(NamedTuple):
    """D animals of one frame."""

    xy: Float[np.ndarray, "D J 2"]  # px
    confidence: Float[np.ndarray, "D J"]
    covariance: Float[np.ndarray, "D J 2 2"] | None  # px²; None: no regions
    who: Int[np.ndarray, " D"]  # index into the names, or UNTRACKED
    sure: Float[np.ndarray, " D"]  # P(identity is right)


def gather(
    skeleton: Skeleton,
    names: Sequence[str],
    size: float,
    *,
    threshold: float = 0.0,
    region: Float[np.ndarray, " J"] | None = None,
    doubt: float = DOUBT,
    text: float | None = None,
) -> Cast:
    """Return how animals that measure `size` px are drawn.

    Args:
        skeleton: of all of them.
        names: of the animals; none: colours tell keypoints apart.
        size: diagonal of an animal, px.
        threshold: confidence under which a keypoint is not drawn.
        region: Mahalanobis radii of ellipses.
        doubt: identity confidence under which an animal is marked.
        text: height of names, px; fits the animals if left out, 0 writes none.
    """
    pen = overlay.pen(skeleton, size, threshold=threshold, region=region)
    slim = pen._replace(radius=max(1.0, 0.5 * pen.radius), line=1, region=None)
    pens = [_of_one_colour(pen, colour) for colour in individual_colours(len(names))]
    high = float(np.clip(0.12 * size, 9.0, 26.0)) if text is None else text
    stranger = _of_one_colour(slim, NOBODY)
    return Cast(tuple(names), tuple(pens) or (pen,), stranger, size, high, doubt)


def draw(
    frame: UInt8[np.ndarray, "H W 3"],
    scene: Scene,
    cast: Cast,
    trails: Sequence[Float[np.ndarray, "L 2"]] = (),
) -> None:
    """Draw the animals of a frame, in place; strangers below, names above all.

    Args:
        frame: picture that is changed.
        scene: its animals.
        cast: how they are drawn.
        trails: where each named animal has been, px, oldest first.
    """
    for who, path in enumerate(trails):
        trail(frame, path, cast.pens[who % len(cast.pens)])
    named = scene.who != UNTRACKED
    for d in np.argsort(named, kind="stable").tolist():
        overlay.draw(
            frame,
            scene.xy[d],
            _pen(cast, int(scene.who[d])),
            confidence=scene.confidence[d],
            covariance=None if scene.covariance is None else scene.covariance[d],
        )
    if cast.names:
        _name_all(frame, scene, cast)


def closeup(
    frame: UInt8[np.ndarray, "H W C"], scene: Scene, cast: Cast
) -> UInt8[np.ndarray, "S S 3"]:
    """Show the part of a frame around its animals, named ones first, drawn."""
    named = scene.who != UNTRACKED
    mine = scene.xy[named] if named.any() else scene.xy
    cut = frames.around(mine.reshape(-1, 2), frame, pixels.identity())
    picture = frames.warp(frame, cut)
    scale = float(cut[0, 0])
    players = gather(
        cast.stranger.skeleton,
        cast.names,
        cast.size * scale,
        threshold=cast.stranger.threshold,
        doubt=cast.doubt,
        text=17.0,
    )
    draw(picture, scene._replace(xy=pixels.apply(cut, scene.xy), covariance=None), players)
    return picture


def centres(xy: Float[np.ndarray, "D J 2"]) -> Float[np.ndarray, "D 2"]:
    """Return the mean of the known keypoints of every animal; NaN where it has none."""
    known = np.isfinite(xy).all(axis=-1, keepdims=True)
    count = known.sum(axis=1)
    total = np.where(known, xy, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def trail(
    frame: UInt8[np.ndarray, "H W 3"], path: Float[np.ndarray, "L 2"], pen: overlay.Pen
) -> None:
    """Draw where an animal has been; older is fainter, and a gap stays a gap."""
    steps = len(path) - 1
    for k in range(steps):
        if np.isfinite(path[k : k + 2]).all():
            overlay.segment(frame, path[k], path[k + 1], pen.colours[0], (k + 1) / steps)


def _of_one_colour(pen: overlay.Pen, colour: UInt8[np.ndarray, " 3"]) -> overlay.Pen:
    return pen._replace(colours=np.tile(colour, (len(pen.skeleton), 1)))


def _pen(cast: Cast, who: int) -> overlay.Pen:
    if not cast.names:
        return cast.pens[0]
    return cast.stranger if who == UNTRACKED else cast.pens[who]


def _name_all(frame: UInt8[np.ndarray, "H W 3"], scene: Scene, cast: Cast) -> None:
    """Ring doubtful animals, and write names where they cover each other least."""
    middles = centres(scene.xy)
    reach = 0.35 * cast.size
    bodies: list[Box] = [(x - reach, y - reach, x + reach, y + reach) for x, y in middles]
    taken: list[Box] = []
    for d in np.lexsort((scene.who,)).tolist():
        who = int(scene.who[d])
        if who == UNTRACKED or not np.isfinite(middles[d]).all():
            continue
        colour = cast.pens[who].colours[0]
        doubtful = not scene.sure[d] >= cast.doubt
        if doubtful:
            _ring(frame, middles[d], _RING * cast.size, colour)
        if cast.text > 0:
            word = f"{cast.names[who]}? {scene.sure[d]:.0%}" if doubtful else cast.names[who]
            others = [box for k, box in enumerate(bodies) if k != d]
            away = _BESIDE + (_RING - _BESIDE + 0.04) * doubtful
            taken.append(_write(frame, word, away, middles[d], cast, colour, [*taken, *others]))


def _write(
    frame: UInt8[np.ndarray, "H W 3"],
    word: str,
    reach: float,
    middle: Float[np.ndarray, " 2"],
    cast: Cast,
    colour: UInt8[np.ndarray, " 3"],
    taken: list[Box],
) -> Box:
    """Write a name above, below or beside the animal; return the box that it takes."""
    scale = cast.text / _CAP
    width = max(1, round(0.11 * cast.text))
    (wide, high), _ = cv2.getTextSize(word, _FONT, scale, width)
    away = reach * cast.size + 0.8 * high
    side = reach * cast.size + 0.5 * wide
    shape = frame.shape[1], frame.shape[0]
    boxes = []
    for dx, dy in ((0.0, -away), (0.0, away), (side, 0.0), (-side, 0.0)):
        x, y = middle + (dx, dy) - (0.5 * wide, 0.5 * high)
        x = float(np.clip(x, 2, max(shape[0] - wide - 2, 2)))
        y = float(np.clip(y, 2, max(shape[1] - high - 4, 2)))
        boxes.append((x, y, x + wide, y + high))
    box = min(boxes, key=lambda b: sum(_common(b, other) for other in taken))
    at = round(box[0]), round(box[3])
    ink = tuple(int(v) for v in colour)
    cv2.putText(frame, word, at, _FONT, scale, _DARK, width + 2, cv2.LINE_AA)
    cv2.putText(frame, word, at, _FONT, scale, ink, width, cv2.LINE_AA)
    return box


def _common(one: Box, other: Box) -> float:
    """Area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0  # not for what lies nowhere (NaN)


def _ring(
    frame: UInt8[np.ndarray, "H W 3"],
    middle: Float[np.ndarray, " 2"],
    radius: float,
    colour: UInt8[np.ndarray, " 3"],
) -> None:
    """Draw a dashed circle."""
    angle = np.linspace(0, 2 * np.pi, 6 * _DASHES + 1)
    points = middle + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for k in range(0, 6 * _DASHES, 6):
        overlay.polyline(frame, points[k : k + 4], colour, 2)
