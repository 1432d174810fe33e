import pytest
import torch

from gambol.nn.unlabelled import Shown
from gambol.nn.unlabelled.consistency import Consistency


def test_is_the_mean_distance_where_the_teacher_is_sure():
    student = Shown(torch.tensor([[[0.0, 0], [3, 4], [9, 9]]]), torch.ones(1, 3))
    teacher = torch.tensor([[[0.0, 2], [0, 0], [torch.nan, torch.nan]]])
    assert Consistency(0.5).of_copy(student, teacher).item() == pytest.approx(3.5, abs=1e-3)


def test_a_teacher_that_is_never_sure_teaches_nothing():
    xy = torch.zeros(2, 3, 2, requires_grad=True)
    value = Consistency(0.5).of_copy(
        Shown(xy, torch.ones(2, 3)), torch.full((2, 3, 2), torch.nan)
    )
    value.backward()
    assert value.item() == 0
    assert not xy.grad.any()
