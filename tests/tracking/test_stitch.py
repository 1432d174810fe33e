"""Stitching heals what cutting broke, for a known number of animals."""

import numpy as np
import pytest
from meetings import ARENA, BODY, FPS, scene_of, walkers

from gambol.core.instances import from_positions
from gambol.kernels import flow
from gambol.tracking import stitch, tracklets


def stitched(scene, n, **options):
    pieces = tracklets.cut(scene.detections, scene.track, None, scene.times, BODY)
    found = stitch.stitch(scene.detections, pieces, scene.times, n, ARENA**2, BODY, **options)
    return pieces, found


def names(scene, pieces, found):
    """True animal → the paths that its rows are on."""
    path = np.append(found.path, flow.UNUSED)[pieces.of]
    return [set(path[scene.truth == a].tolist()) for a in range(scene.truth.max() + 1)]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 20])
def test_walkers_that_are_missed_now_and_then_become_one_path_each(n):
    scene = walkers(np.random.default_rng(n), n, 20)
    pieces, found = stitched(scene, n)
    assert len(pieces.first) > n
    got = names(scene, pieces, found)
    assert sorted(map(sorted, got)) == [[a] for a in range(n)]


def crossing(angle, hidden):
    """Two that walk straight through one point, unseen while they overlap."""
    t = np.arange(-60, 61) / FPS
    ways = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    paths = ARENA / 2 + 2 * BODY * t[None, :, None] * ways[:, None]
    seen = np.abs(t)[None].repeat(2, axis=0) > hidden / 2
    return scene_of(np.random.default_rng(0), paths, seen)


@pytest.mark.parametrize("angle", [np.pi / 4, np.pi / 2, np.pi])
@pytest.mark.parametrize("hidden", [0.0, 0.3, 0.6])
def test_motion_resolves_straight_crossings(angle, hidden):
    scene = crossing(angle, hidden)
    got = names(scene, *stitched(scene, 2))
    assert sorted(map(sorted, got)) == [[0], [1]]


def test_a_return_after_a_long_absence_is_no_new_animal():
    """Trap 17: unseen for 20 s, longer than any link."""
    still = np.tile(np.array([100.0, 100.0]), (900, 1))
    scene = scene_of(
        np.random.default_rng(0),
        np.stack([still, still + 6 * BODY]),
        np.stack([np.ones(900, bool), (np.arange(900) < 100) | (np.arange(900) > 700)]),
    )
    got = names(scene, *stitched(scene, 2))
    assert sorted(map(sorted, got)) == [[0], [1]]


def test_detections_of_no_animal_are_left_out():
    """Trap 18: more tracklets at once than animals, and none of it is infeasible."""
    scene = walkers(np.random.default_rng(4), 2, 20)
    rng = np.random.default_rng(5)
    frame = np.sort(rng.choice(len(scene.times), 60, replace=False))
    false = from_positions(frame, rng.uniform(0, ARENA, (60, 1, 2)).repeat(5, axis=1) + 3.0)
    parts = [np.concatenate(pair) for pair in zip(scene.detections, false, strict=True)]
    order = np.argsort(parts[0], kind="stable")
    both = scene._replace(
        detections=type(scene.detections)(*(part[order] for part in parts)),
        truth=np.append(scene.truth, np.full(60, 2))[order],
        track=np.append(scene.track, 10_000 + np.arange(60))[order],
    )
    pieces, found = stitched(both, 2)
    path = np.append(found.path, flow.UNUSED)[pieces.of]
    assert (path[both.truth < 2] >= 0).mean() > 0.99
    assert (path[both.truth == 2] < 0).mean() > 0.9
    for frame in range(len(scene.times)):
        here = path[(both.detections.frame == frame) & (path >= 0)]
        assert len(set(here)) == len(here) <= 2


def test_who_leaves_by_the_door_leaves_for_free():
    """One that vanishes and one that appears elsewhere are two, or one that used the door."""
    x = np.linspace(0, 3 * BODY, 60)
    out = np.stack([x, np.full(60, 100.0)], axis=1)
    paths = np.stack([np.concatenate([out, out]), np.concatenate([out, out + 300])])
    seen = np.zeros((2, 120), bool)
    seen[0, 5:60], seen[1, 60:115] = True, True
    scene = scene_of(np.random.default_rng(0), paths, seen)
    doors = np.array([[x[-1], 100.0], [300.0, 400.0]])
    shut, door = stitched(scene, 2)[1], stitched(scene, 2, doors=doors)[1]
    assert shut.cost - door.cost == pytest.approx(20.0)


def test_scales_are_those_of_the_motion():
    """A constant-velocity walk with known noise, velocity walk, and speed."""
    rng = np.random.default_rng(0)
    frames, q, noise = 20_000, 60.0, 2.0
    velocity = np.cumsum(rng.normal(0, q / np.sqrt(FPS), (frames, 2)), axis=0)
    path = np.cumsum(velocity / FPS, axis=0) + rng.normal(0, noise, (frames, 2))
    found = from_positions(np.arange(frames), path[:, None])
    times = np.arange(frames) / FPS
    pieces = tracklets.cut(found, np.zeros(frames, int), np.full(frames, 9.0), times, BODY)
    assert len(pieces.first) < 20
    got = stitch.scales(found, pieces, times, BODY)
    assert got.q == pytest.approx(q, rel=0.1)
    assert got.noise == pytest.approx(noise, rel=0.1)


def test_costs_have_no_unit_of_length():
    scene = walkers(np.random.default_rng(6), 3, 20)
    pieces, small = stitched(scene, 3)
    found = scene.detections
    large = stitch.stitch(
        found._replace(xy=3 * found.xy - 50, cov=9 * found.cov),
        pieces, scene.times, 3, 9 * ARENA**2, 3 * BODY,
    )  # fmt: skip
    np.testing.assert_allclose(large.pieces.cost, small.pieces.cost, atol=1e-6)
    assert (large.path == small.path).all()
