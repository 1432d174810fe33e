"""Recordings for trackers: detections of animals whose true identities are known exactly.

Nothing is drawn. A scene is what a pose network would have found in a recording: noisy
keypoints, some missing, some detections of nothing, perhaps an embedding of looks.

>>> scene = walkers(np.random.default_rng(0), 3, seconds=10.0)
>>> scene.n_animals, scene.detections.xy.shape[1:], int(scene.truth.max())
(3, (5, 2), 2)
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections
from gambol.simulate.roam import Roamed, roam, stick, tour

LENGTH = 60.0  # px, of a body from the first keypoint to the last
DOOR = 0.25  # how far down the left wall animals come and go, as a share of its height

Looks = Literal["none", "identical", "distinct"]


class Scene(NamedTuple):
    """A recording of T frames in which D detections were made of N animals."""

    detections: Detections
    times: Float[np.ndarray, " T"]  # s
    truth: Int[np.ndarray, " D"]  # the animal of each detection; UNTRACKED where there is none
    n_animals: int
    size: tuple[int, int]  # width and height of the arena, px
    xy: Float[np.ndarray, "T N J 2"]  # true keypoints, px; NaN while an animal is away


class Camera(NamedTuple):
    """How well animals are found."""

    fps: float = 30.0
    n_keypoints: int = 5
    noise: float = 1.0  # px, sd of every coordinate
    spurious: float = 0.01  # detections of nothing, as a share of those of animals
    missing: float = 0.05  # chance that a keypoint of a found animal is not found
    looks: Looks = "none"
    n_looks: int = 16  # E, components of an embedding
    blur: float = 0.25  # sd of an embedding's components before its length is made 1


CAMERA = Camera()


def walkers(
    rng: np.random.Generator,
    n_animals: int,
    *,
    seconds: float = 60.0,
    speed: float = 1.5,
    camera: Camera = CAMERA,
) -> Scene:
    """Animals that walk about and never touch: their middles stay 1.6 lengths apart.

    Args:
        rng: draws everything; the same state gives the same scene.
        n_animals: N; the arena grows with it.
        seconds: length of the recording.
        speed: body lengths per second, on average.
        camera: how well they are found.
    """
    size = _arena(n_animals)
    where = roam(
        rng,
        _frames(seconds, camera),
        n_animals,
        camera.fps,
        size=size,
        speed=speed * LENGTH,
        clear=1.6 * LENGTH,
    )
    return _found(rng, where, size, camera)


def hidden(
    rng: np.random.Generator,
    n_animals: int,
    *,
    seconds: float = 60.0,
    longest: float = 10.0,
    camera: Camera = CAMERA,
) -> Scene:
    """Walkers that vanish where they are, each about twice a minute, for 0 to `longest` s."""
    size = _arena(n_animals)
    frames = _frames(seconds, camera)
    clear = 1.6 * LENGTH
    where = roam(rng, frames, n_animals, camera.fps, size=size, speed=1.5 * LENGTH, clear=clear)
    seen = np.ones((frames, n_animals), bool)
    for animal in range(n_animals):
        for begin in rng.integers(0, frames, rng.poisson(seconds / 30.0)):
            seen[begin : begin + round(rng.uniform(0.0, longest) * camera.fps), animal] = False
    return _found(rng, where, size, camera, seen=seen)


def crossing(
    rng: np.random.Generator,
    *,
    speed: float = 3.0,
    seconds: float = 3.0,
    camera: Camera = CAMERA,
) -> Scene:
    """Two animals on straight ways at right angles that pass over the same point.

    Each keeps its velocity of `speed` lengths per second; they reach the point within a
    quarter of a length of each other. Where middles are closer than a quarter of a length the
    camera finds one of the two.
    """
    frames = _frames(seconds, camera)
    reach = (seconds / 2 * speed + 1.0) * LENGTH
    size = (round(2 * reach), round(2 * reach))
    first = rng.uniform(-np.pi, np.pi)
    heading = first + np.array([0.0, rng.choice([-1.0, 1.0]) * np.pi / 2])
    late = rng.uniform(-0.25, 0.25, 2) * LENGTH / 2
    way = (np.arange(frames) / camera.fps - seconds / 2)[:, None] * speed * LENGTH + late
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    xy = reach + way[..., None] * ahead
    still = np.zeros((frames, 2))
    where = Roamed(xy, still + heading, still)
    seen = _one_of_two(rng, np.linalg.norm(xy[:, 0] - xy[:, 1], axis=-1) < 0.25 * LENGTH)
    return _found(rng, where, size, camera, seen=seen)


def meeting(
    rng: np.random.Generator,
    *,
    overlap: float = 2.0,
    apart: float = 3.0,
    speed: float = 2.0,
    camera: Camera = CAMERA,
) -> Scene:
    """Two animals that meet, lie upon each other for `overlap` seconds and part.

    While they overlap, both bodies scatter around one place and one direction, independently
    from frame to frame, each is found in two frames of three, and looks are mixed. Who leaves
    which way is drawn by a fair coin. So, given the detections, motion tells nothing about it:
    only looks can, if `camera.looks` is "distinct".

    Args:
        rng: draws everything.
        overlap: s on the same spot.
        apart: s of approach, and again of departure.
        speed: lengths per second in both.
        camera: how well they are found.
    """
    n_apart, n_overlap = _frames(apart, camera), max(1, round(overlap * camera.fps))
    way = speed * apart * LENGTH
    size = (round(2 * way + 4 * LENGTH), round(2 * way + 4 * LENGTH))
    middle = np.array(size) / 2
    inward, common, outward = rng.uniform(-np.pi, np.pi, 3)
    sides = np.array([0.0, np.pi])
    leave = outward + (sides if rng.random() < 0.5 else sides[::-1])
    # 1 far away, 0 on the spot; from full speed to rest over the last third
    far = _braking(n_apart)[:, None, None]
    coming = middle - way * far * _unit(inward + sides)
    going = middle + way * far[::-1] * _unit(leave)
    lying = middle + 0.05 * LENGTH * rng.standard_normal((n_overlap, 2, 2))
    turned = np.clip(far[..., 0] / 0.12, 0.0, 1.0)
    heading = np.concatenate(
        [
            common + turned * _signed(inward + sides - common),
            common + 0.1 * rng.standard_normal((n_overlap, 2)),
            common + turned[::-1] * _signed(leave - common),
        ]
    )
    xy = np.concatenate([coming, lying, going])
    upon = np.linalg.norm(xy[:, 0] - xy[:, 1], axis=-1) < 0.3 * LENGTH
    seen = np.where(upon[:, None], rng.random((len(xy), 2)) < 2 / 3, True)
    where = Roamed(xy, heading, np.zeros(heading.shape))
    return _found(rng, where, size, camera, seen=seen, mixed=upon)


def door(
    rng: np.random.Generator,
    n_animals: int,
    *,
    seconds: float = 60.0,
    speed: float = 1.5,
    camera: Camera = CAMERA,
) -> Scene:
    """Animals that come in through a door, look around, leave, and return 0.5 to 8 s later.

    They do not mind each other: they cross and overlap. The door is in the left wall.
    """
    size = _arena(max(2, n_animals))
    frames = _frames(seconds, camera)
    gate = np.array([-LENGTH, DOOR * size[1]])
    parts, seen = [], np.zeros((frames, n_animals), bool)
    for animal in range(n_animals):
        stops = [gate + [LENGTH * rng.uniform(1.0, 4.0), 0.0]]  # one begins inside
        length, visits = 0.0, []
        while length < seconds * speed * LENGTH:
            inside = rng.uniform(0.2, 0.8, (rng.integers(2, 6), 2)) * size
            wait = gate - [rng.uniform(0.5, 8.0) * speed * LENGTH / 2, 0.0]
            visits = [*inside, gate, wait, gate]
            length += float(np.linalg.norm(np.diff([stops[-1], *visits], axis=0), axis=1).sum())
            stops += visits
        parts.append(tour(rng, frames, camera.fps, np.array(stops), speed * LENGTH))
        snout = stick(parts[-1], LENGTH, 3)[:, 0, :, 0]
        seen[:, animal] = (snout > 0.0).all(axis=1)
    where = Roamed(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))
    return _found(rng, where, size, camera, seen=seen, away=~seen)


# ---- what befalls a recording ----------------------------------------------------------------


def drop_frames(rng: np.random.Generator, scene: Scene, share: float) -> Scene:
    """Lose frames at random, never the first: times jump, frames are counted anew."""
    kept = rng.random(len(scene.times)) >= share
    kept[0] = True
    return _only(scene, kept, scene.times[kept])


def hasten(scene: Scene, factor: int = 10) -> Scene:
    """Make animals `factor` times as fast: every `factor`-th frame, at the old frame rate."""
    kept = np.arange(len(scene.times)) % factor == 0
    return _only(scene, kept, scene.times[: kept.sum()])


def _only(scene: Scene, kept: Bool[np.ndarray, " T"], times: np.ndarray) -> Scene:
    rows = kept[scene.detections.frame]
    number = np.cumsum(kept) - 1
    some = scene.detections.select(rows)
    return scene._replace(
        detections=some._replace(frame=number[some.frame]),
        times=times,
        truth=scene.truth[rows],
        xy=scene.xy[kept],
    )


# ---- from animals to detections --------------------------------------------------------------


def _found(
    rng: np.random.Generator,
    where: Roamed,
    size: tuple[int, int],
    camera: Camera,
    *,
    seen: Bool[np.ndarray, "T N"] | None = None,
    away: Bool[np.ndarray, "T N"] | None = None,
    mixed: Bool[np.ndarray, " T"] | None = None,
) -> Scene:
    """Detect: animals that are seen, then noise, gaps and detections of nothing.

    Args:
        rng: draws the noise.
        where: the animals.
        size: of the arena.
        camera: how well they are found.
        seen: who is detected; everyone where None.
        away: who is not in the arena; no one where None.
        mixed: frames in which everyone looks like the mean of all; none where None.
    """
    xy = stick(where, LENGTH, camera.n_keypoints)
    n_frames, n_animals = where.heading.shape
    frame, animal = np.nonzero(np.ones((n_frames, n_animals), bool) if seen is None else seen)
    n_ghosts = rng.binomial(len(frame), camera.spurious)
    ghosts = _ghosts(rng, n_ghosts, size, camera)
    points = np.concatenate([xy[frame, animal], ghosts])
    who = np.r_[animal, np.full(n_ghosts, UNTRACKED)]
    frame = np.r_[frame, rng.integers(0, n_frames, n_ghosts)]
    looks = _embeddings(rng, who, n_animals, camera, None if mixed is None else mixed[frame])
    # shuffled within a frame, so that the order of rows tells nothing
    order = np.lexsort([rng.random(len(frame)), frame])
    detections = _measure(rng, frame[order], points[order], who[order], camera)
    detections = detections._replace(embedding=looks[order])
    there = xy if away is None else np.where(away[..., None, None], np.nan, xy)
    times = np.arange(n_frames) / camera.fps
    return Scene(detections, times, who[order].astype(np.int64), n_animals, size, there)


def _measure(
    rng: np.random.Generator, frame: np.ndarray, xy: np.ndarray, who: np.ndarray, camera: Camera
) -> Detections:
    """Add noise and gaps; scores are high for animals and lower for nothing."""
    real = who != UNTRACKED
    found = rng.random(xy.shape[:2]) >= camera.missing
    empty = np.flatnonzero(~found.any(axis=1))  # would not have been detected at all
    found[empty, rng.integers(0, xy.shape[1], len(empty))] = True
    noisy = np.where(
        found[..., None], xy + camera.noise * rng.standard_normal(xy.shape), np.nan
    )
    sure = np.where(
        real[:, None], rng.beta(12.0, 1.0, found.shape), rng.beta(4, 4, found.shape)
    )
    cov = np.where(found[..., None, None], camera.noise**2 * np.eye(2), np.nan)
    score = np.where(real, rng.beta(20.0, 1.0, len(xy)), rng.beta(3.0, 3.0, len(xy)))
    nothing = np.zeros((len(xy), 0))
    confidence = np.where(found, sure, 0.0)
    return Detections(
        frame.astype(np.int64), noisy, cov, confidence, score, nothing, nothing.copy()
    )


def _ghosts(
    rng: np.random.Generator, n: int, size: tuple[int, int], camera: Camera
) -> Float[np.ndarray, "G J 2"]:
    """Bodies where there are none, crumpled: half to one and a half times as long."""
    anywhere = rng.uniform(0.1, 0.9, (n, 1, 2)) * size
    heading, bend = rng.uniform(-np.pi, np.pi, (n, 1)), rng.uniform(-1.5, 1.5, (n, 1))
    bodies = stick(Roamed(anywhere, heading, bend), LENGTH, camera.n_keypoints)
    shrunk = anywhere + rng.uniform(0.5, 1.5, (n, 1, 1)) * (bodies[:, 0] - anywhere)
    ghosts: np.ndarray = shrunk + 0.1 * LENGTH * rng.standard_normal(shrunk.shape)
    return ghosts


def _embeddings(
    rng: np.random.Generator,
    who: np.ndarray,
    n_animals: int,
    camera: Camera,
    mixed: np.ndarray | None,
) -> Float[np.ndarray, "D E"]:
    """Unit vectors around each animal's own look, or around one look of all."""
    if camera.looks == "none":
        return np.zeros((len(who), 0))
    if camera.n_looks < n_animals:
        raise InputError(
            f"n_looks {camera.n_looks} cannot tell {n_animals} animals apart; raise it to"
            f" {n_animals}"
        )
    # orthonormal, and independent of the animals' order
    looks = np.linalg.qr(rng.standard_normal((camera.n_looks, camera.n_looks)))[0].T
    own = looks[:n_animals] if camera.looks == "distinct" else looks[[0] * n_animals]
    vector = own[np.maximum(who, 0)]
    ghost = rng.standard_normal(vector.shape) / np.sqrt(camera.n_looks)
    vector = np.where((who == UNTRACKED)[:, None], ghost, vector)
    if mixed is not None:
        vector = np.where(mixed[:, None], own.mean(axis=0), vector)
    vector = vector + camera.blur * rng.standard_normal(vector.shape)
    unit: np.ndarray = vector / np.linalg.norm(vector, axis=1, keepdims=True)
    return unit


