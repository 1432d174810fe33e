import re

import numpy as np
import pytest
import ring

from gambol.viz import atlas
from gambol.viz.svg import to_svg

UP = np.array([0.0, 0.0, 1.0])
FACE = (0, 2)  # hip to nose


def test_a_walking_animal_has_one_posture_that_faces_right():
    times, xyz = ring.walk(60)
    heading = 0.8 * times + np.pi / 2
    made = atlas.of_poses(xyz[:, 0], heading, np.ones((60, 1)), ring.BONES, up=UP)
    assert np.allclose(made.xyz[0], ring.BODY - ring.BODY[0], atol=1e-9)
    assert made.share.tolist() == [1.0]


@pytest.mark.parametrize("off", [0.0, 1.0, -2.5])
def test_whatever_angle_heading_counts_from_the_animal_faces_right(off):
    times, xyz = ring.walk(60)
    heading = 0.8 * times + off
    made = atlas.of_poses(xyz[:, 0], heading, np.ones((60, 1)), ring.BONES, up=UP, face=FACE)
    assert np.allclose(made.xyz[0], ring.BODY - ring.BODY[0], atol=1e-9)


def test_states_are_told_apart_by_their_probability():
    times, xyz = ring.walk(40)
    reared = xyz[:, 0].copy()
    reared[20:, 2, 2] += 30  # the nose goes up
    reared[5, 2] = np.nan  # and is not always known
    probability = np.zeros((40, 2))
    probability[:20, 0] = probability[20:, 1] = 1
    made = atlas.of_poses(reared, 0.8 * times, probability, ring.BONES, up=UP, face=FACE)
    assert np.allclose(made.xyz[1, 2, 2] - made.xyz[0, 2, 2], 30)
    assert np.allclose(made.share, 0.5)


def test_another_up_gives_the_same_posture():
    times, xyz = ring.walk(30)
    flipped = xyz[:, 0] @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # z becomes -y
    up = np.array([0.0, -1.0, 0.0])
    assert np.allclose(flipped[0] @ up, xyz[0, 0, :, 2])
    made = atlas.of_poses(flipped, 0.8 * times, np.ones((30, 1)), ring.BONES, up=up, face=FACE)
    assert np.allclose(made.xyz[0], ring.BODY - ring.BODY[0], atol=1e-9)


def test_bones_of_a_prior_are_put_together():
    length = np.zeros(5)
    direction = np.zeros((1, 5, 3))
    for parent, child in ring.BONES.bones:
        bone = ring.BODY[child] - ring.BODY[parent]
        length[child] = np.linalg.norm(bone)
        direction[0, child] = bone / length[child]
    made = atlas.of_directions(direction, length, np.ones(1), ring.BONES, up=UP)
    assert np.allclose(made.xyz[0], ring.BODY - ring.BODY[0])


def test_the_most_frequent_states_come_first_and_the_rest_is_counted():
    count = atlas.SHOWN + 5
    share = np.arange(count) / np.arange(count).sum()
    made = atlas.Atlas(np.repeat((ring.BODY - ring.BODY[0])[None], count, 0), share)
    text = atlas.describe(made, ring.BONES, "mm")
    said = re.findall(r"<text[^>]*>(\d+): ", text)
    assert said[0] == str(count) and len(said) == atlas.SHOWN
    assert "The 5 rarest states are not shown" in text


def test_a_state_that_never_occurs_and_a_share_that_is_not_known_are_drawn():
    made = atlas.Atlas(np.full((2, 5, 3), np.nan), np.array([np.nan, np.nan]))
    assert "currentColor" in to_svg(atlas.drawn(made, ring.BONES, "unknown"))
