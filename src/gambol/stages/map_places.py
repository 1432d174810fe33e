"""Where every frame is on a map, and where animals stay there: a file a recording.

A file is written twice: when its frames have places, and, once all recordings have, with the
stays, for these are told by the speed of all of them together.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Int64

from gambol.behavior import dwell, map_frames, map_placing
from gambol.behavior.align import Aligned
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.dwell import Dwell, DwellSettings, Speeds
from gambol.behavior.map_placing import Where
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.core.sequences import Sequences
from gambol.io import store
from gambol.kernels import neighbours
from gambol.kernels.two_normals import TwoNormals
from gambol.stages.map_inputs import Inputs

FOLDER = "places"


class Places(NamedTuple):
    """What all recordings do on a map, in the order of their names."""

    names: tuple[str, ...]
    fps: float
    y: tuple[Float[np.ndarray, "_ 2"], ...]  # map units; NaN off the map
    region: tuple[Int[np.ndarray, " _"], ...]  # of frames: 1 …, 0 in none, -1 off the map
    stay: tuple[Int64[np.ndarray, " _"], ...]  # 1 …, 0 in transit, -1 off the map
    animal_speed: tuple[Float[np.ndarray, " _"], ...]  # of the animal; NaN where not known
    amplitude: Float[np.ndarray, " T"]  # sum over all parts and frequencies, of all frames
    stays: Sequences
    speeds: Speeds
    settings: DwellSettings  # of stays
    sure: float  # share of the frames with a place that have a sure one
    masked: dict[str, float]  # share of the frames in which a part has no spectrum

    @property
    def on(self) -> float:
        """Share of the frames that are on the map."""
        known = sum(int((one >= 0).sum()) for one in self.region)
        return known / max(1, len(self.amplitude))


def place(
    model: BehaviorMap,
    inputs: Inputs,
    folder: Path,
    about: Mapping[str, Any],
    *,
    names: Sequence[str] | None = None,
    threads: int,
    progress: Progress,
) -> None:
    """Write where frames are; recordings that are there already stay.

    Args:
        model: fitted.
        inputs: recordings, each placed as if it were alone.
        folder: of the run.
        about: what made them.
        names: of the recordings that are placed; none: all.
        threads: that work side by side; the result is the same.
        progress: told of every recording.
    """
    fitted, settings = model.fitted_, model.settings
    index = None
    names = inputs.names if names is None else names
    for done, name in enumerate(names):
        path = folder / FOLDER / f"{name}.nc"
        if not path.exists():
            if index is None:
                index = neighbours.lay(fitted.training.p, fitted.cells)
            one = inputs.recordings[name]()
            own = map_frames.spectra(name, one, settings.wavelets, threads=threads)
            map_frames.check(name, own.channels, fitted.channels)
            where = map_placing.place(own, fitted, index, settings, threads=threads)
            attrs = {**about, **_origin(inputs, name), "masked": json.dumps(where.masked)}
            made = _placed(where, own.times, attrs)
            store.write_dataset(made.assign(_body(one)), path)
        progress(Step("places", done + 1, len(names), name))


def stay(
    settings: DwellSettings, model: BehaviorMap, inputs: Inputs, folder: Path,
    speeds: Speeds | None = None,
) -> Places:  # fmt: skip
    """Find where animals stay and write it into the files.

    Args:
        settings: of stays.
        model: fitted.
        inputs: recordings, placed.
        folder: of the run.
        speeds: on the map; those of these recordings, if not given.
    """
    fps, peak, names = inputs.fps, model.regions_.peak, tuple(inputs.names)
    if speeds is None:
        speeds = dwell.fit([_y(_path(folder, name)) for name in names], fps)
    found, parts = list[Dwell](), list[tuple[np.ndarray, ...]]()
    masked, sure = dict[str, float](), 0
    for name in names:
        one = store.read_dataset(_path(folder, name))
        region, y = one["region"].values, one["y"].values
        dwelt = dwell.stay(y.astype(np.float64), region.astype(np.int64), fps, speeds, settings)
        if "stay" not in one:
            store.write_dataset(_stayed(one, y, dwelt, peak), _path(folder, name))
        found.append(dwelt._replace(speed=np.zeros(0), slow=np.zeros(0)))
        parts.append((y, region, _animal_speed(one, fps), one["amplitude"].values))
        sure += int(one["placement_ok"].values.sum())
        for part, count in json.loads(one.attrs["masked"]).items():
            masked[part] = masked.get(part, 0) + count
    y_all, regions, moving, amplitudes = zip(*parts, strict=True)
    amplitude = np.concatenate(amplitudes)
    known = sum(int((one >= 0).sum()) for one in regions)
    return Places(
        names, fps, y_all, regions, tuple(one.region for one in found), moving, amplitude,
        dwell.sequences(found, names, fps, len(peak)), speeds, settings, sure / max(1, known),
        {part: count / max(1, len(amplitude)) for part, count in masked.items()},
    )  # fmt: skip


def with_speeds(model: xr.Dataset, speeds: Speeds) -> xr.Dataset:
    """Add what stays are told by to the dataset of a map, so that new recordings have it."""
    fitted = speeds.fitted
    return model.assign(
        speed_counts=("speed_bin", speeds.counts),
        speed_edges=("speed_edge", speeds.edges, {"units": "log10 map units/s"}),
        speed_weight=("speed_kind", fitted.weight),
        speed_mean=("speed_kind", fitted.mean),
        speed_sd=("speed_kind", fitted.sd),
    ).assign_attrs(speed_valley=speeds.valley)


def speeds_of(model: xr.Dataset) -> Speeds:
    """Return what `with_speeds` added."""
    counts, edges, weight, mean, sd = (
        model[f"speed_{name}"].values for name in ("counts", "edges", "weight", "mean", "sd")
    )
    fitted = TwoNormals(weight, mean, sd)
    return Speeds(fitted, counts, edges, float(model.attrs["speed_valley"]))


def read_model(path: Path) -> tuple[BehaviorMap, xr.Dataset]:
    """Read a fitted map from a run, or its file; also return all that the file holds."""
    file = path / "model.nc" if path.is_dir() else path
    held = store.read_dataset(file)
    try:
        return BehaviorMap.from_dataset(held), held
    except InputError as error:
        raise InputError(
            f"{file} holds no behaviour map; give a run of gambol fit-map, or its model.nc"
        ) from error


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name}.nc"


def _y(path: Path) -> Float[np.ndarray, "T 2"]:
    """Read the places alone."""
    with xr.open_dataset(store.require_file(path), engine="h5netcdf") as held:
        return np.asarray(held["y"].values)


def _placed(where: Where, times: np.ndarray, attrs: Mapping[str, Any]) -> xr.Dataset:
    """Put together what is known of T frames before stays are."""
    return xr.Dataset(
        {
            "y": (("time", "axis"), where.y.astype(np.float32), {"units": "map units"}),
            "misfit": ("time", where.misfit.astype(np.float32), {"units": "nats"}),
            "placement_ok": ("time", where.ok.astype(np.int8)),
            "still": ("time", where.still.astype(np.int8)),
            "amplitude": ("time", where.total.astype(np.float32)),
            "region": ("time", where.region.astype(np.int16)),
        },
        {"time": ("time", times, {"units": "s"}), "axis": ["x", "y"]},
        dict(attrs),
    )


def _body(one: Aligned | xr.DataArray) -> dict[str, Any]:
    """Return where the animal is and where it heads, of poses."""
    if not isinstance(one, Aligned):
        return {}
    return {
        "centroid": (("time", "space"), one.centroid.astype(np.float32)),
        "heading": ("time", one.heading.astype(np.float32), {"units": "rad"}),
    }


def _stayed(
    one: xr.Dataset, y: Float[np.ndarray, "T 2"], found: Dwell, peak: Float[np.ndarray, "R 2"]
) -> xr.Dataset:
    """Add speed and stays; `syllable` is where other verbs look for labels."""
    away = np.full(len(y), np.nan)
    staying = found.region > 0
    away[staying] = np.linalg.norm(y[staying] - peak[found.region[staying] - 1], axis=1)
    label = found.region.astype(np.int16)
    return one.assign(
        speed=("time", found.speed.astype(np.float32), {"units": "map units/s"}),
        slow=("time", found.slow.astype(np.float32)),
        stay=("time", label),
        syllable=("time", label),
        peak_distance=("time", away.astype(np.float32), {"units": "map units"}),
    )


def _animal_speed(one: xr.Dataset, fps: float) -> Float[np.ndarray, " T"]:
    """Return how fast the animal moves, units of the poses a second."""
    if "centroid" not in one or one.sizes["time"] < 2:
        return np.full(one.sizes["time"], np.nan)
    step = np.gradient(one["centroid"].values.astype(np.float64), axis=0)
    return (np.linalg.norm(step, axis=1) * fps).astype(np.float32)


def _origin(inputs: Inputs, name: str) -> dict[str, Any]:
    known = inputs.origins[name]
    return {
        "recording": known.recording, "individual": known.individual, "fps": inputs.fps,
        "poses": str(known.source), "source_file": known.video,
    }  # fmt: skip
