"""Features: everything a classifier or a map may look at, as one array (time, feature).

Of each animal of a recording: kinematics, posture, what it has to do with the others, where it
is in the arena; of these, statistics in windows, and spectrograms.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from jaxtyping import Float
from pydantic import Field, PositiveFloat
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from gambol.behavior import columns, kinematics, wavelets
from gambol.behavior.align import Aligned, AlignSettings, align
from gambol.behavior.arena import Arena, arena
from gambol.behavior.clean import SmoothSettings, smooth
from gambol.behavior.columns import Columns
from gambol.behavior.dyadic import Animal, dyadic
from gambol.behavior.posture import body_lengths, posture
from gambol.behavior.wavelets import Wavelets
from gambol.core.config import Config
from gambol.core.tracks import Track, tracks

Family = Literal["kinematics", "posture", "dyadic", "arena", "aligned"]
STATISTICS = ("mean", "sd", "min", "max")
_PIECE = 1 << 14  # frames whose windows are computed at once


class Features(Config):
    """Which features, of which keypoints."""

    anterior: tuple[str, ...] = Field(min_length=1)  # keypoints of the head
    posterior: tuple[str, ...] = Field(min_length=1)  # and of the rear
    families: tuple[Family, ...] = ("kinematics", "posture", "dyadic", "arena")
    # dyadic needs two animals or more, arena an arena; else they hold nothing
    smooth: SmoothSettings = SmoothSettings()
    align: dict[str, str | bool | float] = {}  # other settings of `AlignSettings`, by name
    window_s: PositiveFloat = 0.1  # of derivatives
    cone_degrees: PositiveFloat = 45.0  # on either side of the heading
    contact: PositiveFloat = 0.1  # body lengths
    arena: Arena | None = None  # walls, zones and corners; null: not known
    windows_s: tuple[PositiveFloat, ...] = (0.25, 1.0, 3.0)  # none: no statistics
    windows: Literal["centred", "causal"] = "centred"  # causal: nothing of the future
    wavelets: Wavelets | None = None  # null: no spectrograms
    wavelets_of: tuple[Family, ...] = ("aligned",)  # families that have them


def features(
    poses: xr.Dataset,
    settings: Features,
    name: str = "recording",
    *,
    dtype: type[np.floating] = np.float64,
) -> list[xr.DataArray]:
    """Return the features (time, feature) of every animal of a recording.

    Args:
        poses: in the schema of `core.poses`, cleaned or raw.
        settings: which features.
        name: of the recording.
        dtype: of the result; float32 takes half of the memory.
    """
    return of_tracks(tracks(poses, name), settings, dtype=dtype)


def of_tracks(
    animals: Sequence[Track], settings: Features, *, dtype: type[np.floating] = np.float64
) -> list[xr.DataArray]:
    """Return the features of the tracks of one recording; arguments as `features`."""
    ready = [prepare(track, settings) for track in animals]
    out = []
    for focal, animal in enumerate(ready):
        blocks = {
            family: columns.gather(
                _family(family, focal, ready, settings), len(animal.world.times)
            )
            for family in dict.fromkeys((*settings.families, *_swinging(settings)))
        }
        base = columns.join([blocks[family] for family in settings.families])
        table = windows(base, animal.world.fps, settings, with_them=True, dtype=dtype)
        if swinging := _swinging(settings):
            swings = [_swings(blocks[f], animal.world, settings.wavelets) for f in swinging]
            swings = [one._replace(values=one.values.astype(dtype)) for one in swings]
            table = columns.join([table, *swings])
        out.append(columns.to_array(table, animal.world.times, animal.world.name))
    return out


def prepare(track: Track, settings: Features) -> Animal:
    """Smooth and align one animal, once for all families."""
    world = smooth(track, settings.smooth)
    chosen = {"anterior": settings.anterior, "posterior": settings.posterior, **settings.align}
    aligned = align(world, AlignSettings.from_values(chosen, "features.align"))
    lengths = body_lengths(world, settings.anterior, settings.posterior)
    length = float(np.nanmedian(lengths)) if (~np.isnan(lengths)).any() else np.nan
    return Animal(world, aligned, kinematics.motion(aligned, settings.window_s), length)


def windows(
    base: Columns,
    fps: float,
    settings: Features,
    *,
    with_them: bool = False,
    dtype: type[np.floating] = np.float64,
) -> Columns:
    """Return mean, sd, min and max of columns in windows of some lengths.

    They are computed some thousand frames at a time, so that a long recording needs little
    more memory than its result.

    Args:
        base: columns.
        fps: frames a second.
        settings: lengths of the windows, and where they lie.
        with_them: whether the columns themselves stand before their statistics.
        dtype: of the result.
    """
    centred, size = settings.windows == "centred", len(base.names)
    names = list(base.names) if with_them else []
    for seconds in settings.windows_s:
        names += [f"{kind} {seconds:g} s: {name}" for kind in STATISTICS for name in base.names]
    out = np.empty((len(base.values), len(names)), dtype)
    first = size if with_them else 0
    out[:, :first] = base.values[:, :first]
    for nth, seconds in enumerate(settings.windows_s):
        frames = max(1, round(seconds * fps))
        if centred:
            frames += 1 - frames % 2
        at = first + nth * len(STATISTICS) * size
        _in_pieces(base.values, frames, out[:, at : at + len(STATISTICS) * size], centred)
    many = len(names) // max(1, size)
    return Columns(
        out, tuple(names), base.units * many, base.parts * many, np.tile(base.frequencies, many)
    )


def _in_pieces(
    values: Float[np.ndarray, "T F"],
    frames: int,
    out: Float[np.ndarray, "T F4"],
    centred: bool,
) -> None:
    """Write the statistics of a window into `out`, side by side."""
    size, last = values.shape[1], len(values)
    for start in range(0, last, _PIECE):
        stop = min(start + _PIECE, last)
        low, high = max(0, start - frames), min(last, stop + frames)  # what windows reach
        parts = statistics(values[low:high], frames, centred=centred)
        for k, part in enumerate(parts):
            out[start:stop, k * size : (k + 1) * size] = part[start - low : stop - low]


def statistics(
    values: Float[np.ndarray, "T F"], frames: int, *, centred: bool
) -> tuple[
    Float[np.ndarray, "T F"],
    Float[np.ndarray, "T F"],
    Float[np.ndarray, "T F"],
    Float[np.ndarray, "T F"],
]:
    """Return mean, sd, minimum and maximum over a window about, or up to, each frame.

    Windows are cut at the ends of the recording; NaN where less than half of one is known.

    Args:
        values: NaN where not known.
        frames: of a window; odd if centred.
        centred: about the frame; else it is the last.
    """
    n_frames = len(values)
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    middle = np.where(known, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
    x = np.where(known, values - middle, 0.0)
    after = frames // 2 if centred else 0
    at = np.arange(n_frames)
    first = np.maximum(at + after - frames + 1, 0)
    last = np.minimum(at + after + 1, n_frames)

    def total(series: np.ndarray) -> np.ndarray:
        run = np.concatenate([np.zeros((1, series.shape[1])), np.cumsum(series, axis=0)])
        return run[last] - run[first]

    n = total(known * 1.0)
    rare = 2 * n < frames
    n = np.where(rare, np.nan, n)
    mean = total(x) / n
    variance = np.maximum(total(x * x) / n - mean**2, 0.0)
    # an even window of the filters lies one frame further back; causal: all of it does
    origin = 0 if centred else (frames - 1) // 2
    extremes = []
    for run, far in ((minimum_filter1d, np.inf), (maximum_filter1d, -np.inf)):
        ends = np.where(known, values, far)
        found = run(ends, frames, axis=0, mode="constant", cval=far, origin=origin)
        extremes.append(np.where(rare, np.nan, found))
    return mean + middle, np.sqrt(variance), extremes[0], extremes[1]


def _swinging(settings: Features) -> tuple[Family, ...]:
    return settings.wavelets_of if settings.wavelets is not None else ()


def _family(
    family: Family, focal: int, animals: Sequence[Animal], settings: Features
) -> list[columns.Column]:
    """Return the features of one family."""
    animal = animals[focal]
    world, aligned, window_s = animal.world, animal.aligned, settings.window_s
    ends = settings.anterior, settings.posterior
    if family == "kinematics":
        found = kinematics.kinematics(aligned, world, window_s, animal.body_length)
    elif family == "posture":
        found = posture(world, *ends, window_s, up=aligned.up)
    elif family == "aligned":
        return _aligned(aligned)
    elif family == "dyadic" and len(animals) > 1:
        cone = np.radians(settings.cone_degrees)
        found = dyadic(focal, animals, window_s, cone=cone, contact=settings.contact)
    elif family == "arena" and settings.arena is not None:
        found = arena(aligned, settings.arena)
    else:
        return []
    return list(found)


def _aligned(aligned: Aligned) -> list[columns.Column]:
    """Return the coordinates of keypoints in the frame of the animal."""
    track = aligned.track
    return [
        columns.Column(f"{name} {'xyz'[a]}", track.xy[:, j, a], track.unit, name)
        for j, name in enumerate(track.skeleton.keypoints)
        for a in range(track.xy.shape[2])
    ]


def _swings(base: Columns, track: Track, settings: Wavelets | None) -> Columns:
    """Return spectrograms of columns."""
    made = wavelets.spectrogram(base.values, track.times, track.fps, base.names, settings)
    n = len(made.frequencies)
    return Columns(
        made.amplitude.reshape(len(made.amplitude), len(base.names) * n).astype(np.float64),
        tuple(f"{name} at {f:.3g} Hz" for name in base.names for f in made.frequencies),
        tuple(unit for unit in base.units for _ in range(n)),
        tuple(part for part in base.parts for _ in range(n)),
        np.tile(made.frequencies, len(base.names)),
    )
