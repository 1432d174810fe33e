"""Costs between instances: least for the same animal, none without shared keypoints."""

import numpy as np

from gambol.kernels import crowds, epipolar, projection
from gambol.kernels.crowds import Geometry, Moment
from gambol.simulate import rigs

SWAP = np.array([0, 2, 1, 4, 3, 5, 7, 6])


def scene(noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    params = rigs.dome(rng, 3, 200.0).params()
    xyz = rng.uniform(-120, 120, (3, 1, 3)) * [1, 1, 0.1] + rng.uniform(-25, 25, (3, 8, 3))
    uv = projection.project(xyz.reshape(-1, 3), params).uv.reshape(3, 3, 8, 2)
    uv = uv + noise * rng.normal(size=uv.shape)
    return params, xyz, uv


def moment(params, uv):
    straight, slope = zip(
        *(epipolar.straighten(uv[v], params[v]) for v in range(3)), strict=True
    )
    lines = [projection.rays(uv[v].reshape(-1, 2), params[v]) for v in range(3)]
    origin, along = (np.array(part).reshape(3, 3, 8, 3) for part in zip(*lines, strict=True))
    along[~np.isfinite(uv[..., 0])] = np.nan
    matrix = np.array([[epipolar.fundamental(a, b) for b in params] for a in params])
    return Moment(uv, np.array(straight), np.array(slope), origin, along), Geometry(
        params, matrix, SWAP
    )


def test_the_cost_of_one_animal_is_the_median_of_its_distances():
    params, _, uv = scene()
    seen, geometry = moment(params, uv)
    costs = crowds.pair_costs(seen, geometry, 1.0, 64.0, 4.0)
    pair = [epipolar.Straight(seen.straight[v], seen.slope[v]) for v in range(2)]
    expected = np.median(epipolar.sampson(*pair, geometry.matrix[0, 1]), axis=-1)
    same = np.arange(3)
    np.testing.assert_allclose(costs[0, same, 1, same], expected)
    np.testing.assert_allclose(costs[1, same, 0, same], expected)
    assert np.isnan(costs[0, :, 0, :]).all() and costs[0, 0, 1, 1] > 4 * costs[0, 0, 1, 0]


def test_exchanged_sides_cost_their_price():
    params, _, uv = scene(noise=0)
    uv[1] = uv[1][:, SWAP]
    costs = crowds.pair_costs(*moment(params, uv), 1.0, 64.0, 4.0)
    same = np.arange(3)
    np.testing.assert_allclose(costs[0, same, 1, same], 4.0, atol=1e-6)


def test_rays_of_all_views_meet_in_the_pose():
    params, xyz, uv = scene(noise=0)
    seen, _ = moment(params, uv)
    got = crowds.pose(seen, np.array([1, 1, 1]), np.zeros(3, bool), SWAP)
    np.testing.assert_allclose(got, xyz[1], atol=1e-6)
    alone = crowds.pose(seen, np.array([1, -1, -1]), np.zeros(3, bool), SWAP)
    assert np.isnan(alone).all()


def test_misfits_see_who_is_meant_and_which_side():
    params, xyz, uv = scene()
    named, exchanged = crowds.misfits(xyz[2], uv[0], params[0], SWAP, 1.0, 64.0)
    assert named.argmin() == 2 and named[2] < 4 < exchanged[2]
    turned = crowds.misfits(xyz[2], uv[0][:, SWAP], params[0], SWAP, 1.0, 64.0)
    np.testing.assert_allclose(turned[1], named)
    right, wrong = crowds.sides(xyz[2], uv[0, 2], params[0], SWAP, 1.0, 64.0)
    assert right < 5 < wrong


def test_two_shared_keypoints_are_too_few():
    params, xyz, uv = scene()
    uv[0, 0, 2:] = np.nan
    costs = crowds.pair_costs(*moment(params, uv), 1.0, 64.0, 4.0)
    assert np.isnan(costs[0, 0]).all() and np.isfinite(costs[0, 1, 1:]).all()
    assert np.isnan(crowds.misfits(xyz[0], uv[0], params[0], SWAP, 1.0, 64.0)[0, 0])
