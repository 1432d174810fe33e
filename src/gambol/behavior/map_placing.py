"""Frames of any recording → places on a fitted map: fast, and marked where they are not sure.

Every frame is placed by itself, training frames like any other.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.behavior import map_frames
from gambol.behavior.map_frames import Channels, Spectra
from gambol.behavior.map_settings import MapSettings
from gambol.behavior.map_training import Training
from gambol.behavior.regions import Density, Regions
from gambol.behavior.wavelets import Still
from gambol.core.progress import Progress, Step, silent
from gambol.kernels import neighbours, placement
from gambol.kernels.neighbours import Cells, Index
from gambol.kernels.placement import Placed

OFF = -1  # region of frames that are not placed: masked or still


class Fitted(NamedTuple):
    """A map and all that placing needs."""

    training: Training
    embedding: Float[np.ndarray, "N 2"]  # map units
    cells: Cells  # that training frames are sorted into
    channels: Channels
    epsilon: float  # added to every amplitude, in its unit
    still: Still  # of all recordings; its labels are empty
    limit: float  # misfit above which a frame has no sure place, nats
    density: Density
    regions: Regions
    recordings: tuple[str, ...]
    fingerprints: tuple[str, ...]  # of the recordings as they came
    notes: tuple[str, ...]  # what a person should know of the fit


class Where(NamedTuple):
    """Where T frames are."""

    y: Float[np.ndarray, "T 2"]  # map units; NaN off the map
    misfit: Float[np.ndarray, " T"]  # f at the place, nats; NaN off the map
    distance: Float[np.ndarray, " T"]  # mean divergence to its neighbours, nats; NaN off
    ok: Bool[np.ndarray, " T"]  # fits as well as training frames do, where these are
    region: Int[np.ndarray, " T"]  # 1 …, 0: in none or not sure, -1: off the map
    still: Bool[np.ndarray, " T"]  # off the map because nothing moves
    total: Float[np.ndarray, " T"]  # sum of amplitudes; NaN where one is masked
    masked: dict[str, int]  # frames in which each part of the body has no spectrum


def misfit_limit(
    index: Index,
    training: Training,
    embedding: Float[np.ndarray, "N 2"],
    settings: MapSettings,
    *,
    threads: int = 1,
) -> float:
    """Return the quantile of the training frames' misfit, each placed as if it were new."""
    rows = np.arange(len(embedding))

    def one(part: slice) -> Placed:
        p = training.p[part].astype(np.float64)
        return _place(index, p, embedding, settings, rows[part])

    parts = list(map_frames.blocks(len(rows), 1024))
    found = _side_by_side(one, parts, threads)
    values = np.concatenate([placed.objective for placed in found])
    return float(np.quantile(values, settings.fitting))


def place(
    spectra: Spectra,
    fitted: Fitted,
    index: Index,
    settings: MapSettings,
    *,
    threads: int = 1,
    progress: Progress = silent,
) -> Where:
    """Return where the frames of a recording are.

    Args:
        spectra: with the channels of the map.
        fitted: the map.
        index: its training frames, laid out for the search.
        settings: of the map.
        threads: blocks of frames side by side; the result is the same.
        progress: told of pieces.
    """
    n_frames, parts = len(spectra.times), np.array(spectra.channels.parts)
    y, total = np.full((n_frames, 2), np.nan), np.empty(n_frames)
    misfit, distance = np.full(n_frames, np.nan), np.full(n_frames, np.nan)
    masked = dict.fromkeys(spectra.channels.parts, 0)
    for piece, amplitude in spectra.pieces():
        total[piece] = map_frames.sums(amplitude)
        for name in masked:
            masked[name] += int(np.isnan(amplitude[:, parts == name]).any(axis=1).sum())
        quiet = is_still(total[piece], fitted.still, settings)
        on = np.flatnonzero(np.isfinite(total[piece]) & ~quiet)
        found = _placed(amplitude, on, fitted, index, settings, threads)
        rows = piece.start + on
        y[rows], misfit[rows], distance[rows] = found
        progress(Step("apply-map", piece.stop, n_frames, "frame"))
    ok = (misfit <= fitted.limit) & fitted.density.seen(y)
    region = np.where(ok, fitted.regions.of(y), 0)
    region[np.isnan(misfit)] = OFF
    quiet = is_still(total, fitted.still, settings)
    return Where(y, misfit, distance, ok, region, quiet, total, masked)


def is_still(
    total: Float[np.ndarray, " T"], still: Still, settings: MapSettings
) -> Bool[np.ndarray, " T"]:
    """Tell in which frames nothing moves, if these are kept off the map."""
    if not (settings.still and still.bimodal):
        return np.zeros(len(total), bool)
    return total < 10.0**still.threshold


def _placed(
    amplitude: Float[np.ndarray, "n K"],
    on: Int[np.ndarray, " m"],
    fitted: Fitted,
    index: Index,
    settings: MapSettings,
    threads: int,
) -> Placed:
    """Place some frames of a piece, blocks of them side by side."""

    def one(part: slice) -> Placed:
        p = map_frames.distributions(amplitude[on[part]], fitted.epsilon)
        return _place(index, p, fitted.embedding, settings, None)

    found = _side_by_side(one, list(map_frames.blocks(len(on), 1024)), threads)
    if not found:
        return Placed(np.empty((0, 2)), np.empty(0), np.empty(0))
    y, objective, distance = zip(*found, strict=True)
    return Placed(np.concatenate(y), np.concatenate(objective), np.concatenate(distance))


def _place(
    index: Index,
    p: Float[np.ndarray, "T K"],
    embedding: Float[np.ndarray, "N 2"],
    settings: MapSettings,
    own: Int[np.ndarray, " T"] | None,
) -> Placed:
    found = neighbours.search(
        index,
        p,
        min(settings.neighbours, len(embedding) - 1),
        probed=settings.probed,
        candidates=settings.candidates,
        own=own,
    )
    return placement.place(found.which, found.divergence, embedding, settings.perplexity)


def _side_by_side(
    one: Callable[[slice], Placed], parts: Sequence[slice], threads: int
) -> list[Placed]:
    """Work on the parts; what comes back is in their order."""
    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(one, parts))
