"""What the regions of a map are: spectra, usage, stays, order, examples; and tables of it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Float64, Int64
from pydantic import Field, PositiveFloat, PositiveInt

from gambol.behavior import (
    dwell,
    hierarchy,
    map_frames,
    region_tables,
    sequences,
    transition_modes,
    usage_windows,
)
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.hierarchy import Hierarchy
from gambol.behavior.map_frames import Channels
from gambol.behavior.region_tables import Spectra
from gambol.behavior.sequences import Survival
from gambol.behavior.transition_modes import Modes
from gambol.behavior.usage_windows import Windows
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.core.skeleton import guess_swap
from gambol.io import state_courses, store
from gambol.stages.map_animals import Animals
from gambol.stages.map_inputs import Inputs
from gambol.stages.map_places import Places


class TableSettings(Config):
    """What is computed of regions."""

    clips: PositiveInt = (
        8  # of each region: so many longest stays, and so many nearest the peak
    )
    lag: PositiveInt = 1  # stays ahead, of the transitions and of the hierarchy
    longest_lag: PositiveInt = 1000  # stays up to which memory is looked at
    shuffles: PositiveInt = 20  # of the order of stays, to compare memory with
    windows_s: tuple[PositiveFloat, ...] = (15.0, 120.0)  # that are grouped by what is done
    alike: float = Field(default=0.5, gt=-1, lt=1)  # correlation from which windows are grouped


class Layout(NamedTuple):
    """The columns of a spectrogram as C rows (parts of the body) by F frequencies."""

    parts: tuple[str, ...]
    frequencies: Float[np.ndarray, " F"]  # Hz
    column: Int64[np.ndarray, "C F"]


class Order(NamedTuple):
    """What follows what."""

    lag: int  # of the transitions, in stays
    transitions: Float64[np.ndarray, "R R"]  # NaN where nothing follows
    counts: Int64[np.ndarray, "R R"]
    modes: Modes
    tree: Hierarchy


class Told(NamedTuple):
    """All of it."""

    layout: Layout
    spectra: Spectra
    pairs: tuple[tuple[str, str], ...]  # left and right parts
    contrast: Float64[np.ndarray, "R P"]  # of these
    regions: pd.DataFrame
    usage: pd.DataFrame  # an animal a row; columns 0 (in transit) … R
    survival: list[Survival]  # of all stays, then of regions 1 … R
    order: Order | None
    look: Float64[np.ndarray, "N 4"] | None  # tree of regions that look alike
    clips: pd.DataFrame
    windows: list[Windows]
    remarks: tuple[str, ...]


def layout(channels: Channels) -> Layout:
    """Return where each part and frequency is among the columns of a spectrogram."""
    stems = [name.rpartition(" at ")[0] or name for name in channels.names]
    parts = tuple(dict.fromkeys(stems))
    frequencies = np.unique(channels.frequencies)
    column = np.full((len(parts), len(frequencies)), -1)
    at = np.searchsorted(frequencies, channels.frequencies)
    column[[parts.index(stem) for stem in stems], at] = np.arange(len(stems))
    if (column < 0).any():
        c, f = np.argwhere(column < 0)[0]
        raise InputError(
            f"{parts[c]} has no amplitude at {frequencies[f]:.3g} Hz, which others have; give "
            "all features the same frequencies"
        )
    return Layout(parts, frequencies, column)


def compute(
    cfg: TableSettings,
    model: BehaviorMap,
    inputs: Inputs,
    places: Places,
    animals: Animals,
    *,
    threads: int,
    progress: Progress,
) -> Told:
    """Compute all of it; a piece of one spectrogram is in memory at a time.

    Args:
        cfg: settings.
        model: fitted.
        inputs: the recordings.
        places: where they are and stay.
        animals: whose they are.
        threads: that work side by side.
        progress: told of every recording.
    """
    size, stays = len(model.regions_.mass), places.stays
    laid = layout(model.fitted_.channels)
    spectra = _spectra(model, inputs, places, laid, threads, progress)
    pairs = _pairs(laid.parts)
    place = np.array(
        [[laid.parts.index(name) for name in pair] for pair in pairs], np.int64
    ).reshape(-1, 2)
    contrast = region_tables.contrasts(spectra, place)
    remarks: list[str] = []
    order = None
    try:
        order = _order(cfg, places, size, model.settings.random_state)
    except InputError as error:  # of a short recording; all the rest is of use
        remarks.append(f"nothing is said of the order of regions: {error}")
    used = np.isfinite(spectra.mean).all(axis=(1, 2))
    look = hierarchy.ward(spectra.mean) if used.all() and len(used) > 1 else None
    table = region_tables.table(stays, spectra, laid.parts, laid.frequencies)
    table = _widened(table, places, pairs, contrast, model)
    clips = region_tables.clips(stays, places.y, model.regions_.peak, cfg.clips)
    for name in ("start", "stop"):
        clips[f"{name}_s"] = clips[name] / places.fps
    return Told(
        laid, spectra, pairs, contrast, table,
        region_tables.usage(places.stay, animals.of, size), dwell.survivals(stays), order,
        look, clips, _windows(cfg, places, size), tuple(remarks),
    )  # fmt: skip


def write(told: Told, places: Places, animals: Animals, folder: Path) -> None:
    """Write the tables; `regions.csv` and spectra are for programs and people alike."""
    tables = {
        "regions": told.regions,
        "usage": _usage(told.usage, animals),
        "stays": sequences.bout_table(places.stays).rename(columns={"label": "region"}),
        "clips": told.clips,
        "transitions": _transitions(told.order),
        "memory": _memory(told.order),
        "hierarchy": _hierarchy(told),
        "windows": _windowed(told.windows, places),
    }
    for name, table in tables.items():
        if table is not None:
            state_courses.write_table(table, folder / f"{name}.csv")
    store.write_dataset(_spectra_dataset(told), folder / "spectra.nc")


def _spectra(
    model: BehaviorMap,
    inputs: Inputs,
    places: Places,
    laid: Layout,
    threads: int,
    progress: Progress,
) -> Spectra:
    """Return mean spectrograms of regions, by frames and not by stays, for more of them."""
    sums, size = None, len(model.regions_.mass)
    for n, name in enumerate(places.names):
        one = inputs.recordings[name]()
        own = map_frames.spectra(name, one, model.settings.wavelets, threads=threads)
        for part, amplitude in own.pieces():
            region = places.region[n][part].astype(np.int64)
            for few in map_frames.blocks(len(amplitude), 2048):  # sums are in float64
                laid_out = amplitude[few][:, laid.column]
                sums = region_tables.moments(laid_out, region[few], size, sums)
        progress(Step("spectra", n + 1, len(places.names), name))
    assert sums is not None
    return region_tables.spectra(sums)


def _pairs(parts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return left and right parts, as their names tell."""
    found = []
    for k, other in enumerate(guess_swap(parts)):
        if other < k:
            continue
        one, two = parts[k], parts[other]
        at = next(n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
        found.append((one, two) if one[at].lower() == "l" else (two, one))
    return tuple(found)


def _order(cfg: TableSettings, places: Places, size: int, seed: int) -> Order:
    lags = transition_modes.default_lags(cfg.longest_lag)
    modes = transition_modes.modes(places.stay, lags, shuffles=cfg.shuffles, random_state=seed)
    rows = transition_modes.transitions(places.stay, size, cfg.lag)
    chains = transition_modes.chains(places.stay)
    often = np.bincount(np.concatenate(chains) - 1, minlength=size)
    counts = transition_modes.counts([one - 1 for one in chains], size, cfg.lag)
    tree = hierarchy.hierarchy(often / often.sum(), rows, random_state=seed)
    return Order(cfg.lag, rows, counts, modes, tree)


def _windows(cfg: TableSettings, places: Places, size: int) -> list[Windows]:
    """Group windows of each length that recordings are long enough for."""
    found = []
    for seconds in cfg.windows_s:
        try:
            found.append(
                usage_windows.windows(places.stay, places.fps, size, seconds, alike=cfg.alike)
            )
        except InputError:  # no recording is that long; the file says for which lengths it is
            continue
    return found


def _widened(
    table: pd.DataFrame,
    places: Places,
    pairs: tuple[tuple[str, str], ...],
    contrast: Float64[np.ndarray, "R P"],
    model: BehaviorMap,
) -> pd.DataFrame:
    """Add mass, peak, speeds of the animal, and which side moves more."""
    size = len(table)
    levels = (0.25, 0.5, 0.75)
    quantiles = region_tables.speed_quantiles(places.animal_speed, places.stay, size, levels)
    more = {
        "mass": model.regions_.mass,
        "peak_x": model.regions_.peak[:, 0],
        "peak_y": model.regions_.peak[:, 1],
    }
    if np.isfinite(quantiles).any():
        more |= {
            f"animal_speed_q{round(100 * level)}": quantiles[:, k]
            for k, level in enumerate(levels)
        }
    for k, (left, right) in enumerate(pairs):
        more[f"{left} against {right}"] = contrast[:, k]
    return table.assign(**more)


def _usage(usage: pd.DataFrame, animals: Animals) -> pd.DataFrame:
    """A row an animal, with its group."""
    names = ["in_transit", *(f"region_{k}" for k in usage.columns[1:])]
    table = usage.set_axis(names, axis=1).reset_index()
    if animals.groups is not None:
        table.insert(1, "group", animals.groups)
    return table


def _transitions(order: Order | None) -> pd.DataFrame | None:
    """A row two regions that follow each other."""
    if order is None:
        return None
    one, other = np.nonzero(order.counts)
    return pd.DataFrame(
        {
            "region": one + 1,
            "next": other + 1,
            "count": order.counts[one, other],
            "probability": order.transitions[one, other],
        }
    )


def _memory(order: Order | None) -> pd.DataFrame | None:
    """A row a lag: eigenvalues of the transitions, of a Markov chain, and of shuffled stays."""
    if order is None:
        return None
    modes, columns = order.modes, {}
    for k in range(1, modes.real.shape[1]):
        columns[f"mode_{k + 1}"] = modes.real[:, k]
        columns[f"mode_{k + 1}_chain"] = modes.chain[:, k]
        columns[f"mode_{k + 1}_shuffled"] = modes.shuffled[:, :, k].mean(axis=0)
    return pd.DataFrame({"lag": modes.lags, "pairs": modes.pairs, **columns})


def _hierarchy(told: Told) -> pd.DataFrame | None:
    """A row a region: its place along the tree, and its group at each number of groups."""
    size = len(told.regions)
    columns: dict[str, object] = {"region": np.arange(1, size + 1)}
    if told.order is not None:
        tree, place = told.order.tree, np.full(size, -1)
        place[tree.order] = np.arange(len(tree.order))
        columns["place"] = place
        for level in tree.levels:
            columns[f"groups_{int(level.label.max()) + 1}"] = level.label
    if told.look is not None:
        from scipy.cluster.hierarchy import cut_tree, leaves_list

        leaves = leaves_list(told.look)
        columns["place_by_look"] = np.argsort(leaves)
        for count in range(2, min(size, 8) + 1):
            columns[f"look_{count}"] = cut_tree(told.look, count)[:, 0]
    return pd.DataFrame(columns) if len(columns) > 1 else None


def _windowed(found: list[Windows], places: Places) -> pd.DataFrame | None:
    """A row a window: its group among those of one length."""
    if not found:
        return None
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "seconds": one.seconds,
                    "recording": np.array(places.names)[one.recording],
                    "start": one.start,
                    "start_s": one.start / places.fps,
                    "group": one.group,
                }
            )
            for one in found
        ],
        ignore_index=True,
    )


def _spectra_dataset(told: Told) -> xr.Dataset:
    dims = ("region", "part", "frequency")
    return xr.Dataset(
        {
            "mean": (dims, told.spectra.mean),
            "z": (dims, told.spectra.z),
            "everywhere": (("part", "frequency"), told.spectra.everywhere),
            "frames": ("region", told.spectra.frames),
        },
        {
            "region": np.arange(1, len(told.spectra.mean) + 1),
            "part": list(told.layout.parts),
            "frequency": ("frequency", told.layout.frequencies, {"units": "Hz"}),
        },
    )
