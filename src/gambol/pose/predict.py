"""Prediction: frames to peaks, on the whole frame or in a window that follows the animal.

A window costs a fraction of the frame. Its grid lies on the grid of the whole frame, so away
from its borders the network computes the same. When the animal seems lost, the whole frame is
searched, which then is the result: nothing is ever reported from a window that lost the animal.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from gambol.core import pixels
from gambol.kernels.peaks import Peaks
from gambol.nn.engine import Engine
from gambol.nn.outputs import Positions
from gambol.pose import dataset, gridded

SURE = 0.3  # height of a peak that shows that a keypoint was seen
MARGIN = 6.0  # network pixels to the window's side under which a peak counts as cut off


class Net(NamedTuple):
    """A network that is ready to run, and what its maps mean."""

    engine: Engine
    position: Positions  # the output that says where keypoints are
    multiple: int  # of the sides of its input
    scale: float  # network pixels per video pixel
    pads: bool = False  # the engine pads itself, and does not search its padding
    grid: gridded.GridPoser | None = None  # where views never turn: poses are weighed on maps

    def find(
        self, maps: Float[np.ndarray, "B C h w"], size: tuple[int, int], limit: int
    ) -> Peaks:
        """Find up to so many peaks per keypoint, the one that counts first; input pixels."""
        if self.grid is None:
            return self.position.find_several(maps, size, limit)
        return gridded.find_several(self.grid, self.position, maps, size, limit)


class View(NamedTuple):
    """Where a window lies in the frame, in network pixels."""

    x: int
    y: int
    width: int
    height: int


def shrink(frames: UInt8[np.ndarray, "B H W C"], scale: float) -> UInt8[np.ndarray, "B h w C"]:
    """Resize video frames to network scale, as training did."""
    if scale == 1.0:
        return frames
    return np.stack([dataset.shrink(frame, scale) for frame in frames])


def whole(net: Net, frames: UInt8[np.ndarray, "B h w C"]) -> Peaks:
    """Search whole frames at network scale; results in network pixels, axes (B, J)."""
    return first(several(net, frames, 1))


def several(net: Net, frames: UInt8[np.ndarray, "B h w C"], limit: int) -> Peaks:
    """Search as `whole` for up to so many peaks per keypoint; axes (B, J, limit).

    The first is that of `whole`, the others have falling heights; NaN where there are fewer.
    """
    h, w = frames.shape[1:3]
    if not net.pads:
        frames = np.stack([dataset.letterbox(frame, net.multiple) for frame in frames])
    return net.find(net.engine(frames)[0], (w, h), limit)


def first(found: Peaks) -> Peaks:
    """Return the first of several peaks, the one that counts."""
    return Peaks(found.xy[..., 0, :], found.height[..., 0], found.cov[..., 0, :, :])


def follow(
    net: Net, frames: UInt8[np.ndarray, "B h w C"], side: int
) -> tuple[Peaks, Bool[np.ndarray, " B"]]:
    """Search a run of frames, the first as a whole, the others around the last position.

    Args:
        net: the network.
        frames: consecutive frames at network scale.
        side: of the square window, a multiple of the network's.

    Returns:
        Peaks in network pixels, and which frames were searched as a whole.
    """
    found, searched = follow_several(net, frames, side, 1)
    return first(found), searched


def follow_several(
    net: Net, frames: UInt8[np.ndarray, "B h w C"], side: int, limit: int
) -> tuple[Peaks, Bool[np.ndarray, " B"]]:
    """Search as `follow` for up to so many peaks per keypoint; axes as of `several`.

    Args:
        net: the network.
        frames: consecutive frames at network scale.
        side: of the square window, a multiple of the network's.
        limit: peaks per keypoint, those inside the window.
    """
    found: list[Peaks] = []
    searched = np.zeros(len(frames), bool)
    for i, frame in enumerate(frames):
        inside, searched[i] = go_on(net, frame, found[-2:], side, limit)
        found.append(inside)
    stacked = Peaks(*(np.stack(parts) for parts in zip(*found, strict=True)))
    return stacked, searched


def go_on(
    net: Net, frame: UInt8[np.ndarray, "h w C"], before: list[Peaks], side: int, limit: int
) -> tuple[Peaks, bool]:
    """Search one more frame, around the animal where it was and is not lost.

    Args:
        net: the network.
        frame: at network scale.
        before: what was found in the last two frames, the newer one last; fewer at a start.
        side: of the square window, a multiple of the network's.
        limit: peaks per keypoint.

    Returns:
        Peaks of axes (J, limit) in network pixels, and whether the whole frame was searched.
    """
    size = frame.shape[1], frame.shape[0]
    view = _aim(before, side, size, net.multiple)
    inside = _in_view(net, frame, view, limit) if view is not None else None
    if inside is not None and view is not None and not _lost(inside, before[-1], view, size):
        return inside, False
    everywhere = several(net, frame[None], limit)
    return Peaks(everywhere.xy[0], everywhere.height[0], everywhere.cov[0]), True


def to_video(found: Peaks, matrix: Float[np.ndarray, "2 3"]) -> Peaks:
    """Carry peaks from network pixels to video pixels."""
    return Peaks(
        pixels.apply(matrix, found.xy),
        found.height,
        pixels.apply_covariance(matrix, found.cov),
    )


def _in_view(net: Net, frame: UInt8[np.ndarray, "h w C"], view: View, limit: int) -> Peaks:
    cut = frame[view.y : view.y + view.height, view.x : view.x + view.width]
    found = several(net, cut[None], limit)
    xy = found.xy[0] + np.array([view.x, view.y])
    return Peaks(xy, found.height[0], found.cov[0])


def views(size: tuple[int, int], side: int, multiple: int) -> list[tuple[int, int]]:
    """Return the widths and heights that windows in frames of a size may have.

    Those at the right and lower border end where the frame does.
    """
    sides = []
    for whole in size:
        usual = min(side, whole)
        last = whole - _snap(float(whole), whole - usual, multiple)
        sides.append(sorted({usual, last}))
    return [(width, height) for width in sides[0] for height in sides[1]]


def _aim(found: list[Peaks], side: int, size: tuple[int, int], multiple: int) -> View | None:
    """Place the window where the animal should be by now; None if nothing is known."""
    if not found or side >= size[0] and side >= size[1]:
        return None
    middle = _middle(found[-1])
    if middle is None:
        return None
    before = _middle(found[-2]) if len(found) > 1 else None
    if before is not None:  # constant velocity, at most a quarter of the window
        middle = middle + np.clip(middle - before, -side / 4, side / 4)
    width, height = min(side, size[0]), min(side, size[1])
    x = _snap(middle[0] - width / 2, size[0] - width, multiple)
    y = _snap(middle[1] - height / 2, size[1] - height, multiple)
    return View(x, y, width, height)


def _middle(found: Peaks) -> Float[np.ndarray, " 2"] | None:
    """Middle of the box of the keypoints that were seen."""
    top = first(found)
    seen = top.xy[top.height >= SURE]
    return (seen.min(axis=0) + seen.max(axis=0)) / 2 if len(seen) else None


def _snap(value: float, largest: int, multiple: int) -> int:
    """Put a window's corner on the network's grid, inside the frame."""
    top = max(-(-largest // multiple) * multiple, 0)  # the last window may reach into padding
    return int(np.clip(round(value / multiple) * multiple, 0, top))


def _lost(now: Peaks, before: Peaks, view: View, size: tuple[int, int]) -> bool:
    """Fewer keypoints than before, or one at a side of the window beyond which is picture."""
    now, before = first(now), first(before)
    seen = now.height >= SURE
    if seen.sum() < (before.height >= SURE).sum():
        return True
    x, y = now.xy[seen, 0], now.xy[seen, 1]
    left = (x < view.x + MARGIN) & (view.x > 0)
    right = (x > view.x + view.width - 1 - MARGIN) & (view.x + view.width < size[0])
    above = (y < view.y + MARGIN) & (view.y > 0)
    below = (y > view.y + view.height - 1 - MARGIN) & (view.y + view.height < size[1])
    return bool((left | right | above | below).any())
