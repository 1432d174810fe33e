"""The fly's body: a valid skeleton, proportions of real flies, clothes that fit."""

import numpy as np

from gambol.simulate import fly
from gambol.simulate.flies import move_all

FLOOR = np.array([[0.5, 0.5], [20.0, 14.0]])


def _joints():
    return move_all(np.random.default_rng(0), 1, 30, 30.0, FLOOR, identical=True).joints[:, 0]


def test_the_skeleton_is_one_tree_that_mirrors():
    skeleton = fly.skeleton()
    assert len(skeleton) == 13 and len(skeleton.roots) == 1 and skeleton.flippable
    left, right = skeleton.index("midlegL4"), skeleton.index("midlegR4")
    assert skeleton.swap[left] == right
    assert skeleton.keypoints[skeleton.roots[0]] == "thorax"


def test_left_is_left_for_an_animal_seen_from_above():
    joints = _joints()
    ahead = (joints[:, fly.JOINT["head"]] - joints[:, fly.JOINT["thorax"]])[:, :2]
    for pair in (("eyeL", "eyeR"), ("wingL", "wingR"), ("midlegL4", "midlegR4")):
        one, other = (joints[:, fly.JOINT[name], :2] for name in pair)
        across = one - other
        assert (ahead[:, 0] * across[:, 1] - ahead[:, 1] * across[:, 0] < 0).all(), pair


def test_keypoints_stand_where_they_do_on_filmed_flies():
    """Medians of 2300 frames of two flies (27.5 px/mm): ahead of the thorax, and aside."""
    joints = _joints()
    thorax = joints[:, fly.JOINT["thorax"], :2]
    ahead = (joints[:, fly.JOINT["head"], :2] - thorax) @ np.eye(2)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    filmed = {"eyeL": (1.08, 0.38), "abdomen": (-1.15, 0.0), "wingL": (-1.78, 0.25)}
    for name, (along, aside) in filmed.items():
        off = joints[:, fly.JOINT[name], :2] - thorax
        seen = np.median((off * ahead).sum(axis=1))
        beside = np.median(np.abs(off[:, 0] * ahead[:, 1] - off[:, 1] * ahead[:, 0]))
        assert abs(seen - along) < 0.2 and abs(beside - aside) < 0.25, name


def test_clothes_scale_with_the_picture():
    joints = _joints()
    small, large = fly.dress(joints, 10.0), fly.dress(joints, 20.0)
    assert np.allclose(2.0 * small.start, large.start)
    assert (small.start[..., 3] > 0).all()


def test_only_wings_let_light_through():
    body = fly.dress(_joints()[0], 30.0)
    wings = np.isin(body.material, list(fly.WINGS))
    assert set(np.unique(body.part[wings])) == {fly.PARTS.index("wings")}
    assert not (fly.SOLID & fly.WINGS)
    assert len(fly.SOLID | fly.WINGS) == len(fly.MATERIALS)
