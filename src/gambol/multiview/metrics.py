"""How good 3D poses are: distances to a truth, and what can be said without one.

Distances are pooled over all visible (frame, keypoint) pairs unless a name says otherwise.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.skeleton import Skeleton
from gambol.kernels import bootstrap, projection, rotation

BLOCK = 5  # frames that the bootstrap draws together: neighbours err alike
INSIDE = {0.5: 2.366, 0.95: 7.815}  # χ² with 3 degrees of freedom


class Distances(NamedTuple):
    """Errors against a truth, in its units."""

    mpe: float  # mean distance
    mpe_interval: tuple[float, float]  # 95 %, bootstrap over blocks of frames
    median: float
    p95: float
    mpe_rpa: float  # after per-frame rotation and translation
    mpe_rpa_interval: tuple[float, float]
    mean_of_keypoints: float  # mean over keypoints of their mean distance
    keypoints: dict[str, float]  # mean distance of each; NaN where the truth has none
    keypoints_rpa: dict[str, float]
    n: int
    missing: int  # points that the truth has and the result has not


def distances(
    xyz: Float[np.ndarray, "T J 3"],
    truth: Float[np.ndarray, "T J 3"],
    names: tuple[str, ...],
    *,
    score: Bool[np.ndarray, " J"] | None = None,
    seed: int = 0,
) -> Distances:
    """Compare positions with the truth.

    Args:
        xyz: what was found; NaN where nothing was.
        truth: NaN where it is not known.
        names: of the keypoints.
        score: keypoints whose distances count; alignment always uses all.
        seed: of the bootstrap.
    """
    counted = np.isfinite(truth).all(-1)
    found = counted & np.isfinite(xyz).all(-1)
    if score is not None:
        counted, found_scored = counted & score, found & score
    else:
        found_scored = found
    raw = np.where(found_scored, np.linalg.norm(xyz - truth, axis=-1), np.nan)
    near = np.linalg.norm(aligned(xyz, truth, found) - truth, axis=-1)
    near = np.where(found_scored, near, np.nan)
    by_name, by_name_rpa = _by_keypoint(raw, names), _by_keypoint(near, names)
    return Distances(
        _mean(raw), _interval(raw, seed),
        float(np.nanmedian(raw)) if found_scored.any() else np.nan,
        float(np.nanquantile(raw, 0.95)) if found_scored.any() else np.nan,
        _mean(near), _interval(near, seed),
        _mean(np.array(list(by_name.values()))), by_name, by_name_rpa,
        int(found_scored.sum()), int((counted & ~found_scored).sum()),
    )  # fmt: skip


def aligned(
    xyz: Float[np.ndarray, "T J 3"],
    truth: Float[np.ndarray, "T J 3"],
    use: Bool[np.ndarray, "T J"],
) -> Float[np.ndarray, "T J 3"]:
    """Turn and shift every frame onto the truth: no scale, no reflection (Kabsch).

    NaN where fewer than three points are used, or they lie on one line.
    """
    count = use.sum(1)
    weight = use[..., None] / np.maximum(count, 1)[:, None, None]
    here, there = np.where(use[..., None], xyz, 0), np.where(use[..., None], truth, 0)
    mid, mid_true = (weight * here).sum(1), (weight * there).sum(1)
    a = np.where(use[..., None], here - mid[:, None], 0)
    b = np.where(use[..., None], there - mid_true[:, None], 0)
    spread = np.einsum("tji,tjk->tik", b, a)
    turn = rotation.nearest(spread)
    out = np.einsum("tik,tjk->tji", turn, xyz - mid[:, None]) + mid_true[:, None]
    flat = np.linalg.svd(b, compute_uv=False)[:, 1] < 1e-9 * np.maximum(
        1e-12, np.linalg.svd(b, compute_uv=False)[:, 0]
    )
    out[(count < 3) | flat] = np.nan
    return out


def coverage(
    xyz: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"],
    truth: Float[np.ndarray, "T J 3"],
) -> dict[float, float]:
    """Return the share of true points within the 50 % and 95 % ellipsoids."""
    off = (xyz - truth).reshape(-1, 3)
    flat = covariance.reshape(-1, 3, 3)
    known = np.isfinite(off).all(-1) & np.isfinite(flat).all((-1, -2))
    known[known] = np.linalg.det(flat[known]) > 0  # a truth has no covariance
    if not known.any():
        return {level: float("nan") for level in INSIDE}
    solved = np.linalg.solve(flat[known], off[known][..., None])[..., 0]
    far = (off[known] * solved).sum(-1)
    return {level: float((far <= limit).mean()) for level, limit in INSIDE.items()}


def bone_variation(
    xyz: Float[np.ndarray, "T J 3"], skeleton: Skeleton
) -> dict[str, tuple[float, float]]:
    """Return mean length and sd / mean of every bone, by `parent-child`."""
    found = {}
    for parent, child in skeleton.bones:
        length = np.linalg.norm(xyz[:, child] - xyz[:, parent], axis=-1)
        length = length[np.isfinite(length)]
        name = f"{skeleton.keypoints[parent]}-{skeleton.keypoints[child]}"
        mean = float(length.mean()) if len(length) else float("nan")
        found[name] = (mean, float(length.std() / mean) if mean > 0 else float("nan"))
    return found


def jitter(xyz: Float[np.ndarray, "T J 3"], fps: float) -> float:
    """Return the root mean square third difference times fps³, world units / s³."""
    third = np.diff(xyz, n=3, axis=0)
    third = third[np.isfinite(third).all(-1)]
    return float(np.sqrt((third**2).sum(-1).mean()) * fps**3) if len(third) else float("nan")


def reprojection_error(
    xyz: Float[np.ndarray, "T J 3"],
    xy: Float[np.ndarray, "T V J 2"],
    params: Float[np.ndarray, "V 24"],
) -> Float[np.ndarray, "T V J"]:
    """Return how far every observation lies from its point, px; NaN where either is missing."""
    frames, views, keypoints, _ = xy.shape
    uv = projection.project(xyz.reshape(-1, 3), params).uv
    uv = np.moveaxis(uv.reshape(views, frames, keypoints, 2), 0, 1)
    return np.linalg.norm(uv - xy, axis=-1)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _by_keypoint(far: Float[np.ndarray, "T J"], names: tuple[str, ...]) -> dict[str, float]:
    return {name: _mean(far[:, j]) for j, name in enumerate(names)}


def _interval(far: Float[np.ndarray, "T J"], seed: int) -> tuple[float, float]:
    """95 % interval of the pooled mean, blocks of frames drawn with replacement."""
    blocks = np.arange(len(far)) // BLOCK
    count = int(blocks.max(initial=-1)) + 1
    known = np.isfinite(far)
    if count < 2 or not known.any():
        return (float("nan"), float("nan"))
    total = np.bincount(blocks, np.where(known, far, 0).sum(1), count)
    number = np.bincount(blocks, known.sum(1), count)

    def mean(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B 1"]:
        return np.asarray(weights @ total / np.maximum(weights @ number, 1))[:, None]

    drawn = bootstrap.resample(mean, np.arange(count), np.random.default_rng(seed))
    low, high = bootstrap.percentile_interval(drawn)[:, 0]
    return (float(low), float(high))
