"""Maps of some of the frames of a map: what they would have made of the others.

For stability (`map_stability`): training frames of half of the recordings, or of half of the
stretches of the only one, are embedded by themselves and a fixed set of frames is placed there.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int64

from gambol.behavior import map_embedding, map_placing, regions
from gambol.behavior.map_frames import Spectra
from gambol.behavior.map_placing import Fitted
from gambol.behavior.map_settings import MapSettings
from gambol.core.errors import InputError
from gambol.kernels import neighbours, streams

STRETCHES = 10  # of the only recording


class Units(NamedTuple):
    """What halves are made of."""

    of: Int64[np.ndarray, " N"]  # unit of each training frame
    many: int
    said: str  # what a unit is


def units(fitted: Fitted) -> Units:
    """Return recordings that have training frames; stretches, where there is but one."""
    training = fitted.training
    seen, place = np.unique(training.recording, return_inverse=True)
    if len(seen) > 1:
        return Units(place.astype(np.int64), len(seen), "recordings")
    order = np.argsort(training.frame, kind="stable")
    stretch = np.empty(len(order), np.int64)
    stretch[order] = np.arange(len(order)) * STRETCHES // max(1, len(order))
    return Units(stretch, STRETCHES, "stretches of the only recording")


def some(n: int, most: int, rng: np.random.Generator) -> Int64[np.ndarray, " m"]:
    """Return at most so many of n rows, drawn without replacement, ascending."""
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False)).astype(np.int64)


def half(
    fitted: Fitted,
    settings: MapSettings,
    rows: Int[np.ndarray, " H"],
    judged: Int[np.ndarray, " M"],
    *,
    name: str,
    threads: int = 1,
) -> Int64[np.ndarray, " M"]:
    """Return the region of training frames on the map that some of them make.

    Args:
        fitted: the map of all.
        settings: of that map.
        rows: training frames that the smaller map is made of.
        judged: training frames whose region is asked for: those in `rows` at their place, the
            others placed like new ones.
        name: of the half; with the seed it decides what is drawn.
        threads: that work side by side; the result is the same.

    Returns:
        1 …, 0 for frames that have none.
    """
    p, inclusion = fitted.training.p[rows], fitted.training.inclusion[rows]
    if len(rows) <= settings.perplexity + 1:
        raise InputError(
            f"half of the recordings gives {len(rows)} training frames, perplexity is "
            f"{settings.perplexity:g}; give more frames or set stability.splits=0"
        )
    y = map_embedding.embed(p, settings, name=name, threads=threads)
    density = regions.density(y, 1.0 / inclusion, settings.regions)
    hills = regions.regions(density, settings.regions)
    rng = streams.generator(settings.random_state, "cells", name)
    cells = neighbours.learn(
        p, rng, n_components=min(settings.components, p.shape[1]), n_cells=settings.cells
    )
    index = neighbours.lay(p, cells)
    training = fitted.training._replace(
        recording=fitted.training.recording[rows], frame=fitted.training.frame[rows], p=p,
        inclusion=inclusion,
    )  # fmt: skip
    made = fitted._replace(
        training=training, embedding=y, cells=cells, epsilon=0.0, density=density,
        regions=hills,
        limit=map_placing.misfit_limit(index, training, y, settings, threads=threads),
    )  # fmt: skip
    return _regions(made, fitted.training.p, rows, judged, y, index, settings, threads)


def _regions(
    made: Fitted,
    every: Float[np.ndarray, "N K"],
    rows: Int[np.ndarray, " H"],
    judged: Int[np.ndarray, " M"],
    y: Float[np.ndarray, "H 2"],
    index: neighbours.Index,
    settings: MapSettings,
    threads: int,
) -> Int64[np.ndarray, " M"]:
    """Look up frames that the map is made of, and place the others."""
    place = np.full(len(every), -1)
    place[rows] = np.arange(len(rows))
    own: Bool[np.ndarray, " M"] = place[judged] >= 0
    found = np.zeros(len(judged), np.int64)
    found[own] = made.regions.of(y[place[judged[own]]])
    others = every[judged[~own]]
    spectra = Spectra(others.__getitem__, np.arange(len(others)) * 1.0, made.channels)
    plain = settings.model_copy(update={"still": False})  # still frames are not among them
    placed = map_placing.place(spectra, made, index, plain, threads=threads)
    found[~own] = np.maximum(placed.region, 0)
    return found
