"""Poses drawn from the models of `multiview.smooth` and `multiview.articulated`, and filmed."""

import numpy as np
from rings import ring

from gambol.core.skeleton import Skeleton
from gambol.kernels import band, projection
from gambol.multiview import smooth
from gambol.multiview.bones import Bones, Edges
from gambol.multiview.noise import Noise, Observations
from gambol.multiview.smooth import Model
from gambol.multiview.tiers.base import Problem

PARENT = (-1, 0, 1, 1, 0, 4)
NAMES = ("hip", "neck", "nose", "paw", "tail", "tip")
LENGTH = np.array([0.0, 60.0, 25.0, 30.0, 40.0, 35.0])  # mm
SKELETON = Skeleton(NAMES, PARENT)
STEP = 4.0  # mm, sd of an axis in a second


PAIRS = np.array([[2, 3], [0, 3]])  # nose and paw, hip and paw: beyond the tree
APART = np.array([35.0, 70.0])


def bones(sd=1.0, edges=False):
    more = Edges(PAIRS, APART, np.full(2, sd**2)) if edges else None
    return Bones(np.array(PARENT), LENGTH, np.where(LENGTH > 0, sd**2, 1.0), more)


def walks(rng, frames=120, step=STEP):
    """Keypoints that each walk by themselves, from where they are in a pose."""
    way = np.cumsum(rng.normal(0, step, (frames, len(PARENT), 3)), axis=0)
    return way - way.mean(0) + rng.normal(0, 30, (len(PARENT), 3))


def glides(rng, times, step, count=6):
    """Keypoints whose velocities each walk by themselves, sd `step` a root second."""
    x, v = rng.normal(0, 30, (count, 3)), np.zeros((count, 3))
    out = [x]
    for d in np.diff(times):
        root = np.linalg.cholesky(np.array([[d**3 / 3, d**2 / 2], [d**2 / 2, d]]))
        far, turn = step * np.einsum("ab,bjk->ajk", root, rng.normal(size=(2, count, 3)))
        x, v = x + d * v + far, v + turn
        out.append(x)
    return np.array(out) - np.mean(out, axis=0) + out[0]


def poses(rng, frames=120, step=STEP, sd=1.0, sweeps=40, tied=None):
    """Draw from a random walk (sd a second) times bones, by turns of u | x and x | u."""
    tied = bones(sd) if tied is None else tied
    joints = len(tied.parent)
    step = np.broadcast_to(np.asarray(step, float), joints)
    hung = np.flatnonzero(tied.parent >= 0)
    x = np.cumsum(rng.normal(0, 1, (frames, joints, 3)), axis=0) * step[:, None]
    for j in hung:
        u = x[:, j] - x[:, j].mean(0) + tied.length[j] * direction(rng, np.eye(3)[:1], 0.0)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        x[:, j] = x[:, tied.parent[j]] + tied.length[j] * u
    stiff, every = np.zeros((joints, joints)), tied.all()
    for ends, variance in zip(every.ends, every.variance, strict=True):
        stiff[np.ix_(ends, ends)] += np.array([[1, -1], [-1, 1]]) / variance
    walk = np.repeat(1 / step**2, 3)
    chain = np.tile(walk, (frames - 1, 1))
    blocks = np.tile(np.kron(stiff, np.eye(3)) + 1e-6 * np.eye(3 * joints), (frames, 1, 1))
    blocks[1:] += np.diag(walk)
    blocks[:-1] += np.diag(walk)
    factored = band.factor(blocks, chain)
    for _ in range(sweeps):
        push = np.zeros((frames, joints, 3))
        for (j, p), length, variance in zip(*every, strict=True):
            u = direction(rng, x[:, j] - x[:, p], length / variance)
            push[:, j] += length / variance * u
            push[:, p] -= length / variance * u
        mean = band.solve(factored, push.reshape(frames, -1))
        x = (mean + band.draw(rng, factored)).reshape(frames, joints, 3)
    return x - x.mean((0, 1))


def gliding(times, step, weak):
    """Precision of (position and velocity, frame) of one coordinate whose velocity walks."""
    frames = len(times)
    out = np.zeros((frames, 2, frames, 2))
    out[np.arange(frames), 1, np.arange(frames), 1] = weak
    for t, d in enumerate(np.diff(times)):
        turn = np.hstack([-np.array([[1, d], [0, 1]]), np.eye(2)])
        scatter = step**2 * np.array([[d**3 / 3, d**2 / 2], [d**2 / 2, d]])
        part = turn.T @ np.linalg.inv(scatter) @ turn
        out[t : t + 2, :, t : t + 2] += part.reshape(2, 2, 2, 2)
    return out.transpose(1, 0, 3, 2)


