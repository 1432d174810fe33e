import numpy as np
import pytest
from boarded import CHARUCO, around, moves, sightings

from gambol.core.board import Board
from gambol.kernels import rotation
from gambol.multiview.boards import Sightings
from gambol.multiview.start import start


def placed(rig):
    """The rig in the axes of its first camera."""
    first = rig.cameras[0]
    return rig.moved(first.turn, first.translation)


def assert_alike(found, truth, degrees, mm):
    for a, b in zip(found.cameras, placed(truth).cameras, strict=True):
        assert a.name == b.name
        assert rotation.degrees(a.turn, b.turn) < degrees
        assert np.linalg.norm(a.centre - b.centre) < mm


def filmed(n_cameras=4, n_frames=10, board=CHARUCO, noise=0.2, seed=1):
    rng = np.random.default_rng(seed)
    rig = around(n_cameras)
    turns, shifts = moves(board, n_frames, rng)
    return rig, turns, shifts, sightings(rig, board, turns, shifts, rng, noise)


def test_planted_cameras_and_boards_are_recovered():
    rig, turns, shifts, seen = filmed()
    found = start(seen, CHARUCO, list(rig.cameras))
    assert_alike(found.rig, rig, 0.3, 4.0)
    first = rig.cameras[0]
    assert rotation.degrees(found.turns, first.turn @ turns).max() < 1.5
    off = found.shifts - (shifts @ first.turn.T + first.translation)
    assert np.linalg.norm(off, axis=1).max() < 8
    assert found.rig.units == "mm" and found.rig.origin == "camera view 0"


def test_cameras_are_chained_over_views_that_never_meet():
    rig, _, _, seen = filmed(n_frames=12)
    # frames 0-3 show views 0 and 1, 4-7 views 1 and 2, 8-11 views 2 and 3
    keep = (seen.view == seen.frame // 4) | (seen.view == seen.frame // 4 + 1)
    found = start(seen.of(keep), CHARUCO, list(rig.cameras))
    assert_alike(found.rig, rig, 0.8, 10.0)
    assert [edge.views for edge in found.edges] == [
        ("view 0", "view 1"), ("view 1", "view 2"), ("view 2", "view 3")
    ]  # fmt: skip
    assert all(edge.in_tree and edge.frames == 4 for edge in found.edges)


def test_loops_close():
    found = start(filmed()[3], CHARUCO, list(around(4).cameras))
    assert len(found.edges) == 6 and sum(edge.in_tree for edge in found.edges) == 3
    assert max(edge.loop_error for edge in found.edges) < 0.5


def test_frames_out_of_step_are_outvoted():
    rig, turns, shifts, seen = filmed(3)
    rng = np.random.default_rng(0)
    late = sightings(rig, CHARUCO, np.roll(turns, 1, axis=0), shifts, rng)
    # view 2 is out of step in even frames
    good_part = seen.of((seen.view < 2) | (seen.frame % 2 == 1))
    late_part = late.of((late.view == 2) & (late.frame % 2 == 0))
    joined = Sightings(*map(np.concatenate, zip(good_part, late_part, strict=True)))
    found = start(joined, CHARUCO, list(rig.cameras))
    good = start(seen, CHARUCO, list(rig.cameras))
    assert [e.frames for e in found.edges] == [10, 5, 5]
    assert [e.frames for e in good.edges] == [10, 10, 10]
    assert_alike(found.rig, rig, 0.4, 5.0)


def test_one_wild_frame_moves_no_camera():
    rig, turns, shifts, seen = filmed()
    wild = (seen.frame == 2) & (seen.view == 1)
    uv = seen.uv.copy()
    uv[wild] = uv[wild] @ np.array([[0.7, 0.2], [-0.1, 0.8]]) + 60
    found = start(seen._replace(uv=uv), CHARUCO, list(rig.cameras))
    assert_alike(found.rig, rig, 0.4, 5.0)


@pytest.mark.parametrize("seed", range(3))
def test_views_that_name_a_symmetric_boards_corners_backwards_are_reconciled(seed):
    board = Board("checkerboard", 9, 7, 30.0, units="mm")
    rig, turns, shifts, seen = filmed(3, board=board, seed=seed)
    rng = np.random.default_rng(seed)
    backwards = rng.random((3, 10)) < 0.5
    flip = backwards[seen.view, seen.frame]
    corner = np.where(flip, board.n_corners - 1 - seen.corner, seen.corner)
    found = start(seen._replace(corner=corner), board, list(rig.cameras))
    assert_alike(found.rig, rig, 0.4, 5.0)
    named = found.sightings.corner
    for frame in range(10):  # all views agree on each frame's names, whichever they are
        same = (named == seen.corner)[seen.frame == frame]
        assert same.all() or not same.any()
