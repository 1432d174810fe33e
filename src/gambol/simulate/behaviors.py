"""Poses of an animal whose movements are planted: which part swings how fast, frame by frame.

A body is a tree of bones (`body3d`) in its rest pose. A movement swings one part of it at one
frequency; the animal walks and turns meanwhile. Lengths are mm, x ahead, y left, z up; seen
from above (d = 2) z is left out. What a tracker does to poses is in `faults`; syllables that
follow a model exactly are in `switching`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter1d

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.simulate import body3d
from gambol.simulate.body3d import Animal


class Body(NamedTuple):
    """An animal at rest."""

    rest: Float[np.ndarray, "J 3"]  # mm, heading along x, mean 0
    skeleton: Skeleton
    front: str  # keypoint; the heading points from `rear` to it
    rear: str


class Movement(NamedTuple):
    """How one part of the body swings."""

    name: str
    part: str = ""  # the keypoint whose bone swings, with all that hangs on it; "" for none
    hertz: float = 0.0
    degrees: float = 0.0  # amplitude
    axis: Literal["yaw", "pitch"] = "yaw"
    speed: float = 0.0  # mm/s ahead
    turning: float = 0.0  # rad/s, to the left


class Performed(NamedTuple):
    """What the animal did; `xy` is free of noise."""

    xy: Float[np.ndarray, "T J d"]  # mm
    label: Int[np.ndarray, " T"]  # index into the movements
    centroid: Float[np.ndarray, "T d"]  # mean of the keypoints, mm
    heading: Float[np.ndarray, " T"]  # rad, of the body's own x
    times: Float[np.ndarray, " T"]  # s
    fps: float
    body: Body


MOUSE = (
    Movement("rest"),
    Movement("sweep", "neck", 2.0, 25.0),
    Movement("wag", "tail_mid", 4.0, 25.0),
    Movement("wave", "left_forepaw", 8.0, 35.0),
    Movement("scratch", "right_hindpaw", 13.0, 40.0),
)


@cache
def body(animal: Animal = "mouse") -> Body:
    """Return an animal at rest: the most ordinary of the poses that `body3d` makes."""
    moved = body3d.move(np.random.default_rng(0), animal, 600)
    front, rear = ("neck", "hips") if animal == "mouse" else ("head", "waist")
    index = moved.skeleton.index
    xyz = moved.xyz[:, 0]
    ahead = xyz[:, index(front)] - xyz[:, index(rear)]
    centred = xyz - xyz.mean(axis=1, keepdims=True)
    turned = turn(centred, -np.arctan2(ahead[:, 1], ahead[:, 0]))
    ordinary = np.abs(turned - np.median(turned, axis=0)).sum(axis=(1, 2)).argmin()
    return Body(turned[ordinary], moved.skeleton, front, rear)


def length(body: Body, space: int = 3) -> float:
    """Return the largest distance of two keypoints at rest, mm; in space or seen from above."""
    rest = body.rest[:, :space]
    return float(np.linalg.norm(rest[:, None] - rest[None], axis=-1).max())


def perform(
    rng: np.random.Generator,
    n_frames: int,
    *,
    animal: Animal = "mouse",
    movements: Sequence[Movement] = MOUSE,
    fps: float | int = 60.0,
    bout_s: float | int = 1.5,
    space: int = 2,
    roam: float | int = 0.15,
) -> Performed:
    """Let an animal do one movement after the other, never the same twice.

    Args:
        rng: draws everything.
        n_frames: T.
        animal: mouse or fly.
        movements: what it may do.
        fps: frames a second.
        bout_s: mean length of a bout; none is shorter than half of it.
        space: 2: seen from above; 3.
        roam: sd of its drift over the floor, lengths of the body a second in each direction;
            its heading drifts by as many rad/s.
    """
    rest = body(animal)
    label = bouts(rng, n_frames, len(movements), bout_s * fps)
    yaw, pitch = swings(rest.skeleton, movements, label, fps)
    shape = articulate(rest, yaw, pitch)
    speed, turning = (
        _eased(np.array([getattr(m, name) for m in movements])[label], fps)
        for name in ("speed", "turning")
    )
    wander = drift(rng, n_frames, 3, fps)
    heading = rng.uniform(-np.pi, np.pi) + np.cumsum(turning + roam * wander[:, 2]) / fps
    way = roam * length(rest) * wander[:, :2]
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    floor = np.cumsum(speed[:, None] * ahead + way, axis=0) / fps
    place = np.concatenate([floor, np.zeros((n_frames, 1))], axis=1)
    xyz = turn(shape, heading) + place[:, None]
    xy = xyz[..., :space]
    times = np.arange(n_frames) / fps
    return Performed(xy, label, xy.mean(axis=1), heading, times, fps, rest)


def bouts(
    rng: np.random.Generator, n_frames: int, kinds: int, mean_frames: float | int
) -> Int[np.ndarray, " T"]:
    """Draw bouts: half of the mean length and a gamma-distributed rest; neighbours differ."""
    labels: list[int] = []
    last = -1
    while len(labels) < n_frames:
        choices = [kind for kind in range(kinds) if kind != last or kinds == 1]
        last = choices[rng.integers(len(choices))]
        length = max(1, round(mean_frames * (0.5 + rng.gamma(2.0, 0.25))))
        labels += [last] * length
    return np.array(labels[:n_frames])


def swings(
    skeleton: Skeleton,
    movements: Sequence[Movement],
    label: Int[np.ndarray, " T"],
    fps: float | int,
) -> tuple[Float[np.ndarray, "T J"], Float[np.ndarray, "T J"]]:
    """Return yaw and pitch of each bone, rad; bouts begin and end softly."""
    angles = {axis: np.zeros((len(label), len(skeleton))) for axis in ("yaw", "pitch")}
    seconds = np.arange(len(label)) / fps
    for number, movement in enumerate(movements):
        if not movement.part:
            continue
        if movement.hertz > fps / 2:
            raise InputError(
                f"{movement.name} swings at {movement.hertz:g} Hz, which {fps:g} frames a "
                f"second cannot show; give at most {fps / 2:g} Hz"
            )
        strength = np.radians(movement.degrees) * _eased((label == number) * 1.0, fps)
        swing = strength * np.sin(2 * np.pi * movement.hertz * seconds)
        angles[movement.axis][:, skeleton.index(movement.part)] += swing
    return angles["yaw"], angles["pitch"]


def articulate(
    body: Body, yaw: Float[np.ndarray, "T J"], pitch: Float[np.ndarray, "T J"]
) -> Float[np.ndarray, "T J 3"]:
    """Bend a body at its joints; every bone keeps its length.

    Args:
        body: at rest.
        yaw: by which each bone turns against its parent's, about z, rad.
        pitch: by which it rises against its parent's, towards z as seen from its left, rad.
    """
    parent, rest = body.skeleton.parent, body.rest
    xyz = np.empty((len(yaw), *rest.shape))
    yaw, pitch = yaw.copy(), pitch.copy()
    for j in body.skeleton.topological:
        if (p := parent[j]) < 0:
            xyz[:, j] = rest[j]
            continue
        yaw[:, j] += yaw[:, p]
        pitch[:, j] += pitch[:, p]
        x, y, z = rest[j] - rest[p]
        cos, sin = np.cos(pitch[:, j]), np.sin(pitch[:, j])
        bone = np.stack([cos * x - sin * z, np.full(len(yaw), y), sin * x + cos * z], axis=-1)
        xyz[:, j] = xyz[:, p] + turn(bone[:, None], yaw[:, j])[:, 0]
    return xyz


def turn(
    xyz: Float[np.ndarray, "T J d"], angle: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T J d"]:
    """Turn points about z, from x towards y."""
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out = xyz.copy()
    out[..., 0] = cos * xyz[..., 0] - sin * xyz[..., 1]
    out[..., 1] = sin * xyz[..., 0] + cos * xyz[..., 1]
    return out


def drift(
    rng: np.random.Generator,
    n_frames: int,
    channels: int,
    fps: float | int,
    seconds: float = 0.4,
) -> Float[np.ndarray, "T C"]:
    """Smooth Gaussian noise of sd 1 whose covariance has the sd √2 `seconds`."""
    sd = seconds * fps
    lead = round(4 * sd)
    noise = rng.standard_normal((n_frames + 2 * lead, channels))
    smooth = gaussian_filter1d(noise, sd, axis=0, mode="constant")[lead : lead + n_frames]
    return smooth * np.sqrt(2 * sd * np.sqrt(np.pi))


def _eased(signal: Float[np.ndarray, " T"], fps: float | int) -> Float[np.ndarray, " T"]:
    """Smooth over a twentieth of a second, so that nothing jumps."""
    return gaussian_filter1d(signal, 0.05 * fps, mode="nearest")
