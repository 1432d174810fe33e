"""Poses as the keypoint model sees them, and where its fit begins.

A recording is split only where every keypoint is absent for longer than `gap_s`; its stretches
share its id. Coordinates are put in the order (ahead, side, up), so that headings turn the
first two. Centroid and heading come from alignment, latents from whitened principal components
of shape (`shape`), with conditional means where keypoints are absent.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from gambol.behavior import align, syllables
from gambol.behavior.align import Aligned, AlignSettings
from gambol.behavior.shape import ShapePCA
from gambol.behavior.syllable_chain import Data, Hidden, Scene, Seen
from gambol.behavior.syllable_settings import SyllableSettings
from gambol.behavior.syllables import Key
from gambol.core import tracks
from gambol.core.errors import InputError
from gambol.core.tracks import Read, Track
from gambol.kernels.runs import runs
from gambol.kernels.slds_frames import Body, Noise

LEAST = 1e-6  # variance of an observation, squared units of the poses
FAINT = 1e-6  # added to confidence before its logarithm


class Calibration(NamedTuple):
    """How confidence foretells noise: log10 sd = slope · log10(confidence) + level."""

    slope: float
    level: float


class Model(NamedTuple):
    """What is fixed before the first sweep."""

    scene: Scene
    axes: tuple[int, ...]  # coordinates of the poses in the order (ahead, side, up)
    calibration: Calibration
    share: Float[np.ndarray, " J"]  # σ_k²
    fps: float
    names: tuple[str, ...]  # of the keypoints


class Start(NamedTuple):
    """Recordings ready for sweeps."""

    data: Data
    hidden: tuple[Hidden, ...]
    lengths: dict[str, int]  # frames of each recording


class _Stretch(NamedTuple):
    """One series of a recording."""

    key: Key
    seen: Seen
    hidden: Hidden


Poses = (
    xr.Dataset | Sequence[xr.Dataset] | Mapping[str, xr.Dataset] | Sequence[Track] | Read[Track]
)


def gathered(poses: Poses) -> Mapping[str, Track]:
    """Return tracks by name, sorted; each name comes once. Those on disk stay there."""
    if isinstance(poses, Read):
        return poses
    sets = _datasets(poses)
    own = cast(Sequence[Track], poses) if sets is None else tracks.gather(sets)
    found = sorted(own, key=lambda track: track.name)
    for one, two in zip(found[:-1], found[1:], strict=True):
        if one.name == two.name:
            raise InputError(f"two recordings are named {one.name!r}; give each its own name")
    if not found:
        raise InputError("there are no recordings; give at least one")
    return {track.name: track for track in found}


def _datasets(poses: Poses) -> dict[str, xr.Dataset] | None:
    """Return recordings by name; none where they are tracks."""
    if isinstance(poses, Read):
        return None
    if not isinstance(poses, Mapping) and any(isinstance(one, Track) for one in poses):
        return None
    return tracks.by_name(
        cast(xr.Dataset | Sequence[xr.Dataset] | Mapping[str, xr.Dataset], poses)
    )


def alignment(settings: SyllableSettings, poses: Poses) -> AlignSettings:
    """Return how heading and centroid are found: by the settings, or as the poses were."""
    if settings.anterior and settings.posterior:
        chosen = dict(anterior=settings.anterior, posterior=settings.posterior, up=settings.up)
        return AlignSettings.from_values({**chosen, "gap_s": settings.gap_s}, "KeypointSLDS")
    sets = _datasets(poses) or {}
    said = [one.attrs["align"] for one in sets.values() if "align" in one.attrs]
    if not said:
        raise InputError(
            "anterior and posterior are empty and the poses are not aligned; name the "
            "keypoints of the head and of the rear"
        )
    return AlignSettings.model_validate_json(said[0])


def fixed(
    settings: SyllableSettings, found: Mapping[str, Track], by: AlignSettings
) -> tuple[Model, ShapePCA]:
    """Return what poses say of the body, its walk and the noise."""
    rates: dict[str, float] = {}
    names: tuple[str, ...] = ()
    centred = []
    for name in found:
        centred.append(_bare(found[name], by))
        own = centred[-1].track
        names, rates[name] = names or own.skeleton.keypoints, own.fps
        _same_body(own, names)
    fps = syllables.one_rate(rates)
    shape = ShapePCA(dims=settings.n_dims, variance=settings.variance).fit(centred)
    loads, offset = shape.to_keypoints()
    axes = ordered(loads.shape[1], by.up)
    walked = [np.diff(one.centroid, axis=0) for one in centred]
    squares = np.concatenate([(step**2).sum(1) for step in walked])
    step = float(np.nanmean(squares)) / loads.shape[1]
    body = Body(np.ascontiguousarray(loads[:, axes]), np.ascontiguousarray(offset[:, axes]))
    share = np.full(len(loads), settings.share_mean)
    told = Calibration(settings.noise_slope, settings.noise_level)
    scene = Scene(body, max(step, LEAST))
    return Model(scene, tuple(axes), told, share, fps, names), shape


def begin(
    settings: SyllableSettings,
    found: Mapping[str, Track],
    model: Model,
    shape: ShapePCA,
    by: AlignSettings,
) -> Start:
    """Return the stretches of recordings with a first guess of all that is hidden."""
    keys, seen, hidden, lengths = [], [], [], {}
    for name in found:  # in a function of its own, so that none is kept while the next is read
        length, own = _stretches_of(settings, found[name], model, shape, by)
        lengths[name] = length
        keys += [one.key for one in own]
        seen += [one.seen for one in own]
        hidden += [one.hidden for one in own]
    if not keys:
        raise InputError("no recording has a keypoint in any frame; check the poses")
    data = Data(tuple(keys), tuple(seen), model.scene, model.fps)
    return Start(data, tuple(hidden), lengths)


def noise_prior(track: Track, told: Calibration) -> Float[np.ndarray, "T J"]:
    """Return s⁰, squared units: the poses' own variance, else what confidence foretells."""
    sure = np.where(np.isnan(track.confidence), 1.0, np.clip(track.confidence, 0.0, 1.0))
    by_confidence = foretold(sure, told)
    return np.maximum(np.where(np.isnan(track.variance), by_confidence, track.variance), LEAST)


