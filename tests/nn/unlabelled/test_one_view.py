import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn.unlabelled import Labelled, Shown, losses, one_view
from gambol.nn.unlabelled.one_view import OneViewSpec

SHAPE = np.array([[0.0, 0], [20, 0], [40, 0], [20, 12]])


def poses(n, rng, turns):
    """A body that bends at its middle, anywhere; and turned anyhow, if asked."""
    bend = rng.normal(0, 5, n)
    xy = np.tile(SHAPE, (n, 1, 1))
    xy[:, 1, 1] += bend
    xy += rng.normal(0, 0.2, xy.shape)
    angle = rng.uniform(-np.pi, np.pi, n) if turns else np.zeros(n)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.einsum("abn,njb->nja", turn, xy) + rng.uniform(60, 200, (n, 1, 2))


def build(turns, n=200):
    rng = np.random.default_rng(0)
    labelled = Labelled(
        poses(n, rng, turns), np.zeros(n, int), np.arange(n), tuple("abcd"), turns
    )
    return losses.build(OneViewSpec(), labelled), rng


@pytest.mark.parametrize("turns", [True, False])
def test_poses_as_labelled_cost_nothing_and_a_keypoint_astray_does(turns):
    loss, rng = build(turns)
    new = torch.from_numpy(poses(50, rng, turns)).float()
    good = loss.of_clip(Shown(new, torch.ones(50, 4)))
    astray = new.clone()
    astray[:, 3] += 30.0
    bad = loss.of_clip(Shown(astray, torch.ones(50, 4)))
    assert good < 0.1
    assert bad > 5


def test_turning_and_moving_a_pose_changes_nothing_where_it_turns_freely():
    loss, rng = build(True)
    xy = torch.from_numpy(poses(5, rng, False)).float()
    xy[:, 3] += 20.0
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    one, other = (loss.of_clip(Shown(p, torch.ones(5, 4))) for p in (xy, xy @ turn.T + 31.0))
    assert one.item() == pytest.approx(other.item(), rel=1e-4)


def test_the_gradient_pulls_the_keypoint_back():
    loss, rng = build(True)
    xy = torch.from_numpy(poses(8, rng, True)).float()
    xy[:, 3] += 30.0
    xy.requires_grad_()
    before = loss.of_clip(Shown(xy, torch.ones(8, 4)))
    (slope,) = torch.autograd.grad(before, xy)
    after = loss.of_clip(Shown(xy - 20 * slope, torch.ones(8, 4)))
    assert after < before


def test_lays_poses_on_the_reference():
    rng = np.random.default_rng(2)
    reference = torch.from_numpy(SHAPE - SHAPE.mean(axis=0))
    laid = one_view.lay(torch.from_numpy(poses(20, rng, True)), reference)
    assert (laid - reference)[:, [0, 2, 3]].norm(dim=-1).max() < 12
    assert laid.mean(dim=1).abs().max() < 1e-9


def test_frames_with_an_unseen_keypoint_do_not_count():
    loss, rng = build(False)
    xy = torch.from_numpy(poses(2, rng, False)).float()
    xy[0, 3] += 50.0
    peak = torch.ones(2, 4)
    peak[0, 1] = 0.01
    assert loss.of_clip(Shown(xy, peak)) < 0.5


def test_too_few_whole_poses_are_refused():
    with pytest.raises(
        InputError, match="needs 8 fully labelled training frames, and there are 7"
    ):
        build(True, n=7)
