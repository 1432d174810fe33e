import time

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.kernels import walks
from gambol.pose import eks
from gambol.pose.ensemble import Combined, combine

CHI2_90 = 4.605  # 90 % quantile of chi² with two degrees of freedom


def truth(frames, keypoints, rng, step=0.7):
    return 100 + (step * rng.standard_normal((frames, keypoints, 2))).cumsum(axis=0)


def networks(xy, rng, models=5, sd=2.0):
    """Predictions whose noise is wide in some frames for all networks: hard frames."""
    hard = np.where(rng.random(xy.shape[:2]) < 0.15, 4.0, 1.0) * sd
    noise = rng.standard_normal((models, *xy.shape)) * hard[..., None]
    return xy + noise


def ensemble(xy, how="mean"):
    cov = np.full((*xy.shape, 2), np.nan)
    return combine(xy, cov, np.full(xy.shape[:-1], 0.9), how)


def smooth(courses, seen):
    """Smooth a recording that is in memory."""
    return eks.smooth(courses, seen, eks.begin(courses), eks.end(courses))[0]


def inside(error, cov):
    distance = np.einsum("...a,...ab,...b->...", error, np.linalg.inv(cov), error)
    return float((distance <= CHI2_90).mean())


def test_is_nearer_to_the_truth_than_the_median_and_knows_how_near():
    rng = np.random.default_rng(1)
    true = truth(3000, 3, rng)
    said = networks(true, rng)
    seen = ensemble(said)
    made = smooth(eks.fit([seen], [(0,), (1,), (2,)]), seen)
    off = np.linalg.norm(made.xy - true, axis=-1).mean()
    median = np.linalg.norm(ensemble(said, "median").xy - true, axis=-1).mean()
    assert off < 0.8 * median
    assert inside(made.xy - true, made.covariance) == pytest.approx(0.9, abs=0.04)