def foretold(confidence: Float[np.ndarray, "*T"], told: Calibration) -> np.ndarray:
    """Return the variance of a coordinate that confidence foretells."""
    return 10 ** (2 * (told.slope * np.log10(confidence + FAINT) + told.level))


def stretches(present: Bool[np.ndarray, "T J"], gap: float) -> list[tuple[int, int]]:
    """Return [start, stop) between gaps without any keypoint of more than `gap` frames.

    >>> stretches(np.array([[True], [False], [False], [True]]), 1.0)
    [(0, 1), (3, 4)]
    """
    some = np.asarray(present.any(axis=1))
    found = runs(np.asarray(some, np.int64), np.ones(len(some), bool))
    long = (found.label == 0) & (found.stop - found.start > gap)
    edges = [0, *np.stack([found.start[long], found.stop[long]], 1).ravel(), len(some)]
    pairs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(a, b) for a, b in pairs if some[a:b].any()]


def ordered(space: int, up: str) -> list[int]:
    """Return coordinates in the order (ahead, side, up)."""
    across = align.plane(space, up)
    return [*across, *(a for a in range(space) if a not in across)]


def _stretches_of(
    settings: SyllableSettings, track: Track, model: Model, shape: ShapePCA, by: AlignSettings
) -> tuple[int, list[_Stretch]]:
    """Return the frames of a recording, and its stretches."""
    syllables.one_rate({"the model": model.fps, track.name: track.fps})
    _same_body(track, model.names)
    centred = align.align(track, by)
    x = shape.transform(centred)
    present = ~np.isnan(track.xy[..., 0])
    prior = noise_prior(track, model.calibration)
    xy = np.where(present[..., None], track.xy, 0.0)[..., list(model.axes)]
    found = []
    for number, (start, stop) in enumerate(stretches(present, settings.gap_s * track.fps)):
        own = slice(start, stop)
        v = _filled(centred.centroid[own][:, list(model.axes)])
        h = _arc(centred.heading[own])
        noise = Noise(present[own], prior[own], settings.noise_dof, model.share)
        z = np.zeros(max(0, stop - start - settings.lags), np.uint8)
        hidden = Hidden(z, _filled(x[own]), v, h, prior[own].copy())
        seen = Seen(np.ascontiguousarray(xy[own]), noise)
        found.append(_Stretch(Key(track.name, number, start), seen, hidden))
    return len(track.xy), found


def _same_body(track: Track, names: tuple[str, ...]) -> None:
    """Refuse a recording of other keypoints."""
    if track.skeleton.keypoints != names:
        raise InputError(
            f"{track.name} has the keypoints {', '.join(track.skeleton.keypoints)}; the "
            f"model was made for {', '.join(names)}, in this order"
        )


def _bare(track: Track, by: AlignSettings) -> Aligned:
    """Align a recording, and keep no more of it than shapes are made of."""
    centred = align.align(track, by)
    nothing = np.broadcast_to(np.nan, track.xy.shape[:2])
    return centred._replace(track=centred.track._replace(confidence=nothing, variance=nothing))


def _filled(values: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T C"]:
    """Fill what is not known on straight lines, at the ends by the nearest, else by 0."""
    out = np.zeros(values.shape)
    at = np.arange(len(values))
    for c in range(values.shape[1]):
        known = ~np.isnan(values[:, c])
        if known.any():
            out[:, c] = np.interp(at, at[known], values[known, c])
    return out


def _arc(angle: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """Fill an angle along shortest arcs."""
    known = ~np.isnan(angle)
    straight = np.full(len(angle), np.nan)
    straight[known] = np.unwrap(angle[known])
    return align.wrap(_filled(straight[:, None])[:, 0])
