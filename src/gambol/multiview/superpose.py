"""The similarity between two sets of matching points, some of them wrong, and how sure it is.

x_there = scale · turn x_here + shift. Both sets are noisy, so neither is favoured: the scale is
the ratio of their spreads. Sources: Umeyama (1991), IEEE PAMI 13(4):376-380, for the turn;
Horn (1987), J Opt Soc Am A 4(4):629-642, for the symmetric scale; Rousseeuw (1984), J Am Stat
Assoc 79(388):871-880, for the start; Künsch (1989), Ann Stat 17(3):1217-1241, for blocks.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels import bootstrap, rotation

BLOCKS = 20  # stretches of time that are drawn together; errors within one are alike
RESAMPLES = 500
TRIALS = 500  # triples of points, of which the best is the start
MANY = 2000  # points that a triple is judged by, at most
ROUNDS = 30
CUT = 5.0  # sds from its place at which a point counts nothing
_MEDIAN = 1.5382  # of the length of a normal vector in space, in sds of a coordinate


class Superposed(NamedTuple):
    """A similarity, and what it rests on."""

    turn: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, " 3"]  # units of `there`
    scale: float
    apart: float  # median distance of points that it brings together, units of `there`
    spread: float  # root mean square distance of the points from their middle, same units
    angle_sd: float  # root mean square angle that the turn is off, degrees
    scale_sd: float  # relative

    def points(self, here: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Return where points come to lie."""
        return self.scale * here @ self.turn.T + self.shift


def superpose(
    rng: np.random.Generator,
    here: Float[np.ndarray, "N 3"],
    there: Float[np.ndarray, "N 3"],
    frame: Int[np.ndarray, " N"],
) -> Superposed:
    """Find the similarity on which most points agree.

    Args:
        rng: of the triples and the resamples.
        here: at least 3 points.
        there: the same points in other axes.
        frame: when each was seen; points of neighbouring frames err alike.
    """
    weight = np.ones(len(here))
    turn, shift, scale = _start(rng, here, there)
    for _ in range(ROUNDS):
        apart = np.linalg.norm(scale * here @ turn.T + shift - there, axis=1)
        before, weight = weight, _biweight(apart)
        turn, shift, scale = _fitted(_moments(here, there, weight).sum(0))
        if np.abs(weight - before).max() < 1e-6:
            break
    apart = np.linalg.norm(scale * here @ turn.T + shift - there, axis=1)
    sums = _moments(here, there, weight)
    total = sums.sum(0)
    spread = float(np.sqrt(max(total[8] - total[4:7] @ total[4:7] / total[0], 0) / total[0]))
    angle, wide = _deviations(rng, sums, frame, turn, scale)
    angle = max(angle, _floor(total, turn, scale, float((weight * apart**2).sum())))
    return Superposed(turn, shift, scale, float(np.median(apart)), spread, angle, wide)


