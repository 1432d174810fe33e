"""Bundle adjustment finds the cameras that were planted."""

from dataclasses import replace

import numpy as np
import pytest
from rings import centres, jolted, looking, ring, seen

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.kernels import projection, rotation
from gambol.multiview.bundle import Bundle, adjust_boards, adjust_points

CORNERS = np.array([[x, y, 0.0] for x in range(8) for y in range(6)]) * 30.0


def cloud(rng, count=400):
    return rng.normal(0, 80, (count, 3))


def baseline(rig):
    return np.linalg.norm(centres(rig)[3] - centres(rig)[0])


def rescaled(rig, wanted):
    """The rig with its centres' scale, about the first camera, as in `wanted`."""
    c, first = centres(rig), centres(wanted)[0]
    scale = np.linalg.norm(centres(wanted) - first) / np.linalg.norm(c - first)
    return first + scale * (c - first)


def test_finds_planted_cameras_from_exact_points():
    rng = np.random.default_rng(0)
    rig = ring()
    got = adjust_points(jolted(rig, rng), seen(rig, cloud(rng)))
    assert got.fit.converged
    np.testing.assert_allclose(rescaled(got.rig, rig), centres(rig), atol=1e-3)
    for camera in rig:
        assert rotation.degrees(got.rig[camera].turn, rig[camera].turn) < 1e-4
    assert np.nanmax(np.abs(got.residual)) < 1e-4


def test_outliers_and_gaps_leave_cameras_within_three_sds():
    rng = np.random.default_rng(1)
    rig = ring()
    points = cloud(rng, 3000)
    xy = seen(rig, points, rng, 2.0)
    bad = rng.random(xy.shape[:2]) < 0.05
    xy[bad] = rng.uniform(0, 1000, (bad.sum(), 2))
    xy[rng.random(xy.shape[:2]) < 0.1] = np.nan
    got = adjust_points(jolted(rig, rng), xy)
    off = rescaled(got.rig, rig) - centres(rig)
    sd = np.array([got.fit.sd[name].position for name in rig])
    assert (np.abs(off[1:]) < 3.5 * sd[1:] + 0.3).all()
    assert np.linalg.norm(off, axis=1).mean() < 3
    assert got.fit.sigma == pytest.approx(2.0, rel=0.1)
    assert np.nanmedian(got.weight[bad & np.isfinite(xy).all(-1)]) < 0.1


@pytest.mark.parametrize("loss", ["soft_l1", "cauchy"])
def test_the_same_input_gives_the_same_result(loss):
    rng = np.random.default_rng(2)
    rig = ring(4)
    xy, start = seen(rig, cloud(rng), rng, 1.0), jolted(rig, rng)
    first, second = (adjust_points(start, xy, Bundle(loss=loss)) for _ in range(2))
    np.testing.assert_allclose(centres(first.rig), centres(second.rig), rtol=0, atol=1e-9)


def test_different_starts_come_to_one_end():
    rng = np.random.default_rng(3)
    rig = ring(4)
    xy = seen(rig, cloud(rng), rng, 1.0)
    ends = [rescaled(adjust_points(jolted(rig, rng), xy).rig, rig) for _ in range(2)]
    np.testing.assert_allclose(ends[0], ends[1], atol=0.05)  # sds are about 1 mm


def test_standard_deviations_are_those_of_repeats():
    rng = np.random.default_rng(4)
    rig = ring(4)
    points = cloud(rng, 200)
    sets = [adjust_points(rig, seen(rig, points, rng, 1.0), points=points) for _ in range(40)]
    spread = np.std([got.rig["c1"].centre for got in sets], axis=0)
    said = np.mean([got.fit.sd["c1"].position for got in sets], axis=0)
    # one scale is held by the solver's gauge: compare what all of them share
    assert 0.6 < np.linalg.norm(spread) / np.linalg.norm(said) < 1.5


def boards(rng, count=25):
    turns, shifts = [], []
    for _ in range(count):
        turns.append(rotation.exp(rng.normal(0, 0.5, 3)))
        shifts.append(rng.normal(0, 100, 3) - turns[-1] @ CORNERS.mean(0))
    return np.array(turns), np.array(shifts)


def filmed(rig, turns, shifts, rng, noise=0.2):
    world = np.einsum("fij,cj->fci", turns, CORNERS) + shifts[:, None]
    xy = seen(rig, world.reshape(-1, 3), rng, noise)
    return xy.reshape(len(turns), len(CORNERS), len(rig), 2).transpose(0, 2, 1, 3)


def test_boards_give_intrinsics_and_scale():
    rng = np.random.default_rng(5)
    rig = ring(4)
    turns, shifts = boards(rng)
    xy = filmed(rig, turns, shifts, rng)
    xy[3, 1], xy[5, :, 4:9] = np.nan, np.nan
    wrong = replace(
        jolted(rig, rng, 0.01, 5.0),
        cameras=tuple(
            replace(c, matrix=c.matrix * [[1.03, 1, 1], [1, 1.03, 1], [1, 1, 1]])
            for c in jolted(rig, rng, 0.01, 5.0).cameras
        ),
    )
    free = ("pose", "f", "cx", "cy", "k1", "k2")
    got = adjust_boards(wrong, CORNERS, xy, turns, shifts, free=free)
    for name in rig:
        camera, sd = got.rig[name], got.fit.sd[name]
        assert camera.matrix[0, 0] == pytest.approx(900, rel=max(4 * sd.f, 1e-4))
        assert sd.f < 0.005
        assert camera.matrix[0, 0] == pytest.approx(camera.matrix[1, 1])
    assert baseline(got.rig) == pytest.approx(baseline(rig), rel=0.005)
    assert got.fit.sigma == pytest.approx(0.2, rel=0.1)


