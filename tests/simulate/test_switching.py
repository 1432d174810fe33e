"""Syllables of a known law: latents, keypoints and durations follow it."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.simulate import behaviors, switching


@pytest.mark.parametrize("space", [2, 3])
def test_keypoints_are_linear_in_the_latents_in_the_frame_of_the_body(space):
    law = switching.law(np.random.default_rng(0), space=space)
    made = switching.sample(np.random.default_rng(1), law, 500)
    done = made.performed
    own = behaviors.turn(done.xy - done.centroid[:, None], -done.heading)
    expected = np.einsum("jde,te->tjd", law.loadings, made.latent) + law.offset
    np.testing.assert_allclose(own, expected, atol=1e-9)
    np.testing.assert_allclose(done.xy.mean(axis=1), done.centroid, atol=1e-9)


def test_latents_obey_their_syllables():
    law = switching.law(np.random.default_rng(2), syllables=4)
    made = switching.sample(np.random.default_rng(3), law, 20_000)
    z, x = made.performed.label, made.latent
    for s in range(4):
        t = np.flatnonzero(z[1:] == s) + 1
        rest = x[t] - x[t - 1] @ law.dynamics[s].T - law.bias[s]
        np.testing.assert_allclose(rest.mean(axis=0), 0.0, atol=5 * np.sqrt(0.3 / len(t)))
        np.testing.assert_allclose(np.cov(rest.T), law.noise[s], atol=0.03)
        assert np.abs(np.linalg.eigvals(law.dynamics[s])).max() < 1
        assert np.linalg.eigvalsh(law.noise[s]).min() > 0


def test_syllables_change_as_their_table_says():
    law = switching.law(np.random.default_rng(4), syllables=3, duration_s=0.5, fps=40.0)
    z = switching.sample(np.random.default_rng(5), law, 100_000, fps=40.0).performed.label
    counts = np.zeros((3, 3))
    np.add.at(counts, (z[:-1], z[1:]), 1)
    found = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, law.trans, atol=0.01)
    np.testing.assert_allclose(np.diag(law.trans), 1 - 1 / 20)
    np.testing.assert_allclose(law.trans.sum(axis=1), 1.0)


@pytest.mark.parametrize("space", [2, 3])
def test_modes_neither_move_nor_turn_the_body(space):
    body = behaviors.body()
    modes = switching.modes(np.random.default_rng(6), body, 5, space)
    np.testing.assert_allclose(modes.sum(axis=0), 0.0, atol=1e-9)
    flat = modes.reshape(-1, 5)
    np.testing.assert_allclose(flat.T @ flat, np.eye(5), atol=1e-9)
    rest = body.rest[:, :2] - body.rest[:, :2].mean(axis=0)
    torque = rest[:, 0] @ modes[:, 1] - rest[:, 1] @ modes[:, 0]
    np.testing.assert_allclose(torque, 0.0, atol=1e-9)


def test_the_amplitude_is_that_of_keypoints_in_long_syllables():
    rng = np.random.default_rng(7)
    law = switching.law(rng, syllables=40, duration_s=60.0, amplitude=0.05)
    made = switching.sample(rng, law, 200_000)
    shape = np.einsum("jde,te->tjd", law.loadings, made.latent)
    rms = np.sqrt((shape**2).sum(axis=2).mean())
    assert rms == pytest.approx(0.05 * behaviors.length(behaviors.body()), rel=0.2)


def test_one_syllable_or_one_frame_is_refused():
    with pytest.raises(InputError, match="give two or more"):
        switching.law(np.random.default_rng(0), syllables=1)
