"""What a pair of views says about lags: its noise, its weights, what windows leave."""

import numpy as np
import pytest

from gambol.kernels.epipolar import fundamental, straighten
from gambol.multiview import disagreement
from gambol.multiview.disagreement import Pair, Sight
from gambol.simulate import body3d, rigs
from gambol.simulate.filming import Flaws, film

RIG = rigs.dome(np.random.default_rng(1), 2, 260.0, target=(0.0, 0.0, 30.0))
BODY = body3d.move(np.random.default_rng(0), "mouse", 900)


def pair(**flaws):
    seen = film(np.random.default_rng(2), BODY.xyz[:, 0], RIG, Flaws(**flaws))
    params = RIG.params()
    one, late = (straighten(seen.xy[:, v], params[v]) for v in range(2))
    sight = Sight(one, fundamental(params[0], params[1]), disagreement.pace(one))
    return Pair(late, (sight,))


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
