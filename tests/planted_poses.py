"""Poses drawn from the models of `multiview.smooth` and `multiview.articulated`, and filmed."""

import numpy as np
from rings import ring

from gambol.core.skeleton import Skeleton
from gambol.kernels import band, projection
from gambol.multiview import smooth
from gambol.multiview.bones import Bones
from gambol.multiview.noise import Noise, Observations
from gambol.multiview.smooth import Model
from gambol.multiview.tiers.base import Problem

PARENT = (-1, 0, 1, 1, 0, 4)
NAMES = ("hip", "neck", "nose", "paw", "tail", "tip")
LENGTH = np.array([0.0, 60.0, 25.0, 30.0, 40.0, 35.0])  # mm
SKELETON = Skeleton(NAMES, PARENT)
STEP = 4.0  # mm, sd of an axis in a second


def bones(sd=1.0):
    return Bones(np.array(PARENT), LENGTH, np.where(LENGTH > 0, sd**2, 1.0))


def walks(rng, frames=120, step=STEP):
    """Keypoints that each walk by themselves, from where they are in a pose."""
    way = np.cumsum(rng.normal(0, step, (frames, len(PARENT), 3)), axis=0)
    return way - way.mean(0) + rng.normal(0, 30, (len(PARENT), 3))


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
    stiff = np.zeros((joints, joints))
    for j in hung:
        ends = np.array([j, tied.parent[j]])
        stiff[np.ix_(ends, ends)] += np.array([[1, -1], [-1, 1]]) / tied.variance[j]
    walk = np.repeat(1 / step**2, 3)
    chain = np.tile(walk, (frames - 1, 1))
    blocks = np.tile(np.kron(stiff, np.eye(3)) + 1e-6 * np.eye(3 * joints), (frames, 1, 1))
    blocks[1:] += np.diag(walk)
    blocks[:-1] += np.diag(walk)
    factored = band.factor(blocks, chain)
    for _ in range(sweeps):
        push = np.zeros((frames, joints, 3))
        for j in hung:
            pull = tied.length[j] / tied.variance[j]
            u = direction(rng, x[:, j] - x[:, tied.parent[j]], pull)
            push[:, j] += pull * u
            push[:, tied.parent[j]] -= pull * u
        mean = band.solve(factored, push.reshape(frames, -1))
        x = (mean + band.draw(rng, factored)).reshape(frames, joints, 3)
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
    return Problem(*data, skeleton, np.array([0.0, 0.0, 1.0]))


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
