"""Bodies in space: bones keep their length, sides are sides, and heights are those of life."""

import numpy as np
import pytest

from gambol.simulate import body3d, mice, mouse


def bodies(animal="mouse", n_frames=900, seed=0, animals=2):
    return body3d.move(np.random.default_rng(seed), animal, n_frames, animals=animals)


@pytest.mark.parametrize("animal", ["mouse", "fly"])
def test_every_bone_keeps_its_length(animal):
    body = bodies(animal)
    assert len(body.skeleton.roots) == 1 and body.skeleton.flippable
    for parent, child in body.skeleton.bones:
        bone = np.linalg.norm(body.xyz[:, :, child] - body.xyz[:, :, parent], axis=-1)
        np.testing.assert_allclose(
            bone, np.broadcast_to(body.length[:, child], bone.shape), rtol=1e-9
        )
    assert (body.length[0] > 0).sum() == len(body.skeleton) - 1


@pytest.mark.parametrize("animal", ["mouse", "fly"])
def test_left_is_left_in_a_right_handed_world(animal):
    body = bodies(animal)
    head, rear, left, right = (
        ("neck", "hips", "left_hip", "right_hip")
        if animal == "mouse"
        else ("head", "waist", "hingeL", "hingeR")
    )
    at = {name: body.xyz[:, :, body.skeleton.index(name)] for name in (head, rear, left, right)}
    up = np.cross(at[head] - at[rear], at[left] - at[right])[..., 2]
    assert (up > 0).mean() > 0.99


def test_a_mouse_stands_on_the_floor_rears_and_lowers_its_nose():
    body = bodies(n_frames=3600, animals=1)
    height = body.xyz[:, 0, :, 2]
    assert height.min() > -0.5
    nose = height[:, body.skeleton.index("nose")]
    assert nose.max() > 50 and nose.min() < 5
    paws = height[:, [body.skeleton.index(f"{side}_hindpaw") for side in ("left", "right")]]
    assert np.median(paws) < 2.5 and paws.max() > 4  # planted, and swung


def test_keypoints_from_above_are_those_of_the_films():
    floor = np.array([[0.0, 0.0], [400.0, 300.0]])
    moved = mice.move_all(np.random.default_rng(0), 1, 300, 60.0, floor)
    body = bodies(n_frames=300, animals=1)
    for name in ("nose", "left_ear", "back", "tail_base", "left_hindpaw"):
        mine = body.xyz[:, :, body.skeleton.index(name)] * [1, -1, 1] + [200, 150, 0]
        np.testing.assert_allclose(mine, moved.joints[:, :, mouse.JOINT[name]], atol=1e-9)


def test_sizes_differ_unless_they_are_identical():
    length = bodies(n_frames=30).length
    assert not np.allclose(length[0], length[1])
    same = body3d.move(np.random.default_rng(0), "fly", 30, animals=2, identical=True).length
    np.testing.assert_allclose(same[0], same[1])


def test_the_same_seed_gives_the_same_motion():
    assert np.array_equal(bodies(n_frames=50).xyz, bodies(n_frames=50).xyz)
