"""How animals lie: the turn that lays a pose on the mean pose of all.

Source: generalised Procrustes analysis, Gower (1975), Psychometrika 40, without scale. In the
plane a position is a complex number and a turn a factor, so that every fit has a closed form.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Complex, Float

LYING = 0.5  # agreement with the mean pose from which a pose says how an animal lies
MOST = 2000  # poses that make the mean
ROUNDS = 5


class Laid(NamedTuple):
    """Where D animals are and how they lie; NaN where no keypoint was found."""

    middle: Float[np.ndarray, "D 2"]  # of the mean pose, laid on the animal, px
    angle: Float[np.ndarray, " D"]  # rad, which turns the animal as the mean pose lies
    lying: Bool[np.ndarray, " D"]  # False: how it lies is unknown, and its angle 0


def mean_pose(
    xy: Float[np.ndarray, "D J 2"], swap: tuple[int, ...] = ()
) -> Float[np.ndarray, "J 2"]:
    """Average poses, each laid on the average so far.

    Args:
        xy: px; NaN where a keypoint was not found.
        swap: mirror partner of every keypoint, -1 for none; given, the axis of symmetry comes
            to lie along x, else the longest axis does.

    Returns:
        Around its own middle, the first keypoint ahead of the last along x; NaN for keypoints
        that are never found; zero if no pose has two keypoints.
    """
    z, found = _plane(xy)
    n = found.sum(axis=1)
    full = np.flatnonzero(n == n.max(initial=0))
    some = np.flatnonzero(n >= 2)
    if not len(some):
        return np.zeros((xy.shape[1], 2))
    spread = _spread(z[full], found[full])
    first = full[np.argsort(spread)[len(full) // 2]]  # of median size, hence no freak
    mean = np.where(found[first], z[first], np.nan)
    some = some[:: -(-len(some) // MOST)]
    for _ in range(ROUNDS):
        turn, here, there, agree = _fit(z[some], found[some], mean)
        laid = (z[some] - here[:, None]) * turn[:, None] + there[:, None]
        good = found[some] & (agree >= LYING)[:, None]
        count = good.sum(axis=0)
        total = np.where(good, laid, 0).sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        mean = mean - np.nanmean(mean)
    mean = mean * _along(mean)
    if any(k >= 0 for k in swap):
        mean = mean * _level(mean, swap)
    return np.stack([mean.real, mean.imag], axis=1)


def lay(mean: Float[np.ndarray, "J 2"], xy: Float[np.ndarray, "D J 2"]) -> Laid:
    """Lay the mean pose on poses: least squares over the keypoints that were found."""
    z, found = _plane(xy)
    turn, here, there, agree = _fit(z, found, mean[:, 0] + 1j * mean[:, 1])
    lying = agree >= LYING
    turn = np.where(lying, turn, 1.0)
    middle = here - np.where(lying, there, 0) * turn.conj()
    xy_middle = np.stack([middle.real, middle.imag], axis=1)
    return Laid(xy_middle, np.where(np.isfinite(here), np.angle(turn), np.nan), lying)


def turns(
    mean: Float[np.ndarray, "J 2"], xy: Float[np.ndarray, "*N J 2"]
) -> Float[np.ndarray, "*N"]:
    """Angles that turn animals head up, so that a mirror image of one lies as the others do.

    Args:
        mean: pose along x.
        xy: poses in the same pixels, up to a scale.

    Returns:
        rad; NaN for animals of which too little is known.
    """
    laid = lay(mean, xy.reshape(-1, *xy.shape[-2:]))
    up = np.where(laid.lying, laid.angle - np.pi / 2, np.nan)  # the y axis points down
    return np.asarray(up.reshape(xy.shape[:-2]))


def scatter(
    xy: Float[np.ndarray, "D J 2"], mean: Float[np.ndarray, "J 2"]
) -> tuple[float, float]:
    """Rms distance of keypoints from their mean place: as they lie, and laid on the mean."""
    z, found = _plane(xy)
    turn, here, _, agree = _fit(z, found, mean[:, 0] + 1j * mean[:, 1])
    good = found & (agree >= LYING)[:, None]
    off = np.where(good, z - here[:, None], np.nan)
    return _rms(off), _rms(off * turn[:, None])


def _rms(z: Complex[np.ndarray, "D J"]) -> float:
    known = np.isfinite(z)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, z, 0).sum(axis=0) / count
    square = np.where(known, np.abs(z - mean) ** 2, 0).sum()
    return float(np.sqrt(square / max(known.sum(), 1)))


def _plane(
    xy: Float[np.ndarray, "D J 2"],
) -> tuple[Complex[np.ndarray, "D J"], Bool[np.ndarray, "D J"]]:
    """Positions as complex numbers, in which a turn is a product; 0 where missing."""
    found = np.isfinite(xy).all(axis=-1)
    return np.where(found, xy[..., 0] + 1j * xy[..., 1], 0), found


def _fit(
    z: Complex[np.ndarray, "D J"], found: Bool[np.ndarray, "D J"], mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn, middle of the keypoints, the same in the mean, and agreement from 0 to 1."""
    both = found & np.isfinite(mean)
    n = both.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        here = np.where(both, z, 0).sum(axis=1) / n
        there = np.where(both, mean, 0).sum(axis=1) / n
        a = np.where(both, z - here[:, None], 0)
        b = np.where(both, mean - there[:, None], 0)
        s = (a.conj() * b).sum(axis=1)
        size = np.sqrt((np.abs(a) ** 2).sum(axis=1) * (np.abs(b) ** 2).sum(axis=1))
        agree = np.where((n >= 2) & (size > 0), np.abs(s) / size, 0.0)
        turn = np.where(np.abs(s) > 0, s / np.abs(s), 1.0)
    return turn, here, there, agree


def _spread(
    z: Complex[np.ndarray, "D J"], found: Bool[np.ndarray, "D J"]
) -> Float[np.ndarray, " D"]:
    n = np.maximum(found.sum(axis=1, keepdims=True), 1)
    off = np.where(found, z - z.sum(axis=1, keepdims=True) / n, 0)
    return np.asarray(np.sqrt((np.abs(off) ** 2).sum(axis=1)))


def _along(mean: Complex[np.ndarray, " J"]) -> complex:
    """Turn that lays the longest axis along x, the first keypoint ahead of the last."""
    known = mean[np.isfinite(mean)]
    axis = np.sqrt((known**2).sum())  # its angle is that of the longest axis
    turn = axis.conjugate() / abs(axis) if abs(axis) > 0 else 1.0
    ahead = ((known[0] - known[-1]) * turn).real
    return complex(-turn if ahead < 0 else turn)


def _level(mean: Complex[np.ndarray, " J"], swap: tuple[int, ...]) -> complex:
    """Turn that lays the axis of symmetry along x: by half of what parts a mirror image."""
    partner = np.array([j if k < 0 else k for j, k in enumerate(swap)])
    mirrored = np.where(np.isfinite(mean), mean, np.nan).conj()[partner]
    both = np.isfinite(mean) & np.isfinite(mirrored)
    s = (mirrored[both].conj() * mean[both]).sum()
    return complex(np.sqrt(s / abs(s)).conj()) if abs(s) > 0 else 1.0 + 0j
