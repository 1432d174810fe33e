from itertools import product

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.pose import structure

INSECT = Skeleton(
    ("head", "body", "tail", "knee L", "foot L", "knee R", "foot R"),
    parent=(-1, 0, 1, 1, 3, 1, 5),
    swap=(-1, -1, -1, 5, 6, 3, 4),
)
REST = np.array([[0, 3], [0, 0], [0, -4], [-2, 1], [-4, 0.5], [2, 1], [4, 0.5]], float)


def turned(xy, angle, scale=1.0, shift=(0.0, 0.0)):
    c, s = np.cos(angle), np.sin(angle)
    return scale * xy @ np.array([[c, s], [-s, c]]) + shift


def insects(n, seed, sd=0.25):
    """Poses in all directions, of all sizes."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            turned(
                REST + rng.normal(0, sd, REST.shape), rng.uniform(0, 2 * np.pi),
                rng.uniform(8, 12), rng.uniform(50, 90, 2),
            )
            for _ in range(n)
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def learnt():
    return structure.learn(insects(200, 0), INSECT)


def confused(pose, rng, heights):
    """Candidates: a keypoint's own place and that of its partner."""
    partner = [j if k < 0 else k for j, k in enumerate(INSECT.swap)]
    xy = np.stack([pose, pose[partner]], 1)
    xy[[0, 1, 2], 1] = np.nan
    likely = np.stack([heights, 1 - heights], 1)
    return xy + rng.normal(0, 0.5, xy.shape), likely


def test_bones_are_those_of_the_skeleton_each_after_the_one_it_hangs_on(learnt):
    bones = learnt.bones
    pairs = {frozenset(p) for p in zip(bones.near.tolist(), bones.far.tolist(), strict=True)}
    assert pairs == {frozenset(p) for p in INSECT.bones}
    assert (bones.on < np.arange(len(bones.on))).all() and (bones.on < 0).sum() == 1
    for b in np.flatnonzero(bones.on >= 0):
        on = bones.on[b]
        assert bones.near[b] == (bones.near[on] if bones.turned[b] else bones.far[on])


def test_the_pose_is_the_best_of_all_combinations(learnt):
    rng = np.random.default_rng(1)
    pose = insects(1, 2)[0]
    xy, likely = confused(pose, rng, rng.uniform(0.3, 0.7, 7))
    absent = rng.uniform(0.05, 0.3, 7)
    table = structure.costs(learnt, xy)
    bones = learnt.bones
    ends = structure._before(bones)
    best, chosen = np.inf, None
    for states in product(range(3), repeat=7):
        if any(s == 1 and k < 3 for k, s in enumerate(states)):
            continue
        cost = sum(-np.log(absent[k] if s == 2 else likely[k, s]) for k, s in enumerate(states))
        for b in np.flatnonzero(bones.on >= 0):
            cost += 0.3 * table[b, states[ends[b]], states[bones.near[b]], states[bones.far[b]]]
        if cost < best:
            best, chosen = cost, states
    found = structure.decode(learnt, xy, likely, absent, 0.3)
    assert tuple(np.where(found.choice < 0, 2, found.choice)) == chosen
    assert np.allclose(found.probability.sum(1), 1) and (found.margin >= 0).all()


def test_sides_that_a_network_confuses_are_told_by_how_bones_lie(learnt):
    rng = np.random.default_rng(3)
    wrong = np.zeros(2)
    for pose in insects(100, 4):
        heights = np.full(7, 0.9)
        heights[3:] = rng.uniform(0.2, 0.8, 4)  # as often the other side as its own
        xy, likely = confused(pose, rng, heights)
        for k, weight in enumerate((0.0, 0.3)):
            choice = structure.decode(learnt, xy, likely, np.full(7, 0.01), weight).choice
            wrong[k] += (choice[3:] == 1).sum()
    assert wrong[1] < 0.1 * wrong[0] and wrong[0] > 50


