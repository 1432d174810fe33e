"""The search for the most likely poses on a GPU: windows are the batch, time is the loop.

The same density, expectations and steps as `multiview.density` and `multiview.gimbal` (there
said in full), with headings about one axis and independent states; analytic derivatives, no
autograd. Each of the T steps of the factorisation is one batched Cholesky of (W, 3J, 3J).
All windows have the same number of frames; each halves its own steps until its energy falls.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gambol.nn.pose_cameras import project

SMALL = 0.02  # κ below which series are more exact than differences
LOG_4PI = math.log(4 * math.pi)
HALVINGS = 12
FAR = 1e4  # px, the residual of a point that a camera cannot see though it is said to


class Windows(NamedTuple):
    """W windows of T frames of one recording: what the density knows."""

    xy: Float[Tensor, "W T V J 2"]  # px; NaN: not seen
    params: Float[Tensor, "V 24"]  # `kernels.projection`
    inlier: Float[Tensor, "W T V J"]  # ω₀², px²
    outlier: Float[Tensor, "V J"]  # ω₁², px²
    prior: Float[Tensor, "W T V J"]  # probability of an outlier
    chain: Float[Tensor, "W G J"]  # 1 / (η² Δt); G = T - 1
    parent: Int[Tensor, " J"]  # -1: none
    length: Float[Tensor, " J"]  # ρ
    variance: Float[Tensor, " J"]  # σ²
    log_weights: Float[Tensor, " S"]
    directions: Float[Tensor, "S J 3"]  # ν
    concentration: Float[Tensor, "S J"]  # κ
    up: Float[Tensor, " 3"]
    anchor: Float[Tensor, "J 3"]
    hold: Float[Tensor, " J"]


class State(NamedTuple):
    """All windows at one trajectory."""

    xyz: Float[Tensor, "W T J 3"]
    turn: Float[Tensor, "W T 3 3"]
    energy: Float[Tensor, " W"]
    probs: Float[Tensor, "W T S"]
    directions: Float[Tensor, "W T J 3"]  # E[u]
    turning: Float[Tensor, "W T 3 3"]  # Σ E[κ u νᵀ], u as the animal sees it
    slope: Float[Tensor, "W T J 3"]  # of the observations' energy
    blocks: Float[Tensor, "W T J 3 3"]  # Σ w JᵀJ
    outlier: Float[Tensor, "W T V J"]  # z̄; 0 where not seen


def fit(
    given: Windows,
    xyz: Float[Tensor, "W T J 3"],
    turn: Float[Tensor, "W T 3 3"],
    steps: int = 100,
    tolerance: float = 0.01,
) -> State:
    """Step until no window gains more than the tolerance, as in `gimbal.fit`."""
    at = evaluate(given, xyz, turn)
    enough = tolerance * math.sqrt(xyz.shape[1] * xyz.shape[2])
    for _ in range(steps):
        now = step(given, at)
        gained = float((at.energy - now.energy).max())  # a sync point
        at = now
        if gained < enough:
            break
    return at


def evaluate(
    given: Windows, xyz: Float[Tensor, "W T J 3"], turn: Float[Tensor, "W T 3 3"]
) -> State:
    """Take every expectation at one trajectory and heading."""
    energy, slope, blocks, outlier = _observed(given, xyz)
    has = given.parent >= 0
    delta = torch.where(has[:, None], xyz - xyz[:, :, given.parent], 0.0)
    stretch = ((delta**2).sum(-1) + given.length**2) / given.variance
    energy = energy + torch.where(has, stretch, 0.0).sum((1, 2)) / 2
    walked = (given.chain * (xyz.diff(dim=1) ** 2).sum(-1)).sum((1, 2))
    held = (given.hold * ((xyz[:, 0] - given.anchor) ** 2).sum(-1)).sum(1)
    energy = energy + (walked + held) / 2
    pull = torch.where(has, given.length / given.variance, 0.0)
    seen = torch.einsum("wtba,wtjb->wtja", turn, delta) * pull[:, None]
    own = given.concentration[..., None] * given.directions  # (S, J, 3)
    sharp = seen[:, :, None] + own  # (W, T, S, J, 3)
    kappa = sharp.norm(dim=-1)
    fits = torch.where(has, log_normalizer(given.concentration) - log_normalizer(kappa), 0.0)
    scores = given.log_weights + fits.sum(-1)
    energy = energy - scores.logsumexp(-1).sum(1)
    probs = scores.softmax(-1)
    share = torch.where(has, probs[..., None] * mean_length(kappa), 0.0)
    mean = (share / kappa.clamp_min(1e-30))[..., None] * sharp  # q E[u]; (W, T, S, J, 3)
    turning = torch.einsum("wtsja,sjb->wtab", mean, own)
    directions = torch.einsum("wtab,wtsjb->wtja", turn, mean)
    return State(xyz, turn, energy, probs, directions, turning, slope, blocks, outlier)


def step(given: Windows, at: State) -> State:
    """Take one EM iteration in every window; where no step lowers the energy it stays."""
    turn = _turned(given, at)
    move = solve(
        _blocks(given, at.blocks), given.chain.repeat_interleave(3, -1), -_slope(given, at)
    )
    move = move.reshape(at.xyz.shape)
    best = at
    open_ = torch.ones_like(at.energy, dtype=torch.bool)
    for halving in range(HALVINGS):
        there = evaluate(given, at.xyz + move / 2**halving, turn)
        better = open_ & (there.energy <= at.energy)
        best = State(*(_where(better, new, old) for new, old in zip(there, best, strict=True)))
        open_ = open_ & ~better
        if not bool(open_.any()):  # a sync point
            break
    return best


def solve(
    blocks: Float[Tensor, "W T B B"],
    chain: Float[Tensor, "W G B"],
    right: Float[Tensor, "W T B"],
) -> Float[Tensor, "W T B"]:
    """Solve block-tridiagonal systems, -diag(chain) beside the diagonal, as `kernels.band`."""
    frames = blocks.shape[1]
    roots: list[Tensor] = []
    sums: list[Tensor] = []
    for t in range(frames):
        pivot, total = blocks[:, t], right[:, t]
        if t > 0:
            link = chain[:, t - 1]
            inverse = torch.cholesky_inverse(roots[-1])
            pivot = pivot - link[:, :, None] * inverse * link[:, None, :]
            total = total + link * _divide(roots[-1], sums[-1])
        roots.append(torch.linalg.cholesky(pivot))
        sums.append(total)
    out = [_divide(roots[-1], sums[-1])]
    for t in range(frames - 2, -1, -1):
        out.append(_divide(roots[t], sums[t] + chain[:, t] * out[-1]))
    return torch.stack(out[::-1], dim=1)


def log_normalizer(kappa: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return log C(κ) of the von Mises-Fisher distribution."""
    k2 = kappa**2
    safe = kappa.clamp_min(SMALL)
    large = (2 * safe).log() - LOG_4PI - safe - torch.log1p(-torch.exp(-2 * safe))
    return torch.where(kappa < SMALL, -LOG_4PI - k2 / 6 + k2**2 / 180, large)