def test_a_bent_board_is_straightened():
    rng = np.random.default_rng(6)
    rig = ring(4)
    turns, shifts = boards(rng, 40)
    bend = 0.3 * np.sin(CORNERS[:, 0] / 40)
    world = np.einsum("fij,cj->fci", turns, CORNERS + bend[:, None] * [0, 0, 1])
    uv = seen(rig, (world + shifts[:, None]).reshape(-1, 3), rng, 0.05)
    xy = uv.reshape(40, len(CORNERS), 4, 2).transpose(0, 2, 1, 3)
    flat = adjust_boards(rig, CORNERS, xy, turns, shifts)
    bent = adjust_boards(rig, CORNERS, xy, turns, shifts, Bundle(plane_sd=0.1))
    assert (flat.offset == 0).all()
    plane = np.column_stack([CORNERS[:, :2], np.ones(len(CORNERS))])
    seen_bend, true_bend = (
        b - plane @ np.linalg.lstsq(plane, b, rcond=None)[0] for b in (bent.offset, bend)
    )
    assert np.corrcoef(seen_bend, true_bend)[0, 1] > 0.98
    assert bent.fit.sigma < flat.fit.sigma


def test_one_camera_is_calibrated_from_boards():
    rng = np.random.default_rng(7)
    rig = ring(1, lens=(-0.2, 0.05, 0.0, 0.0, 0.0))
    turns, shifts = boards(rng, 30)
    xy = filmed(rig, turns, shifts, rng, 0.1)
    start = replace(rig, cameras=(replace(rig.cameras[0], distortion=np.zeros(5)),))
    got = adjust_boards(start, CORNERS, xy, turns, shifts, free=("f", "k1", "k2"))
    assert got.rig["c0"].distortion[0] == pytest.approx(-0.2, abs=0.03)
    assert got.rig["c0"].matrix[0, 0] == pytest.approx(900, rel=0.005)


def affine_ring(count=4):
    rig = ring(count, distance=1e5, f=9e4, lens=np.zeros(5))
    cameras = []
    for camera in rig.cameras:
        linear = np.zeros((3, 3))
        linear[:2] = 0.9 * camera.turn[:2]
        cameras.append(
            Camera(
                camera.name, linear, np.zeros(3), np.array([640.0, 512.0, 0.0]), kind="affine"
            )
        )
    return rig, Rig(tuple(cameras), units="mm")


def test_affine_cameras_are_those_of_a_far_pinhole():
    rng = np.random.default_rng(8)
    far, flat = affine_ring()
    xy = seen(far, cloud(rng))
    start = replace(
        flat,
        cameras=tuple(
            replace(
                c, matrix=c.matrix @ rotation.exp(rng.normal(0, 0.03, 3)) if k else c.matrix
            )
            for k, c in enumerate(flat.cameras)
        ),
    )
    got = adjust_points(start, xy, free=("pose", "f"))
    for name in far:
        got_axis, axis = got.rig[name].forward, far[name].forward
        assert np.degrees(np.arccos(min(got_axis @ axis, 1.0))) < 0.1
    assert np.nanmedian(np.abs(got.residual)) < 0.1


def test_a_fisheye_is_recovered():
    rng = np.random.default_rng(9)
    rig = ring(3)
    lens = np.array([0.05, -0.01, 0.003, -0.001])
    rig = replace(
        rig, cameras=tuple(replace(c, kind="fisheye", distortion=lens) for c in rig.cameras)
    )
    turns, shifts = boards(rng, 30)
    xy = filmed(rig, turns, shifts, rng, 0.1)
    start = replace(rig, cameras=tuple(replace(c, distortion=lens * 0.0) for c in rig.cameras))
    got = adjust_boards(start, CORNERS, xy, turns, shifts, free=("pose", "f", "k1", "k2"))
    again = projection.project(np.zeros((1, 3)), got.rig.params()).uv
    np.testing.assert_allclose(
        again, projection.project(np.zeros((1, 3)), rig.params()).uv, atol=0.5
    )
    assert got.fit.sigma == pytest.approx(0.1, rel=0.15)


def test_cameras_that_may_not_move_come_back_bit_for_bit():
    rng = np.random.default_rng(10)
    rig = ring(3)
    got = adjust_points(jolted(rig, rng), seen(rig, cloud(rng)), free={"c1": ()})
    assert got.rig["c0"] == rig["c0"]


@pytest.mark.parametrize(
    ("views", "free", "sentence"),
    [(2, ("pose",), "each view needs its camera"), (3, ("k4",), "no 'k4' to be free")],
)
def test_says_what_does_not_fit(views, free, sentence):
    with pytest.raises(InputError, match=sentence):
        adjust_points(ring(3), np.zeros((5, views, 2)), free=free)


def test_says_that_nothing_joins_the_cameras():
    xy = np.full((4, 3, 2), np.nan)
    xy[:, 0] = 5.0
    with pytest.raises(InputError, match="nothing joins them"):
        adjust_points(ring(3), xy)


def test_says_which_frame_has_no_board():
    xy = np.full((2, 3, len(CORNERS), 2), np.nan)
    xy[0] = 5.0
    with pytest.raises(InputError, match="frame 1"):
        adjust_boards(
            ring(3), CORNERS, xy, np.stack([looking(np.ones(3))] * 2), np.zeros((2, 3))
        )