def gliding_poses(rng, times, step, tied, sweeps=40):
    """As `poses`, of velocities that walk; all at once, by a whole matrix."""
    frames, joints = len(times), len(tied.parent)
    every, x = tied.all(), glides(rng, times, step)
    whole = np.zeros((2, frames, joints, 2, frames, joints))
    each = np.arange(joints)
    whole[:, :, each, :, :, each] += gliding(times, step, 1e-6)
    for (j, p), variance in zip(every.ends, every.variance, strict=True):
        for t in range(frames):
            whole[0, t, [j, j, p, p], 0, t, [j, p, j, p]] += np.array([1, -1, -1, 1]) / variance
    still = np.arange(frames)[:, None]
    whole[0, still, each, 0, still, each] += 1e-6
    root = np.linalg.cholesky(np.linalg.inv(whole.reshape(2 * frames * joints, -1)))
    for _ in range(sweeps):
        push = np.zeros((2, frames, joints, 3))
        for (j, p), length, variance in zip(*every, strict=True):
            u = direction(rng, x[:, j] - x[:, p], length / variance)
            push[0, :, j] += length / variance * u
            push[0, :, p] -= length / variance * u
        drawn = root @ (root.T @ push.reshape(-1, 3) + rng.normal(size=(len(root), 3)))
        x = drawn.reshape(push.shape)[0]
    return x - x.mean((0, 1))


def direction(rng, delta, factor):
    """u ∝ exp(factor Δ · u) on the sphere."""
    r = np.linalg.norm(delta, axis=1)
    kappa, n = np.maximum(factor * r, 1e-9), delta / r[:, None]
    low = np.exp(-2 * kappa)
    w = 1 + np.log(low + rng.random(len(r)) * (1 - low)) / kappa
    side = rng.normal(size=delta.shape)
    side -= (side * n).sum(1, keepdims=True) * n
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return w[:, None] * n + np.sqrt(np.maximum(1 - w**2, 0))[:, None] * side


def filmed(rng, x, views=6, px=3.0, missing=0.1, outliers=0.0, far=60.0, params=None):
    """Observations of poses, and which are outliers; px, outliers and far may be (V, J)."""
    params = ring(views).params() if params is None else params
    frames, joints = x.shape[:2]
    shape = frames, len(params), joints
    uv = projection.project(x.reshape(-1, 3), params).uv.reshape(-1, frames, joints, 2)
    xy = uv.transpose(1, 0, 2, 3).copy()
    wrong = rng.random(shape) < outliers
    sd = np.where(wrong, far, px)
    xy += sd[..., None] * rng.normal(size=xy.shape)
    xy[rng.random(shape) < missing] = np.nan
    return observed(xy, params), wrong


def observed(xy, params):
    shape = xy.shape[:3]
    return Observations(
        xy, np.ones(shape), np.full(shape, np.nan), params, np.arange(len(xy)) * 1.0
    )


def problem(data, skeleton=SKELETON):
    return Problem(*data[:5], skeleton, np.array([0.0, 0.0, 1.0]))._replace(
        candidates=data.candidates, score=data.score
    )


def error(x, truth):
    return np.linalg.norm(x - truth, axis=-1).mean()


def covered(found, truth):
    """Shares of the truth inside the 50 % and the 95 % ellipsoids."""
    off = truth - found.xyz
    d2 = np.einsum("tja,tjab,tjb->tj", off, np.linalg.inv(found.covariance), off)
    return (d2 < 2.366).mean(), (d2 < 7.815).mean()


def model(data, px=3.0, outliers=0.0, far=60.0, step=STEP):
    """The model that `filmed` films."""
    shape = data.confidence.shape[1:]
    noise = Noise(np.full(shape, px**2), np.full(shape, far**2), np.full(shape, outliers))
    return Model(noise, np.full(shape[1], step**2))


def run(data, given, x=None):
    """Smooth without bones."""
    x = smooth.start(data) if x is None else x
    return smooth.smooth(data, given, x, smooth.anchor(x, data.params))


def shipped(rat):
    """The rat's film, and the model of the parameters that came with it."""
    noise = Noise(
        rat.fitted["obs_inlier_variance"],
        rat.fitted["obs_outlier_variance"],
        rat.fitted["obs_outlier_probability"],
    )
    return observed(rat.xy, rat.params), Model(noise, rat.fitted["pos_dt_variance"])


def rat_starts(rat, data):
    return {
        "msac": smooth.start(data, "msac"),
        "dlt": smooth.start(data, "dlt"),
        "supplied": rat.supplied,
    }