def mean_length(kappa: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return A(κ) = coth κ - 1/κ."""
    k2 = kappa**2
    safe = kappa.clamp_min(SMALL)
    small = kappa * (1 / 3 - k2 / 45 + 2 * k2**2 / 945)
    return torch.where(kappa < SMALL, small, 1 / torch.tanh(safe) - 1 / safe)


def _observed(
    given: Windows, xyz: Float[Tensor, "W T J 3"]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Energy, slope, Σ w JᵀJ and outlier probabilities of the observations."""
    uv, jac, valid = project(xyz, given.params)
    there = torch.isfinite(given.xy).all(-1)
    inside = (there & valid)[..., None]
    r = torch.where(inside, given.xy.nan_to_num() - uv, 0.0)
    square = torch.where(valid, (r**2).sum(-1), FAR**2)
    good = torch.log1p(-given.prior) - (2 * math.pi * given.inlier).log()
    good = good - square / (2 * given.inlier)
    bad = given.prior.log() - (2 * math.pi * given.outlier).log() - square / (2 * given.outlier)
    energy = -torch.where(there, torch.logaddexp(good, bad), 0.0).sum((1, 2, 3))
    z = torch.where(there, torch.sigmoid(bad - good), 0.0)
    z = torch.where(valid | ~there, z, 1.0)
    weight = torch.where(inside[..., 0], (1 - z) / given.inlier + z / given.outlier, 0.0)
    slope = -torch.einsum("wtvj,wtvjab,wtvja->wtjb", weight, jac, r)
    blocks = torch.einsum("wtvj,wtvjab,wtvjac->wtjbc", weight, jac, jac)
    return energy, slope, blocks, z


def _slope(given: Windows, at: State) -> Float[Tensor, "W T B"]:
    """The derivative of the energy by positions."""
    out = at.slope.clone()
    walked = given.chain[..., None] * at.xyz.diff(dim=1)
    out[:, :-1] -= walked
    out[:, 1:] += walked
    out[:, 0] += given.hold[:, None] * (at.xyz[:, 0] - given.anchor)
    for j, p in _bones(given):
        delta = at.xyz[:, :, j] - at.xyz[:, :, p]
        push = (delta - given.length[j] * at.directions[:, :, j]) / given.variance[j]
        out[:, :, j] += push
        out[:, :, p] -= push
    return out.flatten(2)


def _blocks(given: Windows, own: Float[Tensor, "W T J 3 3"]) -> Float[Tensor, "W T B B"]:
    """The bound on the energy's curvature."""
    count, frames, joints = own.shape[:3]
    tied = own.new_zeros(joints, joints)
    for j, p in _bones(given):
        precision = 1 / given.variance[j]
        tied[j, j] += precision
        tied[p, p] += precision
        tied[j, p] -= precision
        tied[p, j] -= precision
    walk = own.new_zeros(count, frames, joints)
    walk[:, :-1] += given.chain
    walk[:, 1:] += given.chain
    walk[:, 0] += given.hold
    eye = torch.eye(3, dtype=own.dtype, device=own.device)
    out = torch.einsum("jk,ab->jakb", tied, eye).expand(count, frames, -1, -1, -1, -1).clone()
    each = torch.arange(joints, device=own.device)
    diagonal = own + walk[..., None, None] * eye
    out[:, :, each, :, each, :] += diagonal.permute(2, 0, 1, 3, 4)
    return out.reshape(count, frames, 3 * joints, 3 * joints)


def _turned(given: Windows, at: State) -> Float[Tensor, "W T 3 3"]:
    """The best turns about `up`: `gimbal.turned`."""
    own = at.turn[0, 0].T @ given.up
    m = at.turning
    swirl = torch.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]],
        -1,
    )
    level = m.diagonal(dim1=-2, dim2=-1).sum(-1) - torch.einsum("a,wtab,b->wt", own, m, own)
    angle = torch.atan2(swirl @ own, level)
    x, y, z = given.up
    zero = torch.zeros_like(x)
    k = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    s, c = angle.sin()[..., None, None], angle.cos()[..., None, None]
    eye = torch.eye(3, dtype=k.dtype, device=k.device)
    return (eye + s * k + (1 - c) * (k @ k)) @ at.turn


def _bones(given: Windows) -> list[tuple[int, int]]:
    return [(j, p) for j, p in enumerate(given.parent.tolist()) if p >= 0]


def _divide(root: Float[Tensor, "W B B"], right: Float[Tensor, "W B"]) -> Float[Tensor, "W B"]:
    return torch.cholesky_solve(right[..., None], root)[..., 0]


def _where(better: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Windows of the new where it is better."""
    return torch.where(better.reshape(-1, *(1,) * (new.dim() - 1)), new, old)
