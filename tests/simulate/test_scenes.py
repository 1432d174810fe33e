"""What is promised of scenes, counted on the scenes."""

import time

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.simulate import scenes
from gambol.simulate.scenes import LENGTH, Camera

MAKERS = {
    "walkers": lambda rng, camera: scenes.walkers(rng, 3, seconds=20.0, camera=camera),
    "hidden": lambda rng, camera: scenes.hidden(rng, 3, seconds=20.0, camera=camera),
    "crossing": lambda rng, camera: scenes.crossing(rng, camera=camera),
    "meeting": lambda rng, camera: scenes.meeting(rng, camera=camera),
    "door": lambda rng, camera: scenes.door(rng, 3, seconds=20.0, camera=camera),
    "dropped": lambda rng, camera: scenes.drop_frames(
        rng, scenes.walkers(rng, 2, seconds=20.0, camera=camera), 0.1
    ),
    "hastened": lambda rng, camera: scenes.hasten(
        scenes.walkers(rng, 2, seconds=20.0, camera=camera)
    ),
}
PERFECT = Camera(noise=0.0, spurious=0.0, missing=0.0)


def _rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("n_keypoints", [1, 2, 7])
def test_every_scene_is_well_formed(kind, n_keypoints):
    camera = Camera(n_keypoints=n_keypoints, looks="distinct")
    scene = MAKERS[kind](_rng(), camera)
    found, n = scene.detections, len(scene.times)
    assert all(len(part) == len(scene.truth) for part in found)
    assert (np.diff(found.frame) >= 0).all() and found.frame[0] >= 0 and found.frame[-1] < n
    assert (np.diff(scene.times) > 0).all()
    assert scene.xy.shape == (n, scene.n_animals, n_keypoints, 2)
    known = np.isfinite(found.xy).all(axis=-1)
    assert known.any(axis=1).all()
    assert np.array_equal(known, np.isfinite(found.cov).all(axis=(-1, -2)))
    assert np.array_equal(known, found.confidence > 0)
    assert np.allclose(np.linalg.norm(found.embedding, axis=1), 1.0)
    real = scene.truth != UNTRACKED
    pairs = found.frame[real] * scene.n_animals + scene.truth[real]
    assert len(np.unique(pairs)) == len(pairs)  # no animal twice in a frame
    error = found.xy[real] - scene.xy[found.frame[real], scene.truth[real]]
    assert np.nanstd(error) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_generator_state_gives_the_same_scene(kind):
    one, two = (MAKERS[kind](_rng(4), Camera()) for _ in range(2))
    other = MAKERS[kind](_rng(5), Camera())
    assert np.array_equal(one.detections.xy, two.detections.xy, equal_nan=True)
    assert np.array_equal(one.truth, two.truth)
    assert not np.array_equal(one.xy, other.xy, equal_nan=True)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 20])
def test_walkers_never_touch(n):
    scene = scenes.walkers(_rng(n), n, seconds=30.0)
    flat = scene.xy.reshape(len(scene.xy), n, 1, 5, 1, 2)
    gaps = np.linalg.norm(flat - flat.reshape(len(flat), 1, n, 1, 5, 2), axis=-1)
    apart = gaps + 1e9 * np.eye(n)[None, :, :, None, None]
    assert apart.min() > 0.55 * LENGTH
    low, high = scene.xy.min(axis=(0, 1, 2)), scene.xy.max(axis=(0, 1, 2))
    assert (low > 0).all() and (high < scene.size).all()


def test_one_in_a_hundred_detections_is_spurious_and_one_keypoint_in_twenty_missing():
    scene = scenes.walkers(_rng(), 10, seconds=100.0)
    real = scene.truth != UNTRACKED
    assert real.sum() == 10 * len(scene.times)
    assert (~real).sum() / real.sum() == pytest.approx(0.01, abs=0.002)
    assert np.isnan(scene.detections.xy[real, :, 0]).mean() == pytest.approx(0.05, abs=0.002)
    scores = scene.detections.score
    assert scores[real].mean() > 0.9 and scores[~real].mean() < 0.6


def test_a_minute_of_twenty_walkers_takes_well_under_a_second():
    scenes.walkers(_rng(), 20, seconds=1.0)  # compiles
    begin = time.perf_counter()
    scenes.walkers(_rng(), 20, seconds=60.0)
    assert time.perf_counter() - begin < 2.0


