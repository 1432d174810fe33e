import numpy as np
import pytest
import torch

from gambol.nn.unlabelled import Labelled, Shown, losses
from gambol.nn.unlabelled.temporal import TemporalSpec

WALK = np.cumsum(np.full((40, 2, 2), [3.0, 4.0]), axis=0)  # 5 px a frame


def labelled(frame):
    return Labelled(WALK, np.zeros(40, int), frame, ("a", "b"), True)


def test_is_the_mean_excess_over_what_is_usual():
    loss = losses.build(TemporalSpec(epsilon=2.0), labelled(np.arange(40)))
    xy = torch.tensor([[[0.0, 0], [0, 0]], [[5, 0], [1, 0]], [[5, 0], [9, 0]]])
    value = loss.of_clip(Shown(xy, torch.ones(3, 2)))
    assert value.item() == pytest.approx((3 + 0 + 0 + 6) / 4, abs=1e-3)


def test_steps_with_an_unseen_end_do_not_count():
    loss = losses.build(TemporalSpec(epsilon=2.0), labelled(np.arange(40)))
    xy = torch.tensor([[[0.0, 0], [0, 0]], [[5, 0], [1, 0]], [[5, 0], [9, 0]]])
    peak = torch.tensor([[1.0, 1], [1, 0.04], [1, 1]])
    assert loss.of_clip(Shown(xy, peak)).item() == pytest.approx(3 / 2, abs=1e-3)


@pytest.mark.parametrize(("frame", "usual"), [(np.arange(40), 5.0), (3 * np.arange(40), 20.0)])
def test_labels_that_follow_each_other_tell_the_usual_step(frame, usual):
    loss = losses.build(TemporalSpec(), labelled(frame))
    assert loss.usual.tolist() == pytest.approx([usual, usual])
