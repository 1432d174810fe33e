import numpy as np
import pytest
import torch

from gambol.nn.outputs.classes import Classes, ClassesSpec
from gambol.nn.targets import Scene, one_animal

SIZE = (160, 96)


def scene(xy, identity):
    """One image of animals (I, J, 2)."""
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)[None]
    valid = torch.ones(1, SIZE[1], SIZE[0])
    return Scene(xy, torch.ones(xy.shape[:3]), valid, torch.tensor([identity]))


def output(classes="abc"):
    return Classes(ClassesSpec(classes=tuple(classes)), 4)


FAR = [[(20, 20), (30, 24)], [(80, 30), (90, 40)], [(140, 70), (130, 80)]]


@pytest.mark.parametrize(
    "classes, identity",
    [
        ("abc", [1, 2, 0]),  # cyclic order
        ("abc", [2, 0, 1]),
        ("abc", [0, 1, 2]),
        ("abcd", [3, 0, 2]),  # more classes than animals
        ("abc", [2, 2, 2]),
    ],
)
def test_every_animal_is_in_the_map_of_its_own_class(classes, identity):
    # trap 1: a reshape where a transpose belongs scrambles cyclic orders
    maps = output(classes).target(scene(FAR, identity)).maps[0].numpy()
    for i, ((x, y), _) in enumerate(FAR):
        cell = maps[:, y // 4, x // 4]
        assert cell.argmax() == identity[i] and cell.sum() == pytest.approx(1, abs=1e-5)
    absent = [a for a in range(len(classes)) if a not in identity]
    assert (maps[absent] == 0).all()


def test_two_animals_of_three_classes():
    maps = output().target(scene(FAR[:2], [2, 0])).maps[0]
    assert maps[2, 5, 5] == 1 and maps[0, 7, 20] == 1 and (maps[1] == 0).all()


def test_shares_are_the_formula_where_animals_meet():
    animals = np.array([[(40, 40), (60, 44)], [(52, 40), (50, 60)], [(45, 50), (47, 30)]])
    maps = output().target(scene(animals, [1, -1, 1])).maps[0].numpy()
    xy = torch.as_tensor(animals, dtype=torch.float32)
    shown = one_animal(xy, SIZE, 4, 8.0).numpy().max(1)  # (I, h, w)
    total = shown.sum(0)
    expected = sum(
        np.where(shown[i] > 0.2, shown[i] / np.maximum(total, 1e-9), 0) for i in (0, 2)
    )
    np.testing.assert_allclose(maps[1], expected, atol=1e-5)
    assert (maps[0] == 0).all() and (maps[2] == 0).all()


def test_an_unidentified_animal_teaches_nothing():
    one = output()
    seen = one.target(scene(FAR, [1, -1, 0]))
    logits = torch.randn(1, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    one.loss(logits, seen).backward()
    grad = logits.grad[0].abs().sum(0)
    assert grad[7, 20] == 0 and grad[5, 5] > 0 and grad[17, 35] > 0
    assert grad[20, 5] == 0  # nor do cells that show nobody


def test_being_undecided_scores_one():
    one = output()
    seen = one.target(scene(FAR, [1, 2, 0]))
    assert one.loss(torch.zeros_like(seen.maps), seen).item() == pytest.approx(1)
    assert one.loss(20 * seen.maps, seen).item() < 0.01
