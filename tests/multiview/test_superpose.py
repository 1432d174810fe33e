"""Similarities between noisy points, and whether they know how wrong they are."""

import numpy as np
import pytest

from gambol.kernels import rotation
from gambol.multiview import superpose

TURN = rotation.exp(np.array([0.4, -1.1, 2.0]))


def planted(rng, frames=60, noise=1.0, drift=0.0, wrong=0.0):
    """Three points a frame in two sets of axes, and when; drift errs alike for 3 frames."""
    here = rng.normal(0, 50, (frames, 3, 3))
    slow = rng.normal(0, 1, (frames // 3 + 1, 1, 3)).repeat(3, axis=0)[:frames]
    there = 0.5 * here @ TURN.T + [10, 20, 30]
    there = there + rng.normal(0, noise, here.shape) + drift * slow
    bad = rng.random(here.shape[:2]) < wrong
    there[bad] = rng.uniform(-200, 200, (bad.sum(), 3))
    frame = np.repeat(np.arange(frames), 3)
    return here.reshape(-1, 3), there.reshape(-1, 3), frame


def off(found):
    return float(rotation.degrees(found.turn, TURN))


def test_what_was_planted_is_found_among_wrong_points():
    rng = np.random.default_rng(0)
    found = superpose.superpose(rng, *planted(rng, wrong=0.35))
    assert off(found) < 0.7 and found.scale == pytest.approx(0.5, rel=0.01)
    np.testing.assert_allclose(found.shift, [10, 20, 30], atol=0.5)


def test_without_noise_nothing_is_doubted():
    rng = np.random.default_rng(1)
    here, there, frame = planted(rng, noise=0.0)
    found = superpose.superpose(rng, here, there, frame)
    assert off(found) < 1e-6 and found.angle_sd < 1e-6 and found.apart < 1e-9
    np.testing.assert_allclose(found.points(here), there, atol=1e-9)


def test_neither_set_is_favoured():
    here, there, frame = planted(np.random.default_rng(2))
    way = superpose.superpose(np.random.default_rng(0), here, there, frame)
    back = superpose.superpose(np.random.default_rng(0), there, here, frame)
    assert rotation.degrees(way.turn, back.turn.T) < 0.01
    assert way.scale * back.scale == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_the_doubt_is_as_large_as_the_error(drift):
    error, doubt = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = superpose.superpose(rng, *planted(rng, drift=drift, wrong=0.1))
        error.append(off(found))
        doubt.append(found.angle_sd)
    ratio = np.sqrt(np.mean(np.square(error)) / np.mean(np.square(doubt)))
    assert 0.75 < ratio < 1.33


@pytest.mark.parametrize("own", [0.0, 0.2])
def test_points_on_a_line_leave_the_turn_about_it_open(own):
    rng = np.random.default_rng(3)
    here, _, frame = planted(rng)
    along = here[:, :1] * [1.0, 0.0, 0.0]
    there = 0.5 * along @ TURN.T + rng.normal(0, 0.2, here.shape)
    along = along + rng.normal(0, own, along.shape)
    assert superpose.superpose(rng, along, there, frame).angle_sd > 10


def test_a_mirror_image_is_told_by_what_a_mirror_explains():
    rng = np.random.default_rng(4)
    here, there, frame = planted(rng)
    flipped = here * [1.0, -1.0, 1.0]
    found = superpose.superpose(rng, flipped, there, frame)
    assert superpose.mirrored(rng, flipped, there, frame) < 0.2 * found.apart
    assert superpose.mirrored(rng, here, there, frame) > 5


def test_the_same_input_gives_the_same_answer():
    given = planted(np.random.default_rng(5), wrong=0.2)
    one, two = (superpose.superpose(np.random.default_rng(7), *given) for _ in range(2))
    assert one.angle_sd == two.angle_sd and (one.turn == two.turn).all()


def test_blocks_are_even_and_at_most_twenty():
    frame = np.repeat(np.arange(0, 300, 3), 2)
    block = superpose.blocks(frame)
    assert np.bincount(block).tolist() == [10] * 20
    assert superpose.blocks(np.array([4, 9, 9])).tolist() == [0, 1, 1]
