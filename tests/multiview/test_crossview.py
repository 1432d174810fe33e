"""Leaving a view out: what the others cannot know shows."""

import numpy as np
from filmed import ring, see, views, walk

from gambol.kernels import triangulation
from gambol.multiview import crossview, reconstruct
from gambol.multiview.tiers.base import Problem, Solved


def plain(problem: Problem) -> Solved:
    """Direct linear triangulation with a covariance that is much too small."""
    frames, count, keypoints = problem.xy.shape[:3]
    flat = np.moveaxis(problem.xy, 1, 2).reshape(-1, count, 2)
    xyz = triangulation.dlt(flat, np.ones(flat.shape[:2]), problem.params)
    shape = (frames, keypoints, 3)
    none = np.where(np.isfinite(problem.xy).all(-1), 0.0, np.nan)
    return Solved(xyz.reshape(shape), np.broadcast_to(np.eye(3) * 1e-6, (*shape, 3)), none)


def test_the_error_of_a_left_out_view_is_a_little_more_than_the_noise():
    rig = ring(6)
    problem = reconstruct.problem(views(see(walk(60), rig, noise=2.0), rig), rig)
    left = crossview.leave_one_out(problem, plain)
    median = np.nanmedian(left.px)
    assert 2.0 * 1.177 < median < 3.5 and (left.predicted == 1).all()


def test_a_view_that_is_out_of_place_is_told_worst():
    rig = ring(6)
    uv = see(walk(60), rig, noise=1.0)
    uv[:, 2] += 25.0
    left = crossview.leave_one_out(reconstruct.problem(views(uv, rig), rig), plain)
    far = np.nanmedian(left.px, axis=(0, 2))
    assert far.argmax() == 2 and left.log_score.argmin() == 2


def test_the_score_of_a_true_width_is_better_than_of_a_wrong_one():
    rig = ring(6)
    problem = reconstruct.problem(views(see(walk(80), rig, noise=2.0), rig), rig)
    scores = [
        crossview.leave_one_out(problem, plain, w).log_score.mean() for w in (0.5, 2.2, 9.0)
    ]
    assert scores[1] > scores[0] and scores[1] > scores[2]


def test_a_view_that_nobody_can_tell_has_no_distance_and_the_lowest_score():
    rig = ring(3)
    uv = see(walk(10), rig)
    uv[:, 1:, :] = np.where(np.arange(10)[:, None, None, None] < 5, uv[:, 1:], np.nan)
    left = crossview.leave_one_out(reconstruct.problem(views(uv, rig), rig), plain)
    assert np.isnan(left.px[5:]).all()
    assert left.predicted[0] == 0.5


def test_a_sample_is_a_stretch_of_neighbours():
    rig = ring(3)
    problem = reconstruct.problem(views(see(walk(50), rig), rig), rig)
    part = crossview.sample(problem, 20)
    assert len(part.xy) == 20 and np.allclose(np.diff(part.times), 1 / 30)
    assert crossview.sample(problem, 50) is problem
