"""Poses made by a switching linear dynamical system: syllables whose law is known exactly.

A Markov chain of syllables z; latents x that go round a centre of their own in each syllable,
x_t ~ N(A_z x_{t-1} + b_z, Q_z); keypoints linear in x, in the frame of the body; the body walks
and turns over the floor. The model is that of Weinreb et al. (2024), Nature Methods 21:1329.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import ortho_group

from gambol.core.errors import InputError
from gambol.simulate import behaviors
from gambol.simulate.behaviors import Body, Performed
from gambol.simulate.body3d import Animal


class Law(NamedTuple):
    """Parameters of S syllables over D latents."""

    trans: Float[np.ndarray, "S S"]  # p(syllable j | syllable i before)
    dynamics: Float[np.ndarray, "S D D"]  # A, on one lag
    bias: Float[np.ndarray, "S D"]  # b
    noise: Float[np.ndarray, "S D D"]  # Q
    loadings: Float[np.ndarray, "J d D"]  # H, mm; the columns of each axis sum to 0
    offset: Float[np.ndarray, "J d"]  # c, mm; sums to 0


class Switched(NamedTuple):
    """What was drawn."""

    performed: Performed  # `label` holds the syllables; free of noise
    latent: Float[np.ndarray, "T D"]
    law: Law


def law(
    rng: np.random.Generator,
    *,
    syllables: int = 6,
    dims: int = 4,
    space: int = 2,
    animal: Animal = "mouse",
    duration_s: float | int = 0.4,
    fps: float | int = 30.0,
    spread: float | int = 1.5,
    amplitude: float = 0.035,
) -> Law:
    """Draw the law of syllables.

    Args:
        rng: draws it.
        syllables: S.
        dims: D, at most 2 J.
        space: d, 2 or 3.
        animal: whose body.
        duration_s: mean length of a bout.
        fps: frames a second.
        spread: sd of the centres, in units of the sd of x about a centre; more is easier.
        amplitude: rms displacement of a keypoint, lengths of the body, if bouts were long;
            in short ones latents are still on their way to the centre, and it is more.
    """
    frames = duration_s * fps
    if not frames > 1.0 or syllables < 2:
        raise InputError(
            f"{syllables} syllables of {frames:g} frames; give two or more, longer than 1 frame"
        )
    trans = rng.dirichlet(np.ones(syllables - 1), syllables) / frames
    trans = np.stack([np.insert(row, s, 1.0 - 1.0 / frames) for s, row in enumerate(trans)])
    dynamics = np.stack([_spiral(rng, dims, fps) for _ in range(syllables)])
    centres = rng.normal(size=(syllables, dims)) * spread
    bias = np.einsum("sij,sj->si", np.eye(dims) - dynamics, centres)
    # A is a rotation times a number, so this keeps the covariance about a centre at I
    noise = np.eye(dims) - np.einsum("sij,skj->sik", dynamics, dynamics)
    body = behaviors.body(animal)
    offset = body.rest[:, :space] - body.rest[:, :space].mean(axis=0)
    loadings = modes(rng, body, dims, space)
    scale = amplitude * behaviors.length(body)
    scale /= np.sqrt((loadings**2).sum(axis=(1, 2)).mean() * (1.0 + spread**2))
    return Law(trans, dynamics, bias, noise, loadings * scale, offset)


def sample(
    rng: np.random.Generator,
    law: Law,
    n_frames: int,
    *,
    animal: Animal = "mouse",
    fps: float | int = 30.0,
    roam: float | int = 0.3,
) -> Switched:
    """Draw a recording.

    Args:
        rng: draws it.
        law: of the syllables.
        n_frames: T.
        animal: whose body; that of the law.
        fps: frames a second; that of the law.
        roam: sd of its speed over the floor, mm/s, in each direction; its heading drifts by
            a hundredth of that in rad/s.
    """
    z = _chain(rng, law.trans, n_frames)
    roots = np.linalg.cholesky(law.noise)
    shocks = rng.standard_normal((n_frames, law.bias.shape[1]))
    x = np.empty_like(shocks)
    start = np.linalg.solve(np.eye(x.shape[1]) - law.dynamics[z[0]], law.bias[z[0]])
    now = start + shocks[0]
    for t, s in enumerate(z):
        if t:
            now = law.dynamics[s] @ now + law.bias[s] + roots[s] @ shocks[t]
        x[t] = now
    shape = np.einsum("jde,te->tjd", law.loadings, x) + law.offset
    wander = behaviors.drift(rng, n_frames, 3, fps)
    heading = rng.uniform(-np.pi, np.pi) + np.cumsum(roam * wander[:, 2]) / fps
    way = roam * behaviors.length(behaviors.body(animal)) * wander[:, :2]
    centroid = np.zeros((n_frames, shape.shape[2]))
    centroid[:, :2] = np.cumsum(way, axis=0) / fps
    xy = behaviors.turn(shape, heading) + centroid[:, None]
    times = np.arange(n_frames) / fps
    body = behaviors.body(animal)
    return Switched(Performed(xy, z, centroid, heading, times, fps, body), x, law)


def modes(
    rng: np.random.Generator, body: Body, dims: int, space: int
) -> Float[np.ndarray, "J d D"]:
    """Return orthonormal deformations of a body that neither move nor turn it.

    They are mixtures of small bends of its joints.
    """
    n, step = len(body.skeleton), 1e-4
    bends = step * np.eye(2 * n)
    bent = behaviors.articulate(body, bends[:, :n], bends[:, n:])[..., :space]
    slopes = (bent - body.rest[:, :space]) / step
    slopes -= slopes.mean(axis=1, keepdims=True)
    flat = slopes.reshape(2 * n, -1).T @ rng.normal(size=(2 * n, dims))
    rest = body.rest[:, :space] - body.rest[:, :space].mean(axis=0)
    turning = np.zeros_like(rest)
    turning[:, 0], turning[:, 1] = -rest[:, 1], rest[:, 0]
    first = turning.reshape(-1, 1)
    basis = np.linalg.qr(np.concatenate([first, flat], axis=1))[0][:, 1:]
    return basis.reshape(*rest.shape, dims)


def _spiral(rng: np.random.Generator, dims: int, fps: float | int) -> Float[np.ndarray, "D D"]:
    """Draw dynamics that go round at 0.5 to 4 Hz in planes of their own, and fade in 0.5 s."""
    turn = np.eye(dims)
    for plane in range(dims // 2):
        angle = 2 * np.pi * rng.uniform(0.5, min(4.0, fps / 6)) / fps
        cos, sin = np.cos(angle), np.sin(angle)
        turn[2 * plane : 2 * plane + 2, 2 * plane : 2 * plane + 2] = [[cos, -sin], [sin, cos]]
    axes = ortho_group.rvs(dims, random_state=rng) if dims > 1 else np.eye(1)
    return np.exp(-1.0 / (0.5 * fps)) * axes @ turn @ axes.T


def _chain(
    rng: np.random.Generator, trans: Float[np.ndarray, "S S"], n_frames: int
) -> Int[np.ndarray, " T"]:
    """Draw a chain that begins anywhere."""
    edges = np.cumsum(trans, axis=1)
    draws = rng.random(n_frames)
    z = np.empty(n_frames, dtype=np.int64)
    state = int(rng.integers(len(trans)))
    for t in range(n_frames):
        if t:
            state = min(int(np.searchsorted(edges[state], draws[t])), len(trans) - 1)
        z[t] = state
    return z