@pytest.mark.parametrize("seed", range(5))
def test_crossing_ways_are_straight_even_and_at_right_angles(seed):
    scene = scenes.crossing(_rng(seed), speed=3.0, camera=PERFECT)
    steps = np.diff(scene.xy[:, :, 2], axis=0)
    assert np.allclose(steps, steps[0])
    assert np.allclose(np.linalg.norm(steps, axis=-1), 3.0 * LENGTH / 30.0)
    assert abs(steps[0, 0] @ steps[0, 1]) < 1e-9
    apart = np.linalg.norm(scene.xy[:, 0] - scene.xy[:, 1], axis=-1)[:, 2]
    assert apart.min() < 0.3 * LENGTH and apart[[0, -1]].min() > 5 * LENGTH


def test_who_leaves_a_meeting_where_is_a_fair_coin():
    kept = []
    for seed in range(300):
        scene = scenes.meeting(_rng(seed), overlap=0.5, camera=PERFECT)
        middle = scene.xy[:, :, 2]
        come, gone = middle[0] - middle.mean(axis=1)[0], middle[-1] - middle.mean(axis=1)[-1]
        kept.append((come[0] @ gone[0]) > 0)  # 0 leaves on the side it came from
    assert abs(np.mean(kept) - 0.5) < 0.09


@pytest.mark.parametrize("overlap", [0.5, 2.0, 5.0])
def test_meeting_animals_lie_upon_each_other_as_long_as_asked(overlap):
    scene = scenes.meeting(_rng(3), overlap=overlap, camera=PERFECT)
    gap = np.linalg.norm(scene.xy[:, 0, 2] - scene.xy[:, 1, 2], axis=-1)
    upon = (gap < 0.3 * LENGTH).sum() / 30.0
    assert overlap - 0.1 <= upon <= overlap + 1.2  # braking and setting off are slow, too
    found = np.bincount(scene.detections.frame, minlength=len(gap))[gap < 0.3 * LENGTH]
    assert found.mean() == pytest.approx(4 / 3, abs=0.35)


@pytest.mark.parametrize(
    ("looks", "least", "most"), [("identical", 0.2, 0.8), ("distinct", 1.0, 1.0)]
)
def test_looks_tell_animals_apart_only_if_they_are_distinct(looks, least, most):
    right = []
    for seed in range(20):
        scene = scenes.meeting(_rng(seed), camera=Camera(looks=looks))
        vector, frame = scene.detections.embedding, scene.detections.frame
        early, late = frame < 60, frame > frame.max() - 60
        means = [
            [vector[part & (scene.truth == i)].mean(axis=0) for i in range(2)]
            for part in (early, late)
        ]
        match = np.inner(*means)
        right.append(np.trace(match) > np.trace(match[::-1]))
    assert least <= np.mean(right) <= most


def test_more_animals_than_looks_are_refused():
    with pytest.raises(InputError, match="n_looks 2 cannot tell 3 animals apart"):
        scenes.walkers(_rng(), 3, seconds=1.0, camera=Camera(looks="distinct", n_looks=2))


def test_animals_leave_through_the_door_and_return():
    scene = scenes.door(_rng(1), 3, seconds=120.0, camera=PERFECT)
    here = np.isfinite(scene.xy[..., 0]).all(axis=2)
    for animal in range(3):
        left = np.flatnonzero(np.diff(here[:, animal].astype(int)) == -1)
        back = np.flatnonzero(np.diff(here[:, animal].astype(int)) == 1)
        assert len(left) >= 2 and len(back) >= 2
        at = np.concatenate([scene.xy[left, animal, 2], scene.xy[back + 1, animal, 2]])
        assert (at[:, 0] < 1.5 * LENGTH).all()
    assert (scene.detections.xy[..., 0] > 0).all()
    assert len(scene.truth) == here.sum()


def test_hidden_animals_stay_away_for_at_most_so_long_at_a_time():
    scene = scenes.hidden(_rng(2), 4, seconds=60.0, longest=2.0)
    real = scene.truth != UNTRACKED
    share = real.sum() / (4 * len(scene.times))
    assert 0.8 < share < 1.0 and np.isfinite(scene.xy).all()


def test_dropped_frames_leave_gaps_in_time_and_none_in_the_count():
    whole = scenes.walkers(_rng(), 2, seconds=60.0)
    some = scenes.drop_frames(_rng(1), whole, 0.3)
    assert len(some.times) / len(whole.times) == pytest.approx(0.7, abs=0.04)
    assert some.times[0] == 0.0 and np.diff(some.times).max() > 2.5 / 30.0
    assert set(some.detections.frame) == set(range(len(some.times)))


def test_hastened_animals_are_ten_times_as_fast():
    whole = scenes.walkers(_rng(), 1, seconds=60.0, camera=PERFECT)
    fast = scenes.hasten(whole, 10)
    assert np.array_equal(fast.xy, whole.xy[::10])
    assert np.array_equal(fast.times, whole.times[: len(fast.times)])
    real = fast.detections.xy[fast.truth == 0]
    assert np.array_equal(real, whole.xy[::10, 0])
