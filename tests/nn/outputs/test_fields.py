import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn.outputs.fields import Fields, FieldsSpec
from gambol.nn.targets import Scene

SIZE = (160, 96)
NAN = float("nan")


def scene(xy, weight=None):
    """One image of animals (I, J, 2)."""
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)[None]
    weight = torch.ones(xy.shape[:3]) if weight is None else torch.as_tensor(weight)[None]
    valid = torch.ones(1, SIZE[1], SIZE[0])
    return Scene(xy, weight.float(), valid, torch.full(xy.shape[:2], -1))


def target(xy, weight=None, edges=((0, 1),), stride=4, sigma=8.0):
    output = Fields(FieldsSpec(edges=edges, sigma=sigma), np.shape(xy)[1], stride)
    drawn = output.target(scene(xy, weight))
    return drawn.maps[0].numpy(), drawn.weight[0].numpy()


def by_definition(animals, stride=4, sigma=8.0):
    """Σ w u / max(1, Σ w), cell by cell, for the edge from keypoint 0 to 1."""
    field = np.zeros((2, SIZE[1] // stride, SIZE[0] // stride))
    for row, column in np.ndindex(field.shape[1:]):
        c = np.array([stride * column + (stride - 1) / 2, stride * row + (stride - 1) / 2])
        total = 0.0
        for a, b in animals:
            length = np.linalg.norm(b - a)
            t = np.clip(np.dot(c - a, b - a) / length**2, 0, 1)
            w = np.exp(-np.sum((c - a - t * (b - a)) ** 2) / (2 * sigma**2))
            field[:, row, column] += w * (b - a) / length
            total += w
        field[:, row, column] /= max(1, total)
    return field


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_fields_are_the_formula_at_every_stride(stride):
    # trap 2: sigma is in pixels, and distances are squared once
    animals = np.array([[(30.2, 20.1), (70.7, 44.9)], [(60.0, 50.0), (50.5, 20.3)]])
    drawn, _ = target(animals, stride=stride)
    np.testing.assert_allclose(drawn, by_definition(animals, stride), atol=1e-5)


def test_half_of_the_strength_lies_within_nine_pixels():
    # as wide as exp(-D^4 / (2 75^2)), which other tools draw
    drawn, _ = target([[(20, 40), (140, 40)]], stride=1)
    across = drawn[0, :, 80]
    assert np.ptp(np.nonzero(across > 0.5)[0]) / 2 == pytest.approx(9.4, abs=0.5)
    theirs = np.exp(-((np.arange(SIZE[1]) - 40.0) ** 4) / (2 * 75**2))
    assert np.ptp(np.nonzero(theirs > 0.5)[0]) == np.ptp(np.nonzero(across > 0.5)[0])


def test_fields_stay_within_the_unit_disc_where_bodies_overlap():
    rng = np.random.default_rng(0)
    drawn, _ = target(rng.uniform(20, 80, (12, 2, 2)))
    assert np.hypot(*drawn).max() <= 1 + 1e-6
    same, _ = target([[(20, 40), (140, 40)]] * 3)
    assert same[0].max() == pytest.approx(1, abs=1e-6)


def test_an_absent_end_makes_an_empty_field_that_counts():
    drawn, weight = target([[(20, 40), (NAN, NAN)]])
    assert (drawn == 0).all() and (weight == 1).all()


def test_an_unlabelled_end_counts_nowhere_when_there_is_one_animal():
    drawn, weight = target([[(20, 40), (NAN, NAN), (9, 9)]], [[1, 0, 1]], ((0, 1), (0, 2)))
    assert (drawn[:2] == 0).all() and (weight[:2] == 0).all() and (weight[2:] == 1).all()


def test_an_unlabelled_end_is_excused_in_the_box_of_its_animal_only():
    animals = [[(20, 20), (NAN, NAN), (40, 40)], [(90, 60), (120, 60), (100, 80)]]
    _, weight = target(animals, [[1, 0, 1], [1, 1, 1]], ((0, 1), (0, 2)), stride=1)
    grown = 0.3 * np.hypot(20, 20)
    inside = np.zeros(weight.shape[1:], bool)
    low, high = int(np.ceil(20 - grown)), int(np.floor(40 + grown))
    inside[low : high + 1, low : high + 1] = True
    assert (weight[:2] == ~inside).all() and (weight[2:] == 1).all()


@pytest.mark.parametrize("gap, counts", [(0.0, 0), (0.9, 0), (1.1, 1)])
def test_ends_that_coincide_have_no_direction(gap, counts):
    # trap 6: 0 / 0 in the unit vector
    drawn, weight = target([[(20.0, 40.0), (20.0 + gap, 40.0)]])
    assert np.isfinite(drawn).all() and (weight == counts).all()
    assert (np.abs(drawn).max() > 0) == bool(counts)


def test_predicting_nothing_scores_one_and_fewer_edges_weigh_no_less():
    output = Fields(FieldsSpec(edges=((0, 1),)), 2, 4)
    for animals in ([[(30, 30), (90, 50)]], [[(30, 30), (90, 50)], [(50, 70), (60, 60)]]):
        drawn = output.target(scene(animals))
        assert output.loss(torch.zeros_like(drawn.maps), drawn).item() == pytest.approx(1)
        assert output.loss(-drawn.maps, drawn).item() == pytest.approx(4)
    empty = output.target(scene([[(NAN, NAN), (NAN, NAN)]]))
    wrong = torch.full_like(empty.maps, 0.1)
    assert 0 < output.loss(wrong, empty).item() < 20


@pytest.mark.parametrize("edge", [(0, 2), (1, 1), (-1, 0)])
def test_edges_that_join_no_two_keypoints_are_refused(edge):
    with pytest.raises(InputError, match="joins no two of 2 keypoints"):
        Fields(FieldsSpec(edges=(edge,)), 2, 4)


def test_fields_to_the_centroid_are_those_to_the_middle_of_the_box():
    xy = np.array([[(30, 30), (90, 50), (60, 70)], [(100, 20), (120, 60), (NAN, NAN)]], float)
    middle = (np.nanmin(xy, axis=1) + np.nanmax(xy, axis=1)) / 2
    spec = FieldsSpec(edges=((0, 1), (2, 3), (3, 0)), centroid=True)
    drawn = Fields(spec, 3, 4).target(scene(xy)).maps
    four = np.concatenate([xy, middle[:, None]], axis=1)
    same, _ = target(four, edges=((0, 1), (2, 3), (3, 0)))
    np.testing.assert_allclose(drawn[0].numpy(), same, atol=1e-5)
    with pytest.raises(InputError, match="joins no two of 3 keypoints"):
        Fields(FieldsSpec(edges=((0, 4),), centroid=True), 3, 4)


def test_in_a_mirror_fields_to_the_centroid_are_those_of_the_other_side():
    output = Fields(FieldsSpec(edges=((0, 2), (1, 2)), centroid=True), 2, 4)
    xy = np.array([[(30.0, 30), (90, 50)]])
    turned = xy[:, [1, 0]] * [-1, 1] + [SIZE[0] - 1, 0]
    back = output.mirror(output.target(scene(turned)).maps, (1, 0))
    assert torch.allclose(back, output.target(scene(xy)).maps, atol=1e-4)
