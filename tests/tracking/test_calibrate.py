import numpy as np
import pytest

from gambol.core.instances import from_positions
from gambol.tracking.calibrate import calibrate, starts, weights
from gambol.tracking.features import KeypointsSpec, features
from gambol.tracking.motion import KalmanSpec, NoneSpec, motions

FEATURE = features.build(KeypointsSpec())
KALMAN = motions.build(KalmanSpec())


def runners(frames=400, speed=60.0, memory=0.3, seed=0, animals=2):
    """Animals whose velocity forgets itself, far apart."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 12, (5, 2))
    dt, keep = 0.04, np.exp(-0.04 / memory)
    velocity = rng.normal(0, speed, (animals, 2))
    place = 1000.0 * np.arange(animals)[:, None] + np.zeros(2)
    xy = []
    for _ in range(frames):
        velocity = keep * velocity + rng.normal(0, speed * np.sqrt(1 - keep**2), (animals, 2))
        place = place + dt * velocity
        xy.append(place[:, None] + body + rng.normal(0, 0.3, (animals, 5, 2)))
    found = from_positions(np.arange(frames).repeat(animals), np.concatenate(xy), sd=0.3)
    return found, np.arange(frames) * dt


def test_finds_how_animals_move():
    scale = calibrate(*runners(frames=1500), FEATURE, KALMAN)
    assert scale.step == pytest.approx(0.04)
    assert scale.motion.speed == pytest.approx(60, rel=0.2)
    assert scale.motion.memory == pytest.approx(0.3, rel=0.4)
    assert scale.steps.share < 0.5  # they go on as they went


def test_animals_that_stay_need_no_prediction():
    found, times = runners(speed=0.01)
    scale = calibrate(found, times, FEATURE, motions.build(NoneSpec()))
    assert scale.steps.anew < 0.05
    assert scale.steps.share > 0.9


def test_body_length_is_the_diagonal_or_what_is_said():
    found, times = runners()
    box = np.ptp(found.xy[0], axis=0)
    assert calibrate(found, times, FEATURE, KALMAN).length == pytest.approx(
        np.linalg.norm(box), rel=0.1
    )
    assert calibrate(found, times, FEATURE, KALMAN, length=7.0).length == 7.0


def test_animals_of_one_keypoint_are_sized_by_their_distance():
    found, times = runners()
    points = found._replace(
        xy=found.xy[:, :1], cov=found.cov[:, :1], confidence=found.confidence[:, :1]
    )
    assert 100 < calibrate(points, times, FEATURE, KALMAN).length < 1000


def test_too_little_to_learn_from_gives_finite_defaults():
    found, times = runners(frames=2)
    scale = calibrate(found, times, FEATURE, KALMAN)
    assert np.isfinite([scale.length, scale.arena, *scale.motion, *scale.steps]).all()
    nobody = calibrate(found.select(np.zeros(0, dtype=int)), times[:0], FEATURE, KALMAN)
    assert np.isfinite([nobody.length, nobody.arena, *nobody.motion, *nobody.steps]).all()


def test_animals_that_never_move_have_a_finite_scale():
    found = from_positions(np.arange(30), np.tile(np.array([[[0.0, 0], [10, 0]]]), (30, 1, 1)))
    scale = calibrate(found, np.arange(30) / 25, FEATURE, KALMAN)
    assert np.isfinite([*scale.motion, *scale.steps]).all()


def looks(same, seed=0):
    found, times = runners()
    rng = np.random.default_rng(seed)
    means = np.eye(8)[[0, 0 if same else 1]]
    drawn = means[np.arange(800) % 2] + rng.normal(0, 0.2, (800, 8))
    return found._replace(embedding=drawn / np.linalg.norm(drawn, axis=1, keepdims=True)), times


def test_looks_that_differ_are_evidence_and_looks_that_do_not_are_none():
    a, b = calibrate(*looks(same=False), FEATURE, KALMAN).looks
    assert a + b * 0.8 > 2 and a + b * 0.0 < -2
    assert calibrate(*looks(same=True), FEATURE, KALMAN).looks == (0.0, 0.0)


def test_frames_begin_where_the_number_changes():
    assert starts(np.array([3, 3, 5, 9, 9])).tolist() == [0, 2, 3, 5]
    assert starts(np.zeros(0, dtype=int)).tolist() == [0]


def test_missing_keypoints_weigh_nothing():
    found, _ = runners(frames=1)
    xy = found.xy.copy()
    xy[0, 2] = np.nan
    assert (weights(found._replace(xy=xy))[0] > 0).tolist() == [True, True, False, True, True]
