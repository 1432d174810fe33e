"""Animals that walk, meet, hide behind each other, and part: detections with true names."""

from typing import NamedTuple

import numpy as np

from gambol.core.instances import Detections, from_positions

FPS, BODY, ARENA = 30.0, 40.0, 600.0
SKELETON = BODY * np.array([[0.5, 0], [0.2, 0.05], [0, 0], [-0.25, -0.05], [-0.5, 0]])


class Scene(NamedTuple):
    """Detections of animals whose names are known, and raw tracks that are right but broken."""

    detections: Detections
    truth: np.ndarray  # (D,) animal
    track: np.ndarray  # (D,) raw track
    times: np.ndarray  # (T,) s


def walk(rng, frames, place, speed=2.0):
    """Walk away from a place, speeding up from rest; (frames, 2) px."""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.1, frames))
    pace = (
        speed
        * BODY
        / FPS
        * np.exp(rng.normal(0, 0.2))
        * np.minimum(1, np.arange(1, frames + 1) / (0.3 * FPS))
    )
    steps = pace[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return place + np.cumsum(steps, axis=0)


def poses(rng, path, noise):
    """Keypoints of a body along its path, seen with noise; (T, 5, 2)."""
    way = np.gradient(path, axis=0)
    angle = np.unwrap(np.arctan2(way[:, 1], way[:, 0]))
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=-1)
    body = np.einsum("tab,kb->tka", turn.reshape(-1, 2, 2), SKELETON)
    return path[:, None] + body + rng.normal(0, noise, (len(path), 5, 2))


def scene_of(rng, paths, seen, looks=None, noise=0.02 * BODY):
    """Make detections of paths (N, T, 2) where seen (N, T); looks (N, E) with unit noise.

    A raw track ends wherever its animal is not seen.
    """
    n, frames = seen.shape
    xy = np.stack([poses(rng, path, noise) for path in paths])
    animal, frame = np.nonzero(seen)
    number = np.cumsum(np.diff(seen.astype(int), axis=1, prepend=0) == 1, axis=1)
    track = (number * n + np.arange(n)[:, None])[animal, frame]
    order = np.lexsort((rng.random(len(frame)), frame))
    found = from_positions(frame[order], xy[animal, frame][order], sd=noise)
    animal = animal[order]
    if looks is not None:
        vectors = looks[animal] + rng.normal(0, 1, (len(animal), looks.shape[1]))
        found = found._replace(embedding=vectors)
    return Scene(found, animal, track[order], np.arange(frames) / FPS)


def meeting(rng, hidden, looks=None, before=4.0, after=4.0):
    """Two animals meet, stop, are not seen for `hidden` seconds, and part anywhere."""
    count = [int(s * FPS) for s in (before, hidden, after)]
    paths = []
    for side in (-1, 1):
        place = np.array([ARENA / 2 + side * 0.1 * BODY, ARENA / 2])
        out = np.array([ARENA / 2, ARENA / 2 + 0.2 * BODY * rng.choice([-1, 1])])
        stay = place + (out - place) * np.linspace(0, 1, count[1])[:, None]
        coming, going = walk(rng, count[0], place)[::-1], walk(rng, count[2], out)
        paths.append(np.concatenate([coming, stay, going]))
    seen = np.ones((2, sum(count)), bool)
    seen[:, count[0] : count[0] + count[1]] = False
    return scene_of(rng, np.stack(paths), seen, looks)


def walkers(rng, n, seconds, seen=0.99, looks=None):
    """Animals that walk about in an arena on their own, sometimes unseen for a frame."""
    frames = int(seconds * FPS)
    heading = rng.uniform(0, 2 * np.pi, n)[:, None] + np.cumsum(
        rng.normal(0, 0.1, (n, frames)), axis=1
    )
    steps = 1.5 * BODY / FPS * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    free = rng.uniform(0, ARENA, (n, 1, 2)) + np.cumsum(steps, axis=1)
    paths = np.abs((free + ARENA) % (2 * ARENA) - ARENA)  # walls turn them back
    return scene_of(rng, paths, rng.random((n, frames)) < seen, looks)


def injected(rng, scene, n, count, near):
    """Exchange names of two animals at `count` frames, of the nearest two if asked."""
    ids, frame = scene.truth.copy(), scene.detections.frame
    place = np.full((n, len(scene.times), 2), np.nan)
    place[scene.truth, frame] = np.nanmean(scene.detections.xy, axis=1)
    swaps = []
    for at in np.sort(
        rng.choice(np.arange(30, len(scene.times) - 30, 20), count, replace=False)
    ):
        a, b = rng.choice(n, 2, replace=False)
        here = place[:, at]
        if near:
            apart = np.linalg.norm(here[:, None] - here[None], axis=-1)
            apart = np.where(np.isnan(apart) | np.eye(n, dtype=bool), np.inf, apart)
            a, b = np.unravel_index(apart.argmin(), apart.shape)
        names = [set(ids[(frame == at) & (scene.truth == x)]) for x in (a, b)]
        if all(names):
            one, two = (names[0].pop(), names[1].pop())
            of_one, of_two = (ids == one) & (frame >= at), (ids == two) & (frame >= at)
            ids[of_one], ids[of_two] = two, one
            swaps.append((int(at), {int(one), int(two)}))
    return ids, swaps
