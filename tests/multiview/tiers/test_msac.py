import numpy as np
from filmed import ring, see, walk
from tiered import solve


def test_outliers_are_named_and_do_not_move_the_point():
    rig, xyz = ring(5), walk(60)
    xy = see(xyz, rig, noise=1.0)
    wrong = np.zeros(xy.shape[:3], bool)
    wrong[::3, 2, 1] = wrong[1::3, 4, :] = True
    xy[wrong] += 80
    found = solve("msac", xy, rig)
    assert (found.outlier.astype(bool) == wrong).mean() > 0.995
    assert np.linalg.norm(found.xyz - xyz, axis=-1).max() < 6


def test_a_point_without_two_views_that_agree_is_left_out():
    rig = ring(2)
    xy = see(walk(6), rig, noise=0.0)
    xy[2, 0, 3, 0] += 200  # the cameras stand to the left and right of it
    found = solve("msac", xy, rig)
    assert np.argwhere(np.isnan(found.xyz[..., 0])).tolist() == [[2, 3]]
    assert found.outlier[2, :, 3].tolist() == [1.0, 1.0]


def test_threshold_is_in_pixels():
    rig = ring(6)
    xy = see(walk(30), rig, noise=0.1)
    xy[:, 0] += [8.0, 0.0]
    share = [
        np.mean(solve("msac", xy, rig, {"threshold": px}).outlier[:, 0]) for px in (4.0, 30.0)
    ]
    assert share[0] > 0.95
    assert share[1] == 0.0
