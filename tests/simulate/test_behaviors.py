"""Planted movements: bones keep their length, parts swing as fast as said, labels are bouts."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.simulate import behaviors
from gambol.simulate.behaviors import MOUSE, Movement


@pytest.mark.parametrize("animal", ["mouse", "fly"])
def test_a_body_at_rest_heads_along_x_with_its_left_at_positive_y(animal):
    body = behaviors.body(animal)
    index = body.skeleton.index
    ahead = body.rest[index(body.front)] - body.rest[index(body.rear)]
    assert ahead[0] > 0 and abs(ahead[1]) < 1e-9
    left = "left_hip" if animal == "mouse" else "hingeL"
    assert body.rest[index(left), 1] > body.rest[index(body.rear), 1]
    np.testing.assert_allclose(body.rest.mean(axis=0), 0.0, atol=1e-9)


def test_every_bone_keeps_its_length_in_space():
    made = behaviors.perform(np.random.default_rng(0), 900, space=3)
    rest = made.body.rest
    for p, c in made.body.skeleton.bones:
        bone = np.linalg.norm(made.xy[:, c] - made.xy[:, p], axis=1)
        np.testing.assert_allclose(bone, np.linalg.norm(rest[c] - rest[p]), rtol=1e-9)


def test_a_turn_of_the_world_undone_leaves_only_the_part_that_moves():
    made = behaviors.perform(np.random.default_rng(1), 3000)
    seen = behaviors.turn(
        made.xy - made.xy[:, made.body.skeleton.roots[0], None], -made.heading
    )
    moving = np.ptp(seen, axis=0).max(axis=1) > 1e-6
    skeleton = made.body.skeleton
    allowed = set()
    for movement in MOUSE:
        if movement.part:
            allowed.add(skeleton.index(movement.part))
    for j in skeleton.topological:
        if skeleton.parent[j] in allowed:
            allowed.add(j)
    assert set(np.flatnonzero(moving).tolist()) == allowed


def test_a_part_swings_as_fast_and_as_far_as_said():
    one = (Movement("wag", "tail_mid", 4.0, 20.0),)
    made = behaviors.perform(np.random.default_rng(2), 6000, movements=one, fps=100.0)
    index = made.body.skeleton.index
    bone = made.xy[:, index("tail_mid")] - made.xy[:, index("tail_base")]
    angle = np.unwrap(np.arctan2(bone[:, 1], bone[:, 0]) - made.heading)
    angle -= angle.mean()
    power = np.abs(np.fft.rfft(angle)) ** 2
    assert np.fft.rfftfreq(6000, 0.01)[power.argmax()] == pytest.approx(4.0)
    assert np.degrees(np.abs(angle[500:-500]).max()) == pytest.approx(20.0, rel=0.02)


def test_speed_and_turning_are_those_of_the_movement():
    one = (Movement("arc", speed=50.0, turning=1.0),)
    made = behaviors.perform(np.random.default_rng(3), 600, movements=one, roam=0.0)
    root = made.xy[:, made.body.skeleton.roots[0]]
    np.testing.assert_allclose(np.diff(made.heading) * 60, 1.0, atol=1e-6)
    around = made.body.rest[made.body.skeleton.roots[0], :2]
    path = root - behaviors.turn(np.tile(around, (600, 1, 1)), made.heading)[:, 0]
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(path, axis=0), axis=1) * 60, 50.0, rtol=1e-6
    )


def test_bouts_are_long_enough_on_average_as_said_and_differ_from_their_neighbours():
    label = behaviors.bouts(np.random.default_rng(4), 200_000, 4, 50.0)
    edges = np.flatnonzero(np.diff(label))
    lengths = np.diff(edges)
    assert lengths.min() >= 25 and lengths.mean() == pytest.approx(50.0, rel=0.03)
    assert np.bincount(label).min() > 0.2 * len(label)


def test_the_same_draws_give_the_same_animal():
    a, b = (behaviors.perform(np.random.default_rng(5), 300) for _ in range(2))
    np.testing.assert_array_equal(a.xy, b.xy)


def test_drift_has_unit_variance_and_no_seams():
    x = behaviors.drift(np.random.default_rng(6), 50_000, 3, 50.0)
    np.testing.assert_allclose(x.std(axis=0), 1.0, atol=0.1)
    assert np.abs(np.diff(x, axis=0)).max() < 0.3


def test_what_frames_cannot_show_is_refused():
    fast = (Movement("buzz", "tail_tip", 40.0, 10.0),)
    with pytest.raises(InputError, match="buzz swings at 40 Hz, which 60 frames a second"):
        behaviors.perform(np.random.default_rng(0), 60, movements=fast)