def blocks(frame: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Return the number of the stretch of time, as even as can be, that each frame is in.

    >>> blocks(np.array([7, 7, 9, 30])).tolist()
    [0, 0, 1, 2]
    """
    rank = np.unique(frame, return_inverse=True)[1].ravel()
    frames = int(rank.max()) + 1
    return rank * min(BLOCKS, frames) // frames


def mirrored(
    rng: np.random.Generator,
    here: Float[np.ndarray, "N 3"],
    there: Float[np.ndarray, "N 3"],
    frame: Int[np.ndarray, " N"],
) -> float:
    """Return how far apart points stay if a mirror is allowed, units of `there`."""
    return superpose(rng, here * [-1.0, 1.0, 1.0], there, frame).apart


def _start(
    rng: np.random.Generator, here: Float[np.ndarray, "N 3"], there: Float[np.ndarray, "N 3"]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the similarity by three points of which the median distance is least."""
    triples = rng.integers(len(here), size=(TRIALS, 3))
    each = _moments(here, there, np.ones(len(here)))
    turn, shift, scale = _fitted_all(each[triples].sum(1))
    few = rng.permutation(len(here))[:MANY]
    put = scale[:, None, None] * np.einsum("bij,nj->bni", turn, here[few]) + shift[:, None]
    far = np.median(np.linalg.norm(put - there[few], axis=-1), axis=1)
    best = int(np.where(np.isfinite(far), far, np.inf).argmin())
    return turn[best], shift[best], float(scale[best])


def _biweight(apart: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Return Tukey's weights of distances, their sd from the median."""
    sd = float(np.median(apart)) / _MEDIAN
    if not sd > 0:
        return (apart <= 0) * 1.0
    return np.maximum(1 - (apart / (CUT * sd)) ** 2, 0) ** 2


def _moments(
    here: Float[np.ndarray, "N 3"], there: Float[np.ndarray, "N 3"], weight: np.ndarray
) -> Float[np.ndarray, "N 18"]:
    """Return what similarities need, summable: w, w x, w y, w |x|², w |y|², w y xᵀ."""
    one = np.column_stack(
        [np.ones(len(here)), here, there, (here**2).sum(1), (there**2).sum(1)]
    )
    outer = np.einsum("ni,nj->nij", there, here).reshape(-1, 9)
    return np.column_stack([one, outer]) * weight[:, None]


def _fitted(total: Float[np.ndarray, " 18"]) -> tuple[np.ndarray, np.ndarray, float]:
    turn, shift, scale = _fitted_all(total[None])
    return turn[0], shift[0], float(scale[0])


def _fitted_all(
    total: Float[np.ndarray, "B 18"],
) -> tuple[Float[np.ndarray, "B 3 3"], Float[np.ndarray, "B 3"], Float[np.ndarray, " B"]]:
    """Return the similarities of least squares from summed moments."""
    weight = np.maximum(total[:, 0], 1e-300)
    x, y = total[:, 1:4] / weight[:, None], total[:, 4:7] / weight[:, None]
    both = total[:, 9:].reshape(-1, 3, 3) / weight[:, None, None]
    turn = rotation.nearest(both - y[:, :, None] * x[:, None, :])
    own = np.maximum(total[:, 7] / weight - (x**2).sum(1), 1e-300)
    other = np.maximum(total[:, 8] / weight - (y**2).sum(1), 0)
    scale = np.sqrt(other / own)
    return turn, y - scale[:, None] * np.einsum("bij,bj->bi", turn, x), scale


def _floor(
    total: Float[np.ndarray, " 18"], turn: Float[np.ndarray, "3 3"], scale: float, square: float
) -> float:
    """Return the angle, in degrees, that independent noise alone leaves open.

    Resamples of points that lie on one line may agree on a turn about it that nothing tells.

    Args:
        total: summed moments.
        turn: found.
        scale: found.
        square: sum of squared distances that are left, weighted alike.
    """
    weight = max(float(total[0]), 1e-300)
    x, y = total[1:4] / weight, total[4:7] / weight
    both = scale * (total[9:].reshape(3, 3) / weight - np.outer(y, x)) @ turn.T
    spread = np.linalg.eigvalsh((both + both.T) / 2)  # of what both sets agree on
    told = np.maximum(spread.sum() - spread, 1e-12 * max(float(spread.sum()), 1e-300))
    variance = square / (3 * weight) / (weight * told)
    return float(min(np.degrees(np.sqrt(variance.sum())), 180.0))


def _deviations(
    rng: np.random.Generator,
    sums: Float[np.ndarray, "N 18"],
    frame: Int[np.ndarray, " N"],
    turn: Float[np.ndarray, "3 3"],
    scale: float,
) -> tuple[float, float]:
    """Return how much the turn (degrees) and the scale (relative) change over resamples."""
    block = blocks(frame)
    n_blocks = int(block.max()) + 1
    if n_blocks < 2:
        return float("inf"), float("inf")
    each = np.array([sums[block == k].sum(0) for k in range(n_blocks)])
    drawn = bootstrap.resample(lambda w: w @ each, np.arange(n_blocks), rng, RESAMPLES)
    turns, _, scales = _fitted_all(drawn)
    off = rotation.degrees(np.broadcast_to(turn, turns.shape), turns)
    few = np.sqrt(n_blocks / (n_blocks - 1))  # blocks that were drawn vary less than new ones
    wide = np.sqrt(np.mean((scales / scale - 1) ** 2))
    return float(few * np.sqrt(np.mean(off**2))), float(few * wide)
