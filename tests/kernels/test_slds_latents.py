"""Latents against dense Gaussian conditioning."""

import numpy as np
import pytest

from gambol.kernels import arhmm, slds_latents
from gambol.kernels.slds_frames import Body, Course


def turn(h, d):
    out = np.eye(d)
    out[:2, :2] = [[np.cos(h), -np.sin(h)], [np.sin(h), np.cos(h)]]
    return out


def world(seed, n=3, dims=2, lags=2, frames=9, points=3, d=2):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, dims, dims)) + 2 * np.eye(dims)
    ab = rng.standard_normal((n, dims, lags * dims + 1)) / 2
    known = arhmm.Dynamics(ab, root @ root.transpose(0, 2, 1))
    body = Body(rng.standard_normal((points, d, dims)), rng.standard_normal((points, d)))
    course = Course(
        rng.standard_normal((frames, points, d)), rng.standard_normal((frames, d)),
        rng.uniform(-3, 3, frames),
    )  # fmt: skip
    weight = rng.random((frames, points))
    weight[1:2, 0] = 0.0
    weight[max(1, frames // 2) :][:1] = 0.0
    z = rng.integers(n, size=max(0, frames - lags)).astype(np.uint8)
    return known, body, course, weight, z


def dense(known, body, course, weight, z, lags):
    """Precision and information of all frames at once."""
    frames, dims = len(weight), body.loads.shape[2]
    p, b = np.zeros((frames * dims,) * 2), np.zeros(frames * dims)
    for t in range(frames):
        own = slice(t * dims, (t + 1) * dims)
        if t < lags:
            p[own, own] += np.eye(dims) / 10
        else:
            ab, q = known.ab[z[t - lags]], known.q[z[t - lags]]
            step = np.hstack([-ab[:, :-1], np.eye(dims)])
            wide = slice((t - lags) * dims, (t + 1) * dims)
            p[wide, wide] += step.T @ np.linalg.solve(q, step)
            b[wide] += step.T @ np.linalg.solve(q, ab[:, -1])
        for k in range(weight.shape[1]):
            h = body.loads[k]
            back = turn(course.heading[t], h.shape[0]).T @ (
                course.xy[t, k] - course.centroid[t]
            )
            p[own, own] += weight[t, k] * h.T @ h
            b[own] += weight[t, k] * h.T @ (back - body.offset[k])
    return p, b


SHAPES = [
    dict(seed=0), dict(seed=1, d=3, dims=3, points=4), dict(seed=2, dims=5, lags=3, frames=23),
    dict(seed=3, frames=2), dict(seed=4, frames=1), dict(seed=5, dims=1, lags=1, points=2),
    dict(seed=6, dims=7, lags=1, n=1),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_means_are_those_of_dense_conditioning(shape):
    known, body, course, weight, z = world(**shape)
    p, b = dense(known, body, course, weight, z, shape.get("lags", 2))
    want = np.linalg.solve(p, b).reshape(len(weight), -1)
    added = slds_latents.joins(arhmm.lay(known))
    for block in (1000, 4):
        mean = slds_latents.draw(None, z, added, body, course, weight, block)
        np.testing.assert_allclose(mean, want, atol=1e-10)


def test_draws_have_the_covariance_of_dense_conditioning():
    known, body, course, weight, z = world(0)
    p, b = dense(known, body, course, weight, z, 2)
    added, rng, n = slds_latents.joins(arhmm.lay(known)), np.random.default_rng(0), 20_000
    drawn = np.array(
        [slds_latents.draw(rng, z, added, body, course, weight).ravel() for _ in range(n)]
    )
    spread = np.linalg.inv(p)
    rest = drawn - np.linalg.solve(p, b)
    products = rest[:, :, None] * rest[:, None, :]
    assert (abs(rest.mean(0)) < 4.5 * rest.std(0) / np.sqrt(n)).all()
    assert (abs(products.mean(0) - spread) < 4.5 * products.std(0) / np.sqrt(n)).all()


def test_blocks_change_no_bit():
    known, body, course, weight, z = world(7, frames=50)
    added = slds_latents.joins(arhmm.lay(known))
    whole, cut = (
        slds_latents.draw(np.random.default_rng(0), z, added, body, course, weight, block)
        for block in (1000, 50)
    )
    assert (whole == cut).all()
