import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn.outputs.graph import Graph, GraphSpec
from gambol.nn.targets import Scene

SIZE = (64, 48)
NAN = float("nan")


def scene(xy, weight=None):
    """One image of one animal (J, 2), or of several (I, J, 2)."""
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)
    xy = xy.reshape(1, -1, *xy.shape[-2:])
    weight = torch.ones(xy.shape[:3]) if weight is None else torch.as_tensor(weight)
    weight = weight.float().reshape(xy.shape[:3])
    return Scene(xy, weight, torch.ones(1, SIZE[1], SIZE[0]), torch.full(xy.shape[:2], -1))


def target(parent, xy, weight=None, stride=2, **changes):
    output = Graph(GraphSpec(parent=parent, **changes), len(parent), stride)
    drawn = output.target(scene(xy, weight))
    return drawn.maps[0].numpy(), drawn.weight[0].numpy()


POINTS = [(20, 10), (30, 30), (50, 30), (10, 40), (12, 20)]
# root 2 in the middle of its group, root 4 alone
PARENT = (1, 2, -1, 1, -1)


def test_there_are_keypoints_edges_limbs_and_totals():
    maps, weight = target(PARENT, POINTS)
    points, edges, limbs = maps[:5], maps[5:8], maps[8:10]
    assert maps.shape == weight.shape == (2 * 5 + 2, 24, 32)
    # trap 6: every edge of a root is in its limb, wherever the root stands
    np.testing.assert_array_equal(limbs[0], edges.max(0))
    assert (limbs[1] == 0).all()
    np.testing.assert_array_equal(maps[10], limbs.max(0))
    np.testing.assert_array_equal(maps[11], np.maximum(limbs.max(0), points.max(0)))
    assert (weight == 1).all()


def test_sums_instead_of_maxima_where_asked():
    maps, _ = target(PARENT, POINTS, reduce="sum")
    np.testing.assert_allclose(maps[8], maps[5:8].sum(0), rtol=1e-6)
    np.testing.assert_allclose(maps[11], maps[:8].sum(0), rtol=1e-5)


def test_an_edge_is_as_strong_as_a_keypoint():
    # trap 4: a blurred line of one pixel peaks at 0.11 for this sigma
    maps, _ = target((-1, 0), [(10, 11), (50, 11)], stride=1)
    assert maps[2].max() == 1 and maps[:2].max() == 1
    assert (maps[2, 11, 10:51] == 1).all()  # all along the segment
    np.testing.assert_allclose(maps[2, 11 + 7, 30], np.exp(-49 / (2 * 3.5**2)), rtol=1e-5)
    np.testing.assert_allclose(maps[2, 11, 57], np.exp(-49 / (2 * 3.5**2)), rtol=1e-5)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_absent_end_draws_nothing_at_all(missing):
    # trap 3: no ray to wherever a sentinel coordinate lies
    xy = np.array(POINTS[:3], float)
    xy[missing] = NAN
    maps, weight = target((1, -1, 1), xy)
    for edge, ends in ((3, (0, 1)), (4, (1, 2))):
        assert (maps[edge] == 0).all() == (missing in ends)
    assert (weight == 1).all()  # absent is known
    near = np.hypot(*(np.indices((24, 32)) * 2 + 0.5 - np.array([[[0.0]], [[0.0]]]))) < 6
    assert maps[:, near].max() < 0.01


@pytest.mark.parametrize("unlabelled", [0, 1, 2])
def test_an_unlabelled_end_silences_what_it_may_touch(unlabelled):
    said = np.ones(3)
    said[unlabelled] = 0
    _, weight = target((1, -1, 1), POINTS[:3], said)
    expected = [*said, said[0] * said[1], said[1] * said[2], 0, 0, 0]
    np.testing.assert_array_equal(weight.max((1, 2)), expected)
    np.testing.assert_array_equal(weight.min((1, 2)), expected)


def test_several_animals_are_joined_by_the_higher():
    one, two = np.array(POINTS, float), np.array(POINTS, float) + (6, 4)
    alone = [target(PARENT, xy)[0] for xy in (one, two)]
    np.testing.assert_allclose(
        target(PARENT, [one, two])[0], np.maximum(*alone), rtol=1e-5, atol=1e-7
    )


def test_keypoints_without_edges_have_no_graph():
    maps, _ = target((-1, -1), POINTS[:2])
    assert maps.shape[0] == 6 and (maps[2:5] == 0).all()
    np.testing.assert_array_equal(maps[5], maps[:2].max(0))


def test_predicting_nothing_scores_one():
    output = Graph(GraphSpec(parent=PARENT), 5, 2)
    inside = (np.array(POINTS) + (4, 2)) * 0.9  # clear of the border
    drawn = output.target(scene(np.clip(inside, 12, 35)))
    assert output.loss(torch.zeros_like(drawn.maps), drawn).item() == pytest.approx(1, abs=0.01)
    assert output.loss(drawn.maps, drawn).item() == 0


@pytest.mark.parametrize("parent", [(1, -1), (1, 2, 0), (-1, 3, 0), (-1, 0, -2), (0, -1, -1)])
def test_parents_that_make_no_forest_are_refused(parent):
    with pytest.raises(InputError, match="parent"):
        Graph(GraphSpec(parent=parent), 3, 2)
