import cv2
import numpy as np
import pytest

from gambol.kernels import kalman
from gambol.kernels.kalman import Dynamics
from gambol.tracking.features import Animals
from gambol.tracking.motion import FlowSpec, Past, View, flow, motions, reach, shifts

DYNAMICS = Dynamics(q=10.0, speed=20.0, memory=1.0)
BODY = np.array([[-10.0, 0], [0, 0], [10, 0], [0, 5]])
NOTHING = View(None, None)


def past(velocity=(30.0, 0.0), seconds=0.1):
    centre = BODY.mean(axis=0)[None]
    begun = kalman.start(centre, np.eye(2)[None], 5.0)
    mean = begun.mean + [0, 0, *velocity]
    return Past(
        kalman.Beliefs(mean, begun.cov), centre, BODY[None, None],
        np.array([seconds]), np.array([True]),
    )  # fmt: skip


def built(kind):
    return motions.build(motions.parse({"kind": kind}))


def test_kalman_moves_centre_and_pose_together():
    moved = built("kalman").move(past(), DYNAMICS, NOTHING)
    shift = moved.centre - past().centre
    assert shift[0, 0] == pytest.approx(30 * (1 - np.exp(-0.1)))
    assert np.allclose(moved.poses[0, 0], BODY + shift[0])


def test_none_leaves_the_pose_where_it_was():
    moved = built("none").move(past(), DYNAMICS, NOTHING)
    assert np.array_equal(moved.poses[0, 0], BODY)
    assert moved.beliefs.cov[0, 0, 0] > past().beliefs.cov[0, 0, 0]


def test_keypoints_that_come_and_go_do_not_move_the_centre():
    moved = built("none").move(past(), DYNAMICS, NOTHING)
    seen = np.array([[1.0, 0, 1, 1]])
    found = Animals(BODY[None] + [2.0, -1.0], seen)
    cov = np.tile(np.eye(2), (1, 4, 1, 1))
    step = shifts(found, cov, past(), moved, np.array([[1.0, 1, 1, 0]]), DYNAMICS, 20.0)
    assert np.allclose(step.xy[0, 0], [2.0, -1.0])  # two are shared
    assert step.noise[0, 0, 0, 0] == pytest.approx(1 / 2 + (0.02 * 20) ** 2)


def test_the_gate_is_measured_from_the_nearer_of_two_places():
    moved = built("kalman").move(past((300.0, 0.0)), DYNAMICS, NOTHING)
    weight, cov = np.ones((1, 4)), np.tile(np.eye(2), (1, 4, 1, 1))
    at = {"went on": moved.centre - past().centre, "stopped": np.zeros((1, 2))}
    for away in at.values():
        found = Animals(BODY[None] + away[:, None], weight)
        step = shifts(found, cov, past((300.0, 0.0)), moved, weight, DYNAMICS, 20.0)
        assert step.squared[0, 0] < 1
    far = Animals(BODY[None] + [-200.0, 0.0], weight)
    assert shifts(far, cov, past(), moved, weight, DYNAMICS, 20.0).squared[0, 0] > 13.8


def test_nothing_shared_is_no_shift():
    moved = built("kalman").move(past(), DYNAMICS, NOTHING)
    found = Animals(BODY[None], np.array([[1.0, 0, 0, 0]]))
    cov = np.tile(np.eye(2), (1, 4, 1, 1))
    step = shifts(found, cov, past(), moved, np.array([[0.0, 1, 1, 1]]), DYNAMICS, 20.0)
    assert np.isnan(step.squared).all() and np.isnan(step.xy).all()


def test_reach_is_one_in_a_usual_step_and_grows_with_waiting():
    usual = built("kalman").move(past(), DYNAMICS, NOTHING)
    room = usual.beliefs.cov[0, 0, 0]
    assert np.allclose(reach(past(), usual, DYNAMICS, 0.1, room), 1.0)
    late = built("kalman").move(past(seconds=1.0), DYNAMICS, NOTHING)
    ahead, about = reach(past(seconds=1.0), late, DYNAMICS, 0.1, room)
    assert ahead[0] > 2 and about[0] > 5


@pytest.fixture
def images():
    noise = np.random.default_rng(0).integers(0, 255, (128, 160)).astype(np.uint8)
    before = cv2.GaussianBlur(noise, (0, 0), 2)
    return View(before, np.roll(before, (2, 5), axis=(0, 1)))


def test_flow_finds_how_far_the_picture_went(images):
    points = np.array([[60.0, 60], [80, 50], [np.nan, np.nan]])
    shift, sure = flow(FlowSpec(), *images, points)
    assert sure.tolist() == [True, True, False]
    assert np.allclose(shift[:2], [5, 2], atol=0.1)


def test_a_way_that_does_not_lead_back_is_no_flow(images):
    blank = View(images.before, np.full_like(images.before, 128))
    assert not flow(FlowSpec(), *blank, np.array([[60.0, 60], [80, 50]]))[1].all()


def test_flow_moves_tracks_and_leaves_the_rest_to_kalman(images):
    here = past()._replace(poses=BODY[None, None] + [70.0, 60.0])
    here = here._replace(centre=here.centre + [70.0, 60.0])
    moved = built("flow").move(here, DYNAMICS, images)
    assert np.allclose(moved.centre - here.centre, [[5, 2]], atol=0.1)
    assert np.allclose(moved.poses - here.poses, [5, 2], atol=0.1)
    stale = here._replace(fresh=np.array([False]))
    blind = built("flow").move(stale, DYNAMICS, images)
    assert np.allclose(blind.centre, built("kalman").move(stale, DYNAMICS, NOTHING).centre)
