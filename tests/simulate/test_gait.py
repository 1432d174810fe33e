"""Stepping on a straight path, where everything can be said beforehand."""

import numpy as np

from gambol.simulate.gait import DUTY, step

FPS = 100.0


def _straight(speed, seconds=4.0):
    t = np.arange(round(seconds * FPS)) / FPS
    body = np.column_stack([speed * t, np.zeros_like(t)])
    corners = np.array([[20.0, -8.0], [20.0, 8.0], [0.0, -12.0], [0.0, 12.0]])
    moved = np.full(len(t), speed / FPS)
    return body[:, None] + corners, step(body[:, None] + corners, moved, FPS)


def test_paws_stand_for_their_share_of_the_stride():
    _, steps = _straight(120.0)
    assert np.abs(steps.stance.mean(axis=0) - DUTY).max() < 0.03


def test_a_standing_paw_is_fixed_and_the_body_passes_over_its_middle():
    rest, steps = _straight(120.0)
    inner = slice(60, -60)  # holds of the first and last stride are cut short by the record
    for paw in range(4):
        stance, ahead = (
            steps.stance[inner, paw],
            (steps.paws[inner, paw, :2] - rest[inner, paw]),
        )
        runs = np.split(np.arange(len(stance)), np.flatnonzero(np.diff(stance)) + 1)[1:-1]
        for run in (run for run in runs if stance[run[0]]):
            assert np.ptp(steps.paws[inner, paw][run], axis=0).max() < 1e-9
            assert abs(ahead[run, 0].mean()) < 1.5  # equally far before and behind


def test_faster_animals_take_longer_and_quicker_steps():
    slow, fast = (_straight(speed)[1].phase[-1] for speed in (60.0, 240.0))
    assert slow < fast < 4 * slow


def test_an_animal_that_stands_still_keeps_all_paws_down():
    _, steps = _straight(0.0)
    assert np.ptp(steps.paws, axis=0).max() < 1e-9
