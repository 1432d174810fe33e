"""What a pair of views says about lags: its noise, its weights, what windows leave."""

import numpy as np
import pytest

from gambol.kernels import lagged
from gambol.kernels.epipolar import fundamental, straighten
from gambol.multiview import disagreement
from gambol.multiview.disagreement import Pair, Sight, Slant
from gambol.simulate import body3d, rigs
from gambol.simulate.filming import Flaws, film

RIG = rigs.dome(np.random.default_rng(1), 2, 260.0, target=(0.0, 0.0, 30.0))
BODY = body3d.move(np.random.default_rng(0), "mouse", 900)


def pair(xyz=BODY.xyz[:, 0], **flaws):
    seen = film(np.random.default_rng(2), xyz, RIG, Flaws(**flaws))
    params = RIG.params()
    one, late = (straighten(seen.xy[:, v], params[v]) for v in range(2))
    weight = disagreement.pace(one)
    matrix = fundamental(params[0], params[1])
    sight = Sight(one, lagged.velocity(one.xy), matrix, weight)
    return Pair(late, lagged.velocity(late.xy), (sight,))


def test_the_noise_is_measured_through_lag_and_outliers():
    measured = pair(noise=2.0, outliers=0.05, lag={"cam_1": 4.0}).measured(np.arange(-8.0, 9))
    assert measured.scale == pytest.approx(2.0, rel=0.2)


def test_costs_are_least_at_the_lag_and_windows_leave_nothing_there():
    late = pair(lag={"cam_1": 4.0}).measured(np.arange(-8.0, 9)).weighed(np.full(900, 4.0))
    lags = np.arange(-2.0, 11)
    assert lags[late.nats(np.zeros(900), lags).sum(axis=0).argmin()] == 4
    assert (
        lags[
            np.nanargmin(
                disagreement.mean(late.agree(late.fast(), np.zeros(len(late.fast())), lags))
            )
        ]
        == 4
    )
    left = disagreement.windows(late, np.full(900, 3.5), 300)
    assert len(left.time) == 3
    assert (np.abs(left.offset - 0.5) < 5 * np.sqrt(left.variance) + 0.02).all()


def test_points_that_stand_still_weigh_nothing():
    late = pair(noise=0.5).measured(np.zeros(1)).weighed(np.zeros(900))
    speed = np.linalg.norm(np.gradient(BODY.xyz[:, 0], axis=0), axis=-1)
    weight = late.against[0].weight
    still, fast = speed < 0.02, speed > 3
    assert np.median(weight[still]) < 0.05 and np.median(weight[fast]) > 0.4
    assert (weight >= 0).all() and (weight <= 1).all()


def test_a_slant_tells_the_lag_that_is_left():
    late = pair(noise=0.5, lag={"cam_1": 4.0}).measured(np.arange(-8.0, 9))
    slant = late.slant(np.full(900, 3.6))
    left = slant.pull().sum() / slant.told().sum()
    assert left == pytest.approx(0.4, abs=0.05)
    offsets = np.broadcast_to(np.arange(-2.0, 2.1, 0.4), (900, 11))
    assert slant.nats(offsets).sum(axis=0).argmin() == 6


def test_where_nothing_moves_lags_cost_alike_and_nothing_is_told():
    still = np.repeat(BODY.xyz[:1, 0], 600, axis=0)
    late = pair(still, noise=2.0, outliers=0.05, dropout=0.1).measured(np.arange(-3.0, 4))
    slant = late.slant(np.zeros(600))
    assert slant.told().sum() < 4  # an sd of half a frame after 10 s
    nats = slant.nats(np.broadcast_to([-5.0, 0.0, 5.0], (600, 3))).sum(axis=0)
    assert np.ptp(nats) < 5


def test_constant_errors_of_a_detector_shift_no_lag():
    late = pair(noise=0.5, bias=6.0, lag={"cam_1": 4.0}).measured(np.arange(-8.0, 9))
    assert np.abs(disagreement.windows(late, np.full(900, 4.0), 300).offset).max() < 0.1
    assert late.slant(np.full(900, 4.0)).excess() < 3


def test_the_information_is_the_variance_of_the_pull():
    made = np.random.default_rng(0)
    rate = made.normal(size=(4000, 6))
    slant = Slant(made.normal(size=(4000, 6)), rate)
    z = slant.pull() / np.sqrt(slant.told())
    assert np.std(z) == pytest.approx(1, abs=0.05) and slant.excess() < 1.2
    lasting = Slant(np.repeat(made.normal(size=(250, 1)), 16, axis=0) + 0 * rate, 0 * rate + 1)
    assert lasting.excess() > 10


def test_misfit_grows_where_a_part_has_another_lag():
    made = np.random.default_rng(0)
    rate = np.ones((800, 6))
    right = Slant(made.normal(size=(800, 6)), rate)
    late = Slant(right.distance + (np.arange(800) < 400)[:, None], rate)
    # blocks of 16 frames and 6 points, half a nat a point: 50 of them, 25 wrong by a frame
    assert late.misfit() - right.misfit() == pytest.approx(400 * 6 / 2, rel=0.1)


def test_a_camera_that_was_moved_is_uneven():
    made = np.random.default_rng(0)
    distance = made.normal(size=(1000, 6))
    rate = np.zeros((1000, 6))
    assert Slant(distance, rate).uneven(200)[0] < 1.2
    distance[800:] += 8
    ratio, frame = Slant(distance, rate).uneven(200)
    assert ratio > 5 and frame == 800
