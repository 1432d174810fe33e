"""Points to pixels with derivatives, in torch: the twin of `kernels.projection`."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

PINHOLE, AFFINE = 0, 2


class Projected(NamedTuple):
    """Image points of V cameras; finite everywhere, to be trusted where valid."""

    uv: Float[Tensor, "W T V J 2"]
    jac: Float[Tensor, "W T V J 2 3"]
    valid: Bool[Tensor, "W T V J"]


def project(xyz: Float[Tensor, "W T J 3"], params: Float[Tensor, "V 24"]) -> Projected:
    """Project points into every camera."""
    each = [_one(xyz, camera) for camera in params]
    return Projected(*(torch.stack(parts, dim=2) for parts in zip(*each, strict=True)))


def _one(xyz: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rotation, shift = p[12:21].reshape(3, 3), p[21:24]
    if int(p[0]) == AFFINE:
        jac = rotation[:2].expand(*xyz.shape[:-1], 2, 3)
        every = torch.ones(xyz.shape[:-1], dtype=torch.bool, device=xyz.device)
        return xyz @ rotation[:2].T + shift[:2], jac, every
    inside = xyz @ rotation.T + shift
    ahead = inside[..., 2] > 0
    z = torch.where(ahead, inside[..., 2], 1.0)
    a, b = inside[..., 0] / z, inside[..., 1] / z
    x, y, xa, xb, yb, near = _distort(p, a, b)
    uv = torch.stack([p[1] * x + p[5] * y + p[3], p[2] * y + p[4]], -1)
    ua, ub = p[1] * xa + p[5] * xb, p[1] * xb + p[5] * yb  # ∂y/∂a = ∂x/∂b
    va, vb = p[2] * xb, p[2] * yb
    rows = torch.stack([ua, ub, -(ua * a + ub * b), va, vb, -(va * a + vb * b)], -1).reshape(
        *xyz.shape[:-1], 2, 3
    )
    valid = ahead & near
    kept = valid[..., None]
    jac = torch.where(kept[..., None], rows @ rotation / z[..., None, None], 0.0)
    return torch.where(kept, uv, 0.0), jac, valid


def _distort(p: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """x, y, ∂x/∂a, ∂x/∂b = ∂y/∂a, ∂y/∂b, and whether it lies before the fold."""
    q = a * a + b * b
    if int(p[0]) == PINHOLE:
        k1, k2, p1, p2, k3 = p[6], p[7], p[8], p[9], p[10]
        d = 1 + q * (k1 + q * (k2 + q * k3))
        d1 = k1 + q * (2 * k2 + 3 * k3 * q)
        x = a * d + 2 * p1 * a * b + p2 * (q + 2 * a * a)
        y = b * d + p1 * (q + 2 * b * b) + 2 * p2 * a * b
        xa = d + 2 * a * a * d1 + 2 * p1 * b + 6 * p2 * a
        xb = 2 * a * b * d1 + 2 * p1 * a + 2 * p2 * b
        yb = d + 2 * b * b * d1 + 6 * p1 * b + 2 * p2 * a
        return x, y, xa, xb, yb, q < p[11]
    r = q.sqrt().clamp_min(1e-9)
    s = torch.atan(r) ** 2
    td = s.sqrt() * (1 + s * (p[6] + s * (p[7] + s * (p[8] + s * p[9]))))
    slope = 1 + s * (3 * p[6] + s * (5 * p[7] + s * (7 * p[8] + s * 9 * p[9])))
    g = td / r
    h = (slope / (1 + r * r) - g) / (r * r)
    return a * g, b * g, g + a * a * h, a * b * h, g + b * b * h, s < p[11]
