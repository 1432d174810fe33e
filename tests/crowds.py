"""Frames of several animals and oracles: engines that answer with maps drawn by definition.

A frame says in every pixel where that pixel lies: x in the first channel, y in the second, 255
in the third (128 beyond the border). So an oracle knows which part of the frame a crop shows.
"""

import numpy as np
import torch

from gambol.core import pixels
from gambol.nn.outputs.confidence import Confidence, ConfidenceSpec
from gambol.nn.outputs.fields import Fields, FieldsSpec
from gambol.nn.targets import Scene
from gambol.pose import crops, dataset, find, group
from gambol.pose.predict import Net

BODY = np.array([[0.0, 0.0], [20.0, 0.0], [40.0, 0.0], [20.0, 14.0], [20.0, -14.0]])
EDGES = ((0, 1), (1, 2), (1, 3), (1, 4))
LENGTH = float(np.linalg.norm(np.ptp(BODY, axis=0)))
J = len(BODY)


def animals(places, angles):
    """Bodies with their middles (of the body axis) at these places; (N, J, 2)."""
    turn = [pixels.rotation(float(a)) for a in angles]
    return np.stack([(BODY - [20, 0]) @ r.T + p for r, p in zip(turn, places, strict=True)])


def coded(size):
    """A frame whose pixels say where they are; size (width, height) up to 256."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    return np.stack([x, y, np.full_like(x, 255)], axis=-1).astype(np.uint8)


def corner(image):
    """Where in a coded frame the pixel (0, 0) of a crop lies."""
    row, col = np.argwhere(image[..., 2] == 255)[0]
    return image[row, col, :2].astype(float) - [col, row]


def scene(xy, size):
    """What is known of one image of (width, height)."""
    points = torch.from_numpy(np.asarray(xy, np.float32))[None]
    return Scene(
        points,
        torch.ones(points.shape[:3]),
        torch.ones(1, size[1], size[0]),
        torch.full(points.shape[:2], -1),
    )


def draw(outputs, xy, size):
    """The maps of every output, by the definition of their targets."""
    return tuple(one.target(scene(xy, size)).maps.numpy() for one in outputs)


def size_of(frames):
    return frames.shape[2], frames.shape[1]


class Everyone:
    """Answers for all animals of one frame, whatever it is shown."""

    name = "oracle"

    def __init__(self, outputs, xy):
        self.outputs, self.xy = outputs, xy

    def __call__(self, frames):
        return draw(self.outputs, self.xy, size_of(frames))


def place(image):
    """Map of a coded frame to a crop of it, turned or not; exact where whole pixels shift."""
    rows, columns = np.nonzero(image[..., 2] == 255)
    light = image[rows, columns, :2].astype(float)
    at = np.column_stack([columns, rows, np.ones(len(rows))])
    back = np.linalg.lstsq(at, light, rcond=None)[0].T
    return pixels.invert(back)


class Focal:
    """Answers for the animal whose centroid is nearest to the middle of each crop."""

    name = "oracle"

    def __init__(self, output, xy, anchor=None):
        self.output, self.xy, self.anchor = output, xy, anchor
        self.seen = []  # the focal animals, in the pixels of their crops

    def __call__(self, frames):
        parts = []
        for image in frames:
            inside = pixels.apply(place(image), self.xy)
            off = crops.centroid(inside, self.anchor) - pixels.centre(*size_of(frames))
            own = np.linalg.norm(off, axis=-1).argmin()
            self.seen.append(inside[own])
            parts.append(draw([self.output], inside[own : own + 1], size_of(frames))[0])
        return (np.concatenate(parts),)


def confidence(keypoints=J, sigma=3.5, stride=2):
    return Confidence(ConfidenceSpec(sigma=sigma), keypoints, stride)


def top_down(
    xy, size, *, scale=0.5, anchor=None, side=96, limit=20, threshold=0.2, heads=False,
    wrong=0.0,
):  # fmt: skip
    """A finder whose networks are oracles for one coded frame of (width, height).

    With `heads`, crops are turned; the first network sees the first animal `wrong` rad off.
    """
    middles = crops.centroid(xy, anchor)[:, None]
    if heads:  # the second point is ahead of the first
        ahead = 0.5 * (xy[:, 2:3] - xy[:, :1])
        ahead[:1] = ahead[:1] @ pixels.rotation(wrong).T
        middles = np.concatenate([middles, middles + ahead], axis=1)
    tiny = pixels.apply(dataset.from_video_map(*size, scale), middles)
    one = confidence(1 + heads, 3.0)
    field = [Fields(FieldsSpec(edges=((0, 1),), sigma=4.0), 2, 4)] if heads else []
    return find.TopDown(
        Net(Everyone([one, *field], tiny), one, 16, scale),
        Net(Focal(confidence(), xy, anchor), confidence(), 16, 1.0),
        side,
        threshold,
        find.APART * LENGTH,
        limit,
        heading=field[0] if heads else None,
    )


def bottom_up(xy, edges=EDGES, limit=40):
    """A finder whose network is an oracle."""
    maps, drawn = confidence(), Fields(FieldsSpec(edges=edges), J, 4)
    links = group.default_links(list(edges), animals(np.zeros((30, 2)), np.linspace(0, 6, 30)))
    return find.BottomUp(Everyone([maps, drawn], xy), maps, drawn, links, 16, limit)


def errors(found, truth):
    """Distance of every keypoint to the nearest animal's, each animal being found once."""
    gaps = np.linalg.norm(found[None] - truth[:, None], axis=-1)  # (I, F, J)
    own = gaps.max(axis=-1).argmin(axis=1)
    assert sorted(own.tolist()) == list(range(len(truth))) and len(found) == len(truth)
    return gaps[np.arange(len(truth)), own]