def test_turning_moving_and_growing_the_scene_changes_nothing(learnt):
    rng = np.random.default_rng(5)
    xy, likely = confused(insects(1, 6)[0], rng, rng.uniform(0.3, 0.7, 7))
    absent = np.full(7, 0.1)
    one = structure.decode(learnt, xy, likely, absent, 0.3)
    moved = turned(xy, 2.1, 0.37, (400.0, -3.0))
    other = structure.decode(learnt, moved, likely, absent, 0.3)
    assert np.array_equal(one.choice, other.choice)
    assert np.allclose(one.probability, other.probability)
    assert np.allclose(one.margin, other.margin)


def test_where_an_end_is_absent_its_bones_say_nothing(learnt):
    xy = insects(1, 7)[0][:, None]
    xy[3] = np.nan  # a knee that nobody saw: its foot has nothing to lie against
    found = structure.decode(learnt, xy, np.full((7, 1), 0.6), np.full(7, 0.1), 1.0)
    assert found.choice[3] == -1 and found.choice[4] == 0
    assert np.isfinite(found.probability).all()


def test_without_weight_the_network_alone_decides(learnt):
    rng = np.random.default_rng(8)
    xy, likely = confused(insects(1, 9)[0], rng, rng.uniform(0.1, 0.9, 7))
    likely[:3, 1] = 0
    found = structure.decode(learnt, xy, likely, np.full(7, 0.01), 0.0)
    assert np.array_equal(found.choice, likely.argmax(1))


def test_no_bone_comes_first_that_is_hardly_ever_labelled():
    seen = insects(30, 10)
    seen[:25, 2] = np.nan  # the tail: against it nothing could be learnt
    learnt = structure.learn(seen, INSECT)
    first = int(np.flatnonzero(learnt.bones.on < 0)[0])
    assert 2 not in (learnt.bones.near[first], learnt.bones.far[first])
    known = (learnt.precision != 0).any((1, 2))
    assert known.sum() == len(known) - 2  # all but the first and the tail's own


def test_a_short_bone_does_not_say_which_way_the_long_ones_go():
    skeleton = Skeleton(("neck", "eye", "hip", "foot"), parent=(-1, 0, 0, 2))
    rest = np.array([[0, 0], [0.4, 0], [8, 0], [8, 6]], float)
    rng = np.random.default_rng(0)
    poses = np.stack([turned(rest, a, 10.0) for a in rng.uniform(0, 2 * np.pi, 40)])
    learnt = structure.learn(poses + rng.normal(0, 0.1, poses.shape), skeleton, noise=2.0)
    first = int(np.flatnonzero(learnt.bones.on < 0)[0])
    assert 1 not in (learnt.bones.near[first], learnt.bones.far[first])
    still = structure.learn(poses, skeleton)
    assert learnt.precision.max() < still.precision.max() / 5


def test_what_was_learnt_reads_back_as_it_is(learnt):
    again = structure.Structure.from_dict(learnt.to_dict())
    for one, other in zip(learnt.bones, again.bones, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(learnt.precision, again.precision)
    with pytest.raises(InputError, match="lacks mean"):
        structure.Structure.from_dict(
            {k: v for k, v in learnt.to_dict().items() if k != "mean"}
        )


def test_a_forest_and_few_labels_are_no_obstacle():
    two = Skeleton(("a", "b", "c", "d", "e", "f"), parent=(-1, 0, 1, -1, 3, -1))
    xy = np.random.default_rng(0).normal(0, 10, (5, 6, 2))
    learnt = structure.learn(xy, two)  # fewer labels than anything can be learnt from
    assert (learnt.precision == 0).all() and (learnt.bones.on < 0).sum() == 2
    found = structure.decode(learnt, xy[0][:, None], np.full((6, 1), 0.9), np.full(6, 0.1), 1.0)
    assert (found.choice == 0).all()
    none = structure.learn(xy, Skeleton(("a", "b", "c", "d", "e", "f")))
    found = structure.decode(none, xy[0][:, None], np.full((6, 1), 0.2), np.full(6, 0.5), 1.0)
    assert (found.choice == -1).all()
