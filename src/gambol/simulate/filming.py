"""What cameras make of poses in space: exact projections, and every flaw of real detections.

Each flaw has random numbers of its own, drawn in blocks of frames from one seed: adding a flaw
leaves the others as they were, and a longer film begins like a shorter one. A film of any
length is made block by block.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat

from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.skeleton import Skeleton
from gambol.core.views import Views
from gambol.kernels import projection, rotation


class Nudge(Config):
    """A camera that is knocked and stays so; its calibration does not know."""

    frame: NonNegativeInt = 0  # of the view, from which on
    degrees: float = 1.0  # about an axis drawn at random, through the camera's centre


class Flaws(Config):
    """What goes wrong. Shares are of all observations; cameras are given by name."""

    noise: NonNegativeFloat = 2.0  # px, sd of each coordinate
    spread: NonNegativeFloat = 0.0  # sd of the logarithm of that sd between observations
    tails: float | None = Field(None, gt=2.0)  # degrees of freedom of Student's t; none: normal
    bias: NonNegativeFloat = 0.0  # px, sd of the lasting offset of a keypoint in a view
    outliers: float = Field(0.0, ge=0.0, le=1.0)  # share that lies anywhere
    outlier_px: PositiveFloat = 60.0  # sd of each coordinate of where it lies
    bursts: NonNegativeFloat = 0.0  # a minute and view: a third of the keypoints goes astray
    burst_seconds: PositiveFloat = 0.4
    swaps: float = Field(0.0, ge=0.0, lt=1.0)  # share of frames of a view with sides exchanged
    swap_seconds: PositiveFloat = 0.3
    dropout: float = Field(0.0, ge=0.0, le=1.0)  # share missing one by one
    hidden: float = Field(0.0, ge=0.0, lt=1.0)  # share in which a keypoint is hidden in a view
    hidden_seconds: PositiveFloat = 0.5
    blind: float = Field(0.0, ge=0.0, lt=1.0)  # share of frames in which a view sees nothing
    blind_seconds: PositiveFloat = 1.0
    sure: float = Field(0.2, ge=0.0, le=1.0)  # share of outliers that look like good points
    lag: dict[str, float] = {}  # frames by which a view is late
    drift: dict[str, float] = {}  # frames a frame by which it becomes later
    dropped: dict[str, tuple[NonNegativeInt, ...]] = {}  # frames that a view did not record
    nudged: dict[str, Nudge] = {}


class Filmed(NamedTuple):
    """Detections of one animal in V views, and the truth about them."""

    cameras: tuple[str, ...]
    xy: Float[np.ndarray, "T V J 2"]  # px; NaN where missing
    confidence: Float[np.ndarray, "T V J"]  # 0 where missing; high where the error is small
    variance: Float[np.ndarray, "T V J"]  # px² of each coordinate's noise, outliers apart
    truth_uv: Float[np.ndarray, "T V J 2"]  # px; NaN where a camera cannot see the place
    outlier: Bool[np.ndarray, "T V J"]  # stray, in a burst, or with its side exchanged
    missing: Bool[np.ndarray, "T V J"]  # also where it lies outside the image
    swapped: Bool[np.ndarray, "T V"]
    lag: Float[np.ndarray, "T V"]  # frame t of a view shows the world at frame t - lag

    def views(self, skeleton: Skeleton, fps: float = 60.0) -> Views:
        """Return what a detector would hand on."""
        times = np.arange(len(self.xy)) / fps
        return Views(self.cameras, self.xy, self.confidence, self.variance, times, skeleton)


def film(
    rng: np.random.Generator,
    xyz: Float[np.ndarray, "T J 3"],
    rig: Rig,
    flaws: Flaws | None = None,
    skeleton: Skeleton | None = None,
    *,
    fps: float = 60.0,
) -> Filmed:
    """Film one animal.

    Args:
        rng: draws the flaws.
        xyz: where its keypoints are, units of the rig.
        rig: the cameras.
        flaws: what goes wrong; noise of 2 px alone if not given.
        skeleton: says which keypoints mirror which; needed for swaps.
        fps: frames per second, for flaws that are told in seconds.

    >>> from gambol.simulate import rigs
    >>> rng = np.random.default_rng(0)
    >>> seen = film(rng, np.zeros((5, 1, 3)), rigs.ring(rng, 3, 50.0), Flaws(noise=0))
    >>> seen.xy.shape, bool((seen.xy == seen.truth_uv).all())
    ((5, 3, 1, 2), True)
    """
    parts = list(blocks(rng, xyz, rig, flaws, skeleton, fps=fps))
    joined = (np.concatenate(column) for column in list(zip(*parts, strict=True))[1:])
    return Filmed(tuple(rig), *joined)


def blocks(
    rng: np.random.Generator,
    xyz: Float[np.ndarray, "T J 3"],
    rig: Rig,
    flaws: Flaws | None = None,
    skeleton: Skeleton | None = None,
    *,
    fps: float = 60.0,
) -> Iterator[Filmed]:
    """Film as `film` does, a thousand frames at a time."""
    flaws = flaws or Flaws()
    _check(flaws, rig, skeleton)
    seed = int(rng.integers(2**62))
    plan = _plan(seed, xyz.shape[:2], rig, flaws, fps)
    swap = np.array(skeleton.swap if skeleton else [-1] * xyz.shape[1])
    swap = np.where(swap < 0, np.arange(len(swap)), swap)
    for number, first in enumerate(range(0, len(xyz), _BLOCK)):
        frames = slice(first, min(first + _BLOCK, len(xyz)))
        truth = _project(xyz, rig, plan, flaws, seed, frames)
        yield _detect([seed, number], truth, rig, flaws, plan, swap, frames)


# ---- what lasts longer than a frame ----------------------------------------------------------

_BLOCK = 1024  # frames
_STREAMS = (
    *("noise", "spread", "tails", "outlier", "stray", "dropout", "sure", "confidence"),
    *("bias", "burst", "swap", "hidden", "blind", "nudge"),
)


class _Plan(NamedTuple):
    lag: Float[np.ndarray, "T V"]
    bias: Float[np.ndarray, "V J 2"]
    astray: Float[np.ndarray, "T V J 2"] | None  # offset in bursts, px
    swapped: Bool[np.ndarray, "T V"]
    hidden: Bool[np.ndarray, "T V J"]


def _check(flaws: Flaws, rig: Rig, skeleton: Skeleton | None) -> None:
    for what in ("lag", "drift", "dropped", "nudged"):
        for name in getattr(flaws, what):
            if name not in rig:
                hint = did_you_mean(name, list(rig)) or f"; there are {', '.join(rig)}"
                raise InputError(f"flaws: {what} of a camera {name!r} that is not there{hint}")
    if flaws.swaps > 0 and (skeleton is None or max(skeleton.swap) < 0):
        raise InputError(
            f"flaws: swaps {flaws.swaps:g} needs a skeleton that says which keypoints mirror "
            "which; give one, or set swaps to 0"
        )


def _stream(seed: int, name: str, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, _STREAMS.index(name), *more])


def _plan(seed: int, shape: tuple[int, ...], rig: Rig, flaws: Flaws, fps: float) -> _Plan:
    n_frames, n_points = shape
    n_views = len(rig)
    swapped, blind = np.zeros((2, n_frames, n_views), bool)
    hidden = np.zeros((n_frames, n_views, n_points), bool)
    for v in range(n_views):
        for out, name, share, seconds in (
            (swapped[:, v], "swap", flaws.swaps, flaws.swap_seconds),
            (blind[:, v], "blind", flaws.blind, flaws.blind_seconds),
        ):
            out[:] = _bouts(_stream(seed, name, v), n_frames, share, seconds * fps)
        for j in range(n_points if flaws.hidden else 0):
            drawn = _stream(seed, "hidden", v, j)
            hidden[:, v, j] = _bouts(drawn, n_frames, flaws.hidden, flaws.hidden_seconds * fps)
    bias = flaws.bias * _stream(seed, "bias").standard_normal((n_views, n_points, 2))
    astray = _bursts(seed, (n_frames, n_views, n_points), flaws, fps) if flaws.bursts else None
    lags = np.stack([_lag(n_frames, name, flaws) for name in rig], axis=1)
    return _Plan(lags, bias, astray, swapped, hidden | blind[..., None])


def _bouts(
    rng: np.random.Generator, n_frames: int, share: float, mean: float
) -> Bool[np.ndarray, " T"]:
    """Bouts of exponential length (frames, in the mean) that fill a share of the time."""
    if share == 0.0:
        return np.zeros(n_frames, bool)
    ends = np.zeros(0)
    while not len(ends) or ends[-1] < n_frames:
        more = rng.exponential(1.0, (64, 2)) * [mean * (1 - share) / share, mean]
        ends = np.r_[ends, (ends[-1] if len(ends) else 0.0) + np.cumsum(more.ravel())]
    # an odd number of ends has passed: in a bout
    return np.searchsorted(ends, np.arange(n_frames), side="right") % 2 == 1


def _bursts(
    seed: int, shape: tuple[int, int, int], flaws: Flaws, fps: float
) -> Float[np.ndarray, "T V J 2"]:
    """Offsets of keypoints that are taken for something else for a while."""
    n_frames, n_views, n_points = shape
    offsets = np.zeros((*shape, 2))
    for v in range(n_views):
        rng, now = _stream(seed, "burst", v), 0.0
        while True:
            now += rng.exponential(60.0 * fps / flaws.bursts)
            stop = now + rng.exponential(flaws.burst_seconds * fps)
            away = (rng.random(n_points) < 1 / 3)[:, None] * rng.normal(size=(n_points, 2))
            if now >= n_frames:
                break
            offsets[int(now) : int(stop) + 1, v] = flaws.outlier_px * away
    return offsets


def _lag(n_frames: int, name: str, flaws: Flaws) -> Float[np.ndarray, " T"]:
    """By how much each recorded frame of a view is late: t - w, for it shows the world at w.

    The camera's tick n is w + lag + drift w; ticks that were dropped are not counted in t.
    """
    dropped = sorted(set(flaws.dropped.get(name, ())))
    ticks = np.setdiff1d(np.arange(n_frames + len(dropped)), dropped)[:n_frames]
    world = (ticks - flaws.lag.get(name, 0.0)) / (1.0 + flaws.drift.get(name, 0.0))
    late: np.ndarray = np.arange(n_frames) - world
    return late


# ---- a block of frames -----------------------------------------------------------------------


def _project(
    xyz: np.ndarray, rig: Rig, plan: _Plan, flaws: Flaws, seed: int, frames: slice
) -> Float[np.ndarray, "B V J 2"]:
    """Project what each view saw when it saw it, by cameras as they stood then."""
    params = rig.params()
    count, n_points = frames.stop - frames.start, xyz.shape[1]
    uv = np.empty((count, len(rig), n_points, 2))
    for v, name in enumerate(rig):
        points = _at(xyz, np.arange(frames.start, frames.stop) - plan.lag[frames, v])
        uv[:, v] = _seen(points, params[v])
        nudge = flaws.nudged.get(name)
        if nudge is None or nudge.frame >= frames.stop:
            continue
        axis = _stream(seed, "nudge", v).standard_normal(3)
        by = rotation.exp(np.radians(nudge.degrees) * axis / np.linalg.norm(axis))
        turned = params[v].copy()
        turned[12:21] = (by @ params[v, 12:21].reshape(3, 3)).ravel()
        if rig[name].kind != "affine":
            turned[21:24] = by @ params[v, 21:24]
        late = slice(max(0, nudge.frame - frames.start), count)
        uv[late, v] = _seen(points[late], turned)
    return uv


def _seen(points: np.ndarray, camera: np.ndarray) -> np.ndarray:
    uv = projection.project(points.reshape(-1, 3), camera[None]).uv[0]
    return uv.reshape(*points.shape[:-1], 2)


def _at(xyz: np.ndarray, clock: Float[np.ndarray, " B"]) -> Float[np.ndarray, "B J 3"]:
    """Poses between frames, on Catmull and Rom's cubic; before and after, they stand still."""
    clock = np.clip(clock, 0.0, len(xyz) - 1.0)
    base = np.floor(clock).astype(int)
    t = (clock - base)[:, None, None]
    a, b, c, d = (xyz[np.clip(base + k, 0, len(xyz) - 1)] for k in (-1, 0, 1, 2))
    if not t.any():
        return b
    curve = (2 * a - 5 * b + 4 * c - d) + t * (3 * (b - c) + d - a)
    between: np.ndarray = b + t / 2 * (c - a + t * curve)
    return np.where(t == 0.0, b, between)


