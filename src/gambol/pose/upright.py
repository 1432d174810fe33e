"""How animals lie: the turn that lays a pose on the mean pose of all.

Source: generalised Procrustes analysis, Gower (1975), Psychometrika 40, without scale, and with
keypoints weighted by how little they move against the body: a trunk says more than legs. In the
plane a position is a complex number and a turn a factor, so that every fit has a closed form.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Complex, Float

LYING = 0.5  # agreement with the mean pose from which a pose says how an animal lies
MOST = 2000  # poses that make the mean
ROUNDS = 5
STIFF = 0.05  # of the rms radius: keypoints that move less count alike


class Shape(NamedTuple):
    """The mean pose, its axis along x, around the middle of its box."""

    xy: Float[np.ndarray, "J 2"]  # px; NaN for keypoints that are never found
    weight: Float[np.ndarray, " J"]  # 1 for the stillest keypoint against the body


class Laid(NamedTuple):
    """Where D animals are and how they lie; NaN where no keypoint was found."""

    middle: Float[np.ndarray, "D 2"]  # of the mean pose, laid on the animal, px
    angle: Float[np.ndarray, " D"]  # rad, which turns the animal as the mean pose lies
    lying: Bool[np.ndarray, " D"]  # False: how it lies is unknown, and its angle 0


def mean_pose(xy: Float[np.ndarray, "D J 2"], swap: tuple[int, ...] = ()) -> Shape:
    """Average poses, each laid on the average so far.

    Args:
        xy: px; NaN where a keypoint was not found.
        swap: mirror partner of every keypoint, -1 for none; given, the axis of symmetry comes
            to lie along x, else the longest axis does.

    Returns:
        The first keypoint is ahead of the last along x; all is zero if no pose has two.
    """
    z, found = _plane(xy)
    n = found.sum(axis=1)
    full = np.flatnonzero(n == n.max(initial=0))
    some = np.flatnonzero(n >= 2)
    if not len(some):
        return Shape(np.zeros((xy.shape[1], 2)), np.ones(xy.shape[1]))
    spread = _spread(z[full], found[full])
    first = full[np.argsort(spread)[len(full) // 2]]  # of median size, hence no freak
    mean = np.where(found[first], z[first], np.nan)
    some = some[:: -(-len(some) // MOST)]
    weight = np.ones(xy.shape[1])
    for _ in range(ROUNDS):
        turn, here, there, agree = _fit(z[some], found[some], mean, weight)
        laid = (z[some] - here[:, None]) * turn[:, None] + there[:, None]
        good = found[some] & (agree >= LYING)[:, None]
        count = good.sum(axis=0)
        total = np.where(good, laid, 0).sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        weight = _weights(np.where(good, laid - mean, np.nan), mean)
        mean = mean - np.nanmean(mean)
    mean = mean * _along(mean)
    if any(k >= 0 for k in swap):
        mean = mean * _level(mean, swap)
    mean = mean - complex(*(_middle(part) for part in (mean.real, mean.imag)))
    return Shape(np.stack([mean.real, mean.imag], axis=1), weight)


def lay(shape: Shape, xy: Float[np.ndarray, "D J 2"]) -> Laid:
    """Lay the mean pose on poses: weighted least squares over the keypoints that were found."""
    z, found = _plane(xy)
    turn, here, there, agree = _fit(z, found, _complex(shape), shape.weight)
    lying = agree >= LYING
    turn = np.where(lying, turn, 1.0)
    middle = here - np.where(lying, there, 0) * turn.conj()
    xy_middle = np.stack([middle.real, middle.imag], axis=1)
    return Laid(xy_middle, np.where(np.isfinite(here), np.angle(turn), np.nan), lying)


def turns(shape: Shape, xy: Float[np.ndarray, "*N J 2"]) -> Float[np.ndarray, "*N"]:
    """Angles that turn animals head up, so that a mirror image of one lies as the others do.

    Args:
        shape: of the animals.
        xy: poses, in pixels of any scale.

    Returns:
        rad; NaN for animals of which too little is known.
    """
    laid = lay(shape, xy.reshape(-1, *xy.shape[-2:]))
    up = np.where(laid.lying, laid.angle - np.pi / 2, np.nan)  # the y axis points down
    return np.asarray(up.reshape(xy.shape[:-2]))


def scatter(xy: Float[np.ndarray, "D J 2"], shape: Shape) -> tuple[float, float]:
    """Rms distance of keypoints from their mean place: as they lie, and laid on the mean."""
    z, found = _plane(xy)
    turn, here, _, agree = _fit(z, found, _complex(shape), shape.weight)
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
    z: Complex[np.ndarray, "D J"],
    found: Bool[np.ndarray, "D J"],
    mean: Complex[np.ndarray, " J"],
    weight: Float[np.ndarray, " J"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn, middle of the keypoints, the same in the mean, and agreement from 0 to 1."""
    both = found & np.isfinite(mean)
    w = np.where(both, weight, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = w.sum(axis=1)
        here = (w * np.where(both, z, 0)).sum(axis=1) / total
        there = (w * np.where(both, mean, 0)).sum(axis=1) / total
        a = np.where(both, z - here[:, None], 0)
        b = np.where(both, mean - there[:, None], 0)
        s = (w * a.conj() * b).sum(axis=1)
        size = np.sqrt((w * np.abs(a) ** 2).sum(axis=1) * (w * np.abs(b) ** 2).sum(axis=1))
        agree = np.where((both.sum(axis=1) >= 2) & (size > 0), np.abs(s) / size, 0.0)
        turn = np.where(np.abs(s) > 0, s / np.abs(s), 1.0)
    return turn, here, there, agree


def _complex(shape: Shape) -> Complex[np.ndarray, " J"]:
    return np.asarray(shape.xy[:, 0] + 1j * shape.xy[:, 1])


def _weights(
    off: Complex[np.ndarray, "D J"], mean: Complex[np.ndarray, " J"]
) -> Float[np.ndarray, " J"]:
    """Inverse variances of keypoints against the body; 1 for the stillest."""
    known = np.isfinite(off)
    count = np.maximum(known.sum(axis=0), 1)
    variance = np.where(known, np.abs(off) ** 2, 0).sum(axis=0) / count
    least = STIFF**2 * np.nanmean(np.abs(mean - np.nanmean(mean)) ** 2)
    weight = 1 / np.maximum(variance, max(least, 1e-12))
    return np.asarray(weight / weight.max())


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


def _middle(values: Float[np.ndarray, " J"]) -> float:
    return float((np.nanmin(values) + np.nanmax(values)) / 2)


def _level(mean: Complex[np.ndarray, " J"], swap: tuple[int, ...]) -> complex:
    """Turn that lays the axis of symmetry along x: by half of what parts a mirror image."""
    partner = np.array([j if k < 0 else k for j, k in enumerate(swap)])
    mirrored = np.where(np.isfinite(mean), mean, np.nan).conj()[partner]
    both = np.isfinite(mean) & np.isfinite(mirrored)
    s = (mirrored[both].conj() * mean[both]).sum()
    return complex(np.sqrt(s / abs(s)).conj()) if abs(s) > 0 else 1.0 + 0j
