"""Cleaning of pose series: what is no sighting is found, named and taken out; gaps are filled.

Per recording and keypoint, in this order: a tracker's "lost" place, absent, outlier, spike;
then gaps of at most a quarter of a second are bridged. No jitter is added, and what was bridged
is never taken for seen: its confidence is 0 and its variance unknown. `smooth` is for features
alone; syllables are fitted to what `clean` returns, or to the raw poses.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float, UInt8
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from gambol.core import tracks as core_tracks
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.tracks import Track
from gambol.kernels import holes, kalman

CAUSES = ("seen", "absent", "lost", "outlier", "spike")
SEEN, ABSENT, LOST, OUTLIER, SPIKE = range(5)


class CleanSettings(Config):
    """What counts as no sighting, and what is done about it."""

    floor: float = Field(default=0.2, ge=0, le=1)  # confidence below is absent
    outlier_mads: PositiveFloat | None = 6.0
    # median absolute deviations (plain ones, no 1.4826) above the median distance from the
    # middle of the animal; null: none is
    outlier_body: NonNegativeFloat = 0.2  # body lengths above it, at least: next to the middle
    # distances hardly vary until the animal rears
    spike_frames: int = Field(default=3, ge=0)  # longest spike; 0: none is
    spike_body: PositiveFloat = 0.5  # body lengths of the steps there and back
    body_length: PositiveFloat | None = None  # unit of the poses; null: median extent
    lost_share: float = Field(default=0.01, gt=0, le=1)
    # frames that share one exact place before it is taken for "lost"; 1: none is
    image_size: tuple[PositiveInt, PositiveInt] | None = None  # px, whose corners are suspect
    gap_s: NonNegativeFloat = 0.25  # longest gap that is bridged
    absent_share: float = Field(default=0.3, gt=0, le=1)
    # a recording with more of any keypoint absent is named


class SmoothSettings(Config):
    """How series are smoothed before features are computed."""

    kind: Literal["savgol", "kalman", "none"] = "savgol"
    # savgol: running median, then local polynomial; kalman: weighs by the covariance
    median_frames: PositiveInt = 5  # odd; 1: no median
    window_s: PositiveFloat = 0.1  # of the polynomial; at least order + 2 frames
    order: PositiveInt = 2


class Lost(NamedTuple):
    """A place that a tracker gives where it found nothing."""

    keypoint: str
    place: tuple[float, ...]
    share: float  # of the frames


class Limits(NamedTuple):
    """What is learned of a whole recording before its frames are judged."""

    body_length: float
    farthest: Float[np.ndarray, " J"]  # from the middle of the animal
    lost: tuple[Lost, ...]


class Cleaned(NamedTuple):
    """A track without what was no sighting."""

    track: Track  # bridged places have confidence 0 and no variance
    cause: UInt8[np.ndarray, "T J"]  # index into `CAUSES`, of what was taken out
    filled: Bool[np.ndarray, "T J"]  # bridged
    mask: Bool[np.ndarray, "T J"]  # nothing there, in a gap too long to bridge


class CleanPoses(NamedTuple):
    """A recording after cleaning."""

    poses: xr.Dataset  # with `cause` and `filled` beside position and confidence
    mask: xr.DataArray  # (time, keypoints, individuals): nothing there
    report: pd.DataFrame  # a row a keypoint and step: frames and share that it flagged
    lost: tuple[Lost, ...]
    sparse: tuple[str, ...]  # tracks with too much of a keypoint absent


def clean(
    poses: xr.Dataset, name: str = "recording", settings: CleanSettings | None = None
) -> CleanPoses:
    """Clean a recording.

    Args:
        poses: in the schema of `core.poses`, 2D or 3D; units stay.
        name: of the recording.
        settings: what counts as no sighting.
    """
    settings = settings or CleanSettings()
    animals = core_tracks.tracks(poses, name)
    limits = [learn(track, settings) for track in animals]
    done = [clean_track(*pair, settings) for pair in zip(animals, limits, strict=True)]
    dims = ("time", "keypoints", "individuals")
    confidence = np.stack([part.track.confidence for part in done], axis=-1)
    cause = np.stack([part.cause for part in done], axis=-1)
    made = core_tracks.dataset([part.track for part in done], poses).assign(
        confidence=(dims, confidence),
        cause=(dims, cause, {"meaning": " ".join(CAUSES)}),
        filled=(dims, np.stack([part.filled for part in done], axis=-1).astype(np.int8)),
    )
    if "covariance" in made:
        unseen = (made["cause"] != SEEN) | (made["filled"] == 1)
        made["covariance"] = made["covariance"].where(~unseen)
    mask = made["cause"].copy(data=np.stack([part.mask for part in done], axis=-1))
    mask.attrs.clear()
    table = report(done)
    lost = tuple(place for limit in limits for place in limit.lost)
    return CleanPoses(made, mask.rename("mask"), table, lost, sparse(table, settings))


def learn(track: Track, settings: CleanSettings) -> Limits:
    """Find what the frames of a recording are judged by; call it with the whole of it."""
    lost = _lost_places(track, settings)
    xy = _without(track, lost, settings).xy
    length = settings.body_length or extent(xy)
    far = np.full(len(track.skeleton), np.inf)
    if settings.outlier_mads is not None:
        distance = _from_middle(xy)
        for j in np.flatnonzero(np.isfinite(distance).any(axis=0)):
            d = distance[np.isfinite(distance[:, j]), j]
            usual = np.median(d)
            wide = settings.outlier_mads * np.median(np.abs(d - usual))
            far[j] = usual + max(wide, settings.outlier_body * length)
    return Limits(length, far, lost)


def clean_track(track: Track, limits: Limits, settings: CleanSettings) -> Cleaned:
    """Clean a track, or a piece of one, by the limits of the whole."""
    kept, cause = _without(track, limits.lost, settings), np.zeros(track.confidence.shape)
    cause[np.isnan(kept.xy[..., 0])] = ABSENT
    for place in limits.lost:
        j = track.skeleton.index(place.keypoint)
        cause[(track.xy[:, j] == place.place).all(axis=-1), j] = LOST
    xy = kept.xy
    far = _from_middle(xy) > limits.farthest
    cause[far], xy[far] = OUTLIER, np.nan
    spikes = np.zeros(cause.shape, bool)
    _spikes(xy, settings.spike_body * limits.body_length, settings.spike_frames, spikes)
    cause[spikes], xy[spikes] = SPIKE, np.nan
    longest = settings.gap_s + 1.0 / track.fps
    flat = holes.bridge(xy.reshape(len(xy), -1), track.times, longest)
    bridged = flat.reshape(xy.shape)
    mask = np.isnan(bridged[..., 0])
    filled = ~mask & (cause != SEEN)
    unseen = cause != SEEN
    made = track._replace(
        xy=bridged,
        confidence=np.where(unseen, 0.0, track.confidence),
        variance=np.where(unseen, np.nan, track.variance),
    )
    return Cleaned(made, cause.astype(np.uint8), filled, mask)


def pieces(track: Track, settings: CleanSettings, frames: int) -> Iterator[Cleaned]:
    """Clean a track piece by piece; put together they are that of `clean_track`, bit for bit.

    Args:
        track: a whole recording.
        settings: what counts as no sighting.
        frames: of a piece.
    """
    limits = learn(track, settings)
    # a bridge reaches over one gap and the neighbours of its ends, which lie a gap away
    steps = np.diff(track.times).min(initial=1.0 / track.fps)
    margin = 3 * (int(np.ceil(settings.gap_s / steps)) + 2) + 2 * settings.spike_frames + 4
    for start in range(0, len(track.times), frames):
        low, stop = max(0, start - margin), start + frames
        done = clean_track(_cut(track, low, stop + margin), limits, settings)
        inner = slice(start - low, min(stop, len(track.times)) - low)
        rest = (part[inner] for part in (done.cause, done.filled, done.mask))
        yield Cleaned(_cut(done.track, inner.start, inner.stop), *rest)


def report(done: Sequence[Cleaned]) -> pd.DataFrame:
    """Return what was flagged: recording, keypoint, step, frames, share."""
    rows = []
    for part in done:
        n_frames = max(1, len(part.cause))
        for j, keypoint in enumerate(part.track.skeleton.keypoints):
            counts = np.bincount(part.cause[:, j], minlength=len(CAUSES))[1:].tolist()
            steps = dict(zip(CAUSES[1:], counts, strict=True))
            steps |= {"filled": int(part.filled[:, j].sum())}
            steps |= {"missing": int(part.mask[:, j].sum())}
            rows += [
                (part.track.name, keypoint, step, count, count / n_frames)
                for step, count in steps.items()
            ]
    return pd.DataFrame(rows, columns=["recording", "keypoint", "step", "frames", "share"])


def sparse(table: pd.DataFrame, settings: CleanSettings) -> tuple[str, ...]:
    """Name the recordings in which too much of a keypoint was absent or taken out."""
    taken = table[table["step"].isin(CAUSES[1:])]
    share = taken.groupby(["recording", "keypoint"])["share"].sum()
    named = share[share > settings.absent_share].index.get_level_values("recording")
    return tuple(dict.fromkeys(str(name) for name in named))


def smooth(track: Track, settings: SmoothSettings | None = None) -> Track:
    """Smooth a track for features; absent stays absent."""
    settings = settings or SmoothSettings()
    if settings.kind == "none":
        return track
    if settings.kind == "kalman":
        return track._replace(xy=_kalman(track))
    flat = track.xy.reshape(len(track.xy), -1)
    if settings.median_frames > 1:
        flat = holes.median(flat, settings.median_frames)
    window = odd_frames(settings.window_s, track.fps, settings.order + 2)
    flat = holes.polynomial(flat, track.times, track.fps, window, settings.order)
    return track._replace(xy=flat.reshape(track.xy.shape))


def odd_frames(seconds: float, fps: float, least: int = 1) -> int:
    """Return the odd number of frames that covers a time, not below `least`.

    >>> odd_frames(0.1, 60.0), odd_frames(0.1, 25.0, 4)
    (7, 5)
    """
    return max(2 * int(seconds * fps / 2 + 1e-9) + 1, least + 1 - least % 2)


def extent(xy: Float[np.ndarray, "T J d"]) -> float:
    """Return the median over frames of the largest distance between two keypoints."""
    found = np.zeros(len(xy))
    _extents(xy, found)
    return float(np.median(found[found > 0])) if (found > 0).any() else np.inf


def _cut(track: Track, start: int, stop: int) -> Track:
    """Return some frames of a track."""
    frames = slice(start, stop)
    parts = {name: getattr(track, name)[frames] for name in ("xy", "confidence", "variance")}
    return track._replace(times=track.times[frames], **parts)


def _without(track: Track, lost: tuple[Lost, ...], settings: CleanSettings) -> Track:
    """Return a copy of a track without lost places and what is not confident."""
    xy = track.xy.copy()
    xy[track.confidence < settings.floor] = np.nan  # no confidence at all is no reason
    for place in lost:
        j = track.skeleton.index(place.keypoint)
        xy[(track.xy[:, j] == place.place).all(axis=-1), j] = np.nan
    return track._replace(xy=xy)


def _from_middle(xy: Float[np.ndarray, "T J d"]) -> Float[np.ndarray, "T J"]:
    """Distance of each keypoint from the coordinate-wise median point of its frame."""
    out = np.full(xy.shape[:2], np.nan)
    _distances(xy, out)
    return out


def _lost_places(track: Track, settings: CleanSettings) -> tuple[Lost, ...]:
    """Find exact places that many frames share and that the keypoint jumps to.

    A still animal on a coarse grid stays where it walked to; a lost one is suddenly elsewhere.
    """
    n_frames = len(track.times)
    least = max(2, int(settings.lost_share * n_frames) + 1)
    jump = settings.spike_body * (settings.body_length or extent(track.xy))
    corners = {(0.0,) * track.xy.shape[2]}
    if settings.image_size is not None and track.xy.shape[2] == 2:
        w, h = settings.image_size
        corners |= {(x, y) for x in (0.0, w - 1.0, float(w)) for y in (0.0, h - 1.0, float(h))}
    found = []
    for j, keypoint in enumerate(track.skeleton.keypoints):
        seen = np.flatnonzero(~np.isnan(track.xy[:, j, 0]))
        xy = track.xy[seen, j]
        if np.unique(xy[:, 0], return_counts=True)[1].max(initial=0) < least:
            continue  # far cheaper than the places, and most series end here
        places, counts = np.unique(xy, axis=0, return_counts=True)
        for place, count in zip(places[counts >= least], counts[counts >= least], strict=True):
            here = (xy == place).all(axis=-1)
            enter = np.flatnonzero(here[1:] & ~here[:-1])
            steps = np.linalg.norm(xy[enter + 1] - xy[enter], axis=-1)
            corner = tuple(place.tolist()) in corners
            if corner or (len(steps) and np.median(steps) > jump):
                found.append(Lost(keypoint, tuple(place.tolist()), float(count / n_frames)))
    return tuple(found)


def _kalman(track: Track) -> Float[np.ndarray, "T J d"]:
    """Smooth each keypoint by its own variances; axes two at a time."""
    known = np.isfinite(track.variance) & ~np.isnan(track.xy[..., 0])
    if not known.any() and not np.isnan(track.xy).all():
        raise InputError(f"{track.name}: no covariance to smooth by; set smooth.kind to savgol")
    out = np.full(track.xy.shape, np.nan)
    d = track.xy.shape[2]
    for j in range(len(track.skeleton)):
        seen = np.flatnonzero(known[:, j])
        if len(seen) < 3:
            continue
        span = slice(int(seen[0]), int(seen[-1]) + 1)
        times = track.times[span]
        for axes in [[0, 1]] if d == 2 else [[0, 1], [2, 2]]:
            xy = np.where(known[:, j, None], track.xy[:, j][:, axes], np.nan)
            covs = track.variance[:, j, None, None] * np.eye(2)
            dynamics = kalman.fit([(xy[seen], track.times[seen], covs[seen])])
            told = kalman.smooth(xy[span], times, covs[span], *dynamics)
            out[span, j, axes[0]], out[span, j, axes[1]] = told.mean[:, 0], told.mean[:, 1]
    out[np.isnan(track.xy)] = np.nan
    return out


def clean_all(
    recordings: Mapping[str, xr.Dataset], settings: CleanSettings | None = None
) -> dict[str, CleanPoses]:
    """Clean recordings by name; each is as if it were alone."""
    return {name: clean(recordings[name], name, settings) for name in sorted(recordings)}


@numba.njit(cache=True, nogil=True)
@no_type_check
def _distances(xy, out):
    n_frames, n_points, d = xy.shape
    middle = np.empty(d)
    for t in range(n_frames):
        seen = ~np.isnan(xy[t, :, 0])
        if not seen.any():
            continue
        for a in range(d):
            middle[a] = np.median(xy[t, seen, a])
        for j in range(n_points):
            out[t, j] = np.sqrt(_square(xy[t, j], middle))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _extents(xy, out):
    for t in range(len(xy)):
        for i in range(xy.shape[1]):
            for j in range(i):
                square = _square(xy[t, i], xy[t, j])
                if square > out[t]:  # never where one of the two is absent
                    out[t] = square
        out[t] = np.sqrt(out[t])


@numba.njit(cache=True, nogil=True)
@no_type_check
def _spikes(xy, jump, most, out):
    """Mark stretches of at most `most` frames that leave by a jump and come back by one."""
    n_frames, n_points, _ = xy.shape
    for j in range(n_points):
        before, t = -1, 0
        while t < n_frames:
            if np.isnan(xy[t, j, 0]):
                t += 1
                continue
            back = -1
            if before >= 0 and t - before <= most + 1 and _far(xy[t, j], xy[before, j], jump):
                last = t
                for s in range(t + 1, min(t + most + 1, n_frames)):
                    if np.isnan(xy[s, j, 0]):
                        continue
                    if _far(xy[s, j], xy[last, j], jump) and not _far(
                        xy[s, j], xy[before, j], jump
                    ):
                        back = s
                        break
                    last = s
            if back >= 0:
                for s in range(t, back):
                    out[s, j] = not np.isnan(xy[s, j, 0])
                t = back
            before = t
            t += 1


@numba.njit(cache=True, nogil=True)
@no_type_check
def _far(a, b, jump):
    return _square(a, b) > jump * jump


@numba.njit(cache=True, nogil=True)
@no_type_check
def _square(a, b):
    total = 0.0
    for i in range(len(a)):
        total += (a[i] - b[i]) ** 2
    return total
