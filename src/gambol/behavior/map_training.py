"""Which frames a behaviour map is fitted to, and how likely each was to be chosen.

Of every recording evenly spaced frames, and where these are too many: a small map of each
recording, equal quotas of recordings, and within one more of its rare behaviours: quotas of
regions go with √(frames). The probabilities are known, so densities can be weighted back.
Source: Berman et al. (2014), J. R. Soc. Interface 11:20140672, of the small maps.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.behavior import map_frames, regions
from gambol.behavior.map_embedding import embed
from gambol.behavior.map_settings import MapSettings
from gambol.core.progress import Progress, Step, silent
from gambol.kernels import streams


class Picked(NamedTuple):
    """Frames of one recording that may be trained on."""

    frame: Int[np.ndarray, " n"]
    p: Float[np.ndarray, "n K"]  # their distributions
    inclusion: Float[np.ndarray, " n"]  # probability of having been picked


class Training(NamedTuple):
    """N frames of all recordings, which come one after the other by name."""

    recording: Int[np.ndarray, " N"]  # number, in order of names
    frame: Int[np.ndarray, " N"]
    p: Float[np.ndarray, "N K"]
    inclusion: Float[np.ndarray, " N"]  # probability of having been chosen


def choose(
    available: Mapping[str, int],
    pick: Callable[[str], Picked],
    settings: MapSettings,
    *,
    threads: int = 1,
    progress: Progress = silent,
) -> Training:
    """Return the frames that the map is fitted to.

    Args:
        available: how many frames each recording has to choose from.
        pick: returns them, evenly spaced; those of one recording at a time are in memory.
        settings: how many, and of the small maps.
        threads: of the small maps; the result is the same.
        progress: told of every recording.
    """
    names = sorted(available)
    counts = np.array([available[name] for name in names])
    given = map_frames.quotas(settings.training_frames, np.ones(len(names)), counts)
    parts = []
    for n, name in enumerate(names):
        own = pick(name)
        if given[n] < counts[n]:
            own = _balanced(own, int(given[n]), name, settings, threads)
        parts.append(own)
        progress(Step("fit-map", n + 1, len(names), "recording"))
    return Training(
        np.repeat(np.arange(len(names)), [len(own.frame) for own in parts]),
        np.concatenate([own.frame for own in parts]),
        np.concatenate([own.p for own in parts]),
        np.concatenate([own.inclusion for own in parts]),
    )


def _balanced(
    own: Picked, quota: int, name: str, settings: MapSettings, threads: int
) -> Picked:
    """Choose some frames of a recording, relatively more of its rare behaviours."""
    stratum = np.zeros(len(own.frame), np.int64)
    if len(own.frame) > settings.perplexity + 1:
        y = embed(own.p, settings, name=f"small: {name}", threads=threads)
        density = regions.density(y, 1 / own.inclusion, settings.regions)
        stratum = regions.regions(density, settings.regions).of(y)
    return balance(own, stratum, quota, streams.generator(settings.random_state, "map", name))


def balance(
    own: Picked, stratum: Int[np.ndarray, " n"], quota: int, rng: np.random.Generator
) -> Picked:
    """Choose frames, from each stratum as many as the root of its size says.

    Args:
        own: frames.
        stratum: of each.
        quota: how many are chosen.
        rng: chooses.
    """
    present, group, counts = np.unique(stratum, return_inverse=True, return_counts=True)
    given = map_frames.quotas(quota, np.sqrt(counts), counts)
    kept = [
        rng.choice(np.flatnonzero(group == s), given[s], replace=False)
        for s in range(len(present))
    ]
    rows = np.sort(np.concatenate(kept))
    share = (given / counts)[group[rows]]
    return Picked(own.frame[rows], own.p[rows], own.inclusion[rows] * share)