# ---- small shapes ----------------------------------------------------------------------------


def _arena(n_animals: int) -> tuple[int, int]:
    """A 4:3 arena with room for a square of 3.4 lengths an animal, and some more for few."""
    area = LENGTH**2 * (3.4**2 * n_animals + 20.0)
    return round(float(np.sqrt(area * 4 / 3))), round(float(np.sqrt(area * 3 / 4)))


def _frames(seconds: float, camera: Camera) -> int:
    return max(2, round(seconds * camera.fps))


def _one_of_two(
    rng: np.random.Generator, close: Bool[np.ndarray, " T"]
) -> Bool[np.ndarray, "T 2"]:
    """Who of two is found when only one can be."""
    seen = np.ones((len(close), 2), bool)
    seen[close, rng.integers(0, 2, close.sum())] = False
    return seen


def _braking(n: int) -> Float[np.ndarray, " n"]:
    """From 1 to 0: at even speed, then ever slower over the last third of the time."""
    t = np.linspace(0.0, 1.0, n)
    left = np.where(t < 2 / 3, 5 / 6 - t, 1.5 * (1.0 - t) ** 2)
    return left / left[0]


def _unit(angle: np.ndarray) -> np.ndarray:
    ahead: np.ndarray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return ahead


def _signed(angle: np.ndarray) -> np.ndarray:
    """The same direction within -pi to pi."""
    within: np.ndarray = (angle + np.pi) % (2 * np.pi) - np.pi
    return within
