"""Points while they are corrected: solutions, curves, decisions."""

import numpy as np
import pytest

from gambol.app.web.space_files import Moments
from gambol.app.web.space_points import epipolar, images, patched, solve, words
from gambol.kernels import projection, triangulation
from gambol.simulate import rigs


@pytest.fixture(scope="module")
def rig():
    return rigs.ring(np.random.default_rng(4), 4, 200.0)


@pytest.fixture(scope="module")
def seen(rig):
    xyz = np.random.default_rng(1).uniform(-40, 40, (8, 3))
    return xyz, projection.project(xyz, rig.params()).uv.transpose(1, 0, 2)


def test_a_point_without_noise_comes_back(rig, seen):
    for xyz, uv in zip(*seen, strict=True):
        found = solve(rig.params(), uv, np.ones(4), np.zeros(4, bool))
        np.testing.assert_allclose(found.xyz, xyz, atol=1e-4)
        np.testing.assert_allclose(found.residual, 0, atol=1e-3)
        assert found.used.all()
        np.testing.assert_allclose(found.image, images(rig.params(), xyz), atol=1e-3)


def test_a_view_that_is_wrong_is_left_out_unless_a_person_placed_it(rig, seen):
    xyz, uv = seen[0][0], seen[1][0].copy()
    uv[2] += 90
    found = solve(rig.params(), uv, np.ones(4), np.zeros(4, bool))
    assert found.used.tolist() == [True, True, False, True]
    np.testing.assert_allclose(found.xyz, xyz, atol=1e-3)
    near = seen[1][0] + [[0, 0], [0, 0], [6, 0], [0, 0]]
    plain = solve(rig.params(), near, np.ones(4), np.zeros(4, bool))
    sure = solve(rig.params(), near, np.ones(4), np.array([0, 0, 1, 0], bool))
    assert sure.residual[2] < plain.residual[2] / 2


def test_views_of_which_no_two_agree_give_the_linear_point(rig, seen):
    uv = seen[1][0] + np.random.default_rng(0).normal(0, 60, (4, 2))
    found = solve(rig.params(), uv, np.ones(4), np.zeros(4, bool), robust=False)
    expected = triangulation.dlt(uv[None], np.ones((1, 4)), rig.params())[0]
    np.testing.assert_allclose(found.xyz, expected)


def test_curves_are_inside_of_images_and_bent(rig, seen):
    camera = next(iter(rig))
    for part in epipolar(rig, camera, seen[1][0][0], None).values():
        for line in part:
            assert (np.linalg.norm(np.diff(line, axis=0), axis=1) < 6).all()
    assert camera not in epipolar(rig, camera, seen[1][0][0], seen[0][0])


def record(do, camera=None, frame=3, **more):
    return {"do": do, "camera": camera, "frame": frame, "animal": 0, "keypoint": 1, **more}


def test_the_last_word_about_a_view_counts():
    said = words(
        [record("leave", "a"), record("move", "a", x=1.0, y=2.0), record("leave", "b")]
    )
    word = said[3, 0, 1]
    assert word.left == {"b"} and word.moved == {"a": (1.0, 2.0)} and not word.accepted
    said = words([record("move", "a", x=1.0, y=2.0), record("accept"), record("bring", "a")])
    assert said[3, 0, 1].moved == {} and not said[3, 0, 1].accepted
    assert words([record("leave", "a"), record("accept")])[3, 0, 1].accepted


def test_only_points_that_somebody_spoke_of_change(rig, seen):
    cameras, shape = tuple(rig), (2, 1, 3)
    xy = np.broadcast_to(seen[1][:3][None, None], (*shape, 4, 2)).copy()
    blank = np.zeros((*shape, 4), np.float32)
    xyz = np.zeros((*shape, 3), np.float32)
    wide = np.zeros((*shape, 6), np.float32)
    made = Moments(xyz, wide, blank, blank.copy(), xy, np.ones((*shape, 4)))
    said = words([record("leave", cameras[0], frame=11), record("leave", cameras[0], frame=99)])
    now = patched(made, 10, said, cameras, rig.params())
    np.testing.assert_allclose(now.moments.xyz[1, 0, 1], seen[0][1], atol=1e-3)
    assert (now.moments.xyz[0] == 0).all() and (now.moments.xyz[1, 0, [0, 2]] == 0).all()
    assert now.state.sum() == 1 and now.state[1, 0, 1, 0] == 1
