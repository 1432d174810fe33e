"""Against every pose there is."""

from itertools import product

import numpy as np
import pytest

from gambol.kernels import bone_trees
from gambol.kernels.bone_trees import LARGE, Bones

# keypoints 0-1-2-3, 4 on 1, 5 on 0 (the near end of the first bone), and 6 alone
TREE = Bones(
    np.array([0, 1, 2, 1, 0]), np.array([1, 2, 3, 4, 5]), np.array([-1, 0, 1, 0, 0]),
    np.array([False, False, False, False, True]),
)  # fmt: skip
TWO = Bones(
    np.array([0, 1, 3, 4]), np.array([1, 2, 4, 5]), np.array([-1, 0, -1, 2]),
    np.zeros(4, bool),
)  # fmt: skip


def world(bones, seed, states=3, keypoints=7):
    rng = np.random.default_rng(seed)
    unary = rng.exponential(2, (keypoints, states))
    triple = rng.exponential(2, (len(bones.near), states, states, states))
    return unary, triple


def cost(pose, unary, triple, bones):
    total = sum(unary[k, s] for k, s in enumerate(pose))
    for b, (near, far, on, turned) in enumerate(zip(*bones, strict=True)):
        if on >= 0:
            end = bones.far[on] if turned else bones.near[on]
            total += triple[b, pose[end], pose[near], pose[far]]
    return total


@pytest.mark.parametrize("bones", [TREE, TWO])
@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_that_of_trying_all_poses(bones, seed):
    unary, triple = world(bones, seed)
    poses = list(product(range(3), repeat=7))
    costs = np.array([cost(pose, unary, triple, bones) for pose in poses])
    found = bone_trees.solve(unary, triple, bones)
    assert tuple(found.state) == poses[int(costs.argmin())]
    assert found.cost == pytest.approx(costs.min())
    weight = np.exp(-costs) / np.exp(-costs).sum()
    states = np.array(poses)
    for k, s in product(range(7), range(3)):
        through = states[:, k] == s
        assert found.cheapest[k, s] == pytest.approx(costs[through].min())
        assert found.probability[k, s] == pytest.approx(weight[through].sum())


def test_states_that_are_out_of_the_question_are_never_chosen():
    unary, triple = world(TREE, 9)
    unary[:, 2] = np.inf
    found = bone_trees.solve(unary, triple, TREE)
    assert (found.state < 2).all() and found.cost < LARGE
    assert (found.probability[:, 2] == 0).all()
    assert np.allclose(found.probability.sum(1), 1)


def test_no_bones_leave_every_keypoint_to_itself():
    unary, _ = world(TREE, 3)
    none = Bones(*(np.zeros(0, np.int64),) * 3, np.zeros(0, bool))
    found = bone_trees.solve(unary, np.zeros((0, 3, 3, 3)), none)
    assert np.array_equal(found.state, unary.argmin(1))
    assert found.cost == pytest.approx(unary.min(1).sum())
    softmax = np.exp(-unary) / np.exp(-unary).sum(1, keepdims=True)
    assert np.allclose(found.probability, softmax)
