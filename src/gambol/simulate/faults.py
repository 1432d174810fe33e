"""What a tracker makes of an animal: noise, drop-outs, outliers, spikes, lost points, flips.

Every fault is planted in stretches of its own and comes with the truth of where it is. Only
drop-outs show in the confidence; the rest has to be found.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, UInt8

from gambol.core import poses
from gambol.simulate import behaviors
from gambol.simulate.behaviors import Performed, turn

KINDS = ("none", "absent", "outlier", "spike", "lost")


class Faults(NamedTuple):
    """How often and how strongly; shares are of the frames of each keypoint."""

    noise: float = 1.0  # sd, px
    absent: float = 0.02  # no detection, or a wild one of confidence below 0.1
    absent_s: tuple[float, float] = (0.02, 0.6)  # length of a drop-out
    outlier: float = 0.005  # several body lengths away, with full confidence
    spike: float = 0.005  # a body length away and back within 3 frames
    lost: str | None = None  # keypoint that the tracker puts at (0, 0) in 3 % of the frames
    turned: float = 0.0  # the whole animal with its head for its tail


class Recorded(NamedTuple):
    """Poses as a tracker gives them, and what they would be without fault."""

    poses: xr.Dataset
    truth: Float[np.ndarray, "T J d"]  # in the unit of the poses
    fault: UInt8[np.ndarray, "T J"]  # index into `KINDS`
    turned: Bool[np.ndarray, " T"]
    length: float  # of the animal at rest: largest distance of two keypoints, unit


def track(
    rng: np.random.Generator,
    performed: Performed,
    faults: Faults | None = None,
    *,
    scale: float | int = 4.0,
) -> Recorded:
    """Record a performance.

    Args:
        rng: draws the faults.
        performed: of one animal.
        faults: what goes wrong; by default as in `Faults`.
        scale: px/mm seen from above; poses in space stay in mm.
    """
    faults = faults or Faults()
    space = performed.xy.shape[2]
    skeleton = performed.body.skeleton
    scale = scale if space == 2 else 1.0
    truth = performed.xy * scale
    length = behaviors.length(performed.body, space) * scale
    truth = truth - truth.min(axis=(0, 1)) + 0.3 * length
    seconds = performed.fps
    turned = _stretches(rng, len(truth), faults.turned, 0.2 * seconds, 1.0 * seconds)
    seen = np.where(turned[:, None, None], _reversed(truth), truth)
    fault = np.stack(
        [_plant(rng, len(truth), faults, seconds, name) for name in skeleton.keypoints], axis=1
    )
    xy, confidence = _disturb(rng, seen, fault, length)
    xy = xy + faults.noise * rng.standard_normal(xy.shape) * (fault != 4)[..., None]
    variance = np.where(fault == 1, (0.2 * length) ** 2, faults.noise**2)
    cov = (variance[..., None, None] * np.eye(space))[:, None]
    cov = np.where(np.isnan(xy).any(axis=-1)[:, None, :, None, None], np.nan, cov)
    series = poses.build(
        xy[:, None], confidence[:, None], cov, performed.times, skeleton, fps=performed.fps
    )
    return Recorded(series, truth, fault, turned, length)


def _reversed(xy: Float[np.ndarray, "T J d"]) -> Float[np.ndarray, "T J d"]:
    """Turn the animal by half a circle where it is."""
    centre = xy.mean(axis=1, keepdims=True)
    return turn(xy - centre, np.full(len(xy), np.pi)) + centre


def _plant(
    rng: np.random.Generator, n_frames: int, faults: Faults, fps: float | int, keypoint: str
) -> UInt8[np.ndarray, " T"]:
    """Choose the stretches of one keypoint; no two touch."""
    longest = [max(1.0, seconds * fps) for seconds in faults.absent_s]
    lost = 0.03 if keypoint == faults.lost else 0.0
    wishes = [(1, faults.absent, longest[0], longest[1]), (4, lost, 1.0, 5.0)]
    wishes += [(2, faults.outlier, 1.0, 8.0), (3, faults.spike, 1.0, 3.0)]
    fault = np.zeros(n_frames, np.uint8)
    for kind, share, low, high in wishes:
        wanted = _stretches(rng, n_frames, share, low, high)
        # leaves three good frames on either side of every stretch
        near = np.convolve(fault > 0, np.ones(7), mode="same") > 0
        edges = np.flatnonzero(np.diff(np.r_[False, wanted, False]))
        for start, stop in edges.reshape(-1, 2):
            if not near[start:stop].any():
                fault[start:stop] = kind
    return fault


def _stretches(
    rng: np.random.Generator, n_frames: int, share: float | int, low: float, high: float
) -> Bool[np.ndarray, " T"]:
    """Draw stretches of low to high frames that fill a share of all, never the first frames."""
    chosen = np.zeros(n_frames, bool)
    lengths = np.arange(round(low), max(round(low), round(high)) + 1)
    count = round(share * n_frames / lengths.mean())
    for start in np.sort(rng.integers(5, max(6, n_frames - 5), count)):
        stop = min(n_frames - 5, start + int(rng.choice(lengths)))
        if not chosen[max(0, start - 7) : stop + 7].any():
            chosen[start:stop] = True
    return chosen


def _disturb(
    rng: np.random.Generator,
    truth: Float[np.ndarray, "T J d"],
    fault: UInt8[np.ndarray, "T J"],
    length: float,
) -> tuple[Float[np.ndarray, "T J d"], Float[np.ndarray, "T J"]]:
    """Move faulty points; return positions and confidences."""
    way = rng.normal(size=truth.shape)
    way /= np.linalg.norm(way, axis=-1, keepdims=True)
    far = np.where(fault == 2, rng.uniform(3.0, 6.0, fault.shape), 0.0)
    far += np.where(fault == 3, rng.uniform(0.9, 1.4, fault.shape), 0.0)
    far += np.where(fault == 1, rng.uniform(0.0, 3.0, fault.shape), 0.0)
    xy = truth + (far * length)[..., None] * way
    xy[fault == 4] = 0.0
    confidence = 1.0 - 0.2 * rng.beta(1.0, 4.0, fault.shape)
    confidence[fault == 1] = rng.uniform(0.0, 0.1, (fault == 1).sum())
    xy[(fault == 1) & (rng.random(fault.shape) < 0.5)] = np.nan
    return xy, confidence