def _detect(
    key: list[int],
    truth: Float[np.ndarray, "B V J 2"],
    rig: Rig,
    flaws: Flaws,
    plan: _Plan,
    swap: np.ndarray,
    frames: slice,
) -> Filmed:
    """Spoil a block of exact projections."""
    count, shape = len(truth), truth.shape[1:3]

    def draw(name: str) -> np.random.Generator:
        return _stream(key[0], name, key[1])

    def uniform(name: str) -> Float[np.ndarray, "B V J"]:
        return draw(name).random((_BLOCK, *shape))[:count]

    def normal(name: str, *last: int) -> np.ndarray:
        return draw(name).standard_normal((_BLOCK, *shape, *last))[:count]

    swapped = plan.swapped[frames]
    exchanged = swapped[..., None] & (swap != np.arange(len(swap)))
    target = np.where(exchanged[..., None], truth[:, :, swap], truth)
    sd = np.full(truth.shape[:-1], flaws.noise)
    if flaws.spread:
        sd = sd * np.exp(flaws.spread * normal("spread"))
    error = sd[..., None] * normal("noise", 2)
    if flaws.tails is not None:
        freed = 2 * draw("tails").standard_gamma(flaws.tails / 2, (_BLOCK, *shape))[:count]
        error *= np.sqrt(flaws.tails / freed)[..., None]
    stray = uniform("outlier") < flaws.outliers
    if stray.any():
        error = np.where(stray[..., None], flaws.outlier_px * normal("stray", 2), error)
    if plan.astray is not None:
        stray = stray | plan.astray[frames].any(axis=-1)
        error = error + plan.astray[frames]
    missing = plan.hidden[frames] | (uniform("dropout") < flaws.dropout)
    missing = missing | ~_inside(target, rig)
    known = stray & (uniform("sure") < flaws.sure)
    size = np.where(known, 1.0, np.linalg.norm(error, axis=-1) / max(flaws.noise, 1.0))
    # 0.9 at the noise, 0.2 at 20 times as much
    score = 3.5 - 1.6 * np.log1p(size) + 0.7 * normal("confidence")
    confidence = np.where(missing, 0.0, 1 / (1 + np.exp(-score)))
    xy = np.where(missing[..., None], np.nan, target + plan.bias + error)
    outlier = (stray | exchanged) & ~missing
    late = plan.lag[frames]
    return Filmed(tuple(rig), xy, confidence, sd**2, truth, outlier, missing, swapped, late)


def _inside(uv: Float[np.ndarray, "B V J 2"], rig: Rig) -> Bool[np.ndarray, "B V J"]:
    """Whether an image holds the place; integer pixels are centres."""
    inside = np.isfinite(uv).all(axis=-1)
    for v, name in enumerate(rig):
        size = rig[name].size
        if size is not None:
            pixel = np.rint(np.where(inside[:, v, :, None], uv[:, v], -9.0))
            inside[:, v] &= (pixel >= 0).all(axis=-1) & (pixel < size).all(axis=-1)
    return inside
