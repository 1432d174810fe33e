"""A film of which detectors name two peaks; where sides are mixed up, the second is right."""

import numpy as np
from filmed import SKELETON, ring, see, walk

LEFT, RIGHT = 3, 4


def film(frames=150, views=4, swaps=0.1, both=0.4, seed=0, noise=1.5):
    """Truth, rig, peaks (T, V, J, 2, 2), scores, and where the first is of the other side.

    A share `both` of the right ones has the other side as second peak.
    """
    rng = np.random.default_rng(seed)
    rig, xyz = ring(views), walk(frames, seed)
    uv = see(xyz, rig, noise=noise, seed=seed)
    first, second = uv.copy(), np.full_like(uv, np.nan)
    score = np.stack([rng.uniform(0.6, 0.95, uv.shape[:3]), np.full(uv.shape[:3], np.nan)], -1)
    swapped = np.zeros(uv.shape[:3], bool)
    for j in (LEFT, RIGHT):
        other = uv[:, :, LEFT + RIGHT - j] + rng.normal(0, noise, uv[:, :, j].shape)
        swapped[:, :, j] = rng.random(uv.shape[:2]) < swaps
        named = swapped[:, :, j] | (rng.random(uv.shape[:2]) < both)
        wrong = swapped[:, :, j, None]
        first[:, :, j] = np.where(wrong, other, uv[:, :, j])
        second[:, :, j] = np.where(wrong, uv[:, :, j], other)
        second[:, :, j][~named] = np.nan
        lower = rng.uniform(0.2, 0.5, named.shape)
        score[:, :, j, 1] = np.where(named, lower, np.nan)
        score[:, :, j, 0] = np.where(swapped[:, :, j], rng.uniform(0.5, 0.8, named.shape),
                                     score[:, :, j, 0])  # fmt: skip
    return xyz, rig, np.stack([first, second], -2), score, swapped


__all__ = ["LEFT", "RIGHT", "SKELETON", "film"]