def test_equals_the_dense_gaussian_posterior():
    rng = np.random.default_rng(2)
    seen = ensemble(networks(truth(60, 1, rng), rng))
    seen.xy[20:24] = np.nan
    seen.covariance[20:24] = np.nan
    (course,) = eks.fit([seen], [(0,)], scale=1.0)
    made = smooth([course], seen)
    noise = eks._noise(course, seen)[:, 0]
    t = np.arange(60)
    prior = np.kron(np.minimum(t[:, None], t), np.diag(course.step))
    prior += course.start * np.kron(np.ones((60, 60)), np.eye(2))
    known = np.repeat(np.isfinite(seen.xy[:, 0, 0]), 2)
    joint = prior.copy()
    for i in t:
        joint[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += noise[i]
    gain = np.linalg.solve(joint[np.ix_(known, known)], prior[known]).T
    off = (seen.xy[:, 0] - course.centre).ravel()[known]
    mean = (gain @ off).reshape(60, 2) + course.centre
    cov = (prior - gain @ prior[known]).reshape(60, 2, 60, 2)[t, :, t]
    np.testing.assert_allclose(made.xy[:, 0], mean, atol=1e-6)
    np.testing.assert_allclose(made.covariance[:, 0], cov, atol=1e-6)


def test_the_chosen_step_and_scale_are_the_most_likely():
    rng = np.random.default_rng(3)
    seen = ensemble(networks(truth(800, 1, rng), rng))
    (course,) = eks.fit([seen], [(0,)])

    def loss(step, scale):
        one = course._replace(scale=scale)
        y, precision = eks._noisy(one, seen)
        told = walks.evidence(eks.observe(one, seen), step * course.step, course.start)
        quad = np.einsum("tka,tkab,tkb->", y, precision, y)
        return quad - told.explained + told.spread - np.linalg.slogdet(precision)[1].sum()

    best = loss(1.0, course.scale)
    for step, scale in ((1.5, 1), (0.67, 1), (1, 1.2), (1, 0.8), (1.4, 1.1), (0.7, 0.9)):
        assert loss(step, scale * course.scale) > best - 0.05


def test_recovers_step_and_noise_of_a_known_walk():
    rng = np.random.default_rng(4)
    true = truth(6000, 1, rng, step=0.7)
    said = true + 2.0 * rng.standard_normal((5, *true.shape))
    (course,) = eks.fit([ensemble(said)], [(0,)])
    assert course.step == pytest.approx(np.full(2, 0.49), rel=0.2)
    assert course.scale * np.trace(course.usual[0]) / 2 == pytest.approx(4 / 5, rel=0.3)


def test_gaps_are_bridged_and_are_less_sure():
    rng = np.random.default_rng(5)
    true = truth(500, 1, rng)
    said = networks(true, rng)
    said[:, 200:220] = np.nan
    seen = ensemble(said)
    made = smooth(eks.fit([seen], [(0,)]), seen)
    assert np.isfinite(made.xy).all()
    spread = np.trace(made.covariance[:, 0], axis1=1, axis2=2)
    assert spread[210] > 3 * np.median(spread)
    assert made.confidence[210, 0] == 0


def test_a_network_that_is_lost_alone_is_outvoted_by_time():
    rng = np.random.default_rng(6)
    true = truth(400, 1, rng, step=0.3)
    said = networks(true, rng, sd=1.0)
    said[0, 100] += 300.0
    seen = ensemble(said)
    made = smooth(eks.fit([seen], [(0,)]), seen)
    assert np.linalg.norm(seen.xy[100, 0] - true[100, 0]) > 40
    assert np.linalg.norm(made.xy[100, 0] - true[100, 0]) < 5


def test_slow_habits_of_networks_stay_in_the_covariance():
    rng = np.random.default_rng(11)
    true = truth(4000, 1, rng)
    habit = np.zeros((5, 4000, 1, 2))
    for t in range(1, 4000):  # sd 2 px, some hundred frames long
        habit[:, t] = 0.99 * habit[:, t - 1] + 0.28 * rng.standard_normal((5, 1, 2))
    seen = ensemble(true + habit + 0.5 * rng.standard_normal(habit.shape))
    (course,) = eks.fit([seen], [(0,)])
    assert course.scale < 0.1
    made = smooth([course], seen)
    assert inside(made.xy - true, made.covariance) == pytest.approx(0.9, abs=0.06)


def views_of(point, rng):
    """A point in space in three cameras, whose images are affine."""
    looks = rng.normal(size=(3, 2, 3))
    return np.einsum("vad,td->tva", looks, point) + 50.0


def test_views_share_a_subspace_of_three_dimensions():
    rng = np.random.default_rng(7)
    point = rng.standard_normal((2000, 3)).cumsum(axis=0)
    true = views_of(point, rng)
    said = networks(true, rng)
    said[:, 700:720, 1] = np.nan  # one camera does not see it
    seen = ensemble(said)
    alone = smooth(eks.fit([seen], [(0,), (1,), (2,)]), seen)
    joint = smooth(eks.fit([seen], [(0, 1, 2)]), seen)
    off_alone, off_joint = (np.linalg.norm(m.xy - true, axis=-1) for m in (alone, joint))
    assert off_joint.mean() < 0.85 * off_alone.mean()
    assert off_joint[700:720, 1].mean() < 0.5 * off_alone[700:720, 1].mean()
    assert inside(joint.xy - true, joint.covariance) == pytest.approx(0.9, abs=0.05)


def test_a_subspace_that_is_not_all_leaves_its_rest_in_the_covariance():
    rng = np.random.default_rng(8)
    point = rng.standard_normal((2000, 3)).cumsum(axis=0)
    true = views_of(point, rng)
    true[:, 2, 0] += 6 * np.sin(np.arange(2000) / 15)  # a lens that no linear view has
    seen = ensemble(networks(true, rng))
    (course,) = eks.fit([seen], [(0, 1, 2)])
    assert course.rest.sum() > 5
    made = smooth([course], seen)
    assert inside(made.xy - true, made.covariance) > 0.85


def test_groups_without_whole_frames_are_refused():
    rng = np.random.default_rng(9)
    said = networks(truth(50, 2, rng), rng)
    said[:, :25, 0] = np.nan
    said[:, 25:, 1] = np.nan
    with pytest.raises(InputError, match="0 frames show all of a group of 2 keypoints"):
        eks.fit([ensemble(said)], [(0, 1)])


def test_a_keypoint_that_nobody_ever_found_stays_unknown():
    seen = ensemble(np.full((3, 40, 1, 2), np.nan))
    made = smooth(eks.fit([seen], [(0,)]), seen)
    assert np.isnan(made.xy).all()
    assert np.isnan(made.covariance).all()


def test_smooths_ten_thousand_frames_of_ten_keypoints_a_second():
    rng = np.random.default_rng(10)
    said = networks(truth(10_000, 10, rng), rng)
    groups = [(j,) for j in range(10)]
    seen = ensemble(said[:, :100])
    smooth(eks.fit([seen], groups), seen)  # compiled
    start = time.process_time()
    seen = ensemble(said)
    parts = [Combined(*(p[i : i + 1024] for p in seen)) for i in (0, 3000, 6000, 8900)]
    smooth(eks.fit(parts, groups), seen)
    seconds = time.process_time() - start
    print(f"{seconds:.2f} s")
    assert seconds < 3.0  # 1 s on a quiet core


def test_a_keypoint_that_no_stretch_showed_is_left_as_combined():
    rng = np.random.default_rng(12)
    said = networks(truth(200, 2, rng), rng)
    said[:, :60, 1] = np.nan
    seen = ensemble(said)
    courses = eks.fit([Combined(*(part[:50] for part in seen))], [(0,), (1,)])
    assert [course.learnt for course in courses] == [True, False]
    made = smooth(courses, seen)
    np.testing.assert_array_equal(made.xy[:, 1], seen.xy[:, 1])
    np.testing.assert_array_equal(made.covariance[:, 1], seen.covariance[:, 1])
    assert not np.allclose(made.xy[:, 0], seen.xy[:, 0])
