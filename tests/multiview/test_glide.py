"""Gliding chains against the whole matrix written out, and against another minimiser."""

import numpy as np
import pytest
from scipy import linalg, optimize

from gambol.multiview import glide
from gambol.multiview.descent import Slope


class Seen:
    """Positions seen with a precision of their own, by fourth powers if `steep`."""

    def __init__(self, y, precision, steep=False):
        self.y, self.precision, self.steep = y, precision, steep

    def look(self, x, chains):
        off, p = x - self.y[chains], self.precision[chains]
        eye = np.eye(x.shape[-1])
        if not self.steep:
            return Slope((p * off**2).sum(-1) / 2, p * off, p[..., None] * eye)
        square = (p * off**2).sum(-1)
        slope = p * off
        bend = p[..., None] * eye * square[..., None, None]
        bend = bend + 2 * slope[..., None] * slope[..., None, :]
        return Slope(square**2 / 4, square[..., None] * slope, bend)

    def of(self, frames):
        return Seen(self.y[:, frames], self.precision[:, frames], self.steep)


def prior(times, eta2, weak):
    """Precision of (x, v) of one coordinate in all frames, from the definition."""
    frames = len(times)
    out = np.zeros((2 * frames, 2 * frames))
    for t in range(frames):
        out[2 * t + 1, 2 * t + 1] += weak
    for t, d in enumerate(np.diff(times)):
        turn = np.hstack([-np.array([[1, d], [0, 1]]), np.eye(2)])
        scatter = eta2 * np.array([[d**3 / 3, d**2 / 2], [d**2 / 2, d]])
        out[2 * t : 2 * t + 4, 2 * t : 2 * t + 4] += turn.T @ np.linalg.inv(scatter) @ turn
    return out


def world(seed, chains=2, frames=9, n=3, steep=False):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.1, frames))  # uneven, as after dropped frames
    y = rng.normal(0, 5, (chains, frames, n))
    precision = rng.uniform(0.5, 2, y.shape) * (rng.random(y.shape) < 0.8)
    eta2 = rng.uniform(1e3, 1e5, (chains, n))
    return Seen(y, precision, steep), times, eta2


def dense(field, times, eta2, m, k):
    """Mean and covariance of one coordinate, all at once."""
    frame = np.median(np.diff(times))
    whole = prior(times, eta2[m, k], (frame / 100.0) ** 2)
    whole[::2, ::2] += np.diag(field.precision[m, :, k])
    cov = np.linalg.inv(whole)
    right = np.zeros(len(whole))
    right[::2] = field.precision[m, :, k] * field.y[m, :, k]
    return cov @ right, cov


def test_one_step_is_the_dense_solution_at_uneven_times():
    field, times, eta2 = world(0)
    joined = glide.links(times, eta2, 100.0)
    found = glide.descend(field, joined, np.zeros_like(field.y), 1e-9, 3)
    covs = glide.spread(field.precision[..., None] * np.eye(3), joined)
    assert found.settled.all()
    for m in range(2):
        total = 0.0
        for k in range(3):
            mean, cov = dense(field, times, eta2, m, k)
            assert np.allclose(found.x[m, :, k], mean[::2], rtol=1e-7, atol=1e-8)
            assert np.allclose(found.velocity[m, :, k], mean[1::2], rtol=1e-6, atol=1e-6)
            assert np.allclose(covs.covariance[m, :, k, k], np.diag(cov)[::2], rtol=1e-6)
            total -= np.linalg.slogdet(cov)[1]
        # velocities in units a usual frame
        total -= 2 * 3 * len(times) * np.log(joined.frame)
        assert np.isclose(covs.log_determinant[m], total, rtol=1e-9)


def test_ends_where_a_general_minimiser_ends():
    field, times, eta2 = world(1, chains=1, frames=5, n=2, steep=True)
    joined = glide.links(times, eta2, 100.0)
    found = glide.descend(field, joined, np.full_like(field.y, 20.0), 1e-9, 200)
    frame = np.median(np.diff(times))
    parts = [prior(times, eta2[0, k], (frame / 100.0) ** 2) for k in range(2)]
    # velocities left out of the search: their best is known given positions
    parts = [
        whole[::2, ::2]
        - whole[::2, 1::2] @ linalg.solve(whole[1::2, 1::2], whole[1::2, ::2], assume_a="pos")
        for whole in parts
    ]

    def energy(flat):
        x = flat.reshape(5, 2)
        own = field.look(x[None], np.array([0])).energy.sum()
        return own + sum(x[:, k] @ parts[k] @ x[:, k] for k in range(2)) / 2

    other = optimize.minimize(energy, field.y[0].ravel(), tol=1e-12)
    assert np.isclose(found.energy[0], other.fun, rtol=1e-6)
    assert np.allclose(found.x[0].ravel(), other.x, atol=0.01)


def test_a_frame_that_was_dropped_is_a_frame_that_nobody_saw():
    field, times, eta2 = world(2, frames=12)
    field.precision[:, [4, 5, 8]] = 0.0
    keep = np.array([t for t in range(12) if t not in (4, 5, 8)])
    short = field.of(keep)
    joined, fewer = glide.links(times, eta2, 1e6), glide.links(times[keep], eta2, 1e6)
    whole = glide.descend(field, joined, np.zeros_like(field.y), 1e-9, 5)
    other = glide.descend(short, fewer, np.zeros_like(short.y), 1e-9, 5)
    assert np.allclose(whole.x[:, keep], other.x, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_moment_stays_where_it_was_seen(frames):
    field, times, eta2 = world(3, frames=frames)
    field.precision[:] = 1.0
    joined = glide.links(times, eta2, 100.0)
    found = glide.descend(field, joined, np.zeros_like(field.y), 1e-9, 5)
    covs = glide.spread(field.precision[..., None] * np.eye(3), joined)
    assert np.allclose(found.x, field.y, atol=0.01)
    assert np.isfinite(covs.covariance).all()


def test_information_that_is_no_minimum_is_said_and_made_flat():
    _, times, eta2 = world(4)
    own = np.tile(np.eye(3), (2, 9, 1, 1))
    own[1, 2, 0, 0] = -1e9
    got = glide.spread(own, glide.links(times, eta2, 100.0))
    assert got.proper.tolist() == [True, False]
    assert np.linalg.eigvalsh(got.covariance).min() > 0
