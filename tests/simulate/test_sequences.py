"""Simulated sequences have the parameters they were made of, and need no more room."""

import tracemalloc

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.kernels import helmert
from gambol.kernels.runs import all_runs
from gambol.simulate.sequences import draw_emissions, draw_transitions, hierarchical


def bout_frames(packed):
    return len(packed.values) / len(all_runs(packed.values, packed.valid, packed.offsets)[0][0])


def test_syllables_and_states_last_as_long_as_asked():
    made = hierarchical(
        30, 60_000, syllables=24, states=6, dwell_frames=40, state_s=3, fps=100, random_state=2
    )
    packed = made.sequences
    assert bout_frames(packed) == pytest.approx(40, rel=0.03)
    states = packed._replace(values=made.states)
    assert bout_frames(states) == pytest.approx(300, rel=0.05)
    assert set(made.states) == set(range(6))
    assert packed.size == 24 and packed.fps == 100 and packed.valid.all()


def test_transitions_are_those_of_the_state_of_each_frame():
    made = hierarchical(4, 100_000, syllables=4, states=2, dwell_frames=3, state_s=0.5)
    counts, moves = np.zeros((2, 4, 4)), np.zeros((2, 2))
    for r in range(4):
        y = sequences.recording(made.sequences, r)[0]
        z = made.states[made.sequences.offsets[r] : made.sequences.offsets[r + 1]]
        np.add.at(counts, (z[1:], y[:-1], y[1:]), 1)
        np.add.at(moves, (z[:-1], z[1:]), 1)
    for seen, expected in ((counts, made.theta), (moves, made.trans)):
        for at in np.ndindex(seen.shape[:-1]):
            row, chances = seen[at], expected[at]
            assert chisquare(row, row.sum() * chances).pvalue > 1e-3


def test_emissions_have_the_law_of_the_prior():
    """Logits through Helmert columns are independent normal numbers."""
    theta = draw_emissions(5, 30, sigma=(1.5, 0.7), random_state=3)
    np.testing.assert_allclose(theta.sum(axis=-1), 1)
    logits = np.log(theta)
    logits -= logits.mean(axis=-1, keepdims=True)
    base = logits.mean(axis=0)
    biases = (logits - base).mean(axis=1)
    np.testing.assert_allclose(base + biases[:, None], logits, atol=1e-12)
    free = base @ helmert.basis(30) / 1.5
    assert kstest(free.ravel(), "norm").pvalue > 1e-3
    free = helmert.basis(5).T @ biases @ helmert.basis(30) / 0.7
    assert kstest(free.ravel(), "norm").pvalue > 1e-3


def test_one_state_makes_a_markov_chain():
    made = hierarchical(2, 500, syllables=3, states=1)
    assert made.theta.shape == (1, 3, 3) and made.trans.tolist() == [[1.0]]
    assert not made.states.any()


def test_given_parameters_are_used_exactly():
    theta = np.stack([np.roll(np.eye(3), 1, axis=1), np.roll(np.eye(3), 2, axis=1)])
    made = hierarchical(3, [1, 50, 200], theta=theta, trans=np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert sequences.lengths(made.sequences).tolist() == [1, 50, 200]
    for r in range(3):
        y = sequences.recording(made.sequences, r)[0].astype(int)
        z = made.states[made.sequences.offsets[r] : made.sequences.offsets[r + 1]]
        np.testing.assert_array_equal(np.diff(y) % 3, z[1:] + 1)


def test_a_recording_is_the_same_in_any_company_and_with_any_threads():
    few, many = (
        hierarchical(n, 3000, centroids=True, threads=t, random_state=5, state_s=1)
        for n, t in ((2, 1), (5, 3))
    )
    stop = few.sequences.offsets[-1]
    np.testing.assert_array_equal(few.sequences.values, many.sequences.values[:stop])
    np.testing.assert_array_equal(few.states, many.states[:stop])
    np.testing.assert_array_equal(few.centroids, many.centroids[:stop])
    other = hierarchical(2, 3000, random_state=6)
    assert (other.sequences.values != few.sequences.values).mean() > 0.5


def test_animals_walk_smoothly_within_their_box():
    made = hierarchical(3, 20_000, centroids=True, fps=30)
    assert made.centroids.dtype == np.float32
    assert made.centroids.min() >= 0 and made.centroids.max() <= 600
    steps = np.abs(np.diff(made.centroids[:20_000], axis=0))
    assert 0.5 < steps.mean() < 10 and steps.max() < 30


def test_memory_is_that_of_the_frames():
    """Published code looks rows up for all frames at once: T S S numbers, here 4 GB."""
    hierarchical(1, 10, syllables=50, states=4)  # compiles
    tracemalloc.start()
    made = hierarchical(2, 100_000, syllables=50, states=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(made.states) + 2e6


def test_many_syllables_need_wider_numbers():
    made = hierarchical(1, 3000, syllables=300, states=2, dwell_frames=None)
    assert made.sequences.values.dtype == np.uint16
    assert made.sequences.values.max() > 255


def test_states_are_left_at_one_rate():
    trans = draw_transitions(7, 250)
    np.testing.assert_allclose(np.diagonal(trans), 1 - 1 / 250)
    np.testing.assert_allclose(trans.sum(axis=1), 1)
    assert draw_transitions(1, 250).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"recordings": 0}, "one or more recordings"),
        ({"frames": [5]}, "frames for each"),
        ({"frames": 0}, "frames for each"),
        ({"fps": 0}, "frames a second"),
        ({"dwell_frames": 0.5}, "more than 1 frame"),
        ({"state_s": 0.001}, "one frame or more"),
        ({"theta": np.ones((2, 3, 3))}, "theta has a row"),
        ({"theta": np.full((2, 3, 3), 1 / 3), "trans": np.eye(3)}, "equal numbers"),
    ],
)
def test_impossible_worlds_are_refused_in_words(more, words):
    with pytest.raises(InputError, match=words):
        hierarchical(**({"recordings": 2, "frames": 10} | more))
