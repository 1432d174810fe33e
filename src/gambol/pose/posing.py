"""Peaks of frames to poses that hang together: which peak of every keypoint is the right one.

The network's highest peaks are the start: what they are worth is calibrated, how bones lie is
learnt from labels, and validation says how much the bones count, nothing where they bring
nothing. Each frame is decided by itself.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.kernels.peaks import Peaks
from gambol.pose import calibrate, predict, structure
from gambol.pose.structure import Structure

CANDIDATES = 16  # peaks of a keypoint that are weighed, at most
WEIGHTS = (0.01, 0.03, 0.1, 0.3, 1.0)  # λ that validation chooses from, besides 0
ALIKE = 0.01  # share of a gain by which a larger λ must be better than a smaller one


class Poser(NamedTuple):
    """What poses are weighed by."""

    structure: Structure
    calibration: calibrate.Calibration  # of the highest peaks
    weight: float  # λ, of how bones lie against what the network says


class Chosen(NamedTuple):
    """The peaks of frames, the chosen one of every keypoint first."""

    peaks: Peaks  # (*B, J, C); the others by falling height
    probability: Float[np.ndarray, "*B J"]  # posterior of the chosen place
    absent: Float[np.ndarray, "*B J"]  # posterior of being absent
    margin: Float[np.ndarray, "*B J"]  # nats that the best pose with another choice costs more


class Read(NamedTuple):
    """What the peaks of frames say, video pixels."""

    peaks: Peaks  # (*B, J, C), the one that counts first
    found: Peaks  # (*B, J), that one
    sure: calibrate.Calibrated  # what it is worth
    chosen: Chosen | None  # None: the highest ones count


class Weighed(NamedTuple):
    """How much bones count, by validation."""

    weight: float
    reason: str


def read(
    several: Peaks,
    matrix: Float[np.ndarray, "2 3"],
    calibration: calibrate.Calibration,
    poser: Poser | None,
) -> Read:
    """Carry peaks to the video, choose among them, and say what the chosen ones are worth.

    Args:
        several: peaks (*B, J, C) by falling height, network pixels.
        matrix: network pixels to video pixels.
        calibration: of the peaks that count.
        poser: None: the highest peaks count.
    """
    peaks = predict.to_video(several, matrix)
    chosen = None if poser is None else choose(poser, peaks)
    peaks = peaks if chosen is None else chosen.peaks
    found = predict.first(peaks)
    return Read(peaks, found, calibrate.apply(calibration, found.height, found.cov), chosen)


def choose(poser: Poser, several: Peaks, scale: float = 1.0) -> Chosen:
    """Choose one peak of every keypoint so that all fit together.

    A keypoint that is more likely absent keeps the place where it would be: whoever wants none
    asks `absent` or its presence.

    Args:
        poser: how.
        several: peaks (*B, J, C) by falling height; NaN where there are fewer.
        scale: pixels of the peaks per video pixel, which the calibration is in.
    """
    lead, (j, c) = several.height.shape[:-2], several.height.shape[-2:]
    xy = several.xy.reshape(-1, j, c, 2).astype(np.float64)
    cov = several.cov / scale**2
    likely = calibrate.scores(poser.calibration, several.height, cov).reshape(-1, j, c)
    top = calibrate.apply(poser.calibration, several.height[..., 0], cov[..., 0, :, :])
    absent = (1 - top.presence).reshape(-1, j)
    order = np.tile(np.arange(c), (len(xy), j, 1))
    said = np.full((3, len(xy), j), np.nan)
    for n in range(len(xy)):
        if not np.isfinite(xy[n, :, 0]).all():
            continue  # of a frame that could not be read
        most = int(np.isfinite(xy[n]).all(-1).sum(-1).max())  # the others are empty
        posed = structure.decode(
            poser.structure, xy[n, :, :most], likely[n, :, :most], absent[n], poser.weight
        )
        order[n] = _first(posed.place, c)
        said[:, n] = (
            posed.probability[np.arange(j), posed.place],
            posed.probability[:, -1],
            (posed.margin),
        )
    order = order.reshape(*lead, j, c)
    sorted_ = Peaks(
        np.take_along_axis(several.xy, order[..., None], -2),
        np.take_along_axis(several.height, order, -1),
        np.take_along_axis(several.cov, order[..., None, None], -3),
    )
    return Chosen(sorted_, *said.reshape(3, *lead, j))


def weigh(
    learnt: Structure,
    calibration: calibrate.Calibration,
    several: Peaks,
    truth: Float[np.ndarray, "N J 2"],
) -> Weighed:
    """Choose λ on validation: 0, unless poses get better by it.

    Args:
        learnt: how bones lie.
        calibration: of the highest peaks.
        several: peaks (N, J, C) of the validation frames, video pixels.
        truth: labels; NaN where there are none.
    """
    errors = {
        weight: distances(
            choose(Poser(learnt, calibration, weight), several).peaks.xy[..., 0, :], truth
        )
        for weight in WEIGHTS
    }
    return best(distances(several.xy[..., 0, :], truth), errors)


def best(
    before: Float[np.ndarray, "N J"], errors: dict[float, Float[np.ndarray, "N J"]]
) -> Weighed:
    """Take the λ with the lowest mean error, if that is a gain; else 0.

    A gain is larger than its standard error over frames, so that no single frame makes one,
    and leaves the 95th percentile where it is or lower. Of λ that are alike, the smallest.

    Args:
        before: px, of the highest peaks; NaN where there is no label.
        errors: of each λ.
    """
    if not np.isfinite(before).any():
        return Weighed(0.0, "structure: bones do not count, no label says whether they should")
    chosen, most = 0.0, 0.0
    p95 = np.nanpercentile(before, 95)
    for weight, after in sorted(errors.items()):
        fallen = np.nansum(before - after, axis=1)  # of every frame
        gain = float(fallen.sum())
        sure = gain > np.linalg.norm(fallen) * (1 + 1e-9)
        if sure and np.nanpercentile(after, 95) <= p95 and gain > most * (1 + ALIKE):
            chosen, most = weight, gain
    mean = np.nanmean(before)
    if not chosen:
        return Weighed(0.0, f"structure: bones do not count, {mean:.2f} px gets no better")
    after = errors[chosen]
    return Weighed(
        chosen,
        f"structure: bones count with λ = {chosen:g}, which lowers the error on validation "
        f"from {mean:.2f} to {np.nanmean(after):.2f} px (p95 {p95:.1f} to "
        f"{np.nanpercentile(after, 95):.1f})",
    )


def distances(
    xy: Float[np.ndarray, "N J 2"], truth: Float[np.ndarray, "N J 2"]
) -> Float[np.ndarray, "N J"]:
    """Return how far off keypoints are, px; NaN where either is not known."""
    off: Float[np.ndarray, "N J"] = np.linalg.norm(xy - truth, axis=-1)
    return off


def _first(place: np.ndarray, candidates: int) -> np.ndarray:
    """Put a candidate of every keypoint first, the others after it as they were, (J, C)."""
    rank = np.tile(np.arange(1, candidates + 1), (len(place), 1))
    rank[np.arange(len(place)), place] = 0
    return rank.argsort(axis=1, kind="stable")
