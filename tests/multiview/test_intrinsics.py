from dataclasses import replace

import numpy as np
import pytest
from boarded import CHARUCO, around, moves, sightings

from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection, rotation
from gambol.multiview.intrinsics import fit

CORNERS = CHARUCO.corners()


def seen_by(camera, n=20, tilt=0.35, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    rig = Rig((replace(camera, rotation=np.zeros(3), translation=np.array([0, 0, 500.0])),))
    return sightings(rig, CHARUCO, *moves(CHARUCO, n, rng, tilt), rng, noise)


def lens(distortion, kind="pinhole", focal=(700.0, 700.0)):
    matrix = np.array([[focal[0], 0, 325.0], [0, focal[1], 236.0], [0, 0, 1]])
    zero = np.zeros(3)
    return Camera("one", matrix, zero, zero, np.array(distortion), kind=kind, size=(640, 480))


def error(found, truth, seen):
    """Largest distance (px) between what two lenses make of the corners seen.

    Lenses that differ by a turn of the camera are the same to any board.
    """
    ours, theirs = (projection.rays(seen.uv, c.params())[1] for c in (found, truth))
    turn = rotation.nearest(theirs.T @ ours)
    back = projection.project(ours @ turn.T, truth.params()[None]).uv[0]
    return np.abs(back - seen.uv).max()


def test_a_planted_lens_is_recovered():
    truth = lens([-0.3, 0.1, 0, 0, 0])
    seen = seen_by(truth)
    found = fit("one", seen, CORNERS, (640, 480))
    assert error(found.camera, truth, seen) < 0.6
    np.testing.assert_allclose(found.camera.matrix[0, 0], 700, rtol=3e-3)
    assert found.remarks == ()
    assert 0.12 < found.rms < 0.16 and 0.12 < found.held_out < 0.16  # noise 0.1 an axis


def test_the_ladder_stops_where_boards_unseen_gain_nothing():
    plain = lens([-0.1, 0, 0, 0, 0])
    centred = replace(plain, matrix=np.array([[700.0, 0, 319.5], [0, 700, 239.5], [0, 0, 1]]))
    found = fit("one", seen_by(centred), CORNERS, (640, 480))
    assert found.terms == ("f", "k1")
    truth = lens([-0.3, 0.2, 0.01, -0.01, 0])
    seen = seen_by(truth)
    skewed = fit("one", seen, CORNERS, (640, 480))
    assert {"p1", "p2", "cx", "aspect"} < set(skewed.terms)
    assert error(skewed.camera, truth, seen) < 0.6


def test_unequal_focal_lengths_are_found():
    found = fit("one", seen_by(lens([0, 0, 0, 0, 0], focal=(700, 720))), CORNERS, (640, 480))
    np.testing.assert_allclose(np.diag(found.camera.matrix)[:2], [700, 720], rtol=4e-3)


def test_boards_without_tilt_leave_the_focal_length_at_its_prior():
    found = fit("one", seen_by(lens([0, 0, 0, 0, 0]), tilt=0.0), CORNERS, (640, 480))
    assert found.camera.matrix[0, 0] == pytest.approx(1.2 * 640)
    assert found.camera.matrix[0, 2] == 319.5
    assert "lack tilt" in found.remarks[0] and "view one" in found.remarks[0]
    known = fit("one", seen_by(lens([0, 0, 0, 0, 0]), tilt=0.0), CORNERS, (640, 480),
                focal=700.0)  # fmt: skip
    assert known.camera.matrix[0, 0] == 700 and known.remarks == ()


@pytest.mark.parametrize("focal", [300.0, 400.0])
def test_a_fisheye_is_recovered(focal):
    truth = lens([0.05, -0.02, 0, 0], "fisheye", (focal, focal))
    seen = seen_by(truth, n=12)
    found = fit("one", seen, CORNERS, (640, 480), "fisheye")
    assert found.camera.kind == "fisheye"
    assert error(found.camera, truth, seen) < 0.6
    assert found.rms < 0.16


def test_a_wrong_detection_does_not_bend_the_lens():
    truth = lens([-0.3, 0.1, 0, 0, 0])
    seen = seen_by(truth)
    uv = seen.uv.copy()
    wrong = seen.frame == 3
    uv[wrong] = uv[wrong][::-1] * [1, 1.3]  # corners named backwards, and squeezed
    uv[wrong] += np.random.default_rng(1).normal(0, 20, uv[wrong].shape)
    damaged = seen._replace(uv=uv)
    found = fit("one", damaged, CORNERS, (640, 480))
    assert "1 of its 20 boards" in found.remarks[0]
    assert error(found.camera, truth, seen.of(~wrong)) < 0.6


def test_a_long_lens_keeps_its_length_although_it_is_vague():
    truth = lens([0, 0, 0, 0, 0], focal=(20000.0, 20000.0))
    rng = np.random.default_rng(0)
    rig = Rig((replace(truth, translation=np.array([0, 0, 16000.0])),))
    seen = sightings(rig, CHARUCO, *moves(CHARUCO, 20, rng), rng)
    assert fit("one", seen, CORNERS, (640, 480)).camera.matrix[0, 0] > 5000


def test_too_few_boards_give_the_prior_and_say_so():
    seen = seen_by(lens([0, 0, 0, 0, 0]), n=1, tilt=0.0)
    found = fit("one", seen, CORNERS, (640, 480))
    assert found.camera.matrix[0, 0] == pytest.approx(768)
    assert found.remarks


def test_the_same_sightings_give_the_same_lens():
    seen = seen_by(around(1).cameras[0], n=8)
    one, other = (fit("a", seen, CORNERS, (640, 480)) for _ in range(2))
    assert one.terms == other.terms
    a, b = one.camera.params(), other.camera.params()
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
